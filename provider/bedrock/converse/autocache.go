package converse

import (
	"slices"

	"outcrop/llm"
	"outcrop/provider/bedrock/catalog"
)

// cachesAlone reports whether the prompt shall be cached without cache points, and the model caches.
func (p *adapter) cachesAlone() bool {
	facts := p.model.facts
	return p.out.AutoCache && !p.model.any(noCache) && facts != nil && facts.Cache.Supported == catalog.Yes
}

// autoCache sets cache points for clients whose API caches prompts without any: after the system prompt,
// and after the last two turns of the user. The second of them is what the next call reads; the first is
// where the call before ended, because some models read only what ends at a point of the call.
func (p *adapter) autoCache() {
	wish := p.cachesAlone()
	p.out.AutoCache = false
	if !wish || p.seen.cache {
		return
	}
	point := func(blocks []llm.Block) []llm.Block {
		return append(slices.Clip(blocks), llm.Block{Kind: llm.BlockCachePoint, Cache: &llm.CachePoint{Type: "default"}})
	}
	if len(p.out.System) > 0 {
		p.out.System = point(p.out.System)
	}
	turns := slices.Clone(p.out.Turns)
	left := 2
	for i := len(turns) - 1; i >= 0 && left > 0; i-- {
		next := llm.RoleAssistant // after the last turn
		if i+1 < len(turns) {
			next = turns[i+1].Role
		}
		if turns[i].Role == llm.RoleUser && next == llm.RoleAssistant {
			turns[i].Blocks = point(turns[i].Blocks)
			left--
		}
	}
	p.out.Turns, p.seen.cache = turns, true
}
