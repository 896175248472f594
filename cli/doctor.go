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
	Model   []string `short:"m" sep:"none" placeholder:"MODEL" help:"Call this model, by any name that a request can use. Can be repeated. Default: every configured model, and a small one for each wildcard."`
	Region  []string `sep:"none" placeholder:"REGION" help:"Check from this region instead of the configured ones. Can be repeated."`
	All     bool     `help:"Call every model that is listed for the account."`
	Free    bool     `help:"Do not call any model."`
	JSON    bool     `name:"json" help:"Print one JSON object."`
	DataDir string   `name:"data-dir" env:"OUTCROP_DATA_DIR" placeholder:"DIR" help:"Folder for cached data. Default: outcrop in the user's cache folder."`
}

// Run checks the configuration and prints the findings. After an interrupt it prints
// the findings so far.
func (c *doctorCommand) Run(ctx context.Context, con console) error {
	if err := c.check(con.err); err != nil {
		return err
	}
	cfg, err := c.load(ctx, con.err)
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
	checkErr := client.Check(ctx, outcrop.CheckOptions{
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
	d.interrupted = checkErr != nil
	if err := client.Close(); err != nil {
		return err
	}
	d.sort()
	if c.JSON {
		err = d.printJSON(con.out)
	} else {
		err = d.print(con.out)
	}
	if err == nil && !d.healthy() {
		err = errUnhealthy
	}
	return err
}

// check rejects invalid flags.
func (c *doctorCommand) check(w io.Writer) error {
	if err := checkRegions(w, c.Region...); err != nil {
		return err
	}
	if c.Free && (c.All || len(c.Model) > 0) {
		return &usageError{"--free cannot be combined with --all or --model", "Remove one of them: --free calls no model."}
	}
	if i := slices.Index(c.Model, ""); i >= 0 {
		return &usageError{"--model: the name is empty", "Run outcrop models to list the names."}
	}
	return nil
}

// moved returns the configuration with its models in each of the regions instead of
// their own; without regions, the configuration itself. Models that are called by an
// ARN keep their region.
func moved(cfg *config.Config, regions []string) *config.Config {
	if len(regions) == 0 {
		return cfg
	}
	out := *cfg
	out.Models = nil
	for i := range cfg.Models {
		m := cfg.Models[i]
		id, err := modelid.Parse(m.Model)
		if !m.OnBedrock() || err == nil && id.ARN != (modelid.ARN{}) || strings.HasPrefix(m.Values["model_id"], "arn:") {
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

// diagnosis holds the findings of a run.
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

// healthy reports whether no check failed, and no interrupt ended them early.
func (d *diagnosis) healthy() bool {
	return !d.interrupted && !slices.ContainsFunc(d.findings, func(f outcrop.Finding) bool { return f.State == provider.StateFail })
}

// checks are all checks in the order of the output. It is never modified.
var checks = [...]provider.Check{
	provider.CheckIdentity, provider.CheckLists, provider.CheckClock, provider.CheckEndpoint, provider.CheckNetwork,
	provider.CheckModel, provider.CheckWhole, provider.CheckStream,
}

// sort sorts the findings, so that the output does not depend on their timing.
func (d *diagnosis) sort() {
	slices.SortStableFunc(d.findings, func(a, b outcrop.Finding) int {
		return cmp.Or(
			cmp.Compare(slices.Index(checks[:], a.Check), slices.Index(checks[:], b.Check)), cmp.Compare(a.CallerIndex, b.CallerIndex),
			cmp.Compare(a.Location, b.Location), cmp.Compare(a.Call, b.Call),
		)
	})
}

// progress shows a progress bar on a terminal, and elsewhere a line every few calls.
type progress struct {
	w        io.Writer
	terminal bool
	calls    int
	shown    bool
}

// progressEvery is the number of calls between two lines without a terminal.
const progressEvery = 50

func newProgress(w io.Writer) *progress {
	return &progress{w: w, terminal: screenOf(w).terminal}
}

// begin announces the calls before the first one.
func (p *progress) begin(calls int) {
	p.calls = calls
	if calls == 0 {
		return
	}
	text := fmt.Sprintf("outcrop: calling models: at most %s, each of one word and with an answer of at most one token, for a fraction of a cent in total; use --free to make none", plural(calls, "probe"))
	fmt.Fprintln(p.w, screenOf(p.w).wrap(text, "  "))
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

// end removes the bar.
func (p *progress) end() {
	if p.shown {
		fmt.Fprintf(p.w, "\r%s\r", strings.Repeat(" ", 60))
	}
}
