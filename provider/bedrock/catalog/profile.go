package catalog

import (
	"slices"
	"strings"
)

// Profile is an inference profile. It is immutable.
type Profile struct {
	// ID is a prefix, a dot and the base id for a profile that AWS defines, such as
	// us.anthropic.claude-sonnet-4-6, and twelve characters for one that the
	// account made.
	ID string
	// Name is AWS's or the account's name for it; empty if unknown.
	Name string
	// Prefix is the geography, such as us, eu or global; empty for a profile that
	// the account made.
	Prefix string
	// Base is the base model id.
	Base string
	// Application reports whether the account created the profile.
	Application bool
	// Source is the source of the profile, and RegionsSource that of its regions; nil if live.
	Source, RegionsSource *Source

	from, to []string         // sorted; empty if unknown
	world    bool             // it leads to every commercial region
	routes   map[string]route // by source region, what live lists said
}

// route is a profile as the live lists of one region show it.
type route struct {
	listed bool
	arn    string
	to     []string
	world  bool
}

// From reports whether the profile can be called from a region. A live list of the region takes
// precedence.
func (p *Profile) From(region string) Known {
	if r, ok := p.routes[region]; ok {
		return known(r.listed)
	}
	if len(p.from) == 0 {
		return Unknown
	}
	return known(slices.Contains(p.from, region))
}

// Regions returns the regions from which the profile is known to be callable, sorted. It may be
// empty for a profile that is callable nevertheless.
func (p *Profile) Regions() []string {
	regions := slices.Clone(p.from)
	for region, r := range p.routes {
		at, found := slices.BinarySearch(regions, region)
		switch {
		case r.listed && !found:
			regions = slices.Insert(regions, at, region)
		case !r.listed && found:
			regions = slices.Delete(regions, at, at+1)
		}
	}
	return regions
}

// Destinations returns the regions that may serve a call made in a region, sorted; nil if they are
// unknown or the profile is global. Callers must not modify the slice.
func (p *Profile) Destinations(from string) []string {
	if r, ok := p.routes[from]; ok && r.listed && (len(r.to) > 0 || r.world) {
		return r.to
	}
	return p.to
}

// Worldwide reports whether a call may be served by any commercial region. AWS
// lists such a profile with a model ARN that has no region
// (https://docs.aws.amazon.com/bedrock/latest/userguide/global-cross-region-inference.html).
func (p *Profile) Worldwide() bool { return p.world }

// ARN returns the profile's ARN in a region; empty if no live list of the region has it.
func (p *Profile) ARN(region string) string { return p.routes[region].arn }

// Geography is a group of regions for which AWS defines profiles with a common prefix.
type Geography struct {
	// Prefix is us, eu, global, ...
	Prefix string
	// From are the regions in which some of its profiles are known to be callable,
	// and To those that some of them lead to; sorted.
	From, To []string
	// Worldwide is whether its profiles lead to every commercial region.
	Worldwide bool
}

// Has reports whether some profile of the geography is known to be callable in
// the region.
func (g *Geography) Has(region string) bool {
	_, ok := slices.BinarySearch(g.From, region)
	return ok
}

// global is the prefix of profiles that lead to every commercial region.
const global = "global"

// splitProfile cuts the id of a profile that AWS defines behind its prefix.
func splitProfile(id string) (prefix, base string, ok bool) { return strings.Cut(id, ".") }
