package catalog

import (
	"sync"
	"testing"
	"time"

	"outcrop/llm"
)

func TestOverlaysOfEqualListsAreShared(t *testing.T) {
	base := Embedded()
	at := time.Date(2026, 11, 22, 8, 1, 0, 0, time.UTC)
	live := func(account, model string, at time.Time) *Live {
		return &Live{Account: account, Region: "us-east-1", At: at, Models: llm.Some([]LiveModel{{ID: model, InferenceTypes: []string{"ON_DEMAND"}}})}
	}
	o := NewOverlays(base, 2*(overlaySize+rowSize))
	var wg sync.WaitGroup
	made, ends := make([]*Catalogue, 50), make([]func(), 50)
	for i := range made {
		wg.Go(func() {
			made[i], ends[i], _ = o.Lay(true, live("111122223333", "acme.rocket-v9:0", at.Add(time.Duration(i)*time.Minute)))
		})
	}
	wg.Wait()
	for _, c := range made {
		if c != made[0] {
			t.Fatal("lists that say the same are laid over the catalogue twice")
		}
	}
	if c := made[0]; c.OnDemand("acme.rocket-v9:0", "us-east-1") != Yes {
		t.Error("the lists do not count")
	}
	other, endOther, ok := o.Lay(true, live("", "acme.pebble-v1:0", at))
	if !ok || other == made[0] {
		t.Error("lists that say something else are not told apart")
	}
	if c, _, ok := o.Lay(true, live("", "acme.stone-v1:0", at)); ok || c != base {
		t.Error("there is no bound")
	}
	third, endThird, ok := o.Lay(false, live("", "acme.stone-v1:0", at))
	if !ok || third.OnDemand("acme.stone-v1:0", "us-east-1") != Yes {
		t.Error("the operator's own are bounded")
	}
	endOther()
	endOther()
	if _, end, ok := o.Lay(true, live("", "acme.pebble-v1:0", at.Add(2*time.Hour))); !ok {
		t.Error("what is not used any more is not forgotten")
	} else {
		end()
	}
	for _, end := range ends {
		end()
	}
	endThird()
	if len(o.known) != 0 || o.bounded != 0 {
		t.Errorf("%d are left, %d bytes", len(o.known), o.bounded)
	}
}
