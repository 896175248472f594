package anthropic

import (
	"strconv"
	"strings"

	"outcrop/internal/jsonx"
	"outcrop/llm"
)

// block is a content block of any type.
type block struct {
	Type         string           `json:"type"`
	Text         optional[string] `json:"text"`
	Source       *source          `json:"source"`
	Title        optional[string] `json:"title"`
	Context      optional[string] `json:"context"`
	Citations    jsonx.Raw        `json:"citations"`
	Thinking     optional[string] `json:"thinking"`
	Signature    optional[string] `json:"signature"`
	Data         optional[string] `json:"data"`
	ID           optional[string] `json:"id"`
	Name         optional[string] `json:"name"`
	Input        jsonx.Raw        `json:"input"`
	ToolUseID    optional[string] `json:"tool_use_id"`
	Content      content          `json:"content"`
	IsError      optional[bool]   `json:"is_error"`
	ToolName     optional[string] `json:"tool_name"`
	Tool         *toolChange      `json:"tool"`
	CacheControl *cacheControl    `json:"cache_control"`
	Rest         jsonx.Raw        `json:",embed"`
}

// position locates a block. It is formatted only when a message needs it.
type position struct {
	message int // systemPrompt for the top-level system prompt
	block   int
	inner   int // in a tool result; none if the block itself is meant
}

const (
	none         = -1
	systemPrompt = -1
)

func (p position) String() string {
	s := "system"
	if p.message != systemPrompt {
		s = message(p.message) + ".content"
	}
	s += "[" + strconv.Itoa(p.block) + "]"
	if p.inner != none {
		s += ".content[" + strconv.Itoa(p.inner) + "]"
	}
	return s
}

// block appends what a block of a message becomes, and its cache point.
func (d *decoder) block(blocks []llm.Block, at position, role llm.Role, b *block) ([]llm.Block, error) {
	have := len(blocks)
	blocks, err := d.kind(blocks, at, role, b)
	if err != nil {
		return nil, err
	}
	if b.CacheControl == nil {
		return blocks, nil
	}
	if len(b.CacheControl.Rest) > 0 {
		d.unread(at.String()+".cache_control", b.CacheControl.Rest)
	}
	if len(blocks) == have && have > 0 && blocks[have-1].Kind == llm.BlockCachePoint {
		return blocks, nil // of a block that was left out
	}
	return b.CacheControl.behind(blocks), nil
}

// kind appends what a block becomes, by its type.
func (d *decoder) kind(blocks []llm.Block, at position, role llm.Role, b *block) ([]llm.Block, error) {
	switch b.Type {
	case "text":
		return d.text(blocks, at, b)
	case "tool_use", "thinking", "redacted_thinking", "compaction", "fallback":
		if role != llm.RoleAssistant {
			return nil, misplaced(at, b, role)
		}
		return d.ofAssistant(blocks, at, b)
	case "image", "document", "search_result", "tool_result", "container_upload":
		if role != llm.RoleUser {
			return nil, misplaced(at, b, role)
		}
		return d.ofUser(blocks, at, b)
	case "tool_addition", "tool_removal":
		if role != llm.RoleSystem {
			return nil, misplaced(at, b, role)
		}
		return d.toolChange(blocks, at, b)
	case "":
		return nil, llm.Invalid(at.String()+".type", "%s.type: Field required", at)
	}
	if ofServer(b.Type) {
		d.warnOnce(llm.WarnDropped, at.String(), "calls of Anthropic's server tools and their results are not sent to this model")
		return blocks, nil
	}
	return nil, unknownType(at, b)
}

func misplaced(at position, b *block, role llm.Role) error {
	return llm.Invalid(at.String()+".type", "%s: %s blocks are not allowed in a message of role %s", at, b.Type, role)
}

// unknownType is the error for a type of block that the API does not have.
func unknownType(at position, b *block) error {
	return llm.Invalid(at.String()+".type", "%s: Input tag %q found using 'type' does not match any of the expected tags: 'document', 'image', "+
		"'redacted_thinking', 'search_result', 'text', 'thinking', 'tool_result', 'tool_use'", at, b.Type)
}

// ofServer reports whether a block is a call of a tool that Anthropic's API runs itself, its result,
// or a list of such tools.
func ofServer(kind string) bool {
	switch kind {
	case "server_tool_use", "mcp_tool_use", "mcp_tool_listing", "connector_text":
		return true
	default:
		return strings.HasSuffix(kind, "_tool_result")
	}
}

func (d *decoder) text(blocks []llm.Block, at position, b *block) ([]llm.Block, error) {
	if !b.Text.Set {
		return nil, llm.Invalid(at.String()+".text", "%s.text: Field required", at)
	}
	if given(b.Citations) && !empty(b.Citations) {
		d.warnOnce(llm.WarnDropped, at.String()+".citations", "citations of earlier responses are not sent back; the text is")
	}
	d.unreadOf(at, b)
	if b.Text.Value == "" {
		return blocks, nil
	}
	return append(blocks, llm.Block{Kind: llm.BlockText, Text: b.Text.Value}), nil
}

func (d *decoder) ofAssistant(blocks []llm.Block, at position, b *block) ([]llm.Block, error) {
	switch b.Type {
	case "tool_use":
		return d.toolUse(blocks, at, b)
	case "thinking":
		switch {
		case !b.Thinking.Set:
			return nil, llm.Invalid(at.String()+".thinking", "%s.thinking: Field required", at)
		case b.Thinking.Value == "" && b.Signature.Value == "":
			return blocks, nil
		}
		return append(blocks, llm.Block{Kind: llm.BlockReasoning, Text: b.Thinking.Value, Signature: d.sealed(b.Signature.Value)}), nil
	case "redacted_thinking":
		data := d.sealed(b.Data.Value)
		if llm.Marked(data) { // a signature, see unreadable
			return append(blocks, llm.Block{Kind: llm.BlockReasoning, Signature: data}), nil
		}
		if !isBase64([]byte(data)) {
			return nil, llm.Invalid(at.String()+".data", "%s.data must be the base64 of the response, unchanged", at)
		}
		return append(blocks, llm.Block{Kind: llm.BlockRedacted, Text: data}), nil
	case "compaction":
		if !b.Content.text.Set || b.Content.text.Value == "" {
			d.refusef(at.String(), "%s is an encrypted summary, which only Anthropic's API can read", at)
			return blocks, nil
		}
		d.warnOnce(llm.WarnChanged, at.String(), "the summary of a compaction is sent as text")
		return append(blocks, llm.Block{Kind: llm.BlockText, Text: b.Content.text.Value}), nil
	default: // fallback, which the model never sees
		return blocks, nil
	}
}

func (d *decoder) toolUse(blocks []llm.Block, at position, b *block) ([]llm.Block, error) {
	switch {
	case b.ID.Value == "":
		return nil, llm.Invalid(at.String()+".id", "%s.id: Field required", at)
	case b.Name.Value == "":
		return nil, llm.Invalid(at.String()+".name", "%s.name: Field required", at)
	case !given(b.Input):
		return nil, llm.Invalid(at.String()+".input", "%s.input: Field required", at)
	case b.Input.Kind() != '{':
		return nil, llm.Invalid(at.String()+".input", "%s.input: Input should be an object, not %s", at, jsonx.KindName(b.Input.Kind()))
	}
	d.unreadOf(at, b)
	use := &llm.ToolUse{ID: b.ID.Value, Name: b.Name.Value, Input: b.Input}
	return append(blocks, llm.Block{Kind: llm.BlockToolUse, ToolUse: use}), nil
}

func (d *decoder) ofUser(blocks []llm.Block, at position, b *block) ([]llm.Block, error) {
	switch b.Type {
	case "tool_result":
		return d.toolResult(blocks, at, b)
	case "container_upload":
		d.refusef(at.String(), "%s is a file for Anthropic's container, which Bedrock does not have", at)
		return blocks, nil
	default:
		return d.medium(blocks, at, b)
	}
}

// medium appends an image, a document or a search result, which user messages and tool results may
// contain.
func (d *decoder) medium(blocks []llm.Block, at position, b *block) ([]llm.Block, error) {
	var out llm.Block
	var ok bool
	var err error
	switch b.Type {
	case "image":
		out, ok, err = d.image(at, b)
	case "document":
		out, ok, err = d.document(at, b)
	default:
		out, ok, err = d.searchResult(at, b)
	}
	if err != nil || !ok {
		return blocks, err
	}
	d.unreadOf(at, b)
	return append(blocks, out), nil
}

func (d *decoder) toolResult(blocks []llm.Block, at position, b *block) ([]llm.Block, error) {
	if b.ToolUseID.Value == "" {
		return nil, llm.Invalid(at.String()+".tool_use_id", "%s.tool_use_id: Field required", at)
	}
	if b.Content.object {
		return nil, llm.Invalid(at.String()+".content", "%s.content must be a string or an array of content blocks, not an object", at)
	}
	d.unreadOf(at, b)
	result := &llm.ToolResult{ID: b.ToolUseID.Value}
	if b.IsError.Value {
		result.Status = "error"
	}
	if b.Content.text.Set {
		result.Content = []llm.ResultBlock{{Block: llm.Block{Kind: llm.BlockText, Text: b.Content.text.Value}}}
	}
	mark := b.CacheControl
	for k := range b.Content.blocks {
		c := &b.Content.blocks[k]
		at.inner = k
		inner, err := d.resultBlock(at, c)
		if err != nil {
			return nil, err
		}
		for _, one := range inner {
			result.Content = append(result.Content, llm.ResultBlock{Block: one})
		}
		if mark == nil { // the content of a result cannot contain one, so it marks the result
			mark = c.CacheControl
		}
	}
	b.CacheControl = mark
	if len(result.Content) == 0 { // a tool that returned nothing has still answered
		result.Content = []llm.ResultBlock{{Block: llm.Block{Kind: llm.BlockText}}}
	}
	return append(blocks, llm.Block{Kind: llm.BlockToolResult, ToolResult: result}), nil
}

// resultBlock returns what a block of a tool result becomes.
func (d *decoder) resultBlock(at position, b *block) ([]llm.Block, error) {
	switch b.Type {
	case "text":
		return d.text(nil, at, b)
	case "image", "document", "search_result":
		return d.medium(nil, at, b)
	case "tool_reference":
		if b.ToolName.Value == "" {
			return nil, llm.Invalid(at.String()+".tool_name", "%s.tool_name: Field required", at)
		}
		d.refer(b.ToolName.Value)
		return []llm.Block{{Kind: llm.BlockText, Text: available(b.ToolName.Value)}}, nil
	case "browser_state":
		d.refusef(at.String(), "%s is the state of a browser, which only Anthropic's API can read", at)
		return nil, nil
	case "":
		return nil, llm.Invalid(at.String()+".type", "%s.type: Field required", at)
	default:
		return nil, llm.Invalid(at.String()+".type", "%s: Input tag %q found using 'type' does not match any of the expected tags: "+
			"'document', 'image', 'search_result', 'text', 'tool_reference'", at, b.Type)
	}
}

// available is the text for a reference to a tool. It is part of a prompt that may be cached, so it
// depends on nothing but the name.
func available(name string) string { return "The tool " + name + " is available." }

// unread warns of members that no model reads, except where nothing is lost.
func (d *decoder) unread(field string, rest jsonx.Raw) {
	if len(rest) == 0 {
		return
	}
	members, err := jsonx.Members(rest)
	if err != nil { // it was decoded before
		return
	}
	for _, m := range members {
		switch m.Name {
		case "caller", // direct, or a call by a server tool, whose own blocks are not sent
			"eager_input_streaming": // how finely a call's input is streamed
		default:
			if !empty(m.Value) {
				d.warnOnce(llm.WarnDropped, field+"."+m.Name, "the member "+strconv.Quote(m.Name)+" is not supported")
			}
		}
	}
}

// unreadOf is unread for a block, whose path is formatted only if there is something to say.
func (d *decoder) unreadOf(at position, b *block) {
	if len(b.Rest) > 0 {
		d.unread(at.String(), b.Rest)
	}
}

// sealed returns the model's opaque content, which may have been extracted from the body.
func (d *decoder) sealed(s string) string {
	if long, ok := d.extracted.Resolve(s, isBase64); ok {
		return string(long)
	}
	return s
}

// isBase64 reports whether s is standard base64 of at least one byte.
func isBase64(s []byte) bool {
	content, ok := llm.ParseBase64(s)
	return ok && !content.IsZero()
}
