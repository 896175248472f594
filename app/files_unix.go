//go:build unix

package app

import "syscall"

// openFiles is how many files the process may have open; 0 for any number. Go's runtime
// has raised the soft limit to the hard one when it is asked for.
func openFiles() int {
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
		return 0
	}
	return int(min(uint64(limit.Cur), 1<<30)) //nolint:unconvert // it is signed on some systems
}
