package inventory

import (
	"maps"
	"slices"
	"time"

	"outcrop/provider/bedrock/catalog"
)

// observationKey identifies an observation.
type observationKey struct {
	kind   kind
	id     string
	region string
}

type kind uint8

const (
	needsProfile kind = iota // a base id has no on-demand throughput
	invalidID                // an id is not valid in the region
	noFormat                 // an id takes no schema for its answer there
	noStrict                 // an id takes no strict tools there
)

// Feature is a part of a request that a model may refuse although no list says so.
type Feature uint8

// Features.
const (
	NativeFormat Feature = iota // a schema for the response, outputConfig.textFormat
	StrictTools                 // strict tool definitions
)

func (f Feature) kind() kind {
	if f == StrictTools {
		return noStrict
	}
	return noFormat
}

// Refuses reports whether AWS refused a feature in calls of an id in a region.
func (s *State) Refuses(f Feature, id, region string) bool {
	_, ok := s.observations[observationKey{f.kind(), id, region}]
	return ok
}

// Refuses records that AWS refused a feature in a call of an id in a region.
func (v *Inventory) Refuses(f Feature, id, region string) {
	v.observe(observationKey{f.kind(), id, region})
}

// observation is a fact that a refusal showed, and what the lists said about it at that time: when
// they change, it is forgotten.
type observation struct {
	until  time.Time
	listed catalog.Known
}

// observationLife is how long an observation counts if the lists do not change, because AWS may
// change what no list shows. maxObservations bounds their number, because clients can make up ids.
const (
	observationLife = time.Hour
	maxObservations = 1024
)

// NeedsProfile reports whether AWS has refused a base id in a region because it has no on-demand
// throughput there.
func (s *State) NeedsProfile(base, region string) bool {
	_, ok := s.observations[observationKey{needsProfile, base, region}]
	return ok
}

// InvalidID reports whether AWS has said that an id is not valid in a region.
func (s *State) InvalidID(id, region string) bool {
	_, ok := s.observations[observationKey{invalidID, id, region}]
	return ok
}

// NeedsProfile records that AWS has refused a base id in a region because it has no on-demand
// throughput there.
func (v *Inventory) NeedsProfile(base, region string) {
	v.observe(observationKey{needsProfile, base, region})
}

// InvalidID records that AWS has said that an id is not valid in a region.
func (v *Inventory) InvalidID(id, region string) { v.observe(observationKey{invalidID, id, region}) }

// Forget drops the observations of an id in a region.
func (v *Inventory) Forget(id, region string) {
	v.mu.Lock()
	defer v.mu.Unlock()
	delete(v.observations, observationKey{needsProfile, id, region})
	delete(v.observations, observationKey{invalidID, id, region})
	v.publish(false)
}

func (v *Inventory) observe(f observationKey) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if len(v.observations) >= maxObservations {
		oldest := slices.SortedFunc(maps.Keys(v.observations), func(a, b observationKey) int { return v.observations[a].until.Compare(v.observations[b].until) })
		for _, old := range oldest[:maxObservations/4] {
			delete(v.observations, old)
		}
	}
	v.observations[f] = observation{until: v.opt.Now().Add(observationLife), listed: listed(v.state.Load().Catalogue, f)}
	v.publish(false)
}

// forget drops the expired observations, and those about which the lists have changed; mu must be
// held.
func (v *Inventory) forget(c *catalog.Catalogue) {
	now := v.opt.Now()
	maps.DeleteFunc(v.observations, func(f observationKey, l observation) bool { return !now.Before(l.until) || l.listed != listed(c, f) })
}

// listed is what the lists say about the id of an observation.
func listed(c *catalog.Catalogue, f observationKey) catalog.Known {
	if p, ok := c.Profile(f.id); ok {
		return p.From(f.region)
	}
	return c.OnDemand(f.id, f.region)
}
