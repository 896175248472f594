package openairesponses

import (
	"slices"
	"strconv"
	"sync/atomic"

	"outcrop/internal/jsonx"
	"outcrop/llm"
)

// Events encodes a streaming response as the API's server-sent events: response.created and
// response.in_progress, the items one after the other, and response.completed or response.incomplete with
// the whole response. An item is opened with its first content, so that items without any do not appear,
// and blocks that the provider interleaves are held back until the one before them has ended. How the
// response ended is not sent until the whole response is known to be complete, so that a response that
// breaks off never claims to have finished.
//
// Neighbouring texts are parts of one message; every other block is an item of its own.
type Events struct {
	env      Envelope
	number   atomic.Int64 // of the next event
	progress []byte       // the response before it has content
	begun    bool
	bound    int // how much may be kept, in bytes; 0 for no bound

	// The current block: the first that has begun and not ended.
	current  bool
	index    int // the provider's
	kind     llm.BlockKind
	hidden   bool      // it is a call of the provider's own tools, which has no form here
	redacted *llm.Fold // redacted reasoning, whose pieces are base64, each padded

	item openItem

	held      []waiting // other blocks, in the order in which they began
	heldBytes int

	output []byte // the items that are done, separated by commas
	items  int64  // how many they are

	lost    bool // content has no form here
	stop    llm.StopReason
	rawStop string
	tier    string
	usage   *llm.Usage
}

// NewEvents prepares a stream.
func NewEvents(env Envelope) *Events {
	c := &Events{env: env, bound: maxKept}
	w := jsonx.Writer{}
	object{env: &c.env, status: StatusInProgress}.append(&w)
	c.progress = w.Buf
	return c
}

// maxKept is how much of a stream may be kept until its end, in bytes: its last event repeats the whole
// response, and no model writes as much.
const maxKept = 32 << 20

// Err reports why the response cannot be sent on: it is nil or an *llm.Error. Callers check it after each
// Append.
func (c *Events) Err() error {
	if c.bound == 0 || len(c.output)+c.item.size()+c.heldBytes <= c.bound {
		return nil
	}
	return &llm.Error{
		Code: llm.CodeAnswerTooLarge, Status: 502,
		Message: "the response is larger than the gateway buffers for its last event, which repeats it (limit " + strconv.Itoa(maxKept>>20) + " MB).",
		Fix:     "Request a shorter response.",
	}
}

// event begins an event, whose object is open.
func (c *Events) event(dst []byte, kind string) jsonx.Writer {
	dst = append(dst, "event: "...)
	dst = append(dst, kind...)
	w := jsonx.Writer{Buf: append(dst, "\ndata: "...)}
	w.Object()
	w.Key("type")
	w.Word(kind)
	w.Key("sequence_number")
	w.Int(c.number.Add(1) - 1)
	return w
}

// end ends an event.
func end(w *jsonx.Writer) []byte {
	w.EndObject()
	return append(w.Buf, "\n\n"...)
}

// KeepAlive returns an event that keeps a connection open while the model is silent: clients count a
// comment as silence. It belongs after the first event. It is safe to call from another goroutine.
func (c *Events) KeepAlive() []byte { return c.begins(nil, "response.in_progress") }

// begins appends an event with the response before it has content.
func (c *Events) begins(dst []byte, kind string) []byte {
	w := c.event(dst, kind)
	w.Key("response")
	w.Raw(c.progress)
	return end(&w)
}

func (c *Events) begin(dst []byte) []byte {
	if c.begun {
		return dst
	}
	c.begun = true
	return c.begins(c.begins(dst, "response.created"), "response.in_progress")
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
		dst = c.block(dst, ev)
		return c.release(dst)
	case llm.EventStop:
		c.stop, c.rawStop = ev.Stop, ev.RawStop
	case llm.EventUsage:
		c.tier = ev.ServiceTier
		if ev.Usage != nil {
			u := *ev.Usage
			c.usage = &u
		}
	case llm.EventStart, llm.EventOther:
	}
	return dst
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
	if ev.ToolUse != nil {
		n += len(ev.ToolUse.Input)
	}
	if ev.Other != nil {
		n += len(ev.Other.Value)
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
			dst = c.block(dst, &next.events[i])
		}
	}
	return dst
}

// block handles an event of the current block, or of a new one if there is none.
func (c *Events) block(dst []byte, ev *llm.Event) []byte {
	switch ev.Kind {
	case llm.EventBlockStart:
		if c.current {
			dst = c.endBlock(dst)
		}
		c.take(ev)
		return c.start(dst, ev)
	case llm.EventDelta:
		if c.current && ev.Block != c.kind && ev.Block != llm.BlockOther {
			dst = c.endBlock(dst)
		}
		if !c.current { // the provider left out the start
			c.take(ev)
			if ev.Block == llm.BlockToolUse {
				dst = c.call(dst, &llm.ToolUse{})
			}
		}
		return c.piece(dst, ev)
	default:
		if !c.current {
			return dst
		}
		return c.endBlock(dst)
	}
}

// take makes the event's block the current one.
func (c *Events) take(ev *llm.Event) {
	c.current, c.index, c.kind, c.hidden, c.redacted = true, ev.Index, ev.Block, false, nil
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
		return c.call(dst, use)
	case llm.BlockOther:
		return c.other(dst, ev.Other)
	case llm.BlockText:
		return c.cite(dst, ev.Extra)
	case llm.BlockReasoning, llm.BlockRedacted:
	default:
		c.lost = true
	}
	return dst
}

// piece handles a piece of the current block.
func (c *Events) piece(dst []byte, ev *llm.Event) []byte {
	switch c.kind {
	case llm.BlockText:
		dst = c.cite(c.text(dst, ev.Text), ev.Extra)
		if ev.Other != nil {
			dst = c.cite(dst, []jsonx.Member{*ev.Other})
		}
		return dst
	case llm.BlockReasoning:
		dst = c.thought(dst, ev.Text)
		if ev.Signature != "" {
			dst = c.reasoning(dst)
			c.item.signature = append(c.item.signature, ev.Signature...)
		}
		return dst
	case llm.BlockRedacted:
		if c.redacted == nil {
			c.redacted = &llm.Fold{}
		}
		if c.item.kept += weight(ev); c.Err() == nil {
			c.redacted.Add(&llm.Event{Kind: llm.EventDelta, Block: llm.BlockRedacted, Text: ev.Text})
		}
		return dst
	case llm.BlockToolUse:
		if c.hidden {
			return dst
		}
		return c.arguments(dst, ev.Text)
	case llm.BlockOther:
		return c.other(dst, ev.Other)
	default: // it has no form here
		c.lost = true
		return dst
	}
}

// other handles a block in the provider's form, which can be a text with citations.
func (c *Events) other(dst []byte, other *jsonx.Member) []byte {
	text, extra, ok := citedContent(other)
	if !ok {
		c.lost = c.lost || other != nil
		return dst
	}
	return c.cite(c.text(dst, text), extra)
}

// endBlock ends the current block. A message stays open for further texts, and a call until it is known
// whether the model was cut short in it.
func (c *Events) endBlock(dst []byte) []byte {
	switch {
	case c.redacted != nil:
		if data := c.redacted.Answer().Blocks[0].Text; data != "" {
			dst = c.closed(dst)
			dst = c.added(dst, openReasoning, "rs")
			c.item.data = data
			dst = c.closed(dst)
		}
	case c.item.kind == openReasoning:
		dst = c.closed(dst)
	case c.item.kind == openMessage:
		dst = c.endPart(dst)
	}
	c.current, c.redacted, c.item.kept = false, nil, 0
	return dst
}

// finish ends what is still open, when the response is complete.
func (c *Events) finish(dst []byte) []byte {
	dst = c.begin(dst)
	for c.current {
		dst = c.release(c.endBlock(dst))
	}
	status, _ := statusOf(c.stop)
	return c.close(dst, status)
}

// ending writes the complete response.
func (c *Events) ending(w *jsonx.Writer, warnings []llm.Warning) {
	if c.lost {
		warnings = append(slices.Clip(warnings), llm.Warning{Code: llm.WarnDropped, Field: "output", Detail: "content of the response has no form in this API"})
	}
	if c.usage == nil {
		warnings = append(slices.Clip(warnings), llm.Warning{Code: llm.WarnMissing, Field: "usage", Detail: "the provider reported no usage"})
	}
	o := object{env: &c.env, output: c.output, usage: c.usage, tier: c.tier, warnings: warnings}
	o.status, o.incomplete = statusOf(c.stop)
	o.append(w)
}

// AppendEnd appends the end of a complete response: items that are still open are closed, and the last
// event has the whole response. Warnings are in its member outcrop.
func (c *Events) AppendEnd(dst []byte, warnings []llm.Warning) []byte {
	dst = c.finish(dst)
	status, _ := statusOf(c.stop)
	w := c.event(dst, "response."+status)
	w.Key("response")
	c.ending(&w, warnings)
	return end(&w)
}

// AppendFailure appends the end of a response that broke off: response.failed, with the items that are
// complete.
func (c *Events) AppendFailure(dst []byte, e *llm.Error) []byte {
	w := c.event(c.begin(dst), "response.failed")
	w.Key("response")
	object{env: &c.env, status: StatusFailed, failure: e, output: c.output, usage: c.usage, tier: c.tier}.append(&w)
	return end(&w)
}

// Skip sets the number of the next event, for a failure after events that were encoded elsewhere; the
// response has begun.
func (c *Events) Skip(number int64) {
	c.number.Store(number)
	c.begun = true
}
