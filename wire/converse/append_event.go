package converse

import (
	"outcrop/internal/jsonx"
	"outcrop/llm"
	"outcrop/wire/eventstream"
)

// AppendEvent appends ev as the frame that AWS sends for it: headers in AWS's order, members of the
// payload in alphabetical order, padding as the member p, which is omitted if empty. The start of a
// text or reasoning block has no frame and appends nothing; neither does an event without a kind.
func AppendEvent(dst []byte, ev *llm.Event, padding string) []byte {
	name := eventName(ev)
	if name == "" {
		return dst
	}
	begin := len(dst)
	dst = eventstream.Begin(
		dst,
		eventstream.Header{Name: eventstream.HeaderEventType, Value: name},
		eventstream.Header{Name: eventstream.HeaderContentType, Value: "application/json"},
		eventstream.Header{Name: eventstream.HeaderMessageType, Value: "event"},
	)
	e := encoder{w: jsonx.Writer{Buf: dst}, answer: true}
	if ev.Kind == llm.EventOther {
		e.w.Raw(ev.Other.Value)
	} else {
		e.event(ev, padding)
	}
	return eventstream.End(e.w.Buf, begin)
}

// eventName is the event type of ev's frame; empty if it has none.
func eventName(ev *llm.Event) string {
	switch ev.Kind {
	case llm.EventStart:
		return "messageStart"
	case llm.EventBlockStart:
		if ev.ToolUse == nil && ev.ToolResult == nil && ev.Media == nil && ev.Other == nil {
			return ""
		}
		return "contentBlockStart"
	case llm.EventDelta:
		return "contentBlockDelta"
	case llm.EventBlockEnd:
		return "contentBlockStop"
	case llm.EventStop:
		return "messageStop"
	case llm.EventUsage:
		return "metadata"
	case llm.EventOther:
		if ev.Other != nil {
			return ev.Other.Name
		}
	}
	return ""
}

// event writes the payload of an event that is not EventOther.
func (e *encoder) event(ev *llm.Event, padding string) {
	w := &e.w
	extra := ev.Extra
	inside := ev.Kind == llm.EventBlockStart || ev.Kind == llm.EventDelta
	if inside {
		extra = nil // they belong to the block
	}
	o := e.object(sorted(extra))
	pad := func() {
		if padding != "" {
			o.key("p")
			w.String(padding)
		}
	}
	switch ev.Kind {
	case llm.EventStart:
		pad()
		o.key("role")
		w.String(string(answerRole(ev.Role)))
	case llm.EventBlockStart:
		o.key("contentBlockIndex")
		w.Int(int64(ev.Index))
		pad()
		o.key("start")
		e.start(ev)
	case llm.EventDelta:
		o.key("contentBlockIndex")
		w.Int(int64(ev.Index))
		o.key("delta")
		e.delta(ev)
		pad()
	case llm.EventBlockEnd:
		o.key("contentBlockIndex")
		w.Int(int64(ev.Index))
		pad()
	case llm.EventStop:
		if len(ev.Raw) > 0 {
			o.key("additionalModelResponseFields")
			w.Raw(ev.Raw)
		}
		pad()
		o.key("stopReason")
		w.String(stopWord(ev.RawStop, ev.Stop))
	case llm.EventUsage:
		if ev.LatencyMs.Set {
			o.key("metrics")
			e.metrics(ev.LatencyMs.Value)
		}
		pad()
		if ev.ServiceTier != "" {
			o.key("serviceTier")
			e.serviceTier(ev.ServiceTier)
		}
		if len(ev.Trace) > 0 {
			o.key("trace")
			w.Raw(ev.Trace)
		}
		if ev.Usage != nil {
			o.key("usage")
			e.usage(ev.Usage)
		}
	case llm.EventOther: // written by the caller
	}
	o.end()
}

// start writes the union that describes the block that begins.
func (e *encoder) start(ev *llm.Event) {
	w := &e.w
	w.Object()
	extra := sorted(ev.Extra)
	switch {
	case ev.ToolUse != nil:
		w.Key("toolUse")
		o := e.object(extra)
		o.key("name")
		w.String(ev.ToolUse.Name)
		o.key("toolUseId")
		w.String(ev.ToolUse.ID)
		if ev.ToolUse.Type != "" {
			o.key("type")
			w.String(ev.ToolUse.Type)
		}
		o.end()
	case ev.ToolResult != nil:
		w.Key("toolResult")
		o := e.object(extra)
		if ev.ToolResult.Status != "" {
			o.key("status")
			w.String(ev.ToolResult.Status)
		}
		o.key("toolUseId")
		w.String(ev.ToolResult.ID)
		if ev.ToolResult.Type != "" {
			o.key("type")
			w.String(ev.ToolResult.Type)
		}
		o.end()
	case ev.Media != nil:
		w.Key(mediaName(ev.Block))
		o := e.object(extra)
		o.key("format")
		w.String(ev.Media.Format)
		o.end()
	default:
		w.AnyKey(ev.Other.Name)
		w.Raw(ev.Other.Value)
	}
	w.EndObject()
}

func mediaName(kind llm.BlockKind) string {
	switch kind {
	case llm.BlockDocument:
		return "document"
	case llm.BlockAudio:
		return "audio"
	case llm.BlockVideo:
		return "video"
	default:
		return "image"
	}
}

// delta writes the union with a piece of a block.
func (e *encoder) delta(ev *llm.Event) {
	w := &e.w
	extra := sorted(ev.Extra)
	switch {
	case ev.Block == llm.BlockToolResult:
		w.Object()
		w.Key("toolResult")
		w.Array()
		if ev.Other != nil {
			o := e.object(extra)
			o.key(ev.Other.Name)
			w.Raw(ev.Other.Value)
			o.end()
		}
		w.EndArray()
		w.EndObject()
	case ev.Other != nil:
		o := e.object(extra)
		o.key(ev.Other.Name)
		w.Raw(ev.Other.Value)
		o.end()
	case ev.Media != nil:
		w.Object()
		w.Key(mediaName(ev.Block))
		o := e.object(extra)
		if !ev.Media.Base64.IsZero() || ev.Media.URI != "" || ev.Media.Source != nil {
			o.key("source")
			e.source(ev.Media, position{block: ev.Index})
		}
		o.end()
		w.EndObject()
	case ev.Block == llm.BlockToolUse:
		w.Object()
		w.Key("toolUse")
		o := e.object(extra)
		o.key("input")
		w.String(ev.Text)
		o.end()
		w.EndObject()
	case ev.Block == llm.BlockReasoning, ev.Block == llm.BlockRedacted:
		w.Object()
		w.Key("reasoningContent")
		o := e.object(extra)
		e.reasoningDelta(ev, &o)
		o.end()
		w.EndObject()
	default:
		o := e.object(extra)
		o.key("text")
		w.String(ev.Text)
		o.end()
	}
}

func (e *encoder) reasoningDelta(ev *llm.Event, o *members) {
	w := &e.w
	switch {
	case ev.Block == llm.BlockRedacted:
		o.key("redactedContent")
		w.String(ev.Text)
	case ev.Signature != "":
		o.key("signature")
		w.String(ev.Signature)
		if ev.Text != "" {
			o.key("text")
			w.String(ev.Text)
		}
	default:
		o.key("text")
		w.String(ev.Text)
	}
}

// AppendException appends the frame with which AWS ends a stream with an error of its service
// model; name is the member's, such as throttlingException.
func AppendException(dst []byte, name, message string) []byte {
	begin := len(dst)
	dst = eventstream.Begin(
		dst,
		eventstream.Header{Name: eventstream.HeaderExceptionType, Value: name},
		eventstream.Header{Name: eventstream.HeaderContentType, Value: "application/json"},
		eventstream.Header{Name: eventstream.HeaderMessageType, Value: "exception"},
	)
	w := jsonx.Writer{Buf: dst}
	w.Object()
	w.Key("message")
	w.String(message)
	w.EndObject()
	return eventstream.End(w.Buf, begin)
}

// AppendErrorFrame appends the frame with which AWS ends a stream with an error outside its service
// model: code and message are headers, the payload is empty.
func AppendErrorFrame(dst []byte, code, message string) []byte {
	return eventstream.Append(dst, []eventstream.Header{
		{Name: eventstream.HeaderErrorCode, Value: code},
		{Name: eventstream.HeaderErrorMessage, Value: message},
		{Name: eventstream.HeaderMessageType, Value: "error"},
	}, nil)
}
