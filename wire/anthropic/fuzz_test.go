package anthropic_test

import (
	"encoding/json"
	"errors"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"outcrop/llm"
	"outcrop/wire/anthropic"
)

// FuzzDecode holds that any body is refused with a status 400 that says something, or becomes a
// request that is JSON upstream, and that Peek accepts what Decode accepts and reads the same.
func FuzzDecode(f *testing.F) {
	paths, err := filepath.Glob("testdata/requests/*.json")
	if err != nil || len(paths) == 0 {
		f.Fatalf("no inputs: %v", err)
	}
	for _, path := range paths {
		body, err := os.ReadFile(path)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(body)
	}
	f.Add([]byte(agentBody(agentTurns[2].tools, agentTurns[2].messages)))
	f.Fuzz(func(t *testing.T, body []byte) {
		r, err := anthropic.Decode(body, anthropic.Options{})
		if err != nil {
			if e, ok := errors.AsType[*llm.Error](err); !ok || e.Status != 400 || e.Message == "" {
				t.Errorf("refused with %v", err)
			}
			return
		}
		h, err := anthropic.Peek(body)
		if err != nil {
			t.Fatalf("Peek refuses what Decode accepts: %v", err)
		}
		if c := h.Call(); c.Model != r.LLM.Model || c.Stream != r.LLM.Stream || c.User != r.LLM.User || h.MaxTokens != r.LLM.MaxTokens {
			t.Errorf("Peek reads %+v, Decode %+v", h, r.LLM.Call)
		}
		if upstream, _, err := translate(body, anthropic.Options{}); err == nil && !json.Valid(upstream) {
			t.Errorf("no JSON goes upstream: %s", upstream)
		}
	})
}

// FuzzStream holds that any response becomes a legal stream that equals the whole message.
func FuzzStream(f *testing.F) {
	for seed := range uint64(8) {
		f.Add(seed, uint64(13), "text", "signature")
	}
	f.Fuzz(func(t *testing.T, a, b uint64, text, signature string) {
		text, signature = strings.ToValidUTF8(text, "?"), strings.ToValidUTF8(signature, "?") // as every event of a provider's is
		evs := anyEvents(rand.New(rand.NewPCG(a, b)))
		for i := range evs {
			switch ev := &evs[i]; {
			case ev.Kind == llm.EventDelta && (ev.Block == llm.BlockText || ev.Block == llm.BlockReasoning) && ev.Text != "":
				ev.Text = text
			case ev.Signature != "":
				ev.Signature = signature
			}
		}
		stream := streamOf(evs)
		if diff := cmp.Diff(parsed(t, wholeOf(evs)), folded(t, stream)); diff != "" {
			t.Errorf("(-whole +streamed):\n%s\n%s", diff, stream)
		}
	})
}
