package openaicompat

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/url"
	"strings"

	"outcrop/llm"
	"outcrop/upstream"
	wire "outcrop/wire/openaichat"
	"outcrop/wire/openairesponses"
	"outcrop/wire/sse"
)

// respond makes one call of the Responses API with a client's body.
func (t *target) respond(ctx context.Context, raw *llm.Raw) (*llm.RawResponse, error) {
	x, err := t.responses(ctx, raw)
	if err != nil {
		return nil, err
	}
	body, err := x.body(ctx)
	if err != nil {
		return nil, err
	}
	out, tapped, err := openairesponses.RelayResponse(body, openairesponses.Own{Model: raw.Model})
	if err != nil {
		return nil, x.reported("response", err)
	}
	return &llm.RawResponse{
		Meta: x.meta, Body: out, Usage: tapped.Usage, RawStop: tapped.RawStop, Uncounted: !tapped.Counted, ServiceTier: tapped.ServiceTier,
	}, nil
}

// respondStream makes one call of the Responses API with a client's body, and relays the events.
func (t *target) respondStream(ctx context.Context, raw *llm.Raw) (llm.RawStream, error) {
	x, err := t.responses(ctx, raw)
	if err != nil {
		return nil, err
	}
	return &respondedStream{exchange: x, events: sse.NewReader(x.resp.Body), relay: openairesponses.Relay{Own: openairesponses.Own{Model: raw.Model}}}, nil
}

// responses sends a client's body to the Responses API.
func (t *target) responses(ctx context.Context, raw *llm.Raw) (*exchange, error) {
	edit := wire.Edit{Edits: &t.d.vendor.responseEdits, Model: t.name, DropParams: raw.DropParams}
	pieces, warnings, err := edit.Apply(raw.Body)
	if err != nil {
		return nil, err
	}
	x, err := t.post(ctx, APIResponses, t.d.end.URL(APIResponses, t.id), raw.Headers, pieces, warnings)
	if err != nil {
		if lacksResponses(llm.AsError(err)) {
			t.d.noResponses.Store(true)
		}
		return nil, err
	}
	x.meta.Keeps = t.d.vendor.Quirks.KeepsResponses
	return x, nil
}

// lacksResponses reports whether a refusal says that the server has no Responses API: many servers of a
// user's own have chat completions only. A response that the server does not have is another matter.
func lacksResponses(e *llm.Error) bool {
	if e.UpstreamStatus != http.StatusNotFound && e.UpstreamStatus != http.StatusMethodNotAllowed && e.UpstreamStatus != http.StatusNotImplemented {
		return false
	}
	text := strings.ToLower(e.Message)
	return e.Code != llm.CodeModelUnknown && !strings.Contains(text, "previous") && !strings.Contains(text, "resp_")
}

// reported is failed for the Responses API, which reports failures in responses and events.
func (x *exchange) reported(what string, err error) *llm.Error {
	if own, ok := errors.AsType[*openairesponses.FailedError](err); ok {
		refusal := wire.DecodeRefusal(own.Status, own.Body)
		if refusal.Type == "error" { // the type of the event
			refusal.Type = ""
		}
		err = refusal
	}
	return x.failed(what, err)
}

// respondedStream is a streaming response of the Responses API.
type respondedStream struct {
	*exchange
	events *sse.Reader
	relay  openairesponses.Relay
	err    error
}

func (s *respondedStream) Next(ev *llm.RawEvent) error {
	*ev = llm.RawEvent{}
	if s.err == nil {
		s.err = s.next(ev)
	}
	return s.err
}

func (s *respondedStream) next(ev *llm.RawEvent) error {
	var event sse.Event
	err := s.events.Next(&event)
	switch {
	case s.relay.Ended(): // the end of the body is read too, so that the connection can be used again
		return io.EOF // the response is complete, whatever follows
	case err != nil:
		return s.broken(err)
	}
	if err := s.relay.Next(ev, event.Data); err != nil {
		return s.reported("stream", err)
	}
	return nil
}

func (s *respondedStream) More() bool { return s.err != nil || s.events.More() }

// service makes a call about a response that the vendor keeps: Path are the segments behind the API's own.
func (t *target) service(ctx context.Context, raw *llm.Raw) (*llm.RawResponse, error) {
	to := t.to(APIResponses)
	u := t.d.end.URL(APIResponses, t.id)
	if u == nil {
		return nil, t.without(APIResponses)
	}
	for _, segment := range raw.Path {
		u = u.JoinPath(url.PathEscape(segment))
	}
	resp, _, err := t.d.send(ctx, &upstream.Request{Method: raw.Method, URL: u, Header: http.Header{}}, to)
	if err != nil {
		return nil, err
	}
	x := &exchange{t: t, resp: resp, meta: llm.Meta{Destination: to, UpstreamID: requestID(resp.Header)}}
	body, err := x.body(ctx)
	if err != nil {
		return nil, err
	}
	return &llm.RawResponse{Meta: x.meta, Body: body}, nil
}

var _ llm.RawStream = (*respondedStream)(nil)
