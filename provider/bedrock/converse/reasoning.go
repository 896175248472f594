package converse

import (
	"slices"
	"strconv"
	"strings"

	"outcrop/internal/jsonx"
	"outcrop/llm"
)

// leastBudget is the smallest thinking budget that Claude takes, in tokens
// (https://docs.anthropic.com/en/docs/build-with-claude/extended-thinking).
const leastBudget = 1024

// budget is the thinking budget for an effort, in tokens; those of LiteLLM as far
// as it has them.
func budget(effort string) int64 {
	switch effort {
	case "minimal", "low":
		return leastBudget
	case "medium":
		return 2048
	case "high":
		return 4096
	case "xhigh":
		return 8192
	default:
		return 16384
	}
}

// effort is the effort for a thinking budget: the lowest whose budget is at least as large.
func effort(tokens int64) string {
	for _, word := range []string{"low", "medium", "high", "xhigh"} {
		if tokens <= budget(word) {
			return word
		}
	}
	return "max"
}

// thinking is Anthropic's setting.
type thinking struct {
	Type   string `json:"type"`
	Budget int64  `json:"budget_tokens"`
}

// reasoning turns reasoning_effort, reasoning and thinking into the model's own
// settings.
func (p *adapter) reasoning() error {
	wish := p.out.Reasoning
	p.out.Reasoning = llm.Reasoning{}
	companion, err := p.nested(&wish)
	if err != nil {
		return err
	}
	if len(wish.Thinking) > 0 {
		var t thinking
		if err := jsonx.Unmarshal(wish.Thinking, &t); err != nil {
			return llm.Invalid(p.name(llm.FieldThinking), "%s %v", p.name(llm.FieldThinking), err)
		}
		if wish.Effort, err = p.thinking(wish, t); err != nil {
			return err
		}
	}
	switch wish.Effort {
	case "":
	case "none":
		p.unthinking(p.name(llm.FieldEffort))
	default:
		p.effort(wish.Effort)
	}
	if len(companion) > 0 {
		p.besideEffort(companion)
	}
	p.thinks = p.model.Vendor == "anthropic" && p.asksToThink()
	p.free = p.thinks && !p.model.any(thinksForced) || p.model.any(unforced) && p.given("reasoning_effort") != nil
	return nil
}

// unthought reports whether the conversation ends with results of calls that the model is not known
// to have thought about: their turn begins with no sealed reasoning. A Claude model with a thinking
// budget refuses that (AWS: a final assistant message must start with a thinking block).
func (p *adapter) unthought() bool {
	turns := p.out.Turns
	end := len(turns)
	for end > 0 && (turns[end-1].Role == llm.RoleUser || silent(turns[end-1])) {
		end--
	}
	if !slices.ContainsFunc(turns[end:], func(t llm.Turn) bool {
		return slices.ContainsFunc(t.Blocks, func(b llm.Block) bool { return b.Kind == llm.BlockToolResult })
	}) {
		return false
	}
	begin := end
	for begin > 0 && turns[begin-1].Role == llm.RoleAssistant {
		begin--
	}
	for _, t := range turns[begin:end] {
		for j := range t.Blocks {
			if b := &t.Blocks[j]; !leftOut(b) {
				return b.Kind != llm.BlockRedacted && b.Kind != llm.BlockReasoning
			}
		}
	}
	return false
}

// leftOut reports whether an assistant block is not sent to Claude.
func leftOut(b *llm.Block) bool {
	return isBlank(b) || b.Kind == llm.BlockReasoning && b.Signature == ""
}

// silent reports whether an assistant turn has nothing to send to Claude.
func silent(t llm.Turn) bool {
	return !slices.ContainsFunc(t.Blocks, func(b llm.Block) bool { return b.Kind != llm.BlockCachePoint && !leftOut(&b) })
}

// budgeted sets a thinking budget for a Claude model, if its turns allow that.
func (p *adapter) budgeted(field string, set jsonx.Raw) {
	if p.seen.tools && p.unthought() {
		p.warn(llm.WarnDropped, field, "the last tool call has no reasoning")
		return
	}
	p.field("thinking", string(set))
}

// asksToThink reports whether the settings enable thinking for a Claude model.
func (p *adapter) asksToThink() bool {
	set := p.given("thinking")
	if len(set) == 0 {
		return false
	}
	var t thinking
	return jsonx.Unmarshal(set, &t) == nil && t.Type != "disabled"
}

// thinking applies Anthropic's setting, and returns the effort that remains to be applied.
func (p *adapter) thinking(wish llm.Reasoning, t thinking) (string, error) {
	m := &p.model.thinker
	if t.Type == "" && t.Budget > 0 { // the type goes without saying
		t.Type, wish.Thinking = "enabled", budgetOf(t.Budget)
	}
	if t.Type == "between_tools" && !m.between && (m.style != styleNone || p.model.facts != nil) {
		p.warn(llm.WarnChanged, p.name(llm.FieldThinking), "this model does not support between_tools; thinking was disabled")
		t.Type, wish.Thinking = "disabled", jsonx.Raw(disabled)
	}
	if t.Type == "disabled" && m.style != styleNone {
		return p.disabled(wish), nil
	}
	if wish.Effort == "none" {
		p.warn(llm.WarnDropped, p.name(llm.FieldEffort), p.name(llm.FieldThinking)+" is set and takes precedence")
		wish.Effort = ""
	}
	switch m.style {
	case styleBudget:
		switch {
		case t.Type != "enabled": // adaptive is not known yet: as much as it mostly takes
			p.warn(llm.WarnChanged, p.name(llm.FieldThinking), "converted to a budget, because this model requires one")
			return firstOf(wish.Effort, "high"), nil
		case t.Budget == 0:
			p.warn(llm.WarnChanged, p.name(llm.FieldThinking), "budget_tokens is missing; set to the budget of effort "+firstOf(wish.Effort, "medium"))
			return firstOf(wish.Effort, "medium"), nil
		}
		if wish.Effort != "" {
			p.warn(llm.WarnDropped, p.name(llm.FieldEffort), p.named(llm.Field{Kind: llm.FieldThinking, Name: "budget_tokens"})+" is set and takes precedence")
		}
		return "", p.enabled(wish.Thinking, t.Budget)
	case styleAdaptive:
		switch {
		case t.Type == "enabled" && t.Budget != 0 && p.model.any(budgets):
			return wish.Effort, p.enabled(wish.Thinking, t.Budget)
		case t.Type == "enabled":
			p.warn(llm.WarnChanged, p.name(llm.FieldThinking), "converted to an effort, because this model does not support a budget")
			if wish.Effort == "" && t.Budget != 0 {
				wish.Effort = effort(t.Budget)
			}
			p.field("thinking", adaptive)
			return wish.Effort, nil
		case t.Type == "between_tools":
			wish.Effort = p.atMostHigh(wish.Effort)
		}
	case styleNova, styleEffort, styleNested, styleConfig:
		p.warn(llm.WarnChanged, p.name(llm.FieldThinking), "converted to an effort, because this model does not support thinking")
		if t.Budget == 0 {
			return firstOf(wish.Effort, "medium"), nil
		}
		return firstOf(wish.Effort, effort(t.Budget)), nil
	case styleAlways:
		p.warn(llm.WarnDropped, p.name(llm.FieldThinking), "not supported by this model, which always reasons and has no setting")
		return wish.Effort, nil
	case styleNone:
		if p.model.facts != nil { // AWS refuses a setting that the model does not know
			if t.Type != "disabled" {
				p.warn(llm.WarnDropped, p.name(llm.FieldThinking), noThinking)
			}
			return wish.Effort, nil
		}
	}
	p.field("thinking", string(wish.Thinking))
	return wish.Effort, nil
}

// Anthropic's settings.
const (
	adaptive = `{"type":"adaptive","display":"summarized"}`
	disabled = `{"type":"disabled"}`
)

// disabled disables thinking, and returns the effort that remains to be applied.
func (p *adapter) disabled(wish llm.Reasoning) string {
	m := &p.model.thinker
	claude := m.style == styleBudget || m.style == styleAdaptive
	switch {
	case claude && m.off == offNever:
		p.unthinking(p.name(llm.FieldThinking))
		if wish.Effort == "none" { // which says the same
			return ""
		}
		return wish.Effort
	case claude:
		p.field("thinking", string(wish.Thinking))
		switch {
		case wish.Effort == "none":
			return ""
		case m.style == styleBudget && wish.Effort != "":
			p.warn(llm.WarnDropped, p.name(llm.FieldEffort), "thinking is disabled")
			return ""
		case m.off == offDisabled:
			return p.atMostHigh(wish.Effort)
		}
		return wish.Effort
	}
	p.warn(llm.WarnChanged, p.name(llm.FieldThinking), "converted to an effort, because this model does not support thinking")
	if wish.Effort != "" && wish.Effort != "none" {
		p.warn(llm.WarnDropped, p.name(llm.FieldEffort), "thinking is disabled")
	}
	return "none"
}

// atMostHigh limits an effort to high.
func (p *adapter) atMostHigh(effort string) string {
	if effort != "xhigh" && effort != "max" {
		return effort
	}
	p.warn(llm.WarnChanged, p.name(llm.FieldEffort), "set to high, the highest effort that this model supports without thinking")
	return "high"
}

// unthinking disables thinking with the model's own setting. field is the client's field that asks
// for it.
func (p *adapter) unthinking(field string) {
	m := &p.model.thinker
	switch m.off {
	case offSilent:
	case offDisabled:
		p.field("thinking", disabled)
	case offConfig:
		p.field("reasoningConfig", disabled)
	case offWord, offLeast:
		p.effort("none")
	case offNever:
		detail := "thinking cannot be disabled for this model"
		if m.between {
			detail += "; thinking of type between_tools is the least that it supports"
		}
		p.warn(llm.WarnDropped, field, detail)
	}
}

func firstOf(a, b string) string {
	if a != "" {
		return a
	}
	return b
}

// enabled sets the client's thinking budget for a Claude model. It must be at least 1,024 and below
// max_tokens.
func (p *adapter) enabled(set jsonx.Raw, tokens int64) error {
	fit := max(tokens, leastBudget)
	if most := p.out.MaxTokens; most.Set && fit >= most.Value {
		if most.Value <= leastBudget {
			return p.refuseKind(llm.FieldThinking, "%s requires a budget of at least %d tokens that is less than %s, which is %d", leastBudget, p.name(llm.FieldMaxTokens), most.Value)
		}
		fit = most.Value - 1
	}
	if fit != tokens {
		p.warn(llm.WarnChanged, p.name(llm.FieldThinking), "budget_tokens was set to "+strconv.FormatInt(fit, 10))
		set = budgetOf(fit)
	}
	p.budgeted(p.name(llm.FieldThinking), set)
	return nil
}

// effort applies an effort with the model's own setting.
func (p *adapter) effort(effort string) {
	switch p.model.thinker.style {
	case styleBudget:
		p.budget(effort)
	case styleAdaptive:
		p.adaptive(effort)
	case styleNova:
		p.nova(effort)
	case styleEffort:
		p.field("reasoning_effort", `"`+p.nearest(effort)+`"`)
	case styleNested:
		p.field("reasoning", `{"effort":"`+p.nearest(effort)+`"}`)
	case styleConfig:
		p.field("reasoning_config", `"`+p.nearest(effort)+`"`)
	case styleAlways:
		p.warn(llm.WarnDropped, p.name(llm.FieldEffort), "not supported by this model, which always reasons and has no setting")
	case styleNone:
		p.warn(llm.WarnDropped, p.name(llm.FieldEffort), noThinking)
	}
}

// noThinking is why settings for reasoning are dropped.
const noThinking = "this model is not known to have a setting for reasoning"

// budget enables thinking for a Claude model before 4.6. Its budget must be below max_tokens.
func (p *adapter) budget(effort string) {
	tokens := budget(effort)
	if most := p.out.MaxTokens; most.Set && tokens >= most.Value {
		if most.Value <= leastBudget {
			p.warn(llm.WarnDropped, p.name(llm.FieldEffort), "the least thinking budget, "+strconv.Itoa(leastBudget)+" tokens, does not fit into "+p.name(llm.FieldMaxTokens))
			return
		}
		tokens = max(leastBudget, most.Value/2)
		p.warn(llm.WarnChanged, p.name(llm.FieldEffort), "set to a budget of "+strconv.FormatInt(tokens, 10)+" tokens, which must be less than "+p.name(llm.FieldMaxTokens))
	}
	p.budgeted(p.name(llm.FieldEffort), budgetOf(tokens))
}

func budgetOf(tokens int64) jsonx.Raw {
	return jsonx.Raw(`{"type":"enabled","budget_tokens":` + strconv.FormatInt(tokens, 10) + `}`)
}

// adaptive asks a Claude since 4.6 to think as hard as said, and to show a summary of
// it, which those since 4.7 leave out unless asked
// (https://docs.anthropic.com/en/docs/build-with-claude/adaptive-thinking).
func (p *adapter) adaptive(effort string) {
	p.field("thinking", adaptive)
	p.field("output_config", `{"effort":"`+p.nearest(effort)+`"}`)
}

// nova enables reasoning for a Nova 2 model. With effort high it supports neither maxTokens nor
// temperature and topP (public clients agree on that): the client's limit takes precedence over the
// effort, and the effort over sampling.
func (p *adapter) nova(effort string) {
	word := p.nearest(effort)
	if word == "high" && p.out.MaxTokens.Set {
		word = "medium"
		p.warn(llm.WarnChanged, p.name(llm.FieldEffort), "set to medium, because effort high does not allow "+p.name(llm.FieldMaxTokens))
	}
	if word == "high" {
		p.drop(&p.out.Temperature, p.name(llm.FieldTemperature))
		p.drop(&p.out.TopP, p.name(llm.FieldTopP))
	}
	p.field("reasoningConfig", `{"type":"enabled","maxReasoningEffort":"`+word+`"}`)
}

// drop drops a setting that the model does not support together with reasoning.
func (p *adapter) drop(setting *llm.Opt[float64], field string) {
	if setting.Set {
		*setting = llm.Opt[float64]{}
		p.warn(llm.WarnDropped, field, "not supported together with reasoning")
	}
}

// nearest is the supported effort for a requested one: itself, the nearest below, or the lowest. A
// different one is a warning.
func (p *adapter) nearest(effort string) string {
	words := p.model.thinker.words
	if len(words) == 0 || slices.Contains(words, effort) { // or which words it takes is not known
		return effort
	}
	best := words[0]
	for _, w := range words {
		if slices.Index(efforts, w) <= slices.Index(efforts, effort) {
			best = w
		}
	}
	if best == "none" && len(words) > 1 { // a little is not nothing
		best = words[1]
	}
	p.warn(llm.WarnChanged, p.name(llm.FieldEffort), "this model supports "+strings.Join(words, ", ")+"; set to "+best)
	return best
}

// efforts are the effort values, lowest first. It is never written to.
var efforts = []string{"none", "minimal", "low", "medium", "high", "xhigh", "max"}
