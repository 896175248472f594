package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

// build builds the binaries that were not given. They have no symbol tables and no paths of this machine.
func (r *release) build(ctx context.Context) error {
	for _, p := range r.platforms {
		if r.binaries[p] != "" {
			continue
		}
		file, err := filepath.Abs(r.path(fmt.Sprintf("outcrop-%s-%s", p.os, p.arch)))
		if err != nil {
			return err
		}
		fmt.Fprintf(r.progress, "dist:   %s\n", p)
		cmd := r.goCommand(ctx, p, "build", "-trimpath", "-buildvcs=false", "-ldflags", "-s -w -X outcrop.Version="+r.version, "-o", file, "./cmd/outcrop")
		cmd.Stderr = r.progress
		if err := cmd.Run(); err != nil {
			return fmt.Errorf("%s: %w", p, err)
		}
		r.binaries[p] = file
	}
	return nil
}

// goCommand is a command of Go in the repository for a platform, without C.
func (r *release) goCommand(ctx context.Context, p platform, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, "go", args...)
	cmd.Dir = r.root
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOOS="+p.os, "GOARCH="+p.arch, "GOFLAGS=", "GOWORK=off")
	return cmd
}

// licencesFile has the licences of all modules that are in the binaries, which they want to be passed on with them.
const licencesFile = "outcrop-LICENSES.txt"

var isLicence = regexp.MustCompile(`(?i)^(licen[cs]e|copying|notice|patents)([.-].*)?$`)

// module is a module as go list has it.
type module struct {
	Path, Version, Dir string
	Main               bool
}

// licences writes the licences of Go and of the modules whose packages any of the platforms has.
func (r *release) licences(ctx context.Context) error {
	seen := map[string]module{}
	for _, p := range r.platforms {
		out, err := r.goCommand(ctx, p, "list", "-deps", "-json=Module", "./cmd/outcrop").Output()
		if err != nil {
			return fmt.Errorf("go list: %w", err)
		}
		for d := json.NewDecoder(bytes.NewReader(out)); ; {
			var pkg struct{ Module *module }
			err := d.Decode(&pkg)
			if errors.Is(err, io.EOF) {
				break
			}
			if err != nil {
				return err
			}
			if m := pkg.Module; m != nil && !m.Main {
				seen[m.Path] = *m
			}
		}
	}
	goroot, err := r.goCommand(ctx, r.platforms[0], "env", "GOROOT").Output()
	if err != nil {
		return fmt.Errorf("go env: %w", err)
	}
	modules := append([]module{{Path: "Go", Dir: strings.TrimSpace(string(goroot))}}, sorted(seen)...)
	var text strings.Builder
	text.WriteString("The binaries of Outcrop contain Go's standard library and these modules, under the licences below.\n")
	for _, m := range modules {
		found, err := licencesOf(m.Dir)
		if err != nil {
			return err
		}
		if len(found) == 0 {
			return fmt.Errorf("%s has no licence in %s", m.Path, m.Dir)
		}
		for _, file := range found {
			content, err := os.ReadFile(filepath.Join(m.Dir, file))
			if err != nil {
				return err
			}
			fmt.Fprintf(&text, "\n%s\n%s\n\n%s\n", strings.Repeat("=", 80), strings.TrimSpace(m.Path+" "+m.Version+": "+file), bytes.TrimSpace(content))
		}
	}
	return os.WriteFile(r.path(licencesFile), []byte(text.String()), 0o644)
}

// licencesOf are the names of the licences in a module's folder.
func licencesOf(dir string) ([]string, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	var names []string
	for _, e := range entries {
		if !e.IsDir() && isLicence.MatchString(e.Name()) && filepath.Ext(e.Name()) != ".go" {
			names = append(names, e.Name())
		}
	}
	return names, nil
}

func sorted(modules map[string]module) []module {
	var list []module
	for _, m := range modules {
		list = append(list, m)
	}
	slices.SortFunc(list, func(a, b module) int { return strings.Compare(a.Path, b.Path) })
	return list
}
