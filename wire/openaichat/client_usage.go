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

// counter returns where a member that counts tokens is kept; nil if it does not.
func (s *sentUsage) counter(name []byte) *llm.Opt[int64] {
	switch string(name) {
	case "prompt_tokens":
		return &s.prompt
	case "completion_tokens":
		return &s.completion
	case "total_tokens":
		return &s.total
	// DeepSeek's (https://api-docs.deepseek.com/guides/kv_cache) and Moonshot's
	// (https://platform.moonshot.ai/docs/api/chat) names for the cached part of the prompt.
	case "prompt_cache_hit_tokens":
		return &s.cacheHit
	case "cached_tokens":
		return &s.cached
	// Anthropic's names, which gateways add.
	case "cache_read_input_tokens":
		return &s.cacheRead
	case "cache_creation_input_tokens":
		return &s.cacheWrite
	case "reasoning_tokens":
		return &s.reasoning
	default:
		return nil
	}
}

// price returns where a member is kept in which gateways and vendors say what the call cost; nil if it does
// not.
func (s *sentUsage) price(name []byte) *jsonx.Raw {
	switch string(name) {
	case "cost":
		return &s.cost
	case "cost_in_usd_ticks":
		return &s.ticks
	case "opencode":
		return &s.opencode
	default:
		return nil
	}
}

// details returns where a member with details is kept; nil if it has none.
func (s *sentUsage) details(name []byte) *sentDetails {
	switch string(name) {
	case "prompt_tokens_details":
		return &s.ofPrompt
	case "completion_tokens_details":
		return &s.ofCompletion
	default:
		return nil
	}
}

// UnmarshalJSONFrom receives jsonx's decoder.
func (s *sentUsage) UnmarshalJSONFrom(d *jsonx.Decoder) error {
	return jsonx.Each(d, func(name []byte) error {
		if to := s.counter(name); to != nil {
			return llm.ReadCount(d, to)
		}
		if to := s.details(name); to != nil {
			return jsonx.Each(d, func(name []byte) error {
				if to := to.counter(name); to != nil {
					return llm.ReadCount(d, to)
				}
				return d.SkipValue()
			})
		}
		if to := s.price(name); to != nil {
			return jsonx.Keep(d, to)
		}
		return d.SkipValue()
	})
}

// plain reads usage that has nothing unusual, and reports whether raw is that. It then reads what
// UnmarshalJSONFrom reads, in half the time.
func (s *sentUsage) plain(raw jsonx.Raw) bool {
	p := jsonx.NewPlain(raw)
	p.Object(func(name []byte) {
		if to := s.counter(name); to != nil {
			plainCount(&p, to)
			return
		}
		if to := s.details(name); to != nil && p.Kind() != 'n' {
			p.Object(func(name []byte) {
				if to := to.counter(name); to != nil {
					plainCount(&p, to)
					return
				}
				p.Value()
			})
			return
		}
		if to := s.price(name); to != nil {
			p.Keep(to)
			return
		}
		p.Value()
	})
	return p.Done()
}

// plainCount reads a counter, unless it is null.
func plainCount(p *jsonx.Plain, to *llm.Opt[int64]) {
	if p.Kind() == 'n' {
		p.Value()
		return
	}
	to.Set = true
	p.Int(&to.Value)
}

// sentDetails are the details of prompt or completion.
type sentDetails struct {
	cached, cacheWrite, created, reasoning, audio llm.Opt[int64]
}

// counter returns where a member that counts tokens is kept; nil if it does not.
func (s *sentDetails) counter(name []byte) *llm.Opt[int64] {
	switch string(name) {
	case "cached_tokens":
		return &s.cached
	case "cache_write_tokens": // OpenRouter's
		return &s.cacheWrite
	case "cache_creation_tokens": // LiteLLM's
		return &s.created
	case "reasoning_tokens":
		return &s.reasoning
	case "audio_tokens":
		return &s.audio
	default:
		return nil
	}
}

// ReadUsage reads the usage of a response. It reports false if there is none: some endpoints send
// null, or zeros before the end of a stream.
func ReadUsage(raw jsonx.Raw) (llm.Usage, bool) {
	if len(raw) == 0 || raw.Kind() != '{' {
		return llm.Usage{}, false
	}
	var s sentUsage
	if !s.plain(raw) {
		all := new(sentUsage)
		if jsonx.Unmarshal(raw, all) != nil {
			return llm.Usage{}, false
		}
		s = *all
	}
	if !s.prompt.Set && !s.completion.Set {
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
