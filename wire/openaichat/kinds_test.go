package openaichat_test

import (
	"encoding/base64"
	"errors"
	"slices"
	"strings"
	"testing"

	"outcrop/llm"
)

// kind is a request of a kind that clients send, and what becomes of it.
type kind struct {
	name, model, body string
	has, not          []string // in what Converse is sent
	warned            []string
	refused           string // the field
}

// sent holds each request, whole and streamed, to what Converse is sent.
func sent(t *testing.T, kinds []kind) {
	t.Helper()
	for _, tt := range kinds {
		for _, stream := range []string{"", `,"stream":true`} {
			t.Run(tt.name+stream, func(t *testing.T) {
				out, warnings, err := translate([]byte(`{"model":"` + named(t, tt.model) + `",` + tt.body + stream + `}`))
				if e, ok := errors.AsType[*llm.Error](err); ok {
					if e.Status != 400 || e.Param != tt.refused {
						t.Errorf("refused %d %q: %v, want %q", e.Status, e.Param, e, tt.refused)
					}
					return
				}
				if err != nil || tt.refused != "" {
					t.Fatalf("not refused for %q: %v\n%s", tt.refused, err, out)
				}
				for _, want := range tt.has {
					if !strings.Contains(string(out), want) {
						t.Errorf("lacks %s:\n%s", want, out)
					}
				}
				for _, not := range tt.not {
					if strings.Contains(string(out), not) {
						t.Errorf("has %s:\n%s", not, out)
					}
				}
				var texts []string
				for _, w := range warnings {
					texts = append(texts, w.Code+";field="+w.Field)
				}
				if !slices.Equal(texts, tt.warned) {
					t.Errorf("warned of %q, want %q\n%s", texts, tt.warned, out)
				}
			})
		}
	}
}

const ask = `"messages":[{"role":"user","content":"Which rock is hardest?"}]`

func TestEffortIsReadInEveryForm(t *testing.T) {
	sent(t, []kind{
		{name: "an object", model: sonnet45, body: ask + `,"reasoning_effort":{"effort":"high"}`, has: []string{`"budget_tokens":4096`}},
		{name: "an object with a summary", model: "us.amazon.nova-2-lite-v1:0", body: ask + `,"reasoning_effort":{"effort":"low","summary":"auto"}`, has: []string{`"maxReasoningEffort":"low"`}, warned: []string{"dropped;field=reasoning_effort.summary"}},
		{name: "an object without an effort", model: sonnet45, body: ask + `,"reasoning_effort":{"effort":null}`, not: []string{"thinking"}},
		{name: "an object with another word", model: sonnet45, body: ask + `,"reasoning_effort":{"effort":"hard"}`, refused: "reasoning_effort.effort"},
		{name: "an empty word", model: sonnet45, body: ask + `,"reasoning_effort":""`, not: []string{"thinking"}},
		{name: "default", model: "us.openai.gpt-5.6-sol", body: ask + `,"reasoning_effort":"default"`, not: []string{"reasoning"}},
		{name: "auto", model: "claude-opus-5", body: ask + `,"reasoning_effort":"auto"`, not: []string{"thinking"}},
		{name: "another word", model: sonnet45, body: ask + `,"reasoning_effort":"hard"`, refused: "reasoning_effort"},
		{name: "a number", model: sonnet45, body: ask + `,"reasoning_effort":5`, refused: "reasoning_effort"},
		{name: "thinking without its type", model: sonnet45, body: ask + `,"thinking":{"budget_tokens":3000}`, has: []string{`"thinking":{"type":"enabled","budget_tokens":3000}`}},
		{name: "thinking without its type, of a Claude that adapts", model: "claude-opus-5", body: ask + `,"thinking":{"budget_tokens":3000}`, has: []string{`"type":"adaptive"`, `"effort":"high"`}, warned: []string{"changed;field=thinking"}},
	})
}

func TestPlainReasoningGoesBackToFamiliesWithoutSignatures(t *testing.T) {
	const history = `"messages":[{"role":"user","content":"A rock?"},{"role":"assistant","content":"Quartz.","reasoning_content":"A hard one."},{"role":"user","content":"One more?"}]`
	const plain = `{"reasoningContent":{"reasoningText":{"text":"A hard one."}}}`
	var kinds []kind
	for _, model := range []string{minimax, "openai.gpt-oss-120b-1:0", "qwen.qwen3-32b-v1:0", "newcomer.model-9"} {
		kinds = append(kinds, kind{name: model, model: model, body: history, has: []string{plain}})
	}
	for _, model := range []string{sonnet45, "claude-opus-5", "us.openai.gpt-5.6-sol", "global.xai.grok-4.6", "zai.glm-5", "moonshotai.kimi-k2.5", "us.deepseek.r1-v1:0", "us.meta.llama3-3-70b-instruct-v1:0", "us.amazon.nova-pro-v1:0"} {
		kinds = append(kinds, kind{name: model, model: model, body: history, not: []string{"reasoningContent"}, warned: []string{"dropped;field=messages[1].reasoning_content"}})
	}
	sent(t, kinds)
}

// TestRedactedThinkingGoesBackInConversesEncoding sends Anthropic's text, and Converse's
// base64 of it, to a Claude.
func TestRedactedThinkingGoesBackInConversesEncoding(t *testing.T) {
	own := base64.StdEncoding.EncodeToString([]byte("\x12\x9c\x01\x0a\x08\xffstone\x00\xfe\x81 quartz"))
	twice := base64.StdEncoding.EncodeToString([]byte(own))
	history := func(data string) string {
		return `"messages":[{"role":"user","content":"A rock?"},{"role":"assistant","content":"Quartz.","thinking_blocks":[{"type":"redacted_thinking","data":"` + data + `"}]},{"role":"user","content":"One more?"}]`
	}
	sent(t, []kind{
		{name: "Converse's", model: sonnet45, body: history(twice), has: []string{`{"redactedContent":"` + twice + `"}`}},
		{name: "Anthropic's", model: sonnet45, body: history(own), has: []string{`{"redactedContent":"` + twice + `"}`}},
		{name: "a GPT's own", model: "us.openai.gpt-5.6-sol", body: history(own), has: []string{`{"redactedContent":"` + own + `"}`}},
	})
}
