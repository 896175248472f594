package admin_test

import (
	"context"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"outcrop/httpd/admin"
	"outcrop/llm"
	"outcrop/store"
)

// TestAMembershipShowsTheBudgetThatItNames shows one that was taken over, with a budget of its own by id.
func TestAMembershipShowsTheBudgetThatItNames(t *testing.T) {
	eachStore(t, func(w *world) {
		w.team("rocks", "")
		w.master("/budget/new", `{"budget_id":"small","max_budget":0.5}`).is(200)
		_, err := w.store.Change(w.t.Context(), &store.Change{Put: []store.Entity{{
			Kind: store.KindMember, ID: "rocks/udo", TeamID: "rocks", UserID: "udo", Doc: []byte(`{"user_id":"udo","team_id":"rocks","role":"user","budget_id":"small"}`),
		}}})
		if err != nil {
			w.t.Fatal(err)
		}
		a := w.master("GET /team/info", "team_id=rocks")
		for _, want := range []string{`"budget_id":"small"`, `"max_budget":0.5`} {
			if _, memberships, _ := strings.Cut(string(a.body), `"team_memberships"`); !strings.Contains(memberships, want) {
				w.t.Errorf("%s is not in %s", want, memberships)
			}
		}
	})
}

// refusing refuses all callers.
type refusing struct{ err error }

func (r refusing) Authenticate(*http.Request) (*admin.Caller, error) { return nil, r.err }

func TestAnExpiredKeyHasLiteLLMsType(t *testing.T) {
	h := admin.New(admin.Options{
		Callers: refusing{&llm.Error{Code: llm.CodeKeyExpired, Status: http.StatusUnauthorized, Class: "expired_key", Message: "the API key has expired."}},
		Store:   func(context.Context) (admin.Store, error) { return nil, store.ErrNotFound }, Logger: slog.New(slog.DiscardHandler),
	})
	for _, r := range h.Routes() {
		if r.Pattern != "GET /key/info" {
			continue
		}
		w := httptest.NewRecorder()
		r.Handle(w, httptest.NewRequest(http.MethodGet, "/key/info", nil))
		if w.Code != http.StatusUnauthorized || !strings.Contains(w.Body.String(), `"type":"expired_key"`) {
			t.Errorf("%d %s", w.Code, w.Body)
		}
		return
	}
	t.Fatal("there is no /key/info")
}
