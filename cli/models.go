package cli

import (
	"context"
	"errors"
	"fmt"
	"text/tabwriter"

	"outcrop"
	"outcrop/internal/jsonx"
)

// modelsCommand holds what can be done with models.
type modelsCommand struct {
	List    listCommand    `cmd:"" default:"withargs" help:"List the models that can be called (the default)."`
	Resolve resolveCommand `cmd:"" help:"Show which ids lead to a model from a region, and why."`
}

type listCommand struct {
	configFlags
	JSON bool `name:"json" help:"Print JSON."`
}

// modelRow is one model in the JSON of outcrop models.
type modelRow struct {
	Name     string `json:"name"`
	ID       string `json:"id"`
	Title    string `json:"title,omitzero"`
	Owner    string `json:"owner,omitzero"`
	Kind     string `json:"kind,omitzero"`
	OnDemand bool   `json:"on_demand"`
	Legacy   bool   `json:"legacy"`
}

// Run lists the configured names, and what the provider lists behind wildcards.
func (c *listCommand) Run(ctx context.Context, con console) error {
	cfg, err := c.load(con.err)
	if err != nil {
		return err
	}
	client, err := outcrop.New(outcrop.Options{Config: cfg})
	if err != nil {
		return err
	}
	models, failure := client.Models(ctx)
	if c.JSON {
		rows := make([]modelRow, 0, len(models))
		for _, m := range models {
			rows = append(rows, modelRow{m.Name, m.ID, m.Model.Name, m.Owner, m.Kind, m.OnDemand, m.Legacy})
		}
		out, err := jsonx.Marshal(rows)
		if err != nil {
			return err
		}
		fmt.Fprintf(con.out, "%s\n", out)
	} else if len(models) > 0 {
		table := tabwriter.NewWriter(con.out, 0, 0, 2, ' ', 0)
		fmt.Fprintln(table, "NAME\tTITLE\tOWNER\tKIND\tCALLED BY")
		for _, m := range models {
			fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%s\n", m.Name, m.Model.Name, m.Owner, m.Kind, calledBy(m))
		}
		if err := table.Flush(); err != nil {
			return err
		}
	}
	return errors.Join(failure, client.Close())
}

// calledBy says how a model is reached: by its id, or only through a profile.
func calledBy(m outcrop.Model) string {
	by := "id"
	if m.Kind == "model" && !m.OnDemand {
		by = "profile"
	}
	if m.Legacy {
		by += ", legacy"
	}
	return by
}
