package anthropic_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"outcrop/llm"
	"outcrop/provider"
	"outcrop/provider/anthropic"
	"outcrop/upstream"
)

// atList opens a deployment of a wildcard whose API answers lists.
func atList(t *testing.T, environ map[string]string, answer func(w http.ResponseWriter, r *http.Request)) provider.Deployment {
	t.Helper()
	s := httptest.NewServer(http.HandlerFunc(answer))
	t.Cleanup(s.Close)
	client := upstream.New()
	t.Cleanup(client.CloseIdle)
	d, err := anthropic.Provider().Open(t.Context(), provider.Params{
		Model: "*", Values: map[string]string{"api_base": s.URL}, Upstream: client, Environ: func(name string) string { return environ[name] },
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = d.Close() })
	return d
}

func TestTheListOfModelsIsReadPageByPage(t *testing.T) {
	d := atList(t, map[string]string{"ANTHROPIC_API_KEY": secret}, func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodGet || r.URL.Path != "/v1/models" || r.Header.Get("X-Api-Key") != secret || r.Header.Get("Anthropic-Version") == "" {
			t.Errorf("%s %s with %v", r.Method, r.URL, r.Header)
		}
		if r.URL.Query().Get("after_id") == "" {
			_, _ = io.WriteString(w, `{"data":[{"type":"model","id":"claude-opus-5","display_name":"Claude Opus 5","created_at":"2026-01-01T00:00:00Z","max_input_tokens":200000,"max_tokens":64000}],"has_more":true,"first_id":"claude-opus-5","last_id":"claude-opus-5"}`)
			return
		}
		_, _ = io.WriteString(w, `{"data":[{"type":"model","id":"claude-haiku-5","display_name":"Claude Haiku 5","max_input_tokens":null}],"has_more":false,"last_id":"claude-haiku-5"}`)
	})
	lists := d.(provider.Lister).Refresh(t.Context(), time.Now())
	if len(lists) != 1 || lists[0].Err != nil || lists[0].Models != 2 {
		t.Fatalf("read %+v", lists)
	}
	m := d.(provider.Reviewer).Describe("claude-opus-5")
	if m.Title != "Claude Opus 5" || m.Context != 200000 || m.MaxOutput != 64000 || m.Verb != llm.VerbChat || !m.Known {
		t.Errorf("described as %+v", m)
	}
	if diff := cmp.Diff([]string{"claude-haiku-5", "claude-opus-5"}, d.(provider.Checker).Candidates(false)); diff != "" {
		t.Errorf("test calls go to the smallest model first: %s", diff)
	}
}

func TestACheckSaysWhatIsWrongWithTheKey(t *testing.T) {
	refused := func(kind, message string) string {
		return `{"type":"error","error":{"type":"` + kind + `","message":"` + message + `"},"request_id":"req_1"}`
	}
	for _, tt := range []struct {
		name   string
		key    string
		status int
		body   string
		want   []string
	}{
		{"a list", secret, 200, `{"data":[{"id":"claude-haiku-5"}],"has_more":false}`, []string{"identity ok", "lists ok"}},
		{"no key", "", 200, `{}`, []string{"identity fail credentials.missing operator"}},
		{"a wrong key", secret, 401, refused("authentication_error", "invalid x-api-key"), []string{"identity fail credentials.api_key_invalid operator"}},
		{"a key without permission", secret, 403, refused("permission_error", "not allowed"), []string{"identity fail access.not_granted operator"}},
		{"no credit", secret, 400, refused("invalid_request_error", "Your credit balance is too low to access the Anthropic API."), []string{"identity fail " + string(llm.CodeBilling) + " operator"}},
		{"a rate limit", secret, 429, refused("rate_limit_error", "Too many requests"), []string{"identity ok", "lists warn " + string(llm.CodeLimitRequests) + " caller"}},
		{"not a list", secret, 200, `<html>`, []string{"identity ok", "lists warn stream.interrupted provider"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			d := atList(t, map[string]string{"ANTHROPIC_API_KEY": tt.key}, func(w http.ResponseWriter, _ *http.Request) {
				w.WriteHeader(tt.status)
				_, _ = io.WriteString(w, tt.body)
			})
			var got []string
			d.(provider.Checker).Check(t.Context(), provider.CheckOptions{Since: time.Now()}, func(f provider.Finding) {
				line := string(f.Check) + " " + string(f.State)
				if f.Err != nil {
					line += " " + string(f.Err.Code) + " " + string(f.Err.Responsible())
					if strings.Contains(f.Err.Error(), secret) {
						t.Errorf("it shows the key: %v", f.Err)
					}
					if f.State == provider.StateFail && f.Err.Fix == "" {
						t.Errorf("no next step: %+v", f.Err)
					}
				}
				got = append(got, line)
			})
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}
