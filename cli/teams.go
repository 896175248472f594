package cli

import (
	"context"
	"fmt"
	"net/url"
	"slices"
	"strconv"

	"outcrop/internal/jsonx"
)

// teamsCommand holds the commands for teams.
type teamsCommand struct {
	List    teamsListCommand   `cmd:"" default:"withargs" help:"List the teams (the default)."`
	Create  teamsCreateCommand `cmd:"" help:"Make a team."`
	Info    teamsInfoCommand   `cmd:"" help:"Show a team with its members and keys."`
	Update  teamsUpdateCommand `cmd:"" help:"Change a team."`
	Block   teamsBlockCommand  `cmd:"" help:"Refuse calls with a team's keys."`
	Unblock teamsAllowCommand  `cmd:"" help:"Accept calls with a blocked team's keys again."`
	Delete  teamsDeleteCommand `cmd:"" help:"Delete teams with their keys."`
	Members membersCommand     `cmd:"" help:"List, add, change and remove the members of a team."`
}

type teamsListCommand struct {
	adminFlags
	outputFlags
	Search string `placeholder:"WORD" help:"Only teams whose alias or id contains a word."`
}

// teamFlags are the fields of a team that create and update set.
type teamFlags struct {
	Alias string `placeholder:"NAME" help:"The name that people know the team by."`
	limitFlags
	modelFlags
	setFlags
}

type teamsCreateCommand struct {
	adminFlags
	ID string `arg:"" name:"team" help:"The team's id."`
	teamFlags
}

// teamArgument is the team that a command is about.
type teamArgument struct {
	Team string `arg:"" help:"The team's id or alias."`
}

type teamsInfoCommand struct {
	adminFlags
	teamArgument
	JSON bool `name:"json" help:"Print JSON, as the gateway's API has it."`
}

type teamsUpdateCommand struct {
	adminFlags
	teamArgument
	teamFlags
}

type teamsBlockCommand struct {
	adminFlags
	teamArgument
}

type teamsAllowCommand struct {
	adminFlags
	teamArgument
}

type teamsDeleteCommand struct {
	adminFlags
	Teams []string `arg:"" name:"team" help:"The ids or aliases of teams."`
}

// Run lists the teams.
func (c *teamsListCommand) Run(ctx context.Context, con console) error {
	return c.with(ctx, con, func(m *manager) error {
		all, err := m.things(ctx, teamKind(), c.Search)
		if err != nil {
			return err
		}
		t := &table{columns: slices.Concat([]column{{head: "ID"}, {head: "ALIAS", worth: 8}, {head: "MEMBERS", worth: 6, right: true}}, limitColumns(), []column{{head: "MODELS", worth: 3}, {head: "BLOCKED", worth: 7}})}
		for _, o := range all {
			members, err := objectsOf(o.get("members_with_roles"))
			if err != nil {
				members = nil
			}
			blocked := ""
			if o.text("blocked") == "true" {
				blocked = "blocked"
			}
			t.add(slices.Concat([]string{o.text("team_id"), o.text("team_alias"), strconv.Itoa(len(members))}, limitCells(o), []string{o.text("models"), blocked})...)
		}
		return c.printThings(con, all, t, "There are no such teams. outcrop teams create NAME makes one.")
	})
}

// fill writes the fields that are set into a request.
func (f *teamFlags) fill(body *object) error {
	given(body, "team_alias", f.Alias)
	f.modelFlags.fill(body)
	if err := f.limitFlags.fill(body); err != nil {
		return err
	}
	f.setFlags.fill(body)
	return nil
}

// Run makes a team.
func (c *teamsCreateCommand) Run(ctx context.Context, con console) error {
	body := &object{}
	body.put("team_id", c.ID)
	if err := c.fill(body); err != nil {
		return err
	}
	return c.with(ctx, con, func(m *manager) error {
		if _, err := m.post(ctx, "/team/new", body); err != nil {
			return err
		}
		fmt.Fprintf(con.out, "Made the team %s.\n", c.ID)
		return nil
	})
}

// Run shows a team.
func (c *teamsInfoCommand) Run(ctx context.Context, con console) error {
	return c.with(ctx, con, func(m *manager) error {
		answer, err := m.team(ctx, c.Team)
		if err != nil {
			return err
		}
		if c.JSON {
			return printRaw(con.out, answer)
		}
		o := objectOf(answer)
		info := objectOf(o.get("team_info"))
		info = slices.DeleteFunc(info, func(v jsonx.Member) bool { return v.Name == "members_with_roles" })
		describe(con.out, info)
		if err := printMembers(con, o); err != nil {
			return err
		}
		return printKeys(con, o)
	})
}

// team reads a team with its members and keys.
func (m *manager) team(ctx context.Context, word string) (jsonx.Raw, error) {
	id, err := m.named(ctx, teamKind(), word)
	if err != nil {
		return nil, err
	}
	return m.get(ctx, "/team/info", url.Values{"team_id": {id}})
}

// printKeys prints the keys that an answer has, if there are any.
func printKeys(con console, o object) error {
	keys, err := objectsOf(o.get("keys"))
	if err != nil || len(keys) == 0 {
		return err
	}
	fmt.Fprintln(con.out)
	keyTable(keys).show(con)
	return nil
}

// Run changes a team.
func (c *teamsUpdateCommand) Run(ctx context.Context, con console) error {
	body := &object{}
	if err := c.fill(body); err != nil {
		return err
	}
	if err := changed(body, "teams update"); err != nil {
		return err
	}
	return c.changeTeam(ctx, con, c.Team, "/team/update", body, "Changed")
}

// Run blocks a team.
func (c *teamsBlockCommand) Run(ctx context.Context, con console) error {
	return c.changeTeam(ctx, con, c.Team, "/team/block", &object{}, "Blocked")
}

// Run unblocks a team.
func (c *teamsAllowCommand) Run(ctx context.Context, con console) error {
	return c.changeTeam(ctx, con, c.Team, "/team/unblock", &object{}, "Unblocked")
}

// changeTeam sends a change of a team, and says that it is done.
func (f *adminFlags) changeTeam(ctx context.Context, con console, word, path string, body *object, done string) error {
	return f.with(ctx, con, func(m *manager) error {
		id, err := m.named(ctx, teamKind(), word)
		if err != nil {
			return err
		}
		body.put("team_id", id)
		if _, err := m.post(ctx, path, body); err != nil {
			return err
		}
		fmt.Fprintf(con.out, "%s the team %s.\n", done, id)
		return nil
	})
}

// Run deletes teams.
func (c *teamsDeleteCommand) Run(ctx context.Context, con console) error {
	return c.with(ctx, con, func(m *manager) error {
		ids, err := m.ids(ctx, teamKind(), c.Teams)
		if err != nil {
			return err
		}
		body := &object{}
		body.list("team_ids", ids)
		if _, err := m.post(ctx, "/team/delete", body); err != nil {
			return err
		}
		fmt.Fprintf(con.out, "Deleted %s with their keys.\n", plural(len(ids), "team"))
		return nil
	})
}
