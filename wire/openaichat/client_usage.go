package openaichat

import (
	"outcrop/internal/jsonx"
	"outcrop/llm"
)

// sentUsage are the counters of a response, under the names that endpoints use.
type sentUsage struct {
	Prompt     optional[int64] `json:"prompt_tokens"`
	Completion optional[int64] `json:"completion_tokens"`
	Total      optional[int64] `json:"total_tokens"`

	PromptDetails     sentDetails `json:"prompt_tokens_details"`
	CompletionDetails sentDetails `json:"completion_tokens_details"`

	// DeepSeek's (https://api-docs.deepseek.com/guides/kv_cache) and Moonshot's
	// (https://platform.moonshot.ai/docs/api/chat) names for the cached part of the prompt.
	CacheHit optional[int64] `json:"prompt_cache_hit_tokens"`
	Cached   optional[int64] `json:"cached_tokens"`
	// Anthropic's names, which gateways add.
	CacheRead  optional[int64] `json:"cache_read_input_tokens"`
	CacheWrite optional[int64] `json:"cache_creation_input_tokens"`
	Reasoning  optional[int64] `json:"reasoning_tokens"`

	// What gateways and vendors say the call cost.
	Cost     jsonx.Raw `json:"cost"`
	Ticks    jsonx.Raw `json:"cost_in_usd_ticks"`
	Opencode jsonx.Raw `json:"opencode"`

	Rest jsonx.Raw `json:",embed"`
}

// sentDetails are the details of prompt or completion; null for none.
type sentDetails struct {
	Cached     optional[int64] `json:"cached_tokens"`
	CacheWrite optional[int64] `json:"cache_write_tokens"`    // OpenRouter's
	Created    optional[int64] `json:"cache_creation_tokens"` // LiteLLM's
	Reasoning  optional[int64] `json:"reasoning_tokens"`
	Audio      optional[int64] `json:"audio_tokens"`
}

func (s *sentDetails) UnmarshalJSONFrom(d *jsonx.Decoder) error {
	if d.PeekKind() == 'n' {
		return d.SkipValue()
	}
	type plain sentDetails
	return jsonx.UnmarshalDecode(d, (*plain)(s))
}

// ReadUsage reads the usage of a response. It reports false if there is none: some endpoints send
// null, or zeros before the end of a stream.
func ReadUsage(raw jsonx.Raw) (llm.Usage, bool) {
	var s sentUsage
	if len(raw) == 0 || raw.Kind() != '{' || jsonx.Unmarshal(raw, &s) != nil || !s.Prompt.Set && !s.Completion.Set {
		return llm.Usage{}, false
	}
	u := llm.Usage{Output: s.Completion.Value, Total: s.Total.Value}
	u.CacheRead = first(s.PromptDetails.Cached, s.CacheHit, s.Cached, s.CacheRead)
	u.CacheWrite = first(s.PromptDetails.CacheWrite, s.PromptDetails.Created, s.CacheWrite)
	u.Reasoning = first(s.CompletionDetails.Reasoning, s.Reasoning)
	if u.Reasoning.Value > 0 && s.Total.Value == s.Prompt.Value+u.Output+u.Reasoning.Value {
		u.Output += u.Reasoning.Value // xAI counts it apart (https://docs.x.ai/docs/guides/reasoning)
	}
	u.AudioInput, u.AudioOutput = s.PromptDetails.Audio.Opt, s.CompletionDetails.Audio.Opt
	u.Input = max(0, s.Prompt.Value-u.CacheRead.Value-u.CacheWrite.Value)
	u.State("cost", s.Cost)
	u.State("cost_in_usd_ticks", s.Ticks)
	u.State("opencode", s.Opencode)
	return u, true
}

// first returns the first counter that is set.
func first(all ...optional[int64]) llm.Opt[int64] {
	for _, o := range all {
		if o.Set {
			return o.Opt
		}
	}
	return llm.Opt[int64]{}
}
