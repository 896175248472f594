package openaichat

import (
	"fmt"
	"strconv"
	"strings"

	"outcrop/internal/jsonx"
	"outcrop/llm"
)

// called is a function that the model called.
type called struct {
	Name      string    `json:"name"`
	Arguments arguments `json:"arguments"`
	Rest      jsonx.Raw `json:",embed"`
}

// arguments are a JSON object in a text; some clients send the object itself.
type arguments string

func (a *arguments) UnmarshalJSONFrom(d *jsonx.Decoder) error {
	switch d.PeekKind() {
	case 'n':
		return d.SkipValue()
	case '{':
		v, err := d.ReadValue()
		*a = arguments(v)
		return err
	case '"':
		return jsonx.UnmarshalDecode(d, (*string)(a))
	default:
		return jsonx.Fault("must be a string, not %s", jsonx.KindName(d.PeekKind()))
	}
}

type toolCall struct {
	ID           string        `json:"id"`
	Type         string        `json:"type"`
	Function     called        `json:"function"`
	CacheControl *cacheControl `json:"cache_control"`
	Rest         jsonx.Raw     `json:",embed"`
}

func (d *decoder) toolCall(blocks []llm.Block, i, j int, c *toolCall) ([]llm.Block, error) {
	field := fmt.Sprintf("messages[%d].tool_calls[%d]", i, j)
	if c.Type != "" && c.Type != "function" {
		return nil, llm.Unsupported(field+".type", "%s.type must be function, not %q", field, c.Type)
	}
	if c.ID == "" {
		c.ID = fmt.Sprintf("call_%d_%d", i, j)
		d.unnamed = append(d.unnamed, c.ID)
		d.warn(llm.WarnChanged, field+".id")
	}
	if c.Function.Name == "" {
		return nil, llm.Invalid(field+".function.name", "%s.function.name is required", field)
	}
	d.leftOut(field, c.Rest)
	d.leftOut(field+".function", c.Function.Rest)
	use := llm.ToolUse{ID: c.ID, Name: c.Function.Name}
	return cached(d.call(blocks, field+".function.arguments", use, string(c.Function.Arguments)), c.CacheControl), nil
}

// functionCall adds a call in the form that tool_calls came after. It has no id;
// the number of its message makes one.
func (d *decoder) functionCall(blocks []llm.Block, i int, c *called) ([]llm.Block, error) {
	if c.Name == "" {
		return nil, llm.Invalid(at(i, "function_call.name"), "messages[%d].function_call.name is required", i)
	}
	d.leftOut(at(i, "function_call"), c.Rest)
	d.function = llm.ToolUse{ID: "function_call_" + strconv.Itoa(i), Name: c.Name}
	return d.call(blocks, at(i, "function_call.arguments"), d.function, string(c.Arguments)), nil
}

// call appends a call with its arguments. Clients that take several calls of a
// stream for one send several objects in one text; they become calls of their own,
// whose ids have a number behind, and are all answered by the one result.
func (d *decoder) call(blocks []llm.Block, field string, use llm.ToolUse, arguments string) []llm.Block {
	if d.calls == nil {
		d.calls = map[string][]string{}
	}
	inputs, changed := inputs(arguments)
	if changed {
		d.warn(llm.WarnChanged, field)
	}
	var further []string
	for n, input := range inputs {
		u := use
		if u.Input = input; n > 0 {
			u.ID = use.ID + "_" + strconv.Itoa(n)
			further = append(further, u.ID)
		}
		blocks = append(blocks, llm.Block{Kind: llm.BlockToolUse, ToolUse: &u})
	}
	d.calls[use.ID] = further
	return blocks
}

// inputs reads the arguments of a call, which are a JSON object in a text. No text
// is an object without members. Several objects one behind the other are several
// calls. Any other value, and what is no JSON at all, as a model that was cut short
// leaves it, becomes the member arguments of an object, so that nothing of it is
// lost; changed is then true.
func inputs(arguments string) (objects []jsonx.Raw, changed bool) {
	text := strings.TrimSpace(arguments)
	switch {
	case text == "", text == "null":
		return []jsonx.Raw{jsonx.Raw("{}")}, false
	case text[0] == '{' && jsonx.Valid([]byte(text)):
		return []jsonx.Raw{jsonx.Raw(text)}, false
	case text[0] == '{':
		if objects = concatenated(text); len(objects) > 1 {
			return objects, true
		}
	}
	w := jsonx.Writer{}
	w.Object()
	w.Key("arguments")
	if jsonx.Valid([]byte(text)) {
		w.Raw(jsonx.Raw(text))
	} else {
		w.String(arguments)
	}
	w.EndObject()
	return []jsonx.Raw{w.Buf}, true
}

// concatenated gives the JSON objects that make up a text; nil if it is made of
// anything else.
func concatenated(text string) []jsonx.Raw {
	var objects []jsonx.Raw
	d := jsonx.NewDecoder(strings.NewReader(text))
	for d.PeekKind() == '{' {
		v, err := d.ReadValue()
		if err != nil || len(objects) == maxList {
			return nil
		}
		objects = append(objects, v.Clone())
	}
	if strings.TrimSpace(text[d.InputOffset():]) != "" {
		return nil
	}
	return objects
}

// toolResult adds what a tool gave back, or with role function the function that was
// called last. Whether a call waits for it is for the provider to see.
func (d *decoder) toolResult(i int, m *message) error {
	id := m.ToolCallID.Value
	if m.Role == "function" {
		if id = d.function.ID; d.function.Name == "" || m.Name.Value != d.function.Name {
			id = "function_" + m.Name.Value // which no call has
		}
	}
	if id == "" && len(d.unnamed) > 0 { // calls and results without ids go by their order
		id, d.unnamed = d.unnamed[0], d.unnamed[1:]
	}
	if id == "" {
		return llm.Invalid(at(i, "tool_call_id"), "messages[%d].tool_call_id is required for role tool: the id of the call that it answers", i)
	}
	further := d.calls[id]
	blocks, err := d.blocks(i, m)
	if err != nil {
		return err
	}
	result := llm.ToolResult{ID: id}
	if result.Status, err = d.status(i, m); err != nil {
		return err
	}
	var points []llm.Block
	for _, b := range blocks {
		switch {
		case b.Kind == llm.BlockCachePoint: // it marks the result, whose content has no room for it
			points = append(points[:0], b)
		case isOther(&b, "json"):
			result.Content = append(result.Content, resultValue(b.Other.Value))
		case b.Kind == llm.BlockAudio:
			return llm.Invalid(at(i, "content"), "messages[%d].content of role tool may hold text, json, image_url, video_url and file, no audio", i)
		case b.Kind == llm.BlockReasoning || b.Kind == llm.BlockRedacted:
			return llm.Invalid(at(i, "content"), "messages[%d].content of role tool may hold text, json, image_url, video_url and file, no reasoning", i)
		default:
			result.Content = append(result.Content, llm.ResultBlock{Block: b})
		}
	}
	if len(result.Content) == 0 { // a tool that gave back nothing has still answered
		result.Content = []llm.ResultBlock{{Block: llm.Block{Kind: llm.BlockText}}}
	}
	texts := []llm.Block{{Kind: llm.BlockToolResult, ToolResult: &result}}
	for _, id := range further {
		again := result
		again.ID = id
		texts = append(texts, llm.Block{Kind: llm.BlockToolResult, ToolResult: &again})
	}
	d.turn(i, llm.RoleUser, append(texts, points...))
	return nil
}

// resultValue gives a JSON value as a result holds it: an object as it is, and any other
// in a text, since AWS takes no other ("The format of the value at
// messages.2.content.0.toolResult.content.0.json is invalid. Provide a json object",
// https://github.com/sigoden/aichat/issues/1542).
func resultValue(v jsonx.Raw) llm.ResultBlock {
	if v.Kind() == '{' {
		return llm.ResultBlock{JSON: v}
	}
	text := string(v)
	if v.Kind() == '"' {
		_ = jsonx.Unmarshal(v, &text) // it has been read once, so it is a string
	}
	return llm.ResultBlock{Block: llm.Block{Kind: llm.BlockText, Text: text}}
}

// status is how a tool fared; empty if not said.
func (d *decoder) status(i int, m *message) (string, error) {
	var status string
	if len(m.Status) > 0 && m.Status.Kind() != 'n' {
		if jsonx.Unmarshal(m.Status, &status) != nil || status != "success" && status != "error" {
			return "", llm.Invalid(at(i, "status"), "messages[%d].status of role tool must be success or error", i)
		}
	}
	if m.IsError.Set && status == "" {
		status = "success"
		if m.IsError.Value {
			status = "error"
		}
	}
	return status, nil
}
