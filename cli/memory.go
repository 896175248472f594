package cli

import (
	"runtime/debug"
	gometrics "runtime/metrics"

	"outcrop/internal/memlimit"
)

// A garbage collection starts when the heap has grown by gcPercent of the live heap plus
// the ballast. The live heap of a gateway is a few megabytes. With Go's default
// (GOGC=100, at least 4 MB) it would be collected every few hundred calls, which is a
// tenth of the processor time of a call (docs/benchmarks.md). With the ballast it can
// grow by 16 MB first; with many open streams, the lower percentage limits garbage to two
// fifths of the live heap.
//
// What a large configuration holds is different: each collection marks it again, which for
// ten thousand deployments takes tens of milliseconds. For each byte of it over usualHeap,
// the heap may grow by three more (pace), up to maxPercent of all.
//
// No other setting of Go has this effect: a higher GOGC wastes memory when the live heap
// is large, and a memory limit alone (GOGC=off) lets garbage grow up to the limit, which
// is the container's memory here.
const (
	gcPercent  = 40
	maxPercent = 150
	ballast    = 40 << 20 // bytes
	usualHeap  = 8 << 20  // bytes
)

// limitShare is Go's memory limit in percent of the memory granted to the process. Near
// the limit Go collects more often. The rest is for memory that Go does not count: the
// program itself, system stacks, and socket buffers that count for the container.
const limitShare = 90

// collector is what Outcrop sets of Go's garbage collector. Keep it reachable for as long as
// the settings should apply: the ballast is memory that is never touched, so no page of it is
// resident, although it counts as heap in Go's metrics.
type collector struct {
	ballast []byte // nil if GOGC is set
}

// tuneCollector sets the frequency of garbage collections, unless GOGC is set, and the
// memory limit of Go's runtime, unless GOMEMLIMIT is set. granted is the memory that the
// process may use, in bytes; 0 if it is unknown.
func tuneCollector(lookupEnv func(string) (string, bool), granted int64) *collector {
	if _, ok := lookupEnv("GOMEMLIMIT"); !ok && granted > 0 {
		debug.SetMemoryLimit(granted/100*limitShare + ballast) // the ballast counts as heap, but is not resident
	}
	if _, ok := lookupEnv("GOGC"); ok {
		return &collector{}
	}
	debug.SetGCPercent(gcPercent)
	return &collector{untouched(make([]byte, ballast))}
}

// settle sets the frequency of garbage collections by what was live at the last one, which
// is what the configuration holds.
func (c *collector) settle() {
	if c.ballast == nil {
		return
	}
	live := [...]gometrics.Sample{{Name: "/gc/heap/live:bytes"}}
	gometrics.Read(live[:])
	debug.SetGCPercent(pace(int64(live[0].Value.Uint64()) - ballast))
}

// pace returns the percentage of the heap, with its ballast, by which it may grow, if held
// bytes of it stay.
func pace(held int64) int {
	more := max(0, held-usualHeap)
	return int(min(maxPercent, gcPercent+300*more/(max(0, held)+ballast)))
}

// granted returns the memory that this process may use, in bytes; 0 if it is unknown.
func granted() int64 {
	n, _ := memlimit.Process()
	return n
}
