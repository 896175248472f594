// Package catalogrefresh is the command line of catalog-refresh, by which the data on
// models and prices that the program embeds are made anew from public tables.
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

// Main runs the command line and gives the exit code: 0, 1 for a failure, 2 for a
// command line that cannot be understood.
func Main(args []string, stdout, stderr io.Writer) int {
	var c refreshCommand
	exit := -1
	parser, err := kong.New(&c,
		kong.Name("catalog-refresh"),
		kong.Description("Makes the data on models and prices anew from public tables, and prints what changes."),
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
		fmt.Fprintf(stderr, "catalog-refresh: error: %v\nhint: catalog-refresh --help lists the flags.\n", err)
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
	From   string   `type:"existingdir" placeholder:"DIR" help:"Read the tables from the files of a folder; nothing is fetched."`
	Out    string   `type:"path" placeholder:"DIR" xor:"to" help:"Write the data files into a folder. Without it they are only compared."`
	Region []string `placeholder:"REGION" help:"Regions whose lists AWS is asked for, with the credentials that the gateway would have. Without one AWS is not asked."`
	Write  bool     `xor:"to" help:"Write the data files to their place in a checkout, from its root."`

	// origins says where tables are fetched; tests have their own.
	origins refresh.Origins
}

// checkoutData is where a checkout has the data files.
const checkoutData = "provider/bedrock/catalog/data"

// Run compares the data of this release with what the tables give, prints a line
// for each change, and writes the data files where it is told to. What comes from
// a table that was not read stays as it is.
func (c *refreshCommand) Run(ctx context.Context, con console) error {
	dir := c.Out
	if c.Write {
		dir = filepath.FromSlash(checkoutData)
		if info, err := os.Stat(dir); err != nil || !info.IsDir() {
			return fmt.Errorf("there is no folder %s here: --write is for the root of a checkout, and --out for any folder", checkoutData)
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
		fmt.Fprintf(con.err, "catalog-refresh: not read again, so kept as it is: %s, %s\n", s.Name, s.Date)
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
	return writeData(con, dir, updated.Files)
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
		return nil, fmt.Errorf("%w\nhint: catalog-refresh --from DIR reads tables that were fetched otherwise", err)
	}
	for _, w := range warnings {
		fmt.Fprintf(con.err, "catalog-refresh: warning: %v\n", w)
	}
	return tables, nil
}

// lists asks AWS for its lists in each region.
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

// writeData writes data files into a folder, and makes it if need be. It removes
// nothing; a data file there that is none any more is told.
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
			fmt.Fprintf(con.err, "catalog-refresh: warning: %s is none of the data files; it is left as it is\n", filepath.Join(dir, entry.Name()))
		}
	}
	fmt.Fprintf(con.err, "catalog-refresh: wrote %d files to %s\n", len(files), dir)
	return nil
}
