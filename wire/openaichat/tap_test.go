package openaichat

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"outcrop/internal/jsonx"
)

// answeredBodies are responses; the first plainBodies of them have nothing unusual.
var answeredBodies = []string{
	`{"id":"a","model":"m","choices":[{"index":0,"message":{"content":"größer \"x\"\n"},"logprobs":null,"finish_reason":"stop"},{"finish_reason":"length"}],"usage":{"prompt_tokens":61,"completion_tokens":48,"total_tokens":109,"prompt_tokens_details":{"cached_tokens":5,"audio_tokens":0},"completion_tokens_details":{"reasoning_tokens":7}},"service_tier":"default"}`,
	`{"usage":{"prompt_tokens":null,"completion_tokens":1,"prompt_tokens_details":null,"cost":0.25,"cost_in_usd_ticks":7,"opencode":{"a":1},"cached_tokens":2},"choices":[],"error":null,"service_tier":null, "model" : null}`,
	`{"error":{"message":"m"}}`, `{}`,
	// Unusual ones.
	`{"choices":null}`, `{"choices":[1]}`, `{"usage":{"prompt_tokens":-1}}x`, `{"model":"a","model":"b"}`, `[]`,
}

const plainBodies = 4

// sameRelayed holds that a plain body is read as Unmarshal reads it, and usage too.
func sameRelayed(t *testing.T, body string) (plain bool) {
	t.Helper()
	var got, want relay
	if plain = got.plain([]byte(body)); plain {
		if err := jsonx.Unmarshal([]byte(body), &want); err != nil {
			t.Fatalf("%s is plain, and is refused: %v", body, err)
		}
		if diff := cmp.Diff(want, got, cmp.AllowUnexported(relay{})); diff != "" {
			t.Errorf("%s (-want +got):\n%s", body, diff)
		}
	}
	var usage, wantUsage sentUsage
	if usage.plain([]byte(body)) {
		if err := jsonx.Unmarshal([]byte(body), &wantUsage); err != nil {
			t.Fatalf("%s is plain, and is refused: %v", body, err)
		}
		if diff := cmp.Diff(wantUsage, usage, cmp.AllowUnexported(sentUsage{}, sentDetails{})); diff != "" {
			t.Errorf("%s (-want +got):\n%s", body, diff)
		}
	}
	return plain
}

func TestUsualBodiesArePlain(t *testing.T) {
	for i, body := range answeredBodies {
		if plain := sameRelayed(t, body); plain != (i < plainBodies) {
			t.Errorf("plain %v: %s", plain, body)
		}
	}
}

// FuzzPlainBody holds sameRelayed for any body.
func FuzzPlainBody(f *testing.F) {
	for _, body := range answeredBodies {
		f.Add(body)
	}
	f.Add(`{"prompt_tokens":1,"completion_tokens":2,"completion_tokens_details":{"reasoning_tokens":1},"reasoning_tokens":3,"cost":"x"}`)
	f.Fuzz(func(t *testing.T, body string) { sameRelayed(t, body) })
}
