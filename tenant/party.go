package tenant

import (
	"context"
	"errors"
	"slices"
	"time"

	"outcrop/alert"
	"outcrop/llm"
	"outcrop/quota"
	"outcrop/store"
)

// party is what calls belong to: a key with its user, its team and its organisation, or a customer, or a tag. It is
// not modified once it is known to the directory.
type party struct {
	allowed []allowance
	// charges are counters of money that have no limit, without units.
	charges []store.Charge
	limits  []limit         // of every call
	byModel []limit         // of calls of some models
	budgets []*alert.Budget // those that are watched; nil if none is
	refs    []store.Ref     // what it was read from
	until   time.Time       // when it has to be read again; the zero time for not before it changes
	blocked bool
	regions []string // which calls must not leave
}

// usualCharges is how many charges have room in a Charge: for the gateway, a key, its team, user, membership, organization and customer,
// and a label.
const usualCharges = 8

// limit is a limit of calls. What each call needs of it is at its beginning.
type limit struct {
	counter *quota.Counter
	scope   scope
	most    quota.Limit
	id      string // of the counter
}

// charge is the money limit's counter, without units.
func (l *limit) charge() store.Charge { return store.Charge{Counter: l.id, Window: l.most.Window} }

// allowance is a list of models and whose it is.
type allowance struct {
	kind  store.Kind
	whose string
	list  models
}

func (p *party) allow(kind store.Kind, whose string, list models) {
	if len(list) > 0 {
		p.allowed = append(p.allowed, allowance{kind, whose, list})
	}
}

// names reports whether one of the lists names an access group of models. As in LiteLLM (auth_checks.py,
// _granted_model_lists), a user's own list does not count.
func (p *party) names(group string) bool {
	return slices.ContainsFunc(p.allowed, func(a allowance) bool { return a.kind != store.KindUser && slices.Contains(a.list, group) })
}

func (p *party) dependsOn(ref store.Ref) bool { return slices.Contains(p.refs, ref) }

func (p *party) over(now time.Time) bool { return !p.until.IsZero() && !now.Before(p.until) }

// denied returns the first list that does not have a model. asked is the name as the client sent it.
func (p *party) denied(name, group string, groups []string) *allowance {
	for i := range p.allowed {
		if a := &p.allowed[i]; !a.list.allows(name, group, groups) {
			return a
		}
	}
	return nil
}

// find gets the counters of the limits, which have the limits from then on. It gives up what the lists have grown by: there
// may be a hundred thousand callers.
func (p *party) find(d *Directory) {
	p.limits, p.byModel, p.charges = slices.Clone(p.limits), slices.Clone(p.byModel), slices.Clone(p.charges)
	for _, limits := range [...][]limit{p.limits, p.byModel} {
		for i := range limits {
			l := &limits[i]
			ledger := d.opt.Rates
			if l.scope.what == whatMoney {
				ledger = d.opt.Money
			}
			l.counter = ledger.Counter(l.id, l.most)
		}
	}
}

// reading is something that is being read from the store. It is stale if what it was read from has changed
// meanwhile.
type reading struct {
	refs  []store.Ref
	stale bool
}

// begin begins a reading, of things that are named before they are read.
func (d *Directory) begin(refs ...store.Ref) *reading {
	r := &reading{refs: refs}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.readings[r] = struct{}{}
	return r
}

// also names another thing that is going to be read.
func (d *Directory) also(r *reading, ref store.Ref) {
	d.mu.Lock()
	defer d.mu.Unlock()
	r.refs = append(r.refs, ref)
}

// end ends a reading. keep is called, with d.mu held, if what was read is still so.
func (d *Directory) end(r *reading, keep func()) (fresh bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	delete(d.readings, r)
	if !r.stale && keep != nil {
		keep()
	}
	return !r.stale
}

// maxReadings is how often something that changes all the time is read for one call.
const maxReadings = 10

var errChanging = errors.New("it changed each time that it was read")

// again reads until what was read has not changed meanwhile, and so cannot take back limits that are newer. read
// names what it reads.
func (d *Directory) again(ctx context.Context, read func(r *reading) (keep func(), err error), refs ...store.Ref) error {
	for range maxReadings {
		r := d.begin(slices.Clone(refs)...)
		keep, err := read(r)
		if err != nil {
			d.end(r, nil)
			return err
		}
		if d.end(r, keep) {
			return nil
		}
		if err := ctx.Err(); err != nil {
			return err
		}
	}
	return errChanging
}

// others appends what the request itself names: its customer, its tags, and the access groups with budgets by which the caller may
// use the model. tags are sorted.
func (d *Directory) others(ctx context.Context, parties []*party, req *Request, tags []string) ([]*party, error) {
	if len(tags) > maxTags {
		return nil, llm.Invalid("tags", "the call has %d tags; at most %d are possible", len(tags), maxTags)
	}
	if req.Customer != "" {
		p, err := d.party(ctx, store.KindCustomer, req.Customer)
		if err != nil {
			return nil, away(err)
		}
		if p.blocked {
			return nil, blocked("the customer "+req.Customer, "The gateway's operator can unblock the customer with /customer/unblock.")
		}
		if a := p.denied(req.Model, req.Group, req.Groups); a != nil {
			return nil, deniedModel(req.Model, a)
		}
		parties = append(parties, p)
	}
	own := parties[0]
	for _, group := range req.Groups {
		if !own.names(group) {
			continue
		}
		p, err := d.party(ctx, store.KindGroupBudget, group)
		if err != nil {
			return nil, away(err)
		}
		if len(p.limits)+len(p.byModel)+len(p.charges) > 0 { // it has a budget
			parties = append(parties, p)
		}
	}
	for _, tag := range tags {
		p, err := d.party(ctx, store.KindTag, tag)
		if err != nil {
			return nil, away(err)
		}
		parties = append(parties, p)
	}
	return parties, nil
}

// maxTags bounds the tags of a call, each of which may have limits.
const maxTags = 32

// party returns a customer, a tag, or an access group with a budget.
func (d *Directory) party(ctx context.Context, kind store.Kind, id string) (*party, error) {
	ref := store.Ref{Kind: kind, ID: id}
	d.mu.RLock()
	p := d.parties[ref]
	d.mu.RUnlock()
	if p != nil && !p.over(d.opt.Now()) {
		return p, nil
	}
	err := d.again(ctx, func(r *reading) (func(), error) {
		b := builder{d: d, r: r, c: &Caller{d: d}}
		doc, created, err := b.read(ctx, kind, id)
		if err != nil {
			return nil, err
		}
		p = &b.c.party
		whose := string(kind) + " " + id
		switch kind {
		case store.KindCustomer:
			doc, created, err = b.customer(ctx, doc, created)
		case store.KindTag:
			doc, created = b.tag(id, doc, created)
		default:
			whose = "access group " + id
		}
		if err != nil {
			return nil, err
		}
		switch {
		case doc == nil && kind == store.KindGroupBudget:
		case doc == nil:
			b.charge(kind, id, quota.Window{})
		default:
			p.blocked, p.regions = doc.Blocked.Value, doc.regions()
			b.limits("the "+whose, kind, id, doc, created)
			if kind == store.KindCustomer { // a tag's models are for routing
				p.allow(kind, "the "+whose, doc.Models)
			}
		}
		p.refs = r.refs
		return func() {
			if len(d.parties) >= maxDocs {
				clear(d.parties)
			}
			p.find(d)
			d.parties[ref] = p
		}, nil
	})
	return p, err
}
