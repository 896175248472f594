// Package ui serves the pages under /ui, on which people see what the gateway does and run it.
//
// Pages get what they show from the gateway's own API, called in this process with the key of who looks: what somebody may
// see or change is decided there, once, and a page can do nothing that the key could not. docs/adr/0019 says more.
package ui

import (
	"context"
	"errors"
	"html/template"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"time"

	"outcrop/httpd/door"
	"outcrop/httpd/ui/live"
	"outcrop/llm"
	"outcrop/provider"
	"outcrop/signin"
)

// Path is where the pages are.
const Path = "/ui"

// Role is what somebody may see and do here.
type Role string

// Roles.
const (
	Operator Role = "operator" // sees and changes everything
	Viewer   Role = "viewer"   // sees everything
	Member   Role = "member"   // a user, who sees what is the user's
	Bearer   Role = "key"      // a key of no user, which sees what is its own
)

// Person is who looks at a page.
type Person struct {
	Role Role
	// UserID and Key are the user and the hash of the key; empty for none.
	UserID, Key string
}

// sees reports whether the person may see what is everybody's.
func (p *Person) sees() bool { return p.Role == Operator || p.Role == Viewer }

// Finding is the result of a check.
type Finding struct {
	// Names are the configured names that it is about, and Model is the model that was called; empty for none.
	Names []string
	Model string
	provider.Finding
}

// Model is a model that can be called.
type Model struct {
	Name    string
	Aliases []string
	provider.Model
}

// Way is how a model id would be called.
type Way struct {
	// Steps are what was considered, in order.
	Steps []string
	// Targets are where it would be called, best first.
	Targets []Target
	// Refusal says why it would not be called; empty if it would be. Works are ids that would do.
	Refusal string
	Works   []string
}

// Target is one place where a model would be called.
type Target struct{ ID, Region, API, Reason string }

// Options are the settings of the pages.
type Options struct {
	// API is the gateway, for requests of this process; it is not called before the first request.
	API func() http.Handler
	// Master is the master key; empty if whoever calls is the operator.
	Master string
	// Sealer seals cookies.
	Sealer *signin.Sealer
	// Identify finds out who makes a request, by the key in it. The error is an *llm.Error.
	Identify func(r *http.Request) (*Person, error)
	// SignIn is whether people can sign in at an identity provider.
	SignIn bool
	// Version is that of this release.
	Version string
	// Emulated is whether the emulator answers.
	Emulated bool
	// Sample is a name that a chat request can use; empty if none is known.
	Sample func() string
	// Models lists what can be called.
	Models func() []Model
	// Check checks whether calls would work, by calling models if calls is set; planned is told how many calls that are.
	Check func(ctx context.Context, calls bool, models []string, planned func(int), report func(Finding)) error
	// Resolve says which way a call to a Bedrock model would take. The error is for who has asked.
	Resolve func(id, region, policy string) (Way, error)
	// Calls are the calls that have ended last.
	Calls *live.Log
	// Now is the time; time.Now if nil.
	Now    func() time.Time
	Logger *slog.Logger
}

// Handler serves the pages.
type Handler struct {
	opt    Options
	mux    func() *http.ServeMux                         // made for the first request, as what follows is for the first page
	pages  func() (map[string]*template.Template, error) // parsed
	ended  ended
	doctor doctor

	rest context.CancelFunc
	base context.Context
	own  sync.WaitGroup
}

// New makes the pages. Close ends what they do in the background.
func New(opt Options) *Handler {
	if opt.Now == nil {
		opt.Now = time.Now
	}
	h := &Handler{opt: opt}
	h.base, h.rest = context.WithCancel(context.Background())
	h.mux, h.pages = sync.OnceValue(h.routed), sync.OnceValues(h.parse)
	return h
}

// routed makes the table of paths.
func (h *Handler) routed() *http.ServeMux {
	mux := http.NewServeMux()
	mux.HandleFunc("GET "+Path+"/static/{name}", h.static)
	mux.HandleFunc("GET "+Path+"/login", h.loginPage)
	mux.HandleFunc("POST "+Path+"/login", h.login)
	mux.HandleFunc("POST "+Path+"/logout", h.serve(anybody, (*exchange).logout))
	for _, r := range routes() {
		mux.HandleFunc(r.pattern, h.serve(r.who, r.do))
	}
	mux.HandleFunc("/", h.serve(anybody, (*exchange).nothing))
	return mux
}

// Close ends the checks that run.
func (h *Handler) Close() {
	h.rest()
	h.own.Wait()
}

// who is a set of roles.
type who uint8

// Sets of roles.
const (
	operators who = 1 << iota
	viewers
	members
	bearers
	readers = operators | viewers
	people  = readers | members
	anybody = people | bearers
)

// of is the set with a role.
func of(r Role) who {
	switch r {
	case Operator:
		return operators
	case Viewer:
		return viewers
	case Member:
		return members
	case Bearer:
		return bearers
	default:
		return 0
	}
}

// route is a path of a page, or of a part of one.
type route struct {
	pattern string
	who     who
	do      func(x *exchange) error
}

// routes lists the pages and who may see them. Whether somebody may change something is decided by the API.
func routes() []route {
	return []route{
		{"GET " + Path, anybody, (*exchange).first},
		{"POST " + Path + "/doctor", operators, (*exchange).startDoctor},
		{"GET " + Path + "/doctor", readers, (*exchange).doctorPart},
		{"GET " + Path + "/logs", anybody, (*exchange).logs},
		{"GET " + Path + "/logs/rows", anybody, (*exchange).logRows},
		{"GET " + Path + "/logs/events", anybody, (*exchange).logEvents},
		{"GET " + Path + "/logs/earlier", people, (*exchange).earlier},
		{"GET " + Path + "/logs/earlier/rows", people, (*exchange).earlierRows},
		{"GET " + Path + "/logs/earlier/older", people, (*exchange).olderRows},
		{"GET " + Path + "/logs/call/{id}", anybody, (*exchange).oneCall},
		{"GET " + Path + "/models", anybody, (*exchange).models},
		{"GET " + Path + "/models/rows", anybody, (*exchange).modelRows},
		{"GET " + Path + "/models/way", anybody, (*exchange).way},
		{"GET " + Path + "/playground", operators | members | bearers, (*exchange).playground},
		{"POST " + Path + "/playground/chat", operators | members | bearers, (*exchange).chat},
		{"GET " + Path + "/usage", people, (*exchange).usage},
		{"GET " + Path + "/usage.csv", people, (*exchange).usageCSV},
		{"GET " + Path + "/refusals", readers, (*exchange).refusals},
		{"POST " + Path + "/refusals/again", operators, (*exchange).tryAgain},
		{"GET " + Path + "/keys", anybody, list("keys")},
		{"GET " + Path + "/teams", anybody, list("teams")},
		{"GET " + Path + "/teams/{id}", anybody, (*exchange).team},
		{"GET " + Path + "/customers", readers, list("customers")},
		{"GET " + Path + "/users", readers, list("users")},
		{"GET " + Path + "/budgets", readers, list("budgets")},
		{"GET " + Path + "/audit", readers, list("audit")},
		{"POST " + Path + "/keys/{act}", operators | members, change("keys")},
		{"POST " + Path + "/teams/{act}", operators | members, change("teams")},
		{"POST " + Path + "/teams/{id}/{act}", operators | members, (*exchange).changeMember},
		{"POST " + Path + "/customers/{act}", operators, change("customers")},
		{"POST " + Path + "/users/{act}", operators, change("users")},
		{"POST " + Path + "/budgets/{act}", operators, change("budgets")},
	}
}

// Routes lists nothing: pages are for browsers, and no part of the API.
func (h *Handler) Routes() []door.Route { return nil }

// Owns reports whether a path is one of the pages.
func (h *Handler) Owns(path string) bool { return path == Path || strings.HasPrefix(path, Path+"/") }

// Whole reports true: the pages are served by ServeHTTP.
func (h *Handler) Whole() bool { return true }

// ServeHTTP serves a page.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	private(w.Header())
	if r.Method == http.MethodHead {
		r = r.Clone(r.Context())
		r.Method = http.MethodGet
	}
	if r.URL.Path == Path+"/" {
		http.Redirect(w, r, Path, http.StatusSeeOther)
		return
	}
	h.mux().ServeHTTP(w, r)
}

// WriteError writes a refusal of the server as a page.
func (h *Handler) WriteError(w http.ResponseWriter, e *llm.Error) {
	private(w.Header())
	x := &exchange{h: h, w: w}
	_ = x.fail(&Error{Status: e.Status, Message: e.Message, Fix: e.Fix}) // a client that is gone needs no response
}

// private are the headers of everything that is not a file of ours: nobody else may keep it or show it within another page,
// and nothing in it can run or load what is not ours.
func private(h http.Header) {
	h.Set("Cache-Control", "no-store")
	h.Set("Content-Security-Policy", "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'")
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	h.Set("Permissions-Policy", "camera=(), geolocation=(), microphone=()")
	h.Set("Referrer-Policy", "same-origin")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("X-Frame-Options", "DENY")
}

// Error is what a page cannot do.
type Error struct {
	Status       int
	Message, Fix string
}

func (e *Error) Error() string { return e.Message }

// exchange is one request of somebody who may make it.
type exchange struct {
	h       *Handler
	w       http.ResponseWriter
	r       *http.Request
	session session
	person  Person
}

// serve finds out who makes a request, and serves it if the role may see the page. A change needs the session's token.
func (h *Handler) serve(allowed who, do func(x *exchange) error) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		x := &exchange{h: h, w: w, r: r}
		if !x.enter() {
			return
		}
		err := x.permitted(allowed)
		if err == nil {
			err = do(x)
		}
		if err != nil && r.Context().Err() == nil {
			_ = x.fail(err) // a client that is gone needs no response
		}
	}
}

// permitted refuses what the role may not see, and changes that do not come from our own pages.
func (x *exchange) permitted(allowed who) error {
	if of(x.person.Role)&allowed == 0 {
		return &Error{Status: http.StatusForbidden, Message: "This page is not for the role " + string(x.person.Role) + ".", Fix: "Sign in with the master key, or with the key of a user with the role proxy_admin."}
	}
	if x.r.Method == http.MethodGet {
		return nil
	}
	x.r.Body = http.MaxBytesReader(x.w, x.r.Body, maxUpload)
	token := x.r.Header.Get("X-Csrf-Token")
	if token == "" {
		token = x.r.PostFormValue("csrf")
	}
	if x.r.Header.Get("Sec-Fetch-Site") == "cross-site" || !x.h.genuine(&x.session, token) {
		return &Error{Status: http.StatusForbidden, Message: "This change did not come from a page of your session.", Fix: "Load the page again and repeat the change."}
	}
	return nil
}

// maxUpload bounds what is sent to a page: a chat with images and files.
const maxUpload = 25 << 20

// nothing refuses an unknown path.
func (x *exchange) nothing() error {
	return &Error{Status: http.StatusNotFound, Message: "There is no such page.", Fix: "The navigation has all pages."}
}

// asError is an error for people.
func (x *exchange) asError(err error) *Error {
	if e, ok := errors.AsType[*Error](err); ok {
		return e
	}
	x.h.opt.Logger.Error("a page failed", slog.String("id", x.w.Header().Get("X-Request-Id")), slog.String("error", err.Error()))
	return &Error{Status: http.StatusInternalServerError, Message: "The page failed.", Fix: "Look for the request id " + x.w.Header().Get("X-Request-Id") + " in the gateway's log."}
}
