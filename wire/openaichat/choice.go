package openaichat

import (
	"strings"
	"unicode/utf8"

	"outcrop/internal/jsonx"
	"outcrop/llm"
)

// choice encodes one streaming response.
type choice struct {
	head      []byte // data: {... "choices":[{"index":0,"delta":
	tail      []byte // ,"finish_reason":null}]}\n\n
	functions bool

	begun        bool // the role has been sent
	calls        int64
	thoughts     int64 // number of completed reasoning blocks
	block        llm.BlockKind
	index        int       // of the open block
	input        bool      // the open tool call has sent arguments
	fold         *llm.Fold // collects the open block; nil until one needs it, which is rare
	folding      bool      // the open block has no form in a chunk and is collected
	thought      bool      // the open block has sent reasoning
	redacted     bool      // the open block has sent redacted reasoning, which is collected
	use          llm.ToolUse
	extra        []jsonx.Member // of the open block
	contentRunes int            // characters of the content before the open block
	runes        int            // characters of the open block
	text         []byte         // of the open block; nil if it is tooLong
	tooLong      bool           // the open block's text is longer than maxCited
	room         [512]byte      // the first of it
	kept         int            // bytes that are kept of the open block until its end
	keptMore     int            // and of the answer until its end

	stop    llm.StopReason
	rawStop string
	providerFields
}

func (c *choice) append(dst []byte, ev *llm.Event) []byte {
	switch ev.Kind {
	case llm.EventBlockStart:
		return c.start(dst, ev)
	case llm.EventDelta:
		if ev.Index != c.index {
			dst = c.start(dst, ev)
		}
		return c.delta(dst, ev)
	case llm.EventBlockEnd:
		return c.end(dst)
	case llm.EventStart:
		c.aside(ev.Extra)
	case llm.EventStop:
		c.stop, c.rawStop, c.fields = ev.Stop, ev.RawStop, ev.Raw
		c.aside(ev.Extra)
	case llm.EventUsage:
		c.tier, c.latency, c.trace = ev.ServiceTier, ev.LatencyMs, ev.Trace
		c.aside(ev.Extra)
	case llm.EventOther:
	}
	return dst
}

// aside keeps unknown members for the end of the response.
func (c *choice) aside(members []jsonx.Member) {
	if c.keptMore += weightOf(members); !c.tooMuch() {
		c.providerFields.extra = append(c.providerFields.extra, members...)
	}
}

// open begins a chunk and its delta.
func (c *choice) open(dst []byte) jsonx.Writer {
	w := jsonx.Writer{Buf: append(dst, c.head...)}
	w.Object()
	if !c.begun {
		c.begun = true
		w.Key("role")
		w.Word("assistant")
	}
	return w
}

func (c *choice) close(w *jsonx.Writer) []byte {
	w.EndObject()
	return append(w.Buf, c.tail...)
}

// start begins a block. It first ends a block that is still open.
func (c *choice) start(dst []byte, ev *llm.Event) []byte {
	dst = c.end(dst)
	c.block, c.index, c.fold = ev.Block, ev.Index, nil
	if ev.Kind == llm.EventBlockStart {
		c.extra = append(c.extra, ev.Extra...)
		c.kept += weightOf(ev.Extra)
	}
	switch {
	case ev.Block == llm.BlockToolUse && (ev.ToolUse == nil || ev.ToolUse.Type != llm.ServerSide):
		c.use = llm.ToolUse{}
		if ev.ToolUse != nil {
			c.use = *ev.ToolUse
		}
		w := c.open(dst)
		if c.functions && c.calls == 0 {
			w.Key("function_call")
			appendFunction(&w, c.use.Name, "")
		} else {
			w.Key("tool_calls")
			w.Array()
			appendToolCall(&w, c.callIndex(), c.use.ID, c.use.Name, "")
			w.EndArray()
		}
		c.calls++
		return c.close(&w)
	case ev.Block == llm.BlockText || ev.Block == llm.BlockReasoning || ev.Block == llm.BlockRedacted:
		return dst
	default:
		c.folding = true
		if ev.Kind == llm.EventBlockStart {
			c.collect(ev)
		}
		return dst
	}
}

// callIndex is the index of the next call in tool_calls.
func (c *choice) callIndex() int64 {
	if c.functions {
		return c.calls - 1
	}
	return c.calls
}

func (c *choice) delta(dst []byte, ev *llm.Event) []byte {
	if c.folding {
		c.collect(ev)
		return dst
	}
	if ev.Block != c.block && ev.Block != llm.BlockOther {
		if !c.blank() {
			return c.delta(c.start(dst, ev), ev)
		}
		extra := c.extra // the start did not carry enough
		c.block, c.extra = ev.Block, nil
		if ev.Block != llm.BlockText && ev.Block != llm.BlockReasoning && ev.Block != llm.BlockRedacted {
			dst = c.start(dst, ev)
			c.extra = extra
			return c.delta(dst, ev)
		}
		c.extra = extra
	}
	if len(ev.Extra) > 0 || ev.Other != nil { // such as a citation
		if c.kept += weightOf(ev.Extra); ev.Other != nil {
			c.kept += weight(ev)
		}
		if c.tooMuch() {
			return dst
		}
		c.extra = append(c.extra, ev.Extra...)
		if ev.Other != nil {
			c.extra = append(c.extra, *ev.Other)
		}
	}
	switch ev.Block {
	case llm.BlockText:
		if ev.Text == "" {
			return dst
		}
		c.keep(ev.Text)
		w := c.open(dst)
		w.Key("content")
		w.String(ev.Text)
		return c.close(&w)
	case llm.BlockReasoning:
		var before standing // what precedes the block, sent with its first piece
		if !c.thought {
			before = standing{calls: c.calls, text: int64(c.contentRunes)}
		}
		c.thought = c.thought || ev.Text != "" || ev.Signature != ""
		w := c.open(dst)
		w.Key("reasoning_content") // in addition to a signature: LiteLLM's SDK skips a chunk without it
		w.String(ev.Text)
		w.Key("thinking_blocks")
		w.Array()
		appendThinking(&w, &llm.Block{Kind: llm.BlockReasoning, Text: ev.Text, Signature: ev.Signature}, c.thoughts, before)
		w.EndArray()
		return c.close(&w)
	case llm.BlockRedacted: // its pieces are base64, each padded
		c.redacted = true
		c.collect(ev)
	case llm.BlockToolUse:
		if ev.Text == "" {
			return dst
		}
		c.input = true
		return c.arguments(dst, ev.Text)
	default: // the other kinds are folded
	}
	return dst
}

// Memory for a stream must not grow with its length, so what it keeps is bounded.
const (
	// maxCited is the longest text, in bytes, that is repeated with its citations. Models write a
	// separate block for each passage that they cite, of a sentence or a few.
	maxCited = 4 << 10
	// maxKept is how much of a choice may be kept until the end of its block or of the response:
	// blocks without a form in a chunk, citations, and unknown members. A response that exceeds it
	// ends with an error.
	maxKept = 16 << 20
)

// keep counts the characters of a piece of the open block's text, and keeps the text as far as it
// may be repeated.
func (c *choice) keep(text string) {
	c.runes += utf8.RuneCountInString(text)
	switch {
	case c.tooLong:
	case len(c.text)+len(text) > maxCited:
		c.text, c.tooLong = nil, true
	case c.text == nil:
		c.text = append(c.room[:0], text...)
	default:
		c.text = append(c.text, text...)
	}
}

// tooMuch reports whether more is kept than allowed.
func (c *choice) tooMuch() bool { return c.kept+c.keptMore > maxKept }

// weight is the approximate number of bytes needed to keep an event.
func weight(ev *llm.Event) int {
	const each = 64 // per member or piece, in addition to its bytes
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
	return n + weightOf(ev.Extra)
}

func weightOf(members []jsonx.Member) (n int) {
	for _, m := range members {
		n += 64 + len(m.Name) + len(m.Value)
	}
	return n
}

// blank reports whether the open block is still empty.
func (c *choice) blank() bool {
	return c.block == llm.BlockText && c.runes == 0 || c.block == llm.BlockReasoning && !c.thought
}

// collect adds to the open block's collection.
func (c *choice) collect(ev *llm.Event) {
	if c.kept += weight(ev); c.tooMuch() {
		return // Chunks.Err ends the response
	}
	if c.fold == nil {
		c.fold = new(llm.Fold)
	}
	c.fold.Add(ev)
}

func (c *choice) arguments(dst []byte, text string) []byte {
	w := c.open(dst)
	if c.functions && c.calls == 1 {
		w.Key("function_call")
		w.Object()
		w.Key("arguments")
		w.String(text)
		w.EndObject()
		return c.close(&w)
	}
	w.Key("tool_calls")
	w.Array()
	w.Object()
	w.Key("index")
	w.Int(c.callIndex() - 1)
	w.Key("function")
	w.Object()
	w.Key("arguments")
	w.String(text)
	w.EndObject()
	w.EndObject()
	w.EndArray()
	return c.close(&w)
}

// end completes the open block, if there is one.
func (c *choice) end(dst []byte) []byte {
	switch {
	case c.index < 0:
		return dst
	case c.folding:
		if c.fold != nil {
			dst = c.further(dst, c.fold.Answer().Blocks)
		}
	case c.block == llm.BlockToolUse && !c.input:
		dst = c.arguments(dst, "{}")
	case c.redacted && c.fold != nil:
		w := c.open(dst)
		w.Key("reasoning_content")
		w.String("")
		w.Key("thinking_blocks")
		w.Array()
		appendThinking(&w, &llm.Block{Kind: llm.BlockRedacted, Text: c.fold.Answer().Blocks[0].Text}, c.thoughts, standing{calls: c.calls, text: int64(c.contentRunes)})
		w.EndArray()
		dst = c.close(&w)
	}
	if len(c.extra) > 0 && !c.folding {
		dst = c.further(dst, []llm.Block{{Kind: c.block, Text: string(c.text), ToolUse: &c.use, Extra: c.extra}})
	}
	c.contentRunes += c.runes
	if c.thought || c.redacted {
		c.thoughts++
	}
	c.index, c.input, c.folding, c.thought, c.redacted, c.extra, c.text, c.runes, c.kept = -1, false, false, false, false, nil, c.text[:0], 0, 0
	c.tooLong = false
	return dst
}

// further writes the content of blocks other than text already sent: citations, and blocks without
// a form in a chunk.
func (c *choice) further(dst []byte, blocks []llm.Block) []byte {
	var cites []cite
	other, words := 0, 0
	for i := range blocks {
		b := &blocks[i]
		if found := citesOf(b); len(found) > 0 {
			length := utf8.RuneCountInString(b.Text)
			if b.Kind == llm.BlockText {
				length = c.runes
			}
			cites = append(cites, cite{block: b, start: c.contentRunes + words, length: length, citations: found})
		}
		if isProviderBlock(b) {
			other++
		}
		if b.Kind == llm.BlockOther {
			words += utf8.RuneCountInString(b.Text)
		}
	}
	w := c.open(dst)
	if words > 0 {
		w.Key("content")
		var text strings.Builder
		for i := range blocks {
			if blocks[i].Kind == llm.BlockOther {
				text.WriteString(blocks[i].Text)
			}
		}
		w.String(text.String())
		c.contentRunes += words
	}
	appendAnnotations(&w, cites)
	if other > 0 || len(cites) > 0 {
		w.Key("provider_specific_fields")
		w.Object()
		appendCited(&w, cites)
		if other > 0 {
			w.Key("blocks")
			w.Array()
			for i := range blocks {
				appendProviderBlock(&w, &blocks[i])
			}
			w.EndArray()
		}
		w.EndObject()
	}
	return c.close(&w)
}
