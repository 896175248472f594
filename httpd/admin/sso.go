package admin

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"log/slog"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"outcrop/httpd/door"
	"outcrop/internal/jsonx"
	"outcrop/llm"
	"outcrop/signin"
	"outcrop/store"
	"outcrop/tenant"
)

// Sign-in: a person's browser goes to the identity provider and comes back, and the person gets a key that ends, on a page
// or in the command line that has begun the sign-in. Paths, and what the command line is answered, are LiteLLM's (1.110.2,
// litellm/proxy/management_endpoints/ui_sso.py).
//
// Nothing is written before the provider has said who signs in: what the gateway must remember until then is sealed, in a
// cookie of the browser and in the id that the command line has.

// People are who can sign in; *signin.Provider has them.
type People interface {
	Name() string
	AuthURL(state, nonce, verifier string) string
	Exchange(ctx context.Context, code, verifier, nonce string) (*signin.Person, error)
}

// SignIn are the settings of sign-in.
type SignIn struct {
	People People
	Sealer *signin.Sealer
	// Gateway is the gateway's own address, without a slash at the end, which people come back to.
	Gateway string
	// Admin is the id of the user who becomes a proxy admin; empty for none.
	Admin string
	// Session is how long the keys work.
	Session time.Duration
	// Enter begins a session of the pages with a key that works until a time, and answers; nil if there are no pages.
	Enter func(w http.ResponseWriter, r *http.Request, key string, until time.Time) error
}

// patience is how long a sign-in may take.
const patience = 10 * time.Minute

// SSO is the frontend of sign-in. Its endpoints need no key.
type SSO struct{ h *Handler }

// SSO returns the frontend of sign-in.
func (h *Handler) SSO() SSO { return SSO{h} }

// Routes lists the paths.
func (s SSO) Routes() []door.Route {
	var all []door.Route
	for _, r := range []struct {
		method, path, about string
		serve               func(x *exchange, w http.ResponseWriter) error
		page                bool
	}{
		{get, "/sso/key/generate", "signs in at the identity provider, for a key", s.begin, true},
		{get, "/sso/callback", "where the identity provider sends people back to", s.callback, true},
		{post, "/sso/cli/start", "begins a sign-in of the command line", s.start, false},
		{post, "/sso/cli/complete/{login_id}", "takes the code that the command line shows", s.complete, true},
		{get, "/sso/cli/poll/{login_id}", "the key of the command line, once the person has signed in", s.poll, false},
	} {
		all = append(all, door.Route{Pattern: r.method + " " + r.path, Path: r.path, About: r.about, Group: "Sign-in at an identity provider", Handle: s.serve(r.path, r.page, r.serve)})
	}
	return all
}

// Owns reports whether a path is one of the frontend's, with any method.
func (s SSO) Owns(path string) bool { return path == "/sso" || strings.HasPrefix(path, "/sso/") }

// Whole reports false: the paths are served by http.ServeMux.
func (s SSO) Whole() bool { return false }

// ServeHTTP refuses a request: the routes have handlers of their own.
func (s SSO) ServeHTTP(w http.ResponseWriter, r *http.Request) { s.h.ServeHTTP(w, r) }

// WriteError writes a refusal in LiteLLM's form.
func (s SSO) WriteError(w http.ResponseWriter, e *llm.Error) { s.h.WriteError(w, e) }

// serve answers a request, with a page or with JSON.
func (s SSO) serve(action string, page bool, serve func(x *exchange, w http.ResponseWriter) error) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		x := &exchange{h: s.h, r: r, caller: &Caller{}, action: action, now: s.h.opt.Now().UTC().Truncate(time.Millisecond)}
		private(w.Header())
		err := s.ready(x)
		if err == nil {
			err = serve(x, w)
		}
		if err == nil {
			return
		}
		if why, ok := errors.AsType[*signin.RefusedError](err); ok {
			err = &Error{Status: http.StatusForbidden, Type: typeAuth, Message: "You are not signed in: " + why.Why + "."}
		}
		e, ok := errors.AsType[*Error](err)
		if !page || !ok {
			s.h.fail(w, r, endpoint{paths: []string{action}}, err)
			return
		}
		if e.Err != nil {
			s.h.opt.Logger.Error("a sign-in failed", slog.String("id", w.Header().Get("X-Request-Id")), slog.String("error", e.Err.Error()))
		}
		failed := pageData{Title: "Sign-in failed", Text: e.Message}
		if s.h.opt.SignIn != nil && action == "/sso/callback" {
			failed.Again = s.path("/sso/key/generate")
		}
		writePage(w, e.Status, failed)
	}
}

// ready checks that people can sign in, and opens the store.
func (s SSO) ready(x *exchange) (err error) {
	if s.h.opt.SignIn == nil {
		return &Error{Status: http.StatusNotFound, Type: typeNotFound, Message: "Nobody can sign in here: the gateway has no identity provider. Its operator can set GENERIC_CLIENT_ID, GOOGLE_CLIENT_ID or MICROSOFT_CLIENT_ID."}
	}
	if x.store, err = s.h.opt.Store(x.r.Context()); err != nil {
		return &Error{Status: http.StatusServiceUnavailable, Type: typeNoStore, Message: "The gateway's database cannot be used; look for this x-request-id in the gateway's log.", Err: err}
	}
	return nil
}

// What is sealed, for which purpose.
const (
	sealState    = "state"    // a sign-in that has begun, in a cookie
	sealLogin    = "login"    // a sign-in of the command line, in its id
	sealComplete = "complete" // who has signed in for the command line, in a page
)

// stateCookie binds a sign-in to the browser that has begun it.
const stateCookie = "outcrop_sign_in"

// state is a sign-in that has begun.
type state struct {
	State    string `json:"state"`
	Nonce    string `json:"nonce"`
	Verifier string `json:"verifier"`
	Login    string `json:"login"` // the id of the command line's; empty for none
	Pages    bool   `json:"pages"` // whether it leads to the pages
	Until    int64  `json:"until"`
}

// signed is who has signed in for the command line.
type signed struct {
	Login string `json:"login"`
	User  string `json:"user"`
	Until int64  `json:"until"`
}

// sealed encrypts a value for a purpose.
func sealed[T state | signed](by *signin.Sealer, purpose string, v *T) (string, error) {
	text, err := jsonx.Marshal(v)
	if err != nil {
		return "", err
	}
	return by.Seal(purpose, text), nil
}

// unsealed decrypts a value of a purpose.
func unsealed[T state | signed](by *signin.Sealer, purpose, text string) (v T, ok bool) {
	plain, err := by.Open(purpose, text)
	if err != nil {
		return v, false
	}
	return v, jsonx.Unmarshal(plain, &v) == nil
}

// random is a value that nobody can guess.
func random() string {
	var b [32]byte
	_, _ = rand.Read(b[:]) // never fails
	return base64.RawURLEncoding.EncodeToString(b[:])
}

// alike compares secrets in a time that tells nothing of them.
func alike(a, b string) bool { return subtle.ConstantTimeCompare([]byte(a), []byte(b)) == 1 }

// begin serves /sso/key/generate.
func (s SSO) begin(x *exchange, w http.ResponseWriter) error {
	q := x.r.URL.Query()
	begun := state{State: random(), Nonce: random(), Verifier: random(), Until: x.now.Add(patience).Unix()}
	if q.Get("source") == "litellm-cli" {
		if _, err := s.login(x, q.Get("key")); err != nil {
			return err
		}
		begun.Login = q.Get("key")
	}
	begun.Pages = q.Get("source") == "ui" && s.h.opt.SignIn.Enter != nil
	value, err := sealed(s.h.opt.SignIn.Sealer, sealState, &begun)
	if err != nil {
		return err
	}
	s.cookie(w, value, int(patience.Seconds()))
	http.Redirect(w, x.r, s.h.opt.SignIn.People.AuthURL(begun.State, begun.Nonce, begun.Verifier), http.StatusSeeOther)
	return nil
}

// cookie sets the cookie, or removes it if seconds are negative.
func (s SSO) cookie(w http.ResponseWriter, value string, seconds int) {
	http.SetCookie(w, &http.Cookie{ //nolint:gosec // Secure is set wherever the gateway has TLS
		Name: stateCookie, Value: value, Path: s.path("/sso/"), MaxAge: seconds, HttpOnly: true, SameSite: http.SameSiteLaxMode,
		Secure: strings.HasPrefix(s.h.opt.SignIn.Gateway, "https:"),
	})
}

// path is a path of the gateway as browsers have it: its address may have one.
func (s SSO) path(of string) string {
	u, err := url.Parse(s.h.opt.SignIn.Gateway)
	if err != nil {
		return of
	}
	return strings.TrimSuffix(u.Path, "/") + of
}

// callback serves /sso/callback.
func (s SSO) callback(x *exchange, w http.ResponseWriter) error {
	q := x.r.URL.Query()
	s.cookie(w, "", -1) // whatever becomes of it, it is over
	var begun state
	ours := false
	if c, err := x.r.Cookie(stateCookie); err == nil {
		begun, ours = unsealed[state](s.h.opt.SignIn.Sealer, sealState, c.Value)
	}
	if !ours || x.now.Unix() >= begun.Until || !alike(begun.State, q.Get("state")) {
		return refused("state", "This sign-in was not begun in this browser, is over, or took too long. Begin again.")
	}
	if code := q.Get("error"); code != "" {
		return &Error{Status: http.StatusUnauthorized, Type: typeAuth, Message: "The identity provider has refused the sign-in: " + clip(code) + " " + llm.Clip(q.Get("error_description"), 300)}
	}
	if q.Get("code") == "" {
		return refused("code", "The identity provider has sent no code. Begin again.")
	}
	ctx, cancel := context.WithTimeout(x.r.Context(), time.Minute)
	defer cancel()
	person, err := s.h.opt.SignIn.People.Exchange(ctx, q.Get("code"), begun.Verifier, begun.Nonce)
	if _, no := errors.AsType[*signin.RefusedError](err); no {
		return err
	}
	if err != nil {
		return &Error{Status: http.StatusBadGateway, Type: typeAuth, Message: "The identity provider did not say who you are; the gateway's operator can look for this x-request-id in the gateway's log.", Err: err}
	}
	user, err := s.user(x, person)
	if err != nil {
		return err
	}
	if begun.Login == "" {
		secret, key := s.key(x, user, "")
		if err := s.write(x, user.ID, store.Change{Put: []store.Entity{key.row()}, Create: true}); err != nil {
			return err
		}
		if begun.Pages {
			return s.h.opt.SignIn.Enter(w, x.r, secret, x.now.Add(s.h.opt.SignIn.Session))
		}
		writePage(w, http.StatusOK, pageData{Title: "Signed in", User: nameOf(user), Key: secret, Until: key.doc.text("expires")})
		return nil
	}
	if _, err := s.login(x, begun.Login); err != nil {
		return err
	}
	token, err := sealed(s.h.opt.SignIn.Sealer, sealComplete, &signed{begun.Login, user.ID, x.now.Add(patience).Unix()})
	if err != nil {
		return err
	}
	writePage(w, http.StatusOK, pageData{Title: "Enter the code", User: nameOf(user), Action: s.path("/sso/cli/complete/" + url.PathEscape(begun.Login)), Token: token})
	return nil
}

// nameOf is a user's name for people.
func nameOf(t *thing) string {
	for _, name := range []string{t.doc.text("user_email"), t.doc.text("user_alias")} {
		if name != "" {
			return name
		}
	}
	return t.ID
}

// user is the user who a person is: by the provider's id, or else by the e-mail address; or else a new one, with LiteLLM's
// role of people who sign in.
func (s SSO) user(x *exchange, person *signin.Person) (*thing, error) {
	for range mostTries {
		t, err := s.userOnce(x, person)
		if !errors.Is(err, store.ErrConflict) && !errors.Is(err, store.ErrExists) {
			return t, err
		}
	}
	return nil, store.ErrConflict
}

func (s SSO) userOnce(x *exchange, person *signin.Person) (*thing, error) {
	if person.ID == DefaultUser {
		return nil, &signin.RefusedError{Why: "the identity provider has given you an id that is the gateway's own"}
	}
	t, err := x.userKnownBy(person.ID, func(t *thing, id string) bool { return t.doc.text("sso_user_id") == id })
	if t == nil && err == nil {
		if t, err = x.entity(store.KindUser, person.ID); errors.Is(err, store.ErrNotFound) {
			t, err = x.userKnownBy(person.Email, func(t *thing, email string) bool { return strings.EqualFold(t.doc.text("user_email"), email) })
		}
	}
	if err != nil {
		return nil, err
	}
	fresh := t == nil
	if fresh {
		t = x.scimMade(person.ID)
		metadata := t.doc.metadata()
		metadata.put("auth_provider", s.h.opt.SignIn.People.Name())
		t.doc.set("metadata", metadata.bytes())
	}
	if string(t.doc.metadata().get(scimActive)) == "false" || t.doc.yes("blocked") {
		return nil, &signin.RefusedError{Why: "your user is not active at this gateway"}
	}
	before := string(t.doc.bytes())
	for _, field := range [...]struct{ name, text string }{{"sso_user_id", person.ID}, {"user_email", person.Email}, {"user_alias", person.Name}} {
		if field.text != "" && t.doc.text(field.name) == "" {
			t.doc.put(field.name, field.text)
		}
	}
	if slices.Contains(userRoles(), person.Role) {
		t.doc.put("user_role", person.Role)
	}
	if t.ID == s.h.opt.SignIn.Admin {
		t.doc.put("user_role", string(tenant.RoleAdmin))
	}
	if fresh {
		x.defaultUser(t, tenant.RoleUserViewer)
	}
	if !fresh && before == string(t.doc.bytes()) {
		return t, nil
	}
	findable(t)
	x.caller.UserID = t.ID
	x.touch(t)
	if fresh {
		t.doc.put("created_by", t.ID)
		if other, err := x.userKnownBy(person.Email, func(t *thing, email string) bool { return strings.EqualFold(t.doc.text("user_email"), email) }); err != nil || other != nil {
			return nil, errors.Join(err, store.ErrConflict) // made meanwhile
		}
	}
	made := []*thing{t}
	if fresh {
		teams, err := x.defaultMemberships(t, "")
		if err != nil {
			return nil, err
		}
		made = append(made, teams...)
	}
	return t, x.change(store.Change{Put: rows(made), Create: fresh})
}

// sessionMark is in the metadata of keys of people who have signed in.
const sessionMark = "signed_in"

// key makes a key of a user, in a team or in none, that is not written yet.
func (s SSO) key(x *exchange, user *thing, team string) (string, *thing) {
	given := &document{}
	given.put("user_id", user.ID)
	if team != "" {
		given.put("team_id", team)
	}
	given.set("metadata", jsonx.Raw(`{"`+sessionMark+`":true}`))
	x.caller.UserID = user.ID
	secret := newKey()
	key := x.create(store.KindKey, tenant.Hash(secret), given, keyFields())
	key.doc.put("key_name", mask(secret))
	key.doc.set("expires", moment(x.now.Add(s.h.opt.SignIn.Session)))
	columns(key)
	return secret, key
}

// write makes a change with the keys of the user's earlier sign-ins that have ended deleted.
func (s SSO) write(x *exchange, user string, c store.Change) error {
	keys, _, err := x.entities(store.Filter{Kind: store.KindKey, UserID: user})
	if err != nil {
		return err
	}
	for _, k := range keys {
		if ends, ok := instant(k.doc.text("expires")); ok && k.doc.metadata().yes(sessionMark) && ends.Before(x.now) {
			c.Delete = append(c.Delete, store.Ref{Kind: store.KindKey, ID: k.ID})
		}
	}
	return x.scimChange(c)
}
