package alert

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"outcrop/llm"
	"outcrop/quota"
	"outcrop/store"
)

// sink keeps the alerts.
type sink chan Alert

func (s sink) Send(a Alert) { s <- a }

// named are the events that were sent.
func (s sink) named() (all []string) {
	for len(s) > 0 {
		a := <-s
		all = append(all, a.Event.Name+" "+a.Event.Message)
	}
	return all
}

func dollars(d float64) llm.Opt[llm.Cost] { return llm.Some(llm.Cost(d * 1e12)) }

func TestEventsOfBudgets(t *testing.T) {
	month := quota.Window{Months: 1}
	ends := time.Date(2026, 7, 1, 0, 0, 0, 0, time.UTC)
	for _, tt := range []struct {
		name      string
		group     Group
		max, soft llm.Opt[llm.Cost]
		used      float64
		window    quota.Window
		want      []string
	}{
		{"little is used", GroupKey, dollars(10), dollars(5), 1, quota.Window{}, nil},
		{"85 %", GroupKey, dollars(10), llm.Opt[llm.Cost]{}, 8.5, quota.Window{}, []string{"threshold_crossed Key Budget: 15% or less of budget remaining"}},
		{"not yet 85 %", GroupKey, dollars(10), llm.Opt[llm.Cost]{}, 8.49, quota.Window{}, nil},
		{"95 %", GroupTeam, dollars(10), llm.Opt[llm.Cost]{}, 9.5, quota.Window{}, []string{"threshold_crossed Team Budget: 5% or less of budget remaining"}},
		{"all of it", GroupUser, dollars(10), llm.Opt[llm.Cost]{}, 10, quota.Window{}, []string{"budget_crossed User Budget: Budget Crossed\n Total Budget:`10`"}},
		{"more than all", GroupMember, dollars(10), llm.Opt[llm.Cost]{}, 11, quota.Window{}, []string{"budget_crossed Team Member Budget: Budget Crossed\n Total Budget:`10`"}},
		{"the soft one", GroupCustomer, dollars(10), dollars(5), 5, quota.Window{}, []string{"soft_budget_crossed Soft Budget Crossed: Total Soft Budget:`5`"}},
		{"only a soft one", GroupTag, llm.Opt[llm.Cost]{}, dollars(5), 5, quota.Window{}, []string{"soft_budget_crossed Soft Budget Crossed: Total Soft Budget:`5`"}},
		{"both", GroupProxy, dollars(6), dollars(5), 6, quota.Window{}, []string{"soft_budget_crossed Soft Budget Crossed: Total Soft Budget:`5`", "budget_crossed Proxy Budget: Budget Crossed\n Total Budget:`6`"}},
		{"a third in a third of the month", GroupKey, llm.Opt[llm.Cost]{}, dollars(10), 3, month, nil},
		{"half in a third of the month", GroupKey, llm.Opt[llm.Cost]{}, dollars(10), 5, month, []string{"projected_limit_exceeded Key Budget: Projected Limit Exceeded"}},
		{"only keys are projected", GroupOrganization, llm.Opt[llm.Cost]{}, dollars(10), 5, month, nil},
	} {
		of := &Budget{Counter: "c", Window: tt.window, About: Event{Group: tt.group, MaxBudget: tt.max, SoftBudget: tt.soft}}
		var got []string
		for _, e := range of.events(llm.Cost(tt.used*1e12), ends, noon()) {
			got = append(got, e.Name+" "+e.Message)
			if e.Spend != llm.Cost(tt.used*1e12) || e.Group != tt.group {
				t.Errorf("%s: %+v", tt.name, e)
			}
		}
		if !slices.Equal(got, tt.want) {
			t.Errorf("%s: got %q, want %q", tt.name, got, tt.want)
		}
	}
}

func TestTheDayOfAProjectionIsTold(t *testing.T) {
	of := &Budget{Window: quota.Window{Months: 1}, About: Event{Group: GroupKey, SoftBudget: dollars(10)}}
	all := of.events(5e12, time.Date(2026, 7, 1, 0, 0, 0, 0, time.UTC), noon()) // nine and a half days for 5 dollars
	if len(all) != 1 || all[0].ProjectedDate != "2026-06-19" && all[0].ProjectedDate != "2026-06-20" || all[0].ProjectedSpend.Value.USD() < 15 || all[0].ProjectedSpend.Value.USD() > 16 {
		t.Errorf("%+v", all)
	}
}

// ledger is a store.
type ledger struct {
	mu     sync.Mutex
	used   map[string]int64
	claims map[string]time.Time
	fails  int
	looked chan struct{}
}

func (l *ledger) Counters(_ context.Context, ids []string) (map[string]store.Counter, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	defer func() { l.looked <- struct{}{} }()
	if l.fails > 0 {
		l.fails--
		return nil, errors.New("away")
	}
	all := map[string]store.Counter{}
	for _, id := range ids {
		all[id] = store.Counter{Used: l.used[id]}
	}
	return all, nil
}

func (l *ledger) Claim(_ context.Context, what string, now, expires time.Time) (bool, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if now.Before(l.claims[what]) {
		return false, nil
	}
	l.claims[what] = expires
	return true, nil
}

func TestEachEventIsToldOnceOverAllReplicas(t *testing.T) {
	l := &ledger{used: map[string]int64{}, claims: map[string]time.Time{}, looked: make(chan struct{}, 100)}
	told := make(sink, 100)
	var mu sync.Mutex
	now := noon()
	replica := func() *Budgets {
		b := Watch(t.Context(), BudgetOptions{Ledger: l, Sink: told, Again: 24 * time.Hour, Logger: slog.New(slog.DiscardHandler), every: time.Microsecond, Now: func() time.Time {
			mu.Lock()
			defer mu.Unlock()
			return now
		}})
		t.Cleanup(func() { b.Close(t.Context()) })
		return b
	}
	replicas := []*Budgets{replica(), replica()}
	of := &Budget{Counter: "key:k/spend", About: Event{Group: GroupKey, MaxBudget: dollars(10)}}
	// look has each replica post a call, and waits until it has looked.
	look := func(used float64) []string {
		l.mu.Lock()
		l.used[of.Counter] = int64(used * 1e12)
		l.mu.Unlock()
		for _, b := range replicas {
			b.Know([]*Budget{of})
			b.Posted([]store.Row{{Charges: []store.Charge{{Counter: "key:other/spend"}, {Counter: of.Counter}}}})
			<-l.looked
			b.Refused([]*Budget{of})
			<-l.looked
		}
		for _, b := range replicas { // so that all of the looks have ended
			b.Close(t.Context())
		}
		replicas = []*Budgets{replica(), replica()}
		return told.named()
	}
	const first, second, last = "threshold_crossed Key Budget: 15% or less of budget remaining", "threshold_crossed Key Budget: 5% or less of budget remaining", "budget_crossed Key Budget: Budget Crossed\n Total Budget:`10`"
	for _, step := range []struct {
		used   float64
		passed time.Duration
		want   []string
	}{{1, 0, nil}, {9, 0, []string{first}}, {9.1, time.Hour, nil}, {9.6, 0, []string{second}}, {10, 0, []string{last}}, {12, 23 * time.Hour, nil}, {12, 2 * time.Hour, []string{last}}} {
		mu.Lock()
		now = now.Add(step.passed)
		mu.Unlock()
		if got := look(step.used); !slices.Equal(got, step.want) {
			t.Errorf("%v: got %q, want %q", step.used, got, step.want)
		}
	}
	of = &Budget{Counter: of.Counter, About: Event{Group: GroupKey, MaxBudget: dollars(11)}} // a budget that was raised is told again
	if got := look(12); len(got) != 1 || !strings.HasSuffix(got[0], "`11`") {
		t.Error(got)
	}
}

func TestAStoreThatFailsIsAskedAgain(t *testing.T) {
	l := &ledger{used: map[string]int64{"c": 1e12}, claims: map[string]time.Time{}, fails: 1, looked: make(chan struct{}, 100)}
	told := make(sink, 100)
	b := Watch(t.Context(), BudgetOptions{Ledger: l, Sink: told, Again: time.Hour, Now: noon, Logger: slog.New(slog.DiscardHandler), every: time.Microsecond})
	b.Refused([]*Budget{{Counter: "c", About: Event{Group: GroupKey, MaxBudget: dollars(1)}}})
	<-l.looked
	b.Close(t.Context()) // it looks a last time
	if got := told.named(); len(got) != 1 {
		t.Error(got)
	}
}

func TestCallsThatFailAndThatAreSlowAreTold(t *testing.T) {
	told := make(sink, 100)
	now := noon()
	c := WatchCalls(CallOptions{Sink: told, Slow: 5 * time.Second, Window: time.Minute, Minor: 2, Major: 3, Now: func() time.Time { return now }})
	types := func() string {
		var all []string
		for len(told) > 0 {
			a := <-told
			all = append(all, fmt.Sprintf("%s %s", a.Type, a.Level))
		}
		return strings.Join(all, ", ")
	}
	failed := &Call{Model: "granite", Deployment: "d", Provider: "bedrock", Status: 503, Code: "service.unavailable", Message: "it is `down`", Theirs: true}
	for i, step := range []struct {
		call *Call
		want string
	}{
		{&Call{Model: "granite", Status: 200, Duration: 5 * time.Second}, ""},
		{&Call{Model: "granite", Status: 200, Duration: 6 * time.Second}, "llm_too_slow Low"},
		{&Call{Model: "granite", Status: 200, Duration: 7 * time.Second}, ""},
		{&Call{Model: "granite", Status: 400, Code: "gateway.bad_request", Message: "no"}, ""},
		{failed, "llm_exceptions High"},
		{failed, "outage_alerts Medium"},
		{failed, "outage_alerts High"},
		{failed, ""},
		{&Call{Model: "granite", Deployment: "d", Status: 429, Code: "limit.requests", Message: "slow down", Theirs: true}, "llm_exceptions High"},
	} {
		c.Ended(step.call)
		if got := types(); got != step.want {
			t.Errorf("%d: got %s, want %s", i, got, step.want)
		}
	}
	now = now.Add(10 * time.Minute)
	failed.Status = 408
	c.Ended(failed)
	a := <-told
	if !strings.Contains(a.Text, "LLM API call failed: `it is 'down'`") || !strings.HasSuffix(a.Text, "3 more like the last one before") {
		t.Error(a.Text)
	}
	c.DatabaseFailed(errors.New("away"))
	c.DatabaseFailed(errors.New("away"))
	if got := types(); got != "db_exceptions High" {
		t.Error(got)
	}
}

// TestFailuresOfARegionAreToldTogether has the failures of two deployments of one region, of one of another, and of the same later.
func TestFailuresOfARegionAreToldTogether(t *testing.T) {
	told := make(sink, 100)
	now := noon()
	c := WatchCalls(CallOptions{Sink: told, Slow: time.Minute, Window: time.Minute, RegionWindow: time.Minute, Minor: 3, Major: 5, Now: func() time.Time { return now }})
	fails := func(deployment, region string, status int) string {
		c.Ended(&Call{Model: "granite", Deployment: deployment, Provider: "bedrock", Region: region, Status: status, Code: "service.unavailable", Theirs: true})
		var texts []string
		for len(told) > 0 {
			if a := <-told; a.Type == RegionOutages {
				texts = append(texts, string(a.Level)+a.Text)
			}
		}
		return strings.Join(texts, "")
	}
	for i, step := range []struct {
		deployment, region string
		status             int
		passed             time.Duration
		want               string
	}{
		{"a", "us-east-1", 503, 0, ""},
		{"a", "us-east-1", 408, 0, ""},
		{"a", "us-east-1", 503, 0, ""}, // one deployment is no region
		{"b", "eu-west-1", 503, 0, ""},
		{"b", "", 503, 0, ""},
		{"b", "us-east-1", 429, 0, ""}, // counts for nothing
		{"b", "us-east-1", 503, 0, "Medium\n*⚠️ Minor Service Outage*\n\n*Region:* `us-east-1`\n*Provider:* `bedrock`\n*Deployments:* 2\n\n*Errors:*\nTimeout Errors: 1\nAPI Errors: 3\n"},
		{"b", "us-east-1", 503, 0, "High\n*⚠️ Major Service Outage*\n\n*Region:* `us-east-1`\n*Provider:* `bedrock`\n*Deployments:* 2\n\n*Errors:*\nTimeout Errors: 1\nAPI Errors: 4\n"},
		{"b", "us-east-1", 503, 0, ""},
		{"b", "us-east-1", 503, 2 * time.Minute, ""},
	} {
		now = now.Add(step.passed)
		if got := fails(step.deployment, step.region, step.status); got != step.want {
			t.Errorf("%d: got %q, want %q", i, got, step.want)
		}
	}
}
