package resolve

import (
	"slices"
	"strings"

	"outcrop/llm"
	"outcrop/provider/bedrock/catalog"
	"outcrop/provider/bedrock/endpoint"
	"outcrop/provider/bedrock/modelid"
)

// Policy restricts where a model may be called, and ranks the candidates.
type Policy struct {
	// Strict sends every id unchanged.
	Strict bool
	// Geographies are the allowed profile prefixes, such as us and eu; own stands for those whose
	// source regions contain the region of the call. Nil means own, except that AWS decides about
	// an id in which the client names a prefix.
	Geographies []string
	// Global allows profiles that any commercial region may serve.
	Global bool
	// Regions are where to call, best first; nil is the region of the deployment.
	Regions []string
	Prefer  Preference
}

// Preference determines the order of candidates.
type Preference uint8

// Preferences.
const (
	// Nearest prefers the fewest regions that may serve the call.
	Nearest Preference = iota
	// Cheapest prefers the lowest price of input and output, as far as prices are known.
	Cheapest
)

// Own stands in Policy.Geographies for those that contain the call's region.
const Own = "own"

// Default is the policy of a deployment without one: profiles of the region's own geographies, then
// global ones.
func Default() Policy { return Policy{Global: true} }

// explicit reports whether the policy names geographies; then an id that violates it is refused
// rather than left to AWS.
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

// Permits reports whether the policy allows calls in a region to ids with a prefix. It
// allows whatever the policy does not restrict.
func (p Policy) Permits(prefix, region string, c *catalog.Catalogue) bool {
	switch {
	case len(p.Regions) > 0 && !slices.Contains(p.Regions, region):
		return false
	case p.explicit() || worldwide(prefix, c):
		return p.allows(prefix, region, c)
	default:
		return true
	}
}

// Restricts reports whether the policy limits where calls may be served.
func (p Policy) Restricts() bool { return p.explicit() || len(p.Regions) > 0 || !p.Global }

// String returns the restrictions of the policy, in the format of the configuration.
func (p Policy) String() string {
	var parts []string
	if p.explicit() {
		parts = append(parts, "geographies: ["+strings.Join(p.Geographies, ", ")+"]")
	}
	if len(p.Regions) > 0 {
		parts = append(parts, "regions: ["+strings.Join(p.Regions, ", ")+"]")
	}
	if !p.Global {
		parts = append(parts, "global: false")
	}
	return "{" + strings.Join(parts, ", ") + "}"
}

// worldwide reports whether calls by a prefix may be served anywhere.
func worldwide(prefix string, c *catalog.Catalogue) bool {
	if prefix == "global" {
		return true
	}
	g, ok := c.Geography(prefix)
	return ok && g.Worldwide
}

// Written is a policy as a configuration writes it; provider.Policy documents the
// fields.
type Written struct {
	Strict      bool
	Geographies []string
	Global      llm.Opt[bool]
	Regions     []string
	Prefer      string
}

// PolicyError is an invalid value of a policy setting.
type PolicyError struct {
	Setting string // geographies, regions or prefer
	Reason  string // what is wrong and what is accepted
}

func (e *PolicyError) Error() string { return "policy." + e.Setting + ": " + e.Reason }

// NewPolicy validates a configured policy. An error is a *PolicyError.
func NewPolicy(p Written) (Policy, error) {
	out := Policy{Strict: p.Strict, Geographies: p.Geographies, Global: !p.Global.Set || p.Global.Value, Regions: p.Regions}
	for _, g := range p.Geographies {
		if id, err := modelid.Parse(g + ".amazon.nova"); g != Own && (err != nil || id.Geography != g) {
			return out, &PolicyError{"geographies", `"` + llm.Clip(g, 60) + `" is not a geography; ` + geographyHint(g)}
		}
		out.Global = out.Global || g == "global" && !p.Global.Set
	}
	for _, region := range p.Regions {
		if !endpoint.ValidRegion(region) {
			return out, &PolicyError{"regions", `"` + llm.Clip(region, 60) + `" is not the name of an AWS region; ` + regionHint(region)}
		}
	}
	switch p.Prefer {
	case "", "nearest":
	case "cheapest":
		out.Prefer = Cheapest
	default:
		return out, &PolicyError{"prefer", `"` + llm.Clip(p.Prefer, 60) + `" is neither nearest nor cheapest`}
	}
	return out, nil
}

// geographyHint suggests the geography that a text was probably meant to name.
func geographyHint(text string) string {
	near := strings.ToLower(strings.TrimSpace(text))
	switch near {
	case "us", "eu", "apac", "jp", "au", "ca", "global", Own:
	case "europe", "emea", "european union":
		near = "eu"
	case "usa", "america", "united states", "north america":
		near = "us"
	case "asia", "ap", "asia pacific", "asia-pacific":
		near = "apac"
	case "japan":
		near = "jp"
	case "australia":
		near = "au"
	case "canada":
		near = "ca"
	case "world", "worldwide", "any", "all":
		near = "global"
	default:
		return "use own, or the prefix of inference profile ids, such as us, eu or apac"
	}
	return "did you mean " + near + "?"
}

// regionHint suggests the region that a text was probably meant to name.
func regionHint(text string) string {
	if err := endpoint.CheckRegion(text); err != nil && err.Near != "" {
		return "did you mean " + err.Near + "?"
	}
	return "a name looks like eu-west-1"
}
