// Package converse fits a request to the model that Converse shall give it to:
// settings that each family spells in its own way, and what Bedrock wants of
// documents.
package converse

import (
	"slices"
	"strconv"
	"strings"

	"outcrop/internal/jsonx"
	"outcrop/llm"
)

// Prepare gives the request as it must be encoded for the model. req is not
// changed, and what needs no change is shared with it. The error is an
// *llm.Error that names the field.
func Prepare(m Model, req *llm.Request) (*llm.Request, []llm.Warning, error) {
	p := preparation{model: m, out: *req}
	p.out.ModelFields = slices.Clip(req.ModelFields)
	for _, step := range []func() error{p.sampling, p.reasoning, p.documents} {
		if err := step(); err != nil {
			return nil, nil, err
		}
	}
	return &p.out, p.warnings, nil
}

type preparation struct {
	model    Model
	out      llm.Request
	warnings []llm.Warning
}

// warn says what became of the caller's reasoning_effort.
func (p *preparation) warn(code string) {
	p.warnings = append(p.warnings, llm.Warning{Code: code, Field: "reasoning_effort"})
}

// field adds a setting of the model's own, unless the caller gave one of that name.
func (p *preparation) field(name, value string) {
	for _, m := range p.out.ModelFields {
		if m.Name == name {
			return
		}
	}
	p.out.ModelFields = append(p.out.ModelFields, jsonx.Member{Name: name, Value: jsonx.Raw(value)})
}

func (p *preparation) sampling() error {
	if t := p.out.Temperature; t.Set && t.Value > 1 {
		return llm.Invalid("temperature", "temperature must be between 0 and 1 on Bedrock, not %v", t.Value)
	}
	if !p.out.TopK.Set {
		return nil
	}
	k := strconv.FormatInt(p.out.TopK.Value, 10)
	p.out.TopK = llm.Opt[int64]{}
	switch {
	case p.model.Vendor == "anthropic":
		p.field("top_k", k)
	case p.model.Vendor == "amazon" && strings.HasPrefix(p.model.Name, "nova-"):
		p.field("inferenceConfig", `{"topK":`+k+`}`)
	case p.out.DropParams:
		p.warnings = append(p.warnings, llm.Warning{Code: llm.WarnDropped, Field: "top_k"})
	default:
		return llm.Unsupported("top_k", "top_k: only Claude and Nova take it on Bedrock's Converse")
	}
	return nil
}

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

func (p *preparation) reasoning() error {
	wish := p.out.Reasoning
	p.out.Reasoning = llm.Reasoning{}
	if len(wish.Thinking) > 0 {
		p.field("thinking", string(wish.Thinking))
	}
	effort := wish.Effort
	if effort == "" {
		return nil
	}
	if len(wish.Thinking) > 0 && p.model.style() == styleBudget {
		p.warn(llm.WarnDropped) // the budget is said already
		return nil
	}
	switch p.model.style() {
	case styleBudget:
		p.budget(effort)
	case styleAdaptive:
		p.adaptive(effort)
	case styleNova:
		if effort == "none" {
			p.field("reasoningConfig", `{"type":"disabled"}`)
			return nil
		}
		p.field("reasoningConfig", `{"type":"enabled","maxReasoningEffort":"`+p.nearest(effort, "low", "medium", "high")+`"}`)
	case styleEffort:
		p.field("reasoning_effort", `"`+p.nearest(effort, "low", "medium", "high")+`"`)
	case styleEffortMax:
		p.field("reasoning_effort", `"`+p.nearest(effort, "low", "high", "max")+`"`)
	case styleNested:
		p.field("reasoning", `{"effort":"`+effort+`"}`)
	case styleQwen:
		p.field("reasoning_config", `"`+p.nearest(effort, "low", "high")+`"`)
	case styleAlways, styleNone:
		if effort != "none" || p.model.style() == styleAlways {
			p.warn(llm.WarnDropped)
		}
	}
	return nil
}

// budget asks a Claude before 4.6 to think. Its budget must be below max_tokens.
func (p *preparation) budget(effort string) {
	if effort == "none" {
		return
	}
	tokens := budget(effort)
	if most := p.out.MaxTokens; most.Set && tokens >= most.Value {
		if most.Value <= leastBudget {
			p.warn(llm.WarnDropped)
			return
		}
		tokens = max(leastBudget, most.Value/2)
		p.warn(llm.WarnChanged)
	}
	p.field("thinking", `{"type":"enabled","budget_tokens":`+strconv.FormatInt(tokens, 10)+`}`)
}

// adaptive asks a Claude since 4.6 to think as hard as said; xhigh is known from
// 4.7 on.
func (p *preparation) adaptive(effort string) {
	if effort == "none" {
		return
	}
	p.field("thinking", `{"type":"adaptive"}`)
	words := []string{"low", "medium", "high", "xhigh", "max"}
	if p.model.claude() < 407 {
		words = []string{"low", "medium", "high", "max"}
	}
	p.field("output_config", `{"effort":"`+p.nearest(effort, words...)+`"}`)
}

// nearest is the word that a family takes for an effort: itself, or the nearest
// below, or the least; other than itself is a warning.
func (p *preparation) nearest(effort string, words ...string) string {
	if slices.Contains(words, effort) {
		return effort
	}
	p.warn(llm.WarnChanged)
	order := []string{"none", "minimal", "low", "medium", "high", "xhigh", "max"}
	best := words[0]
	for _, w := range words {
		if slices.Index(order, w) <= slices.Index(order, effort) {
			best = w
		}
	}
	return best
}
