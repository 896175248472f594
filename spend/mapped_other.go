//go:build !linux

package spend

import "os"

// shared returns f: elsewhere each record is written with a system call.
func shared(f *os.File) file { return f }
