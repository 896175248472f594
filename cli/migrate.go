package cli

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"outcrop/config"
	"outcrop/config/migrate"
	"outcrop/provider/all"
)

type migrateCommand struct {
	File         string `arg:"" help:"The configuration: LiteLLM's config.yaml, Bifrost's config.json, or a config of Portkey's gateway as JSON."`
	From         string `enum:"auto,litellm,bifrost,portkey" default:"auto" placeholder:"GATEWAY" help:"Whose configuration it is: litellm, bifrost or portkey. Default: what the file looks like."`
	Output       string `short:"o" placeholder:"FILE" help:"Write to this file, which only you can read. Default: standard output."`
	Force        bool   `help:"Replace the file of --output if it exists."`
	SecretsToEnv bool   `name:"secrets-to-env" help:"Replace secrets by references to environment variables, and list these."`
}

// Run writes the configuration, and to standard error what there is to do. It calls nothing.
func (c *migrateCommand) Run(_ context.Context, con console) error {
	data, err := os.ReadFile(c.File)
	if err != nil {
		hint := "Check its permissions."
		if errors.Is(err, fs.ErrNotExist) {
			hint = "Check the file name, and the folder that the command runs in."
		}
		complain(con.err, "cannot read the configuration: "+err.Error(), hint)
		return errProblems
	}
	if err := c.mayWrite(); err != nil {
		return err
	}
	o := migrate.Options{
		Source:       config.Source{Name: c.File, Data: data, LookupEnv: os.LookupEnv, ReadFile: os.ReadFile, Providers: all.Providers()},
		SecretsToEnv: c.SecretsToEnv,
	}
	if c.From != "auto" {
		o.From = migrate.Format(c.From)
	}
	result, err := migrate.File(o)
	if invalid, ok := errors.AsType[*migrate.InvalidError](err); ok {
		printProblems(con.err, invalid.Problems)
		return errProblems
	}
	if err != nil {
		return err
	}
	if c.Output == "" {
		_, err = con.out.Write(result.Text)
	} else {
		err = replacePrivate(c.Output, result.Text)
	}
	if err != nil {
		return err
	}
	c.tell(con, result)
	return nil
}

// mayWrite refuses to replace a file without being told to.
func (c *migrateCommand) mayWrite() error {
	if c.Output == "" || c.Force {
		return nil
	}
	if _, err := os.Lstat(c.Output); !errors.Is(err, fs.ErrNotExist) {
		return &usageError{c.Output + " exists", "Choose another file for --output, or replace it with --force."}
	}
	return nil
}

// tell says what was done, and what there is to do.
func (c *migrateCommand) tell(con console, r *migrate.Result) {
	removed := "commented out"
	if r.From != migrate.LiteLLM {
		removed = "not taken over"
	}
	parts := []string{fmt.Sprintf("%s %s", plural(r.Removed, "setting"), removed), fmt.Sprintf("%d to decide", r.Decide), plural(r.Notes, "remark")}
	fmt.Fprintf(con.err, "outcrop: %s: %s; each has a comment that begins with # outcrop:\n", filepath.Base(c.File), strings.Join(parts, ", "))
	list := func(what string, names []string) {
		if len(names) > 0 {
			fmt.Fprintln(con.err, what)
			for _, name := range names {
				fmt.Fprintln(con.err, "  "+name)
			}
		}
	}
	list("Set these variables to the secrets that the file had:", r.Moved)
	list("These variables are not set here, and the configuration refers to them:", slices.Sorted(slices.Values(r.Unset)))
	file := c.Output
	if file == "" {
		file = "FILE"
	}
	fmt.Fprintln(con.err, "Next: outcrop config check "+file)
}
