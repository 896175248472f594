package anthropic_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"outcrop/internal/jsonx"
	"outcrop/llm"
	"outcrop/wire/anthropic"
	"outcrop/wire/converse"
)

var update = flag.Bool("update", false, "write the snapshots")

// translate returns what Converse would be asked for a body, without what depends on the model.
func translate(body []byte, opt anthropic.Options) (upstream []byte, r *anthropic.Request, err error) {
	if r, err = anthropic.Decode(body, opt); err != nil {
		return nil, nil, err
	}
	plain := r.LLM
	plain.TopK, plain.Reasoning, plain.ParallelTools, plain.WebSearch = llm.Opt[int64]{}, llm.Reasoning{}, llm.Opt[bool]{}, nil
	plain.Tools = slices.DeleteFunc(slices.Clone(plain.Tools), func(t llm.Tool) bool { return len(t.Own) > 0 })
	if len(plain.Tools) == 0 {
		plain.ToolChoice = llm.ToolChoice{}
	}
	var w jsonx.Writer
	_, err = converse.WriteRequest(&w, &plain)
	return w.Buf, r, err
}

// TestGolden compares requests with snapshots of what becomes of them: Converse's body, what llm has
// besides, and the warnings.
func TestGolden(t *testing.T) {
	paths, err := filepath.Glob("testdata/requests/*.json")
	if err != nil || len(paths) == 0 {
		t.Fatalf("no requests: %v", err)
	}
	for _, path := range paths {
		body, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		got := snapshot(t, body)
		golden := strings.TrimSuffix(path, ".json") + ".out"
		if *update {
			if err := os.WriteFile(golden, got, 0o600); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(golden)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(got, want) {
			t.Errorf("%s: got\n%s\nwant\n%s", path, got, want)
		}
	}
}

func snapshot(t *testing.T, body []byte) []byte {
	t.Helper()
	var out bytes.Buffer
	upstream, r, err := translate(body, anthropic.Options{Beta: []string{"a-2025-01-01, b-2025-01-01", "a-2025-01-01"}})
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Indent(&out, upstream, "", " "); err != nil {
		t.Fatalf("%v: %s", err, upstream)
	}
	q := &r.LLM
	fmt.Fprintf(&out, "\nmodel %s, stream %v, user %q, labels %v, headers %v\nthinking %s, effort %q, tier %q, top_k %v, parallel %v, search %s\n",
		q.Model, q.Stream, q.User, q.Metadata, q.Headers, q.Reasoning.Thinking, q.Reasoning.Effort, q.ServiceTier, q.TopK, q.ParallelTools, q.WebSearch)
	for _, tool := range q.Tools {
		if len(tool.Own) > 0 {
			fmt.Fprintf(&out, "own tool %s, cache %v\n", tool.Own, tool.Cache != nil)
		}
	}
	if c := q.ToolChoice; c != (llm.ToolChoice{}) {
		fmt.Fprintf(&out, "choice %d %q\n", c.Kind, c.Name)
	}
	for _, w := range r.Warnings {
		fmt.Fprintf(&out, "%s %s: %s\n", w.Code, w.Field, w.Detail)
	}
	return out.Bytes()
}
