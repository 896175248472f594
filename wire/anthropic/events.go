package anthropic

import (
	"slices"
	"strconv"

	"outcrop/internal/jsonx"
	"outcrop/llm"
)

// Events encodes a streaming response as Anthropic's server-sent events: message_start, the blocks
// one after the other, message_delta and message_stop. A block is opened with its first content, so
// that blocks without any do not appear, and blocks that the provider interleaves are held back
// until the one before them has ended. How the response ended is not sent until the whole response
// is known to be complete, so that a response that breaks off never claims to have finished.
type Events struct {
	env   Envelope
	begun bool

	// The current block: the first that has begun and not ended.
	current   bool
	index     int // the provider's
	kind      llm.BlockKind
	opened    bool   // content_block_start has been sent
	hidden    bool   // it is a call of the provider's own tools, which has no form here
	number    int64  // the client's index of the next block, or of the open one
	delta     []byte // the event of a piece of text, up to the text
	signature []byte
	input     jsonx.Raw // of a call, if its start has one
	pieces    bool      // the call's input has been sent in pieces
	redacted  *llm.Fold // redacted reasoning, whose pieces are base64, each padded
	kept      int       // bytes that are kept until the end of a block

	held      []waiting // other blocks, in the order in which they began
	heldBytes int

	contents
	stop    llm.StopReason
	rawStop string
	fields  jsonx.Raw
	tier    string
	usage   llm.Usage
	counted bool
}

// NewEvents prepares a stream.
func NewEvents(env Envelope) *Events {
	return &Events{env: env, contents: contents{unreadable: unreadable{unasked: env.Unasked}}}
}

// maxKept is how much of a stream may be kept until the end of a block, in bytes: the memory for a
// stream must not grow with its length. A response that exceeds it ends with an error.
const maxKept = 16 << 20

// Err reports why the response cannot be sent on: a stream would have to keep more of it than it
// may. It is nil or an *llm.Error. Callers check it after each Append.
func (c *Events) Err() error {
	if c.kept+c.heldBytes <= maxKept {
		return nil
	}
	return &llm.Error{
		Code: llm.CodeAnswerTooLarge, Status: 502,
		Message: "the response has more content that can only be sent after other content than the gateway buffers for a stream (limit " + strconv.Itoa(maxKept>>20) + " MB).",
		Fix:     "Request a shorter response.",
	}
}

// Append appends the encoding of ev, which is often empty. Only the first choice has a form.
func (c *Events) Append(dst []byte, ev *llm.Event) []byte {
	if ev.Choice > 0 {
		return dst
	}
	dst = c.begin(dst)
	switch ev.Kind {
	case llm.EventBlockStart, llm.EventDelta, llm.EventBlockEnd:
		if c.current && ev.Index != c.index {
			c.hold(ev)
			return dst
		}
		dst = c.event(dst, ev)
		return c.release(dst)
	case llm.EventStop:
		c.stop, c.rawStop, c.fields = ev.Stop, ev.RawStop, ev.Raw
	case llm.EventUsage:
		c.tier = ev.ServiceTier
		if ev.Usage != nil {
			c.usage, c.counted = *ev.Usage, true
		}
	case llm.EventStart, llm.EventOther:
	}
	return dst
}

// begin starts the message. Its usage is not known yet; message_delta has it.
func (c *Events) begin(dst []byte) []byte {
	if c.begun {
		return dst
	}
	c.begun = true
	w := event(dst, "message_start")
	w.Key("message")
	w.Object()
	head(&w, c.env)
	w.Key("content")
	w.Array()
	w.EndArray()
	w.Key("stop_reason")
	w.Null()
	w.Key("stop_sequence")
	w.Null()
	w.Key("usage")
	appendUsage(&w, &llm.Usage{}, "")
	w.EndObject()
	return end(&w)
}

// event begins an event, whose object is open.
func event(dst []byte, kind string) jsonx.Writer {
	dst = append(dst, "event: "...)
	dst = append(dst, kind...)
	w := jsonx.Writer{Buf: append(dst, "\ndata: "...)}
	w.Object()
	w.Key("type")
	w.Word(kind)
	return w
}

// end ends an event.
func end(w *jsonx.Writer) []byte {
	w.EndObject()
	return append(w.Buf, "\n\n"...)
}

// waiting are the events of a block that began before the one before it had ended.
type waiting struct {
	index  int
	events []llm.Event
}

// hold keeps an event of another block than the current one.
func (c *Events) hold(ev *llm.Event) {
	if c.heldBytes += weight(ev); c.Err() != nil {
		return
	}
	for i := range slices.Backward(c.held) {
		if c.held[i].index == ev.Index {
			c.held[i].events = append(c.held[i].events, *ev)
			return
		}
	}
	c.held = append(c.held, waiting{ev.Index, []llm.Event{*ev}})
}

// weight is the approximate number of bytes needed to keep an event.
func weight(ev *llm.Event) int {
	const each = 512 // in addition to its texts
	n := each + len(ev.Text) + len(ev.Signature)
	if ev.Media != nil {
		n += len(ev.Media.Base64.Bytes())
	}
	if ev.Other != nil {
		n += len(ev.Other.Name) + len(ev.Other.Value)
	}
	if ev.ToolUse != nil {
		n += len(ev.ToolUse.Input)
	}
	for i := range ev.Extra {
		n += each + len(ev.Extra[i].Value)
	}
	return n
}

// release sends what was held back, as long as no block is current.
func (c *Events) release(dst []byte) []byte {
	for !c.current && len(c.held) > 0 {
		next := c.held[0]
		c.held[0] = waiting{}
		c.held = c.held[1:]
		for i := range next.events {
			c.heldBytes -= weight(&next.events[i])
			dst = c.event(dst, &next.events[i])
		}
	}
	return dst
}

// event handles an event of the current block, or of a new one if there is none.
func (c *Events) event(dst []byte, ev *llm.Event) []byte {
	switch ev.Kind {
	case llm.EventBlockStart:
		if c.current && (c.kind != ev.Block && !c.blank() || c.kind == ev.Block && c.opened) {
			dst = c.close(dst)
		}
		c.begins(ev)
		return c.start(dst, ev)
	case llm.EventDelta:
		if c.current && ev.Block != c.kind && ev.Block != llm.BlockOther {
			if !c.blank() {
				dst = c.close(dst)
			}
			c.current = false
		}
		if !c.current { // the provider left out the start
			c.begins(ev)
			if ev.Block == llm.BlockToolUse {
				dst = c.open(dst, &llm.ToolUse{})
			}
		}
		return c.piece(dst, ev)
	default:
		if !c.current {
			return dst
		}
		return c.close(dst)
	}
}

// begins makes the event's block the current one.
func (c *Events) begins(ev *llm.Event) {
	c.current, c.index, c.kind = true, ev.Index, ev.Block
	c.signature, c.input, c.pieces, c.hidden = c.signature[:0], nil, false, false
}

// blank reports whether the current block has no content yet and may still be of another kind.
func (c *Events) blank() bool {
	return !c.opened && len(c.signature) == 0 && (c.kind == llm.BlockText || c.kind == llm.BlockReasoning)
}

// start handles the start of a block. Only a call is opened by it.
func (c *Events) start(dst []byte, ev *llm.Event) []byte {
	switch ev.Block {
	case llm.BlockToolUse:
		use := ev.ToolUse
		if use == nil {
			use = &llm.ToolUse{}
		}
		if use.Type == llm.ServerSide {
			c.hidden, c.lost = true, true
			return dst
		}
		return c.open(dst, use)
	case llm.BlockOther:
		return c.other(dst, ev.Other)
	case llm.BlockText:
		return c.cite(dst, ev)
	case llm.BlockReasoning, llm.BlockRedacted:
	default:
		c.lost = true
	}
	return dst
}

// open sends the start of the current block; use is the call, if it is one.
func (c *Events) open(dst []byte, use *llm.ToolUse) []byte {
	if c.kind == llm.BlockToolUse {
		for _, data := range c.take() {
			c.heldBytes -= len(data)
			dst = c.hide(dst, data)
		}
	}
	c.opened = true
	w := event(dst, "content_block_start")
	w.Key("index")
	w.Int(c.number)
	w.Key("content_block")
	w.Object()
	var delta string
	switch c.kind {
	case llm.BlockToolUse:
		c.calls++
		c.input = use.Input
		appendCall(&w, use)
		w.Key("input")
		w.Raw(jsonx.Raw("{}"))
		delta = `"input_json_delta","partial_json":`
	case llm.BlockReasoning:
		w.Key("type")
		w.Word("thinking")
		w.Key("thinking")
		w.Word("")
		w.Key("signature")
		w.Word("")
		delta = `"thinking_delta","thinking":`
	default:
		w.Key("type")
		w.Word("text")
		w.Key("text")
		w.Word("")
		delta = `"text_delta","text":`
	}
	w.EndObject()
	c.delta = append(c.delta[:0], "event: content_block_delta\ndata: {\"type\":\"content_block_delta\",\"index\":"...)
	c.delta = strconv.AppendInt(c.delta, c.number, 10)
	c.delta = append(c.delta, `,"delta":{"type":`...)
	c.delta = append(c.delta, delta...)
	return end(&w)
}

// say sends a piece of the current block's text, and opens the block if necessary.
func (c *Events) say(dst []byte, text string) []byte {
	if text == "" {
		return dst
	}
	if !c.opened {
		dst = c.open(dst, nil)
	}
	dst = append(dst, c.delta...)
	dst = jsonx.AppendString(dst, text)
	return append(dst, "}}\n\n"...)
}

// piece handles a piece of the current block.
func (c *Events) piece(dst []byte, ev *llm.Event) []byte {
	switch c.kind {
	case llm.BlockText:
		return c.cite(c.say(dst, ev.Text), ev)
	case llm.BlockReasoning:
		if ev.Signature != "" {
			c.kept += len(ev.Signature)
			if c.Err() == nil { // SDKs expect it in one piece
				c.signature = append(c.signature, ev.Signature...)
			}
		}
		return c.say(dst, ev.Text)
	case llm.BlockRedacted:
		if c.redacted == nil {
			c.redacted = &llm.Fold{}
		}
		if c.kept += weight(ev); c.Err() == nil {
			c.redacted.Add(&llm.Event{Kind: llm.EventDelta, Block: llm.BlockRedacted, Text: ev.Text})
		}
		return dst
	case llm.BlockToolUse:
		if c.hidden {
			return dst
		}
		c.pieces = c.pieces || ev.Text != ""
		return c.say(dst, ev.Text)
	case llm.BlockOther:
		return c.other(dst, ev.Other)
	default: // it has no form here
		c.lost = true
		return dst
	}
}

// cite sends the citations of an event of a text block.
func (c *Events) cite(dst []byte, ev *llm.Event) []byte {
	found := citationsOf(ev.Extra)
	if ev.Other != nil {
		found = append(found, citationsOf([]jsonx.Member{*ev.Other})...)
	}
	return c.citations(dst, found)
}

func (c *Events) citations(dst []byte, found []jsonx.Raw) []byte {
	for _, raw := range found {
		if !c.opened {
			dst = c.open(dst, nil)
		}
		w := event(dst, "content_block_delta")
		w.Key("index")
		w.Int(c.number)
		w.Key("delta")
		w.Object()
		w.Key("type")
		w.Word("citations_delta")
		w.Key("citation")
		w.Raw(raw)
		w.EndObject()
		dst = end(&w)
	}
	return dst
}

// other sends a block in the provider's form, if it is a text with citations.
func (c *Events) other(dst []byte, other *jsonx.Member) []byte {
	text, found, ok := citedContent(other)
	if !ok {
		c.lost = c.lost || !c.opened
		return dst
	}
	return c.citations(c.say(dst, text), found)
}

// hide sends a whole block of redacted reasoning.
func (c *Events) hide(dst []byte, data string) []byte {
	w := event(dst, "content_block_start")
	w.Key("index")
	w.Int(c.number)
	w.Key("content_block")
	appendRedacted(&w, data)
	return c.shut(end(&w))
}

// shut sends the end of the open block.
func (c *Events) shut(dst []byte) []byte {
	w := event(dst, "content_block_stop")
	w.Key("index")
	w.Int(c.number)
	c.number++
	return end(&w)
}

// close ends the current block.
func (c *Events) close(dst []byte) []byte {
	switch {
	case c.kind == llm.BlockToolUse && c.opened && !c.pieces && len(c.input) > 0:
		dst = c.say(dst, string(c.input))
	case c.kind == llm.BlockReasoning && len(c.signature) > 0 && !c.opened && c.keepSignature(string(c.signature)):
		c.heldBytes += len(c.signature)
	case c.kind == llm.BlockReasoning && len(c.signature) > 0:
		if !c.opened {
			dst = c.open(dst, nil)
		}
		w := event(dst, "content_block_delta")
		w.Key("index")
		w.Int(c.number)
		w.Key("delta")
		w.Object()
		w.Key("type")
		w.Word("signature_delta")
		w.Key("signature")
		w.String(string(c.signature))
		w.EndObject()
		dst = end(&w)
	case c.redacted != nil:
		switch data := c.redacted.Answer().Blocks[0].Text; {
		case data == "":
		case c.keep(data):
			c.heldBytes += len(data)
		default:
			dst = c.hide(dst, data)
		}
	}
	if c.opened {
		dst = c.shut(dst)
	}
	c.current, c.opened, c.redacted, c.kept = false, false, nil, 0
	c.signature = c.signature[:0]
	return dst
}

// AppendEnd appends the end of a complete response: blocks that are still open are closed, and
// message_delta has the stop reason and the usage. Warnings raised during the stream are in its member
// outcrop.
func (c *Events) AppendEnd(dst []byte, warnings []llm.Warning) []byte {
	dst = c.begin(dst)
	for c.current {
		dst = c.release(c.close(dst))
	}
	e := ending{stops: c.env.Stop, stop: c.stop, raw: c.rawStop, fields: c.fields, contents: c.contents}
	w := event(dst, "message_delta")
	w.Key("delta")
	w.Object()
	e.append(&w)
	w.EndObject()
	w.Key("usage")
	appendUsage(&w, &c.usage, c.tier)
	if !c.counted {
		warnings = append(slices.Clip(warnings), uncounted())
	}
	appendWarnings(&w, e.warnings(warnings))
	w = event(end(&w), "message_stop")
	return end(&w)
}

// AppendFailure appends the end of a response that broke off: an error event, and no message_stop.
// Anthropic's SDKs raise their APIStatusError on it.
func AppendFailure(dst []byte, e *llm.Error, requestID string) []byte {
	dst = append(dst, "event: error\ndata: "...)
	dst = AppendError(dst, e, requestID)
	return append(dst, "\n\n"...)
}

// Ping is an event that keeps a connection open while the model is silent. It belongs after the
// first event of a stream.
const Ping = "event: ping\ndata: {\"type\":\"ping\"}\n\n"
