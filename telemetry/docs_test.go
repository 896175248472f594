package telemetry_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// page is the documentation of what this package writes.
const page = "../docs/monitoring.md"

// TestMonitoringPage holds docs/monitoring.md to the source of this package: every
// metric, label and log field is on the page, and the page's tables of log fields
// have none that is never written.
func TestMonitoringPage(t *testing.T) {
	text, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	documented := rows(string(text))
	source := readSource(t)
	for _, found := range []struct {
		what  string
		least int
		names map[string]bool
	}{
		{"metric", 7, source.metrics}, {"label", 6, source.labels}, {"log field", 30, source.fields},
	} {
		if len(found.names) < found.least {
			t.Errorf("the source has only %d names of the kind %s; does this test still find them?", len(found.names), found.what)
		}
		for name := range found.names {
			if !documented[name] {
				t.Errorf("the %s %s is in no table of %s", found.what, name, page)
			}
		}
	}
	_, log, _ := strings.Cut(string(text), "\n## The log\n")
	log, _, _ = strings.Cut(log, "\n## ")
	for name := range rows(log) {
		if !source.fields[name] && name != "time" && name != "level" && name != "msg" {
			t.Errorf("%s describes the log field %s, which is never written", page, name)
		}
	}
}

// rows are the names in backquotes in the first column of a page's tables, and in
// the third, where labels stand.
func rows(text string) map[string]bool {
	names := map[string]bool{}
	quoted := regexp.MustCompile("`([a-z_]+)`")
	for line := range strings.Lines(text) {
		cells := strings.Split(line, "|")
		if len(cells) < 4 || strings.TrimSpace(cells[0]) != "" {
			continue
		}
		first := cells[1]
		if len(cells) > 5 { // a metric, its type, and its labels
			first += cells[3]
		}
		for _, m := range quoted.FindAllStringSubmatch(first, -1) {
			names[m[1]] = true
		}
	}
	return names
}

// written is what the package's source gives names to.
type written struct{ metrics, labels, fields map[string]bool }

// readSource finds the names of metrics (the member Name of options), of their
// labels (the lists that constructors of vectors take), and of log fields (the first
// argument of slog's functions and of text, which attributes defines).
func readSource(t *testing.T) written {
	t.Helper()
	w := written{map[string]bool{}, map[string]bool{}, map[string]bool{}}
	files, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range files {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(file, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.KeyValueExpr:
				if key, ok := n.Key.(*ast.Ident); ok && key.Name == "Name" {
					add(w.metrics, n.Value)
				}
			case *ast.CallExpr:
				w.call(n)
			}
			return true
		})
	}
	return w
}

func (w *written) call(call *ast.CallExpr) {
	switch f := call.Fun.(type) {
	case *ast.Ident:
		if f.Name == "text" {
			add(w.fields, call.Args[0])
		}
	case *ast.SelectorExpr:
		of, _ := f.X.(*ast.Ident)
		switch {
		case of == nil:
		case of.Name == "slog" && len(call.Args) == 2:
			add(w.fields, call.Args[0])
		case of.Name == "prometheus" && strings.HasSuffix(f.Sel.Name, "Vec"):
			if list, ok := call.Args[1].(*ast.CompositeLit); ok {
				for _, label := range list.Elts {
					add(w.labels, label)
				}
			}
		}
	}
}

// add adds a literal text.
func add(names map[string]bool, e ast.Expr) {
	if lit, ok := e.(*ast.BasicLit); ok && lit.Kind == token.STRING {
		if name, err := strconv.Unquote(lit.Value); err == nil {
			names[name] = true
		}
	}
}
