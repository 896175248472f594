package openaichat

import (
	"fmt"
	"strconv"
	"strings"

	"outcrop/internal/jsonx"
	"outcrop/llm"
)

// called is a function call by the model.
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
	d.warnUnread(field, c.Rest)
	d.warnUnread(field+".function", c.Function.Rest)
	use := llm.ToolUse{ID: c.ID, Name: c.Function.Name}
	return cached(d.call(blocks, field+".function.arguments", use, string(c.Function.Arguments)), c.CacheControl), nil
}

// functionCall adds a call in the older form function_call. It has no id; one is derived from the
// number of its message.
func (d *decoder) functionCall(blocks []llm.Block, i int, c *called) ([]llm.Block, error) {
	if c.Name == "" {
		return nil, llm.Invalid(at(i, "function_call.name"), "messages[%d].function_call.name is required", i)
	}
	d.warnUnread(at(i, "function_call"), c.Rest)
	d.function = llm.ToolUse{ID: "function_call_" + strconv.Itoa(i), Name: c.Name}
	return d.call(blocks, at(i, "function_call.arguments"), d.function, string(c.Arguments)), nil
}

// call appends a call with its arguments. Clients that merge several streamed calls into one send
// several objects in one text; they become separate calls, whose ids have a number appended, and
// the one result answers all of them.
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

// inputs reads the arguments of a call, a text with a JSON object. Empty text is an empty object.
// Several objects in sequence are several calls. Any other value, including invalid JSON from a
// model that was cut short, becomes the member arguments of an object, so that nothing is lost;
// changed is then true.
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

// concatenated returns the JSON objects that a text consists of; nil if it contains anything else.
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

// toolResult adds a tool's result, or with role function the result of the last function called.
// The provider checks whether a call waits for it.
func (d *decoder) toolResult(i int, m *message) error {
	id := m.ToolCallID.Value
	if m.Role == "function" {
		if id = d.function.ID; d.function.Name == "" || m.Name.Value != d.function.Name {
			id = "function_" + m.Name.Value // an id that no call has
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
		case b.Kind == llm.BlockCachePoint: // it marks the result, because its content cannot contain one
			points = append(points[:0], b)
		case isOther(&b, "json"):
			result.Content = append(result.Content, resultValue(b.Other.Value))
		case b.Kind == llm.BlockAudio:
			return llm.Invalid(at(i, "content"), "messages[%d].content of role tool may have text, json, image_url, video_url and file, not audio", i)
		case b.Kind == llm.BlockReasoning || b.Kind == llm.BlockRedacted:
			return llm.Invalid(at(i, "content"), "messages[%d].content of role tool may have text, json, image_url, video_url and file, not reasoning", i)
		default:
			result.Content = append(result.Content, llm.ResultBlock{Block: b})
		}
	}
	if len(result.Content) == 0 { // a tool that returned nothing has still answered
		result.Content = []llm.ResultBlock{{Block: llm.Block{Kind: llm.BlockText}}}
	}
	texts := []llm.Block{{Kind: llm.BlockToolResult, ToolResult: &result}}
	for _, id := range further {
		copied := result
		copied.ID = id
		texts = append(texts, llm.Block{Kind: llm.BlockToolResult, ToolResult: &copied})
	}
	d.turn(i, llm.RoleUser, append(texts, points...))
	return nil
}

// resultValue returns a JSON value as tool result content: an object as it is, anything else as
// text, because AWS accepts only objects ("The format of the value at
// messages.2.content.0.toolResult.content.0.json is invalid. Provide a json object",
// https://github.com/sigoden/aichat/issues/1542).
func resultValue(v jsonx.Raw) llm.ResultBlock {
	if v.Kind() == '{' {
		return llm.ResultBlock{JSON: v}
	}
	text := string(v)
	if v.Kind() == '"' {
		_ = jsonx.Unmarshal(v, &text) // it was decoded before, so it is a string
	}
	return llm.ResultBlock{Block: llm.Block{Kind: llm.BlockText, Text: text}}
}

// status is the outcome of a tool; empty if not given.
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
