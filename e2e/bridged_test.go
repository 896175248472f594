package e2e

import (
	"strings"
	"testing"
)

// TestChatsOfModelsThatOnlyHaveTheResponsesAPI has clients of chat completions and of Messages, unmodified, call a model
// of which Bedrock has the Responses API alone. The emulator reads what reaches it without the gateway's code, and
// refuses encrypted reasoning that does not come back as it was.
func TestChatsOfModelsThatOnlyHaveTheResponsesAPI(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name    string
		client  func(t *testing.T) client
		program string
		least   int               // scenarios
		lacks   map[string]string // features that are not of this model, with the reason
	}{
		{"Messages", anthropicPython, "anthropic_sdk.py", len(anthropicFeatures()), nil},
		{
			"chat completions", func(t *testing.T) client { t.Helper(); return venv(t, "clients", "clients") }, "client_openai.py", 15,
			map[string]string{"a refusal": "it expects the words of Converse", "embeddings": "the model has none"},
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			cl := c.client(t)
			g := startGateway(t, surfaceConfig, startEmulator(t).URL())
			shown := cl.report(t, c.program, "BASE_URL="+g.URL(), "API_KEY="+masterKey, "MODEL=mantle", "EMBEDS=none", "RERANKS=none", "PYTHONPATH=../python")
			for _, s := range shown {
				if c.lacks[s.feature()] != "" {
					continue
				}
				t.Run(strings.ReplaceAll(s.Name, "/", " "), func(t *testing.T) {
					if !s.OK {
						t.Error(s.Seen)
					}
				})
			}
			if len(shown) < c.least {
				t.Errorf("%d scenarios, fewer than %d", len(shown), c.least)
			}
			g.log.mu.Lock()
			defer g.log.mu.Unlock()
			if !strings.Contains(g.log.text.String(), `"target":"api=responses; region=us-east-1; id=openai.gpt-5.5"`) {
				t.Error("the log does not name the Responses API")
			}
		})
	}
}
