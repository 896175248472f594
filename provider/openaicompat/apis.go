package openaicompat

import (
	"bytes"
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"io"
	"mime"
	"net/http"
	"net/url"
	"strings"

	"outcrop/internal/jsonx"
	"outcrop/llm"
	"outcrop/provider"
	"outcrop/provider/transport"
	"outcrop/upstream"
	wire "outcrop/wire/openaiapi"
	"outcrop/wire/openaichat"
	"outcrop/wire/sse"
)

// isPassed reports whether a dialect is one of OpenAI's APIs whose bodies pass through with no other edit
// than the model's name.
func isPassed(dialect string) bool {
	switch dialect {
	case llm.DialectImageGenerations, llm.DialectImageEdits, llm.DialectImageVariations, llm.DialectSpeech, llm.DialectTranscriptions,
		llm.DialectTranslations, llm.DialectModerations, llm.DialectFiles, llm.DialectBatches:
		return true
	default:
		return false
	}
}

// isImages reports whether a dialect's responses are images.
func isImages(dialect string) bool {
	return dialect == llm.DialectImageGenerations || dialect == llm.DialectImageEdits || dialect == llm.DialectImageVariations
}

// Account is the address and a digest of the credentials.
func (d *Deployment) Account() string {
	id, _ := d.end.Identity()
	return id
}

// passWhole makes one call of such an API.
func (t *target) passWhole(ctx context.Context, raw *llm.Raw) (*llm.RawResponse, error) {
	x, err := t.apiCall(ctx, raw)
	if err != nil {
		return nil, err
	}
	body, err := x.body(ctx)
	if err != nil {
		return nil, err
	}
	if isJSON(x.resp.Header) && !jsonx.Valid(body) {
		return nil, x.failed("response", errors.New("it is not valid JSON"))
	}
	out := &llm.RawResponse{Meta: x.meta, Body: body}
	if isJSON(x.resp.Header) && !raw.Service {
		out.Body = wire.Rename(body, raw.Model)
	}
	if raw.Service { // looking at something is no use of a model, whatever that has used
		out.Uncounted = true
		return out, nil
	}
	usage, counted := wire.Usage(body)
	if !counted {
		usage, out.Uncosted, counted = wire.Units(raw.Dialect, body)
	}
	if isImages(raw.Dialect) {
		usage = wire.Depicted(usage)
	}
	out.Usage, out.Uncounted = usage, !counted
	return out, nil
}

// passOpen makes one call of such an API, and relays the bytes of the response, or its events.
func (t *target) passOpen(ctx context.Context, raw *llm.Raw) (llm.RawStream, error) {
	x, err := t.apiCall(ctx, raw)
	if err != nil {
		return nil, err
	}
	if kind, _, _ := mime.ParseMediaType(x.resp.Header.Get("Content-Type")); kind == "text/event-stream" {
		return &eventStream{exchange: x, events: sse.NewReader(x.resp.Body), images: isImages(raw.Dialect)}, nil
	}
	s := &byteStream{exchange: x}
	if raw.Dialect == llm.DialectSpeech {
		if usage, ok := wire.Spoken(raw.Body); ok {
			s.usage = &usage
		}
	}
	return s, nil
}

// apiCall sends the request of a call.
func (t *target) apiCall(ctx context.Context, raw *llm.Raw) (*exchange, error) {
	api := API(raw.Dialect)
	u := t.d.end.URL(api, t.id)
	if u == nil {
		return nil, t.without(api)
	}
	r := &upstream.Request{Method: cmp.Or(raw.Method, http.MethodPost), URL: below(u, raw.Path, raw.Query)}
	switch {
	case len(raw.Parts) > 0:
		var changes map[string]string
		if !raw.Service {
			changes = map[string]string{"model": t.id}
		}
		body, kind := wire.AppendForm(raw.Parts, boundary(), changes)
		r.Body, r.Header = body, contentType(kind, len(raw.Headers)+6)
	case len(raw.Body) > 0:
		r.Body, r.Header = [][]byte{raw.Body}, contentType("application/json", len(raw.Headers)+6)
		if !raw.Service {
			pieces, err := jsonx.EditMembers(raw.Body, []jsonx.Edit{{Name: "model", Value: jsonx.AppendString(nil, t.id)}}, nil)
			if err != nil {
				return nil, llm.Invalid("", "the request body is not a JSON object")
			}
			r.Body = pieces
		}
	default:
		r.Header = make(http.Header, len(raw.Headers)+6)
	}
	x, err := t.exchange(ctx, api, r, raw.Headers, nil)
	if err != nil {
		return nil, err
	}
	for _, name := range [...]string{"Content-Type", "Content-Disposition"} {
		if value := x.resp.Header.Get(name); value != "" {
			x.meta.Header = append(x.meta.Header, llm.Label{Name: name, Value: value})
		}
	}
	return x, nil
}

// below is the address of a resource of an API, with a query in addition to the API's own.
func below(u *url.URL, path []string, query string) *url.URL {
	out := *u
	escaped := make([]string, 0, 1+len(path))
	escaped = append(escaped, out.EscapedPath())
	for _, segment := range path {
		escaped = append(escaped, url.PathEscape(segment))
	}
	out.Path, out.RawPath = strings.Join(append([]string{out.Path}, path...), "/"), strings.Join(escaped, "/")
	if query != "" {
		out.RawQuery = strings.TrimPrefix(out.RawQuery+"&"+query, "&")
	}
	return &out
}

// isJSON reports whether a response is JSON.
func isJSON(h http.Header) bool {
	kind, _, _ := mime.ParseMediaType(h.Get("Content-Type"))
	return kind == "application/json"
}

// byteStream is a response that is relayed as its bytes arrive, such as audio.
type byteStream struct {
	*exchange
	usage *llm.Usage // of the request, which the first event reports; nil if it is unknown
	buf   []byte
	err   error
}

// empty reports whether the response has no bytes, and says so.
func (s *byteStream) empty() bool { return s.resp.Header.Get("Content-Length") == "0" }

// relayed is how many bytes are relayed at once.
const relayed = 32 << 10

func (s *byteStream) Next(ev *llm.RawEvent) error {
	*ev = llm.RawEvent{}
	if s.err != nil {
		return s.err
	}
	if s.buf == nil {
		s.buf = make([]byte, relayed)
	}
	n, err := s.resp.Body.Read(s.buf)
	switch {
	case errors.Is(err, io.EOF):
		s.err = io.EOF
	case err != nil:
		s.err = s.Broken(err)
	}
	if n == 0 && s.err != nil && !s.empty() {
		return s.err
	}
	ev.Type, ev.Data, ev.Content = "bytes", s.buf[:n], n > 0 || s.err != nil
	ev.Usage, s.usage = s.usage, nil
	return nil
}

func (s *byteStream) More() bool { return s.err != nil }

// eventStream is a response of server-sent events.
type eventStream struct {
	*exchange
	events *sse.Reader
	images bool // the response is images
	buf    []byte
	some   bool
	err    error
}

func (s *eventStream) Next(ev *llm.RawEvent) error {
	*ev = llm.RawEvent{}
	if s.err == nil {
		s.err = s.next(ev)
	}
	return s.err
}

func (s *eventStream) next(ev *llm.RawEvent) error {
	var e sse.Event
	if err := s.events.Next(&e); err != nil {
		if errors.Is(err, io.EOF) && s.some {
			return io.EOF // these streams have no common end mark
		}
		return s.Broken(err)
	}
	var head struct {
		Type  jsonx.Raw `json:"type"`
		Error jsonx.Raw `json:"error"`
		Rest  jsonx.Raw `json:",embed"`
	}
	if jsonx.Unmarshal(e.Data, &head) == nil && (len(head.Error) > 0 && head.Error.Kind() != 'n' || string(head.Type) == `"error"`) {
		return s.failed("stream", openaichat.DecodeRefusal(http.StatusOK, e.Data))
	}
	if usage, ok := wire.Usage(e.Data); ok {
		if s.images {
			usage = wire.Depicted(usage)
		}
		ev.Usage = &usage
	}
	s.some = true
	s.buf = s.buf[:0]
	if len(e.Name) > 0 {
		s.buf = append(append(append(s.buf, "event: "...), e.Name...), '\n')
	}
	for line := range bytes.Lines(e.Data) {
		s.buf = append(append(append(s.buf, "data: "...), bytes.TrimRight(line, "\n")...), '\n')
	}
	s.buf = append(s.buf, '\n')
	ev.Type, ev.Data, ev.Content = string(e.Name), s.buf, true
	return nil
}

func (s *eventStream) More() bool { return s.err != nil || s.events.More() }

// Forward makes a request for the vendor's own API.
func (d *Deployment) Forward(ctx context.Context, req *llm.Forward) (*llm.Forwarded, error) {
	if _, ok := d.end.(Signer); ok {
		return nil, llm.Unsupported("path", "requests are not passed on to %s, which takes only signed ones", d.vendor.Title)
	}
	f := transport.Forwarding{
		Client: d.client, Service: d.vendor.Title, Provider: d.vendor.Name, Note: d.params.Note, Root: d.end.Root(), Authorize: d.end.Authorize,
	}
	if !d.own(f.Root.Host) {
		f.Instance = d.params.Instance
	}
	resp, err := f.Forward(ctx, req)
	if err == nil {
		resp.Meta.Bill = d.vendor.Quirks.Cost
	}
	return resp, err
}

var (
	_ provider.Accounter = (*Deployment)(nil)
	_ provider.Forwarder = (*Deployment)(nil)
)

// boundary separates the parts of a form. It is random, so that no part contains it.
func boundary() string { return "outcrop-" + rand.Text() }
