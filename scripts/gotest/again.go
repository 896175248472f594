package main

import (
	"context"
	"errors"
	"io"
	"regexp"
	"slices"
	"strings"
	"time"
)

// maxAgain is how many failed tests may be run again; more are not an accident.
const maxAgain = 3

// machineFree are failures that no busy machine explains: a data race, and a panic or a time limit that ended other tests too.
var machineFree = regexp.MustCompile(`race detected|^panic: |^fatal error: |^it did not end$`)

// again returns the failed tests that may be run again, by their packages: all that have failed, if they are few top-level tests (or
// subtests of such) of packages that of matches, and nothing shows a fault that is not one of time. Otherwise it is empty.
func (r *report) again(of *regexp.Regexp) map[string][]string {
	tests := map[string][]string{}
	n := 0
	for _, t := range r.failed {
		if t.name == "" || !of.MatchString(t.pkg) || slices.ContainsFunc(t.lines, machineFree.MatchString) {
			return nil
		}
		top, _, _ := strings.Cut(t.name, "/")
		if slices.Contains(tests[t.pkg], top) {
			continue
		}
		if n++; n > maxAgain {
			return nil
		}
		tests[t.pkg] = append(tests[t.pkg], top)
	}
	return tests
}

// runAgain runs failed tests once more with nothing beside them, and reports them as unsteady if all of them pass. The tests with real
// clients and servers share two processors with everything else, and their clients have time limits of their own; a test that fails
// alone too is a failure, and an unsteady one is named at the end of the run, to be mended. It reports whether the run is now good.
func (r *report) runAgain(ctx context.Context, s *settings, events, errs io.Writer) bool {
	if s.again == nil || len(r.failed) == 0 {
		return false
	}
	tests := r.again(s.again)
	var flags []string
	for _, arg := range s.args {
		if strings.HasPrefix(arg, "./") || arg == "-cover" {
			continue
		}
		flags = append(flags, arg)
	}
	for pkg, names := range tests {
		r.sayf("\nOnce more, alone: %s", strings.Join(names, " "))
		args := slices.Concat(flags, []string{"-count=1", "-run", "^(" + strings.Join(names, "|") + ")$", pkg})
		second := newReport(io.Discard, io.Discard)
		code, read, err := s.test(ctx, args, second, time.Hour, events, errs)
		// What ran and passed counts: a name that no longer matches a test would pass as well.
		if code != 0 || len(second.failed) > 0 || second.passed < len(names) || read != nil || err != nil {
			r.sayf("It has failed again, with exit code %d", code)
			if err := errors.Join(read, err); err != nil {
				r.sayf("%v", err)
			}
			r.failed = append(r.failed, second.failed...)
			return false
		}
	}
	if len(tests) == 0 {
		return false
	}
	r.unsteady, r.failed = r.failed, nil
	return true
}
