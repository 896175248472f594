package anthropic

import (
	"slices"
	"strconv"

	"outcrop/internal/jsonx"
	"outcrop/llm"
)

// conversation is the array of messages, which are decoded one by one.
type conversation struct {
	d     *decoder
	given bool
	n     int
}

func (c *conversation) UnmarshalJSONFrom(d *jsonx.Decoder) error {
	switch d.PeekKind() {
	case 'n':
		return d.SkipValue()
	case '[':
	default:
		return jsonx.Fault("must be an array, not %s", jsonx.KindName(d.PeekKind()))
	}
	c.given = true
	if _, err := d.ReadToken(); err != nil {
		return err
	}
	var m wireMessage
	for d.PeekKind() != ']' {
		if c.n == maxMessages {
			return jsonx.Fault("must have at most %d messages", maxMessages)
		}
		m = wireMessage{}
		if err := jsonx.UnmarshalDecode(d, &m); err != nil {
			return err
		}
		if err := c.d.message(c.n, &m); err != nil {
			c.d.failed = err
			return err
		}
		c.n++
	}
	_, err := d.ReadToken()
	return err
}

type wireMessage struct {
	Role    string  `json:"role"`
	Content content `json:"content"`
	// OutputConfig and ClearAt belong to role system.
	OutputConfig *outputConfig    `json:"output_config"`
	ClearAt      optional[string] `json:"clear_at"`
	Rest         jsonx.Raw        `json:",embed"`
}

// content is a string or a list of blocks. An object, as some results of server tools have it, is
// not read.
type content struct {
	text   llm.Opt[string]
	blocks list[block]
	object bool
	given  bool
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
		return jsonx.UnmarshalDecode(d, &c.blocks)
	case '{':
		c.given, c.object = true, true
		return d.SkipValue()
	default:
		return jsonx.Fault("must be a string or an array of content blocks, not %s", jsonx.KindName(d.PeekKind()))
	}
}

// message is the path of message i.
func message(i int) string { return "messages[" + strconv.Itoa(i) + "]" }

// resolve puts texts that were extracted from the body back into content.
func (d *decoder) resolve(c *content) {
	d.extracted.Text(&c.text.Value)
	for i := range c.blocks {
		b := &c.blocks[i]
		d.extracted.Text(&b.Text.Value)
		d.extracted.Text(&b.Thinking.Value)
		d.extracted.Raw(&b.Input)
		d.resolve(&b.Content)
	}
}

// message adds message i to the request.
func (d *decoder) message(i int, m *wireMessage) error {
	if d.extracted != nil {
		d.resolve(&m.Content)
	}
	if len(m.Rest) > 0 {
		d.unread(message(i), m.Rest)
	}
	if m.Content.object {
		return llm.Invalid(message(i)+".content", "%s.content must be a string or an array of content blocks, not an object", message(i))
	}
	if m.Role != "system" {
		if m.OutputConfig != nil {
			d.extra(message(i) + ".output_config")
		}
		if m.ClearAt.Set {
			d.extra(message(i) + ".clear_at")
		}
	}
	switch m.Role {
	case "user":
		d.fade()
		return d.user(i, m)
	case "assistant":
		return d.assistant(i, m)
	case "system":
		return d.systemMessage(i, m)
	case "":
		return llm.Invalid(message(i)+".role", "%s.role: Field required", message(i))
	default:
		return llm.Invalid(message(i)+".role", "%s.role: Input should be 'user', 'assistant' or 'system', not %q", message(i), m.Role)
	}
}

// fade removes the system messages that are no longer shown, now that a user message follows them.
func (d *decoder) fade() {
	if len(d.fading) == 0 {
		return
	}
	turns := d.out.LLM.Turns
	kept := turns[:d.fading[0]]
	for at, fading := d.fading[0], d.fading; at < len(turns); at++ {
		if len(fading) > 0 && fading[0] == at {
			fading = fading[1:]
			continue
		}
		kept = append(kept, turns[at])
	}
	clear(turns[len(kept):])
	d.out.LLM.Turns, d.fading = kept, d.fading[:0]
}

func (d *decoder) user(i int, m *wireMessage) error {
	refused := d.refused
	blocks, err := d.blocks(i, llm.RoleUser, &m.Content)
	if err != nil {
		return err
	}
	if len(blocks) == 0 {
		if d.refused > refused { // what it consisted of is refused, or dropped under drop_params
			return nil
		}
		return llm.Invalid(message(i)+".content", "%s.content: user messages must have non-empty content", message(i))
	}
	d.turn(i, llm.RoleUser, blocks)
	return nil
}

// assistant adds an assistant message. An empty one is dropped: the API allows it at the end of the
// conversation, where it means nothing.
func (d *decoder) assistant(i int, m *wireMessage) error {
	blocks, err := d.blocks(i, llm.RoleAssistant, &m.Content)
	if err != nil {
		return err
	}
	if len(blocks) == 0 {
		if d.prefilled > 0 {
			d.warnOnce(llm.WarnDropped, message(d.prefilled-1), emptyMessage)
		}
		d.prefilled = i + 1
		return nil
	}
	d.turn(i, llm.RoleAssistant, blocks)
	return nil
}

// emptyMessage is the detail of the warning for an empty message.
const emptyMessage = "the message is empty"

func (d *decoder) turn(i int, role llm.Role, blocks []llm.Block) {
	d.out.LLM.Turns = append(d.out.LLM.Turns, llm.Turn{Role: role, Blocks: blocks, Message: i + 1})
}

// blocks returns a message's content. Empty texts are left out: no model accepts them, and clients
// send them next to tool calls.
func (d *decoder) blocks(i int, role llm.Role, c *content) ([]llm.Block, error) {
	if c.text.Set {
		if c.text.Value == "" {
			return nil, nil
		}
		return []llm.Block{{Kind: llm.BlockText, Text: c.text.Value}}, nil
	}
	var blocks []llm.Block
	d.counts = d.counts[:0]
	moved := false
	for j := range c.blocks {
		var err error
		if blocks, err = d.block(blocks, position{message: i, block: j, inner: none}, role, &c.blocks[j]); err != nil {
			return nil, err
		}
		d.counts = append(d.counts, len(blocks))
		moved = moved || len(blocks) != j+1
	}
	if moved {
		if d.ends == nil {
			d.ends = map[int][]int{}
		}
		d.ends[i] = slices.Clone(d.counts)
	}
	if !slices.ContainsFunc(blocks, func(b llm.Block) bool { return b.Kind != llm.BlockCachePoint }) {
		return nil, nil
	}
	return blocks, nil
}

// inConversation reports whether a message of another role than system has been read. An empty
// assistant message counts, although it has no turn.
func (d *decoder) inConversation() bool { return len(d.out.LLM.Turns) > 0 || d.prefilled > 0 }

// systemMessage adds a system message. At the beginning of the conversation it joins the system
// prompt.
func (d *decoder) systemMessage(i int, m *wireMessage) error {
	if m.ClearAt.Set && m.ClearAt.Value != "never" && m.ClearAt.Value != clearAtUser {
		return llm.Invalid(message(i)+".clear_at", "%s.clear_at must be next_user_message or never, not %q", message(i), m.ClearAt.Value)
	}
	if c := m.OutputConfig; c != nil {
		field := message(i) + ".output_config"
		d.unread(field, c.Rest)
		if c.Format != nil {
			d.extra(field + ".format")
		}
		if err := checkEffort(field+".effort", c.Effort.Value); err != nil {
			return err
		}
		if c.Effort.Value != "" {
			d.effort, d.effortField = c.Effort.Value, field+".effort"
		}
	}
	if !m.Content.given && m.OutputConfig == nil {
		return llm.Invalid(message(i)+".content", "%s.content: Field required", message(i))
	}
	blocks, err := d.blocks(i, llm.RoleSystem, &m.Content)
	if err != nil || len(blocks) == 0 {
		return err
	}
	fades := m.ClearAt.Value == clearAtUser
	switch {
	case !d.inConversation() && !fades:
		d.out.LLM.System = append(d.out.LLM.System, blocks...)
		return nil
	case d.opt.SystemTurns:
		d.turn(i, llm.RoleSystem, blocks)
	default:
		for j := range blocks {
			if b := &blocks[j]; b.Kind == llm.BlockText {
				b.Text = systemBegin + b.Text + systemEnd
			}
		}
		d.warnOnce(llm.WarnChanged, message(i), "system messages inside the conversation are sent as user text")
		d.turn(i, llm.RoleUser, blocks)
	}
	if fades {
		d.fading = append(d.fading, len(d.out.LLM.Turns)-1)
	}
	return nil
}

// clearAtUser is the value of clear_at for a message that is shown only until a user message
// follows.
const clearAtUser = "next_user_message"

// The tags around a system message that is sent as user text. They are the same in every request,
// because the text is part of a prompt that may be cached.
const (
	systemBegin = "<system>\n"
	systemEnd   = "\n</system>"
)
