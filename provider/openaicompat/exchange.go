package openaicompat

import (
	"context"
	"net/http"
	"net/url"
	"strings"

	"outcrop/llm"
	"outcrop/provider"
	"outcrop/provider/transport"
	"outcrop/upstream"
	wire "outcrop/wire/openaichat"
)

// exchange is a call that the vendor has accepted.
type exchange struct {
	t       *target
	resp    *upstream.Response
	meta    llm.Meta
	secrets []string
	closed  bool
}

// post sends a JSON body to an API.
func (t *target) post(ctx context.Context, api API, u *url.URL, headers []llm.Label, body [][]byte, warnings []llm.Warning) (*exchange, error) {
	if u == nil {
		return nil, t.without(api)
	}
	return t.exchange(ctx, api, &upstream.Request{Method: http.MethodPost, URL: u, Header: contentType("application/json", len(headers)+6), Body: body}, headers, warnings)
}

// contentType is a header with a content type, and room for others.
func contentType(kind string, room int) http.Header {
	h := make(http.Header, room)
	h["Content-Type"] = []string{kind}
	return h
}

// exchange sends a request to an API, with additional headers.
func (t *target) exchange(ctx context.Context, api API, r *upstream.Request, headers []llm.Label, warnings []llm.Warning) (*exchange, error) {
	to, h := t.to(api), r.Header
	for _, l := range headers {
		if !strings.EqualFold(l.Name, "anthropic-beta") { // for Anthropic's own endpoints
			h.Add(l.Name, l.Value)
		}
	}
	resp, secrets, err := t.d.send(ctx, r, to)
	if err != nil {
		return nil, err
	}
	x := &exchange{t: t, resp: resp, secrets: secrets}
	x.meta = llm.Meta{Destination: to, UpstreamID: requestID(resp.Header), Warnings: warnings, Bill: t.d.vendor.Quirks.Cost}
	return x, nil
}

// without is the error for an API that the vendor does not have.
func (t *target) without(api API) error {
	e := llm.Unsupported("model", "%s has no API for %s", t.d.vendor.Title, api)
	e.Code, e.Destination = llm.CodeFeature, t.to(api)
	return e
}

// send authenticates and sends a request. A response with an error status is returned as an error.
func (d *Deployment) send(ctx context.Context, r *upstream.Request, to llm.Destination) (*upstream.Response, []string, error) {
	if id := d.params.Instance; id != "" && !d.own(r.URL.Host) {
		r.Header[provider.InstanceHeader] = []string{id}
	}
	secrets, err := d.authenticate(ctx, r)
	if err != nil {
		e := transport.Copy(llm.AsError(err))
		e.Destination = to
		return nil, nil, e
	}
	resp, err := d.client.Do(ctx, r)
	if err != nil {
		return nil, nil, transport.NoResponse(d.vendor.Title, err, to)
	}
	if resp.Status/100 == 2 {
		return resp, secrets, nil
	}
	return nil, nil, d.refused(resp, secrets, to)
}

// own reports whether a host, which may have a port, is the vendor's, so that it cannot be this gateway.
func (d *Deployment) own(host string) bool {
	if d.vendor.KeyOptional {
		return false
	}
	name := strings.ToLower((&url.URL{Host: host}).Hostname())
	for _, domain := range d.vendor.Hosts {
		if name == domain || strings.HasSuffix(name, "."+domain) {
			return true
		}
	}
	base, err := url.Parse(d.vendor.BaseURL)
	return err == nil && name != "" && base.Hostname() == name
}

// refused is apart from send because its stack would come on top of what a stream needs.
//
//go:noinline
func (d *Deployment) refused(resp *upstream.Response, secrets []string, to llm.Destination) error {
	body := transport.ReadErrorBody(resp, secrets...)
	if r, ok := d.end.(Refuser); ok {
		if e := r.Refusal(resp, body, to); e != nil {
			return e
		}
	}
	e := d.relayed(resp, body, to)
	if e == nil {
		e = d.diagnose(wire.DecodeRefusal(resp.Status, body), to)
	}
	e.RequestID, e.RetryAfter = requestID(resp.Header), retryAfter(resp.Header)
	return e
}

// requestID is the vendor's id of a call.
func requestID(h http.Header) string {
	for _, name := range [...]string{"X-Request-Id", "Request-Id", "Apim-Request-Id", "X-Groq-Request-Id", "X-Amzn-Requestid", "Cf-Ray"} {
		if id := h.Get(name); id != "" {
			return id
		}
	}
	return ""
}

// retryAfter is the header Retry-After, which OpenAI also sends in milliseconds.
func retryAfter(h http.Header) string {
	if s := h.Get("Retry-After"); s != "" {
		return s
	}
	if ms, ok := strings.CutSuffix(h.Get("Retry-After-Ms"), "000"); ok && ms != "" && strings.Trim(ms, "0123456789") == "" {
		return ms
	}
	return ""
}

// failed is the error for a response that failed after the vendor had accepted the call. what is the
// response in words: response or stream.
func (x *exchange) failed(what string, err error) *llm.Error {
	var e *llm.Error
	switch own := err.(type) { //nolint:errorlint // neither is wrapped
	case *wire.RefusalError:
		own.Message = string(transport.Hide([]byte(own.Message), x.secrets...))
		e = x.t.d.diagnose(own, x.meta.Destination)
	case *llm.Error:
		e = transport.Copy(own)
	default:
		e = &llm.Error{
			Code: llm.CodeInterrupted, Status: http.StatusBadGateway, Destination: x.meta.Destination, Err: err, Actor: llm.ActorProvider,
			Message: "the " + what + " from " + x.t.d.vendor.Title + " is not valid: " + llm.Clip(err.Error(), 300) + ".",
		}
	}
	if e.RequestID == "" {
		e.RequestID = x.meta.UpstreamID
	}
	return e
}

// body reads a complete response and closes it. Its memory is charged to the lease in ctx and stays
// charged.
func (x *exchange) body(ctx context.Context) ([]byte, error) {
	body, err := transport.ReadBody(ctx, x.resp)
	return body, x.misread(err)
}

// misread is the error for a body that could not be read to its end; nil for none.
func (x *exchange) misread(err error) error {
	if err == nil {
		return nil
	}
	e := &llm.Error{Code: llm.CodeInterrupted, Status: http.StatusBadGateway, Message: "the response from " + x.t.d.vendor.Title + " is incomplete: " + err.Error() + ".", Destination: x.meta.Destination, RequestID: x.meta.UpstreamID, Err: err, Actor: llm.ActorProvider}
	if isTooLarge(err) {
		e.Code, e.Message = llm.CodeAnswerTooLarge, "the response from "+x.t.d.vendor.Title+" is too large: "+err.Error()+"."
	}
	if own, ok := err.(*llm.Error); ok { //nolint:errorlint // the memory budget's, which is not wrapped
		return own
	}
	return e
}

// Meta describes where the response came from.
func (x *exchange) Meta() *llm.Meta { return &x.meta }

// Close ends the call. It may be called more than once.
func (x *exchange) Close() error {
	if x.closed {
		return nil
	}
	x.closed = true
	return x.resp.Body.Close()
}
