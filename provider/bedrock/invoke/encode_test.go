package invoke

import (
	"bytes"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"outcrop/internal/jsonx"
	"outcrop/llm"
)

func TestEncode(t *testing.T) {
	req := &llm.Request{
		Call: llm.Call{Model: "mine", Stream: true}, MaxTokens: llm.Some[int64](9),
		Turns:       []llm.Turn{{Role: llm.RoleUser, Blocks: []llm.Block{{Kind: llm.BlockText, Text: "hi"}}}},
		Tools:       []llm.Tool{{Name: "a", Strict: llm.Some(true)}},
		ServiceTier: "flex",
		Extensions: []jsonx.Member{
			{Name: "guardrailConfig", Value: jsonx.Raw(`{"guardrailIdentifier":"g","guardrailVersion":"1","trace":"enabled_full","streamProcessingMode":"async"}`)},
			{Name: "performanceConfig", Value: jsonx.Raw(`{"latency":"optimized"}`)},
			{Name: "requestMetadata", Value: jsonx.Raw(`{ "user": "é" }`)},
			{Name: "additionalModelResponseFieldPaths", Value: jsonx.Raw(`[]`)},
		},
	}
	a, err := Encode(opus47, req, Options{})
	if err != nil {
		t.Fatal(err)
	}
	want := head + `"max_tokens":9,"messages":[{"role":"user","content":[{"type":"text","text":"hi"}]}],"tools":[{"name":"a","input_schema":{"type":"object"}}],"amazon-bedrock-guardrailConfig":{"streamProcessingMode":"ASYNC"}}`
	if got := string(bytes.Join(a.Body, nil)); got != want {
		t.Errorf("sent\n%s\nwant\n%s", got, want)
	}
	headers := []llm.Label{
		{Name: "X-Amzn-Bedrock-Service-Tier", Value: "flex"},
		{Name: "X-Amzn-Bedrock-GuardrailIdentifier", Value: "g"},
		{Name: "X-Amzn-Bedrock-GuardrailVersion", Value: "1"},
		{Name: "X-Amzn-Bedrock-Trace", Value: "ENABLED_FULL"},
		{Name: "X-Amzn-Bedrock-PerformanceConfig-Latency", Value: "optimized"},
		{Name: "X-Amzn-Bedrock-Request-Metadata", Value: `{"user":"é"}`},
	}
	if diff := cmp.Diff(headers, a.Headers); diff != "" || a.Model != "mine" || !a.Stream || len(a.Warnings) != 1 {
		t.Errorf("%+v (-want +got):\n%s", a, diff)
	}
}

func TestEncodeRefuses(t *testing.T) {
	for param, req := range map[string]*llm.Request{
		"promptVariables":        {Extensions: []jsonx.Member{{Name: "promptVariables", Value: jsonx.Raw(`{}`)}}},
		"serviceTier":            {Extensions: []jsonx.Member{{Name: "serviceTier", Value: jsonx.Raw(`[]`)}}},
		"requestMetadata":        {Extensions: []jsonx.Member{{Name: "requestMetadata", Value: jsonx.Raw(`{`)}}},
		"format":                 {Format: &llm.Format{}}, // llm's own word: the request brings no others
		"tools.0.type":           {Tools: []llm.Tool{{Own: jsonx.Raw(`{"type":"web_search_20250305"}`)}}},
		"messages[0].content[0]": {Turns: []llm.Turn{{Blocks: []llm.Block{{Kind: llm.BlockVideo}}}}},
	} {
		if _, err := Encode(opus47, req, Options{}); err == nil || llm.AsError(err).Param != param {
			t.Errorf("%s: %v", param, err)
		}
	}
}

// TestARefusalIsNotRepeated reads refusals in AWS's words, and checks that the next request does not
// hold what they are about.
func TestARefusalIsNotRepeated(t *testing.T) {
	body := `{"context_management":{"edits":[{"type":"clear_tool_uses_20250919"}]},"tomorrow":1,"thinking":{"type":"adaptive","display":"omitted"},"output_config":{"effort":"low"},` +
		`"tools":[{"name":"a","defer_loading":true,"strict":true,"input_examples":[],"new_thing":1,"cache_control":{"type":"ephemeral","ttl":"1h"}},{"name":"DeferredToolPlaceholder","defer_loading":true}],` +
		`"messages":[{"role":"user","content":[{"type":"text","text":"a","fresh":1}]},{"role":"system","content":"x"}]}`
	for message, gone := range map[string][]string{
		"invalid beta flag": {"anthropic_beta", "context_management", "defer_loading", "DeferredToolPlaceholder", "input_examples"},
		"Unexpected value(s) `context-1m-2025-08-07` for the `anthropic-beta` header.":       {"context-1m-2025-08-07"},
		"Unexpected value(s) `tool-search-tool-2025-10-19` for the `anthropic-beta` header.": {"tool-search-tool-2025-10-19", "defer_loading"},
		"context_management: Extra inputs are not permitted":                                 {"context_management"},
		"tomorrow: Extra inputs are not permitted":                                           {"tomorrow"},
		"thinking: Extra inputs are not permitted":                                           {`"thinking"`},
		"thinking.adaptive.display: Extra inputs are not permitted":                          {"display"},
		"output_config.effort: Extra inputs are not permitted":                               {"effort"},
		"This model does not support the effort parameter.":                                  {"effort"},
		"output_config: Extra inputs are not permitted":                                      {"output_config"},
		"tools.0.custom.defer_loading: Extra inputs are not permitted":                       {"defer_loading", "tool-search-tool"},
		"tools.0.custom.strict: Extra inputs are not permitted":                              {"strict"},
		"tools.0.custom.new_thing: Extra inputs are not permitted":                           {"new_thing"},
		"tools.0.custom.cache_control.ephemeral.ttl: Extra inputs are not permitted":         {"ttl"},
		"messages.0.content.0.text.fresh: Extra inputs are not permitted":                    {"fresh"},
		"messages.1.role: Input should be 'user' or 'assistant'":                             {`"system"`},
	} {
		feature, ok := Refused(message)
		if !ok {
			t.Errorf("%s: it names nothing", message)
			continue
		}
		a, err := Adapt(NewModel("anthropic", "claude-granite", nil), []byte(body), []string{"context-1m-2025-08-07"}, Options{Without: []string{feature}})
		if err != nil {
			t.Errorf("%s: %v", message, err)
			continue
		}
		got := string(bytes.Join(a.Body, nil))
		for _, part := range gone {
			if strings.Contains(got, part) {
				t.Errorf("%s: %s is sent again in\n%s", message, part, got)
			}
		}
	}
}
