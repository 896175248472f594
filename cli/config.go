package cli

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"slices"
	"strings"

	"outcrop"
	"outcrop/app"
	"outcrop/config"
)

type checkCommand struct {
	File             string `arg:"" help:"The configuration file, in the format of LiteLLM's config.yaml."`
	AllowUnsupported bool   `aliases:"allow_unsupported" help:"Warn about access rules and limits that Outcrop does not enforce, instead of failing."`
	SkipUnsupported  bool   `name:"skip-unsupported-models" help:"Warn about models of providers that Outcrop does not support, instead of failing."`
	Keys             bool   `help:"Also list every key of the file, with what becomes of it."`
}

// Run prints all problems and what can be served. It fails if the gateway cannot start
// with the file, or if no model can be served. It calls nothing but the secret manager, if
// the file has one.
func (c *checkCommand) Run(ctx context.Context, con console) error {
	flags := configFlags{ConfigFile: c.File, AllowUnsupported: c.AllowUnsupported, SkipUnsupported: c.SkipUnsupported}
	src, err := flags.source(ctx, con.err)
	if err != nil {
		return err
	}
	cfg, problems, uses := config.InspectUses(src)
	if err := app.Check(cfg); err != nil {
		refused, ok := errors.AsType[*outcrop.ConfigError](err)
		if !ok {
			return err
		}
		problems = append(problems, refused.Problems...)
	}
	wrong, doubts, err := outcrop.Review(outcrop.Options{Config: cfg})
	if err != nil {
		return err
	}
	keys := config.Judge(uses, slices.Concat(problems, wrong))
	problems = slices.Concat(problems, wrong, problemsOf(doubts))
	doubtful := map[string]bool{} // entries whose calls will probably fail
	for _, d := range doubts {
		if !d.Mild {
			doubtful[d.Entry] = true
		}
	}
	sortProblems(problems)
	if c.Keys && len(keys) > 0 {
		printJudged(con.out, keys)
		fmt.Fprintln(con.out)
	}
	printProblems(con.out, problems)
	if len(problems) > 0 {
		fmt.Fprintln(con.out)
	}
	broken := slices.ContainsFunc(problems, isError)
	good := 0
	if broken {
		cfg = nil
	} else {
		good = len(cfg.Models) - doubtfulIn(cfg, doubtful)
	}
	for _, line := range summary(cfg, doubtful, problems) {
		fmt.Fprintln(con.out, line)
	}
	if len(keys) > 0 {
		fmt.Fprintln(con.out, countJudged(keys))
	}
	switch {
	case broken:
		fmt.Fprintf(con.out, "%s: %s; the gateway cannot start with it\n", c.File, counted(problems))
		return errProblems
	case good == 0:
		fmt.Fprintf(con.out, "%s: %s; the gateway cannot serve any of its models\n", c.File, plural(len(problems), "warning"))
		return errProblems
	}
	verdict := "no problems"
	if len(problems) > 0 {
		verdict = plural(len(problems), "warning")
	}
	fmt.Fprintf(con.out, "%s: %s, %s\n", c.File, verdict, plural(len(cfg.Models), "deployment"))
	return nil
}

// sortProblems sorts problems by position; those without a position come last.
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

// kinds are the kinds of problems that a summary counts. A problem is of the first kind
// with its severity one of whose texts its message contains. It is never modified.
var kinds = [...]struct {
	severity  config.Severity
	texts     []string
	one, more string
}{
	{config.Error, []string{"does not support the provider", "names no provider"}, "1 model needs a provider that Outcrop does not support; use --skip-unsupported-models to skip it", "%d models need providers that Outcrop does not support; use --skip-unsupported-models to skip them"},
	{config.Error, []string{"lacks the provider prefix"}, "1 model lacks its provider prefix, such as bedrock/", "%d models lack their provider prefix, such as bedrock/"},
	{config.Error, []string{"--allow-unsupported"}, "1 limit is not enforced; use --allow-unsupported to start without it", "%d limits are not enforced; use --allow-unsupported to start without them"},
	{config.Error, []string{"there is no secret"}, "1 secret is missing", "%d secrets are missing"},
	{config.Error, []string{"environment variable"}, "1 environment variable is not set", "%d environment variables are not set"},
	{config.Error, nil, "1 other error", "%d other errors"}, // without "other" if it is the first line of errors
	{config.Warning, []string{"skipping the entry"}, "1 model is skipped, because Outcrop does not support its provider", "%d models are skipped, because Outcrop does not support their providers"},
	{config.Warning, []string{"not enforced"}, "1 limit is not enforced", "%d limits are not enforced"},
	{config.Warning, []string{"has no effect", "not supported yet"}, "1 setting has no effect", "%d settings have no effect"},
	{config.Warning, nil, "1 other warning", "%d other warnings"},
}

// doubtfulIn returns the number of models that belong to doubtful entries.
func doubtfulIn(cfg *config.Config, doubtful map[string]bool) int {
	n := 0
	for i := range cfg.Models {
		if doubtful[cfg.Models[i].Path] {
			n++
		}
	}
	return n
}

// summary returns a few lines on what can be served and on the problems; cfg is nil if
// nothing can be served.
func summary(cfg *config.Config, doubtful map[string]bool, problems []config.Problem) []string {
	var lines []string
	if cfg != nil {
		bad := doubtfulIn(cfg, doubtful)
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
		message := p.Message
		if p.Severity == config.Error { // the hint of a warning may be about another section
			message += " " + p.Hint
		}
		for i, k := range kinds {
			if k.severity == p.Severity && (k.texts == nil || slices.ContainsFunc(k.texts, func(text string) bool { return strings.Contains(message, text) })) {
				counts[i]++
				break
			}
		}
	}
	seen := map[config.Severity]bool{} // whether a line with that severity precedes
	for i, n := range counts {
		if n == 0 {
			continue
		}
		line := kinds[i].one
		if n > 1 {
			line = fmt.Sprintf(kinds[i].more, n)
		}
		if !seen[kinds[i].severity] {
			line = strings.Replace(line, " other ", " ", 1)
		}
		seen[kinds[i].severity] = true
		lines = append(lines, "  "+line)
	}
	return lines
}

type versionCommand struct{}

// Run prints the version, the commit and the version of Go that it was built with.
func (versionCommand) Run(con console) error {
	fmt.Fprintln(con.out, "outcrop "+outcrop.Version+" ("+build()+")")
	return nil
}

// build returns the commit and the version of Go.
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
