package cli

import (
	"context"
	"fmt"
)

// membersCommand holds the commands for the members of a team.
type membersCommand struct {
	List   membersListCommand   `cmd:"" default:"withargs" help:"List the members (the default)."`
	Add    membersAddCommand    `cmd:"" help:"Add a user to a team."`
	Update membersUpdateCommand `cmd:"" help:"Change what a member may do and spend in a team."`
	Remove membersRemoveCommand `cmd:"" help:"Remove a user from a team, with the user's keys of the team."`
}

type membersListCommand struct {
	adminFlags
	teamArgument
	outputFlags
}

// memberFlags are the fields of a member that add and update set.
type memberFlags struct {
	MaxBudget      string `name:"max-budget" placeholder:"USD" help:"The most that the user may spend in the team, in US dollars; none for no limit."`
	BudgetDuration string `name:"budget-duration" placeholder:"TIME" help:"After what time that budget begins anew; none for never."`
	RPM            string `name:"rpm" placeholder:"N" help:"Requests a minute; none for no limit."`
	TPM            string `name:"tpm" placeholder:"N" help:"Tokens a minute; none for no limit."`
}

// memberArguments are the member that a command is about, and its gateway.
type memberArguments struct {
	adminFlags
	Team string `arg:"" help:"The team's id or alias."`
	User string `arg:"" help:"The user's id or e-mail address."`
}

type membersAddCommand struct {
	memberArguments
	Role string `enum:"user,admin" default:"user" help:"user, or admin, who manages the team's members and keys."`
	memberFlags
}

type membersUpdateCommand struct {
	memberArguments
	Role string `placeholder:"ROLE" help:"user or admin."`
	memberFlags
}

type membersRemoveCommand struct {
	memberArguments
}

// fill writes the fields that are set into a request.
func (f *memberFlags) fill(body *object) error {
	limits := limitFlags{BudgetDuration: f.BudgetDuration, MaxBudget: f.MaxBudget, RPM: f.RPM, TPM: f.TPM}
	if err := limits.fill(body); err != nil {
		return err
	}
	for i := range *body {
		if (*body)[i].Name == "max_budget" {
			(*body)[i].Name = "max_budget_in_team"
		}
	}
	return nil
}

// Run lists the members.
func (c *membersListCommand) Run(ctx context.Context, con console) error {
	return c.with(ctx, con, func(m *manager) error {
		answer, err := m.team(ctx, c.Team)
		if err != nil {
			return err
		}
		if c.JSON {
			members, err := objectsOf(objectOf(answer).get("team_memberships"))
			if err != nil {
				return m.stranger()
			}
			return c.printObjects(con, members)
		}
		return printMembers(con, objectOf(answer))
	})
}

// printMembers prints the members that the answer about a team has.
func printMembers(con console, team object) error {
	members, err := objectsOf(team.get("team_memberships"))
	if err != nil {
		return err
	}
	roles, err := objectsOf(objectOf(team.get("team_info")).get("members_with_roles"))
	if err != nil {
		return err
	}
	if len(members) == 0 {
		fmt.Fprintln(con.err, "The team has no members. outcrop teams members add TEAM USER adds one.")
		return nil
	}
	t := &table{columns: []column{
		{head: "MEMBER"},
		{head: "E-MAIL", worth: 5},
		{head: "ROLE", worth: 8},
		{head: "SPENT $", worth: 10, right: true},
		{head: "BUDGET $", worth: 9, right: true},
		{head: "RESETS", worth: 4},
		{head: "RPM", worth: 3, right: true},
		{head: "TPM", worth: 3, right: true},
	}}
	for _, o := range members {
		var role object
		for _, r := range roles {
			if r.text("user_id") == o.text("user_id") {
				role = r
			}
		}
		limits := objectOf(o.get("litellm_budget_table"))
		t.add(o.text("user_id"), role.text("user_email"), role.text("role"), o.money("spend"), limits.money("max_budget"), limits.date("budget_reset_at"), limits.text("rpm_limit"), limits.text("tpm_limit"))
	}
	t.show(con)
	return nil
}

// Run adds a member.
func (c *membersAddCommand) Run(ctx context.Context, con console) error {
	body := &object{}
	if err := c.fill(body); err != nil {
		return err
	}
	return c.member(ctx, con, "/team/member_add", "Added %s to %s.\n", func(user string) *object {
		who := &object{}
		who.put("role", c.Role)
		who.put("user_id", user)
		body.raw("member", who.bytes())
		return body
	})
}

// Run changes a member.
func (c *membersUpdateCommand) Run(ctx context.Context, con console) error {
	body := &object{}
	given(body, "role", c.Role)
	if err := c.fill(body); err != nil {
		return err
	}
	if err := changed(body, "teams members update"); err != nil {
		return err
	}
	return c.member(ctx, con, "/team/member_update", "Changed %s in %s.\n", func(user string) *object {
		body.put("user_id", user)
		return body
	})
}

// Run removes a member.
func (c *membersRemoveCommand) Run(ctx context.Context, con console) error {
	return c.member(ctx, con, "/team/member_delete", "Removed %s from %s, with the keys of this user in the team.\n", func(user string) *object {
		body := &object{}
		body.put("user_id", user)
		return body
	})
}

// member sends a change of a member, and says that it is done.
func (c *memberArguments) member(ctx context.Context, con console, path, done string, body func(user string) *object) error {
	return c.with(ctx, con, func(m *manager) error {
		team, err := m.named(ctx, teamKind(), c.Team)
		if err != nil {
			return err
		}
		user, err := m.named(ctx, userKind(), c.User)
		if err != nil {
			return err
		}
		b := body(user)
		b.put("team_id", team)
		if _, err := m.post(ctx, path, b); err != nil {
			return err
		}
		fmt.Fprintf(con.out, done, user, team)
		return nil
	})
}
