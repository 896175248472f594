package cli

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"outcrop"
	"outcrop/config"
	"outcrop/provider"
	"outcrop/provider/bedrock/modelid"
)

type doctorCommand struct {
	configFlags
	Model   []string `short:"m" sep:"none" placeholder:"MODEL" help:"Call this model, by a name that a request may use. May be given several times. Default: every configured model, and a small one for each wildcard."`
	Region  []string `sep:"none" placeholder:"REGION" help:"Look from this region in place of the configured ones. May be given several times."`
	All     bool     `help:"Call every model for chats that the account lists."`
	Free    bool     `help:"Call no model."`
	JSON    bool     `name:"json" help:"Print one JSON object."`
	DataDir string   `name:"data-dir" env:"OUTCROP_DATA_DIR" placeholder:"DIR" help:"Folder for what outlasts a run. Default: outcrop in the user's cache folder."`
}

// Run examines the configuration and prints what was found. An interrupt ends the
// calls, and what is known by then is printed.
func (c *doctorCommand) Run(ctx context.Context, con console) error {
	if err := c.check(con.err); err != nil {
		return err
	}
	cfg, err := c.load(con.err)
	if err != nil {
		return err
	}
	if c.DataDir == "" {
		c.DataDir = defaultDataDir()
	}
	client, err := outcrop.New(outcrop.Options{Config: moved(cfg, c.Region), DataDir: c.DataDir})
	if err != nil {
		return err
	}
	d := &diagnosis{}
	progress := newProgress(con.err)
	cut := client.Check(ctx, outcrop.CheckOptions{
		Models: c.Model, All: c.All, Free: c.Free,
		Planned: func(calls int) {
			d.planned = calls
			progress.begin(calls)
		},
	}, func(f outcrop.Finding) {
		d.add(f)
		progress.show(d.made)
	})
	progress.end()
	d.interrupted = cut != nil
	if err := client.Close(); err != nil {
		return err
	}
	d.sort()
	if c.JSON {
		err = d.printJSON(con.out)
	} else {
		err = d.print(con.out)
	}
	if err == nil && !d.well() {
		err = errUnwell
	}
	return err
}

// check refuses flags that cannot be.
func (c *doctorCommand) check(w io.Writer) error {
	if err := checkRegions(w, c.Region...); err != nil {
		return err
	}
	if c.Free && (c.All || len(c.Model) > 0) {
		return &usageError{"--free calls no model, and --all and --model ask for calls", "Leave one out."}
	}
	if i := slices.Index(c.Model, ""); i >= 0 {
		return &usageError{"--model: the name is empty", "outcrop models lists the names that there are."}
	}
	return nil
}

// moved is the configuration as it would be in each of some regions; without any,
// the configuration itself. What is called by an ARN stays where it is.
func moved(cfg *config.Config, regions []string) *config.Config {
	if len(regions) == 0 {
		return cfg
	}
	out := *cfg
	out.Models = nil
	for i := range cfg.Models {
		m := cfg.Models[i]
		id, err := modelid.Parse(m.Model)
		if m.Provider != "bedrock" || err == nil && id.ARN != (modelid.ARN{}) || strings.HasPrefix(m.Values["model_id"], "arn:") {
			out.Models = append(out.Models, m)
			continue
		}
		for _, region := range regions {
			there := m
			there.Values = config.Values{}
			maps.Copy(there.Values, m.Values)
			there.Values["aws_region_name"] = region
			there.Policy.Regions = nil
			out.Models = append(out.Models, there)
		}
	}
	return &out
}

// diagnosis is what was found.
type diagnosis struct {
	findings    []outcrop.Finding
	planned     int
	made        int
	interrupted bool
}

func (d *diagnosis) add(f outcrop.Finding) {
	d.findings = append(d.findings, f)
	if f.Check == provider.CheckWhole || f.Check == provider.CheckStream {
		d.made++
	}
}

// well reports whether all that was asked for can be called, as far as was looked.
func (d *diagnosis) well() bool {
	return !d.interrupted && !slices.ContainsFunc(d.findings, func(f outcrop.Finding) bool { return f.State == provider.StateFail })
}

// checks are all checks in the order in which they are shown. It is never written
// to.
var checks = [...]provider.Check{
	provider.CheckIdentity, provider.CheckLists, provider.CheckClock, provider.CheckEndpoint, provider.CheckNetwork,
	provider.CheckModel, provider.CheckWhole, provider.CheckStream,
}

// sort puts the findings into an order that does not depend on which came first.
func (d *diagnosis) sort() {
	slices.SortStableFunc(d.findings, func(a, b outcrop.Finding) int {
		return cmp.Or(
			cmp.Compare(slices.Index(checks[:], a.Check), slices.Index(checks[:], b.Check)), cmp.Compare(a.CallerIndex, b.CallerIndex),
			cmp.Compare(a.Location, b.Location), cmp.Compare(a.Call, b.Call),
		)
	})
}

// progress says on a terminal how far the calls are, and elsewhere every so often.
type progress struct {
	w        io.Writer
	terminal bool
	calls    int
	shown    bool
}

// progressEvery is after how many calls a line is printed where there is no
// terminal.
const progressEvery = 50

func newProgress(w io.Writer) *progress {
	return &progress{w: w, terminal: screenOf(w).terminal}
}

// begin says what the calls are before the first one.
func (p *progress) begin(calls int) {
	p.calls = calls
	if calls == 0 {
		return
	}
	fmt.Fprintf(p.w, "outcrop: calling models: at most %s, each with a one-word question and at most one token of an answer, a fraction of a cent in all; --free makes none\n", plural(calls, "probe"))
}

func (p *progress) show(made int) {
	switch {
	case made == 0 || p.calls == 0:
	case p.terminal:
		const width = 30
		done := min(width, made*width/p.calls)
		fmt.Fprintf(p.w, "\r[%s%s] %d of %d", strings.Repeat("#", done), strings.Repeat(".", width-done), made, p.calls)
		p.shown = true
	case made%progressEvery == 0:
		fmt.Fprintf(p.w, "outcrop: %d of %s\n", made, plural(p.calls, "probe"))
	}
}

// end takes the bar away.
func (p *progress) end() {
	if p.shown {
		fmt.Fprintf(p.w, "\r%s\r", strings.Repeat(" ", 60))
	}
}
