package invoke

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"outcrop/internal/jsonx"
	"outcrop/llm"
)

// large is base64 that is long enough to be extracted.
func large(n int) string { return llm.EncodeBase64(bytes.Repeat([]byte("granite!"), n)).String() }

func TestLongStringsAreNotCopied(t *testing.T) {
	data := large(4 << 10)
	body := []byte(`{"model":"m","messages":[{"role":"user","content":[{"type":"image","source":{"type":"base64","data":"` + data + `"},"cache_control":{"scope":"x"}},{"type":"tool_use","input":{"file":"` + data + `"}}]}],"stream":true}`)
	a, err := Adapt(sonnet45, body, nil, Options{})
	if err != nil {
		t.Fatal(err)
	}
	want := head + `"messages":[{"role":"user","content":[{"type":"image","source":{"type":"base64","data":"` + data + `"},"cache_control":{}},{"type":"tool_use","input":{"file":"` + data + `"}}]}]}`
	if got := string(bytes.Join(a.Body, nil)); got != want {
		t.Errorf("sent %s", got)
	}
	shared := 0
	at := bytes.Index(body, []byte(data))
	for _, s := range a.Body {
		if len(s) == len(data) && &s[0] == &body[at] {
			shared++
		}
	}
	if shared != 1 {
		t.Errorf("%d segments share the memory of the first string", shared)
	}
	allocated := testing.AllocsPerRun(5, func() {
		if _, err := Adapt(sonnet45, body, nil, Options{}); err != nil {
			t.Error(err)
		}
	})
	if allocated > 400 {
		t.Errorf("%v allocations", allocated)
	}
}

func TestWhatLooksLikeBase64AndIsNot(t *testing.T) {
	for _, text := range []string{large(1 << 10)[:4001], large(1 << 10)[:4096] + "\xff", large(1 << 10)[:4096] + `\u00e9`} {
		body := `{"messages":[{"role":"user","content":"` + text + `"}]}`
		a, err := Adapt(sonnet45, []byte(body), nil, Options{})
		switch {
		case strings.Contains(text, "\xff"):
			if err == nil {
				t.Error("invalid UTF-8 is taken")
			}
		case err != nil:
			t.Error(err)
		default:
			if got := string(bytes.Join(a.Body, nil)); got != head+body[1:] {
				t.Errorf("sent %.80s", got)
			}
		}
	}
}

// TestEditsLeaveTheRestByteForByte drops random parts of random documents, written with random white
// space, and compares the result with what a general library makes of it.
func TestEditsLeaveTheRestByteForByte(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	for range 3000 {
		text := randomJSON(rng, 4)
		doc := &document{doc: []byte(text)}
		if err := jsonx.Unmarshal(doc.doc, doc); err != nil {
			t.Fatal(err)
		}
		if got := string(bytes.Join(doc.render(&doc.root), nil)); got != strings.TrimSpace(text) {
			t.Fatalf("without edits %s is %s", text, got)
		}
		want := edited(rng, doc, &doc.root)
		got := bytes.Join(doc.render(&doc.root), nil)
		if !jsonx.Valid(got) {
			t.Fatalf("%s is not JSON:\n%s", text, got)
		}
		if compacted, _ := jsonx.Compact(got); string(compacted) != want {
			t.Fatalf("%s became\n%s\nwant\n%s", text, compacted, want)
		}
	}
}

// edited makes random edits, and returns the result without white space.
func edited(rng *rand.Rand, d *document, n *node) string {
	if rng.IntN(12) == 0 {
		n.replace(`"new"`)
		return `"new"`
	}
	if n.kind != '{' && n.kind != '[' {
		v, _ := jsonx.Compact(d.raw(n))
		return string(v)
	}
	var parts []string
	element := func(text string) string {
		if n.kind == '{' {
			return fmt.Sprintf(`"n%d":%s`, rng.IntN(1_000_000), text)
		}
		return text
	}
	if rng.IntN(6) == 0 {
		parts = append(parts, element("1"))
		n.prepend(parts[0])
	}
	for i := range n.kids {
		k := &n.kids[i]
		if rng.IntN(4) == 0 {
			k.drop()
		} else {
			v := edited(rng, d, k)
			if n.kind == '{' {
				v = string(jsonx.AppendString(nil, k.name)) + ":" + v
			}
			parts = append(parts, v)
		}
		if rng.IntN(8) == 0 {
			parts = append(parts, element("2"))
			k.follow([]byte(parts[len(parts)-1]))
		}
	}
	if rng.IntN(6) == 0 {
		parts = append(parts, element("3"))
		n.add(parts[len(parts)-1])
	}
	if n.kind == '{' {
		return "{" + strings.Join(parts, ",") + "}"
	}
	return "[" + strings.Join(parts, ",") + "]"
}

func randomJSON(rng *rand.Rand, depth int) string {
	space := func() string { return []string{"", "", " ", "\n\t"}[rng.IntN(4)] }
	kind := rng.IntN(6)
	if depth == 0 {
		kind = 2 + rng.IntN(4)
	}
	switch kind {
	case 0, 1:
		var b strings.Builder
		for i := range rng.IntN(5) {
			if i > 0 {
				b.WriteString(space() + ",")
			}
			b.WriteString(space())
			if kind == 0 {
				fmt.Fprintf(&b, `"k%d"%s:%s`, i, space(), space())
			}
			b.WriteString(randomJSON(rng, depth-1))
		}
		if kind == 0 {
			return "{" + b.String() + space() + "}"
		}
		return "[" + b.String() + space() + "]"
	case 2:
		return "null"
	case 3:
		return "1.50e1"
	case 4:
		return `"é\u00e9\n"`
	default:
		return "true"
	}
}

// TestMembersThatAreNotEditedStayEqual compares each member of a body like Claude Code's before and
// after.
func TestMembersThatAreNotEditedStayEqual(t *testing.T) {
	body := claudeCode332(`"` + strings.Repeat("Read the file. ", 500) + `"`)
	for _, m := range []*Model{opus55, sonnet45, haiku45, opus47, sonnet4, hidden} {
		a, err := Adapt(m, []byte(body), []string{claudeCodeBetas}, Options{})
		if err != nil {
			t.Fatal(err)
		}
		before, _ := jsonx.Members([]byte(body))
		after, err := jsonx.Members(bytes.Join(a.Body, nil))
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range []string{"max_tokens", "system"} {
			if !bytes.Equal(jsonx.Find(before, name), jsonx.Find(after, name)) {
				t.Errorf("%s: %s is %s", m.Name, name, jsonx.Find(after, name))
			}
		}
		for _, gone := range []string{"model", "stream", "metadata", "context_management"} {
			if jsonx.Find(after, gone) != nil {
				t.Errorf("%s: %s is sent", m.Name, gone)
			}
		}
	}
}

// TestPrefixesAreStable sends two requests of one conversation: what the first had in common with
// the second is sent alike, so that the cache is hit.
func TestPrefixesAreStable(t *testing.T) {
	for _, m := range []*Model{opus55, sonnet45, sonnet4} {
		var sent [2]string
		for i, more := range []string{"", `,{"role":"assistant","content":[{"type":"text","text":"ok"}]},{"role":"user","content":"more"}`} {
			body := strings.Replace(claudeCode332(`"instructions"`), `],"system"`, more+`],"system"`, 1)
			a, err := Adapt(m, []byte(body), []string{claudeCodeBetas}, Options{})
			if err != nil {
				t.Fatal(err)
			}
			sent[i] = string(bytes.Join(a.Body, nil))
		}
		common := 0
		for common < len(sent[0]) && sent[0][common] == sent[1][common] {
			common++
		}
		if rest := sent[0][common:]; !strings.HasPrefix(rest, `],"system"`) {
			t.Errorf("%s: they differ from %.60s on", m.Name, rest)
		}
	}
}

const claudeCodeBetas = "claude-code-20250219,interleaved-thinking-2025-05-14,context-management-2025-06-27,per-turn-control-2026-07-01,mid-conversation-tool-changes-2026-07-01,thinking-token-count-2026-05-13,advanced-tool-use-2025-11-20,effort-2025-11-24,dangerous-tool-use-2026-09-03"

// claudeCode332 is a request of the shape of Claude Code's.
func claudeCode332(instructions string) string {
	return `{"model":"claude-opus-5-5","messages":[{"role":"user","content":[{"type":"text","text":"hi"}]},{"role":"system","content":[{"type":"text","text":` + instructions + `,"cache_control":{"type":"ephemeral"}}],"output_config":{"effort":"medium"}},` +
		`{"role":"assistant","content":[{"type":"thinking","thinking":"","signature":"c2ln"},{"type":"tool_use","id":"toolu_1","name":"ToolSearch","input":{"query":"web"}}]},` +
		`{"role":"user","content":[{"tool_use_id":"toolu_1","type":"tool_result","content":[{"type":"tool_reference","tool_name":"WebFetch"}]}]}` +
		`],"system":[{"type":"text","text":"x-anthropic-billing-header: v"},{"type":"text","text":"You are an agent.","cache_control":{"type":"ephemeral"}}],` +
		`"tools":[{"name":"Bash","description":"runs","input_schema":{"$schema":"https://json-schema.org/draft/2020-12/schema","type":"object"}},{"name":"DeferredToolPlaceholder","description":"p","input_schema":{"type":"object"},"defer_loading":true},{"name":"WebFetch","input_schema":{"type":"object"},"defer_loading":true}],` +
		`"metadata":{"user_id":"{}"},"max_tokens":64000,"thinking":{"type":"adaptive","display":"omitted"},"context_management":{"edits":[{"type":"clear_thinking_20251015","keep":"all"}]},"output_config":{"effort":"medium"},"stream":true}`
}

func TestARequestOfClaudeCode(t *testing.T) {
	body := claudeCode332(`"instructions"`)
	tests := []struct {
		model *Model
		betas []string
		has   []string
		not   []string
	}{
		{
			opus55,
			[]string{"interleaved-thinking-2025-05-14", "thinking-token-count-2026-05-13", "tool-search-tool-2025-10-19"},
			[]string{`"role":"system"`, `"display":"omitted"`, `"defer_loading":true`, `"tool_reference"`, `"output_config":{"effort":"medium"}`},
			[]string{`}],"output_config"`},
		},
		{
			sonnet45,
			[]string{"interleaved-thinking-2025-05-14", "tool-search-tool-2025-10-19"},
			[]string{`"thinking":{"type":"enabled","budget_tokens":2048}`, `"defer_loading":true`, `"tool_reference"`},
			[]string{`"role":"system"`, `"display"`, `"output_config"`},
		},
		{
			haiku45,
			[]string{"tool-search-tool-2025-10-19"},
			[]string{`"defer_loading":true`},
			[]string{`"role":"system"`, `"display"`, `"output_config"`},
		},
		{
			sonnet4,
			[]string{"interleaved-thinking-2025-05-14"},
			[]string{`"text":"The tool WebFetch is available."`},
			[]string{`"role":"system"`, `"defer_loading"`, `DeferredToolPlaceholder`, `"tool_reference"`},
		},
	}
	for _, tt := range tests {
		a, err := Adapt(tt.model, []byte(body), []string{claudeCodeBetas}, Options{})
		if err != nil {
			t.Fatal(err)
		}
		got := string(bytes.Join(a.Body, nil))
		if fmt.Sprint(a.Betas) != fmt.Sprint(tt.betas) {
			t.Errorf("%s: betas %v, want %v", tt.model.Name, a.Betas, tt.betas)
		}
		for _, part := range tt.has {
			if !strings.Contains(got, part) {
				t.Errorf("%s: %s is missing in\n%s", tt.model.Name, part, got)
			}
		}
		for _, part := range tt.not {
			if strings.Contains(got, part) {
				t.Errorf("%s: %s is sent in\n%s", tt.model.Name, part, got)
			}
		}
		if len(a.Warnings) > 12 {
			t.Errorf("%s: %d warnings", tt.model.Name, len(a.Warnings))
		}
	}
}

func FuzzAdapt(f *testing.F) {
	f.Add([]byte(claudeCode332(`"a"`)), claudeCodeBetas, uint8(0))
	f.Add([]byte(`{"cache_control":{},"messages":[{"role":"system","content":[{"type":"thinking"}]}]}`), "x", uint8(1))
	f.Add([]byte(`{"output_format":{"schema":{}},"output_config":{"format":null,"effort":"max"},"system":""}`), "", uint8(2))
	f.Add([]byte(`{"messages":[{"role":"assistant","content":[{"type":"tool_use"}]},{"role":"system","content":[{"type":"thinking"}]},{"role":"user","content":[{"type":"tool_result"}]}]}`), "", uint8(3))
	models := []*Model{opus55, sonnet45, sonnet4, haiku35, opus47, opus45, hidden}
	f.Fuzz(func(t *testing.T, body []byte, header string, n uint8) {
		m := models[int(n)%len(models)]
		a, err := Adapt(m, body, []string{header}, Options{Without: []string{"tools.x", featureDefer}})
		if err != nil {
			if e := llm.AsError(err); e.Status != 400 {
				t.Fatalf("%v", err)
			}
			return
		}
		out := bytes.Join(a.Body, nil)
		if !jsonx.Valid(out) {
			t.Fatalf("%s became %s", body, out)
		}
		again, err := Adapt(m, out, nil, Options{PassUnknownBetas: true, Without: []string{"tools.x", featureDefer}})
		if err != nil {
			t.Fatalf("what was sent is refused: %v\n%s", err, out)
		}
		if twice := bytes.Join(again.Body, nil); !jsonEqual(out, twice) {
			t.Fatalf("a second time %s becomes %s", out, twice)
		}
	})
}

func jsonEqual(a, b []byte) bool {
	var x, y any
	if json.Unmarshal(a, &x) != nil || json.Unmarshal(b, &y) != nil {
		return bytes.Equal(a, b)
	}
	return fmt.Sprint(x) == fmt.Sprint(y)
}

func BenchmarkAdapt(b *testing.B) {
	body := []byte(claudeCode332(`"` + strings.Repeat("Read the file. ", 4000) + `"`))
	b.SetBytes(int64(len(body)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Adapt(opus55, body, []string{claudeCodeBetas}, Options{}); err != nil {
			b.Fatal(err)
		}
	}
}
