package app_test

import (
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"outcrop/app"
	"outcrop/config"
	"outcrop/emulator/bedrock"
	"outcrop/provider/all"
)

// misplaced are bodies with a caller's words, MARK, where none belong, each in a
// request that is refused. A caller that puts its parts in the wrong places writes
// its prompts there.
func misplaced() map[string]string {
	const user = `{"role":"user","content":"Hi"}`
	body := func(messages, more string) string {
		return `{"model":"granite","messages":[` + messages + `]` + more + `}`
	}
	part := func(part string) string { return body(`{"role":"user","content":[`+part+`]}`, "") }
	tool := `,"tools":[{"type":"function","function":{"name":"f","parameters":{"type":"object"}}}]`
	call := `{"role":"assistant","tool_calls":[{"id":"a","type":"function","function":{"name":"f","arguments":"{}"}}]}`
	return map[string]string{
		"a role":                          body(`{"role":"MARK","content":"Hi"}`, ""),
		"a type of content":               part(`{"type":"MARK","text":"Hi"}`),
		"the type of a data URI":          part(`{"type":"image_url","image_url":{"url":"data:MARK;base64,AAAA"}}`),
		"the subtype of a data URI":       part(`{"type":"image_url","image_url":{"url":"data:image/MARK;base64,AAAA"}}`),
		"a data URI that is none":         part(`{"type":"image_url","image_url":{"url":"data:MARK"}}`),
		"an address":                      part(`{"type":"image_url","image_url":{"url":"MARK"}}`),
		"an address of another kind":      part(`{"type":"image_url","image_url":{"url":"MARK://x"}}`),
		"the host of an address":          part(`{"type":"image_url","image_url":{"url":"http://mark.invalid/MARK"}}`),
		"the format of an image":          part(`{"type":"image_url","image_url":{"url":"data:image/png;base64,AAAA","format":"MARK"}}`),
		"the format of a sound":           part(`{"type":"input_audio","input_audio":{"data":"AAAA","format":"MARK"}}`),
		"the data of a file":              part(`{"type":"file","file":{"file_data":"MARK"}}`),
		"a file's id":                     part(`{"type":"file","file":{"file_id":"MARK"}}`),
		"a member of a part":              part(`{"MARK":{"text":"Hi"}}`),
		"a member of an image":            part(`{"image":{"MARK":1}}`),
		"a tool call's id":                body(user+","+call+`,{"role":"tool","tool_call_id":"MARK","content":"x"}`, tool),
		"a tool call's type":              body(`{"role":"assistant","tool_calls":[{"id":"a","type":"MARK","function":{"name":"f","arguments":"{}"}}]}`, tool),
		"a tool call's id, twice":         body(user+`,{"role":"assistant","tool_calls":[{"id":"MARK","type":"function","function":{"name":"f","arguments":"{}"}},{"id":"MARK","type":"function","function":{"name":"f","arguments":"{}"}}]}`, tool),
		"a tool call's arguments":         body(user+`,{"role":"assistant","tool_calls":[{"id":"a","type":"function","function":{"name":"f","arguments":"MARK"}}]},{"role":"tool","tool_call_id":"a","content":"x"}`, tool),
		"a function's name":               body(user+`,{"role":"assistant","function_call":{"name":"f","arguments":"{}"}},{"role":"function","name":"MARK","content":"x"}`, tool),
		"a tool's status":                 body(user+","+call+`,{"role":"tool","tool_call_id":"a","status":"MARK","content":"x"}`, tool),
		"a tool's type":                   body(user, `,"tools":[{"type":"MARK","function":{"name":"f"}}]`),
		"a tool's name, twice":            body(user, `,"tools":[{"type":"function","function":{"name":"MARK"}},{"type":"function","function":{"name":"MARK"}}]`),
		"a tool's parameters":             body(user, `,"tools":[{"type":"function","function":{"name":"f","parameters":"MARK"}}]`),
		"a property of a tool's":          body(user, `,"tools":[{"type":"function","function":{"name":"f","parameters":{"type":"object","properties":{"MARK":{"$ref":"#/properties/MARK"}}}}}]`),
		"a reference of a tool's":         body(user, `,"tools":[{"type":"function","function":{"name":"f","parameters":{"$ref":"#/MARK"}}}]`),
		"a choice of a tool":              body(user, tool+`,"tool_choice":"MARK"`),
		"a choice of a named tool":        body(user, tool+`,"tool_choice":{"type":"function","function":{"name":"MARK"}}`),
		"a choice's mode":                 body(user, tool+`,"tool_choice":{"type":"allowed_tools","allowed_tools":{"mode":"MARK","tools":[]}}`),
		"a choice's tools":                body(user, tool+`,"tool_choice":{"type":"allowed_tools","allowed_tools":{"mode":"auto","tools":[{"type":"MARK","function":{"name":"MARK"}}]}}`),
		"a type of answer":                body(user, `,"response_format":{"type":"MARK"}`),
		"an effort":                       body(user, `,"reasoning_effort":"MARK"`),
		"a thought's type":                body(`{"role":"assistant","content":"x","thinking_blocks":[{"type":"MARK"}]}`, ""),
		"a setting of thoughts":           body(user, `,"thinking":"MARK"`),
		"a setting of thoughts' type":     body(user, `,"thinking":{"type":"MARK"}`),
		"a number":                        body(user, `,"temperature":"MARK"`),
		"a boolean":                       body(user, `,"stream":"MARK"`),
		"a list":                          body(user, `,"logit_bias":"MARK"`),
		"a member that is none":           body(user, `,"api_MARK":1,"functions":"MARK"`),
		"a member that stands twice":      body(user, `,"MARK":1,"MARK":2`),
		"a member within, twice":          body(user, `,"metadata":{"MARK":"1","MARK":"2"}`),
		"a member of a message, twice":    body(`{"role":"user","content":"Hi","MARK":1,"MARK":1}`, ""),
		"the name of a label":             body(user, `,"metadata":{"MARK":1}`),
		"the name of a label, odd":        body(user, `,"metadata":{"MARK~?":"x"}`),
		"the value of a label":            body(user, `,"metadata":{"x":"MARK~?"}`),
		"the name of a header":            body(user, `,"extra_headers":{"MARK ":"x"}`),
		"the name of a header, a list":    body(user, `,"extra_headers":{"MARK":[]}`),
		"the value of a header":           body(user, `,"extra_headers":{"x-y":"MARK\n"}`),
		"a body beside":                   body(user, `,"extra_body":"MARK"`),
		"an injection":                    body(user, `,"cache_control_injection_points":[{"location":"MARK"}]`),
		"an injection's role":             body(user, `,"cache_control_injection_points":[{"location":"message","role":"MARK"}]`),
		"a tier":                          body(user, `,"service_tier":"MARK"`),
		"a field of the model's, twice":   body(user, `,"MARK":1,"additionalModelRequestFields":{"MARK":1}`),
		"a number that is none":           `{"model":"granite","messages":[` + user + `],"top_k":MARK}`,
		"a body that is cut":              `{"model":"granite","messages":[{"role":"user","content":"MARK`,
		"a body that is none":             `MARK`,
		"a surrogate that is none":        `{"model":"granite","messages":[{"role":"user","content":"MARK\ud800MARK"}]}`,
		"a letter that is none":           "{\"model\":\"granite\",\"messages\":[{\"role\":\"user\",\"content\":\"MARK\xffMARK\"}]}",
		"a role's ARN":                    `{"model":"callers","messages":[` + user + `],"aws_role_name":"MARK","aws_session_name":"x"}`,
		"a region":                        `{"model":"callers","messages":[` + user + `],"aws_region_name":"MARK"}`,
		"a region of its own":             `{"model":"callers","messages":[` + user + `],"aws_region_name":"MARK","api_key":"x"}`,
		"an address of the caller's":      `{"model":"callers","messages":[` + user + `],"api_base":"MARK","api_key":"x"}`,
		"an address of the caller's, odd": `{"model":"callers","messages":[` + user + `],"api_base":"http://x.invalid/MARK y","api_key":"x"}`,
		"a setting that none may bring":   body(user, `,"aws_session_name":"MARK"`),
		"a session's name":                `{"model":"callers","messages":[` + user + `],"aws_session_name":"MARK","api_key":"x"}`,
		"a profile":                       `{"model":"callers","messages":[` + user + `],"aws_profile_name":"MARK"}`,
		"a token":                         `{"model":"callers","messages":[` + user + `],"aws_web_identity_token":"MARK","aws_role_name":"arn:aws:iam::111122223333:role/x"}`,
	}
}

// TestWhatIsMisplacedIsNotLogged puts a caller's words into every place of a request
// that a refusal may name, and looks for them in the log. The caller itself is told
// what it sent.
func TestWhatIsMisplacedIsNotLogged(t *testing.T) {
	const mark = "PROMPTMARKER"
	em, err := bedrock.New(bedrock.Options{Keys: []bedrock.Key{{AccessKeyID: "AKIDEXAMPLE", SecretAccessKey: "secret"}}})
	if err != nil {
		t.Fatal(err)
	}
	upstream := httptest.NewServer(em)
	defer upstream.Close()
	cfg, problems := config.Load(config.Source{
		Name: "config.yaml", LookupEnv: func(string) (string, bool) { return "", false }, Providers: all.Providers(),
		Data: fmt.Appendf(nil, `
model_list:
  - model_name: granite
    litellm_params: {model: bedrock/us.amazon.nova-lite-v1:0, aws_region_name: us-east-1, aws_access_key_id: AKIDEXAMPLE, aws_secret_access_key: secret, aws_bedrock_runtime_endpoint: %[1]q}
  - model_name: callers
    litellm_params:
      model: bedrock/us.amazon.nova-lite-v1:0
      aws_region_name: us-east-1
      aws_access_key_id: AKIDEXAMPLE
      aws_secret_access_key: secret
      aws_bedrock_runtime_endpoint: %[1]q
      aws_sts_endpoint: %[1]q
      configurable_clientside_auth_params: [api_key, aws_region_name, aws_role_name, aws_session_name, aws_web_identity_token, {api_base: "http://.*"}]
`, upstream.URL),
	})
	if cfg == nil {
		t.Fatal(problems)
	}
	var log lines
	a := start(t, app.Options{Config: cfg, Logger: slog.New(slog.NewJSONHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug}))})
	told := 0
	look := func(t *testing.T, method, path, body string) {
		t.Helper()
		before := len(log.String())
		req, err := http.NewRequestWithContext(t.Context(), method, a.URL()+path, strings.NewReader(strings.ReplaceAll(body, "MARK", mark)))
		if err != nil {
			t.Fatal(err)
		}
		resp, err := client.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		status, text := read(t, resp)
		if status < 400 {
			t.Logf("status %d: the place takes anything", status)
		}
		if strings.Contains(text, mark) {
			told++
		}
		line := log.String()[before:]
		if !strings.Contains(line, `"status":`) {
			t.Errorf("no line: %s", line)
		}
		if strings.Contains(strings.ToUpper(line), mark) {
			t.Errorf("the log has the words: %s", line)
		}
	}
	for name, body := range misplaced() {
		t.Run(name, func(t *testing.T) { look(t, http.MethodPost, "/v1/chat/completions", body) })
	}
	for _, path := range []string{"/MARK", "/v1/MARK?MARK", "/v1/models/MARK", "/v1/models/a%22MARK", "/openai/deployments/x/MARK", "/%22MARK"} {
		path = strings.ReplaceAll(path, "MARK", mark)
		t.Run(path, func(t *testing.T) { look(t, http.MethodGet, path, "") })
		t.Run("POST "+path, func(t *testing.T) { look(t, http.MethodPost, path, `{}`) })
	}
	t.Run("a method", func(t *testing.T) { look(t, mark, "/v1/models", "") })
	if told < 20 {
		t.Errorf("only %d callers are told what they sent; the test does not see what it is meant to", told)
	}
}
