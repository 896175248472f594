package resolve_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"outcrop/llm"
	"outcrop/provider/bedrock/catalog"
	"outcrop/provider/bedrock/modelid"
	"outcrop/provider/bedrock/resolve"
)

func embedded(t testing.TB) *catalog.Catalogue {
	t.Helper()
	c := catalog.Embedded()
	return c
}

func parse(t testing.TB, s string) modelid.ID {
	t.Helper()
	id, err := modelid.Parse(s)
	if err != nil {
		t.Fatal(err)
	}
	return id
}

// live says that a region lists models, and profiles with their destinations.
func live(region string, models map[string]string, profiles map[string][]string) *catalog.Live {
	l := &catalog.Live{Region: region, At: time.Date(2026, 11, 22, 0, 0, 0, 0, time.UTC)}
	var rows []catalog.LiveModel
	for id, inference := range models {
		rows = append(rows, catalog.LiveModel{ID: id, InferenceTypes: []string{inference}, Status: "ACTIVE"})
	}
	var found []catalog.LiveProfile
	for id, to := range profiles {
		_, base, _ := strings.Cut(id, ".")
		p := catalog.LiveProfile{ID: id, ARN: "arn:aws:bedrock:" + region + ":123456789012:inference-profile/" + id, Type: "SYSTEM_DEFINED"}
		for _, r := range to {
			p.Models = append(p.Models, "arn:aws:bedrock:"+r+"::foundation-model/"+base)
		}
		found = append(found, p)
	}
	l.Models, l.Profiles = llm.Some(rows), llm.Some(found)
	return l
}

const (
	sonnet37 = "anthropic.claude-3-7-sonnet-20250219-v1:0"
	sonnet45 = "anthropic.claude-sonnet-4-5-20250929-v1:0"
	r1       = "deepseek.r1-v1:0"
)

// The cases that people meet.
func TestWays(t *testing.T) {
	c := embedded(t)
	morning := c.With(live("us-east-1",
		map[string]string{"acme.rocket-v9:0": "INFERENCE_PROFILE", "acme.comet-v1:0": "INFERENCE_PROFILE", "acme.pebble-v1:0": "ON_DEMAND"},
		map[string][]string{"us.acme.rocket-v9:0": {"us-east-1", "us-west-2"}, "global.acme.rocket-v9:0": {""}, "global.acme.comet-v1:0": {""}}))
	odd := c.With(live("us-east-1", map[string]string{"acme.comet-v1:0": "INFERENCE_PROFILE"}, map[string][]string{"emea.acme.comet-v1:0": {"me-south-1"}}))
	renamed := live("eu-central-1", map[string]string{"acme.rocket-v2-20261101:0": "INFERENCE_PROFILE"}, nil)
	renamed.Profiles = llm.Some([]catalog.LiveProfile{{
		ID: "global.acme.rocket-v2:0", ARN: "arn:aws:bedrock:eu-central-1:123456789012:inference-profile/global.acme.rocket-v2:0", Type: "SYSTEM_DEFINED",
		Models: []string{"arn:aws:bedrock:eu-central-1::foundation-model/acme.rocket-v2-20261101:0", "arn:aws:bedrock:us-east-1::foundation-model/acme.rocket-v2-20261101:0"},
	}})
	global := resolve.Default()
	local := resolve.Policy{}
	taught := resolve.Observed{NeedsProfile: func(base, _ string) bool { return base == "acme.rocket-v9:0" }}
	for _, tt := range []struct {
		name, model, region string
		policy              resolve.Policy
		cat                 *catalog.Catalogue
		learned             resolve.Observed
		want                []string // ids; empty for a refusal
	}{
		{"Claude 3.7 Sonnet by its bare id", sonnet37, "us-east-1", global, c, resolve.Observed{}, []string{"us." + sonnet37}},
		{"by its profile", "us." + sonnet37, "us-east-1", global, c, resolve.Observed{}, []string{"us." + sonnet37}},
		{"by LiteLLM's route", "bedrock/converse/" + sonnet37, "us-east-1", global, c, resolve.Observed{}, []string{"us." + sonnet37}},
		{"DeepSeek R1 by its bare id", r1, "us-west-2", global, c, resolve.Observed{}, []string{"us." + r1}},
		{"DeepSeek R1 by its profile", "us." + r1, "us-east-1", global, c, resolve.Observed{}, []string{"us." + r1}},
		{"where nothing says that it is on demand", "amazon.nova-lite-v1:0", "eu-central-1", local, c, resolve.Observed{}, []string{"eu.amazon.nova-lite-v1:0", "amazon.nova-lite-v1:0"}},
		{"where it is on demand", "amazon.nova-lite-v1:0", "us-east-1", local, c, resolve.Observed{}, []string{"amazon.nova-lite-v1:0"}},
		{"in Europe by Europe's", sonnet45, "eu-central-1", local, c, resolve.Observed{}, []string{"eu." + sonnet45}},
		{"in Japan by Japan's", sonnet45, "ap-northeast-1", local, c, resolve.Observed{}, []string{"jp." + sonnet45}},
		{"the world comes last", sonnet45, "us-east-1", global, c, resolve.Observed{}, []string{"us." + sonnet45, "global." + sonnet45}},
		{"strict is as written", sonnet37, "us-east-1", resolve.Policy{Strict: true}, c, resolve.Observed{}, []string{sonnet37}},
		{"a model of this morning", "acme.rocket-v9:0", "us-east-1", global, morning, resolve.Observed{}, []string{"us.acme.rocket-v9:0", "global.acme.rocket-v9:0"}},
		{"of this morning, only worldwide", "acme.comet-v1:0", "us-east-1", global, morning, resolve.Observed{}, []string{"global.acme.comet-v1:0"}},
		{"of this morning, on demand", "acme.pebble-v1:0", "us-east-1", global, morning, resolve.Observed{}, []string{"acme.pebble-v1:0"}},
		{"only worldwide, and the policy says no", "acme.comet-v1:0", "us-east-1", local, morning, resolve.Observed{}, nil},
		{"nobody knows it", "acme.rocket-v9:0", "us-east-1", global, c, resolve.Observed{}, []string{"acme.rocket-v9:0"}},
		{"nobody knows it, and AWS has refused it bare", "acme.rocket-v9:0", "us-east-1", global, c, taught, []string{"us.acme.rocket-v9:0", "global.acme.rocket-v9:0", "acme.rocket-v9:0"}},
		{"refused bare, in a region without a geography", "acme.rocket-v9:0", "sa-east-1", global, c, taught, []string{"global.acme.rocket-v9:0", "acme.rocket-v9:0"}},
		{"refused bare, where nothing is allowed", "acme.rocket-v9:0", "sa-east-1", local, c, taught, []string{"acme.rocket-v9:0"}},
		{"refused bare, and every guess was invalid", "acme.rocket-v9:0", "us-east-1", global, c, resolve.Observed{NeedsProfile: taught.NeedsProfile, InvalidID: func(id, _ string) bool { return strings.Contains(id, ".acme.") }}, []string{"acme.rocket-v9:0", "us.acme.rocket-v9:0", "global.acme.rocket-v9:0"}},
		{"refused bare, though it is listed as on demand", "amazon.nova-lite-v1:0", "us-east-1", local, c, resolve.Observed{NeedsProfile: func(string, string) bool { return true }}, []string{"us.amazon.nova-lite-v1:0", "amazon.nova-lite-v1:0"}},
		{"all profiles were invalid", sonnet45, "us-east-1", global, c, resolve.Observed{InvalidID: func(string, string) bool { return true }}, []string{"us." + sonnet45, "global." + sonnet45}},
		{"provisioned throughput by a profile that is not allowed", "us.amazon.nova-pro-v1:0:300k", "us-east-1", resolve.Policy{Geographies: []string{"eu"}}, c, resolve.Observed{}, nil},
		{"strict does not go beyond the policy", "us." + sonnet45, "us-east-1", resolve.Policy{Strict: true, Geographies: []string{"eu"}}, c, resolve.Observed{}, nil},
		{"nor by an ARN", "arn:aws:bedrock:us-east-1:123456789012:inference-profile/us." + sonnet45, "us-east-1", resolve.Policy{Strict: true, Geographies: []string{"eu"}}, c, resolve.Observed{}, nil},
		{"a model's own ARN where it has no on-demand throughput", "arn:aws:bedrock:us-east-1::foundation-model/" + sonnet45, "us-east-1", local, c, resolve.Observed{}, []string{"us." + sonnet45}},
		{"a model's own ARN where it has", "arn:aws:bedrock:us-east-1::foundation-model/amazon.nova-lite-v1:0", "us-east-1", local, c, resolve.Observed{}, []string{"arn:aws:bedrock:us-east-1::foundation-model/amazon.nova-lite-v1:0"}},
		{"a model's own ARN, strictly", "arn:aws:bedrock:us-east-1::foundation-model/" + sonnet45, "us-east-1", resolve.Policy{Strict: true}, c, resolve.Observed{}, []string{"arn:aws:bedrock:us-east-1::foundation-model/" + sonnet45}},
		{"what looks like a worldwide profile but for its vendor", "global.acme.3d-model-v1:0", "us-east-1", local, c, resolve.Observed{}, nil},
		{"a prefix that nobody knows before a model that is known", "emea." + sonnet45, "eu-west-1", resolve.Policy{Geographies: []string{"eu"}}, c, resolve.Observed{}, nil},
		{"an odd prefix in a model's ARN", "arn:aws:bedrock:us-east-1::foundation-model/emea.acme.comet-v1:0", "us-east-1", resolve.Policy{Geographies: []string{"eu"}}, odd, resolve.Observed{}, nil},
		{"a profile of another id than its model's", "global.acme.rocket-v2:0", "eu-central-1", local, c.With(renamed), resolve.Observed{}, nil},
		{"a custom Nova's family with an id", "nova/amazon.nova-lite-v1:0", "us-east-1", local, c, resolve.Observed{}, []string{"amazon.nova-lite-v1:0"}},
		{"where no profile leads, AWS is asked", r1, "eu-central-1", local, c, resolve.Observed{}, []string{r1}},
		{"a router may lead anywhere", "arn:aws:bedrock:eu-west-3:123456789012:default-prompt-router/anthropic.claude:1", "eu-west-3", resolve.Policy{Geographies: []string{}}, c, resolve.Observed{}, nil},
		{"a stored prompt may too", "arn:aws:bedrock:eu-west-3:123456789012:prompt/ABCDEFGHIJ", "eu-west-3", resolve.Policy{Geographies: []string{"eu"}}, c, resolve.Observed{}, nil},
		{"a prefix that only AWS's lists know", "emea.acme.comet-v1:0", "us-east-1", resolve.Policy{Geographies: []string{"eu"}}, odd, resolve.Observed{}, nil},
		{"the same where it is allowed", "emea.acme.comet-v1:0", "us-east-1", local, odd, resolve.Observed{}, []string{"emea.acme.comet-v1:0"}},
		{"a region of the path that lies elsewhere", "us-east-1/amazon.nova-lite-v1:0", "eu-central-1", local, c, resolve.Observed{}, nil},
		{"a region of the path that the own geography has", "eu-west-1/" + sonnet45, "eu-central-1", local, c, resolve.Observed{}, []string{"eu." + sonnet45}},
		{"an ARN that lies elsewhere", "arn:aws:bedrock:us-east-1::foundation-model/amazon.nova-lite-v1:0", "eu-central-1", local, c, resolve.Observed{}, nil},
		{"a friendly name", "claude-sonnet-4-5", "us-east-1", local, c, resolve.Observed{}, []string{"us." + sonnet45}},
		{"another friendly name", "deepseek-r1", "us-east-1", global, c, resolve.Observed{}, []string{"us." + r1}},
		{"a profile of another geography is AWS's to judge", "us." + sonnet45, "eu-west-1", global, c, resolve.Observed{}, []string{"us." + sonnet45}},
		{"a policy that names geographies finds its own", "us." + sonnet45, "eu-west-1", resolve.Policy{Geographies: []string{"eu"}}, c, resolve.Observed{}, []string{"eu." + sonnet45}},
		{"the world where it is forbidden", "global." + sonnet45, "eu-west-1", resolve.Policy{Geographies: []string{"eu"}}, c, resolve.Observed{}, []string{"eu." + sonnet45}},
		{"regions in order of preference", sonnet45, "us-east-1", resolve.Policy{Regions: []string{"eu-west-1", "us-east-1"}}, c, resolve.Observed{}, []string{"eu." + sonnet45, "us." + sonnet45}},
		{"a region of the path that the policy does not have", "bedrock/us-west-2/" + sonnet45, "eu-west-1", resolve.Policy{Regions: []string{"eu-west-1"}}, c, resolve.Observed{}, nil},
		{"a region of the path that the policy has", "bedrock/us-east-1/" + sonnet45, "eu-west-1", resolve.Policy{Regions: []string{"eu-west-1", "us-east-1"}}, c, resolve.Observed{}, []string{"us." + sonnet45}},
		{"a friendly name with a dot", "claude-sonnet-4.5", "us-east-1", local, c, resolve.Observed{}, []string{"us." + sonnet45}},
		{"an id that is not valid here, though it is listed", "amazon.nova-lite-v1:0", "us-east-1", local, c, resolve.Observed{InvalidID: func(id, _ string) bool { return id == "amazon.nova-lite-v1:0" }}, []string{"us.amazon.nova-lite-v1:0", "amazon.nova-lite-v1:0"}},
		{"a profile that is not valid here", sonnet45, "us-east-1", global, c, resolve.Observed{InvalidID: func(id, _ string) bool { return id == "us."+sonnet45 }}, []string{"global." + sonnet45, "us." + sonnet45}},
		{"provisioned throughput is as written", "anthropic.claude-v2:1:18k", "us-east-1", global, c, resolve.Observed{}, []string{"anthropic.claude-v2:1:18k"}},
		{"an ARN is as written", "arn:aws:bedrock:eu-west-3:123456789012:application-inference-profile/abc123def456", "us-east-1", global, c, resolve.Observed{}, []string{"arn:aws:bedrock:eu-west-3:123456789012:application-inference-profile/abc123def456"}},
		{"an ARN that may lead anywhere, under a policy", "arn:aws:bedrock:eu-west-3:123456789012:application-inference-profile/abc123def456", "eu-west-3", resolve.Policy{Geographies: []string{"eu"}}, c, resolve.Observed{}, nil},
		{"an ARN of a profile that is not allowed", "arn:aws:bedrock:us-east-1:123456789012:inference-profile/us." + sonnet45, "us-east-1", resolve.Policy{Geographies: []string{"eu"}}, c, resolve.Observed{}, nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			d := resolve.Resolve(parse(t, tt.model), tt.region, tt.policy, tt.cat, tt.learned)
			var got []string
			for _, w := range d.Candidates {
				got = append(got, w.ID)
				if w.Reason == "" || w.Region == "" || w.API != "converse" {
					t.Errorf("a way without a reason or place: %+v", w)
				}
			}
			if !slices.Equal(got, tt.want) {
				t.Errorf("got %v, want %v; steps:\n%s", got, tt.want, strings.Join(d.Steps, "\n"))
			}
			if (d.Refusal != nil) != (tt.want == nil) || len(d.Steps) == 0 {
				t.Errorf("refusal %+v, steps %v", d.Refusal, d.Steps)
			}
		})
	}
}

// No way breaks the policy: every id, in every form, in every region, under every
// policy.
func TestNoWayBreaksThePolicy(t *testing.T) {
	c := embedded(t)
	all := c.Geographies()
	policies := []resolve.Policy{
		{},
		{Global: true},
		{Geographies: []string{}},
		{Geographies: []string{}, Global: true},
		{Geographies: []string{resolve.Own}},
		{Prefer: resolve.Cheapest, Global: true},
		{Strict: true},
		{Strict: true, Geographies: []string{"eu"}},
		{Geographies: []string{resolve.Own}, Prefer: resolve.Cheapest},
	}
	policies = append(policies,
		resolve.Policy{Regions: []string{"eu-west-1", "us-east-1"}, Global: true},
		resolve.Policy{Regions: []string{"ap-northeast-1", "eu-central-1"}, Geographies: []string{resolve.Own}},
	)
	for _, g := range all {
		policies = append(policies, resolve.Policy{Geographies: []string{g.Prefix}}, resolve.Policy{Geographies: []string{g.Prefix, resolve.Own}, Global: true})
	}
	yes := func(string, string) bool { return true }
	lessons := []resolve.Observed{
		{},
		{NeedsProfile: yes},
		{InvalidID: yes},
		{NeedsProfile: yes, InvalidID: func(id, _ string) bool { return strings.HasPrefix(id, "us.") || strings.HasPrefix(id, "eu.") }},
	}
	few := []resolve.Observed{lessons[0], lessons[3]}
	regions := c.Regions()
	checked := 0
	for n, m := range c.Models() {
		ids := []string{m.ID}
		for _, g := range all {
			ids = append(ids, g.Prefix+"."+m.ID)
		}
		// A region in the path, and ARNs, bind the call to their own.
		ids = append(ids, "us."+m.ID+":24k", "global."+m.ID+":24k", "eu-west-1/"+m.ID, "ap-south-1/global."+m.ID, "arn:aws:bedrock:us-west-2::foundation-model/"+m.ID,
			"arn:aws:bedrock:us-west-2:123456789012:inference-profile/us."+m.ID, "arn:aws:bedrock:eu-west-1:123456789012:inference-profile/global."+m.ID)
		for _, text := range ids {
			id, err := modelid.Parse(text)
			if err != nil {
				continue
			}
			for i, region := range regions {
				if testing.Short() && i%5 != 0 || text != m.ID && (i+n)%3 != 0 { // bare ids in every region, their other forms in every third
					continue
				}
				for _, p := range policies {
					of := lessons
					if text != m.ID { // what is learned is mostly about bare ids
						of = few
					}
					for _, learned := range of {
						for _, w := range resolve.Resolve(id, region, p, c, learned).Candidates {
							checked++
							if len(p.Regions) > 0 && !slices.Contains(p.Regions, w.Region) {
								t.Fatalf("%s in %s under %+v: %+v: it is another region", text, region, p, w)
							}
							if len(p.Regions) == 0 && !p.Global && w.Region != region && !slices.ContainsFunc(all, func(g catalog.Geography) bool {
								own := p.Geographies == nil || slices.Contains(p.Geographies, resolve.Own)
								return !g.Worldwide && slices.Contains(g.To, w.Region) && (own && g.Has(region) || slices.Contains(p.Geographies, g.Prefix))
							}) {
								t.Fatalf("%s in %s under %+v: %+v: it is called in another part of the world", text, region, p, w)
							}
							if bad := breach(c, id, w, p); bad != "" {
								t.Fatalf("%s in %s under %+v: %+v: %s", text, region, p, w, bad)
							}
						}
					}
				}
			}
		}
	}
	t.Logf("%d ways keep their policy", checked)
}

// breach says how a way breaks a policy, judged from the way alone.
func breach(c *catalog.Catalogue, asked modelid.ID, w resolve.Candidate, p resolve.Policy) string {
	id, err := modelid.Parse(w.ID)
	switch {
	case err != nil:
		return "it is no id"
	case id.Base() != asked.Base():
		return "it is another model"
	case id.Geography == "":
		return ""
	}
	g, ok := c.Geography(id.Geography)
	if id.Geography == "global" || ok && g.Worldwide {
		if !p.Global {
			return "it may be served anywhere"
		}
		return ""
	}
	if p.Geographies == nil { // own, and what the caller names is AWS's to judge
		if id.Geography == asked.Geography || ok && g.Has(w.Region) {
			return ""
		}
		return "it is not the region's own geography"
	}
	if slices.Contains(p.Geographies, id.Geography) || slices.Contains(p.Geographies, resolve.Own) && ok && g.Has(w.Region) {
		return ""
	}
	return "its geography is not allowed"
}

func TestResolveIsDeterministic(t *testing.T) {
	c := embedded(t)
	id := parse(t, sonnet45)
	first := resolve.Resolve(id, "us-east-1", resolve.Default(), c, resolve.Observed{})
	for range 50 {
		if again := resolve.Resolve(id, "us-east-1", resolve.Default(), c, resolve.Observed{}); !slices.Equal(again.Candidates, first.Candidates) {
			t.Fatalf("got %v, before %v", again.Candidates, first.Candidates)
		}
	}
}

func BenchmarkResolve(b *testing.B) {
	c := embedded(b)
	id := parse(b, sonnet45)
	b.ReportAllocs()
	for b.Loop() {
		resolve.Resolve(id, "us-east-1", resolve.Default(), c, resolve.Observed{})
	}
}

func TestRegionsOfModelsOnMantle(t *testing.T) {
	c := embedded(t)
	there := c.With(&catalog.Live{Region: "eu-central-1", At: time.Date(2026, 11, 22, 0, 0, 0, 0, time.UTC), Mantle: llm.Some([]string{"openai.gpt-5.5"})})
	gone := c.With(&catalog.Live{Region: "us-east-1", At: time.Date(2026, 11, 22, 0, 0, 0, 0, time.UTC), Mantle: llm.Some([]string{"zai.glm-4.6"})})
	for _, tt := range []struct {
		name, model string
		policy      resolve.Policy
		known       *catalog.Catalogue
		regions     []string // of the candidates
		elsewhere   []string
	}{
		{"known", "openai.gpt-5.5", resolve.Default(), c, []string{"us-east-1"}, nil},
		{"known from a live list alone", "eu-central-1/openai.gpt-5.5", resolve.Default(), there, []string{"eu-central-1"}, nil},
		{"not known to be there", "eu-west-1/openai.gpt-5.5", resolve.Default(), c, []string{"eu-west-1"}, []string{"openai.gpt-5.5 (from us-east-1, us-east-2)"}},
		{"a live list without it", "openai.gpt-5.5", resolve.Default(), gone, []string{"us-east-1"}, []string{"openai.gpt-5.5 (from us-east-2)"}},
		{"by the route", "bedrock_mantle/eu-west-1/openai.gpt-5.5", resolve.Default(), c, []string{"eu-west-1"}, []string{"openai.gpt-5.5 (from us-east-1, us-east-2)"}},
		{"the first region that is known", "openai.gpt-5.5", resolve.Policy{Regions: []string{"eu-west-1", "us-east-2", "us-east-1"}}, c, []string{"us-east-2", "us-east-1", "eu-west-1"}, nil},
		{"none of several", "openai.gpt-5.5", resolve.Policy{Regions: []string{"eu-west-1", "eu-west-2"}}, c, []string{"eu-west-1", "eu-west-2"}, []string{"openai.gpt-5.5 (from us-east-1, us-east-2)"}},
		{"strict", "openai.gpt-5.5", resolve.Policy{Strict: true, Regions: []string{"eu-west-1"}}, c, []string{"eu-west-1"}, []string{"openai.gpt-5.5 (from us-east-1, us-east-2)"}},
		{"regions that no source names", "bedrock_mantle/openai.gpt-5.6-sol", resolve.Default(), c, []string{"us-east-1"}, nil},
		{"by Converse", "minimax.minimax-m2", resolve.Default(), gone, []string{"us-east-1"}, nil},
	} {
		d := resolve.Resolve(parse(t, tt.model), "us-east-1", tt.policy, tt.known, resolve.Observed{})
		var regions []string
		for _, w := range d.Candidates {
			regions = append(regions, w.Region)
		}
		if !slices.Equal(regions, tt.regions) || !slices.Equal(d.Elsewhere, tt.elsewhere) {
			t.Errorf("%s: in %q, elsewhere %q", tt.name, regions, d.Elsewhere)
		}
	}
}
