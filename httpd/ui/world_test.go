package ui_test

import (
	"context"
	"io"
	"log/slog"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"outcrop/httpd/ui"
	"outcrop/httpd/ui/live"
	"outcrop/llm"
	"outcrop/provider"
	"outcrop/signin"
	"outcrop/telemetry"
)

const master = "sk-master-of-the-test"

// world is pages before a gateway whose answers a test can change.
type world struct {
	t     *testing.T
	h     *ui.Handler
	calls *live.Log

	mu  sync.Mutex
	now time.Time
	// answers are those of the API, by paths; others get an empty one.
	answers map[string]string
	asked   []string // "POST /path body key"
	blocked map[string]bool
	text    string // what models, findings and ways are called
}

func newWorld(t *testing.T, change func(*ui.Options)) *world {
	t.Helper()
	w := &world{t: t, calls: &live.Log{}, now: time.Unix(1_800_000_000, 0), answers: map[string]string{}, blocked: map[string]bool{}, text: "nova"}
	sealer, err := signin.NewSealer(master)
	if err != nil {
		t.Fatal(err)
	}
	opt := ui.Options{
		API: func() http.Handler { return http.HandlerFunc(w.api) }, Master: master, Sealer: sealer, Identify: w.identify, Version: "1", Calls: w.calls,
		Sample: func() string { return w.text },
		Models: func() []ui.Model {
			return []ui.Model{{Name: w.text, Aliases: []string{w.text + " alias"}, Model: provider.Model{
				ID: w.text, Title: w.text + " title", Owner: w.text, Verb: llm.VerbChat, Target: llm.Destination{ID: w.text, Region: w.text}, Serves: []string{"us-east-1"}, Doubt: w.text, Known: true, Legacy: true, Successor: w.text,
			}}}
		},
		Check: func(_ context.Context, calls bool, _ []string, planned func(int), report func(ui.Finding)) error {
			e := hostile(w.text)
			if calls {
				planned(1)
				report(ui.Finding{Names: []string{w.text}, Model: w.text, Finding: provider.Finding{Check: provider.CheckWhole, State: provider.StateFail, Err: e, Target: llm.Destination{ID: w.text, Region: w.text, Reason: w.text}}})
			}
			report(ui.Finding{Finding: provider.Finding{Check: provider.CheckIdentity, Subject: w.text, State: provider.StateOK, Identity: provider.Identity{Account: w.text, Principal: w.text, Origin: w.text}}})
			report(ui.Finding{Finding: provider.Finding{Check: provider.CheckLists, Subject: w.text, State: provider.StateWarn, Detail: w.text, Fix: w.text}})
			return nil
		},
		Resolve: func(id, region, policy string) (ui.Way, error) {
			return ui.Way{Steps: []string{id}, Targets: []ui.Target{{ID: id, Region: region, API: "converse", Reason: policy}}, Refusal: id, Works: []string{id}}, nil
		},
		Now: w.clock, Logger: slog.New(slog.DiscardHandler),
	}
	if change != nil {
		change(&opt)
	}
	w.h = ui.New(opt)
	t.Cleanup(w.h.Close)
	return w
}

// clock is the time of the pages, which their checks in the background read too.
func (w *world) clock() time.Time {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.now
}

// later moves the clock.
func (w *world) later(by time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.now = w.now.Add(by)
}

// block ends the rights of a key.
func (w *world) block(key string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.blocked[key] = true
}

// hostile is an error each text of which is given.
func hostile(text string) *llm.Error {
	statement, err := quote(text)
	if err != nil {
		return &llm.Error{Code: llm.CodeInternal, Message: err.Error()}
	}
	return &llm.Error{Code: llm.CodeIdentityMissing, Status: 403, Message: text, Cause: text, Fix: text, Docs: text, Statement: statement, Destination: llm.Destination{ID: text, Region: text, Reason: text}}
}

// identify knows keys by their roles.
func (w *world) identify(r *http.Request) (*ui.Person, error) {
	key := strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ")
	w.mu.Lock()
	defer w.mu.Unlock()
	refusal := &llm.Error{Code: llm.CodeUnauthorized, Status: 401, Message: "no"}
	if w.blocked[key] {
		return nil, refusal
	}
	switch key {
	case master:
		return &ui.Person{Role: ui.Operator}, nil
	case "sk-viewer":
		return &ui.Person{Role: ui.Viewer, UserID: "vera", Key: "hash-viewer"}, nil
	case "sk-member":
		return &ui.Person{Role: ui.Member, UserID: "mia", Key: "hash-member"}, nil
	case "sk-key":
		return &ui.Person{Role: ui.Bearer, Key: "hash-key"}, nil
	case "sk-away":
		return nil, &llm.Error{Code: llm.CodeLimitsAway, Status: 503, Message: "the database is away."}
	default:
		return nil, refusal
	}
}

// api is the gateway.
func (w *world) api(rw http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	w.mu.Lock()
	defer w.mu.Unlock()
	w.asked = append(w.asked, strings.TrimSpace(r.Method+" "+r.URL.Path+" "+string(body)+" "+strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ")))
	answer, ok := w.answers[r.URL.Path]
	switch {
	case ok && strings.HasPrefix(answer, "403 "):
		rw.WriteHeader(http.StatusForbidden)
		answer = answer[4:]
	case ok:
	case strings.HasSuffix(r.URL.Path, "/list") && (strings.HasPrefix(r.URL.Path, "/team") || strings.HasPrefix(r.URL.Path, "/budget") || strings.HasPrefix(r.URL.Path, "/customer")):
		answer = "[]"
	default:
		answer = `{"data":[],"keys":[],"users":[],"audit_logs":[],"results":[]}`
	}
	_, _ = io.WriteString(rw, answer)
}

// did returns what the API was asked, and forgets it.
func (w *world) did() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	was := w.asked
	w.asked = nil
	return was
}

// client is a browser.
type client struct {
	w      *world
	cookie *http.Cookie
	header http.Header
}

func (w *world) client() *client { return &client{w: w, header: http.Header{}} }

// send makes a request. Cookies are kept as browsers do.
func (c *client) send(method, path string, form url.Values) *httptest.ResponseRecorder {
	c.w.t.Helper()
	r := httptest.NewRequest(method, path, strings.NewReader(form.Encode()))
	if method == http.MethodPost {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	maps.Copy(r.Header, c.header)
	if c.cookie != nil {
		r.AddCookie(c.cookie)
	}
	out := httptest.NewRecorder()
	c.w.h.ServeHTTP(out, r)
	for _, cookie := range out.Result().Cookies() {
		if c.cookie = cookie; cookie.MaxAge < 0 {
			c.cookie = nil
		}
	}
	return out
}

func (c *client) get(path string) *httptest.ResponseRecorder {
	c.w.t.Helper()
	return c.send(http.MethodGet, path, nil)
}

// token is the token of a page.
func (c *client) token(path string) string {
	c.w.t.Helper()
	found := regexp.MustCompile(`name="csrf" value="([^"]+)"`).FindStringSubmatch(c.get(path).Body.String())
	if found == nil {
		found = regexp.MustCompile(`data-csrf="([^"]+)"`).FindStringSubmatch(c.get(path).Body.String())
	}
	if found == nil {
		c.w.t.Fatalf("%s has no token", path)
	}
	return found[1]
}

// login signs in with a key.
func (w *world) login(key string) *client {
	w.t.Helper()
	c := w.client()
	out := c.send(http.MethodPost, "/ui/login", url.Values{"csrf": {c.token("/ui/login")}, "key": {key}})
	if out.Code != http.StatusSeeOther || out.Header().Get("Location") != "/ui" {
		w.t.Fatalf("%s cannot sign in: %d %s", key, out.Code, out.Body)
	}
	return c
}

// failed is a call that has failed with a text in each field.
func failed(text string, now time.Time) *telemetry.Call {
	return &telemetry.Call{
		ID: "call-1", Door: text, Model: text, Group: text, Started: now, Duration: time.Second, Sent: time.Millisecond, Upstream: time.Millisecond, Status: 403, Err: hostile(text), Stop: text, ClientCall: text,
		Meta: llm.Meta{Destination: llm.Destination{ID: text, Region: text, Reason: text}, UpstreamID: text, Deployment: text, Fallback: text, Warnings: []llm.Warning{{Code: text, Field: text, Detail: text}}, Tries: []llm.Try{{Destination: llm.Destination{ID: text, Region: text, Reason: text}, Code: llm.Code(text)}}},
		Who:  telemetry.Who{KeyAlias: text, KeyHash: text, UserID: text, TeamAlias: text, TeamID: text, Customer: text, OrganizationAlias: text, Tags: []string{text}},
		From: telemetry.From{Address: text, UserAgent: text},
	}
}
