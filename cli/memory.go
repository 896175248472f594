package cli

import (
	"os"
	"runtime/debug"

	"outcrop/internal/memlimit"
)

// A garbage collection starts when the heap has grown by gcPercent of the live heap plus
// the ballast. The live heap of a gateway is a few megabytes. With Go's default
// (GOGC=100, at least 4 MB) it would be collected every few hundred calls, which is a
// tenth of the processor time of a call (docs/benchmarks.md). With the ballast it can
// grow by 16 MB first; with many open streams, the lower percentage limits garbage to half
// of the live heap.
//
// No other setting of Go has this effect: a higher GOGC wastes memory when the live heap
// is large, and a memory limit alone (GOGC=off) lets garbage grow up to the limit, which
// is the container's memory here.
const (
	gcPercent = 50
	ballast   = 32 << 20 // bytes
)

// limitShare is Go's memory limit in percent of the memory granted to the process. Near
// the limit Go collects more often. The rest is for memory that Go does not count: the
// program itself, system stacks, and socket buffers that count for the container.
const limitShare = 90

// tuneCollector sets the frequency of garbage collections, unless GOGC is set, and the
// memory limit of Go's runtime, unless GOMEMLIMIT is set. granted is the memory that the
// process may use, in bytes; 0 if it is unknown. Keep the result reachable for as long as
// the setting should apply: it is memory that is never touched, so no page of it is
// resident, although it counts as heap in Go's metrics.
func tuneCollector(lookupEnv func(string) (string, bool), granted int64) []byte {
	if _, ok := lookupEnv("GOMEMLIMIT"); !ok && granted > 0 {
		debug.SetMemoryLimit(granted/100*limitShare + ballast) // the ballast counts as heap, but is not resident
	}
	if _, ok := lookupEnv("GOGC"); ok {
		return nil
	}
	debug.SetGCPercent(gcPercent)
	return untouched(make([]byte, ballast))
}

// granted returns the memory that this process may use, in bytes; 0 if it is unknown.
func granted() int64 {
	n, _ := memlimit.Granted(os.DirFS("/"))
	return n
}
