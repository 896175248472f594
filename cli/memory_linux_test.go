package cli

import (
	"bytes"
	"os"
	"runtime"
	"strconv"
	"testing"
)

// resident is the memory of this process that is in RAM, in bytes.
func resident(t *testing.T) int {
	t.Helper()
	status, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		t.Fatal(err)
	}
	pages, err := strconv.Atoi(string(bytes.Fields(status)[1]))
	if err != nil {
		t.Fatal(err)
	}
	return pages * os.Getpagesize()
}

func TestTheBallastIsNotResident(t *testing.T) {
	b := make([]byte, ballast)
	for i := range b {
		b[i] = 1 // as after a burst, whose memory Go uses again
	}
	before := resident(t)
	clear(b)
	untouched(b)
	if left := before - resident(t); left < ballast*3/4 {
		t.Errorf("only %d bytes of %d are given back", left, ballast)
	}
	for i := range b {
		if b[i] != 0 {
			t.Fatalf("byte %d is %d", i, b[i])
		}
	}
	runtime.KeepAlive(b)
}
