package otlp

import (
	"outcrop/internal/jsonx"
)

// messages writes what a request asks in the form of the GenAI conventions, gen_ai.input.messages: a role and parts
// (https://github.com/open-telemetry/semantic-conventions/blob/main/docs/gen-ai/gen-ai-input-messages.json). What is in no
// such form is written as it is.
func messages(asked jsonx.Raw) string {
	if asked.Kind() == '"' {
		var text string
		if jsonx.Unmarshal(asked, &text) == nil {
			asked = jsonx.Raw(append(append([]byte(`[{"role":"user","content":`), asked...), `}]`...))
		}
	}
	var list []struct {
		Role    string    `json:"role"`
		Content jsonx.Raw `json:"content"`
		Calls   []struct {
			ID       string `json:"id"`
			Function struct {
				Name      string    `json:"name"`
				Arguments jsonx.Raw `json:"arguments"`
				Rest      jsonx.Raw `json:",embed"`
			} `json:"function"`
			Rest jsonx.Raw `json:",embed"`
		} `json:"tool_calls"`
		Rest jsonx.Raw `json:",embed"`
	}
	if asked.Kind() != '[' || jsonx.Unmarshal(asked, &list) != nil {
		return string(asked)
	}
	var w jsonx.Writer
	w.Array()
	for i := range list {
		m := &list[i]
		if m.Role == "" {
			return string(asked)
		}
		w.Object()
		w.Key("role")
		w.String(m.Role)
		w.Key("parts")
		w.Array()
		parts(&w, m.Content)
		for j := range m.Calls {
			call := &m.Calls[j]
			w.Object()
			w.Key("type")
			w.String("tool_call")
			w.Key("id")
			w.String(call.ID)
			w.Key("name")
			w.String(call.Function.Name)
			if call.Function.Arguments != nil {
				w.Key("arguments")
				w.Raw(call.Function.Arguments)
			}
			w.EndObject()
		}
		w.EndArray()
		w.EndObject()
	}
	w.EndArray()
	return string(w.Buf)
}

// parts writes the content of a message: texts as such, and of others their kind.
func parts(w *jsonx.Writer, content jsonx.Raw) {
	part := func(kind string, text jsonx.Raw) {
		w.Object()
		w.Key("type")
		w.String(kind)
		if text != nil {
			w.Key("content")
			w.Raw(text)
		}
		w.EndObject()
	}
	switch content.Kind() {
	case '"':
		part("text", content)
	case '[':
		var blocks []struct {
			Type string    `json:"type"`
			Text jsonx.Raw `json:"text"`
			Rest jsonx.Raw `json:",embed"`
		}
		if jsonx.Unmarshal(content, &blocks) != nil {
			part("text", content)
			return
		}
		for i := range blocks {
			if b := &blocks[i]; b.Text != nil {
				part("text", b.Text)
			} else {
				part(b.Type, nil)
			}
		}
	default: // null, of a message with tool calls alone
	}
}
