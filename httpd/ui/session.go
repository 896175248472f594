package ui

import (
	"crypto/rand"
	"crypto/subtle"
	"encoding/base64"
	"net/http"
	"strings"
	"sync"
	"time"

	"outcrop/internal/jsonx"
	"outcrop/llm"
)

// cookieName is the cookie of a session.
const cookieName = "outcrop_session"

// What is sealed, for which purpose.
const (
	sealSession = "ui session"
	sealToken   = "ui token"
)

// Lifetimes of sessions.
const (
	lifetime = 12 * time.Hour
	asking   = 30 * time.Minute // before somebody has signed in
)

// session is what a cookie has, sealed: which key the pages' requests are made with. The gateway keeps nothing of it, so
// that each replica knows the sessions of all, and a key that is blocked or deleted ends its sessions everywhere.
type session struct {
	ID string `json:"id"`
	// Key is the key of who has signed in; empty for the master key.
	Key string `json:"key,omitzero"`
	// In is whether somebody has signed in.
	In    bool  `json:"in,omitzero"`
	Until int64 `json:"until"`
}

// newSession makes a session with an id that nobody has seen before.
func (h *Handler) newSession(life time.Duration) session {
	var b [24]byte
	_, _ = rand.Read(b[:]) // never fails
	return session{ID: base64.RawURLEncoding.EncodeToString(b[:]), Until: h.opt.Now().Add(life).Unix()}
}

// read returns the session of a request; false if it has none that is valid.
func (h *Handler) read(r *http.Request) (s session, ok bool) {
	c, err := r.Cookie(cookieName)
	if err != nil {
		return s, false
	}
	text, err := h.opt.Sealer.Open(sealSession, c.Value)
	if err != nil || jsonx.Unmarshal(text, &s) != nil || s.ID == "" {
		return session{}, false
	}
	if h.opt.Now().Unix() >= s.Until || h.ended.has(s.ID) {
		return session{}, false
	}
	return s, true
}

// write gives a session to the browser.
func (h *Handler) write(w http.ResponseWriter, r *http.Request, s *session) error {
	text, err := jsonx.Marshal(s)
	if err != nil {
		return err
	}
	h.cookie(w, r, h.opt.Sealer.Seal(sealSession, text), int(s.Until-h.opt.Now().Unix()))
	return nil
}

// cookie sets the cookie, or removes it if seconds are negative.
func (h *Handler) cookie(w http.ResponseWriter, r *http.Request, value string, seconds int) {
	http.SetCookie(w, &http.Cookie{ //nolint:gosec // Secure is set wherever the browser has TLS
		Name: cookieName, Value: value, Path: Path, MaxAge: seconds, HttpOnly: true, SameSite: http.SameSiteLaxMode,
		Secure: r.TLS != nil || strings.EqualFold(r.Header.Get("X-Forwarded-Proto"), "https"),
	})
}

// token is what changes of a session must come with.
func (h *Handler) token(s *session) string { return h.opt.Sealer.Seal(sealToken, []byte(s.ID)) }

// genuine reports whether a token is the session's.
func (h *Handler) genuine(s *session, token string) bool {
	id, err := h.opt.Sealer.Open(sealToken, token)
	return err == nil && subtle.ConstantTimeCompare(id, []byte(s.ID)) == 1
}

// enter finds out who makes a request. It answers requests of nobody itself, and reports false then.
func (x *exchange) enter() bool {
	var ok bool
	x.session, ok = x.h.read(x.r)
	if !ok && x.h.opt.Master == "" { // whoever comes is the operator
		x.session, ok = x.h.newSession(lifetime), true
		x.session.In = true
		if err := x.h.write(x.w, x.r, &x.session); err != nil {
			_ = x.fail(err) // a client that is gone needs no response
			return false
		}
	}
	if !ok || !x.session.In {
		x.toLogin("")
		return false
	}
	probe, err := x.request(x.r.Context(), http.MethodGet, Path, nil, nil)
	if err != nil {
		_ = x.fail(err) // as above
		return false
	}
	person, err := x.h.opt.Identify(probe)
	switch e := llm.AsError(err); {
	case err == nil:
		x.person = *person
		return true
	case e.Status == http.StatusUnauthorized || e.Status == http.StatusForbidden:
		x.h.ended.add(x.session, x.h.opt.Now())
		x.toLogin("ended")
	default:
		_ = x.fail(&Error{Status: e.Status, Message: e.Message, Fix: e.Fix}) // as above
	}
	return false
}

// toLogin sends a browser to the login page. A part of a page is not replaced by it: the whole page is.
func (x *exchange) toLogin(why string) {
	to := Path + "/login"
	if why != "" {
		to += "?why=" + why
	}
	if x.r.Header.Get("Hx-Request") != "" {
		x.w.Header().Set("Hx-Redirect", to)
		x.w.WriteHeader(http.StatusUnauthorized)
		return
	}
	http.Redirect(x.w, x.r, to, http.StatusSeeOther)
}

// ended are the sessions that have ended before their time, until then. It is of this replica: another one takes a cookie
// that was kept before the logout until its time, unless the key is blocked or deleted.
type ended struct {
	mu  sync.Mutex
	all map[string]int64
}

func (e *ended) has(id string) bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.all[id] != 0
}

func (e *ended) add(s session, now time.Time) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.all == nil {
		e.all = map[string]int64{}
	}
	for id, until := range e.all {
		if until <= now.Unix() {
			delete(e.all, id)
		}
	}
	e.all[s.ID] = s.Until
}

// loginPage shows the login page.
func (h *Handler) loginPage(w http.ResponseWriter, r *http.Request) {
	why := ""
	if r.URL.Query().Get("why") == "ended" {
		why = "Your session has ended: its key is not valid any more."
	}
	h.showLogin(w, r, http.StatusOK, why)
}

type loginData struct {
	CSRF, Why string
	SignIn    bool
}

// showLogin shows the login page with a session in which nobody has signed in yet, so that the form has a token.
func (h *Handler) showLogin(w http.ResponseWriter, r *http.Request, status int, why string) {
	x := &exchange{h: h, w: w, r: r}
	s, ok := h.read(r)
	if h.opt.Master == "" || ok && s.In {
		http.Redirect(w, r, Path, http.StatusSeeOther)
		return
	}
	if !ok {
		s = h.newSession(asking)
		if err := h.write(w, r, &s); err != nil {
			_ = x.fail(err) // a client that is gone needs no response
			return
		}
	}
	_ = x.show(status, "login", "Sign in", loginData{CSRF: h.token(&s), Why: why, SignIn: h.opt.SignIn}) // as above
}

// login signs somebody in with a key. The session is a new one: nobody can have chosen or seen it before.
func (h *Handler) login(w http.ResponseWriter, r *http.Request) {
	r.Body = http.MaxBytesReader(w, r.Body, 16<<10)
	before, ok := h.read(r)
	if !ok || r.Header.Get("Sec-Fetch-Site") == "cross-site" || !h.genuine(&before, r.PostFormValue("csrf")) {
		h.showLogin(w, r, http.StatusForbidden, "The form was too old, or not ours. Try again.")
		return
	}
	key := strings.TrimSpace(r.PostFormValue("key"))
	if key == "" {
		h.showLogin(w, r, http.StatusBadRequest, "Enter a key.")
		return
	}
	x := &exchange{h: h, w: w, r: r, session: session{Key: key}}
	probe, err := x.request(r.Context(), http.MethodGet, Path, nil, nil)
	if err == nil {
		_, err = h.opt.Identify(probe)
	}
	if err != nil {
		e := llm.AsError(err)
		why := "This key is not valid here."
		if e.Status >= http.StatusInternalServerError {
			why = e.Message
		}
		h.showLogin(w, r, max(e.Status, http.StatusBadRequest), why)
		return
	}
	if err := h.Enter(w, r, key, h.opt.Now().Add(lifetime)); err != nil {
		_ = x.fail(err) // a client that is gone needs no response
	}
}

// Enter begins a session of who has a key, until a time at most, and sends the browser to the first page.
func (h *Handler) Enter(w http.ResponseWriter, r *http.Request, key string, until time.Time) error {
	if before, ok := h.read(r); ok {
		h.ended.add(before, h.opt.Now())
	}
	s := h.newSession(lifetime)
	s.In, s.Key, s.Until = true, key, min(s.Until, until.Unix())
	if subtle.ConstantTimeCompare([]byte(key), []byte(h.opt.Master)) == 1 {
		s.Key = "" // the cookie need not have it
	}
	if err := h.write(w, r, &s); err != nil {
		return err
	}
	http.Redirect(w, r, Path, http.StatusSeeOther)
	return nil
}

// logout ends a session.
func (x *exchange) logout() error {
	x.h.ended.add(x.session, x.h.opt.Now())
	x.h.cookie(x.w, x.r, "", -1)
	http.Redirect(x.w, x.r, Path+"/login", http.StatusSeeOther)
	return nil
}
