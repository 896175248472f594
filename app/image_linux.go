package app

import (
	"bufio"
	"os"
	"strconv"
	"strings"
	"syscall"
)

// maxMappings bounds how much of the list of mappings is read: the program's own come first.
const maxMappings = 64

// returnImage gives back the memory that holds the program's own code and constants. Much of both is
// needed at the start only, such as the data files that are built in, and stays resident for as long as
// the kernel has no better use for it. What is needed again is mapped again from the page cache, which
// takes the kernel less than a microsecond for each 64 KB.
func returnImage() {
	f, err := os.Open("/proc/self/maps")
	if err != nil {
		return
	}
	defer f.Close()
	self, err := os.Readlink("/proc/self/exe")
	if err != nil {
		return
	}
	lines := bufio.NewScanner(f)
	for range maxMappings {
		if !lines.Scan() {
			return
		}
		if start, length, ok := ownMapping(lines.Text(), self); ok {
			_, _, _ = syscall.Syscall(syscall.SYS_MADVISE, start, length, syscall.MADV_DONTNEED) // if it fails, nothing has changed
		}
	}
}

// ownMapping reads a line of /proc/PID/maps, and reports whether it is a part of the program that
// nobody can write to, so that its content is that of the file (proc_pid_maps(5)).
func ownMapping(line, self string) (start, length uintptr, ok bool) {
	fields := strings.Fields(line)
	if len(fields) != 6 || fields[5] != self || fields[1] != "r--p" && fields[1] != "r-xp" {
		return 0, 0, false
	}
	from, to, _ := strings.Cut(fields[0], "-")
	begin, err := strconv.ParseUint(from, 16, strconv.IntSize)
	end, err2 := strconv.ParseUint(to, 16, strconv.IntSize)
	if err != nil || err2 != nil || end <= begin {
		return 0, 0, false
	}
	return uintptr(begin), uintptr(end - begin), true
}
