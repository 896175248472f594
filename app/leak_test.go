package app_test

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"

	"outcrop/app"
	"outcrop/config"
	"outcrop/emulator/bedrock"
	"outcrop/emulator/bedrock/fault"
	"outcrop/provider/all"
)

// The secrets of TestNoSecretIsEverPrinted. Each is made up, and stands nowhere
// else.
const (
	leakMaster  = "sk-leak-master-0f3a"
	leakCaller  = "sk-leak-caller-77c1"
	leakSecret  = "leakSecretAccessKey/9Zb+Q"
	leakToken   = "leakSessionToken/4Xx=="
	leakWrong   = "leakWrongSecretAccessKey/1Aa"
	leakAPIKey  = "ABSKleakBedrockAPIKey5d2e"
	leakBadKey  = "ABSKleakForeignAPIKey8e8e"
	leakEnviron = "leakFromEnvironment/3Kk"
	leakPrompt  = "leak of a very private question about granite"
)

// TestNoSecretIsEverPrinted runs an app at its most talkative over the emulator,
// makes it succeed and fail in every way that the emulator knows, and looks for
// its keys in all that it says: answers, headers, the log and the metrics.
func TestNoSecretIsEverPrinted(t *testing.T) {
	secrets := []string{leakMaster, leakCaller, leakSecret, leakToken, leakWrong, leakAPIKey, leakBadKey, leakEnviron}
	em, err := bedrock.New(bedrock.Options{
		Keys: []bedrock.Key{
			{AccessKeyID: "ASIALEAKEXAMPLE", SecretAccessKey: leakSecret, SessionToken: leakToken},
			{AccessKeyID: "AKIALEAKEXAMPLE", SecretAccessKey: leakEnviron},
		},
		APIKeys: []bedrock.Secret{leakAPIKey},
	})
	if err != nil {
		t.Fatal(err)
	}
	upstream := httptest.NewServer(judge.Watch(em))
	defer upstream.Close()
	// A proxy whose error page repeats the request.
	parrot := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.WriteHeader(http.StatusBadGateway)
		_, _ = fmt.Fprintf(w, "<html>bad gateway: %v</html>", r.Header)
	}))
	defer parrot.Close()

	t.Setenv("LEAK_SECRET", leakEnviron)
	cfg, problems := config.Load(config.Source{
		Name: "config.yaml", LookupEnv: os.LookupEnv, Providers: all.Providers(),
		Data: fmt.Appendf(nil, `
general_settings: {master_key: %q}
router_settings: {num_retries: 0, disable_cooldowns: true}
model_list:
  - model_name: temporary
    litellm_params: {model: bedrock/us.amazon.nova-lite-v1:0, aws_region_name: us-east-1, aws_access_key_id: ASIALEAKEXAMPLE, aws_secret_access_key: %q, aws_session_token: %q, aws_bedrock_runtime_endpoint: %q}
  - model_name: environment
    litellm_params: {model: bedrock/us.amazon.nova-lite-v1:0, aws_region_name: us-east-1, aws_access_key_id: AKIALEAKEXAMPLE, aws_secret_access_key: os.environ/LEAK_SECRET, aws_bedrock_runtime_endpoint: %[4]q}
  - model_name: wrong-secret
    litellm_params: {model: bedrock/us.amazon.nova-lite-v1:0, aws_region_name: us-east-1, aws_access_key_id: AKIALEAKEXAMPLE, aws_secret_access_key: %[5]q, aws_bedrock_runtime_endpoint: %[4]q}
  - model_name: api-key
    litellm_params: {model: bedrock/us.amazon.nova-lite-v1:0, aws_region_name: us-east-1, api_key: %[6]q, aws_bedrock_runtime_endpoint: %[4]q}
  - model_name: foreign-api-key
    litellm_params: {model: bedrock/us.amazon.nova-lite-v1:0, aws_region_name: us-east-1, api_key: %[7]q, aws_bedrock_runtime_endpoint: %[4]q}
  - model_name: behind-a-proxy
    litellm_params: {model: bedrock/us.amazon.nova-lite-v1:0, aws_region_name: us-east-1, api_key: %[6]q, aws_bedrock_runtime_endpoint: %[8]q}
  - model_name: temporary-behind-a-proxy
    litellm_params: {model: bedrock/us.amazon.nova-lite-v1:0, aws_region_name: us-east-1, aws_access_key_id: ASIALEAKEXAMPLE, aws_secret_access_key: %[2]q, aws_session_token: %[3]q, aws_bedrock_runtime_endpoint: %[8]q}
  - model_name: callers
    litellm_params:
      model: bedrock/us.amazon.nova-lite-v1:0
      aws_region_name: us-east-1
      aws_access_key_id: AKIALEAKEXAMPLE
      aws_secret_access_key: %[5]q
      aws_bedrock_runtime_endpoint: %[4]q
      configurable_clientside_auth_params: [api_key, aws_access_key_id, aws_secret_access_key, aws_session_token, {api_base: "http://127.0.0.1:.*"}]
  - model_name: unreachable
    litellm_params: {model: bedrock/us.amazon.nova-lite-v1:0, aws_region_name: us-east-1, api_key: %[6]q, aws_bedrock_runtime_endpoint: "http://127.0.0.1:1"}
`, leakMaster, leakSecret, leakToken, upstream.URL, leakWrong, leakAPIKey, leakBadKey, parrot.URL),
	})
	if cfg == nil {
		t.Fatal(problems)
	}
	var log lines
	a := start(t, app.Options{Config: cfg, Logger: slog.New(slog.NewJSONHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug}))})

	var said strings.Builder // all that a client and an operator can see
	fmt.Fprintf(&said, "%v %+v %#v %s", cfg, cfg, cfg.General, problems)
	statuses := map[string]int{}
	ask := func(name, method, path, key, body string) {
		t.Helper()
		req, err := http.NewRequestWithContext(t.Context(), method, a.URL()+path, strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		if key != "" {
			req.Header.Set("Authorization", "Bearer "+key)
		}
		resp, err := client.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintln(&said, resp.Header)
		status, text := read(t, resp)
		fmt.Fprintln(&said, text)
		statuses[name] = status
	}
	chat := func(name, model, prompt string) {
		t.Helper()
		for _, stream := range []string{"false", "true"} {
			ask(name, http.MethodPost, "/v1/chat/completions", leakMaster, `{"model":"`+model+`","stream":`+stream+`,"messages":[{"role":"user","content":"`+prompt+`"}]}`)
		}
	}
	for _, m := range cfg.Models {
		chat(m.Name, m.Name, "Hello")
	}
	for _, word := range fault.Words() {
		chat(word, "temporary", "[[fault: "+word+"]]")
	}
	for _, word := range []string{"validation", "denied", "not-found", "throttle"} { // AWS's words that repeat the prompt
		chat("repeating "+word, "temporary", leakPrompt+" [[fault: "+word+" message=\\\"Odd: "+leakPrompt+", it is said\\\"]]")
		chat("quoting "+word, "temporary", leakPrompt+" [[fault: "+word+" message=\\\"Value '"+leakPrompt+"' is odd\\\"]]")
	}
	for _, broken := range []string{"cut=reset", "cut=fin after=1", "corrupt", "empty", "garbage", "unavailable after=1", "error-frame type=X"} {
		chat(broken, "api-key", "[[fault: "+broken+"]]")
	}
	ask("no key", http.MethodGet, "/v1/models", "", "")
	ask("wrong key", http.MethodGet, "/v1/models", leakCaller, "")
	ask("wrong key to a path", http.MethodPost, "/nowhere", leakCaller, "")
	ask("a key in the body", http.MethodPost, "/v1/chat/completions", leakMaster, `{"model":"temporary","api_key":"`+leakCaller+`","messages":[{"role":"user","content":"Hello"}]}`)
	bring := func(name, model, settings string) {
		t.Helper()
		for _, stream := range []string{"false", "true"} {
			ask(name, http.MethodPost, "/v1/chat/completions", leakMaster, `{"model":"`+model+`","stream":`+stream+`,"messages":[{"role":"user","content":"Hello"}],`+settings+`}`)
		}
	}
	session := fmt.Sprintf(`"aws_access_key_id":"ASIALEAKEXAMPLE","aws_secret_access_key":%q,"aws_session_token":%q`, leakSecret, leakToken)
	bring("bringing an API key", "callers", `"api_key":"`+leakAPIKey+`"`)
	bring("bringing a foreign API key", "callers", `"api_key":"`+leakBadKey+`"`)
	bring("bringing a session", "callers", session)
	bring("bringing half a key", "callers", fmt.Sprintf(`"aws_secret_access_key":%q`, leakSecret))
	bring("bringing a session to a proxy", "callers", session+`,"api_base":"`+parrot.URL+`"`)
	bring("bringing a key to nowhere", "callers", `"api_key":"`+leakAPIKey+`","api_base":"http://127.0.0.1:1"`)
	bring("bringing an address alone", "callers", `"api_base":"`+parrot.URL+`"`)
	bring("bringing an address that is not listed", "callers", `"api_key":"`+leakAPIKey+`","api_base":"http://`+leakToken+`@example.com"`)
	bring("bringing a list", "callers", `"api_key":["`+leakAPIKey+`"]`)
	bring("bringing a session where none may", "environment", session)
	bring("bringing a session where none may, dropping", "environment", session+`,"drop_params":true`)
	ask("a body that is cut", http.MethodPost, "/v1/chat/completions", leakMaster, `{"model":"temporary"`)
	ask("models", http.MethodGet, "/v1/models", leakMaster, "")
	ask("readiness", http.MethodGet, "/health/readiness", "", "")
	ask("metrics", http.MethodGet, "/metrics", leakMaster, "")
	if err := a.Stop(context.Background()); err != nil {
		t.Fatal(err)
	}

	for name, want := range map[string]int{
		"temporary": 200, "environment": 200, "api-key": 200, "wrong-secret": 403, "foreign-api-key": 403, "behind-a-proxy": 502, "temporary-behind-a-proxy": 502, "unreachable": 503,
		"callers": 403, "bringing an API key": 200, "bringing a foreign API key": 403, "bringing a session": 200, "bringing half a key": 400,
		"bringing a session to a proxy": 502, "bringing a key to nowhere": 503, "bringing an address alone": 400, "bringing an address that is not listed": 400, "bringing a list": 400,
		"bringing a session where none may": 400, "bringing a session where none may, dropping": 400,
		"throttle": 429, "no key": 401, "wrong key": 401, "a key in the body": 400, "models": 200, "metrics": 200,
		"repeating validation": 400, "quoting denied": 403, "repeating not-found": 404, "quoting throttle": 429,
	} {
		if statuses[name] != want {
			t.Errorf("%s: status %d, want %d; the test does not see what it is meant to", name, statuses[name], want)
		}
	}
	if !strings.Contains(said.String(), "Odd: "+leakPrompt+", it is said") || !strings.Contains(said.String(), "Value '"+leakPrompt) {
		t.Error("AWS's words do not reach the client")
	}
	if at := strings.Index(log.String(), leakPrompt); at >= 0 {
		t.Errorf("the log shows the prompt: …%s…", log.String()[max(0, at-300):min(len(log.String()), at+80)])
	}
	for where, text := range map[string]string{"the answers": said.String(), "the log": log.String()} {
		for _, secret := range secrets {
			if at := strings.Index(text, secret); at >= 0 {
				t.Errorf("%s show %q: …%s…", where, secret, text[max(0, at-200):min(len(text), at+80)])
			}
		}
	}
}
