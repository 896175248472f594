package app_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"outcrop/app"
	emulator "outcrop/emulator/bedrock"
	accounts "outcrop/emulator/bedrock/account"
)

// judging is a service with LiteLLM's generic guardrail API: it blocks granite, writes BASALT for basalt, and keeps what it is asked.
type judging struct {
	*httptest.Server

	mu    sync.Mutex
	away  bool
	asked []judged
}

type judged struct {
	Side     string   `json:"input_type"`
	Texts    []string `json:"texts"`
	Model    string   `json:"model"`
	CallID   string   `json:"litellm_call_id"`
	Messages []struct {
		Role, Content string
	} `json:"structured_messages"`
	Caller map[string]string `json:"request_data"`
	More   map[string]any    `json:"additional_provider_specific_params"`
}

func judges(t *testing.T) *judging {
	t.Helper()
	j := &judging{}
	j.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var asked judged
		if err := json.NewDecoder(r.Body).Decode(&asked); err != nil || r.URL.Path != "/beta/litellm_basic_guardrail_api" || r.Header.Get("X-Api-Key") != "key-of-the-service" {
			w.WriteHeader(http.StatusTeapot)
			return
		}
		j.mu.Lock()
		defer j.mu.Unlock()
		j.asked = append(j.asked, asked)
		if j.away {
			w.WriteHeader(http.StatusServiceUnavailable)
			return
		}
		said := strings.Join(asked.Texts, "\n")
		var texts []string
		for _, text := range asked.Texts {
			texts = append(texts, strings.ReplaceAll(text, "basalt", "BASALT"))
		}
		answer := map[string]any{"action": "NONE"}
		switch {
		case strings.Contains(said, "granite!"):
			answer = map[string]any{"action": "BLOCKED", "blocked_reason": "no granite"}
		case strings.Contains(said, "basalt"):
			answer = map[string]any{"action": "GUARDRAIL_INTERVENED", "texts": texts}
		}
		_ = json.NewEncoder(w).Encode(answer)
	}))
	t.Cleanup(j.Close)
	return j
}

// take returns what was asked since the last time, and sets whether the service is away.
func (j *judging) take(away bool) []judged {
	j.mu.Lock()
	defer j.mu.Unlock()
	asked := j.asked
	j.asked, j.away = nil, away
	return asked
}

// echo is a provider that says what it was asked, in pieces in a stream.
func echo(t *testing.T) (url string, sent func() []string) {
	t.Helper()
	var mu sync.Mutex
	var all []string
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var asked struct {
			Messages []struct{ Content string }
			Stream   bool
		}
		_ = json.NewDecoder(r.Body).Decode(&asked)
		said := asked.Messages[len(asked.Messages)-1].Content
		mu.Lock()
		all = append(all, said)
		mu.Unlock()
		if !asked.Stream {
			w.Header().Set("Content-Type", "application/json")
			_ = json.NewEncoder(w).Encode(map[string]any{
				"id": "1", "object": "chat.completion", "created": 1, "model": "m", "usage": map[string]int{"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2},
				"choices": []any{map[string]any{"index": 0, "finish_reason": "stop", "message": map[string]string{"role": "assistant", "content": said}}},
			})
			return
		}
		w.Header().Set("Content-Type", "text/event-stream")
		for len(said) > 0 {
			n := min(7, len(said))
			fmt.Fprintf(w, "data: {\"id\":\"1\",\"object\":\"chat.completion.chunk\",\"created\":1,\"model\":\"m\",\"choices\":[{\"index\":0,\"delta\":{\"content\":%q}}]}\n\n", said[:n])
			said = said[n:]
		}
		_, _ = io.WriteString(w, "data: {\"id\":\"1\",\"object\":\"chat.completion.chunk\",\"created\":1,\"model\":\"m\",\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}]}\n\ndata: [DONE]\n\n")
	}))
	t.Cleanup(s.Close)
	return s.URL, func() []string {
		mu.Lock()
		defer mu.Unlock()
		out := all
		all = nil
		return out
	}
}

func saying(model, text, more string) string {
	return fmt.Sprintf(`{"model":%q,"messages":[{"role":"system","content":"be kind"},{"role":"user","content":%q}]%s}`, model, text, more)
}

// spoken is what a stream of chat completions says.
func spoken(body string) string {
	var out strings.Builder
	for line := range strings.SplitSeq(body, "\n") {
		var chunk struct {
			Choices []struct{ Delta struct{ Content string } }
		}
		if data, ok := strings.CutPrefix(line, "data: "); ok && json.Unmarshal([]byte(data), &chunk) == nil && len(chunk.Choices) > 0 {
			out.WriteString(chunk.Choices[0].Delta.Content)
		}
	}
	return out.String()
}

func TestAServiceThatChecks(t *testing.T) {
	service := judges(t)
	provider, sent := echo(t)
	hook, told := heard(t)
	t.Setenv("GENERIC_LOGGER_ENDPOINT", hook)
	guardrail := func(name, params string) string {
		return "\n  - guardrail_name: " + name + "\n    litellm_params: {guardrail: generic_guardrail_api, api_key: key-of-the-service, api_base: \"" + service.URL + "\", " + params + "}"
	}
	a := start(t, app.Options{DataDir: t.TempDir(), Config: load(t, provider, `
  - model_name: sand
    litellm_params: {model: openai/sand, api_key: k, api_base: "`+provider+`"}
  - model_name: checked-sand
    litellm_params: {model: openai/sand, api_key: k, api_base: "`+provider+`", guardrails: [before]}
general_settings: {master_key: sk-master}
litellm_settings: {success_callback: [generic_api], turn_off_message_logging: false}
guardrails:`+
		guardrail("before", `mode: pre_call, additional_provider_specific_params: {threshold: 0.5}`)+guardrail("after", `mode: post_call`)+guardrail("beside", `mode: during_call`)+
		guardrail("open", `mode: pre_call, unreachable_fallback: fail_open`)+guardrail("tagged", `mode: {tags: {blue: pre_call}}, default_on: true`)+`
  - guardrail_name: logged
    guardrail_info: {about: what is logged}
    litellm_params: {guardrail: litellm_content_filter, mode: logging_only, blocked_words: [{keyword: quartz, action: MASK}]}
`)})
	if status, body := asks(t, a, "sk-master", "POST", "/key/generate", `{"key":"sk-of-the-test-0003","key_alias":"anns"}`); status != 200 {
		t.Fatalf("%d %s", status, body)
	}
	call := func(body string) (int, string) {
		t.Helper()
		return asks(t, a, "sk-of-the-test-0003", "POST", "/v1/chat/completions", body)
	}
	with := func(name string) string { return `,"guardrails":["` + name + `"]` }

	t.Run("what it is told", func(t *testing.T) {
		if status, body := call(saying("sand", "some basalt", with("before"))); status != 200 || !strings.Contains(body, "some BASALT") {
			t.Fatalf("%d %s", status, body)
		}
		got := service.take(false)
		if len(got) != 1 || got[0].Side != "request" || got[0].Model != "sand" || got[0].CallID == "" || strings.Join(got[0].Texts, "|") != "be kind|some basalt" || fmt.Sprint(got[0].Messages) != "[{system be kind} {user some basalt}]" || got[0].Caller["user_api_key_alias"] != "anns" || got[0].More["threshold"] != 0.5 {
			t.Errorf("asked %+v", got)
		}
		if got := sent(); len(got) != 1 || got[0] != "some BASALT" {
			t.Errorf("sent %q", got)
		}
	})
	t.Run("what is blocked", func(t *testing.T) {
		for _, name := range []string{"before", "after", "beside"} {
			if status, body := call(saying("sand", "granite!", with(name))); status != 400 || !strings.Contains(body, `"message":"no granite"`) {
				t.Errorf("%s: %d %s", name, status, body)
			}
		}
		if status, body := call(saying("sand", "basalt", with("beside"))); status != 400 || !strings.Contains(body, "would mask something") {
			t.Errorf("masks beside the model: %d %s", status, body)
		}
		if status, _ := call(saying("checked-sand", "granite!", "")); status != 400 {
			t.Errorf("the guardrail of a model: %d", status)
		}
		sent()
		service.take(false)
	})
	t.Run("by tags", func(t *testing.T) {
		for more, want := range map[string]int{"": 200, `,"metadata":{"tags":["green"]}`: 200, `,"metadata":{"tags":["green","blue"]}`: 400} {
			if status, body := call(saying("sand", "granite!", more)); status != want {
				t.Errorf("%s: %d %s", more, status, body)
			}
		}
		sent()
		service.take(false)
	})
	t.Run("a stream", func(t *testing.T) {
		text := strings.Repeat("Words of no interest. ", 200) + "basalt" + strings.Repeat(" More of them.", 100)
		status, body := call(saying("sand", text, with("after")+`,"stream":true`))
		if want := strings.ReplaceAll(text, "basalt", "BASALT"); status != 200 || spoken(body) != want {
			t.Errorf("%d: got %q", status, spoken(body))
		}
		checks := service.take(false)
		if n := len(text)/780 + 2; len(checks) > n {
			t.Errorf("%d checks of %d bytes", len(checks), len(text))
		}
		for _, c := range checks {
			if len(c.Texts) != 1 || len(c.Texts[0]) > 1000 {
				t.Errorf("a check has %d texts, and %d bytes", len(c.Texts), len(c.Texts[0]))
			}
		}
		status, body = call(saying("sand", text+"granite!"+text, with("after")+`,"stream":true`))
		if status != 200 || !strings.Contains(body, "no granite") || strings.Contains(spoken(body), "granite") || !strings.HasPrefix(spoken(body), text[:2000]) {
			t.Errorf("%d %s", status, body)
		}
		sent()
		service.take(false)
	})
	t.Run("one that is away", func(t *testing.T) {
		service.take(true)
		if status, body := call(saying("sand", "sand", with("before"))); status != 503 || !strings.Contains(body, "gateway.guardrail_away") || len(sent()) > 0 {
			t.Errorf("%d %s", status, body)
		}
		if status, body := call(saying("sand", "sand", with("open"))); status != 200 {
			t.Errorf("%d %s", status, body)
		}
		if _, body := asks(t, a, "", "GET", "/health/readiness", ""); !strings.Contains(body, `"guardrails_down":["before","open"]`) {
			t.Errorf("readiness: %s", body)
		}
		if _, body := asks(t, a, "sk-master", "GET", "/metrics", ""); !strings.Contains(body, `outcrop_guardrail_down{guardrail="before"} 1`) || !strings.Contains(body, `outcrop_guardrail_down{guardrail="after"} 0`) {
			t.Error("metrics")
		}
		service.take(false)
		if status, _ := call(saying("sand", "sand", with("before"))); status != 200 {
			t.Errorf("back: %d", status)
		}
		if _, body := asks(t, a, "", "GET", "/health/readiness", ""); !strings.Contains(body, `"guardrails_down":["open"]`) {
			t.Errorf("readiness: %s", body)
		}
		sent()
	})
	t.Run("LiteLLM's endpoints", func(t *testing.T) {
		status, body := asks(t, a, "sk-master", "GET", "/guardrails/list", "")
		var list struct {
			Guardrails []struct {
				ID     string         `json:"guardrail_id"`
				Name   string         `json:"guardrail_name"`
				Params map[string]any `json:"litellm_params"`
				Info   map[string]any `json:"guardrail_info"`
				Where  string         `json:"guardrail_definition_location"`
			} `json:"guardrails"`
		}
		if err := json.Unmarshal([]byte(body), &list); err != nil || status != 200 || len(list.Guardrails) != 6 || list.Guardrails[0].Params["api_key"] != "****" || list.Guardrails[0].Where != "config" || list.Guardrails[5].Info["about"] != "what is logged" {
			t.Fatalf("%d %s", status, body)
		}
		if _, body := asks(t, a, "sk-of-the-test-0003", "GET", "/v2/guardrails/list", ""); strings.Contains(body, service.URL) || !strings.Contains(body, `"guardrail_name":"before"`) {
			t.Errorf("a key is shown %s", body)
		}
		if status, body := asks(t, a, "sk-master", "GET", "/guardrails/"+list.Guardrails[0].ID+"/info", ""); status != 200 || !strings.Contains(body, `"guardrail_name":"before"`) {
			t.Errorf("%d %s", status, body)
		}
		for _, c := range []struct {
			body string
			want int
			has  string
		}{
			{`{"guardrail_name":"before","text":"basalt"}`, 200, `{"response_text":"BASALT"}`},
			{`{"guardrail_name":"after","text":"granite!","input_type":"response"}`, 400, "no granite"},
			{`{"guardrail_name":"none","text":"a"}`, 404, "no guardrail"},
			{`{"guardrail_name":"before"}`, 400, "required"},
		} {
			for _, path := range []string{"/guardrails/apply_guardrail", "/apply_guardrail"} {
				if status, body := asks(t, a, "sk-of-the-test-0003", "POST", path, c.body); status != c.want || !strings.Contains(body, c.has) {
					t.Errorf("%s %s: %d %s", path, c.body, status, body)
				}
			}
		}
		if status, _ := asks(t, a, "sk-master", "GET", "/guardrails/none/info", ""); status != 404 {
			t.Errorf("info of none: %d", status)
		}
	})
	if status, body := call(saying("sand", "quartz", "")); status != 200 || !strings.Contains(body, "quartz") {
		t.Errorf("logging_only: %d %s", status, body)
	}
	if got := sent(); len(got) != 1 || got[0] != "quartz" {
		t.Errorf("logging_only: sent %q", got)
	}
	if err := a.Stop(t.Context()); err != nil { // sends what waits
		t.Error(err)
	}
	close(told)
	logged := ""
	for body := range told {
		logged += body
	}
	if strings.Contains(logged, "quartz") || strings.Count(logged, "[KEYWORD_REDACTED]") != 2 {
		t.Errorf("a callback got quartz, or no mask in request and response: %s", logged)
	}
}

// TestBedrocksGuardrail asks the emulator, which has one that blocks blockedword and masks addresses.
func TestBedrocksGuardrail(t *testing.T) {
	provider, sent := echo(t)
	e, err := emulator.New(emulator.Options{})
	if err != nil {
		t.Fatal(err)
	}
	bedrock := httptest.NewServer(judge.Watch(e))
	defer bedrock.Close()
	a := start(t, app.Options{Config: load(t, bedrock.URL, `
  - model_name: sand
    litellm_params: {model: openai/sand, api_key: k, api_base: "`+provider+`"}
guardrails:
  - guardrail_name: aws
    litellm_params:
      guardrail: bedrock
      mode: [pre_call, post_call]
      default_on: true
      guardrailIdentifier: ff6ujrregl1q
      guardrailVersion: DRAFT
      aws_region_name: us-east-1
      aws_access_key_id: `+emulator.DemoAccessKeyID+`
      aws_secret_access_key: `+string(emulator.DemoSecretAccessKey)+`
      aws_bedrock_runtime_endpoint: "`+bedrock.URL+`"
`)})
	if status, body := asks(t, a, "", "POST", "/v1/chat/completions", saying("sand", "write to jo@example.org", "")); status != 200 || !strings.Contains(body, "write to {EMAIL}") {
		t.Errorf("%d %s", status, body)
	}
	if got := sent(); len(got) != 1 || got[0] != "write to {EMAIL}" {
		t.Errorf("sent %q", got)
	}
	denied := accountOf(t, `{"users":[{"name":"gateway","policies":[{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"bedrock:InvokeModel","Resource":"*"}]}],"keys":[{"accessKeyId":"`+emulator.DemoAccessKeyID+`","secretAccessKey":"`+string(emulator.DemoSecretAccessKey)+`"}]}]}`)
	if err := e.SetAccount(denied); err != nil {
		t.Fatal(err)
	}
	status, body := asks(t, a, "", "POST", "/v1/chat/completions", saying("sand", "sand", ""))
	var refusal struct {
		Error struct {
			Message string
			Outcrop struct {
				Code, Actor string
				Statement   json.RawMessage
			}
		}
	}
	sent()
	if err := json.Unmarshal([]byte(body), &refusal); err != nil || status != 503 || refusal.Error.Outcrop.Code != "gateway.guardrail_away" || refusal.Error.Outcrop.Actor != "aws_admin" ||
		!strings.Contains(refusal.Error.Message, "is not authorized to perform: bedrock:ApplyGuardrail") || !strings.Contains(string(refusal.Error.Outcrop.Statement), `guardrail/ff6ujrregl1q"`) {
		t.Errorf("%d %s", status, body)
	}
	if err := e.SetAccount(nil); err != nil {
		t.Fatal(err)
	}
	if status, body := asks(t, a, "", "POST", "/v1/messages", `{"model":"sand","max_tokens":9,"messages":[{"role":"user","content":"blockedword"}]}`); status != 400 || !strings.Contains(body, "Violated guardrail policy: Sorry, the model cannot answer this question.") || len(sent()) > 0 {
		t.Errorf("%d %s", status, body)
	}
}

func accountOf(t *testing.T, text string) *accounts.Setup {
	t.Helper()
	s, err := accounts.Parse([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// TestBedrocksGuardrailInADemo needs neither an account nor an address.
func TestBedrocksGuardrailInADemo(t *testing.T) {
	a := start(t, app.Options{Emulate: true, Config: load(t, "http://127.0.0.1:1", `
guardrails:
  - guardrail_name: aws
    litellm_params: {guardrail: bedrock, mode: pre_call, default_on: true, guardrailIdentifier: demo, guardrailVersion: DRAFT}
`)})
	for text, want := range map[string]int{"hello": 200, "blockedword": 400} {
		if status, body := asks(t, a, "", "POST", "/v1/chat/completions", saying("granite", text, "")); status != want {
			t.Errorf("%s: %d %s", text, status, body)
		}
	}
}
