package converse_test

import (
	"testing"

	"outcrop/llm"
	"outcrop/provider/bedrock/catalog"
	"outcrop/provider/bedrock/converse"
)

// TestALimitThatTheClientHadToSetIsLowered checks who may have max_tokens lowered to what the model
// can write.
func TestALimitThatTheClientHadToSetIsLowered(t *testing.T) {
	t.Parallel()
	facts := &catalog.Model{MaxOutput: 10_000}
	for _, tt := range []struct {
		name         string
		vendor       string
		facts        *catalog.Model
		capped       bool
		asked, wants int64
	}{
		{name: "more than the model can write", vendor: "amazon", facts: facts, capped: true, asked: 32_000, wants: 10_000},
		{name: "less", vendor: "amazon", facts: facts, capped: true, asked: 9_000, wants: 9_000},
		{name: "a limit that the client chose", vendor: "amazon", facts: facts, asked: 32_000, wants: 32_000},
		{name: "a model that nothing is known of", vendor: "amazon", capped: true, asked: 32_000, wants: 32_000},
		{name: "a Claude, whose clients know its limit", vendor: "anthropic", facts: facts, capped: true, asked: 32_000, wants: 32_000},
	} {
		req := &llm.Request{MaxTokens: llm.Some(tt.asked), CapMaxTokens: tt.capped, Turns: []llm.Turn{{Role: llm.RoleUser, Blocks: []llm.Block{{Kind: llm.BlockText, Text: "Hi"}}}}}
		fitted, err := converse.Adapt(converse.NewModel(tt.vendor, "granite-1", tt.facts), req, false)
		if err != nil {
			t.Fatal(err)
		}
		if got := fitted.Request.MaxTokens.Value; got != tt.wants || (len(fitted.Warnings) == 1) != (got != tt.asked) || req.MaxTokens.Value != tt.asked {
			t.Errorf("%s: max_tokens %d with %+v, want %d", tt.name, got, fitted.Warnings, tt.wants)
		}
	}
}
