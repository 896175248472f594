package app

import (
	"context"
	"runtime"
	"runtime/debug"
	"runtime/metrics"
	"time"
)

// A burst of large requests leaves garbage that Go collects after two minutes and returns to the
// system in the minutes after that. Containers may be killed for the memory that they hold, so it
// is returned soon after the burst.
const (
	reclaimPeriod = 5 * time.Second
	reclaimFrom   = 64 << 20 // bytes more than what was left the last time
	reclaimSpare  = 8 << 20  // bytes that are held for nothing while hardly anything is allocated

	// When what only the start needed is returned: a first request that waited for the gateway is served before, and so
	// does not bring the code back.
	afterStart = 4 * time.Millisecond

	// When the code that only the rest of the start and its checks run is returned: they take a few milliseconds, or up to about a
	// second with a slow network.
	firstCheck = 20 * time.Millisecond
	someChecks = 200 * time.Millisecond
	lastCheck  = time.Second
)

// reclaim monitors the memory that the process holds until ctx ends, and returns unneeded memory to
// the system after a burst.
func (a *App) reclaim(ctx context.Context) {
	settled := a.opt.Settled
	if settled == nil {
		settled = func() {}
	}
	tick := time.NewTicker(reclaimPeriod)
	defer tick.Stop()
	step := time.NewTimer(afterStart)
	defer step.Stop()
	select {
	case <-ctx.Done():
		return
	case <-step.C:
	}
	giveBack() // what only the start needed
	settled()
	m := readMemory()
	r := reclaimer{left: m.resident, allocated: m.allocated}
	steps := []time.Duration{firstCheck - afterStart, someChecks - firstCheck, lastCheck - someChecks}
	step.Reset(steps[0])
	for {
		select {
		case <-ctx.Done():
			return
		case <-step.C:
			returnImage()
			if steps = steps[1:]; len(steps) > 0 {
				step.Reset(steps[0])
			}
		case <-a.reloaded:
			runtime.GC() // the configuration before
			settled()
		case <-tick.C:
			if r.due(readMemory(), a.client.InFlight().Taken) {
				giveBack()
				r.left = readMemory().resident
			}
		}
	}
}

// giveBack returns the memory that is not needed.
func giveBack() {
	debug.FreeOSMemory()
	returnImage()
}

// reclaimer decides when to return memory.
type reclaimer struct {
	left      int64 // what the process held after the last time
	peak      int64 // the most in flight since then, as far as it was seen
	allocated int64 // memory.allocated when due was last asked
}

// due reports whether there is much to give back, and no burst that would need it again:
// a burst is over, or calls are in flight that allocate next to nothing, such as streams
// whose clients do not read.
func (r *reclaimer) due(m memory, inFlight int64) bool {
	r.peak = max(r.peak, inFlight)
	allocated := m.allocated - r.allocated
	r.allocated = m.allocated
	over := m.resident >= r.left+reclaimFrom && inFlight <= r.peak/4
	quiet := m.spare >= reclaimSpare && allocated <= m.spare/4
	if !over && !quiet {
		return false
	}
	r.peak = inFlight
	return true
}

// memory is what Go's runtime holds, in bytes.
type memory struct {
	resident  int64 // of the system
	spare     int64 // of that, what is free or garbage
	allocated int64 // all that was ever allocated on the heap
}

func readMemory() memory {
	sample := [...]metrics.Sample{
		{Name: "/memory/classes/total:bytes"},
		{Name: "/memory/classes/heap/released:bytes"},
		{Name: "/memory/classes/heap/free:bytes"},
		{Name: "/memory/classes/heap/objects:bytes"},
		{Name: "/gc/heap/live:bytes"},
		{Name: "/gc/heap/allocs:bytes"},
	}
	metrics.Read(sample[:])
	of := func(i int) int64 { return int64(sample[i].Value.Uint64()) }
	return memory{resident: of(0) - of(1), spare: of(2) + max(0, of(3)-of(4)), allocated: of(5)}
}
