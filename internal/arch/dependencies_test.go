package arch

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// TestEveryDependencySaysWhy holds docs/dependencies.md to the go.mod files:
// each direct dependency and each tool has a line, and no line is left over.
func TestEveryDependencySaysWhy(t *testing.T) {
	page, err := os.ReadFile(filepath.Join("..", "..", "docs", "dependencies.md"))
	if err != nil {
		t.Fatal(err)
	}
	told := map[string]bool{}
	for line := range strings.Lines(string(page)) {
		cells := strings.Split(line, "|")
		if name := strings.Trim(strings.TrimSpace(cells[min(1, len(cells)-1)]), "`"); len(cells) > 3 && strings.Contains(name, ".") {
			told[name] = true
			if why := strings.TrimSpace(cells[len(cells)-2]); why == "" {
				t.Errorf("%s has no reason", name)
			}
		}
	}
	needed := map[string]bool{}
	for _, name := range []string{"go.mod", "tools/go.mod", "tools/dist/go.mod"} {
		f := modfile(t, filepath.FromSlash(name))
		for _, r := range f.Require {
			if !r.Indirect {
				needed[r.Path] = true
			}
		}
		for _, tool := range f.Tool {
			needed[tool.Path] = true
		}
	}
	for name := range needed {
		if !told[name] {
			t.Errorf("%s has no line in docs/dependencies.md", name)
		}
	}
	for name := range told {
		if !needed[name] {
			t.Errorf("%s has a line in docs/dependencies.md, and nothing needs it", name)
		}
	}
	for _, d := range Outcrop().Dependencies {
		known := false
		for name := range needed {
			known = known || strings.HasPrefix(d.Path+"/", name+"/") || strings.HasPrefix(name+"/", d.Path+"/")
		}
		if !known {
			t.Errorf("%s has a row in the table, and nothing needs it", d.Path)
		}
	}
}

type modFile struct {
	Require []struct {
		Path     string
		Indirect bool
	}
	Tool []struct{ Path string }
}

func modfile(t *testing.T, name string) modFile {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "go", "mod", "edit", "-json", name)
	cmd.Dir = filepath.Join("..", "..")
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("go mod edit %s: %v", name, err)
	}
	var f modFile
	if err := json.Unmarshal(out, &f); err != nil {
		t.Fatal(err)
	}
	if len(f.Require) == 0 {
		t.Fatalf("%s requires nothing", name)
	}
	return f
}
