package converse

import (
	"slices"
	"strconv"

	"outcrop/llm"
	"outcrop/provider/bedrock/catalog"
)

// maxPoints is how many cache points AWS takes in a request
// (https://docs.aws.amazon.com/bedrock/latest/userguide/prompt-caching.html).
const maxPoints = 4

// point is a cache point of a request with its position.
type point struct {
	cache       *llm.CachePoint
	tool        int // in Tools; -1 if it stands elsewhere
	turn, block int // turn is -1 in the system prompt
	keep        bool
}

// cachePoints adapts the cache points. They are dropped if the model does not cache. Of more than
// four, those that save most are kept: the last after the tools, the last of the system prompt, and
// the last ones of the conversation, which have the longest prefixes; the rest goes to the system
// prompt and the tools, from their ends. An unsupported time to live is replaced by the default,
// and one that is longer than that of an earlier point by the shorter, because AWS requires them
// not to increase.
func (p *adapter) cachePoints() {
	if !p.seen.cache {
		return
	}
	p.behindContent()
	p.beforeResults()
	points := p.points()
	p.places(points)
	p.most(points)
	p.times(points)
	p.keep(points)
}

// behindContent moves cache points at the beginning of a list of blocks after the first block that
// a point can follow, because AWS has nothing to cache before them ("There is nothing available to
// cache"), and drops points that follow another point.
func (p *adapter) behindContent() {
	if p.model.any(noCache) {
		return // which leaves all of them out
	}
	p.out.System = p.settled(p.out.System, p.name(llm.FieldSystemCache))
	p.rewrite(func(i int, t llm.Turn) []llm.Block { return p.settled(t.Blocks, p.inMessage(llm.FieldMessageCache, i)) })
}

// settled returns blocks in which each cache point follows content, and none follows another.
func (p *adapter) settled(blocks []llm.Block, field string) []llm.Block {
	misplaced := false
	for j := range blocks {
		misplaced = misplaced || blocks[j].Kind == llm.BlockCachePoint && (j == 0 || blocks[j-1].Kind == llm.BlockCachePoint)
	}
	if !misplaced {
		return blocks
	}
	out := make([]llm.Block, 0, len(blocks))
	var waiting *llm.Block
	for _, b := range blocks {
		last := len(out) - 1
		switch {
		case b.Kind == llm.BlockCachePoint && last >= 0 && out[last].Kind == llm.BlockCachePoint:
			out[last].Cache = longer(out[last].Cache, b.Cache)
			p.warn(llm.WarnDropped, field, "there is already a cache point at this position")
		case b.Kind == llm.BlockCachePoint && (last < 0 || waiting != nil):
			if waiting == nil {
				waiting = &b
			} else {
				waiting.Cache = longer(waiting.Cache, b.Cache)
			}
		default:
			out = append(out, b)
			if waiting != nil && b.Kind != llm.BlockReasoning && b.Kind != llm.BlockRedacted && b.Kind != llm.BlockCachePoint {
				out = append(out, *waiting)
				waiting = nil
				p.warn(llm.WarnChanged, field, "the cache point was moved after the next block, because there is no content before it")
			}
		}
	}
	if waiting != nil {
		p.warn(llm.WarnDropped, field, "there is no content before the cache point")
	}
	return out
}

// longer returns the cache point with the longer time to live.
func longer(a, b *llm.CachePoint) *llm.CachePoint {
	if b != nil && b.TTL == "1h" {
		return b
	}
	return a
}

// retention applies prompt_cache_retention: points without a time to live get an hour, the longest
// that AWS supports, and if there are no points, the system prompt is cached.
func (p *adapter) retention() {
	wish := p.out.CacheRetention
	p.out.CacheRetention = ""
	if wish != "24h" {
		return
	}
	field := p.name(llm.FieldCacheRetention)
	facts := p.model.facts
	if !p.elsewhere() && (p.model.any(noCache) || facts == nil || facts.Cache.Supported != catalog.Yes || facts.Cache.OneHour != catalog.Yes) {
		p.warn(llm.WarnDropped, field, "this model is not known to support a one-hour cache")
		return
	}
	if !p.seen.cache && len(p.out.System) == 0 {
		p.warn(llm.WarnDropped, field, "the request has neither a cache point nor a system prompt to cache")
		return
	}
	p.warn(llm.WarnChanged, field, "set to 1h, the longest time that "+p.model.host+" supports")
	if !p.seen.cache {
		p.seen.cache = true
		p.out.System = append(slices.Clip(p.out.System), llm.Block{Kind: llm.BlockCachePoint, Cache: &llm.CachePoint{Type: "default", TTL: "1h"}})
		return
	}
	lasting := func(c *llm.CachePoint) *llm.CachePoint {
		if c == nil || c.TTL != "" {
			return c
		}
		long := *c
		long.TTL = "1h"
		return &long
	}
	blocks := func(given []llm.Block) []llm.Block {
		out := slices.Clone(given)
		for j := range out {
			if out[j].Kind == llm.BlockCachePoint {
				out[j].Cache = lasting(out[j].Cache)
			}
		}
		return out
	}
	p.out.Tools = slices.Clone(p.out.Tools)
	for i := range p.out.Tools {
		p.out.Tools[i].Cache = lasting(p.out.Tools[i].Cache)
	}
	p.out.System = blocks(p.out.System)
	p.rewrite(func(_ int, t llm.Turn) []llm.Block { return blocks(t.Blocks) })
}

// points lists the cache points in AWS's order: tools, system prompt, conversation.
func (p *adapter) points() []point {
	var all []point
	for i := range p.out.Tools {
		if c := p.out.Tools[i].Cache; c != nil {
			all = append(all, point{cache: copyOf(c), tool: i, turn: -1, keep: true})
		}
	}
	add := func(turn int, blocks []llm.Block) {
		for j := range blocks {
			if blocks[j].Kind == llm.BlockCachePoint {
				all = append(all, point{cache: copyOf(blocks[j].Cache), tool: -1, turn: turn, block: j, keep: true})
			}
		}
	}
	add(-1, p.out.System)
	for i := range p.out.Turns {
		add(i, p.out.Turns[i].Blocks)
	}
	return all
}

func copyOf(c *llm.CachePoint) *llm.CachePoint {
	if c == nil {
		return &llm.CachePoint{}
	}
	cp := *c
	return &cp
}

// places drops the points that the model does not support, or not at their position.
func (p *adapter) places(points []point) {
	never := p.model.any(noCache) || p.model.facts != nil && p.model.facts.Cache.Supported == catalog.No
	if never && len(points) > 0 {
		p.warn(llm.WarnDropped, p.name(llm.FieldCache), "this model does not support prompt caching")
	}
	for i := range points {
		at := &points[i]
		switch {
		case never:
			at.keep = false
		case at.tool >= 0 && p.model.any(noToolCache):
			at.keep = false
			p.warn(llm.WarnDropped, p.tool(llm.FieldToolCache, at.tool), "this model does not support a cache point after tools")
		case at.turn >= 0 && p.behindReasoning(at):
			at.keep = false
			p.warn(llm.WarnDropped, p.inMessage(llm.FieldMessageCache, at.turn), p.model.host+" does not support a cache point right after reasoning")
		}
	}
}

// beforeResults moves cache points out of messages with tool results, in which the model does not
// support them, to the end of the last user message before them without results. That is the same
// message until the user writes another, so the prefix is found again.
func (p *adapter) beforeResults() {
	if !p.model.any(noResultCache) {
		return
	}
	with := p.withResults()
	moved := map[int]*llm.CachePoint{}
	target := -1 // the last user turn without results
	p.rewrite(func(i int, t llm.Turn) []llm.Block {
		if !with[i] {
			if t.Role == llm.RoleUser && len(t.Blocks) > 0 {
				target = i
			}
			return t.Blocks
		}
		return slices.DeleteFunc(slices.Clone(t.Blocks), func(b llm.Block) bool {
			if b.Kind != llm.BlockCachePoint {
				return false
			}
			field := p.inMessage(llm.FieldMessageCache, i)
			if target < 0 {
				p.warn(llm.WarnDropped, field, "this model does not support a cache point in a message with tool results")
				return true
			}
			p.warn(llm.WarnChanged, field, "moved to the end of "+p.message(target)+", because this model does not support a cache point in a message with tool results")
			if have, ok := moved[target]; ok {
				moved[target] = longer(have, b.Cache)
			} else {
				moved[target] = copyOf(b.Cache)
			}
			return true
		})
	})
	for i, point := range moved { // each turn is the rewritten one, but may share its blocks with the client's
		blocks := p.out.Turns[i].Blocks
		if last := len(blocks) - 1; blocks[last].Kind == llm.BlockCachePoint {
			blocks = slices.Clone(blocks)
			blocks[last].Cache = longer(blocks[last].Cache, point)
		} else {
			blocks = append(slices.Clip(blocks), llm.Block{Kind: llm.BlockCachePoint, Cache: point})
		}
		p.out.Turns[i].Blocks = blocks
	}
}

// withResults reports for each turn whether its message has a tool result: consecutive turns of one
// role are one message.
func (p *adapter) withResults() []bool {
	with := make([]bool, len(p.out.Turns))
	for from := 0; from < len(with); {
		to, found := from, false
		for ; to < len(with) && p.out.Turns[to].Role == p.out.Turns[from].Role; to++ {
			found = found || slices.ContainsFunc(p.out.Turns[to].Blocks, func(b llm.Block) bool { return b.Kind == llm.BlockToolResult })
		}
		for ; from < to; from++ {
			with[from] = found
		}
	}
	return with
}

// behindReasoning reports whether a point directly follows reasoning, which AWS refuses: "Cache
// point cannot be inserted after reasoning block" (public reports).
func (p *adapter) behindReasoning(at *point) bool {
	blocks := p.out.Turns[at.turn].Blocks
	for i := at.block - 1; i >= 0; i-- {
		switch blocks[i].Kind {
		case llm.BlockCachePoint:
		case llm.BlockReasoning, llm.BlockRedacted:
			return true
		default:
			return false
		}
	}
	return false
}

// most keeps at most four points.
func (p *adapter) most(points []point) {
	count := 0
	for i := range points {
		if points[i].keep {
			count++
		}
	}
	if count <= maxPoints {
		return
	}
	chosen, left := make([]bool, len(points)), maxPoints
	last := func(in func(point) bool, n int) {
		for i := len(points) - 1; i >= 0 && n > 0 && left > 0; i-- {
			if points[i].keep && in(points[i]) && !chosen[i] {
				chosen[i] = true
				n--
				left--
			}
		}
	}
	tool := func(pt point) bool { return pt.tool >= 0 }
	system := func(pt point) bool { return pt.tool < 0 && pt.turn < 0 }
	seen := func(pt point) bool { return pt.turn >= 0 }
	last(seen, 1)
	last(system, 1)
	last(tool, 1)
	for _, in := range []func(point) bool{seen, system, tool} {
		last(in, len(points))
	}
	for i := range points {
		points[i].keep = points[i].keep && chosen[i]
	}
	p.warn(llm.WarnDropped, p.name(llm.FieldCache), strconv.Itoa(count)+" cache points; "+p.model.host+" accepts at most "+strconv.Itoa(maxPoints))
}

// times adapts the times to live.
func (p *adapter) times(points []point) {
	plain := p.model.facts != nil && p.model.facts.Cache.OneHour != catalog.Yes && p.model.facts.Cache.Supported != catalog.Unknown
	short := false
	for i := range points {
		pt := &points[i]
		if !pt.keep {
			continue
		}
		if ttl := pt.cache.TTL; ttl != "" && ttl != "5m" && ttl != "1h" { // CacheTTL in AWS's service model
			p.warn(llm.WarnChanged, p.named(llm.Field{Kind: llm.FieldCache, Name: "ttl"}), "set to 5m: "+p.model.host+" supports 5m and 1h")
			pt.cache.TTL = ""
		}
		if plain && pt.cache.TTL != "" {
			if pt.cache.TTL != "5m" { // which is the default
				p.warn(llm.WarnChanged, p.named(llm.Field{Kind: llm.FieldCache, Name: "ttl"}), "set to 5m: this model supports no other time")
			}
			pt.cache.TTL = ""
		}
		if pt.cache.TTL == "1h" && short {
			pt.cache.TTL = ""
			p.warn(llm.WarnChanged, p.named(llm.Field{Kind: llm.FieldCache, Name: "ttl"}), "set to 5m, because an earlier cache point has 5m")
		}
		short = short || pt.cache.TTL != "1h"
	}
}

// keep writes the points back.
func (p *adapter) keep(points []point) {
	type position struct{ tool, turn, block int }
	all := map[position]*llm.CachePoint{}
	for _, pt := range points {
		if pt.keep {
			all[position{pt.tool, pt.turn, pt.block}] = pt.cache
		}
	}
	kept := func(tool, turn, block int) *llm.CachePoint { return all[position{tool, turn, block}] }
	p.out.Tools = slices.Clone(p.out.Tools)
	for i := range p.out.Tools {
		if p.out.Tools[i].Cache != nil {
			p.out.Tools[i].Cache = kept(i, -1, 0)
		}
	}
	write := func(turn int, blocks []llm.Block) []llm.Block {
		out := make([]llm.Block, 0, len(blocks))
		for j, b := range blocks {
			if b.Kind == llm.BlockCachePoint {
				if b.Cache = kept(-1, turn, j); b.Cache == nil {
					continue
				}
			}
			out = append(out, b)
		}
		return out
	}
	p.out.System = write(-1, p.out.System)
	p.rewrite(func(i int, t llm.Turn) []llm.Block { return write(i, t.Blocks) })
}
