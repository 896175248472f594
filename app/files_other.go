//go:build !unix

package app

// openFiles is the limit of open files; 0 for no limit.
func openFiles() int { return 0 }
