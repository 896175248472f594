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
	// ReasoningSignature seals ReasoningContent, as some gateways have it.
	ReasoningSignature optional[string]    `json:"reasoning_signature"`
	ThinkingBlocks     list[thinkingBlock] `json:"thinking_blocks"`
	CacheControl       *cacheControl       `json:"cache_control"`
	FunctionCall       *called             `json:"function_call"`
	// IsError and Status say how a tool fared, in Anthropic's and in Converse's
	// words: OpenAI has none.
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

// thinkingBlock is LiteLLM's form of a reasoning block, which is Anthropic's, with two
// members of ours that say where it stands; both are left out where it stands first.
type thinkingBlock struct {
	Type      string           `json:"type"`
	Thinking  optional[string] `json:"thinking"`
	Text      optional[string] `json:"text"` // some clients' word for it
	Signature optional[string] `json:"signature"`
	Data      optional[string] `json:"data"`
	// AfterCalls is the number of tool calls before it; of one before all calls AfterText
	// is the number of characters of content before it.
	AfterCalls optional[int64] `json:"after_tool_calls"`
	AfterText  optional[int64] `json:"after_text"`
	Rest       jsonx.Raw       `json:",embed"`
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
	if m.Name.Value != "" && m.Role != "tool" && m.Role != "function" { // of a tool its call has the name
		d.warn(llm.WarnDropped, at(i, "name"))
	}
	if len(m.Rest) > 0 {
		d.leftOut(fmt.Sprintf("messages[%d]", i), m.Rest)
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

// leftOut warns of the members that no model reads, but for those of which that is
// plain: what is empty, and what answers carry and clients send back.
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
		case "annotations", "provider_specific_fields", "index", "id", "object":
		default:
			if m.Value.Kind() != 'n' && !empty(m) {
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
	if blocks = withoutBlanks(blocks); len(blocks) == 0 {
		return nil // it instructs nothing
	}
	if len(r.Turns) > 0 { // instructions have no place between turns: they move to the front
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

// user adds what a user says. A message that says nothing is none, where another
// of the user's stands beside it; else the turns would mean something else without it.
func (d *decoder) user(i int, m *message) error {
	blocks, err := d.blocks(i, m)
	if err != nil {
		return err
	}
	r := &d.out.LLM
	if blocks = withoutBlanks(blocks); len(blocks) == 0 {
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
	return llm.Invalid(at(i, "content"), "messages[%d].content of role user says nothing: a string or an array of content parts is required", i)
}

func (d *decoder) assistant(i int, m *message) error {
	thoughts, err := d.thoughts(i, m)
	if err != nil {
		return err
	}
	mark := m.CacheControl // stands behind the calls
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
	texts := cached(withoutBlanks(blocks), mark)
	if len(texts) == 0 { // an answer that said nothing is none
		d.warn(llm.WarnDropped, fmt.Sprintf("messages[%d]", i))
		return nil
	}
	d.turn(i, llm.RoleAssistant, texts)
	return nil
}

// withoutBlanks leaves out blank texts, which no model takes: clients send ""
// beside tool calls and images.
func withoutBlanks(blocks []llm.Block) []llm.Block {
	blocks = slices.DeleteFunc(blocks, func(b llm.Block) bool { return b.Kind == llm.BlockText && blank(b.Text) })
	if !slices.ContainsFunc(blocks, func(b llm.Block) bool { return b.Kind != llm.BlockCachePoint }) {
		return nil
	}
	return blocks
}

func blank(s string) bool { return strings.TrimSpace(s) == "" }

// isOther reports whether b is a block of Converse's own with that name.
func isOther(b *llm.Block, name string) bool {
	return b.Kind == llm.BlockOther && b.Other != nil && b.Other.Name == name
}

// blocks gives a message's content, and the mark that it may be cached.
func (d *decoder) blocks(i int, m *message) ([]llm.Block, error) {
	var blocks []llm.Block
	if m.Content.text.Set {
		blocks = append(blocks, llm.Block{Kind: llm.BlockText, Text: m.Content.text.Value})
	}
	for j := range m.Content.parts {
		var err error
		if blocks, err = d.part(blocks, place{i, j}, m, &m.Content.parts[j]); err != nil {
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
