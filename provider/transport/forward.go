package transport

import (
	"bytes"
	"cmp"
	"context"
	"io"
	"net/http"
	"net/url"
	"strings"

	"outcrop/internal/httpfield"
	"outcrop/llm"
	"outcrop/provider"
	"outcrop/upstream"
)

// Forwarding is where requests for a provider's own API go.
type Forwarding struct {
	Client *upstream.Client
	// Service is the provider's name in errors, and Provider that in the record. Note is the deployment's.
	Service, Provider, Note string
	// Root is the address below which the API's paths are. Segments at its end that a path begins with are
	// not repeated: /v1/models below https://host/v1 is https://host/v1/models.
	Root *url.URL
	// Exact is whether paths are only put behind Root, whatever they begin with. An empty path is Root itself.
	Exact bool
	// Authorize adds the credentials to a header, and returns the secrets in it. A failure is an *llm.Error.
	Authorize func(ctx context.Context, h http.Header) (secrets []string, err error)
	// Instance is the value of provider.InstanceHeader; empty to send none.
	Instance string
}

// Fixed is a Forwarding.Authorize that sets headers, whatever a request has of their names. Their values are secrets.
func Fixed(headers []llm.Label) func(ctx context.Context, h http.Header) (secrets []string, err error) {
	return func(_ context.Context, h http.Header) (secrets []string, err error) {
		for _, l := range headers {
			h.Del(l.Name)
		}
		for _, l := range headers {
			h.Add(l.Name, l.Value)
			secrets = append(secrets, l.Value)
		}
		return secrets, nil
	}
}

// ForwardAPI is the API in the destination of forwarded requests.
const ForwardAPI = "pass-through"

// Forward makes one request. Responses with an error status are responses; they are read, so that they do
// not show the credentials. A failure is an *llm.Error.
func (f *Forwarding) Forward(ctx context.Context, req *llm.Forward) (*llm.Forwarded, error) {
	to := llm.Destination{Provider: f.Provider, API: ForwardAPI, ID: llm.Clip(req.Path, 200), Note: f.Note}
	u, err := below(f.Root, req.Path, req.Query, f.Exact)
	if err != nil {
		return nil, err
	}
	h := make(http.Header, len(req.Header)+4)
	for _, l := range req.Header {
		h.Add(l.Name, l.Value)
	}
	if f.Instance != "" {
		h[provider.InstanceHeader] = []string{f.Instance}
	}
	secrets, err := f.Authorize(ctx, h)
	if err != nil {
		e := Copy(llm.AsError(err))
		e.Destination = to
		return nil, e
	}
	r := &upstream.Request{Method: req.Method, URL: u, Header: h}
	if len(req.Body) > 0 {
		r.Body = [][]byte{req.Body}
	}
	resp, err := f.Client.Do(ctx, r)
	if err != nil {
		return nil, NoResponse(f.Service, err, to)
	}
	out := &llm.Forwarded{Status: resp.Status, Body: resp.Body}
	out.Meta.Destination = to
	out.Meta.UpstreamID = cmp.Or(resp.Header.Get("X-Request-Id"), resp.Header.Get("Request-Id"), resp.Header.Get("Apim-Request-Id"))
	own := resp.Header.Clone()
	if resp.Status >= http.StatusBadRequest {
		out.Body = io.NopCloser(bytes.NewReader(ReadErrorBody(resp, secrets...)))
		own.Del("Content-Length")
	}
	for name, values := range own {
		if !forClient(name, own["Connection"]) {
			continue
		}
		for _, v := range values {
			out.Meta.Header = append(out.Meta.Header, llm.Label{Name: name, Value: string(Hide([]byte(v), secrets...))})
		}
	}
	return out, nil
}

// forClient reports whether a header of a response is the client's: those of the connection, and those by
// which a server speaks to browsers about itself, are not.
func forClient(name string, connection []string) bool {
	switch name {
	case "Connection", "Keep-Alive", "Proxy-Connection", "Proxy-Authenticate", "Te", "Trailer", "Transfer-Encoding", "Upgrade",
		"Set-Cookie", "Set-Cookie2", "Alt-Svc", "Strict-Transport-Security", "Server", "Date", "Www-Authenticate", "X-Request-Id":
		return false
	}
	return !strings.HasPrefix(name, "Access-Control-") && !strings.HasPrefix(name, "X-Outcrop-") && !httpfield.HasToken(connection, name)
}

// below is the address of a path below a root. Paths that could leave the root, however they are escaped,
// are refused.
func below(root *url.URL, path, query string, exact bool) (*url.URL, error) {
	var segments []string
	for s := range strings.SplitSeq(path, "/") {
		if s == "" {
			continue
		}
		if !plain(s) {
			e := llm.Invalid("", "the path %q has a segment that is not one of an API", llm.Clip(path, 200))
			e.Fix = "Send the path as the provider's documentation has it, without . and .. segments."
			return nil, e
		}
		segments = append(segments, s)
	}
	if strings.ContainsFunc(query, func(r rune) bool { return r <= ' ' || r > '~' || r == '#' }) {
		return nil, llm.Invalid("", "the query has a character that must be percent-encoded")
	}
	have := strings.FieldsFunc(root.EscapedPath(), func(r rune) bool { return r == '/' })
	for n := min(len(have), len(segments)); n > 0 && !exact; n-- {
		if strings.Join(have[len(have)-n:], "/") == strings.Join(segments[:n], "/") {
			segments = segments[n:]
			break
		}
	}
	escaped := "/" + strings.Join(append(have, segments...), "/")
	if strings.HasSuffix(path, "/") && len(segments) > 0 {
		escaped += "/"
	}
	unescaped, err := url.PathUnescape(escaped)
	if err != nil {
		return nil, llm.Invalid("", "the path %q is not valid: %v", llm.Clip(path, 200), err)
	}
	u := *root
	if !exact || path != "" {
		u.Path, u.RawPath = unescaped, escaped
	}
	u.RawQuery = strings.Trim(u.RawQuery+"&"+query, "&")
	return &u, nil
}

// plain reports whether a segment of a path stays what it is, also for a server that unescapes it more
// often than it should.
func plain(segment string) bool {
	for range 4 {
		for part := range strings.FieldsFuncSeq(segment, func(r rune) bool { return r == '/' || r == '\\' }) {
			if part == "." || part == ".." {
				return false
			}
		}
		if strings.ContainsFunc(segment, func(r rune) bool { return r < ' ' || r == 0x7f || r == '\\' || r == '?' || r == '#' }) {
			return false
		}
		unescaped, err := url.PathUnescape(segment)
		if err != nil {
			return false
		}
		segment = unescaped
	}
	return true
}
