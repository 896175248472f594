package tenant_test

import (
	"testing"

	"outcrop/llm"
	"outcrop/store"
	"outcrop/tenant"
)

func TestModelsThatMayBeCalled(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		key          string
		user         string
		team         string
		member       string
		project, org string
		asked        string
		group        string   // asked if empty
		groups       []string // of the configuration
		class        string   // of the refusal; empty if the call passes
		target       string   // of an alias; asked if empty
	}{
		"all":                           {key: `{"models":[]}`, asked: "m"},
		"a name":                        {key: `{"models":["m"]}`, asked: "m"},
		"another name":                  {key: `{"models":["m"]}`, asked: "n", class: "key"},
		"a prefix is no name":           {key: `{"models":["m"]}`, asked: "mm", class: "key"},
		"the configured name":           {key: `{"models":["bedrock/*"]}`, asked: "nova", group: "bedrock/*"},
		"a wildcard":                    {key: `{"models":["bedrock/*"]}`, asked: "bedrock/nova"},
		"a wildcard within":             {key: `{"models":["claude-*-5"]}`, asked: "claude-opus-4-5"},
		"wildcards":                     {key: `{"models":["*/claude-*"]}`, asked: "bedrock/nova", class: "key"},
		"an asterisk":                   {key: `{"models":["*"]}`, asked: "m"},
		"all of the proxy":              {key: `{"models":["all-proxy-models"]}`, asked: "m"},
		"none by default":               {key: `{"models":["no-default-models"]}`, asked: "m", class: "key"},
		"a user's own":                  {key: `{"user_id":"u"}`, user: `{"models":["no-default-models"]}`, asked: "m", class: "user"},
		"a user's in a team":            {key: `{"user_id":"u","team_id":"t"}`, user: `{"models":["no-default-models"]}`, team: `{}`, asked: "m"},
		"the team's":                    {key: `{"team_id":"t"}`, team: `{"models":["n"]}`, asked: "m", class: "team"},
		"the team's and the key's":      {key: `{"team_id":"t","models":["m"]}`, team: `{"models":["m","n"]}`, asked: "n", class: "key"},
		"all of the team":               {key: `{"team_id":"t","models":["all-team-models"]}`, team: `{"models":["m"]}`, asked: "m"},
		"all of the team, no other":     {key: `{"team_id":"t","models":["all-team-models"]}`, team: `{"models":["m"]}`, asked: "n", class: "team"},
		"all of a team that has all":    {key: `{"team_id":"t","models":["all-team-models","n"]}`, team: `{}`, asked: "m"},
		"all of a team that is gone":    {key: `{"team_id":"t","models":["all-team-models"]}`, asked: "m", class: "key"},
		"all of no team":                {key: `{"models":["all-team-models"]}`, asked: "m"},
		"a member's":                    {key: `{"team_id":"t","user_id":"u"}`, team: `{}`, member: `{"allowed_models":["n"]}`, asked: "m", class: "team"},
		"a project's":                   {key: `{"team_id":"t","project_id":"p"}`, team: `{"models":["m","n"]}`, project: `{"models":["n"]}`, asked: "m", class: "project"},
		"a project's and the team's":    {key: `{"team_id":"t","project_id":"p"}`, team: `{"models":["m"]}`, project: `{"models":["m","n"]}`, asked: "n", class: "team"},
		"all of a project":              {key: `{"team_id":"t","project_id":"p"}`, team: `{"models":["m"]}`, project: `{"models":[]}`, asked: "m"},
		"a project that is gone":        {key: `{"team_id":"t","project_id":"p"}`, team: `{"models":["m"]}`, asked: "m"},
		"an organization's":             {key: `{"team_id":"t"}`, team: `{"organization_id":"o"}`, org: `{"models":["n"]}`, asked: "m", class: "org"},
		"an alias":                      {key: `{"aliases":{"a":"m"},"models":["m"]}`, asked: "a", target: "m"},
		"an alias of a denied model":    {key: `{"aliases":{"a":"m"},"models":["a"]}`, asked: "a", target: "m", class: "key"},
		"a team's alias":                {key: `{"team_id":"t","models":["x"]}`, team: `{"model_aliases":{"a":"m"},"models":["y"]}`, asked: "a", target: "m"},
		"what a team's alias is for":    {key: `{"team_id":"t","models":["x"]}`, team: `{"model_aliases":{"a":"m"},"models":["y"]}`, asked: "m", class: "key"},
		"the key's alias precedes":      {key: `{"team_id":"t","aliases":{"a":"m"}}`, team: `{"model_aliases":{"a":"n"}}`, asked: "a", target: "m"},
		"a group of the configuration":  {key: `{"models":["beta"]}`, asked: "m", groups: []string{"beta"}},
		"a group of other models":       {key: `{"models":["beta"]}`, asked: "m", groups: []string{"alpha"}, class: "key"},
		"a group by name":               {key: `{"models":["group"]}`, asked: "g1"},
		"a group by id":                 {key: `{"models":["m"],"access_group_ids":["g"]}`, asked: "g2"},
		"not in the group":              {key: `{"models":["group"],"access_group_ids":["g"]}`, asked: "m", class: "key"},
		"a group that is gone":          {key: `{"models":["m"],"access_group_ids":["gone"]}`, asked: "g1", class: "key"},
		"a group does not limit":        {key: `{"access_group_ids":["g"]}`, asked: "m"},
		"a team's group":                {key: `{"team_id":"t"}`, team: `{"models":["m"],"access_group_ids":["g"]}`, asked: "g1"},
		"a key's group beyond its team": {key: `{"team_id":"t","access_group_ids":["k"]}`, team: `{"models":["m"]}`, asked: "k1"},
		"a group that is not the key's": {key: `{"team_id":"t","access_group_ids":["g"]}`, team: `{"models":["m"]}`, asked: "g1", class: "team"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := begin(t, tenant.Settings{})
			w.put(store.KindAccessGroup, "g", `{"access_group_name":"group","access_model_names":["g1","g2"]}`)
			w.put(store.KindAccessGroup, "k", `{"access_group_name":"keys","access_model_names":["k1"],"assigned_key_ids":["`+tenant.Hash(key)+`"]}`)
			w.key(tt.key)
			for kind, e := range map[store.Kind][2]string{store.KindUser: {"u", tt.user}, store.KindTeam: {"t", tt.team}, store.KindMember: {"t/u", tt.member}, store.KindOrganization: {"o", tt.org}, store.KindProject: {"p", tt.project}} {
				if e[1] != "" {
					w.put(kind, e[0], e[1])
				}
			}
			c := w.caller()
			if tt.target == "" {
				tt.target = tt.asked
			}
			if tt.group == "" {
				tt.group = tt.target
			}
			if got := c.Model(tt.asked); got != tt.target {
				t.Errorf("the model is %q, want %q", got, tt.target)
			}
			err := c.Check(&tenant.Request{Asked: tt.asked, Model: tt.target, Group: tt.group, Groups: tt.groups})
			if tt.class == "" {
				if err != nil {
					t.Error(err)
				}
				return
			}
			e := refusal(t, err)
			if e.Status != 403 || e.Code != llm.CodeModelDenied || e.Class != tt.class+"_model_access_denied" || e.Param != "model" {
				t.Errorf("%d %s %s: %s", e.Status, e.Code, e.Class, e.Message)
			}
			if c.Allows(tt.target, tt.group, tt.groups) {
				t.Error("a list of models has it")
			}
		})
	}
}

func TestACustomersModelsHold(t *testing.T) {
	t.Parallel()
	w := begin(t, tenant.Settings{})
	w.key(`{}`)
	w.put(store.KindCustomer, "c", `{"models":["n"]}`)
	req := call(1)
	req.Customer = "c"
	if e := w.fails(req); e.Class != "customer_model_access_denied" || e.Message != `the model "m" is not available to the customer c, or there is no model of this name.` {
		t.Errorf("%s: %s", e.Class, e.Message)
	}
}
