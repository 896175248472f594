// Package banktest is the suite that each quota.Bank passes whose counters several processes share.
package banktest

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"outcrop/quota"
)

// Bank is what the suite needs of a bank.
type Bank interface {
	quota.Bank
	// Returned sends the ids of counters of which units have been returned, or of which a recall was answered, while a
	// draw waits for that; and an empty id if some may have been missed.
	Returned() <-chan string
	// Reset gives back what the replica has drawn.
	Reset(ctx context.Context) error
}

// T is the part of *testing.T that the suite needs.
type T interface {
	Helper()
	Context() context.Context
	Error(args ...any)
	Errorf(format string, args ...any)
	Fatal(args ...any)
	Fatalf(format string, args ...any)
	Skip(args ...any)
}

// Banks makes banks that share their counters.
type Banks struct {
	// Open makes the bank of a replica, which ends with the test.
	Open func(replica string) Bank
	// Die makes a replica count as dead, as if its bank had not given a sign of life for long.
	Die func(replica string)
}

// Case is a test of the suite. It starts with banks that have no counters.
type Case struct {
	Name string
	Test func(t T, banks Banks)
}

// patience is how long the suite waits for what must happen.
const patience = 30 * time.Second

// Counters of requests, which begin anew, and of parallel calls, which do not.
const (
	requests = "key:abc/requests"
	parallel = "key:abc/parallel"
)

// day is a window that ends at midnight: at the end of a day, tests of it may fail.
func day() quota.Window { return quota.Window{Days: 1} }

func draw(t T, b Bank, d quota.Draw) quota.Grant {
	t.Helper()
	grants, err := b.Draw(t.Context(), []quota.Draw{d})
	if err != nil {
		t.Fatal(err)
	}
	if len(grants) != 1 {
		t.Fatalf("%d grants of one draw", len(grants))
	}
	return grants[0]
}

func giveBack(t T, b Bank, r quota.Return) {
	t.Helper()
	if err := b.Return(t.Context(), []quota.Return{r}); err != nil {
		t.Fatal(err)
	}
}

// told returns when a channel sends the counter of parallel calls, or the empty id, which stands for all.
func told(t T, c <-chan string) {
	t.Helper()
	toldOf(t, c, parallel)
}

// toldOf is told for any counter.
func toldOf(t T, c <-chan string, id string) {
	t.Helper()
	late := time.After(patience)
	for {
		select {
		case got := <-c:
			if got == id || got == "" {
				return
			}
		case <-late:
			t.Fatalf("nothing came about %s", id)
		}
	}
}

// units fails the test unless a draw was granted some units, and leaves some.
func units(t T, g quota.Grant, granted, left int64) {
	t.Helper()
	if g.Units != granted || g.Left != left {
		t.Fatalf("%d units were granted and %d are left; want %d and %d (%+v)", g.Units, g.Left, granted, left, g)
	}
}

// Cases are the tests of the suite.
func Cases() []Case {
	return []Case{
		{"a draw gets from what it needs to what it wants", drawsGetWhatIsLeft},
		{"what is returned can be drawn", returnsCanBeDrawn},
		{"a share of another replica is recalled", sharesAreRecalled},
		{"a share that is in use is a refusal", sharesInUseAreRefusals},
		{"a share that is drawn late is recalled", lateSharesAreRecalled},
		{"an answer counts while a replica draws what it needs", answersCount},
		{"replicas together never exceed the limit", limitsHold},
		{"a period ends", periodsEnd},
		{"periods are those of the calendar", calendar},
		{"a window may change", windowsChange},
		{"a limit may change", limitsChange},
		{"what dead replicas have is free or used", deathReleases},
		{"what a replica had before a restart too", resetReleases},
		{"several counters are drawn on at once", manyDraws},
		{"any text is an id", oddIDs},
		{"a slice counts until it is old enough", slicesCount},
		{"units of a slice that is over can be returned", slicesTakeBack},
		{"a share of a slice that is over is recalled", slicesAreRecalled},
		{"a return of a part does not answer a recall", partsAnswerNothing},
		{"units that were used without a share count", debtsCount},
		{"replicas together never exceed a sliding limit", slidingLimitsHold},
		{"what replicas had of a slice counts after their restart", slicesOutliveReplicas},
		{"a window may begin to slide, and cease", slidingChanges},
	}
}

func drawsGetWhatIsLeft(t T, banks Banks) {
	b := banks.Open("a")
	d := quota.Draw{Counter: requests, Limit: 10, Window: day(), Need: 1, Want: 4}
	units(t, draw(t, b, d), 4, 6)
	units(t, draw(t, b, d), 4, 2)
	d.Need = 3
	g := draw(t, b, d)
	if units(t, g, 0, 2); g.Recall != 0 {
		t.Errorf("a draw waits, and no other replica has anything: %+v", g)
	}
	d.Need = 1
	units(t, draw(t, b, d), 2, 0)
	units(t, draw(t, b, d), 0, 0)
}

func returnsCanBeDrawn(t T, banks Banks) {
	b := banks.Open("a")
	d := quota.Draw{Counter: requests, Limit: 10, Window: day(), Need: 1, Want: 10}
	g := draw(t, b, d)
	units(t, g, 10, 0)
	giveBack(t, b, quota.Return{Counter: requests, Period: g.Period, Units: 3})
	giveBack(t, b, quota.Return{Counter: requests, Period: g.Period - 1, Units: 5}) // of a period that is over
	giveBack(t, b, quota.Return{Counter: "key:other/requests", Period: g.Period, Units: 5})
	units(t, draw(t, b, d), 3, 0)
	giveBack(t, b, quota.Return{Counter: requests, Period: g.Period, Units: 100}) // more than there is
	units(t, draw(t, b, d), 10, 0)
}

func sharesAreRecalled(t T, banks Banks) {
	a, b := banks.Open("a"), banks.Open("b")
	if a.Recalls() == nil {
		return // one replica has no others
	}
	d := quota.Draw{Counter: parallel, Limit: 10, Need: 1, Want: 10}
	mine := draw(t, a, d)
	units(t, mine, 10, 0)
	g := draw(t, b, d)
	if units(t, g, 0, 0); g.Recall == 0 {
		t.Fatal("a draw is refused while another replica has units")
	}
	told(t, a.Recalls())
	d.Recall = g.Recall
	if g = draw(t, b, d); g.Units != 0 || g.Recall != d.Recall {
		t.Fatalf("before the recall was answered: %+v", g)
	}
	giveBack(t, a, quota.Return{Counter: parallel, Period: mine.Period, Units: 4})
	told(t, b.Returned())
	units(t, draw(t, b, d), 4, 0)
}

func sharesInUseAreRefusals(t T, banks Banks) {
	a, b, c := banks.Open("a"), banks.Open("b"), banks.Open("c")
	if a.Recalls() == nil {
		return // one replica has no others
	}
	d := quota.Draw{Counter: parallel, Limit: 10, Need: 5, Want: 5}
	of := map[Bank]quota.Grant{a: draw(t, a, d), b: draw(t, b, d)}
	g := draw(t, c, d)
	d.Recall = g.Recall
	for _, other := range []Bank{a, b} {
		if g = draw(t, c, d); g.Units != 0 || g.Recall == 0 {
			t.Fatalf("before all have answered: %+v", g)
		}
		told(t, other.Recalls())
		giveBack(t, other, quota.Return{Counter: parallel, Period: of[other].Period})
	}
	if g = draw(t, c, d); g.Units != 0 || g.Recall != 0 {
		t.Fatalf("after all have answered that they have nothing: %+v", g)
	}
	d.Recall = 0
	if g = draw(t, c, d); g.Recall == 0 {
		t.Fatalf("the next call must ask anew, because calls have ended since: %+v", g)
	}
}

func lateSharesAreRecalled(t T, banks Banks) {
	a, b, c := banks.Open("a"), banks.Open("b"), banks.Open("c")
	if a.Recalls() == nil {
		return // one replica has no others
	}
	d := quota.Draw{Counter: parallel, Limit: 10, Need: 10, Want: 10}
	first := draw(t, a, d)
	g := draw(t, b, d)
	told(t, a.Recalls())
	giveBack(t, a, quota.Return{Counter: parallel, Period: first.Period, Units: 10})
	units(t, draw(t, c, d), 10, 0) // another replica is faster
	told(t, c.Recalls())
	d.Recall = g.Recall
	if g = draw(t, b, d); g.Recall == 0 {
		t.Fatalf("a draw is refused while another replica has units: %+v", g)
	}
}

func answersCount(t T, banks Banks) {
	a, b := banks.Open("a"), banks.Open("b")
	if a.Recalls() == nil {
		return // one replica has no others
	}
	d := quota.Draw{Counter: parallel, Limit: 10, Need: 10, Want: 10}
	mine := draw(t, a, quota.Draw{Counter: parallel, Limit: 10, Need: 1, Want: 5})
	d.Recall = draw(t, b, d).Recall
	told(t, a.Recalls())
	giveBack(t, a, quota.Return{Counter: parallel, Period: mine.Period})
	if g := draw(t, b, d); g.Recall != 0 {
		t.Fatalf("after the answer: %+v", g)
	}
	units(t, draw(t, a, quota.Draw{Counter: parallel, Limit: 10, Need: 1, Want: 1}), 1, 4)
	if g := draw(t, b, d); g.Recall != 0 {
		t.Fatalf("after a draw of what is needed: %+v", g)
	}
	units(t, draw(t, a, quota.Draw{Counter: parallel, Limit: 10, Need: 1, Want: 3, Ahead: 2}), 3, 1)
	if g := draw(t, b, d); g.Recall != d.Recall {
		t.Fatalf("after a draw ahead: %+v", g)
	}
}

func limitsHold(t T, banks Banks) {
	const limit = 25
	var replicas sync.WaitGroup
	var out atomic.Int64
	var granted atomic.Int64
	for _, name := range []string{"a", "b", "c"} {
		b := banks.Open(name)
		if b.Recalls() == nil && name != "a" {
			break
		}
		for range 4 {
			replicas.Go(func() {
				for i := range 50 {
					grants, err := b.Draw(t.Context(), []quota.Draw{{Counter: parallel, Limit: limit, Need: 1, Want: int64(1 + i%10)}})
					if err != nil {
						t.Error(err)
						return
					}
					if now := out.Add(grants[0].Units); now > limit {
						t.Errorf("%d units are out, of %d", now, limit)
					}
					granted.Add(grants[0].Units)
					if grants[0].Units == 0 {
						continue
					}
					out.Add(-grants[0].Units)
					if err := b.Return(t.Context(), []quota.Return{{Counter: parallel, Period: grants[0].Period, Units: grants[0].Units}}); err != nil {
						t.Error(err)
						return
					}
				}
			})
		}
	}
	replicas.Wait()
	if granted.Load() < limit {
		t.Errorf("only %d units were granted", granted.Load())
	}
	units(t, draw(t, banks.Open("d"), quota.Draw{Counter: parallel, Limit: limit, Need: 1, Want: limit}), limit, 0)
}

func periodsEnd(t T, banks Banks) {
	b := banks.Open("a")
	d := quota.Draw{Counter: requests, Limit: 10, Window: quota.Window{Length: 300 * time.Millisecond}, Need: 1, Want: 10}
	first := draw(t, b, d)
	units(t, first, 10, 0)
	if first.Ends <= 0 || first.Ends > d.Window.Length {
		t.Errorf("the period ends in %s", first.Ends)
	}
	next := quota.Grant{}
	for began := time.Now(); next.Units == 0; next = draw(t, b, d) {
		if time.Since(began) > patience {
			t.Fatal("the period does not end")
		}
	}
	units(t, next, 10, 0)
	if next.Period <= first.Period {
		t.Errorf("period %d comes after %d", next.Period, first.Period)
	}
	d.Window = quota.Window{Length: time.Hour}
	giveBack(t, b, quota.Return{Counter: requests, Period: first.Period, Units: 10})
	if g := draw(t, b, d); g.Period == next.Period {
		units(t, g, 0, 0)
	}
}

func calendar(t T, banks Banks) {
	b := banks.Open("a")
	for i, w := range []quota.Window{
		{Days: 1},
		{Days: 7},
		{Days: 3},
		{Months: 1},
		{Months: 3},
		{Months: 7},
		{Length: time.Hour},
		{Length: 90 * time.Minute, Anchor: time.Date(2026, 1, 2, 3, 4, 5, 6000, time.UTC)},
		{Length: time.Hour, Anchor: time.Now().Add(10 * time.Hour)},
		{},
	} {
		now := time.Now()
		g := draw(t, b, quota.Draw{Counter: fmt.Sprintf("key:%d/requests", i), Limit: 1, Window: w, Need: 1, Want: 1})
		want := time.Duration(0)
		if end := w.End(now); !end.IsZero() {
			want = end.Sub(now)
		}
		if diff := g.Ends - want; diff > time.Minute || diff < -time.Minute {
			t.Errorf("a period of %+v ends in %s, not in %s", w, g.Ends, want)
		}
	}
}

func windowsChange(t T, banks Banks) {
	b := banks.Open("a")
	d := quota.Draw{Counter: requests, Limit: 10, Window: quota.Window{Months: 1}, Need: 1, Want: 3}
	month := draw(t, b, d)
	d.Window = quota.Window{Length: time.Minute}
	g := draw(t, b, d)
	if units(t, g, 3, 4); g.Period != month.Period || g.Ends <= 0 || g.Ends > time.Minute {
		t.Errorf("the period of a minute is %+v", g)
	}
	d.Window = quota.Window{}
	if g = draw(t, b, d); g.Ends != 0 || g.Units != 3 {
		t.Errorf("the period without an end is %+v", g)
	}
}

func limitsChange(t T, banks Banks) {
	b := banks.Open("a")
	d := quota.Draw{Counter: requests, Limit: 10, Window: day(), Need: 1, Want: 8}
	units(t, draw(t, b, d), 8, 2)
	d.Limit = 5
	units(t, draw(t, b, d), 0, -3)
	d.Limit = 0
	units(t, draw(t, b, d), 0, -8)
	d.Limit = 12
	units(t, draw(t, b, d), 4, 0)
}

func deathReleases(t T, banks Banks) {
	a, b := banks.Open("a"), banks.Open("b")
	if a.Recalls() == nil {
		return // one replica has no others
	}
	ofCalls := quota.Draw{Counter: parallel, Limit: 10, Need: 1, Want: 10}
	ofRequests := quota.Draw{Counter: requests, Limit: 10, Window: day(), Need: 1, Want: 6}
	units(t, draw(t, a, ofCalls), 10, 0)
	units(t, draw(t, a, ofRequests), 6, 4)
	banks.Die("a")
	for began := time.Now(); ; { // that it is dead may be noticed a little later
		g := draw(t, b, ofCalls)
		if g.Units > 0 {
			units(t, g, 10, 0)
			break
		}
		if time.Since(began) > patience {
			t.Fatalf("the calls of the dead replica are not over: %+v", g)
		}
	}
	units(t, draw(t, b, ofRequests), 4, 0)
	for began := time.Now(); ; {
		g := draw(t, b, ofRequests)
		if units(t, g, 0, 0); g.Recall == 0 {
			break
		}
		if time.Since(began) > patience {
			t.Fatal("a draw waits for a dead replica")
		}
	}
}

func resetReleases(t T, banks Banks) {
	a, b := banks.Open("a"), banks.Open("b")
	ofCalls := quota.Draw{Counter: parallel, Limit: 10, Need: 1, Want: 10}
	ofRequests := quota.Draw{Counter: requests, Limit: 10, Window: day(), Need: 1, Want: 6}
	units(t, draw(t, a, ofCalls), 10, 0)
	units(t, draw(t, a, ofRequests), 6, 4)
	if err := a.Reset(t.Context()); err != nil {
		t.Fatal(err)
	}
	units(t, draw(t, a, ofRequests), 4, 0) // nobody knows how many of the six calls were made
	if b.Recalls() == nil {
		b = a
	}
	for began := time.Now(); ; {
		g := draw(t, b, ofCalls)
		if g.Units > 0 {
			units(t, g, 10, 0)
			break
		}
		if time.Since(began) > patience {
			t.Fatalf("the calls from before the restart are not over: %+v", g)
		}
	}
}

func manyDraws(t T, banks Banks) {
	b := banks.Open("a")
	grants, err := b.Draw(t.Context(), []quota.Draw{
		{Counter: requests, Limit: 10, Window: day(), Need: 1, Want: 6},
		{Counter: parallel, Limit: 2, Need: 1, Want: 3},
		{Counter: requests, Limit: 10, Window: day(), Need: 1, Want: 6},
		{Counter: "team:x/requests", Limit: 0, Window: day(), Need: 1, Want: 1},
	})
	if err != nil || len(grants) != 4 {
		t.Fatalf("%d grants, %v", len(grants), err)
	}
	for i, want := range [][2]int64{{6, 4}, {2, 0}, {4, 0}, {0, 0}} {
		units(t, grants[i], want[0], want[1])
	}
	err = b.Return(t.Context(), []quota.Return{
		{Counter: requests, Period: grants[0].Period, Units: 10},
		{Counter: parallel, Period: grants[1].Period, Units: 1},
	})
	if err != nil {
		t.Fatal(err)
	}
	units(t, draw(t, b, quota.Draw{Counter: requests, Limit: 10, Window: day(), Need: 1, Want: 10}), 10, 0)
	units(t, draw(t, b, quota.Draw{Counter: parallel, Limit: 2, Need: 1, Want: 2}), 1, 0)
	if grants, err := b.Draw(t.Context(), nil); err != nil || len(grants) != 0 {
		t.Errorf("no draws: %v, %v", grants, err)
	}
	if err := b.Return(t.Context(), nil); err != nil {
		t.Errorf("no returns: %v", err)
	}
}

func oddIDs(t T, banks Banks) {
	b := banks.Open("a")
	long := strings.Repeat("é", 5000)
	for _, id := range []string{
		"customer:}{/requests", "customer:{}/requests", "}", "{", "customer:a b\r\n*?[x]\\/requests", "customer:\x00/requests", "customer:\xff/requests",
		"customer:" + long + "1/requests", "customer:" + long + "2/requests", "customer:ñandú/requests", "customer:'; DROP TABLE counters; --/requests",
	} {
		d := quota.Draw{Counter: id, Limit: 3, Window: day(), Need: 1, Want: 2}
		g := draw(t, b, d)
		units(t, g, 2, 1)
		giveBack(t, b, quota.Return{Counter: id, Period: g.Period, Units: 1})
		units(t, draw(t, b, d), 2, 0)
	}
}
