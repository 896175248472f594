// Package cli is the command line. It prints what went wrong and, on a line of
// its own that begins with hint:, the next step.
package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"

	"github.com/alecthomas/kong"

	"outcrop"
	"outcrop/config"
	"outcrop/llm"
	"outcrop/provider/all"
)

// commands is the grammar. LiteLLM's flags are accepted where they mean the same.
type commands struct {
	Serve   serveCommand   `cmd:"" default:"withargs" help:"Serve the gateway (the default)."`
	Chat    chatCommand    `cmd:"" help:"Ask a model once and print its answer as it comes."`
	Models  modelsCommand  `cmd:"" help:"List the models that can be called, or show how one is."`
	Doctor  doctorCommand  `cmd:"" help:"Find out what stands in the way of calls: who calls, what is listed, which models answer, and how to mend what is refused."`
	Emulate emulateCommand `cmd:"" help:"Run a local stand-in for a provider."`
	Config  configCommand  `cmd:"" help:"Look at a configuration."`
	Bedrock bedrockCommand `cmd:"" help:"Write and check the IAM policies that calls need."`
	Version versionCommand `cmd:"" help:"Print the version."`
	V       bool           `name:"version" help:"Print the version."`
}

// configCommand holds what can be done with a configuration.
type configCommand struct {
	Check checkCommand `cmd:"" help:"Say everything that is wrong with a configuration file."`
}

// emulateCommand holds the stand-ins.
type emulateCommand struct {
	Bedrock emulateBedrockCommand `cmd:"" help:"A strict local AWS Bedrock: Converse, ConverseStream, the model lists and STS."`
}

// console is where a command reads and writes.
type console struct {
	out, err io.Writer
}

// Main runs the command line and gives the exit code: 0, 1 for a failure, 2 for
// a command line or configuration that cannot be understood.
func Main(args []string, stdout, stderr io.Writer) int {
	var c commands
	exit := -1
	parser, err := kong.New(&c,
		kong.Name("outcrop"),
		kong.Description("An LLM gateway: OpenAI's API in front of AWS Bedrock, on LiteLLM's config.yaml."),
		kong.Writers(stdout, stderr),
		kong.Exit(func(code int) { exit = code }),
		kong.ConfigureHelp(kong.HelpOptions{Compact: true}),
	)
	if err != nil {
		return failed(stderr, err)
	}
	parsed, err := parser.Parse(args)
	if exit >= 0 { // --help
		return exit
	}
	if c.V {
		return report(stderr, versionCommand{}.Run(console{out: stdout, err: stderr}))
	}
	if err != nil {
		complain(stderr, err.Error(), "outcrop --help lists the commands, and outcrop COMMAND --help the flags of one.")
		return 2
	}
	ctx, cancel := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer cancel()
	context.AfterFunc(ctx, cancel) // a second signal ends the process as it would any other
	parsed.BindTo(ctx, (*context.Context)(nil))
	parsed.Bind(console{out: stdout, err: stderr})
	return report(stderr, parsed.Run())
}

// report prints a command's failure and gives the exit code.
func report(w io.Writer, err error) int {
	if err != nil {
		return failed(w, err)
	}
	return 0
}

func complain(w io.Writer, what, hint string) {
	fmt.Fprintf(w, "outcrop: error: %s\n", what)
	if hint != "" {
		fmt.Fprintf(w, "hint: %s\n", hint)
	}
}

// errProblems is an error whose lines have been printed already.
var errProblems = errors.New("the configuration has problems")

// errUnwell says that something that was asked for cannot be called. It has been
// printed already.
var errUnwell = errors.New("something that was asked for cannot be called")

// usageError is flags that make no sense together, or a value that cannot be.
type usageError struct{ what, hint string }

func (e *usageError) Error() string { return e.what }

// failed prints an error with its next step and gives the exit code.
func failed(w io.Writer, err error) int {
	var call *llm.Error
	var cfg *outcrop.ConfigError
	var usage *usageError
	switch {
	case errors.Is(err, errUnwell):
		return 1
	case errors.As(err, &usage):
		complain(w, usage.what, usage.hint)
		return 2
	case errors.Is(err, errProblems):
		return 2
	case errors.Is(err, errFindings):
		return 1
	case errors.As(err, &cfg):
		for _, p := range cfg.Problems {
			fmt.Fprintln(w, p)
		}
		return 2
	case errors.As(err, &call):
		what := call.Message
		if call.Upstream && call.Type != "" {
			what = call.Type + ": " + what
		}
		complain(w, what, call.Fix)
	case errors.Is(err, syscall.EADDRINUSE):
		complain(w, err.Error(), "Another process listens there; choose another with --port, or --port 0 for any.")
	default:
		complain(w, err.Error(), "")
	}
	return 1
}

// configFlags are how a command finds its configuration.
type configFlags struct {
	ConfigFile       string `name:"config" short:"c" type:"path" placeholder:"FILE" help:"LiteLLM's config.yaml. Without one every Bedrock model id is served."`
	AllowUnsupported bool   `aliases:"allow_unsupported" help:"Take settings that limit callers and are not enforced as warnings."`
}

// load reads the configuration and prints its problems.
func (f *configFlags) load(w io.Writer) (*config.Config, error) {
	src := config.Source{LookupEnv: os.LookupEnv, ReadFile: os.ReadFile, Providers: all.Providers(), AllowUnsupported: f.AllowUnsupported}
	var cfg *config.Config
	var problems []config.Problem
	if f.ConfigFile == "" {
		cfg, problems = config.Defaults(src)
	} else {
		data, err := os.ReadFile(f.ConfigFile)
		if err != nil {
			complain(w, "the configuration cannot be read: "+err.Error(), "Give the file's name with --config.")
			return nil, errProblems
		}
		src.Name, src.Data = f.ConfigFile, data
		cfg, problems = config.Load(src)
	}
	for _, p := range problems {
		fmt.Fprintln(w, p)
	}
	if cfg == nil {
		return nil, errProblems
	}
	return cfg, nil
}

// newLogger makes the log: one JSON object a line.
func newLogger(w io.Writer, debug bool) *slog.Logger {
	level := slog.LevelInfo
	if debug {
		level = slog.LevelDebug
	}
	return slog.New(slog.NewJSONHandler(w, &slog.HandlerOptions{Level: level}))
}

// defaultDataDir is a folder in the user's cache; empty if there is none.
func defaultDataDir() string {
	cache, err := os.UserCacheDir()
	if err != nil {
		return ""
	}
	return filepath.Join(cache, "outcrop")
}

// plural is a number with its noun.
func plural(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return strconv.Itoa(n) + " " + strings.TrimSuffix(noun, "s") + "s"
}
