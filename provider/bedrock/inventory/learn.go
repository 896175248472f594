package inventory

import (
	"maps"
	"slices"
	"time"

	"outcrop/provider/bedrock/catalog"
)

// observationKey identifies an observation.
type observationKey struct {
	kind    kind
	id      string
	region  string
	feature Feature // of a refusedFeature
}

type kind uint8

const (
	needsProfile   kind = iota // a base id has no on-demand throughput
	invalidID                  // an id is not valid in the region
	refusedFeature             // an id does not take a feature there
)

// Feature is a part of a request, or an API, that a model may refuse although no list says so.
type Feature string

// Features with names of their own, among them media that a model does not read, and those that it
// does not read in tool results; the others are members and betas of Anthropic's bodies, as
// package invoke names them.
const (
	NativeFormat Feature = "a schema"     // a schema for the response, outputConfig.textFormat
	StrictTools  Feature = "strict tools" // strict tool definitions
	StreamTools  Feature = "tools in streams"
	Converse     Feature = "Converse"
	InvokeModel  Feature = "InvokeModel"
	CountTokens  Feature = "CountTokens"
	Responses    Feature = "Responses" // OpenAI's API of this name, on bedrock-runtime

	Images          Feature = "images"
	Documents       Feature = "documents"
	Videos          Feature = "videos"
	Audio           Feature = "audio recordings"
	ResultImages    Feature = "images in tool results"
	ResultDocuments Feature = "documents in tool results"
	ResultVideos    Feature = "videos in tool results"

	// Doubt is that AWS has refused a beta again without naming it, after some had been left out.
	Doubt Feature = "betas in doubt"
)

// Refused lists the features that AWS refused in calls of an id in a region, in alphabetical order.
func (s *State) Refused(id, region string) (all []Feature) {
	for key := range s.observations {
		if key.kind == refusedFeature && key.id == id && key.region == region {
			all = append(all, key.feature)
		}
	}
	slices.Sort(all)
	return all
}

// Refuses records that AWS refused a feature in a call of an id in a region.
func (v *Inventory) Refuses(f Feature, id, region string) {
	v.observe(observationKey{refusedFeature, id, region, f})
}

// Accepts forgets that AWS refused a feature in a call of an id in a region.
func (v *Inventory) Accepts(f Feature, id, region string) {
	v.mu.Lock()
	defer v.mu.Unlock()
	delete(v.observations, observationKey{refusedFeature, id, region, f})
	v.publish(false)
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
	_, ok := s.observations[observationKey{kind: needsProfile, id: base, region: region}]
	return ok
}

// InvalidID reports whether AWS has said that an id is not valid in a region.
func (s *State) InvalidID(id, region string) bool {
	_, ok := s.observations[observationKey{kind: invalidID, id: id, region: region}]
	return ok
}

// NeedsProfile records that AWS has refused a base id in a region because it has no on-demand
// throughput there.
func (v *Inventory) NeedsProfile(base, region string) {
	v.observe(observationKey{kind: needsProfile, id: base, region: region})
}

// InvalidID records that AWS has said that an id is not valid in a region.
func (v *Inventory) InvalidID(id, region string) {
	v.observe(observationKey{kind: invalidID, id: id, region: region})
}

// Forget drops the observations of an id in a region.
func (v *Inventory) Forget(id, region string) {
	v.mu.Lock()
	defer v.mu.Unlock()
	delete(v.observations, observationKey{kind: needsProfile, id: id, region: region})
	delete(v.observations, observationKey{kind: invalidID, id: id, region: region})
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
