package bedrock

import (
	"net/http"
	"testing"
)

// TestRulesOfTheNewestModels has what Bedrock refuses by public reports of 2026.
func TestRulesOfTheNewestModels(t *testing.T) {
	t.Parallel()
	const (
		grok    = "us.xai.grok-4.6"
		opus5   = "us.anthropic.claude-opus-5"
		opus55  = "us.anthropic.claude-opus-5-5"
		off     = `"thinking":{"type":"disabled"}`
		wrapped = "The model returned the following errors: "
	)
	fields := func(members string) string { return asks(`"additionalModelRequestFields":{` + members + `}`) }
	thought := func(block string) string {
		return `{"messages":[{"role":"user","content":[{"text":"hi"}]},{"role":"assistant","content":[{"reasoningContent":` + block + `},{"text":"ho"}]},{"role":"user","content":[{"text":"hi"}]}]}`
	}
	s := start(t, Options{})
	for _, tt := range []struct {
		name, model, body string
		status            int
		want              string
	}{
		{"Opus 5.5 is not told to stop thinking", opus55, fields(off), 400, wrapped + `\"thinking.type.disabled\" is not supported for this model.`},
		{"Opus 5 is", opus5, fields(off + `,"output_config":{"effort":"high"}`), 200, ""},
		{"but not at its most", opus5, fields(off + `,"output_config":{"effort":"max"}`), 400, wrapped + "output_config.effort: 'max' is not supported with thinking.type.disabled"},
		{"GPT knows no minimal", gpt, fields(`"reasoning":{"effort":"minimal"}`), 400, "Supported values are: 'none', 'low', 'medium', 'high', 'xhigh', 'max'."},
		{"Grok takes no temperature", grok, asks(`"inferenceConfig":{"temperature":1}`), 400, "This model doesn't support the temperature field. Remove temperature and try again."},
		{"and no stop sequences", grok, asks(`"inferenceConfig":{"stopSequences":["a"]}`), 400, "This model doesn't support the stopSequences field."},
		{"and takes members that it does not know", grok, fields(`"reasoning":{"effort":"xhigh"},"thinking":{"type":"enabled"}`), 200, ""},
		{"GLM takes no stop sequences", "zai.glm-5", asks(`"inferenceConfig":{"stopSequences":["a"]}`), 400, "This model doesn't support the stopSequences field."},
		{"GLM reasons by a word", "zai.glm-5", fields(`"reasoning_config":"medium"`), 200, ""},
		{"Kimi K2 does", "moonshotai.kimi-k2.5", fields(`"reasoning_config":"high"`), 200, ""},
		{"and knows no maximum", "moonshotai.kimi-k2.5", fields(`"reasoning_config":"max"`), 400, "unknown variant max"},
		{"a text to who hides its thoughts", gpt, thought(`{"reasoningText":{"text":"hm"}}`), 500, "The system encountered an unexpected error during processing."},
		{"a signature to who makes none", "minimax.minimax-m2", thought(`{"reasoningText":{"text":"hm","signature":"c2ln"}}`), 400, "This model doesn't support the reasoningContent.reasoningText.signature field."},
		{"a text without one", "minimax.minimax-m2", thought(`{"reasoningText":{"text":"hm"}}`), 200, ""},
		{"GPT's thoughts to Claude", haiku, thought(`{"redactedContent":"cnNuX2Fi"}`), 400, wrapped + "messages.1.content.0: Invalid `data` in `redacted_thinking` block"},
		{"compaction", opus48, fields(`"anthropic_beta":["compact-2026-01-12"]`), 400, "The compact beta feature is not currently supported on the Converse and ConverseStream APIs."},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			a := s.post(t, tt.model, "converse", tt.body)
			switch {
			case tt.status == http.StatusOK && a.status != http.StatusOK:
				t.Errorf("got %d %s", a.status, a.body)
			case tt.status == http.StatusInternalServerError:
				wantRefusal(t, a, 500, "InternalServerException", tt.want)
			case tt.status != http.StatusOK:
				wantRefusal(t, a, tt.status, "ValidationException", tt.want)
			}
		})
	}
}
