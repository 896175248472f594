//go:build unix

package processors

import (
	"syscall"
	"time"
)

// cpuTime returns the user and system time of this process so far, and whether it is known.
func cpuTime() (time.Duration, bool) {
	var u syscall.Rusage
	if syscall.Getrusage(syscall.RUSAGE_SELF, &u) != nil {
		return 0, false
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano()), true
}
