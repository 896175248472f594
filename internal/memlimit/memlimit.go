// Package memlimit finds out how much memory this process may use: the limit of its cgroup or the
// machine's memory.
package memlimit

import (
	"io/fs"
	"os"
	"path"
	"strconv"
	"strings"
	"sync"
)

// Process returns what Granted says of this process, which it reads once.
func Process() (n int64, known bool) { return process() }

var process = sync.OnceValues(func() (int64, bool) { return Granted(os.DirFS("/")) })

// Granted returns the bytes of memory that the process may use, and whether that is known: the
// lowest limit of its cgroup and the enclosing ones, versions 2 and 1, or the machine's memory if
// that is less. root is the root of the file system, os.DirFS("/"). Only Linux has these files.
//
// Sources: https://docs.kernel.org/admin-guide/cgroup-v2.html (memory.max),
// https://docs.kernel.org/admin-guide/cgroup-v1/memory.html (memory.limit_in_bytes),
// proc_pid_cgroup(5), proc_meminfo(5).
func Granted(root fs.FS) (n int64, known bool) {
	least := func(limit int64, ok bool) {
		if ok && limit > 0 && (!known || limit < n) {
			n, known = limit, true
		}
	}
	least(machine(root))
	for line := range strings.Lines(read(root, "proc/self/cgroup")) {
		hierarchy, rest, _ := strings.Cut(strings.TrimSuffix(line, "\n"), ":")
		controllers, group, _ := strings.Cut(rest, ":")
		switch {
		case hierarchy == "0" && controllers == "":
			limits(root, "sys/fs/cgroup", group, "memory.max", least)
		case hasMemory(controllers):
			limits(root, "sys/fs/cgroup/memory", group, "memory.limit_in_bytes", least)
		}
	}
	return n, known
}

// limits reads the limits of a group and the enclosing ones. In a container the path may be that of
// the host, while the container sees only its own group, at the top.
func limits(root fs.FS, top, group, name string, least func(int64, bool)) {
	for group = path.Clean("/" + group); ; group = path.Dir(group) {
		least(number(read(root, path.Join(top, group, name))))
		if group == "/" {
			return
		}
	}
}

func hasMemory(controllers string) bool {
	for c := range strings.SplitSeq(controllers, ",") {
		if c == "memory" {
			return true
		}
	}
	return false
}

// number reads a limit. "max" is no limit, and so is version 1's largest number, which exceeds any
// machine's memory.
func number(s string) (int64, bool) {
	n, err := strconv.ParseInt(strings.TrimSpace(s), 10, 64)
	return n, err == nil
}

// machine is the machine's memory.
func machine(root fs.FS) (int64, bool) {
	for line := range strings.Lines(read(root, "proc/meminfo")) {
		if rest, ok := strings.CutPrefix(line, "MemTotal:"); ok {
			n, ok := number(strings.TrimSuffix(strings.TrimSpace(rest), " kB"))
			return n << 10, ok
		}
	}
	return 0, false
}

// read returns a file's content; empty if it cannot be read.
func read(root fs.FS, name string) string {
	data, err := fs.ReadFile(root, name)
	if err != nil {
		return ""
	}
	return string(data)
}
