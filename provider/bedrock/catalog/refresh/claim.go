package refresh

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"outcrop/provider/bedrock/catalog/schema"
	"outcrop/provider/bedrock/modelid"
)

// claims holds what the tables state, before settle chooses among them.
type claims struct {
	notes    *notes
	sources  map[string]*source
	tables   map[string]*table       // the tables that were read, by kind
	models   map[string][]modelClaim // by base id
	prices   map[string][]priceClaim // by base id
	profiles map[string][]profileClaim
	patterns []patternClaim

	// onMantle are the tables of bedrock-mantle that list a base id, and onRuntime are
	// the base ids that other tables list.
	onMantle  map[string][]*source
	onRuntime map[string]bool
}

// modelClaim is what a table states about a model. A weak claim is about something that
// the table can express only in part, such as a list of modalities in a table that
// knows only two; it counts only if no other table states the fact.
type modelClaim struct {
	by   *source
	weak bool
	set  schema.Model
}

// priceClaim is what a table states about a price: that of the profile or the regions
// in price, or of calls by the bare id.
type priceClaim struct {
	by    *source
	price schema.Price
}

// profileClaim states that a profile exists and, if the table has them, its regions.
type profileClaim struct {
	by       *source
	from, to []string
}

func newClaims(n *notes) *claims {
	c := &claims{
		notes: n, sources: map[string]*source{}, tables: map[string]*table{},
		models: map[string][]modelClaim{}, prices: map[string][]priceClaim{}, profiles: map[string][]profileClaim{},
		onMantle: map[string][]*source{}, onRuntime: map[string]bool{},
	}
	for _, s := range n.Sources {
		day, _ := time.Parse(time.DateOnly, s.Date) // the catalogue rejects an invalid day
		c.sources[s.Key] = &source{s, s.Key, day}
	}
	return c
}

// split returns the prefix and the base id of an id in a table. ok is false for ids to
// ignore.
func (c *claims) split(id string) (prefix, base string, ok bool) {
	parsed, err := modelid.Parse(id)
	if err != nil || parsed.Base() == "" || parsed.Throughput != "" {
		return "", "", false
	}
	prefix, base = parsed.Geography, parsed.Base()
	if c.notes.ignores(base) || c.notes.ignores(id) {
		return "", "", false
	}
	return prefix, base, true
}

// there records that a table of bedrock-runtime lists an id.
func (c *claims) there(by *source, prefix, base string) {
	c.onRuntime[base] = true
	if _, ok := c.models[base]; !ok {
		c.models[base] = nil
	}
	if prefix != "" {
		id := prefix + "." + base
		c.profiles[id] = append(c.profiles[id], profileClaim{by: by})
	}
}

// mantle records that a table of bedrock-mantle lists an id.
func (c *claims) mantle(by *source, base string) {
	c.onMantle[base] = append(c.onMantle[base], by)
	if _, ok := c.models[base]; !ok {
		c.models[base] = nil
	}
}

// model records what a table states about a model.
func (c *claims) model(by *source, base string, set schema.Model) {
	c.models[base] = append(c.models[base], modelClaim{by: by, set: set})
}

// price records a price for a base id.
func (c *claims) price(by *source, base string, p schema.Price) {
	for _, d := range c.notes.Distrust {
		if d.Source != by.kind || !matches(d.IDs, base) {
			continue
		}
		if d.Prices {
			return
		}
		if d.Cache {
			withoutCache(&p)
		}
		if d.SwapCache && p.Standard != nil {
			p.Standard.CacheRead, p.Standard.CacheWrite = p.Standard.CacheWrite, p.Standard.CacheRead
		}
	}
	c.prices[base] = append(c.prices[base], priceClaim{by, p})
}

// distrusts reports whether a release date is not a real date.
func (c *claims) distrusts(by *source, released string) bool {
	for _, d := range c.notes.Distrust {
		if d.Source == by.kind && d.Released != "" && d.Released == released {
			return true
		}
	}
	return false
}

// settle chooses among the claims and returns the models and profiles.
func (c *claims) settle() ([]schema.Model, []schema.Profile, error) {
	for i := range c.notes.Profiles {
		p := &c.notes.Profiles[i]
		by, err := c.named(p.By)
		if err != nil {
			return nil, nil, err
		}
		prefix, base, ok := c.split(p.ID)
		if !ok || prefix == "" {
			return nil, nil, fmt.Errorf("notes: %q is not a profile's id", p.ID)
		}
		if _, known := c.models[base]; !known {
			continue // a profile of a model that is in no table
		}
		c.profiles[p.ID] = append(c.profiles[p.ID], profileClaim{by, p.From, p.To})
	}
	var models []schema.Model
	for _, base := range slices.Sorted(maps.Keys(c.models)) {
		m, err := c.settleModel(base)
		if err != nil {
			return nil, nil, err
		}
		models = append(models, m)
	}
	var profiles []schema.Profile
	for _, id := range slices.Sorted(maps.Keys(c.profiles)) {
		profiles = append(profiles, settleProfile(id, c.profiles[id]))
	}
	return models, profiles, nil
}

// named returns the source with a key.
func (c *claims) named(key string) (*source, error) {
	if s := c.sources[key]; s != nil {
		return s, nil
	}
	return nil, fmt.Errorf("notes: unknown source %q", key)
}

func (c *claims) settleModel(base string) (schema.Model, error) {
	m := schema.Model{ID: base}
	by := map[string]string{}
	for _, r := range slices.Backward(c.notes.Rules) {
		if matches(r.IDs, base) && !matches(r.Not, base) {
			if _, err := c.named(r.By); err != nil {
				return m, err
			}
			take(&m, &r.Set, r.By, by)
		}
	}
	claimed := c.models[base]
	slices.SortStableFunc(claimed, func(a, b modelClaim) int {
		if a.weak != b.weak {
			return cmp.Compare(weight(a), weight(b))
		}
		return newer(a.by, b.by)
	})
	poolRegions(claimed)
	for i := range claimed {
		take(&m, &claimed[i].set, claimed[i].by.Key, by)
	}
	if err := c.settleMantle(&m, by); err != nil {
		return m, err
	}
	m.By = bySource(by)
	m.Prices = c.settlePrices(base)
	return m, nil
}

// poolRegions adds to the newest answer of AWS's list of models what the other answers
// state about other regions, since each answer is for one region.
func poolRegions(claimed []modelClaim) {
	var first *modelClaim
	for i := range claimed {
		s := &claimed[i]
		switch {
		case len(s.set.OnDemand) == 0 || !traitsOf(s.by.kind).regional:
		case first == nil:
			first = s
			s.set.OnDemand = maps.Clone(s.set.OnDemand) // a copy, since the claim owns the map
		default:
			for region, can := range s.set.OnDemand {
				if _, known := first.set.OnDemand[region]; !known {
					first.set.OnDemand[region] = can
				}
			}
		}
	}
}

func weight(c modelClaim) int {
	if c.weak {
		return 1
	}
	return 0
}

// settleMantle sets a model's id on bedrock-mantle, and removes what is stated about
// mantle if mantle does not have the model.
func (c *claims) settleMantle(m *schema.Model, by map[string]string) error {
	for _, t := range c.notes.Twins {
		if _, known := c.models[t.Mantle]; t.Runtime != m.ID || !known {
			continue
		}
		if _, err := c.named(t.By); err != nil {
			return err
		}
		take(m, &schema.Model{Mantle: &schema.Mantle{ID: t.Mantle}}, t.By, by)
	}
	if m.Mantle != nil && m.Mantle.ID == "" {
		m.Mantle = nil
		maps.DeleteFunc(by, func(name, _ string) bool { return strings.HasPrefix(name, "mantle") })
	}
	return nil
}

// applyMantle derives claims from the tables of bedrock-mantle: the model is there,
// and, if no other table has the id, it is not on bedrock-runtime.
func (c *claims) applyMantle() {
	for base, claimed := range c.onMantle {
		for _, by := range claimed {
			c.model(by, base, schema.Model{Mantle: &schema.Mantle{ID: base}})
			if !c.onRuntime[base] {
				c.model(by, base, schema.Model{Converse: new(false), Invoke: new(false), OpenAI: new(false)})
			}
		}
	}
}

// bySource inverts the map from facts to sources into the facts of each source.
func bySource(by map[string]string) map[string]string {
	facts := map[string][]string{}
	for name, key := range by {
		facts[key] = append(facts[key], name)
	}
	out := map[string]string{}
	for key, names := range facts {
		slices.Sort(names)
		out[key] = strings.Join(names, " ")
	}
	return out
}

// settleProfile takes a profile's existence from the newest table that lists it, and
// its regions from the newest that has them.
func settleProfile(id string, claimed []profileClaim) schema.Profile {
	slices.SortStableFunc(claimed, func(a, b profileClaim) int { return newer(a.by, b.by) })
	p := schema.Profile{ID: id, By: claimed[0].by.Key}
	for _, s := range claimed {
		if len(s.from)+len(s.to) == 0 {
			continue
		}
		p.RegionsBy = s.by.Key
		// AWS's lists have one answer for each region, possibly of different days.
		for _, other := range claimed {
			pooled := other.by.kind == s.by.kind && traitsOf(s.by.kind).regional && !within(other.from, p.From)
			if other.by == s.by || pooled {
				p.From, p.To = append(p.From, other.from...), append(p.To, other.to...)
			}
		}
		break
	}
	slices.Sort(p.From)
	slices.Sort(p.To)
	p.From, p.To = slices.Compact(p.From), slices.Compact(p.To)
	if slices.Contains(p.To, everywhere) {
		p.To = []string{everywhere}
	}
	return p
}

// within reports whether a list contains all names.
func within(names, list []string) bool {
	return !slices.ContainsFunc(names, func(name string) bool { return !slices.Contains(list, name) })
}

// everywhere in a list of destinations means all commercial regions.
const everywhere = "*"
