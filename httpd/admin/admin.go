// Package admin serves LiteLLM's management API: keys, users, teams, organisations, customers, budgets, tags, and
// what all of them have spent. What it changes is in the store at once, for all replicas; it keeps nothing itself.
//
// Requests, answers and errors have LiteLLM's form (LiteLLM 1.110.2, litellm/proxy/management_endpoints).
package admin

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"outcrop/alert"
	"outcrop/httpd/door"
	"outcrop/httpd/inbound"
	"outcrop/internal/jsonx"
	"outcrop/internal/scim"
	"outcrop/llm"
	"outcrop/secrets"
	"outcrop/store"
)

// Authenticator finds out who makes a request. The error is an *llm.Error.
type Authenticator interface {
	Authenticate(r *http.Request) (*Caller, error)
}

// Store is what the frontend needs of the store, *store.Store.
type Store interface {
	// Entity returns an entity that exists; store.ErrNotFound if there is none.
	Entity(ctx context.Context, kind store.Kind, id string) (*store.Entity, error)
	// Entities returns a page of those that a filter selects, and how many there are in all.
	Entities(ctx context.Context, f *store.Filter) ([]store.Entity, int, error)
	// Change makes a change, and returns its revision. The error is store.ErrConflict if an entity to write has
	// been changed since it was read, and store.ErrExists if one to create exists.
	Change(ctx context.Context, c *store.Change) (int64, error)
	// Spent is what was used of counters in their periods, in 10⁻¹² USD, by their ids, and ResetSpend sets it.
	Spent(ctx context.Context, counters []string) (map[string]int64, error)
	ResetSpend(ctx context.Context, counter string, units int64) error
	SpendLog
	// Audit returns a page of the audit log, newest first, and how many entries the filter selects in all.
	Audit(ctx context.Context, f store.AuditFilter) ([]store.AuditEntry, int, error)
}

// SpendLog has calls with what they have cost.
type SpendLog interface {
	// Rows returns a page of the spend log, newest first, and how many rows the filter selects in all.
	Rows(ctx context.Context, f store.RowFilter) ([]store.Row, int, error)
	// Search looks for rows from a place in the spend log on, at about most rows, and Contents returns what calls have asked and
	// were answered, by their request ids.
	Search(ctx context.Context, f store.RowFilter, from store.Place, most int, m store.Match) (store.Found, error)
	Contents(ctx context.Context, ids []string) (map[string]store.Content, error)
	// Times returns how long calls took from one day to another.
	Times(ctx context.Context, from, to time.Time) ([]store.Times, error)
	// Daily returns sums of calls by day.
	Daily(ctx context.Context, f store.DailyFilter) ([]store.DailySum, error)
}

// Alerts sends alerts; *alert.Sender does. It does not block.
type Alerts interface {
	Wants(t alert.Type) bool
	Send(a alert.Alert)
}

// Keeper keeps the keys themselves elsewhere, *secrets.Keeper. It reports its failures itself.
type Keeper interface {
	Keep(ctx context.Context, changes []secrets.Change)
}

// Options are the settings of the frontend.
type Options struct {
	// Callers says who makes a request.
	Callers Authenticator
	// Store returns the store; an error if it cannot be opened.
	Store func(ctx context.Context) (Store, error)
	// Alerts tells of changes; nil for nobody.
	Alerts Alerts
	// Price is what usage of a model costs, by its configured name or that of a deployment; false if it is not known. It
	// may be nil.
	Price func(model string, u *llm.Usage) (llm.Cost, bool)
	// Keys keeps the keys that are made; nil if nobody does. The store has their hashes only.
	Keys Keeper
	// Models serves what is in the store of models; nil if nothing does.
	Models Models
	// PassThroughs serves what is in the store of endpoints that pass requests on; nil if nothing does.
	PassThroughs PassThroughs
	// Policies has in force what is in the store of policies of guardrails; nil if nothing does.
	Policies Policies
	// Cache has in force what is in the store of the response cache; nil if nothing does.
	Cache Cache
	// ProviderBudgets are those of the configuration.
	ProviderBudgets ProviderBudgets
	// SignIn lets people sign in at an identity provider; nil if there is none.
	SignIn *SignIn
	// AdminRoutes are paths that only admins may call.
	AdminRoutes []string
	// KnownMembers is whether SCIM's groups can have only members who are users already; others become users otherwise.
	KnownMembers bool
	// AdminGroup is the id or the name of the SCIM group whose members are proxy admins; empty for none.
	AdminGroup string
	// Defaults are what new keys, users and teams have beside what requests say.
	Defaults Defaults
	// FileSettings are the names of settings that the configuration's file has, and that cannot be changed therefore.
	FileSettings []string
	// MaxBody is the largest request, in bytes; 1 MiB if 0.
	MaxBody int64
	// Now is the time; time.Now if nil.
	Now    func() time.Time
	Logger *slog.Logger
}

// Handler is the frontend.
type Handler struct {
	opt    Options
	reader *inbound.Reader
}

// New makes the frontend.
func New(opt Options) *Handler {
	if opt.Now == nil {
		opt.Now = time.Now
	}
	return &Handler{opt: opt, reader: &inbound.Reader{Limit: cmp.Or(opt.MaxBody, 1<<20)}}
}

// Routes lists the paths.
func (h *Handler) Routes() []door.Route {
	return h.routes(endpoints(), "Management of keys, users, teams and budgets")
}

func (h *Handler) routes(endpoints []endpoint, group string) []door.Route {
	var all []door.Route
	for _, e := range endpoints {
		for i, path := range e.paths {
			about := e.about
			if i > 0 {
				about = "the same as " + e.paths[0]
			}
			all = append(all, door.Route{Pattern: e.method + " " + pattern(path), Path: path, About: about, Group: group, Handle: h.serve(e)})
		}
	}
	return all
}

// pattern is the pattern of a path for http.ServeMux. /policies/attachments/resolved-guardrails would match two of the paths, neither of which
// is the more specific one, and then it takes none.
func pattern(path string) string {
	return strings.Replace(path, "{policy_id}/"+resolvedGuardrails, "{policy_id}/{part}", 1)
}

// Owns reports whether a path is one of the frontend's, with any method.
func (h *Handler) Owns(path string) bool {
	first, _, _ := strings.Cut(strings.TrimPrefix(strings.TrimPrefix(strings.TrimPrefix(path, "/v1"), "/v2"), "/"), "/")
	switch first {
	case "key", "user", "team", "organization", "project", "customer", "end_user", "budget", "provider", "tag", "region", "access_group", "unified_access_group", "invitation", "audit", "spend", "global", "credentials", "policies", "policy":
		return true
	case "cache":
		return strings.HasPrefix(path, "/cache/settings")
	case "model_group":
		return path == "/model_group/make_public"
	case "model_hub":
		return path == "/model_hub/update_useful_links"
	case "config":
		return path == passThroughPath || strings.HasPrefix(path, passThroughPath+"/")
	case "model": // others under it are AWS's
		return slices.Contains([]string{"/model/new", "/model/update", "/model/delete", "/model/block", "/model/unblock"}, path) || strings.HasPrefix(path, "/model/") && strings.HasSuffix(path, "/update")
	default:
		return false
	}
}

// Whole reports false: the paths are served by http.ServeMux.
func (h *Handler) Whole() bool { return false }

// ServeHTTP refuses a request: the routes have handlers of their own.
func (h *Handler) ServeHTTP(w http.ResponseWriter, _ *http.Request) {
	h.WriteError(w, &llm.Error{Code: llm.CodeNotFound, Status: http.StatusNotFound, Message: "this is not a path of the management API.", Fix: "GET /openapi.json lists the paths and their methods."})
}

// WriteError writes a refusal of the server, or of the Authenticator, in LiteLLM's form.
func (h *Handler) WriteError(w http.ResponseWriter, e *llm.Error) {
	if e.Code == llm.CodeClientGone {
		return
	}
	door.FailureHead(w.Header(), e)
	message := e.Message
	if e.Fix != "" {
		message = strings.TrimSuffix(message, ".") + ". " + e.Fix
	}
	write(w, &Error{Status: e.Status, Type: typeOf(e), Param: e.Param, Message: message})
}

// typeOf is LiteLLM's type for a refusal.
func typeOf(e *llm.Error) string {
	switch {
	case e.Type != "":
		return e.Type
	case e.Code == llm.CodeKeyExpired:
		return e.Class
	case e.Status == http.StatusUnauthorized || e.Status == http.StatusForbidden:
		return typeAuth
	case e.Status == http.StatusNotFound:
		return typeNotFound
	case e.Status >= http.StatusInternalServerError:
		return typeInternal
	default:
		return typeBadRequest
	}
}

// exchange is one request of a caller who may call its endpoint.
type exchange struct {
	h      *Handler
	r      *http.Request
	caller *Caller
	store  Store
	now    time.Time
	// dropped are the fields of the body that the endpoint does not know.
	dropped []string
	body    []byte
	// truncated is whether the answer lacks rows, because there are too many.
	truncated bool
	// action is the endpoint, for the audit log.
	action string
	// made are the keys that the request has made, by their hashes.
	made map[string]string
	// place is the address of what was made; empty for none.
	place string
	// file is the name of an answer that is to be saved, which is of the type media; empty for none.
	file, media string
}

// serve authenticates a request, checks that its caller may call the endpoint, and writes its answer.
func (h *Handler) serve(e endpoint) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		caller, err := h.opt.Callers.Authenticate(r)
		if err != nil {
			refusal := llm.AsError(err)
			if refusal.Status == http.StatusUnauthorized {
				w.Header().Set("Www-Authenticate", "Bearer")
			}
			h.fail(w, r, e, refusal)
			return
		}
		inbound.Admitted(r)
		x := &exchange{h: h, r: r, caller: caller, action: e.paths[0], now: h.opt.Now().UTC().Truncate(time.Millisecond)}
		out, err := h.answer(w, x, e)
		if err != nil {
			h.fail(w, r, e, err)
			return
		}
		if x.place != "" {
			w.Header().Set("Location", x.place)
		}
		if x.truncated {
			w.Header()["X-Litellm-Spend-Logs-Truncated"] = []string{"true"}
		}
		if len(x.dropped) > 0 {
			var warnings []string
			for _, name := range x.dropped[:min(len(x.dropped), 20)] {
				warnings = append(warnings, llm.WarnDropped+";field="+strconv.QuoteToASCII(llm.Clip(name, 60)))
			}
			w.Header()["X-Outcrop-Warnings"] = []string{strings.Join(warnings, ", ")}
		}
		if e.status == http.StatusNoContent {
			w.WriteHeader(e.status)
			return
		}
		if e.scim() {
			writeSCIM(w, cmp.Or(e.status, http.StatusOK), out)
			return
		}
		if x.file != "" {
			w.Header().Set("Content-Disposition", `attachment; filename="`+x.file+`"`)
			w.Header().Set("Cache-Control", "no-store")
			w.Header().Set("Content-Type", x.media)
			_, _ = w.Write(out) // nobody can be told
			return
		}
		door.WriteJSON(w, cmp.Or(e.status, http.StatusOK), out)
	}
}

func (h *Handler) answer(w http.ResponseWriter, x *exchange, e endpoint) ([]byte, error) {
	admitted := x.admit(e)
	if admitted != nil && (!e.scim() || x.caller.Key == "") {
		return nil, admitted
	}
	if x.r.Method != http.MethodGet {
		body, err := h.reader.Read(w, x.r, nil)
		if err != nil {
			return nil, err
		}
		defer body.Release()
		x.body = body.Bytes
	}
	var err error
	if x.store, err = h.opt.Store(x.r.Context()); err != nil {
		return nil, &Error{Status: http.StatusServiceUnavailable, Type: typeNoStore, Message: "The gateway's database cannot be used; look for this x-request-id in the gateway's log.", Err: err}
	}
	routes, err := x.routed()
	if err != nil {
		return nil, err
	}
	if admitted != nil && !provisions(routes) {
		return nil, admitted
	}
	for tries := 1; ; tries++ {
		x.dropped = nil
		out, err := e.do(x)
		if errors.Is(err, store.ErrConflict) && tries < mostTries { // another change came between reading and writing
			continue
		}
		if err == nil {
			x.tell(e) // while it has the body
		}
		return out, err
	}
}

// mostTries is how often a request is tried whose entities are changed by others at the same time.
const mostTries = 20

// fail writes an error, and logs it if it is the gateway's.
func (h *Handler) fail(w http.ResponseWriter, r *http.Request, at endpoint, err error) {
	var e *Error
	var refusal *llm.Error
	var provisioning *scim.Error
	switch {
	case errors.As(err, &e):
	case errors.As(err, &provisioning):
		writeSCIM(w, provisioning.Status, provisioning.Encode())
		return
	case errors.As(err, &refusal) && at.scim():
		h.SCIM().WriteError(w, refusal)
		return
	case errors.As(err, &refusal):
		h.WriteError(w, refusal)
		return
	case r.Context().Err() != nil:
		return // the client has gone
	case errors.Is(err, store.ErrConflict):
		e = &Error{Status: http.StatusConflict, Type: typeBadRequest, Message: "Others change the same at this moment; try again."}
	case errors.Is(err, store.ErrNotFound):
		e = &Error{Status: http.StatusConflict, Type: typeBadRequest, Message: "What is to be changed has been deleted at this moment."}
	default:
		e = &Error{Status: http.StatusInternalServerError, Type: typeInternal, Message: "The gateway's database failed; look for this x-request-id in the gateway's log.", Err: err}
	}
	if e.Err != nil {
		h.opt.Logger.Error("a management request failed", slog.String("id", w.Header().Get("X-Request-Id")), slog.String("route", r.Pattern), slog.String("error", e.Err.Error()))
	}
	if at.scim() {
		writeSCIM(w, scimError(e).Status, scimError(e).Encode())
		return
	}
	write(w, e)
}

// object reads the request's body, a JSON object; an empty body is one without members.
func (x *exchange) object() ([]jsonx.Member, error) {
	if len(strings.TrimSpace(string(x.body))) == 0 {
		return nil, nil
	}
	members, err := jsonx.Members(x.body)
	if err != nil {
		return nil, &Error{Status: http.StatusBadRequest, Type: typeBadRequest, Message: "The body must be a JSON object: " + err.Error() + "."}
	}
	for i := range members { // the body's memory is used again
		members[i].Value = members[i].Value.Clone()
	}
	return members, nil
}
