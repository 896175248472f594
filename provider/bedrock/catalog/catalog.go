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
	"maps"
	"slices"
	"strings"
	"time"
)

// Catalogue is a set of models and profiles.
//
// It has no maps but for what lists of an account say, because a compiler cannot lay them out: see builtin.
type Catalogue struct {
	all     []*Model   // by id
	ids     table      // of all, each in the same place
	namesOf [][]string // the friendly names of all, each in the same place
	names   table      // the friendly names, folded
	named   []*Model   // the models of names, each in the same place

	profiles   []*Profile          // by id
	profileIDs table               // of profiles, each in the same place
	byARN      map[string]*Profile // those of an account
	bases      table               // base ids of the profiles that AWS defines
	reached    [][]*Profile        // the profiles of bases, each in the same place; sorted by id

	geographies []Geography
	declared    []Geography // as in the data files
	regions     []string
	asOf        map[string]time.Time // by region, when its lists were read
	beneath     map[string]string    // by ARN, base ids
}

// Model returns the model with a base id, which is an id without geography and throughput suffix.
func (c *Catalogue) Model(base string) (*Model, bool) {
	at, ok := find(&c.ids, base)
	if !ok {
		return nil, false
	}
	return c.all[at], true
}

// Models returns all models, sorted by id. Callers must not modify the slice.
func (c *Catalogue) Models() []*Model { return c.all }

// Profile returns the inference profile with an id or, if a live list has it, an ARN.
func (c *Catalogue) Profile(id string) (*Profile, bool) {
	if at, ok := find(&c.profileIDs, id); ok {
		return c.profiles[at], true
	}
	p, ok := c.byARN[id]
	return p, ok
}

// Profiles returns all profiles, sorted by id. Callers must not modify the slice.
func (c *Catalogue) Profiles() []*Profile { return c.profiles }

// ProfilesOf returns the profiles that AWS defines for a model, sorted by id. Callers must not
// modify the slice.
func (c *Catalogue) ProfilesOf(base string) []*Profile {
	at, ok := find(&c.bases, base)
	if !ok {
		return nil
	}
	return c.reached[at]
}

// OnDemand reports whether a bare id can be called in a region; Unknown for a model that is not in
// the catalogue.
func (c *Catalogue) OnDemand(base, region string) Known {
	m, ok := c.Model(base)
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
	if p, known := c.Profile(arn); known {
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

// content is what a catalogue is made of.
type content struct {
	models   map[string]*Model
	profiles map[string]*Profile // by id; those of an account by ARN as well
}

// content returns maps of its own with the content of the catalogue.
func (c *Catalogue) content() content {
	all := content{models: make(map[string]*Model, len(c.all)), profiles: make(map[string]*Profile, len(c.profiles)+len(c.byARN))}
	for _, m := range c.all {
		all.models[m.ID] = m
	}
	for _, p := range c.profiles {
		all.profiles[p.ID] = p
	}
	maps.Copy(all.profiles, c.byARN)
	return all
}

// index builds the look-up tables from the content and the declared geographies.
func (c *Catalogue) index(of content) {
	c.ids = tableOf(slices.Sorted(maps.Keys(of.models)))
	for _, id := range c.ids.keys {
		c.all = append(c.all, of.models[id])
	}
	var profileIDs []string
	byBase := map[string][]*Profile{}
	for _, id := range slices.Sorted(maps.Keys(of.profiles)) {
		p := of.profiles[id]
		if id != p.ID {
			if c.byARN == nil {
				c.byARN = map[string]*Profile{}
			}
			c.byARN[id] = p
			continue
		}
		profileIDs, c.profiles = append(profileIDs, id), append(c.profiles, p)
		if !p.Application {
			byBase[p.Base] = append(byBase[p.Base], p)
		}
	}
	c.profileIDs = tableOf(profileIDs)
	c.bases = tableOf(slices.Sorted(maps.Keys(byBase)))
	for _, base := range c.bases.keys {
		c.reached = append(c.reached, byBase[base])
	}
	c.nameModels()
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
