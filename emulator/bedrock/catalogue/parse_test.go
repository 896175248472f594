package catalogue

import (
	"slices"
	"strings"
	"testing"
)

// launched is a model that is in no catalogue.
const launched = "anthropic.claude-next-9"

func base(t *testing.T) *Catalogue {
	t.Helper()
	c, err := Default()
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestWithAddsAModelInEveryFormOfRegions(t *testing.T) {
	t.Parallel()
	us := []string{"us-east-1", "us-west-2"}
	tests := []struct {
		name, model string
		onDemand    []string // regions
		from, to    []string // of the profile us
		broken      bool
	}{
		{"sets by name", `"onDemand":"us-east-1 us-west-2","profiles":{"us":["us-east-1 us-west-2","us-3"]}`, us, us, []string{"us-east-1", "us-east-2", "us-west-2"}, false},
		{"one set for source and destination", `"profiles":{"us":["us-east-1 us-west-2"]}`, nil, us, us, false},
		{"a region by name, which no set has", `"onDemand":"eu-west-1"`, []string{"eu-west-1"}, nil, nil, false},
		{"lists of regions", `"onDemand":["us-west-2","us-east-1"],"profiles":{"us":{"from":["us-east-1"],"to":["us-west-2","us-east-1"]}}`, us, []string{"us-east-1"}, us, false},
		{"lists for short", `"profiles":{"us":[["us-east-1"],["us-west-2","us-east-1"]]}`, nil, []string{"us-east-1"}, us, false},
		{"without destinations", `"profiles":{"us":{"from":"us-east-1 us-west-2"}}`, nil, us, us, false},
		{"a broken profile", `"profiles":{"us":{"from":["us-east-1"],"broken":true}}`, nil, []string{"us-east-1"}, []string{"us-east-1"}, true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			old := base(t)
			row := `{"id":"` + launched + `","family":"claude-newest",` + tt.model + `}`
			for _, body := range []string{`{"models":[` + row + `]}`, `[` + row + `]`} {
				c, err := old.With([]byte(body))
				if err != nil {
					t.Fatal(err)
				}
				m := c.Model(launched)
				for region := range c.regions {
					if m.OnDemand(region) != slices.Contains(tt.onDemand, region) {
						t.Errorf("on demand in %s: %v", region, m.OnDemand(region))
					}
					p, ok := c.Profile("us."+launched, region)
					if ok != slices.Contains(tt.from, region) || ok && (!slices.Equal(p.Destinations, tt.to) || p.Broken != tt.broken) {
						t.Errorf("in %s the profile is %+v, %v", region, p, ok)
					}
				}
				if old.Model(launched) != nil || len(c.models) != len(old.models)+1 {
					t.Error("the catalogue that was added to has changed, or models are lost")
				}
			}
		})
	}
}

func TestWithReplacesAndWithoutRemoves(t *testing.T) {
	t.Parallel()
	old := base(t)
	const id = "anthropic.claude-sonnet-4-6"
	c, err := old.With([]byte(`{"regionSets":{"here":["xx-new-1"]},"families":{"odd":["no-tools"]},
		"models":[{"id":"` + id + `","family":"odd","onDemand":"here"}]}`))
	if err != nil {
		t.Fatal(err)
	}
	m := c.Model(id)
	if len(c.models) != len(old.models) || !m.Has(NoTools) || m.Routed("us-east-1") || !m.OnDemand("xx-new-1") || !c.HasRegion("xx-new-1") || !c.HasRegion("us-east-1") {
		t.Errorf("got %+v", m)
	}
	if m.Name != "claude-sonnet-4-6" || m.Provider != "anthropic" || !m.Reads("TEXT") || !slices.Equal(m.Output, []string{"TEXT"}) {
		t.Errorf("what is left out reads %+v", m)
	}
	if p, ok := old.Profile("us."+id, "us-east-1"); !ok || p.Model.Name != "Claude Sonnet 4.6" || old.HasRegion("xx-new-1") {
		t.Error("the catalogue that was added to has changed")
	}

	less := c.Without(id, "no.such-model")
	if less.Model(id) != nil || slices.Contains(less.Models("xx-new-1"), m) || len(less.models) != len(c.models)-1 || c.Model(id) == nil {
		t.Error("the model is still there, or others are gone")
	}
}

func TestAFamilySaysWhatItsModelsTake(t *testing.T) {
	t.Parallel()
	c, err := base(t).With([]byte(`{"lists":{"flags":["a","b"]},"families":{
		"said":{"traits":["no-tools"],"voice":"chat","fields":["seed"],"betas":"flags","effort":{"at":"reasoning_effort","words":["low"]},"resultMedia":["image"],"tiers":[]},
		"unsaid":["no-tools"]},
		"models":[{"id":"acme.said","family":"said","optimized":true},{"id":"acme.unsaid","family":"unsaid"}]}`))
	if err != nil {
		t.Fatal(err)
	}
	for id, said := range map[string]bool{"acme.said": true, "acme.unsaid": false} {
		m := c.Model(id)
		if !m.Has(NoTools) || !m.TakesBeta("a") || !m.TakesInResult("image") || !m.ServesTier("default") {
			t.Errorf("%s takes less than its family says: %+v", id, m)
		}
		// What a family does not specify is not checked.
		if m.TakesBeta("c") == said || m.TakesInResult("document") == said || m.ServesTier("flex") == said || (m.Fields() != nil) != said || m.Optimized != said ||
			(m.Effort().At == "reasoning_effort") != said || (m.Voice() == VoiceChat) != said {
			t.Errorf("%s takes more or less than its family says: %+v", id, m)
		}
	}
}

func TestWhatDoesNotFitIsNamedByItsField(t *testing.T) {
	t.Parallel()
	row := func(members string) string {
		return `{"models":[{"id":"anthropic.new","family":"nova"` + members + `}]}`
	}
	family := func(value string) string {
		return `{"families":{"f":` + value + `},"models":[{"id":"anthropic.new","family":"f"}]}`
	}
	tests := []struct{ name, data, want string }{
		{"not JSON", `{`, "invalid JSON"},
		{"no model", `{}`, "models: names no model"},
		{"an unknown member at the top", `{"modles":[]}`, "modles: unknown field"},
		{"an unknown member of a model", row(`,"on_demand":"us-3"`), "models[0].on_demand: unknown field"},
		{"an unknown member of a profile", row(`,"profiles":{"us":{"form":"us-3"}}`), "models[0].profiles.us: form: unknown field"},
		{"a member of another kind", row(`,"context":"1M"`), "models[0].context: "},
		{"regions of another kind", row(`,"onDemand":7`), "models[0].onDemand: must be the name of a set of regions or a list of regions, not a number"},
		{"an id of another form", `[{"id":"us-new","family":"nova"}]`, `models[0].id: "us-new" is not`},
		{"no such family", `[{"id":"anthropic.new","family":"x"}]`, `models[0].family: unknown family "x"`},
		{"no such trait", `{"families":{"f":["no-tool"]},"models":[{"id":"anthropic.new","family":"f"}]}`, `families.f: unknown trait "no-tool"`},
		{"a family of another kind", family(`"nova"`), "families.f: must be a list of traits or an object, not a string"},
		{"no such trait in an object", family(`{"traits":["no-tool"]}`), `families.f: unknown trait "no-tool"`},
		{"an unknown member of a family", family(`{"feilds":[]}`), "families.f: feilds: unknown field"},
		{"no such voice", family(`{"voice":"loud"}`), `families.f: voice: "loud" is not one of`},
		{"no such list", family(`{"fields":"all"}`), `families.f: fields: unknown list "all"`},
		{"fields of another kind", family(`{"fields":true}`), "families.f.fields: must be the name of a list or a list"},
		{"an effort without words", family(`{"effort":{"at":"reasoning_effort"}}`), "families.f: effort: must name its field (at) and its values (words)"},
		{"a model twice", `[{"id":"anthropic.new","family":"nova"},{"id":"anthropic.new","family":"nova"}]`, "models[1].id: is used twice"},
		{"no such region set", row(`,"onDemand":"s"`), `models[0].onDemand: unknown region or region set "s"`},
		{"no such region", row(`,"onDemand":["us-east-9"]`), `models[0].onDemand: unknown region or region set "us-east-9"`},
		{"no such set in a profile", row(`,"profiles":{"us":["s"]}`), `models[0].profiles.us: unknown region or region set "s"`},
		{"a list of regions where source and destination stand", row(`,"profiles":{"us":["us-east-1","us-east-2","us-west-2"]}`), "models[0].profiles.us: must have one or two elements"},
		{"a profile of another kind", row(`,"profiles":{"us":true}`), "models[0].profiles.us: must be a list or an object"},
		{"a profile from nowhere", row(`,"profiles":{"us":{"to":"us-3"}}`), "models[0].profiles.us: names no region"},
		{"a prefix with a dot", row(`,"profiles":{"us.":["us-3"]}`), `models[0].profiles: "us." is not the prefix`},
		{"a day in another form", row(`,"start":"1.2.2026"`), `models[0].start: day "1.2.2026"`},
		{"a negative limit", row(`,"maxOutput":-1`), "models[0].maxOutput: -1 is negative"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			_, err := base(t).With([]byte(tt.data))
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %v, want an error with %q", err, tt.want)
			}
		})
	}
}
