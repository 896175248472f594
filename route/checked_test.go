package route

import (
	"testing"
	"time"

	"outcrop/llm"
)

// resting is a router with two deployments of a name, and one more way to call it: it returns who has answered.
func resting(t *testing.T, now *time.Time) (r *Router, ask func() string) {
	t.Helper()
	entry := func(id string) Entry {
		return Entry{Name: "m", ID: id, Model: id, Deployment: &fake{name: id, steps: []step{{}}}}
	}
	r = New(Plan{Entries: []Entry{entry("a"), entry("b")}}, Options{Now: func() time.Time { return *now }})
	return r, func() string {
		t.Helper()
		resp, err := r.Complete(t.Context(), &llm.Request{Call: llm.Call{Model: "m"}})
		if err != nil {
			t.Fatal(err)
		}
		return resp.RawStop
	}
}

func TestCallsPassByADeploymentThatRests(t *testing.T) {
	now := time.Unix(1_800_000_000, 0)
	r, ask := resting(t, &now)
	count := func(n int) (a int) {
		for range n {
			if ask() == "a" {
				a++
			}
		}
		return a
	}
	if a := count(10); a != 5 {
		t.Fatalf("a has %d of 10 calls before", a)
	}
	until := now.Add(time.Minute)
	if !r.Rest("a", until) || r.Rest("c", until) {
		t.Error("a is known, and c is not")
	}
	if a := count(10); a != 0 {
		t.Errorf("a has %d of 10 calls while it rests", a)
	}
	r.Resume("a", until.Add(time.Second)) // another's
	if a := count(10); a != 0 {
		t.Errorf("a has %d of 10 calls after another's end", a)
	}
	r.Resume("a", until)
	if a := count(10); a != 5 {
		t.Errorf("a has %d of 10 calls afterwards", a)
	}
	r.Rest("a", until)
	r.Rest("b", until.Add(time.Second))
	if who := ask(); who != "a" { // its success ends its rest
		t.Errorf("%s is asked when both rest", who)
	}
	if a := count(10); a != 10 {
		t.Errorf("a has %d of 10 calls after its success", a)
	}
}

func TestARestNeverShortensACooldown(t *testing.T) {
	now := time.Unix(1_800_000_000, 0)
	r, ask := resting(t, &now)
	longer := now.Add(time.Hour)
	r.Rest("a", longer)
	shorter := now.Add(time.Minute)
	r.Rest("a", shorter)
	r.Resume("a", shorter)
	now = now.Add(2 * time.Minute)
	for range 4 {
		if who := ask(); who != "b" {
			t.Errorf("%s is asked", who)
		}
	}
}
