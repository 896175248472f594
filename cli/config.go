package cli

import (
	"fmt"
	"runtime/debug"
	"slices"
	"strings"

	"outcrop"
	"outcrop/app"
	"outcrop/config"
)

type checkCommand struct {
	File             string `arg:"" help:"The configuration, LiteLLM's config.yaml."`
	AllowUnsupported bool   `aliases:"allow_unsupported" help:"Take limits on callers that Outcrop does not enforce as warnings."`
	SkipUnsupported  bool   `name:"skip-unsupported-models" help:"Take models of providers that Outcrop does not have as warnings."`
}

// Run prints every problem and what can be served; without an error among them the
// file can be served. It calls nothing.
func (c *checkCommand) Run(con console) error {
	flags := configFlags{ConfigFile: c.File, AllowUnsupported: c.AllowUnsupported, SkipUnsupported: c.SkipUnsupported}
	cfg, problems, err := flags.read(con.err)
	if err != nil {
		return err
	}
	doubtful := map[string]bool{} // entries that will probably not be callable
	if cfg != nil {
		client, err := c.open(cfg)
		if err != nil {
			printProblems(con.err, problems)
			return err
		}
		doubts := client.Doubts()
		problems = append(problems, problemsOf(doubts)...)
		for _, d := range doubts {
			if !d.Mild {
				doubtful[d.Entry] = true
			}
		}
		sortProblems(problems)
		if err := client.Close(); err != nil {
			return err
		}
	}
	printProblems(con.err, problems)
	if len(problems) > 0 {
		fmt.Fprintln(con.err)
	}
	if cfg == nil {
		for _, line := range summary(nil, nil, problems) {
			fmt.Fprintln(con.err, line)
		}
		fmt.Fprintf(con.err, "%s: %s; it cannot be served\n", c.File, counted(problems))
		return errProblems
	}
	for _, line := range summary(cfg, doubtful, problems) {
		fmt.Fprintln(con.out, line)
	}
	verdict := "good"
	if len(problems) > 0 {
		verdict = plural(len(problems), "warning")
	}
	fmt.Fprintf(con.out, "%s: %s, %s\n", c.File, verdict, plural(len(cfg.Models), "deployment"))
	return nil
}

// open makes a client of the configuration, which opens every deployment.
func (c *checkCommand) open(cfg *config.Config) (*outcrop.Client, error) {
	if err := app.Check(cfg); err != nil {
		return nil, err
	}
	return outcrop.New(outcrop.Options{Config: cfg})
}

// sortProblems puts problems into the order of the file; those without a place come
// last.
func sortProblems(problems []config.Problem) {
	slices.SortStableFunc(problems, func(a, b config.Problem) int {
		switch {
		case a.Line == 0 && b.Line == 0 || a.File != b.File:
			return 0
		case a.Line == 0:
			return 1
		case b.Line == 0:
			return -1
		case a.Line != b.Line:
			return a.Line - b.Line
		default:
			return a.Column - b.Column
		}
	})
}

// kinds are what problems are counted by in a summary, each with the texts that tell
// its problems. It is never written to.
var kinds = [...]struct {
	severity  config.Severity
	tells     []string
	one, more string
}{
	{config.Error, []string{"does not have the provider", "names no provider"}, "1 model needs a provider that Outcrop does not have; --skip-unsupported-models leaves it out", "%d models need providers that Outcrop does not have; --skip-unsupported-models leaves them out"},
	{config.Error, []string{"not enforced"}, "1 limit is not enforced; --allow-unsupported starts without it", "%d limits are not enforced; --allow-unsupported starts without them"},
	{config.Error, []string{"environment variable"}, "1 environment variable is not set", "%d environment variables are not set"},
	{config.Error, nil, "1 other setting is wrong", "%d other settings are wrong"},
	{config.Warning, []string{"the entry is left out"}, "1 model is left out, as Outcrop does not have its provider", "%d models are left out, as Outcrop does not have their providers"},
	{config.Warning, []string{"not enforced"}, "1 limit is not enforced", "%d limits are not enforced"},
	{config.Warning, []string{"has no effect", "not supported yet"}, "1 setting has no effect", "%d settings have no effect"},
	{config.Warning, nil, "1 other warning", "%d other warnings"},
}

// summary says in a few lines what can be served and what the problems are; cfg is
// nil if nothing can.
func summary(cfg *config.Config, doubtful map[string]bool, problems []config.Problem) []string {
	var lines []string
	if cfg != nil {
		bad := 0
		for i := range cfg.Models {
			if doubtful[cfg.Models[i].Path] {
				bad++
			}
		}
		all := len(cfg.Models) + cfg.Skipped
		line := plural(all, "model") + " can be served"
		if good := len(cfg.Models) - bad; good < all {
			line = fmt.Sprintf("%d of %s", good, line)
		}
		if bad > 0 {
			line += fmt.Sprintf("; %d will probably fail when called", bad)
		}
		lines = append(lines, line)
	}
	counts := make([]int, len(kinds))
	for _, p := range problems {
		for i, k := range kinds {
			if k.severity == p.Severity && (k.tells == nil || slices.ContainsFunc(k.tells, func(text string) bool { return strings.Contains(p.Message, text) })) {
				counts[i]++
				break
			}
		}
	}
	for i, n := range counts {
		switch {
		case n == 1:
			lines = append(lines, "  "+kinds[i].one)
		case n > 1:
			lines = append(lines, "  "+fmt.Sprintf(kinds[i].more, n))
		}
	}
	return lines
}

type versionCommand struct{}

// Run prints the version, the commit that it was built from, and Go's version.
func (versionCommand) Run(con console) error {
	fmt.Fprintln(con.out, "outcrop "+outcrop.Version+" ("+build()+")")
	return nil
}

// build says which commit was built, and with which Go.
func build() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "unknown build"
	}
	for _, s := range info.Settings {
		if s.Key == "vcs.revision" {
			return s.Value[:min(12, len(s.Value))] + ", " + info.GoVersion
		}
	}
	return info.GoVersion
}
