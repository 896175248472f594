package takeover

import (
	"context"
	"maps"
	"slices"
	"strings"

	"outcrop/internal/jsonx"
	"outcrop/store"
)

// pagesTeam is the team of the keys with which people are signed in to LiteLLM's pages.
const pagesTeam = "litellm-dashboard"

// proxyUser is the user whose spend is that of the whole gateway.
const proxyUser = "litellm-proxy-budget"

// kindProxy is the kind of the gateway's own counter, tenant's proxy:/spend.
const kindProxy store.Kind = "proxy"

func (p *Plan) readBudgets(ctx context.Context, s *Source) error {
	return p.plain(budgetsTable(), func(r row, _ *doc, e *entity) bool {
		p.budgets[e.ID] = r
		return true
	})(ctx, s)
}

// key makes the columns of a key.
func (p *Plan) key(r row, _ *doc, e *entity) bool {
	e.UserID, e.TeamID, e.OrganizationID = r.text("user_id"), r.text("team_id"), r.text("organization_id")
	if e.TeamID == pagesTeam {
		p.leave(keysTable, "", "keys of people who are signed in to LiteLLM's pages are not taken", false)
		return false
	}
	if strings.HasPrefix(e.ID, "sk-") {
		p.leave(keysTable, "", "the row has the key itself, not its hash, as only very old versions of LiteLLM write it", false)
		return false
	}
	return true
}

// user makes the columns of a user.
func (p *Plan) user(r row, d *doc, e *entity) bool {
	if e.ID == proxyUser {
		e.Kind, e.ID, e.counter = kindProxy, "", true
		return true
	}
	if email := r.text("user_email"); email != "" {
		p.emails[strings.ToLower(email)] = e.ID
		if e.Alias == "" {
			e.Alias = email
		}
	}
	e.OrganizationID = r.text("organization_id")
	if r.text("user_role") == "" {
		d.put("user_role", "internal_user")
	}
	return true
}

// project makes the columns of a project.
func (p *Plan) project(r row, _ *doc, e *entity) bool {
	e.TeamID = r.text("team_id")
	return true
}

func (p *Plan) tag(_ row, d *doc, e *entity) bool {
	d.put("name", e.ID)
	return true
}

func (p *Plan) readMemberships(ctx context.Context, s *Source) error {
	t := p.table(membershipTable)
	return s.each(ctx, membershipTable, "", nil, func(r row) error {
		t.Rows++
		p.members[r.text("team_id")+"/"+r.text("user_id")] = r
		return nil
	})
}

// readTeams reads the teams, and makes their members of both the team's list and the memberships, which have the limits.
func (p *Plan) readTeams(ctx context.Context, s *Source) error {
	err := s.each(ctx, aliasesTable, "", nil, func(r row) error {
		p.aliases[string(r.get("id"))] = r
		return nil
	})
	if err != nil {
		return err
	}
	memberships := p.Tables[len(p.Tables)-1]
	err = p.plain(teamsTable(), func(r row, d *doc, e *entity) bool {
		e.OrganizationID = r.text("organization_id")
		if aliases, ok := p.aliases[string(r.get("model_id"))]; ok {
			d.set("model_aliases", aliases.json("aliases"))
		}
		if budget, ok := p.budgets[r.object("metadata").text("team_member_budget_id")]; ok {
			for _, f := range [...][2]string{{"team_member_budget", "max_budget"}, {"team_member_budget_duration", "budget_duration"}, {"team_member_rpm_limit", "rpm_limit"}, {"team_member_tpm_limit", "tpm_limit"}} {
				d.set(f[0], budget.get(f[1]))
			}
		}
		p.teamMembers(r, e, memberships)
		return true
	})(ctx, s)
	if err != nil {
		return err
	}
	for _, id := range slices.Sorted(maps.Keys(p.members)) {
		r := p.members[id]
		if !p.present[store.Ref{Kind: store.KindMember, ID: id}] {
			p.member(id, r.text("team_id"), r.text("user_id"), "", "user", memberships)
			p.leave(membershipTable, "", "these users have limits in a team that does not list them; they become its members, so that the limits hold", false)
		}
	}
	return nil
}

// teamMembers makes the members that a team lists.
func (p *Plan) teamMembers(r row, e *entity, memberships *Table) {
	listed := r.list("members_with_roles")
	for _, m := range listed {
		user, email := m.text("user_id"), m.text("user_email")
		if user == "" {
			user = p.emails[strings.ToLower(email)]
		}
		if user == "" {
			p.leave(membersInTeams, "", "they have neither the id nor the e-mail address of a user", false)
			continue
		}
		role := m.text("role")
		if role != "admin" {
			role = "user"
		}
		p.member(e.ID+"/"+user, e.ID, user, email, role, memberships)
	}
	if len(listed) > 0 {
		return
	}
	for _, of := range [...][2]string{{"admins", "admin"}, {"members", "user"}} { // of teams that old versions have made
		for _, user := range r.texts(of[0]) {
			p.member(e.ID+"/"+user, e.ID, user, "", of[1], memberships)
		}
	}
}

// member makes a member of a team, once.
func (p *Plan) member(id, team, user, email, role string, of *Table) {
	e := &entity{Entity: store.Entity{Kind: store.KindMember, ID: id, TeamID: team, UserID: user}, table: of}
	if p.present[e.ref()] {
		return
	}
	p.present[e.ref()] = true
	d := &doc{}
	d.put("user_id", user)
	d.set("user_email", optional(email))
	d.put("team_id", team)
	d.put("role", role)
	r := p.members[id]
	d.set("budget_id", r.get("budget_id"))
	if len(r.members) == 0 {
		of.Rows++ // it is in the team's list only
	}
	p.add(r, d, e)
}

// optional is a text as JSON, and null for none.
func optional(text string) jsonx.Raw {
	if text == "" {
		return nil
	}
	return jsonx.AppendString(nil, text)
}

// readOldKeys reads the keys that were replaced and still work.
func (p *Plan) readOldKeys(ctx context.Context, s *Source) error {
	t := p.table(oldKeysTable)
	return s.each(ctx, oldKeysTable, "", nil, func(r row) error {
		t.Rows++
		until := r.time("revoke_at")
		if !until.After(p.now) {
			p.leave(oldKeysTable, "", "they have ended", false)
			return nil
		}
		e := &entity{Entity: store.Entity{Kind: store.KindOldKey, ID: r.text("token"), Alias: r.text("active_token_id")}, table: t}
		p.present[e.ref()] = true
		d := &doc{}
		d.put("active_token_id", e.Alias)
		d.put("revoke_at", until.Format("2006-01-02T15:04:05.000Z07:00"))
		p.add(r, d, e)
		return nil
	})
}

func (p *Plan) readOrgMemberships(ctx context.Context, s *Source) error {
	t := p.table(orgMembershipTable)
	return s.each(ctx, orgMembershipTable, "", nil, func(r row) error {
		t.Rows++
		organization, user := r.text("organization_id"), r.text("user_id")
		e := &entity{Entity: store.Entity{Kind: store.KindOrgMember, ID: organization + "/" + user, OrganizationID: organization, UserID: user}, table: t}
		p.present[e.ref()] = true
		d := &doc{}
		d.put("user_id", user)
		d.put("organization_id", organization)
		d.set("user_role", r.get("user_role"))
		d.set("budget_id", r.get("budget_id"))
		if r.get("budget_id") != nil {
			p.leave(orgMembershipTable, "budget_id", "members of organizations have no budgets of their own", true)
		}
		p.add(r, d, e)
		return nil
	})
}

// readOthers counts the rows that are not taken.
func (p *Plan) readOthers(ctx context.Context, s *Source) error {
	for _, name := range s.tables {
		reason, taken := apart(name)
		if taken {
			continue
		}
		n, err := s.count(ctx, name)
		if err != nil {
			return err
		}
		if n > 0 {
			p.left[Left{Table: name, Reason: reason}] = n
		}
	}
	return nil
}
