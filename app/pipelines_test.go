package app_test

import (
	"bytes"
	"io"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"outcrop/app"
	"outcrop/internal/jsonx"
)

// named is an upstream of OpenAI's API whose answers say which model was asked.
func named(t *testing.T) string {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		raw, _ := io.ReadAll(r.Body)
		var body struct {
			Model string `json:"model"`
		}
		if jsonx.Unmarshal(raw, &body) != nil {
			_, body.Model, _ = strings.Cut(string(raw), "name=\"model\"\r\n\r\n")
			body.Model, _, _ = strings.Cut(body.Model, "\r\n")
		}
		model := body.Model
		w.Header().Set("Content-Type", "application/json")
		switch {
		case strings.HasSuffix(r.URL.Path, "/images/generations"), strings.HasSuffix(r.URL.Path, "/images/edits"):
			_, _ = io.WriteString(w, `{"created":1,"data":[{"url":"https://example.com/`+model+`.png"}]}`)
		case strings.HasSuffix(r.URL.Path, "/moderations"):
			_, _ = io.WriteString(w, `{"id":"m","model":"`+model+`","results":[]}`)
		default:
			_, _ = io.WriteString(w, `{"id":"c","object":"chat.completion","created":1,"model":"`+model+`","choices":[{"index":0,"message":{"role":"assistant","content":"I am `+model+`"},"finish_reason":"stop"}],"usage":{"prompt_tokens":1,"completion_tokens":1,"total_tokens":2}}`)
		}
	}))
	t.Cleanup(server.Close)
	return server.URL + "/v1"
}

// replying is a policy whose pipeline answers in place of the model.
func replying(mode, word string) string {
	return `
guardrails:
  - {guardrail_name: words, litellm_params: {guardrail: litellm_content_filter, mode: ` + mode + `, blocked_words: [{keyword: ` + word + `, action: BLOCK}]}}
policies:
  kind:
    guardrails: {add: [words]}
    pipeline: {mode: ` + mode + `, steps: [{guardrail: words, on_fail: modify_response, modify_response_message: Ask about sand.}]}
policy_attachments: [{policy: kind, scope: "*"}]
`
}

func TestAPipelineAnswersInEachDialect(t *testing.T) {
	r := reloadable(t, replying("pre_call", "mud"))
	for _, tt := range []struct {
		path, body string
		stop       string // how the response says why it has ended
	}{
		{"/v1/chat/completions", `{"model":"stone","messages":[{"role":"user","content":"mud"}]`, `"finish_reason":"content_filter"`},
		{"/v1/completions", `{"model":"stone","prompt":"mud"`, `"finish_reason":"content_filter"`},
		{"/v1/messages", `{"model":"stone","max_tokens":9,"messages":[{"role":"user","content":"mud"}]`, `"stop_reason":"end_turn"`},
		{"/v1/responses", `{"model":"stone","input":"mud"`, `"status":"completed"`},
		{"/v1beta/models/stone:generateContent", `{"contents":[{"role":"user","parts":[{"text":"mud"}]}]`, `"finishReason":"STOP"`},
	} {
		for _, stream := range []bool{false, true} {
			path, body := tt.path, tt.body+"}"
			switch {
			case stream && strings.HasSuffix(path, "generateContent"):
				path = strings.Replace(path, "generateContent", "streamGenerateContent?alt=sse", 1)
			case stream:
				body = tt.body + `,"stream":true}`
			}
			status, got := asks(t, r.a, r.master, "POST", path, body)
			if status != 200 || !strings.Contains(got, "Ask about sand.") || !strings.Contains(strings.ReplaceAll(got, ": ", ":"), tt.stop) {
				t.Errorf("%s, stream %v: %d %s; want %s", path, stream, status, got, tt.stop)
			}
		}
	}
	if n := r.called.Load(); n > 0 {
		t.Errorf("the model was called %d times", n)
	}
	if status, body := asks(t, r.a, r.master, "POST", "/v1/embeddings", `{"model":"stone","input":"mud"}`); status != 400 || !strings.Contains(body, "Ask about sand.") {
		t.Errorf("embeddings: %d %s", status, body)
	}
	r.wants("sand", 200)
	if n := r.called.Load(); n != 1 {
		t.Errorf("the model was called %d times", n)
	}
}

func TestAReloadTakesOverPipelines(t *testing.T) {
	r := reloadable(t, "")
	answers := func(text, want string) {
		t.Helper()
		if status, body := r.says(text); status != 200 || !strings.Contains(body, want) {
			t.Errorf("%s: %d %s, want %s", text, status, body, want)
		}
	}
	answers("mud", `"hi"`)
	if restart := r.reload(replying("pre_call", "mud")); len(restart) > 0 {
		t.Errorf("needs a restart: %q", restart)
	}
	answers("mud", "Ask about sand.")
	if restart := r.reload(strings.Replace(replying("pre_call", "mud"), "Ask about sand.", "Ask about clay.", 1)); len(restart) > 0 {
		t.Errorf("needs a restart: %q", restart)
	}
	answers("mud", "Ask about clay.")
	r.reload(replying("post_call", "hi")) // the model says so
	answers("mud", "Ask about sand.")
	r.reload(strings.Replace(replying("pre_call", "mud"), "on_fail: modify_response, modify_response_message: Ask about sand.", "on_fail: block", 1))
	r.wants("mud", 400)
	r.reload("")
	answers("mud", `"hi"`)
}

func TestAReloadTakesOverModelsThatReplaceOthers(t *testing.T) {
	base := named(t)
	f := &file{}
	write := func(general string) {
		var b strings.Builder
		b.WriteString("model_list:\n")
		for _, model := range []string{"sand", "clay"} {
			b.WriteString(`  - {model_name: ` + model + `, litellm_params: {model: openai/` + model + `, api_base: "` + base + `", api_key: sk-test}}` + "\n")
		}
		b.WriteString("general_settings: {master_key: " + reloadedMaster + general + "}\n")
		f.write(b.String())
	}
	write("")
	cfg, problems, _ := f.load(t.Context())
	if cfg == nil {
		t.Fatal(problems)
	}
	a := start(t, app.Options{Config: cfg, Reload: f.load, Environ: func(string) string { return "" }, DataDir: t.TempDir()})
	calls := func(path, body, want string) {
		t.Helper()
		if status, got := asks(t, a, reloadedMaster, "POST", path, body); status != 200 || !strings.Contains(got, want) {
			t.Errorf("%s: %d %s, want %s", path, status, got, want)
		}
	}
	const (
		chat  = `{"model":"sand","messages":[{"role":"user","content":"hi"}]}`
		image = `{"model":"sand","prompt":"a dune"}`
		judge = `{"model":"sand","input":"hi"}`
	)
	edits := func(want string) {
		t.Helper()
		var form bytes.Buffer
		w := multipart.NewWriter(&form)
		_ = w.WriteField("model", "sand")
		_ = w.WriteField("prompt", "a dune")
		part, err := w.CreateFormFile("image", "a.png")
		if err != nil {
			t.Fatal(err)
		}
		_, _ = io.WriteString(part, "\x89PNG\r\n\x1a\n")
		_ = w.Close()
		req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, a.URL()+"/v1/images/edits", &form)
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Content-Type", w.FormDataContentType())
		req.Header.Set("Authorization", "Bearer "+reloadedMaster)
		resp, err := client.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		if status, got := read(t, resp); status != 200 || !strings.Contains(got, want+".png") {
			t.Errorf("edits: %d %s, want %s", status, got, want)
		}
	}
	all := func(completion, images, moderation string) {
		t.Helper()
		calls("/v1/chat/completions", chat, "I am "+completion)
		calls("/v1/messages", `{"max_tokens":9,`+chat[1:], "I am "+completion)
		calls("/v1/images/generations", image, images+".png")
		edits(images)
		calls("/v1/moderations", judge, `"model":"`+moderation+`"`)
	}
	all("sand", "sand", "sand")
	for _, tt := range []struct{ general, completion, images, moderation string }{
		{", completion_model: clay", "clay", "sand", "sand"},
		{", image_generation_model: clay", "sand", "clay", "sand"},
		{", moderation_model: clay, completion_model: clay", "clay", "sand", "clay"},
		{"", "sand", "sand", "sand"},
	} {
		write(tt.general)
		if status, body := asks(t, a, reloadedMaster, "POST", "/config/reload", ""); status != 200 || strings.Contains(body, "needs_restart\":[\"") {
			t.Fatalf("%s: %d %s", tt.general, status, body)
		}
		all(tt.completion, tt.images, tt.moderation)
	}
}
