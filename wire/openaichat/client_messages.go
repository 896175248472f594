package openaichat

import (
	"slices"
	"strconv"
	"strings"

	"outcrop/llm"
)

// messages writes the instructions and the conversation.
func (e *requestWriter) messages() error {
	w, req := e.w, e.req
	w.Array()
	if system := e.writable(req.System); len(system) > 0 {
		w.Object()
		w.Key("role")
		w.Word("system")
		w.Key("content")
		if err := e.content(system, e.name(llm.FieldSystem)); err != nil {
			return err
		}
		w.EndObject()
	}
	for i := 0; i < len(req.Turns); {
		t := &req.Turns[i]
		field := req.FieldName(llm.Field{Kind: llm.FieldContent, Index: t.Number(i)})
		blocks, n := llm.Together(req.Turns[i:])
		i += n
		var err error
		switch t.Role {
		case llm.RoleAssistant:
			err = e.assistant(blocks, field)
		case llm.RoleSystem:
			err = e.message("system", blocks, field)
		default:
			err = e.user(blocks, field)
		}
		if err != nil {
			return err
		}
	}
	w.EndArray()
	return nil
}

// writable are the blocks that are content; it warns of others that are left out.
func (e *requestWriter) writable(blocks []llm.Block) []llm.Block {
	if !slices.ContainsFunc(blocks, empty) {
		return blocks
	}
	return slices.DeleteFunc(slices.Clone(blocks), empty)
}

func empty(b llm.Block) bool { return b.Kind == llm.BlockText && b.Text == "" }

// message writes a message of texts and media.
func (e *requestWriter) message(role string, blocks []llm.Block, field string) error {
	blocks = e.writable(blocks)
	if !slices.ContainsFunc(blocks, func(b llm.Block) bool { return b.Kind != llm.BlockCachePoint }) {
		return nil
	}
	e.w.Object()
	e.w.Key("role")
	e.w.Word(role)
	e.w.Key("content")
	if err := e.content(blocks, field); err != nil {
		return err
	}
	e.w.EndObject()
	return nil
}

// user writes a user's turn: the results of tools first, each a message of its own, and then the
// rest, with the images that results had and that OpenAI's form of a result cannot hold.
func (e *requestWriter) user(blocks []llm.Block, field string) error {
	var rest, moved []llm.Block
	results := 0
	for i := range blocks {
		b := &blocks[i]
		if b.Kind != llm.BlockToolResult {
			continue
		}
		results++
		media, err := e.result(b.ToolResult, field)
		if err != nil {
			return err
		}
		moved = append(moved, media...)
	}
	if results == 0 {
		return e.message("user", blocks, field)
	}
	rest = moved
	for i := range blocks {
		if blocks[i].Kind != llm.BlockToolResult {
			rest = append(rest, blocks[i])
		}
	}
	return e.message("user", rest, field)
}

// result writes the result of a tool, and returns the media that go into the next message.
func (e *requestWriter) result(r *llm.ToolResult, field string) (media []llm.Block, err error) {
	var text strings.Builder
	separate := func() {
		if text.Len() > 0 {
			text.WriteByte('\n')
		}
	}
	for i := range r.Content {
		c := &r.Content[i]
		switch {
		case len(c.JSON) > 0:
			separate()
			text.Write(c.JSON)
		case c.Block.Kind == llm.BlockText, c.Block.Kind == llm.BlockOther && c.Block.Text != "":
			separate()
			text.WriteString(c.Block.Text)
		case c.Block.Media != nil:
			media = append(media, c.Block)
		default:
			return nil, llm.Unsupported(field, "%s: a tool's result of this kind is not supported by this model", field)
		}
	}
	if len(media) > 0 {
		e.once(llm.WarnChanged, field, "files in a tool's result follow in a message of the user")
		separate()
		text.WriteString("(the file follows in the next message)")
	}
	if r.Status == "error" {
		if text.Len() == 0 {
			text.WriteString("error")
		} else {
			e.once(llm.WarnDropped, field+".is_error", "a result's text alone says that its tool failed")
		}
	}
	e.w.Object()
	e.w.Key("role")
	e.w.Word("tool")
	e.w.Key("tool_call_id")
	e.w.String(r.ID)
	e.w.Key("content")
	e.w.String(text.String())
	e.w.EndObject()
	return media, nil
}

// assistant writes an assistant's turn.
func (e *requestWriter) assistant(blocks []llm.Block, field string) error {
	var texts []llm.Block
	var thought strings.Builder
	calls := 0
	for i := range blocks {
		switch b := &blocks[i]; b.Kind {
		case llm.BlockText:
			if b.Text != "" {
				texts = append(texts, *b)
			}
		case llm.BlockReasoning:
			thought.WriteString(b.Text)
		case llm.BlockRedacted:
			e.once(llm.WarnDropped, field+".redacted_thinking", "only the model that wrote it can read it")
		case llm.BlockToolUse:
			if b.ToolUse.Type == llm.ServerSide {
				e.once(llm.WarnDropped, field+"."+llm.ServerSide, "another provider ran this tool")
			} else {
				calls++
			}
		case llm.BlockToolResult:
			e.once(llm.WarnDropped, field+".tool_result", "another provider ran this tool")
		case llm.BlockCachePoint:
			e.cachePointDropped()
		case llm.BlockOther:
			if b.Text == "" {
				return llm.Unsupported(field, "%s has a block of type %s, which this model does not support", field, otherName(b))
			}
			texts = append(texts, llm.Block{Kind: llm.BlockText, Text: b.Text})
		default:
			return llm.Unsupported(field, "%s: an assistant's message may hold texts and calls only for this model", field)
		}
	}
	if len(texts) == 0 && calls == 0 {
		if thought.Len() > 0 {
			e.once(llm.WarnDropped, field+".reasoning", "a message of reasoning alone cannot be sent")
		}
		return nil
	}
	w := e.w
	w.Object()
	w.Key("role")
	w.Word("assistant")
	w.Key("content")
	if len(texts) == 0 {
		w.Null()
	} else if err := e.content(texts, field); err != nil {
		return err
	}
	if thought.Len() > 0 {
		if e.form.Reasoning != "" {
			w.Key(e.form.Reasoning)
			w.String(thought.String())
		} else {
			e.once(llm.WarnDropped, e.name(llm.FieldMessages), "reasoning: the model does not take its earlier reasoning back")
		}
	}
	if calls > 0 {
		w.Key("tool_calls")
		w.Array()
		for i := range blocks {
			b := &blocks[i]
			if b.Kind != llm.BlockToolUse || b.ToolUse.Type == llm.ServerSide {
				continue
			}
			w.Object()
			w.Key("id")
			w.String(b.ToolUse.ID)
			w.Key("type")
			w.Word("function")
			w.Key("function")
			appendFunction(w, b.ToolUse.Name, argumentsOf(b.ToolUse.Input))
			w.EndObject()
		}
		w.EndArray()
	}
	w.EndObject()
	return nil
}

func (e *requestWriter) cachePointDropped() {
	e.once(llm.WarnDropped, e.name(llm.FieldCache), "the provider decides itself what it caches")
}

func otherName(b *llm.Block) string {
	if b.Other == nil {
		return "unknown"
	}
	return strconv.Quote(llm.Clip(b.Other.Name, 60))
}

// content writes the content of a message: a string if it is one text, else an array of parts.
func (e *requestWriter) content(blocks []llm.Block, field string) error {
	if text, ok := e.plain(blocks); ok {
		e.w.String(text)
		return nil
	}
	e.w.Array()
	for i := range blocks {
		b := &blocks[i]
		if b.Kind == llm.BlockCachePoint {
			continue // it belongs to the part before it
		}
		e.w.Object()
		if err := e.part(b, field+"["+strconv.Itoa(i)+"]"); err != nil {
			return err
		}
		if i+1 < len(blocks) && blocks[i+1].Kind == llm.BlockCachePoint {
			point := blocks[i+1].Cache
			if point == nil {
				point = &llm.CachePoint{}
			}
			e.cachePoint(point)
		}
		e.w.EndObject()
	}
	e.w.EndArray()
	return nil
}

// plain returns the text of a message that is one text.
func (e *requestWriter) plain(blocks []llm.Block) (string, bool) {
	if len(blocks) == 1 && blocks[0].Kind == llm.BlockText {
		return blocks[0].Text, true
	}
	if len(blocks) == 2 && blocks[0].Kind == llm.BlockText && blocks[1].Kind == llm.BlockCachePoint && !e.form.CachePoints {
		e.cachePointDropped()
		return blocks[0].Text, true
	}
	return "", false
}
