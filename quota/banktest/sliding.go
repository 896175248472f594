package banktest

import (
	"sync"
	"sync/atomic"
	"time"

	"outcrop/quota"
)

// short are slices that are over at once, and count as long as a test takes.
func short() quota.Window { return quota.Sliding(time.Hour, 30*time.Millisecond) }

// after draws until the counter is in another period than one, and returns the grant.
func after(t T, b Bank, d quota.Draw, period int64) quota.Grant {
	t.Helper()
	for began := time.Now(); time.Since(began) < patience; {
		if g := draw(t, b, d); g.Period != period {
			return g
		}
	}
	t.Fatal("the slice does not end")
	return quota.Grant{}
}

func slicesCount(t T, banks Banks) {
	b := banks.Open("a")
	w := quota.Sliding(400*time.Millisecond, 100*time.Millisecond)
	// SQLite's clock has milliseconds.
	const tick = 2 * time.Millisecond
	began := time.Now()
	g := draw(t, b, quota.Draw{Counter: requests, Limit: 10, Window: w, Need: 1, Want: 10})
	units(t, g, 10, 0)
	if g.Ends <= 0 || g.Ends > w.Slice || g.Frees <= w.Length || g.Frees > w.Length+w.Slice {
		t.Errorf("the slice ends in %s, and its units are free in %s", g.Ends, g.Frees)
	}
	for last := g; ; {
		asked := time.Now()
		g = draw(t, b, quota.Draw{Counter: requests, Limit: 10, Window: w, Need: 1, Want: 10})
		if g.Units > 0 {
			units(t, g, 10, 0)
			if took := time.Since(began); took < w.Length+w.Slice-tick {
				t.Errorf("units of a slice of %s are free after %s", w.Slice, took)
			}
			if late := asked.Sub(began) - w.Length - w.Slice; late > patience {
				t.Errorf("units are free %s late", late)
			}
			return
		}
		if g.Frees <= 0 || g.Frees > last.Frees+tick {
			t.Fatalf("units are free in %s, after in %s", g.Frees, last.Frees)
		}
		last = g
	}
}

func slicesTakeBack(t T, banks Banks) {
	b := banks.Open("a")
	d := quota.Draw{Counter: requests, Limit: 12, Window: short(), Need: 10, Want: 10}
	first := draw(t, b, d)
	units(t, first, 10, 2)
	next := after(t, b, d, first.Period)
	units(t, next, 0, 2)
	if next.Period <= first.Period {
		t.Errorf("period %d comes after %d", next.Period, first.Period)
	}
	giveBack(t, b, quota.Return{Counter: requests, Period: first.Period, Units: 4})
	giveBack(t, b, quota.Return{Counter: requests, Period: first.Period - 1, Units: 4}) // there is none
	d.Need = 1
	units(t, draw(t, b, d), 6, 0)
	giveBack(t, b, quota.Return{Counter: requests, Period: first.Period, Units: 100}) // more than there is
	if g := draw(t, b, d); g.Units != 6 {
		t.Errorf("after all of the first slice were returned: %+v", g)
	}
}

func slicesAreRecalled(t T, banks Banks) {
	a, b := banks.Open("a"), banks.Open("b")
	if a.Recalls() == nil {
		return // one replica has no others
	}
	d := quota.Draw{Counter: requests, Limit: 10, Window: short(), Need: 1, Want: 10}
	mine := draw(t, a, d)
	units(t, mine, 10, 0)
	g := after(t, b, d, mine.Period)
	if units(t, g, 0, 0); g.Recall == 0 {
		t.Fatal("a draw is refused while another replica has units of a slice that counts")
	}
	toldOf(t, a.Recalls(), requests)
	d.Recall = g.Recall
	if g = draw(t, b, d); g.Units != 0 || g.Recall != d.Recall {
		t.Fatalf("before the recall was answered: %+v", g)
	}
	giveBack(t, a, quota.Return{Counter: requests, Period: mine.Period, Units: 4})
	toldOf(t, b.Returned(), requests)
	units(t, draw(t, b, d), 4, 0)
	if g = draw(t, b, d); g.Units != 0 || g.Recall != 0 {
		t.Errorf("after the answer: %+v", g)
	}
}

func partsAnswerNothing(t T, banks Banks) {
	a, b := banks.Open("a"), banks.Open("b")
	if a.Recalls() == nil {
		return // one replica has no others
	}
	d := quota.Draw{Counter: requests, Limit: 10, Window: quota.Sliding(time.Hour, time.Hour), Need: 10, Want: 10}
	mine := draw(t, a, d)
	d.Recall = draw(t, b, d).Recall
	toldOf(t, a.Recalls(), requests)
	giveBack(t, a, quota.Return{Counter: requests, Period: mine.Period, Units: 4, Keeps: true})
	if g := draw(t, b, d); g.Left != 4 || g.Recall != d.Recall {
		t.Fatalf("after a part was returned: %+v", g)
	}
	giveBack(t, a, quota.Return{Counter: requests, Period: mine.Period, Units: 3})
	if g := draw(t, b, d); g.Left != 7 || g.Recall != 0 {
		t.Fatalf("after the rest was returned: %+v", g)
	}
}

func debtsCount(t T, banks Banks) {
	a := banks.Open("a")
	b := a
	if a.Recalls() != nil {
		b = banks.Open("b")
	}
	d := quota.Draw{Counter: requests, Limit: 10, Window: short(), Need: 1, Want: 1, Debt: 7}
	first := draw(t, a, d)
	units(t, first, 1, 2)
	d.Debt = 0
	next := after(t, b, quota.Draw{Counter: requests, Limit: 10, Window: short(), Need: 3, Want: 3}, first.Period)
	units(t, next, 0, 2)
	d.Debt = 5
	units(t, draw(t, a, d), 0, -3)
	d.Debt = 0
	units(t, draw(t, b, d), 0, -3)
}

func slidingLimitsHold(t T, banks Banks) {
	const limit = 25
	var replicas sync.WaitGroup
	var out, granted atomic.Int64
	ask := quota.Draw{Counter: requests, Limit: limit, Window: short(), Need: 1}
	for _, name := range []string{"a", "b", "c"} {
		b := banks.Open(name)
		if b.Recalls() == nil && name != "a" {
			break
		}
		for range 4 {
			replicas.Go(func() {
				for i := range 50 {
					d := ask
					d.Want = int64(1 + i%10)
					grants, err := b.Draw(t.Context(), []quota.Draw{d})
					if err != nil {
						t.Error(err)
						return
					}
					n := grants[0].Units
					if now := out.Add(n); now > limit {
						t.Errorf("%d units are out, of %d", now, limit)
					}
					if granted.Add(n); n == 0 {
						continue
					}
					out.Add(-n)
					if err := b.Return(t.Context(), []quota.Return{{Counter: requests, Period: grants[0].Period, Units: n}}); err != nil {
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
	ask.Want = limit
	units(t, draw(t, banks.Open("d"), ask), limit, 0)
}

func slicesOutliveReplicas(t T, banks Banks) {
	a, b := banks.Open("a"), banks.Open("b")
	if a.Recalls() == nil {
		b = a
	}
	d := quota.Draw{Counter: requests, Limit: 10, Window: short(), Need: 1, Want: 6}
	first := draw(t, a, d)
	units(t, first, 6, 4)
	d.Need = 10
	units(t, after(t, a, d, first.Period), 0, 4)
	if err := a.Reset(t.Context()); err != nil {
		t.Fatal(err)
	}
	d.Need = 1
	units(t, draw(t, a, d), 4, 0) // nobody knows how many of the six calls were made
	if err := a.Reset(t.Context()); err != nil {
		t.Fatal(err)
	}
	d.Need = 10
	for began := time.Now(); ; {
		g := draw(t, b, d)
		if units(t, g, 0, 0); g.Recall == 0 {
			return
		}
		if time.Since(began) > patience {
			t.Fatal("a draw waits for what a replica had before its restart")
		}
	}
}

func slidingChanges(t T, banks Banks) {
	b := banks.Open("a")
	fixed, sliding := quota.Window{Length: time.Minute}, quota.Sliding(time.Minute, 20*time.Second)
	d := quota.Draw{Counter: requests, Limit: 10, Window: fixed, Need: 1, Want: 3}
	minute := draw(t, b, d)
	d.Window = sliding
	g := draw(t, b, d)
	if units(t, g, 3, 4); g.Period != minute.Period || g.Ends <= 0 || g.Ends > sliding.Slice {
		t.Errorf("the slice is %+v", g)
	}
	d.Window = short()
	d.Need, d.Want = 10, 10
	d.Limit = 15
	units(t, after(t, b, d, g.Period), 0, 9)
	d.Window = fixed
	if g = after(t, b, d, g.Period); g.Units != 10 {
		t.Errorf("the slices count in a window that does not slide: %+v", g)
	}
}
