package admin_test

import (
	"bytes"
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"

	"outcrop/httpd/admin"
	"outcrop/httpd/door"
	"outcrop/internal/jsonx"
	"outcrop/internal/need"
	"outcrop/internal/postgres"
	"outcrop/llm"
	"outcrop/signin"
	"outcrop/store"
	"outcrop/tenant"
)

// machine is the PostgreSQL of all tests; nil if it is not installed.
var (
	machine *postgres.Server
	schemas atomic.Int64
)

func TestMain(m *testing.M) { os.Exit(run(m)) }

func run(m *testing.M) int {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Minute) // a busy machine takes long to start PostgreSQL
	defer cancel()
	var err error
	if machine, err = postgres.Start(ctx, ""); err != nil && !errors.Is(err, postgres.ErrNotInstalled) {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	code := m.Run()
	if machine != nil {
		err = machine.Stop()
	} else {
		err = nil
	}
	if err = errors.Join(err, goleak.Find()); err != nil && code == 0 {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return code
}

// eachStore runs a test on a database in memory, and on PostgreSQL.
func eachStore(t *testing.T, test func(w *world)) {
	t.Helper()
	t.Run("in memory", func(t *testing.T) { test(newWorld(t)) })
	t.Run("PostgreSQL", func(t *testing.T) {
		if machine == nil {
			need.Missing(t, postgres.ErrNotInstalled.Error())
		}
		name := fmt.Sprint("test", schemas.Add(1))
		db, err := sql.Open("pgx", machine.URL())
		if err == nil {
			_, err = db.ExecContext(t.Context(), "CREATE SCHEMA "+name)
			err = errors.Join(err, db.Close())
		}
		if err != nil {
			t.Fatal(err)
		}
		test(worldOn(t, open(t, store.Options{URL: machine.URL() + "&schema=" + name})))
	})
}

func open(t *testing.T, opt store.Options) *store.Store {
	t.Helper()
	s, err := store.Open(t.Context(), opt)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

const masterKey = "sk-the-master-key"

// world is the frontend on a store.
type world struct {
	t     *testing.T
	store *store.Store
	mux   *http.ServeMux
	h     *admin.Handler
	now   time.Time
	log   *bytes.Buffer
	mu    sync.Mutex // of log
	// budgets are the periods of providers' budgets, each of $5.
	budgets map[string]string
	// people are those who sign in.
	people *people
	// defaults are what the configuration says; see configured.
	defaults admin.Defaults
	// adminGroup is the SCIM group of admins.
	adminGroup string
	// alerts take alerts; nil for nobody.
	alerts admin.Alerts
}

func (w *world) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.log.Write(p)
}

func newWorld(t *testing.T) *world {
	t.Helper()
	return worldOn(t, open(t, store.Options{}))
}

func worldOn(t *testing.T, s *store.Store) *world {
	t.Helper()
	w := &world{t: t, store: s, now: time.Date(2026, 5, 7, 10, 30, 0, 0, time.UTC), log: &bytes.Buffer{}}
	w.people = &people{codes: map[string]signin.Person{}}
	w.keeper(nil)
	return w
}

// keeper makes the frontend anew, with somebody who keeps keys.
func (w *world) keeper(k admin.Keeper) {
	sealer, err := signin.NewSealer(masterKey)
	if err != nil {
		w.t.Fatal(err)
	}
	budgets := admin.ProviderBudgets{}
	for name, duration := range w.budgets {
		budgets[name] = llm.Budget{Most: llm.Some(llm.Cost(5e12)), Duration: duration}
	}
	w.h = admin.New(admin.Options{
		ProviderBudgets: budgets,
		SignIn:          &admin.SignIn{People: w.people, Sealer: sealer, Gateway: "https://gateway.example", Admin: "the-admin", Session: 24 * time.Hour, Enter: entered},
		Callers:         w, Store: func(context.Context) (admin.Store, error) { return w.store, nil }, Keys: k,
		Price: func(model string, u *llm.Usage) (llm.Cost, bool) {
			return llm.Cost((u.Input + u.CacheRead.Value + u.Output) * 1e10), model == "granite"
		},
		Defaults: w.defaults, AdminGroup: w.adminGroup, Alerts: w.alerts,
		Models: models{}, Now: func() time.Time { return w.now }, Logger: slog.New(slog.NewTextHandler(w, nil)),
	})
	w.mux = http.NewServeMux()
	for _, r := range append(w.routes(), w.h.SSO().Routes()...) {
		w.mux.HandleFunc(r.Pattern, r.Handle)
	}
}

// configured makes the frontend anew, with defaults.
func (w *world) configured(d admin.Defaults) {
	w.defaults = d
	w.keeper(nil)
}

// members are the members of a JSON object.
func (w *world) members(object string) []jsonx.Member {
	w.t.Helper()
	all, err := jsonx.Members(jsonx.Raw(object))
	if err != nil {
		w.t.Fatal(err)
	}
	return all
}

// routes are those of both frontends.
func (w *world) routes() []door.Route { return slices.Concat(w.h.Routes(), w.h.SCIM().Routes()) }

// Authenticate reads the caller from the store, as the pipeline does.
func (w *world) Authenticate(r *http.Request) (*admin.Caller, error) {
	key, _ := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	if key == masterKey {
		return &admin.Caller{Master: true, Role: tenant.RoleAdmin}, nil
	}
	e, err := w.store.Entity(r.Context(), store.KindKey, tenant.Hash(key))
	if errors.Is(err, store.ErrNotFound) {
		return nil, &llm.Error{Code: llm.CodeUnauthorized, Status: http.StatusUnauthorized, Type: "token_not_found_in_db", Param: "key", Message: "Authentication Error, Invalid API key provided."}
	}
	if err != nil {
		return nil, err
	}
	c := &admin.Caller{Key: e.ID, UserID: e.UserID, TeamID: e.TeamID, Teams: map[string]string{}}
	if c.UserID == "" {
		if c.TeamID != "" {
			c.Role = tenant.RoleTeam
		}
		return c, nil
	}
	if u, err := w.store.Entity(r.Context(), store.KindUser, c.UserID); err == nil {
		c.Role = tenant.Role(read(w.t, u.Doc, "user_role"))
	}
	for kind, to := range map[store.Kind]func(e *store.Entity){
		store.KindMember: func(e *store.Entity) { c.Teams[e.TeamID] = read(w.t, e.Doc, "role") },
		store.KindOrgMember: func(e *store.Entity) {
			if read(w.t, e.Doc, "user_role") == string(tenant.RoleOrgAdmin) {
				c.Administers = append(c.Administers, e.OrganizationID)
			}
		},
	} {
		found, _, err := w.store.Entities(r.Context(), &store.Filter{Kind: kind, UserID: c.UserID})
		if err != nil {
			return nil, err
		}
		for i := range found {
			to(&found[i])
		}
	}
	return c, nil
}

// read is the text at a path of names in a document.
func read(t *testing.T, doc []byte, path ...string) string {
	t.Helper()
	return string(raw(t, doc, path...))
}

// raw is the value at a path of names; a text without its quotes. Numbers in the path are indexes.
func raw(t *testing.T, doc []byte, path ...string) []byte {
	t.Helper()
	for _, name := range path {
		var object map[string]json.RawMessage
		var list []json.RawMessage
		switch {
		case json.Unmarshal(doc, &object) == nil:
			doc = object[name]
		case json.Unmarshal(doc, &list) == nil && len(name) == 1 && int(name[0]-'0') < len(list):
			doc = list[name[0]-'0']
		default:
			return nil
		}
	}
	var text string
	if string(doc) != "null" && json.Unmarshal(doc, &text) == nil {
		return []byte(text)
	}
	return doc
}

// answer is a response.
type answer struct {
	t      *testing.T
	what   string
	status int
	header http.Header
	body   []byte
}

// at is the text at a path of names in the answer.
func (a *answer) at(path ...string) string {
	a.t.Helper()
	return read(a.t, a.body, path...)
}

// is checks the status, and values: pairs of a path with dots, and the value.
func (a *answer) is(status int, pairs ...string) *answer {
	a.t.Helper()
	if a.status != status {
		a.t.Errorf("%s: %d %s, want %d", a.what, a.status, a.body, status)
	}
	for i := 0; i+1 < len(pairs); i += 2 {
		if got := a.at(strings.Split(pairs[i], ".")...); got != pairs[i+1] {
			a.t.Errorf("%s: %s is %s, want %s; %s", a.what, pairs[i], got, pairs[i+1], a.body)
		}
	}
	return a
}

// fails checks that the answer is an error in LiteLLM's form.
func (a *answer) fails(status int, kind, param string) *answer {
	a.t.Helper()
	want := []string{"error.type", kind, "error.code", string(rune('0'+status/100)) + string(rune('0'+status/10%10)) + string(rune('0'+status%10))}
	if param == "" {
		param = "null"
	}
	return a.is(status, append(want, "error.param", param)...)
}

// ask makes a request: a GET with the query body, or a POST of the JSON body, or another method that path begins with.
func (w *world) ask(key, path, body string) *answer {
	w.t.Helper()
	method, query := http.MethodPost, ""
	if m, p, ok := strings.Cut(path, " "); ok {
		method, path = m, p
	}
	if method == http.MethodGet {
		query, body = body, ""
	}
	target := path
	if query != "" {
		target += "?" + query
	}
	r := httptest.NewRequestWithContext(w.t.Context(), method, target, strings.NewReader(body))
	if key != "" {
		r.Header.Set("Authorization", "Bearer "+key)
	}
	out := httptest.NewRecorder()
	w.mux.ServeHTTP(out, r)
	return &answer{w.t, method + " " + target + " " + body, out.Code, out.Header(), out.Body.Bytes()}
}

// master makes a request with the master key.
func (w *world) master(path, body string) *answer { w.t.Helper(); return w.ask(masterKey, path, body) }

// key makes a key, and returns it.
func (w *world) key(body string) string {
	w.t.Helper()
	return w.master("/key/generate", body).is(200).at("key")
}

// user makes a user with a role, and returns his key.
func (w *world) user(id, role string) string {
	w.t.Helper()
	return w.master("/user/new", `{"user_id":"`+id+`","user_role":"`+role+`"}`).is(200).at("key")
}

// team makes a team with a member of a role.
func (w *world) team(id, more string, members ...string) {
	w.t.Helper()
	var list []string
	for _, m := range members {
		role, user, _ := strings.Cut(m, ":")
		list = append(list, `{"role":"`+role+`","user_id":"`+user+`"}`)
	}
	w.master("/team/new", `{"team_id":"`+id+`","members_with_roles":[`+strings.Join(list, ",")+`]`+more+`}`).is(200)
}

// spend posts a row of the spend log that costs units.
func (w *world) spend(r store.Row, counters ...string) {
	w.t.Helper()
	for _, id := range counters {
		r.Charges = append(r.Charges, store.Charge{Counter: id, Units: r.Cost})
	}
	posted, err := w.store.Posted(w.t.Context(), "test")
	if err == nil {
		err = w.store.Post(w.t.Context(), "test", posted+1, []store.Row{r})
	}
	if err != nil {
		w.t.Fatal(err)
	}
}

// keep keeps what a call has asked and was answered.
func (w *world) keep(c store.Content) {
	w.t.Helper()
	if err := w.store.KeepContents(w.t.Context(), []store.Content{c}); err != nil {
		w.t.Fatal(err)
	}
}

// info is the path and the query of /key/info.
func info(key string) string { return "key=" + url.QueryEscape(key) }

// hasNone checks that a text has none of the parts.
func (a *answer) hasNone(parts ...string) *answer {
	a.t.Helper()
	for _, p := range parts {
		if strings.Contains(string(a.body), p) {
			a.t.Errorf("%s: %s has %s", a.what, a.body, p)
		}
	}
	return a
}
