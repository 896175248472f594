package anthropic

import (
	"outcrop/internal/jsonx"
	"outcrop/llm"
)

// Stop returns the common form of a stop_reason
// (https://platform.claude.com/docs/en/build-with-claude/handling-stop-reasons).
func Stop(word string) llm.StopReason {
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
	case "refusal":
		return llm.StopFiltered
	default:
		return llm.StopOther
	}
}

// sentUsage is the usage of a response or event.
type sentUsage struct {
	Input         *int64 `json:"input_tokens"`
	Output        *int64 `json:"output_tokens"`
	CacheRead     *int64 `json:"cache_read_input_tokens"`
	CacheCreation *int64 `json:"cache_creation_input_tokens"`
	Split         *struct {
		Minutes int64 `json:"ephemeral_5m_input_tokens"`
		Hour    int64 `json:"ephemeral_1h_input_tokens"`
	} `json:"cache_creation"`
	Details *struct {
		Thinking *int64 `json:"thinking_tokens"`
	} `json:"output_tokens_details"`
	Tier string    `json:"service_tier"`
	Rest jsonx.Raw `json:",embed"`
}

// AddUsage takes the counters of a response, or of an event of a stream, into u. Those of a later
// event replace the earlier ones. tier is the service tier, if the response names it.
func AddUsage(u *llm.Usage, usage jsonx.Raw) (tier string, err error) {
	var s sentUsage
	if err := jsonx.Unmarshal(usage, &s); err != nil {
		return "", err
	}
	set := func(to *int64, from *int64) {
		if from != nil {
			*to = max(0, *from)
		}
	}
	opt := func(to *llm.Opt[int64], from *int64) {
		if from != nil {
			*to = llm.Some(max(0, *from))
		}
	}
	set(&u.Input, s.Input)
	set(&u.Output, s.Output)
	opt(&u.CacheRead, s.CacheRead)
	opt(&u.CacheWrite, s.CacheCreation)
	if s.Split != nil {
		u.CacheWrites = nil
		for _, w := range []llm.CacheWrite{{TTL: "5m", Tokens: s.Split.Minutes}, {TTL: "1h", Tokens: s.Split.Hour}} {
			if w.Tokens > 0 {
				u.CacheWrites = append(u.CacheWrites, w)
			}
		}
	}
	if s.Details != nil {
		opt(&u.Reasoning, s.Details.Thinking)
	}
	u.Total = u.Prompt() + u.Output
	rest, err := jsonx.Members(s.Rest)
	if err != nil {
		return "", err
	}
	for _, m := range rest {
		if m.Value.Kind() == 'n' || m.Name == "inference_geo" || m.Name == "iterations" {
			continue
		}
		if at := find(u.Extra, m.Name); at >= 0 {
			u.Extra[at].Value = m.Value
		} else {
			u.Extra = append(u.Extra, m)
		}
	}
	return s.Tier, nil
}

func find(members []jsonx.Member, name string) int {
	for i := range members {
		if members[i].Name == name {
			return i
		}
	}
	return -1
}
