package cli

import "runtime/debug"

// The collector runs when the heap has grown by gcPercent of what was found alive
// and of the ballast. A gateway's live heap is a few megabytes, and by Go's
// default (GOGC=100, at least 4 MB) it would be collected every few hundred
// calls, which is a tenth of what a call costs (docs/benchmarks.md). With the
// ballast it may grow by 8 MB first; with many open streams the lower percentage
// keeps the garbage at half of what is alive.
const (
	gcPercent = 50
	ballast   = 16 << 20 // bytes
)

// tuneCollector sets how often memory is collected, unless the environment says
// it with GOGC. What it gives is to be kept alive for as long as that shall hold:
// memory that is never touched, so that no page of it is resident, though it
// counts as heap in Go's own metrics.
func tuneCollector(lookupEnv func(string) (string, bool)) []byte {
	if _, ok := lookupEnv("GOGC"); ok {
		return nil
	}
	debug.SetGCPercent(gcPercent)
	return make([]byte, ballast)
}
