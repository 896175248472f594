package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"slices"
	"strings"

	"outcrop"
	"outcrop/config"
	"outcrop/provider"
	"outcrop/provider/all"
	managers "outcrop/secrets/all"
)

// configFlags select the configuration of a command.
type configFlags struct {
	ConfigFile       string `name:"config" short:"c" placeholder:"FILE" help:"Configuration file, in the format of LiteLLM's config.yaml. Without one, every Bedrock model id is served."`
	AllowUnsupported bool   `aliases:"allow_unsupported" help:"Start even if the file has access rules or limits that Outcrop does not enforce; warn about them."`
	SkipUnsupported  bool   `name:"skip-unsupported-models" help:"Skip models of providers that Outcrop does not support; warn about them."`

	files     sources         // that were read last
	providers []provider.Info // that the configuration is read with
}

// load reads the configuration and prints its problems.
func (f *configFlags) load(ctx context.Context, w io.Writer) (*config.Config, error) {
	cfg, problems, err := f.read(ctx, w)
	if err != nil {
		return nil, err
	}
	return started(w, cfg, problems)
}

// started prints the problems of a configuration, and fails if the configuration is nil.
func started(w io.Writer, cfg *config.Config, problems []config.Problem) (*config.Config, error) {
	printProblems(w, problems)
	if cfg == nil {
		fmt.Fprintln(w, "outcrop: "+counted(problems)+"; not started")
		return nil, errProblems
	}
	return cfg, nil
}

// read reads the configuration, which is nil if one of its problems is an error. If the
// file cannot be read, read prints the error.
func (f *configFlags) read(ctx context.Context, w io.Writer) (*config.Config, []config.Problem, error) {
	cfg, problems, err := f.inspect(ctx, w)
	if slices.ContainsFunc(problems, isError) {
		return nil, problems, err
	}
	return cfg, problems, err
}

func isError(p config.Problem) bool { return p.Severity == config.Error }

// inspect is like read, but also returns a configuration with errors: what could be read
// of it.
func (f *configFlags) inspect(ctx context.Context, w io.Writer) (*config.Config, []config.Problem, error) {
	src, err := f.source(ctx, w)
	if err != nil {
		return nil, nil, err
	}
	if f.ConfigFile == "" {
		cfg, problems := config.Defaults(src)
		return cfg, problems, nil
	}
	cfg, problems := config.Inspect(src)
	return cfg, problems, nil
}

// source returns the file, and what else a configuration is read from. If the file cannot
// be read, source prints the error.
func (f *configFlags) source(ctx context.Context, w io.Writer) (config.Source, error) {
	f.files.begin()
	if f.providers == nil {
		f.providers = all.Providers()
	}
	src := config.Source{
		LookupEnv: os.LookupEnv, ReadFile: f.files.read, Secrets: managers.Reader(ctx), Providers: f.providers,
		AllowUnsupported: f.AllowUnsupported, SkipUnsupportedModels: f.SkipUnsupported,
	}
	if f.ConfigFile == "" {
		return src, nil
	}
	data, err := f.files.read(f.ConfigFile)
	if err != nil {
		hint := "Check its permissions."
		if errors.Is(err, fs.ErrNotExist) {
			hint = "Check the file name, and the folder that the command runs in."
		}
		complain(w, "cannot read the configuration: "+err.Error(), hint)
		return src, errProblems
	}
	src.Name, src.Data = f.ConfigFile, data
	return src, nil
}

// problemsOf returns the problems of doubts without duplicates.
func problemsOf(doubts []outcrop.Doubt) []config.Problem {
	var all []config.Problem
	for _, d := range doubts {
		if !slices.Contains(all, d.Problem) {
			all = append(all, d.Problem)
		}
	}
	return all
}

// printProblems writes each problem with its position.
func printProblems(w io.Writer, problems []config.Problem) {
	s := screenOf(w)
	for _, p := range problems {
		text := s.wrap(p.String(), "    ")
		how := yellow
		if p.Severity == config.Error {
			how = red
		}
		if word := p.Severity.String() + ":"; s.colours {
			text = strings.Replace(text, word, s.paint(how, word), 1)
		}
		fmt.Fprintln(w, text)
	}
}

// counted returns the number of errors and warnings as text.
func counted(problems []config.Problem) string {
	errs := 0
	for _, p := range problems {
		if p.Severity == config.Error {
			errs++
		}
	}
	text := plural(errs, "error")
	if more := len(problems) - errs; more > 0 {
		text += " and " + plural(more, "warning")
	}
	return text
}
