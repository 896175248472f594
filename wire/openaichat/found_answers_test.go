package openaichat_test

import (
	"encoding/base64"
	"errors"
	"slices"
	"strings"
	"testing"

	"outcrop/internal/jsonx"
	"outcrop/llm"
	"outcrop/provider/bedrock/catalog"
	bedrock "outcrop/provider/bedrock/converse"
	"outcrop/provider/bedrock/modelid"
	"outcrop/wire/converse"
	"outcrop/wire/openaichat"
)

// Names of models of the families that differ.
const (
	sonnet45 = "us.anthropic.claude-sonnet-4-5-20250929-v1:0"
	minimax  = "minimax.minimax-m2"
)

// TestFoundInRequests has what users of Bedrock reported and other gateways' tests
// expect of requests, by the names of the reports; the exchanges are made up here.
// Each is sent whole and streamed.
func TestFoundInRequests(t *testing.T) {
	const say = `"messages":[{"role":"user","content":"Which rock is hardest?"}]`
	thought := func(message string) string {
		return `"messages":[{"role":"user","content":"A rock?"},` + message + `,{"role":"user","content":"One more?"}]`
	}
	sent(t, []kind{
		{name: "bedrock-chat/effort-minimal-gpt", model: "global.openai.gpt-6-luna", body: say + `,"reasoning_effort":"minimal"`, has: []string{`"reasoning":{"effort":"low"}`}, warned: []string{"changed;field=reasoning_effort"}},
		{name: "bedrock-chat/effort-minimal-gpt, GPT-5.6", model: "us.openai.gpt-5.6-terra", body: say + `,"reasoning_effort":"minimal"`, has: []string{`"reasoning":{"effort":"low"}`}, warned: []string{"changed;field=reasoning_effort"}},
		{name: "bedrock-chat/effort-minimal-gpt, none", model: "us.openai.gpt-6-sol", body: say + `,"reasoning_effort":"none"`, has: []string{`"reasoning":{"effort":"none"}`}},
		{name: "bedrock-chat/effort-minimal-gpt, none of Astra", model: "us.openai.gpt-6-astra", body: say + `,"reasoning_effort":"none"`, has: []string{`"reasoning":{"effort":"low"}`}, warned: []string{"changed;field=reasoning_effort"}},
		{name: "bedrock-chat/effort-minimal-gpt, max", model: "us.openai.gpt-6-astra", body: say + `,"reasoning_effort":"max"`, has: []string{`"reasoning":{"effort":"max"}`}},
		{name: "bedrock-chat/effort-minimal-gpt, disabled", model: "us.openai.gpt-6-sol", body: say + `,"thinking":{"type":"disabled"}`, has: []string{`"reasoning":{"effort":"none"}`}, warned: []string{"changed;field=thinking"}},

		{name: "bedrock-chat/effort-none-claude-that-thinks-by-default", model: "claude-opus-5", body: say + `,"reasoning_effort":"none","max_tokens":60`, has: []string{`"thinking":{"type":"disabled"}`}},
		{name: "bedrock-chat/effort-none-claude-that-thinks-by-default, Sonnet 5", model: "claude-sonnet-5", body: say + `,"reasoning_effort":"none"`, has: []string{`"thinking":{"type":"disabled"}`}},
		{name: "bedrock-chat/effort-none-claude-that-thinks-by-default, Haiku 5.5", model: "us.anthropic.claude-haiku-5-5", body: say + `,"reasoning_effort":"none"`, has: []string{`"thinking":{"type":"disabled"}`}},
		{name: "bedrock-chat/effort-none-claude-that-thinks-by-default, Opus 5.5", model: "claude-opus-5-5", body: say + `,"reasoning_effort":"none"`, not: []string{`thinking`}, warned: []string{"dropped;field=reasoning_effort"}},
		{name: "bedrock-chat/effort-none-claude-that-thinks-by-default, Opus 4.8", model: "us.anthropic.claude-opus-4-8", body: say + `,"reasoning_effort":"none"`, not: []string{`thinking`}},
		{name: "bedrock-chat/effort-none-claude-that-thinks-by-default, with an effort", model: "claude-opus-5", body: say + `,"thinking":{"type":"disabled"},"reasoning_effort":"max"`, has: []string{`"thinking":{"type":"disabled"}`, `"effort":"high"`}, warned: []string{"changed;field=reasoning_effort"}},
		{name: "bedrock-chat/thinking-disabled-opus-5-5", model: "claude-opus-5-5", body: say + `,"thinking":{"type":"disabled"}`, not: []string{"thinking"}, warned: []string{"dropped;field=thinking"}},
		{name: "bedrock-chat/thinking-disabled-opus-5-5, Sonnet 5.5", model: "us.anthropic.claude-sonnet-5-5", body: say + `,"thinking":{"type":"disabled"}`, not: []string{"thinking"}, warned: []string{"dropped;field=thinking"}},
		{name: "bedrock-chat/thinking-disabled-opus-5-5, between the tools", model: "us.anthropic.claude-sonnet-5-5", body: say + `,"thinking":{"type":"between_tools"},"reasoning_effort":"max"`, has: []string{`"thinking":{"type":"between_tools"}`, `"effort":"high"`}, warned: []string{"changed;field=reasoning_effort"}},
		{name: "bedrock-chat/thinking-disabled-opus-5-5, an effort beside it", model: "claude-opus-5-5", body: say + `,"thinking":{"type":"disabled"},"reasoning_effort":"low"`, has: []string{`"effort":"low"`}, not: []string{"disabled"}, warned: []string{"dropped;field=thinking"}},

		{name: "bedrock-chat/reasoning-object", model: "claude-sonnet-4-5", body: say + `,"reasoning":{"effort":"high"}`, has: []string{`"budget_tokens":4096`}, not: []string{`"reasoning"`}},
		{name: "bedrock-chat/reasoning-object, Nova", model: "us.amazon.nova-2-lite-v1:0", body: say + `,"reasoning":{"effort":"low","summary":"auto"}`, has: []string{`"maxReasoningEffort":"low"`}, not: []string{`"reasoning"`}, warned: []string{"dropped;field=reasoning.summary"}},
		{name: "bedrock-chat/reasoning-object, a model that does not reason", model: "amazon.nova-lite-v1:0", body: say + `,"reasoning":{"effort":"low"}`, not: []string{`reasoning`}, warned: []string{"dropped;field=reasoning_effort"}},
		{name: "bedrock-chat/reasoning-object, GPT's own", model: "us.openai.gpt-6-sol", body: say + `,"reasoning":{"effort":"minimal","summary":"auto"}`, has: []string{`"reasoning":{"effort":"low","summary":"auto"}`}, warned: []string{"changed;field=reasoning_effort"}},
		{name: "bedrock-chat/reasoning-object, a number of tokens", model: "claude-sonnet-4-5", body: say + `,"reasoning":{"max_tokens":3000}`, has: []string{`"budget_tokens":3000`}, not: []string{`"reasoning"`}},
		{name: "bedrock-chat/reasoning-object, off", model: "claude-opus-5", body: say + `,"reasoning":{"enabled":false}`, has: []string{`"thinking":{"type":"disabled"}`}},
		{name: "bedrock-chat/reasoning-object, two efforts", model: "claude-sonnet-4-5", body: say + `,"reasoning":{"effort":"high"},"reasoning_effort":"low"`, has: []string{`"budget_tokens":1024`}, warned: []string{"dropped;field=reasoning.effort"}},
		{name: "bedrock-chat/reasoning-object, another word", model: "claude-sonnet-4-5", body: say + `,"reasoning":{"effort":"hard"}`, refused: "reasoning.effort"},
		{name: "bedrock-chat/reasoning-object, a word", model: "claude-sonnet-4-5", body: say + `,"reasoning":"high"`, refused: "reasoning"},

		{name: "bedrock-chat/grok-sampling", model: "global.xai.grok-4.6", body: say + `,"temperature":1.0,"top_p":0.8,"drop_params":true`, not: []string{"temperature", "topP"}, warned: []string{"dropped;field=temperature", "dropped;field=top_p"}},
		{name: "bedrock-chat/grok-sampling, refused", model: "global.xai.grok-4.6", body: say + `,"temperature":0.3`, refused: "temperature"},
		{name: "bedrock-chat/grok-sampling, 1", model: "us.xai.grok-4.7", body: say + `,"temperature":1`, not: []string{"temperature"}, warned: []string{"dropped;field=temperature"}},
		{name: "bedrock-chat/grok-sampling, effort", model: "us.xai.grok-4.6", body: say + `,"reasoning_effort":"none"`, has: []string{`"reasoning":{"effort":"low"}`}, warned: []string{"changed;field=reasoning_effort"}},

		{name: "peers/03-reasoning-switch-glm", model: "zai.glm-5", body: say + `,"reasoning_effort":"high"`, has: []string{`"reasoning_config":"high"`}},
		{name: "peers/03-reasoning-switch-glm, none", model: "zai.glm-4.7", body: say + `,"reasoning_effort":"none"`, not: []string{"reasoning"}},
		{name: "peers/04-reasoning-switch-kimi", model: "moonshotai.kimi-k2.5", body: say + `,"reasoning_effort":"high"`, has: []string{`"reasoning_config":"high"`}},
		{name: "peers/04-reasoning-switch-kimi, K3", model: "us.moonshotai.kimi-k3", body: say + `,"reasoning_effort":"none"`, has: []string{`"reasoning":{"effort":"none"}`}},
		{name: "peers/04-reasoning-switch-kimi, a budget", model: "moonshotai.kimi-k2.5", body: say + `,"thinking":{"type":"enabled","budget_tokens":9000}`, has: []string{`"reasoning_config":"high"`}, warned: []string{"changed;field=thinking", "changed;field=reasoning_effort"}},
		{name: "peers/06-stop-glm", model: "zai.glm-5", body: say + `,"stop":["7"]`, refused: "stop"},
		{name: "peers/06-stop-glm, dropped", model: "zai.glm-4.7-flash", body: say + `,"stop":"7","drop_params":true`, not: []string{"stopSequences"}, warned: []string{"dropped;field=stop"}},
		{name: "peers/06-stop-glm, Qwen", model: "qwen.qwen3-32b-v1:0", body: say + `,"stop":"7"`, refused: "stop"},

		{name: "peers/08-thoughts-to-gpt", model: "us.openai.gpt-5.6-luna", body: thought(`{"role":"assistant","content":"Quartz.","thinking_blocks":[{"type":"thinking","thinking":"A hard one.","signature":"c2VhbA=="},{"type":"redacted_thinking","data":"Y21Wag=="}]}`), has: []string{`{"reasoningContent":{"redactedContent":"Y21Wag=="}}`}, not: []string{"reasoningText"}, warned: []string{"dropped;field=messages[1].thinking_blocks"}},
		{name: "peers/08-thoughts-to-gpt, Claude", model: sonnet45, body: thought(`{"role":"assistant","content":"Quartz.","thinking_blocks":[{"type":"thinking","thinking":"A hard one.","signature":"c2VhbA=="},{"type":"redacted_thinking","data":"` + base64.StdEncoding.EncodeToString([]byte("rsn_MadeUp")) + `"}]}`), has: []string{`"signature":"c2VhbA=="`}, not: []string{"redactedContent"}, warned: []string{"dropped;field=messages[1].thinking_blocks"}},
		{name: "peers/08-thoughts-to-gpt, Grok", model: "global.xai.grok-4.6", body: thought(`{"role":"assistant","content":"Quartz.","thinking_blocks":[{"type":"thinking","thinking":"A hard one."},{"type":"redacted_thinking","data":"Y21Wag=="}]}`), has: []string{`{"reasoningContent":{"redactedContent":"Y21Wag=="}}`}, not: []string{"reasoningText"}, warned: []string{"dropped;field=messages[1].thinking_blocks"}},
		{name: "peers/08-thoughts-to-gpt, Llama", model: "us.meta.llama3-3-70b-instruct-v1:0", body: thought(`{"role":"assistant","content":"Quartz.","thinking_blocks":[{"type":"thinking","thinking":"A hard one.","signature":"c2VhbA=="}]}`), not: []string{"reasoningContent"}, warned: []string{"dropped;field=messages[1].thinking_blocks"}},
		{name: "peers/10-unsigned-thoughts", model: minimax, body: thought(`{"role":"assistant","content":"Quartz.","thinking_blocks":[{"type":"thinking","thinking":"A hard one."}]}`), has: []string{`{"reasoningContent":{"reasoningText":{"text":"A hard one."}}}`}},
		{name: "peers/10-unsigned-thoughts, signed by another", model: minimax, body: thought(`{"role":"assistant","content":"Quartz.","thinking_blocks":[{"type":"thinking","thinking":"A hard one.","signature":"c2VhbA=="},{"type":"redacted_thinking","data":"c2VhbA=="}]}`), has: []string{`{"reasoningText":{"text":"A hard one."}}`}, not: []string{"signature", "redacted"}, warned: []string{"changed;field=messages[1].thinking_blocks", "dropped;field=messages[1].thinking_blocks"}},
		{name: "peers/10-unsigned-thoughts, Claude", model: sonnet45, body: thought(`{"role":"assistant","content":"Quartz.","thinking_blocks":[{"type":"thinking","thinking":"A hard one."}]}`), not: []string{"reasoningContent"}, warned: []string{"dropped;field=messages[1].thinking_blocks"}},

		{name: "peers/11-compact-beta", model: "us.anthropic.claude-opus-4-7", body: say + `,"context_management":{"edits":[{"type":"compact_20260112"}]}`, has: []string{`"anthropic_beta":["compact-2026-01-12"]`}},
		{name: "peers/11-compact-beta, beside others", model: "us.anthropic.claude-opus-4-7", body: say + `,"context_management":{"edits":[{"type":"clear_tool_uses_20250919"},{"type":"compact_20260112"}]},"anthropic_beta":["mine-1"]`, has: []string{`"anthropic_beta":["mine-1","context-management-2025-06-27","compact-2026-01-12"]`}},

		{name: "peers/21-thinking-without-budget", model: sonnet45, body: say + `,"thinking":{"type":"enabled"},"reasoning_effort":"high"`, has: []string{`"thinking":{"type":"enabled","budget_tokens":4096}`}, warned: []string{"changed;field=thinking"}},
		{name: "peers/21-thinking-without-budget, no effort", model: sonnet45, body: say + `,"thinking":{"type":"enabled"}`, has: []string{`"thinking":{"type":"enabled","budget_tokens":2048}`}, warned: []string{"changed;field=thinking"}},
		{name: "peers/21-thinking-without-budget, adaptive", model: "claude-opus-5", body: say + `,"thinking":{"type":"enabled"},"reasoning_effort":"max"`, has: []string{`"type":"adaptive"`, `"effort":"max"`}, warned: []string{"changed;field=thinking"}},
		{name: "peers/21-thinking-without-budget, adaptive without an effort", model: "claude-sonnet-4-6", body: say + `,"thinking":{"type":"enabled"}`, has: []string{`"type":"adaptive"`}, not: []string{"output_config"}, warned: []string{"changed;field=thinking"}},
		{name: "peers/22-reasoning-signature", model: sonnet45, body: thought(`{"role":"assistant","content":"Quartz.","reasoning_content":"A hard one.","reasoning_signature":"c2VhbA=="}`), has: []string{`{"reasoningText":{"signature":"c2VhbA==","text":"A hard one."}}`}},
		{name: "peers/22-reasoning-signature, without it", model: sonnet45, body: thought(`{"role":"assistant","content":"Quartz.","reasoning_content":"A hard one."}`), not: []string{"reasoning"}, warned: []string{"dropped;field=messages[1].reasoning_content"}},
		{name: "peers/22-reasoning-signature, alone", model: sonnet45, body: thought(`{"role":"assistant","content":"Quartz.","reasoning_signature":"c2VhbA=="}`), not: []string{"reasoning"}, warned: []string{"dropped;field=messages[1].reasoning_signature"}},
		{name: "peers/23-thinking-part-text", model: sonnet45, body: thought(`{"role":"assistant","content":[{"type":"thinking","text":"A hard one.","signature":"c2VhbA=="},{"type":"text","text":"Quartz."}]}`), has: []string{`{"reasoningText":{"signature":"c2VhbA==","text":"A hard one."}}`}},
		{name: "peers/23-thinking-part-text, no text at all", model: sonnet45, body: thought(`{"role":"assistant","content":[{"type":"thinking","signature":"c2VhbA=="},{"type":"text","text":"Quartz."}]}`), refused: "messages[1].content[0].thinking"},
		{name: "peers/23-thinking-part-text, in thinking_blocks", model: sonnet45, body: thought(`{"role":"assistant","content":"Quartz.","thinking_blocks":[{"type":"thinking","text":"A hard one.","signature":"c2VhbA=="}]}`), has: []string{`{"reasoningText":{"signature":"c2VhbA==","text":"A hard one."}}`}},
	})
}

// named is the model's id: the friendly names are the catalogue's.
func named(t *testing.T, name string) string {
	t.Helper()
	if base, ok := catalog.Embedded().Friendly(name); ok {
		return base
	}
	return name
}

// served gives the answer to a request whole and as a stream folds to, as callers get it.
func served(t *testing.T, body, answer string) (whole, streamed string) {
	t.Helper()
	req, err := openaichat.Decode([]byte(body), openaichat.Options{})
	if err != nil {
		t.Fatal(err)
	}
	id, err := modelid.Parse(req.LLM.Model)
	if err != nil {
		t.Fatal(err)
	}
	facts, _ := catalog.Embedded().Model(id.Base())
	fitted, err := bedrock.Adapt(bedrock.NewModel(id.Vendor, id.Name, facts), &req.LLM, false)
	if err != nil {
		t.Fatal(err)
	}
	env := openaichat.Envelope{ID: "chatcmpl-1", Model: "granite", Functions: req.Functions}
	read := func() *llm.Response {
		r, err := converse.DecodeResponse([]byte(answer))
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
	r := read()
	pieces := events(r)
	fitted.Restore(r)
	whole = string(openaichat.AppendResponse(nil, env, r, r.Meta.Warnings))
	s := fitted.Stream(&replayed{events: pieces})
	chunks := openaichat.NewChunks(env, false, 1)
	var out []byte
	for {
		var ev llm.Event
		if s.Next(&ev) != nil {
			break
		}
		out = chunks.Append(out, &ev)
	}
	return whole, string(chunks.AppendEnd(out, s.Meta().Warnings))
}

// replayed is a stream of events.
type replayed struct {
	events []llm.Event
	meta   llm.Meta
}

func (r *replayed) Next(ev *llm.Event) error {
	if len(r.events) == 0 {
		return errors.New("the end")
	}
	*ev, r.events = r.events[0], r.events[1:]
	return nil
}
func (r *replayed) More() bool      { return len(r.events) > 0 }
func (r *replayed) Meta() *llm.Meta { return &r.meta }
func (r *replayed) Close() error    { return nil }

// TestFoundInAnswers has what was reported of answers, whole and streamed.
func TestFoundInAnswers(t *testing.T) {
	const (
		tools     = `,"tools":[{"type":"function","function":{"name":"weigh","parameters":{"type":"object","properties":{"stone":{"type":"string"}}}}}]`
		functions = `,"functions":[{"name":"weigh","parameters":{"type":"object","properties":{"stone":{"type":"string"}}}}]`
		gptOSS    = "openai.gpt-oss-120b-1:0"
		counted   = `"usage":{"inputTokens":9,"outputTokens":4,"totalTokens":13}`
		call      = `{"toolUse":{"toolUseId":"w1","name":"weigh","input":{"stone":"slate"}}}`
	)
	answer := func(stop, usage, content string) string {
		return `{"output":{"message":{"role":"assistant","content":[` + content + `]}}` + stop + usage + `}`
	}
	ended := func(word string) string { return `,"stopReason":"` + word + `"` }
	for _, tt := range []struct {
		name, model, body, answer string
		has, not                  []string // whole and streamed
	}{
		{"bedrock-chat/end-turn-with-a-tool-call", gptOSS, tools, answer(ended("end_turn"), ","+counted, `{"text":"On it."},`+call), []string{`"finish_reason":"tool_calls"`, `"stop_reason":"end_turn"`}, nil},
		{"bedrock-chat/end-turn-with-a-tool-call, a function", gptOSS, functions, answer(ended("end_turn"), ","+counted, call), []string{`"finish_reason":"function_call"`, `"stop_reason":"end_turn"`}, nil},
		{"peers/01-end-turn-with-call", gptOSS, tools, answer(ended("stop_sequence"), ","+counted, call), []string{`"finish_reason":"tool_calls"`}, nil},
		{"peers/01-end-turn-with-call, an unknown reason", gptOSS, tools, answer(ended("pondered"), ","+counted, call), []string{`"finish_reason":"tool_calls"`, `"stop_reason":"pondered"`}, nil},
		{"peers/01-end-turn-with-call, cut", gptOSS, tools, answer(ended("max_tokens"), ","+counted, call), []string{`"finish_reason":"length"`}, nil},
		{"peers/01-end-turn-with-call, the other way", gptOSS, tools, answer(ended("tool_use"), ","+counted, `{"text":"I could."}`), []string{`"finish_reason":"stop"`, `"stop_reason":"tool_use"`, `{"code":"changed","field":"finish_reason"`}, nil},
		{"bedrock-chat/kimi-tool-call-markers-in-text", "moonshotai.kimi-k2.5", tools, answer(ended("end_turn"), ","+counted, `{"text":"I look.<|tool_calls_section_begin|><|tool_call_begin|>functions.weigh:0<|tool_call_argument_begin|>{\"stone\": \"slate\"}<|tool_call_end|><|tool_calls_section_end|>"}`), []string{`"finish_reason":"tool_calls"`, `"name":"weigh"`, `"id":"tooluse_`}, []string{"<|"}},
		{"peers/15-call-as-json-text", "us.meta.llama3-3-70b-instruct-v1:0", tools, answer(ended("end_turn"), ","+counted, `{"text":"{\"type\": \"function\", \"name\": \"weigh\", \"parameters\": {\"stone\": \"slate\"}}"}`), []string{`"finish_reason":"tool_calls"`, `"name":"weigh"`}, []string{"parameters"}},
		{"bedrock-chat/blocked-answer-without-usage", gptOSS, "", answer(ended("guardrail_intervened"), "", `{"text":"Not that."}`), []string{`"finish_reason":"content_filter"`, `that.`}, nil},
		{"bedrock-chat/blocked-answer-without-usage, no reason", gptOSS, "", answer("", "", `{"text":"Said."}`), []string{`"finish_reason":"stop"`, `id.`}, nil},
		{"bedrock-chat/blocked-answer-without-usage, nulls", gptOSS, "", answer(`,"stopReason":null,"metrics":null,"usage":null`, "", `{"text":"Said."},{"hologram":{"a":1}}`), []string{`"finish_reason":"stop"`, `id.`, "hologram"}, nil},
		{"bedrock-chat/blocked-answer-without-usage, nothing said", gptOSS, "", answer(ended("guardrail_intervened"), "", ""), []string{`"finish_reason":"content_filter"`}, nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			whole, streamed := served(t, `{"model":"`+tt.model+`","messages":[{"role":"user","content":"How heavy is slate?"}]`+tt.body+`}`, tt.answer)
			for kind, got := range map[string]string{"whole": whole, "streamed": streamed} {
				for _, want := range tt.has {
					if !strings.Contains(got, want) {
						t.Errorf("%s lacks %s:\n%s", kind, want, got)
					}
				}
				for _, not := range tt.not {
					if strings.Contains(got, not) {
						t.Errorf("%s has %s:\n%s", kind, not, got)
					}
				}
			}
			if uncounted := !strings.Contains(tt.answer, counted); uncounted == strings.Contains(whole, `"usage":{`) || uncounted != strings.Contains(whole, `{"code":"missing","field":"usage"`) {
				t.Errorf("of the usage:\n%s", whole)
			}
		})
	}
}

// TestThoughtsComeBackInTheirOrder gives an answer to a client that sends it back as it
// came, whole or put together from a stream, and looks at what AWS is sent.
func TestThoughtsComeBackInTheirOrder(t *testing.T) {
	const tools = `"tools":[{"type":"function","function":{"name":"weigh","parameters":{"type":"object"}}}]`
	think := func(text, sign string) string {
		return `{"reasoningContent":{"reasoningText":{"signature":"` + sign + `","text":"` + text + `"}}}`
	}
	call := func(id string) string {
		return `{"toolUse":{"input":{"stone":"slate"},"name":"weigh","toolUseId":"` + id + `"}}`
	}
	for name, blocks := range map[string][]string{
		"bedrock-chat/order-of-interleaved-thinking": {think("One.", "c2lnMQ=="), `{"text":"First."}`, call("w1"), think("Two.", "c2lnMg=="), call("w2")},
		"thoughts in the text":                       {`{"text":"Größe: "}`, think("One.", "c2lnMQ=="), `{"text":"drei."}`, call("w1")},
		"thoughts around all":                        {think("One.", "c2lnMQ=="), think("Two.", "c2lnMg=="), call("w1"), call("w2"), think("Three.", "c2lnMw=="), call("w3")},
		"hidden thoughts":                            {call("w1"), `{"reasoningContent":{"redactedContent":"c2VjcmV0"}}`, call("w2")},
		"thoughts first":                             {think("One.", "c2lnMQ=="), `{"text":"First."}`, call("w1"), call("w2")},
	} {
		t.Run(name, func(t *testing.T) {
			all := strings.Join(blocks, ",")
			begin := `{"model":"us.anthropic.claude-sonnet-4-6","reasoning_effort":"high",` + tools + `,"messages":[{"role":"user","content":"How heavy is slate?"}`
			whole, streamed := served(t, begin+`]}`, `{"output":{"message":{"role":"assistant","content":[`+all+`]}},"stopReason":"tool_use","usage":{"inputTokens":1,"outputTokens":1,"totalTokens":2}}`)
			var completion struct {
				Choices []struct {
					Message jsonx.Raw `json:"message"`
				} `json:"choices"`
			}
			if err := jsonx.Unmarshal([]byte(whole), &completion); err != nil {
				t.Fatal(err)
			}
			for kind, message := range map[string]string{"whole": string(completion.Choices[0].Message), "streamed": collected(t, streamed)} {
				body := begin + "," + message
				for _, b := range blocks {
					if _, id, ok := strings.Cut(b, `"toolUseId":"`); ok {
						body += `,{"role":"tool","content":"3 kg","tool_call_id":"` + strings.TrimSuffix(id, `"}}`) + `"}`
					}
				}
				out, warnings, err := translate([]byte(body + `]}`))
				if err != nil {
					t.Fatal(err)
				}
				want := `"content":[` + strings.Join(blocks, ",") + `],"role":"assistant"`
				if !strings.Contains(string(out), want) || len(warnings) > 0 {
					t.Errorf("%s: sent back\n%s\nto AWS went\n%s\nwant\n%s\nwarned of %v", kind, message, out, want, warnings)
				}
			}
		})
	}
}

// collected puts the deltas of a stream together as OpenAI's SDKs do: texts are joined,
// lists by the index of their elements, everything else is kept.
func collected(t *testing.T, stream string) string {
	t.Helper()
	var all any = map[string]any{}
	for line := range strings.SplitSeq(stream, "\n") {
		data, ok := strings.CutPrefix(line, "data: ")
		if !ok || data == "[DONE]" {
			continue
		}
		var chunk struct {
			Choices []struct {
				Delta any `json:"delta"`
			} `json:"choices"`
		}
		if err := jsonx.Unmarshal([]byte(data), &chunk); err != nil {
			t.Fatal(err)
		}
		for _, c := range chunk.Choices {
			all = joined(all, c.Delta)
		}
	}
	out, err := jsonx.Marshal(all)
	if err != nil {
		t.Fatal(err)
	}
	return string(out)
}

func joined(have, more any) any {
	switch more := more.(type) {
	case map[string]any:
		h, ok := have.(map[string]any)
		if !ok {
			return more
		}
		for k, v := range more {
			if old, there := h[k]; there && k != "index" && k != "type" && k != "role" {
				h[k] = joined(old, v)
			} else {
				h[k] = v
			}
		}
		return h
	case []any:
		h, _ := have.([]any)
		for _, v := range more {
			index := func(v any) any { m, _ := v.(map[string]any); return m["index"] }
			at := slices.IndexFunc(h, func(o any) bool { return index(o) == index(v) })
			if at < 0 {
				h = append(h, v)
			} else {
				h[at] = joined(h[at], v)
			}
		}
		return h
	case string:
		h, _ := have.(string)
		return h + more
	default:
		return more
	}
}
