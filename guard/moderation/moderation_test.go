package moderation_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"testing"

	"outcrop/guard"
	"outcrop/guard/moderation"
	"outcrop/upstream"
)

func TestVerdicts(t *testing.T) {
	answer, asked := "", ""
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		if asked = string(body); r.URL.Path != "/v1/moderations" || r.Header.Get("Authorization") != "Bearer the-key" {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		_, _ = io.WriteString(w, answer)
	}))
	defer server.Close()
	client := upstream.New()
	defer client.CloseIdle()
	c, err := moderation.New(moderation.Settings{Base: server.URL + "/v1", Key: "the-key"}, client)
	if err != nil {
		t.Fatal(err)
	}
	// The form is that of OpenAI's API reference.
	const clean, bad = `{"flagged":false,"categories":{"hate":false,"violence":false}}`, `{"flagged":true,"categories":{"violence":true,"hate":false,"harassment":true},"category_scores":{"violence":0.9}}`
	for _, x := range []struct{ answer, want string }{
		{`{"id":"modr-1","model":"omni-moderation-latest","results":[` + clean + `,` + clean + `]}`, ""},
		{`{"results":[` + clean + `,` + bad + `]}`, "Violated OpenAI moderation policy: harassment, violence"},
		{`{"results":[` + clean + `]}`, "error"},
		{`{}`, "error"},
	} {
		answer = x.answer
		v, err := c.Check(t.Context(), &guard.Input{Texts: []string{"a", "b"}})
		got := ""
		switch {
		case err != nil:
			got = "error"
		case v.Block != nil:
			got = v.Block.Reason
		}
		if got != x.want || v.Texts != nil {
			t.Errorf("%s: got %s, %v", x.answer, got, err)
		}
	}
	if asked != `{"model":"omni-moderation-latest","input":["a","b"]}` {
		t.Errorf("asked %s", asked)
	}
}
