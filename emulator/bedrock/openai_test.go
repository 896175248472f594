package bedrock

import (
	"cmp"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"outcrop/emulator/bedrock/account"
	"outcrop/emulator/bedrock/catalogue"
	"outcrop/emulator/bedrock/fault"
	"outcrop/emulator/bedrock/policy"
	"outcrop/provider/bedrock/catalog"
	"outcrop/provider/bedrock/sign"
)

// Hosts of the two surfaces.
const (
	runtimeHost = "bedrock-runtime.us-east-1.amazonaws.com"
	mantleHost  = "bedrock-mantle.us-east-1.api.aws"
)

// ask posts a body to a path with an API key. host is the Host of the request; empty for the emulator's own.
func (s *server) ask(t *testing.T, host, path, body string, edit ...func(*http.Request)) answer {
	t.Helper()
	return s.send(t, http.MethodPost, path, body, func(r *http.Request) {
		apiKey(r)
		if host != "" {
			r.Host = host
		}
		for _, change := range edit {
			change(r)
		}
	})
}

// signedFor signs a request for a service, with another body than the request has if body is set.
func signedFor(service, host, body string) func(*http.Request) {
	return func(r *http.Request) {
		r.Header.Del("Authorization")
		var s sign.Signer
		s.Sign(&sign.Request{Method: r.Method, Host: cmp.Or(host, r.URL.Host), Path: r.URL.EscapedPath(), Header: r.Header, Body: [][]byte{[]byte(body)}},
			sign.Credentials{AccessKey: DemoAccessKeyID, SecretKey: string(DemoSecretAccessKey)}, "us-east-1", service, noon)
	}
}

// openAIFault is an error in OpenAI's form.
type openAIFault struct {
	Error struct{ Code, Message, Param, Type string }
}

func wantFault(t *testing.T, a answer, status int, code, message string) {
	t.Helper()
	var f openAIFault
	if err := json.Unmarshal(a.body, &f); err != nil || a.status != status || f.Error.Code != code || !strings.Contains(f.Error.Message, message) {
		t.Errorf("got %d %s, want %d %s %q", a.status, a.body, status, code, message)
	}
}

func TestWhichSurfaceHasAModel(t *testing.T) {
	t.Parallel()
	s := start(t, Options{})
	const noAPI = "does not support the '/v1/responses' API"
	for _, tt := range []struct {
		host, path, model string
		status            int
		says              string
	}{
		{mantleHost, "/openai/v1/responses", "openai.gpt-5.5", 200, ""},
		{mantleHost, "/openai/v1/responses", "openai.gpt-5.6-sol", 200, ""},
		{mantleHost, "/v1/responses", "openai.gpt-oss-120b", 200, ""},
		{mantleHost, "/v1/responses", "openai.gpt-5.5", 400, noAPI},
		{mantleHost, "/openai/v1/responses", "openai.gpt-oss-120b", 400, noAPI},
		{mantleHost, "/v1/responses", "qwen.qwen3-32b", 400, noAPI},
		{mantleHost, "/openai/v1/responses", "us.openai.gpt-5.6-sol", 404, "The model 'us.openai.gpt-5.6-sol' does not exist"},
		{mantleHost, "/openai/v1/responses", "openai.gpt-oss-120b-1:0", 404, "does not exist"},
		{"bedrock-mantle.eu-west-1.api.aws", "/openai/v1/responses", "openai.gpt-5.5", 404, "does not exist"},
		{runtimeHost, "/openai/v1/responses", "us.openai.gpt-5.6-sol", 200, ""},
		{runtimeHost, "/openai/v1/responses", "global.openai.gpt-6-sol", 200, ""},
		{runtimeHost, "/openai/v1/responses", "openai.gpt-5.6-sol", 400, "isn’t supported"},
		{runtimeHost, "/openai/v1/responses", "eu.openai.gpt-5.6-sol", 400, "The provided model identifier is invalid."},
		{runtimeHost, "/openai/v1/responses", "openai.gpt-5.5", 400, "The provided model identifier is invalid."},
		{runtimeHost, "/openai/v1/responses", "us.anthropic.claude-sonnet-4-5-20250929-v1:0", 400, noAPI},
		{"", "/openai/v1/responses", "us.openai.gpt-5.6-sol", 200, ""}, // by the ids alone
		{"", "/openai/v1/responses", "openai.gpt-5.5", 200, ""},
		{"", "/openai/v1/responses", "nobody.nothing", 404, "does not exist"},
	} {
		a := s.ask(t, tt.host, tt.path, fmt.Sprintf(`{"model":%q,"input":"Hi"}`, tt.model))
		if a.status != tt.status || !strings.Contains(string(a.body), tt.says) {
			t.Errorf("%s%s %s: %d %s", tt.host, tt.path, tt.model, a.status, a.body)
		}
	}
}

func TestASignatureSaysWhichSurfaceIsMeant(t *testing.T) {
	t.Parallel()
	s := start(t, Options{})
	const onMantle, onRuntime = `{"model":"openai.gpt-5.6-sol","input":"Hi"}`, `{"model":"us.openai.gpt-5.6-sol","input":"Hi"}`
	for _, tt := range []struct {
		host, service, body string
		status              int
	}{
		{"", "bedrock-mantle", onMantle, 200},
		{"", "bedrock", onRuntime, 200},
		{"", "bedrock", onMantle, 400},
		{"", "bedrock-mantle", onRuntime, 404},
		{mantleHost, "bedrock-mantle", onMantle, 200},
		{mantleHost, "bedrock", onMantle, 401},
		{runtimeHost, "bedrock-mantle", onRuntime, 403},
	} {
		a := s.ask(t, tt.host, "/openai/v1/responses", tt.body, signedFor(tt.service, tt.host, tt.body))
		if a.status != tt.status {
			t.Errorf("%s signed for %s: %d %s", tt.host, tt.service, a.status, a.body)
		}
	}
	wantFault(t, s.ask(t, mantleHost, "/openai/v1/responses", onMantle, signedFor("bedrock-mantle", mantleHost, "another")), 401, "invalid_api_key", "signature")
	wantFault(t, s.ask(t, mantleHost, "/openai/v1/responses", onMantle, func(r *http.Request) { r.Header.Set("Authorization", "Bearer ABSKnobody") }), 403, "access_denied", "API Key")
}

// kinds are the kinds of the values of a document by their paths; the elements of a list are one.
func kinds(v any, at string, all map[string]string) {
	switch v := v.(type) {
	case map[string]any:
		all[at] = "object"
		for name, inner := range v {
			kinds(inner, at+"."+name, all)
		}
	case []any:
		all[at] = "list"
		for _, inner := range v {
			kinds(inner, at+"[]", all)
		}
	default:
		all[at] = fmt.Sprintf("%T", v)
	}
}

func TestResponsesHaveTheShapeOfRecordedOnes(t *testing.T) {
	t.Parallel()
	folder := os.Getenv("OUTCROP_RECORDINGS")
	if folder == "" {
		folder = filepath.Join("..", "..", "..", "shared", "recordings")
	}
	files, err := filepath.Glob(filepath.Join(folder, "test-bedrock-mantle-*.json"))
	if err != nil || len(files) == 0 {
		t.Skip("there are no recordings: ", err)
	}
	s := start(t, Options{})
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		var r struct {
			URL      string
			Request  struct{ JSON json.RawMessage }
			Response struct{ JSON any }
		}
		if err := json.Unmarshal(text, &r); err != nil {
			t.Fatal(err)
		}
		path := strings.TrimPrefix(r.URL, "https://"+mantleHost)
		a := s.ask(t, mantleHost, path, string(r.Request.JSON))
		var got any
		if err := json.Unmarshal(a.body, &got); err != nil || a.status != 200 {
			t.Fatalf("%s: %d %s", filepath.Base(file), a.status, a.body)
		}
		want, have := map[string]string{}, map[string]string{}
		kinds(r.Response.JSON, "", want)
		kinds(got, "", have)
		for at, kind := range want {
			if strings.HasPrefix(at, ".output[]") && have[at] == "" { // another answer
				continue
			}
			if strings.HasPrefix(at, ".text.format.description") || at == ".reasoning.context" { // not in all recordings
				continue
			}
			if have[at] != kind {
				t.Errorf("%s: %s is %s, not %s", filepath.Base(file), at, have[at], kind)
			}
		}
		for at := range have {
			if want[at] == "" && !strings.HasPrefix(at, ".output[]") {
				t.Errorf("%s: %s is not in the recording", filepath.Base(file), at)
			}
		}
	}
}

// eventsOf are the types of a stream's events and their data.
func eventsOf(t *testing.T, body []byte) (types []string, data []map[string]any) {
	t.Helper()
	for block := range strings.SplitSeq(strings.TrimSuffix(string(body), "\n\n"), "\n\n") {
		kind, rest, ok := strings.Cut(block, "\ndata: ")
		var v map[string]any
		if err := json.Unmarshal([]byte(rest), &v); err != nil || !ok {
			t.Fatalf("an event %q: %v", block, err)
		}
		types, data = append(types, strings.TrimPrefix(kind, "event: ")), append(data, v)
	}
	return types, data
}

func TestResponsesAreStreamedInOrder(t *testing.T) {
	t.Parallel()
	s := start(t, Options{})
	a := s.ask(t, mantleHost, "/openai/v1/responses", `{"model":"openai.gpt-5.5","stream":true,"input":"[[call: look {\"at\":\"granite\"}]] [[call: patch {\"input\":\"x\"}]]",
		"include":["reasoning.encrypted_content"],"reasoning":{"effort":"high","summary":"auto"},
		"tools":[{"type":"function","name":"look","parameters":{"type":"object","properties":{"at":{"type":"string"}}}},{"type":"custom","name":"patch"}]}`)
	types, data := eventsOf(t, a.body)
	for i, v := range data {
		if v["sequence_number"] != float64(i) || v["type"] != types[i] {
			t.Errorf("event %d is %v", i, v)
		}
	}
	want := []string{
		"response.created", "response.in_progress",
		"response.output_item.added", "response.reasoning_summary_part.added", "response.reasoning_summary_text.delta", "response.reasoning_summary_text.done", "response.reasoning_summary_part.done", "response.output_item.done",
		"response.output_item.added", "response.function_call_arguments.delta", "response.function_call_arguments.done", "response.output_item.done",
		"response.output_item.added", "response.custom_tool_call_input.delta", "response.custom_tool_call_input.done", "response.output_item.done",
		"response.completed",
	}
	if got := slices.Compact(slices.Clone(types)); !slices.Equal(got, want) {
		t.Errorf("the events are %v", got)
	}
	last := data[len(data)-1]["response"].(map[string]any)
	output := last["output"].([]any)
	for i, want := range []string{"reasoning", "function_call", "custom_tool_call"} {
		if item := output[i].(map[string]any); item["type"] != want || want != "reasoning" && item["call_id"] != fmt.Sprintf("call_%d", i-1) {
			t.Errorf("item %d is %v", i, item)
		}
	}
	if sealed := output[0].(map[string]any)["encrypted_content"]; !strings.HasPrefix(fmt.Sprint(sealed), "rsn_") {
		t.Errorf("the reasoning is sealed as %v", sealed)
	}
	if details := last["usage"].(map[string]any)["output_tokens_details"].(map[string]any); details["reasoning_tokens"] == float64(0) {
		t.Errorf("the usage is %v", last["usage"])
	}
}

func TestTheStreamHasWhatTheWholeResponseHas(t *testing.T) {
	t.Parallel()
	for _, body := range []string{
		`"input":"[[words: 60]]","max_output_tokens":30`,
		`"input":"[[answer: granite]]","reasoning":{"effort":"none"},"temperature":0.5`,
		`"input":"A city","text":{"format":{"type":"json_schema","name":"c","schema":{"type":"object","properties":{"city":{"type":"string"}}}}}`,
	} {
		one := func(stream string) []byte { // of an emulator of its own, so that the ids are the same
			return start(t, Options{}).ask(t, mantleHost, "/openai/v1/responses", `{"model":"openai.gpt-5.5",`+body+stream+`}`).body
		}
		var whole map[string]any
		if err := json.Unmarshal(one(""), &whole); err != nil {
			t.Fatal(err)
		}
		_, data := eventsOf(t, one(`,"stream":true`))
		a, _ := json.Marshal(whole)
		b, _ := json.Marshal(data[len(data)-1]["response"])
		if string(a) != string(b) {
			t.Errorf("%s\nwhole  %s\nstream %s", body, a, b)
		}
	}
}

func TestRefusalsOfTheResponsesAPI(t *testing.T) {
	t.Parallel()
	s := start(t, Options{})
	for _, tt := range []struct{ model, members, code, param, says string }{
		{"openai.gpt-5.5", `"input":"x","top_k":3`, "unknown_parameter", "top_k", "Unknown parameter"},
		{"openai.gpt-5.5", `"input":[{"role":"user","content":"x","speed":1}]`, "unknown_parameter", "input[0].speed", "Unknown parameter"},
		{"openai.gpt-5.5", `"x":1`, "unknown_parameter", "x", ""},
		{"openai.gpt-5.5", `"stream":false`, "validation_error", "", "missing field `input`"},
		{"openai.gpt-5.5", `"input":[{"type":"additional_tools","role":"developer","tools":[]}]`, "validation_error", "", "Invalid 'input': value did not match any expected variant"},
		{"openai.gpt-5.5", `"input":"x","temperature":1`, "unsupported_parameter", "temperature", ""},
		{"openai.gpt-5.5", `"input":"x","max_output_tokens":1`, "integer_below_min_value", "max_output_tokens", ""},
		{"openai.gpt-5.5", `"input":"x","reasoning":{"effort":"huge"}`, "unsupported_value", "reasoning.effort", "'xhigh'"},
		{"openai.gpt-5.5", `"input":"x","service_tier":"priority"`, "validation_error", "service_tier", "unsupported service_tier"},
		{"openai.gpt-5.5", `"input":"x","tools":[{"type":"namespace","name":"functions","tools":[]}]`, "validation_error", "", "User-defined namespace 'functions' collides"},
		{"openai.gpt-5.5", `"input":"x","tools":[{"type":"web_search","search_content_types":["text"]}]`, "validation_error", "", "'search_content_types' field is not supported"},
		{"openai.gpt-5.5", `"input":"x","tools":[{"type":"function","name":"f","strict":true,"parameters":{"type":"object","properties":{"a":{"type":"string"}}}}]`, "invalid_function_parameters", "tools", "additionalProperties"},
		{"openai.gpt-5.5", `"input":"x","text":{"format":{"type":"json_schema","schema":{}}}`, "missing_required_parameter", "text.format.name", ""},
		{"openai.gpt-5.5", `"input":[{"type":"function_call_output","call_id":"call_0","output":"x"}]`, "validation_error", "input", "No tool call found for function call output with call_id call_0."},
		{"openai.gpt-5.5", `"input":[{"type":"function_call","call_id":"a","name":"f","arguments":"{}"}]`, "validation_error", "input", "No tool output found for function call a."},
		{"openai.gpt-5.5", `"input":[{"type":"reasoning","id":"rs_1","summary":[]}]`, "validation_error", "input", "Item with id 'rs_1' not found"},
		{"openai.gpt-5.5", `"input":[{"type":"reasoning","id":"rs_1","summary":[],"encrypted_content":"gAAA"}]`, "invalid_encrypted_content", "input[0].encrypted_content", ""},
		{"openai.gpt-5.5", `"input":[{"role":"user","content":[{"type":"input_image","image_url":"https://example.com/a.png"}]}]`, "invalid_value", "input[0].content[0].image_url", "data URL"},
		{"openai.gpt-oss-120b", `"input":"x","tools":[{"type":"namespace","name":"n","tools":[]}]`, "validation_error", "", "unknown variant `namespace`, expected `function` or `mcp`"},
		{"us.openai.gpt-5.6-sol", `"input":"x","tools":[{"type":"web_search"}]`, "validation_error", "", "unknown variant `web_search`"},
	} {
		path := "/openai/v1/responses"
		if strings.Contains(tt.model, "oss") {
			path = "/v1/responses"
		}
		a := s.ask(t, "", path, fmt.Sprintf(`{"model":%q,%s}`, tt.model, tt.members))
		wantFault(t, a, 400, tt.code, tt.says)
		var f openAIFault
		if err := json.Unmarshal(a.body, &f); err != nil || f.Error.Param != tt.param || f.Error.Type != "invalid_request_error" {
			t.Errorf("%s: %s", tt.members, a.body)
		}
	}
}

func TestFaultsOfOpenAIsAPIs(t *testing.T) {
	t.Parallel()
	s := start(t, Options{})
	post := func(text string, stream bool) answer {
		return s.ask(t, mantleHost, "/openai/v1/responses", fmt.Sprintf(`{"model":"openai.gpt-5.5","input":"[[words: 40]]","stream":%t}`, stream), func(r *http.Request) { r.Header.Set(FaultHeader, text) })
	}
	wantFault(t, post("throttle", true), 429, "rate_limit_exceeded", "Too many requests")
	wantFault(t, post("unavailable", false), 503, "server_error", "unable")
	for text, want := range map[string]string{
		"throttle after=2":           `"code":"rate_limit_exceeded"`,
		"internal first":             `"code":"server_error"`,
		"error-frame after=2 type=x": `"type":"error"`,
	} {
		types, data := eventsOf(t, post(text, true).body)
		last, err := json.Marshal(data[len(data)-1])
		if err != nil || !strings.Contains(string(last), want) || types[len(types)-1] != "response.failed" && types[len(types)-1] != "error" || data[len(data)-1]["sequence_number"] != float64(len(data)-1) {
			t.Errorf("%s: %s", text, last)
		}
	}
	for text, want := range map[string]string{"cut=end after=2": "response.output_text.delta", "garbage after=2": "upstream said something odd", "corrupt after=2": `"item_id"`, "empty": ""} {
		if a := post(text, true); a.status != 200 || !strings.Contains(string(a.body), want) || strings.Contains(string(a.body), "response.completed") {
			t.Errorf("%s: %d %.300s", text, a.status, a.body)
		}
	}
	if _, err := fault.Parse("op=createresponse throttle"); err != nil {
		t.Error(err)
	}
}

func TestMantlesPermissions(t *testing.T) {
	t.Parallel()
	setup := func(actions ...string) *account.Setup {
		p, err := policy.Parse([]byte(`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["` + strings.Join(actions, `","`) + `"],"Resource":"*"}]}`))
		if err != nil {
			t.Fatal(err)
		}
		return &account.Setup{Users: []account.User{{
			Principal: account.Principal{Name: "ada", Policies: []*policy.Policy{p}},
			APIKeys:   []account.Secret{DemoAPIKey},
		}}}
	}
	for _, tt := range []struct {
		actions []string
		host    string
		model   string
		lacks   string
	}{
		{[]string{"bedrock-mantle:CreateInference", "bedrock-mantle:CallWithBearerToken"}, mantleHost, "openai.gpt-5.5", ""},
		{[]string{"bedrock-mantle:CreateInference", "bedrock:CallWithBearerToken"}, mantleHost, "openai.gpt-5.5", "bedrock-mantle:CallWithBearerToken"},
		{[]string{"bedrock:*", "bedrock-mantle:CallWithBearerToken"}, mantleHost, "openai.gpt-5.5", "bedrock-mantle:CreateInference on resource: arn:aws:bedrock-mantle:us-east-1:123456789012:project/default"},
		{[]string{"bedrock:*"}, runtimeHost, "us.openai.gpt-5.6-sol", ""},
		{[]string{"bedrock-mantle:*", "bedrock:CallWithBearerToken"}, runtimeHost, "us.openai.gpt-5.6-sol", "bedrock:InvokeModel on resource"},
	} {
		s := start(t, Options{Setup: setup(tt.actions...)})
		a := s.ask(t, tt.host, "/openai/v1/responses", fmt.Sprintf(`{"model":%q,"input":"Hi"}`, tt.model))
		if tt.lacks == "" && a.status != 200 || tt.lacks != "" && (a.status != 403 || !strings.Contains(string(a.body), tt.lacks)) {
			t.Errorf("%v: %d %s", tt.actions, a.status, a.body)
		}
	}
}

func TestChatCompletionsOfTheSurfaces(t *testing.T) {
	t.Parallel()
	s := start(t, Options{})
	const path = "/v1/chat/completions"
	a := s.ask(t, mantleHost, path, `{"model":"qwen.qwen3-32b","messages":[{"role":"user","content":"[[answer: granite]]"}]}`)
	if a.status != 200 || !strings.Contains(string(a.body), `"content":"granite"`) || !strings.Contains(string(a.body), `"model":"qwen.qwen3-32b"`) {
		t.Errorf("%d %s", a.status, a.body)
	}
	a = s.ask(t, mantleHost, path, `{"model":"qwen.qwen3-32b","messages":[{"role":"user","content":"[[answer: granite]]"}],"stream":true,"stream_options":{"include_usage":true}}`)
	text := string(a.body)
	if !strings.HasSuffix(text, "data: [DONE]\n\n") || strings.Count(text, `"usage"`) != 1 || !strings.Contains(text, `"choices":[],`) || strings.Contains(text, "invocationMetrics") {
		t.Errorf("%d %s", a.status, a.body)
	}
	wantFault(t, s.ask(t, mantleHost, path, `{"model":"openai.gpt-5.5","messages":[{"role":"user","content":"x"}]}`), 400, "validation_error", "The model 'openai.gpt-5.5' does not support the '/v1/chat/completions' API")
	wantFault(t, s.ask(t, mantleHost, path, `{"model":"qwen.qwen3-32b-v1:0","messages":[{"role":"user","content":"x"}]}`), 404, "model_not_found", "does not exist")
	if a := s.ask(t, runtimeHost, "/openai"+path, `{"model":"openai.gpt-oss-120b-1:0","messages":[{"role":"user","content":"x"}]}`); a.status != 200 {
		t.Errorf("%d %s", a.status, a.body)
	}
	thinking := `,"messages":[{"role":"user","content":"[[answer: granite]]"}],"reasoning_effort":"high"`
	a = s.ask(t, mantleHost, path, `{"model":"openai.gpt-oss-120b"`+thinking+`}`)
	if text := string(a.body); a.status != 200 || !strings.Contains(text, `"content":"granite","reasoning":"`) || strings.Contains(text, "<reasoning>") {
		t.Errorf("on bedrock-mantle: %d %s", a.status, a.body)
	}
	a = s.ask(t, mantleHost, path, `{"model":"openai.gpt-oss-120b"`+thinking+`,"stream":true}`)
	if text := string(a.body); a.status != 200 || !strings.Contains(text, `"delta":{"reasoning":"`) || strings.Contains(text, "reasoning>") {
		t.Errorf("on bedrock-mantle, streamed: %d %s", a.status, a.body)
	}
	if a = s.ask(t, runtimeHost, "/openai"+path, `{"model":"openai.gpt-oss-120b-1:0"`+thinking+`}`); !strings.Contains(string(a.body), `"content":"<reasoning>`) {
		t.Errorf("on bedrock-runtime: %d %s", a.status, a.body)
	}
	list := s.send(t, http.MethodGet, "/v1/models", "", func(r *http.Request) {
		apiKey(r)
		r.Host = mantleHost
	})
	if !strings.Contains(string(list.body), `"id":"openai.gpt-5.5"`) || strings.Contains(string(list.body), "claude") || strings.Contains(string(list.body), "xai.grok-4.6") {
		t.Errorf("the models are %s", list.body)
	}
}

// TestTheCataloguesAgreeOnOpenAIsAPI compares the emulator's facts with the gateway's: what one says the other must
// not deny.
func TestTheCataloguesAgreeOnOpenAIsAPI(t *testing.T) {
	t.Parallel()
	known := catalog.Embedded()
	own, err := catalogue.Default()
	if err != nil {
		t.Fatal(err)
	}
	denies := func(said catalog.Known, here bool) bool {
		return said == catalog.Yes && !here || said == catalog.No && here
	}
	for _, m := range own.All() {
		theirs, ok := known.Model(m.ID)
		if !ok {
			continue
		}
		if denies(theirs.OpenAIResponses, m.Responses) {
			t.Errorf("%s: the Responses API of bedrock-runtime is %v here", m.ID, m.Responses)
		}
		if m.Mantle.ID == "" {
			continue // the emulator has some of the models there
		}
		there := theirs.Mantle
		for _, region := range known.Regions() {
			if has := slices.Contains(own.AtMantle(region), m); has && theirs.OnMantle(region) == catalog.No {
				t.Errorf("%s is on bedrock-mantle in %s here, and not there", m.ID, region)
			}
		}
		if there.ID != m.Mantle.ID || denies(there.Chat, m.Mantle.Chat) || denies(there.Responses, m.Mantle.Responses != "") || there.ResponsesBase != m.Mantle.Responses {
			t.Errorf("%s: on bedrock-mantle it is %+v here and %+v there", m.ID, m.Mantle, there)
		}
	}
}
