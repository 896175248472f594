package cli

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"outcrop/catalog"
	"outcrop/catalog/tables"
	"outcrop/config"
	"outcrop/provider/all"
	"outcrop/upstream"
)

// catalogCommand holds the commands for the catalogue.
type catalogCommand struct {
	Show    catalogShowCommand    `cmd:"" help:"Show what is known of a model, and where it comes from."`
	Refresh catalogRefreshCommand `cmd:"" help:"Fetch newer prices and limits of models from public tables. A gateway reads them at its next start."`
}

type catalogRefreshCommand struct {
	From    []string `placeholder:"SOURCE" help:"Read this table, an https URL or a file, or the tables in this folder, instead of the public ones: LiteLLM's price map, and the lists of models.dev and genai-prices. May be repeated."`
	DataDir string   `name:"data-dir" env:"OUTCROP_DATA_DIR" placeholder:"DIR" help:"Folder for cached data, that of the gateway. Default: outcrop in the user's cache folder."`
	Out     string   `placeholder:"DIR" help:"Write the facts as text files to this folder, instead of the file that a gateway reads."`
	DryRun  bool     `name:"dry-run" help:"Write nothing."`
	Details bool     `help:"Print each change, and each fact on which the tables disagree."`

	// public are the addresses of the public tables; tests replace them.
	public []string
}

// Run fetches the tables and writes the facts. A file with fewer models than it should have never replaces
// a good one.
func (c *catalogRefreshCommand) Run(ctx context.Context, con console) error {
	if c.DataDir == "" {
		c.DataDir = defaultDataDir()
	}
	if c.DataDir == "" && c.Out == "" && !c.DryRun {
		return &usageError{"there is no folder for cached data", "Name one with --data-dir."}
	}
	present, err := catalog.Newest(c.DataDir)
	if err == nil {
		_, err = catalog.Verify(present)
	}
	if err != nil {
		warn(con.err, err.Error(), "")
		present = catalog.Embedded()
	}
	folder, err := c.tables(ctx, con)
	if err != nil {
		return err
	}
	updated, err := tables.Update(present, folder, providerNames())
	if err != nil {
		return err
	}
	for _, s := range updated.Read {
		fmt.Fprintf(con.err, "outcrop: read %s of %s\n", s.Name, s.Date)
	}
	for _, s := range updated.Kept {
		fmt.Fprintf(con.err, "outcrop: kept what is known from %s of %s\n", s.Name, s.Date)
	}
	archive, err := verified(present, updated.Files)
	if err != nil {
		return err
	}
	if err := c.report(con, present, updated); err != nil {
		return err
	}
	switch {
	case c.DryRun:
		return nil
	case c.Out != "":
		return writeFacts(con, c.Out, updated.Files)
	default:
		return c.write(con, archive)
	}
}

// providerNames are those whose models the catalogue of all providers has: Bedrock has its own.
func providerNames() []string {
	var names []string
	for _, p := range all.Providers() {
		if !config.OnBedrock(p.Name) {
			names = append(names, p.Name)
		}
	}
	return names
}

// tables reads the tables. Of the public ones, those that cannot be fetched cause warnings, unless that is
// all of them.
func (c *catalogRefreshCommand) tables(ctx context.Context, con console) (fs.FS, error) {
	folder := tables.Files{}
	day := time.Now().UTC().Format(time.DateOnly)
	client := upstream.New()
	defer client.CloseIdle()
	add := func(file string, data []byte) error {
		name, err := tables.Name(file, data, day)
		if err == nil {
			folder[name] = data
		}
		return err
	}
	if len(c.From) > 0 {
		for _, from := range c.From {
			if err := c.read(ctx, client, from, add); err != nil {
				return nil, fmt.Errorf("%s: %w", from, err)
			}
		}
		return folder, nil
	}
	public := c.public
	if public == nil {
		for _, f := range tables.Formats() {
			public = append(public, f.URL)
		}
	}
	var failures []error
	for _, address := range public {
		if address == "" {
			continue
		}
		data, err := tables.Fetch(ctx, client, address, tables.LargestTable)
		if err == nil {
			err = add(path.Base(address), data)
		}
		switch {
		case context.Cause(ctx) != nil:
			return nil, context.Cause(ctx)
		case err != nil:
			failures = append(failures, fmt.Errorf("%s: %w", address, err))
		}
	}
	if len(folder) == 0 {
		return nil, fmt.Errorf("no table could be fetched, and nothing was changed:\n%w", errors.Join(failures...))
	}
	for _, err := range failures {
		warn(con.err, err.Error(), "")
	}
	return folder, nil
}

// read reads what --from names: a URL, a file, or the tables in a folder.
func (c *catalogRefreshCommand) read(ctx context.Context, client *upstream.Client, from string, add func(file string, data []byte) error) error {
	if strings.Contains(from, "://") {
		data, err := tables.Fetch(ctx, client, from, tables.LargestTable)
		if err != nil {
			return err
		}
		return add(path.Base(from), data)
	}
	info, err := os.Stat(from)
	if err != nil {
		return err
	}
	files := []string{from}
	if info.IsDir() {
		if files, err = filepath.Glob(filepath.Join(from, "*.json")); err != nil {
			return err
		}
	}
	for _, name := range files {
		f, err := os.Open(name)
		if err != nil {
			return err
		}
		data, err := tables.ReadTable(f, tables.LargestTable)
		_ = f.Close()
		if err == nil {
			err = add(filepath.Base(name), data)
		}
		if err != nil {
			return fmt.Errorf("%s: %w", filepath.Base(name), err)
		}
	}
	return nil
}

// verified makes an archive of the files after it has read them as a gateway would. Files with much fewer
// models than the present ones are refused: a table was probably not whole.
func verified(present fs.FS, files tables.Files) ([]byte, error) {
	archive, err := catalog.Archive(files)
	if err != nil {
		return nil, err
	}
	opened, err := catalog.OpenArchive(archive)
	if err != nil {
		return nil, err
	}
	models, err := catalog.Verify(opened)
	if err != nil {
		return nil, err
	}
	before, err := catalog.Verify(present)
	if err != nil {
		return nil, err
	}
	if models < before*3/4 {
		return nil, &usageError{fmt.Sprintf("the tables have only %d models, and %d are known: a table is probably not whole, so nothing was changed", models, before), "Run it again later, or name other tables with --from."}
	}
	return archive, nil
}

// report prints what changes.
func (c *catalogRefreshCommand) report(con console, present fs.FS, updated *tables.Result) error {
	changes, err := tables.Diff(present, updated.Files)
	if err != nil {
		return err
	}
	added, gone := 0, 0
	for _, change := range changes {
		if change.New {
			added++
		}
		if change.Gone {
			gone++
		}
		if c.Details {
			fmt.Fprintln(con.out, change)
		}
	}
	if c.Details {
		for _, text := range updated.Disagreements {
			fmt.Fprintln(con.out, "the tables disagree: "+text)
		}
	}
	fmt.Fprintf(con.out, "%d models: %d new, %d gone, %d with other prices or limits; the tables disagree on %d facts\n", updated.Models, added, gone, len(changes)-added-gone, len(updated.Disagreements))
	if !c.Details && len(changes)+len(updated.Disagreements) > 0 {
		fmt.Fprintln(con.out, "--details lists them.")
	}
	return nil
}

// write replaces the file that a gateway reads, all at once.
func (c *catalogRefreshCommand) write(con console, archive []byte) error {
	if err := os.MkdirAll(c.DataDir, 0o700); err != nil {
		return err
	}
	name := filepath.Join(c.DataDir, catalog.ArchiveName)
	temp, err := os.CreateTemp(c.DataDir, catalog.ArchiveName+".*.tmp")
	if err != nil {
		return err
	}
	defer func() { _ = os.Remove(temp.Name()) }() // it is gone if it was renamed
	_, err = temp.Write(archive)
	err = errors.Join(err, temp.Sync(), temp.Close())
	if err == nil {
		err = os.Rename(temp.Name(), name)
	}
	if err != nil {
		return err
	}
	fmt.Fprintf(con.err, "outcrop: wrote %s; a gateway with this data folder reads it at its next start\n", name)
	return nil
}

// writeFacts writes the files of a catalogue to a folder, and removes those of providers that it no longer
// has.
func writeFacts(con console, dir string, files tables.Files) error {
	if err := os.MkdirAll(dir, 0o755); err != nil { //nolint:gosec // the facts are public
		return err
	}
	old, err := filepath.Glob(filepath.Join(dir, "*"+catalog.Extension))
	if err != nil {
		return err
	}
	for _, name := range old {
		if files[filepath.Base(name)] == nil {
			if err := os.Remove(name); err != nil {
				return err
			}
		}
	}
	for name, data := range files {
		if err := os.WriteFile(filepath.Join(dir, name), data, 0o644); err != nil { //nolint:gosec // the facts are public
			return err
		}
	}
	fmt.Fprintf(con.err, "outcrop: wrote %d files to %s\n", len(files), dir)
	return nil
}

type catalogShowCommand struct {
	Model   string `arg:"" help:"A model string, such as openai/gpt-5 or anthropic/claude-sonnet-5."`
	DataDir string `name:"data-dir" env:"OUTCROP_DATA_DIR" placeholder:"DIR" help:"Folder for cached data, that of the gateway. Default: outcrop in the user's cache folder."`
}

// Run prints the facts of a model and their sources.
func (c *catalogShowCommand) Run(con console) error {
	if c.DataDir == "" {
		c.DataDir = defaultDataDir()
	}
	files, err := catalog.Newest(c.DataDir)
	if err != nil {
		warn(con.err, err.Error(), "")
	}
	known, err := catalog.Open(files)
	if err != nil {
		return err
	}
	provider, id, ok := strings.Cut(c.Model, "/")
	if !ok {
		provider, id = "openai", c.Model // as in a configuration
	}
	if config.OnBedrock(provider) {
		return &usageError{"models of Bedrock have a catalogue of their own", "Use outcrop models " + id + "."}
	}
	if !slices.Contains(providerNames(), provider) {
		return &usageError{fmt.Sprintf("%q is not a provider", provider), "docs/providers.md lists them."}
	}
	table, err := known.Provider(provider)
	if err != nil {
		return err
	}
	m, ok := table.Model(id)
	if !ok {
		complain(con.err, fmt.Sprintf("nothing is known of %s of %s", id, provider), near(table, id))
		return errUnhealthy
	}
	for _, f := range m.Facts() {
		fmt.Fprintf(con.out, "%-24s %-28s %s, %s\n", f.Name, f.Value, f.Source.Name, f.Source.Date.Format(time.DateOnly))
	}
	return nil
}

// near suggests ids that contain an id.
func near(table *catalog.Table, id string) string {
	var found []string
	for _, other := range table.IDs() {
		if strings.Contains(strings.ToLower(other), strings.ToLower(id)) && len(found) < 5 {
			found = append(found, other)
		}
	}
	if len(found) == 0 {
		return fmt.Sprintf("%d models of the provider are known.", len(table.IDs()))
	}
	return "Known are " + strings.Join(found, ", ") + "."
}
