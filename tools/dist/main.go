// Command dist makes a release of Outcrop: static binaries, archives, a container image as an OCI image layout, Debian packages,
// the Helm chart, release notes and checksums. It needs Go and Git, and neither Docker nor root.
//
//	make dist [VERSION=1.2.3] [DIST="-platforms linux/amd64 -binary linux/amd64=bin/outcrop"]
//
// Two runs on the same commit with the same Go make the same bytes: times are those of the commit, and files are sorted.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	switch {
	case errors.Is(err, flag.ErrHelp):
		os.Exit(2)
	case err != nil:
		fmt.Fprintln(os.Stderr, "dist:", err)
		os.Exit(1)
	}
}

// release is what one run makes.
type release struct {
	root      string // of the repository
	out       string // the folder of the results, which is emptied first
	version   string
	revision  string // the commit
	time      time.Time
	platforms []platform
	binaries  map[platform]string // already built, or built by this run
	progress  io.Writer
}

// platform is an operating system and a processor, as Go names them.
type platform struct{ os, arch string }

func (p platform) String() string { return p.os + "/" + p.arch }

func parsePlatform(name string) (platform, error) {
	system, arch, ok := strings.Cut(name, "/")
	if !ok || system == "" || arch == "" {
		return platform{}, fmt.Errorf("%q is not a platform such as linux/amd64", name)
	}
	return platform{system, arch}, nil
}

// name is the beginning of the names of a release's files.
func (r *release) name() string { return "outcrop-" + r.version }

// path is the path of a result.
func (r *release) path(name string) string { return filepath.Join(r.out, name) }

// run makes the release that the arguments describe.
func run(ctx context.Context, args []string, out, errs io.Writer) error {
	r, err := parse(ctx, args, out, errs)
	if err != nil {
		return err
	}
	if err := prepare(r.out); err != nil {
		return err
	}
	for _, step := range []struct {
		name string
		do   func(context.Context) error
	}{
		{"binaries", r.build},
		{"licences", r.licences},
		{"archives", r.archives},
		{"container image", r.image},
		{"Debian packages", r.debian},
		{"Helm chart", r.chart},
		{"release notes", r.notes},
		{"checksums", r.checksums},
	} {
		fmt.Fprintf(out, "dist: %s\n", step.name)
		if err := step.do(ctx); err != nil {
			return fmt.Errorf("%s: %w", step.name, err)
		}
	}
	fmt.Fprintf(out, "dist: %s is in %s\n", r.version, r.out)
	return nil
}

// parse reads the command line, and from Git what it does not say.
func parse(ctx context.Context, args []string, out, errs io.Writer) (*release, error) {
	r := &release{binaries: map[platform]string{}, progress: out}
	flags := flag.NewFlagSet("dist", flag.ContinueOnError)
	flags.SetOutput(errs)
	flags.StringVar(&r.root, "root", ".", "the `folder` of the repository")
	flags.StringVar(&r.out, "out", "dist", "the `folder` of the results; what a release has left in it is removed first")
	flags.StringVar(&r.version, "version", "", "the `version`, such as 1.2.3 or 1.2.3-rc.1; by default that of the tag, or one of the commit")
	r.platforms = []platform{{"linux", "amd64"}, {"linux", "arm64"}, {"darwin", "amd64"}, {"darwin", "arm64"}}
	flags.Func("platforms", "a `list` such as linux/amd64,linux/arm64; by default these and darwin's", func(list string) error {
		r.platforms = nil
		for name := range strings.SplitSeq(list, ",") {
			p, err := parsePlatform(name)
			if err != nil {
				return err
			}
			if slices.Contains(r.platforms, p) {
				return fmt.Errorf("%s is named twice", p)
			}
			r.platforms = append(r.platforms, p)
		}
		return nil
	})
	flags.Func("binary", "a `PLATFORM=FILE` to take instead of building it", func(pair string) error {
		name, file, ok := strings.Cut(pair, "=")
		p, err := parsePlatform(name)
		if err != nil || !ok {
			return fmt.Errorf("%q is not PLATFORM=FILE", pair)
		}
		r.binaries[p] = file
		return nil
	})
	if err := flags.Parse(args); err != nil {
		return nil, err
	}
	if flags.NArg() > 0 {
		return nil, fmt.Errorf("%q is not a flag", flags.Arg(0))
	}
	return r, r.fromGit(ctx)
}

// marker is a file of an earlier release, by which prepare knows that a folder is one of releases.
const marker = "SHA256SUMS"

// prepare makes an empty folder. One that has anything but an earlier release is an error.
func prepare(dir string) error {
	entries, err := os.ReadDir(dir)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	for _, e := range entries {
		if !strings.HasPrefix(e.Name(), "outcrop") && e.Name() != marker {
			return fmt.Errorf("%s has %s, which is not of a release: name an empty folder with -out", dir, e.Name())
		}
	}
	if err := os.RemoveAll(dir); err != nil {
		return err
	}
	return os.MkdirAll(dir, 0o755)
}
