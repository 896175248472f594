package limits

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
)

// scim makes a request of an identity provider to a replica.
func (c *cluster) scim(at int, method, path, body string) {
	c.t.Helper()
	req, err := http.NewRequestWithContext(c.t.Context(), method, c.replicas[at].address()+"/scim/v2"+path, strings.NewReader(body))
	if err != nil {
		c.t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+masterKey)
	req.Header.Set("Content-Type", "application/scim+json")
	resp, err := c.http.Do(req)
	if err != nil {
		c.t.Fatal(err)
	}
	defer resp.Body.Close()
	if answer, err := io.ReadAll(resp.Body); err != nil || resp.StatusCode/100 != 2 {
		c.t.Fatalf("%s %s: %d %s %v", method, path, resp.StatusCode, answer, err)
	}
}

// TestAUserWhoIsDeactivatedCallsOnNoReplica has an identity provider deactivate and activate a user, and remove the user from
// a team.
func TestAUserWhoIsDeactivatedCallsOnNoReplica(t *testing.T) {
	c := startCluster(t, 2, database(t))
	s := c.up.add(&script{})
	c.scim(0, http.MethodPost, "/Users", `{"userName":"ann"}`)
	c.scim(1, http.MethodPost, "/Groups", `{"displayName":"Rocks","externalId":"rocks","members":[{"value":"ann"}]}`)
	own, teams := c.newKey(`{"user_id":"ann"}`), c.newKey(`{"user_id":"ann","team_id":"rocks"}`)
	all := func(key, what string, is func(a answer) bool) {
		t.Helper()
		for at := range c.replicas {
			within(t, promised, fmt.Sprintf("replica %d %s", at, what), func() bool { return is(c.ask(question{key: key, script: s, at: at})) })
		}
	}
	passes, refused := func(a answer) bool { return a.whole }, func(a answer) bool { return a.status == 401 }
	all(own, "serves the user", passes)
	all(teams, "serves the user in the team", passes)
	c.scim(0, http.MethodPatch, "/Users/ann", `{"Operations":[{"op":"replace","value":{"active":false}}]}`)
	all(own, "refuses the user", refused)
	all(teams, "refuses the user in the team", refused)
	made := c.newKey(`{"user_id":"ann"}`) // while the user is not active
	all(made, "refuses a new key", refused)
	c.scim(1, http.MethodPatch, "/Users/ann", `{"Operations":[{"op":"Replace","path":"active","value":"True"}]}`)
	all(own, "serves the user again", passes)
	all(made, "serves the new key", passes)
	c.scim(0, http.MethodPatch, "/Groups/rocks", `{"Operations":[{"op":"remove","path":"members[value eq \"ann\"]"}]}`)
	all(teams, "refuses the key of the team", refused)
	all(own, "serves the user outside it", passes)
	c.scim(1, http.MethodDelete, "/Users/ann", "")
	all(own, "refuses the user who is deleted", refused)
}
