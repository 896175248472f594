package openairesponses

import (
	"bytes"
	"errors"
	"fmt"

	"outcrop/internal/jsonx"
	"outcrop/llm"
)

// Own is what a client wrote itself of what a response repeats, where the endpoint got something else.
type Own struct {
	// Model is the client's name for the model; if it is empty, the endpoint's stays.
	Model string
	// Tools are the client's tools; if they are empty, the endpoint's stay.
	Tools jsonx.Raw
}

// Relay prepares the events of a stream for a client, and reads what the gateway needs.
type Relay struct {
	Own

	buf   []byte
	ended bool
}

// FailedError is a failure that an endpoint reports in a response or an event.
type FailedError struct {
	// Status is the HTTP status that belongs to the failure's code.
	Status int
	// Body is the error, in the form of an error response.
	Body []byte
}

func (e *FailedError) Error() string { return string(e.Body) }

// maxRelayed bounds the values of a response.
const maxRelayed = 4_000_000

// Ended reports whether the last event of the response has come.
func (r *Relay) Ended() bool { return r.ended }

// End reports false: a response without its last event has broken off.
func (r *Relay) End(*llm.RawEvent) bool { return false }

// Next fills ev with the event for the client that the data of an event becomes. A failure that the endpoint
// reports is a *FailedError.
func (r *Relay) Next(ev *llm.RawEvent, data []byte) error {
	if bytes.IndexByte(data, '\n') >= 0 { // it must be one line of the event
		var err error
		if data, err = jsonx.Compact(data); err != nil {
			return err
		}
	}
	var e eventHead
	if err := jsonx.Unmarshal(data, &e); err != nil {
		return err
	}
	ev.Type, ev.Length = e.kind, e.length
	switch e.kind {
	case "":
		return errors.New("an event has no type")
	case "error":
		return failed(data)
	case "response.created", "response.queued", "response.in_progress", "keepalive":
	case "response.failed":
		return failed(e.response.failure)
	case "response.completed", "response.incomplete":
		r.ended, ev.Content = true, true
		e.response.tap(&ev.Usage, &ev.RawStop, &ev.ServiceTier)
	default:
		ev.Content = true
	}
	if cap(r.buf) > 64<<10 {
		r.buf = nil
	}
	b := append(r.buf[:0], "event: "...)
	b = append(b, e.kind...)
	b = append(b, "\ndata: "...)
	b = e.response.owned(b, data, &r.Own)
	r.buf = append(b, "\n\n"...)
	ev.Data = r.buf
	return nil
}

// Tapped is what a gateway reads of a response that it passes on.
type Tapped struct {
	Usage       llm.Usage
	Counted     bool
	RawStop     string
	ServiceTier string
}

// RelayResponse prepares a complete response for a client, which gets its own back, and reads what the gateway
// needs. A failure that the response reports is a *FailedError.
func RelayResponse(body []byte, own Own) ([]byte, *Tapped, error) {
	if jsonx.ManyValues(body, maxRelayed) {
		return nil, nil, fmt.Errorf("it has more than %d values", maxRelayed)
	}
	var r responseHead
	if err := jsonx.Unmarshal(body, &r); err != nil {
		return nil, nil, err
	}
	switch {
	case r.status == StatusFailed || r.status == "" && given(r.failure):
		return nil, nil, failed(r.failure)
	case !r.output:
		return nil, nil, errors.New("it has no output")
	}
	t := &Tapped{}
	var usage *llm.Usage
	r.tap(&usage, &t.RawStop, &t.ServiceTier)
	if usage != nil {
		t.Usage, t.Counted = *usage, true
	}
	if !r.model.replaced(own.Model != "") && !r.tools.replaced(len(own.Tools) > 0) {
		return body, t, nil
	}
	return r.owned(make([]byte, 0, len(body)+len(own.Model)+len(own.Tools)), body, &own), t, nil
}

// failed is the failure that an error object, or an event that is one, reports.
func failed(e jsonx.Raw) error {
	code := member(e, "code")
	if code == "" { // some wrap it once more
		var v struct {
			Error jsonx.Raw `json:"error"`
			Rest  jsonx.Raw `json:",embed"`
		}
		if jsonx.Unmarshal(e, &v) == nil && v.Error.Kind() == '{' {
			e, code = v.Error, member(v.Error, "code")
		}
	}
	status := 500
	switch code {
	case "rate_limit_exceeded", "insufficient_quota":
		status = 429
	case "server_is_overloaded", "slow_down":
		status = 503
	case "vector_store_timeout":
		status = 504
	case "", "server_error":
	default: // the codes of ResponseError are otherwise about the input
		status = 400
	}
	if !given(e) {
		e = jsonx.Raw(`{"message":"the response failed, without a reason"}`)
	}
	return &FailedError{status, append(append([]byte(`{"error":`), e...), '}')}
}

// eventHead is what a gateway reads of an event.
type eventHead struct {
	kind     string
	length   int // bytes of generated text
	response responseHead
}

func (e *eventHead) UnmarshalJSONFrom(d *jsonx.Decoder) error {
	return jsonx.Object(d, func(name []byte) error {
		switch string(name) {
		case "type":
			return readText(d, &e.kind)
		case "delta":
			v, err := d.ReadValue()
			if err == nil && v.Kind() == '"' {
				e.length = len(v) - 2
			}
			return err
		case "response":
			if d.PeekKind() == '{' {
				return e.response.UnmarshalJSONFrom(d)
			}
		}
		return d.SkipValue()
	})
}

// responseHead is what a gateway reads of a response.
type responseHead struct {
	model, tools         span
	status, tier, reason string
	usage, failure       jsonx.Raw
	output               bool
}

// span is where a value is in the document; its end is 0 if the document does not have it.
type span struct{ start, end int }

// replaced reports whether the value is there and has another in its place.
func (s span) replaced(other bool) bool { return other && s.end > 0 }

// find skips the decoder's next value, and keeps where it is if it is of the kind.
func (s *span) find(d *jsonx.Decoder, kind jsonx.Kind) error {
	v, err := d.ReadValue()
	if err == nil && v.Kind() == kind {
		s.end = int(d.InputOffset())
		s.start = s.end - len(v)
	}
	return err
}

func (r *responseHead) UnmarshalJSONFrom(d *jsonx.Decoder) error {
	return jsonx.Object(d, func(name []byte) error {
		switch string(name) {
		case "model":
			return r.model.find(d, '"')
		case "tools":
			return r.tools.find(d, '[')
		case "status":
			return readText(d, &r.status)
		case "service_tier":
			return readText(d, &r.tier)
		case "incomplete_details":
			v, err := d.ReadValue()
			if err == nil && v.Kind() == '{' {
				r.reason = member(v, "reason")
			}
			return err
		case "output":
			r.output = d.PeekKind() == '['
		case "usage":
			return jsonx.Keep(d, &r.usage)
		case "error":
			return jsonx.Keep(d, &r.failure)
		}
		return d.SkipValue()
	})
}

// tap reports what the gateway needs of a response that is over.
func (r *responseHead) tap(usage **llm.Usage, stop, tier *string) {
	if u, ok := ReadUsage(r.usage); ok {
		*usage = &u
	}
	*stop, *tier = r.status, r.tier
	if r.status == StatusIncomplete && r.reason != "" {
		*stop = r.reason
	}
}

// owned appends a document with what is the client's own.
func (r *responseHead) owned(dst, doc []byte, own *Own) []byte {
	done := 0 // of doc
	model := func() {
		if r.model.replaced(own.Model != "") {
			dst = append(dst, doc[done:r.model.start]...)
			dst, done = jsonx.AppendString(dst, own.Model), r.model.end
		}
	}
	tools := func() {
		if r.tools.replaced(len(own.Tools) > 0) {
			dst = append(dst, doc[done:r.tools.start]...)
			dst, done = append(dst, own.Tools...), r.tools.end
		}
	}
	if r.tools.start < r.model.start {
		tools()
		model()
	} else {
		model()
		tools()
	}
	return append(dst, doc[done:]...)
}

// ReadUsage reads the usage of a response. It reports false if there is none.
func ReadUsage(raw jsonx.Raw) (llm.Usage, bool) {
	var s struct {
		Input        optional[int64] `json:"input_tokens"`
		InputDetails struct {
			Cached     optional[int64] `json:"cached_tokens"`
			CacheWrite optional[int64] `json:"cache_write_tokens"`
			Rest       jsonx.Raw       `json:",embed"`
		} `json:"input_tokens_details"`
		Output        optional[int64] `json:"output_tokens"`
		OutputDetails struct {
			Reasoning optional[int64] `json:"reasoning_tokens"`
			Rest      jsonx.Raw       `json:",embed"`
		} `json:"output_tokens_details"`
		Total optional[int64] `json:"total_tokens"`
		Cost  jsonx.Raw       `json:"cost"`
		Ticks jsonx.Raw       `json:"cost_in_usd_ticks"`
		Rest  jsonx.Raw       `json:",embed"`
	}
	if len(raw) == 0 || raw.Kind() != '{' || jsonx.Unmarshal(raw, &s) != nil || !s.Input.Set && !s.Output.Set {
		return llm.Usage{}, false
	}
	u := llm.Usage{
		Output: s.Output.Value, Total: s.Total.Value, CacheRead: s.InputDetails.Cached.Opt, CacheWrite: s.InputDetails.CacheWrite.Opt,
		Reasoning: s.OutputDetails.Reasoning.Opt,
	}
	u.Input = max(0, s.Input.Value-u.CacheRead.Value-u.CacheWrite.Value)
	u.State("cost", s.Cost)
	u.State("cost_in_usd_ticks", s.Ticks)
	return u, true
}

// readText reads a text; anything else counts as none.
func readText(d *jsonx.Decoder, to *string) error {
	if d.PeekKind() != '"' {
		return d.SkipValue()
	}
	return jsonx.UnmarshalDecode(d, to)
}
