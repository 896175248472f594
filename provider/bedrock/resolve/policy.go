package resolve

import (
	"slices"

	"outcrop/provider/bedrock/catalog"
)

// Policy says where a model may be called, and which way is the better one.
type Policy struct {
	// Strict sends every id as it is written.
	Strict bool
	// Geographies are the profile prefixes that are allowed, such as us and eu; own
	// stands for those whose source regions hold the region of the call. Nil is own,
	// and then an id with a prefix of the caller's choosing is left to AWS to judge.
	Geographies []string
	// Global allows profiles that any commercial region may serve.
	Global bool
	// Regions are where to call, best first; nil is the region of the deployment.
	Regions []string
	Prefer  Preference
}

// Preference says which of several ways comes first.
type Preference uint8

// Preferences.
const (
	// Nearest takes the way with the fewest regions that may serve the call.
	Nearest Preference = iota
	// Cheapest takes the way with the lowest price for input and output, as far as
	// prices are known.
	Cheapest
)

// Own is the word in Policy.Geographies for those that hold the call's region.
const Own = "own"

// Default is the policy of a deployment that says nothing: profiles of the
// region's own geographies, then global ones.
func Default() Policy { return Policy{Global: true} }

// explicit reports whether the policy names geographies, so that an id which
// breaks it is refused and not left to AWS.
func (p Policy) explicit() bool { return p.Geographies != nil }

// allows reports whether a profile prefix may be used for calls in a region.
func (p Policy) allows(prefix, region string, c *catalog.Catalogue) bool {
	if worldwide(prefix, c) {
		return p.Global
	}
	if slices.Contains(p.Geographies, prefix) {
		return true
	}
	if p.Geographies != nil && !slices.Contains(p.Geographies, Own) {
		return false
	}
	g, ok := c.Geography(prefix)
	return ok && g.Has(region)
}

// worldwide reports whether calls by a prefix may be served anywhere.
func worldwide(prefix string, c *catalog.Catalogue) bool {
	if prefix == "global" {
		return true
	}
	g, ok := c.Geography(prefix)
	return ok && g.Worldwide
}
