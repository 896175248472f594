package admin

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"outcrop/httpd/door"
	"outcrop/internal/jsonx"
	"outcrop/store"
)

// login is a sign-in of the command line. Its id is itself, sealed: LiteLLM's form, cli- and URL-safe characters.
type login struct {
	until time.Time
	poll  [16]byte // the beginning of the hash of the secret for the key
	code  [16]byte // and of the code that the terminal shows
}

const loginPrefix = "cli-"

// digest is the beginning of a secret's hash.
func digest(text string) [16]byte {
	sum := sha256.Sum256([]byte(text))
	return [16]byte(sum[:16])
}

// id is the login's id.
func (l *login) id(s SSO) string {
	plain := binary.BigEndian.AppendUint64(nil, uint64(l.until.Unix()))
	plain = append(append(plain, l.poll[:]...), l.code[:]...)
	return loginPrefix + s.h.opt.SignIn.Sealer.Seal(sealLogin, plain)
}

// login reads an id.
func (s SSO) login(x *exchange, id string) (*login, error) {
	text, ok := strings.CutPrefix(id, loginPrefix)
	plain, err := s.h.opt.SignIn.Sealer.Open(sealLogin, text)
	if !ok || err != nil || len(plain) != 8+16+16 {
		return nil, refused("login_id", "Invalid CLI login session id")
	}
	l := &login{until: time.Unix(int64(binary.BigEndian.Uint64(plain)), 0), poll: [16]byte(plain[8:24]), code: [16]byte(plain[24:])}
	if !x.now.Before(l.until) {
		return nil, refused("login_id", "The CLI login session has expired. Run the login again.")
	}
	return l, nil
}

// codeLetters are those of codes, LiteLLM's: none is like another.
const codeLetters = "ABCDEFGHJKLMNPQRSTUVWXYZ23456789"

// newCode makes a code for people to type.
func newCode() string {
	var b [8]byte
	_, _ = rand.Read(b[:]) // never fails
	for i := range b {
		b[i] = codeLetters[b[i]%byte(len(codeLetters))]
	}
	return string(b[:4]) + "-" + string(b[4:])
}

// typed is a code as it is compared: people may leave out the dash, and write small letters.
func typed(code string) string {
	return strings.Map(func(r rune) rune {
		if r == '-' || r == ' ' {
			return -1
		}
		return r
	}, strings.ToUpper(code))
}

// start serves /sso/cli/start.
func (s SSO) start(x *exchange, w http.ResponseWriter) error {
	secret, code := random(), newCode()
	l := &login{until: x.now.Add(patience), poll: digest(secret), code: digest(typed(code))}
	door.WriteJSON(w, http.StatusOK, encode(func(w *jsonx.Writer) {
		w.Object()
		w.Key("login_id")
		w.String(l.id(s))
		w.Key("poll_secret")
		w.String(secret)
		w.Key("user_code")
		w.String(code)
		w.Key("expires_in")
		w.Int(int64(patience.Seconds()))
		w.EndObject()
	}))
	return nil
}

// complete serves /sso/cli/complete/{login_id}: the person who has signed in says which terminal the key is for.
func (s SSO) complete(x *exchange, w http.ResponseWriter) error {
	id := x.r.PathValue("login_id")
	l, err := s.login(x, id)
	if err != nil {
		return err
	}
	body, err := s.h.reader.Read(w, x.r, nil)
	if err != nil {
		return err
	}
	form, err := url.ParseQuery(string(body.Bytes))
	body.Release()
	if err != nil {
		return refused("", "The form cannot be read.")
	}
	who, ok := unsealed[signed](s.h.opt.SignIn.Sealer, sealComplete, form.Get("token"))
	if !ok || who.Login != id || x.now.Unix() >= who.Until {
		return refused("token", "This page is of another sign-in, or too old. Run the login again.")
	}
	given := digest(typed(form.Get("user_code")))
	if !alike(string(given[:]), string(l.code[:])) {
		return refused("user_code", "This is not the code that the terminal shows. Go back and try again.")
	}
	used, _, err := x.entities(store.Filter{Kind: store.KindLogin, IDs: []string{keyID("sk-" + id)}, Deleted: true})
	if err != nil {
		return err
	}
	if len(used) > 0 {
		return refused("login_id", "This login has its key already.")
	}
	x.caller.UserID = who.User
	t := &thing{Entity: store.Entity{Kind: store.KindLogin, ID: keyID("sk-" + id), UserID: who.User, Created: x.now, Updated: x.now}, doc: &document{}}
	t.doc.put("user_id", who.User)
	if err := x.add(nil, t); err != nil {
		return err
	}
	writePage(w, http.StatusOK, pageData{Title: "Signed in", Text: "You can close this page and go back to the terminal."})
	return nil
}

// poll serves /sso/cli/poll/{login_id}.
func (s SSO) poll(x *exchange, w http.ResponseWriter) error {
	id := x.r.PathValue("login_id")
	l, err := s.login(x, id)
	if err != nil {
		return err
	}
	secret := digest(x.r.Header.Get("X-Litellm-Cli-Poll-Secret"))
	if !alike(string(secret[:]), string(l.poll[:])) {
		return forbidden("", "Invalid CLI polling secret")
	}
	done, err := x.entity(store.KindLogin, keyID("sk-"+id))
	if errors.Is(err, store.ErrNotFound) {
		door.WriteJSON(w, http.StatusOK, []byte(`{"status":"pending"}`))
		return nil
	}
	if err != nil {
		return err
	}
	user, err := x.entity(store.KindUser, done.UserID)
	if errors.Is(err, store.ErrNotFound) {
		return forbidden("", "The user has been deleted.")
	}
	if err != nil {
		return err
	}
	ids, err := x.teamsOf(user.ID)
	if err != nil {
		return err
	}
	teams, _, err := x.entities(store.Filter{Kind: store.KindTeam, IDs: ids, Ascending: true})
	if err != nil {
		return err
	}
	return s.hand(x, w, done, user, teams)
}

// hand makes the key of a sign-in of the command line, once it is clear for which team, and answers with it.
func (s SSO) hand(x *exchange, w http.ResponseWriter, done, user *thing, teams []*thing) error {
	ids := []string{}
	var details []jsonx.Raw
	for _, t := range teams {
		ids = append(ids, t.ID)
		d := &document{}
		d.put("team_id", t.ID)
		d.set("team_alias", t.doc.get("team_alias"))
		details = append(details, d.bytes())
	}
	out := &document{}
	out.put("status", "ready")
	out.put("user_id", user.ID)
	out.set("teams", quoteAll(ids))
	out.set("team_details", jsonx.Array(details))
	team := x.r.URL.Query().Get("team_id")
	switch {
	case team != "" && !slices.Contains(ids, team):
		return forbidden("team_id", "User does not belong to team: %s. Available teams: %s", clip(team), strings.Join(ids, ", "))
	case team == "" && len(ids) > 1:
		out.set("requires_team_selection", truthOf(true))
		door.WriteJSON(w, http.StatusOK, out.bytes())
		return nil
	case team == "" && len(ids) == 1:
		team = ids[0]
	}
	secret, key := s.key(x, user, team)
	err := s.write(x, user.ID, store.Change{Put: []store.Entity{key.row()}, Create: true, Delete: []store.Ref{{Kind: store.KindLogin, ID: done.ID}}})
	if errors.Is(err, store.ErrConflict) {
		return refused("login_id", "This login has its key already.")
	}
	if err != nil {
		return err
	}
	out.put("key", secret)
	out.set("expires", key.doc.get("expires"))
	out.set("team_id", nil)
	if team != "" {
		out.put("team_id", team)
	}
	door.WriteJSON(w, http.StatusOK, out.bytes())
	return nil
}
