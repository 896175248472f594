package tenant

import (
	"context"
	"slices"

	"outcrop/store"
)

// Regions are those that calls of the caller for a customer must not leave: allowed_model_region of the customer, and in the metadata of
// the key, its team, user and organization; of a token, of all its teams, since a fallback may be another team's call. None is for no such rule. The result is not modified. The error is an *llm.Error.
func (c *Caller) Regions(ctx context.Context, customer string) ([]string, error) {
	regions := c.ofTeams(func(team *Caller) []string { return team.regions })
	if c.customer != "" {
		customer = c.customer
	}
	if customer == "" {
		return regions, nil
	}
	p, err := c.d.party(ctx, store.KindCustomer, customer)
	switch {
	case err != nil:
		return nil, away(err)
	case len(p.regions) == 0:
		return regions, nil
	}
	return slices.Concat(regions, p.regions), nil
}

// ofTeams are the names that the caller has for each of its teams, each once. The result is not modified.
func (c *Caller) ofTeams(names func(team *Caller) []string) []string {
	all := names(c)
	for _, team := range c.teams {
		for _, name := range names(team) {
			if !slices.Contains(all, name) {
				all = append(slices.Clip(all), name)
			}
		}
	}
	return all
}
