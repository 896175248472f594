package openaichat

import (
	"fmt"
	"slices"
	"strings"

	"outcrop/internal/jsonx"
	"outcrop/llm"
)

type message struct {
	Role             string           `json:"role"`
	Content          content          `json:"content"`
	Name             optional[string] `json:"name"`
	ToolCalls        []toolCall       `json:"tool_calls"`
	ToolCallID       optional[string] `json:"tool_call_id"`
	Refusal          optional[string] `json:"refusal"`
	ReasoningContent optional[string] `json:"reasoning_content"`
	ThinkingBlocks   []thinkingBlock  `json:"thinking_blocks"`
	CacheControl     *cacheControl    `json:"cache_control"`
	FunctionCall     jsonx.Raw        `json:"function_call"`
	Rest             jsonx.Raw        `json:",embed"`
}

// content is a string, a list of parts, or null.
type content struct {
	given bool
	text  llm.Opt[string]
	parts []part
}

func (c *content) UnmarshalJSONFrom(d *jsonx.Decoder) error {
	switch d.PeekKind() {
	case 'n':
		return d.SkipValue()
	case '"':
		c.given, c.text.Set = true, true
		return jsonx.UnmarshalDecode(d, &c.text.Value)
	case '[':
		c.given = true
		return jsonx.UnmarshalDecode(d, &c.parts)
	default:
		return jsonx.Fault("must be a string or an array of content parts, not %s", jsonx.KindName(d.PeekKind()))
	}
}

type part struct {
	Type         string           `json:"type"`
	Text         optional[string] `json:"text"`
	ImageURL     imageURL         `json:"image_url"`
	File         *file            `json:"file"`
	InputAudio   *inputAudio      `json:"input_audio"`
	Refusal      optional[string] `json:"refusal"`
	Thinking     optional[string] `json:"thinking"`
	Signature    optional[string] `json:"signature"`
	Data         optional[string] `json:"data"`
	CacheControl *cacheControl    `json:"cache_control"`
	Rest         jsonx.Raw        `json:",embed"`
}

type imageURL struct {
	URL    string    `json:"url"`
	Format string    `json:"format"`
	Detail string    `json:"detail"`
	Rest   jsonx.Raw `json:",embed"`
}

// UnmarshalJSONFrom also takes the bare string that some clients send.
func (u *imageURL) UnmarshalJSONFrom(d *jsonx.Decoder) error {
	if d.PeekKind() == '"' {
		return jsonx.UnmarshalDecode(d, &u.URL)
	}
	type plain imageURL
	return jsonx.UnmarshalDecode(d, (*plain)(u))
}

type file struct {
	Filename string `json:"filename"`
	FileData string `json:"file_data"`
	FileID   string `json:"file_id"`
	Format   string `json:"format"`

	Rest jsonx.Raw `json:",embed"`
}

type inputAudio struct {
	Data   string `json:"data"`
	Format string `json:"format"`
}

type toolCall struct {
	ID       string `json:"id"`
	Type     string `json:"type"`
	Function struct {
		Name      string           `json:"name"`
		Arguments optional[string] `json:"arguments"`
	} `json:"function"`
	CacheControl *cacheControl `json:"cache_control"`
	Rest         jsonx.Raw     `json:",embed"`
}

// thinkingBlock is LiteLLM's form of a reasoning block, which is Anthropic's.
type thinkingBlock struct {
	Type      string           `json:"type"`
	Thinking  optional[string] `json:"thinking"`
	Signature optional[string] `json:"signature"`
	Data      optional[string] `json:"data"`
	Rest      jsonx.Raw        `json:",embed"`
}

// cacheControl is Anthropic's mark that what ends here may be cached.
type cacheControl struct {
	Type string           `json:"type"`
	TTL  optional[string] `json:"ttl"`
}

func (c *cacheControl) point() *llm.CachePoint {
	return &llm.CachePoint{Type: "default", TTL: c.TTL.Value}
}

func at(i int, field string) string { return fmt.Sprintf("messages[%d].%s", i, field) }

// message adds what message i says to the request.
func (d *decoder) message(i int, m *message) error {
	if m.Name.Set {
		d.warn(llm.WarnDropped, at(i, "name"))
	}
	if len(m.FunctionCall) > 0 && m.FunctionCall.Kind() != 'n' {
		return llm.Unsupported(at(i, "function_call"), "messages[%d].function_call is out of use; tool_calls says the same", i)
	}
	d.leftOut(fmt.Sprintf("messages[%d]", i), m.Rest)
	if len(m.ToolCalls) > 0 && m.Role != "assistant" {
		return llm.Invalid(at(i, "tool_calls"), "messages[%d].tool_calls belongs to role assistant, not %s", i, m.Role)
	}
	switch m.Role {
	case "system", "developer":
		return d.system(i, m)
	case "user":
		return d.user(i, m)
	case "assistant":
		return d.assistant(i, m)
	case "tool":
		return d.toolResult(i, m)
	case "function":
		return llm.Unsupported(at(i, "role"), "messages[%d].role function is out of use; role tool says the same", i)
	case "":
		return llm.Invalid(at(i, "role"), "messages[%d].role is required: system, developer, user, assistant or tool", i)
	default:
		return llm.Invalid(at(i, "role"), "messages[%d].role must be system, developer, user, assistant or tool, not %q", i, m.Role)
	}
}

// leftOut warns of the members that no model reads, but for those of which that is
// plain: nulls, and what answers carry and clients send back.
func (d *decoder) leftOut(field string, rest jsonx.Raw) {
	if len(rest) == 0 {
		return
	}
	members, err := jsonx.Members(rest)
	if err != nil {
		d.warn(llm.WarnDropped, field)
		return
	}
	for _, m := range members {
		switch m.Name {
		case "annotations", "audio", "provider_specific_fields", "index", "id", "object", "images":
		default:
			if m.Value.Kind() != 'n' {
				d.warn(llm.WarnDropped, field+"."+m.Name)
			}
		}
	}
}

func (d *decoder) needContent(i int, m *message) error {
	if !m.Content.given || (!m.Content.text.Set && len(m.Content.parts) == 0) {
		return llm.Invalid(at(i, "content"), "messages[%d].content is required for role %s: a string or an array of content parts", i, m.Role)
	}
	return nil
}

func (d *decoder) system(i int, m *message) error {
	if err := d.needContent(i, m); err != nil {
		return err
	}
	r := &d.out.LLM
	if len(r.Turns) > 0 { // instructions have no place between turns: they move to the front
		d.warn(llm.WarnChanged, fmt.Sprintf("messages[%d]", i))
	}
	blocks, err := d.blocks(i, m, nil)
	if err != nil {
		return err
	}
	for _, b := range blocks {
		switch b.Kind {
		case llm.BlockText, llm.BlockCachePoint:
			if b.Kind == llm.BlockText && blank(b.Text) { // it says nothing, and AWS refuses it
				continue
			}
			r.System = append(r.System, b)
		default:
			return llm.Invalid(at(i, "content"), "messages[%d].content of role %s must be text", i, m.Role)
		}
	}
	return nil
}

func (d *decoder) user(i int, m *message) error {
	if err := d.needContent(i, m); err != nil {
		return err
	}
	blocks, err := d.blocks(i, m, nil)
	if err != nil {
		return err
	}
	said := withoutBlanks(blocks)
	if len(said) == 0 {
		return llm.Invalid(at(i, "content"), "messages[%d].content of role user is blank", i)
	}
	d.out.LLM.Turns = append(d.out.LLM.Turns, llm.Turn{Role: llm.RoleUser, Blocks: said})
	return nil
}

func (d *decoder) assistant(i int, m *message) error {
	blocks, err := d.thinkingBlocks(i, m)
	if err != nil {
		return err
	}
	if m.ReasoningContent.Value != "" && len(m.ThinkingBlocks) == 0 { // unsigned reasoning is refused by every model that checks
		d.warn(llm.WarnDropped, at(i, "reasoning_content"))
	}
	blocks, err = d.blocks(i, m, blocks)
	if err != nil {
		return err
	}
	if m.Refusal.Value != "" {
		blocks = append(blocks, llm.Block{Kind: llm.BlockText, Text: m.Refusal.Value})
	}
	d.calls = make(map[string]bool, len(m.ToolCalls))
	for j := range m.ToolCalls {
		if blocks, err = d.toolCall(blocks, i, j, &m.ToolCalls[j]); err != nil {
			return err
		}
	}
	if len(blocks) == 0 {
		return llm.Invalid(at(i, "content"), "messages[%d] of role assistant says nothing: content or tool_calls is required", i)
	}
	said := withoutBlanks(blocks)
	if len(said) == 0 { // an answer that said nothing is none
		d.warn(llm.WarnDropped, fmt.Sprintf("messages[%d]", i))
		return nil
	}
	d.out.LLM.Turns = append(d.out.LLM.Turns, llm.Turn{Role: llm.RoleAssistant, Blocks: said})
	return nil
}

// thinkingBlocks gives the reasoning of message i. Clients that put the pieces of a
// stream one behind the other send texts without a signature and behind them the
// signature without a text; they are one block.
func (d *decoder) thinkingBlocks(i int, m *message) ([]llm.Block, error) {
	var blocks []llm.Block
	var pieces strings.Builder
	from := 0
	unsigned := func(to int) {
		if pieces.Len() > 0 { // a model that checks refuses it, one that does not has no use for it
			d.warn(llm.WarnDropped, fmt.Sprintf("messages[%d].thinking_blocks[%d]", i, from))
			pieces.Reset()
		}
		from = to
	}
	for j := range m.ThinkingBlocks {
		b := &m.ThinkingBlocks[j]
		switch {
		case b.Type == "thinking" && b.Signature.Value == "":
			pieces.WriteString(b.Thinking.Value)
			continue
		case b.Type == "thinking" && b.Thinking.Value == "" && pieces.Len() > 0:
			b.Thinking.Value = pieces.String()
			pieces.Reset()
		}
		unsigned(j)
		var err error
		if blocks, err = d.thinking(blocks, fmt.Sprintf("messages[%d].thinking_blocks[%d]", i, j), b.Type, b.Thinking, b.Signature, b.Data); err != nil {
			return nil, err
		}
		from = j + 1
	}
	unsigned(0)
	return blocks, nil
}

// withoutBlanks leaves out blank texts, which no model takes: clients send ""
// beside tool calls and images.
func withoutBlanks(blocks []llm.Block) []llm.Block {
	return slices.DeleteFunc(blocks, func(b llm.Block) bool { return b.Kind == llm.BlockText && blank(b.Text) })
}

func blank(s string) bool { return strings.TrimSpace(s) == "" }

func (d *decoder) toolCall(blocks []llm.Block, i, j int, c *toolCall) ([]llm.Block, error) {
	field := fmt.Sprintf("messages[%d].tool_calls[%d]", i, j)
	if c.Type != "" && c.Type != "function" {
		return nil, llm.Unsupported(field+".type", "%s.type must be function, not %q", field, c.Type)
	}
	if c.ID == "" {
		return nil, llm.Invalid(field+".id", "%s.id is required", field)
	}
	if c.Function.Name == "" {
		return nil, llm.Invalid(field+".function.name", "%s.function.name is required", field)
	}
	input := jsonx.Raw(strings.TrimSpace(c.Function.Arguments.Value))
	switch {
	case len(input) == 0, string(input) == "null":
		input = jsonx.Raw("{}")
	case !jsonx.Valid(input):
		return nil, llm.Invalid(field+".function.arguments", "%s.function.arguments must be a JSON object written as a string", field)
	case input.Kind() != '{':
		return nil, llm.Invalid(field+".function.arguments", "%s.function.arguments must be a JSON object, not %s", field, jsonx.KindName(input.Kind()))
	}
	d.calls[c.ID] = true
	blocks = append(blocks, llm.Block{Kind: llm.BlockToolUse, ToolUse: &llm.ToolUse{ID: c.ID, Name: c.Function.Name, Input: input}})
	return cached(blocks, c.CacheControl), nil
}

func (d *decoder) toolResult(i int, m *message) error {
	if m.ToolCallID.Value == "" {
		return llm.Invalid(at(i, "tool_call_id"), "messages[%d].tool_call_id is required for role tool: the id of the call that it answers", i)
	}
	if !d.calls[m.ToolCallID.Value] {
		return llm.Invalid(at(i, "tool_call_id"), "messages[%d].tool_call_id %q answers no tool call of the assistant's message before it", i, m.ToolCallID.Value)
	}
	if !m.Content.given {
		return llm.Invalid(at(i, "content"), "messages[%d].content is required for role tool: a string or an array of content parts", i)
	}
	blocks, err := d.blocks(i, m, nil)
	if err != nil {
		return err
	}
	result := &llm.ToolResult{ID: m.ToolCallID.Value}
	var points []llm.Block
	for _, b := range blocks {
		if b.Kind == llm.BlockCachePoint { // it marks the result, whose content has no room for it
			points = append(points[:0], b)
			continue
		}
		if b.Kind == llm.BlockAudio {
			return llm.Invalid(at(i, "content"), "messages[%d].content of role tool may hold text, image_url and file, no audio", i)
		}
		result.Content = append(result.Content, llm.ResultBlock{Block: b})
	}
	said := append([]llm.Block{{Kind: llm.BlockToolResult, ToolResult: result}}, points...)
	d.out.LLM.Turns = append(d.out.LLM.Turns, llm.Turn{Role: llm.RoleUser, Blocks: said})
	return nil
}

// blocks appends a message's content, and the mark that it may be cached.
func (d *decoder) blocks(i int, m *message, blocks []llm.Block) ([]llm.Block, error) {
	if m.Content.text.Set {
		blocks = append(blocks, llm.Block{Kind: llm.BlockText, Text: m.Content.text.Value})
	}
	for j := range m.Content.parts {
		var err error
		if blocks, err = d.part(blocks, fmt.Sprintf("messages[%d].content[%d]", i, j), m, &m.Content.parts[j]); err != nil {
			return nil, err
		}
	}
	return cached(blocks, m.CacheControl), nil
}

func cached(blocks []llm.Block, c *cacheControl) []llm.Block {
	if c == nil || len(blocks) == 0 {
		return blocks
	}
	return append(blocks, llm.Block{Kind: llm.BlockCachePoint, Cache: c.point()})
}

func (d *decoder) part(blocks []llm.Block, field string, m *message, p *part) ([]llm.Block, error) {
	var b llm.Block
	var err error
	d.leftOut(field, p.Rest)
	switch p.Type {
	case "text", "input_text", "output_text":
		if !p.Text.Set {
			return nil, llm.Invalid(field+".text", "%s.text is required: a string", field)
		}
		b = llm.Block{Kind: llm.BlockText, Text: p.Text.Value}
	case "refusal":
		b = llm.Block{Kind: llm.BlockText, Text: p.Refusal.Value}
	case "image_url":
		b, err = image(field+".image_url", &p.ImageURL)
		if detail := p.ImageURL.Detail; detail != "" && detail != "auto" {
			d.warn(llm.WarnDropped, field+".image_url.detail")
		}
		d.leftOut(field+".image_url", p.ImageURL.Rest)
	case "file":
		b, err = document(field+".file", p.File)
		if p.File != nil {
			d.leftOut(field+".file", p.File.Rest)
		}
	case "input_audio":
		b, err = audio(field+".input_audio", p.InputAudio)
	case "thinking", "redacted_thinking":
		if len(m.ThinkingBlocks) > 0 {
			return blocks, nil // thinking_blocks says it already
		}
		if blocks, err = d.thinking(blocks, field, p.Type, p.Thinking, p.Signature, p.Data); err != nil {
			return nil, err
		}
		return cached(blocks, p.CacheControl), nil
	case "":
		return nil, llm.Invalid(field+".type", "%s.type is required: text, image_url, file or input_audio", field)
	default:
		return nil, llm.Invalid(field+".type", "%s.type must be text, image_url, file or input_audio, not %q", field, p.Type)
	}
	if err != nil {
		return nil, err
	}
	if b.Media != nil && m.Role == "assistant" {
		return nil, llm.Invalid(field+".type", "%s.type %s cannot stand in a message of role assistant", field, p.Type)
	}
	return cached(append(blocks, b), p.CacheControl), nil
}

// thinking appends a reasoning block that a client sends back.
func (d *decoder) thinking(blocks []llm.Block, field, kind string, text, signature, data optional[string]) ([]llm.Block, error) {
	switch kind {
	case "thinking":
		if signature.Value == "" { // a model that checks refuses it, one that does not has no use for it
			d.warn(llm.WarnDropped, field)
			return blocks, nil
		}
		return append(blocks, llm.Block{Kind: llm.BlockReasoning, Text: text.Value, Signature: signature.Value}), nil
	case "redacted_thinking":
		if !isBase64(data.Value) {
			return nil, llm.Invalid(field+".data", "%s.data must be the base64 that the answer carried", field)
		}
		return append(blocks, llm.Block{Kind: llm.BlockRedacted, Text: data.Value}), nil
	default:
		return nil, llm.Invalid(field+".type", "%s.type must be thinking or redacted_thinking, not %q", field, kind)
	}
}
