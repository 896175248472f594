package cachetest

import (
	"math"
	"time"

	"outcrop/cache"
)

// RunIndex tests what an index has beside a store. It is empty, and the caller closes it. settle waits until what was written is found.
func RunIndex(t TB, s cache.Index, opt Options, settle func()) {
	t.Helper()
	nearest := func(scope string, v ...float32) cache.Near {
		t.Helper()
		found, ok, err := s.Nearest(t.Context(), cache.Place{Scope: scope, Vector: v})
		if err != nil {
			t.Fatalf("%v", err)
		}
		if ok == (found.Key == "") {
			t.Fatalf("found %+v: %v", found, ok)
		}
		return found
	}
	put := func(key, value, scope string, ttl time.Duration, v ...float32) {
		t.Helper()
		if err := s.SetAt(t.Context(), key, []byte(value), ttl, cache.Place{Scope: scope, Vector: v}); err != nil {
			t.Fatalf("%v", err)
		}
	}
	if found := nearest("s1", 1, 0, 0, 0); found.Key != "" {
		t.Errorf("an empty index has %+v", found)
	}
	put("east", "e\x00\xff", "s1", 0, 1, 0, 0, 0)
	put("ns:north", "n", "s1", time.Hour, 0, 2, 0, 0)
	put("other", "o", "s2", time.Hour, 0.9, 0.1, 0, 0)
	put("short", "s", "s3", time.Second, 1, 0, 0, 0)
	set(t, s, "nowhere", []byte("w"), 0)
	settle()
	for _, tt := range []struct {
		scope, key, value string
		v                 []float32
		similarity        float64
	}{
		{"s1", "east", "e\x00\xff", []float32{3, 0, 0, 0}, 1},
		{"s1", "east", "e\x00\xff", []float32{1, 0.5, 0, 0}, 1 / math.Sqrt(1.25)},
		{"s1", "ns:north", "n", []float32{0.5, 1, 0, 0}, 1 / math.Sqrt(1.25)},
		{"s2", "other", "o", []float32{0, 1, 0, 0}, 0.1 / math.Sqrt(0.82)},
		{"s3", "short", "s", []float32{1, 1, 1, 1}, 0.5},
	} {
		found := nearest(tt.scope, tt.v...)
		if found.Key != tt.key || string(found.Value) != tt.value || math.Abs(found.Similarity-tt.similarity) > 1e-4 {
			t.Errorf("nearest to %v of %s: %+v instead of %+v", tt.v, tt.scope, found, tt)
		}
		if got := get(t, s, tt.key); string(got) != tt.value {
			t.Errorf("%s is %q for Get", tt.key, got)
		}
	}
	if found := nearest("s4", 1, 0, 0, 0); found.Key != "" {
		t.Errorf("a scope without values has %+v", found)
	}
	if got, ok, err := s.Nearest(t.Context(), cache.Place{Scope: "s1", Vector: []float32{1, 0, 0}}); ok || err != nil {
		t.Errorf("a vector of another length finds %+v, %v", got, err)
	}
	opt.Pass(1500 * time.Millisecond)
	if found := nearest("s3", 1, 0, 0, 0); found.Key != "" {
		t.Errorf("a value is found after its time: %+v", found)
	}
	// The same question again, with another answer.
	set(t, s, "east", []byte("again"), 0)
	settle()
	if found := nearest("s1", 1, 0, 0, 0); string(found.Value) != "again" && found.Key != "ns:north" {
		t.Errorf("a value that was replaced is %+v", found)
	}
	if err := s.Delete(t.Context(), []string{"east"}); err != nil {
		t.Fatalf("%v", err)
	}
	settle()
	if found := nearest("s1", 1, 0, 0, 0); found.Key != "ns:north" {
		t.Errorf("after its deletion, the nearest is %+v", found)
	}
	if err := s.Flush(t.Context()); err != nil {
		t.Fatalf("%v", err)
	}
	settle()
	if found := nearest("s1", 0, 1, 0, 0); found.Key != "" {
		t.Errorf("an index that has forgotten everything has %+v", found)
	}
}
