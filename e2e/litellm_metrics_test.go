package e2e

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"outcrop/internal/jsonx"
	"outcrop/internal/need"
)

// answeringOpenAI is a provider of OpenAI's API: it fails a request that says explode.
func answeringOpenAI(t *testing.T) string {
	t.Helper()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		w.Header().Set("Content-Type", "application/json")
		if strings.Contains(string(body), "explode") {
			w.WriteHeader(http.StatusBadRequest)
			_, _ = io.WriteString(w, `{"error":{"message":"boom","type":"invalid_request_error"}}`)
			return
		}
		_, _ = io.WriteString(w, `{"id":"chatcmpl-1","object":"chat.completion","created":1,"model":"gpt-4o-mini","choices":[{"index":0,"finish_reason":"stop","message":{"role":"assistant","content":"hello"}}],"usage":{"prompt_tokens":5,"completion_tokens":7,"total_tokens":12,"prompt_tokens_details":{"cached_tokens":3},"completion_tokens_details":{"reasoning_tokens":2}}}`)
	}))
	t.Cleanup(s.Close)
	return s.URL + "/v1"
}

// heardLogs takes what a webhook is told, each call once.
func heardLogs(t *testing.T) (url string, calls chan jsonx.Raw) {
	t.Helper()
	calls = make(chan jsonx.Raw, 100)
	s := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		var all []jsonx.Raw
		if err := jsonx.Unmarshal(body, &all); err != nil {
			t.Error(err)
		}
		for _, c := range all {
			calls <- slices.Clone(c)
		}
	}))
	t.Cleanup(s.Close)
	return s.URL, calls
}

// series are the names of LiteLLM's metrics with their labels, as a page of metrics has them.
func series(page string) map[string][]string {
	all := map[string][]string{}
	for line := range strings.Lines(page) {
		name, rest, ok := strings.Cut(line, "{")
		if !ok || !strings.HasPrefix(name, "litellm_") || strings.HasSuffix(name, "_created") {
			continue
		}
		var labels []string
		for pair := range strings.SplitSeq(rest[:strings.LastIndex(rest, "}")], `",`) {
			label, _, _ := strings.Cut(pair, "=")
			labels = append(labels, label)
		}
		slices.Sort(labels)
		all[name] = labels
	}
	return all
}

// TestLiteLLMsMetricsAndPayloads gives LiteLLM and Outcrop the same configuration and calls, and compares the names and labels
// of the metrics and the members of what a webhook is told.
func TestLiteLLMsMetricsAndPayloads(t *testing.T) {
	t.Parallel()
	program := litellmProgram(t)
	if exec.CommandContext(t.Context(), filepath.Join(filepath.Dir(string(program)), "python"), "-c", "import prometheus_client").Run() != nil {
		need.Missing(t, "LiteLLM's proxy has no prometheus_client")
	}
	const key = "sk-of-the-metrics-4d1f77aa9e"
	text := fmt.Sprintf(`
model_list:
  - model_name: granite
    litellm_params: {model: openai/gpt-4o-mini, api_key: sk-x, api_base: %q}
    model_info: {id: dep-1}
litellm_settings: {callbacks: [prometheus, generic_api], turn_off_message_logging: false}
general_settings: {master_key: %s}
environment_variables: {GENERIC_LOGGER_ENDPOINT: HOOK}
`, answeringOpenAI(t), key)
	type seen struct {
		metrics map[string][]string
		status  map[string]int
		members map[string][]string // of a call that has succeeded, and of one that has not, at each level
	}
	run := func(base string, calls chan jsonx.Raw) seen {
		s := seen{status: map[string]int{}, members: map[string][]string{}}
		for _, content := range []string{"hi", "explode"} {
			a := ask(t, base, http.MethodPost, "/v1/chat/completions", key, `{"model":"granite","temperature":0.5,"messages":[{"role":"user","content":"`+content+`"}]}`)
			s.status[content] = a.status
		}
		for _, k := range []string{"", "sk-wrong"} {
			s.status["metrics with "+k] = ask(t, base, http.MethodGet, "/metrics/", k, "").status
		}
		for range 2 {
			select {
			case c := <-calls:
				members, err := jsonx.Members(c)
				if err != nil {
					t.Fatal(err)
				}
				status := string(jsonx.Find(members, "status"))
				for _, m := range members {
					s.members[status] = append(s.members[status], m.Name)
				}
			case <-time.After(patience):
				t.Fatalf("%s tells its webhook nothing", base)
			}
		}
		a := ask(t, base, http.MethodGet, "/metrics/", key, "")
		s.status["metrics"] = a.status
		s.metrics = series(string(a.body))
		return s
	}
	hook, calls := heardLogs(t)
	theirs := run(program.Start(t, strings.Replace(text, "HOOK", hook, 1), map[string]string{"PYTHONPATH": os.Getenv("PYTHONPATH")}), calls)
	hook, calls = heardLogs(t)
	ours := run(startApp(t, strings.Replace(text, "HOOK", hook, 1), t.TempDir(), nil).URL(), calls)

	for what, status := range theirs.status {
		if ours.status[what] != status {
			t.Errorf("%s: LiteLLM gives %d, Outcrop %d", what, status, ours.status[what])
		}
	}
	for name, labels := range ours.metrics {
		want, there := theirs.metrics[name]
		if !there {
			t.Errorf("LiteLLM has no %s for these calls", name)
		} else if !slices.Equal(labels, want) {
			t.Errorf("%s: LiteLLM has the labels\n%v, Outcrop\n%v", name, want, labels)
		}
	}
	elsewhere := []string{"litellm_remaining_", "litellm_overhead_with_guardrails_", "litellm_accounting_"} // what Outcrop does not have
	for name := range theirs.metrics {
		if _, there := ours.metrics[name]; !there && !slices.ContainsFunc(elsewhere, func(p string) bool { return strings.HasPrefix(name, p) }) {
			t.Errorf("Outcrop has no %s", name)
		}
	}
	lacking := []string{"autorouter_savings", "autorouter_savings_estimate", "autorouter_baseline_observation", "request_model_access_groups", "zero_cost_diagnostic"}
	for status, members := range theirs.members {
		for _, m := range members {
			if !slices.Contains(ours.members[status], m) && !slices.Contains(lacking, m) {
				t.Errorf("a call with %s has no %s", status, m)
			}
		}
		for _, m := range ours.members[status] {
			if !slices.Contains(members, m) {
				t.Errorf("a call with %s has %s, which LiteLLM's has not", status, m)
			}
		}
	}
}
