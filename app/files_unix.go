//go:build unix

package app

import "syscall"

// openFiles is the limit of open files; 0 for no limit. By then Go's runtime has raised the soft
// limit to the hard one.
func openFiles() int {
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
		return 0
	}
	return int(min(uint64(limit.Cur), 1<<30)) //nolint:unconvert // signed on some systems
}
