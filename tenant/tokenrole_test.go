package tenant_test

import (
	"strings"
	"testing"

	"outcrop/bearer"
	"outcrop/llm"
	"outcrop/store"
	"outcrop/tenant"
)

// mapped are settings with mappings of roles.
func mapped(enforce bool) tenant.Tokens {
	return tenant.Tokens{
		UserRoles: []string{"staff", "guests"}, EnforceRoles: enforce,
		RoleMappings: []tenant.RoleMapping{{Claimed: "teams", Role: tenant.TokenOfTeam}, {Claimed: "people", Role: tenant.TokenOfUser}, {Claimed: "operators", Role: tenant.TokenOfAdmin}},
	}
}

// TestTheRoleOfATokenSaysWhoseItsCallsAre has the order in which LiteLLM finds a role (get_rbac_role): by the scope, the
// team, the user, the user's roles, and the first mapping that fits.
func TestTheRoleOfATokenSaysWhoseItsCallsAre(t *testing.T) {
	for name, tt := range map[string]struct {
		id         bearer.Identity
		user, team string
		refused    string // with enforce_rbac
	}{
		"nothing":                               {refused: "neither an operator's nor a team's nor a user's"},
		"an operator":                           {id: bearer.Identity{Admin: true, Object: "geology"}},
		"a team":                                {id: bearer.Identity{Team: "mining"}, team: "mining"},
		"a team that another claim names":       {id: bearer.Identity{Team: "mining", Object: "geology"}, team: "geology"},
		"a user":                                {id: bearer.Identity{User: "ann", UserClaimed: true}, user: "ann"},
		"a user that another claim names":       {id: bearer.Identity{User: "eve", UserClaimed: true, Object: "ann"}, user: "ann"},
		"an address is no id":                   {id: bearer.Identity{User: "ann", Email: "ann"}, user: "ann", refused: "neither an operator's"},
		"a role of users":                       {id: bearer.Identity{UserRoles: []string{"x", "staff"}, Object: "ann"}, user: "ann"},
		"a role of users, and no id":            {id: bearer.Identity{UserRoles: []string{"guests"}}, refused: "the id of no user and of no team"},
		"a role that no user has":               {id: bearer.Identity{UserRoles: []string{"Staff"}, Object: "ann"}, refused: "neither an operator's"},
		"a mapping to a team":                   {id: bearer.Identity{Roles: []string{"other", "teams"}, Object: "geology"}, team: "geology"},
		"a mapping to a user":                   {id: bearer.Identity{Roles: []string{"people"}, Object: "ann"}, user: "ann"},
		"the first mapping, not the first role": {id: bearer.Identity{Roles: []string{"people", "teams"}, Object: "geology"}, team: "geology"},
		"a mapping, and no id":                  {id: bearer.Identity{Roles: []string{"teams"}}, refused: "the id of no user and of no team"},
		"a mapping to an operator":              {id: bearer.Identity{Roles: []string{"operators"}, Object: "geology"}, refused: "the id of no user and of no team"},
		"a user before a mapping":               {id: bearer.Identity{User: "ann", UserClaimed: true, Roles: []string{"teams"}, Object: "ann"}, user: "ann"},
		"a role without a mapping":              {id: bearer.Identity{Roles: []string{"teams "}, Object: "geology"}, refused: "neither an operator's"},
		"several teams, and no role":            {id: bearer.Identity{Teams: []string{"geology"}}, team: "geology", refused: "neither an operator's"},
		"several teams of a user":               {id: bearer.Identity{User: "ann", UserClaimed: true, Teams: []string{"geology"}}, user: "ann", team: "geology"},
		"several teams, and one by the role":    {id: bearer.Identity{Roles: []string{"teams"}, Object: "mining", Teams: []string{"geology"}}, team: "mining"},
	} {
		t.Run(name, func(t *testing.T) {
			for _, enforce := range []bool{false, true} {
				w := tokens(t, mapped(enforce))
				w.put(store.KindUser, "ann", `{"user_id":"ann"}`)
				w.put(store.KindTeam, "geology", `{"team_id":"geology"}`)
				w.put(store.KindTeam, "mining", `{"team_id":"mining"}`)
				if enforce && tt.refused != "" {
					w.turnsAway(tt.id, 403, tt.refused)
					continue
				}
				c := w.admits(tt.id)
				if c.UserID != tt.user || c.TeamID != tt.team || (c.Role == tenant.RoleAdmin) != tt.id.Admin {
					t.Errorf("enforced %v: user %q, team %q, role %q", enforce, c.UserID, c.TeamID, c.Role)
				}
			}
		})
	}
}

func TestATeamByTheRoleIsATeam(t *testing.T) {
	settings := mapped(true)
	settings.NeedTeam, settings.EnforceTeam = true, true
	w := tokens(t, settings)
	w.put(store.KindTeam, "geology", `{"team_id":"geology","models":["m"]}`)
	c := w.admits(bearer.Identity{Roles: []string{"teams"}, Object: "geology"})
	if err := begins(t, c, "other"); err == nil || !strings.Contains(err.Error(), "not available to the team") {
		t.Errorf("%v", err)
	}
	w.turnsAway(bearer.Identity{Roles: []string{"teams"}, Object: "nowhere"}, 404, "there is no team nowhere here")
	w.turnsAway(bearer.Identity{Roles: []string{"people"}, Object: "ann"}, 401, "the token names no team")
}

// begins asks for a call of a model, and cancels it.
func begins(t *testing.T, c *tenant.Caller, model string) error {
	t.Helper()
	ch, err := c.Begin(t.Context(), &tenant.Request{Asked: model, Model: model})
	if err == nil {
		ch.Cancel()
	}
	return err
}

func TestScopesSayWhichModelsMayBeCalled(t *testing.T) {
	mappings := []tenant.ScopeMapping{{Scope: "a", Models: []string{"m", "shared"}}, {Scope: "b", Models: []string{"n"}}, {Scope: "none"}, {Scope: "all", Models: []string{"*"}}}
	for _, tt := range []struct {
		enforce bool
		id      bearer.Identity
		may     string
	}{
		{true, bearer.Identity{Scopes: []string{"a"}}, "m shared"},
		{true, bearer.Identity{Scopes: []string{"b", "x", "a"}}, "m shared n"},
		{true, bearer.Identity{Scopes: []string{"none"}}, ""},
		{true, bearer.Identity{}, ""},
		{true, bearer.Identity{Scopes: []string{"A"}}, ""},
		{true, bearer.Identity{Scopes: []string{"all"}}, ""}, // names count to the letter
		{true, bearer.Identity{Admin: true, Scopes: []string{"b"}}, "n"},
		{true, bearer.Identity{Team: "narrow", Scopes: []string{"a", "b"}}, "m"},
		{false, bearer.Identity{}, "m shared n other"},
	} {
		w := tokens(t, tenant.Tokens{ScopeMappings: mappings, EnforceScopes: tt.enforce})
		w.put(store.KindTeam, "narrow", `{"team_id":"narrow","models":["m"]}`)
		c := w.admits(tt.id)
		var may []string
		for _, model := range []string{"m", "shared", "n", "other"} {
			err := begins(t, c, model)
			if err == nil {
				may = append(may, model)
			} else if e := refusal(t, err); e.Status != 403 || e.Param != "model" {
				t.Errorf("%+v, %s: %+v", tt.id, model, e)
			}
			if c.Allows(model, model, nil) != (err == nil) {
				t.Errorf("%+v: the list does not agree on %s", tt.id, model)
			}
		}
		if got := strings.Join(may, " "); got != tt.may {
			t.Errorf("%+v: %q, want %q", tt.id, got, tt.may)
		}
	}
	w := tokens(t, tenant.Tokens{EnforceScopes: true})
	if err := begins(t, w.admits(bearer.Identity{}), "other"); err != nil {
		t.Errorf("without mappings, as in LiteLLM: %v", err)
	}
}

func TestRolesSayWhichModelsAndPathsTokensMayCall(t *testing.T) {
	for _, enforce := range []bool{true, false} {
		settings := mapped(enforce)
		settings.RolePermissions = []tenant.RolePermission{
			{Role: tenant.TokenOfTeam, Models: []string{"m"}, Routes: []string{"/v1/chat/completions", "info_routes"}},
			{Role: tenant.TokenOfTeam, Models: []string{"n"}},
			{Role: tenant.TokenOfUser, Models: []string{}},
		}
		w := tokens(t, settings)
		w.put(store.KindTeam, "geology", `{"team_id":"geology"}`)
		w.put(store.KindUser, "ann", `{"user_id":"ann"}`)
		for name, tt := range map[string]struct {
			id     bearer.Identity
			models string
			paths  string
		}{
			"a team":      {bearer.Identity{Roles: []string{"teams"}, Object: "geology"}, "m", "/v1/chat/completions /v1/models"},
			"a user":      {bearer.Identity{User: "ann", UserClaimed: true}, "", "/v1/chat/completions /v1/embeddings /v1/models"},
			"an operator": {bearer.Identity{Admin: true}, "m n", ""},
		} {
			c := w.admits(tt.id)
			if !enforce {
				tt.models = "m n"
			}
			var models []string
			for _, model := range []string{"m", "n"} {
				if err := begins(t, c, model); err == nil {
					models = append(models, model)
				} else if e := refusal(t, err); e.Status != 403 || e.Param != "model" {
					t.Errorf("%s, %s: %+v", name, model, e)
				}
			}
			if got := strings.Join(models, " "); got != tt.models {
				t.Errorf("enforced %v: %s may call %q, want %q", enforce, name, got, tt.models)
			}
			if !enforce || tt.paths == "" {
				continue
			}
			var paths []string
			for _, path := range []string{"/v1/chat/completions", "/v1/embeddings", "/v1/models"} {
				if err := c.Route(path); err == nil {
					paths = append(paths, path)
				} else if e := refusal(t, err); e.Status != 403 || e.Code != llm.CodeRouteDenied {
					t.Errorf("%s, %s: %+v", name, path, e)
				}
			}
			if got := strings.Join(paths, " "); got != tt.paths {
				t.Errorf("%s may call %q, want %q", name, got, tt.paths)
			}
		}
	}
}

// TestScopesHoldForWhatIsBehindAnAlias is about aliases of teams, which their administrators can change.
func TestScopesHoldForWhatIsBehindAnAlias(t *testing.T) {
	mappings := []tenant.ScopeMapping{{Scope: "a", Models: []string{"m", "n"}}}
	for name, settings := range map[string]tenant.Tokens{
		"scopes": {ScopeMappings: mappings, EnforceScopes: true},
		"roles":  {EnforceRoles: true, RolePermissions: []tenant.RolePermission{{Role: tenant.TokenOfTeam, Models: []string{"m", "n"}}}},
	} {
		w := tokens(t, settings)
		w.put(store.KindTeam, "geology", `{"team_id":"geology","model_aliases":{"fast":"m"}}`)
		w.put(store.KindTeam, "open", `{"team_id":"open"}`)
		w.put(store.KindTeam, "aliased", `{"team_id":"aliased","model_aliases":{"n":"secret"}}`)
		for _, tt := range []struct {
			id    bearer.Identity
			asked string
			may   bool
		}{
			{bearer.Identity{Team: "open"}, "m", true},
			{bearer.Identity{Team: "open"}, "secret", false},
			{bearer.Identity{Team: "aliased"}, "m", true},
			{bearer.Identity{Team: "aliased"}, "n", false},
			{bearer.Identity{Team: "geology"}, "fast", false}, // the alias is not listed
			{bearer.Identity{Team: "aliased", Teams: []string{"aliased", "open"}}, "n", false},
		} {
			tt.id.Scopes = []string{"a"}
			c := w.admits(tt.id)
			ch, err := c.Begin(t.Context(), &tenant.Request{Asked: tt.asked, Model: c.Model(tt.asked), Group: c.Model(tt.asked)})
			if err == nil {
				ch.Cancel()
			} else if e := refusal(t, err); e.Code != llm.CodeModelDenied {
				t.Errorf("%s, %+v, %s: %v", name, tt.id, tt.asked, err)
			}
			if (err == nil) != tt.may {
				t.Errorf("%s, %+v, %s which is %s: %v", name, tt.id, tt.asked, c.Model(tt.asked), err)
			}
		}
		// A model of a team has a name of its own within the gateway.
		c := w.admits(bearer.Identity{Team: "open", Scopes: []string{"a"}})
		if err := c.Check(&tenant.Request{Asked: "m", Model: "model_of_open", Group: "m", Team: "open"}); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		// A fallback to a model whose name is an alias elsewhere is no alias.
		c = w.admits(bearer.Identity{Team: "aliased", Scopes: []string{"a"}})
		if err := c.Check(&tenant.Request{Asked: "n", Model: "n", Group: "n"}); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}
