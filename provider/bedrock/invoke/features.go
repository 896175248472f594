package invoke

import (
	"slices"
	"strconv"
	"strings"

	"outcrop/provider/bedrock/catalog"
)

// Model is the Claude model that a request is adapted to. NewModel makes it; it is immutable.
type Model struct {
	// Vendor and Name are segments of the base id, such as anthropic and
	// claude-sonnet-4-5-20250929-v1. Both are empty where an ARN hides them.
	Vendor, Name string

	facts   *catalog.Model
	version int
}

// NewModel makes the Model of a vendor and name; facts are what the catalogue knows of it, nil if
// nothing. A model of an unknown version is taken to support what the newest one does: AWS names
// what it refuses.
func NewModel(vendor, name string, facts *catalog.Model) *Model {
	return &Model{Vendor: vendor, Name: name, facts: facts, version: version(name)}
}

// newest is the version of a model whose name has none.
const newest = 1 << 20

// version is a Claude's version as a number, 405 for 4.5. The version is the numbers of one or two
// digits in the name; a date has eight.
func version(name string) int {
	if strings.HasPrefix(name, "claude-v") || strings.HasPrefix(name, "claude-instant") {
		return 200
	}
	v, seen := 0, 0
	for part := range strings.SplitSeq(strings.TrimPrefix(name, "claude-"), "-") {
		n, err := strconv.Atoi(part)
		if err != nil || len(part) > 2 {
			if seen > 0 {
				break
			}
			continue
		}
		if seen++; seen > 2 {
			break
		}
		v = v*100 + n
	}
	switch seen {
	case 0:
		return newest
	case 1:
		return v * 100
	default:
		return v
	}
}

// span is a set of models: those whose names begin with name, of a version that is at least from
// and less than below; 0 is no bound.
type span struct {
	name        string
	from, below int
}

func (s span) has(m *Model) bool {
	return strings.HasPrefix(m.Name, s.name) && m.version >= s.from && (s.below == 0 || m.version < s.below)
}

// feature is something that only some models have on Bedrock.
type feature uint8

const (
	systemTurns    feature = iota + 1 // messages of role system
	thinks                            // thinking
	adaptive                          // thinking of type adaptive
	budget                            // thinking of type enabled
	disabling                         // thinking of type disabled
	sampling                          // temperature, top_p and top_k
	bothSampling                      // temperature beside top_p
	display                           // thinking.display
	format                            // output_config.format
	effort                            // output_config.effort
	strict                            // tools with strict
	toolSearch                        // defer_loading, tool_reference and the tool search tool
	examples                          // tools with input_examples
	eager                             // fine-grained streaming of tool inputs
	oneHour                           // cache_control.ttl
	contextEditing                    // context_management that clears
	compaction                        // context_management that compacts
)

// fact says whether models have a feature, where that is known from, and when it was seen.
type fact struct {
	feature feature
	span    span
	has     bool
	source  string
	seen    string
}

// Sources of facts.
const (
	pageSystem   = "https://platform.claude.com/docs/en/build-with-claude/mid-conversation-system-messages"
	pageThinking = "https://platform.claude.com/docs/en/build-with-claude/extended-thinking"
	pageAdaptive = "https://platform.claude.com/docs/en/build-with-claude/adaptive-thinking"
	pageEffort   = "https://platform.claude.com/docs/en/build-with-claude/effort"
	pageTools    = "https://docs.aws.amazon.com/bedrock/latest/userguide/model-parameters-anthropic-claude-messages-tool-use.html"
	pageCache    = "https://docs.aws.amazon.com/bedrock/latest/userguide/prompt-caching.html"
	pageCompact  = "https://docs.aws.amazon.com/bedrock/latest/userguide/claude-messages-compaction.html"
	pageOutput   = "https://docs.aws.amazon.com/bedrock/latest/userguide/structured-output.html"
	pageRequest  = "https://docs.aws.amazon.com/bedrock/latest/userguide/model-parameters-anthropic-claude-messages-request-response.html"
	pageCode     = "https://platform.claude.com/docs/en/agents-and-tools/tool-use/code-execution-tool, which lists Amazon Bedrock as not available"
	pageOnDemand = "https://platform.claude.com/docs/en/build-with-claude/compaction-on-demand, which lists Amazon Bedrock as not available"
	claudeCode   = "requests of Claude Code 2.1.332 in its Bedrock mode"
	claudeCodeNo = "Claude Code 2.1.332, which does not send it to Bedrock"
	liteLLM      = "LiteLLM 1.110.2's table of betas (litellm/anthropic_beta_headers_config.json)"
	liteLLMNo    = "LiteLLM 1.110.2, which removes it for Bedrock"
	noFormat     = "AWS's words, output_config.format: Extra inputs are not permitted, in https://github.com/vercel/ai/pull/15288, https://github.com/anthropics/anthropic-sdk-python/issues/1759 and https://github.com/MattJColes/lgtmaybe/issues/469"
	noStrict     = "AWS's words in public reports: tools.0.custom.strict: Extra inputs are not permitted"
	noEffort     = "AWS's words, output_config.effort: Extra inputs are not permitted, in https://github.com/anthropics/claude-code-action/issues/1005"
	noBudget     = `AWS's words, "thinking.type.enabled" is not supported for this model, in https://github.com/anthropics/claude-code/issues/49238`
	vercel       = "https://github.com/vercel/ai/pull/13900"
)

// facts is the table of features. The first row that fits a model counts; a model that no row fits
// has the feature. It is never written to.
var facts = []fact{
	{systemTurns, span{"claude-sonnet-", 500, 505}, false, pageSystem, "2026-11-28"},
	{systemTurns, span{"", 0, 408}, false, claudeCodeNo + "; " + pageSystem, "2026-11-28"},

	{thinks, span{"", 0, 307}, false, pageThinking, "2026-11-28"},
	{adaptive, span{"", 0, 406}, false, pageAdaptive, "2026-11-28"},
	{budget, span{"", 407, 0}, false, noBudget, "2026-04-16"},
	{disabling, span{"claude-sonnet-", 505, newest}, false, "https://platform.claude.com/docs/en/models/sonnet-5-5/whats-new-sonnet-5-5", "2026-09-28"},
	{disabling, span{"claude-opus-", 505, newest}, false, "https://platform.claude.com/docs/en/models/opus-5-5/whats-new-opus-5-5", "2026-09-22"},
	{disabling, span{"claude-fable", 0, 0}, false, "https://platform.claude.com/docs/en/models/opus-5-5/whats-new-opus-5-5", "2026-09-22"},
	{sampling, span{"claude-opus-", 407, newest}, false, "https://github.com/langgenius/dify-official-plugins/issues/3169", "2026-05-20"},
	{sampling, span{"", 500, newest}, false, "public clients of Bedrock: pydantic-ai, Vercel AI SDK, LiteLLM", "2026-11-28"},
	{bothSampling, span{"", 405, newest}, false, "AWS's words in public reports: `temperature` and `top_p` cannot both be specified for this model", "2026-11-28"},
	{display, span{"", 0, 406}, false, claudeCodeNo + "; " + pageAdaptive, "2026-11-28"},

	{format, span{"", 0, 405}, false, pageOutput, "2026-11-28"},
	{format, span{"claude-opus-", 407, 501}, false, noFormat, "2026-08-17"},
	{format, span{"claude-sonnet-", 500, 501}, false, noFormat, "2026-07-15"},
	{format, span{"claude-fable", 0, 0}, false, "public clients of Bedrock: pydantic-ai, Vercel AI SDK, LiteLLM", "2026-11-28"},

	{strict, span{"", 0, 405}, false, noStrict, "2026-11-28"},
	{strict, span{"claude-opus-", 407, 501}, false, noStrict, "2026-08-17"},
	{strict, span{"claude-opus-", 505, newest}, false, noStrict, "2026-11-28"},
	{strict, span{"claude-sonnet-", 500, 501}, false, noStrict, "2026-07-15"},
	{strict, span{"claude-fable", 0, 0}, false, "public clients of Bedrock: pydantic-ai, Vercel AI SDK, LiteLLM", "2026-11-28"},

	{effort, span{"claude-opus-", 405, 406}, true, pageEffort, "2026-08-06"},
	{effort, span{"", 0, 406}, false, noEffort, "2026-03-04"},

	{toolSearch, span{"", 0, 405}, false, pageTools + "; " + claudeCode, "2026-11-28"},
	{examples, span{"", 0, 405}, false, pageTools, "2026-11-28"},
	{eager, span{"", 0, 400}, false, pageTools, "2026-11-28"},
	{oneHour, span{"", 0, 405}, false, pageCache, "2026-11-28"},
	{contextEditing, span{"", 0, 400}, false, pageTools, "2026-11-28"},
	{compaction, span{"", 0, 406}, false, pageCompact, "2026-11-28"},
}

// has reports whether the model has a feature.
func (m *Model) has(f feature) bool {
	for i := range facts {
		if facts[i].feature == f && facts[i].span.has(m) {
			return facts[i].has
		}
	}
	if m.facts != nil {
		switch f {
		case format:
			return m.facts.StructuredOutput != catalog.No
		case oneHour:
			return m.facts.Cache.OneHour != catalog.No
		default:
		}
	}
	return true
}

// efforts are the values of output_config.effort, lowest first. It is never written to.
var efforts = []string{"low", "medium", "high", "xhigh", "max"}

// effortFor is the effort that the model supports and that is nearest to the requested one: Opus
// 4.5 has three, 4.6 also max, later ones also xhigh
// (https://platform.claude.com/docs/en/build-with-claude/effort).
func (m *Model) effortFor(effort string) string {
	switch {
	case !slices.Contains(efforts, effort): // AWS lists what it takes
		return effort
	case effort == "xhigh" && m.version < 407, effort == "max" && m.version < 406:
		return "high"
	default:
		return effort
	}
}

// budgetFor is a thinking budget for an effort, in tokens.
func budgetFor(effort string) int64 {
	switch effort {
	case "low":
		return leastBudget
	case "medium":
		return 2 * leastBudget
	case "xhigh":
		return 8 * leastBudget
	case "max":
		return 16 * leastBudget
	default:
		return 4 * leastBudget
	}
}

// leastBudget is the smallest thinking budget that Claude accepts, in tokens
// (https://platform.claude.com/docs/en/build-with-claude/extended-thinking).
const leastBudget = 1024
