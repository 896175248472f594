package app

import (
	"context"
	"runtime/debug"
	"runtime/metrics"
	"time"
)

// A burst of large requests leaves garbage that Go collects after two minutes and gives
// back to the system in the minutes after that. Containers are ended for memory that they
// hold, so it is given back soon after the burst.
const (
	reclaimPeriod = 5 * time.Second
	reclaimFrom   = 64 << 20 // bytes more than what was left the last time
)

// reclaim watches how much memory the process holds until ctx ends, and gives back what is
// not needed once a burst is over. inFlight is what calls in flight hold.
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

// reclaimer decides when memory is given back.
type reclaimer struct {
	left int64 // what the process held after the last time
	peak int64 // the most in flight since then, as far as it was seen
}

// due reports whether there is much to give back, and no burst that would need it again.
func (r *reclaimer) due(resident, inFlight int64) bool {
	r.peak = max(r.peak, inFlight)
	if resident < r.left+reclaimFrom || inFlight > r.peak/4 {
		return false
	}
	r.peak = inFlight
	return true
}

// resident is how much memory Go's runtime holds of the system, in bytes.
func resident() int64 {
	sample := [...]metrics.Sample{{Name: "/memory/classes/total:bytes"}, {Name: "/memory/classes/heap/released:bytes"}}
	metrics.Read(sample[:])
	return int64(sample[0].Value.Uint64() - sample[1].Value.Uint64())
}
