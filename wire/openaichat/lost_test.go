package openaichat_test

import (
	"encoding/base64"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"outcrop/llm"
)

// fieldText is one text of a request, which occurs nowhere else in it, and the
// field that has it. A field that Bedrock names differently has that name as its text.
type fieldText struct {
	text, field string // several texts, one of which is enough, with a | between
	excuse      string // another field that a warning may be about, or several
}

// generator writes chat completion requests with everything that clients may send, and keeps what
// they contain.
type generator struct {
	r    *rand.Rand
	n    int
	said []fieldText
}

func (w *generator) chance(of int) bool { return w.r.IntN(of) == 0 }

func (w *generator) one(of ...string) string { return of[w.r.IntN(len(of))] }

// word is a new word that a field says.
func (w *generator) word(field string) string {
	w.n++
	word := fmt.Sprintf("word%dx", w.n)
	w.said = append(w.said, fieldText{text: word, field: field})
	return word
}

// id is an id of a tool call that every model takes.
func (w *generator) id(field string) string {
	w.n++
	id := fmt.Sprintf("call%05d", w.n)
	w.said = append(w.said, fieldText{text: id, field: field})
	return id
}

// bytes is base64 that a field says; its beginning is that of a file of some kind.
func (w *generator) bytes(field, head string) string {
	w.n++
	b := base64.StdEncoding.EncodeToString(fmt.Appendf(nil, "%s%09d", head, w.n))
	w.said = append(w.said, fieldText{text: b, field: field})
	return b
}

// means is a member whose value comes back in other words.
func (w *generator) means(member, field, upstream string) string {
	return w.unless("", member, field, upstream)
}

// unless is means for a member of which a warning about another field may speak too.
func (w *generator) unless(excuse, member, field, upstream string) string {
	w.said = append(w.said, fieldText{upstream, field, excuse})
	return member
}

// maybe gives a member or, more often, nothing.
func (w *generator) maybe(of int, member func() string) string {
	if w.chance(of) {
		return "," + member()
	}
	return ""
}

// mark is a member that says that what ends there may be cached.
func (w *generator) mark(field string) string {
	return w.maybe(8, func() string {
		message, _, _ := strings.Cut(field, ".")
		return w.unless("cache_control|"+message+".cache_control", `"cache_control":{"type":"ephemeral"}`, field+".cache_control", `"cachePoint":`)
	})
}

// odd is a member that nobody knows.
func (w *generator) odd(field string) string {
	return w.maybe(12, func() string { return `"rock":"` + w.word(field+".rock") + `"` })
}

const pngHead = "\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR\x00\x00\x00\x10\x00\x00\x00\x10"

func (w *generator) part(field string) string {
	switch w.r.IntN(9) {
	case 0:
		return `{"type":"image_url","image_url":{"url":"data:image/png;base64,` + w.bytes(field, pngHead) + `"` +
			w.maybe(4, func() string { return `"detail":"high"` }) + w.odd(field+".image_url") + `}` + w.mark(field) + w.odd(field) + `}`
	case 1:
		return `{"type":"file","file":{"filename":"` + w.word(field) + `.pdf","file_data":"data:application/pdf;base64,` + w.bytes(field, "%PDF-1.4 ") + `"` +
			w.odd(field+".file") + `}` + w.mark(field) + `}`
	case 2:
		return `{"type":"input_audio","input_audio":{"format":"wav","data":"` + w.bytes(field, "RIFF    WAVE") + `"` + w.odd(field+".input_audio") + `}}`
	case 3:
		return `{"type":"video_url","video_url":{"url":"data:video/mp4;base64,` + w.bytes(field, "    ftypmp42") + `"}}`
	case 4:
		return `{"type":"guarded_text","text":"` + w.word(field) + `"}`
	default:
		return `{"type":"text","text":"` + w.word(field) + `"` + w.mark(field) + w.odd(field) + `}`
	}
}

func (w *generator) content(field string, part func(string) string) string {
	if w.chance(2) {
		return `"` + w.word(field) + `"`
	}
	var parts []string
	for j := range 1 + w.r.IntN(3) {
		parts = append(parts, part(fmt.Sprintf("%s[%d]", field, j)))
	}
	return "[" + strings.Join(parts, ",") + "]"
}

func (w *generator) text(field string) string {
	return `{"type":"text","text":"` + w.word(field) + `"` + w.mark(field) + w.odd(field) + `}`
}

func (w *generator) messages() string {
	var all []string
	add := func(role string, members func(field string) string) {
		field := fmt.Sprintf("messages[%d]", len(all))
		all = append(all, `{"role":"`+role+`",`+members(field)+w.odd(field)+w.mark(field)+
			w.maybe(9, func() string {
				if role == "tool" { // its call has the name
					return `"name":"f"`
				}
				return `"name":"` + w.word(field+".name") + `"`
			})+`}`)
	}
	plain := func(field string) string { return `"content":` + w.content(field+".content", w.text) }
	if w.chance(2) {
		add(w.one("system", "developer"), plain)
	}
	for range 1 + w.r.IntN(3) {
		add("user", func(field string) string { return `"content":` + w.content(field+".content", w.part) })
		if w.chance(3) {
			break
		}
		calls := w.r.IntN(3)
		var ids []string
		add("assistant", func(field string) string {
			members := `"content":null`
			if calls == 0 || w.chance(2) {
				members = plain(field)
			}
			members += w.maybe(6, func() string { return `"refusal":"` + w.word(field+".refusal") + `"` }) +
				w.maybe(4, func() string {
					if w.chance(2) {
						return `"reasoning_content":"` + w.word(field+".reasoning_content") + `"`
					}
					at := field + ".thinking_blocks[0]"
					return `"thinking_blocks":[{"type":"thinking","thinking":"` + w.word(at) + `","signature":"` + w.word(at) + `"` + w.odd(at) + `}]`
				})
			var list []string
			for j := range calls {
				at := fmt.Sprintf("%s.tool_calls[%d]", field, j)
				ids = append(ids, w.id(at))
				list = append(list, `{"id":"`+ids[j]+`","type":"function","function":{"name":"`+w.word(at)+`","arguments":"{\"`+w.word(at)+`\":1}"`+w.odd(at+".function")+`}`+w.odd(at)+`}`)
			}
			if len(list) > 0 {
				members += `,"tool_calls":[` + strings.Join(list, ",") + `]`
			}
			return members
		})
		for _, id := range ids {
			add("tool", func(field string) string {
				return `"tool_call_id":"` + id + `","content":` + w.content(field+".content", w.part)
			})
		}
		if w.chance(6) {
			add("system", plain)
		}
	}
	return strings.Join(all, ",")
}

func (w *generator) tools() string {
	var all []string
	for i := range 1 + w.r.IntN(3) {
		at := fmt.Sprintf("tools[%d]", i)
		all = append(all, `{"type":"function","function":{"name":"`+w.word(at)+`","description":"`+w.word(at)+
			`","parameters":{"type":"object","properties":{"`+w.word(at)+`":{"type":"string","description":"`+w.word(at)+`"}}}`+
			w.maybe(4, func() string { return w.means(`"strict":true`, at, `"strict":true`) })+w.odd(at+".function")+`}`+w.mark(at)+w.odd(at)+`}`)
	}
	return `"tools":[` + strings.Join(all, ",") + `]`
}

func (w *generator) request() string {
	model := w.one("anthropic.claude-sonnet-4-20250514-v1:0", "anthropic.claude-opus-4-7", "amazon.nova-lite-v1:0", "amazon.nova-2-lite-v1:0", "meta.llama3-3-70b-instruct-v1:0",
		"mistral.mistral-large-2402-v1:0", "deepseek.r1-v1:0", "openai.gpt-oss-120b-1:0", "qwen.qwen3-32b-v1:0", "cohere.command-r-v1:0", "somebody.new-model-v1:0")
	body := `{"model":"` + model + `","messages":[` + w.messages() + `]`
	if w.chance(2) {
		body += "," + w.tools() + w.maybe(5, func() string { return w.unless("tools", `"tool_choice":"required"`, "tool_choice", `"any"`) }) +
			w.maybe(8, func() string {
				return w.unless("tools", `"parallel_tool_calls":false`, "parallel_tool_calls", `"disable_parallel_tool_use":true`)
			})
	}
	number := func(name, upstream string, value string) func() string {
		return func() string { return w.means(`"`+name+`":`+value, name, `"`+upstream+`":`+value) }
	}
	for _, m := range []struct {
		of     int
		member func() string
	}{
		{3, number("max_tokens", "maxTokens", "3211")},
		{9, number("temperature", "temperature", "0.37")},
		{9, number("top_p", "topP", "0.61")},
		{9, func() string { return w.means(`"top_k":23`, "top_k", `"top_k":23|"topK":23`) }},
		{5, func() string { return `"stop":["` + w.word("stop") + `"]` }},
		{9, func() string { return w.means(`"seed":7654`, "seed", `"seed":`) }},
		{6, func() string { return `"user":"` + w.word("user") + `"` }},
		{6, func() string { return `"metadata":{"team":"` + w.word("metadata") + `"}` }},
		{9, func() string { return w.means(`"presence_penalty":0.4`, "presence_penalty", "presence_penalty") }},
		{9, func() string { return w.means(`"logit_bias":{"1":2}`, "logit_bias", "logit_bias") }},
		{9, func() string { return w.means(`"logprobs":true`, "logprobs", "logprobs") }},
		{9, func() string { return w.means(`"modalities":["text","audio"]`, "modalities", "modalities") }},
		{9, func() string { return w.means(`"web_search_options":{}`, "web_search_options", "nova_grounding") }},
		{9, func() string {
			return w.means(`"prediction":{"type":"content","content":"a"}`, "prediction", "prediction")
		}},
		{9, func() string { return w.means(`"store":true`, "store", "store") }},
		{9, func() string { return w.means(`"verbosity":"low"`, "verbosity", "verbosity") }},
		{6, func() string {
			return w.means(`"reasoning_effort":"low"`, "reasoning_effort", `"thinking":|ffort|"reasoning_config":`)
		}},
		{9, func() string { return w.means(`"service_tier":"flex"`, "service_tier", `"flex"`) }},
		{9, func() string {
			return `"guardrailConfig":{"guardrailIdentifier":"` + w.word("guardrailConfig") + `","guardrailVersion":"1"}`
		}},
		{9, func() string {
			return w.means(`"performanceConfig":{"latency":"optimized"}`, "performanceConfig", `"optimized"`)
		}},
		{9, func() string { return `"promptVariables":{"a":{"text":"` + w.word("promptVariables") + `"}}` }},
		{9, func() string {
			return `"additionalModelResponseFieldPaths":["/` + w.word("additionalModelResponseFieldPaths") + `"]`
		}},
		{6, func() string { return `"own_setting":"` + w.word("own_setting") + `"` }},
		{9, func() string { return `"extra_body":{"inner":"` + w.word("inner") + `"}` }},
		{9, func() string { return `"extra_headers":{"X-Rock":"` + w.word("extra_headers") + `"}` }},
		{6, func() string {
			return `"response_format":{"type":"json_schema","json_schema":{"name":"` + w.word("response_format") + `","description":"` + w.word("response_format") + `","schema":{"type":"object","properties":{"` + w.word("response_format") + `":{"type":"string"}},"required":[],"additionalProperties":false}` + w.odd("response_format.json_schema") + `}}`
		}},
		{9, func() string { return `"stream_options":{"rock":"` + w.word("stream_options.rock") + `"}` }},
		{3, func() string { return `"stream":true` }},
		{2, func() string { return `"drop_params":true` }},
	} {
		body += w.maybe(m.of, m.member)
	}
	return body + "}"
}

// TestAllContentArrivesOrIsWarnedOf: what any request says stands in what Bedrock is
// sent, or a warning names its field, or the request is refused with a field.
func TestAllContentArrivesOrIsWarnedOf(t *testing.T) {
	sent, refused := 0, map[string]int{}
	for seed := range uint64(20_000) {
		w := &generator{r: rand.New(rand.NewPCG(seed, 7))}
		body := w.request()
		upstream, headers, warnings, err := translateAll([]byte(body))
		var e *llm.Error
		switch {
		case errors.As(err, &e):
			refused[e.Param]++
			if e.Status != 400 || e.Param == "" {
				t.Errorf("seed %d: refused without a field: %v\n%s", seed, e, body)
			}
			continue
		case err != nil:
			t.Fatal(err)
		}
		sent++
		upstream = fmt.Append(upstream, headers)
		for _, s := range w.said {
			arrives := slices.ContainsFunc(strings.Split(s.text, "|"), func(text string) bool { return strings.Contains(string(upstream), text) })
			if !arrives && !isWarnedOf(warnings, s.field) && !excused(warnings, s.excuse) {
				t.Errorf("seed %d: %s of %s is lost\nwarnings %v\n%s\n%s", seed, s.text, s.field, warnings, body, upstream)
			}
		}
	}
	if t.Failed() {
		return
	}
	t.Logf("%d sent, refused by field: %v", sent, refused)
	if sent < 5000 {
		t.Errorf("only %d were sent", sent)
	}
}

func excused(warnings []llm.Warning, fields string) bool {
	return fields != "" && slices.ContainsFunc(strings.Split(fields, "|"), func(field string) bool {
		return slices.ContainsFunc(warnings, func(w llm.Warning) bool { return w.Field == field })
	})
}

// isWarnedOf reports whether a warning is about a field, what holds it, be it no more
// than a message, or what it holds.
func isWarnedOf(warnings []llm.Warning, field string) bool {
	for _, w := range warnings {
		if strings.HasPrefix(field, w.Field) && w.Field != "messages" && w.Field != "" || strings.HasPrefix(w.Field, field) {
			return true
		}
	}
	return false
}
