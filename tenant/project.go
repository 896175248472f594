package tenant

import (
	"context"
	"slices"

	"outcrop/quota"
	"outcrop/store"
)

// project reads the project of a key: its limits and models hold besides those of the key's team. As in LiteLLM, the
// project's tags and guardrails come after those of the key and the team.
func (b *builder) project(ctx context.Context, id string) error {
	if id == "" {
		return nil
	}
	c := b.c
	doc, created, err := b.read(ctx, store.KindProject, id)
	if err != nil {
		return err
	}
	if doc == nil { // it is gone; the limits of the key and its team hold
		b.charge(store.KindProject, id, quota.Window{})
		return nil
	}
	if doc.Blocked.Value {
		c.projectBlocked = id
	}
	whose := "the project " + id
	b.limits(whose, store.KindProject, id, doc, created)
	c.allow(store.KindProject, whose, doc.Models)
	c.tags = slices.Concat(c.tags, doc.tags())
	c.guardrails = slices.Concat(c.guardrails, doc.guardrails())
	c.policies = slices.Concat(c.policies, doc.policies())
	c.regions = slices.Concat(c.regions, doc.regions())
	return nil
}
