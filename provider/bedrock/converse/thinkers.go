package converse

import (
	"slices"
	"strings"

	"outcrop/provider/bedrock/catalog"
)

// style is the form in which a family takes a wish for reasoning.
type style uint8

const (
	styleNone     style = iota // it takes none, or how is not known
	styleBudget                // thinking: {type: enabled, budget_tokens}
	styleAdaptive              // thinking: {type: adaptive}, output_config: {effort}
	styleNova                  // reasoningConfig: {type, maxReasoningEffort}
	styleEffort                // reasoning_effort: a word
	styleNested                // reasoning: {effort}
	styleConfig                // reasoning_config: a word
	styleAlways                // it always reasons and has no setting
)

// off is how a model is told not to think.
type off uint8

const (
	offSilent   off = iota // it thinks only when asked to, so nothing is said
	offDisabled            // thinking: {type: disabled}, at effort high and below
	offWord                // the effort none
	offConfig              // reasoningConfig: {type: disabled}
	offLeast               // it cannot be told; the least effort comes nearest
	offNever               // it cannot be told
)

// thinker is a row of what is known of how models think: those of a vendor whose name
// begins with name and ends with ends, and of Claude the versions that are at least from
// and less than below.
type thinker struct {
	vendor, name, ends string
	from, below        int
	style              style
	words              []string // the efforts that are taken, the least first; nil if not known
	off                off
	between            bool   // thinking of type between_tools is taken
	source, seen       string // where it is told, and when that was written or looked at
}

// Sources of rows, beyond those of rules.go.
const (
	docsOpus5    = "https://platform.claude.com/docs/en/models/opus-5/whats-new-opus-5"
	docsOpus55   = "https://platform.claude.com/docs/en/models/opus-5-5/whats-new-opus-5-5, and live calls reported in https://github.com/stdapi-ai/stdapi.ai/issues/284"
	docsSonnet5  = "https://platform.claude.com/docs/en/about-claude/models/whats-new-sonnet-5, and https://github.com/promptfoo/promptfoo/pull/10631"
	docsSonnet55 = "https://platform.claude.com/docs/en/models/sonnet-5-5/whats-new-sonnet-5-5"
	docsHaiku55  = "https://platform.claude.com/docs/en/models/haiku-5-5/migration-guide"
	docsEffort   = "https://platform.claude.com/docs/en/build-with-claude/effort"
	docsNova2    = "https://docs.aws.amazon.com/nova/latest/nova2-userguide/extended-thinking.html"
	probedGPT    = "Converse calls reported in https://github.com/stdapi-ai/stdapi.ai/issues/283"
	probedAstra  = "https://github.com/UKGovernmentBEIS/inspect_ai/pull/5254 and https://github.com/anomalyco/opencode/issues/48195"
	probedKimi3  = "Converse calls reported in https://github.com/stdapi-ai/stdapi.ai (stdapi/models/chat/kimi_k3.py)"
	consoleKimi  = "a call that the console of AWS wrote, in https://github.com/danny-avila/LibreChat/issues/11974"
	usedGLM      = "Converse calls reported in https://github.com/anomalyco/opencode/pull/28143"
	docsGrok     = "https://docs.x.ai/developers/model-capabilities/text/reasoning"
)

// thinkers is the one table of how models are asked to think, how hard, and not to
// think. The first row that fits counts. It goes before the catalogue, whose facts
// come from public tables of other APIs as well, unless that says that a model does
// not reason at all. It is never written to.
var thinkers = []thinker{
	{vendor: "anthropic", name: "claude-", from: 307, below: 406, style: styleBudget, source: docsThinking, seen: "2026-11-28"},
	{vendor: "anthropic", name: "claude-", from: 406, below: 407, style: styleAdaptive, words: []string{"low", "medium", "high", "max"}, source: docsEffort, seen: "2026-08-06"},
	{vendor: "anthropic", name: "claude-", from: 407, below: 500, style: styleAdaptive, words: toMax, source: docsEffort, seen: "2026-08-06"},
	{vendor: "anthropic", name: "claude-opus-", from: 500, below: 505, style: styleAdaptive, words: toMax, off: offDisabled, source: docsOpus5, seen: "2026-07-24"},
	{vendor: "anthropic", name: "claude-sonnet-", from: 500, below: 505, style: styleAdaptive, words: toMax, off: offDisabled, source: docsSonnet5, seen: "2026-09-04"},
	{vendor: "anthropic", name: "claude-haiku-", from: 500, style: styleAdaptive, words: toMax, off: offDisabled, source: docsHaiku55, seen: "2026-11-09"},
	{vendor: "anthropic", name: "claude-sonnet-", from: 505, style: styleAdaptive, words: toMax, off: offNever, between: true, source: docsSonnet55, seen: "2026-09-28"},
	{vendor: "anthropic", name: "claude-", from: 500, style: styleAdaptive, words: toMax, off: offNever, source: docsOpus55, seen: "2026-09-22"},

	{vendor: "amazon", name: "nova-2", style: styleNova, words: toHigh, off: offConfig, source: docsNova2, seen: "2026-11-28"},

	{vendor: "openai", name: "gpt-oss", style: styleEffort, words: toHigh, off: offLeast, source: recorded, seen: "2026-11-28"},
	{vendor: "openai", name: "gpt-", ends: "-astra", style: styleNested, words: toMax, off: offLeast, source: probedAstra, seen: "2026-09-04"},
	{vendor: "openai", name: "gpt-5.4", style: styleNested, words: []string{"none", "low", "medium", "high", "xhigh"}, off: offWord, source: probedAstra, seen: "2026-09-07"},
	{vendor: "openai", name: "gpt-5.5", style: styleNested, words: []string{"none", "low", "medium", "high", "xhigh"}, off: offWord, source: probedAstra, seen: "2026-09-07"},
	{vendor: "openai", name: "gpt-6.1-", style: styleNested, words: toMax, off: offLeast, source: "LiteLLM 1.110.2's table of models", seen: "2026-11-28"},
	{vendor: "openai", name: "gpt-", style: styleNested, words: fromNone, off: offWord, source: probedGPT, seen: "2026-09-22"},

	{vendor: "qwen", name: "qwen3", style: styleConfig, words: []string{"low", "high"}, off: offLeast, source: recorded, seen: "2026-11-28"},
	{vendor: "moonshotai", name: "kimi-k2-thinking", style: styleConfig, words: toHigh, off: offLeast, source: consoleKimi, seen: "2026-02-27"},
	{vendor: "moonshot", name: "kimi-k2-thinking", style: styleConfig, words: toHigh, off: offLeast, source: consoleKimi, seen: "2026-02-27"},
	{vendor: "moonshotai", name: "kimi-k2", style: styleConfig, words: toHigh, source: consoleKimi, seen: "2026-02-27"},
	{vendor: "moonshotai", name: "kimi-k", style: styleNested, words: fromNone, off: offWord, source: probedKimi3, seen: "2026-09-22"},
	{vendor: "zai", name: "glm-", style: styleConfig, words: toHigh, source: usedGLM, seen: "2026-05-18"},
	{vendor: "minimax", name: "minimax-m2", style: styleAlways, off: offNever, source: "https://huggingface.co/MiniMaxAI/MiniMax-M2", seen: "2026-11-28"},
	{vendor: "deepseek", name: "r1", style: styleAlways, off: offNever, source: docsConverse, seen: "2026-11-28"},
	{vendor: "deepseek", name: "v3", style: styleEffort, words: []string{"high"}, source: liveDeepSeek, seen: "2026-11-28"},
	{vendor: "xai", name: "grok-4.3", style: styleNested, words: []string{"none", "low", "medium", "high"}, off: offWord, source: "https://docs.aws.amazon.com/bedrock/latest/userguide/model-card-xai-grok-4-3.html", seen: "2026-07-18"},
	{vendor: "xai", name: "grok-", style: styleNested, words: []string{"low", "medium", "high", "xhigh"}, off: offLeast, source: docsGrok + ", and " + liveHidden, seen: "2026-08-31"},
}

// Efforts that several families take. They are never written to.
var (
	toHigh   = []string{"low", "medium", "high"}
	toMax    = []string{"low", "medium", "high", "xhigh", "max"}
	fromNone = []string{"none", "low", "medium", "high", "xhigh", "max"}
)

// fits reports whether the row is about m.
func (t *thinker) fits(m *Model) bool {
	if t.vendor != m.Vendor || !strings.HasPrefix(m.Name, t.name) || !strings.HasSuffix(m.Name, t.ends) {
		return false
	}
	if t.from == 0 && t.below == 0 {
		return true
	}
	v := m.claude()
	return v >= t.from && (t.below == 0 || v < t.below)
}

// thinkerOf gives how m thinks: by the table, else by the catalogue.
func (m *Model) thinkerOf() thinker {
	if m.facts != nil && m.facts.Reasoning.Supported == catalog.No {
		return thinker{}
	}
	for i := range thinkers {
		if thinkers[i].fits(m) {
			return thinkers[i]
		}
	}
	if m.facts == nil {
		return thinker{}
	}
	r := &m.facts.Reasoning
	t := thinker{words: r.Efforts}
	switch r.Style {
	case catalog.StyleBudget:
		t.style = styleBudget
	case catalog.StyleAdaptive:
		t.style = styleAdaptive
	case catalog.StyleReasoningConfig:
		t.style, t.off = styleNova, offConfig
	case catalog.StyleEffort:
		t.style = styleEffort
	case catalog.StyleQwen:
		t.style = styleConfig
	case catalog.StyleOpenAI:
		t.style = styleNested
	case catalog.StyleNone:
		t.style = styleAlways
	case catalog.StyleUnknown, catalog.StyleTags:
	}
	switch {
	case t.off == offConfig:
	case slices.Contains(t.words, "none"):
		t.off = offWord
	case r.Always == catalog.Yes && len(t.words) > 0:
		t.off = offLeast
	case r.Always == catalog.Yes:
		t.off = offNever
	}
	return t
}
