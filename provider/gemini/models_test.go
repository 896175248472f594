package gemini_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"outcrop/llm"
	"outcrop/provider"
	"outcrop/provider/gemini"
	"outcrop/provider/providertest"
	"outcrop/upstream"
)

// atList opens a deployment of a wildcard whose API answers lists.
func atList(t *testing.T, key string, answer func(w http.ResponseWriter, r *http.Request)) provider.Deployment {
	t.Helper()
	s := httptest.NewServer(http.HandlerFunc(answer))
	t.Cleanup(s.Close)
	client := upstream.New()
	t.Cleanup(client.CloseIdle)
	d, err := gemini.Provider().Open(t.Context(), provider.Params{
		Model: "*", Values: map[string]string{"api_base": s.URL, "api_key": key}, Upstream: client,
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = d.Close() })
	return d
}

func TestTheListOfModelsSaysWhatTheyAreFor(t *testing.T) {
	d := atList(t, providertest.Key, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/v1beta/models" || r.Header.Get("X-Goog-Api-Key") != providertest.Key {
			t.Errorf("%s with %v", r.URL, r.Header)
		}
		if r.URL.Query().Get("pageToken") == "" {
			_, _ = io.WriteString(w, `{"models":[{"name":"models/gemini-2.5-pro","displayName":"Gemini 2.5 Pro","inputTokenLimit":1048576,"outputTokenLimit":65536,"supportedGenerationMethods":["generateContent","countTokens"]},{"name":"models/gemini-2.5-flash-image","supportedGenerationMethods":["generateContent"]}],"nextPageToken":"two"}`)
			return
		}
		_, _ = io.WriteString(w, `{"models":[{"name":"models/gemini-2.5-flash-lite","supportedGenerationMethods":["generateContent"]},{"name":"models/gemini-embedding-001","supportedGenerationMethods":["embedContent"]},{"name":"models/imagen-4.0","supportedGenerationMethods":["predict"]}]}`)
	})
	if lists := d.(provider.Lister).Refresh(t.Context(), time.Now()); len(lists) != 1 || lists[0].Err != nil {
		t.Fatalf("read %+v", lists)
	}
	got := map[string]llm.Verb{}
	for _, m := range d.(provider.Lister).Models() {
		got[m.ID] = m.Verb
	}
	want := map[string]llm.Verb{"gemini-2.5-pro": llm.VerbChat, "gemini-2.5-flash-image": 0, "gemini-2.5-flash-lite": llm.VerbChat, "gemini-embedding-001": llm.VerbEmbed, "imagen-4.0": 0}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]string{"gemini-2.5-flash-lite", "gemini-2.5-pro"}, d.(provider.Checker).Candidates(false)); diff != "" {
		t.Error(diff)
	}
	if m := d.(provider.Reviewer).Describe("models/gemini-2.5-pro"); m.Context != 1048576 || m.MaxOutput != 65536 {
		t.Errorf("described as %+v", m)
	}
}

func TestACheckSaysWhatIsWrongWithTheKey(t *testing.T) {
	for _, tt := range []struct {
		name, key string
		status    int
		body      string
		want      []string
	}{
		{"a list", "k", 200, `{"models":[]}`, []string{"identity ok", "lists ok"}},
		{"no key", "", 200, `{}`, []string{"identity fail credentials.missing"}},
		{"a wrong key", "k", 400, `{"error":{"code":400,"message":"API key not valid. Please pass a valid API key.","status":"INVALID_ARGUMENT","details":[{"@type":"type.googleapis.com/google.rpc.ErrorInfo","reason":"API_KEY_INVALID"}]}}`, []string{"identity fail credentials.api_key_invalid"}},
		{"an API that is off", "k", 403, `{"error":{"code":403,"message":"Generative Language API has not been used in project 1 before or it is disabled.","status":"PERMISSION_DENIED","details":[{"@type":"type.googleapis.com/google.rpc.ErrorInfo","reason":"SERVICE_DISABLED"}]}}`, []string{"identity fail access.not_granted"}},
		{"a country", "k", 400, `{"error":{"code":400,"message":"User location is not supported for the API use.","status":"FAILED_PRECONDITION"}}`, []string{"identity fail " + string(llm.CodeRegionBlocked)}},
		{"a quota", "k", 429, `{"error":{"code":429,"message":"Quota exceeded","status":"RESOURCE_EXHAUSTED"}}`, []string{"identity ok", "lists warn " + string(llm.CodeLimitRequests)}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			d := atList(t, tt.key, func(w http.ResponseWriter, _ *http.Request) {
				w.WriteHeader(tt.status)
				_, _ = io.WriteString(w, tt.body)
			})
			var got []string
			d.(provider.Checker).Check(t.Context(), provider.CheckOptions{Since: time.Now()}, func(f provider.Finding) {
				line := string(f.Check) + " " + string(f.State)
				if f.Err != nil {
					line += " " + string(f.Err.Code)
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
