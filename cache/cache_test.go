package cache_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"outcrop/cache"
	"outcrop/cache/cachetest"
	"outcrop/llm"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// clock is a clock that the test moves.
type clock struct {
	mu sync.Mutex
	at time.Time
}

func newClock() *clock { return &clock{at: time.Unix(1_700_000_000, 0)} }

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.at
}

func (c *clock) pass(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.at = c.at.Add(d)
}

func TestMemoryIsAStore(t *testing.T) {
	c := newClock()
	cachetest.Run(t, cache.NewMemory(10<<20, 0, c.now), cachetest.Options{Pass: c.pass})
}

// Memory is bounded in bytes and in items, and what was used last stays.
func TestMemoryIsBounded(t *testing.T) {
	for _, tt := range []struct {
		most  int64
		items int
	}{{20_000, 0}, {1 << 30, 10}} {
		m := cache.NewMemory(tt.most, tt.items, nil)
		for i := range 100 {
			if err := m.Set(t.Context(), fmt.Sprint("k", i), make([]byte, 1000), 0); err != nil {
				t.Fatal(err)
			}
			if v, _ := m.Get(t.Context(), "k0"); v == nil {
				t.Fatalf("after %d others, what is used is gone", i)
			}
		}
		used, items := m.Used()
		if used > tt.most || tt.items > 0 && items != tt.items || items < 10 {
			t.Errorf("%d items in %d bytes, of %d and %d", items, used, tt.items, tt.most)
		}
		if v, _ := m.Get(t.Context(), "k50"); v != nil {
			t.Error("what was not used is there")
		}
		if err := m.Set(t.Context(), "k0", make([]byte, tt.most), 0); err != nil {
			t.Fatal(err)
		}
		if v, _ := m.Get(t.Context(), "k0"); v != nil && tt.items == 0 {
			t.Error("a value larger than the memory is kept, or the one before it")
		}
	}
}

func TestAnAnswerIsReadAsItWasKept(t *testing.T) {
	full := &cache.Answer{
		Made: time.UnixMilli(1_700_000_000_123), Model: "m", Deployment: "d", Destination: llm.Destination{Provider: "p", API: "a", Region: "r", ID: "i", Note: "n", Reason: "why"},
		Stop: "stop", Input: 1, Output: 1 << 40, Read: 3, Write: -4, Cost: 5, Warnings: []llm.Warning{{Code: "dropped", Field: "a", Detail: "b"}, {}}, Body: []byte("body\x00\xff"),
	}
	for _, a := range []*cache.Answer{full, {Made: time.UnixMilli(0), Body: []byte{}}} {
		data := a.Append(nil)
		got, ok := cache.Parse(data)
		if diff := cmp.Diff(a, got); !ok || diff != "" {
			t.Errorf("%v\n%s", ok, diff)
		}
		for n := range len(data) - len(a.Body) {
			if got, ok := cache.Parse(data[:n]); ok {
				t.Fatalf("%d of %d bytes are an answer: %v", n, len(data), got)
			}
		}
	}
	if _, ok := cache.Parse([]byte(`{"timestamp": 1, "response": "of LiteLLM"}`)); ok {
		t.Error("what another program has kept is an answer")
	}
	if age := full.Age(full.Made.Add(-time.Hour)); age != 0 {
		t.Errorf("an answer of a clock that is ahead is %v old", age)
	}
}

func FuzzParse(f *testing.F) {
	f.Add((&cache.Answer{Model: "m", Warnings: []llm.Warning{{Code: "c"}}, Body: []byte("b")}).Append(nil))
	f.Fuzz(func(t *testing.T, data []byte) {
		a, ok := cache.Parse(data)
		if !ok {
			return
		}
		again, ok := cache.Parse(a.Append(nil))
		if diff := cmp.Diff(a, again); !ok || diff != "" {
			t.Errorf("%v\n%s", ok, diff)
		}
	})
}

func TestAVectorIsReadAsItWasKept(t *testing.T) {
	for _, v := range []llm.Vector{
		{}, {Float: []float64{1, -0.1, 1e300}}, {Others: []llm.Quantized{{Type: llm.VectorInt8, Values: []int16{-128, 0, 255}}, {Type: llm.VectorBinary, Values: []int16{1}}}},
	} {
		data := cache.AppendVector(nil, &v)
		got, ok := cache.ParseVector(data)
		if diff := cmp.Diff(v, got); !ok || diff != "" {
			t.Errorf("%v\n%s", ok, diff)
		}
		if len(data) > 1 {
			if _, ok := cache.ParseVector(data[:len(data)-1]); ok {
				t.Error("a vector that is cut is one")
			}
		}
	}
	if _, ok := cache.ParseVector(nil); ok {
		t.Error("nothing is a vector")
	}
}

// remote is a store that can be slow or away.
type remote struct {
	*cache.Memory

	mu    sync.Mutex
	fails error
	hold  chan struct{} // nil if writes take no time
	asked int
}

func (r *remote) state() (hold chan struct{}, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.asked++
	return r.hold, r.fails
}

func (r *remote) Get(ctx context.Context, key string) ([]byte, error) {
	if _, err := r.state(); err != nil {
		return nil, err
	}
	return r.Memory.Get(ctx, key)
}

func (r *remote) Set(ctx context.Context, key string, value []byte, ttl time.Duration) error {
	hold, err := r.state()
	if hold != nil {
		select {
		case <-hold:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	if err != nil {
		return err
	}
	return r.Memory.Set(ctx, key, value, ttl)
}

func (r *remote) Ping(context.Context) error {
	_, err := r.state()
	return err
}

func (r *remote) set(fails error, hold chan struct{}) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.fails, r.hold = fails, hold
}

func (r *remote) times() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.asked
}

// reports counts what becomes of commands.
type reports struct {
	mu  sync.Mutex
	got map[string]int
}

func (r *reports) add(command, result string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.got == nil {
		r.got = map[string]int{}
	}
	r.got[command+" "+result]++
}

func (r *reports) of(what string) int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.got[what]
}

func open(t *testing.T, opt cache.Options) *cache.Cache {
	t.Helper()
	c := cache.New(opt)
	t.Cleanup(func() {
		if err := c.Close(); err != nil {
			t.Error(err)
		}
	})
	return c
}

// A store that is away is left alone for longer and longer times, and one command at a time tries it.
func TestAStoreThatIsAwayIsLeftAlone(t *testing.T) {
	c, r, told := newClock(), &remote{Memory: cache.NewMemory(1<<20, 0, nil)}, &reports{}
	answers := open(t, cache.Options{Store: r, Remote: true, Now: c.now, Report: told.add})
	r.set(errors.New("away"), nil)
	for _, pause := range []time.Duration{time.Second, 2 * time.Second, 4 * time.Second, 8 * time.Second, 16 * time.Second, 30 * time.Second, 30 * time.Second} {
		before := r.times()
		for range 10 {
			if v := answers.Get(t.Context(), "k"); v != nil {
				t.Fatalf("got %q", v)
			}
		}
		answers.Put(t.Context(), 0, cache.Item{Key: "k", Value: []byte("v")})
		if n := r.times() - before; n != 1 {
			t.Errorf("the store was asked %d times within %v", n, pause)
		}
		c.pass(pause - time.Millisecond)
		if _ = answers.Get(t.Context(), "k"); r.times()-before != 1 {
			t.Errorf("the store was asked again within %v", pause)
		}
		c.pass(time.Millisecond)
	}
	if answers.Err() == nil || told.of("get failed") != 7 || told.of("get left_out") != 70 || told.of("set left_out") != 7 {
		t.Errorf("%v %v", answers.Err(), told.got)
	}
	r.set(nil, nil)
	if err := answers.Ping(t.Context()); err != nil || answers.Err() != nil {
		t.Errorf("%v %v", err, answers.Err())
	}
	answers.Put(t.Context(), 0, cache.Item{Key: "k", Value: []byte("v")})
	if v := answers.Get(t.Context(), "k"); string(v) != "v" {
		t.Errorf("got %q", v)
	}
}

// A caller that has gone says nothing of the store.
func TestACallerThatHasGoneIsNoFailure(t *testing.T) {
	r := &remote{Memory: cache.NewMemory(1<<20, 0, nil)}
	answers := open(t, cache.Options{Store: r, Remote: true})
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	r.set(context.Canceled, nil)
	if v := answers.Get(ctx, "k"); v != nil || answers.Err() != nil {
		t.Errorf("%q %v", v, answers.Err())
	}
}

// What is being written is there already, unless it is deleted; what is too much is left out.
func TestWritesInTheBackground(t *testing.T) {
	hold, told := make(chan struct{}), &reports{}
	r := &remote{Memory: cache.NewMemory(1<<20, 0, nil)}
	r.set(nil, hold)
	answers := open(t, cache.Options{Store: r, Remote: true, Report: told.add, WriteTimeout: time.Minute})
	for i := range 70 {
		answers.Put(t.Context(), 0, cache.Item{Key: fmt.Sprint("k", i), Value: []byte{byte(i)}}, cache.Item{Key: fmt.Sprint("l", i), Value: []byte{byte(i)}})
	}
	if n := told.of("set left_out"); n != 6 {
		t.Errorf("%d writes are left out", n)
	}
	all := answers.GetAll(t.Context(), []string{"k0", "", "l63", "k69", "k1"})
	if diff := cmp.Diff([][]byte{{0}, nil, {63}, nil, {1}}, all); diff != "" {
		t.Error(diff)
	}
	if err := answers.Delete(t.Context(), []string{"k0", "nobody's"}); err != nil {
		t.Fatal(err)
	}
	if v := answers.Get(t.Context(), "k0"); v != nil {
		t.Error("a deleted value is there while it is being written")
	}
	r.set(nil, nil)
	close(hold)
	if err := answers.Close(); err != nil {
		t.Fatal(err)
	}
	for key, want := range map[string][]byte{"k0": nil, "l0": {0}, "k1": {1}, "l63": {63}, "k69": nil} {
		if v, _ := r.Memory.Get(t.Context(), key); !bytes.Equal(v, want) {
			t.Errorf("%s is %v in the store", key, v)
		}
	}
	answers.Put(t.Context(), 0, cache.Item{Key: "late", Value: []byte("v")})
	if v, _ := r.Memory.Get(t.Context(), "late"); v != nil {
		t.Error("a cache that is closed has kept something")
	}
}

func TestFlushForgetsWhatIsBeingWritten(t *testing.T) {
	hold := make(chan struct{})
	r := &remote{Memory: cache.NewMemory(1<<20, 0, nil)}
	r.set(nil, hold)
	answers := open(t, cache.Options{Store: r, Remote: true, WriteTimeout: time.Minute})
	answers.Put(t.Context(), 0, cache.Item{Key: "k", Value: []byte("v")})
	if err := answers.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	close(hold)
	if err := answers.Close(); err != nil {
		t.Fatal(err)
	}
	if v, _ := r.Memory.Get(t.Context(), "k"); v != nil {
		t.Error("what was being written is there after all was forgotten")
	}
}

func TestOneLeadsAndTheOthersWait(t *testing.T) {
	answers := open(t, cache.Options{Store: cache.NewMemory(1<<20, 0, nil)})
	f, leads := answers.Join("k")
	if !leads {
		t.Fatal("nobody leads")
	}
	other, leads := answers.Join("k")
	if leads || other != f {
		t.Fatal("two lead")
	}
	if _, leads := answers.Join("l"); !leads {
		t.Error("another key has the same flight")
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := other.Wait(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	answers.Land("k", f, cache.Outcome{Value: []byte("v")})
	if out, err := other.Wait(t.Context()); string(out.Value) != "v" || out.Gone || err != nil {
		t.Errorf("got %+v %v", out, err)
	}
	f, leads = answers.Join("k")
	if !leads {
		t.Error("a flight that has ended is joined")
	}
	answers.Land("k", f, cache.Outcome{Gone: true})
	if out, _ := f.Wait(t.Context()); out.Value != nil || !out.Gone {
		t.Errorf("got %+v", out)
	}
}

func TestWhatACacheTakes(t *testing.T) {
	var none *cache.Cache
	if none.Serves("chat") || none.Close() != nil {
		t.Error("no cache keeps something")
	}
	c := open(t, cache.Options{Store: cache.NewMemory(1, 0, nil), Type: "local", Doors: []string{"chat"}, Namespace: "ours", MaxMessages: 4, Groups: [][]string{{"a", "b"}}, TTL: time.Hour})
	if !c.Serves("chat") || c.Serves("images") || c.Type() != "local" || c.TTL() != time.Hour || c.MaxItem() != 1<<20 {
		t.Error("the settings are not in force")
	}
	if !c.Takes(&cache.Controls{}, 4) || c.Takes(&cache.Controls{}, 5) {
		t.Error("the number of messages is not in force")
	}
	if c.Named("", "k") != "ours:k" || c.Named("mine", "k") != "mine:k" || c.Namespace() != "ours" {
		t.Error("namespaces are not in force")
	}
	a, shared := c.Group("a")
	b, also := c.Group("b")
	if other, alone := c.Group("c"); !shared || !also || a != b || alone || other != "c" {
		t.Error("groups are not in force")
	}
	optional := open(t, cache.Options{Store: cache.NewMemory(1, 0, nil), OptIn: true})
	if optional.Takes(&cache.Controls{}, 1) || !optional.Takes(&cache.Controls{Use: true}, 100) || optional.Named("", "k") != "k" {
		t.Error("a cache for those who want it is not one")
	}
	if _, ok := optional.Store().(*cache.Memory); !ok {
		t.Error("the store is another")
	}
}
