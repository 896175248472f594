package cache

import (
	"cmp"
	"context"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// Options are what a cache does, and where it keeps answers.
type Options struct {
	Store Store
	// Type is the kind of the store in LiteLLM's words, such as local or redis.
	Type string
	// Remote is whether the store is asked over a network or a disk, so that it may take long or be away.
	Remote bool
	// Timeout bounds a look-up, WriteTimeout a write and every other command; LookUpLimit and WriteLimit if 0.
	Timeout, WriteTimeout time.Duration
	// TTL is how long answers are kept for which the request does not say so; 0 for without an end.
	TTL time.Duration
	// OptIn is whether only requests that ask for the cache use it (mode: default_off).
	OptIn bool
	// Namespace is in front of all keys; empty for none.
	Namespace string
	// MaxItem is the size of the largest answer that is kept, in bytes; MostItem if 0.
	MaxItem int
	// MaxMessages is how many messages a request may have that is looked up; 0 for any number.
	MaxMessages int
	// Doors are the frontends whose calls are kept.
	Doors []string
	// Groups are lists of configured names that share answers.
	Groups [][]string
	// Semantic is how answers to similar questions are found; nil if only identical ones are. Its index is Store, and Remote.
	Semantic *Semantic
	// Report is told what becomes of commands to the store: of look-ups (get) and writes (set), ok, failed, or left out, because
	// the store is left alone for a while or too much waits for it. It may be nil.
	Report func(command, result string)
	Logger *slog.Logger
	// Now is the clock; time.Now if nil.
	Now func() time.Time
}

// Limits that hold where Options do not say otherwise.
const (
	LookUpLimit = 250 * time.Millisecond
	WriteLimit  = 5 * time.Second
	MostItem    = 1 << 20
)

// writers bounds the writes that are under way.
const writers = 64

// Cache keeps answers in a store, and leaves the store alone while it is away. It is safe for concurrent use. A nil Cache
// keeps nothing.
type Cache struct {
	opt    Options
	health health
	// embedding is that of the embedding model
	embedding health
	writing   chan struct{}  // one for each write under way
	under     sync.WaitGroup // writes

	mu      sync.Mutex
	pending map[string]*write  // what is being written
	flights map[string]*Flight // calls whose answers others wait for
	closed  bool
}

// New makes a cache.
func New(opt Options) *Cache {
	opt.Timeout = cmp.Or(opt.Timeout, LookUpLimit)
	opt.WriteTimeout = cmp.Or(opt.WriteTimeout, WriteLimit)
	opt.MaxItem = cmp.Or(opt.MaxItem, MostItem)
	if opt.Now == nil {
		opt.Now = time.Now
	}
	if opt.Report == nil {
		opt.Report = func(string, string) {}
	}
	if opt.Logger == nil {
		opt.Logger = slog.New(slog.DiscardHandler)
	}
	return &Cache{
		opt: opt, health: health{now: opt.Now}, embedding: health{now: opt.Now}, writing: make(chan struct{}, writers),
		pending: map[string]*write{}, flights: map[string]*Flight{},
	}
}

// Tell has a function told what becomes of commands to the store, in place of Options.Report. It is called before the first
// command.
func (c *Cache) Tell(report func(command, result string)) { c.opt.Report = report }

// Type is the kind of the store.
func (c *Cache) Type() string { return c.opt.Type }

// Namespace is in front of the keys of calls that do not set another.
func (c *Cache) Namespace() string { return c.opt.Namespace }

// MaxItem is the size of the largest answer that is kept, in bytes.
func (c *Cache) MaxItem() int { return c.opt.MaxItem }

// TTL is how long answers are kept for which the request does not say so; 0 for without an end.
func (c *Cache) TTL() time.Duration { return c.opt.TTL }

// Serves reports whether calls of a frontend are kept.
func (c *Cache) Serves(door string) bool { return c != nil && slices.Contains(c.opt.Doors, door) }

// Takes reports whether a request may use the cache: with its controls and number of messages.
func (c *Cache) Takes(controls *Controls, messages int) bool {
	if c.opt.MaxMessages > 0 && messages > c.opt.MaxMessages {
		return false
	}
	return !c.opt.OptIn || controls.Use
}

// Group is the name under which the answers of a configured name are kept: its own, or that of those that share them.
func (c *Cache) Group(name string) (group string, shared bool) {
	for _, names := range c.opt.Groups {
		if slices.Contains(names, name) {
			return "\x00" + strings.Join(names, "\x00"), true
		}
	}
	return name, false
}

// Named is a key within a namespace, as LiteLLM's x-litellm-cache-key has it.
func (c *Cache) Named(namespace, key string) string {
	if namespace = cmp.Or(namespace, c.opt.Namespace); namespace != "" {
		return namespace + ":" + key
	}
	return key
}

// Get returns the value of a key; nil if there is none, or if the store is away.
func (c *Cache) Get(ctx context.Context, key string) []byte {
	if !c.opt.Remote {
		value, err := c.opt.Store.Get(ctx, key)
		c.reported(ctx, "get", err)
		return value
	}
	c.mu.Lock()
	var value []byte
	if w := c.pending[key]; w != nil && !w.void {
		value = w.Value
	}
	c.mu.Unlock()
	if value != nil {
		return value
	}
	if !c.health.try() {
		c.opt.Report("get", LeftOut)
		return nil
	}
	own, cancel := context.WithTimeout(ctx, c.opt.Timeout)
	defer cancel()
	value, err := c.opt.Store.Get(own, key)
	c.reported(ctx, "get", err)
	if err != nil {
		return nil
	}
	return value
}

// Late is Get for a caller that leads a flight now, and may have looked before another one had brought the answer. It asks only
// stores that answer at once, so that no call waits twice.
func (c *Cache) Late(ctx context.Context, key string) []byte {
	if c.opt.Remote {
		return nil
	}
	return c.Get(ctx, key)
}

// together bounds the look-ups of one request that are under way.
const together = 16

// GetAll returns the values of several keys, nil for those that have none. An empty key has none.
func (c *Cache) GetAll(ctx context.Context, keys []string) [][]byte {
	values := make([][]byte, len(keys))
	get := func(i int) {
		if keys[i] != "" {
			values[i] = c.Get(ctx, keys[i])
		}
	}
	if !c.opt.Remote || len(keys) == 1 {
		for i := range keys {
			get(i)
		}
		return values
	}
	var all sync.WaitGroup
	var next atomic.Int64
	for range min(together, len(keys)) {
		all.Go(func() {
			for i := next.Add(1) - 1; i < int64(len(keys)); i = next.Add(1) - 1 {
				get(int(i))
			}
		})
	}
	all.Wait()
	return values
}

// What becomes of a command to the store.
const (
	Done    = "ok"
	Failed  = "failed"
	LeftOut = "left_out"
)

// reported tells what became of a command. ctx is the caller's: one that has gone says nothing of the store.
func (c *Cache) reported(ctx context.Context, command string, err error) {
	switch {
	case err == nil:
		c.health.well()
		c.opt.Report(command, Done)
	case ctx.Err() != nil:
		c.health.unknown()
	default:
		c.opt.Report(command, Failed)
		if c.health.failed(err) {
			c.opt.Logger.Warn("the response cache does not answer; calls go on without it", slog.String("type", c.opt.Type), slog.String("error", err.Error()))
		}
	}
}

// Item is a value to keep.
type Item struct {
	Key   string
	Value []byte
	// At is where similar questions find the value; nil for nowhere.
	At *Place
	// Locate returns At if it is nil and not known yet; nil if there is no such place. It is called in the background, and may be nil.
	Locate func(ctx context.Context) *Place
}

// Put keeps values for ttl, or without an end if that is 0. A remote store gets them in the background; until then this cache
// has them.
func (c *Cache) Put(ctx context.Context, ttl time.Duration, items ...Item) {
	if !c.opt.Remote {
		for _, i := range items {
			c.reported(ctx, "set", c.opt.Store.Set(ctx, i.Key, i.Value, ttl))
		}
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return
	}
	if !c.health.usable() {
		c.opt.Report("set", LeftOut)
		return
	}
	select {
	case c.writing <- struct{}{}:
	default:
		c.opt.Report("set", LeftOut)
		return
	}
	writes := make([]*write, len(items))
	for n, i := range items {
		writes[n] = &write{Item: i}
		c.pending[i.Key] = writes[n]
	}
	c.under.Go(func() { c.write(context.WithoutCancel(ctx), ttl, writes) })
}

// write is a value that is being written. It is void if the key was deleted meanwhile.
type write struct {
	Item
	void bool // guarded by Cache.mu
}

func (c *Cache) write(ctx context.Context, ttl time.Duration, writes []*write) {
	for _, w := range writes {
		c.writeOne(ctx, ttl, w)
	}
	<-c.writing
}

func (c *Cache) writeOne(ctx context.Context, ttl time.Duration, w *write) {
	if w.At == nil && w.Locate != nil && c.health.usable() {
		w.At = w.Locate(ctx)
	}
	own, cancel := context.WithTimeout(ctx, c.opt.WriteTimeout)
	defer cancel()
	if c.health.usable() {
		c.reported(ctx, "set", c.set(own, w, ttl))
	}
	c.mu.Lock()
	void := w.void
	if c.pending[w.Key] == w {
		delete(c.pending, w.Key)
	}
	c.mu.Unlock()
	if void {
		_ = c.opt.Store.Delete(own, []string{w.Key}) // a failure has been reported by the write
	}
}

func (c *Cache) set(ctx context.Context, w *write, ttl time.Duration) error {
	if w.At != nil {
		return c.opt.Semantic.Index.SetAt(ctx, w.Key, w.Value, ttl, *w.At)
	}
	return c.opt.Store.Set(ctx, w.Key, w.Value, ttl)
}

// Delete forgets keys.
func (c *Cache) Delete(ctx context.Context, keys []string) error {
	ctx, cancel := context.WithTimeout(ctx, c.opt.WriteTimeout)
	defer cancel()
	c.mu.Lock()
	for _, key := range keys {
		if w := c.pending[key]; w != nil {
			w.void = true
		}
	}
	c.mu.Unlock()
	return c.opt.Store.Delete(ctx, keys)
}

// Flush forgets everything.
func (c *Cache) Flush(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, c.opt.WriteTimeout)
	defer cancel()
	c.mu.Lock()
	for _, w := range c.pending {
		w.void = true
	}
	c.mu.Unlock()
	return c.opt.Store.Flush(ctx)
}

// Ping reports whether the store can be used, and lets calls use it again if it can.
func (c *Cache) Ping(ctx context.Context) error {
	own, cancel := context.WithTimeout(ctx, c.opt.WriteTimeout)
	defer cancel()
	err := c.opt.Store.Ping(own)
	c.reported(ctx, "ping", err)
	return err
}

// Err is why the store was left alone when it was last asked; nil if it answered.
func (c *Cache) Err() error { return c.health.err() }

// Store is where answers are kept.
func (c *Cache) Store() Store { return c.opt.Store }

// Close ends the cache when what is being written is written.
func (c *Cache) Close() error {
	if c == nil {
		return nil
	}
	c.Leave()
	return c.opt.Store.Close()
}

// Leave ends the cache when what is being written is written, and leaves its store open, for another cache that has it.
func (c *Cache) Leave() {
	c.mu.Lock()
	c.closed = true
	c.mu.Unlock()
	c.under.Wait()
}
