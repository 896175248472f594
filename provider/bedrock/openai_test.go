package bedrock_test

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"outcrop/internal/jsonx"
	"outcrop/llm"
	"outcrop/provider"
	"outcrop/provider/bedrock"
	"outcrop/upstream"
)

// responder is the first target of a model, which speaks the Responses API.
func responder(t *testing.T, d opened, model string) provider.Passer {
	t.Helper()
	targets, err := d.Targets(llm.VerbChat, model)
	if err != nil {
		t.Fatal(err)
	}
	p := targets[0].(provider.Passer)
	if !p.Speaks(llm.DialectResponses) {
		t.Fatalf("%s does not speak the Responses API", model)
	}
	return p
}

func responsesCall(body string) *llm.Raw {
	return &llm.Raw{Call: llm.Call{Model: "mine"}, Dialect: llm.DialectResponses, Body: jsonx.Raw(body)}
}

// recordedResponse is what bedrock-mantle answered in a recorded exchange.
func recordedResponse(t *testing.T, name string) (request, response string) {
	t.Helper()
	folder := os.Getenv("OUTCROP_RECORDINGS")
	if folder == "" {
		folder = filepath.Join("..", "..", "..", "shared", "recordings")
	}
	text, err := os.ReadFile(filepath.Join(folder, name+".json"))
	if err != nil {
		t.Skip("there are no recordings: ", err)
	}
	var r struct {
		Request struct {
			JSON jsonx.Raw `json:"json"`
			Rest jsonx.Raw `json:",embed"`
		} `json:"request"`
		Response struct {
			JSON jsonx.Raw `json:"json"`
			Rest jsonx.Raw `json:",embed"`
		} `json:"response"`
		Rest jsonx.Raw `json:",embed"`
	}
	if err := jsonx.Unmarshal(text, &r); err != nil {
		t.Fatal(err)
	}
	return string(r.Request.JSON), string(r.Response.JSON)
}

func TestResponsesOfModelsThatOnlyMantleHas(t *testing.T) {
	request, response := recordedResponse(t, "test-bedrock-mantle-test-reused-tool-call-ids-gpt-5-5-0")
	a := newAWS(t)
	a.body = response
	d := a.open(t, "*", nil, map[string]string{"AWS_REGION": "us-east-1"})
	got, err := responder(t, d, "openai.gpt-5.5").Pass(t.Context(), responsesCall(request))
	if err != nil {
		t.Fatal(err)
	}
	sent := a.last()
	if sent.path != "/openai/v1/responses" || !strings.Contains(sent.authorization, "/us-east-1/bedrock-mantle/aws4_request") {
		t.Errorf("sent to %s with %s", sent.path, sent.authorization)
	}
	for _, part := range []string{`"model": "openai.gpt-5.5"`, `"store":false`, "reasoning.encrypted_content"} {
		if !strings.Contains(strings.ReplaceAll(sent.body, `"model":"`, `"model": "`), part) {
			t.Errorf("%s is not in %s", part, sent.body)
		}
	}
	// The endpoint numbers calls from call_0 in every response.
	if want := `"resp_2vmnquymsguw3uup3fg2bsvkq3joan3ebjhg2hhvviozugqqmufa:call_0"`; !strings.Contains(string(got.Body), want) {
		t.Errorf("the call's id is not %s in %s", want, got.Body)
	}
	if to := got.Meta.Destination; to.API != "responses" || to.Region != "us-east-1" || to.ID != "openai.gpt-5.5" || !strings.Contains(to.Reason, "bedrock-mantle") {
		t.Errorf("the destination is %+v", to)
	}
	if got.Usage.Input == 0 || got.Uncounted {
		t.Errorf("the usage is %+v", got.Usage)
	}
}

func TestResponsesOfGPTOSSFromMantleAreInTheirForm(t *testing.T) {
	request, response := recordedResponse(t, "test-bedrock-mantle-test-gpt-oss-responses-0")
	a := newAWS(t)
	a.body = response
	d := a.open(t, "openai.gpt-oss-120b", nil, map[string]string{"AWS_REGION": "us-east-1"})
	got, err := responder(t, d, "openai.gpt-oss-120b").Pass(t.Context(), responsesCall(request))
	if err != nil {
		t.Fatal(err)
	}
	if a.last().path != "/v1/responses" || strings.Contains(a.last().body, "include") || !strings.Contains(string(got.Body), "reasoning_text") {
		t.Errorf("%s %s\n%s", a.last().path, a.last().body, got.Body)
	}
}

func TestCallIDsOfStreamedResponsesAreUnique(t *testing.T) {
	a := newAWS(t)
	a.header.Set("Content-Type", "text/event-stream")
	item := `{"type":"function_call","id":"fc_1","call_id":"call_0","name":"f","arguments":"{\"call_id\":\"call_0\"}","status":"completed"}`
	a.body = `data: {"type":"response.created","response":{"id":"resp_a","status":"in_progress","output":[]}}` + "\n\n" +
		`data: {"type":"response.output_item.done","output_index":0,"item":` + item + "}\n\n" +
		`data: {"type":"response.completed","response":{"id":"resp_a","status":"completed","output":[` + item + `],"usage":{"input_tokens":3,"output_tokens":2,"total_tokens":5}}}` + "\n\n"
	d := a.open(t, "xai.grok-4.3", nil, map[string]string{"AWS_REGION": "us-west-2"})
	s, err := responder(t, d, "xai.grok-4.3").PassStream(t.Context(), responsesCall(`{"model":"mine","input":"Hi","stream":true,"store":true}`))
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	var all strings.Builder
	var ev llm.RawEvent
	for err == nil {
		if err = s.Next(&ev); err == nil {
			all.Write(ev.Data)
		}
	}
	if !errors.Is(err, io.EOF) {
		t.Fatal(err)
	}
	if n := strings.Count(all.String(), `"call_id":"resp_a:call_0"`); n != 2 || !strings.Contains(all.String(), `{\"call_id\":\"call_0\"}`) {
		t.Errorf("%d ids in\n%s", n, all.String())
	}
	if strings.Contains(a.last().body, `"store":true`) || strings.Contains(a.last().body, "include") {
		t.Errorf("sent %s", a.last().body)
	}
}

func TestAProfileWithTheResponsesAPIFallsBackToConverse(t *testing.T) {
	a := newAWS(t)
	a.body = `{"id":"resp_a","status":"completed","output":[],"usage":{"input_tokens":3,"output_tokens":2,"total_tokens":5}}`
	const model = "us.openai.gpt-5.6-sol"
	d := a.open(t, "*", nil, map[string]string{"AWS_REGION": "us-east-1"})
	p := responder(t, d, model)
	got, err := p.Pass(t.Context(), responsesCall(`{"model":"mine","input":"Hi"}`))
	if err != nil {
		t.Fatal(err)
	}
	if sent := a.last(); sent.path != "/openai/v1/responses" || !strings.Contains(sent.authorization, "/bedrock/aws4_request") || !strings.Contains(sent.body, `"model":"us.openai.gpt-5.6-sol"`) {
		t.Errorf("sent %+v", sent)
	}
	if !strings.Contains(got.Meta.Destination.Reason, "Responses API on bedrock-runtime") {
		t.Errorf("the reason is %q", got.Meta.Destination.Reason)
	}
	a.status, a.body = 404, `{"message":"The requested operation is not recognized by the service."}`
	if _, err = p.Pass(t.Context(), responsesCall(`{"model":"mine","input":"Hi"}`)); err == nil || p.Speaks(llm.DialectResponses) {
		t.Fatalf("a refused API is still spoken (%v)", err)
	}
	targets, err := d.Targets(llm.VerbChat, model) // of the next call
	if err != nil {
		t.Fatal(err)
	}
	if targets[0].(provider.Passer).Speaks(llm.DialectResponses) {
		t.Error("the refusal was not learned")
	}
}

func TestWhatTheRuntimesResponsesAPIDoesNotHaveGoesByConverse(t *testing.T) {
	a := newAWS(t)
	d := a.open(t, "*", nil, map[string]string{"AWS_REGION": "us-east-1"})
	c := responder(t, d, "us.openai.gpt-5.6-sol").(provider.Chooser)
	for _, tt := range []struct {
		body, guardrail string
		want            bool
	}{
		{`{"input":"Hi","tools":[{"type":"function","name":"f"},{"type":"custom","name":"g"}]}`, "", true},
		{`{"input":"Hi","tools":[{"type":"web_search"}]}`, "", false},
		{`{"input":"Hi"}`, `{"guardrailIdentifier":"abc123","guardrailVersion":"1"}`, false},
	} {
		raw := responsesCall(tt.body)
		raw.Guardrail = jsonx.Raw(tt.guardrail)
		if got := c.Takes(llm.VerbChat, raw); got != tt.want {
			t.Errorf("%s with guardrail %q: %v", tt.body, tt.guardrail, got)
		}
	}
	if c.Takes(llm.VerbCount, responsesCall(`{"input":"Hi"}`)) {
		t.Error("CountTokens takes a body of the Responses API")
	}
	for model, want := range map[string]bool{"openai.gpt-5.5": false, "us.openai.gpt-5.6-sol": true} {
		targets, err := d.Targets(llm.VerbChat, model)
		if err != nil {
			t.Fatal(err)
		}
		if got := targets[0].(provider.Guarder).Guards(); got != want {
			t.Errorf("guardrails for %s: %v", model, got)
		}
	}
}

func TestOnlyModelsWithTheResponsesAPISpeakIt(t *testing.T) {
	a := newAWS(t)
	for model, want := range map[string]bool{
		"openai.gpt-oss-120b-1:0": false, "anthropic.claude-sonnet-5": false, "amazon.nova-lite-v1:0": false, "qwen.qwen3-32b": false,
		"openai.gpt-5.4": true, "google.gemma-4-31b": true, "us.openai.gpt-6-sol": true, "converse/us.openai.gpt-6-sol": false,
	} {
		d := a.open(t, model, nil, map[string]string{"AWS_REGION": "us-east-1"})
		if got := len(d.Deployment.(provider.Speaker).Dialects()) > 0; got != want {
			t.Errorf("%s: %v", model, got)
		}
	}
}

func TestChatsOfModelsThatOnlyMantleHas(t *testing.T) {
	a := newAWS(t)
	a.body = `{"id":"chatcmpl-1","object":"chat.completion","model":"qwen.qwen3-32b","choices":[{"index":0,"finish_reason":"stop","message":{"role":"assistant","content":"granite","reasoning":"Hm."}}],"usage":{"prompt_tokens":3,"completion_tokens":2,"total_tokens":5}}`
	d := a.open(t, "*", nil, map[string]string{"AWS_REGION": "us-east-1"})
	req := &llm.Request{Turns: []llm.Turn{{Role: llm.RoleUser, Blocks: []llm.Block{{Kind: llm.BlockText, Text: "Hi"}}}}}
	resp, err := d.Complete(t.Context(), "qwen.qwen3-32b", req)
	if err != nil {
		t.Fatal(err)
	}
	if len(resp.Blocks) != 2 || resp.Blocks[0].Kind != llm.BlockReasoning || resp.Blocks[0].Text != "Hm." || resp.Blocks[1].Text != "granite" || resp.Meta.Destination.API != "chat" || a.last().path != "/v1/chat/completions" {
		t.Errorf("%+v from %s", resp, a.last().path)
	}
	a.header.Set("Content-Type", "text/event-stream")
	a.body = `data: {"choices":[{"index":0,"delta":{"reasoning":"Hm."}}]}` + "\n\n" + `data: {"choices":[{"index":0,"delta":{"role":"assistant","content":"gra"}}]}` + "\n\n" +
		`data: {"choices":[{"index":0,"delta":{"content":"nite"},"finish_reason":"stop"}]}` + "\n\n" +
		`data: {"choices":[],"usage":{"prompt_tokens":3,"completion_tokens":2,"total_tokens":5}}` + "\n\ndata: [DONE]\n\n"
	s, err := d.Stream(t.Context(), "qwen.qwen3-32b", req)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	text, thought := "", ""
	var ev llm.Event
	for err == nil {
		switch err = s.Next(&ev); {
		case err != nil || ev.Kind != llm.EventDelta:
		case ev.Block == llm.BlockReasoning:
			thought += ev.Text
		default:
			text += ev.Text
		}
	}
	if !errors.Is(err, io.EOF) || text != "granite" || thought != "Hm." {
		t.Errorf("%q after %q, %v", text, thought, err)
	}
}

// TestAConversationByTheResponsesAPI plays a recorded conversation of bedrock-mantle by the common language: the ids of
// calls are unique, and reasoning comes back as it was encrypted.
func TestAConversationByTheResponsesAPI(t *testing.T) {
	a := newAWS(t)
	const model = "openai.gpt-5.5"
	d := a.open(t, model, nil, map[string]string{"AWS_REGION": "us-east-1"})
	text := func(s string) []llm.Block { return []llm.Block{{Kind: llm.BlockText, Text: s}} }
	req := &llm.Request{System: text("Call the tools."), Tools: []llm.Tool{{Name: "first_tool"}, {Name: "second_tool"}}, Turns: []llm.Turn{{Role: llm.RoleUser, Blocks: text("Go on.")}}}
	ids := map[string]bool{}
	for i := range 4 {
		_, a.body = recordedResponse(t, "test-bedrock-mantle-test-reused-tool-call-ids-gpt-5-5-"+string(rune('0'+i)))
		resp, err := d.Complete(t.Context(), model, req)
		if err != nil {
			t.Fatal(err)
		}
		if sent := a.last(); sent.path != "/openai/v1/responses" || !strings.Contains(sent.body, `"include":["reasoning.encrypted_content"],"store":false`) || resp.Meta.Destination.API != "responses" || resp.Uncounted {
			t.Errorf("sent %+v, got %+v", sent, resp)
		}
		next := text("And now?")
		for _, b := range resp.Blocks {
			if b.Kind == llm.BlockToolUse {
				ids[b.ToolUse.ID] = true
				next = []llm.Block{{Kind: llm.BlockToolResult, ToolResult: &llm.ToolResult{ID: b.ToolUse.ID, Content: []llm.ResultBlock{{Block: text("done")[0]}}}}}
			}
		}
		req.Turns = append(req.Turns, llm.Turn{Role: llm.RoleAssistant, Blocks: resp.Blocks}, llm.Turn{Role: llm.RoleUser, Blocks: next})
	}
	if len(ids) != 2 {
		t.Errorf("the ids are %v", ids)
	}
	_, last := recordedResponse(t, "test-bedrock-mantle-test-reused-tool-call-ids-gpt-5-5-3")
	if _, err := d.Complete(t.Context(), model, req); err != nil {
		t.Fatal(err)
	}
	var recorded struct {
		Output []struct {
			ID        string    `json:"id"`
			Encrypted string    `json:"encrypted_content"`
			Rest      jsonx.Raw `json:",embed"`
		} `json:"output"`
		Rest jsonx.Raw `json:",embed"`
	}
	if err := jsonx.Unmarshal([]byte(last), &recorded); err != nil {
		t.Fatal(err)
	}
	want := `{"type":"reasoning","id":"` + recorded.Output[0].ID + `","summary":[],"encrypted_content":"` + recorded.Output[0].Encrypted + `"},{"type":"message","role":"assistant","content":"OK"}`
	if sent := a.last().body; !strings.Contains(sent, want) {
		t.Errorf("sent %s\nwithout %s", sent, want)
	}
}

// TestAModelThatConverseRefusesIsCalledByTheResponsesAPI has AWS refuse a model at Converse, and then at the Responses
// API too.
func TestAModelThatConverseRefusesIsCalledByTheResponsesAPI(t *testing.T) {
	a := newAWS(t)
	const model = "us.openai.gpt-5.6-sol"
	d := a.open(t, model, nil, map[string]string{"AWS_REGION": "us-east-1"})
	a.status, a.body = 400, `{"message":"This model does not support the Converse API."}`
	targets, err := d.Targets(llm.VerbChat, model)
	if err != nil {
		t.Fatal(err)
	}
	_, err = targets[0].(provider.Chatter).Complete(t.Context(), ask("Hi"))
	e := llm.AsError(err)
	if err == nil || !d.Deployment.(provider.Observer).ReportRefusal(t.Context(), llm.VerbChat, model, targets[0], e) {
		t.Fatalf("nothing is learned of %v", err)
	}
	a.status, a.body = 200, `{"id":"resp_a","status":"completed","output":[{"type":"message","content":[{"type":"output_text","text":"granite"}]}],"usage":{"input_tokens":3,"output_tokens":2,"total_tokens":5}}`
	if targets, err = d.Targets(llm.VerbChat, model); err != nil {
		t.Fatal(err)
	}
	resp, err := targets[0].(provider.Chatter).Complete(t.Context(), ask("Hi"))
	if err != nil || a.last().path != "/openai/v1/responses" || resp.Blocks[0].Text != "granite" || targets[0].(provider.Guarder).Guards() {
		t.Fatalf("%+v from %s (%v)", resp, a.last().path, err)
	}
	a.status, a.body = 404, `{"message":"The requested operation is not recognized by the service."}`
	if _, err = targets[0].(provider.Chatter).Complete(t.Context(), ask("Hi")); err == nil {
		t.Fatal("a refusal is a response")
	}
	a.status, a.body = 200, answer
	if targets, err = d.Targets(llm.VerbChat, model); err != nil {
		t.Fatal(err)
	}
	if _, err = targets[0].(provider.Chatter).Complete(t.Context(), ask("Hi")); err != nil || !strings.HasSuffix(a.last().path, "/converse") {
		t.Errorf("called %s (%v)", a.last().path, err)
	}
}

func TestMantlesRefusalsAreRead(t *testing.T) {
	a := newAWS(t)
	a.status, a.body = 404, `{"error":{"message":"The model 'openai.gpt-5.5' does not exist","type":"invalid_request_error","code":"model_not_found","param":null}}`
	d := a.open(t, "openai.gpt-5.5", nil, map[string]string{"AWS_REGION": "us-east-1"})
	_, err := responder(t, d, "openai.gpt-5.5").Pass(t.Context(), responsesCall(`{"input":"Hi"}`))
	if e := llm.AsError(err); err == nil || e.Message != "The model 'openai.gpt-5.5' does not exist" || e.Code != llm.CodeModelUnknown || e.Type != "model_not_found" {
		t.Errorf("%+v", e)
	}
}

func TestThePolicyHoldsOnMantle(t *testing.T) {
	a := newAWS(t)
	d := a.openWith(t, "openai.gpt-5.5", nil, map[string]string{"AWS_REGION": "us-east-1"}, provider.Policy{Regions: []string{"us-west-2"}})
	targets, err := d.Targets(llm.VerbChat, "openai.gpt-5.5")
	if err != nil {
		t.Fatal(err)
	}
	for _, target := range targets {
		if target.Location() != "us-west-2" {
			t.Errorf("a target in %s", target.Location())
		}
	}
}

func TestRoutesToOpenAIsAPI(t *testing.T) {
	a := newAWS(t)
	a.body = `{"id":"chatcmpl-1","object":"chat.completion","choices":[{"index":0,"finish_reason":"stop","message":{"role":"assistant","content":"granite"}}],"usage":{"prompt_tokens":3,"completion_tokens":2,"total_tokens":5}}`
	d := a.open(t, "*", nil, map[string]string{"AWS_REGION": "us-east-1"})
	for model, path := range map[string]string{
		"mantle/openai.gpt-oss-120b":             "/v1/chat/completions", // another host than that of Converse, which has it too
		"mantle/us-west-2/qwen.qwen3-coder-next": "/v1/chat/completions",
		"bedrock_mantle/openai.gpt-oss-120b":     "/v1/chat/completions", // LiteLLM's name of a provider
	} {
		if _, err := d.Complete(t.Context(), model, ask("Hi")); err != nil || a.last().path != path {
			t.Errorf("%s: %s (%v)", model, a.last().path, err)
		}
	}
	a.body = answer
	for model, path := range map[string]string{
		"mantle/anthropic.claude-opus-5":                "/model/us.anthropic.claude-opus-5/converse",
		"chat_completions/us.xai.grok-4.7":              "/model/us.xai.grok-4.7/converse",
		"openai/openai.gpt-oss-120b-1:0":                "/model/openai.gpt-oss-120b-1%3A0/converse",
		"converse/us.openai.gpt-5.6-sol":                "/model/us.openai.gpt-5.6-sol/converse",
		"chat_completions/us-west-2/openai.gpt-6.1-sol": "/model/us.openai.gpt-6.1-sol/converse",
	} {
		resp, err := d.Complete(t.Context(), model, ask("Hi"))
		if err != nil || a.last().path != path {
			t.Errorf("%s: %s (%v)", model, a.last().path, err)
			continue
		}
		if route, _, _ := strings.Cut(model, "/"); route != "converse" && !strings.Contains(resp.Meta.Destination.Reason, route+"/ is served by") {
			t.Errorf("%s: the reason is %q", model, resp.Meta.Destination.Reason)
		}
	}
	for model, want := range map[string]string{
		"openai/gpt-5": "neither",
		"openai/arn:aws:bedrock:us-east-1:123456789012:imported-model/abc123def456": "imported models",
	} {
		if _, err := d.Complete(t.Context(), model, ask("Hi")); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", model, err)
		}
	}
}

func TestTheProviderOfMantle(t *testing.T) {
	a := newAWS(t)
	a.body = `{"id":"resp_a","status":"completed","output":[]}`
	client := upstream.New()
	t.Cleanup(client.CloseIdle)
	environ := map[string]string{"BEDROCK_MANTLE_API_KEY": "ABSKsecret", "BEDROCK_MANTLE_REGION": "us-east-2"}
	deployment, err := bedrock.Mantle().Open(t.Context(), provider.Params{
		Model: "openai.gpt-5.4", Values: map[string]string{"api_base": a.URL + "/v1"}, Upstream: client,
		Environ: func(name string) string { return environ[name] },
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = deployment.Close() })
	got, err := responder(t, opened{deployment}, "openai.gpt-5.4").Pass(t.Context(), responsesCall(`{"input":"Hi"}`))
	if err != nil {
		t.Fatal(err)
	}
	if sent := a.last(); sent.path != "/openai/v1/responses" || sent.authorization != "Bearer ABSKsecret" || got.Meta.Destination.Region != "us-east-2" {
		t.Errorf("sent %+v to %+v", sent, got.Meta.Destination)
	}
}

// A model behind bedrock-mantle's chat completions does not search the web: the wish is dropped if the model may do
// without, as Codex's tool, and refused otherwise.
func TestChatCompletionsOfMantleDoNotSearchTheWeb(t *testing.T) {
	a := newAWS(t)
	a.body = `{"id":"c","object":"chat.completion","created":1,"model":"m","choices":[{"index":0,"finish_reason":"stop","message":{"role":"assistant","content":"Yes."}}],"usage":{"prompt_tokens":1,"completion_tokens":1,"total_tokens":2}}`
	d := a.open(t, "mantle/openai.gpt-oss-120b", nil, map[string]string{"AWS_REGION": "us-east-1"})
	targets, err := d.Targets(llm.VerbChat, "mantle/openai.gpt-oss-120b")
	if err != nil {
		t.Fatal(err)
	}
	chat := targets[0].(provider.Chatter)
	req := &llm.Request{WebSearch: jsonx.Raw(`{}`), WebSearchOptional: true, Turns: []llm.Turn{{Role: llm.RoleUser, Blocks: []llm.Block{{Kind: llm.BlockText, Text: "Hi"}}}}}
	got, err := chat.Complete(t.Context(), req)
	if err != nil || strings.Contains(a.last().body, "web_search") || len(got.Meta.Warnings) != 1 || got.Meta.Warnings[0].Code != llm.WarnDropped {
		t.Fatalf("%+v, %v; sent %s", got, err, a.last().body)
	}
	req.WebSearchOptional = false
	if _, err := chat.Complete(t.Context(), req); llm.AsError(err).Code != llm.CodeUnsupported {
		t.Errorf("%v", err)
	}
}
