package second_test

import (
	"sync"
	"testing"
	"time"

	"outcrop/internal/second"
)

func TestWhatIsMadeOfASecondIsMadeOnce(t *testing.T) {
	var o second.Of[string]
	var made int
	text := func(t time.Time) string {
		made++
		return t.Format(time.RFC3339)
	}
	begin := time.Date(2026, 12, 1, 23, 59, 59, 0, time.UTC)
	east := time.FixedZone("", 3600)
	for i, tt := range []struct {
		at   time.Time
		made int
	}{
		{begin, 1},
		{begin.Add(time.Second - 1), 1},
		{begin.In(east), 2}, // the same moment, written in another way
		{begin, 3},
		{begin.Add(time.Second), 4},
		{begin, 5}, // a clock that goes back
		{time.Time{}, 6},
		{time.Unix(0, 0), 7},
	} {
		if got, want := o.At(tt.at, text), tt.at.Format(time.RFC3339); got != want || made != tt.made {
			t.Errorf("%d: got %q, made %d; want %q, made %d", i, got, made, want, tt.made)
		}
	}
}

func TestManyAskForTheTime(t *testing.T) {
	var o second.Of[int64]
	var all sync.WaitGroup
	for range 4 {
		all.Go(func() {
			for i := range int64(1000) {
				if got := o.At(time.Unix(i, 5), time.Time.Unix); got != i {
					t.Errorf("got %d at %d", got, i)
				}
			}
		})
	}
	all.Wait()
}

func BenchmarkDate(b *testing.B) {
	const layout = "20060102T150405Z"
	now := time.Now().UTC()
	b.Run("kept", func(b *testing.B) {
		var o second.Of[string]
		for b.Loop() {
			_ = o.At(now, func(t time.Time) string { return t.Format(layout) })
		}
	})
	b.Run("formatted", func(b *testing.B) {
		for b.Loop() {
			_ = now.Format(layout)
		}
	})
}
