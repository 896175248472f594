package cli

import (
	"context"
	"fmt"
	"net/url"
	"slices"
)

// usersCommand holds the commands for users.
type usersCommand struct {
	List   usersListCommand   `cmd:"" default:"withargs" help:"List the users (the default)."`
	Create usersCreateCommand `cmd:"" help:"Make a user."`
	Info   usersInfoCommand   `cmd:"" help:"Show a user with the user's keys."`
	Update usersUpdateCommand `cmd:"" help:"Change a user."`
	Delete usersDeleteCommand `cmd:"" help:"Delete users with their keys."`
}

type usersListCommand struct {
	adminFlags
	outputFlags
	Search string `placeholder:"WORD" help:"Only users whose name or id contains a word."`
}

// userFlags are the fields of a user that create and update set.
type userFlags struct {
	Email string `placeholder:"ADDRESS" help:"The user's e-mail address."`
	Alias string `placeholder:"NAME" help:"The user's name."`
	Role  string `placeholder:"ROLE" help:"internal_user, internal_user_viewer, proxy_admin or proxy_admin_viewer."`
	limitFlags
	modelFlags
	setFlags
}

type usersCreateCommand struct {
	adminFlags
	ID   string   `arg:"" name:"user" help:"The user's id."`
	Team []string `placeholder:"TEAM" help:"The teams that the user is a member of, separated by commas."`
	userFlags
}

// userArgument is the user that a command is about.
type userArgument struct {
	User string `arg:"" help:"The user's id or e-mail address."`
}

type usersInfoCommand struct {
	adminFlags
	userArgument
	JSON bool `name:"json" help:"Print JSON, as the gateway's API has it."`
}

type usersUpdateCommand struct {
	adminFlags
	userArgument
	userFlags
}

type usersDeleteCommand struct {
	adminFlags
	Users []string `arg:"" name:"user" help:"The ids or e-mail addresses of users."`
}

// Run lists the users.
func (c *usersListCommand) Run(ctx context.Context, con console) error {
	return c.with(ctx, con, func(m *manager) error {
		all, err := m.things(ctx, userKind(), c.Search)
		if err != nil {
			return err
		}
		t := &table{columns: slices.Concat([]column{{head: "ID"}, {head: "E-MAIL", worth: 8}, {head: "ROLE", worth: 7}, {head: "TEAMS", worth: 6}, {head: "KEYS", worth: 5, right: true}}, limitColumns(), []column{{head: "MODELS", worth: 3}})}
		for _, o := range all {
			t.add(slices.Concat([]string{o.text("user_id"), o.text("user_email"), o.text("user_role"), o.text("teams"), o.text("key_count")}, limitCells(o), []string{o.text("models")})...)
		}
		return c.printThings(con, all, t, "There are no such users. outcrop users create NAME makes one.")
	})
}

// fill writes the fields that are set into a request.
func (f *userFlags) fill(body *object) error {
	given(body, "user_email", f.Email)
	given(body, "user_alias", f.Alias)
	given(body, "user_role", f.Role)
	f.modelFlags.fill(body)
	if err := f.limitFlags.fill(body); err != nil {
		return err
	}
	f.setFlags.fill(body)
	return nil
}

// Run makes a user, without a key.
func (c *usersCreateCommand) Run(ctx context.Context, con console) error {
	body := &object{}
	body.put("user_id", c.ID)
	body.raw("auto_create_key", []byte("false"))
	if err := c.fill(body); err != nil {
		return err
	}
	return c.with(ctx, con, func(m *manager) error {
		if len(c.Team) > 0 {
			teams, err := m.ids(ctx, teamKind(), c.Team)
			if err != nil {
				return err
			}
			body.list("teams", teams)
		}
		if _, err := m.post(ctx, "/user/new", body); err != nil {
			return err
		}
		fmt.Fprintf(con.out, "Made the user %s. outcrop keys create --user %s makes a key.\n", c.ID, c.ID)
		return nil
	})
}

// Run shows a user.
func (c *usersInfoCommand) Run(ctx context.Context, con console) error {
	return c.with(ctx, con, func(m *manager) error {
		id, err := m.named(ctx, userKind(), c.User)
		if err != nil {
			return err
		}
		answer, err := m.get(ctx, "/user/info", url.Values{"user_id": {id}})
		if err != nil {
			return err
		}
		if c.JSON {
			return printRaw(con.out, answer)
		}
		o := objectOf(answer)
		describe(con.out, objectOf(o.get("user_info")))
		return printKeys(con, o)
	})
}

// Run changes a user.
func (c *usersUpdateCommand) Run(ctx context.Context, con console) error {
	body := &object{}
	if err := c.fill(body); err != nil {
		return err
	}
	if err := changed(body, "users update"); err != nil {
		return err
	}
	return c.with(ctx, con, func(m *manager) error {
		id, err := m.named(ctx, userKind(), c.User)
		if err != nil {
			return err
		}
		body.put("user_id", id)
		if _, err := m.post(ctx, "/user/update", body); err != nil {
			return err
		}
		fmt.Fprintf(con.out, "Changed the user %s.\n", id)
		return nil
	})
}

// Run deletes users.
func (c *usersDeleteCommand) Run(ctx context.Context, con console) error {
	return c.with(ctx, con, func(m *manager) error {
		ids, err := m.ids(ctx, userKind(), c.Users)
		if err != nil {
			return err
		}
		body := &object{}
		body.list("user_ids", ids)
		if _, err := m.post(ctx, "/user/delete", body); err != nil {
			return err
		}
		fmt.Fprintf(con.out, "Deleted %s with their keys.\n", plural(len(ids), "user"))
		return nil
	})
}
