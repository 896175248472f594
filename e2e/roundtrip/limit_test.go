package roundtrip

import (
	"reflect"
	"slices"
	"strings"
	"testing"
)

// TestMoreTokensThanTheModelCanWriteAreLoweredWithAWarning checks every frontend whose requests are
// translated. Bodies that pass through arrive as they are, and so do limits of models that nothing is known
// of, of a Claude from clients that know its limits, and of Bedrock's, which says itself what is too much.
func TestMoreTokensThanTheModelCanWriteAreLoweredWithAWarning(t *testing.T) {
	t.Parallel()
	const asked = "10000000"
	fields := map[string]string{"chat": "max_tokens", "responses": "max_output_tokens", "messages": "max_tokens", "gemini": "generationConfig.maxOutputTokens"}
	unknown := []string{"azure", "azure-ai", "vertex-open", "ollama", "sagemaker-chat", "sagemaker-nova", "sagemaker-text"}
	b := start(t, "")
	pairs(t, func(t *testing.T, d *door, u *upstreamKind) {
		t.Helper()
		for _, stream := range []bool{false, true} {
			reply := plainAnswer()
			s := &script{answer: &reply}
			b.fake.set(u.name, s)
			ask := conversations()[0].ask
			ask.settings = map[string]string{setMaxTokens: asked}
			got, err := b.call(t.Context(), d, u.name, stream, d.dialect.writeRequest(&ask, u.name, stream))
			if err != nil {
				t.Fatal(err)
			}
			calls := s.taken()
			if got.status != 200 || len(calls) != 1 {
				t.Errorf("%s, stream %t: %d %s after %d calls", d.name, stream, got.status, got.body, len(calls))
				continue
			}
			seen, err := u.speaks(calls[0].path).readRequest(calls[0].body)
			if err != nil {
				t.Errorf("%s: %v", d.name, err)
				continue
			}
			most, warned := seen.settings[setMaxTokens], strings.Join(got.header.Values("X-Outcrop-Warnings"), ", ")
			own := slices.Contains(unknown, u.name) || d.name == "converse" || d.name == "invoke" ||
				reflect.TypeOf(d.dialect) == reflect.TypeOf(u.speaks(calls[0].path)) || d.name == "chat" && reflect.TypeOf(u.dialect) == reflect.TypeFor[chat]() ||
				d.name == "gemini" && u.vocabulary() == "google" || strings.HasPrefix(u.name, "bedrock")
			if own {
				if most != asked || strings.Contains(warned, "the most that") {
					t.Errorf("%s, stream %t: %s tokens arrive, with %q", d.name, stream, most, warned)
				}
				continue
			}
			if len(most) >= len(asked) || !strings.Contains(warned, "changed;field="+fields[d.name]+";detail=\"set to "+most) {
				t.Errorf("%s, stream %t: %s tokens arrive, with %q", d.name, stream, most, warned)
			}
		}
	})
}
