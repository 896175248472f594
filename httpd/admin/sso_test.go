package admin_test

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"outcrop/httpd/admin"
	"outcrop/signin"
	"outcrop/store"
)

// people is an identity provider whose codes stand for people, for whoever brings the verifier and the nonce of the
// sign-in that they were made for.
type people struct {
	codes map[string]signin.Person
	// begun is the last sign-in.
	state, nonce, verifier string
	broken                 error
}

func (p *people) Name() string { return "generic" }

func (p *people) AuthURL(state, nonce, verifier string) string {
	p.state, p.nonce, p.verifier = state, nonce, verifier
	return "https://idp.example/auth?" + url.Values{"state": {state}, "nonce": {nonce}}.Encode()
}

func (p *people) Exchange(_ context.Context, code, verifier, nonce string) (*signin.Person, error) {
	who, ok := p.codes[code]
	delete(p.codes, code)
	switch {
	case p.broken != nil:
		return nil, p.broken
	case !ok || verifier != p.verifier || nonce != p.nonce:
		return nil, &signin.RefusedError{Why: "the identity provider does not accept the code"}
	}
	return &who, nil
}

// browser keeps cookies.
type browser struct {
	w       *world
	cookies []*http.Cookie
}

func (b *browser) ask(method, path, body string, header ...string) *answer {
	b.w.t.Helper()
	r := httptest.NewRequestWithContext(b.w.t.Context(), method, path, strings.NewReader(body))
	for _, c := range b.cookies {
		r.AddCookie(c)
	}
	for i := 0; i+1 < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	out := httptest.NewRecorder()
	b.w.mux.ServeHTTP(out, r)
	for _, c := range out.Result().Cookies() {
		if b.cookies = nil; c.MaxAge >= 0 {
			b.cookies = []*http.Cookie{c}
		}
	}
	if h := out.Header(); h.Get("Cache-Control") != "no-store" || h.Get("X-Frame-Options") != "DENY" || h.Get("Referrer-Policy") != "no-referrer" {
		b.w.t.Errorf("%s %s: %v", method, path, h)
	}
	return &answer{b.w.t, method + " " + path, out.Code, out.Header(), out.Body.Bytes()}
}

// begins starts a sign-in, and returns the path that the provider sends the browser back to, for who signs in there.
func (b *browser) begins(query string, who signin.Person) string {
	b.w.t.Helper()
	a := b.ask("GET", "/sso/key/generate"+query, "").is(303)
	to, err := url.Parse(a.header.Get("Location"))
	if err != nil || to.Host != "idp.example" || to.Query().Get("state") != b.w.people.state {
		b.w.t.Fatal(to, err)
	}
	b.w.people.codes["code"] = who
	return "/sso/callback?" + url.Values{"state": {to.Query().Get("state")}, "code": {"code"}}.Encode()
}

// signs lets a person sign in, and returns the key of the page.
func (b *browser) signs(who signin.Person) string {
	b.w.t.Helper()
	a := b.ask("GET", b.begins("", who), "").is(200)
	key := regexp.MustCompile(`sk-[A-Za-z0-9_-]{22}`).FindString(string(a.body))
	if key == "" {
		b.w.t.Fatalf("%s", a.body)
	}
	return key
}

// entered stands for the pages.
func entered(w http.ResponseWriter, r *http.Request, key string, until time.Time) error {
	w.Header().Set("X-Entered", key+" "+until.UTC().Format(time.RFC3339))
	http.Redirect(w, r, "/ui", http.StatusSeeOther)
	return nil
}

func TestASignInThatThePagesHaveBegunLeadsToThem(t *testing.T) {
	eachStore(t, func(w *world) {
		b := &browser{w: w}
		a := b.ask("GET", b.begins("?source=ui", signin.Person{ID: "ann"}), "").is(303)
		key, until, _ := strings.Cut(a.header.Get("X-Entered"), " ")
		if a.header.Get("Location") != "/ui" || until != w.now.Add(24*time.Hour).UTC().Format(time.RFC3339) || strings.Contains(string(a.body), "sk-") {
			t.Errorf("%v %s", a.header, a.body)
		}
		w.ask(key, "GET /key/info", "").is(200, "info.user_id", "ann")
	})
}

func TestAPersonSignsInForAKey(t *testing.T) {
	eachStore(t, func(w *world) {
		b := &browser{w: w}
		key := b.signs(signin.Person{ID: "ann", Email: "Ann@example.com", Name: "Ann <O>"})
		w.ask(key, "GET /key/info", "").is(200, "info.user_id", "ann", "info.expires", "2026-05-08T10:30:00.000Z")
		w.ask(key, "GET /user/info", "").is(200, "user_info.user_role", "internal_user_viewer", "user_info.user_email", "Ann@example.com", "user_info.user_alias", "Ann <O>", "user_info.sso_user_id", "ann", "user_info.metadata.auth_provider", "generic")
		w.ask(key, "/key/generate", `{}`).is(401)
		if len(b.cookies) != 0 {
			t.Error(b.cookies)
		}
		b.begins("", signin.Person{})
		if c := b.cookies[0]; !c.HttpOnly || !c.Secure || c.SameSite != http.SameSiteLaxMode || c.Path != "/sso/" || c.MaxAge != 600 || strings.Contains(c.Value, w.people.verifier) {
			t.Errorf("%+v", c)
		}
		// The next sign-in is the same user's, whose key that has ended is deleted.
		w.now = w.now.Add(25 * time.Hour)
		b.signs(signin.Person{ID: "ann", Email: "changed@example.com"})
		w.ask(masterKey, "GET /key/list", "user_id=ann").is(200, "total_count", "1")
		w.ask(masterKey, "GET /user/info", "user_id=ann").is(200, "user_info.user_email", "Ann@example.com")
		w.ask(masterKey, "GET /audit", "object_id=ann&table_name=LiteLLM_UserTable").is(200, "audit_logs.0.endpoint", "/sso/callback", "audit_logs.0.changed_by", "ann")
	})
}

func TestAPersonIsTheUserWhoIsThere(t *testing.T) {
	eachStore(t, func(w *world) {
		w.master("/user/new", `{"user_id":"u1","user_email":"ann@example.com","user_role":"internal_user"}`).is(200)
		w.master("/user/new", `{"user_id":"u2","sso_user_id":"E2"}`).is(200)
		w.master("/user/new", `{"user_id":"the-admin"}`).is(200)
		b := &browser{w: w}
		who := func(key string) *answer { return w.ask(key, "GET /user/info", "").is(200) }
		who(b.signs(signin.Person{ID: "E1", Email: "ANN@example.com"})).is(200, "user_id", "u1", "user_info.user_role", "internal_user", "user_info.sso_user_id", "E1")
		who(b.signs(signin.Person{ID: "E2"})).is(200, "user_id", "u2")
		who(b.signs(signin.Person{ID: "u2"})).is(200, "user_id", "u2", "user_info.sso_user_id", "E2")
		who(b.signs(signin.Person{ID: "the-admin", Role: "internal_user"})).is(200, "user_info.user_role", "proxy_admin")
		who(b.signs(signin.Person{ID: "new", Role: "internal_user"})).is(200, "user_info.user_role", "internal_user")
		who(b.signs(signin.Person{ID: "odd", Role: "emperor"})).is(200, "user_info.user_role", "internal_user_viewer")
		w.scim(masterKey, "PATCH /Users/u2", `{"Operations":[{"op":"replace","path":"active","value":false}]}`)
		b.ask("GET", b.begins("", signin.Person{ID: "E2"}), "").is(403).hasNone("sk-")
	})
}

func TestSignInsOfOthersAreRefused(t *testing.T) {
	eachStore(t, func(w *world) {
		ann, eve := &browser{w: w}, &browser{w: w}
		refused := func(b *browser, path string) {
			w.t.Helper()
			a := b.ask("GET", path, "").is(400).hasNone("sk-")
			if !strings.Contains(string(a.body), "This sign-in was not begun in this browser") {
				w.t.Errorf("%s", a.body)
			}
		}
		back := ann.begins("", signin.Person{ID: "ann"})
		refused(&browser{w: w}, back)                                 // a browser that has begun nothing
		refused(ann, strings.Replace(back, "state=", "state=x", 1))   // a wrong state, which ends the sign-in
		refused(ann, back)                                            // the right one afterwards
		refused(ann, "/sso/callback?code=code")                       // none
		eve.begins("", signin.Person{ID: "eve"})                      // who then sends the victim to her callback
		refused(ann, "/sso/callback?code=code&state="+w.people.state) //
		ann.begins("", signin.Person{ID: "ann"})                      //
		forged := *ann.cookies[0]                                     //
		forged.Value = forged.Value[:len(forged.Value)-4] + "AAAA"    // a cookie that the gateway has not sealed
		refused(&browser{w, []*http.Cookie{&forged}}, "/sso/callback?code=code&state="+w.people.state)
		back = ann.begins("", signin.Person{ID: "ann"})
		kept := *ann
		w.now = w.now.Add(11 * time.Minute)
		refused(ann, back) // too late
		w.now = w.now.Add(-11 * time.Minute)
		ann = &kept
		again := *ann
		ann.ask("GET", back, "").is(200)
		refused(ann, back)                                // a callback that is repeated
		again.ask("GET", back, "").is(403).hasNone("sk-") // also with the cookie that it had: the code is used
		w.ask(masterKey, "GET /key/list", "").is(200, "total_count", "1")
		ann.begins("", signin.Person{ID: "ann"})
		ann.ask("GET", "/sso/callback?state="+w.people.state, "").is(400)
		ann.begins("", signin.Person{ID: "ann"})
		a := ann.ask("GET", "/sso/callback?error=access_denied&error_description=%3Cscript%3E&state="+w.people.state, "").is(401)
		if !strings.Contains(string(a.body), "access_denied") || strings.Contains(string(a.body), "<script>") {
			w.t.Errorf("%s", a.body)
		}
		w.people.broken = errors.New("the provider is away")
		ann.ask("GET", ann.begins("", signin.Person{}), "").is(502).hasNone("away")
		if !strings.Contains(w.log.String(), "the provider is away") {
			w.t.Error(w.log.String())
		}
	})
}

func TestNobodyIsTheMasterKeysUser(t *testing.T) {
	eachStore(t, func(w *world) {
		b := &browser{w: w}
		b.ask("GET", b.begins("", signin.Person{ID: "default_user_id", Email: "eve@example.com"}), "").is(403)
	})
}

func TestASignInLeadsNowhereElse(t *testing.T) {
	w := newWorld(t)
	b := &browser{w: w}
	for _, query := range []string{"?return_to=https://evil.example", "?redirect_uri=https://evil.example", "?existing_key=sk-1"} {
		back := b.begins(query, signin.Person{ID: "ann"})
		a := b.ask("GET", back+"&return_to=https://evil.example&redirect_url=//evil.example", "").is(200).hasNone("evil.example")
		if a.header.Get("Location") != "" {
			t.Error(a.header)
		}
	}
	r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/sso/key/generate", http.NoBody)
	r.Host = "evil.example"
	r.Header.Set("X-Forwarded-Host", "evil.example")
	out := httptest.NewRecorder()
	w.mux.ServeHTTP(out, r)
	if to := out.Header().Get("Location"); !strings.HasPrefix(to, "https://idp.example/") || strings.Contains(to, "evil") {
		t.Error(to)
	}
}

// terminal is the command line that signs in.
type terminal struct{ id, secret, code string }

func (w *world) terminal() *terminal {
	w.t.Helper()
	a := (&browser{w: w}).ask("POST", "/sso/cli/start", "").is(200, "expires_in", "600")
	return &terminal{a.at("login_id"), a.at("poll_secret"), a.at("user_code")}
}

func (w *world) polls(c *terminal, query string) *answer {
	w.t.Helper()
	return (&browser{w: w}).ask("GET", "/sso/cli/poll/"+c.id+query, "", "X-Litellm-Cli-Poll-Secret", c.secret)
}

// form is what the page for the code sends, and where.
func (w *world) form(a *answer) (action, token string) {
	w.t.Helper()
	m := regexp.MustCompile(`action="([^"]+)".*name="token" value="([^"]+)"`).FindStringSubmatch(string(a.body))
	if m == nil {
		w.t.Fatalf("%s", a.body)
	}
	return m[1], m[2]
}

func TestTheCommandLineSignsIn(t *testing.T) {
	eachStore(t, func(w *world) {
		c, b := w.terminal(), &browser{w: w}
		if !regexp.MustCompile(`^cli-[A-Za-z0-9_-]{12,124}$`).MatchString(c.id) || !regexp.MustCompile(`^[A-Z2-9]{4}-[A-Z2-9]{4}$`).MatchString(c.code) {
			t.Fatalf("%+v", c)
		}
		w.polls(c, "").is(200, "status", "pending")
		page := b.ask("GET", b.begins("?source=litellm-cli&key="+c.id, signin.Person{ID: "ann"}), "").is(200).hasNone("sk-", c.code)
		w.polls(c, "").is(200, "status", "pending")
		action, token := w.form(page)
		sends := func(action, token, code string) *answer {
			w.t.Helper()
			return b.ask("POST", action, url.Values{"token": {token}, "user_code": {code}}.Encode())
		}
		other := w.terminal()
		sends(action, token, "AAAA-AAAA").is(400)
		sends(action, "x"+token, c.code).is(400)
		sends("/sso/cli/complete/"+other.id, token, other.code).is(400) // who signed in for another terminal
		sends("/sso/cli/complete/cli-x", token, c.code).is(400)
		w.polls(c, "").is(200, "status", "pending")
		sends(action, token, strings.ToLower(strings.ReplaceAll(c.code, "-", ""))).is(200)
		w.polls(&terminal{c.id, "another", c.code}, "").fails(403, "auth_error", "")
		w.polls(&terminal{other.id, c.secret, c.code}, "").fails(403, "auth_error", "")
		key := w.polls(c, "").is(200, "status", "ready", "user_id", "ann", "team_id", "null", "teams", "[]", "expires", "2026-05-08T10:30:00.000Z").at("key")
		w.ask(key, "GET /key/info", "").is(200, "info.user_id", "ann")
		w.polls(c, "").is(200, "status", "pending") // the key is given once
		sends(action, token, c.code).is(400)
		w.ask(masterKey, "GET /key/list", "").is(200, "total_count", "1")
		w.now = w.now.Add(11 * time.Minute)
		w.polls(c, "").fails(400, "bad_request_error", "login_id")
		b.ask("GET", "/sso/key/generate?source=litellm-cli&key="+c.id, "").is(400)
		b.ask("GET", "/sso/key/generate?source=litellm-cli&key=sk-1", "").is(400)
		log, _, err := w.store.Audit(w.t.Context(), store.AuditFilter{})
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range log {
			for _, secret := range []string{c.secret, c.code, key} {
				if strings.Contains(string(e.Before)+string(e.After), secret) {
					t.Errorf("the audit log has a secret: %s %s", e.Before, e.After)
				}
			}
		}
	})
}

func TestTheCommandLinesKeyIsOfATeam(t *testing.T) {
	eachStore(t, func(w *world) {
		w.user("ann", "internal_user")
		w.team("rocks", `,"team_alias":"Rocks"`, "user:ann")
		signs := func() *terminal {
			w.t.Helper()
			c, b := w.terminal(), &browser{w: w}
			action, token := w.form(b.ask("GET", b.begins("?source=litellm-cli&key="+c.id, signin.Person{ID: "ann"}), "").is(200))
			b.ask("POST", action, url.Values{"token": {token}, "user_code": {c.code}}.Encode()).is(200)
			return c
		}
		w.polls(signs(), "").is(200, "team_id", "rocks", "team_details.0.team_alias", "Rocks")
		w.team("sands", "", "user:ann")
		w.team("others", "")
		c := signs()
		w.polls(c, "").is(200, "status", "ready", "requires_team_selection", "true", "key", "")
		w.polls(c, "?team_id=others").fails(403, "auth_error", "team_id")
		key := w.polls(c, "?team_id=sands").is(200, "team_id", "sands").at("key")
		w.ask(masterKey, "GET /key/info", info(key)).is(200, "info.team_id", "sands", "info.user_id", "ann")
		c = signs()
		w.master("/user/delete", `{"user_ids":["ann"]}`).is(200)
		w.polls(c, "?team_id=sands").is(403)
	})
}

func TestWithoutAProviderNobodySignsIn(t *testing.T) {
	w := newWorld(t)
	h := admin.New(admin.Options{Callers: w, Store: func(context.Context) (admin.Store, error) { return w.store, nil }, Logger: slog.New(slog.DiscardHandler)})
	for _, r := range h.SSO().Routes() {
		out := httptest.NewRecorder()
		method, path, _ := strings.Cut(r.Pattern, " ")
		r.Handle(out, httptest.NewRequestWithContext(t.Context(), method, strings.ReplaceAll(path, "{login_id}", "cli-x"), http.NoBody))
		if out.Code != 404 || !strings.Contains(out.Body.String(), "GENERIC_CLIENT_ID") {
			t.Errorf("%s: %d %s", r.Pattern, out.Code, out.Body)
		}
		if !h.SSO().Owns(path) || h.Owns(path) {
			t.Error(path)
		}
	}
}
