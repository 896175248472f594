package tenant_test

import (
	"strings"
	"testing"

	"outcrop/bearer"
	"outcrop/store"
	"outcrop/tenant"
)

// TestKeysCallTheEndpointsThatTheyAreGranted has what LiteLLM 1.110.2 decides (auth/route_checks.py) for an endpoint /bria with auth: true, and
// for /open without it, except for what is named as stricter or more lenient.
func TestKeysCallTheEndpointsThatTheyAreGranted(t *testing.T) {
	const (
		granted   = ""
		ungranted = "not allowed to access passthrough route"
		denied    = "denied access to passthrough route"
		unrouted  = "may not call"
	)
	for _, tt := range []struct {
		path, key, team, want string
		open                  bool // auth is not set
	}{
		{path: "/bria/x", want: ungranted},
		{path: "/bria/x", key: `"metadata":{"allowed_passthrough_routes":["/bria"]}`},
		{path: "/bria", key: `"metadata":{"allowed_passthrough_routes":["/bria"]}`},
		{path: "/bria/", key: `"metadata":{"allowed_passthrough_routes":["/bria"]}`},
		{path: "/bria/x", key: `"metadata":{"allowed_passthrough_routes":["/bria/x"]}`},
		{path: "/bria/xy", key: `"metadata":{"allowed_passthrough_routes":["/bria/x"]}`, want: ungranted},
		{path: "/bria/x/../y", key: `"metadata":{"allowed_passthrough_routes":["/bria/x"]}`, want: ungranted}, // stricter
		{path: "/bria/x", key: `"metadata":{"allowed_passthrough_routes":["/bria/*"]}`},                       // more lenient: as LiteLLM documents it
		{path: "/bria/x", key: `"metadata":{"allowed_passthrough_routes":["/"]}`, want: ungranted},
		{path: "/bria/x", key: `"metadata":{"allowed_passthrough_routes":"/bria"}`, want: ungranted},
		{path: "/bria/x", team: `"metadata":{"allowed_passthrough_routes":["/bria"]}`},
		{path: "/bria/x", key: `"metadata":{"allowed_passthrough_routes":["/other"]}`, team: `"metadata":{"allowed_passthrough_routes":["/bria"]}`, want: ungranted},
		{path: "/bria/x", key: `"metadata":{"allowed_passthrough_routes":[]}`, team: `"metadata":{"allowed_passthrough_routes":["/bria"]}`},
		{path: "/bria/x", key: `"metadata":{"allowed_passthrough_routes":[]}`, team: `"metadata":{"allowed_passthrough_routes":[]}`, want: ungranted},
		{path: "/bria/x", key: `"metadata":{"allowed_passthrough_routes":["/bria"],"denied_passthrough_routes":["/bria/x"]}`, want: denied},
		{path: "/bria/y/../x", key: `"metadata":{"allowed_passthrough_routes":["/bria"],"denied_passthrough_routes":["/bria/x"]}`, want: denied},
		{path: "/bria/x", key: `"metadata":{"allowed_passthrough_routes":["/bria"]}`, team: `"metadata":{"denied_passthrough_routes":["/bria/*"]}`, want: denied},
		{path: "/bria/x", key: `"metadata":{"allowed_passthrough_routes":["/bria"],"denied_passthrough_routes":["/"]}`, want: denied},
		{path: "/bria/xy", key: `"metadata":{"allowed_passthrough_routes":["/bria"],"denied_passthrough_routes":["/bria/x/"]}`},
		{path: "/bria/x", key: `"allowed_routes":["/bria"]`, want: ungranted},
		{path: "/bria/x", key: `"allowed_routes":["/bria/x"],"metadata":{"allowed_passthrough_routes":["/bria"]}`},
		{path: "/bria/x", key: `"allowed_routes":["/other"],"metadata":{"allowed_passthrough_routes":["/bria"]}`, want: unrouted},
		{path: "/bria/x", key: `"key_type":"llm_api","metadata":{"allowed_passthrough_routes":["/bria"]}`},
		{path: "/bria/x", key: `"key_type":"llm_api"`, want: ungranted},
		{path: "/bria/x", key: `"key_type":"management","metadata":{"allowed_passthrough_routes":["/bria"]}`, want: unrouted},
		{path: "/bria/x", key: `"allowed_routes":["openai_routes"],"metadata":{"allowed_passthrough_routes":["/bria"]}`},
		{path: "/bria/x", key: `"allowed_routes":["anthropic_routes"],"metadata":{"allowed_passthrough_routes":["/bria"]}`, want: unrouted},
		{path: "/bria/x", key: `"user_id":"admin"`},
		{path: "/bria/x", key: `"user_id":"admin","metadata":{"denied_passthrough_routes":["/"]}`},
		{path: "/bria/x", key: `"user_id":"admin","allowed_routes":["/other"]`, want: unrouted},
		{path: "/bria/x", key: `"user_id":"viewer"`, want: ungranted},
		{path: "/open/x", open: true, want: ungranted},
		{path: "/open/x", open: true, key: `"metadata":{"allowed_passthrough_routes":["/open"]}`},
		{path: "/open/x", open: true, team: `"metadata":{"allowed_passthrough_routes":["/open"]}`},
		{path: "/open/x", open: true, key: `"allowed_routes":["/open"]`},
		{path: "/open/x", open: true, key: `"allowed_routes":["/open/*"]`},
		{path: "/open/x/../y", open: true, key: `"allowed_routes":["/open/x"]`, want: unrouted},
		{path: "/open/x", open: true, key: `"key_type":"llm_api"`, want: ungranted},
		{path: "/open/x", open: true, key: `"metadata":{"allowed_passthrough_routes":["/open"],"denied_passthrough_routes":["/open"]}`, want: denied}, // stricter
	} {
		w := begin(t, tenant.Settings{})
		w.put(store.KindUser, "admin", `{"user_id":"admin","user_role":"proxy_admin"}`)
		w.put(store.KindUser, "viewer", `{"user_id":"viewer","user_role":"proxy_admin_viewer"}`)
		w.put(store.KindTeam, "t", `{"team_id":"t",`+filled(tt.team)+`}`)
		team := ""
		if tt.team != "" {
			team = `"team_id":"t",`
		}
		w.key(`{` + team + filled(tt.key) + `}`)
		c := w.caller()
		as, err := c.PassThrough(tt.path, !tt.open)
		if tt.want == granted {
			if err != nil || as != c {
				t.Errorf("%+v is refused: %v", tt, err)
			}
			continue
		}
		if e := refusal(t, err); e.Status != 403 || !strings.Contains(e.Message, tt.want) {
			t.Errorf("%+v: %d %s", tt, e.Status, e.Message)
		}
	}
}

// filled is some members of an object, or one that says nothing.
func filled(members string) string {
	if members == "" {
		return `"blocked":false`
	}
	return members
}

func TestTokensCallTheEndpointsOfTheirTeams(t *testing.T) {
	w := tokens(t, tenant.Tokens{TeamRoutes: []string{"openai_routes", "/routed/*", "*"}})
	w.put(store.KindTeam, "geology", `{"team_id":"geology"}`)
	w.put(store.KindTeam, "mining", `{"team_id":"mining","metadata":{"allowed_passthrough_routes":["/bria"],"denied_passthrough_routes":["/bria/pit"]}}`)
	for path, teams := range map[string]struct {
		of   []string
		want string // the team that calls; empty for a refusal
	}{
		"/bria/x":   {[]string{"geology", "mining"}, "mining"},
		"/bria/pit": {[]string{"geology", "mining"}, ""},
		"/bria/y":   {[]string{"geology"}, ""},
		"/routed/x": {[]string{"geology"}, "geology"},
		"/other":    {[]string{"mining", "geology"}, ""},
	} {
		as, err := w.admits(bearer.Identity{Subject: path, Teams: teams.of}).PassThrough(path, true)
		if teams.want == "" {
			if e := refusal(t, err); e.Status != 403 {
				t.Errorf("%s: %d %s", path, e.Status, e.Message)
			}
			continue
		}
		if err != nil || as.TeamID != teams.want {
			t.Errorf("%s is called by %+v, %v; want the team %s", path, as, err, teams.want)
		}
	}
}
