package cli

import (
	"runtime"
	"runtime/debug"
	gometrics "runtime/metrics"
	"sync"

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

// startPercent is GOGC during the start, which collects nothing as long as the heap has less than ten times Go's minimum of
// 4 MB: a collection would take a tenth of the time of the start (docs/benchmarks.md).
const startPercent = 1000

// leastForStart is the memory, in bytes, without which the start collects as often as what follows.
const leastForStart = 128 << 20

// collector is what Outcrop sets of Go's garbage collector. Keep it reachable for as long as
// the settings should apply: the ballast is memory that is never touched, so no page of it is
// resident, although it counts as heap in Go's metrics.
type collector struct {
	fixed bool  // GOGC is set
	limit int64 // of memory, without the ballast; 0 if GOMEMLIMIT or nothing sets it

	mu      sync.Mutex
	ballast []byte // nil during the start
	since   uint64 // collections before the ballast
}

// tuneCollector sets the frequency of garbage collections during the start, unless GOGC is set, and the
// memory limit of Go's runtime, unless GOMEMLIMIT is set. granted is the memory that the
// process may use, in bytes; 0 if it is unknown. The start is over with settle, or with the first collection, which is one of
// a start that takes much memory.
func tuneCollector(lookupEnv func(string) (string, bool), granted int64) *collector {
	c := &collector{}
	if _, ok := lookupEnv("GOMEMLIMIT"); !ok && granted > 0 {
		c.limit = granted / 100 * limitShare
		debug.SetMemoryLimit(c.limit)
	}
	if _, c.fixed = lookupEnv("GOGC"); c.fixed {
		return c
	}
	if granted > 0 && granted < leastForStart {
		c.begin()
		return c
	}
	debug.SetGCPercent(startPercent)
	runtime.AddCleanup(&sentinel{}, (*collector).begin, c)
	return c
}

// sentinel is an object that the first collection finds unreachable. With a pointer in it, it shares its memory with no other.
type sentinel struct{ _ *byte }

// begin sets the frequency of collections after the start.
func (c *collector) begin() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.ballast != nil {
		return
	}
	if c.limit > 0 {
		debug.SetMemoryLimit(c.limit + ballast) // which counts as heap, but is not resident
	}
	debug.SetGCPercent(gcPercent)
	_, c.since = collected()
	c.ballast = untouched(make([]byte, ballast))
}

// settle sets the frequency of garbage collections by what was live at the last one, which
// is what the configuration holds.
func (c *collector) settle() {
	if c.fixed {
		return
	}
	live, n := collected()
	c.begin()
	c.mu.Lock()
	defer c.mu.Unlock()
	if n > c.since {
		live -= ballast
	}
	debug.SetGCPercent(pace(live))
}

// collected returns how many bytes of the heap were live at the last garbage collection, and how many of those there
// have been.
func collected() (live int64, n uint64) {
	samples := [...]gometrics.Sample{{Name: "/gc/heap/live:bytes"}, {Name: "/gc/cycles/total:gc-cycles"}}
	gometrics.Read(samples[:])
	return int64(samples[0].Value.Uint64()), samples[1].Value.Uint64()
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
