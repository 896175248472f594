package gemini

import (
	"strings"

	"outcrop/internal/jsonx"
	"outcrop/llm"
)

// thinking writes thinkingConfig (https://ai.google.dev/gemini-api/docs/thinking): a budget for models
// before Gemini 3, and a level since then.
func (e *encoder) thinking() error {
	for _, name := range []string{"thinkingConfig", "thinking_config"} {
		if own := jsonx.Find(e.req.ModelFields, name); own != nil {
			e.w.Key("thinkingConfig")
			e.w.Raw(own)
			return nil
		}
	}
	wish := e.req.Reasoning
	effort, budget := wish.Effort, int64(0)
	if len(wish.Thinking) > 0 {
		var t struct {
			Type   string `json:"type"`
			Budget int64  `json:"budget_tokens"`
		}
		if err := jsonx.Unmarshal(wish.Thinking, &t); err != nil {
			return llm.Invalid(e.req.FieldName(llm.Field{Kind: llm.FieldThinking}), "%s %v", e.req.FieldName(llm.Field{Kind: llm.FieldThinking}), err)
		}
		switch {
		case t.Type == "disabled":
			effort = "none"
		case t.Budget > 0:
			budget = t.Budget
		case effort == "" || effort == "none":
			effort = "auto"
		}
	}
	if effort == "" && budget == 0 {
		return nil
	}
	e.w.Key("thinkingConfig")
	e.w.Object()
	if Generation(e.opt.Model) >= 3 {
		e.level(effort, budget)
	} else {
		e.budget(effort, budget)
	}
	if effort != "none" || budget > 0 {
		e.w.Key("includeThoughts")
		e.w.Bool(true)
	}
	e.w.EndObject()
	return nil
}

// level writes thinkingLevel. Every model thinks at least a little, and Pro models have no level below
// low.
func (e *encoder) level(effort string, budget int64) {
	level := effort
	switch {
	case budget > 0:
		switch {
		case budget <= 1024:
			level = "low"
		case budget <= 8192:
			level = "medium"
		default:
			level = "high"
		}
		e.changed(llm.FieldThinking, "the budget was converted to the level "+level+", because this model has levels")
	case effort == "auto":
		return
	case effort == "xhigh" || effort == "max":
		level = "high"
		e.changed(llm.FieldEffort, "set to high, the highest level of this model")
	case effort == "none" || effort == "minimal":
		level = "minimal"
		if strings.Contains(e.opt.Model, "-pro") {
			level = "low"
		}
		if level != effort {
			e.changed(llm.FieldEffort, "set to "+level+", the lowest level of this model")
		}
	}
	e.w.Key("thinkingLevel")
	e.w.String(level)
}

// budget writes thinkingBudget, in tokens. The budgets of efforts are LiteLLM's.
func (e *encoder) budget(effort string, tokens int64) {
	switch {
	case tokens > 0:
	case effort == "auto":
		return
	case effort == "none":
		if strings.Contains(e.opt.Model, "-pro") {
			tokens = 128
			e.changed(llm.FieldEffort, "set to a budget of 128 tokens, the least of this model")
		}
	case effort == "minimal":
		tokens = 512
	case effort == "low":
		tokens = 1024
	case effort == "medium":
		tokens = 2048
	case effort == "high":
		tokens = 4096
	default:
		tokens = 8192
	}
	e.w.Key("thinkingBudget")
	e.w.Int(tokens)
}
