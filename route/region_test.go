package route

import (
	"context"
	"strings"
	"testing"
	"time"

	"outcrop/llm"
	"outcrop/provider"
)

// placed is a deployment with targets in places.
type placed []spot

func (p placed) Targets(llm.Verb, string) ([]provider.Target, error) {
	var all []provider.Target
	for _, s := range p {
		all = append(all, s)
	}
	return all, nil
}

func (placed) Close() error { return nil }

// spot is a target by the places where calls are processed, with commas; nowhere is one of which that is not known, and anywhere one
// that leads everywhere.
type spot struct {
	calm
	places string
}

func (s spot) ID() string       { return s.places }
func (s spot) Location() string { return s.places }

func (s spot) Places() ([]string, bool) {
	switch s.places {
	case "nowhere":
		return nil, false
	case "anywhere":
		return nil, true
	default:
		return strings.Split(s.places, ","), true
	}
}

func TestACallStaysInItsRegions(t *testing.T) {
	for _, test := range []struct {
		places, label, allowed string
		stays                  bool
	}{
		{"eu-central-1", "", "eu", true},
		{"eu-central-1,eu-west-1,eu-north-1", "", "eu", true},
		{"eu-central-1,us-east-1", "", "eu", false},
		{"eu-central-1", "", "us", false},
		{"eu-central-1", "", "eu-central-1", true},
		{"eu-central-1,eu-west-1", "", "eu-central-1", false},
		{"eu-west-2", "", "eu", false},
		{"europe-west4", "", "eu", true},
		{"eu", "", "eu", true},
		{"anywhere", "", "eu", false},
		{"anywhere", "eu", "eu", false},
		{"us-east-1", "eu", "eu", false},
		{"nowhere", "", "eu", false},
		{"nowhere", "eu", "eu", true},
		{"nowhere", "EU", "eu", true},
		{"nowhere", "eu", "eu,us", false},
		{"us-east-1", "", "us,us-east-1", true},
	} {
		t.Run(test.places+" "+test.label+" for "+test.allowed, func(t *testing.T) {
			e := Entry{Name: "granite", ID: "a", Deployment: &placed{{places: test.places}}, Timeout: time.Minute, Region: test.label}
			r := New(Plan{Entries: []Entry{e}}, Options{})
			for _, only := range []string{"", "a"} {
				c := llm.Call{Model: "granite", Deployment: only, Routing: llm.Routing{Regions: strings.Split(test.allowed, ",")}}
				_, err := r.Complete(t.Context(), &llm.Request{Call: c})
				if stays := err == nil; stays != test.stays {
					t.Error(err)
				}
				if e := llm.AsError(err); err != nil && (e.Code != llm.CodeModelDenied || e.Status != 403 || e.Param != "allowed_model_region") {
					t.Error(e)
				}
			}
		})
	}
}

func TestOnlyTheTargetsOfARegionAreCalled(t *testing.T) {
	all := []Entry{
		{Name: "granite", ID: "everywhere", Deployment: &placed{{places: "us-east-1"}, {places: "eu-west-1"}, {places: "anywhere"}}, Timeout: time.Minute},
		{Name: "granite", ID: "other", Deployment: &placed{{places: "us-west-2"}}, Timeout: time.Minute, Order: -1},
	}
	r := New(Plan{Entries: all}, Options{})
	c := llm.Call{Model: "granite", Routing: llm.Routing{Regions: []string{"eu"}}}
	var called []string
	for range 8 {
		resp, _, err := Do(t.Context(), r, llm.VerbChat, &c, func(_ context.Context, w way) (*llm.Response, error) {
			called = append(called, w.Location())
			return &llm.Response{}, nil
		})
		if err != nil || resp == nil {
			t.Fatal(err)
		}
	}
	if got := strings.Join(called, " "); got != strings.TrimSpace(strings.Repeat("eu-west-1 ", 8)) {
		t.Error(got)
	}
}

func TestFallbacksStayInTheRegionToo(t *testing.T) {
	p := Policy{Fallbacks: Fallbacks{Default: []string{"away", "near"}}}
	r := New(Plan{Policy: p, Entries: []Entry{
		{Name: "granite", ID: "1", Deployment: &placed{{places: "us-east-1"}}, Timeout: time.Minute},
		{Name: "away", ID: "2", Deployment: &placed{{places: "anywhere"}}, Timeout: time.Minute},
		{Name: "near", ID: "3", Deployment: &placed{{places: "eu-west-3"}}, Timeout: time.Minute},
	}}, Options{})
	resp, err := r.Complete(t.Context(), &llm.Request{Call: llm.Call{Model: "granite", Routing: llm.Routing{Regions: []string{"eu"}}}})
	if err != nil || resp.Meta.Deployment != "3" {
		t.Errorf("%v, %+v", err, resp)
	}
	if _, err := r.Complete(t.Context(), &llm.Request{Call: llm.Call{Model: "granite", Routing: llm.Routing{Regions: []string{"ap-south-1"}}}}); llm.AsError(err).Code != llm.CodeModelDenied {
		t.Error(err)
	}
}
