package main

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"
)

// clockTick is the unit of processor time in /proc, 1/100 s on every Linux that Go
// supports (proc_pid_stat(5), sysconf(_SC_CLK_TCK)).
const clockTick = 10 * time.Millisecond

// stat is the part of /proc/PID/stat that is used.
type stat struct {
	pid, parent int
	cpu         time.Duration
}

// parseStat reads a process's parent, field 4, and the processor time used by it and by
// the children that it has waited for, in user and in system mode, over all threads:
// fields 14 to 17. The kernel counts it exactly and shows it in clock ticks.
func parseStat(text string) (stat, error) {
	behind := strings.LastIndexByte(text, ')') // the name before it may contain anything
	fields := strings.Fields(text[behind+1:])
	if behind < 0 || len(fields) < 15 {
		return stat{}, fmt.Errorf("unexpected /proc/PID/stat: %q", text)
	}
	parent, err := strconv.Atoi(fields[1])
	if err != nil {
		return stat{}, err
	}
	var ticks int64
	for _, f := range fields[11:15] {
		n, err := strconv.ParseInt(f, 10, 64)
		if err != nil {
			return stat{}, err
		}
		ticks += n
	}
	return stat{parent: parent, cpu: time.Duration(ticks) * clockTick}, nil
}

// family reads a process and all its descendants, since a server may delegate its work.
// The process itself is the first.
func family(pid int) ([]stat, error) {
	paths, err := filepath.Glob("/proc/[0-9]*/stat")
	if err != nil {
		return nil, err
	}
	var all []stat
	for _, path := range paths {
		text, err := os.ReadFile(path)
		if err != nil {
			continue // it has ended meanwhile
		}
		s, err := parseStat(string(text))
		if err != nil {
			return nil, err
		}
		if s.pid, err = strconv.Atoi(filepath.Base(filepath.Dir(path))); err != nil {
			return nil, err
		}
		all = append(all, s)
	}
	at := slices.IndexFunc(all, func(s stat) bool { return s.pid == pid })
	if at < 0 {
		return nil, fmt.Errorf("process %d has exited", pid)
	}
	members := []stat{all[at]}
	for i := 0; i < len(members); i++ {
		for _, s := range all {
			if s.parent == members[i].pid {
				members = append(members, s)
			}
		}
	}
	return members, nil
}

// cpu returns the processor time that the process and its family have used.
func (p *process) cpu() (time.Duration, error) {
	members, err := family(p.cmd.Process.Pid)
	var sum time.Duration
	for _, m := range members {
		sum += m.cpu
	}
	return sum, err
}

// peak returns the most memory that the process and its family have had resident, in
// bytes.
func (p *process) peak() (int64, error) { return p.memory("VmHWM:") }

// rss returns the resident memory of the process and its family, in bytes. A page
// shared by two of them counts twice.
func (p *process) rss() (int64, error) { return p.memory("VmRSS:") }

// anonymous returns the resident memory of the process and its family without the pages of files, in bytes. Those are
// the program's own, which the kernel drops and reads again as it likes, and no call's.
func (p *process) anonymous() (int64, error) { return p.memory("RssAnon:") }

// memory sums a line of /proc/PID/status.
func (p *process) memory(name string) (int64, error) {
	members, err := family(p.cmd.Process.Pid)
	if err != nil {
		return 0, err
	}
	var sum int64
	for _, m := range members {
		n, err := memoryOf(m.pid, name)
		if err != nil {
			return 0, err
		}
		sum += n
	}
	return sum, nil
}

// memoryOf returns a line of /proc/PID/status in bytes; 0 for a process that has ended and has
// not been waited for, which has none.
func memoryOf(pid int, name string) (int64, error) {
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0, err
	}
	for line := range strings.Lines(string(status)) {
		if value, ok := strings.CutPrefix(line, name); ok {
			kb, err := strconv.ParseInt(strings.TrimSpace(strings.TrimSuffix(strings.TrimSpace(value), "kB")), 10, 64)
			return kb << 10, err
		}
	}
	return 0, nil
}

// files returns the number of open files and sockets of the process, or of the one of
// its family that has the most, and the number of processes.
func (p *process) files() (most, processes int, err error) {
	members, err := family(p.cmd.Process.Pid)
	if err != nil {
		return 0, 0, err
	}
	for _, m := range members {
		entries, err := os.ReadDir(fmt.Sprintf("/proc/%d/fd", m.pid))
		if err != nil {
			return 0, 0, err
		}
		most = max(most, len(entries))
	}
	return most, len(members), nil
}
