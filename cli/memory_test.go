package cli

import (
	"runtime"
	"runtime/debug"
	"testing"
)

// keepCollector has what a test sets of the garbage collector set back at its end, and returns the memory limit until then.
func keepCollector(t *testing.T) (limit int64) {
	t.Helper()
	percent, limit := debug.SetGCPercent(100), debug.SetMemoryLimit(-1)
	t.Cleanup(func() {
		debug.SetGCPercent(percent)
		debug.SetMemoryLimit(limit)
	})
	return limit
}

func TestTheEnvironmentGoesBeforeTheServersOwnSettings(t *testing.T) {
	limit := keepCollector(t)
	const grant = 1000 << 20
	for _, tt := range []struct {
		name        string
		set         map[string]string
		granted     int64
		start, then int
		limit       int64
		kept        int
	}{
		{"nothing is set", nil, grant, startPercent, gcPercent, 940 << 20, ballast},
		{"nothing is known", nil, 0, startPercent, gcPercent, limit, ballast},
		{"little", nil, 100 << 20, gcPercent, gcPercent, 130 << 20, ballast},
		{"GOGC", map[string]string{"GOGC": "100"}, grant, 100, 100, 900 << 20, 0},
		{"GOMEMLIMIT", map[string]string{"GOMEMLIMIT": "1GiB"}, grant, startPercent, gcPercent, limit, ballast},
	} {
		t.Run(tt.name, func(t *testing.T) {
			runtime.GC() // what was live before is not what this process holds
			debug.SetGCPercent(100)
			debug.SetMemoryLimit(limit)
			kept := tuneCollector(func(name string) (string, bool) { v, ok := tt.set[name]; return v, ok }, tt.granted)
			start := debug.SetGCPercent(100)
			debug.SetGCPercent(start)
			kept.settle()
			if then := debug.SetGCPercent(100); start != tt.start || then != tt.then {
				t.Errorf("GOGC is %d and then %d, want %d and %d", start, then, tt.start, tt.then)
			}
			if got := debug.SetMemoryLimit(-1); got/(1<<20) != tt.limit/(1<<20) {
				t.Errorf("the memory limit is %d, want %d", got, tt.limit)
			}
			if len(kept.ballast) != tt.kept {
				t.Errorf("%d bytes of ballast, want %d", len(kept.ballast), tt.kept)
			}
		})
	}
}

func TestALargeConfigurationIsMarkedLessOften(t *testing.T) {
	for _, tt := range []struct {
		held int64
		want int
	}{
		{0, gcPercent},
		{4 << 20, gcPercent},
		{usualHeap, gcPercent},
		{16 << 20, 82},  // 46 MB may be added
		{28 << 20, 128}, // 87 MB may be added
		{1 << 30, maxPercent},
		{-1 << 20, gcPercent}, // no collection has counted the ballast yet
	} {
		if got := pace(tt.held); got != tt.want {
			t.Errorf("%d MB held: GOGC is %d, want %d", tt.held>>20, got, tt.want)
		}
	}
}

func TestThePaceFollowsWhatIsLive(t *testing.T) {
	keepCollector(t)
	gc := tuneCollector(func(string) (string, bool) { return "", false }, 0)
	configuration := make([]byte, 200<<20) // which brings a collection, and with it the end of the start
	runtime.GC()
	gc.settle()
	runtime.KeepAlive(configuration)
	if got := debug.SetGCPercent(100); got != maxPercent {
		t.Errorf("GOGC is %d with a large configuration, want %d", got, maxPercent)
	}
	fixed := tuneCollector(func(name string) (string, bool) { return "70", name == "GOGC" }, 0)
	debug.SetGCPercent(70)
	fixed.settle()
	if got := debug.SetGCPercent(100); got != 70 {
		t.Errorf("GOGC is %d, want that of the environment", got)
	}
	runtime.KeepAlive(gc)
}

// TestTheFirstCollectionEndsTheStart has what a start with a large configuration does. The settings are made by another goroutine.
func TestTheFirstCollectionEndsTheStart(t *testing.T) {
	keepCollector(t)
	gc := tuneCollector(func(string) (string, bool) { return "", false }, 0)
	held := func() int {
		gc.mu.Lock()
		defer gc.mu.Unlock()
		return len(gc.ballast)
	}
	if held() != 0 {
		t.Fatal("there is ballast before the first collection")
	}
	for held() == 0 && t.Context().Err() == nil {
		runtime.GC()
		runtime.Gosched()
	}
	gc.mu.Lock()
	defer gc.mu.Unlock()
	if got := debug.SetGCPercent(100); got != gcPercent {
		t.Errorf("GOGC is %d, want %d", got, gcPercent)
	}
}
