package e2e

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"
	"time"

	"outcrop/internal/jsonx"
)

// alertWait is how long an alert may take: LiteLLM's are sent when it looks for those that wait.
const alertWait = 2 * time.Minute

// alertTarget is a server that takes Slack's posts.
func alertTarget(t *testing.T) (url string, texts chan string) {
	t.Helper()
	texts = make(chan string, 1000)
	s := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		var posted struct {
			Text string `json:"text"`
		}
		if err == nil {
			err = jsonx.Unmarshal(body, &posted)
		}
		if err != nil {
			t.Error(err)
		}
		texts <- posted.Text
	}))
	t.Cleanup(s.Close)
	return s.URL, texts
}

// changing are the parts of an alert that differ each time.
var changing = regexp.MustCompile(`\d{4}-\d\d-\d\d \d\d:\d\d:\d\d`)

// TestDigestsOfAlertsBesideLiteLLM has calls fail in both gateways alike, and compares what Slack gets in place of an alert for each.
func TestDigestsOfAlertsBesideLiteLLM(t *testing.T) {
	t.Parallel()
	v := startVendor(t, func(w http.ResponseWriter, _ vendorCall) {
		w.WriteHeader(http.StatusInternalServerError)
		_, _ = w.Write([]byte(`{"error":{"message":"it is down"}}`))
	})
	config := fmt.Sprintf(`model_list:
  - {model_name: down, litellm_params: {model: openai/down, api_base: %q, api_key: %s}}
router_settings: {num_retries: 0, disable_cooldowns: true}
general_settings:
  master_key: %s
  alerting: [slack]
  alert_types: [llm_exceptions]
  alert_type_config: {llm_exceptions: {digest: true, digest_interval: 20}}
`, v.URL+"/v1", vendorSecret, masterKey)
	slack, theirs := alertTarget(t)
	own, ours := alertTarget(t)
	proxy := litellmProgram(t).Start(t, config, map[string]string{"SLACK_WEBHOOK_URL": slack})
	gateway := startApp(t, config+fmt.Sprintf("environment_variables: {SLACK_WEBHOOK_URL: %q}\n", own), "", nil).URL()
	var heads [2]string
	for side, of := range []struct {
		base  string
		texts chan string
	}{{proxy, theirs}, {gateway, ours}} {
		for range 3 {
			if a := ask(t, of.base, http.MethodPost, "/v1/chat/completions", masterKey, `{"model":"down","messages":[{"role":"user","content":"hi"}]}`); a.status != http.StatusInternalServerError && a.status != http.StatusBadGateway {
				t.Fatalf("%d %s", a.status, a.body)
			}
		}
		select {
		case text := <-of.texts:
			head, _, ok := strings.Cut(text, "Message: ")
			if !ok || !strings.Contains(text, "it is down") {
				t.Errorf("the message is %q", text)
			}
			heads[side] = changing.ReplaceAllString(head, "TIME")
		case <-time.After(alertWait):
			t.Fatalf("%s has sent no alert", of.base)
		}
	}
	const want = "Alert type: `llm_exceptions` (Digest)\nLevel: `High`\nStart: `TIME`\nEnd: `TIME`\nCount: `3`\n\n"
	if heads != [2]string{want, want} {
		t.Errorf("LiteLLM %q\nOutcrop %q", heads[0], heads[1])
	}
}
