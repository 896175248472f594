// Package processors lets a program run on as few processors as its work needs.
//
// Go uses all processors of a machine. For work that comes in many small pieces, as calls
// do, this is dear: a goroutine that becomes ready wakes another thread, which looks for
// work, takes a piece that the first would have reached a moment later, and does it with
// cold caches. On one processor the pieces simply follow each other. What this saves, and
// what it costs, is in docs/adr/0020-as-many-processors-as-needed.md.
package processors

import (
	"context"
	"math"
	"runtime"
	"time"
)

const (
	interval = 100 * time.Millisecond // between two looks
	window   = time.Second            // for which fewer processors must be enough
	full     = 0.9                    // processors that are busy for this share of the time are too few
)

// Follow sets the number of processors that Go uses (GOMAXPROCS) to what the program
// needs, from one up to the number at the time of the call, which it restores at the end.
// It returns when ctx ends, or at once where there is nothing to decide: if the environment
// has GOMAXPROCS, where there is one processor only, or where the system does not say how
// much processor time the program has used.
func Follow(ctx context.Context, lookupEnv func(string) (string, bool)) {
	_, fixed := lookupEnv("GOMAXPROCS")
	used, known := cpuTime()
	most := runtime.GOMAXPROCS(0)
	if fixed || !known || most == 1 {
		return
	}
	defer runtime.GOMAXPROCS(most)
	c := count{now: most, most: most}
	at, ticker := time.Now(), time.NewTicker(interval)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		u, _ := cpuTime() // it was known before
		t := time.Now()
		runtime.GOMAXPROCS(c.look(u-used, t.Sub(at))) // which does nothing if it is the number at present
		used, at = u, t
	}
}

// count decides how many processors to use.
type count struct {
	now, most int
	used      time.Duration // processor time in the window
	passed    time.Duration // since the window began
}

// look takes the processor time that was used since the last look, and the time that has
// passed since. It returns the number of processors to use from now on: at once twice as
// many if all were busy, and fewer if they would have been enough for a window, on the
// whole. No gap between the two keeps the number steady: the same work takes more time on
// more processors.
func (c *count) look(used, passed time.Duration) int {
	if passed <= 0 {
		return c.now
	}
	c.used += used
	c.passed += passed
	switch {
	case float64(used) >= full*float64(c.now)*float64(passed):
		c.begin(2 * c.now)
	case c.passed >= window:
		c.begin(min(c.now, int(math.Ceil(float64(c.used)/float64(c.passed)/full))))
	}
	return c.now
}

// begin begins a window with n processors, or with the nearest number that is possible.
func (c *count) begin(n int) {
	*c = count{now: min(max(n, 1), c.most), most: c.most}
}
