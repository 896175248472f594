package valkey

import (
	"errors"
	"testing"
	"time"

	"outcrop/quota"
)

// Units of a slice that is over are returned once, or not at all.
func TestAReturnToASliceWhoseAnswerIsLostIsNotRepeated(t *testing.T) {
	const counter = "key:x/requests"
	s := start(t)
	c := admin(t, s)
	a := open(t, Options{URL: "redis://" + s.Address(), Replica: "a", Timeout: 50 * time.Millisecond})
	b := open(t, Options{URL: "redis://" + s.Address(), Replica: "b"})
	d := quota.Draw{Counter: counter, Limit: 10, Window: quota.Sliding(time.Hour, 30*time.Millisecond), Need: 10, Want: 10}
	ask := func() quota.Grant {
		t.Helper()
		grants, err := b.Draw(t.Context(), []quota.Draw{d})
		if err != nil {
			t.Fatal(err)
		}
		return grants[0]
	}
	first := soon(t, a, d)
	for began := time.Now(); ask().Period == first.Period; {
		if time.Since(began) > time.Minute {
			t.Fatal("the slice does not end")
		}
	}
	back := []quota.Return{{Counter: counter, Period: first.Period, Units: 3}}
	soon(t, a, quota.Draw{Counter: "key:y/requests", Limit: 10, Need: 1, Want: 1})
	goOn := hang(t, c)
	if err := a.Return(t.Context(), back); !errors.Is(err, quota.ErrAway) {
		t.Fatal(err)
	}
	goOn()
	for began := time.Now(); ; {
		err := a.Return(t.Context(), back)
		if err == nil {
			break
		}
		if !errors.Is(err, quota.ErrAway) || time.Since(began) > time.Minute {
			t.Fatal(err)
		}
	}
	if g := ask(); g.Left > 3 {
		t.Errorf("three units were returned twice: %+v", g)
	}
}

// A replica may have drawn in a slice before it lost its epoch, or drawn in one that began before it did.
func TestASliceThatBeganBeforeTheEpochTakesUnitsBack(t *testing.T) {
	const counter = "key:x/requests"
	s := start(t)
	b := open(t, Options{URL: "redis://" + s.Address(), Replica: "b"})
	d := []quota.Draw{{Counter: counter, Limit: 10, Window: quota.Sliding(time.Hour, 300*time.Millisecond), Need: 2, Want: 2}}
	first, err := b.Draw(t.Context(), d)
	if err != nil {
		t.Fatal(err)
	}
	a := open(t, Options{URL: "redis://" + s.Address(), Replica: "a"})
	mine, err := a.Draw(t.Context(), d)
	if err != nil || mine[0].Period <= first[0].Period {
		t.Fatalf("%+v, %v after %+v", mine, err, first)
	}
	d[0].Need, d[0].Want = 10, 10
	for began := time.Now(); ; {
		g, err := b.Draw(t.Context(), d)
		if err != nil || time.Since(began) > time.Minute {
			t.Fatal(g, err)
		}
		if g[0].Period > mine[0].Period {
			break
		}
	}
	if err := a.Return(t.Context(), []quota.Return{{Counter: counter, Period: mine[0].Period, Units: 1}}); err != nil {
		t.Fatal(err)
	}
	if g, err := b.Draw(t.Context(), d); err != nil || g[0].Left != 7 {
		t.Errorf("%+v, %v", g, err)
	}
}
