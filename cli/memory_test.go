package cli

import (
	"runtime/debug"
	"testing"
)

func TestGOGCOfTheEnvironmentGoesBeforeTheServersOwn(t *testing.T) {
	before := debug.SetGCPercent(100)
	defer debug.SetGCPercent(before)
	if kept := tuneCollector(func(string) (string, bool) { return "100", true }); kept != nil || debug.SetGCPercent(100) != 100 {
		t.Error("GOGC was set and did not hold")
	}
	if kept := tuneCollector(func(string) (string, bool) { return "", false }); len(kept) != ballast || debug.SetGCPercent(100) != gcPercent {
		t.Error("without GOGC the server's own setting does not hold")
	}
}
