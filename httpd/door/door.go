// Package door has what the frontends share beyond package inbound: admitting a call, the headers that
// describe how it was served, and what happens when a handler panics.
package door

import (
	"context"
	"net/http"
	"strings"
	"unicode/utf8"

	"outcrop/gateway"
	"outcrop/httpd/inbound"
	"outcrop/internal/httpfield"
	"outcrop/llm"
	"outcrop/telemetry"
	"outcrop/wire/litellm"
)

// Route is a path that a frontend serves.
type Route struct {
	// Pattern is the path in http.ServeMux's form, with its method.
	Pattern string
	// Path is the path in openapi.json, and About its description on the index page.
	Path, About string
	// Group is the heading under which the index page folds the path away; empty for the page's table.
	Group  string
	Handle http.HandlerFunc
}

// Frontend is what the server knows of a frontend.
type Frontend interface {
	// Routes lists what the frontend serves.
	Routes() []Route
	// Owns reports whether a path belongs to the frontend, whether or not it serves it: its clients
	// must be able to read the refusal.
	Owns(path string) bool
	// Whole reports whether the frontend serves all its paths itself, by ServeHTTP, without
	// http.ServeMux, which redirects paths with repeated slashes.
	Whole() bool
	http.Handler
	// WriteError writes a refusal in the frontend's dialect.
	WriteError(w http.ResponseWriter, e *llm.Error)
}

// Model is a model that can be called.
type Model struct {
	// ID is the name by which it is called, and OwnedBy its maker.
	ID, OwnedBy string
	// Title is the name for people; empty if unknown.
	Title string
	// Context and MaxOutput are limits in tokens; 0 if unknown.
	Context, MaxOutput int64
	// MaxInput is the most tokens of a prompt; 0 if unknown.
	MaxInput int64
	// Verb is what it is for, such as llm.VerbEmbed; 0 if unknown.
	Verb llm.Verb
	// Deprecated is whether the model has been retired or is going to be.
	Deprecated bool
}

// Lister is a Frontend that has a list of models in its own dialect, under the server's paths for it.
type Lister interface {
	Frontend
	// Lists reports whether a request for the list of models, or for one of them, is in the
	// frontend's dialect.
	Lists(r *http.Request) bool
	// WriteModels answers with the list, or with one model unless id is empty.
	WriteModels(w http.ResponseWriter, r *http.Request, models []Model, id string)
}

// Recognizer is a Frontend whose clients can be told by what they send to any path.
type Recognizer interface {
	Frontend
	// Recognizes reports whether a request for a path that no frontend owns comes from a client of the
	// frontend, which reads errors in its dialect.
	Recognizes(r *http.Request) bool
}

// Serve admits a request that presents keys as a call, and passes it to serve. A request that is not admitted gets
// the refusal from write. The call is recorded in any case; the panic of a handler is passed on after that.
func Serve(w http.ResponseWriter, r *http.Request, g *gateway.Gateway, name string, keys func(*http.Request) gateway.Credentials, write func(http.ResponseWriter, *llm.Error), serve func(call *gateway.Call)) {
	ServeIf(w, r, g, name, keys, MayRoute, write, serve)
}

// ServeIf is Serve for a frontend that decides itself what callers may call: may returns why one may not, which is an *llm.Error.
func ServeIf(w http.ResponseWriter, r *http.Request, g *gateway.Gateway, name string, keys func(*http.Request) gateway.Credentials, may func(*gateway.Call, *http.Request) error, write func(http.ResponseWriter, *llm.Error), serve func(call *gateway.Call)) {
	call, err := admit(w, r, g, name, keys, may)
	ending(w, r, call, func() {
		if err != nil {
			refuse(w, call, err, write)
			return
		}
		guarded(call, serve)
	})
}

// ending serves a call, and ends it with its response.
func ending(w http.ResponseWriter, r *http.Request, call *gateway.Call, serve func()) {
	continues := false
	defer func() {
		if !continues {
			call.End(r.Context())
		}
	}()
	serve()
	continues = goesOn(w, r, call)
}

// goesOn reports whether the response goes on after its handler has returned. The call ends with it then.
func goesOn(w http.ResponseWriter, r *http.Request, call *gateway.Call) bool {
	if !inbound.Continues(w) {
		return false
	}
	ctx := r.Context()
	inbound.After(w, func() {
		defer call.End(ctx)
		if p := recover(); p != nil {
			note(call, p)
			panic(p) //nolint:forbidigo // the server handles it
		}
	})
	return true
}

// MayRoute checks that a call's caller may call the path of a request. The error is an *llm.Error.
func MayRoute(call *gateway.Call, r *http.Request) error {
	if t := call.Caller().Tenant(); t != nil {
		return t.Route(r.URL.Path)
	}
	return nil
}

// admit begins a call. There is one even if the error is not nil. It is apart from Serve as refuse is.
//
//go:noinline
func admit(w http.ResponseWriter, r *http.Request, g *gateway.Gateway, name string, keys func(*http.Request) gateway.Credentials, may func(*gateway.Call, *http.Request) error) (*gateway.Call, error) {
	call, err := g.Admit(r.Context(), name, httpfield.First(w.Header(), "X-Request-Id"), keys(r))
	if err != nil {
		return call, err
	}
	if err := may(call, r); err != nil {
		return call, err
	}
	inbound.Admitted(r)
	if err := label(call, r); err != nil {
		return call, err
	}
	describe(call, r)
	forward(call, r, g)
	return call, nil
}

// describe tells the call what callbacks want to know of its request.
func describe(call *gateway.Call, r *http.Request) {
	w := call.Wants()
	if !w.Details {
		return
	}
	h := r.Header
	call.Describe(&telemetry.From{
		Method: r.Method, Route: routeOf(r), Address: inbound.Address(r), UserAgent: llm.Clip(httpfield.First(h, "User-Agent"), maxDescribed),
		Session: llm.Clip(httpfield.First(h, "X-Litellm-Session-Id"), maxDescribed), TraceParent: httpfield.First(h, "Traceparent"), TraceState: llm.Clip(httpfield.First(h, "Tracestate"), 2*maxDescribed),
		Redact: on(httpfield.First(h, "X-Litellm-Enable-Message-Redaction")) || on(httpfield.First(h, "Litellm-Enable-Message-Redaction")),
	})
	if w.Content > 0 {
		call.Capture(inbound.Captured(r))
	}
}

// routeOf is the path of a request, without what clients choose in it: it is a label of metrics.
func routeOf(r *http.Request) string {
	_, pattern, _ := strings.Cut(r.Pattern, " ")
	switch {
	case strings.Contains(pattern, "{"):
		return pattern
	case pattern == r.URL.Path:
		return pattern
	}
	first, rest, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/"), "/")
	if rest == "" {
		return llm.Clip("/"+first, maxDescribed)
	}
	last := rest[strings.LastIndexByte(rest, '/')+1:]
	return llm.Clip("/"+first+"/{id}/"+last, maxDescribed)
}

// maxDescribed bounds what callbacks are told of a header or path, in bytes.
const maxDescribed = 256

// on reports whether a header switches something on, as LiteLLM reads it (litellm_core_utils/redact_messages.py, 1.110.2).
func on(header string) bool { return strings.EqualFold(strings.TrimSpace(header), "true") }

// label tells the call what the headers say of it. The error is an *llm.Error.
func label(call *gateway.Call, r *http.Request) error {
	routing, some, err := litellm.RoutingHeaders(func(name string) string { return httpfield.First(r.Header, name) })
	if err != nil {
		return err
	}
	if some {
		call.Ask(&routing)
	}
	var tags []string
	for tag := range strings.SplitSeq(httpfield.First(r.Header, "X-Litellm-Tags"), ",") {
		if tag = strings.TrimSpace(tag); tag != "" {
			tags = append(tags, tag)
		}
	}
	call.Label(tags, inbound.Address(r), httpfield.First(r.Header, "X-Litellm-Session-Id"), r.UserAgent())
	for _, name := range [...]string{"X-Litellm-Customer-Id", "X-Litellm-End-User-Id"} {
		if customer := strings.TrimSpace(httpfield.First(r.Header, name)); customer != "" && utf8.ValidString(customer) && !strings.ContainsRune(customer, 0) {
			call.For(customer)
			break
		}
	}
	return nil
}

// ServeCall is Serve for a call that has begun and whose caller the frontend has verified itself.
func ServeCall(w http.ResponseWriter, r *http.Request, call *gateway.Call, write func(http.ResponseWriter, *llm.Error), serve func(call *gateway.Call)) {
	ending(w, r, call, func() {
		inbound.Admitted(r)
		if err := label(call, r); err != nil {
			write(w, Fail(w, call, err))
			return
		}
		describe(call, r)
		guarded(call, serve)
	})
}

// guarded records a panic, which the server answers, unless it only ends the connection.
func guarded(call *gateway.Call, serve func(call *gateway.Call)) {
	defer func() {
		if p := recover(); p != nil {
			note(call, p)
			panic(p) //nolint:forbidigo // the server handles it
		}
	}()
	serve(call)
}

// note records a panic, unless it only ends the connection.
func note(call *gateway.Call, p any) {
	if p != http.ErrAbortHandler { //nolint:errorlint // panics are not wrapped
		_ = call.Fail(Internal())
	}
}

// refuse is apart from Serve because its stack would come on top of what a handler needs, and make
// the stack of every stream twice as large.
//
//go:noinline
func refuse(w http.ResponseWriter, call *gateway.Call, err error, write func(http.ResponseWriter, *llm.Error)) {
	e := Fail(w, call, err)
	if e.Status == http.StatusUnauthorized {
		w.Header().Set("Www-Authenticate", "Bearer")
	}
	write(w, e)
}

// publicKey is the key of a request's context for a path that needs no key.
type publicKey struct{}

// Public returns a request for a path that needs no key: without one it is nobody's.
func Public(r *http.Request) *http.Request {
	return r.WithContext(context.WithValue(r.Context(), publicKey{}, true))
}

// Keys returns the keys that a request presents, in any of the headers in which clients send one.
func Keys(r *http.Request) gateway.Credentials {
	h := r.Header
	c := gateway.Credentials{Keys: [...]string{"", httpfield.First(h, "Api-Key"), httpfield.First(h, "X-Api-Key"), httpfield.First(h, "X-Litellm-Api-Key"), httpfield.First(h, "X-Goog-Api-Key")}}
	scheme, key, several := strings.Cut(httpfield.First(h, "Authorization"), " ")
	switch {
	case strings.EqualFold(scheme, "Bearer"):
		c.Keys[0] = strings.TrimLeft(key, " ")
	case several:
		c.Scheme = knownScheme(scheme)
	case scheme != "":
		c.Scheme = gateway.NoScheme
	}
	if last := &c.Keys[len(c.Keys)-1]; *last == "" && strings.HasPrefix(r.URL.Path, "/v1beta/") {
		*last = r.URL.Query().Get("key") // of Google's API
	}
	c.Public = r.Context().Value(publicKey{}) != nil
	return c
}

// knownScheme returns one of the schemes that clients send by mistake; empty for any other word, which
// may be part of a key.
func knownScheme(word string) string {
	for _, known := range [...]string{"Basic", "Digest", "Negotiate", "Token", "ApiKey", "Key", "AWS4-HMAC-SHA256"} {
		if strings.EqualFold(word, known) {
			return known
		}
	}
	return ""
}

// Internal is the error that clients get for a fault in the gateway.
func Internal() *llm.Error {
	return &llm.Error{Code: llm.CodeInternal, Status: 500, Message: "internal error; look for this x-request-id in the gateway's log."}
}
