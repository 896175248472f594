package app

import (
	"context"
	"runtime/debug"
	"runtime/metrics"
	"time"
)

// A burst of large requests leaves garbage that Go collects after two minutes and returns to the
// system in the minutes after that. Containers may be killed for the memory that they hold, so it
// is returned soon after the burst.
const (
	reclaimPeriod = 5 * time.Second
	reclaimFrom   = 64 << 20 // bytes above the size after the last time
)

// reclaim monitors the memory that the process holds until ctx ends, and returns unneeded memory to
// the system after a burst. inFlight is the memory of calls in flight.
func reclaim(ctx context.Context, inFlight func() int64) {
	tick := time.NewTicker(reclaimPeriod)
	defer tick.Stop()
	r := reclaimer{left: resident()}
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			if r.due(resident(), inFlight()) {
				debug.FreeOSMemory()
				r.left = resident()
			}
		}
	}
}

// reclaimer decides when to return memory.
type reclaimer struct {
	left int64 // size of the process after the last time
	peak int64 // the largest observed size in flight since then
}

// due reports whether there is much memory to return, and no burst that would need it again.
func (r *reclaimer) due(resident, inFlight int64) bool {
	r.peak = max(r.peak, inFlight)
	if resident < r.left+reclaimFrom || inFlight > r.peak/4 {
		return false
	}
	r.peak = inFlight
	return true
}

// resident is how much memory Go's runtime holds from the system, in bytes.
func resident() int64 {
	sample := [...]metrics.Sample{{Name: "/memory/classes/total:bytes"}, {Name: "/memory/classes/heap/released:bytes"}}
	metrics.Read(sample[:])
	return int64(sample[0].Value.Uint64() - sample[1].Value.Uint64())
}
