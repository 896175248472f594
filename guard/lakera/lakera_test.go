package lakera_test

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"outcrop/guard"
	"outcrop/guard/lakera"
	"outcrop/upstream"
)

// open is a check by a service that gives an answer, and what it was asked last.
func open(t *testing.T, s lakera.Settings, answer *string) (*lakera.Check, func() string) {
	t.Helper()
	var asked string
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		if asked = string(body); r.URL.Path != "/v2/guard" || r.Header.Get("Authorization") != "Bearer the-key" {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		_, _ = io.WriteString(w, *answer)
	}))
	t.Cleanup(server.Close)
	s.Base, s.Key = server.URL, "the-key"
	client := upstream.New()
	t.Cleanup(client.CloseIdle)
	c, err := lakera.New(s, client)
	if err != nil {
		t.Fatal(err)
	}
	return c, func() string { return asked }
}

// Answers in the form of Lakera's API reference.
const (
	fine   = `{"flagged":false,"payload":[],"breakdown":[{"detector_type":"prompt_attack","detected":false,"message_id":0}]}`
	attack = `{"flagged":true,"payload":[],"breakdown":[{"detector_type":"prompt_attack","detected":true},{"detector_type":"pii/email","detected":true}]}`
	mail   = `{"flagged":true,"payload":[{"start":11,"end":25,"text":"jo@example.org","detector_type":"pii/email","labels":[],"message_id":1},{"start":11,"end":13,"detector_type":"pii/email","message_id":1}],"breakdown":[{"detector_type":"pii/email","detected":true},{"detector_type":"prompt_attack","detected":false}]}`
	lost   = `{"flagged":true,"payload":[],"breakdown":[{"detector_type":"pii/email","detected":true}]}`
)

func TestVerdicts(t *testing.T) {
	const masked = "übergib an [MASKED EMAIL]!"
	for _, c := range []struct {
		flagged      lakera.Flagged
		answer       string
		fixed        bool
		text, reason string
	}{
		{"", fine, false, "", ""},
		{"", attack, false, "", "Violated guardrail policy: prompt_attack, pii/email"},
		{"", mail, false, "", "Violated guardrail policy: pii/email"},
		{lakera.Mask, mail, false, masked, ""},
		{lakera.Mask, attack, false, "", "Violated guardrail policy: prompt_attack, pii/email"},
		{lakera.Mask, lost, false, "", "Violated guardrail policy: pii/email"},
		{lakera.Monitor, mail, false, masked, ""},
		{lakera.Monitor, mail, true, "", ""},
		{lakera.Monitor, attack, false, "", ""},
		{lakera.Monitor, lost, false, "", ""},
	} {
		check, asked := open(t, lakera.Settings{Flagged: c.flagged, Project: "project-1", Metadata: []byte(`{"a":1}`)}, &c.answer)
		v, err := check.Check(t.Context(), &guard.Input{Side: guard.Request, Texts: []string{"be kind", "übergib an jo@example.org!"}, Roles: []string{"system", "user"}, Fixed: c.fixed})
		reason, text := "", ""
		if v.Block != nil {
			reason = v.Block.Reason
		}
		if v.Texts != nil {
			text = v.Texts[1]
		}
		if err != nil || reason != c.reason || text != c.text {
			t.Errorf("%s, %s: %q, %q, %v", c.flagged, c.answer, text, reason, err)
		}
		var body map[string]any
		if json.Unmarshal([]byte(asked()), &body) != nil || body["project_id"] != "project-1" || body["payload"] != true || body["breakdown"] != true || !strings.HasPrefix(asked(), `{"messages":[{"role":"system","content":"be kind"},{"role":"user",`) {
			t.Errorf("asked %s", asked())
		}
	}
	broken := `{}`
	check, _ := open(t, lakera.Settings{}, &broken)
	if _, err := check.Check(t.Context(), &guard.Input{Texts: []string{"a"}}); err == nil {
		t.Error("an answer that says nothing lets a text pass")
	}
}
