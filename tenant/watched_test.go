package tenant_test

import (
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"testing"

	"outcrop/alert"
	"outcrop/llm"
	"outcrop/quota"
	"outcrop/store"
	"outcrop/tenant"
)

// watcher keeps the budgets that it is told of.
type watcher struct {
	mu             sync.Mutex
	known, refused []string
}

func (w *watcher) Know(budgets []*alert.Budget)    { w.keep(&w.known, budgets) }
func (w *watcher) Refused(budgets []*alert.Budget) { w.keep(&w.refused, budgets) }

func (w *watcher) keep(to *[]string, budgets []*alert.Budget) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, b := range budgets {
		a := &b.About
		*to = append(*to, fmt.Sprint(b.Counter, " ", a.Group, " max=", a.MaxBudget.Value, " soft=", a.SoftBudget.Value, " key=", a.KeyAlias, " user=", a.UserID, " mail=", a.UserEmail, a.Emails,
			" team=", a.TeamID, a.TeamAlias, " org=", a.OrganizationID, " customer=", a.CustomerID, " tag=", a.Tag))
	}
}

func TestEveryBudgetOfACallIsWatched(t *testing.T) {
	w := &world{t: t, time: noon()}
	w.over(tenant.Settings{MaxBudget: llm.Some(llm.Cost(100e12))}, quota.NewMemory(w.now), quota.NewMemory(w.now))
	seen := &watcher{}
	var err error
	d, err := tenant.Open(t.Context(), tenant.Options{
		Store: w.store, Money: w.money, Rates: w.rates, Journal: w, Budgets: seen, Now: w.now, Logger: slog.New(slog.DiscardHandler), Settings: tenant.Settings{MaxBudget: llm.Some(llm.Cost(100e12))},
	})
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	w.put(store.KindOrganization, "geo", `{"max_budget":50}`)
	w.put(store.KindTeam, "rocks", `{"team_alias":"Rocks","organization_id":"geo","max_budget":20,"team_member_budget":5,"metadata":{"soft_budget_alerting_emails":"lead@x.test, "}}`)
	w.put(store.KindUser, "ann", `{"user_email":"ann@x.test","max_budget":7}`)
	w.put(store.KindBudget, "b", `{"max_budget":2,"soft_budget":1}`)
	w.put(store.KindCustomer, "acme", `{"budget_id":"b"}`)
	w.put(store.KindTag, "red", `{"soft_budget":3}`)
	w.key(`{"key_alias":"k","user_id":"ann","team_id":"rocks","max_budget":0.2}`)
	c, err := d.Caller(t.Context(), key)
	if err != nil {
		t.Fatal(err)
	}
	req := call(10)
	req.Customer, req.Tags = "acme", []string{"red", "blue"}
	ch, err := c.Begin(t.Context(), req)
	if err != nil {
		t.Fatal(err)
	}
	w.settle(ch, 10)
	hash := tenant.Hash(key)
	want := []string{
		"customer:acme/spend end_user max=2 soft=1 key= user= mail=[] team= org= customer=acme tag=",
		"key:" + hash + "/spend key max=0.2 soft=0 key=k user=ann mail=ann@x.test[] team=rocksRocks org=geo customer= tag=",
		"member:rocks/ann/spend team_member max=5 soft=0 key= user=ann mail=ann@x.test[] team=rocksRocks org= customer= tag=",
		"organization:geo/spend organization max=50 soft=0 key= user= mail=[] team= org=geo customer= tag=",
		"proxy:/spend proxy max=100 soft=0 key= user=default_user_id mail=[] team= org= customer= tag=",
		"tag:red/spend tag max=0 soft=3 key= user= mail=[] team= org= customer= tag=red",
		"team:rocks/spend team max=20 soft=0 key= user= mail=[lead@x.test] team=rocksRocks org=geo customer= tag=",
	}
	slices.Sort(seen.known)
	if !slices.Equal(seen.known, want) {
		t.Errorf("got  %q\nwant %q", seen.known, want)
	}
	if _, err = c.Begin(t.Context(), req); err == nil { // 0.2 of 0.2 is spent
		t.Error("the budget is not used up")
	}
	var refusal *llm.Error
	if !errors.As(err, &refusal) || len(seen.refused) != len(want) {
		t.Errorf("%v %q", err, seen.refused)
	}
}
