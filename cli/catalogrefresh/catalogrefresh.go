// Package catalogrefresh is the command line of catalog-refresh, which updates the
// embedded data on models and prices from public tables.
package catalogrefresh

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"

	"github.com/alecthomas/kong"

	"outcrop"
	"outcrop/provider/bedrock/catalog"
	"outcrop/provider/bedrock/catalog/refresh"
)

// console is where the command writes.
type console struct {
	out, err io.Writer
}

// Main runs the command line and returns the exit code: 0, 1 for a failure, 2 for an
// invalid command line.
func Main(args []string, stdout, stderr io.Writer) int {
	var c refreshCommand
	exit := -1
	parser, err := kong.New(&c,
		kong.Name("catalog-refresh"),
		kong.Description("Update the data on models and prices from public tables, and print the changes."),
		kong.Writers(stdout, stderr),
		kong.Exit(func(code int) { exit = code }),
	)
	if err != nil {
		fmt.Fprintf(stderr, "catalog-refresh: error: %v\n", err)
		return 1
	}
	_, err = parser.Parse(args)
	switch {
	case exit >= 0: // --help
		return exit
	case err != nil:
		fmt.Fprintf(stderr, "catalog-refresh: error: %v\nhint: run catalog-refresh --help for the flags.\n", err)
		return 2
	}
	ctx, cancel := signal.NotifyContext(context.Background(), os.Interrupt)
	defer cancel()
	if err := c.Run(ctx, console{out: stdout, err: stderr}); err != nil {
		fmt.Fprintf(stderr, "catalog-refresh: error: %v\n", err)
		return 1
	}
	return 0
}

type refreshCommand struct {
	From   string   `type:"existingdir" placeholder:"DIR" help:"Read the tables from the files in this folder instead of fetching them."`
	Out    string   `type:"path" placeholder:"DIR" xor:"to" help:"Write the data files to this folder. Without it they are only compared."`
	Region []string `placeholder:"REGION" help:"Also read AWS's lists in these regions, with the credentials that the gateway would use."`
	Write  bool     `xor:"to" help:"Write the data files to their folder in a checkout; run it from the root of the checkout."`

	// origins is where tables are fetched; tests replace it.
	origins refresh.Origins
}

// checkoutData is the folder of the data files in a checkout.
const checkoutData = "provider/bedrock/catalog/data"

// Run compares the data of this release with the tables, prints a line for each change,
// and writes the data files if requested. Data from tables that were not read is kept.
func (c *refreshCommand) Run(ctx context.Context, con console) error {
	dir := c.Out
	if c.Write {
		dir = filepath.FromSlash(checkoutData)
		if info, err := os.Stat(dir); err != nil || !info.IsDir() {
			return fmt.Errorf("there is no folder %s here; run --write in the root of a checkout, or use --out for any other folder", checkoutData)
		}
	}
	embedded, err := catalog.Files()
	if err != nil {
		return err
	}
	present, err := refresh.ReadFiles(embedded)
	if err != nil {
		return err
	}
	tables, err := c.tables(ctx, con)
	if err != nil {
		return err
	}
	updated, err := refresh.Update(present, tables)
	if err != nil {
		return err
	}
	for _, s := range updated.Read {
		fmt.Fprintf(con.err, "catalog-refresh: read %s, %s\n", s.Name, s.Date)
	}
	for _, s := range updated.Kept {
		fmt.Fprintf(con.err, "catalog-refresh: kept without reading it again: %s, %s\n", s.Name, s.Date)
	}
	changes, err := refresh.Diff(present, updated.Files)
	if err != nil {
		return err
	}
	for _, change := range changes {
		fmt.Fprintln(con.out, change)
	}
	fmt.Fprintln(con.out, refresh.Summary(changes))
	if dir == "" {
		return nil
	}
	if err := writeData(con, dir, updated.Files); err != nil {
		return err
	}
	if c.Write {
		fmt.Fprintln(con.err, "catalog-refresh: the program's source is made from these files; update it with: go test ./provider/bedrock/catalog -run BuiltIn -update")
	}
	return nil
}

// tables reads the tables from a folder, or fetches them.
func (c *refreshCommand) tables(ctx context.Context, con console) (fs.FS, error) {
	if c.From != "" {
		return os.DirFS(c.From), nil
	}
	origins := c.origins
	if len(c.Region) > 0 {
		origins.Lists = c.lists
	}
	tables, warnings, err := refresh.Download(ctx, origins)
	if err != nil {
		return nil, fmt.Errorf("%w\nhint: use catalog-refresh --from DIR to read tables that were downloaded by other means", err)
	}
	for _, w := range warnings {
		fmt.Fprintf(con.err, "catalog-refresh: warning: %v\n", w)
	}
	return tables, nil
}

// lists reads AWS's lists in each region.
func (c *refreshCommand) lists(ctx context.Context) (map[string][]byte, error) {
	all := map[string][]byte{}
	var errs []error
	for _, region := range c.Region {
		client, err := outcrop.New(outcrop.Options{Environ: func(name string) string {
			switch name {
			case "AWS_REGION_NAME", "AWS_REGION", "AWS_DEFAULT_REGION":
				return region
			}
			return os.Getenv(name)
		}})
		if err != nil {
			return all, err
		}
		found, err := client.RawLists(ctx)
		maps.Copy(all, found)
		errs = append(errs, err, client.Close())
	}
	return all, errors.Join(errs...)
}

// writeData writes data files to a folder, and creates it if necessary. It removes
// nothing, but warns of data files that are no longer needed.
func writeData(con console, dir string, files refresh.Files) error {
	if err := os.MkdirAll(dir, 0o755); err != nil { //nolint:gosec // sources are for everybody to read
		return err
	}
	for _, name := range slices.Sorted(maps.Keys(files)) {
		if err := os.WriteFile(filepath.Join(dir, name), files[name], 0o644); err != nil { //nolint:gosec // as above
			return err
		}
	}
	there, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	for _, entry := range there {
		if strings.HasSuffix(entry.Name(), ".json") && files[entry.Name()] == nil {
			fmt.Fprintf(con.err, "catalog-refresh: warning: %s is not one of the data files; it is kept\n", filepath.Join(dir, entry.Name()))
		}
	}
	fmt.Fprintf(con.err, "catalog-refresh: wrote %d files to %s\n", len(files), dir)
	return nil
}
