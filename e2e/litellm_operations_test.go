package e2e

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"strings"
	"testing"

	"outcrop/internal/jsonx"
)

// partlyIll is a provider of OpenAI's API that knows one model for chats and one for embeddings, and refuses the key of all others.
func partlyIll(t *testing.T) string {
	t.Helper()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		w.Header().Set("Content-Type", "application/json")
		switch {
		case strings.HasSuffix(r.URL.Path, "/embeddings"):
			_, _ = io.WriteString(w, `{"object":"list","data":[{"object":"embedding","index":0,"embedding":[0.5]}],"model":"text-embedding-3-small","usage":{"prompt_tokens":1,"total_tokens":1}}`)
		case strings.Contains(string(body), `"gpt-4o-mini"`):
			_, _ = io.WriteString(w, `{"id":"chatcmpl-1","object":"chat.completion","created":1,"model":"gpt-4o-mini","choices":[{"index":0,"finish_reason":"stop","message":{"role":"assistant","content":"hello"}}],"usage":{"prompt_tokens":5,"completion_tokens":7,"total_tokens":12}}`)
		default:
			w.WriteHeader(http.StatusUnauthorized)
			_, _ = io.WriteString(w, `{"error":{"message":"Incorrect API key provided","type":"invalid_request_error","code":"invalid_api_key"}}`)
		}
	}))
	t.Cleanup(s.Close)
	return s.URL + "/v1"
}

// operation is a request of those who run a gateway, and what of its answer has to be alike.
type operation struct {
	method, path, key, body string
	// alike are members that have the same value, and there are members that the answer has with any value.
	alike, there []string
	// drain is whether it is sent with the token for that.
	drain bool
}

// TestOperationsAreAnsweredAsByLiteLLM sends requests of those who run a gateway to LiteLLM and to Outcrop, which have the same
// configuration, and compares the answers.
func TestOperationsAreAnsweredAsByLiteLLM(t *testing.T) {
	t.Parallel()
	program := litellmProgram(t)
	const key = "sk-of-the-operations-4d1f77aa9e"
	base := partlyIll(t)
	text := fmt.Sprintf(`
model_list:
  - {model_name: granite, litellm_params: {model: openai/gpt-4o-mini, api_key: sk-x, api_base: %[1]q}, model_info: {id: well}}
  - {model_name: granite, litellm_params: {model: openai/gpt-4o, api_key: sk-x, api_base: %[1]q}, model_info: {id: ill}}
  - {model_name: slate, litellm_params: {model: openai/gpt-4o, api_key: sk-x, api_base: %[1]q}, model_info: {id: worse}}
  - {model_name: vectors, litellm_params: {model: openai/text-embedding-3-small, api_key: sk-x, api_base: %[1]q}, model_info: {id: vectors, mode: embedding}}
general_settings: {master_key: %[2]s, enable_drain_endpoint: true, drain_endpoint_token: let-me}
`, base, key)
	const counts = "healthy_count unhealthy_count"
	get := func(path, alike, there string) operation {
		return operation{method: http.MethodGet, path: path, key: key, alike: strings.Fields(alike), there: strings.Fields(there)}
	}
	count := func(body, alike, there string) operation {
		return operation{method: http.MethodPost, path: "/utils/token_counter", key: key, body: body, alike: strings.Fields(alike), there: strings.Fields(there)}
	}
	operations := []operation{
		get("/health", counts, "healthy_endpoints unhealthy_endpoints"),
		get("/health?model=granite", counts, ""),
		get("/health?model=slate", counts, ""),
		get("/health?model=nothing", counts, ""),
		get("/health?model_id=vectors", counts, ""),
		get("/health?model_id=worse", counts, ""),
		get("/health?model_id=nothing", "", ""),
		get("/health/backlog", "queued_requests rejected_requests", "in_flight_requests admitted_requests"),
		get("/health/shared-status", "shared_health_check_enabled", "message"),
		get("/health/readiness/details", "status cache", "success_callbacks"),
		get("/health/liveliness", "", ""),
		get("/test", "route", ""),
		get("/routes", "", "routes"),
		get("/settings", "", "num_callbacks litellm.callbacks all_litellm_callbacks"),
		count(`{"model":"granite","messages":[{"role":"user","content":"What is granite made of?"}]}`, "request_model count_source original_response error error_message status_code", "total_tokens model_used tokenizer_type"),
		count(`{"model":"granite","prompt":"What is granite made of?"}`, "request_model", "total_tokens"),
		count(`{"model":"granite"}`, "", ""),
		{method: http.MethodGet, path: "/health"},
		{method: http.MethodGet, path: "/health/backlog"},
		{method: http.MethodGet, path: "/test"},
		{method: http.MethodPost, path: "/utils/token_counter", body: `{"model":"granite","prompt":"hi"}`},
		{method: http.MethodGet, path: "/health/drain"},
		{method: http.MethodGet, path: "/health/drain", drain: true, alike: []string{"status", "drained_requests"}},
		{method: http.MethodGet, path: "/health/readiness"},
	}
	addresses := [...]string{
		program.Start(t, text, map[string]string{"PYTHONPATH": os.Getenv("PYTHONPATH"), "GRACEFUL_SHUTDOWN_TIMEOUT": "5"}),
		startApp(t, text, t.TempDir(), nil).URL(),
	}
	for _, o := range operations {
		var status [len(addresses)]int
		var members [len(addresses)][]jsonx.Member
		for i, address := range addresses {
			req, err := http.NewRequestWithContext(t.Context(), o.method, address+o.path, strings.NewReader(o.body))
			if err != nil {
				t.Fatal(err)
			}
			req.Header.Set("Content-Type", "application/json")
			if o.key != "" {
				req.Header.Set("Authorization", "Bearer "+o.key)
			}
			if o.drain {
				req.Header.Set("X-Drain-Token", "let-me")
			}
			resp, err := (&http.Transport{DisableKeepAlives: true}).RoundTrip(req)
			if err != nil {
				t.Fatal(err)
			}
			body, err := io.ReadAll(resp.Body)
			if err != nil {
				t.Fatal(err)
			}
			_ = resp.Body.Close()
			status[i] = resp.StatusCode
			members[i], _ = jsonx.Members(body) // none if it is a text
			for _, name := range slices.Concat(o.alike, o.there) {
				if jsonx.Find(members[i], name) == nil {
					t.Errorf("%s %s at %s has no %s: %s", o.method, o.path, address, name, body)
				}
			}
		}
		if status[0] != status[1] {
			t.Errorf("%s %s %s: LiteLLM gives %d, Outcrop %d", o.method, o.path, o.body, status[0], status[1])
		}
		for _, name := range o.alike {
			if a, b := jsonx.Find(members[0], name), jsonx.Find(members[1], name); string(a) != string(b) {
				t.Errorf("%s %s: %s is %s with LiteLLM, and %s with Outcrop", o.method, o.path, name, a, b)
			}
		}
		if strings.HasPrefix(o.path, "/health?") || o.path == "/health" {
			for _, list := range [...]string{"healthy_endpoints", "unhealthy_endpoints"} {
				if a, b := deploymentsOf(t, jsonx.Find(members[0], list)), deploymentsOf(t, jsonx.Find(members[1], list)); !slices.Equal(a, b) {
					t.Errorf("%s: %s are %v with LiteLLM, and %v with Outcrop", o.path, list, a, b)
				}
			}
		}
	}
}

// deploymentsOf are the ids and statuses in a list of a health check.
func deploymentsOf(t *testing.T, list jsonx.Raw) (all []string) {
	t.Helper()
	if list == nil {
		return nil
	}
	var read []struct {
		ID     string `json:"model_id"`
		Model  string `json:"model"`
		Status int    `json:"exception_status"`
		Error  string `json:"error"`
	}
	if err := jsonx.UnmarshalKnown(list, &read); err != nil {
		if err := jsonx.Unmarshal(list, &read); err != nil {
			t.Fatalf("%v: %s", err, list)
		}
	}
	for _, r := range read {
		all = append(all, fmt.Sprintf("%s %s %d %t", r.ID, r.Model, r.Status, r.Error != ""))
	}
	slices.Sort(all)
	return all
}
