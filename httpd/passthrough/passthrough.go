// Package passthrough is the frontend that passes requests on to providers' own APIs as they are, with the
// gateway's credentials: /openai/v1/fine_tuning/jobs is OpenAI's /v1/fine_tuning/jobs. The paths are
// LiteLLM's (https://docs.litellm.ai/docs/pass_through/intro).
package passthrough

import (
	"errors"
	"io"
	"net/http"
	"net/textproto"
	"net/url"
	"slices"
	"strings"

	"outcrop/gateway"
	"outcrop/httpd/door"
	"outcrop/httpd/inbound"
	"outcrop/internal/httpfield"
	"outcrop/llm"
	"outcrop/wire/openaichat"
)

// Door is the name of this frontend in the record.
const Door = "pass_through"

// Options are the settings of the frontend.
type Options struct {
	// MaxBody is the largest request, in bytes.
	MaxBody int64
	// Errors write errors in the dialect of a provider's clients; OpenAI's is for the others.
	Errors map[string]func(w http.ResponseWriter, e *llm.Error)
}

// Handler passes requests on.
type Handler struct {
	gateway *gateway.Gateway
	options Options
	reader  *inbound.Reader
}

// New makes the frontend.
func New(g *gateway.Gateway, opt Options) *Handler {
	// A body is passed on as it is: it exists once, and growing it leaves as much garbage again.
	return &Handler{gateway: g, options: opt, reader: &inbound.Reader{Limit: opt.MaxBody, Weight: 2}}
}

// methods are those of APIs.
func methods() []string {
	return []string{http.MethodGet, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete}
}

// pattern is the path in openapi.json.
const pattern = "/{provider}/{path}"

// Routes lists what the frontend serves.
func (h *Handler) Routes() (all []door.Route) {
	for _, m := range methods() {
		all = append(all, door.Route{Pattern: m + " /{provider}/{path...}", Path: pattern, About: "a provider's own API, such as /openai/v1/fine_tuning/jobs", Handle: h.ServeHTTP})
	}
	return all
}

// Owns reports whether a path is one of a provider whose API can be called, or of one for which clients are
// likely to look here.
func (h *Handler) Owns(path string) bool {
	name, rest, ok := split(path)
	if name == "openai" && strings.HasPrefix(rest, "/deployments/") { // Azure's path for the gateway's own models
		return false
	}
	return ok && (h.provider(name) != "" || slices.Contains(likely(), name))
}

// likely are the providers that have such paths in LiteLLM.
func likely() []string {
	return []string{"openai", "openai_passthrough", "anthropic", "gemini", "cohere", "azure", "azure_ai", "mistral", "vllm"}
}

// provider is the provider that a path's first segment names, if its API can be called; empty if not.
func (h *Handler) provider(name string) string {
	for _, n := range [...]string{name, other(name)} {
		if n != "" && h.gateway.Forwards(n) {
			return n
		}
	}
	return ""
}

// other is another name of the same provider; empty if it has none.
func other(name string) string {
	switch name {
	case "openai_passthrough":
		return "openai"
	case "vllm":
		return "hosted_vllm"
	case "cohere":
		return "cohere_chat"
	default:
		return ""
	}
}

// split splits a path behind the provider. A path that is only a provider's name is none.
func split(path string) (name, rest string, ok bool) {
	name, rest, ok = strings.Cut(strings.TrimPrefix(path, "/"), "/")
	return name, "/" + rest, ok && name != "" && strings.Trim(rest, "/") != ""
}

// Whole reports true: paths are passed on as they are written, with repeated slashes too.
func (h *Handler) Whole() bool { return true }

// WriteError writes a refusal in OpenAI's form.
func (h *Handler) WriteError(w http.ResponseWriter, e *llm.Error) {
	door.WriteError(w, e, openaichat.AppendError)
}

// ServeHTTP passes one request on.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	name, path, _ := split(r.URL.EscapedPath())
	write := h.options.Errors[name]
	if write == nil {
		write = h.WriteError
	}
	query, key := withoutKeys(r.URL.RawQuery)
	presented := func(r *http.Request) gateway.Credentials {
		c := door.Keys(r)
		if key != "" && c.Scheme == "" && strings.Join(c.Keys[:], "") == "" {
			c.Keys[0] = key // as Gemini's clients send it
		}
		return c
	}
	door.Serve(w, r, h.gateway, Door, presented, write, func(call *gateway.Call) {
		if err := h.serve(w, r, call, name, path, query); err != nil {
			write(w, door.Fail(w, call, err))
		}
	})
}

func (h *Handler) serve(w http.ResponseWriter, r *http.Request, call *gateway.Call, name, path, query string) error {
	if !slices.Contains(methods(), r.Method) {
		w.Header().Set("Allow", strings.Join(methods(), ", "))
		return &llm.Error{Code: llm.CodeMethod, Status: http.StatusMethodNotAllowed, Message: "requests for providers' own APIs are " + strings.Join(methods(), ", ") + "."}
	}
	body, err := door.Read(h.reader, w, r, call)
	if err != nil {
		return err
	}
	defer body.Release()
	to := h.provider(name)
	if to == "" {
		to = name
	}
	reading := newReading(to, r.Method, path, r.Header.Get("Content-Type"), body.Bytes)
	if err := permitted(call.Caller(), r.URL.Path, reading); err != nil {
		return err
	}
	resp, err := call.Forward(r.Context(), to, &llm.Forward{Method: r.Method, Path: path, Query: query, Header: header(r), Body: body.Bytes}, reading.asked())
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	return relay(w, call, resp, reading)
}

// permitted refuses what a key must not do with the gateway's credentials: anything but to ask a model, unless its
// allowed_routes name the path. What lies with the provider, such as files, is everybody's.
func permitted(caller gateway.Caller, path string, reading *reading) error {
	if caller.Identity == "" || reading.known && reading.got.Model != "" {
		return nil
	}
	if t := caller.Tenant(); t != nil && t.Named(path) {
		return nil
	}
	return &llm.Error{
		Code: llm.CodeUnauthorized, Status: http.StatusForbidden, Message: "this key may ask models of providers by their own APIs, and nothing else of them.",
		Cause: "The request names no model, or is for a path that is not known to ask one.",
		Fix:   "Use an endpoint of the gateway; GET /openapi.json lists them. The gateway's operator can add the path, or a beginning such as /openai/*, to allowed_routes of the key.",
	}
}

// maxHeld is how much of a complete response is held, in bytes, until it has been read to its end, so that
// its cost can be in a header.
const maxHeld = 256 << 10

// relay writes a response as it comes. A client that is slow to read slows the provider. If the response
// breaks off after something of it has been sent, so does the connection, because the gateway cannot report
// that in every API's form; before that the error is returned.
func relay(w http.ResponseWriter, call *gateway.Call, resp *llm.Forwarded, reading *reading) error {
	whole := false
	defer func() { call.Passed(reading.end(whole)) }()
	var held []byte
	if reading.begin(resp.Status, resp.Meta.Header) {
		var err error
		switch held, err = readSome(resp.Body); {
		case errors.Is(err, io.EOF):
			whole = true
		case err != nil:
			return err
		}
		reading.add(held)
		if whole {
			call.Passed(reading.end(whole))
		}
	}
	h := w.Header()
	for _, l := range resp.Meta.Header {
		h.Add(l.Name, l.Value)
	}
	door.Head(h, call)
	h.Set("X-Content-Type-Options", "nosniff")
	frames := inbound.NewStatus(w, resp.Status)
	defer frames.Close()
	if whole || len(held) > 0 {
		if frames.Write(held, false) != nil || whole {
			return nil
		}
	}
	buf := make([]byte, 32<<10)
	for {
		n, err := resp.Body.Read(buf)
		reading.add(buf[:n])
		if reading.complete() || errors.Is(err, io.EOF) { // booked before the client has the end
			whole = true
			call.Passed(reading.end(whole))
		}
		if n > 0 && frames.Write(buf[:n], false) != nil {
			return nil // the client is gone; closing the body records it
		}
		switch {
		case errors.Is(err, io.EOF):
			_ = frames.Write(nil, false) // the headers, if there is no body
			return nil
		case err != nil:
			panic(http.ErrAbortHandler) //nolint:forbidigo // the client must not take the response for a whole one
		}
	}
}

// readSome reads a body to its end, or until maxHeld has been read. The error is io.EOF at the end.
func readSome(body io.Reader) (held []byte, err error) {
	held = make([]byte, 0, 4<<10)
	for len(held) < maxHeld {
		if len(held) == cap(held) {
			held = append(held, 0)[:len(held)]
		}
		n, err := body.Read(held[len(held):min(cap(held), maxHeld)])
		if held = held[:len(held)+n]; err != nil {
			return held, err
		}
	}
	return held, nil
}

// withoutKeys is a query without keys, and the key that it has.
func withoutKeys(query string) (rest, key string) {
	var kept []string
	for pair := range strings.SplitSeq(query, "&") {
		name, value, _ := strings.Cut(pair, "=")
		switch plain, err := url.QueryUnescape(name); {
		case pair == "":
		case err == nil && (strings.EqualFold(plain, "key") || strings.EqualFold(plain, "api_key") || strings.EqualFold(plain, "api-key")):
			if v, err := url.QueryUnescape(value); err == nil && key == "" {
				key = v
			}
		default:
			kept = append(kept, pair)
		}
	}
	return strings.Join(kept, "&"), key
}

// header is what the provider gets of a request's header: nothing of the connection, of the client's way to
// the gateway, and of its credentials.
func header(r *http.Request) (all []llm.Label) {
	for name, values := range r.Header {
		if !forProvider(name, r.Header["Connection"]) {
			continue
		}
		for _, v := range values {
			if httpfield.IsToken(name) && httpfield.IsValue(v) {
				all = append(all, llm.Label{Name: textproto.CanonicalMIMEHeaderKey(name), Value: v})
			}
		}
	}
	return all
}

func forProvider(name string, connection []string) bool {
	lower := strings.ToLower(name)
	switch lower {
	case "content-type", "content-encoding", "accept":
		return true
	case "x-goog-api-key", "x-litellm-api-key", "ocp-apim-subscription-key", "x-real-ip", "forwarded", "via", "origin", "referer", "priority", "date":
		return false
	}
	for _, prefix := range [...]string{"x-forwarded-", "x-litellm-", "x-outcrop-", "sec-", "cf-", "access-control-"} {
		if strings.HasPrefix(lower, prefix) {
			return false
		}
	}
	return httpfield.RuleOf(lower) == httpfield.Pass && !httpfield.HasToken(connection, lower)
}
