package converse_test

import (
	"testing"

	"outcrop/internal/jsonx"
	"outcrop/llm"
	"outcrop/provider/bedrock/catalog"
	"outcrop/provider/bedrock/converse"
)

// TestMoreTokensThanTheModelCanWriteAreLoweredForClientsOfClaude checks what becomes of a limit, and that it is said.
func TestMoreTokensThanTheModelCanWriteAreLoweredForClientsOfClaude(t *testing.T) {
	t.Parallel()
	facts := &catalog.Model{MaxOutput: 10_000}
	raised := []jsonx.Member{{Name: "anthropic_beta", Value: jsonx.Raw(`["output-128k-2025-02-19"]`)}}
	for _, tt := range []struct {
		name         string
		vendor       string
		facts        *catalog.Model
		keep         bool
		fields       []jsonx.Member
		asked, wants int64
	}{
		{name: "more than the model can write, as far as is known", vendor: "amazon", facts: facts, asked: 32_000, wants: 32_000},
		{name: "less, for clients that know Claude's limits", vendor: "amazon", facts: facts, keep: true, asked: 9_000, wants: 9_000},
		{name: "as much, for these", vendor: "amazon", facts: facts, keep: true, asked: 10_000, wants: 10_000},
		{name: "a model that nothing is known of", vendor: "amazon", keep: true, asked: 32_000, wants: 32_000},
		{name: "a Claude with a beta that raises the limit", vendor: "anthropic", facts: facts, fields: raised, asked: 32_000, wants: 32_000},
		{name: "a Claude, whose clients know its limit", vendor: "anthropic", facts: facts, keep: true, asked: 32_000, wants: 32_000},
		{name: "another model for clients that know Claude's limits", vendor: "amazon", facts: facts, keep: true, asked: 32_000, wants: 10_000},
	} {
		req := &llm.Request{MaxTokens: llm.Some(tt.asked), KeepMaxTokens: tt.keep, ModelFields: tt.fields, Turns: []llm.Turn{{Role: llm.RoleUser, Blocks: []llm.Block{{Kind: llm.BlockText, Text: "Hi"}}}}}
		fitted, err := converse.Adapt(converse.NewModel(tt.vendor, "granite-1", tt.facts), req, false)
		if err != nil {
			t.Fatal(err)
		}
		if got := fitted.Request.MaxTokens.Value; got != tt.wants || (len(fitted.Warnings) == 1) != (got != tt.asked) || req.MaxTokens.Value != tt.asked {
			t.Errorf("%s: max_tokens %d with %+v, want %d", tt.name, got, fitted.Warnings, tt.wants)
		}
	}
}
