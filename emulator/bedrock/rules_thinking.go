package bedrock

import (
	"encoding/base64"
	"errors"
	"strings"

	"outcrop/emulator/bedrock/catalogue"
	"outcrop/llm"
)

func hasSampling(q *question) bool { return q.request.Temperature.Set || q.request.TopP.Set }

// checkSampling refuses temperature, topP and top_k where the model chooses for
// itself. The newest Claude still take a temperature of 1 when they think.
func checkSampling(q *question) error {
	if q.info.Has(catalogue.OneSampling) && q.request.Temperature.Set && q.request.TopP.Set {
		return returned("`temperature` and `top_p` cannot both be specified for this model. Please use only one.")
	}
	if !q.info.Has(catalogue.NoSampling) {
		return nil
	}
	var name, field string
	switch {
	case q.request.Temperature.Set && !(q.thinking.On() && q.request.Temperature.Value == 1):
		name, field = "temperature", "temperature"
	case q.request.TopP.Set:
		name, field = "top_p", "topP"
	case q.field("top_k") != nil:
		name, field = "top_k", "top_k"
	default:
		return nil
	}
	switch q.info.Voice() {
	case catalogue.VoiceAnthropic:
		return returned("`%s` is deprecated for this model.", name)
	case catalogue.VoiceResponses:
		return responsesError("unsupported_parameter", name, "Unsupported parameter: '"+name+"' is not supported with this model.")
	default: // Converse itself
		return unsupported(field)
	}
}

// minBudget is the least number of tokens that Claude takes for its thoughts
// (https://docs.claude.com/en/docs/build-with-claude/extended-thinking).
const minBudget = 1024

// checkThinking holds Anthropic's setting against what the model can, and against
// what may not stand beside it.
func checkThinking(q *question) error {
	if q.info.Voice() == catalogue.VoiceChat && q.info.Fields() == nil { // it takes any field, and reads few
		return nil
	}
	if err := checkThinkingType(q); err != nil || !q.thinking.On() {
		return err
	}
	if q.thinking.Type == "enabled" {
		switch budget := q.thinking.Budget; {
		case budget == nil:
			return returned("thinking.enabled.budget_tokens: Field required")
		case *budget < minBudget:
			return returned("thinking.enabled.budget_tokens: Input should be greater than or equal to %d", minBudget)
		case q.request.MaxTokens.Set && q.request.MaxTokens.Value <= *budget:
			return returned("`max_tokens` must be greater than `thinking.budget_tokens`.")
		}
	}
	switch {
	case q.request.Temperature.Set && q.request.Temperature.Value != 1:
		return returned("`temperature` may only be set to 1 when thinking is enabled.")
	case q.request.TopP.Set && q.request.TopP.Value < 0.95:
		return returned("`top_p` must be greater than or equal to 0.95 or unset when thinking is enabled.")
	case q.field("top_k") != nil:
		return returned("`top_k` must be unset when thinking is enabled.")
	// Those that only adapt take a forced tool beside it (public report).
	case q.info.Has(catalogue.ThinkingBudget) && forcesTool(q):
		return returned("Thinking may not be enabled when tool_choice forces tool use.")
	}
	return nil
}

func checkThinkingType(q *question) error {
	budget, adaptive := q.info.Has(catalogue.ThinkingBudget), q.info.Has(catalogue.ThinkingAdaptive)
	switch kind := q.thinking.Type; {
	case kind == "" && q.field("thinking") == nil:
		return nil
	case !budget && !adaptive:
		return malformedInput("#: extraneous key [thinking] is not permitted")
	case kind == "":
		return returned("thinking: Unable to extract tag using discriminator 'type'")
	case kind == "enabled" && !budget:
		return returned(`"thinking.type.enabled" is not supported for this model. Use "thinking.type.adaptive" and "output_config.effort" to control thinking behavior.`)
	case kind == "disabled" && q.info.Has(catalogue.NoThinkingOff):
		return returned(`"thinking.type.disabled" is not supported for this model.`)
	case kind == "enabled", kind == "disabled", kind == "adaptive" && adaptive,
		kind == "between_tools" && q.info.Has(catalogue.ThinkingBetween):
		return nil
	case adaptive:
		return returned("thinking: Input tag '%s' found using 'type' does not match any of the expected tags: 'adaptive', 'disabled', 'enabled'", kind)
	default:
		return returned("thinking: Input tag '%s' found using 'type' does not match any of the expected tags: 'disabled', 'enabled'", kind)
	}
}

// checkForeignThoughts refuses reasoning of another family's form: text where reasoning
// is hidden, which Bedrock answers with a 500; a signature where none is made; and to
// Claude hidden reasoning of another's
// (https://github.com/maximhq/bifrost, core/providers/bedrock/reasoning_replay_test.go).
func checkForeignThoughts(q *question) error {
	return q.refuseFirst(func(p place, b *llm.Block) error {
		switch {
		case b.Kind == llm.BlockReasoning && q.info.Has(catalogue.RedactedReasoning):
			return errUnexpected
		case b.Kind == llm.BlockReasoning && b.Signature != "" && !q.info.Has(catalogue.SignedReasoning):
			return unsupported("reasoningContent.reasoningText.signature")
		case b.Kind == llm.BlockRedacted && q.native() && strings.HasPrefix(b.Text, base64.StdEncoding.EncodeToString([]byte("rsn"))):
			return returned("%s: Invalid `data` in `redacted_thinking` block", p.native())
		}
		return nil
	})
}

// errUnexpected is what Bedrock does not say more about: it is answered with a 500.
var errUnexpected = errors.New("unexpected")

// checkThinkingTurns wants the reasoning back in the turn whose tool results come
// in, and at the beginning of an answer that is begun, when thinking by budget is
// on.
func checkThinkingTurns(q *question) error {
	turns := q.request.Turns
	last := len(turns) - 1
	if q.thinking.Type != "enabled" {
		return nil
	}
	if last >= 1 && turns[last].Role == llm.RoleUser && turns[last].Blocks[0].Kind == llm.BlockToolResult {
		last--
	}
	begun := turns[last]
	if begun.Role != llm.RoleAssistant || isReasoning(&begun.Blocks[0]) {
		return nil
	}
	found := "text"
	if begun.Blocks[0].Kind == llm.BlockToolUse {
		found = "tool_use"
	}
	return returned("messages.%d.content.0.type: Expected `thinking` or `redacted_thinking`, but found `%s`. "+
		"When `thinking` is enabled, a final `assistant` message must start with a thinking block (preceeding the lastmost set of `tool_use` and `tool_result` blocks). "+ //nolint:misspell // as AWS spells it
		"We recommend you include thinking blocks from previous turns. To avoid this requirement, disable `thinking`. "+
		"Please consult our documentation at https://docs.claude.com/en/docs/build-with-claude/extended-thinking", last, found)
}
