package openaichat

import (
	"slices"

	"outcrop/internal/jsonx"
	"outcrop/llm"
)

// Chunks encodes a streamed answer as server-sent events, each the JSON of one
// chat.completion.chunk. The finish reason is held back until the answer is
// known to be whole, so that an answer that breaks off never claims an end.
type Chunks struct {
	head         []byte // data: {... "choices":[{"index":0,"delta":
	tail         []byte // ,"finish_reason":null}]}\n\n
	includeUsage bool
	env          Envelope

	begun    bool // the role has been sent
	calls    int64
	block    llm.BlockKind
	index    int       // of the open block
	input    bool      // the open tool call has sent arguments
	fold     *llm.Fold // collects the open block; nil until one needs it, most never do
	folding  bool      // the open block has no word in a chunk and is collected
	redacted bool      // the open block has sent redacted reasoning, which is collected

	stop     llm.StopReason
	rawStop  string
	fields   jsonx.Raw
	metadata *llm.Event // nil until it comes, at the end
}

// NewChunks prepares a stream of chunks. With includeUsage the last chunk
// carries the usage, and the others a null, as OpenAI does.
func NewChunks(env Envelope, includeUsage bool) *Chunks {
	c := &Chunks{env: env, includeUsage: includeUsage, index: -1}
	w := jsonx.Writer{Buf: append(make([]byte, 0, 256), "data: "...)}
	w.Object()
	envelope(&w, env, "chat.completion.chunk")
	w.Key("choices")
	w.Array()
	w.Object()
	w.Key("index")
	w.Int(0)
	w.Key("delta")
	c.head = w.Buf
	c.tail = []byte(`,"finish_reason":null}]}` + "\n\n")
	if includeUsage {
		c.tail = []byte(`,"finish_reason":null}],"usage":null}` + "\n\n")
	}
	return c
}

// Append appends what ev says to the client; often nothing.
func (c *Chunks) Append(dst []byte, ev *llm.Event) []byte {
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
	case llm.EventStop:
		c.stop, c.rawStop, c.fields = ev.Stop, ev.RawStop, ev.Raw
	case llm.EventUsage:
		metadata := *ev
		c.metadata = &metadata
	case llm.EventStart, llm.EventOther:
	}
	return dst
}

// open begins a chunk and its delta.
func (c *Chunks) open(dst []byte) jsonx.Writer {
	w := jsonx.Writer{Buf: append(dst, c.head...)}
	w.Object()
	if !c.begun {
		c.begun = true
		w.Key("role")
		w.Base64("assistant")
	}
	return w
}

func (c *Chunks) close(w *jsonx.Writer) []byte {
	w.EndObject()
	return append(w.Buf, c.tail...)
}

// start begins a block. A block that was not ended is, first.
func (c *Chunks) start(dst []byte, ev *llm.Event) []byte {
	dst = c.end(dst)
	c.block, c.index, c.fold = ev.Block, ev.Index, nil
	switch {
	case ev.Block == llm.BlockToolUse && ev.ToolUse != nil && ev.ToolUse.Type != llm.ServerSide:
		w := c.open(dst)
		w.Key("tool_calls")
		w.Array()
		appendToolCall(&w, c.calls, ev.ToolUse.ID, ev.ToolUse.Name, "")
		w.EndArray()
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

func (c *Chunks) delta(dst []byte, ev *llm.Event) []byte {
	if c.folding {
		c.collect(ev)
		return dst
	}
	switch ev.Block {
	case llm.BlockText:
		if ev.Text == "" && ev.Other == nil {
			return dst
		}
		w := c.open(dst)
		if ev.Text != "" {
			w.Key("content")
			w.String(ev.Text)
		}
		if ev.Other != nil { // such as a citation
			w.Key("provider_specific_fields")
			w.Object()
			w.AnyKey(ev.Other.Name)
			w.Raw(ev.Other.Value)
			w.EndObject()
		}
		return c.close(&w)
	case llm.BlockReasoning:
		w := c.open(dst)
		if ev.Text != "" {
			w.Key("reasoning_content")
			w.String(ev.Text)
		}
		w.Key("thinking_blocks")
		w.Array()
		appendThinking(&w, &llm.Block{Kind: llm.BlockReasoning, Text: ev.Text, Signature: ev.Signature})
		w.EndArray()
		return c.close(&w)
	case llm.BlockRedacted: // its pieces are base64 each, and padded
		c.redacted = true
		c.collect(ev)
	case llm.BlockToolUse:
		if ev.Text == "" {
			return dst
		}
		c.input = true
		return c.arguments(dst, ev.Text)
	default: // the others are folded
	}
	return dst
}

// collect adds to the open block's collection.
func (c *Chunks) collect(ev *llm.Event) {
	if c.fold == nil {
		c.fold = new(llm.Fold)
	}
	c.fold.Add(ev)
}

func (c *Chunks) arguments(dst []byte, text string) []byte {
	w := c.open(dst)
	w.Key("tool_calls")
	w.Array()
	w.Object()
	w.Key("index")
	w.Int(c.calls - 1)
	w.Key("function")
	w.Object()
	w.Key("arguments")
	w.String(text)
	w.EndObject()
	w.EndObject()
	w.EndArray()
	return c.close(&w)
}

// end finishes the open block, if one is.
func (c *Chunks) end(dst []byte) []byte {
	switch {
	case c.index < 0:
	case c.folding:
		if c.fold == nil {
			break
		}
		w := c.open(dst)
		w.Key("provider_specific_fields")
		w.Object()
		w.Key("blocks")
		w.Array()
		for i := range c.fold.Answer().Blocks {
			appendOther(&w, &c.fold.Blocks[i])
		}
		w.EndArray()
		w.EndObject()
		dst = c.close(&w)
	case c.block == llm.BlockToolUse && !c.input:
		dst = c.arguments(dst, "{}")
	case c.redacted:
		w := c.open(dst)
		w.Key("thinking_blocks")
		w.Array()
		appendThinking(&w, &llm.Block{Kind: llm.BlockRedacted, Text: c.fold.Answer().Blocks[0].Text})
		w.EndArray()
		dst = c.close(&w)
	}
	c.index, c.input, c.folding, c.redacted = -1, false, false, false
	return dst
}

// AppendEnd appends the end of an answer that has come whole: the finish
// reason, the usage if it was asked for, and [DONE]. Warnings that came to light
// during the stream stand in the last chunk.
func (c *Chunks) AppendEnd(dst []byte, warnings []llm.Warning) []byte {
	dst = c.end(dst)
	w := c.open(dst)
	w.EndObject()
	w.Key("finish_reason")
	w.Base64(finishReason(c.stop))
	stopReason(&w, c.rawStop)
	w.EndObject()
	w.EndArray()
	m := c.metadata
	if m == nil {
		m = &llm.Event{}
	}
	if c.includeUsage && m.Usage == nil { // the provider gave none, and none is made up
		warnings = append(slices.Clip(warnings), llm.Warning{Code: llm.WarnDropped, Field: "stream_options.include_usage"})
	}
	last := !c.includeUsage || m.Usage == nil
	if last {
		tail(&w, m.ServiceTier, m.LatencyMs, m.Trace, c.fields, m.Extra)
		appendWarnings(&w, warnings)
	} else {
		w.Key("usage")
		w.Null()
	}
	w.EndObject()
	dst = append(w.Buf, "\n\n"...)
	if !last {
		w = jsonx.Writer{Buf: append(dst, "data: "...)}
		w.Object()
		envelope(&w, c.env, "chat.completion.chunk")
		w.Key("choices")
		w.Array()
		w.EndArray()
		w.Key("usage")
		appendUsage(&w, m.Usage)
		tail(&w, m.ServiceTier, m.LatencyMs, m.Trace, c.fields, m.Extra)
		appendWarnings(&w, warnings)
		w.EndObject()
		dst = append(w.Buf, "\n\n"...)
	}
	return append(dst, "data: [DONE]\n\n"...)
}

// AppendFailure appends the end of an answer that broke off: an error event, and
// no [DONE]. OpenAI's SDKs raise their APIError on it.
func AppendFailure(dst []byte, e *llm.Error) []byte {
	dst = append(dst, "data: "...)
	dst = AppendError(dst, e)
	return append(dst, "\n\n"...)
}

// Ping is a comment that keeps a connection open while the model thinks.
const Ping = ": ping\n\n"
