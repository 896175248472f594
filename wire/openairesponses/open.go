package openairesponses

import (
	"strconv"

	"outcrop/internal/jsonx"
	"outcrop/llm"
)

// openKind is the kind of the open item.
type openKind uint8

const (
	openNothing openKind = iota
	openMessage
	openReasoning
	openCall
)

// openItem is the item whose content is being sent.
type openItem struct {
	kind  openKind
	id    string
	delta []byte // the event of a piece of text, up to its number

	text []byte // of the open part, or the arguments of a call
	kept int    // bytes that are kept elsewhere

	// Of a message.
	parts     []byte // the parts that are done, separated by commas
	partCount int64
	inPart    bool
	cites     []annotation

	// Of reasoning.
	signature []byte
	data      string // what the provider has redacted

	// Of a call.
	own    ownTool
	callID string
	input  jsonx.Raw // the arguments, if the start of the block has them
}

// size is how much is kept for the item, in bytes.
func (o *openItem) size() int {
	return len(o.text) + len(o.parts) + len(o.signature) + o.kept
}

// added opens an item, after the one before it has been closed.
func (c *Events) added(dst []byte, kind openKind, prefix string) []byte {
	o := &c.item
	*o = openItem{kind: kind, id: c.env.item(prefix, c.items), text: o.text[:0], delta: o.delta[:0], own: o.own, callID: o.callID, input: o.input, kept: o.kept}
	w := c.event(dst, "response.output_item.added")
	w.Key("output_index")
	w.Int(c.items)
	w.Key("item")
	switch kind {
	case openMessage:
		appendMessage(&w, o.id, StatusInProgress, nil)
	case openReasoning:
		appendReasoning(&w, o.id, "", "")
	default:
		appendCall(&w, o.own, o.id, o.callID, StatusInProgress, "")
	}
	return end(&w)
}

// head writes where an event belongs.
func (c *Events) head(w *jsonx.Writer, member string, index int64) {
	w.Key("item_id")
	w.String(c.item.id)
	w.Key("output_index")
	w.Int(c.items)
	if member != "" {
		w.Key(member)
		w.Int(index)
	}
}

// pieces prepares the event of a piece of text.
func (c *Events) pieces(kind, member string, index int64, more string) {
	w := jsonx.Writer{Buf: append(c.item.delta[:0], "event: "+kind+"\ndata: "...)}
	w.Object()
	w.Key("type")
	w.Word(kind)
	c.head(&w, member, index)
	c.item.delta = append(w.Buf, more+`,"sequence_number":`...)
}

// say sends a piece of text.
func (c *Events) say(dst []byte, text string) []byte {
	if c.item.text = append(c.item.text, text...); c.Err() != nil {
		return dst
	}
	dst = append(dst, c.item.delta...)
	dst = strconv.AppendInt(dst, c.number.Add(1)-1, 10)
	dst = append(dst, `,"delta":`...)
	dst = jsonx.AppendString(dst, text)
	return append(dst, "}\n\n"...)
}

// text sends a piece of a text, and opens message and part if necessary.
func (c *Events) text(dst []byte, text string) []byte {
	if text == "" {
		return dst
	}
	return c.say(c.part(dst), text)
}

// part opens a part of a message, unless one is open.
func (c *Events) part(dst []byte) []byte {
	if c.item.kind != openMessage {
		dst = c.added(c.closed(dst), openMessage, "msg")
	}
	o := &c.item
	if o.inPart {
		return dst
	}
	o.inPart, o.text = true, o.text[:0]
	w := c.event(dst, "response.content_part.added")
	c.head(&w, "content_index", o.partCount)
	w.Key("part")
	appendText(&w, "", nil)
	c.pieces("response.output_text.delta", "content_index", o.partCount, `,"logprobs":[]`)
	return end(&w)
}

// cite notes the citations of the open text.
func (c *Events) cite(dst []byte, extra []jsonx.Member) []byte {
	if len(extra) == 0 {
		return dst
	}
	found, lost := cites(extra)
	c.lost = c.lost || lost
	if len(found) == 0 {
		return dst
	}
	dst = c.part(dst)
	for _, a := range found {
		c.item.kept += len(a.url) + len(a.title)
		c.item.cites = append(c.item.cites, a)
	}
	return dst
}

// endPart ends the open part of a message.
func (c *Events) endPart(dst []byte) []byte {
	o := &c.item
	if !o.inPart {
		return dst
	}
	length := lengthOf(o.text)
	for i := range o.cites {
		o.cites[i].end = length
		w := c.event(dst, "response.output_text.annotation.added")
		c.head(&w, "content_index", o.partCount)
		w.Key("annotation_index")
		w.Int(int64(i))
		w.Key("annotation")
		o.cites[i].append(&w)
		dst = end(&w)
	}
	w := c.event(dst, "response.output_text.done")
	c.head(&w, "content_index", o.partCount)
	w.Key("text")
	w.String(string(o.text))
	w.Key("logprobs")
	w.Array()
	w.EndArray()
	w = c.event(end(&w), "response.content_part.done")
	c.head(&w, "content_index", o.partCount)
	w.Key("part")
	appendText(&w, string(o.text), o.cites)
	if o.partCount > 0 {
		o.parts = append(o.parts, ',')
	}
	done := jsonx.Writer{Buf: o.parts}
	appendText(&done, string(o.text), o.cites)
	o.parts = done.Buf
	o.partCount++
	o.inPart, o.cites, o.text = false, nil, o.text[:0]
	return end(&w)
}

// reasoning opens a reasoning item, unless one is open.
func (c *Events) reasoning(dst []byte) []byte {
	if c.item.kind == openReasoning {
		return dst
	}
	return c.added(c.closed(dst), openReasoning, "rs")
}

// thought sends a piece of reasoning.
func (c *Events) thought(dst []byte, text string) []byte {
	if text == "" {
		return dst
	}
	dst = c.reasoning(dst)
	if !c.item.inPart {
		c.item.inPart = true
		w := c.event(dst, "response.reasoning_summary_part.added")
		c.head(&w, "summary_index", 0)
		w.Key("part")
		appendSummary(&w, "")
		c.pieces("response.reasoning_summary_text.delta", "summary_index", 0, "")
		dst = end(&w)
	}
	return c.say(dst, text)
}

// call opens a call.
func (c *Events) call(dst []byte, use *llm.ToolUse) []byte {
	dst = c.closed(dst)
	own := c.env.Tools.of(use.Name)
	c.item.own, c.item.callID, c.item.input = own, use.ID, use.Input
	dst = c.added(dst, openCall, callPrefix(own.kind))
	if own.kind == callFunction {
		c.pieces("response.function_call_arguments.delta", "", 0, "")
	}
	return dst
}

// arguments sends a piece of the arguments of a call. Only those of functions are sent as they come: the
// others have another form in the API.
func (c *Events) arguments(dst []byte, text string) []byte {
	switch {
	case text == "":
		return dst
	case c.item.own.kind == callFunction:
		return c.say(dst, text)
	default:
		c.item.text = append(c.item.text, text...)
		return dst
	}
}

// closed closes the open item, if there is one.
func (c *Events) closed(dst []byte) []byte { return c.close(dst, StatusCompleted) }

// close closes the open item with a status.
func (c *Events) close(dst []byte, status string) []byte {
	o := &c.item
	item := jsonx.Writer{Buf: c.output}
	if c.items > 0 && o.kind != openNothing {
		item.Buf = append(item.Buf, ',')
	}
	from := len(item.Buf)
	switch o.kind {
	case openNothing:
		return dst
	case openMessage:
		dst = c.endPart(dst)
		appendMessage(&item, o.id, status, o.parts)
	case openReasoning:
		dst = c.endReasoning(dst)
		appendReasoning(&item, o.id, string(o.text), c.sealed())
	case openCall:
		dst = c.endArguments(dst)
		appendCall(&item, o.own, o.id, o.callID, status, string(o.text))
	}
	c.output = item.Buf
	w := c.event(dst, "response.output_item.done")
	w.Key("output_index")
	w.Int(c.items)
	w.Key("item")
	w.Raw(c.output[from:])
	c.items++
	c.item = openItem{text: o.text[:0], delta: o.delta[:0]}
	return end(&w)
}

// endReasoning ends the summary of a reasoning item.
func (c *Events) endReasoning(dst []byte) []byte {
	if !c.item.inPart {
		return dst
	}
	w := c.event(dst, "response.reasoning_summary_text.done")
	c.head(&w, "summary_index", 0)
	w.Key("text")
	w.String(string(c.item.text))
	w = c.event(end(&w), "response.reasoning_summary_part.done")
	c.head(&w, "summary_index", 0)
	w.Key("part")
	appendSummary(&w, string(c.item.text))
	return end(&w)
}

// sealed is the encrypted_content of the open reasoning item. Reasoning without a signature is complete
// in its summary, and sealed only if the client asks for it.
func (c *Events) sealed() string {
	o := &c.item
	switch {
	case o.data != "":
		return seal(redactedBlock(o.data))
	case len(o.signature) > 0 || c.env.Sealed && len(o.text) > 0:
		return seal(&llm.Block{Kind: llm.BlockReasoning, Text: string(o.text), Signature: string(o.signature)})
	default:
		return ""
	}
}

// endArguments ends the arguments of a call.
func (c *Events) endArguments(dst []byte) []byte {
	o := &c.item
	if len(o.text) == 0 {
		input := o.input
		if len(input) == 0 {
			input = jsonx.Raw("{}")
		}
		if o.own.kind == callFunction {
			dst = c.say(dst, string(input))
		} else {
			o.text = append(o.text, input...)
		}
	}
	switch o.own.kind {
	case callFunction:
		w := c.event(dst, "response.function_call_arguments.done")
		c.head(&w, "", 0)
		w.Key("name")
		w.String(o.own.name)
		w.Key("arguments")
		w.String(string(o.text))
		return end(&w)
	case callCustom:
		text := textOf(string(o.text))
		w := c.event(dst, "response.custom_tool_call_input.delta")
		c.head(&w, "", 0)
		w.Key("delta")
		w.String(text)
		w = c.event(end(&w), "response.custom_tool_call_input.done")
		c.head(&w, "", 0)
		w.Key("input")
		w.String(text)
		return end(&w)
	default:
		return dst
	}
}
