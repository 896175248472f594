package cli

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"outcrop"
	"outcrop/internal/jsonx"
	"outcrop/llm"
)

// modelsCommand holds what can be done with models.
type modelsCommand struct {
	List    listCommand    `cmd:"" default:"withargs" help:"List the models that can be called (the default)."`
	Resolve resolveCommand `cmd:"" help:"Show which ids lead to a model from a region, and why."`
}

type listCommand struct {
	configFlags
	Filter  []string `arg:"" optional:"" help:"Show only rows that have each of these words in a name, an id or the title."`
	Offline bool     `help:"Call nothing: show what this release knows, and what an earlier run has kept."`
	Refused bool     `help:"Show models as well that AWS says this account has no right to."`
	Legacy  bool     `negatable:"" default:"true" help:"Show models that AWS is going to retire."`
	DataDir string   `name:"data-dir" env:"OUTCROP_DATA_DIR" placeholder:"DIR" help:"Folder for what outlasts a run. Default: outcrop in the user's cache folder."`
	JSON    bool     `name:"json" help:"Print JSON."`
}

// modelRow is one model in the JSON of outcrop models.
type modelRow struct {
	Name       string   `json:"name"`
	Aliases    []string `json:"aliases,omitempty"`
	ID         string   `json:"id"`
	Title      string   `json:"title,omitzero"`
	Owner      string   `json:"owner,omitzero"`
	Configured bool     `json:"configured"`
	Calls      string   `json:"calls,omitzero"`
	API        string   `json:"api,omitzero"`
	Region     string   `json:"region,omitzero"`
	Reason     string   `json:"reason,omitzero"`
	Serves     []string `json:"serves,omitempty"`
	Anywhere   bool     `json:"anywhere"`
	Context    int64    `json:"context,omitzero"`
	MaxOutput  int64    `json:"max_output,omitzero"`
	// Input and Output are in US dollars for a million tokens.
	Input     *float64 `json:"input_usd_per_million,omitzero"`
	Output    *float64 `json:"output_usd_per_million,omitzero"`
	Access    string   `json:"access,omitzero"`
	Legacy    bool     `json:"legacy"`
	EndOfLife string   `json:"end_of_life,omitzero"`
	Successor string   `json:"successor,omitzero"`
}

func newModelRow(m *outcrop.Model) modelRow {
	row := modelRow{
		Name: m.Name, Aliases: m.Aliases, ID: m.ID, Title: m.Title, Owner: m.Owner, Configured: m.Configured,
		Calls: m.Target.ID, API: m.Target.API, Region: m.Target.Region, Reason: m.Target.Reason, Serves: m.Serves, Anywhere: m.Anywhere,
		Context: m.Context, MaxOutput: m.MaxOutput, Input: perMillion(m.Input), Output: perMillion(m.Output),
		Access: string(m.Access), Legacy: m.Legacy, Successor: m.Successor,
	}
	if !m.EndOfLife.IsZero() {
		row.EndOfLife = m.EndOfLife.Format(time.DateOnly)
	}
	return row
}

func perMillion(c llm.Opt[llm.Cost]) *float64 {
	if !c.Set {
		return nil
	}
	usd := float64(c.Value) / 1e6
	return &usd
}

// matches reports whether every word stands in a name, an id or the title.
func (r *modelRow) matches(words []string) bool {
	text := strings.ToLower(strings.Join(slices.Concat([]string{r.Name, r.ID, r.Title, r.Owner, r.Calls}, r.Aliases), " "))
	return !slices.ContainsFunc(words, func(w string) bool { return !strings.Contains(text, strings.ToLower(w)) })
}

// listPatience bounds the reading of the lists.
const listPatience = 2 * time.Minute

// Run lists the configured names, and what wildcards lead to.
func (c *listCommand) Run(ctx context.Context, con console) error {
	cfg, err := c.load(con.err)
	if err != nil {
		return err
	}
	if c.DataDir == "" {
		c.DataDir = defaultDataDir()
	}
	client, err := outcrop.New(outcrop.Options{Config: cfg, DataDir: c.DataDir})
	if err != nil {
		return err
	}
	if !c.Offline {
		c.read(ctx, con, client)
	}
	var rows []modelRow
	for _, m := range client.Models() {
		row := newModelRow(&m)
		if row.matches(c.Filter) && (c.Legacy || !m.Legacy) && (c.Refused || row.Access != "refused") {
			rows = append(rows, row)
		}
	}
	if err := client.Close(); err != nil {
		return err
	}
	if c.JSON {
		out, err := jsonx.Marshal(slices.Concat([]modelRow{}, rows))
		if err != nil {
			return err
		}
		fmt.Fprintf(con.out, "%s\n", out)
		return nil
	}
	return c.table(con, rows)
}

// read has the lists read, and says what could not be. What is known without them
// is listed all the same.
func (c *listCommand) read(ctx context.Context, con console, client *outcrop.Client) {
	ctx, cancel := context.WithTimeout(ctx, listPatience)
	defer cancel()
	for _, l := range client.Refresh(ctx, 0) {
		if l.Err == nil {
			continue
		}
		e := llm.AsError(l.Err)
		what := e.Message
		if e.Err != nil && e.Code == llm.CodeInternal {
			what = e.Err.Error()
		}
		since := "this release knows"
		if !l.At.IsZero() {
			since = "was read on " + l.At.Format(time.RFC3339)
		}
		fmt.Fprintf(con.err, "outcrop: warning: the lists of %s cannot be read, so this is what %s: %s\n", l.Place, since, what)
		if e.Fix != "" {
			fmt.Fprintf(con.err, "hint: %s\n", e.Fix)
		}
	}
}

func (c *listCommand) table(con console, rows []modelRow) error {
	if len(rows) == 0 {
		fmt.Fprintln(con.err, "outcrop: no model matches")
		return nil
	}
	table := tabwriter.NewWriter(con.out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "NAME\tID\tCALLS\tAPI\tREGIONS\tCONTEXT\t$/M IN\t$/M OUT\tACCESS\tLIFECYCLE")
	for _, r := range rows {
		name, id := r.Name, r.ID
		if !r.Configured && len(r.Aliases) > 0 { // the friendly name
			name = r.Aliases[0]
		}
		calls := r.Calls
		if calls == id {
			calls = "="
		}
		fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\n", name, id, dash(calls), dash(r.API), regions(&r), count(r.Context),
			money(r.Input), money(r.Output), dash(r.Access), life(&r))
	}
	return table.Flush()
}

// dash stands for what is not known.
func dash(s string) string {
	if s == "" {
		return "-"
	}
	return s
}

// regions says where calls are served: in the region that is called, in those of a
// profile, or anywhere.
func regions(r *modelRow) string {
	switch {
	case r.Anywhere:
		return r.Region + ", anywhere"
	case len(r.Serves) > 1:
		return r.Region + ", " + strconv.Itoa(len(r.Serves)) + " serve"
	default:
		return dash(r.Region)
	}
}

func count(n int64) string {
	switch {
	case n == 0:
		return "-"
	case n%1000 == 0:
		return strconv.FormatInt(n/1000, 10) + "k"
	default:
		return strconv.FormatInt(n, 10)
	}
}

func money(usd *float64) string {
	if usd == nil {
		return "-"
	}
	return strconv.FormatFloat(*usd, 'f', -1, 64)
}

func life(r *modelRow) string {
	text := "active"
	if r.Legacy {
		text = "legacy"
	}
	switch {
	case r.EndOfLife == "":
	case r.EndOfLife < time.Now().Format(time.DateOnly):
		text += ", ended " + r.EndOfLife
	default:
		text += ", ends " + r.EndOfLife
	}
	if r.Successor != "" {
		text += ", then " + r.Successor
	}
	return text
}
