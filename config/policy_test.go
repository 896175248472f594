package config

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"outcrop/llm"
	"outcrop/provider"
)

func TestPolicies(t *testing.T) {
	const everywhere = "outcrop_settings: {bedrock: {refresh_seconds: 60, policy: {strict: true, geographies: [eu], global: false, regions: [eu-west-1, eu-central-1], prefer: cheapest}}}\n"
	all := provider.Policy{Strict: true, Geographies: []string{"eu"}, Global: llm.Some(false), Regions: []string{"eu-west-1", "eu-central-1"}, Prefer: "cheapest"}
	for _, tt := range []struct {
		about, head, own string
		want             provider.Policy
	}{
		{"nothing is said", "", "", provider.Policy{}},
		{"for the whole file", everywhere, "", all},
		{"for an entry", "", "strict: yes, geographies: [own, us], prefer: nearest", provider.Policy{Strict: true, Geographies: []string{"own", "us"}, Prefer: "nearest"}},
		{"an entry's own setting by setting", everywhere, "strict: false, regions: [us-east-1], global: true", provider.Policy{Geographies: []string{"eu"}, Global: llm.Some(true), Regions: []string{"us-east-1"}, Prefer: "cheapest"}},
		{"an empty list is one", everywhere, "geographies: [], regions: []", provider.Policy{Strict: true, Geographies: []string{}, Global: llm.Some(false), Regions: []string{}, Prefer: "cheapest"}},
		{"from the environment", "", "regions: [os.environ/REGION]", provider.Policy{Regions: []string{"eu-west-3"}}},
	} {
		text := tt.head + "environment_variables: {REGION: eu-west-3}\nmodel_list: [{model_name: a, litellm_params: {model: bedrock/a}, model_info: {outcrop: {policy: {" + tt.own + "}}}}]"
		cfg, problems := Load(source("c.yaml", text))
		if cfg == nil || len(problems) > 0 {
			t.Errorf("%s: %v", tt.about, problems)
			continue
		}
		if diff := cmp.Diff(tt.want, cfg.Models[0].Policy); diff != "" {
			t.Errorf("%s (-want +got):\n%s", tt.about, diff)
		}
	}
}

// A value that the provider refuses is told where it stands: at the entry's own
// setting, or at that of the whole file.
func TestAPolicysErrorGetsItsPlace(t *testing.T) {
	cfg, problems := Load(source("c.yaml", `outcrop_settings:
  bedrock:
    policy:
      regions: [nowhere]
model_list:
- model_name: a
  litellm_params: {model: bedrock/a}
- model_name: b
  litellm_params: {model: bedrock/b}
  model_info:
    outcrop:
      policy:
        regions: [elsewhere]
`))
	if cfg == nil {
		t.Fatal(problems)
	}
	for i, want := range []string{
		"c.yaml:4:16: error: outcrop_settings.bedrock.policy.regions: is no region",
		"c.yaml:13:18: error: model_list[1].model_info.outcrop.policy.regions: is no region",
	} {
		if got := cfg.Models[i].Problem(&provider.OptionError{Option: "policy.regions", Reason: "is no region"}).String(); got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
}

func TestReadPolicy(t *testing.T) {
	p, problems := ReadPolicy("{geographies: [eu], global: false}")
	if diff := cmp.Diff(provider.Policy{Geographies: []string{"eu"}, Global: llm.Some(false)}, p); diff != "" || len(problems) > 0 {
		t.Errorf("%v (-want +got):\n%s", problems, diff)
	}
	if p, problems := ReadPolicy(""); len(problems) > 0 || !cmp.Equal(p, provider.Policy{}) {
		t.Errorf("nothing gives %+v, %v", p, problems)
	}
	for _, text := range []string{"eu", "[eu]", "{geography: eu}", "{regions: eu-west-1}", "{strict: maybe}", "{"} {
		if _, problems := ReadPolicy(text); len(problems) == 0 {
			t.Errorf("%q is taken", text)
		}
	}
}
