package openaichat

import (
	"outcrop/internal/jsonx"
	"outcrop/llm"
)

// effort is reasoning_effort: a word, or the object {effort, summary} of OpenAI's
// Responses, which LiteLLM takes in its place
// (https://docs.litellm.ai/docs/reasoning_content, seen 2026-11-28).
type effort struct {
	word    optional[string]
	summary optional[string]
	object  bool
	members jsonx.Raw // what else the object holds
}

func (e *effort) UnmarshalJSONFrom(d *jsonx.Decoder) error {
	switch d.PeekKind() {
	case 'n':
		return d.SkipValue()
	case '"':
		e.word.Set = true
		return jsonx.UnmarshalDecode(d, &e.word.Value)
	case '{':
		var o struct {
			Effort  optional[string] `json:"effort"`
			Summary optional[string] `json:"summary"`
			Rest    jsonx.Raw        `json:",embed"`
		}
		err := jsonx.UnmarshalDecode(d, &o)
		e.word, e.summary, e.object, e.members = o.Effort, o.Summary, true, o.Rest
		return err
	default:
		return jsonx.Fault("must be a string or an object such as {\"effort\":\"low\"}, not %s", jsonx.KindName(d.PeekKind()))
	}
}

// effort reads how hard the model shall think. An empty word, auto and default leave it
// to the model.
func (d *decoder) effort(e *effort) error {
	field := "reasoning_effort"
	d.warnUnread(field, e.members)
	if e.object {
		field += ".effort"
	}
	switch word := e.summary.Value; word {
	case "", "none":
	case "auto", "concise", "detailed":
		d.out.LLM.Reasoning.Summary = word
	default:
		return llm.Invalid("reasoning_effort.summary", "reasoning_effort.summary must be auto, concise or detailed, not %q", word)
	}
	switch word := e.word.Value; word {
	case "", "auto", "default":
	case "none", "minimal", "low", "medium", "high", "xhigh", "max":
		d.out.LLM.Reasoning.Effort = word
	default:
		return llm.Invalid(field, "%s must be none, minimal, low, medium, high, xhigh or max, not %q", field, word)
	}
	return nil
}
