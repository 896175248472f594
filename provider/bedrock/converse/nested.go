package converse

import (
	"slices"
	"strconv"

	"outcrop/internal/jsonx"
	"outcrop/llm"
)

// This file reads the member reasoning of a request, an object in which OpenAI's
// Responses, OpenRouter and clients of both say how hard to think: effort, max_tokens,
// enabled, summary, exclude. Only OpenAI's models, Grok and the later Kimi take such an
// object on Bedrock; to Claude it is an extra input (public report:
// https://github.com/BerriAI/litellm/issues/13609).

// nested reads the caller's object into wish, and takes it out of the model's own
// fields. What is beside the effort is given back where the model takes the object,
// and is a warning elsewhere. reasoning_effort and thinking go before what it says.
func (p *adapter) nested(wish *llm.Reasoning) (companion []jsonx.Member, err error) {
	const name = "reasoning"
	raw := p.given(name)
	m := &p.model.thinker
	if raw == nil || m.style == styleNone && p.model.facts == nil { // nothing is known of the model
		return nil, nil
	}
	members, err := jsonx.Members(raw)
	if err != nil {
		return nil, llm.Invalid(name, "%s must be an object such as {\"effort\":\"low\"}, not %s", name, jsonx.KindName(raw.Kind()))
	}
	p.out.ModelFields = slices.DeleteFunc(slices.Clone(p.out.ModelFields), func(m jsonx.Member) bool { return m.Name == name })
	for _, member := range members {
		field := name + "." + member.Name
		switch {
		case member.Value.Kind() == 'n':
		case member.Name == "effort":
			var word string
			if member.Value.Kind() != '"' || jsonx.Unmarshal(member.Value, &word) != nil || !slices.Contains(efforts, word) {
				return nil, llm.Invalid(field, "%s must be none, minimal, low, medium, high, xhigh or max, not %s", field, member.Value)
			}
			switch wish.Effort {
			case "":
				wish.Effort = word
			case word:
			default:
				p.warn(llm.WarnDropped, field, p.name(llm.FieldEffort)+" is set and takes precedence")
			}
		case m.style == styleNested:
			companion = append(companion, member)
		case member.Name == "max_tokens":
			tokens, err := strconv.ParseInt(string(member.Value), 10, 64)
			if err != nil || tokens < 1 {
				return nil, llm.Invalid(field, "%s must be a number of tokens of at least 1, not %s", field, member.Value)
			}
			if len(wish.Thinking) == 0 {
				wish.Thinking = budgetOf(tokens)
			}
		case member.Name == "enabled" && member.Value.Kind() == 'f':
			wish.Effort = firstOf(wish.Effort, "none")
		case member.Name == "enabled" && member.Value.Kind() == 't':
			if len(wish.Thinking) == 0 {
				wish.Effort = firstOf(wish.Effort, "medium")
			}
		case member.Value.Kind() == 'f': // asks for nothing
		default:
			p.warn(llm.WarnDropped, field, "not supported by this model")
		}
	}
	return companion, nil
}

// besideEffort writes what stood beside the effort into the model's object.
func (p *adapter) besideEffort(companion []jsonx.Member) {
	const name = "reasoning"
	var w jsonx.Writer
	w.Object()
	if own, err := jsonx.Members(p.given(name)); err == nil {
		w.Members(own)
	}
	w.Members(companion)
	w.EndObject()
	p.out.ModelFields = slices.DeleteFunc(slices.Clone(p.out.ModelFields), func(m jsonx.Member) bool { return m.Name == name })
	p.field(name, string(w.Buf))
}
