package processors

import (
	"context"
	"runtime"
	"testing"
	"testing/synctest"
	"time"
)

// looks returns the number of processors after each look, when so many were busy.
func looks(c *count, busy ...float64) []int {
	var n []int
	for _, b := range busy {
		n = append(n, c.look(time.Duration(b*float64(interval)), interval))
	}
	return n
}

// steady is a share that is busy for as many looks as a window has.
func steady(busy float64) []float64 {
	s := make([]float64, window/interval)
	for i := range s {
		s[i] = busy
	}
	return s
}

func TestProcessorsFollowTheWork(t *testing.T) {
	for _, tt := range []struct {
		name      string
		now, most int
		busy      []float64
		want      int
	}{
		{"no work needs one", 16, 16, steady(0), 1},
		{"a little work needs one", 16, 16, steady(0.5), 1},
		{"fewer are enough after a window only", 16, 16, steady(0.5)[1:], 16},
		{"as many as were busy", 16, 16, steady(4), 5},
		{"a short moment does not keep them", 2, 16, append(steady(0.1)[1:], 1.7), 1},
		{"but brings more if it needs all", 2, 16, append(steady(0.1)[1:], 1.9), 4},
		{"one that is busy is too few", 1, 16, []float64{0.95}, 2},
		{"twice as many at each look", 1, 16, []float64{1, 2, 4, 8}, 16},
		{"no more than there are", 2, 3, []float64{2, 3, 3}, 3},
		{"one that is nearly busy is enough", 1, 2, append(steady(0.85), steady(0.85)...), 1},
		{"two that are as busy as one can be remain", 2, 2, steady(0.95), 2},
		{"time of more processors than there are", 1, 2, []float64{7}, 2},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got := looks(&count{now: tt.now, most: tt.most}, tt.busy...)
			if last := got[len(got)-1]; last != tt.want {
				t.Errorf("%d processors, want %d (%v)", last, tt.want, got)
			}
		})
	}
}

func TestALookWithoutTimeChangesNothing(t *testing.T) {
	c := count{now: 2, most: 4}
	if n := c.look(time.Second, 0); n != 2 {
		t.Errorf("%d processors, want 2", n)
	}
}

func TestTheNumberIsRestoredAtTheEnd(t *testing.T) {
	before := runtime.GOMAXPROCS(4)
	defer runtime.GOMAXPROCS(before)
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan struct{})
		go func() {
			defer close(done)
			Follow(ctx, func(string) (string, bool) { return "", false })
		}()
		time.Sleep(2 * window) // of the bubble's clock, in which nearly no processor time is used
		synctest.Wait()
		if n := runtime.GOMAXPROCS(0); n != 1 {
			t.Errorf("%d processors without work, want 1", n)
		}
		cancel()
		<-done
		if n := runtime.GOMAXPROCS(0); n != 4 {
			t.Errorf("%d processors at the end, want the 4 of before", n)
		}
	})
}

func TestANumberInTheEnvironmentIsKept(t *testing.T) {
	before := runtime.GOMAXPROCS(4)
	defer runtime.GOMAXPROCS(before)
	Follow(t.Context(), func(name string) (string, bool) { return "4", name == "GOMAXPROCS" }) // returns at once
	if n := runtime.GOMAXPROCS(0); n != 4 {
		t.Errorf("%d processors, want the 4 of the environment", n)
	}
}
