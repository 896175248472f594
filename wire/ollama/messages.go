package ollama

import (
	"strings"

	"outcrop/internal/jsonx"
	"outcrop/llm"
)

// message is a message of the API.
type message struct {
	role            string
	texts, thoughts []string
	images          []llm.Base64
	calls           []*llm.ToolUse
	answers         string // the id of the call that it answers
}

// messages writes the instructions and the conversation.
func (e *encoder) messages() error {
	e.w.Key("messages")
	e.w.Array()
	system := message{role: "system"}
	if err := e.read(&system, e.req.System, 0); err != nil {
		return err
	}
	e.write(&system)
	for i := 0; i < len(e.req.Turns); {
		n := llm.OneMessage(e.req.Turns[i:])
		m := message{role: string(e.req.Turns[i].Role)}
		for j := i; j < i+n; j++ {
			t := &e.req.Turns[j]
			if err := e.read(&m, t.Blocks, t.Number(j)); err != nil {
				return err
			}
		}
		e.write(&m)
		i += n
	}
	e.w.EndArray()
	return nil
}

// read reads blocks into a message. The results of tools are messages of their own, and written at once.
func (e *encoder) read(m *message, blocks []llm.Block, number int) error {
	for j := range blocks {
		b := &blocks[j]
		path := e.req.FieldName(llm.Field{Kind: llm.FieldBlock, Index: number, Block: j})
		switch b.Kind {
		case llm.BlockCachePoint:
			e.cachePoint()
		case llm.BlockReasoning:
			if b.Text != "" {
				m.thoughts = append(m.thoughts, b.Text)
			}
			if b.Signature != "" {
				e.Warn(llm.WarnDropped, path, "the signature is another model's")
			}
		case llm.BlockRedacted:
			e.Warn(llm.WarnDropped, path, "reasoning of another model")
		case llm.BlockToolUse:
			e.called[b.ToolUse.ID] = b.ToolUse.Name
			m.calls = append(m.calls, b.ToolUse)
		case llm.BlockToolResult:
			if err := e.result(b.ToolResult, path, number); err != nil {
				return err
			}
		case llm.BlockImage:
			if b.Media.Base64.IsZero() {
				return llm.Unsupported(path, "%s: Ollama takes images as base64", path)
			}
			m.images = append(m.images, b.Media.Base64)
		default:
			text := b.Text
			if b.Media != nil {
				text = b.Media.Text
			}
			if text == "" && b.Kind != llm.BlockText {
				return llm.Unsupported(path, "%s: Ollama takes texts and images here, not documents or other files", path)
			}
			if text != "" {
				m.texts = append(m.texts, text)
			}
		}
	}
	return nil
}

// result writes what a tool returned.
func (e *encoder) result(r *llm.ToolResult, path string, number int) error {
	m := message{role: "tool", answers: r.ID}
	for i := range r.Content {
		c := &r.Content[i]
		if len(c.JSON) > 0 {
			m.texts = append(m.texts, string(c.JSON))
			continue
		}
		if err := e.read(&m, []llm.Block{c.Block}, number); err != nil {
			return err
		}
	}
	if r.Status == "error" {
		e.Warn(llm.WarnDropped, path, "Ollama's API has no status of a tool result")
	}
	e.write(&m)
	return nil
}

// write writes a message, unless it is empty.
func (e *encoder) write(m *message) {
	if len(m.texts)+len(m.thoughts)+len(m.images)+len(m.calls) == 0 && m.role != "tool" {
		return
	}
	w := e.w
	w.Object()
	w.Key("role")
	w.Word(m.role)
	w.Key("content")
	w.String(strings.Join(m.texts, "\n"))
	if len(m.thoughts) > 0 {
		w.Key("thinking")
		w.String(strings.Join(m.thoughts, "\n"))
	}
	if len(m.images) > 0 {
		w.Key("images")
		w.Array()
		for _, image := range m.images {
			w.Base64(image.Bytes())
		}
		w.EndArray()
	}
	if m.role == "tool" {
		if name := e.called[m.answers]; name != "" {
			w.Key("tool_name")
			w.String(name)
		}
		w.Key("tool_call_id")
		w.String(m.answers)
	}
	if len(m.calls) > 0 {
		w.Key("tool_calls")
		w.Array()
		for _, use := range m.calls {
			w.Object()
			w.Key("id")
			w.String(use.ID)
			w.Key("function")
			w.Object()
			w.Key("name")
			w.String(use.Name)
			w.Key("arguments")
			arguments(w, use.Input)
			w.EndObject()
			w.EndObject()
		}
		w.EndArray()
	}
	w.EndObject()
}

// arguments writes the arguments of a call, which the API takes only as an object.
func arguments(w *jsonx.Writer, input jsonx.Raw) {
	if len(input) > 0 && input.Kind() == '{' {
		w.Raw(input)
		return
	}
	w.Object()
	if len(input) > 0 {
		w.Key("input")
		w.Raw(input)
	}
	w.EndObject()
}
