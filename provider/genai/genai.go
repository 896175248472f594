// Package genai calls Gemini models by generateContent, whoever serves them: Google AI Studio or
// Vertex AI. A Host says where calls go and with which credentials.
package genai

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"outcrop/internal/httpfield"
	"outcrop/internal/jsonx"
	"outcrop/llm"
	"outcrop/provider"
	"outcrop/provider/transport"
	"outcrop/upstream"
	"outcrop/wire/gemini"
	"outcrop/wire/sse"
)

// Operations on a model, as they stand in the path behind a colon.
const (
	Generate = "generateContent"
	Stream   = "streamGenerateContent"
	Count    = "countTokens"
	Embed    = "batchEmbedContents"
	EmbedOne = "embedContent"
	Predict  = "predict"
)

// Host serves Gemini.
type Host interface {
	// Address is where an operation on the model goes.
	Address(operation string) *url.URL
	// Authorize adds the credentials to the header of a call. It returns the secrets that it added,
	// which a response must not show. A failure is an *llm.Error.
	Authorize(ctx context.Context, h http.Header) (secrets []string, err error)
	// Refused is told that the host has refused the credentials. It reports whether others are to be
	// had, so that the call can be made again.
	Refused() bool
}

// Options describe a Target.
type Options struct {
	Host   Host
	Client *upstream.Client
	// Service is the host's name in errors and warnings, such as Google AI Studio.
	Service string
	// Model is the id of the model, such as gemini-2.5-pro, and Resource its name in the API, such as
	// models/gemini-2.5-pro.
	Model, Resource string
	// Vertex is whether the host is Vertex AI, which differs in details.
	Vertex bool
	// Destination is where calls go, for the record.
	Destination llm.Destination
	// Location is what fails as a whole, such as a region.
	Location string
	// Instance is the value of provider.InstanceHeader; empty to send none.
	Instance string
}

// Target is a Gemini model on a host.
type Target struct{ opt Options }

// New makes a Target.
func New(opt Options) *Target { return &Target{opt} }

// Format writes the model for every verb, because the host may hold secrets.
func (t *Target) Format(f fmt.State, _ rune) {
	_, _ = f.Write([]byte(t.opt.Service + " target of " + t.opt.Model))
}

// Location is where calls go.
func (t *Target) Location() string { return t.opt.Location }

// Places are the region that is called, if the host has regions.
func (t *Target) Places() ([]string, bool) { return t.opt.Destination.Places() }

// ID is the id of the model.
func (t *Target) ID() string { return t.opt.Model }

// exchange is a call that the host has accepted.
type exchange struct {
	target *Target
	resp   *upstream.Response
	meta   llm.Meta
	closed bool
}

// post sends a body. headers are the client's.
func (t *Target) post(ctx context.Context, operation string, headers []llm.Label, body [][]byte, warnings []llm.Warning) (*exchange, error) {
	h := http.Header{"Content-Type": {"application/json"}}
	warnings = slices.Clip(warnings)
	for _, l := range headers {
		name := strings.ToLower(l.Name)
		if !httpfield.IsToken(name) || httpfield.RuleOf(name) != httpfield.Pass || !httpfield.IsValue(l.Value) || strings.HasPrefix(name, "x-goog-") || name == "anthropic-beta" {
			field := "extra_headers." + l.Name
			if name == "anthropic-beta" {
				field = name
			}
			warnings = append(warnings, llm.Warning{Code: llm.WarnDropped, Field: field, Detail: "it is not for Gemini"})
			continue
		}
		h.Add(l.Name, l.Value)
	}
	to := t.to(operation)
	resp, err := t.send(ctx, &upstream.Request{Method: http.MethodPost, Header: h, Body: body}, func() *url.URL { return t.opt.Host.Address(operation) }, to)
	if err != nil {
		return nil, err
	}
	return &exchange{target: t, resp: resp, meta: llm.Meta{Destination: to, UpstreamID: requestID(resp.Header), Warnings: warnings}}, nil
}

// send authenticates a request and sends it to an address. A response with an error status is returned
// as an error.
func (t *Target) send(ctx context.Context, r *upstream.Request, address func() *url.URL, to llm.Destination) (*upstream.Response, error) {
	if t.opt.Instance != "" {
		r.Header[provider.InstanceHeader] = []string{t.opt.Instance}
	}
	secrets, err := t.opt.Host.Authorize(ctx, r.Header)
	if err != nil {
		e := transport.Copy(llm.AsError(err))
		e.Destination = to
		return nil, e
	}
	r.URL = address() // which may depend on the credentials
	resp, err := t.opt.Client.Do(ctx, r)
	if err != nil {
		return nil, transport.NoResponse(t.opt.Service, err, to)
	}
	if resp.Status != http.StatusOK {
		return nil, t.refused(resp, transport.ReadErrorBody(resp, secrets...), to)
	}
	return resp, nil
}

// Get reads what the host has at an address beside the model, such as a list, with the same
// credentials. The address is asked for after them. A failure is an *llm.Error.
func (t *Target) Get(ctx context.Context, operation string, address func() *url.URL) ([]byte, error) {
	to := t.to(operation)
	resp, err := t.send(ctx, &upstream.Request{Method: http.MethodGet, Header: http.Header{"Accept": {"application/json"}}}, address, to)
	if err != nil {
		return nil, err
	}
	x := &exchange{target: t, resp: resp, meta: llm.Meta{Destination: to, UpstreamID: requestID(resp.Header)}}
	return x.body(ctx)
}

// to is where an operation goes, for the record.
func (t *Target) to(operation string) llm.Destination {
	to := t.opt.Destination
	to.API = operation
	return to
}

// requestID is the id that Google's servers give a request, where they do.
func requestID(h http.Header) string {
	return cmp.Or(h.Get("X-Request-Id"), h.Get("X-Goog-Request-Id"), h.Get("X-Gemini-Request-Id"))
}

// body reads a complete response.
func (x *exchange) body(ctx context.Context) ([]byte, error) {
	body, err := transport.ReadBody(ctx, x.resp)
	if err != nil {
		return nil, x.failed(err)
	}
	return body, nil
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

// usualRequest is the room for a request at first, in bytes.
const usualRequest = 1 << 10

// encode writes a request of the common language.
func (t *Target) encode(req *llm.Request, count bool) ([][]byte, []llm.Warning, error) {
	w := jsonx.Writer{SplitLarge: !count, Buf: make([]byte, 0, usualRequest)}
	warnings, err := gemini.AppendRequest(&w, req, gemini.Options{Model: t.opt.Model, NoCallIDs: t.opt.Vertex, Count: count})
	if err != nil {
		return nil, nil, err
	}
	return w.Segments(), warnings, nil
}

// Complete makes one call for a complete response.
func (t *Target) Complete(ctx context.Context, req *llm.Request) (*llm.Response, error) {
	body, warnings, err := t.encode(req, false)
	if err != nil {
		return nil, err
	}
	x, err := t.post(ctx, Generate, req.Headers, body, warnings)
	if err != nil {
		return nil, err
	}
	answer, err := x.body(ctx)
	if err != nil {
		return nil, err
	}
	resp, err := gemini.DecodeResponse(answer)
	if err != nil {
		return nil, x.failed(&answerError{err})
	}
	found := resp.Meta.Warnings
	resp.Meta = x.meta
	resp.Meta.Warnings = append(slices.Clip(x.meta.Warnings), found...)
	return resp, nil
}

// sent checks that a response is a stream, and closes it if not.
func (x *exchange) sent() error {
	kind := x.resp.Header.Get("Content-Type")
	if media := httpfield.MediaType(kind); kind != "" && media != "text/event-stream" {
		_ = x.Close() // the error is the relevant one
		return x.failed(&answerError{errors.New("its type is " + llm.Clip(kind, 100) + ", not text/event-stream")})
	}
	return nil
}

// Stream makes one call for a streaming response.
func (t *Target) Stream(ctx context.Context, req *llm.Request) (llm.Stream, error) {
	body, warnings, err := t.encode(req, false)
	if err != nil {
		return nil, err
	}
	x, err := t.post(ctx, Stream, req.Headers, body, warnings)
	if err != nil {
		return nil, err
	}
	if err := x.sent(); err != nil {
		return nil, err
	}
	return &stream{exchange: x, frames: sse.NewReader(x.resp.Body)}, nil
}

// stream is a response of streamGenerateContent.
type stream struct {
	*exchange
	frames *sse.Reader
	reader gemini.Reader
	queue  llm.EventQueue
	some   bool
}

func (s *stream) Next(ev *llm.Event) error { return s.queue.Next(ev, s.read) }

// read appends what the next event of the body becomes. It returns io.EOF at the end of a complete response.
func (s *stream) read(events []llm.Event) ([]llm.Event, error) {
	if s.reader.Finished() { // only its usage may follow
		s.frames.Hurry()
	}
	var frame sse.Event
	err := s.frames.Next(&frame)
	switch {
	case err == nil:
		s.some = true
		if events, err = s.reader.Append(events, frame.Data); err != nil {
			return events, s.failed(&answerError{err})
		}
		return events, nil
	case s.reader.Finished(): // what was to come has come
		if events, err = s.reader.End(events); err != nil {
			return events, s.failed(&answerError{err})
		}
		return events, io.EOF
	default:
		return events, s.failed(ended(err, s.some))
	}
}

// ended is what the end of a body means for a response that is not finished. some is whether an event
// has arrived.
func ended(err error, some bool) error {
	switch {
	case errors.Is(err, io.EOF) && !some:
		return &cutError{"the stream ended without an event"}
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return &cutError{"the stream ended before the end of the response"}
	case errors.Is(err, sse.ErrTooLarge), errors.Is(err, sse.ErrMalformed):
		return &answerError{err}
	default:
		return err
	}
}

func (s *stream) More() bool { return s.queue.More(s.read, s.frames.More) }

// CountTokens makes one call of countTokens.
func (t *Target) CountTokens(ctx context.Context, req *llm.Request) (*llm.Count, error) {
	parts, warnings, err := t.encode(req, true)
	if err != nil {
		return nil, err
	}
	body := slices.Concat(parts...)
	if !t.opt.Vertex { // which takes the request itself
		members, err := jsonx.Members(body)
		if err != nil {
			return nil, err
		}
		var w jsonx.Writer
		w.Object()
		w.Key("generateContentRequest")
		w.Object()
		w.Key("model")
		w.String(t.opt.Resource)
		w.Members(members)
		w.EndObject()
		w.EndObject()
		body = w.Buf
	}
	x, err := t.post(ctx, Count, req.Headers, [][]byte{body}, warnings)
	if err != nil {
		return nil, err
	}
	answer, err := x.body(ctx)
	if err != nil {
		return nil, err
	}
	n, err := gemini.DecodeCount(answer)
	if err != nil {
		return nil, x.failed(&answerError{err})
	}
	return &llm.Count{Tokens: n, Meta: x.meta}, nil
}

var (
	_ provider.Target   = (*Target)(nil)
	_ provider.Chatter  = (*Target)(nil)
	_ provider.Counter  = (*Target)(nil)
	_ provider.Embedder = (*Target)(nil)
)
