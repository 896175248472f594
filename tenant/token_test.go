package tenant_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"outcrop/bearer"
	"outcrop/llm"
	"outcrop/store"
	"outcrop/tenant"
)

// token is the token of an identity in these tests.
func token(id bearer.Identity) string { return fmt.Sprintf("%v.claims.signature", id) }

// bears is who sends a token with an identity, which ends in an hour.
func (w *world) bears(token string, id bearer.Identity) (*tenant.Caller, error) {
	w.t.Helper()
	if id.Expires.IsZero() {
		id.Expires = noon().Add(time.Hour)
	}
	return w.directory.Bearer(w.t.Context(), token, &id)
}

// admits is bears for a token that must be accepted.
func (w *world) admits(id bearer.Identity) *tenant.Caller {
	w.t.Helper()
	c, err := w.bears(token(id), id)
	if err != nil {
		w.t.Fatal(err)
	}
	return c
}

// turnsAway is bears for a token that must be refused.
func (w *world) turnsAway(id bearer.Identity, status int, says string) {
	w.t.Helper()
	_, err := w.bears(token(id), id)
	if e := refusal(w.t, err); e.Status != status || e.Class != "auth_error" || !strings.Contains(e.Message, says) {
		w.t.Errorf("%d %s %s, want %d with %q", e.Status, e.Class, e.Message, status, says)
	}
}

func tokens(t *testing.T, settings tenant.Tokens) *world {
	t.Helper()
	return begin(t, tenant.Settings{Tokens: settings})
}

func TestATokensCallsCountForWhatItBelongsTo(t *testing.T) {
	w := tokens(t, tenant.Tokens{})
	w.put(store.KindUser, "ann", `{"user_id":"ann","user_role":"internal_user"}`)
	w.put(store.KindTeam, "geology", `{"team_id":"geology","max_budget":0.5,"models":["m"],"organization_id":"o"}`)
	w.put(store.KindOrganization, "o", `{"rpm_limit":1}`)
	w.put(store.KindCustomer, "c", `{"user_id":"c"}`)
	c := w.admits(bearer.Identity{User: "ann", Team: "geology", Customer: "c"})
	if c.Role != tenant.RoleUser || c.OrganizationID != "o" || c.Hash != "" || c.Master() || c.Owner() != "user:ann" {
		t.Errorf("%+v", c)
	}
	req := call(10)
	req.Customer = "another"
	ch, err := c.Begin(t.Context(), req)
	if err != nil {
		t.Fatal(err)
	}
	row := w.settle(ch, 10)
	if row.User != "ann" || row.Team != "geology" || row.Organization != "o" || row.Customer != "c" || row.Key != "" {
		t.Errorf("%+v", row)
	}
	_, err = c.Begin(t.Context(), call(10))
	if e := refusal(t, err); e.Code != llm.CodeRateLimited {
		t.Errorf("the organization's limit: %v", e)
	}
	w.pass(2 * time.Minute)
	if ch, err = c.Begin(t.Context(), call(40)); err != nil {
		t.Fatal(err)
	}
	w.settle(ch, 40)
	w.pass(2 * time.Minute)
	_, err = c.Begin(t.Context(), call(10))
	if e := refusal(t, err); e.Code != llm.CodeBudget || !strings.Contains(e.Message, "the team geology") {
		t.Errorf("the team's budget: %v", e)
	}
	_, err = c.Begin(t.Context(), &tenant.Request{Asked: "other", Model: "other"})
	if e := refusal(t, err); e.Status != 403 || e.Class != "team_model_access_denied" {
		t.Errorf("a model that is not the team's: %v", e)
	}
}

func TestATokenOfWhatIsNotHereIsRefused(t *testing.T) {
	w := tokens(t, tenant.Tokens{})
	w.put(store.KindTeam, "geology", `{"team_id":"geology"}`)
	w.put(store.KindTeam, "closed", `{"team_id":"closed","blocked":true}`)
	w.turnsAway(bearer.Identity{User: "ann"}, 401, "there is no user ann here")
	w.turnsAway(bearer.Identity{Team: "physics"}, 404, "there is no team physics here")
	w.turnsAway(bearer.Identity{Teams: []string{"a", "b"}}, 404, "there is no team b here")
	w.turnsAway(bearer.Identity{Team: "closed"}, 401, "the team closed is blocked")
	w.put(store.KindUser, "ann", `{"user_id":"ann"}`)
	if c := w.admits(bearer.Identity{User: "ann"}); c.UserID != "ann" {
		t.Errorf("%+v", c)
	}
	w.change(store.Change{Delete: []store.Ref{{Kind: store.KindUser, ID: "ann"}}})
	w.turnsAway(bearer.Identity{User: "ann"}, 401, "there is no user ann here")
	w.put(store.KindUser, "ann", `{"user_id":"ann","blocked":true}`)
	w.turnsAway(bearer.Identity{User: "ann"}, 401, "the user ann is blocked")
	w.store.away = store.ErrClosed
	_, err := w.bears("another.token.x", bearer.Identity{User: "eve"})
	if e := refusal(t, err); e.Status != 503 {
		t.Errorf("without the database: %v", e)
	}
}

func TestATokenEndsWithItsTime(t *testing.T) {
	w := tokens(t, tenant.Tokens{})
	w.admits(bearer.Identity{})
	w.pass(time.Hour)
	_, err := w.bears(token(bearer.Identity{}), bearer.Identity{Expires: noon().Add(time.Hour)})
	if e := refusal(t, err); e.Status != 401 || e.Class != "expired_key" {
		t.Errorf("%v", e)
	}
}

func TestUsersAreMadeOrFoundByTheirAddress(t *testing.T) {
	w := tokens(t, tenant.Tokens{MakeUsers: true})
	w.change(store.Change{Put: []store.Entity{
		{Kind: store.KindUser, ID: "u-1", Alias: "Ann@example.com", Created: noon(), Doc: []byte(`{"user_id":"u-1","user_email":"Ann@example.com","user_role":"proxy_admin_viewer"}`)},
		{Kind: store.KindUser, ID: "u-2", Alias: "bob@example.com", Created: noon(), Doc: []byte(`{"user_id":"u-2","user_alias":"bob@example.com","user_role":"proxy_admin"}`)},
	}})
	if c := w.admits(bearer.Identity{User: "ann", Email: "ann@EXAMPLE.com"}); c.UserID != "u-1" || c.Role != tenant.RoleAdminViewer {
		t.Errorf("%+v", c)
	}
	c, err := w.bears("of.bob.x", bearer.Identity{User: "bob", Email: "bob@example.com"})
	if err != nil || c.UserID != "bob" || c.Role != tenant.RoleUser { // another's name for himself is no address
		t.Fatalf("%+v, %v", c, err)
	}
	e, err := w.store.Entity(t.Context(), store.KindUser, "bob")
	if err != nil || string(e.Doc) != `{"user_id":"bob","user_email":"bob@example.com","user_role":"internal_user"}` {
		t.Errorf("%+v, %v", e, err)
	}
	_, err = w.bears("of.a.path", bearer.Identity{User: "a/b"})
	if e := refusal(t, err); e.Status != 401 || !strings.Contains(e.Message, "slash") {
		t.Errorf("%v", e)
	}
}

func TestOnlyOneDomainMayCall(t *testing.T) {
	w := tokens(t, tenant.Tokens{Domain: "example.com", MakeUsers: true})
	for _, email := range []string{"", "ann", "ann@evil.com", "ann@example.com@evil.com", "ann@sub.example.com", "ann@notexample.com"} {
		w.turnsAway(bearer.Identity{User: "ann", Email: email}, 403, "not of the domain example.com")
	}
	w.admits(bearer.Identity{User: "ann", Email: "ann@Example.com"})
}

func TestTokensMustNameATeamWhereOneIsAskedFor(t *testing.T) {
	w := tokens(t, tenant.Tokens{NeedTeam: true})
	w.turnsAway(bearer.Identity{}, 401, "names no team")
	w = tokens(t, tenant.Tokens{EnforceTeam: true})
	w.turnsAway(bearer.Identity{}, 403, "enforce_team_based_model_access")
	w.put(store.KindTeam, "geology", `{"team_id":"geology"}`)
	w.admits(bearer.Identity{Teams: []string{"geology"}})
}

func TestTheFirstTeamThatMayCallDoes(t *testing.T) {
	w := tokens(t, tenant.Tokens{})
	w.put(store.KindTeam, "a", `{"team_id":"a","models":["x"]}`)
	w.put(store.KindTeam, "b", `{"team_id":"b","models":["m"],"model_aliases":{"short":"m"}}`)
	w.put(store.KindTeam, "c", `{"team_id":"c"}`)
	w.put(store.KindTeam, "blocked", `{"team_id":"blocked","blocked":true}`)
	c := w.admits(bearer.Identity{Teams: []string{"a", "b", "blocked", "gone"}})
	if !c.Allows("m", "", nil) || !c.Allows("x", "", nil) || c.Allows("y", "", nil) || c.Model("short") != "m" || c.Model("m") != "m" {
		t.Error("the models are not those of the teams")
	}
	ch, err := c.Begin(t.Context(), call(1))
	if err != nil {
		t.Fatal(err)
	}
	if row := w.settle(ch, 1); row.Team != "b" {
		t.Errorf("the call is that of %s", row.Team)
	}
	if e := refusal(t, c.Check(&tenant.Request{Asked: "y", Model: "y"})); e.Status != 403 || e.Class != "team_model_access_denied" {
		t.Errorf("%v", e)
	}
	for path, want := range map[string]bool{"/v1/chat/completions": true, "/v1/messages": true, "/v1/models": true, "/v1beta/models/m:generateContent": false, "/model/m/converse": false} {
		if err := c.Route(path); (err == nil) != want {
			t.Errorf("%s: %v", path, err)
		}
	}
	w.change(store.Change{Delete: []store.Ref{{Kind: store.KindTeam, ID: "b"}}})
	if c := w.admits(bearer.Identity{Teams: []string{"a", "b"}}); c.Allows("m", "", nil) {
		t.Error("the models of a team that is gone are allowed")
	}
	if c, err := w.bears("one.team.x", bearer.Identity{Team: "c"}); err != nil || c.Route("/model/m/converse") != nil || c.Owner() != "team:c" {
		t.Errorf("a token of one team: %v", err)
	}
}

func TestTheRegionsAndGuardrailsOfAllTeamsOfATokenAreInForce(t *testing.T) {
	w := tokens(t, tenant.Tokens{})
	w.put(store.KindUser, "ann", `{"user_id":"ann","metadata":{"guardrails":["own"]}}`)
	w.put(store.KindTeam, "a", `{"team_id":"a","models":["x"],"metadata":{"guardrails":["first"]}}`)
	w.put(store.KindTeam, "b", `{"team_id":"b","models":["m"],"metadata":{"allowed_model_region":"eu","guardrails":["second"]}}`)
	w.put(store.KindCustomer, "c", `{"user_id":"c","allowed_model_region":"eu-west-1"}`)
	c := w.admits(bearer.Identity{User: "ann", Teams: []string{"a", "b"}})
	ch, err := c.Begin(t.Context(), call(1))
	if err != nil {
		t.Fatal(err)
	}
	if row := w.settle(ch, 1); row.Team != "b" {
		t.Fatalf("the call is that of %s", row.Team)
	}
	for range 2 { // and the first answer stays as it is
		if got := c.Guardrails(); !slices.Equal(got, []string{"first", "own", "second"}) {
			t.Errorf("the guardrails are %q", got)
		}
		for customer, want := range map[string][]string{"": {"eu"}, "c": {"eu", "eu-west-1"}} {
			if got, err := c.Regions(t.Context(), customer); err != nil || !slices.Equal(got, want) {
				t.Errorf("the regions for the customer %q are %q, %v", customer, got, err)
			}
		}
	}
}

func TestAUsersOnlyTeamIsThatOfTheCalls(t *testing.T) {
	w := tokens(t, tenant.Tokens{TeamRoutes: []string{"/v1/chat/completions"}})
	w.put(store.KindUser, "ann", `{"user_id":"ann"}`)
	w.put(store.KindTeam, "a", `{"team_id":"a"}`)
	w.put(store.KindTeam, "b", `{"team_id":"b"}`)
	member := func(team string) store.Entity {
		return store.Entity{Kind: store.KindMember, ID: team + "/ann", UserID: "ann", TeamID: team, Created: noon(), Doc: []byte(`{"user_id":"ann","team_id":"` + team + `"}`)}
	}
	id := bearer.Identity{User: "ann", Issuer: "i", Subject: "s"}
	if c := w.admits(id); c.TeamID != "" || c.Route("/v1/messages") != nil {
		t.Errorf("without a team: %+v", c)
	}
	w.change(store.Change{Put: []store.Entity{member("a")}})
	c := w.admits(id)
	if c.TeamID != "a" {
		t.Errorf("with one team: %q", c.TeamID)
	}
	if e := refusal(t, c.Route("/v1/messages")); e.Status != 403 || !strings.Contains(e.Message, "tokens of teams may not call /v1/messages") || c.Route("/v1/chat/completions") != nil {
		t.Errorf("the team's routes: %v", e)
	}
	w.change(store.Change{Put: []store.Entity{member("b")}})
	if c := w.admits(id); c.TeamID != "" {
		t.Errorf("with two teams: %q", c.TeamID)
	}
}

func TestTheScopeOfOperatorsManagesAndCallsNoModels(t *testing.T) {
	w := tokens(t, tenant.Tokens{Domain: "example.com", NeedTeam: true, AdminRoutes: tenant.DefaultAdminRoutes()})
	c := w.admits(bearer.Identity{User: "root", Team: "nowhere", Admin: true})
	if c.Role != tenant.RoleAdmin || c.Master() || c.TeamID != "" || c.UserID != "root" {
		t.Errorf("%+v", c)
	}
	if e := refusal(t, c.Route("/v1/chat/completions")); e.Status != 401 || e.Class != "auth_error" {
		t.Errorf("%v", e)
	}
	if err := c.Route("/v1/models"); err != nil {
		t.Error(err)
	}
	management := func(entry string) bool { return entry == "management_routes" }
	none := func(string) bool { return false }
	if !c.Manages(management) || c.Manages(none) {
		t.Error("what it may manage does not follow the routes")
	}
	w.put(store.KindTeam, "a", `{"team_id":"a"}`)
	if c, err := w.bears("of.a.team", bearer.Identity{Team: "a", Email: "x@example.com", User: ""}); err != nil || !c.Manages(none) || c.Role != tenant.RoleTeam {
		t.Errorf("a team's token: %v", err)
	}
	if c, err := w.bears("of.no.body", bearer.Identity{Admin: false, Issuer: "i", Subject: "s", Email: "x@example.com", Team: "a"}); err != nil || c.Owner() != "team:a" {
		t.Errorf("%v", err)
	}
}
