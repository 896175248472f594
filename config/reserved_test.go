package config

import (
	"slices"
	"strings"
	"testing"
	"time"
)

// teamEntry is a file with one entry whose model_info is more.
func teamEntry(more string) Source {
	return source("c.yaml", "model_list:\n  - {model_name: a, litellm_params: {model: bedrock/amazon.nova-pro-v1:0}, model_info: {"+more+"}}\n  - {model_name: a, litellm_params: {model: bedrock/amazon.nova-lite-v1:0}}\n")
}

func TestEntriesOfATeam(t *testing.T) {
	cfg, problems := Load(teamEntry(`team_id: geology, team_public_model_name: rock`))
	if cfg == nil {
		t.Fatal(problems)
	}
	if m := cfg.Models[0]; m.Team != "geology" || m.Public != "rock" || m.Name != TeamModelName("geology", "rock") || !strings.HasPrefix(m.Name, "model_name_geology_") {
		t.Errorf("%s %s %s", m.Team, m.Public, m.Name)
	}
	cfg, problems = Load(teamEntry(`team_id: geology`))
	if cfg == nil || cfg.Models[0].Public != "a" || cfg.Models[1].Name != "a" || cfg.Models[1].Public != "" {
		t.Error(problems)
	}
}

func TestEntriesThatAreBlockedAreNotServed(t *testing.T) {
	cfg, problems := Load(teamEntry(`blocked: true, id: x`))
	if cfg == nil || len(cfg.Models) != 1 || len(cfg.Blocked) != 1 || cfg.Blocked[0].ID != "x" || cfg.Models[0].Model != "amazon.nova-lite-v1:0" {
		t.Error(problems)
	}
	if cfg, problems = Load(teamEntry(`blocked: false`)); cfg == nil || len(cfg.Models) != 2 {
		t.Error(problems)
	}
}

func TestAccessWindows(t *testing.T) {
	cfg, problems := Load(teamEntry(`access_windows: [{start: "09:00", end: 17:30:05, timezone: Europe/Berlin, team_ids: [geology]}, {start: "22:00", end: "06:00", timezone: UTC, team_ids: [a, b]}]`))
	if cfg == nil {
		t.Fatal(problems)
	}
	all := cfg.Models[0].Limits.Reserved.Windows
	if w := all[0]; len(all) != 2 || w.Start != 9*time.Hour || w.End != 17*time.Hour+30*time.Minute+5*time.Second || w.Zone.String() != "Europe/Berlin" || !slices.Equal(w.Teams, []string{"geology"}) {
		t.Errorf("%+v", all)
	}
	if cfg.Models[1].Limits.Reserved != nil || !cfg.Accounting.Deployments {
		t.Error("the windows are not those of the entry")
	}
}

func TestWrongEntriesOfTeams(t *testing.T) {
	const window = `start: "09:00", end: "17:00", timezone: UTC, team_ids: [a]`
	for _, tt := range []struct{ info, path, message string }{
		{`blocked: perhaps`, "blocked", "neither true nor false"},
		{`access_windows: {` + window + `}`, "access_windows", "must be a list"},
		{`access_windows: [{start: "09:00", end: "17:00", timezone: UTC}]`, "access_windows[0]", "must have"},
		{`access_windows: [{start: "9 am", end: "17:00", timezone: UTC, team_ids: [a]}]`, "access_windows[0].start", "not a time of day"},
		{`access_windows: [{start: "09:00", end: "09:00", timezone: UTC, team_ids: [a]}]`, "access_windows[0]", "must differ"},
		{`access_windows: [{start: "09:00", end: "17:00", timezone: Mars/Base, team_ids: [a]}]`, "access_windows[0].timezone", "not a time zone"},
	} {
		cfg, problems := Load(teamEntry(tt.info))
		if cfg != nil || !slices.ContainsFunc(problems, func(p Problem) bool {
			return p.Severity == Error && p.Path == "model_list[0].model_info."+tt.path && strings.Contains(p.Message, tt.message)
		}) {
			t.Errorf("%s: %v", tt.info, problems)
		}
	}
	cfg, problems := Load(source("c.yaml", "model_list: [{model_name: 'a*', litellm_params: {model: bedrock/*}, model_info: {team_id: x}}]"))
	if cfg != nil || !slices.ContainsFunc(problems, func(p Problem) bool { return strings.Contains(p.Message, "with a *") }) {
		t.Error(problems)
	}
}
