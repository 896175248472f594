package app_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"outcrop/app"
)

// TestTokensAreCountedAsWithLiteLLM has a provider that counts, and one that does not.
func TestTokensAreCountedAsWithLiteLLM(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		w.Header().Set("Content-Type", "application/json")
		if strings.HasSuffix(r.URL.Path, "/count_tokens") {
			_, _ = io.WriteString(w, `{"input_tokens":4711}`)
			return
		}
		w.WriteHeader(http.StatusNotFound)
	}))
	defer server.Close()
	a := start(t, app.Options{DataDir: t.TempDir(), Config: alone(t, `  - {model_name: chalk, litellm_params: {model: anthropic/claude-m, api_base: "`+server.URL+`", api_key: k}}
  - {model_name: slate, litellm_params: {model: openai/gpt-m, api_base: "`+server.URL+`/v1", api_key: k}}
general_settings: {master_key: sk-master}
`)})
	tell(t, a,
		exchange{"POST", "/utils/token_counter", `{"model":"chalk","messages":[{"role":"user","content":"hi"}],"system":"Be brief."}`, 200, `{"total_tokens":4711,"request_model":"chalk","model_used":"claude-m","tokenizer_type":"provider","count_source":"provider_api"`},
		exchange{"POST", "/utils/token_counter", `{"model":"slate","prompt":"What is granite made of?"}`, 200, `"request_model":"slate","model_used":"gpt-m","tokenizer_type":"estimate","count_source":"local_estimate"`},
		exchange{"POST", "/utils/token_counter", `{"model":"slate"}`, 400, "prompt or messages"},
		exchange{"POST", "/utils/token_counter", `{"model":"basalt","prompt":"hi"}`, 404, "basalt"},
	)
	if status, _ := asks(t, a, "sk-of-nobody", "POST", "/utils/token_counter", `{"model":"slate","prompt":"hi"}`); status != 401 {
		t.Errorf("without a key: %d", status)
	}
}
