package admin

import (
	"maps"
	"net/http"
	"slices"
	"time"

	"outcrop/llm"
	"outcrop/quota"
	"outcrop/tenant"
)

// providerBudgets serves /provider/budgets.
func (x *exchange) providerBudgets() ([]byte, error) {
	budgets := x.h.opt.ProviderBudgets
	if len(budgets) == 0 {
		return nil, &Error{Status: http.StatusInternalServerError, Type: typeInternal, Message: "No provider has a budget: router_settings.provider_budget_config sets them."}
	}
	counters := map[string]string{}
	for name := range budgets {
		counters[name] = tenant.ProviderCounter(name)
	}
	spent, err := x.store.Spent(x.r.Context(), slices.Collect(maps.Values(counters)))
	if err != nil {
		return nil, err
	}
	all := &document{}
	for _, name := range slices.Sorted(maps.Keys(budgets)) {
		b := budgets[name]
		d := &document{}
		d.set("budget_limit", dollars(int64(b.Most.Value)))
		d.set("time_period", nil)
		d.set("spend", dollars(spent[counters[name]]))
		d.set("budget_reset_at", nil)
		if b.Duration != "" {
			d.put("time_period", b.Duration)
			if w, err := quota.ParseWindow(b.Duration, time.Time{}); err == nil {
				d.set("budget_reset_at", moment(w.End(x.now)))
			}
		}
		all.set(name, d.bytes())
	}
	d := &document{}
	d.set("providers", all.bytes())
	return d.bytes(), nil
}

// ProviderBudgets are the budgets of providers, by their names.
type ProviderBudgets map[string]llm.Budget
