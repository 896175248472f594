package anthropic_test

import (
	"encoding/json"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// AWS's words for a model at the wrong API.
const (
	notConverse = "The provided model does not support the Converse API. Use the InvokeModel API."
	notInvoke   = "The provided model is not supported for this API. Use the Converse API."
)

// wrongAPI refuses the operations that begin with a word.
func wrongAPI(refused map[string]string) func(string, string) string {
	return func(operation, _ string) string {
		for beginning, words := range refused {
			if strings.HasPrefix(operation, beginning) {
				return words
			}
		}
		return ""
	}
}

// TestAModelIsCalledByTheAPIThatTakesIt refuses Claude at one API, at the other, and at both: the
// other API is called before the client hears of it, although num_retries is 0, and from then on at
// once.
func TestAModelIsCalledByTheAPIThatTakesIt(t *testing.T) {
	for _, tt := range []struct {
		name, path, model string
		refused           map[string]string
		first, then       []string // the operations of the first call, and of the next
		reason, words     string
	}{
		{"messages, InvokeModel refused", "/v1/messages", "claude", map[string]string{"invoke": notInvoke}, []string{"invoke", "converse"}, []string{"converse"}, "InvokeModel refused this model, so Converse serves it", ""},
		{"messages, Converse refused", "/v1/messages", "claude", map[string]string{"converse": notConverse}, []string{"invoke"}, []string{"invoke"}, "", ""},
		{"messages, both refused", "/v1/messages", "claude", map[string]string{"invoke": notInvoke, "converse": notConverse}, []string{"invoke", "converse"}, []string{"invoke"}, "", notInvoke},
		{"messages, the named API refused", "/v1/messages", "claude-converse", map[string]string{"converse": notConverse}, []string{"converse"}, []string{"converse"}, "", notConverse},
		{"chat, Converse refused", "/v1/chat/completions", "claude", map[string]string{"converse": notConverse}, []string{"converse", "invoke"}, []string{"invoke"}, "Converse refused this model, so InvokeModel serves it", ""},
		{"chat, both refused", "/v1/chat/completions", "claude", map[string]string{"invoke": notInvoke, "converse": notConverse}, []string{"converse", "invoke"}, []string{"converse"}, "", notConverse},
		{"chat by InvokeModel", "/v1/chat/completions", "claude-invoke", map[string]string{"converse": notConverse}, []string{"invoke"}, []string{"invoke"}, "", ""},
		{"chat, the named API refused", "/v1/chat/completions", "claude-invoke", map[string]string{"invoke": notInvoke}, []string{"invoke"}, []string{"invoke"}, "", notInvoke},
		{"a model without InvokeModel", "/v1/messages", "nova", map[string]string{"converse": notConverse}, []string{"converse"}, []string{"converse"}, "", notConverse},
	} {
		for _, stream := range []bool{false, true} {
			t.Run(tt.name, func(t *testing.T) {
				u := startEmulator(t)
				u.refuses(wrongAPI(tt.refused))
				s := startGateway(t, u, "", "")
				body := hello(tt.model, "Say granite.", "")
				if stream {
					body = hello(tt.model, "Say granite.", `,"stream":true`)
				}
				for i, want := range [][]string{tt.first, tt.then} {
					r := s.send(t, http.MethodPost, tt.path, body)
					calls := u.taken()
					var got []string
					for _, name := range operations(calls) {
						got = append(got, strings.TrimSuffix(strings.TrimSuffix(name, "-with-response-stream"), "-stream"))
					}
					if !slices.Equal(got, want) || (r.StatusCode == http.StatusOK) != (tt.words == "") || !strings.Contains(r.text, strings.TrimSuffix(tt.words, ".")) {
						t.Fatalf("call %d made %v, want %v: %d %s", i, got, want, r.StatusCode, r.text)
					}
					if reason := r.Header.Get("X-Outcrop-Reason"); !strings.Contains(reason, tt.reason) || tt.reason == "" && strings.Contains(reason, "refused this model") {
						t.Errorf("call %d: x-outcrop-reason: %s", i, reason)
					}
					for _, c := range calls {
						if c.model != calls[0].model {
							t.Errorf("another id was called: %s", c.model) // residency holds
						}
					}
				}
			})
		}
	}
}

// TestARefusedFeatureCostsOneCall refuses parts of requests as AWS does: they are left out of one
// more call, although num_retries is 0, and of later ones.
func TestARefusedFeatureCostsOneCall(t *testing.T) {
	for _, tt := range []struct {
		name, model, more, beta string
		refuses, words          string // a part of the body, and AWS's words
		gone                    string
	}{
		{"a beta without its name", "claude", "", "interleaved-thinking-2025-05-14", `"anthropic_beta"`, "invalid beta flag", "interleaved"},
		{"a beta by name", "claude", "", "interleaved-thinking-2025-05-14,context-1m-2025-08-07", "context-1m", "Unexpected value(s) `context-1m-2025-08-07` for the `anthropic-beta` header.", "context-1m"},
		{"a beta on Converse", "claude-converse", "", "interleaved-thinking-2025-05-14", `"anthropic_beta"`, "The model returned the following errors: invalid beta flag", "interleaved"},
		{"a member", "claude", `,"tomorrow":{"a":1}`, "", `"tomorrow"`, "tomorrow: Extra inputs are not permitted", "tomorrow"},
		{"a member of tools", "claude", `,"tools":[{"name":"a","input_schema":{"type":"object"},"novelty":1}]`, "", `"novelty"`, "tools.0.custom.novelty: Extra inputs are not permitted", "novelty"},
		{"a time to live", "claude", `,"system":[{"type":"text","text":"Be brief.","cache_control":{"type":"ephemeral","ttl":"1h"}}]`, "", `"ttl"`, "system.0.cache_control.ephemeral.ttl: Extra inputs are not permitted", `"ttl"`},
	} {
		for _, stream := range []string{"", `,"stream":true`} {
			t.Run(tt.name+stream, func(t *testing.T) {
				u := startEmulator(t)
				u.refuses(func(_, body string) string {
					if strings.Contains(body, tt.refuses) {
						return tt.words
					}
					return ""
				})
				s := startGateway(t, u, "", "")
				for i, want := range []int{2, 1} {
					r := s.message(t, hello(tt.model, "Hi", tt.more+stream), "Anthropic-Beta", tt.beta)
					calls := u.taken()
					if r.StatusCode != http.StatusOK || len(calls) != want {
						t.Fatalf("call %d: %d after %d calls: %s", i, r.StatusCode, len(calls), r.text)
					}
					if last := calls[len(calls)-1].body; strings.Contains(last, tt.gone) {
						t.Errorf("call %d: it is sent again: %s", i, last)
					}
					if warnings := r.Header.Get("X-Outcrop-Warnings"); !strings.Contains(warnings, "AWS refused it for this model") && !strings.Contains(warnings, "caches for five minutes") {
						t.Errorf("call %d: x-outcrop-warnings: %s", i, warnings)
					}
				}
			})
		}
	}
}

// TestARefusedBetaWithoutItsNameIsFound refuses betas as AWS does, without saying which: the call is
// made at most three times more, and what it then does without are the refused betas, or as few
// others as that allows. Later calls begin so, and the client is told what is left out.
func TestARefusedBetaWithoutItsNameIsFound(t *testing.T) {
	const a, b, c, d, strange = "computer-use-2025-01-24", "computer-use-2024-10-22", "fine-grained-tool-streaming-2025-05-14", "interleaved-thinking-2025-05-14", "tomorrow-2027-01-01"
	for _, tt := range []struct {
		name       string
		sent, bad  []string
		calls      int // of the first request
		left       []string
		toConverse bool
	}{
		{name: "one of one", sent: []string{a}, bad: []string{a}, calls: 2},
		{name: "the first of two", sent: []string{a, b}, bad: []string{a}, calls: 2, left: []string{b}},
		{name: "the second of two", sent: []string{a, b}, bad: []string{b}, calls: 3, left: []string{a}},
		{name: "both", sent: []string{a, b}, bad: []string{a, b}, calls: 4},
		{name: "the third of three", sent: []string{a, b, c}, bad: []string{c}, calls: 3, left: []string{a, b}},
		{name: "the third of four", sent: []string{a, b, c, d}, bad: []string{c}, calls: 3, left: []string{a, b, d}},
		{name: "the last of four", sent: []string{a, b, c, d}, bad: []string{d}, calls: 4},
		{name: "the first of four", sent: []string{a, b, c, d}, bad: []string{a}, calls: 2, left: []string{c, d}},
		{name: "one that is not known", sent: []string{a, strange, c}, bad: []string{strange}, calls: 2, left: []string{a, c}},
		{name: "one that is known beside one that is not", sent: []string{strange, a, c}, bad: []string{c}, calls: 4},
		{name: "by Converse", sent: []string{a, b}, bad: []string{b}, calls: 3, left: []string{a}, toConverse: true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			u := startEmulator(t)
			u.refuses(func(_, body string) string {
				if slices.ContainsFunc(tt.bad, func(beta string) bool { return strings.Contains(body, beta) }) {
					return "The model returned the following errors: invalid beta flag"
				}
				return ""
			})
			s := startGateway(t, u, "", "outcrop_settings: {anthropic_door: {unknown_betas: pass}}\n")
			model := "claude"
			if tt.toConverse {
				model = "claude-converse"
			}
			for i, want := range []int{tt.calls, 1} {
				r := s.message(t, hello(model, "Hi", ""), "Anthropic-Beta", strings.Join(tt.sent, ","))
				calls := u.taken()
				if len(calls) != want {
					t.Fatalf("request %d: %d after %d calls, want %d: %s", i, r.StatusCode, len(calls), want, r.text)
				}
				last := calls[len(calls)-1].body
				for _, beta := range tt.sent {
					has, warned := strings.Contains(last, beta), strings.Contains(r.Header.Get("X-Outcrop-Warnings"), beta)
					if has != slices.Contains(tt.left, beta) || has == warned && beta != strange {
						t.Errorf("request %d: %s is sent: %t, warned of: %t; %s", i, beta, has, warned, r.Header.Get("X-Outcrop-Warnings"))
					}
				}
			}
		})
	}
}

// TestWhatIsRefusedForGoodIsTheAnswer has a refusal that nothing can be left out for.
func TestWhatIsRefusedForGoodIsTheAnswer(t *testing.T) {
	u := startEmulator(t)
	u.refuses(func(string, string) string { return "messages.0.content: Extra inputs are not permitted" })
	s := startGateway(t, u, "", "")
	r := s.message(t, hello("claude", "Hi", ""))
	if calls := u.taken(); r.StatusCode != http.StatusBadRequest || len(calls) != 1 {
		t.Errorf("%d after %d calls: %s", r.StatusCode, len(calls), r.text)
	}
}

// TestFeaturesThatClientsMakeUpAreBounded refuses whatever the client sends.
func TestFeaturesThatClientsMakeUpAreBounded(t *testing.T) {
	u := startEmulator(t)
	made := regexp.MustCompile(`"(made_up_[0-9a-z]+)"`)
	u.refuses(func(_, body string) string {
		if m := made.FindStringSubmatch(body); m != nil {
			return m[1] + ": Extra inputs are not permitted"
		}
		return ""
	})
	s := startGateway(t, u, "", "")
	refused := 0
	for i := range 20 {
		if s.message(t, hello("claude", "Hi", `,"made_up_`+string(rune('a'+i))+`":1`)).StatusCode != http.StatusOK {
			refused++
		}
	}
	if refused != 4 {
		t.Errorf("%d of 20 were refused", refused)
	}
}

// toolIDs are the ids of tool calls.
var toolIDs = regexp.MustCompile(`"id":"tool[A-Za-z0-9_]+"`)

// meaning is what a message says, without what differs from call to call.
func meaning(t *testing.T, text string) string {
	t.Helper()
	var m map[string]json.RawMessage
	if err := json.Unmarshal([]byte(text), &m); err != nil {
		t.Fatal(err)
	}
	var all []string
	for _, name := range []string{"type", "role", "content", "stop_reason", "stop_sequence", "usage"} {
		var v any
		_ = json.Unmarshal(m[name], &v)
		if usage, ok := v.(map[string]any); ok {
			delete(usage, "output_tokens_details") // the emulator has it in Converse only
			delete(usage, "service_tier")          // InvokeModel has it in a header only
		}
		plain, _ := json.Marshal(v)
		plain = toolIDs.ReplaceAll(plain, []byte(`"id":"ID"`)) // each API has its own form
		all = append(all, name+" "+string(plain))
	}
	return strings.Join(all, "\n")
}
