package inventory_test

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"outcrop/provider/bedrock/catalog"
	"outcrop/provider/bedrock/inventory"
)

func TestWhatLiesBeneathAnARN(t *testing.T) {
	v, a := open(t, ""), morning()
	want := map[string]string{
		"arn:aws:bedrock:us-east-1:999999999999:application-inference-profile/zzzzzzzzzzzz": "acme.pebble-v1:0",
		"arn:aws:bedrock:us-east-1:111122223333:provisioned-model/abcdefghijkl":             "acme.pebble-v1:0",
		"arn:aws:bedrock:us-east-1:111122223333:custom-model-deployment/abcdefghijkl":       "amazon.nova-lite-v1:0",
		"arn:aws:bedrock:us-east-1:111122223333:imported-model/abcdefghijkl":                "",
		"no ARN at all": "",
	}
	for arn := range want {
		v.ResolveARN(region, arn, a.get) // nothing has been read, so nothing is asked
	}
	if n := a.count(""); n != 0 {
		t.Errorf("%d calls before anything was to be read", n)
	}
	if err := v.Refresh(t.Context(), region, 0, a.get); err != nil {
		t.Fatal(err)
	}
	for arn, base := range want {
		if got, _ := v.Snapshot().Catalogue.BaseModel(arn); got != base {
			t.Errorf("%s: %q, want %q", arn, got, base)
		}
	}
	v.clock.advance(10 * time.Second)
	later := "arn:aws:bedrock:us-east-1:111122223333:provisioned-model/mmmmmmmmmmmm"
	v.ResolveARN(region, later, a.get)
	for deadline := time.Now().Add(time.Minute); time.Now().Before(deadline); time.Sleep(time.Millisecond) { // it is looked up by itself
		if _, ok := v.Snapshot().Catalogue.BaseModel(later); ok {
			break
		}
	}
	if got, _ := v.Snapshot().Catalogue.BaseModel(later); got != "acme.pebble-v1:0" {
		t.Errorf("an ARN that came later: %q", got)
	}
}

// What was looked up outlasts a restart and the readings after it, in which nobody
// asks for it.
func TestWhatLiesBeneathIsKept(t *testing.T) {
	dir := t.TempDir()
	v, a := open(t, dir), morning()
	const arn = "arn:aws:bedrock:us-east-1:111122223333:provisioned-model/abcdefghijkl"
	v.ResolveARN(region, arn, a.get)
	if err := v.Refresh(t.Context(), region, 0, a.get); err != nil {
		t.Fatal(err)
	}
	again := open(t, dir)
	again.AddRegion(region)
	for range 2 {
		if base, _ := again.Snapshot().Catalogue.BaseModel(arn); base != "acme.pebble-v1:0" {
			t.Errorf("beneath is %q", base)
		}
		if err := again.Refresh(t.Context(), region, 0, a.get); err != nil {
			t.Fatal(err)
		}
	}
	if n := a.count("provisioned-model-throughput"); n != 1 {
		t.Errorf("it was looked up %d times", n)
	}
}

func provisioned(i int) string {
	return fmt.Sprintf("arn:aws:bedrock:us-east-1:111122223333:provisioned-model/%012d", i)
}

// live is an inventory that has read its lists, with the bubble's clock.
func live(t *testing.T, a *aws) *inventory.Inventory {
	t.Helper()
	base := catalog.Embedded()
	v := inventory.New(inventory.Options{Base: base, Logger: slog.New(slog.DiscardHandler)})
	if err := v.Refresh(t.Context(), region, time.Now(), a.get); err != nil {
		t.Error(err)
	}
	return v
}

// Clients name ARNs: those that lead nowhere are asked for once, some at once and then
// no more than one a second, there is a bound, and asking for them has no lists read.
func TestARNsThatLeadNowhere(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := morning()
		a.fail["provisioned-model-throughput"] = denied("bedrock:GetProvisionedModelThroughput")
		v := live(t, a)
		defer v.Close()
		read := a.count("foundation-models")
		for i := range 256 {
			v.ResolveARN(region, provisioned(i), a.get)
		}
		synctest.Wait()
		if n := a.count("provisioned-model-throughput"); n != 32 {
			t.Errorf("%d are asked for at once", n)
		}
		time.Sleep(10*time.Second + time.Millisecond)
		synctest.Wait()
		if n := a.count("provisioned-model-throughput"); n != 42 {
			t.Errorf("%d are asked for after 10 s", n)
		}
		time.Sleep(time.Hour)
		synctest.Wait()
		if n := a.count("provisioned-model-throughput"); n != 256 {
			t.Errorf("%d are asked for in the end", n)
		}
		v.ResolveARN(region, provisioned(1), a.get)
		synctest.Wait()
		if n := a.count("provisioned-model-throughput"); n != 256 || a.count("foundation-models") != read {
			t.Errorf("%d are asked for, the lists read %d times", n, a.count("foundation-models"))
		}
		for i := range 3000 { // others take the place of those that gave nothing
			v.ResolveARN(region, provisioned(1000+i), a.get)
		}
		time.Sleep(10*time.Second + time.Millisecond)
		synctest.Wait()
		if n := a.count("provisioned-model-throughput"); n != 256+42 {
			t.Errorf("%d are asked for", n)
		}
	})
}

// Of a flood of ARNs a reading waits for those that may be looked up at once, and the
// others follow.
func TestAReadingDoesNotWaitForAllARNs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		base := catalog.Embedded()
		v, a := inventory.New(inventory.Options{Base: base}), morning()
		defer v.Close()
		for i := range 100 {
			v.ResolveARN(region, provisioned(i), a.get)
		}
		began := time.Now()
		if err := v.Refresh(t.Context(), region, time.Now(), a.get); err != nil || time.Since(began) > 0 {
			t.Errorf("after %v: %v", time.Since(began), err)
		}
		if _, ok := v.Snapshot().Catalogue.BaseModel(provisioned(31)); !ok {
			t.Error("what may be looked up at once is not known")
		}
		time.Sleep(2 * time.Minute)
		synctest.Wait()
		if _, ok := v.Snapshot().Catalogue.BaseModel(provisioned(99)); !ok {
			t.Error("the others are not known later")
		}
	})
}

// An ARN that is requested while something else is being asked is looked up all the same.
func TestAnARNThatIsWantedDuringAReading(t *testing.T) {
	for _, during := range []string{"foundation-model-availability", "provisioned-model-throughput"} {
		synctest.Test(t, func(t *testing.T) {
			a := morning()
			base := catalog.Embedded()
			v := inventory.New(inventory.Options{Base: base})
			defer v.Close()
			gate := make(chan struct{})
			get := func(ctx context.Context, region, query string, path ...string) ([]byte, error) {
				if path[0] == during {
					select {
					case <-gate:
					case <-ctx.Done():
						return nil, ctx.Err()
					}
				}
				return a.get(ctx, region, query, path...)
			}
			v.ResolveARN(region, provisioned(1), get)
			done := make(chan error, 1)
			go func() { done <- v.Refresh(t.Context(), region, time.Now(), get) }()
			synctest.Wait()
			v.ResolveARN(region, provisioned(0), get)
			close(gate)
			synctest.Wait()
			if err := <-done; err != nil {
				t.Error(err)
			}
			for i := range 2 {
				if _, ok := v.Snapshot().Catalogue.BaseModel(provisioned(i)); !ok {
					t.Errorf("during %s: %s is not looked up", during, provisioned(i))
				}
			}
		})
	}
}

func TestRefreshesHaveAPause(t *testing.T) {
	v, a := open(t, ""), morning()
	for range 400 {
		if err := v.Inventory.Refresh(t.Context(), region, v.clock.time(), a.get); err != nil {
			t.Fatal(err)
		}
	}
	if n := a.count("foundation-models"); n != 4 {
		t.Errorf("the lists were read %d times", n)
	}
	a.set(func() { a.fail["foundation-models"] = denied("bedrock:ListFoundationModels") })
	if err := v.Inventory.Refresh(t.Context(), region, v.clock.time(), a.get); err != nil {
		t.Errorf("within the pause: %v", err)
	}
	v.clock.advance(5 * time.Second)
	for range 2 { // the second time by what the last one gave
		if err := v.Inventory.Refresh(t.Context(), region, v.clock.time(), a.get); err == nil {
			t.Error("no error")
		}
	}
	if n := a.count("foundation-models"); n != 5 {
		t.Errorf("the lists were read %d times", n)
	}
}

// A fault while something is read is logged, and costs that reading and nothing else.
func TestAFaultInAReadingIsSurvived(t *testing.T) {
	for _, at := range []string{"foundation-models", "inference-profiles", "foundation-model-availability", "provisioned-model-throughput"} {
		v, a := open(t, ""), morning()
		faulty := func(ctx context.Context, region, query string, path ...string) ([]byte, error) {
			if path[0] == at {
				panic("a fault of the test's")
			}
			return a.get(ctx, region, query, path...)
		}
		v.ResolveARN(region, provisioned(1), faulty)
		err := v.Refresh(t.Context(), region, 0, faulty)
		if lists := at == "foundation-models" || at == "inference-profiles"; (err != nil) != lists {
			t.Errorf("%s: %v", at, err)
		}
		if log := v.log.String(); strings.Count(log, "level=ERROR") != 1 || !strings.Contains(log, "a fault of the test's") || !strings.Contains(log, "beneath_test.go") {
			t.Errorf("%s: the log is %s", at, log)
		}
		v.clock.advance(time.Minute)
		if err := v.Refresh(t.Context(), region, 0, a.get); err != nil {
			t.Errorf("%s: the next reading: %v", at, err)
		}
		if base, _ := v.Snapshot().Catalogue.BaseModel(provisioned(1)); base != "acme.pebble-v1:0" {
			t.Errorf("%s: beneath is %q", at, base)
		}
		if m, ok := v.Snapshot().Catalogue.Model("acme.pebble-v1:0"); !ok || !m.Availability(region).Set {
			t.Errorf("%s: access is not known", at)
		}
	}
}
