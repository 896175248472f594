package tenant

import (
	"context"
	"slices"

	"outcrop/quota"
	"outcrop/store"
)

// others adds the limits and charges of what the request itself names: its customer and its tags.
func (d *Directory) others(ctx context.Context, ch *Charge, limits []limit, req *Request) ([]limit, error) {
	if req.Customer == "" && len(req.Tags) == 0 && len(ch.c.tags) == 0 {
		return limits, nil
	}
	b := builder{d: d, c: &Caller{d: d, charges: slices.Clone(ch.charges), limits: slices.Clone(limits)}}
	if req.Customer != "" {
		doc, created, err := b.read(ctx, store.KindCustomer, req.Customer)
		switch {
		case err != nil:
			return nil, away(err)
		case doc == nil:
			b.charge(store.KindCustomer, req.Customer, quota.Window{})
		case doc.Blocked.Value:
			return nil, blocked("the customer "+req.Customer, "The gateway's operator can unblock the customer with /customer/unblock.")
		default:
			b.limits(ctx, "the customer "+req.Customer, store.KindCustomer, req.Customer, doc, created)
		}
	}
	tags := slices.Concat(ch.c.tags, req.Tags)
	slices.Sort(tags)
	for _, tag := range slices.Compact(tags) {
		doc, created, err := b.read(ctx, store.KindTag, tag)
		switch {
		case err != nil:
			return nil, away(err)
		case doc == nil:
			b.charge(store.KindTag, tag, quota.Window{})
		default:
			b.limits(ctx, "the tag "+tag, store.KindTag, tag, doc, created)
		}
	}
	ch.charges = b.c.charges
	return b.c.limits, nil
}
