// Package catalog holds what is known about the models of Bedrock: which models exist, which
// inference profiles reach them from and in which regions, which APIs serve them with which limits,
// when they retire, and what they cost.
//
// The built-in facts are embedded from the folder data, each with its source and date; package
// refresh generates that folder. An account's own lists (Live) take precedence. A fact without a
// source is unknown, and is never inferred from another.
//
// A Catalogue and what it returns are immutable, so any number of goroutines can read them without
// locks. Look-ups do not allocate.
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
	declared    []Geography // as in the data files
	regions     []string
	sources     map[string]*Source
	asOf        map[string]time.Time // by region, when its lists were read
	beneath     map[string]string    // by ARN, base ids
}

// Model returns the model with a base id, which is an id without geography and throughput suffix.
func (c *Catalogue) Model(base string) (*Model, bool) {
	m, ok := c.models[base]
	return m, ok
}

// Models returns all models, sorted by id. Callers must not modify the slice.
func (c *Catalogue) Models() []*Model { return c.all }

// Profile returns the inference profile with an id or, if a live list has it, an ARN.
func (c *Catalogue) Profile(id string) (*Profile, bool) {
	p, ok := c.profiles[id]
	return p, ok
}

// Profiles returns all profiles, sorted by id.
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

// ProfilesOf returns the profiles that AWS defines for a model, sorted by id. Callers must not
// modify the slice.
func (c *Catalogue) ProfilesOf(base string) []*Profile { return c.byBase[base] }

// OnDemand reports whether a bare id can be called in a region; Unknown for a model that is not in
// the catalogue.
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

// BaseModel returns the base model id of an ARN, if AWS was asked for it or a list of profiles has
// it.
func (c *Catalogue) BaseModel(arn string) (base string, ok bool) {
	if p, known := c.profiles[arn]; known {
		return p.Base, true
	}
	base, ok = c.beneath[arn]
	return base, ok
}

// Geography returns the geography with a prefix.
func (c *Catalogue) Geography(prefix string) (*Geography, bool) {
	at, ok := slices.BinarySearchFunc(c.geographies, prefix, func(g Geography, prefix string) int { return strings.Compare(g.Prefix, prefix) })
	if !ok {
		return nil, false
	}
	return &c.geographies[at], true
}

// Geographies returns the geographies, sorted by prefix. Callers must not modify the slice.
func (c *Catalogue) Geographies() []Geography { return c.geographies }

// Regions returns the regions in which Bedrock has endpoints, sorted. Callers must not modify the
// slice.
func (c *Catalogue) Regions() []string { return c.regions }

// index builds the look-up tables from the models, profiles and declared geographies.
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

// indexGeographies collects for each prefix the regions of its profiles, and those that the data
// declares for profiles whose own are unknown.
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
		if _, known := declared[p.Prefix]; known { // one odd profile does not change its prefix's regions
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
