package bedrock

import (
	"bytes"
	"cmp"
	"context"
	"encoding/base64"
	"errors"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"outcrop/internal/jsonx"
	"outcrop/llm"
	"outcrop/provider"
	"outcrop/provider/bedrock/modelid"
	wire "outcrop/wire/converse"
	"outcrop/wire/eventstream"
)

// Operations of the runtime API on a model, as they stand in the path
// (https://docs.aws.amazon.com/bedrock/latest/APIReference/API_Operations_Amazon_Bedrock_Runtime.html).
const (
	opConverse       = "converse"
	opConverseStream = "converse-stream"
	opInvoke         = "invoke"
	opInvokeStream   = "invoke-with-response-stream"
	opCountTokens    = "count-tokens"

	opStartAsync = "start-async-invoke"
)

// Speaks reports whether the target takes calls in a dialect: AWS's own, that of the Responses API where the
// model has it, and for Claude Anthropic's, unless the model string asks for Converse or InvokeModel has
// refused the model.
func (w *target) Speaks(dialect string) bool {
	switch dialect {
	case llm.DialectBedrock:
		return true
	case llm.DialectResponses:
		return w.responds()
	case llm.DialectAnthropic:
		return w.claude() && w.route != modelid.Converse && !w.noInvoke
	default:
		return false
	}
}

// Pass makes one call of an operation of the runtime API with the body as it is, or of InvokeModel
// with a body of the Messages API.
func (w *target) Pass(ctx context.Context, raw *llm.Raw) (*llm.RawResponse, error) {
	ctx = withSession(ctx, &raw.Call)
	switch raw.Dialect {
	case llm.DialectAnthropic:
		return w.passMessage(ctx, raw)
	case llm.DialectResponses:
		return w.passResponse(ctx, raw)
	}
	x, err := w.pass(ctx, raw)
	if err != nil {
		return nil, err
	}
	body, err := x.body(ctx)
	if err != nil {
		return nil, err
	}
	out := &llm.RawResponse{Meta: x.meta, Body: body}
	switch raw.Operation {
	case opStartAsync: // the model is billed for what it makes, later
		out.Meta.Price = nil
	case opConverse:
		t := wire.Tap(body)
		out.RawStop, out.ServiceTier, out.Uncounted = t.RawStop, t.ServiceTier, t.Usage == nil
		if t.Usage != nil {
			out.Usage = *t.Usage
		}
	case opInvoke:
		out.Usage, out.Uncounted = headerUsage(x.resp.Header)
		out.ServiceTier = x.resp.Header.Get("X-Amzn-Bedrock-Service-Tier")
	}
	return out, nil
}

// PassStream makes one call of a streaming operation of the runtime API. The events of the stream
// are AWS's frames, byte for byte.
func (w *target) PassStream(ctx context.Context, raw *llm.Raw) (llm.RawStream, error) {
	ctx = withSession(ctx, &raw.Call)
	switch raw.Dialect {
	case llm.DialectAnthropic:
		return w.passMessages(ctx, raw)
	case llm.DialectResponses:
		return w.passResponses(ctx, raw)
	}
	x, err := w.pass(ctx, raw)
	if err != nil {
		return nil, err
	}
	s := &passedStream{exchange: x, frames: eventstream.NewDecoder(x.resp.Body), invoked: raw.Operation == opInvokeStream}
	s.frames.Share(&w.d.identities.frames)
	return s, nil
}

// pass sends a call of an operation.
func (w *target) pass(ctx context.Context, raw *llm.Raw) (*exchange, error) {
	body := raw.Body
	if raw.Operation == opStartAsync {
		var err error
		if body, err = w.named(body); err != nil {
			return nil, err
		}
	}
	stream := raw.Operation == opConverseStream || raw.Operation == opInvokeStream
	header := passedHeader(raw.Headers)
	body, attributed, err := attribute(raw, body, header)
	if err != nil {
		return nil, err
	}
	segments, warnings, err := guard(raw, body, header)
	if err != nil {
		return nil, err
	}
	warnings = append(warnings, attributed...)
	x, err := w.post(ctx, raw.Operation, raw.Operation, header, segments, raw.Names, nil, stream)
	if err != nil {
		return nil, err
	}
	x.meta.Warnings = append(x.meta.Warnings, warnings...)
	x.meta.Header = clientHeader(x.resp.Header)
	return x, nil
}

// operation is the address of an operation on the target's id, with its path as it is signed.
func (w *target) operation(name string) (u *url.URL, path string) {
	switch name {
	case opConverse:
		return w.whole, w.wholePath
	case opConverseStream:
		return w.stream, w.streamPath
	case opInvoke:
		return w.invokeWhole, w.invokeWholePath
	case opInvokeStream:
		return w.invokeStream, w.invokeStreamPath
	case opCountTokens: // it knows base models only, and refuses profiles
		u = w.end.URL("", "model", cmp.Or(w.base, w.destination.ID), name)
	case opStartAsync:
		u = w.end.URL("", "async-invoke")
	default:
		u = w.end.URL("", "model", w.destination.ID, name)
	}
	return u, u.EscapedPath()
}

// named is a body whose modelId is the target's.
func (w *target) named(body jsonx.Raw) (jsonx.Raw, error) {
	members, err := jsonx.Members(body)
	if err != nil {
		return nil, llm.Invalid("modelId", "The request body is not a JSON object.")
	}
	id := jsonx.AppendString(nil, w.destination.ID)
	for i := range members {
		if members[i].Name != "modelId" || bytes.Equal(members[i].Value, id) {
			continue
		}
		members = slices.Clone(members)
		members[i].Value = id
		var out jsonx.Writer
		out.Object()
		out.Members(members)
		out.EndObject()
		return out.Buf, nil
	}
	return body, nil
}

// passedHeader is the header of a call with what the client sent; AWS wants a content type.
func passedHeader(sent []llm.Label) http.Header {
	h := make(http.Header, len(sent)+4)
	for _, l := range sent {
		h.Add(l.Name, l.Value)
	}
	if h.Get("Content-Type") == "" {
		h.Set("Content-Type", "application/json")
	}
	return h
}

// clientHeader are the headers of a response that belong to the client: its type, and what AWS
// reports about the call
// (https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_InvokeModel.html).
func clientHeader(h http.Header) (out []llm.Label) {
	for name, values := range h {
		if name != "Content-Type" && !strings.HasPrefix(name, "X-Amzn-Bedrock-") {
			continue
		}
		for _, v := range values {
			out = append(out, llm.Label{Name: name, Value: v})
		}
	}
	return out
}

// headerUsage reads the usage that InvokeModel reports in headers; uncounted if there is none.
func headerUsage(h http.Header) (u llm.Usage, uncounted bool) {
	count := func(name string) (n int64, ok bool) {
		n, err := strconv.ParseInt(h.Get("X-Amzn-Bedrock-"+name), 10, 64)
		return n, err == nil
	}
	in, ok := count("Input-Token-Count")
	out, ok2 := count("Output-Token-Count")
	u = llm.Usage{Input: in, Output: out, Total: in + out}
	if n, ok := count("Cache-Read-Input-Token-Count"); ok {
		u.CacheRead = llm.Some(n)
	}
	if n, ok := count("Cache-Write-Input-Token-Count"); ok {
		u.CacheWrite = llm.Some(n)
	}
	return u, !ok && !ok2
}

// passedStream is a response of ConverseStream or InvokeModelWithResponseStream.
type passedStream struct {
	*exchange
	frames  *eventstream.Decoder
	invoked bool // of InvokeModelWithResponseStream
	some    bool // a frame has arrived
	stopped bool // Converse's messageStop has arrived
	ended   bool // the response may end here
	claude  bool // it consists of Anthropic's events
	err     error
}

func (s *passedStream) Next(ev *llm.RawEvent) error {
	*ev = llm.RawEvent{}
	if s.err != nil {
		return s.err
	}
	s.frames.Trim()
	frame, err := s.frames.Next()
	if err != nil {
		if err = wire.Ended(err, s.some, s.ended); err != nil && !errors.Is(err, io.EOF) {
			err = s.failed(err)
		}
		s.err = err
		s.frames.Release()
		return err
	}
	s.some = true
	ev.Data = frame.Raw
	if fault := wire.Exception(frame); fault != nil {
		ev.Type, ev.Err = string(frame.Header(eventstream.HeaderExceptionType)), s.failed(fault)
		s.err = ev.Err
		return nil
	}
	kind := frame.Header(eventstream.HeaderEventType)
	if s.invoked {
		ev.Type = "chunk"
		s.chunk(ev, frame.Payload)
		return nil
	}
	s.event(ev, kind, frame.Payload)
	return nil
}

// event reads an event of ConverseStream as far as the gateway needs it.
func (s *passedStream) event(ev *llm.RawEvent, kind, payload []byte) {
	ev.Type = eventName(kind)
	switch ev.Type {
	case "messageStart":
		return
	case "contentBlockDelta":
		ev.Length = textLength(payload)
	case "metadata": // it follows messageStop, and clients rely on both
		s.ended = s.stopped
	case "messageStop":
		s.stopped = true
	}
	ev.Content = true
	t := wire.TapEvent(kind, payload)
	ev.Usage, ev.RawStop, ev.ServiceTier = t.Usage, t.RawStop, t.ServiceTier
}

// textLength is the number of bytes of generated text in a delta of Converse or of Claude; 0 if it has
// none.
func textLength(delta []byte) int {
	for _, name := range [...]string{`"text":"`, `"input":"`, `"partial_json":"`, `"thinking":"`} {
		at := bytes.Index(delta, []byte(name))
		if at < 0 {
			continue
		}
		text := delta[at+len(name):]
		for i := 0; i < len(text); i++ {
			switch text[i] {
			case '\\':
				i++
			case '"':
				return i
			}
		}
		return len(text)
	}
	return 0
}

// eventName is a frame's event type without an allocation for the known ones.
func eventName(kind []byte) string {
	for _, known := range [...]string{"contentBlockDelta", "contentBlockStart", "contentBlockStop", "messageStart", "messageStop", "metadata"} {
		if string(kind) == known {
			return known
		}
	}
	return string(kind)
}

// invocationMetrics is the member in which InvokeModelWithResponseStream reports the usage, in the
// last chunk of most models.
const invocationMetrics = "amazon-bedrock-invocationMetrics"

// chunk reads a chunk of a model's own stream as far as the gateway needs it.
func (s *passedStream) chunk(ev *llm.RawEvent, payload []byte) {
	ev.Content, s.ended = true, true
	var p struct {
		Bytes string `json:"bytes"`
	}
	if jsonx.Unmarshal(payload, &p) != nil {
		return
	}
	event, err := base64.StdEncoding.DecodeString(p.Bytes)
	if err != nil {
		return
	}
	ev.Length = textLength(event)
	switch { // Claude's events; no other model's chunks have these
	case bytes.Contains(event, []byte(`"message_start"`)): // within a string the quotes would be escaped
		s.ended, s.claude, ev.Content = false, true, false
	case s.claude:
		s.ended = bytes.Contains(event, []byte(`"message_stop"`))
	}
	if !bytes.Contains(event, []byte(invocationMetrics)) {
		return
	}
	members, err := jsonx.Members(event)
	if err != nil {
		return
	}
	var m struct {
		Input      int64  `json:"inputTokenCount"`
		Output     int64  `json:"outputTokenCount"`
		CacheRead  *int64 `json:"cacheReadInputTokenCount"`
		CacheWrite *int64 `json:"cacheWriteInputTokenCount"`
	}
	if jsonx.Unmarshal(jsonx.Find(members, invocationMetrics), &m) != nil {
		return
	}
	ev.Usage = &llm.Usage{Input: m.Input, Output: m.Output, Total: m.Input + m.Output}
	if m.CacheRead != nil {
		ev.Usage.CacheRead = llm.Some(*m.CacheRead)
	}
	if m.CacheWrite != nil {
		ev.Usage.CacheWrite = llm.Some(*m.CacheWrite)
	}
}

func (s *passedStream) More() bool { return s.err == nil && s.frames.More() }

var _ provider.Passer = (*target)(nil)
