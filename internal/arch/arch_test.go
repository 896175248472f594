package arch

import (
	"encoding/json"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// TestRepository holds the repository to the table.
func TestRepository(t *testing.T) {
	packages := load(t)
	if len(packages) < 20 {
		t.Fatalf("go list found only %d packages", len(packages))
	}
	for _, f := range Outcrop().Check(packages) {
		t.Error(f)
	}
}

// TestTheTableNamesWhatIsThere: a row or a word of one for a package that does not
// exist reads as if it did.
func TestTheTableNamesWhatIsThere(t *testing.T) {
	var all []string
	for _, p := range load(t) {
		all = append(all, p.Path)
	}
	holds := func(pattern, where string) {
		t.Helper()
		if !slices.ContainsFunc(all, func(name string) bool { return match(pattern, name) }) {
			t.Errorf("%s names %s, and there is no such package", where, pattern)
		}
	}
	table := Outcrop()
	for _, r := range table.Rules {
		holds(r.Path, "the table")
		for _, pattern := range append(r.May, r.Beside...) {
			holds(pattern, "the row of "+r.Path)
		}
	}
	for _, d := range table.Dependencies {
		for _, pattern := range d.By {
			holds(pattern, "the row of "+d.Path)
		}
	}
	for _, b := range table.Bans {
		for _, pattern := range b.In {
			holds(pattern, "the ban of "+b.Path)
		}
	}
}

// load reads the packages of the module as they are on disk.
func load(t *testing.T) []Package {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "go", "list", "-json=Dir,ImportPath,Imports,Deps", "./...")
	cmd.Dir = filepath.Join("..", "..")
	var stderr strings.Builder
	cmd.Stderr = &stderr
	stdout, err := cmd.Output()
	if err != nil {
		t.Fatalf("go list: %v\n%s", err, stderr.String())
	}
	var packages []Package
	for d := json.NewDecoder(strings.NewReader(string(stdout))); ; {
		var listed struct {
			Dir, ImportPath string
			Imports, Deps   []string
		}
		err := d.Decode(&listed)
		if errors.Is(err, io.EOF) {
			return packages
		}
		if err != nil {
			t.Fatal(err)
		}
		path, ours := local(listed.ImportPath)
		if !ours {
			t.Fatalf("go list names %s, which is not below %s", listed.ImportPath, module)
		}
		p := Package{Path: path, Imports: listed.Imports, Deps: listed.Deps}
		entries, err := os.ReadDir(listed.Dir)
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range entries {
			if filepath.Ext(e.Name()) != ".go" {
				continue
			}
			source, err := os.ReadFile(filepath.Join(listed.Dir, e.Name()))
			if err != nil {
				t.Fatal(err)
			}
			p.Files = append(p.Files, File{Name: e.Name(), Source: source})
		}
		packages = append(packages, p)
	}
}
