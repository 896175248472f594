package openaichat

import (
	"fmt"

	"outcrop/internal/jsonx"
	"outcrop/llm"
)

// part is a piece of a message's content. A part without a type may be a block in Converse's own
// form, which Rest then contains.
type part struct {
	Type         string           `json:"type"`
	Text         optional[string] `json:"text"`
	ImageURL     address          `json:"image_url"`
	VideoURL     address          `json:"video_url"`
	AudioURL     address          `json:"audio_url"`
	File         *file            `json:"file"`
	InputAudio   *inputAudio      `json:"input_audio"`
	Refusal      optional[string] `json:"refusal"`
	Thinking     optional[string] `json:"thinking"`
	Signature    optional[string] `json:"signature"`
	Data         optional[string] `json:"data"`
	JSON         jsonx.Raw        `json:"json"`
	Qualifiers   []string         `json:"qualifiers"`
	Citations    jsonx.Raw        `json:"citations"`
	Context      string           `json:"context"`
	CacheControl *cacheControl    `json:"cache_control"`
	Rest         jsonx.Raw        `json:",embed"`
}

// position locates a part. It is formatted only when a message needs it.
type position struct{ message, part int }

func (p position) String() string { return fmt.Sprintf("messages[%d].content[%d]", p.message, p.part) }

// partTypes are the types that an error suggests.
const partTypes = "text, image_url, video_url, file, input_audio or guarded_text"

func (d *decoder) part(blocks []llm.Block, at position, m *message, p *part) ([]llm.Block, error) {
	if p.Type == "" {
		return d.native(blocks, at, m, p)
	}
	if isOtherPart(p.Type) {
		blocks, err := d.otherPart(blocks, at, m, p)
		if err != nil {
			return nil, err
		}
		return cached(blocks, p.CacheControl), nil
	}
	if len(p.Rest) > 0 {
		d.warnUnread(at.String(), p.Rest)
	}
	switch p.Type {
	case "text", "input_text", "output_text":
		if !p.Text.Set {
			return nil, llm.Invalid(at.String()+".text", "%s.text is required: a string", at)
		}
		return cached(append(blocks, llm.Block{Kind: llm.BlockText, Text: p.Text.Value}), p.CacheControl), nil
	case "refusal":
		return cached(append(blocks, llm.Block{Kind: llm.BlockText, Text: p.Refusal.Value}), p.CacheControl), nil
	case "thinking", "redacted_thinking":
		if len(m.ThinkingBlocks) > 0 {
			return blocks, nil // thinking_blocks already has it
		}
		if !p.Thinking.Set { // the name used by some clients
			p.Thinking = p.Text
		}
		if p.Type == "thinking" && !p.Thinking.Set {
			return nil, llm.Invalid(at.String()+".thinking", "%s.thinking is required: the text that the signature belongs to", at)
		}
		blocks, err := d.thinking(blocks, at.String(), p.Type, p.Thinking, p.Signature, p.Data)
		if err != nil {
			return nil, err
		}
		return cached(blocks, p.CacheControl), nil
	}
	b, err := d.other(at.String(), m, p)
	if err != nil {
		return nil, err
	}
	return cached(append(blocks, b), p.CacheControl), nil
}

// other returns the block of a part that is neither text nor reasoning.
func (d *decoder) other(field string, m *message, p *part) (b llm.Block, err error) {
	switch p.Type {
	case "image_url", "video_url", "audio_url":
		u, kind := &p.ImageURL, llm.BlockImage
		switch p.Type {
		case "video_url":
			u, kind = &p.VideoURL, llm.BlockVideo
		case "audio_url":
			u, kind = &p.AudioURL, llm.BlockAudio
		}
		field += "." + p.Type
		b, err = d.located(field, u, kind)
		if u.Detail != "" && u.Detail != "auto" {
			d.warn(llm.WarnDropped, field+".detail")
		}
		d.warnUnread(field, u.Rest)
	case "file":
		b, err = d.document(field+".file", p)
	case "input_audio":
		b, err = d.audio(field+".input_audio", p.InputAudio)
	case "guarded_text":
		return guarded(field, m, p)
	case "json":
		switch {
		case m.Role != "tool" && m.Role != "function":
			return b, llm.Invalid(field+".type", "%s.type json belongs to role tool, not %s", field, m.Role)
		case len(p.JSON) == 0:
			return b, llm.Invalid(field+".json", "%s.json is required: any JSON value", field)
		}
		return llm.Block{Kind: llm.BlockOther, Other: &jsonx.Member{Name: "json", Value: p.JSON}}, nil
	default:
		return b, llm.Invalid(field+".type", "%s.type must be %s, not %q", field, partTypes, p.Type)
	}
	if err == nil && m.Role == "assistant" {
		err = llm.Invalid(field, "%s.type %s is not allowed in a message of role assistant", field, p.Type)
	}
	return b, err
}

// guarded returns the block that marks a text for the guardrail to check
// (GuardrailConverseContentBlock in Bedrock's service model). The part's type is LiteLLM's.
func guarded(field string, m *message, p *part) (llm.Block, error) {
	switch {
	case !p.Text.Set || blank(p.Text.Value):
		return llm.Block{}, llm.Invalid(field+".text", "%s.text is required: a non-empty string", field)
	case m.Role != "user" && m.Role != "system" && m.Role != "developer":
		return llm.Block{}, llm.Invalid(field+".type", "%s.type guarded_text belongs to role user or system, not %s", field, m.Role)
	}
	w := jsonx.Writer{}
	w.Object()
	w.Key("text")
	w.Object()
	if len(p.Qualifiers) > 0 {
		w.Key("qualifiers")
		w.Array()
		for _, q := range p.Qualifiers {
			w.String(q)
		}
		w.EndArray()
	}
	w.Key("text")
	w.String(p.Text.Value)
	w.EndObject()
	w.EndObject()
	return llm.Block{Kind: llm.BlockOther, Text: p.Text.Value, Other: &jsonx.Member{Name: "guardContent", Value: w.Buf}}, nil
}

// thinking appends a reasoning block that a client sends back.
func (d *decoder) thinking(blocks []llm.Block, field, kind string, text, signature, data optional[string]) ([]llm.Block, error) {
	switch kind {
	case "thinking":
		if signature.Value == "" && text.Value == "" {
			return blocks, nil
		}
		return append(blocks, llm.Block{Kind: llm.BlockReasoning, Text: text.Value, Signature: d.sealed(signature.Value)}), nil
	case "redacted_thinking":
		hidden := d.sealed(data.Value)
		if !isBase64([]byte(hidden)) {
			return nil, llm.Invalid(field+".data", "%s.data must be the base64 from the response", field)
		}
		return append(blocks, llm.Block{Kind: llm.BlockRedacted, Text: hidden}), nil
	default:
		return nil, llm.Invalid(field+".type", "%s.type must be thinking or redacted_thinking, not %q", field, kind)
	}
}

// sealed returns the model's opaque content, which may have been extracted from the body.
func (d *decoder) sealed(s string) string {
	if long, ok := d.extracted.Resolve(s, isBase64); ok {
		return string(long)
	}
	return s
}

// isBase64 reports whether s is standard base64 of at least one byte.
func isBase64(s []byte) bool {
	content, ok := llm.ParseBase64(s)
	return ok && !content.IsZero()
}
