package config

import (
	"slices"
	"strings"
	"testing"
)

func TestDefaultsOfUsers(t *testing.T) {
	cfg, problems := Load(source("c.yaml", `
model_list: []
litellm_settings:
  default_max_internal_user_budget: 7
  max_internal_user_budget: 9
  internal_user_budget_duration: 1mo
  default_internal_user_params:
    user_role: internal_user_viewer
    max_budget: 0
    budget_duration: 30d
    models: [a]
    tpm_limit: 5
    teams: [geology, {team_id: rocks, max_budget_in_team: 3, user_role: admin}]
    available_teams: [open]
`))
	if cfg == nil {
		t.Fatal(problems)
	}
	n := cfg.Management.NewUsers
	if got, want := object(n.Fields), `{"max_budget":0,"budget_duration":"30d","models":["a"],"tpm_limit":5}`; got != want {
		t.Errorf("fields %s, want %s", got, want)
	}
	if n.Role != "internal_user_viewer" || string(n.Budget) != "9" || string(n.BudgetDuration) != `"1mo"` || !slices.Equal(n.Available, []string{"open"}) {
		t.Errorf("%+v", n)
	}
	if len(n.Teams) != 2 || n.Teams[0].Team != "geology" || n.Teams[0].Role != "user" || n.Teams[0].Budget != nil || n.Teams[1].Role != "admin" || string(n.Teams[1].Budget) != "3" {
		t.Errorf("%+v", n.Teams)
	}
	if len(cfg.Accounting.Tokens.Policy.NewUsers.Teams) != 2 {
		t.Error("users of tokens have other defaults")
	}
	cfg, problems = Load(source("c.yaml", "model_list: []\nlitellm_settings: {default_max_internal_user_budget: 7}"))
	if cfg == nil || string(cfg.Management.NewUsers.Budget) != "7" {
		t.Error(problems)
	}
}

func TestWrongDefaultsOfUsers(t *testing.T) {
	for _, tt := range []struct{ settings, path, message string }{
		{`default_internal_user_params: {user_role: king}`, "default_internal_user_params.user_role", "not a role"},
		{`default_internal_user_params: {teams: [{user_role: user}]}`, "default_internal_user_params.teams[0]", "must have team_id"},
		{`default_internal_user_params: {teams: [{team_id: a, user_role: king}]}`, "default_internal_user_params.teams[0].user_role", "not a role"},
		{`default_internal_user_params: {budget_duration: monthly}`, "default_internal_user_params.budget_duration", "not a duration"},
		{`max_internal_user_budget: much`, "max_internal_user_budget", "not a number"},
		{`internal_user_budget_duration: monthly`, "internal_user_budget_duration", "not a duration"},
	} {
		cfg, problems := Load(source("c.yaml", "model_list: []\nlitellm_settings: {"+tt.settings+"}"))
		if cfg != nil || !slices.ContainsFunc(problems, func(p Problem) bool {
			return p.Severity == Error && p.Path == "litellm_settings."+tt.path && strings.Contains(p.Message, tt.message)
		}) {
			t.Errorf("%s: %v", tt.settings, problems)
		}
	}
}
