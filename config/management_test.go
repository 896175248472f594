package config

import (
	"slices"
	"strings"
	"testing"

	"outcrop/internal/jsonx"
)

// object is members as JSON.
func object(members []jsonx.Member) string {
	var w jsonx.Writer
	w.Object()
	w.Members(members)
	w.EndObject()
	return string(w.Buf)
}

func TestDefaultsAndBoundsOfKeys(t *testing.T) {
	cfg, problems := Load(source("c.yaml", `
model_list: []
litellm_settings:
  default_key_generate_params:
    max_budget: "1_500.50"
    budget_duration: 30d
    duration: -1
    rpm_limit: 0
    models: [cheap, 5]
    metadata: {setting: default, n: 1}
    team_id:
  upperbound_key_generate_params:
    max_budget: 0
    duration: 30d
    tpm_limit: 1000
  default_team_params: {max_budget: 10, budget_duration: 1mo, rpm_limit: 5, team_member_permissions: [/key/generate], organization_id: o, models: [a], metadata: {b: c}, access_group_ids: [g]}
`))
	if cfg == nil {
		t.Fatal(problems)
	}
	if got, want := object(cfg.Management.NewKeys), `{"max_budget":1500.5,"budget_duration":"30d","rpm_limit":0,"models":["cheap","5"],"metadata":{"setting":"default","n":1}}`; got != want {
		t.Errorf("defaults %s, want %s", got, want)
	}
	if got, want := object(cfg.Management.KeyBounds), `{"max_budget":0,"duration":"30d","tpm_limit":1000}`; got != want {
		t.Errorf("bounds %s, want %s", got, want)
	}
	if got, want := object(cfg.Management.NewTeams), `{"max_budget":10,"budget_duration":"1mo","rpm_limit":5,"team_member_permissions":["/key/generate"],"organization_id":"o","models":["a"],"metadata":{"b":"c"},"access_group_ids":["g"]}`; got != want {
		t.Errorf("teams %s, want %s", got, want)
	}
}

func TestWrongSettingsOfTheManagementAPI(t *testing.T) {
	for _, tt := range []struct{ settings, path, message string }{
		{`default_key_generate_params: [a]`, "default_key_generate_params", "must not be a list"},
		{`default_key_generate_params: {max_budget: much}`, "default_key_generate_params.max_budget", "not a number"},
		{`default_key_generate_params: {max_budget: -1}`, "default_key_generate_params.max_budget", "less than 0"},
		{`default_key_generate_params: {rpm_limit: 1.5}`, "default_key_generate_params.rpm_limit", "not a whole number"},
		{`default_key_generate_params: {models: cheap}`, "default_key_generate_params.models", "must be a list: [cheap]"},
		{`default_key_generate_params: {models: [{}]}`, "default_key_generate_params.models", "must not be a mapping"},
		{`default_key_generate_params: {metadata: x}`, "default_key_generate_params.metadata", "must not be"},
		{`upperbound_key_generate_params: {duration: forever}`, "upperbound_key_generate_params.duration", "not a duration"},
		{`upperbound_key_generate_params: {duration: -1}`, "upperbound_key_generate_params.duration", "not a duration"},
		{`key_alias_pattern: "(?=a)b"`, "key_alias_pattern", "not a valid regular expression"},
		{`default_team_params: {budget_duration: monthly}`, "default_team_params.budget_duration", "not a duration"},
		{`key_alias_pattern: [a]`, "key_alias_pattern", "must not be a list"},
		{`enable_key_alias_format_validation: perhaps`, "enable_key_alias_format_validation", "neither true nor false"},
		{`upperbound_key_generate_params: {budget_duration: 30}`, "upperbound_key_generate_params.budget_duration", "not a duration"},
	} {
		cfg, problems := Load(source("c.yaml", "model_list: []\nlitellm_settings: {"+tt.settings+"}"))
		found := false
		for _, p := range problems {
			found = found || p.Severity == Error && p.Path == "litellm_settings."+tt.path && strings.Contains(p.Message, tt.message) && p.Line == 2
		}
		if cfg != nil || !found {
			t.Errorf("%s: %v", tt.settings, problems)
		}
	}
}

func TestWhichAliasesKeysMayHave(t *testing.T) {
	for _, tt := range []struct {
		settings   string
		good, bad  []string
		everything bool
	}{
		{settings: `{}`, everything: true},
		{settings: `{enable_key_alias_format_validation: false}`, everything: true},
		{settings: `{enable_key_alias_format_validation: true}`, good: []string{"ab", "a/b_c-d.e@f9", strings.Repeat("a", 255)}, bad: []string{"a", "-ab", "ab-", "a b", "ä1", "ab\n", strings.Repeat("a", 256)}},
		{settings: `{key_alias_pattern: "a|team-[0-9]+", enable_key_alias_format_validation: true}`, good: []string{"a", "team-12"}, bad: []string{"ab", "team-12x", "xteam-1"}},
		{settings: `{enable_key_alias_format_validation: true, key_alias_pattern: "a"}`, good: []string{"a"}, bad: []string{"ab"}},
	} {
		cfg, problems := Load(source("c.yaml", "model_list: []\nlitellm_settings: "+tt.settings))
		if cfg == nil {
			t.Fatal(problems)
		}
		form := cfg.Management.KeyAlias
		if tt.everything != (form == nil) || tt.everything != (cfg.Management.AliasRule == "") {
			t.Errorf("%s: %v", tt.settings, form)
		}
		for _, alias := range tt.good {
			if !form.MatchString(alias) {
				t.Errorf("%s refuses %q", tt.settings, alias)
			}
		}
		for _, alias := range tt.bad {
			if form.MatchString(alias) {
				t.Errorf("%s accepts %q", tt.settings, alias)
			}
		}
	}
}

func TestTheSchemaOfTeamsMetadataIsRead(t *testing.T) {
	read := func(list string) (*Config, string) {
		cfg, problems := Load(source("c.yaml", "model_list: [{model_name: m, litellm_params: {model: bedrock/amazon.nova-micro-v1:0}}]\ngeneral_settings: {team_metadata_schema: "+list+"}\n"))
		said := ""
		for i := range problems {
			said += problems[i].String() + "\n"
		}
		return cfg, said
	}
	cfg, said := read(`[{key: cost_center, label: Cost center}, {key: owner}]`)
	if cfg == nil || !slices.Equal(cfg.Management.TeamMetadata, []MetadataField{{"cost_center", "Cost center"}, {"owner", ""}}) {
		t.Errorf("%+v, %s", cfg, said)
	}
	for list, want := range map[string]string{`[{label: x}]`: "key is missing", `[{key: a}, {key: a}]`: "another member"} {
		if _, said := read(list); !strings.Contains(said, want) {
			t.Errorf("%s: %s", list, said)
		}
	}
}
