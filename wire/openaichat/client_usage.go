package openaichat

import (
	"outcrop/internal/jsonx"
	"outcrop/llm"
)

// sentUsage are the counters of a response, under the names that endpoints use. They are read member by
// member, because every call has them.
type sentUsage struct {
	prompt, completion, total llm.Opt[int64]
	ofPrompt, ofCompletion    sentDetails

	cacheHit, cached      llm.Opt[int64]
	cacheRead, cacheWrite llm.Opt[int64]
	reasoning             llm.Opt[int64]

	cost, ticks, opencode jsonx.Raw
}

// UnmarshalJSONFrom receives jsonx's decoder.
func (s *sentUsage) UnmarshalJSONFrom(d *jsonx.Decoder) error {
	return jsonx.Each(d, func(name []byte) error {
		switch string(name) {
		case "prompt_tokens":
			return llm.ReadCount(d, &s.prompt)
		case "completion_tokens":
			return llm.ReadCount(d, &s.completion)
		case "total_tokens":
			return llm.ReadCount(d, &s.total)
		case "prompt_tokens_details":
			return s.ofPrompt.read(d)
		case "completion_tokens_details":
			return s.ofCompletion.read(d)
		// DeepSeek's (https://api-docs.deepseek.com/guides/kv_cache) and Moonshot's
		// (https://platform.moonshot.ai/docs/api/chat) names for the cached part of the prompt.
		case "prompt_cache_hit_tokens":
			return llm.ReadCount(d, &s.cacheHit)
		case "cached_tokens":
			return llm.ReadCount(d, &s.cached)
		// Anthropic's names, which gateways add.
		case "cache_read_input_tokens":
			return llm.ReadCount(d, &s.cacheRead)
		case "cache_creation_input_tokens":
			return llm.ReadCount(d, &s.cacheWrite)
		case "reasoning_tokens":
			return llm.ReadCount(d, &s.reasoning)
		// What gateways and vendors say the call cost.
		case "cost":
			return jsonx.Keep(d, &s.cost)
		case "cost_in_usd_ticks":
			return jsonx.Keep(d, &s.ticks)
		case "opencode":
			return jsonx.Keep(d, &s.opencode)
		default:
			return d.SkipValue()
		}
	})
}

// sentDetails are the details of prompt or completion.
type sentDetails struct {
	cached, cacheWrite, created, reasoning, audio llm.Opt[int64]
}

func (s *sentDetails) read(d *jsonx.Decoder) error {
	return jsonx.Each(d, func(name []byte) error {
		switch string(name) {
		case "cached_tokens":
			return llm.ReadCount(d, &s.cached)
		case "cache_write_tokens": // OpenRouter's
			return llm.ReadCount(d, &s.cacheWrite)
		case "cache_creation_tokens": // LiteLLM's
			return llm.ReadCount(d, &s.created)
		case "reasoning_tokens":
			return llm.ReadCount(d, &s.reasoning)
		case "audio_tokens":
			return llm.ReadCount(d, &s.audio)
		default:
			return d.SkipValue()
		}
	})
}

// ReadUsage reads the usage of a response. It reports false if there is none: some endpoints send
// null, or zeros before the end of a stream.
func ReadUsage(raw jsonx.Raw) (llm.Usage, bool) {
	var s sentUsage
	if len(raw) == 0 || raw.Kind() != '{' || jsonx.Unmarshal(raw, &s) != nil || !s.prompt.Set && !s.completion.Set {
		return llm.Usage{}, false
	}
	u := llm.Usage{Output: s.completion.Value, Total: s.total.Value}
	u.CacheRead = first(s.ofPrompt.cached, s.cacheHit, s.cached, s.cacheRead)
	u.CacheWrite = first(s.ofPrompt.cacheWrite, s.ofPrompt.created, s.cacheWrite)
	u.Reasoning = first(s.ofCompletion.reasoning, s.reasoning)
	if u.Reasoning.Value > 0 && s.total.Value == s.prompt.Value+u.Output+u.Reasoning.Value {
		u.Output += u.Reasoning.Value // xAI counts it apart (https://docs.x.ai/docs/guides/reasoning)
	}
	u.AudioInput, u.AudioOutput = s.ofPrompt.audio, s.ofCompletion.audio
	u.Input = max(0, s.prompt.Value-u.CacheRead.Value-u.CacheWrite.Value)
	u.State("cost", s.cost)
	u.State("cost_in_usd_ticks", s.ticks)
	u.State("opencode", s.opencode)
	return u, true
}

// first returns the first counter that is set.
func first(all ...llm.Opt[int64]) llm.Opt[int64] {
	for _, o := range all {
		if o.Set {
			return o
		}
	}
	return llm.Opt[int64]{}
}
