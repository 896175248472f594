package cli

import (
	"runtime/debug"
	"testing"
)

func TestTheEnvironmentGoesBeforeTheServersOwnSettings(t *testing.T) {
	percent, limit := debug.SetGCPercent(100), debug.SetMemoryLimit(-1)
	defer func() {
		debug.SetGCPercent(percent)
		debug.SetMemoryLimit(limit)
	}()
	const grant = 1000 << 20
	for _, tt := range []struct {
		name    string
		set     map[string]string
		granted int64
		percent int
		limit   int64
		kept    int
	}{
		{"nothing is set", nil, grant, gcPercent, 932 << 20, ballast},
		{"nothing is known", nil, 0, gcPercent, limit, ballast},
		{"GOGC", map[string]string{"GOGC": "100"}, grant, 100, 932 << 20, 0},
		{"GOMEMLIMIT", map[string]string{"GOMEMLIMIT": "1GiB"}, grant, gcPercent, limit, ballast},
	} {
		t.Run(tt.name, func(t *testing.T) {
			debug.SetGCPercent(100)
			debug.SetMemoryLimit(limit)
			kept := tuneCollector(func(name string) (string, bool) { v, ok := tt.set[name]; return v, ok }, tt.granted)
			if got := debug.SetGCPercent(100); got != tt.percent {
				t.Errorf("GOGC is %d, want %d", got, tt.percent)
			}
			if got := debug.SetMemoryLimit(-1); got/(1<<20) != tt.limit/(1<<20) {
				t.Errorf("the memory limit is %d, want %d", got, tt.limit)
			}
			if len(kept) != tt.kept {
				t.Errorf("%d bytes of ballast, want %d", len(kept), tt.kept)
			}
		})
	}
}
