package app

import (
	"os"
	"strconv"
	"strings"
	"testing"
)

// residentFiles is how much memory of files the process has mapped, in KB.
func residentFiles(t *testing.T) int {
	t.Helper()
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(status), "RssFile:")
	n, err := strconv.Atoi(strings.Fields(rest)[0])
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func TestTheImageIsReturned(t *testing.T) {
	before := residentFiles(t)
	returnImage()
	if after := residentFiles(t); after > before*3/4 {
		t.Errorf("%d KB of files were resident, then %d KB", before, after)
	}
}

func TestOnlyWhatCannotBeWrittenIsReturned(t *testing.T) {
	const self = "/usr/local/bin/outcrop"
	for line, want := range map[string]uintptr{
		"00400000-00d5e000 r-xp 00000000 08:01 1234                       /usr/local/bin/outcrop":         0x95e000,
		"00d5e000-01a00000 r--p 0095e000 08:01 1234                       /usr/local/bin/outcrop":         0xca2000,
		"01a00000-01a80000 rw-p 01600000 08:01 1234                       /usr/local/bin/outcrop":         0,
		"7f0000000000-7f0000021000 r--p 00000000 08:01 99                 /usr/lib/x86_64-linux-gnu/libc": 0,
		"c000000000-c004000000 rw-p 00000000 00:00 0":                                                     0,
		"7ffc1000-7ffc0000 r--p 00000000 08:01 1234 /usr/local/bin/outcrop":                               0,
		"zz-7ffc0000 r--p 00000000 08:01 1234 /usr/local/bin/outcrop":                                     0,
		"": 0,
	} {
		_, length, ok := ownMapping(line, self)
		if ok != (want > 0) || length != want {
			t.Errorf("%q: %x, %v, want %x", line, length, ok, want)
		}
	}
}
