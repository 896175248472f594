// Package catalog is what is known of the models of Bedrock: which there are,
// which inference profiles lead to them from where to where, which API serves
// them with which limits, when their lives end, and what they cost.
//
// The facts that come with the program are embedded from the folder data, each
// with its source and date; package refresh makes that folder. What an account's
// own lists say (Live) wins over them. A fact that nobody has stated is unknown,
// and is never made up from another.
//
// A Catalogue and what it gives are not to be changed after they are made, so
// that any number of goroutines can read them without locks. Looking something
// up allocates nothing.
package catalog

import (
	"cmp"
	"maps"
	"slices"
	"strings"
	"time"
)

// Catalogue is a set of models and profiles.
type Catalogue struct {
	models   map[string]*Model
	profiles map[string]*Profile // by id; those of an account by ARN as well
	byBase   map[string][]*Profile
	names    map[string]string // friendly name to base id
	namesOf  map[string][]string

	all         []*Model // by id
	geographies []Geography
	declared    []Geography // as the data has them
	regions     []string
	sources     map[string]*Source
	asOf        map[string]time.Time // by region, when its lists were read
	beneath     map[string]string    // by ARN, base ids
}

// Model gives the model with a base id, which is an id without geography and
// throughput suffix.
func (c *Catalogue) Model(base string) (*Model, bool) {
	m, ok := c.models[base]
	return m, ok
}

// Models gives all models by id. The slice is not to be written to.
func (c *Catalogue) Models() []*Model { return c.all }

// Profile gives the inference profile with an id or, if a live list had it, with
// an ARN.
func (c *Catalogue) Profile(id string) (*Profile, bool) {
	p, ok := c.profiles[id]
	return p, ok
}

// Profiles gives all profiles by id.
func (c *Catalogue) Profiles() []*Profile {
	var all []*Profile
	for id, p := range c.profiles {
		if id == p.ID {
			all = append(all, p)
		}
	}
	slices.SortFunc(all, func(a, b *Profile) int { return cmp.Compare(a.ID, b.ID) })
	return all
}

// ProfilesOf gives the profiles that AWS defines for a model, by id. The slice is
// not to be written to.
func (c *Catalogue) ProfilesOf(base string) []*Profile { return c.byBase[base] }

// OnDemand says whether a bare id can be called in a region; Unknown for a model
// that is not in the catalogue.
func (c *Catalogue) OnDemand(base, region string) Known {
	m, ok := c.models[base]
	if !ok {
		if _, live := c.asOf[region]; live {
			return No
		}
		return Unknown
	}
	return m.OnDemand(region)
}

// BaseModel gives the base id of the model beneath an ARN, where AWS was asked for
// it or a list of profiles has it.
func (c *Catalogue) BaseModel(arn string) (base string, ok bool) {
	if p, known := c.profiles[arn]; known {
		return p.Base, true
	}
	base, ok = c.beneath[arn]
	return base, ok
}

// Geography gives what is known of a prefix.
func (c *Catalogue) Geography(prefix string) (*Geography, bool) {
	at, ok := slices.BinarySearchFunc(c.geographies, prefix, func(g Geography, prefix string) int { return strings.Compare(g.Prefix, prefix) })
	if !ok {
		return nil, false
	}
	return &c.geographies[at], true
}

// Geographies gives the geographies by prefix. The slice is not to be written to.
func (c *Catalogue) Geographies() []Geography { return c.geographies }

// Regions gives the regions in which Bedrock has endpoints, sorted. The slice is
// not to be written to.
func (c *Catalogue) Regions() []string { return c.regions }

// index makes what is looked up from the models, profiles and declared
// geographies.
func (c *Catalogue) index() {
	c.all = slices.SortedFunc(maps.Values(c.models), func(a, b *Model) int { return cmp.Compare(a.ID, b.ID) })
	c.byBase = map[string][]*Profile{}
	for _, p := range c.Profiles() {
		if !p.Application {
			c.byBase[p.Base] = append(c.byBase[p.Base], p)
		}
	}
	c.names = names(c.all)
	c.namesOf = namesByBase(c.names)
	c.indexGeographies()
}

// indexGeographies gives each prefix the regions of its profiles, and those that
// the data declares for the profiles whose own are unknown.
func (c *Catalogue) indexGeographies() {
	type set = map[string]bool
	from, to, world := map[string]set{}, map[string]set{}, set{}
	add := func(sets map[string]set, prefix string, regions []string) {
		if sets[prefix] == nil {
			sets[prefix] = set{}
		}
		for _, r := range regions {
			sets[prefix][r] = true
		}
	}
	for _, g := range c.declared {
		add(from, g.Prefix, g.From)
		add(to, g.Prefix, g.To)
		world[g.Prefix] = g.Worldwide
	}
	declared := maps.Clone(world)
	for _, p := range c.profiles {
		if p.Application || p.Prefix == "" {
			continue
		}
		add(from, p.Prefix, p.Regions())
		add(to, p.Prefix, p.to)
		if _, known := declared[p.Prefix]; known { // one odd profile does not move what its prefix stands for
			continue
		}
		for _, r := range p.routes {
			add(to, p.Prefix, r.to)
		}
		world[p.Prefix] = world[p.Prefix] || p.world
	}
	c.geographies = nil
	for _, prefix := range slices.Sorted(maps.Keys(from)) {
		c.geographies = append(c.geographies, Geography{
			Prefix: prefix, Worldwide: world[prefix],
			From: slices.Sorted(maps.Keys(from[prefix])), To: slices.Sorted(maps.Keys(to[prefix])),
		})
	}
}
