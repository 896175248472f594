package tenant

import (
	"context"
	"errors"
	"strings"
	"time"

	"outcrop/internal/jsonx"
	"outcrop/store"
)

// NewUsers is what users have who are made without anybody saying so: litellm_settings.default_internal_user_params,
// max_internal_user_budget and internal_user_budget_duration (LiteLLM 1.110.2,
// litellm/proxy/management_endpoints/internal_user_endpoints.py and ui_sso.py).
type NewUsers struct {
	// Role is that of users for whom nobody says another; empty for the usual one of those who make them.
	Role Role
	// Fields are members of their documents, such as max_budget and models.
	Fields []jsonx.Member
	// Teams are those that they become members of.
	Teams []NewMember
	// Available are the teams that users may join by themselves.
	Available []string
	// Budget and BudgetDuration are for users with the role internal_user who have none after that; nil for none.
	Budget, BudgetDuration jsonx.Raw
}

// NewMember is the membership in a team that a new user gets.
type NewMember struct {
	Team string
	// Role is that in the team, admin or user.
	Role string
	// Budget is what the member may spend in the team, as JSON; nil for the team's default.
	Budget jsonx.Raw
}

// Missing are the members that a new user's document lacks. says is whether the document has a value for one; an empty
// list of models is none.
func (n *NewUsers) Missing(role Role, says func(name string) bool) (missing []jsonx.Member) {
	for _, f := range n.Fields {
		if !says(f.Name) {
			missing = append(missing, f)
		}
	}
	return append(missing, n.Limits(role, func(name string) bool { return says(name) || jsonx.Find(missing, name) != nil })...)
}

// Limits are the members of a user's document that the role internal_user asks for and the document lacks.
func (n *NewUsers) Limits(role Role, says func(name string) bool) (missing []jsonx.Member) {
	if role != RoleUser {
		return nil
	}
	for _, f := range [...]jsonx.Member{{Name: "max_budget", Value: n.Budget}, {Name: "budget_duration", Value: n.BudgetDuration}} {
		if f.Value != nil && !says(f.Name) {
			missing = append(missing, f)
		}
	}
	return missing
}

// upsert makes the user of a token, with the defaults of new users.
func (d *Directory) upsert(ctx context.Context, who *identity) error {
	defaults := &d.settings().Tokens.NewUsers
	role := RoleUser
	if defaults.Role != "" {
		role = defaults.Role
	}
	own := []jsonx.Member{{Name: "user_id", Value: jsonx.AppendString(nil, who.user)}}
	if who.Email != "" {
		own = append(own, jsonx.Member{Name: "user_email", Value: jsonx.AppendString(nil, who.Email)})
	}
	own = append(own, jsonx.Member{Name: "user_role", Value: jsonx.AppendString(nil, string(role))})
	own = append(own, defaults.Missing(role, func(string) bool { return false })...)
	now := d.opt.Now()
	made := []store.Entity{{Kind: store.KindUser, ID: who.user, Alias: who.Email, UserID: who.user, Created: now, Updated: now, Doc: object(own)}}
	for _, m := range defaults.Teams {
		joined, err := d.joined(ctx, who, m, now)
		if err != nil {
			return err
		}
		made = append(made, joined...)
	}
	_, err := d.opt.Store.Change(ctx, &store.Change{Put: made, Create: true, By: who.user, Action: "/user/new"})
	if err != nil && !errors.Is(err, store.ErrExists) { // another call has made the user
		return err
	}
	return d.Refresh(ctx)
}

// joined is a new user's membership in a team; none if there is no such team.
func (d *Directory) joined(ctx context.Context, who *identity, m NewMember, now time.Time) ([]store.Entity, error) {
	team, err := d.stored(ctx, store.KindTeam, m.Team)
	if err != nil || team.doc == nil || strings.Contains(m.Team, "/") {
		return nil, err
	}
	doc := []jsonx.Member{
		{Name: "user_id", Value: jsonx.AppendString(nil, who.user)},
		{Name: "team_id", Value: jsonx.AppendString(nil, m.Team)},
		{Name: "role", Value: jsonx.AppendString(nil, m.Role)},
	}
	if who.Email != "" {
		doc = append(doc, jsonx.Member{Name: "user_email", Value: jsonx.AppendString(nil, who.Email)})
	}
	if m.Budget != nil && !team.doc.MemberBudget.Set { // the team's own begins anew, as in LiteLLM
		doc = append(doc, jsonx.Member{Name: "max_budget", Value: m.Budget})
	}
	return []store.Entity{{Kind: store.KindMember, ID: m.Team + "/" + who.user, UserID: who.user, TeamID: m.Team, Created: now, Updated: now, Doc: object(doc)}}, nil
}

// object is members as a JSON object.
func object(members []jsonx.Member) []byte {
	var w jsonx.Writer
	w.Object()
	w.Members(members)
	w.EndObject()
	return w.Buf
}
