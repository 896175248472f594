package converse

import "outcrop/llm"

// stopReason maps AWS's stop reason to the common one.
func stopReason(word string) llm.StopReason {
	switch word {
	case "":
		return llm.StopUnset
	case "end_turn":
		return llm.StopEnd
	case "stop_sequence":
		return llm.StopSequence
	case "max_tokens":
		return llm.StopMaxTokens
	case "model_context_window_exceeded":
		return llm.StopContextWindow
	case "tool_use":
		return llm.StopToolUse
	case "guardrail_intervened", "content_filtered", "refusal": // the last is Anthropic's
		return llm.StopFiltered
	case "malformed_model_output", "malformed_tool_use":
		return llm.StopMalformed
	default:
		return llm.StopOther
	}
}

// stopWord is AWS's stop reason: the raw one if it came from AWS, else the nearest to the common
// reason.
func stopWord(raw string, reason llm.StopReason) string {
	if raw != "" {
		return raw
	}
	switch reason {
	case llm.StopSequence:
		return "stop_sequence"
	case llm.StopMaxTokens:
		return "max_tokens"
	case llm.StopContextWindow:
		return "model_context_window_exceeded"
	case llm.StopToolUse:
		return "tool_use"
	case llm.StopFiltered:
		return "content_filtered"
	case llm.StopMalformed:
		return "malformed_model_output"
	default:
		return "end_turn"
	}
}
