// Package cachetest is the suite that all stores of the response cache pass.
package cachetest

import (
	"bytes"
	"context"
	"fmt"
	"sync"
	"time"

	"outcrop/cache"
)

// TB is what the suite needs of testing.TB.
type TB interface {
	Helper()
	Context() context.Context
	Errorf(format string, args ...any)
	Fatalf(format string, args ...any)
}

// Options are what a store needs to be tested.
type Options struct {
	// Pass lets time pass for the store.
	Pass func(d time.Duration)
	// Another is the store as another replica sees it; nil for one that replicas do not share.
	Another cache.Store
	// Apart is whether the server of the test cannot be asked for one key by several callers at the same time.
	Apart bool
}

// Run tests a store, which is empty. The caller closes it.
func Run(t TB, s cache.Store, opt Options) {
	t.Helper()
	values(t, s, opt.Another)
	times(t, s, opt.Pass)
	forgets(t, s)
	together(t, s, opt.Apart)
}

func get(t TB, s cache.Store, key string) []byte {
	t.Helper()
	value, err := s.Get(t.Context(), key)
	if err != nil {
		t.Fatalf("%s: %v", key, err)
	}
	return value
}

func set(t TB, s cache.Store, key string, value []byte, ttl time.Duration) {
	t.Helper()
	if err := s.Set(t.Context(), key, value, ttl); err != nil {
		t.Fatalf("%s: %v", key, err)
	}
}

// values are kept byte for byte, whatever is in them, under keys as the cache makes them.
func values(t TB, s, another cache.Store) {
	t.Helper()
	if err := s.Ping(t.Context()); err != nil {
		t.Fatalf("%v", err)
	}
	if got := get(t, s, "nothing"); got != nil {
		t.Errorf("an empty store has %q", got)
	}
	all := make([]byte, 256)
	for i := range all {
		all[i] = byte(i)
	}
	for key, value := range map[string][]byte{
		"0123456789abcdef": []byte("a"), "team-a:0123456789abcdef": all, "a:b:c%*?[]~": bytes.Repeat(all, 1000), "long-" + string(bytes.Repeat([]byte("n"), 128)): []byte("\x01"),
	} {
		set(t, s, key, []byte("another"), 0)
		set(t, s, key, value, time.Hour)
		if got := get(t, s, key); !bytes.Equal(got, value) {
			t.Errorf("%s: got %d bytes instead of %d", key, len(got), len(value))
		}
		if another == nil {
			continue
		}
		if got := get(t, another, key); !bytes.Equal(got, value) {
			t.Errorf("%s: another replica has %d bytes instead of %d", key, len(got), len(value))
		}
	}
}

// times end, and a value without one stays.
func times(t TB, s cache.Store, pass func(time.Duration)) {
	t.Helper()
	set(t, s, "short", []byte("a"), time.Second)
	set(t, s, "long", []byte("b"), time.Hour)
	set(t, s, "forever", []byte("c"), 0)
	pass(1500 * time.Millisecond)
	if got := get(t, s, "short"); got != nil {
		t.Errorf("a value is there after its time: %q", got)
	}
	if get(t, s, "long") == nil || get(t, s, "forever") == nil {
		t.Errorf("values are not there within their time")
	}
	set(t, s, "long", []byte("d"), time.Second)
	pass(1500 * time.Millisecond)
	if got := get(t, s, "long"); got != nil {
		t.Errorf("a value has the time of the one before: %q", got)
	}
}

// forgets has the store forget what is named, and everything.
func forgets(t TB, s cache.Store) {
	t.Helper()
	for i := range 5 {
		set(t, s, fmt.Sprint("n", i), []byte("a"), 0)
	}
	if err := s.Delete(t.Context(), []string{"n1", "n3", "nobody's"}); err != nil {
		t.Fatalf("%v", err)
	}
	for i := range 5 {
		if there := get(t, s, fmt.Sprint("n", i)) != nil; there != (i != 1 && i != 3) {
			t.Errorf("n%d: %v", i, there)
		}
	}
	if err := s.Delete(t.Context(), nil); err != nil {
		t.Errorf("%v", err)
	}
	if err := s.Flush(t.Context()); err != nil {
		t.Fatalf("%v", err)
	}
	for _, key := range []string{"n0", "forever", "0123456789abcdef"} {
		if got := get(t, s, key); got != nil {
			t.Errorf("%s is there after all was forgotten", key)
		}
	}
}

// together has several callers read and write the same keys.
func together(t TB, s cache.Store, apart bool) {
	t.Helper()
	var all sync.WaitGroup
	for w := range 4 {
		all.Go(func() {
			for i := range 25 {
				key := fmt.Sprint("t", i%5)
				if apart {
					key += fmt.Sprint(" of ", w)
				}
				value := bytes.Repeat([]byte{byte(w)}, 1000)
				if err := s.Set(t.Context(), key, value, time.Hour); err != nil {
					t.Errorf("%v", err)
				}
				got, err := s.Get(t.Context(), key)
				if err != nil || len(got) != 1000 || bytes.Count(got, got[:1]) != 1000 {
					t.Errorf("%s: a value of %d bytes, %v", key, len(got), err)
				}
			}
		})
	}
	all.Wait()
}
