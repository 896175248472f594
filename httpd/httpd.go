// Package httpd is the HTTP server: its paths, their access checks, and the frontends behind them.
// It knows no provider.
package httpd

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"net/netip"
	"net/url"
	"runtime/debug"
	"strings"
	"time"

	"outcrop/gateway"
	"outcrop/httpd/door"
	"outcrop/httpd/inbound"
	"outcrop/llm"
	"outcrop/tenant"
	"outcrop/wire/openaichat"
)

// Options are the server's components and settings.
type Options struct {
	Gateway *gateway.Gateway
	// Models lists the models that can be called; nil for none.
	Models Models
	// Entries lists the entries of the configuration's list of models; nil for none.
	Entries func() []Entry
	// Hub says which models everybody may see; nil for none.
	Hub func() Hub
	// Version is the version of this release, for the index page; empty for none.
	Version string
	// Sample is a name that a chat request can use, for the index page; empty if none is known.
	Sample string
	// Refresh reads the lists of models again; nil if there are none.
	Refresh Refresh
	// Reload reads the configuration again; nil if it cannot be. The error is an *llm.Error.
	Reload func(ctx context.Context) (*Reloaded, error)
	// Ready reports whether calls could be served; nil for always.
	Ready Ready
	// Health checks the entries; nil for none.
	Health Health
	// Preview shows what providers would get.
	Preview Preview
	// Drain is how the gateway is taken out of service by a request; nil for not at all.
	Drain *Drain
	// Metrics serves /metrics; nil for none. OpenMetrics is whether that needs no key.
	Metrics     http.Handler
	OpenMetrics bool
	// Callbacks are the services that are told of calls; nil for none.
	Callbacks Callbacks
	// Guardrails are the guardrails as they are configured.
	Guardrails []Guardrail
	// Doors are the frontends. Errors at paths that belong to none of them are in OpenAI's form.
	Doors []door.Frontend
	// Pages is where browsers that come to / are led; empty for the index page.
	Pages string
	// LocalOnly refuses requests whose Host or Origin is not this machine: without a master key,
	// any web page that the user visits could otherwise call the gateway (DNS rebinding, cross-site
	// requests).
	LocalOnly bool
	// Allowed are the addresses from which clients may call; nil for any. Forwarded is whether a client's address is
	// the one in X-Forwarded-For.
	Allowed   []netip.Prefix
	Forwarded bool
	Access    Access
	Logger    *slog.Logger
}

// New makes the handler for all paths.
func New(opt Options) http.Handler { return (&server{opt: opt}).handler() }

type server struct {
	opt Options
	// known has only the routes, to find out which methods a path has. It is made when it is first asked.
	known func() *http.ServeMux
	// mux has all routes. It is made when a request comes that paths does not have among posts and gets, for making it takes longer than
	// the rest of what this package does before the gateway listens.
	mux func() *http.ServeMux
	// paths has the routes, and of POST and GET those whose paths stand for themselves. The mux would find them too, for no other
	// pattern is more specific, but it takes longer.
	paths func() *paths
	// own are those of GET of the server itself, which need no paths.
	own      map[string]endpoint
	captures inbound.Captures
}

// endpoint is a path in http.ServeMux's form and in that of the documentation.
type endpoint struct {
	pattern string
	path    string // in openapi.json
	about   string // description for the index page
	handle  http.HandlerFunc
	keyed   bool   // whether it needs the master key, for the page; handle checks it
	group   string // door.Route.Group
}

// endpoints lists everything that is served, the frontends' paths first; a test compares it with
// openapi.json.
func (s *server) endpoints() []endpoint {
	var all []endpoint
	for _, d := range s.opt.Doors {
		for _, r := range d.Routes() {
			all = append(all, endpoint{r.Pattern, r.Path, r.About, r.Handle, true, r.Group})
		}
	}
	return append(all, s.routes()...)
}

// routes lists the server's own paths.
func (s *server) routes() []endpoint {
	return []endpoint{
		{"GET /v1/models", "/v1/models", "the models that can be called", s.lockedFor(s.listModels), true, ""},
		{"GET /models", "/models", "the same without the prefix /v1", s.lockedFor(s.listModels), true, ""},
		{"GET /v1/models/{id...}", "/v1/models/{id}", "one of them", s.lockedFor(s.getModel), true, ""},
		{"GET /models/{id...}", "/models/{id}", "the same without the prefix /v1", s.lockedFor(s.getModel), true, ""},
		{"GET /v1beta/models", "/v1beta/models", "the models that Gemini's API can call, in its form", s.lockedFor(s.listModels), true, ""},
		{"GET /v1beta/models/{id...}", "/v1beta/models/{id}", "one of them", s.lockedFor(s.getModel), true, ""},
		{"GET /model/info", "/model/info", "LiteLLM's list of the configured models, with prices and limits", s.lockedFor(s.modelInfo), true, ""},
		{"GET /v1/model/info", "/v1/model/info", "the same under /v1", s.lockedFor(s.modelInfo), true, ""},
		{"GET /model/deprecations", "/model/deprecations", "which of them end when, and what follows them", s.lockedFor(s.deprecations), true, ""},
		{"GET /v1/model/deprecations", "/v1/model/deprecations", "the same under /v1", s.lockedFor(s.deprecations), true, ""},
		{"GET /v2/model/info", "/v2/model/info", "the same by pages, with filters", s.lockedFor(s.modelPages), true, ""},
		{"GET /model_group/info", "/model_group/info", "what the models of each name can do and cost", s.lockedFor(s.modelGroups), true, ""},
		{"GET /public/model_hub", "/public/model_hub", "what the models can do and cost that everybody may see", s.publicHub, false, ""},
		{"GET /public/v1/model_hub", "/public/v1/model_hub", "the same by pages, with filters", s.hubPage, false, ""},
		{"GET /public/v1/model_hub/{facet}", "/public/v1/model_hub/{facet}", "which providers, modes and features there are among them", s.hubFacet, false, ""},
		{"GET /public/model_hub/info", "/public/model_hub/info", "which gateway this is, and links to more", s.publicHubInfo, false, ""},
		{"POST /catalog/refresh", "/catalog/refresh", "reads the lists of models again", s.operators(s.refreshCatalogue), true, ""},
		{"POST /config/reload", "/config/reload", "reads the configuration again, and takes it over", s.operators(s.reloadConfig), true, ""},
		{"GET /cache/ping", "/cache/ping", "whether the response cache can be used", s.cached(s.cachePing), true, cacheGroup},
		{"POST /cache/delete", "/cache/delete", "forgets cached responses by their keys", s.cached(s.cacheDelete), true, cacheGroup},
		{"POST /cache/flushall", "/cache/flushall", "forgets all cached responses", s.cached(s.cacheFlush), true, cacheGroup},
		{"GET /cache/redis/info", "/cache/redis/info", "what the Valkey or Redis of the response cache says of itself", s.cached(s.cacheInfo), true, cacheGroup},
		{"GET /health", "/health", "LiteLLM's health check: which entries of the configuration can be called", s.operators(s.health), true, ""},
		{"GET /health/history", "/health/history", "results of health checks, the newest first", s.operators(s.healthHistory), true, ""},
		{"GET /health/latest", "/health/latest", "the last of them of each entry", s.operators(s.latestHealth), true, ""},
		{"POST /health/test_connection", "/health/test_connection", "calls a model, before it is added or as it is served", s.operators(s.testConnection), true, ""},
		{"GET /utils/supported_openai_params", "/utils/supported_openai_params", "which parameters of chat completions a model gets (?model=)", s.operators(s.supportedParameters), true, ""},
		{"POST /utils/transform_request", "/utils/transform_request", "shows what the provider would get for a request, and sends nothing", s.operators(s.transformRequest), true, ""},
		{"GET /health/backlog", "/health/backlog", "how many calls are being served", s.operators(s.backlog), true, ""},
		{"GET /health/shared-status", "/health/shared-status", "whether replicas share the results of health checks", s.operators(s.sharedHealth), true, ""},
		{"GET /health/drain", "/health/drain", "takes the gateway out of service, and waits for its calls; with general_settings.enable_drain_endpoint", s.drain, true, ""},
		{"GET /health/readiness/details", "/health/readiness/details", "the readiness check for operators, with the reason", s.operators(s.details), true, ""},
		{"GET /test", "/test", "an old health check of LiteLLM's", s.ping, false, ""},
		{"GET /routes", "/routes", "all paths with their methods", s.locked(s.listRoutes), true, ""},
		{"GET /health/liveliness", "/health/liveliness", "whether the process runs", s.alive, false, ""},
		{"GET /health/liveness", "/health/liveness", "the same", s.alive, false, ""},
		{"GET /health/readiness", "/health/readiness", "whether calls can be served", s.readiness, false, ""},
		{"GET /metrics", "/metrics", "metrics for Prometheus", s.metrics, s.metricsLocked(), ""},
		{"GET /metrics/{$}", "/metrics/", "the same", s.metrics, s.metricsLocked(), ""},
		{"GET /callbacks/list", "/callbacks/list", "which callbacks are told of calls", s.operators(s.callbacks), true, ""},
		{"GET /active/callbacks", "/active/callbacks", "how the callbacks do", s.operators(s.activeCallbacks), true, ""},
		{"GET /settings", "/settings", "the same", s.operators(s.activeCallbacks), true, ""},
		{"GET /health/services", "/health/services", "tells a callback of a call that was none (?service=)", s.operators(s.testService), true, ""},
		{"GET /guardrails/list", "/guardrails/list", "LiteLLM's list of the guardrails", s.lockedFor(s.listGuardrails), true, ""},
		{"GET /v2/guardrails/list", "/v2/guardrails/list", "the same", s.lockedFor(s.listGuardrails), true, ""},
		{"GET /guardrails/{id}/info", "/guardrails/{id}/info", "one of them", s.lockedFor(s.guardrailInfo), true, ""},
		{"POST /guardrails/apply_guardrail", "/guardrails/apply_guardrail", "checks a text by a guardrail, as LiteLLM does", s.lockedFor(s.applyGuardrail), true, ""},
		{"POST /apply_guardrail", "/apply_guardrail", "the same", s.lockedFor(s.applyGuardrail), true, ""},
		{"GET /openapi.json", "/openapi.json", "the OpenAPI description of this API", s.openAPI, false, ""},
		{"GET /{$}", "/", "this page", s.index, false, ""},
	}
}

// cacheGroup is the heading of the paths of the response cache on the index page.
const cacheGroup = "The response cache"

// guard assigns each request its id, bounds the wait for unread bodies, refuses foreign origins,
// and responds for a handler that panics.
func (s *server) guard(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		id := gateway.NewID()
		w.Header()["X-Request-Id"] = []string{id}
		r = inbound.Begin(r)
		inbound.Unread(w, r)
		continues := false
		defer func() {
			if continues {
				return
			}
			defer inbound.Done(r)
			if p := recover(); p != nil && !s.panicked(r.Pattern, id, p) {
				s.writeError(w, r, door.Internal())
			}
		}()
		if s.opt.LocalOnly && !local(r) {
			s.refuse(w, r, &llm.Error{
				Code: llm.CodeForeignOrigin, Status: 403, Message: "without a master key this gateway serves only this machine, but the request's Host or Origin names another.",
				Fix: "Set general_settings.master_key, and send that key with every request.",
			})
			return
		}
		if !s.allowed(r) {
			s.refuse(w, r, s.elsewhere(r))
			return
		}
		if s.opt.Forwarded && r.Header.Get("X-Forwarded-For") != "" {
			r = inbound.From(r, printable(s.address(r)))
		}
		r, denied := s.access(r)
		if denied != nil {
			s.refuse(w, r, denied)
			return
		}
		if most := s.opt.Gateway.Wants().Content; most > 0 && r.Method == http.MethodPost {
			var release func()
			w, r, release = s.captures.Capture(w, r, most)
			defer func() {
				if continues {
					inbound.After(w, release)
				} else {
					release()
				}
			}()
		}
		s.pass(next, w, r)
		if continues = inbound.Continues(w); continues {
			s.after(w, r, id)
		}
	})
}

// after does at the end of a response that goes on what guard does at the end of the others. It does not keep the request. A client that was not
// told of a panic must not take the response for a whole one, so its connection is closed.
func (s *server) after(w http.ResponseWriter, r *http.Request, id string) {
	done, route := inbound.Ending(r), r.Pattern
	inbound.After(w, func() {
		defer done()
		if p := recover(); p != nil && !s.panicked(route, id, p) {
			panic(http.ErrAbortHandler) //nolint:forbidigo // the server expects this very value
		}
	})
}

// panicked logs the panic p of a handler, and reports whether the client has been told of it.
func (s *server) panicked(route, id string, p any) (answered bool) {
	if p == http.ErrAbortHandler { //nolint:errorlint // panics are not wrapped
		panic(p) //nolint:forbidigo // net/http expects this very value
	}
	written, answered := p.(inbound.Answered)
	if answered {
		p = written.Panic
	}
	s.opt.Logger.Error("panic", "id", id, "route", route, "panic", p, "stack", string(debug.Stack()))
	return answered
}

// writeError sends an error in the dialect of a request's path.
func (s *server) writeError(w http.ResponseWriter, r *http.Request, e *llm.Error) {
	if d := s.owner(r.URL.Path); d != nil {
		d.WriteError(w, e)
		return
	}
	if l := s.lister(r); l != nil {
		l.WriteError(w, e)
		return
	}
	for _, d := range s.opt.Doors {
		if own, ok := d.(door.Recognizer); ok && own.Recognizes(r) {
			d.WriteError(w, e)
			return
		}
	}
	door.WriteError(w, e, openaichat.AppendError)
}

// local reports whether a request's Host, and its Origin if it has one, name this machine.
func local(r *http.Request) bool {
	if !localHost(r.Host) {
		return false
	}
	origin := r.Header.Get("Origin")
	if origin == "" {
		return true
	}
	u, err := url.Parse(origin)
	return err == nil && localHost(u.Host)
}

func localHost(host string) bool {
	if h, port, ok := strings.Cut(host, ":"); ok && !strings.Contains(port, ":") {
		host = h
	} else if strings.HasPrefix(host, "[") {
		host, _, _ = strings.Cut(host[1:], "]")
	}
	host = strings.ToLower(strings.TrimSuffix(host, "."))
	if host == "localhost" || strings.HasSuffix(host, ".localhost") {
		return true
	}
	ip, err := netip.ParseAddr(host)
	return err == nil && ip.IsLoopback()
}

// locked passes on requests with the gateway's key.
func (s *server) locked(next http.HandlerFunc) http.HandlerFunc {
	return s.lockedFor(func(w http.ResponseWriter, r *http.Request, _ gateway.Caller) { next(w, r) })
}

// lockedFor passes on requests with a key of the gateway, and whose it is.
func (s *server) lockedFor(next func(w http.ResponseWriter, r *http.Request, caller gateway.Caller)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if caller, ok := s.admit(w, r); ok {
			next(w, r, caller)
		}
	}
}

// operators passes on requests of those who run the gateway: with the master key, or the key of an admin.
func (s *server) operators(next http.HandlerFunc) http.HandlerFunc {
	return s.lockedFor(func(w http.ResponseWriter, r *http.Request, caller gateway.Caller) {
		if t := caller.Tenant(); t != nil && t.Role != tenant.RoleAdmin {
			s.refuse(w, r, &llm.Error{
				Code: llm.CodeRouteDenied, Status: http.StatusForbidden, Class: "auth_error", Message: "this path is only for the gateway's operators.",
				Fix: "Use the master key, or the key of a user with the role proxy_admin.",
			})
			return
		}
		next(w, r)
	})
}

// admit returns who makes a request with a key of the gateway, and answers it if there is none. It
// is apart from locked because its stack would come on top of what a handler needs, and
// make the stack of every stream twice as large.
//
//go:noinline
func (s *server) admit(w http.ResponseWriter, r *http.Request) (gateway.Caller, bool) {
	presented := door.Keys(r)
	caller, err := s.opt.Gateway.Authenticate(r.Context(), &presented)
	if err != nil {
		w.Header().Set("Www-Authenticate", "Bearer")
		s.refuse(w, r, llm.AsError(err))
		return caller, false
	}
	if t := caller.Tenant(); t != nil {
		if err := t.Route(r.URL.Path); err != nil {
			s.refuse(w, r, llm.AsError(err))
			return caller, false
		}
	}
	inbound.Admitted(r)
	return caller, true
}

// refuse answers and records a request that goes no further.
func (s *server) refuse(w http.ResponseWriter, r *http.Request, e *llm.Error) {
	call := s.opt.Gateway.Begin("refused", w.Header().Get("X-Request-Id"))
	defer call.End(r.Context())
	s.writeError(w, r, door.Fail(w, call, e))
}

// deployments is the prefix of Azure's paths.
const deployments = "/openai/deployments/"

// deployment serves Azure's paths with a model whose slashes are not encoded, which http.ServeMux
// does not match.
func (s *server) deployment(w http.ResponseWriter, r *http.Request) {
	if d := s.owner(r.URL.Path); d != nil {
		d.ServeHTTP(w, r)
		return
	}
	s.locked(s.notFound)(w, r)
}

func printable(s string) string { return strings.ToValidUTF8(llm.Clip(s, 200), "?") }

// Limits for connections.
const (
	headerTimeout = 10 * time.Second
	idleTimeout   = 120 * time.Second
	maxHeader     = 256 << 10 // bytes
)

// Limits for connections of HTTP/2. maxStreams is what net/http has by default, and about what AWS
// allows. Dead connections are found by pings, since a stream may be silent for minutes.
const (
	maxStreams  = 250
	maxInStream = 1 << 20 // bytes of a body that wait to be read
	pingAfter   = 60 * time.Second
	pingTimeout = 15 * time.Second
)

// NewServer makes an http.Server with limits that protect it against slow and hostile clients. The
// frontends limit bodies and responses.
//
// It also speaks HTTP/2, without TLS to clients that begin with it: AWS's SDKs for JavaScript and
// Java do so at any address of http.
func NewServer(h http.Handler, log *slog.Logger) *http.Server {
	var protocols http.Protocols
	protocols.SetHTTP1(true)
	protocols.SetHTTP2(true)
	protocols.SetUnencryptedHTTP2(true)
	return &http.Server{
		Handler:           h,
		ReadHeaderTimeout: headerTimeout,
		IdleTimeout:       idleTimeout,
		MaxHeaderBytes:    maxHeader,
		ErrorLog:          slog.NewLogLogger(&serverLog{log: log}, slog.LevelDebug),
		Protocols:         &protocols,
		HTTP2: &http.HTTP2Config{
			MaxConcurrentStreams:          maxStreams,
			MaxReceiveBufferPerStream:     maxInStream,
			MaxReceiveBufferPerConnection: 4 * maxInStream,
			SendPingTimeout:               pingAfter,
			PingTimeout:                   pingTimeout,
		},
	}
}

// IsClosed reports whether err is the one that a stopped server returns.
func IsClosed(err error) bool { return errors.Is(err, http.ErrServerClosed) }
