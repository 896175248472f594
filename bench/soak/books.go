package main

import (
	"bufio"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"
	"sync"

	"outcrop/internal/jsonx"
)

// maxShown is how many faults are printed.
const maxShown = 20

// books records what clients saw and what the gateway logged.
type books struct {
	mu     sync.Mutex
	calls  int
	kinds  map[string]int
	seen   map[string]int // the status expected in the log, by the id of the call
	logged map[string]int // the logged status, by id
	lines  int
	faults []string
}

func newBooks() *books {
	return &books{kinds: map[string]int{}, seen: map[string]int{}, logged: map[string]int{}}
}

func (b *books) faultf(format string, args ...any) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.faults = append(b.faults, fmt.Sprintf(format, args...))
}

// call records a call and the status that its log line should have; 0 for any.
func (b *books) call(k *kind, id string, status int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.calls++
	b.kinds[k.name]++
	if id != "" {
		b.seen[id] = status
	}
}

// read reads the gateway's log to its end.
func (b *books) read(log io.Reader) {
	lines := bufio.NewScanner(log)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		var l struct {
			Msg    string `json:"msg"`
			ID     string `json:"id"`
			Status int    `json:"status"`
		}
		if err := jsonx.Unmarshal(lines.Bytes(), &l); err != nil {
			b.faultf("a line of the log is no JSON: %.200s", lines.Text())
			continue
		}
		if l.Msg != "call" {
			continue
		}
		b.mu.Lock()
		b.lines++
		_, twice := b.logged[l.ID]
		b.logged[l.ID] = l.Status
		b.mu.Unlock()
		if twice {
			b.faultf("call %s is logged twice", l.ID)
		}
	}
	if err := lines.Err(); err != nil {
		b.faultf("the log: %v", err)
	}
}

// check compares calls, log lines and metrics, and returns the differences.
func (b *books) check(metrics string) []string {
	counted := map[int]int{}
	for line := range strings.Lines(metrics) {
		rest, ok := strings.CutPrefix(line, "outcrop_requests_total{")
		if !ok {
			continue
		}
		labels, value, _ := strings.Cut(strings.TrimSpace(rest), "} ")
		_, status, _ := strings.Cut(labels, `status="`)
		status, _, _ = strings.Cut(status, `"`)
		code, err := strconv.Atoi(status)
		n, err2 := strconv.ParseFloat(value, 64)
		if err != nil || err2 != nil {
			b.faultf("the metrics hold %q", line)
		}
		counted[code] += int(n)
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	byStatus := map[int]int{}
	for _, status := range b.logged {
		byStatus[status]++
	}
	sum := 0
	for status, n := range counted {
		sum += n
		if byStatus[status] != n {
			b.faults = append(b.faults, fmt.Sprintf("status %d: %d lines and %d in the metrics", status, byStatus[status], n))
		}
	}
	if b.calls != b.lines || b.calls != sum {
		b.faults = append(b.faults, fmt.Sprintf("%d calls, %d lines, %d in the metrics", b.calls, b.lines, sum))
	}
	for id, want := range b.seen {
		if got, ok := b.logged[id]; !ok || want != 0 && got != want {
			b.faults = append(b.faults, fmt.Sprintf("call %s is logged with status %d, want %d", id, got, want))
		}
	}
	return b.faults
}

// report prints the number of calls by kind and status.
func (b *books) report(w io.Writer) {
	b.mu.Lock()
	defer b.mu.Unlock()
	byStatus := map[int]int{}
	for _, status := range b.logged {
		byStatus[status]++
	}
	fmt.Fprintf(w, "%d calls, %d lines; statuses in the log:", b.calls, b.lines)
	for _, status := range slices.Sorted(maps.Keys(byStatus)) {
		fmt.Fprintf(w, " %d: %d", status, byStatus[status])
	}
	fmt.Fprintln(w)
	for _, name := range slices.Sorted(maps.Keys(b.kinds)) {
		fmt.Fprintf(w, "  %6d %s\n", b.kinds[name], name)
	}
}
