package inventory_test

import (
	"fmt"
	"testing"
	"time"
)

func TestLessons(t *testing.T) {
	v, a := open(t, ""), morning()
	if err := v.Refresh(t.Context(), region, 0, a.get); err != nil {
		t.Fatal(err)
	}
	a.set(func() { a.models["acme.liar-v1:0"] = "ON_DEMAND" })
	if err := v.Refresh(t.Context(), region, 0, a.get); err != nil {
		t.Fatal(err)
	}
	v.NeedsProfile("acme.liar-v1:0", region)
	v.InvalidID("us.acme.rocket-v9:0", region)
	knows := func() (needs, dead bool) {
		s := v.Snapshot()
		return s.NeedsProfile("acme.liar-v1:0", region), s.InvalidID("us.acme.rocket-v9:0", region)
	}
	if s := v.Snapshot(); s.NeedsProfile("acme.liar-v1:0", "us-west-2") || s.InvalidID("us.acme.rocket-v9:0", "us-west-2") {
		t.Error("it holds in another region")
	}
	if needs, dead := knows(); !needs || !dead {
		t.Fatalf("learned %t, %t", needs, dead)
	}
	if err := v.Refresh(t.Context(), region, 0, a.get); err != nil {
		t.Fatal(err)
	}
	if needs, dead := knows(); !needs || !dead {
		t.Errorf("lists that say the same make it forget: %t, %t", needs, dead)
	}
	a.set(func() { a.models["acme.liar-v1:0"] = "INFERENCE_PROFILE" })
	if err := v.Refresh(t.Context(), region, 0, a.get); err != nil {
		t.Fatal(err)
	}
	if needs, dead := knows(); needs || !dead {
		t.Errorf("lists that say something else: %t, %t", needs, dead)
	}
	v.clock.advance(time.Hour)
	if _, dead := knows(); dead {
		t.Error("an hour later it still holds")
	}
	for i := range 2000 {
		v.InvalidID(fmt.Sprintf("acme.made-up-%d", i), region)
		v.clock.advance(time.Millisecond)
	}
	if s := v.Snapshot(); s.InvalidID("acme.made-up-0", region) || !s.InvalidID("acme.made-up-1999", region) {
		t.Error("lessons are not bounded, the oldest first")
	}
}
