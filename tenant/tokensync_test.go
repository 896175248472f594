package tenant_test

import (
	"slices"
	"strings"
	"testing"

	"outcrop/bearer"
	"outcrop/store"
	"outcrop/tenant"
)

// syncing are settings that keep users as the identity provider says.
func syncing() tenant.Tokens {
	return tenant.Tokens{SyncUsers: true, SyncTeams: true, RoleSyncs: []tenant.RoleSync{
		{Claimed: "gateway/*-admin", Role: tenant.RoleAdmin}, {Claimed: "st?ff", Role: tenant.RoleUser}, {Claimed: "[broken", Role: tenant.RoleAdmin},
	}}
}

// teams are the teams of a user.
func (w *world) teams(user string) (teams []string) {
	w.t.Helper()
	found, _, err := w.store.Entities(w.t.Context(), &store.Filter{Kind: store.KindMember, UserID: user})
	if err != nil {
		w.t.Fatal(err)
	}
	for i := range found {
		teams = append(teams, found[i].TeamID)
	}
	slices.Sort(teams)
	return teams
}

func TestTheRoleOfAUserIsThatOfTheIdentityProvider(t *testing.T) {
	for name, tt := range map[string]struct {
		roles []string
		want  tenant.Role
	}{
		"the first pattern that fits": {[]string{"staff", "gateway/eu/chief-admin"}, tenant.RoleAdmin},
		"a character":                 {[]string{"stuff"}, tenant.RoleUser},
		"no pattern":                  {[]string{"Staff", "broken"}, tenant.RoleUserViewer},
		"no roles":                    {nil, tenant.RoleUserViewer},
	} {
		w := tokens(t, syncing())
		w.put(store.KindUser, "ann", `{"user_id":"ann","user_role":"internal_user_viewer","max_budget":5}`)
		if c := w.admits(bearer.Identity{User: "ann", Roles: tt.roles}); c.Role != tt.want {
			t.Errorf("%s: the role is %s, want %s", name, c.Role, tt.want)
		}
		e, err := w.store.Entity(t.Context(), store.KindUser, "ann")
		if err != nil || string(e.Doc) != `{"user_id":"ann","user_role":"`+string(tt.want)+`","max_budget":5}` {
			t.Errorf("%s: %v, %s", name, err, e.Doc)
		}
	}
}

func TestAUserJoinsTheTeamsOfTheTokenAndLeavesOthers(t *testing.T) {
	for _, sync := range []bool{true, false} {
		settings := syncing()
		settings.SyncTeams = sync
		w := tokens(t, settings)
		w.put(store.KindUser, "ann", `{"user_id":"ann"}`)
		for _, team := range []string{"a", "b", "c"} {
			w.put(store.KindTeam, team, `{}`)
		}
		for _, team := range []string{"a", "b"} {
			w.change(store.Change{Put: []store.Entity{{Kind: store.KindMember, ID: team + "/ann", TeamID: team, UserID: "ann", Created: noon(), Doc: []byte(`{"role":"admin"}`)}}})
		}
		w.admits(bearer.Identity{User: "ann", Teams: []string{"b", "c"}})
		want := []string{"a", "b"}
		if sync {
			want = []string{"b", "c"}
		}
		if got := w.teams("ann"); !slices.Equal(got, want) {
			t.Errorf("synced %v: the teams are %q, want %q", sync, got, want)
		}
		b, err := w.store.Entity(t.Context(), store.KindMember, "b/ann")
		if err != nil || string(b.Doc) != `{"role":"admin"}` {
			t.Errorf("a member who stays is another: %v, %v", err, b)
		}
	}
}

func TestATokenThatSaysNothingNewWritesNothing(t *testing.T) {
	w := tokens(t, syncing())
	w.put(store.KindUser, "ann", `{"user_id":"ann","user_role":"internal_user"}`)
	w.admits(bearer.Identity{User: "ann", Roles: []string{"staff"}})
	before, err := w.store.Entity(t.Context(), store.KindUser, "ann")
	if err != nil {
		t.Fatal(err)
	}
	w.admits(bearer.Identity{User: "ann", Roles: []string{"staff"}, Subject: "another token"})
	if after, err := w.store.Entity(t.Context(), store.KindUser, "ann"); err != nil || after.Revision != before.Revision {
		t.Errorf("%v, %+v", err, after)
	}
	w.admits(bearer.Identity{Admin: true, User: "ann", Roles: []string{"gateway/x-admin"}}) // an operator by the scope is no user
	if after, err := w.store.Entity(t.Context(), store.KindUser, "ann"); err != nil || after.Revision != before.Revision {
		t.Errorf("%v, %+v", err, after)
	}
}

// TestThatAUserLeavesAllTeamsIsInTheLog has a token without the claim, which the identity provider may have forgotten.
func TestThatAUserLeavesAllTeamsIsInTheLog(t *testing.T) {
	w := tokens(t, syncing())
	w.put(store.KindUser, "ann", `{"user_id":"ann"}`)
	for _, team := range []string{"a", "b"} {
		w.put(store.KindTeam, team, `{}`)
	}
	w.admits(bearer.Identity{User: "ann", Teams: []string{"a", "b"}})
	w.admits(bearer.Identity{User: "ann", Teams: []string{"b"}})
	if w.log.Len() > 0 {
		t.Errorf("the log has %s", &w.log)
	}
	for range 2 {
		w.admits(bearer.Identity{User: "ann"})
	}
	if got := w.log.String(); len(w.teams("ann")) != 0 || strings.Count(got, "leaves all teams") != 1 || !strings.Contains(got, "user_id=ann teams=1") {
		t.Errorf("the teams are %q, and the log has %s", w.teams("ann"), got)
	}
}
