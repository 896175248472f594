package main

import (
	"cmp"
	"fmt"
	"io"
	"maps"
	"regexp"
	"slices"
	"strings"
	"time"

	"outcrop/internal/jsonx"
)

// event is a line of go test -json; see go doc test2json and go help buildjson.
type event struct {
	Time       time.Time
	Action     string
	Package    string
	ImportPath string // in place of Package, for a build
	Test       string
	Elapsed    float64 // seconds
	Output     string
}

// How many lines of a test are kept, how many lines of a failure are printed, and how
// many slow tests are listed.
const (
	maxKept  = 400
	maxShown = 40
	// maxComplaint is how many bytes of a line the list of failures shows.
	maxComplaint = 400
	maxSlow      = 10
)

// test is a test or, without a name, a package.
type test struct {
	pkg, name string
	begun     bool      // go test has reported it; a package that is only built has not begun
	began     time.Time // zero while it waits for others
	took      time.Duration
	lines     []string // the last ones
	reason    string   // of a skip
}

func (t *test) String() string {
	return strings.TrimSuffix(short(t.pkg)+" "+t.name, " ")
}

// write records a line.
func (t *test) write(line string) {
	if len(t.lines) == maxKept {
		t.lines = slices.Delete(t.lines, 0, 1)
	}
	t.lines = append(t.lines, line)
}

// short returns a package's path within its module.
func short(pkg string) string {
	if _, inner, ok := strings.Cut(pkg, "/"); ok {
		return inner
	}
	return pkg
}

// report collects the results of a run.
type report struct {
	out, results io.Writer

	running  map[string]*test // by package and name
	packages int              // done
	passed   int
	failed   []*test
	unsteady []*test // failed, but not alone
	skipped  []*test
	slow     []*test // top-level ones, slowest first
	failures map[string]bool
	races    []*test // what the race detector says: beside the output of the test that happens to run, which may pass
	racing   *test   // the last of races, as long as it goes on
}

func newReport(out, results io.Writer) *report {
	return &report{out: out, results: results, running: map[string]*test{}, failures: map[string]bool{}}
}

// sayf prints a line. Errors are ignored: if the terminal is gone, the process is ended
// anyway.
func (r *report) sayf(format string, args ...any) { _, _ = fmt.Fprintf(r.out, format+"\n", args...) }

// take processes a line of go test's output.
func (r *report) take(line []byte) {
	var e event
	if err := jsonx.Unmarshal(line, &e); err != nil || e.Action == "" {
		r.sayf("%s", strings.TrimSuffix(string(line), "\n")) // not an event of go test
		return
	}
	if e.Package == "" {
		e.Package, _, _ = strings.Cut(e.ImportPath, " ") // of "outcrop/llm [outcrop/llm.test]"
	}
	t := r.of(&e)
	switch e.Action {
	case "start", "run", "cont":
		t.begun, t.began = true, e.Time
	case "pause":
		t.began = time.Time{}
	case "output", "build-output":
		r.keep(t, strings.TrimSuffix(e.Output, "\n"))
	case "pass", "fail", "skip":
		t.took = time.Duration(e.Elapsed * float64(time.Second))
		r.end(t, e.Action)
	case "build-fail":
		r.fail(t)
		delete(r.running, e.Package+" ")
	}
}

// of returns the test of an event, and creates it if necessary.
func (r *report) of(e *event) *test {
	key := e.Package + " " + e.Test
	t := r.running[key]
	if t == nil {
		t = &test{pkg: e.Package, name: e.Test}
		r.running[key] = t
	}
	return t
}

// skipReason matches the line with which a test explains why it is skipped.
var skipReason = regexp.MustCompile(`^\s+\S+\.go:\d+: (.*)`)

// keep records a line of a test's output, except for the framing lines of go test.
func (r *report) keep(t *test, line string) {
	trimmed := strings.TrimSpace(line)
	for _, frame := range []string{"=== ", "--- PASS", "--- FAIL", "--- SKIP"} {
		if strings.HasPrefix(trimmed, frame) {
			return
		}
	}
	if t.name == "" {
		for _, result := range []string{"ok  \t", "FAIL\t", "?   \t", "---\t", "\t"} {
			if strings.HasPrefix(line, result) && strings.Contains(line, t.pkg) {
				_, _ = fmt.Fprintln(r.results, line) // the file is open
				return
			}
		}
		if trimmed == "PASS" || trimmed == "FAIL" {
			return
		}
	}
	if reason := skipReason.FindStringSubmatch(line); reason != nil {
		t.reason = reason[1]
	}
	r.keepRace(t, line)
	t.write(line)
}

// raceBegins and raceEnds are the first and the last line of what the race detector says.
const (
	raceBegins = "WARNING: DATA RACE"
	raceEnds   = "=================="
)

// keepRace records a line of what the race detector says. Its lines come one after the other.
func (r *report) keepRace(t *test, line string) {
	switch {
	case line == raceBegins:
		r.racing = &test{pkg: t.pkg, name: t.name}
		r.races = append(r.races, r.racing)
	case r.racing == nil || r.racing.pkg != t.pkg:
		return
	case line == raceEnds:
		r.racing = nil
		return
	}
	r.racing.write(line)
}

// end processes the end of a test or package.
func (r *report) end(t *test, how string) {
	delete(r.running, t.pkg+" "+t.name)
	if t.name == "" {
		r.packages++
	}
	switch {
	case how == "fail":
		r.fail(t)
	case t.name == "":
		if how == "pass" {
			r.sayf("ok    %-45s %6s", short(t.pkg), t.took.Round(100*time.Millisecond))
		}
		return // without tests it counts as skipped
	case how == "skip":
		r.skipped = append(r.skipped, t)
	default:
		r.passed++
	}
	if t.name != "" && !strings.Contains(t.name, "/") {
		r.slow = append(r.slow, t)
		slices.SortStableFunc(r.slow, func(a, b *test) int { return cmp.Compare(b.took, a.took) })
		r.slow = r.slow[:min(len(r.slow), maxSlow)]
	}
	if how != "fail" {
		t.lines = nil
	}
}

// fail records a failure at the lowest level: a test that fails because of a subtest,
// or a package because of a test, counts only if it has output of its own.
func (r *report) fail(t *test) {
	within := r.failures[t.pkg+" "+t.name]
	outer, _ := cutLast(t.name)
	r.failures[t.pkg+" "+outer] = true
	r.failures[t.pkg+" "] = true
	if within && (t.name == "" || len(t.lines) == 0) {
		return
	}
	r.failed = append(r.failed, t)
	r.sayf("FAIL  %s (%s)", t, t.took.Round(100*time.Millisecond))
}

// cutLast returns the parent of a subtest.
func cutLast(name string) (outer string, ok bool) {
	i := strings.LastIndex(name, "/")
	return name[:max(i, 0)], i >= 0
}

// progress prints how far the run is.
func (r *report) progress(since time.Duration, now time.Time) {
	var busy []*test
	for _, t := range r.running {
		if !t.began.IsZero() && t.name != "" && !strings.Contains(t.name, "/") {
			busy = append(busy, t)
		}
	}
	slices.SortFunc(busy, func(a, b *test) int { return cmp.Or(a.began.Compare(b.began), cmp.Compare(a.String(), b.String())) })
	var names []string
	for _, t := range busy[:min(len(busy), 3)] {
		names = append(names, fmt.Sprintf("%s (%s)", t, now.Sub(t.began).Round(time.Second)))
	}
	doing := "go compiles"
	if len(names) > 0 {
		doing = strings.Join(names, ", ")
	}
	r.sayf("%5s %d packages done, %d tests passed, %d failed; now: %s", since.Round(time.Second), r.packages, r.passed, len(r.failed), doing)
}

// summarize prints the results of the run.
func (r *report) summarize(took time.Duration, code int) {
	r.unfinished()
	r.sayf("")
	if len(r.slow) > 0 {
		r.sayf("The slowest tests:")
		for _, t := range r.slow {
			r.sayf("  %7.1fs %s", t.took.Seconds(), t)
		}
	}
	if len(r.skipped) > 0 {
		r.sayf("Skipped:")
		for _, t := range r.skipped {
			r.sayf("  %s: %s", t, cmp.Or(t.reason, "it gives no reason"))
		}
	}
	for _, t := range slices.Concat(r.unsteady, r.failed) {
		r.sayf("\nFAILED %s", t)
		if more := len(t.lines) - maxShown; more > 0 {
			r.sayf("    ... %d lines before", more)
		}
		for _, line := range t.lines[max(0, len(t.lines)-maxShown):] {
			r.sayf("    %s", line)
		}
	}
	for _, t := range r.races {
		r.sayf("\nA data race, while %s ran:", t)
		for _, line := range t.lines {
			r.sayf("    %s", line)
		}
	}
	if len(r.failed) > 1 {
		r.sayf("\nFailed:")
		r.list(r.failed)
	}
	if len(r.unsteady) > 0 {
		r.sayf("\nUnsteady, that is failed beside others and passed alone:")
		r.list(r.unsteady)
	}
	r.sayf("\n%s, exit code %d", took.Round(time.Second), code)
	r.sayf("%d passed, %d failed, %d skipped", r.passed, len(r.failed), len(r.skipped))
}

// list prints tests, and what was wrong with each.
func (r *report) list(tests []*test) {
	for _, t := range tests {
		r.sayf("  %s", t)
		for _, line := range t.complaint() {
			r.sayf("      %s", line)
		}
	}
}

// complaint returns the first message of a failed test, up to three lines of it, so that the end of a long output says what was
// wrong even where only the end is kept.
func (t *test) complaint() []string {
	i := slices.IndexFunc(t.lines, skipReason.MatchString)
	if i < 0 {
		return nil
	}
	all := []string{strings.TrimSpace(t.lines[i])}
	for _, line := range t.lines[i+1:] {
		if len(all) == 3 || skipReason.MatchString(line) || strings.HasPrefix(strings.TrimSpace(line), "{") { // a line of a log
			break
		}
		all = append(all, strings.TrimSpace(line))
	}
	for j, line := range all {
		if len(line) > maxComplaint {
			all[j] = strings.ToValidUTF8(line[:maxComplaint], "") + "…"
		}
	}
	return all
}

// unfinished counts everything that began and never ended as failed: the run was
// interrupted.
func (r *report) unfinished() {
	keys := slices.Sorted(maps.Keys(r.running))
	slices.Reverse(keys) // a package comes after its tests
	for _, key := range keys {
		t := r.running[key]
		if !t.begun || t.name == "" && r.failures[key] {
			continue
		}
		r.failures[t.pkg+" "] = true
		t.write("it did not end")
		r.failed = append(r.failed, t)
	}
}
