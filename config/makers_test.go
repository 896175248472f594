package config

import (
	"slices"
	"strings"
	"testing"
)

func TestWhoMayMakeKeys(t *testing.T) {
	cfg, problems := Load(source("c.yaml", `
model_list: []
litellm_settings:
  key_generation_settings:
    team_key_generation: {allowed_team_member_roles: [admin], required_params: [tags]}
    personal_key_generation: {allowed_user_roles: []}
`))
	if cfg == nil {
		t.Fatal(problems)
	}
	m := cfg.Management
	if !m.MakersLimited || !slices.Equal(m.TeamKeys.Roles, []string{"admin"}) || !slices.Equal(m.TeamKeys.Required, []string{"tags"}) || m.PersonalKeys.Roles == nil || len(m.PersonalKeys.Roles) > 0 {
		t.Errorf("%+v", m)
	}
	cfg, problems = Load(source("c.yaml", "model_list: []\nlitellm_settings: {key_generation_settings: {}}"))
	if cfg == nil || cfg.Management.MakersLimited || cfg.Management.TeamKeys.Roles != nil {
		t.Error(problems)
	}
	for _, tt := range []struct{ settings, path, message string }{
		{`{team_key_generation: {allowed_team_member_roles: [king]}}`, ".team_key_generation.allowed_team_member_roles", "not a role"},
		{`{personal_key_generation: {allowed_user_roles: [user]}}`, ".personal_key_generation.allowed_user_roles", "not a role"},
		{`{personal_key_generation: [a]}`, ".personal_key_generation", "must not be a list"},
	} {
		cfg, problems := Load(source("c.yaml", "model_list: []\nlitellm_settings: {key_generation_settings: "+tt.settings+"}"))
		if cfg != nil || !slices.ContainsFunc(problems, func(p Problem) bool {
			return p.Severity == Error && p.Path == "litellm_settings.key_generation_settings"+tt.path && strings.Contains(p.Message, tt.message)
		}) {
			t.Errorf("%s: %v", tt.settings, problems)
		}
	}
}
