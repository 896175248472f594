package tenant

import (
	"context"
	"time"

	"outcrop/llm"
	"outcrop/quota"
	"outcrop/store"
)

// customer gives a customer without a budget of its own the one that the configuration has for such; doc is nil for one that
// is not known, and nil is returned if nothing limits it. A customer has a budget of its own if it has any limit, or names a
// budget that exists, as in LiteLLM (1.110.2, litellm/proxy/auth/auth_checks.py).
func (b *builder) customer(ctx context.Context, doc *document, created time.Time) (*document, time.Time, error) {
	s := b.d.settings()
	own, err := b.limited(ctx, doc)
	if err != nil {
		return nil, time.Time{}, err
	}
	if s.CustomerBudgetID != "" && !own {
		budget, begun, err := b.read(ctx, store.KindBudget, s.CustomerBudgetID)
		if err != nil {
			return nil, time.Time{}, err
		}
		if budget != nil {
			if doc == nil {
				doc = &document{}
			}
			doc.over(budget)
			created = begun // periods are the budget's
		}
	}
	if s.CustomerBudget.Set && (doc == nil || !doc.MaxBudget.Set) {
		if doc == nil {
			doc = &document{}
		}
		doc.MaxBudget = optional[money]{llm.Some(money(s.CustomerBudget.Value))}
	}
	return doc, created, nil
}

// limited reports whether a document has limits, or names a budget.
func (b *builder) limited(ctx context.Context, doc *document) (bool, error) {
	if doc == nil {
		return false, nil
	}
	if doc.MaxBudget.Set || doc.SoftBudget.Set || doc.BudgetDuration != "" || doc.TPM.Set || doc.RPM.Set || doc.Parallel.Set || len(doc.ModelMaxBudget) > 0 {
		return true, nil
	}
	if doc.BudgetID == "" {
		return false, nil
	}
	f, err := b.d.document(ctx, store.KindBudget, doc.BudgetID)
	return f.doc != nil, err
}

// tag gives a tag the budget that the configuration has for it. It holds beside one that the tag has in the store.
func (b *builder) tag(id string, doc *document, created time.Time) (*document, time.Time) {
	budget, ok := b.d.settings().TagBudgets[id]
	switch {
	case !ok:
	case doc != nil && doc.MaxBudget.Set:
		b.c.limits = append(b.c.limits, limit{
			scope: scope{whose: "the tag " + id}, id: string(store.KindTag) + ":" + id + "/spend@config",
			most: quota.Limit{Units: int64(budget.Most.Value), Window: period(budget.Duration, time.Unix(0, 0))},
		})
	default:
		if doc == nil {
			doc, created = &document{}, time.Unix(0, 0)
		}
		doc.MaxBudget = optional[money]{llm.Some(money(budget.Most.Value))}
		doc.BudgetDuration, doc.ResetAt = budget.Duration, optional[string]{}
	}
	return doc, created
}
