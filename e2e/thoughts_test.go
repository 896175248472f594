package e2e

import (
	"io"
	"strings"
	"testing"
)

// TestReasoningTokensAreTold checks that the reasoning tokens of Claude's answers are
// reported, with and without streaming, where OpenAI's clients look for them.
func TestReasoningTokensAreTold(t *testing.T) {
	g := startGateway(t, openConfig, startEmulator(t).URL())
	for _, stream := range []string{`"stream":false`, `"stream":true,"stream_options":{"include_usage":true}`} {
		for effort, wanted := range map[string]bool{`"reasoning_effort":"low",`: true, "": false} {
			resp := open(t.Context(), t, g.URL(), `{"model":"us.anthropic.claude-sonnet-4-5-20250929-v1:0","messages":[{"role":"user","content":"What is granite?"}],`+effort+stream+`}`)
			body, err := io.ReadAll(resp.Body)
			if err != nil {
				t.Fatal(err)
			}
			_ = resp.Body.Close()
			_, details, found := strings.Cut(string(body), `"completion_tokens_details":{"reasoning_tokens":`)
			if found != wanted || wanted && (details == "" || details[0] < '1' || details[0] > '9') {
				t.Errorf("%s with %q: %s", stream, effort, body)
			}
		}
	}
}
