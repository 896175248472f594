package converse

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"outcrop/internal/jsonx"
	"outcrop/llm"
)

// slowly is DecodeResponse's reading by the JSON library alone.
func slowly(body []byte) (*llm.Response, error) {
	r := &llm.Response{}
	err := decode(body, func(s *source) { s.response(r, &parts{}) })
	return r, err
}

// TestResponsesAreTheSameWhoeverReadsThem reads responses, and everything that one byte less or another byte makes of a short one, by
// the JSON library and without it.
func TestResponsesAreTheSameWhoeverReadsThem(t *testing.T) {
	const usual = `{"metrics":{"latencyMs":7},"output":{"message":{"content":[{"text":"two\n\"lines\" é"},{"toolUse":{"input":{"a":[1,-2.5e3,null,true,{}]},"name":"f","toolUseId":"t"}}],"role":"assistant"}},"stopReason":"tool_use","usage":{"cacheReadInputTokens":0,"inputTokens":1,"outputTokens":2,"totalTokens":3}}`
	bodies := []string{usual, string(example(t, "response.json")), `{"output":null,"stopReason":null}`, `{"output":{"message":{"content":[[]]}}}`, `[]`, `{"stopReason":1}`, `{"usage":{"inputTokens":-1}}`, `{"usage":{"inputTokens":1.5}}`, usual + "x", " " + usual + "\n", `{"a":1,"a":2}`, `{"usage":{"b":{"c":1}},"output":{"message":{"b":1}}}`}
	for i := range len(usual) {
		bodies = append(bodies, usual[:i], usual[:i]+usual[i+1:], usual[:i]+","+usual[i:], usual[:i]+"}"+usual[i+1:])
	}
	plain := 0
	for _, body := range bodies {
		want, err := slowly([]byte(body))
		got := &llm.Response{}
		s := source{plain: jsonx.NewPlain([]byte(body)), plainly: true}
		s.response(got, &parts{})
		if !s.plain.Done() {
			continue
		}
		plain++
		if err != nil {
			t.Errorf("%s: read, although %v", body, err)
		} else if diff := cmp.Diff(want, got, cmp.AllowUnexported(llm.Opt[int64]{})); diff != "" {
			t.Errorf("%s: %s", body, diff)
		}
	}
	if plain < 20 {
		t.Errorf("only %d responses were read without the library", plain)
	}
	if r, err := DecodeResponse([]byte(usual)); err != nil || len(r.Blocks) != 2 || r.Blocks[0].Text != "two\n\"lines\" é" {
		t.Errorf("got %+v, %v", r, err)
	}
}
