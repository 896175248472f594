package cache_test

import (
	"testing"
	"time"

	"outcrop/cache"
)

func TestAValueIsThereUntilItsTimeIsOver(t *testing.T) {
	now := time.Date(2026, 11, 30, 12, 0, 0, 0, time.UTC)
	for _, tt := range []struct {
		dated []byte
		after time.Duration
		want  string
	}{
		{cache.Dated([]byte("a\nb"), now, 0), 1000 * time.Hour, "a\nb"},
		{cache.Dated([]byte("a"), now, time.Minute), time.Minute - time.Millisecond, "a"},
		{cache.Dated([]byte("a"), now, time.Minute), time.Minute, ""},
		{[]byte("of somebody else\na"), 0, ""},
		{[]byte("-1\na"), 0, ""},
		{[]byte("0"), 0, ""},
		{nil, 0, ""},
	} {
		if got := cache.Undated(tt.dated, now.Add(tt.after)); string(got) != tt.want {
			t.Errorf("%q after %v: %q, want %q", tt.dated, tt.after, got, tt.want)
		}
	}
}
