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
	object  bool
	members jsonx.Raw // what the object holds beside the word
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
			Effort optional[string] `json:"effort"`
			Rest   jsonx.Raw        `json:",embed"`
		}
		err := jsonx.UnmarshalDecode(d, &o)
		e.word, e.object, e.members = o.Effort, true, o.Rest
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
	switch word := e.word.Value; word {
	case "", "auto", "default":
	case "none", "minimal", "low", "medium", "high", "xhigh", "max":
		d.out.LLM.Reasoning.Effort = word
	default:
		return llm.Invalid(field, "%s must be none, minimal, low, medium, high, xhigh or max, not %q", field, word)
	}
	return nil
}
