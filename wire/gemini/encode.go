package gemini

import (
	"bytes"
	"errors"
	"strings"

	"outcrop/internal/jsonx"
	"outcrop/llm"
)

// Envelope is what a response says of itself.
type Envelope struct {
	// ID is the response's id, and Model the client's name for the model.
	ID, Model string
}

// AppendResponse appends a complete response.
func AppendResponse(dst []byte, env Envelope, r *llm.Response) []byte {
	w := jsonx.Writer{Buf: dst}
	w.Object()
	w.Key("candidates")
	w.Array()
	w.Object()
	w.Key("content")
	w.Object()
	w.Key("parts")
	w.Array()
	sign := ""
	for i := range r.Blocks {
		sign = appendBlock(&w, &r.Blocks[i], sign)
	}
	appendSignature(&w, sign)
	w.EndArray()
	w.Key("role")
	w.Word("model")
	w.EndObject()
	w.Key("finishReason")
	w.Word(finishReason(r.Stop))
	w.Key("index")
	w.Int(0)
	appendGrounding(&w, groundsOf(r.Blocks))
	w.EndObject()
	w.EndArray()
	if !r.Uncounted {
		appendUsage(&w, &r.Usage)
	}
	env.append(&w)
	w.EndObject()
	return w.Buf
}

func (e *Envelope) append(w *jsonx.Writer) {
	w.Key("modelVersion")
	w.String(e.Model)
	w.Key("responseId")
	w.String(e.ID)
}

// appendBlock writes a block. sign is a signature that belongs to it; the one that belongs to the next
// block is returned.
func appendBlock(w *jsonx.Writer, b *llm.Block, sign string) string {
	own := b.Signature
	if rest, ok := strings.CutPrefix(own, llm.GeminiMark); ok && b.Kind == llm.BlockReasoning {
		if b.Text != "" {
			appendText(w, b.Text, true, "")
		}
		appendSignature(w, sign)
		return rest
	}
	if b.Kind != llm.BlockToolUse {
		appendSignature(w, sign)
		sign = ""
	}
	switch b.Kind {
	case llm.BlockText:
		appendText(w, b.Text, false, "")
	case llm.BlockReasoning:
		if own != "" {
			own = foreign(foreignMark, own)
		}
		appendText(w, b.Text, true, own)
	case llm.BlockRedacted:
		appendText(w, "", true, foreign(redactedMark, b.Text))
	case llm.BlockToolUse:
		appendCall(w, b.ToolUse, sign)
	case llm.BlockImage, llm.BlockAudio, llm.BlockVideo, llm.BlockDocument:
		if kind := mediaTypes[b.Kind][b.Media.Format]; kind != "" && !b.Media.Base64.IsZero() {
			w.Object()
			w.Key("inlineData")
			w.Object()
			w.Key("mimeType")
			w.Word(kind)
			w.Key("data")
			w.Base64(b.Media.Base64.Bytes())
			w.EndObject()
			w.EndObject()
		}
	default:
		if b.Text != "" {
			appendText(w, b.Text, false, "")
		}
	}
	return ""
}

func appendSignature(w *jsonx.Writer, sign string) {
	if sign != "" {
		appendText(w, "", false, sign)
	}
}

func appendText(w *jsonx.Writer, text string, thought bool, sign string) {
	w.Object()
	w.Key("text")
	w.String(text)
	if thought {
		w.Key("thought")
		w.Bool(true)
	}
	if sign != "" {
		w.Key("thoughtSignature")
		w.String(sign)
	}
	w.EndObject()
}

func appendCall(w *jsonx.Writer, use *llm.ToolUse, sign string) {
	w.Object()
	w.Key("functionCall")
	w.Object()
	w.Key("id")
	w.String(use.ID)
	w.Key("name")
	w.String(use.Name)
	w.Key("args")
	switch {
	case use.Input.Kind() == '{':
		w.Raw(use.Input)
	default: // the dialect has only objects
		w.Object()
		if has(use.Input) {
			w.Key("input")
			w.Raw(use.Input)
		}
		w.EndObject()
	}
	w.EndObject()
	if sign != "" {
		w.Key("thoughtSignature")
		w.String(sign)
	}
	w.EndObject()
}

func finishReason(s llm.StopReason) string {
	switch s {
	case llm.StopMaxTokens, llm.StopContextWindow:
		return "MAX_TOKENS"
	case llm.StopFiltered:
		return "SAFETY"
	case llm.StopMalformed:
		return "MALFORMED_FUNCTION_CALL"
	case llm.StopOther:
		return "OTHER"
	default:
		return "STOP"
	}
}

// Events writes the events of a stream as server-sent events.
type Events struct {
	env   Envelope
	block llm.Block // that is open
	input []byte    // of its tool call
	sign  string    // that belongs to the next block
	stop  llm.StopReason
	ended bool // a stop has come
	usage *llm.Usage
	err   error

	length  int      // bytes of the open text
	grounds []ground // sources of the texts
}

// NewEvents makes Events.
func NewEvents(env Envelope) *Events { return &Events{env: env} }

// Err is why the stream cannot be written; nil if it can.
func (e *Events) Err() error { return e.err }

// Append appends what an event becomes, if anything.
func (e *Events) Append(dst []byte, ev *llm.Event) []byte {
	switch ev.Kind {
	case llm.EventBlockStart:
		dst = e.flush(dst)
		e.block, e.length = llm.Block{Kind: ev.Block}, 0
		if ev.ToolUse != nil {
			use := *ev.ToolUse
			e.block.ToolUse = &use
		}
		if ev.Media != nil {
			media := *ev.Media
			e.block.Media = &media
		}
	case llm.EventDelta:
		return e.delta(dst, ev)
	case llm.EventBlockEnd:
		return e.flush(dst)
	case llm.EventStop:
		dst = e.flush(dst)
		e.stop, e.ended = ev.Stop, true
	case llm.EventUsage:
		e.usage = ev.Usage
	case llm.EventStart, llm.EventOther:
	}
	return dst
}

func (e *Events) delta(dst []byte, ev *llm.Event) []byte {
	if e.block.Kind != ev.Block { // providers may leave out the start of a text
		dst = e.flush(dst)
		e.block, e.length = llm.Block{Kind: ev.Block}, 0
	}
	switch ev.Block {
	case llm.BlockText:
		dst = e.pending(dst)
		e.length += len(ev.Text)
		if ev.Other != nil && ev.Other.Name == nameCitation {
			e.grounds = append(e.grounds, ground{sourceOf(ev.Other.Value), e.length})
		}
		if ev.Text != "" {
			dst = e.chunk(dst, func(w *jsonx.Writer) { appendText(w, ev.Text, false, "") })
		}
	case llm.BlockReasoning:
		e.block.Signature += ev.Signature
		if ev.Text != "" {
			dst = e.pending(dst)
			dst = e.chunk(dst, func(w *jsonx.Writer) { appendText(w, ev.Text, true, "") })
		}
	case llm.BlockToolUse:
		e.input = append(e.input, ev.Text...)
	case llm.BlockImage, llm.BlockAudio, llm.BlockVideo, llm.BlockDocument:
		if ev.Media != nil && e.block.Media != nil && e.block.Media.Base64.IsZero() {
			e.block.Media.Base64 = ev.Media.Base64
		}
	default:
		e.block.Text += ev.Text
	}
	return dst
}

// pending writes a signature that belongs to what came before.
func (e *Events) pending(dst []byte) []byte {
	sign := e.sign
	if e.sign = ""; sign == "" {
		return dst
	}
	return e.chunk(dst, func(w *jsonx.Writer) { appendSignature(w, sign) })
}

// flush writes what is left of the open block.
func (e *Events) flush(dst []byte) []byte {
	b := e.block
	e.block = llm.Block{}
	switch b.Kind {
	case 0, llm.BlockText:
		return dst
	case llm.BlockReasoning:
		if b.Signature == "" {
			return dst
		}
	case llm.BlockToolUse:
		if b.ToolUse == nil {
			e.err = errors.New("a delta of a call that has not begun")
			return dst
		}
		b.ToolUse.Input = e.input
		if len(e.input) > 0 && !jsonx.Valid(e.input) {
			b.ToolUse.Input = jsonx.AppendString(nil, string(e.input))
		}
		e.input = nil
	case llm.BlockImage, llm.BlockAudio, llm.BlockVideo, llm.BlockDocument:
		if b.Media == nil {
			return dst
		}
	default:
	}
	sign := e.sign
	e.sign = ""
	if rest, own := strings.CutPrefix(b.Signature, llm.GeminiMark); own && b.Kind == llm.BlockReasoning {
		e.sign = rest
		if sign == "" {
			return dst
		}
		return e.chunk(dst, func(w *jsonx.Writer) { appendSignature(w, sign) })
	}
	return e.chunk(dst, func(w *jsonx.Writer) { appendBlock(w, &b, sign) })
}

// chunk writes an event with parts.
func (e *Events) chunk(dst []byte, parts func(w *jsonx.Writer)) []byte {
	dst = append(dst, "data: "...)
	w := jsonx.Writer{Buf: dst}
	w.Object()
	w.Key("candidates")
	w.Array()
	w.Object()
	w.Key("content")
	w.Object()
	w.Key("parts")
	w.Array()
	parts(&w)
	w.EndArray()
	w.Key("role")
	w.Word("model")
	w.EndObject()
	w.Key("index")
	w.Int(0)
	w.EndObject()
	w.EndArray()
	e.env.append(&w)
	w.EndObject()
	return append(w.Buf, "\r\n\r\n"...)
}

// AppendEnd appends the last event. The dialect has no place for warnings.
func (e *Events) AppendEnd(dst []byte, _ []llm.Warning) []byte {
	dst = e.pending(e.flush(dst))
	dst = append(dst, `data: {"candidates":[{"content":{"parts":[{"text":""}],"role":"model"},"finishReason":"`...)
	dst = append(dst, finishReason(e.stop)...)
	dst = append(dst, `","index":0`...)
	w := jsonx.Writer{}
	if len(e.grounds) > 0 {
		w.Object()
		appendGrounding(&w, e.grounds)
		w.EndObject()
		dst = append(append(dst, ','), w.Buf[1:]...) // with the end of the candidate
	} else {
		dst = append(dst, '}')
	}
	dst = append(dst, ']')
	w = jsonx.Writer{}
	w.Object()
	if e.usage != nil {
		appendUsage(&w, e.usage)
	}
	e.env.append(&w)
	w.EndObject()
	dst = append(dst, ',')
	return append(append(dst, w.Buf[1:]...), "\r\n\r\n"...)
}

// AppendError appends Google's error object. Outcrop's details are in error.outcrop.
func AppendError(dst []byte, e *llm.Error) []byte {
	w := jsonx.Writer{Buf: dst}
	w.Object()
	w.Key("error")
	w.Object()
	w.Key("code")
	w.Int(int64(e.Status))
	w.Key("message")
	w.String(sentences(e))
	w.Key("status")
	w.Word(statusWord(e.Status))
	w.Key("details")
	w.Array()
	w.Object()
	w.Key("@type")
	w.Word("type.googleapis.com/google.rpc.ErrorInfo")
	w.Key("reason")
	w.String(string(e.Code))
	w.Key("domain")
	w.Word("outcrop")
	w.EndObject()
	if digits(e.RetryAfter) {
		w.Object()
		w.Key("@type")
		w.Word("type.googleapis.com/google.rpc.RetryInfo")
		w.Key("retryDelay")
		w.String(e.RetryAfter + "s")
		w.EndObject()
	}
	if e.Param != "" {
		w.Object()
		w.Key("@type")
		w.Word("type.googleapis.com/google.rpc.BadRequest")
		w.Key("fieldViolations")
		w.Array()
		w.Object()
		w.Key("field")
		w.String(e.Param)
		w.Key("description")
		w.String(e.Message)
		w.EndObject()
		w.EndArray()
		w.EndObject()
	}
	w.EndArray()
	w.Key("outcrop")
	e.WriteVerdict(&w)
	w.EndObject()
	w.EndObject()
	return w.Buf
}

// AppendFailure appends an error as the last event of a stream.
func AppendFailure(dst []byte, e *llm.Error) []byte {
	return append(AppendError(append(dst, "data: "...), e), "\r\n\r\n"...)
}

// Array writes the events of a stream as the elements of a JSON array. The zero value is ready for use.
type Array struct{ begun bool }

// Append appends what server-sent events become, if anything.
func (a *Array) Append(dst, events []byte) []byte {
	for line := range bytes.Lines(events) {
		if data, ok := bytes.CutPrefix(line, []byte("data:")); ok {
			dst = append(a.separated(dst), bytes.TrimSpace(data)...)
		}
	}
	return dst
}

// separated begins an element.
func (a *Array) separated(dst []byte) []byte {
	if a.begun {
		return append(dst, ",\r\n"...)
	}
	a.begun = true
	return append(dst, '[')
}

// AppendEnd appends the end of the array.
func (a *Array) AppendEnd(dst []byte) []byte {
	if !a.begun {
		dst = append(dst, '[')
	}
	return append(dst, "]\n"...)
}

// AppendFailure appends an error as the last element, and the end.
func (a *Array) AppendFailure(dst []byte, e *llm.Error) []byte {
	return a.AppendEnd(AppendError(a.separated(dst), e))
}

func digits(s string) bool { return s != "" && strings.Trim(s, "0123456789") == "" }

// statusWord is Google's name of an HTTP status
// (https://cloud.google.com/apis/design/errors#handling_errors).
func statusWord(status int) string {
	switch status {
	case 401:
		return "UNAUTHENTICATED"
	case 403:
		return "PERMISSION_DENIED"
	case 404:
		return "NOT_FOUND"
	case 408, 504:
		return "DEADLINE_EXCEEDED"
	case 429:
		return "RESOURCE_EXHAUSTED"
	case 499:
		return "CANCELLED"
	case 502, 503, 529:
		return "UNAVAILABLE"
	}
	if status < 500 {
		return "INVALID_ARGUMENT"
	}
	return "INTERNAL"
}

// AppendCount appends the response of countTokens.
func AppendCount(dst []byte, tokens int64) []byte {
	w := jsonx.Writer{Buf: dst}
	w.Object()
	w.Key("totalTokens")
	w.Int(tokens)
	w.EndObject()
	return w.Buf
}
