// Package catalogue defines the models, profiles and regions of the emulated Bedrock. It is
// independent of the gateway's catalogue, so that tests reveal misreadings of the gateway. Ended
// models are kept, listed as legacy, so that programs built for them can still be tested.
package catalogue

import (
	_ "embed"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"
)

//go:embed catalogue.json
var embedded string // never written to

// Model is a foundation model.
type Model struct {
	ID, Name, Provider string
	Family             string
	// Input and Output are modalities in AWS's words: TEXT, IMAGE, VIDEO, AUDIO, EMBEDDING.
	Input, Output []string
	// Context and MaxOutput are limits in tokens; MaxOutput is 0 for a model that writes no text.
	Context, MaxOutput int64
	// CacheMinimum is the minimum number of tokens that a cache point stores; 0 if the model has no
	// prompt cache.
	CacheMinimum int64
	// Optimized reports whether the model supports latency-optimized performanceConfig.
	Optimized bool
	// Start, Legacy and End are dates of its lifecycle; Legacy and End are zero until announced.
	Start, Legacy, End time.Time
	// Responses reports whether bedrock-runtime has OpenAI's Responses API for the model's profiles.
	Responses bool
	// Mantle is the model at the host bedrock-mantle; without an ID if it is not there.
	Mantle Mantle

	family   family
	onDemand []string
	routes   map[string]route // by prefix
}

// Mantle is a model at bedrock-mantle, which has ids of its own and no profiles.
type Mantle struct {
	ID string
	// Chat reports whether the model has chat completions, at /v1.
	Chat bool
	// Responses is the base path at which the model has the Responses API: /v1 or /openai/v1; empty if
	// it has none.
	Responses string

	regions []string
}

// route has the source and destination regions of a profile.
type route struct {
	from, to []string
	broken   bool
}

// Reads reports whether the model accepts the modality, such as IMAGE.
func (m *Model) Reads(modality string) bool { return slices.Contains(m.Input, modality) }

// OnDemand reports whether the bare id can be invoked in the region.
func (m *Model) OnDemand(region string) bool { return slices.Contains(m.onDemand, region) }

// Routed reports whether some inference profile routes to the model from the region.
func (m *Model) Routed(region string) bool {
	for _, r := range m.routes {
		if slices.Contains(r.from, region) {
			return true
		}
	}
	return false
}

// In reports whether the region lists the model.
func (m *Model) In(region string) bool { return m.OnDemand(region) || m.Routed(region) }

// Profile is a system-defined inference profile as seen in one region.
type Profile struct {
	// ID is the prefix and the model's id, such as us.anthropic.claude-sonnet-4-6.
	ID, Prefix string
	Model      *Model
	// Destinations are the regions that may serve it, sorted.
	Destinations []string
	// Broken is set for a profile that is listed but cannot be called.
	Broken bool
}

// Global reports whether the profile routes to regions world-wide.
func (p *Profile) Global() bool { return p.Prefix == "global" }

// Name returns the profile's name in AWS's form, such as "US Anthropic Claude Sonnet 4.6".
func (p *Profile) Name() string {
	where := strings.ToUpper(p.Prefix)
	switch p.Prefix {
	case "global":
		where = "Global"
	case "us-gov":
		where = "US-GOV"
	}
	return where + " " + p.Model.Provider + " " + p.Model.Name
}

// Catalogue has the models and profiles of the emulated Bedrock. It is immutable (With and Without
// return another) and safe for concurrent use.
type Catalogue struct {
	models   []*Model
	byID     map[string]*Model
	regions  map[string]bool
	sets     map[string][]string // regions by the name of their set
	families map[string]family
	lists    map[string][]string // by name, for members of families
}

// Default returns the catalogue that comes with the emulator; its file names the sources of its
// facts. The first call parses it; later ones return the same.
func Default() (*Catalogue, error) { return parsed() }

// parsed is made once, when it is first asked for: what it holds is immutable.
var parsed = sync.OnceValues(func() (*Catalogue, error) { return Parse([]byte(embedded)) })

// Parse parses a catalogue in the form of the file catalogue.json: named sets of regions, the
// properties of families, and models. An error names the invalid field.
func Parse(data []byte) (*Catalogue, error) { return new(Catalogue).With(data) }

// Without returns the catalogue without the models of these ids; unknown ids are ignored.
func (c *Catalogue) Without(ids ...string) *Catalogue {
	less := *c
	less.models = slices.DeleteFunc(slices.Clone(c.models), func(m *Model) bool { return slices.Contains(ids, m.ID) })
	less.byID = maps.Clone(c.byID)
	for _, id := range ids {
		delete(less.byID, id)
	}
	return &less
}

// HasRegion reports whether Bedrock exists in the region.
func (c *Catalogue) HasRegion(region string) bool { return c.regions[region] }

// Model returns a model by its bare id; nil if there is none in any region.
func (c *Catalogue) Model(id string) *Model { return c.byID[id] }

// AtMantle returns the models that bedrock-mantle has in the region, in the catalogue's order.
func (c *Catalogue) AtMantle(region string) []*Model {
	var models []*Model
	for _, m := range c.models {
		if m.Mantle.ID != "" && slices.Contains(m.Mantle.regions, region) {
			models = append(models, m)
		}
	}
	return models
}

// All returns every model, in the catalogue's order.
func (c *Catalogue) All() []*Model { return slices.Clone(c.models) }

// Models returns the models that the region lists, in the catalogue's order.
func (c *Catalogue) Models(region string) []*Model {
	var models []*Model
	for _, m := range c.models {
		if m.In(region) {
			models = append(models, m)
		}
	}
	return models
}

// Profiles returns the system-defined profiles that can be called from the region, by model in the
// catalogue's order and then by prefix.
func (c *Catalogue) Profiles(region string) []Profile {
	var profiles []Profile
	for _, m := range c.models {
		for _, prefix := range slices.Sorted(maps.Keys(m.routes)) {
			if r := m.routes[prefix]; slices.Contains(r.from, region) {
				profiles = append(profiles, m.profile(prefix, r))
			}
		}
	}
	return profiles
}

// Profile returns the system-defined profile with the id as seen in the region; false if it does
// not exist or cannot be called from there.
func (c *Catalogue) Profile(id, region string) (Profile, bool) {
	prefix, base, _ := strings.Cut(id, ".")
	m := c.byID[base]
	if m == nil {
		return Profile{}, false
	}
	r, ok := m.routes[prefix]
	if !ok || !slices.Contains(r.from, region) {
		return Profile{}, false
	}
	return m.profile(prefix, r), true
}

func (m *Model) profile(prefix string, r route) Profile {
	return Profile{ID: prefix + "." + m.ID, Prefix: prefix, Model: m, Destinations: r.to, Broken: r.broken}
}
