package catalogue

import (
	"slices"
	"testing"
)

func TestDefaultSaysWhereAModelCanBeCalled(t *testing.T) {
	t.Parallel()
	c, err := Default()
	if err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		name, id, region     string
		listed, bare, geo    bool
		profile              string
		destinations, global int
	}{
		{"a new Claude is there only by profile", "anthropic.claude-sonnet-4-6", "us-east-1", true, false, true, "us", 5, 33},
		{"the European profile is not for American regions", "anthropic.claude-sonnet-4-6", "us-east-1", true, false, false, "eu", 0, 33},
		{"Nova Micro has both in Virginia", "amazon.nova-micro-v1:0", "us-east-1", true, true, true, "us", 3, 0},
		{"Nova Micro has no bare id in Frankfurt", "amazon.nova-micro-v1:0", "eu-central-1", true, false, true, "eu", 6, 0},
		{"gpt-oss has only its bare id", "openai.gpt-oss-120b-1:0", "eu-central-1", true, true, false, "eu", 0, 0},
		{"DeepSeek R1 is American", "deepseek.r1-v1:0", "eu-west-1", false, false, false, "us", 0, 0},
		{"GovCloud has a profile of its own", "anthropic.claude-sonnet-4-5-20250929-v1:0", "us-gov-west-1", true, false, true, "us-gov", 2, 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			m := c.Model(tt.id)
			if m == nil {
				t.Fatalf("no model %q", tt.id)
			}
			if m.In(tt.region) != tt.listed || m.OnDemand(tt.region) != tt.bare {
				t.Errorf("listed %v, on demand %v; want %v, %v", m.In(tt.region), m.OnDemand(tt.region), tt.listed, tt.bare)
			}
			p, ok := c.Profile(tt.profile+"."+tt.id, tt.region)
			if ok != tt.geo || len(p.Destinations) != tt.destinations {
				t.Errorf("profile %s: %v with %d destinations, want %v with %d", tt.profile, ok, len(p.Destinations), tt.geo, tt.destinations)
			}
			g, _ := c.Profile("global."+tt.id, tt.region)
			if len(g.Destinations) != tt.global {
				t.Errorf("global profile has %d destinations, want %d", len(g.Destinations), tt.global)
			}
		})
	}
}

func TestListsAgreeWithLookups(t *testing.T) {
	t.Parallel()
	c, err := Default()
	if err != nil {
		t.Fatal(err)
	}
	for region := range c.regions {
		for _, p := range c.Profiles(region) {
			if _, ok := c.Profile(p.ID, region); !ok {
				t.Errorf("%s lists profile %s but does not find it", region, p.ID)
			}
			if !slices.Contains(c.Models(region), p.Model) {
				t.Errorf("%s lists profile %s but not its model", region, p.ID)
			}
			if p.Prefix != "global" && len(p.Destinations) > 40 {
				t.Errorf("profile %s has %d destinations", p.ID, len(p.Destinations))
			}
		}
	}
	if n := len(c.Profiles("nowhere-1")); n != 0 {
		t.Errorf("a region that does not exist has %d profiles", n)
	}
}
