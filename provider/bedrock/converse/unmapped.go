package converse

import (
	"outcrop/llm"
)

// unmapped handles OpenAI's parameters that Converse has no member for, and that llm has no field
// for (https://platform.openai.com/docs/api-reference/chat/create). Those that hardly change a
// response are dropped with a warning; the others are refused unless they ask for what happens
// anyway.
func (p *adapter) unmapped() error {
	for i := range p.out.Unmapped {
		m := &p.out.Unmapped[i]
		name := p.named(llm.Field{Kind: llm.FieldUnmapped, Name: m.Name})
		switch m.Name {
		case "prompt_cache_key":
			if !p.cachesAlone() {
				p.warn(llm.WarnDropped, name, "")
			}
		case "seed", "store", "prediction", "verbosity":
			if value := string(m.Value); value != "false" && value != `"medium"` { // OpenAI's defaults for store and verbosity
				p.warn(llm.WarnDropped, name, "")
			}
		default:
			if !llm.Asks(m) {
				continue
			}
			if err := p.refuse(name, "%s is not supported by this model%s", name, lacks(m.Name)); err != nil {
				return err
			}
		}
	}
	p.out.Unmapped, p.out.UnmappedAt = nil, nil
	return nil
}

// lacks says what no model on Converse has.
func lacks(name string) string {
	switch name {
	case "logprobs", "top_logprobs":
		return ": it returns no log probabilities"
	case "presence_penalty", "frequency_penalty":
		return ": it has no penalties"
	case "modalities", "audio":
		return ": it returns text only"
	default:
		return ""
	}
}
