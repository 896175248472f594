package openaicompat_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"outcrop/internal/jsonx"
	"outcrop/llm"
	"outcrop/provider"
	"outcrop/provider/providertest"
)

// TestAModelThatRefusesToolsInChatCompletionsGetsThemByTheResponsesAPI has a server that refuses functions in chat
// completions, as OpenAI does since GPT-5.4, and takes them in Responses.
func TestAModelThatRefusesToolsInChatCompletionsGetsThemByTheResponsesAPI(t *testing.T) {
	var paths []string
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		paths = append(paths, strings.TrimPrefix(r.URL.Path, "/v1/"))
		stream := strings.Contains(string(body), `"stream":true`)
		const response = `{"status":"completed","output":[{"type":"function_call","call_id":"c1","name":"find","arguments":"{}"}],"usage":{"input_tokens":1,"output_tokens":2,"total_tokens":3}}`
		switch {
		case strings.HasSuffix(r.URL.Path, "/responses") && stream:
			w.Header().Set("Content-Type", "text/event-stream")
			_, _ = io.WriteString(w, `data: {"type":"response.completed","response":`+response+"}\n\n")
		case strings.HasSuffix(r.URL.Path, "/responses"):
			_, _ = io.WriteString(w, response)
		case strings.Contains(string(body), `"tools"`) && !strings.Contains(string(body), `"reasoning_effort":"none"`):
			w.WriteHeader(http.StatusBadRequest)
			_, _ = io.WriteString(w, `{"error":{"message":"Function tools with reasoning_effort are not supported for gpt-5.6-terra in /v1/chat/completions. To use function tools, use /v1/responses or set reasoning_effort to 'none'.","type":"invalid_request_error","param":"reasoning_effort","code":null}}`)
		default:
			_, _ = io.WriteString(w, `{"id":"1","object":"chat.completion","created":1,"model":"m","choices":[{"index":0,"message":{"role":"assistant","content":"Hi"},"finish_reason":"stop"}],"usage":{"prompt_tokens":1,"completion_tokens":1,"total_tokens":2}}`)
		}
	}))
	t.Cleanup(server.Close)
	target := func() provider.Target {
		d, err := open(t, vendor(t, "openai"), "gpt-5.6-terra", map[string]string{"api_base": server.URL + "/v1", "api_key": providertest.Key}, nil)
		if err != nil {
			t.Fatal(err)
		}
		targets, err := d.Targets(llm.VerbChat, "gpt-5.6-terra")
		if err != nil {
			t.Fatal(err)
		}
		paths = nil
		return targets[0]
	}
	req := func(effort string, tools ...llm.Tool) *llm.Request {
		return &llm.Request{Turns: []llm.Turn{{Role: llm.RoleUser, Blocks: []llm.Block{{Kind: llm.BlockText, Text: "Hi"}}}}, Tools: tools, Reasoning: llm.Reasoning{Effort: effort}}
	}
	find := llm.Tool{Name: "find"}
	called := func(want ...string) {
		t.Helper()
		if !slices.Equal(paths, want) {
			t.Errorf("called %q, not %q", paths, want)
		}
	}

	first := target()
	chatter := first.(provider.Chatter)
	for range 2 {
		resp, err := chatter.Complete(t.Context(), req("", find))
		if err != nil || resp.Blocks[0].ToolUse.Name != "find" || resp.Meta.Destination.API != "responses" {
			t.Fatalf("%+v, %v", resp, err)
		}
	}
	for _, other := range []*llm.Request{req("low"), req("none", find)} {
		if resp, err := chatter.Complete(t.Context(), other); err != nil || resp.Meta.Destination.API != "chat" {
			t.Fatalf("%+v, %v", resp, err)
		}
	}
	called("chat/completions", "responses", "responses", "chat/completions", "chat/completions")

	streamed := target()
	for range 2 {
		s, err := streamed.(provider.Chatter).Stream(t.Context(), req("high", find))
		if err != nil || s.Meta().Destination.API != "responses" {
			t.Fatal(err)
		}
		_ = s.Close()
	}
	called("chat/completions", "responses", "responses")

	passed := target()
	raw := func(more string) *llm.Raw {
		return &llm.Raw{Dialect: llm.DialectOpenAI, Body: jsonx.Raw(`{"model":"m","messages":[{"role":"user","content":"Hi"}]` + more + `}`)}
	}
	const function = `,"tools":[{"type":"function","function":{"name":"find"}}]`
	takes := func(want bool, more string) {
		t.Helper()
		if got := passed.(provider.Chooser).Takes(llm.VerbChat, raw(more)); got != want {
			t.Errorf("%s: %t", more, got)
		}
	}
	takes(true, function)
	if _, err := passed.(provider.Passer).Pass(t.Context(), raw(function)); err == nil {
		t.Fatal("the server takes functions")
	}
	takes(false, function)
	takes(true, function+`,"reasoning_effort":"none"`)
	takes(true, `,"tools":[{"type":"custom","custom":{"name":"f"}}]`)
	takes(true, "")
	if !passed.(provider.Passer).Speaks(llm.DialectOpenAI) || !passed.(provider.Chooser).Takes(llm.VerbRaw, raw(function)) {
		t.Error("other bodies do not pass through any more")
	}
}
