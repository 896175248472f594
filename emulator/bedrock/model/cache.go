package model

import (
	"crypto/sha256"
	"hash"
	"strconv"
	"sync"
	"time"

	"outcrop/emulator/bedrock/catalogue"
	"outcrop/internal/jsonx"
	"outcrop/llm"
)

// segment is a piece of a prompt, in the order in which a model reads it: tools,
// system, turns.
type segment struct {
	digest [sha256.Size]byte
	tokens int64
	point  *llm.CachePoint // a cache point after it
}

// segments divides the prompt.
func segments(req *llm.Request) []segment {
	var all []segment
	add := func(kind string, tokens int64, write func(hash.Hash)) {
		h := sha256.New()
		h.Write([]byte(kind))
		write(h)
		all = append(all, segment{digest: [sha256.Size]byte(h.Sum(nil)), tokens: tokens})
	}
	mark := func(p *llm.CachePoint) {
		if p != nil && len(all) > 0 {
			all[len(all)-1].point = p
		}
	}
	for i := range req.Tools {
		t := &req.Tools[i]
		text := t.Name + "\x00" + t.Description + "\x00" + string(t.Schema)
		if t.Other != nil {
			text = t.Other.Name + "\x00" + string(t.Other.Value)
		}
		add("tool", Tokens(text), func(h hash.Hash) { h.Write([]byte(text)) })
		mark(t.Cache)
	}
	blocks := func(kind string, list []llm.Block) {
		for i := range list {
			b := &list[i]
			if b.Kind == llm.BlockCachePoint {
				mark(b.Cache)
				continue
			}
			add(kind, blockTokens(b), func(h hash.Hash) { writeBlock(h, b) })
		}
	}
	blocks("system", req.System)
	for _, turn := range req.Turns {
		blocks(string(turn.Role), turn.Blocks)
	}
	return all
}

// PromptTokens returns the number of tokens of a prompt, cached or not.
func PromptTokens(req *llm.Request) int64 {
	var n int64
	for _, s := range segments(req) {
		n += s.tokens
	}
	return n
}

// writeBlock hashes what distinguishes one block from another.
func writeBlock(h hash.Hash, b *llm.Block) {
	field := func(s string) {
		h.Write([]byte(strconv.Itoa(len(s)) + ":" + s))
	}
	field(strconv.Itoa(int(b.Kind)))
	field(b.Text)
	field(b.Signature)
	if m := b.Media; m != nil {
		for _, s := range []string{m.Format, m.Base64.String(), m.URI, m.Text, m.Name, m.Context} {
			field(s)
		}
	}
	if t := b.ToolUse; t != nil {
		field(t.ID)
		field(t.Name)
		field(string(t.Input))
	}
	if r := b.ToolResult; r != nil {
		field(r.ID)
		field(r.Status)
		for i := range r.Content {
			field(string(r.Content[i].JSON))
			writeBlock(h, &r.Content[i].Block)
		}
	}
	if b.Other != nil {
		field(b.Other.Name)
		field(string(b.Other.Value))
	}
}

// Tokens of a medium: proportional to its bytes, between two limits.
const (
	mediumLeast        = 85
	mediumMost         = 1600
	mediumBytesPerUnit = 750
)

// blockTokens counts a block.
func blockTokens(b *llm.Block) int64 {
	n := Tokens(b.Text)
	if m := b.Media; m != nil {
		n += Tokens(m.Text) + Tokens(m.Context) + Tokens(m.Name)
		if m.Text == "" {
			n += min(mediumMost, mediumLeast+int64(len(m.Base64.String()))/mediumBytesPerUnit)
		}
	}
	if t := b.ToolUse; t != nil {
		n += Tokens(t.Name) + Tokens(string(t.Input))
	}
	if r := b.ToolResult; r != nil {
		for i := range r.Content {
			n += Tokens(string(r.Content[i].JSON)) + blockTokens(&r.Content[i].Block)
		}
	}
	if b.Other != nil {
		n += Tokens(string(b.Other.Value))
	}
	return n
}

// Times to live of cache entries (Amazon Bedrock user guide, "Prompt caching").
const (
	shortLife = 5 * time.Minute
	longLife  = time.Hour
)

// Cache is the prompt cache of an account.
type Cache struct {
	mu   sync.Mutex
	ends map[[sha256.Size]byte]time.Time
}

// NewCache creates an empty cache.
func NewCache() *Cache { return &Cache{ends: map[[sha256.Size]byte]time.Time{}} }

// checkpoint is a cache point with everything before it.
type checkpoint struct {
	digest [sha256.Size]byte
	tokens int64 // of the whole prefix
	ttl    string
	passed bool // no cache point is here: a stored prefix may end here, but none is stored
}

// lookback is how many blocks before a cache point Claude looks for the end of a stored
// prefix (Amazon Bedrock user guide, "Prompt caching", simplified cache management).
const lookback = 20

// Count counts the prompt of a request in a scope (such as account, region and model)
// at the time now. It stores the prefix before a cache point if that has the model's
// minimum number of tokens. A stored prefix is read instead of counted as input, which
// renews its time to live. Only the members of the usage that concern the input are
// set.
func (c *Cache) Count(info *catalogue.Model, scope string, req *llm.Request, now time.Time) llm.Usage {
	var usage llm.Usage
	var points, passed []checkpoint // passed are the ends of blocks since the last cache point
	h := sha256.New()
	h.Write([]byte(scope))
	var total int64
	for _, s := range segments(req) {
		h.Write(s.digest[:])
		total += s.tokens
		if s.point != nil && info.CacheMinimum > 0 && total >= info.CacheMinimum {
			ttl := s.point.TTL
			if ttl == "" {
				ttl = "5m"
			}
			points = append(points, passed[max(0, len(passed)-lookback):]...)
			points = append(points, checkpoint{digest: [sha256.Size]byte(h.Sum(nil)), tokens: total, ttl: ttl})
			passed = nil
		} else if info.Provider == "Anthropic" {
			passed = append(passed, checkpoint{digest: [sha256.Size]byte(h.Sum(nil)), tokens: total, passed: true})
		}
	}
	usage.Input = max(1, total)
	if info.CacheMinimum == 0 {
		return usage
	}
	read, writes := c.use(points, now)
	var written int64
	for _, w := range writes {
		written += w.Tokens
	}
	usage.Input = max(1, total-read-written)
	usage.CacheRead, usage.CacheWrite = llm.Some(read), llm.Some(written)
	usage.CacheWrites = writes
	// Live answers have both, with names that the service model lacks.
	usage.Extra = []jsonx.Member{
		{Name: "cacheReadInputTokenCount", Value: jsonx.Raw(strconv.FormatInt(read, 10))},
		{Name: "cacheWriteInputTokenCount", Value: jsonx.Raw(strconv.FormatInt(written, 10))},
	}
	return usage
}

// use reads the longest stored prefix, renews it, and stores the longer ones. It
// returns the tokens read, and those written by time to live, the longer first.
func (c *Cache) use(points []checkpoint, now time.Time) (read int64, writes []llm.CacheWrite) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for digest, end := range c.ends {
		if !now.Before(end) {
			delete(c.ends, digest)
		}
	}
	for _, p := range points {
		if _, stored := c.ends[p.digest]; stored {
			read = p.tokens
		}
	}
	behind := read
	byTTL := map[string]int64{}
	for _, p := range points {
		if p.passed {
			continue
		}
		if p.tokens > behind {
			byTTL[p.ttl] += p.tokens - behind
			behind = p.tokens
		}
		life := shortLife
		if p.ttl == "1h" {
			life = longLife
		}
		c.ends[p.digest] = now.Add(life)
	}
	for _, ttl := range []string{"1h", "5m"} {
		if byTTL[ttl] > 0 {
			writes = append(writes, llm.CacheWrite{TTL: ttl, Tokens: byTTL[ttl]})
		}
	}
	return read, writes
}
