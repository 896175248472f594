package coherechat

import (
	"strings"

	"outcrop/internal/jsonx"
	"outcrop/llm"
)

// messages writes the instructions and the conversation.
func (e *encoder) messages() error {
	e.w.Key("messages")
	e.w.Array()
	if texts := e.texts(e.req.System); len(texts) > 0 {
		e.message("system", "")
		e.content(texts)
		e.w.EndObject()
	}
	for i := 0; i < len(e.req.Turns); {
		t := &e.req.Turns[i]
		n := llm.OneMessage(e.req.Turns[i:])
		var err error
		switch t.Role {
		case llm.RoleAssistant:
			err = e.assistant(e.req.Turns[i:i+n], i)
		case llm.RoleSystem:
			if texts := e.texts(t.Blocks); len(texts) > 0 {
				e.message("system", "")
				e.content(texts)
				e.w.EndObject()
			}
		default:
			err = e.user(e.req.Turns[i:i+n], i)
		}
		if err != nil {
			return err
		}
		i += n
	}
	e.w.EndArray()
	return nil
}

// message begins a message. call is the id of the call that it answers; empty for none.
func (e *encoder) message(role, call string) {
	e.w.Object()
	e.w.Key("role")
	e.w.Word(role)
	if call != "" {
		e.w.Key("tool_call_id")
		e.w.String(call)
	}
}

// texts are the texts among blocks of instructions.
func (e *encoder) texts(blocks []llm.Block) (out []string) {
	for i := range blocks {
		switch b := &blocks[i]; {
		case b.Kind == llm.BlockCachePoint:
			e.cachePoint()
		case b.Text != "":
			out = append(out, b.Text)
		}
	}
	return out
}

// content writes the member content with texts: a string if there is one text.
func (e *encoder) content(texts []string) {
	e.w.Key("content")
	if len(texts) == 1 {
		e.w.String(texts[0])
		return
	}
	e.w.Array()
	for _, t := range texts {
		e.text("text", t)
	}
	e.w.EndArray()
}

// text writes a part: of type text or thinking.
func (e *encoder) text(kind, text string) {
	e.w.Object()
	e.w.Key("type")
	e.w.Word(kind)
	e.w.Key(kind)
	e.w.String(text)
	e.w.EndObject()
}

// block names a block.
func (e *encoder) block(message, block int) string {
	return e.req.FieldName(llm.Field{Kind: llm.FieldBlock, Index: message, Block: block})
}

// user writes the turns from index first on, which are one message of the user: the results of tools as
// messages of their own, and the rest as one.
func (e *encoder) user(turns []llm.Turn, first int) error {
	var parts []*llm.Block
	for i := range turns {
		t := &turns[i]
		for j := range t.Blocks {
			b := &t.Blocks[j]
			if b.ToolResult != nil {
				if err := e.result(b.ToolResult, t.Number(first+i), j); err != nil {
					return err
				}
				continue
			}
			var err error
			if parts, err = e.part(parts, b, e.block(t.Number(first+i), j)); err != nil {
				return err
			}
		}
	}
	if len(parts) == 0 {
		return nil
	}
	e.message("user", "")
	e.w.Key("content")
	if len(parts) == 1 && parts[0].Kind == llm.BlockText {
		e.w.String(parts[0].Text)
		e.w.EndObject()
		return nil
	}
	e.w.Array()
	for _, b := range parts {
		if b.Kind == llm.BlockText {
			e.text("text", b.Text)
			continue
		}
		e.w.Object()
		e.w.Key("type")
		e.w.Word("image_url")
		e.w.Key("image_url")
		e.w.Object()
		e.w.Key("url")
		format := b.Media.Format
		if format == "" || format == "jpg" {
			format = "jpeg"
		}
		e.w.PrefixedBase64("data:image/"+format+";base64,", b.Media.Base64.Bytes())
		e.w.EndObject()
		e.w.EndObject()
	}
	e.w.EndArray()
	e.w.EndObject()
	return nil
}

// part appends what a block of the user becomes in the content of a message, which is nothing for what has
// another place.
func (e *encoder) part(parts []*llm.Block, b *llm.Block, path string) ([]*llm.Block, error) {
	switch b.Kind {
	case llm.BlockCachePoint:
		e.cachePoint()
		return parts, nil
	case llm.BlockText:
		if b.Text == "" {
			return parts, nil
		}
		return append(parts, b), nil
	case llm.BlockImage:
		if b.Media.Base64.IsZero() {
			return nil, llm.Unsupported(path, "%s: Cohere's API takes images as base64", path)
		}
		return append(parts, b), nil
	case llm.BlockDocument:
		m := *b.Media
		if m.Text == "" && isText(m.Format) && !m.Base64.IsZero() {
			m.Text = strings.ToValidUTF8(string(m.Base64.Decode()), "\uFFFD")
		}
		if m.Text == "" {
			return nil, llm.Unsupported(path, "%s: Cohere's API takes documents as text, not in the format %q", path, llm.Clip(m.Format, 30))
		}
		e.files = append(e.files, &m)
		return parts, nil
	default:
		if b.Kind != llm.BlockOther || b.Text == "" {
			return nil, llm.Unsupported(path, "%s: Cohere's API takes texts, images and documents here", path)
		}
		return append(parts, &llm.Block{Kind: llm.BlockText, Text: b.Text}), nil
	}
}

// result writes what a tool returned.
func (e *encoder) result(r *llm.ToolResult, message, block int) error {
	path := e.block(message, block)
	var texts []string
	for i := range r.Content {
		switch c := &r.Content[i]; {
		case len(c.JSON) > 0:
			texts = append(texts, string(c.JSON))
		case c.Block.Kind == llm.BlockCachePoint:
			e.cachePoint()
		case c.Block.Media != nil && c.Block.Media.Text != "":
			texts = append(texts, c.Block.Media.Text)
		case c.Block.Media != nil:
			return llm.Unsupported(path, "%s: what a tool returns is text in Cohere's API, not a file", path)
		case c.Block.Text != "":
			texts = append(texts, c.Block.Text)
		case c.Block.Kind == llm.BlockOther:
			return llm.Unsupported(path, "%s: this content of a tool result has no form in Cohere's API", path)
		}
	}
	if r.Status == "error" {
		e.Warn(llm.WarnDropped, path, "Cohere's API has no status of a tool result")
	}
	if len(texts) == 0 {
		texts = []string{""}
	}
	e.message("tool", r.ID)
	e.content(texts)
	e.w.EndObject()
	return nil
}

// assistant writes the turns from index first on, which are one message of the model.
func (e *encoder) assistant(turns []llm.Turn, first int) error {
	var thoughts, texts []string
	var calls []*llm.ToolUse
	for i := range turns {
		t := &turns[i]
		message := t.Number(first + i)
		for j := range t.Blocks {
			b := &t.Blocks[j]
			switch b.Kind {
			case llm.BlockText:
				if b.Text != "" {
					texts = append(texts, b.Text)
				}
			case llm.BlockReasoning:
				if b.Text != "" {
					thoughts = append(thoughts, b.Text)
				}
				if b.Signature != "" {
					e.warn(llm.WarnDropped, llm.Field{Kind: llm.FieldReasoned, Index: message}, "the signature is another model's")
				}
			case llm.BlockRedacted:
				e.warn(llm.WarnDropped, llm.Field{Kind: llm.FieldReasoned, Index: message}, "reasoning of another model")
			case llm.BlockCachePoint:
				e.cachePoint()
			case llm.BlockToolUse:
				calls = append(calls, b.ToolUse)
			default:
				if b.Text == "" {
					path := e.block(message, j)
					return llm.Unsupported(path, "%s: this block has no form in a message of a model of Cohere's", path)
				}
				texts = append(texts, b.Text)
			}
		}
	}
	if len(thoughts)+len(texts)+len(calls) == 0 {
		return nil
	}
	e.message("assistant", "")
	if len(calls) > 0 {
		if len(texts) > 0 {
			e.w.Key("tool_plan")
			e.w.String(strings.Join(texts, "\n"))
			texts = nil
		}
		e.calls(calls)
	}
	switch {
	case len(thoughts) > 0:
		e.w.Key("content")
		e.w.Array()
		for _, t := range thoughts {
			e.text("thinking", t)
		}
		for _, t := range texts {
			e.text("text", t)
		}
		e.w.EndArray()
	case len(texts) > 0:
		e.content(texts)
	}
	e.w.EndObject()
	return nil
}

func (e *encoder) calls(calls []*llm.ToolUse) {
	w := e.w
	w.Key("tool_calls")
	w.Array()
	for _, use := range calls {
		w.Object()
		w.Key("id")
		w.String(use.ID)
		w.Key("type")
		w.Word("function")
		w.Key("function")
		w.Object()
		w.Key("name")
		w.String(use.Name)
		w.Key("arguments")
		input := use.Input
		if len(input) == 0 {
			input = jsonx.Raw("{}")
		}
		w.String(string(input))
		w.EndObject()
		w.EndObject()
	}
	w.EndArray()
}
