package roundtrip

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
)

// TestOllamasOptionsReachOllamaOnly sends num_ctx by chat completions to every kind of provider.
func TestOllamasOptionsReachOllamaOnly(t *testing.T) {
	t.Parallel()
	b := start(t, "")
	pairs(t, func(t *testing.T, d *door, u *upstreamKind) {
		t.Helper()
		if d.name != "chat" {
			return
		}
		for _, stream := range []bool{false, true} {
			reply := plainAnswer()
			s := &script{answer: &reply}
			b.fake.set(u.name, s)
			var body map[string]rawJSON
			if err := json.Unmarshal(hello(d, u, stream), &body); err != nil {
				t.Fatal(err)
			}
			body["num_ctx"], body["keep_alive"] = rawJSON("4096"), rawJSON(`"5m"`)
			got, err := b.call(t.Context(), d, u.name, stream, raw(body))
			if err != nil {
				t.Fatal(err)
			}
			calls := s.taken()
			if got.status != 200 || len(calls) != 1 {
				t.Errorf("stream %t: %d %s after %d calls", stream, got.status, got.body, len(calls))
				continue
			}
			warned := strings.Join(got.header.Values("X-Outcrop-Warnings"), ", ")
			for _, name := range []string{"num_ctx", "keep_alive"} {
				sent, told := bytes.Contains(calls[0].body, []byte(`"`+name+`"`)), strings.Contains(warned, "dropped;field="+name+";")
				if ollamas := u.name == "ollama"; sent != ollamas || told == ollamas {
					t.Errorf("stream %t, %s: sent %t, warned %q", stream, name, sent, warned)
				}
			}
		}
	})
}
