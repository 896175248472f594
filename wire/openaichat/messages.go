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
	ToolCalls        list[toolCall]   `json:"tool_calls"`
	ToolCallID       optional[string] `json:"tool_call_id"`
	Refusal          optional[string] `json:"refusal"`
	ReasoningContent optional[string] `json:"reasoning_content"`
	// ReasoningSignature signs ReasoningContent, in the form of some gateways.
	ReasoningSignature optional[string]    `json:"reasoning_signature"`
	ThinkingBlocks     list[thinkingBlock] `json:"thinking_blocks"`
	CacheControl       *cacheControl       `json:"cache_control"`
	FunctionCall       *called             `json:"function_call"`
	// IsError and Status are a tool's outcome in Anthropic's and in Converse's form: OpenAI has
	// none.
	IsError optional[bool] `json:"is_error"`
	Status  jsonx.Raw      `json:"status"`
	Rest    jsonx.Raw      `json:",embed"`
}

// content is a string, a list of parts, or null.
type content struct {
	text  llm.Opt[string]
	parts list[part]
}

func (c *content) UnmarshalJSONFrom(d *jsonx.Decoder) error {
	switch d.PeekKind() {
	case 'n':
		return d.SkipValue()
	case '"':
		c.text.Set = true
		return jsonx.UnmarshalDecode(d, &c.text.Value)
	case '[':
		return jsonx.UnmarshalDecode(d, &c.parts)
	default:
		return jsonx.Fault("must be a string or an array of content parts, not %s", jsonx.KindName(d.PeekKind()))
	}
}

// thinkingBlock is LiteLLM's form of a reasoning block, which is Anthropic's, with two members of
// ours for its position; both are omitted for a block that comes first.
type thinkingBlock struct {
	Type      string           `json:"type"`
	Thinking  optional[string] `json:"thinking"`
	Text      optional[string] `json:"text"` // the name used by some clients
	Signature optional[string] `json:"signature"`
	Data      optional[string] `json:"data"`
	// AfterCalls is the number of tool calls before it; for a block before all calls, AfterText is
	// the number of characters of content before it.
	AfterCalls optional[int64] `json:"after_tool_calls"`
	AfterText  optional[int64] `json:"after_text"`
	Rest       jsonx.Raw       `json:",embed"`
}

// cacheControl is Anthropic's mark that everything up to here may be cached.
type cacheControl struct {
	Type string           `json:"type"`
	TTL  optional[string] `json:"ttl"`
}

func (c *cacheControl) point() *llm.CachePoint {
	return &llm.CachePoint{Type: "default", TTL: c.TTL.Value}
}

func at(i int, field string) string { return fmt.Sprintf("messages[%d].%s", i, field) }

// resolve puts texts that were extracted from the body back into a message.
func (d *decoder) resolve(m *message) {
	text := d.extracted.Text
	text(&m.Content.text.Value)
	for i := range m.Content.parts {
		p := &m.Content.parts[i]
		text(&p.Text.Value)
		text(&p.Thinking.Value)
	}
	text(&m.ReasoningContent.Value)
	for i := range m.ThinkingBlocks {
		text(&m.ThinkingBlocks[i].Thinking.Value)
	}
	for i := range m.ToolCalls {
		text((*string)(&m.ToolCalls[i].Function.Arguments))
	}
}

// message adds message i to the request.
func (d *decoder) message(i int, m *message) error {
	if d.extracted != nil {
		d.resolve(m)
	}
	if m.Name.Value != "" && m.Role != "tool" && m.Role != "function" { // a tool's name is known from its call
		d.warn(llm.WarnDropped, at(i, "name"))
	}
	if len(m.Rest) > 0 {
		d.warnUnread(fmt.Sprintf("messages[%d]", i), m.Rest)
	}
	if m.Role != "tool" && m.Role != "function" {
		if m.IsError.Value {
			d.warn(llm.WarnDropped, at(i, "is_error"))
		}
		if len(m.Status) > 0 && m.Status.Kind() != 'n' {
			d.warn(llm.WarnDropped, at(i, "status"))
		}
	}
	if m.Role != "assistant" {
		if len(m.ToolCalls) > 0 {
			return llm.Invalid(at(i, "tool_calls"), "messages[%d].tool_calls belongs to role assistant, not %s", i, m.Role)
		}
		if m.FunctionCall != nil {
			return llm.Invalid(at(i, "function_call"), "messages[%d].function_call belongs to role assistant, not %s", i, m.Role)
		}
	}
	switch m.Role {
	case "system", "developer":
		return d.system(i, m)
	case "user":
		return d.user(i, m)
	case "assistant":
		if d.blank > 0 {
			return blankUser(d.blank - 1)
		}
		return d.assistant(i, m)
	case "tool", "function":
		return d.toolResult(i, m)
	case "":
		return llm.Invalid(at(i, "role"), "messages[%d].role is required: system, developer, user, assistant or tool", i)
	default:
		return llm.Invalid(at(i, "role"), "messages[%d].role must be system, developer, user, assistant or tool, not %q", i, m.Role)
	}
}

// warnUnread warns of members that no model reads, except where that is obvious: empty ones, and
// members of responses that clients send back.
func (d *decoder) warnUnread(field string, rest jsonx.Raw) {
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
		case "annotations", "provider_specific_fields", "index", "id", "object":
		default:
			if m.Value.Kind() != 'n' && !jsonx.Empty(m.Value) {
				d.warn(llm.WarnDropped, field+"."+m.Name)
			}
		}
	}
}

func (d *decoder) system(i int, m *message) error {
	blocks, err := d.blocks(i, m)
	if err != nil {
		return err
	}
	r := &d.out.LLM
	if blocks = dropBlanks(blocks); len(blocks) == 0 {
		return nil // it contains no instructions
	}
	if len(r.Turns) > 0 { // instructions cannot be between turns: they move to the front
		d.warn(llm.WarnChanged, fmt.Sprintf("messages[%d]", i))
	}
	for _, b := range blocks {
		if b.Kind != llm.BlockText && b.Kind != llm.BlockCachePoint && !isOther(&b, "guardContent") {
			return llm.Invalid(at(i, "content"), "messages[%d].content of role %s must be text", i, m.Role)
		}
	}
	if d.instructions == nil {
		d.instructions = d.room[:0]
	}
	d.instructions = append(d.instructions, i)
	if r.System == nil {
		r.System = blocks
	} else {
		r.System = append(r.System, blocks...)
	}
	return nil
}

// user adds a user message. An empty message is dropped if another user message is next to it;
// otherwise dropping it would change the meaning of the turns.
func (d *decoder) user(i int, m *message) error {
	blocks, err := d.blocks(i, m)
	if err != nil {
		return err
	}
	r := &d.out.LLM
	if blocks = dropBlanks(blocks); len(blocks) == 0 {
		d.warn(llm.WarnDropped, fmt.Sprintf("messages[%d]", i))
		if d.blank == 0 && (len(r.Turns) == 0 || r.Turns[len(r.Turns)-1].Role != llm.RoleUser) {
			d.blank = i + 1
		}
		return nil
	}
	d.turn(i, llm.RoleUser, blocks)
	return nil
}

func (d *decoder) turn(i int, role llm.Role, blocks []llm.Block) {
	d.blank = 0
	d.out.LLM.Turns = append(d.out.LLM.Turns, llm.Turn{Role: role, Blocks: blocks, Message: i + 1})
}

func blankUser(i int) error {
	return llm.Invalid(at(i, "content"), "messages[%d].content is empty: role user requires a non-empty string or an array of content parts", i)
}

func (d *decoder) assistant(i int, m *message) error {
	thoughts, err := d.thoughts(i, m)
	if err != nil {
		return err
	}
	mark := m.CacheControl // after the calls
	m.CacheControl = nil
	d.calls, d.function, d.unnamed = nil, llm.ToolUse{}, nil
	content, err := d.blocks(i, m)
	if err != nil {
		return err
	}
	if m.Refusal.Value != "" {
		content = append(content, llm.Block{Kind: llm.BlockText, Text: m.Refusal.Value})
	}
	blocks := thoughts.within(content)
	calls := int64(0)
	if m.FunctionCall != nil {
		if blocks, err = d.functionCall(blocks, i, m.FunctionCall); err != nil {
			return err
		}
		calls++
	}
	for j := range m.ToolCalls {
		blocks = thoughts.before(blocks, calls)
		if blocks, err = d.toolCall(blocks, i, j, &m.ToolCalls[j]); err != nil {
			return err
		}
		calls++
	}
	blocks = thoughts.rest(blocks)
	texts := cached(dropBlanks(blocks), mark)
	if len(texts) == 0 { // an empty response is dropped
		d.warn(llm.WarnDropped, fmt.Sprintf("messages[%d]", i))
		return nil
	}
	d.turn(i, llm.RoleAssistant, texts)
	return nil
}

// dropBlanks drops blank texts, which no model accepts: clients send "" with tool calls and
// images.
func dropBlanks(blocks []llm.Block) []llm.Block {
	blocks = slices.DeleteFunc(blocks, func(b llm.Block) bool { return b.Kind == llm.BlockText && blank(b.Text) })
	if !slices.ContainsFunc(blocks, func(b llm.Block) bool { return b.Kind != llm.BlockCachePoint }) {
		return nil
	}
	return blocks
}

func blank(s string) bool { return strings.TrimSpace(s) == "" }

// isOther reports whether b is a Converse-specific block of that name.
func isOther(b *llm.Block, name string) bool {
	return b.Kind == llm.BlockOther && b.Other != nil && b.Other.Name == name
}

// blocks returns a message's content, including its cache mark.
func (d *decoder) blocks(i int, m *message) ([]llm.Block, error) {
	var blocks []llm.Block
	if m.Content.text.Set {
		blocks = append(blocks, llm.Block{Kind: llm.BlockText, Text: m.Content.text.Value})
	}
	for j := range m.Content.parts {
		var err error
		before := len(blocks)
		if blocks, err = d.part(blocks, position{i, j}, m, &m.Content.parts[j]); err != nil {
			return nil, err
		}
		if len(blocks) > before && blocks[before].Media != nil {
			blocks[before].Media.Part = j + 1
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
