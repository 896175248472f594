// Package cli is the command line. It prints each error and, on a separate line that
// begins with hint:, the next step.
package cli

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"

	"github.com/alecthomas/kong"

	"outcrop"
	"outcrop/llm"
)

// commands is the grammar. LiteLLM's flags are accepted where they mean the same.
type commands struct {
	Serve      serveCommand      `cmd:"" default:"withargs" help:"Start the gateway (the default)."`
	Chat       chatCommand       `cmd:"" help:"Ask a model a question, or chat with it. It calls Bedrock directly, not a running gateway."`
	Models     modelsCommand     `cmd:"" help:"List the models that can be called, or explain how a model id is resolved."`
	Catalog    catalogCommand    `cmd:"" help:"Show or refresh what is known of models: prices, limits and sources."`
	Doctor     doctorCommand     `cmd:"" help:"Check credentials, permissions and models, and explain how to fix what fails."`
	Health     healthCommand     `cmd:"" help:"Ask a running gateway whether it can serve calls, for health checks of containers."`
	Login      loginCommand      `cmd:"" help:"Sign in at the gateway's identity provider, for a key that the other commands use."`
	Logout     logoutCommand     `cmd:"" help:"Forget the key of the login."`
	Keys       keysCommand       `cmd:"" help:"List, make and change virtual keys, with their budgets and limits."`
	Teams      teamsCommand      `cmd:"" help:"List, make and change teams and their members."`
	Users      usersCommand      `cmd:"" help:"List, make and change users."`
	Budgets    budgetsCommand    `cmd:"" help:"List, make and change budgets that several keys have alike."`
	Spend      spendCommands     `cmd:"" help:"Show what calls have cost by day, key, team, user, model or tag, and compare it with AWS's bill."`
	Emulate    emulateCommand    `cmd:"" help:"Run a local emulator of a provider."`
	Config     configCommand     `cmd:"" help:"Check a configuration file, or make one of another gateway's."`
	Import     importCommand     `cmd:"" help:"Take over what another gateway has in its database."`
	Cert       certCommand       `cmd:"" help:"Make a certificate to serve HTTPS on this machine."`
	Bedrock    bedrockCommand    `cmd:"" help:"Write and check the IAM policies that calls need."`
	Completion completionCommand `cmd:"" help:"Print a completion script for a shell."`
	Help       helpCommand       `cmd:"" help:"Show the help of a command."`
	Version    versionCommand    `cmd:"" help:"Print the version."`
	V          bool              `name:"version" help:"Print the version."`
}

// starting is the part of the grammar that starts the gateway. The whole would take a sixth of the start, and memory for as long as
// the gateway runs. What this part does not understand is left to the whole, which knows the words for it.
type starting struct {
	Serve serveCommand `cmd:"" default:"withargs" help:"Start the gateway (the default)."`
}

// configCommand holds the commands for configurations.
type configCommand struct {
	Check   checkCommand   `cmd:"" help:"List all problems of a configuration file, the models that can be served, and how many of its keys work."`
	Migrate migrateCommand `cmd:"" help:"Make a configuration of that of LiteLLM, Bifrost or Portkey, with comments on what is different."`
	Schema  schemaCommand  `cmd:"" help:"Print a JSON Schema of the configuration, by which editors check and complete it."`
}

// emulateCommand holds the emulators.
type emulateCommand struct {
	Bedrock emulateBedrockCommand `cmd:"" help:"Emulate AWS Bedrock strictly: Converse, ConverseStream, the model lists and STS."`
}

// console is where a command writes.
type console struct {
	out, err io.Writer
}

// Main runs the command line and returns the exit code: 0, 1 for a failure, 2 for an
// invalid command line or configuration, 130 after Ctrl-C.
func Main(args []string, stdout, stderr io.Writer) int {
	exit := -1
	options := []kong.Option{
		kong.Name("outcrop"),
		kong.Description("An LLM gateway for AWS Bedrock and other providers. Clients speak OpenAI's, Anthropic's, Gemini's or AWS's API. It reads LiteLLM's config.yaml."),
		kong.Writers(stdout, stderr),
		kong.Exit(func(code int) { exit = code }),
		kong.ConfigureHelp(kong.HelpOptions{Compact: true}),
	}
	if (len(args) == 0 || args[0] == "serve" || strings.HasPrefix(args[0], "-")) && !slices.ContainsFunc(args, isHelp) {
		if parser, err := kong.New(&starting{}, options...); err == nil {
			if parsed, err := parser.Parse(args); err == nil {
				return run(parsed, stdout, stderr)
			}
		}
		exit = -1
	}
	var c commands
	parser, err := kong.New(&c, options...)
	if err != nil {
		return failed(stderr, err)
	}
	if len(args) > 0 && args[0] == completeWord {
		return complete(stdout, parser.Model.Node, args[1:])
	}
	parsed, err := parser.Parse(rewritten(args))
	if exit >= 0 { // --help
		return exit
	}
	if c.V {
		return report(stderr, versionCommand{}.Run(console{out: stdout, err: stderr}))
	}
	if err != nil {
		what, hint := misunderstood(err, args, parser.Model.Node)
		complain(stderr, what, hint)
		return 2
	}
	return run(parsed, stdout, stderr)
}

// isHelp reports whether an argument asks for help.
func isHelp(arg string) bool { return arg == "--help" || arg == "-h" }

// run runs the command of a command line that has been understood, until it ends or the process is told to.
func run(parsed *kong.Context, stdout, stderr io.Writer) int {
	ctx, cancel := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer cancel()
	context.AfterFunc(ctx, cancel) // a second signal ends the process as it would any other
	parsed.BindTo(ctx, (*context.Context)(nil))
	parsed.Bind(console{out: stdout, err: stderr})
	return report(stderr, parsed.Run())
}

// rewritten converts arguments to the form of the grammar: help COMMAND becomes
// COMMAND --help, models --help the help of its default, and the fields after
// --json of a list become a separate flag.
func rewritten(args []string) []string {
	if len(args) > 0 && args[0] == "help" {
		args = append(slices.Clone(args[1:]), "--help")
	}
	known := areFields
	switch {
	case len(args) > 0 && isAdminList(args):
		known = func(string) bool { return true } // such a list takes no other words
	case len(args) == 0 || args[0] != "models":
		return args
	case len(args) == 2 && isHelp(args[1]):
		return []string{"models", "list", "--help"}
	}
	var out []string
	for i := 0; i < len(args); i++ {
		fields, equals := strings.CutPrefix(args[i], "--json=")
		switch {
		case equals:
			out = append(out, "--json", "--fields="+cmp.Or(strings.ReplaceAll(fields, " ", ""), noFields))
		case args[i] == "--json":
			out = append(out, "--json")
			if fields, n := fieldList(args[i+1:], known); n > 0 {
				out = append(out, "--fields="+cmp.Or(fields, noFields))
				i += n
			}
		default:
			out = append(out, args[i])
		}
	}
	return out
}

// isAdminList reports whether arguments list keys or what belongs to them.
func isAdminList(args []string) bool {
	return slices.Contains([]string{"keys", "teams", "users", "budgets", "spend"}, args[0]) &&
		(len(args) == 1 || args[1] == "list" || args[1] == "show" || strings.HasPrefix(args[1], "-"))
}

// noFields is a list of empty fields, which is an error; an empty list would be every field.
const noFields = ","

// fieldList reads the fields that begin arguments, also with spaces at the commas, and returns
// how many arguments they are: 0 for a word that is no field, as known tells. The fields may be empty.
func fieldList(args []string, known func(word string) bool) (fields string, n int) {
	for n < len(args) && !strings.HasPrefix(args[n], "-") && (n == 0 || strings.HasSuffix(fields, ",") || strings.HasPrefix(args[n], ",")) {
		fields += strings.ReplaceAll(args[n], " ", "")
		n++
	}
	if !strings.Contains(fields, ",") && !known(fields) && (n == 0 || fields != "") {
		return "", 0
	}
	return strings.Trim(fields, ","), n
}

// report prints a command's error and returns the exit code.
func report(w io.Writer, err error) int {
	if err != nil {
		return failed(w, err)
	}
	return 0
}

// complain prints an error with its next step.
func complain(w io.Writer, what, hint string) { printMessage(w, red, "error:", what, hint) }

// warn prints a warning with its next step.
func warn(w io.Writer, what, hint string) { printMessage(w, yellow, "warning:", what, hint) }

// printMessage prints a problem and, if there is one, the next step.
func printMessage(w io.Writer, how style, kind, what, hint string) {
	s := screenOf(w)
	text := s.wrap("outcrop: "+kind+" "+what, "  ")
	fmt.Fprintln(w, strings.Replace(text, kind, s.paint(how, kind), 1))
	if hint != "" {
		fmt.Fprintln(w, strings.Replace(s.wrap("hint: "+hint, "  "), "hint:", s.paint(bold, "hint:"), 1))
	}
}

// errInterrupted is returned after Ctrl-C. It is not printed.
var errInterrupted = errors.New("interrupted")

// errProblems is returned for a configuration with errors, after they have been printed.
var errProblems = errors.New("the configuration has problems")

// errUnhealthy is returned if something that was requested cannot be called, after the
// reason has been printed.
var errUnhealthy = errors.New("something that was requested cannot be called")

// usageError is an invalid combination of flags, or an invalid value of one.
type usageError struct{ what, hint string }

func (e *usageError) Error() string { return e.what }

// failed prints an error with its next step and returns the exit code.
func failed(w io.Writer, err error) int {
	var call *llm.Error
	var cfg *outcrop.ConfigError
	var usage *usageError
	var next *hinted
	switch {
	case errors.Is(err, errUnhealthy), errors.Is(err, errDiffers):
		return 1
	case errors.Is(err, errInterrupted):
		return 130
	case errors.As(err, &usage):
		complain(w, usage.what, usage.hint)
		return 2
	case errors.As(err, &next):
		complain(w, next.what, next.hint)
	case errors.Is(err, errProblems):
		return 2
	case errors.Is(err, errFindings):
		return 1
	case errors.As(err, &cfg):
		printProblems(w, cfg.Problems)
		return 2
	case errors.As(err, &call):
		what := call.Message
		if call.Upstream && call.Type != "" {
			what = call.Type + ": " + what
		}
		complain(w, what, call.Fix)
	case errors.Is(err, syscall.EADDRINUSE):
		complain(w, err.Error(), "Another process uses this port. Choose another with --port (make run: PORT=4001), or --port 0 for any free port.")
	default:
		complain(w, err.Error(), "")
	}
	return 1
}

// defaultDataDir returns the folder outcrop in the user's cache; empty if there is none.
func defaultDataDir() string {
	cache, err := os.UserCacheDir()
	if err != nil {
		return ""
	}
	return filepath.Join(cache, "outcrop")
}

// plural returns a number with its noun.
func plural(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return strconv.Itoa(n) + " " + strings.TrimSuffix(noun, "s") + "s"
}
