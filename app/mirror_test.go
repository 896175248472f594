package app_test

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"outcrop/app"
)

// chatAnswer is a chat completion of which each model of the upstream has the same.
const chatAnswer = `{"id":"c","object":"chat.completion","created":1,"model":"m","choices":[{"index":0,"message":{"role":"assistant","content":"granite"},"finish_reason":"stop"}],"usage":{"prompt_tokens":1,"completion_tokens":1,"total_tokens":2}}`

// quietly has OpenAI's API, whose model quiet answers when it is released, and tells what it was sent; any other answers at once.
func quietly(t *testing.T) (url string, sent chan string, release chan struct{}) {
	t.Helper()
	sent, release = make(chan string, 10), make(chan struct{})
	upstream := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		var asked struct {
			Model  string `json:"model"`
			Stream bool   `json:"stream"`
		}
		_ = json.Unmarshal(body, &asked)
		if asked.Model == "quiet" {
			sent <- string(body)
			select {
			case <-release:
			case <-r.Context().Done():
				return
			}
		}
		if asked.Stream {
			w.Header().Set("Content-Type", "text/event-stream")
			_, _ = io.WriteString(w, `data: {"id":"c","object":"chat.completion.chunk","created":1,"model":"m","choices":[{"index":0,"delta":{"role":"assistant","content":"granite"},"finish_reason":"stop"}]}`+"\n\ndata: [DONE]\n\n")
			return
		}
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(w, chatAnswer)
	}))
	t.Cleanup(func() {
		upstream.CloseClientConnections()
		upstream.Close()
	})
	return upstream.URL, sent, release
}

// soon is what comes next.
func soon(t *testing.T, sent chan string) string {
	t.Helper()
	select {
	case got := <-sent:
		return got
	case <-time.After(20 * time.Second):
		t.Fatal("nothing was mirrored in time")
		return ""
	}
}

func TestChatsAreMirroredAndNobodyWaits(t *testing.T) {
	url, sent, release := quietly(t)
	aws := fakeRuntime(t, func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, answer) })
	at := `, api_base: "` + url + `/v1", api_key: sk-test`
	a := start(t, app.Options{Config: load(t, aws.URL, `
  - {model_name: stone, litellm_params: {model: openai/stone`+at+`, silent_model: quiet, guardrails: [personal]}}
  - {model_name: translated, litellm_params: {model: bedrock/us.amazon.nova-lite-v1:0, aws_region_name: us-east-1, aws_access_key_id: AKIDEXAMPLE, aws_secret_access_key: secret, aws_bedrock_runtime_endpoint: "`+aws.URL+`", silent_model: [quiet, nobody]}}
  - {model_name: quiet, litellm_params: {model: openai/quiet`+at+`, silent_model: stone, input_cost_per_token: 0.001, output_cost_per_token: 0.001}}
guardrails:
  - guardrail_name: personal
    litellm_params: {guardrail: litellm_content_filter, mode: pre_call, patterns: [{pattern_type: prebuilt, pattern_name: email, action: MASK}]}
general_settings: {master_key: sk-master}
`)})
	const key = "sk-of-the-test-0007"
	if status, body := asks(t, a, "sk-master", "POST", "/key/generate", `{"key":"`+key+`","models":["stone","translated"],"rpm_limit":4,"max_budget":100}`); status != 200 {
		t.Fatalf("%d %s", status, body)
	}
	const rest = `","messages":[{"role":"user","content":"What does ann@example.com know of granite?"}],"temperature":0.25`
	for _, tt := range []struct{ body, says, mirrored string }{
		{`{"model":"stone` + rest + `}`, `"content":"granite"`, "[EMAIL_REDACTED]"}, // by the guardrail of the model that was called
		{`{"model":"stone` + rest + `,"stream":true}`, `"content":"granite"`, "[EMAIL_REDACTED]"},
		{`{"model":"translated` + rest + `}`, `"content":"granite"`, "ann@example.com"},
		{`{"model":"translated` + rest + `,"n":2}`, `"index":1`, "ann@example.com"},
	} {
		if status, body := asks(t, a, key, "POST", "/v1/chat/completions", tt.body); status != 200 || !strings.Contains(body, tt.says) {
			t.Fatalf("%s: %d %s", tt.body, status, body)
		}
		got := soon(t, sent) // the client has its answer, and this one has none yet
		if !strings.Contains(got, tt.mirrored) || !strings.Contains(got, `"temperature":0.25`) || strings.Contains(tt.body, "stream") != strings.Contains(got, `"stream":true`) {
			t.Errorf("%s was mirrored as %s", tt.body, got)
		}
	}
	if status, body := asks(t, a, key, "POST", "/v1/chat/completions", `{"model":"stone`+rest+`}`); status != 429 {
		t.Errorf("the mirrored calls took the limit of the key's calls, or it was not in force: %d %s", status, body)
	}
	close(release)
	until(t, "the mirrored calls are in the books", func() bool {
		_, body := asks(t, a, "sk-master", "GET", "/spend/logs", "")
		return strings.Count(body, `"is_silent_experiment":true`) == 4+2 // the model nobody has failed
	})
	_, metrics := asks(t, a, "sk-master", "GET", "/metrics", "")
	for _, line := range []string{
		`outcrop_mirrored_requests_total{model="quiet",result="answered"} 4`, `outcrop_mirrored_requests_total{model="",result="failed"} 2`,
		`outcrop_requests_total{code="",door="mirror",model="quiet",status="200"} 4`,
	} {
		if !strings.Contains(metrics, line) {
			t.Errorf("the metrics lack %s", line)
		}
	}
	until(t, "the key has paid", func() bool {
		_, body := asks(t, a, key, "GET", "/key/info", "")
		return strings.Contains(body, `"spend":`) && !strings.Contains(body, `"spend":0,`) && !strings.Contains(body, `"spend":0.0,`)
	})
}

func TestMirroredCallsEndWithTheGateway(t *testing.T) {
	url, sent, _ := quietly(t)
	at := `, api_base: "` + url + `/v1", api_key: sk-test`
	a := start(t, app.Options{Config: load(t, url, `
  - {model_name: stone, litellm_params: {model: openai/stone`+at+`, silent_model: quiet}}
  - {model_name: quiet, litellm_params: {model: openai/quiet`+at+`}}
`)})
	if status, body := post(t, a, `{"model":"stone","messages":[{"role":"user","content":"hi"}]}`); status != 200 {
		t.Fatalf("%d %s", status, body)
	}
	soon(t, sent)
	if err := a.Stop(t.Context()); err != nil {
		t.Fatal(err)
	}
	if n := a.Client().Pipeline().Open(); n != 0 {
		t.Errorf("%d calls are open", n)
	}
}
