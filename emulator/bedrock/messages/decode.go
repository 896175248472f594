// Package messages is the server's side of Anthropic's Messages API as InvokeModel has
// it: it decodes a body into an llm.Request or refuses it in Anthropic's words, and
// encodes an answer as a message or as the events of a stream.
//
// It is the emulator's own reading of the API, apart from the gateway's, so that a
// gateway that writes it wrongly is found out. Members, values and words are those
// of https://docs.claude.com/en/api/messages, of recorded exchanges with Bedrock
// and of public reports; docs/emulator.md lists what is assumed.
package messages

import (
	"slices"
	"strconv"

	"outcrop/internal/jsonx"
	"outcrop/llm"
)

// Terms are the parts of the API that only some models accept.
type Terms struct {
	// System is whether messages may have the role system.
	System bool
	// Betas are the flags that the model accepts; nil for any.
	Betas []string
}

// Versions returns the accepted values of anthropic_version: Bedrock's own, and the one
// that Anthropic's newest SDKs send.
func Versions() []string { return []string{"bedrock-2023-05-31", "2026-10-21"} }

// Betas that enable members and types.
const (
	betaToolSearch   = "tool-search-tool-2025-10-19"
	betaToolExamples = "tool-examples-2025-10-29"
	betaContext      = "context-management-2025-06-27"
	betaComputerOld  = "computer-use-2024-10-22"
	betaComputer     = "computer-use-2025-01-24"
	betaComputerNew  = "computer-use-2025-11-24"
)

// body is the state of decoding a body.
type body struct {
	*decoder

	request *llm.Request
	betas   []string
}

// Decode decodes the body of InvokeModel. Settings that are specific to Anthropic become
// ModelFields, unchanged: anthropic_beta, thinking, output_config, top_k, tool_choice,
// context_management. Cache control becomes a cache point after its block. An error is a
// *Fault, or a *jsonx.Error if the body is not JSON.
func Decode(data []byte, terms Terms) (*llm.Request, error) {
	if !jsonx.Valid(data) {
		var anything jsonx.Raw
		if err := jsonx.Unmarshal(data, &anything); err != nil {
			return nil, err
		}
	}
	b := &body{decoder: &decoder{terms: terms}, request: new(llm.Request)}
	o := b.object("", data)
	b.settings(o)
	if b.fault == nil {
		b.tools(o)
	}
	if b.fault == nil {
		b.system(o.take("system"))
	}
	if b.fault == nil {
		b.messages(o.need("messages"))
	}
	o.end()
	if b.fault != nil {
		return nil, b.fault
	}
	return b.request, nil
}

func (b *body) has(beta string) bool { return slices.Contains(b.betas, beta) }

// keep passes a member on unchanged.
func (b *body) keep(name string, value jsonx.Raw) {
	b.request.ModelFields = append(b.request.ModelFields, jsonx.Member{Name: name, Value: value})
}

func (b *body) settings(o *object) {
	r := b.request
	if v := o.text("anthropic_version", true); b.fault == nil && !slices.Contains(Versions(), v) {
		b.failf("", "Invalid API version")
	}
	if v := o.take("anthropic_beta"); v != nil {
		b.betas = b.strings("anthropic_beta", v)
		for _, flag := range b.betas {
			if b.terms.Betas != nil && !slices.Contains(b.terms.Betas, flag) {
				b.failf("", "invalid beta flag")
			}
		}
		b.keep("anthropic_beta", v)
	}
	r.MaxTokens = o.integer("max_tokens", 1, true)
	r.Temperature, r.TopP = o.share("temperature"), o.share("top_p")
	if k := o.integer("top_k", 0, false); k.Set {
		r.TopK = k
		b.keep("top_k", o.take("top_k"))
	}
	if v := o.take("stop_sequences"); v != nil {
		r.Stop = b.strings("stop_sequences", v)
	}
	if v := o.take("metadata"); v != nil {
		m := b.object("metadata", v)
		m.text("user_id", false)
		m.end()
	}
	if v := o.take("thinking"); v != nil {
		b.thinking(v)
	}
	if v := o.take("output_config"); v != nil {
		b.outputConfig(v)
	}
	if v := o.take("context_management"); v != nil {
		if !b.has(betaContext) {
			b.extra("context_management")
		}
		m := b.object("context_management", v)
		m.take("edits")
		m.end()
		b.keep("context_management", v)
	}
}

// thinking checks the form of the setting only; models differ in what they accept.
func (b *body) thinking(v jsonx.Raw) {
	t := b.object("thinking", v)
	kind := t.text("type", true)
	t.path = join("thinking", kind)
	if kind == "enabled" {
		t.integer("budget_tokens", 0, false)
	}
	if kind == "enabled" || kind == "adaptive" || kind == "between_tools" {
		t.word("display", false, "omitted", "summarized", "updates")
	}
	switch kind {
	case "enabled", "adaptive", "between_tools", "disabled":
		t.end()
	}
	b.keep("thinking", v)
}

func (b *body) outputConfig(v jsonx.Raw) {
	c := b.object("output_config", v)
	c.text("effort", false)
	if format := c.take("format"); format != nil {
		if b.tag("output_config.format", format, []string{"json_schema"}) != "" {
			f := b.object("output_config.format", format)
			f.take("type")
			schema := f.need("schema")
			f.end()
			b.request.Format = &llm.Format{Schema: schema}
		}
	}
	c.end()
	b.keep("output_config", v)
}

func (b *body) system(v jsonx.Raw) {
	if v == nil {
		return
	}
	if v.Kind() == '"' {
		var s string
		if jsonx.Unmarshal(v, &s) == nil && s != "" {
			b.request.System = []llm.Block{{Kind: llm.BlockText, Text: s}}
		}
		return
	}
	for i, value := range b.list("system", v) {
		path := join("system", strconv.Itoa(i))
		if b.tag(path, value, []string{"text"}) == "" {
			return
		}
		b.request.System = append(b.request.System, b.textBlock(path, value)...)
	}
}

func (b *body) messages(v jsonx.Raw) {
	all := b.list("messages", v)
	if len(all) == 0 {
		b.failf("messages", "at least one message is required")
	}
	for i, value := range all {
		if b.fault != nil {
			return
		}
		path := join("messages", strconv.Itoa(i))
		m := b.object(path, value)
		role := m.text("role", true)
		switch {
		case role == "user", role == "assistant", role == "system" && b.terms.System:
		default:
			b.failf(join(path, "role"), "Input should be 'user' or 'assistant'")
		}
		turn := llm.Turn{Role: llm.Role(role), Message: i + 1}
		content := m.need("content")
		switch {
		case b.fault != nil:
			return
		case content.Kind() == '"':
			var s string
			if jsonx.Unmarshal(content, &s) == nil && s != "" {
				turn.Blocks = []llm.Block{{Kind: llm.BlockText, Text: s}}
			}
		default:
			turn.Blocks = b.blocks(join(path, "content"), content, b.tags(turn.Role))
		}
		m.end()
		if len(turn.Blocks) == 0 && (turn.Role != llm.RoleAssistant || i < len(all)-1) {
			if turn.Role == llm.RoleUser {
				b.failf(path, "user messages must have non-empty content")
			} else {
				b.failf(path, "all messages must have non-empty content except for the optional final assistant message")
			}
		}
		if len(turn.Blocks) > 0 {
			b.request.Turns = append(b.request.Turns, turn)
		}
	}
}

// tags returns the types of block that a turn may have.
func (b *body) tags(role llm.Role) []string {
	switch role {
	case llm.RoleSystem:
		return []string{"text"}
	case llm.RoleAssistant:
		return []string{"redacted_thinking", "text", "thinking", "tool_use"}
	default:
		return []string{"document", "image", "redacted_thinking", "search_result", "text", "thinking", "tool_result", "tool_use"}
	}
}
