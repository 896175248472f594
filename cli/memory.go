package cli

import (
	"os"
	"runtime/debug"

	"outcrop/internal/memlimit"
)

// The collector runs when the heap has grown by gcPercent of what was found alive
// and of the ballast. A gateway's live heap is a few megabytes, and by Go's
// default (GOGC=100, at least 4 MB) it would be collected every few hundred
// calls, which is a tenth of what a call costs (docs/benchmarks.md). With the
// ballast it may grow by 8 MB first; with many open streams the lower percentage
// keeps the garbage at half of what is alive.
//
// Nothing else in Go says the same: a higher GOGC multiplies what is alive when much is,
// and a memory limit alone (GOGC=off) lets garbage grow up to the limit, which is the
// container's memory here.
const (
	gcPercent = 50
	ballast   = 16 << 20 // bytes
)

// limitShare is the part of the memory granted to the process at which Go collects more
// and more to stay below it, in percent. The rest is for what Go does not count: the
// program itself, stacks of the system, and buffers of connections in a container's account.
const limitShare = 90

// tuneCollector sets how often memory is collected, unless the environment says
// it with GOGC, and the memory limit of Go's runtime, unless the environment says it with
// GOMEMLIMIT. granted is what the process may use; 0 if that is not known. What it gives
// is to be kept alive for as long as that shall hold: memory that is never touched, so
// that no page of it is resident, though it counts as heap in Go's own metrics.
func tuneCollector(lookupEnv func(string) (string, bool), granted int64) []byte {
	if _, ok := lookupEnv("GOMEMLIMIT"); !ok && granted > 0 {
		debug.SetMemoryLimit(granted/100*limitShare + ballast) // the ballast counts, and takes nothing
	}
	if _, ok := lookupEnv("GOGC"); ok {
		return nil
	}
	debug.SetGCPercent(gcPercent)
	return make([]byte, ballast)
}

// granted is the memory that this process may use, in bytes; 0 if that is not known.
func granted() int64 {
	n, _ := memlimit.Granted(os.DirFS("/"))
	return n
}
