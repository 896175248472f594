package tenant_test

import (
	"testing"

	"outcrop/bearer"
	"outcrop/internal/jsonx"
	"outcrop/store"
	"outcrop/tenant"
)

func TestUsersOfTokensHaveTheDefaults(t *testing.T) {
	w := tokens(t, tenant.Tokens{MakeUsers: true, NewUsers: tenant.NewUsers{
		Role: tenant.RoleUserViewer, Fields: []jsonx.Member{{Name: "max_budget", Value: jsonx.Raw("0.1")}, {Name: "budget_duration", Value: jsonx.Raw(`"7d"`)}},
		Teams:  []tenant.NewMember{{Team: "geology", Role: "user", Budget: jsonx.Raw("0.2")}, {Team: "gone", Role: "user"}},
		Budget: jsonx.Raw("5"),
	}})
	w.put(store.KindTeam, "geology", `{"team_id":"geology"}`)
	c := w.admits(bearer.Identity{User: "ann", Email: "ann@example.com"})
	if c.Role != tenant.RoleUserViewer || c.TeamID != "geology" {
		t.Errorf("%s %s", c.Role, c.TeamID)
	}
	for ref, want := range map[store.Ref]string{
		{Kind: store.KindUser, ID: "ann"}:           `{"user_id":"ann","user_email":"ann@example.com","user_role":"internal_user_viewer","max_budget":0.1,"budget_duration":"7d"}`,
		{Kind: store.KindMember, ID: "geology/ann"}: `{"user_id":"ann","team_id":"geology","role":"user","user_email":"ann@example.com","max_budget":0.2}`,
	} {
		e, err := w.store.Entity(t.Context(), ref.Kind, ref.ID)
		if err != nil {
			t.Fatal(err)
		}
		if string(e.Doc) != want {
			t.Errorf("%s, want %s", e.Doc, want)
		}
	}
}

func TestOnlyInternalUsersHaveTheirBudget(t *testing.T) {
	n := tenant.NewUsers{Budget: jsonx.Raw("5"), BudgetDuration: jsonx.Raw(`"1d"`)}
	for _, tt := range []struct {
		role tenant.Role
		says string
		want int
	}{{tenant.RoleUser, "", 2}, {tenant.RoleUser, "max_budget", 1}, {tenant.RoleUserViewer, "", 0}, {tenant.RoleAdmin, "", 0}} {
		if got := n.Missing(tt.role, func(name string) bool { return name == tt.says }); len(got) != tt.want {
			t.Errorf("%s with %q: %v", tt.role, tt.says, got)
		}
	}
}
