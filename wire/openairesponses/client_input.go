package openairesponses

import (
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"strconv"
	"strings"

	"outcrop/internal/jsonx"
	"outcrop/llm"
)

// input writes the conversation as items.
func (e *requestWriter) input() error {
	w, req := e.w, e.req
	w.Key("input")
	w.Array()
	if e.jsonAlone() {
		text, err := e.system()
		if err != nil {
			return err
		}
		if text != "" {
			e.message("system", text)
		}
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
			err = e.parts("system", blocks, field)
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

// message writes a message of one text.
func (e *requestWriter) message(role, text string) {
	e.w.Object()
	e.w.Key("type")
	e.w.Word("message")
	e.w.Key("role")
	e.w.Word(role)
	e.w.Key("content")
	e.w.String(text)
	e.w.EndObject()
}

// parts writes a message of texts and files.
func (e *requestWriter) parts(role string, blocks []llm.Block, field string) error {
	begun := false
	for i := range blocks {
		b := &blocks[i]
		switch {
		case b.Kind == llm.BlockCachePoint:
			e.cachePoint()
			continue
		case b.Kind == llm.BlockText && b.Text == "":
			continue
		case !begun:
			begun = true
			e.w.Object()
			e.w.Key("type")
			e.w.Word("message")
			e.w.Key("role")
			e.w.Word(role)
			e.w.Key("content")
			e.w.Array()
		}
		if err := e.part(b, field+"["+strconv.Itoa(i)+"]"); err != nil {
			return err
		}
	}
	if begun {
		e.w.EndArray()
		e.w.EndObject()
	}
	return nil
}

// user writes a user's turn: the results of tools first, which belong behind their calls, and then the rest.
func (e *requestWriter) user(blocks []llm.Block, field string) error {
	isResult := func(b llm.Block) bool { return b.Kind == llm.BlockToolResult }
	if !slices.ContainsFunc(blocks, isResult) {
		return e.parts("user", blocks, field)
	}
	for i := range blocks {
		if isResult(blocks[i]) {
			if err := e.result(blocks[i].ToolResult, field); err != nil {
				return err
			}
		}
	}
	return e.parts("user", slices.DeleteFunc(slices.Clone(blocks), isResult), field)
}

// result writes the result of a tool: a text, or if it has files a list of parts.
func (e *requestWriter) result(r *llm.ToolResult, field string) error {
	w := e.w
	w.Object()
	w.Key("type")
	if e.answersCustom(r.ID) {
		w.Word("custom_tool_call_output")
	} else {
		w.Word("function_call_output")
	}
	w.Key("call_id")
	w.String(callID(r.ID))
	w.Key("output")
	files := slices.ContainsFunc(r.Content, func(c llm.ResultBlock) bool { return c.Block.Media != nil })
	if files {
		w.Array()
	}
	var texts []string
	for i := range r.Content {
		c := &r.Content[i]
		at := field + "[" + strconv.Itoa(i) + "]"
		text, isText := c.Block.Text, c.Block.Kind == llm.BlockText || c.Block.Kind == llm.BlockOther && c.Block.Text != ""
		if len(c.JSON) > 0 {
			text, isText = string(c.JSON), true
		}
		switch {
		case isText && !files:
			texts = append(texts, text)
		case isText && text != "":
			e.inputText(text)
		case isText:
		case c.Block.Media == nil:
			return llm.Unsupported(field, "%s: a tool's result of this kind is not supported by this model", field)
		default:
			if err := e.part(&c.Block, at); err != nil {
				return err
			}
		}
	}
	text := strings.Join(texts, "\n")
	if r.Status == "error" {
		if text == "" && !files {
			text = "error"
		} else {
			e.once(field+".is_error", "a result's text alone says that its tool failed")
		}
	}
	if files {
		w.EndArray()
	} else {
		w.String(text)
	}
	w.EndObject()
	return nil
}

// answersCustom reports whether an id is that of a call of a tool with free text as input.
func (e *requestWriter) answersCustom(id string) bool {
	if e.customCalls == nil {
		e.customCalls = map[string]bool{}
		for i := range e.req.Turns {
			for j := range e.req.Turns[i].Blocks {
				if use := e.req.Turns[i].Blocks[j].ToolUse; use != nil && e.isCustom(use.Name) {
					e.customCalls[use.ID] = true
				}
			}
		}
	}
	return e.customCalls[id]
}

// maxCallID is the length of the longest id of a call that the API takes
// (https://platform.openai.com/docs/api-reference/responses/create, FunctionCallOutputItemParam).
const maxCallID = 64

// callID is the id of a call as the API takes it: one that is too long, which other models' may be, is
// replaced by a digest, the same for a call and its result.
func callID(id string) string {
	if len(id) <= maxCallID {
		return id
	}
	sum := sha256.Sum256([]byte(id))
	return "call_" + hex.EncodeToString(sum[:16])
}

// assistant writes an assistant's turn, in its order.
func (e *requestWriter) assistant(blocks []llm.Block, field string) error {
	last := -1 // the last block that can stand behind reasoning, which the API wants to lead to something
	for i := range blocks {
		if e.isSaid(&blocks[i]) {
			last = i
		}
	}
	for i := range blocks {
		switch b := &blocks[i]; b.Kind {
		case llm.BlockText, llm.BlockOther:
			if b.Text == "" && b.Kind == llm.BlockOther {
				return llm.Unsupported(field, "%s has a block of type %s, which this model does not support", field, otherName(b))
			}
			if b.Text != "" {
				e.message("assistant", b.Text)
			}
		case llm.BlockReasoning:
			e.thought(b, field, i < last)
		case llm.BlockRedacted:
			e.once(field+".redacted_thinking", "reasoning: only the model that wrote it can read it")
		case llm.BlockToolUse:
			if b.ToolUse.Type == llm.ServerSide {
				e.once(field+"."+llm.ServerSide, "another provider ran this tool")
			} else {
				e.call(b.ToolUse)
			}
		case llm.BlockToolResult:
			e.once(field+".tool_result", "another provider ran this tool")
		case llm.BlockCachePoint:
			e.cachePoint()
		default:
			return llm.Unsupported(field, "%s: an assistant's message may hold texts and calls only for this model", field)
		}
	}
	return nil
}

// isSaid reports whether a block of the assistant becomes an item that reasoning can lead to.
func (e *requestWriter) isSaid(b *llm.Block) bool {
	switch b.Kind {
	case llm.BlockText, llm.BlockOther:
		return b.Text != ""
	case llm.BlockToolUse:
		return b.ToolUse.Type != llm.ServerSide
	default:
		return false
	}
}

func otherName(b *llm.Block) string {
	if b.Other == nil {
		return "unknown"
	}
	return strconv.Quote(llm.Clip(b.Other.Name, 60))
}

// call writes a call of a tool.
func (e *requestWriter) call(use *llm.ToolUse) {
	w := e.w
	custom := e.isCustom(use.Name)
	w.Object()
	w.Key("type")
	if custom {
		w.Word("custom_tool_call")
	} else {
		w.Word("function_call")
	}
	w.Key("call_id")
	w.String(callID(use.ID))
	w.Key("name")
	w.String(use.Name)
	input := string(use.Input)
	if input == "" {
		input = "{}"
	}
	if custom {
		w.Key("input")
		w.String(textOf(input))
	} else {
		w.Key("arguments")
		w.String(argumentsIn(input))
	}
	w.EndObject()
}

// argumentsIn is the arguments of a call as text: what a model has written that is no JSON is a JSON string
// in llm's form (see llm.Fold), and goes back as it was.
func argumentsIn(input string) string {
	var text string
	if raw := jsonx.Raw(input); raw.Kind() == '"' && jsonx.Unmarshal(raw, &text) == nil {
		return text
	}
	return input
}
