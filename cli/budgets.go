package cli

import (
	"context"
	"fmt"
)

// budgetsCommand holds the commands for budgets.
type budgetsCommand struct {
	List   budgetsListCommand   `cmd:"" default:"withargs" help:"List the budgets (the default)."`
	Create budgetsCreateCommand `cmd:"" help:"Make a budget. Each key that has it may spend all of it."`
	Info   budgetsInfoCommand   `cmd:"" help:"Show a budget."`
	Update budgetsUpdateCommand `cmd:"" help:"Change a budget, for all that have it."`
	Delete budgetsDeleteCommand `cmd:"" help:"Delete a budget."`
}

type budgetsListCommand struct {
	adminFlags
	outputFlags
}

type budgetsCreateCommand struct {
	adminFlags
	ID string `arg:"" name:"budget" help:"The budget's id."`
	limitFlags
	setFlags
}

// budgetArgument is the budget that a command is about.
type budgetArgument struct {
	Budget string `arg:"" help:"The budget's id."`
}

type budgetsInfoCommand struct {
	adminFlags
	budgetArgument
	JSON bool `name:"json" help:"Print JSON, as the gateway's API has it."`
}

type budgetsUpdateCommand struct {
	adminFlags
	budgetArgument
	limitFlags
	setFlags
}

type budgetsDeleteCommand struct {
	adminFlags
	budgetArgument
}

// Run lists the budgets.
func (c *budgetsListCommand) Run(ctx context.Context, con console) error {
	return c.with(ctx, con, func(m *manager) error {
		all, err := m.things(ctx, budgetKind(), "")
		if err != nil {
			return err
		}
		t := &table{columns: []column{
			{head: "ID"},
			{head: "BUDGET $", worth: 9, right: true},
			{head: "EACH", worth: 8},
			{head: "RESETS", worth: 4},
			{head: "RPM", worth: 5, right: true},
			{head: "TPM", worth: 5, right: true},
			{head: "PARALLEL", worth: 3, right: true},
		}}
		for _, o := range all {
			t.add(o.text("budget_id"), o.money("max_budget"), o.text("budget_duration"), o.date("budget_reset_at"), o.text("rpm_limit"), o.text("tpm_limit"), o.text("max_parallel_requests"))
		}
		return c.printThings(con, all, t, "There are no budgets. outcrop budgets create NAME makes one.")
	})
}

// Run makes a budget.
func (c *budgetsCreateCommand) Run(ctx context.Context, con console) error {
	body := &object{}
	body.put("budget_id", c.ID)
	if err := c.limitFlags.fill(body); err != nil {
		return err
	}
	c.setFlags.fill(body)
	return c.with(ctx, con, func(m *manager) error {
		if _, err := m.post(ctx, "/budget/new", body); err != nil {
			return err
		}
		fmt.Fprintf(con.out, "Made the budget %s. outcrop keys create --budget %s makes a key with it.\n", c.ID, c.ID)
		return nil
	})
}

// Run shows a budget.
func (c *budgetsInfoCommand) Run(ctx context.Context, con console) error {
	return c.with(ctx, con, func(m *manager) error {
		id, err := m.named(ctx, budgetKind(), c.Budget)
		if err != nil {
			return err
		}
		body := &object{}
		body.list("budgets", []string{id})
		answer, err := m.post(ctx, "/budget/info", body)
		if err != nil {
			return err
		}
		found, err := objectsOf(answer)
		if err != nil || len(found) != 1 {
			return m.stranger()
		}
		if c.JSON {
			return printRaw(con.out, found[0].bytes())
		}
		describe(con.out, found[0])
		return nil
	})
}

// Run changes a budget.
func (c *budgetsUpdateCommand) Run(ctx context.Context, con console) error {
	body := &object{}
	if err := c.limitFlags.fill(body); err != nil {
		return err
	}
	c.setFlags.fill(body)
	if err := changed(body, "budgets update"); err != nil {
		return err
	}
	return c.change(ctx, con, &c.budgetArgument, "/budget/update", "budget_id", body, "Changed")
}

// Run deletes a budget.
func (c *budgetsDeleteCommand) Run(ctx context.Context, con console) error {
	return c.change(ctx, con, &c.budgetArgument, "/budget/delete", "id", &object{}, "Deleted")
}

// change sends a change of a budget, whose id the body has under a name, and says that it is done.
func (f *adminFlags) change(ctx context.Context, con console, which *budgetArgument, path, name string, body *object, done string) error {
	return f.with(ctx, con, func(m *manager) error {
		id, err := m.named(ctx, budgetKind(), which.Budget)
		if err != nil {
			return err
		}
		body.put(name, id)
		if _, err := m.post(ctx, path, body); err != nil {
			return err
		}
		fmt.Fprintf(con.out, "%s the budget %s.\n", done, id)
		return nil
	})
}
