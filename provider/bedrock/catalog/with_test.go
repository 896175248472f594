package catalog

import (
	"slices"
	"testing"
	"time"

	"outcrop/llm"
)

// virginia is what an account in us-east-1 could be told: two models of which
// the program knows one, one profile that it knows and one that it does not, and
// a profile that the account made.
func virginia() *Live {
	return &Live{
		Account: "123456789012", Region: "us-east-1", At: time.Date(2026, 11, 20, 10, 0, 0, 0, time.UTC),
		Models: llm.Some([]LiveModel{
			{
				ID: "amazon.nova-pro-v1:0", Name: "Nova Pro", Provider: "Amazon", Input: []string{"TEXT", "IMAGE", "VIDEO"}, Output: []string{"TEXT"},
				Streaming: new(true), InferenceTypes: []string{"ON_DEMAND", "INFERENCE_PROFILE"}, Status: "LEGACY",
				EndOfLife: time.Date(2027, 1, 2, 0, 0, 0, 0, time.UTC),
			},
			{ID: "amazon.nova-pro-v1:0:300k", InferenceTypes: []string{"PROVISIONED"}},
			{ID: "anthropic.claude-opus-9", Name: "Claude Opus 9", Input: []string{"TEXT", "SMELL"}, Output: []string{"TEXT"}, InferenceTypes: []string{"INFERENCE_PROFILE"}, Status: "ACTIVE"},
		}),
		Profiles: llm.Some([]LiveProfile{
			{
				ID: "us.amazon.nova-pro-v1:0", Name: "US Nova Pro", Type: "SYSTEM_DEFINED",
				ARN:    "arn:aws:bedrock:us-east-1:123456789012:inference-profile/us.amazon.nova-pro-v1:0",
				Models: []string{"arn:aws:bedrock:us-west-2::foundation-model/amazon.nova-pro-v1:0", "arn:aws:bedrock:us-east-1::foundation-model/amazon.nova-pro-v1:0"},
			},
			{
				ID: "global.anthropic.claude-opus-9", Type: "SYSTEM_DEFINED",
				ARN:    "arn:aws:bedrock:us-east-1:123456789012:inference-profile/global.anthropic.claude-opus-9",
				Models: []string{"arn:aws:bedrock:us-east-1::foundation-model/anthropic.claude-opus-9", "arn:aws:bedrock:::foundation-model/anthropic.claude-opus-9"},
			},
			{
				ID: "a1b2c3d4e5f6", Name: "team-a", Type: "APPLICATION",
				ARN:    "arn:aws:bedrock:us-east-1:123456789012:application-inference-profile/a1b2c3d4e5f6",
				Models: []string{"arn:aws:bedrock:us-east-1::foundation-model/amazon.nova-pro-v1:0"},
			},
		}),
	}
}

func TestLiveListsWin(t *testing.T) {
	embedded := Embedded()
	c := embedded.With(virginia())

	for _, tt := range []struct {
		what, base, region string
		want               Known
	}{
		{"a listed model on demand", "amazon.nova-pro-v1:0", "us-east-1", Yes},
		{"a listed model for profiles only", "anthropic.claude-opus-9", "us-east-1", No},
		{"a model that is not listed", "openai.gpt-oss-120b-1:0", "us-east-1", No},
		{"a model that nobody knows, where the list is known", "acme.nothing", "us-east-1", No},
		{"a model that nobody knows, elsewhere", "acme.nothing", "eu-west-1", Unknown},
		{"elsewhere the data's word stands", "openai.gpt-oss-120b-1:0", "us-west-2", Yes},
	} {
		t.Run(tt.what, func(t *testing.T) {
			if got := c.OnDemand(tt.base, tt.region); got != tt.want {
				t.Errorf("OnDemand(%q, %q) = %s, want %s", tt.base, tt.region, got, tt.want)
			}
		})
	}

	t.Run("a new model has what the list says, and nothing else", func(t *testing.T) {
		m, ok := c.Model("anthropic.claude-opus-9")
		if !ok || m.Name != "Claude Opus 9" || m.Vendor != "anthropic" || m.Input != Text || m.Tools != Unknown || m.Context != 0 {
			t.Errorf("got %+v", m)
		}
		if m.In("us-east-1") != Yes || m.In("eu-west-1") != Unknown {
			t.Errorf("it is in us-east-1: %s, in eu-west-1: %s", m.In("us-east-1"), m.In("eu-west-1"))
		}
		if base, _ := c.Friendly("claude-opus-9"); base != m.ID {
			t.Errorf("its friendly name leads to %q", base)
		}
	})
	t.Run("a known model keeps what the list does not say", func(t *testing.T) {
		m, _ := c.Model("amazon.nova-pro-v1:0")
		before, _ := embedded.Model("amazon.nova-pro-v1:0")
		if m.Lifecycle.Status != "LEGACY" || m.Lifecycle.EndOfLife.Time().Year() != 2027 || m.Context != before.Context || !m.Input.Has(Document|Video) {
			t.Errorf("got %+v", m)
		}
		if before.Lifecycle.Status != "" || before.OnDemand("us-east-1") != Yes {
			t.Error("the catalogue beneath has changed")
		}
	})
	t.Run("throughput that is sold by the month is no model", func(t *testing.T) {
		if _, ok := c.Model("amazon.nova-pro-v1:0:300k"); ok {
			t.Error("it is in the catalogue")
		}
	})
	t.Run("a listed profile leads where the list says", func(t *testing.T) {
		p, ok := c.Profile("us.amazon.nova-pro-v1:0")
		if !ok || p.From("us-east-1") != Yes || p.From("us-west-2") != Unknown || p.Worldwide() {
			t.Fatalf("got %+v", p)
		}
		if got := p.Destinations("us-east-1"); !slices.Equal(got, []string{"us-east-1", "us-west-2"}) {
			t.Errorf("it leads to %q", got)
		}
		if p.ARN("us-east-1") == "" || p.ARN("us-west-2") != "" {
			t.Errorf("its ARNs are %q and %q", p.ARN("us-east-1"), p.ARN("us-west-2"))
		}
	})
	t.Run("a new profile with an ARN without a region leads to the whole world", func(t *testing.T) {
		p, ok := c.Profile("global.anthropic.claude-opus-9")
		if !ok || p.Prefix != "global" || p.Base != "anthropic.claude-opus-9" || !p.Worldwide() || p.Destinations("us-east-1") != nil {
			t.Fatalf("got %+v", p)
		}
		if of := c.ProfilesOf("anthropic.claude-opus-9"); len(of) != 1 || of[0] != p {
			t.Errorf("the model's profiles are %v", of)
		}
	})
	t.Run("a profile that is not listed is not there, though the data has it", func(t *testing.T) {
		const id = "us.anthropic.claude-sonnet-4-6"
		before, _ := embedded.Profile(id)
		after, _ := c.Profile(id)
		if before.From("us-east-1") != Yes || after.From("us-east-1") != No || after.From("us-west-2") != Yes {
			t.Errorf("before: %s; after: %s, in us-west-2 %s", before.From("us-east-1"), after.From("us-east-1"), after.From("us-west-2"))
		}
		if slices.Contains(after.Regions(), "us-east-1") || !slices.Contains(after.Regions(), "us-west-2") {
			t.Errorf("its regions are %q", after.Regions())
		}
	})
	t.Run("a profile of the account's is found by id and by ARN", func(t *testing.T) {
		byID, _ := c.Profile("a1b2c3d4e5f6")
		byARN, _ := c.Profile("arn:aws:bedrock:us-east-1:123456789012:application-inference-profile/a1b2c3d4e5f6")
		if byID == nil || byID != byARN || !byID.Application || byID.Prefix != "" || byID.Base != "amazon.nova-pro-v1:0" {
			t.Errorf("got %+v and %+v", byID, byARN)
		}
		for _, p := range c.ProfilesOf("amazon.nova-pro-v1:0") {
			if p.Application {
				t.Error("it stands among the profiles that AWS defines")
			}
		}
	})
	t.Run("the geography learns", func(t *testing.T) {
		us, _ := c.Geography("us")
		if !us.Has("us-east-1") || us.Worldwide {
			t.Errorf("got %+v", us)
		}
	})
	t.Run("the catalogue knows of which regions it has a list", func(t *testing.T) {
		if c.OnDemand("acme.nothing", "us-east-1") != No {
			t.Error("it does not know the list")
		}
		if c.OnDemand("acme.nothing", "us-west-2") != Unknown {
			t.Error("it claims to know a list that nobody gave it")
		}
	})
}

func TestANewerListReplacesAnOlderOne(t *testing.T) {
	first := Embedded().With(virginia())
	later := virginia()
	later.Models.Value = later.Models.Value[:1]
	later.Profiles.Value = later.Profiles.Value[:1]
	c := first.With(later)
	if got := c.OnDemand("anthropic.claude-opus-9", "us-east-1"); got != No {
		t.Errorf("a model that is gone can be called: %s", got)
	}
	for _, id := range []string{"global.anthropic.claude-opus-9", "a1b2c3d4e5f6", "arn:aws:bedrock:us-east-1:123456789012:application-inference-profile/a1b2c3d4e5f6"} {
		if p, ok := c.Profile(id); ok && p.From("us-east-1") != No {
			t.Errorf("the profile %s that is gone can be called: %s", id, p.From("us-east-1"))
		}
		if p, _ := first.Profile(id); p.From("us-east-1") != Yes {
			t.Errorf("the catalogue beneath has lost %s", id)
		}
	}
}

func TestAListThatWasNotReadSaysNothing(t *testing.T) {
	embedded := Embedded()
	l := virginia()
	l.Models = llm.Opt[[]LiveModel]{}
	c := embedded.With(nil, l)
	if got, want := c.OnDemand("amazon.nova-micro-v1:0", "us-east-1"), embedded.OnDemand("amazon.nova-micro-v1:0", "us-east-1"); got != want {
		t.Errorf("on demand is %s, and %s in the data", got, want)
	}
	if p, _ := c.Profile("us.anthropic.claude-sonnet-4-6"); p.From("us-east-1") != No {
		t.Error("the list of profiles that was read does not count")
	}
	l = virginia()
	l.Profiles = llm.Opt[[]LiveProfile]{}
	c = embedded.With(l)
	if p, _ := c.Profile("us.anthropic.claude-sonnet-4-6"); p.From("us-east-1") != Yes {
		t.Error("the list of profiles that was not read counts")
	}
}

func TestAnEmptyListIsAList(t *testing.T) {
	c := Embedded().With(&Live{Region: "eu-west-1", At: time.Now(), Models: llm.Some([]LiveModel{}), Profiles: llm.Some([]LiveProfile{})})
	for _, m := range c.Models() {
		if m.OnDemand("eu-west-1") != No || m.In("eu-west-1") != No {
			t.Errorf("%s is in eu-west-1", m.ID)
		}
	}
	for _, p := range c.Profiles() {
		if p.From("eu-west-1") != No {
			t.Errorf("%s can be called in eu-west-1", p.ID)
		}
	}
}

func TestAccess(t *testing.T) {
	l := virginia()
	l.Availability = map[string]Availability{
		"amazon.nova-pro-v1:0":    {Agreement: "AVAILABLE", Authorization: "AUTHORIZED", Entitlement: "AVAILABLE", Region: "AVAILABLE"},
		"anthropic.claude-opus-9": {Agreement: "NOT_AVAILABLE", Authorization: "AUTHORIZED", Entitlement: "AVAILABLE", Region: "AVAILABLE"},
	}
	c := Embedded().With(l)
	for base, want := range map[string]Known{"amazon.nova-pro-v1:0": Yes, "anthropic.claude-opus-9": No} {
		m, _ := c.Model(base)
		if access := m.Availability("us-east-1"); !access.Set || access.Value.Granted() != want {
			t.Errorf("access to %s is %+v, want %s", base, access, want)
		}
		if m.In("us-east-1") != Yes {
			t.Errorf("%s is no longer listed", base)
		}
		if m.Availability("us-west-2").Set {
			t.Errorf("access to %s is known where nobody asked", base)
		}
	}
	half := &Live{Region: "us-west-2", At: l.At, Availability: map[string]Availability{"amazon.nova-pro-v1:0": {Authorization: "NOT_AUTHORIZED"}, "acme.nothing": {}}}
	c = Embedded().With(half)
	if m, _ := c.Model("amazon.nova-pro-v1:0"); m.Availability("us-west-2").Value.Granted() != No || m.OnDemand("us-west-2") != Unknown {
		t.Error("access without a list of models is not known, or says more than it does")
	}
	if _, ok := c.Model("acme.nothing"); ok {
		t.Error("to ask for access to a model makes it exist")
	}
	if (Availability{}).Granted() != Unknown {
		t.Error("access that was not asked for is known")
	}
}
