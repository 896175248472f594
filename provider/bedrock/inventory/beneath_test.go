package inventory_test

import (
	"fmt"
	"testing"
	"time"
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
		v.Want(region, arn, a.get) // nothing has been read, so nothing is asked
	}
	if n := a.count(""); n != 0 {
		t.Errorf("%d calls before anything was to be read", n)
	}
	if err := v.Refresh(t.Context(), region, 0, a.get); err != nil {
		t.Fatal(err)
	}
	for arn, base := range want {
		if got, _ := v.Now().Catalogue.Beneath(arn); got != base {
			t.Errorf("%s: %q, want %q", arn, got, base)
		}
	}
	v.clock.advance(10 * time.Second)
	later := "arn:aws:bedrock:us-east-1:111122223333:provisioned-model/mmmmmmmmmmmm"
	v.Want(region, later, a.get)
	for deadline := time.Now().Add(time.Minute); time.Now().Before(deadline); time.Sleep(time.Millisecond) { // it is looked up by itself
		if _, ok := v.Now().Catalogue.Beneath(later); ok {
			break
		}
	}
	if got, _ := v.Now().Catalogue.Beneath(later); got != "acme.pebble-v1:0" {
		t.Errorf("an ARN that came later: %q", got)
	}
}

// What was looked up outlasts a restart and the readings after it, in which nobody
// asks for it.
func TestWhatLiesBeneathIsKept(t *testing.T) {
	dir := t.TempDir()
	v, a := open(t, dir), morning()
	const arn = "arn:aws:bedrock:us-east-1:111122223333:provisioned-model/abcdefghijkl"
	v.Want(region, arn, a.get)
	if err := v.Refresh(t.Context(), region, 0, a.get); err != nil {
		t.Fatal(err)
	}
	again := open(t, dir)
	again.Use(region)
	for range 2 {
		if base, _ := again.Now().Catalogue.Beneath(arn); base != "acme.pebble-v1:0" {
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

// Clients name ARNs: those that lead nowhere are asked for once, there is a bound,
// and asking for them has no lists read without end.
func TestARNsThatLeadNowhere(t *testing.T) {
	v, a := open(t, ""), morning()
	a.fail["provisioned-model-throughput"] = denied("bedrock:GetProvisionedModelThroughput")
	arn := func(i int) string {
		return fmt.Sprintf("arn:aws:bedrock:us-east-1:111122223333:provisioned-model/%012d", i)
	}
	for i := range 300 {
		v.Want(region, arn(i), a.get)
	}
	for range 3 {
		if err := v.Refresh(t.Context(), region, 0, a.get); err != nil {
			t.Fatal(err)
		}
	}
	if n := a.count("provisioned-model-throughput"); n != 256 {
		t.Errorf("%d are asked for", n)
	}
	read := a.count("foundation-models")
	for range 50 {
		v.Want(region, arn(1), a.get)
		v.Want(region, arn(299), a.get)
	}
	if err := v.Refresh(t.Context(), region, time.Hour, a.get); err != nil {
		t.Fatal(err)
	}
	if n := a.count("foundation-models"); n != read {
		t.Errorf("the lists were read %d times more", n-read)
	}
}
