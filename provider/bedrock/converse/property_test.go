package converse_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"outcrop/internal/jsonx"
	"outcrop/llm"
	"outcrop/provider/bedrock/catalog"
)

// png is an image of one pixel.
const png = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="

// maker makes requests that any application may send, each with words that stand
// nowhere else.
type maker struct {
	r     *rand.Rand
	words []word
	calls int
}

// word is a word of a request. Without it the body is still right if a warning is
// about one of the fields that its excuse begins.
type word struct {
	text   string
	excuse []string
}

func (m *maker) word(excuse ...string) string {
	w := fmt.Sprintf("word%dx", len(m.words))
	m.words = append(m.words, word{w, excuse})
	return w
}

func (m *maker) chance(of int) bool { return m.r.IntN(of) == 0 }

func oneOf[T any](m *maker, of ...T) T { return of[m.r.IntN(len(of))] }

func (m *maker) blocks(role llm.Role) []llm.Block {
	var blocks []llm.Block
	for range 1 + m.r.IntN(3) {
		switch n := m.r.IntN(10); {
		case n == 0 && role == llm.RoleUser:
			blocks = append(blocks, medium(llm.BlockImage, oneOf(m, "png", "jpeg"), png))
		case n == 1 && role == llm.RoleUser:
			doc := medium(llm.BlockDocument, oneOf(m, "pdf", "txt", "csv"), "aGVsbG8=")
			doc.Media.Name = oneOf(m, "", "a b", "résumé.pdf", "a/b")
			blocks = append(blocks, doc)
		case n == 2:
			blocks = append(blocks, text(oneOf(m, "", " \n")))
		case n == 3 && role == llm.RoleAssistant:
			b := llm.Block{Kind: llm.BlockReasoning, Text: m.word("messages["), Signature: oneOf(m, "", "c2ln")}
			blocks = append([]llm.Block{b}, blocks...)
		default:
			blocks = append(blocks, text(m.word()))
		}
		if m.chance(8) {
			blocks = append(blocks, cached(oneOf(m, "", "5m", "1h")))
		}
	}
	return blocks
}

func (m *maker) name() string {
	return oneOf(m, "get_weather", "files.read", "mcp/read file", "größe", strings.Repeat("long", 20), "files_read", "")
}

// request makes a request. Its tools have different names.
func (m *maker) request() *llm.Request {
	q := &llm.Request{Call: llm.Call{DropParams: m.chance(2), Stream: m.chance(2)}}
	if m.chance(2) {
		q.System = said(m.word())
		if m.chance(2) {
			q.System = append(q.System, cached(oneOf(m, "", "1h")))
		}
	}
	seen := map[string]bool{}
	for range m.r.IntN(4) {
		t := tool(m.name())
		if t.Name == "" || seen[t.Name] {
			continue
		}
		seen[t.Name] = true
		t.Description = m.word("tools", "tool_choice")
		t.Strict = oneOf(m, llm.Opt[bool]{}, llm.Some(true), llm.Some(false))
		if m.chance(4) {
			t.Cache = &llm.CachePoint{TTL: oneOf(m, "", "1h")}
		}
		q.Tools = append(q.Tools, t)
	}
	m.turns(q)
	if m.chance(3) {
		q.Temperature = llm.Some(oneOf(m, 0, 0.5, 1))
	}
	if m.chance(3) {
		q.TopP = llm.Some(oneOf(m, 0.5, 1))
	}
	if m.chance(5) {
		q.TopK = llm.Some(int64(40))
	}
	if m.chance(3) {
		q.MaxTokens = llm.Some(oneOf[int64](m, 10, 1024, 5000))
	}
	if m.chance(5) {
		q.Stop = []string{m.word("stop")}
	}
	q.Reasoning.Effort = oneOf(m, "", "", "", "none", "minimal", "low", "medium", "high", "xhigh", "max")
	if m.chance(6) {
		q.Reasoning.Thinking = jsonx.Raw(oneOf(m, `{"type":"enabled","budget_tokens":2000}`, `{"type":"adaptive"}`, `{"type":"disabled"}`, `{"type":"enabled","budget_tokens":5}`))
	}
	if len(q.Tools) > 0 {
		q.ToolChoice.Kind = llm.ToolChoiceKind(m.r.IntN(5))
		if q.ToolChoice.Kind == llm.ToolChoiceNamed {
			q.ToolChoice.Name = q.Tools[0].Name
		}
	}
	if m.chance(4) {
		q.Format = &llm.Format{Name: "answer", Schema: jsonx.Raw(oneOf(m, "", `{"type":"object","properties":{"a":{"type":"integer","minimum":1}}}`, `{"type":"object","additionalProperties":{"type":"string"}}`))}
	}
	q.ParallelTools = oneOf(m, llm.Opt[bool]{}, llm.Opt[bool]{}, llm.Some(false), llm.Some(true))
	if m.chance(4) {
		q.User = oneOf(m, "someone", "ü", strings.Repeat("x", 300))
	}
	if m.chance(4) {
		q.Metadata = []llm.Label{{Name: "team", Value: m.word()}, {Name: "bad!", Value: m.word("metadata.bad!")}}
	}
	return q
}

func (m *maker) turns(q *llm.Request) {
	if m.chance(6) {
		q.Turns = append(q.Turns, turn(llm.RoleAssistant, m.blocks(llm.RoleAssistant)...))
	}
	for range 1 + m.r.IntN(3) {
		q.Turns = append(q.Turns, turn(llm.RoleUser, m.blocks(llm.RoleUser)...))
		if m.chance(2) {
			q.Turns = append(q.Turns, turn(llm.RoleAssistant, m.blocks(llm.RoleAssistant)...))
		}
		if m.chance(3) {
			m.calls++
			id := fmt.Sprintf("%s%d", oneOf(m, "call_", "id with space ", strings.Repeat("i", 70)), m.calls)
			q.Turns = append(q.Turns,
				turn(llm.RoleAssistant, use(id, m.name(), `{"q":"`+m.word()+`"}`)),
				turn(llm.RoleUser, result(id, oneOf(m, "", "success", "error"), slices.DeleteFunc(m.blocks(llm.RoleUser), func(b llm.Block) bool { return b.Kind == llm.BlockCachePoint })...)))
		}
	}
}

// TestAnyRequestFitsAnyModel makes requests and fits them to every chat model that
// the catalogue has. What comes out is valid by AWS's model, and what is not in it
// is in a warning.
func TestAnyRequestFitsAnyModel(t *testing.T) {
	known := catalog.Embedded()
	fitted, refused := 0, 0
	for _, m := range known.Models() {
		if m.Kind != catalog.KindChat || m.Converse == catalog.No {
			continue
		}
		to := model(t, m.ID)
		requests := &maker{r: rand.New(rand.NewPCG(1, uint64(len(m.ID))))}
		twins := &maker{r: rand.New(rand.NewPCG(1, uint64(len(m.ID))))}
		for range 30 {
			requests.words, twins.words = nil, nil
			req, twin := requests.request(), twins.request()
			body, warnings, _, refusal := sent(t, to, req, req.Stream)
			if diff := cmp.Diff(twin, req); diff != "" {
				t.Fatalf("%s: the request itself was changed (-before +after):\n%s", m.ID, diff)
			}
			if refusal != nil {
				refused++
				if refusal.Status != 400 || refusal.Param == "" {
					t.Errorf("%s: refused without a field: %+v", m.ID, refusal)
				}
				continue
			}
			fitted++
			lost(t, m.ID, requests.words, req, body, warnings)
		}
	}
	t.Logf("%d fitted, %d refused", fitted, refused)
	if fitted < 2000 {
		t.Errorf("only %d requests were fitted", fitted)
	}
}

// lost says what of a request is neither in the body nor in a warning.
func lost(t *testing.T, id string, words []word, req *llm.Request, body string, warnings []string) {
	t.Helper()
	warned := func(field string) bool {
		return slices.ContainsFunc(warnings, func(w string) bool {
			_, about, _ := strings.Cut(w, " ")
			return strings.HasPrefix(about, field)
		})
	}
	if given, left := mediaOf(req), strings.Count(body, `"source":{"bytes"`); given > left {
		replaced := len(slices.DeleteFunc(slices.Clone(warnings), func(w string) bool {
			return !strings.Contains(w, " messages[") || !strings.Contains(w, ".content[")
		}))
		if given > left+replaced {
			t.Errorf("%s: of %d media %d are left; warnings %q\n%s", id, given, left, warnings, body)
		}
	}
	called := len(req.Tools) > 0 && req.ToolChoice.Kind != llm.ToolChoiceNone
	for _, w := range words {
		if !strings.Contains(body, w.text) && !slices.ContainsFunc(w.excuse, warned) && (called || !slices.Contains(w.excuse, "tools")) {
			t.Errorf("%s: %s is lost; warnings %q\n%s", id, w.text, warnings, body)
		}
	}
	for _, s := range []struct {
		field string
		set   bool
		says  []string // one of which is in the body
	}{
		{"temperature", req.Temperature.Set, []string{`"temperature":`}},
		{"top_p", req.TopP.Set, []string{`"topP":`}},
		{"top_k", req.TopK.Set, []string{`"top_k":`, `"topK":`}},
		{"max_tokens", req.MaxTokens.Set, []string{`"maxTokens":`}},
		{"user", req.User != "", []string{`"user":"someone"`}},
		{"reasoning_effort", req.Reasoning.Effort != "" && req.Reasoning.Effort != "none", []string{`"thinking":`, "ffort", `"reasoning_config":`}},
		{"tools", called, []string{`"toolConfig":`}},
		{"tool", called && req.ToolChoice.Kind == llm.ToolChoiceNamed, []string{`"tool":{"name"`, `"type":"tool"`, `"any"`}},
		{"tool", called && req.ToolChoice.Kind == llm.ToolChoiceAny, []string{`"any"`}},
		{"parallel_tool_calls", called && req.ParallelTools.Set && !req.ParallelTools.Value && !warned("tools"), []string{`"disable_parallel_tool_use":true`}},
		{"response_format", req.Format != nil, []string{`"textFormat":`, "json_answer", "Answer with one JSON object"}},
	} {
		if s.set && !warned(s.field) && !slices.ContainsFunc(s.says, func(say string) bool { return strings.Contains(body, say) }) {
			t.Errorf("%s: %s is lost; warnings %q\n%s", id, s.field, warnings, body)
		}
	}
}

// mediaOf counts the media of a request, those in tool results included.
func mediaOf(req *llm.Request) (n int) {
	count := func(b *llm.Block) {
		if b.Media != nil {
			n++
		}
	}
	for i := range req.Turns {
		for j := range req.Turns[i].Blocks {
			b := &req.Turns[i].Blocks[j]
			count(b)
			if b.ToolResult != nil {
				for k := range b.ToolResult.Content {
					count(&b.ToolResult.Content[k].Block)
				}
			}
		}
	}
	return n
}
