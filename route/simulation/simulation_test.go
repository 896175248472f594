package simulation

import (
	"flag"
	"fmt"
	"maps"
	"math"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"sync"
	"testing"

	"outcrop/route"
)

var update = flag.Bool("update", false, "write docs/routing-simulation.md and its plots")

// outcome is what all routers made of a scenario.
type outcome struct {
	scenario
	theirs, ours map[route.Strategy]*result
}

// play plays all scenarios, several at a time.
func play(t *testing.T) []*outcome {
	t.Helper()
	var mu sync.Mutex
	var all []*outcome
	t.Run("play", func(t *testing.T) {
		for _, s := range scenarios() {
			o := &outcome{scenario: s, theirs: map[route.Strategy]*result{}, ours: map[route.Strategy]*result{}}
			all = append(all, o)
			for _, strategy := range append(strategies(), route.TwoChoices) {
				t.Run(s.name+"/"+string(strategy), func(t *testing.T) {
					t.Parallel()
					ours := run(t, &s, func(all []*backend, seed uint64) router { return newOutcrop(strategy, all, seed) })
					var theirs *result
					if strategy != route.TwoChoices {
						theirs = run(t, &s, func(all []*backend, seed uint64) router { return newLiteLLM(strategy, all, seed) })
					}
					mu.Lock()
					defer mu.Unlock()
					o.ours[strategy] = ours
					if theirs != nil {
						o.theirs[strategy] = theirs
					}
				})
			}
		}
	})
	return all
}

// Tolerances of a comparison: what is closer than this is alike.
const (
	closeGoodput  = 0.005 // of the calls
	closeTimes    = 0.10  // of a percentile,
	closeSlowest  = 0.20  // of p99, which few calls decide, and
	closeTimesBy  = 0.05  // seconds beside
	otherwiseBusy = 0.05  // of the calls: a router that answers so many fewer has less to do, and its times are no measure
)

// compare says in what a result is better and worse than another.
func compare(a, b *result) (better, worse []string) {
	note := func(what string, by float64) {
		switch {
		case by > 0:
			better = append(better, what)
		case by < 0:
			worse = append(worse, what)
		}
	}
	beyond := func(d, tolerance float64) float64 {
		if math.Abs(d) <= tolerance {
			return 0
		}
		return d
	}
	more := a.goodput() - b.goodput()
	note("answered", beyond(more, closeGoodput))
	if math.Abs(more) > otherwiseBusy {
		return better, worse
	}
	for _, p := range percentiles() {
		of, than := p.of(a), p.of(b)
		if !math.IsInf(than, 1) || !math.IsInf(of, 1) {
			note(p.name, beyond(than-of, closeTimesBy+p.close*min(of, than)))
		}
	}
	return better, worse
}

// percentile is one of those that are compared.
type percentile struct {
	name  string
	close float64 // what is alike, as a share
	of    func(r *result) float64
}

func percentiles() []percentile {
	return []percentile{
		{"p50", closeTimes, func(r *result) float64 { return at(r.whole, 0.5) }},
		{"p95", closeTimes, func(r *result) float64 { return at(r.whole, 0.95) }},
		{"p99", closeSlowest, func(r *result) float64 { return at(r.whole, 0.99) }},
		{"first token p50", closeTimes, func(r *result) float64 { return at(r.first, 0.5) }},
		{"first token p95", closeTimes, func(r *result) float64 { return at(r.first, 0.95) }},
	}
}

// TestTheRouterIsNeverWorseThanLiteLLM compares each strategy with LiteLLM's of the same name, and two-choices with all of LiteLLM's. It
// compares the documentation too.
func TestTheRouterIsNeverWorseThanLiteLLM(t *testing.T) {
	if underRace {
		runWithoutRace(t)
		return
	}
	all := play(t)
	told := summary{}
	for _, o := range all {
		inSome := false
		for _, strategy := range strategies() {
			better, worse := compare(o.ours[strategy], o.theirs[strategy])
			if len(worse) > 0 {
				t.Errorf("%s, %s is worse in %v: %v, LiteLLM %v", o.name, strategy, worse, o.ours[strategy], o.theirs[strategy])
			}
			told.pairs++
			if len(better) > 0 {
				told.betterPairs++
				inSome = true
			}
			if _, worse := compare(o.ours[route.TwoChoices], o.theirs[strategy]); len(worse) > 0 {
				t.Errorf("%s: two-choices is worse than LiteLLM's %s in %v: %v, %v", o.name, strategy, worse, o.ours[route.TwoChoices], o.theirs[strategy])
			}
		}
		told.scenarios++
		if inSome {
			told.betterScenarios++
		}
	}
	if 2*told.betterScenarios <= told.scenarios {
		t.Errorf("better in %d of %d scenarios, want most", told.betterScenarios, told.scenarios)
	}
	if runtime.GOARCH != "amd64" {
		return // where exponentials are rounded differently, so that the runs differ
	}
	for name, text := range pages(all, told) {
		path := "../../docs/" + name
		if *update {
			if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
				t.Fatal(err)
			}
			continue
		}
		if got, err := os.ReadFile(path); err != nil || string(got) != text {
			t.Errorf("%s is not what the simulation shows; go test ./route/simulation -update writes it (%v)", path, err)
		}
	}
}

// runWithoutRace runs the test in a process of its own, which the race detector does not slow down. What it would see,
// TestSimulatedCallsDoNotRace shows it in a tenth of the time.
func runWithoutRace(t *testing.T) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "go", "test", "-count=1", "-run=^"+t.Name()+"$", ".")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}

// String is for messages of tests.
func (r *result) String() string {
	s := fmt.Sprintf("answered %.2f%%", 100*r.goodput())
	for _, p := range percentiles() {
		s += fmt.Sprintf(", %s %.2f s", p.name, p.of(r))
	}
	for _, id := range slices.Sorted(maps.Keys(r.share)) {
		s += fmt.Sprintf(", %s %.0f%%", id, 100*r.share[id])
	}
	return s
}

// TestSimulatedCallsDoNotRace plays some of the scenarios for the race detector.
func TestSimulatedCallsDoNotRace(t *testing.T) {
	for _, s := range scenarios() {
		if s.name != "hanging" && s.name != "group" && s.name != "throttled" {
			continue
		}
		for i := range s.load {
			s.load[i].rate /= 4
		}
		for _, strategy := range route.Strategies() {
			r := run(t, &s, func(all []*backend, seed uint64) router { return newOutcrop(strategy, all, seed) })
			if r.goodput() < 0.95 {
				t.Errorf("%s, %s: %v", s.name, strategy, r)
			}
		}
	}
}

// TestTheSimulationIsTheSameEachTime plays a scenario twice.
func TestTheSimulationIsTheSameEachTime(t *testing.T) {
	s := scenarios()[1]
	play := func(strategy route.Strategy) [2]string {
		return [2]string{
			run(t, &s, func(all []*backend, seed uint64) router { return newOutcrop(strategy, all, seed) }).String(),
			run(t, &s, func(all []*backend, seed uint64) router { return newLiteLLM(strategy, all, seed) }).String(),
		}
	}
	if one, two := play(route.Latency), play(route.Latency); one != two {
		t.Errorf("%v, and then %v", one, two)
	}
}
