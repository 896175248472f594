package generic_test

import (
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"outcrop/guard"
	"outcrop/guard/generic"
	"outcrop/upstream"
)

func TestAnswers(t *testing.T) {
	answer, status := "", 200
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") != "Bearer x" {
			status = http.StatusUnauthorized
		}
		w.WriteHeader(status)
		_, _ = io.WriteString(w, answer)
	}))
	defer server.Close()
	client := upstream.New()
	defer client.CloseIdle()
	c, err := generic.New(generic.Settings{Base: server.URL + "/beta/litellm_basic_guardrail_api", Header: map[string]guard.Secret{"authorization": "Bearer x"}}, client)
	if err != nil {
		t.Fatal(err)
	}
	for _, x := range []struct{ answer, want string }{
		{`{"action":"NONE","texts":null,"blocked_reason":null}`, ""},
		{`{}`, ""},
		{`{"action":"NONE","texts":["a","b"]}`, ""},
		{`{"action":"BLOCKED"}`, "blocked: Content violates policy"},
		{`{"action":"BLOCKED","blocked_reason":"because"}`, "blocked: because"},
		{`{"action":"GUARDRAIL_INTERVENED","texts":["a","B"]}`, "a|B"},
		{`{"action":"NONE","structured_messages":[{"role":"user","content":"a"},{"role":"user","content":"B"}]}`, "a|B"},
		{`{"action":"NONE","structured_messages":[{"role":"user","content":"a"},{"role":"user","content":"b"}],"texts":["A","b"]}`, "A|b"},
		{`{"action":"GUARDRAIL_INTERVENED","texts":["B"]}`, "error"},
		{`{"action":"NONE","structured_messages":[{"role":"user","content":"a"}]}`, "error"},
		{`{"action":"NONE","structured_messages":[{"role":"user","content":[]},{"role":"user","content":"b"}]}`, "error"},
		{`{"action":"ALLOW"}`, "error"},
		{`[]`, "error"},
	} {
		answer = x.answer
		v, err := c.Check(t.Context(), &guard.Input{Side: guard.Request, Texts: []string{"a", "b"}})
		got := strings.Join(v.Texts, "|")
		switch {
		case err != nil:
			got = "error"
		case v.Block != nil:
			got = "blocked: " + v.Block.Reason
		}
		if got != x.want {
			t.Errorf("%s: got %s, %v", x.answer, got, err)
		}
	}
	for code, away := range map[int]bool{500: false, 502: true, 503: true, 504: true, 400: false} {
		status = code
		if _, err := c.Check(t.Context(), &guard.Input{Texts: []string{"a"}}); err == nil || errors.Is(err, guard.ErrUnreachable) != away {
			t.Errorf("%d: %v", code, err)
		}
	}
	if _, err := generic.New(generic.Settings{Base: "nowhere"}, client); err == nil {
		t.Error("an address that is none")
	}
}
