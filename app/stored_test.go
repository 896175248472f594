package app_test

import (
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"

	"outcrop/app"
)

// TestWhatIsAskedIsStoredOnlyWhereItMayBe makes calls with and without store_prompts_in_spend_logs, and looks for them in the
// database after a restart, when all of them are there.
func TestWhatIsAskedIsStoredOnlyWhereItMayBe(t *testing.T) {
	long := strings.Repeat("granite ", 1000)
	for name, c := range map[string]struct {
		settings string
		kept     bool
	}{
		"switched on": {"store_prompts_in_spend_logs: true}", true}, "not set": {"store_model_in_db: false}", false},
		"switched off for all": {"store_prompts_in_spend_logs: true}\nlitellm_settings: {turn_off_message_logging: true}", false},
	} {
		t.Run(name, func(t *testing.T) {
			dir, cfg := t.TempDir(), load(t, "", "general_settings: {master_key: sk-master, "+c.settings+"\n")
			a := start(t, app.Options{Config: cfg, Emulate: true, DataDir: dir})
			_, made := asks(t, a, "sk-master", "POST", "/key/generate", "{}")
			var key struct{ Key string }
			if err := json.Unmarshal([]byte(made), &key); err != nil {
				t.Fatal(err)
			}
			call := func(text, more, header string) (id string) {
				t.Helper()
				r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, a.URL()+"/v1/chat/completions", strings.NewReader(`{"model":"granite","metadata":{"password":"sk-of-the-caller"},"messages":[{"role":"user","content":"`+text+`"}]`+more+`}`))
				if err != nil {
					t.Fatal(err)
				}
				r.Header.Set("Authorization", "Bearer "+key.Key)
				if header != "" {
					r.Header.Set(header, "true")
				}
				resp, err := client.Do(r)
				if err != nil {
					t.Fatal(err)
				}
				body, err := io.ReadAll(resp.Body)
				if err != nil || resp.Body.Close() != nil {
					t.Fatal(err)
				}
				if resp.StatusCode != http.StatusOK {
					t.Fatalf("%d %s", resp.StatusCode, body)
				}
				return resp.Header.Get("X-Request-Id")
			}
			ids := map[string]string{"plain": call("What is granite?", "", ""), "long": call(long, "", ""), "streamed": call("What is basalt?", `,"stream":true`, "")}
			hidden := map[string]string{"no-log": call("Secret one", `,"no-log":true`, ""), "redacted": call("Secret two", "", "X-Litellm-Enable-Message-Redaction")}
			if err := a.Stop(t.Context()); err != nil {
				t.Fatal(err)
			}
			a = start(t, app.Options{Config: cfg, Emulate: true, DataDir: dir})
			shown := func(id string) string {
				t.Helper()
				status, body := asks(t, a, "sk-master", "GET", "/spend/logs/ui/"+id, "")
				if status != http.StatusOK {
					t.Fatalf("%s: %d %s", id, status, body)
				}
				return body
			}
			for which, id := range ids {
				body := shown(id)
				if got := strings.Contains(body, `"content":"`) && strings.Contains(body, `"choices"`); got != c.kept {
					t.Errorf("%s: %s", which, body)
				}
				if strings.Contains(body, "sk-of-the-caller") || len(body) > 12_000 {
					t.Errorf("%s has a credential or is too long: %d bytes, %s", which, len(body), body)
				}
			}
			for which, id := range hidden {
				if body := shown(id); strings.Contains(body, "Secret") {
					t.Errorf("%s: %s", which, body)
				}
			}
		})
	}
}
