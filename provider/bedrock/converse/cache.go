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

// point is a cache point of a request, with where it stands.
type point struct {
	cache       *llm.CachePoint
	tool        int // in Tools; -1 if it stands elsewhere
	turn, block int // turn is -1 in the system prompt
	keep        bool
}

// cachePoints fits the cache points. They are left out where the model does not
// cache. Of more than four those stay that save most: the last behind the tools, the
// last of the system prompt, and the last ones of the conversation, which hold the
// longest prefixes; what is left goes to the system prompt and the tools, from their
// ends. A time to live that the model does not take is left to be its default, and
// one that is longer than that of a point before becomes the shorter, as AWS wants
// them not to grow.
func (p *adapter) cachePoints() {
	if !p.seen.cache {
		return
	}
	p.behindContent()
	points := p.points()
	p.places(points)
	p.most(points)
	p.times(points)
	p.keep(points)
}

// behindContent moves the points with which a list of blocks begins behind the first
// block that one can stand behind, since AWS finds nothing to cache before them ("There
// is nothing available to cache"), and leaves out those that stand behind another.
func (p *adapter) behindContent() {
	if p.model.any(noCache) {
		return // which leaves all of them out
	}
	p.out.System = p.settled(p.out.System, "system")
	p.rewrite(func(i int, t llm.Turn) []llm.Block { return p.settled(t.Blocks, p.message(i)) })
}

// settled is blocks with each cache point behind something, and none behind another.
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
			p.warn(llm.WarnDropped, field+".cache_control", "there is already a cache point at this position")
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
				p.warn(llm.WarnChanged, field+".cache_control", "the cache point was moved after the next block, because there is no content before it")
			}
		}
	}
	if waiting != nil {
		p.warn(llm.WarnDropped, field+".cache_control", "there is no content before the cache point")
	}
	return out
}

// longer is the one of two cache points that lives longer.
func longer(a, b *llm.CachePoint) *llm.CachePoint {
	if b != nil && b.TTL == "1h" {
		return b
	}
	return a
}

// retention keeps the cache for as long as prompt_cache_retention asks: the points that
// say no time live for an hour, which is the longest that AWS knows, and where there is
// none the system prompt is cached.
func (p *adapter) retention() {
	const field = "prompt_cache_retention"
	wish := p.out.CacheRetention
	p.out.CacheRetention = ""
	if wish != "24h" {
		return
	}
	facts := p.model.facts
	if p.model.any(noCache) || facts == nil || facts.Cache.Supported != catalog.Yes || facts.Cache.OneHour != catalog.Yes {
		p.warn(llm.WarnDropped, field, "this model is not known to support a one-hour cache")
		return
	}
	if !p.seen.cache && len(p.out.System) == 0 {
		p.warn(llm.WarnDropped, field, "the request has neither a cache point nor a system prompt to cache")
		return
	}
	p.warn(llm.WarnChanged, field, "set to 1h, the longest time that Bedrock supports")
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

// places leaves out the points that the model does not take, or not there, and those
// that have nothing before them.
func (p *adapter) places(points []point) {
	never := p.model.any(noCache) || p.model.facts != nil && p.model.facts.Cache.Supported == catalog.No
	if never && len(points) > 0 {
		p.warn(llm.WarnDropped, "cache_control", "this model does not support prompt caching")
	}
	var withResults []bool
	if p.model.any(noResultCache) {
		withResults = p.withResults()
	}
	for i := range points {
		at := &points[i]
		switch {
		case never:
			at.keep = false
		case at.tool >= 0 && p.model.any(noToolCache):
			at.keep = false
			p.warn(llm.WarnDropped, p.tool(at.tool)+".cache_control", "this model does not support a cache point after tools")
		case at.turn >= 0 && withResults != nil && withResults[at.turn]:
			at.keep = false
			p.warn(llm.WarnDropped, p.message(at.turn)+".cache_control", "this model does not support a cache point in a message with tool results")
		case at.turn >= 0 && p.behindReasoning(at):
			at.keep = false
			p.warn(llm.WarnDropped, p.message(at.turn)+".cache_control", "Bedrock does not support a cache point right after reasoning")
		}
	}
}

// withResults reports of each turn whether a tool's result stands in its message:
// turns of one role are one message.
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

// behindReasoning reports whether a point stands right behind reasoning, where AWS
// takes none: "Cache point cannot be inserted after reasoning block" (public
// reports).
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

// most leaves at most four points.
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
	p.warn(llm.WarnDropped, "cache_control", strconv.Itoa(count)+" cache points; Bedrock accepts at most "+strconv.Itoa(maxPoints))
}

// times fits the times to live.
func (p *adapter) times(points []point) {
	plain := p.model.facts != nil && p.model.facts.Cache.OneHour != catalog.Yes && p.model.facts.Cache.Supported != catalog.Unknown
	short := false
	for i := range points {
		pt := &points[i]
		if !pt.keep {
			continue
		}
		if ttl := pt.cache.TTL; ttl != "" && ttl != "5m" && ttl != "1h" { // CacheTTL in AWS's service model
			p.warn(llm.WarnChanged, "cache_control.ttl", "set to 5m: Bedrock supports 5m and 1h")
			pt.cache.TTL = ""
		}
		if plain && pt.cache.TTL != "" {
			if pt.cache.TTL != "5m" { // which is the default
				p.warn(llm.WarnChanged, "cache_control.ttl", "set to 5m: this model supports no other time")
			}
			pt.cache.TTL = ""
		}
		if pt.cache.TTL == "1h" && short {
			pt.cache.TTL = ""
			p.warn(llm.WarnChanged, "cache_control.ttl", "set to 5m, because an earlier cache point has 5m")
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
