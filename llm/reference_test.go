package llm_test

import (
	"bytes"
	"errors"
	"flag"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"outcrop/llm"
)

var update = flag.Bool("update", false, "write docs/errors.md anew")

func TestReference(t *testing.T) {
	var page bytes.Buffer
	if err := llm.WriteReference(&page); err != nil {
		t.Fatal(err)
	}
	for _, c := range llm.Codes() {
		if !strings.Contains(page.String(), "\n| `"+string(c)+"` | ") {
			t.Errorf("%s is not on the page", c)
		}
	}
	if strings.Contains(page.String(), "## \n") {
		t.Error("a group of codes has no heading")
	}
	path := filepath.Join("..", "docs", "errors.md")
	if *update {
		if err := os.WriteFile(path, page.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	committed, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(committed, page.Bytes()) {
		t.Error("docs/errors.md is out of date: run go test ./llm -run TestReference -update")
	}
}

type fullDisk struct{}

func (fullDisk) Write([]byte) (int, error) { return 0, fs.ErrPermission }

func TestReferenceThatCannotBeWrittenIsAnError(t *testing.T) {
	if err := llm.WriteReference(fullDisk{}); !errors.Is(err, fs.ErrPermission) {
		t.Errorf("got %v", err)
	}
}

// TestStatusesAreThoseOfTheVocabulary holds every llm.Error that the repository's
// source makes with a fixed status to the status that the page names.
func TestStatusesAreThoseOfTheVocabulary(t *testing.T) {
	words := constants(t)
	checked := 0
	err := filepath.WalkDir("..", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || filepath.Ext(path) != ".go" || strings.HasSuffix(path, "_test.go") {
			return err
		}
		set := token.NewFileSet()
		file, err := parser.ParseFile(set, path, nil, parser.SkipObjectResolution)
		if err != nil {
			return nil //nolint:nilerr // not this test's business: the compiler says it
		}
		ast.Inspect(file, func(n ast.Node) bool {
			lit, ok := n.(*ast.CompositeLit)
			if !ok {
				return true
			}
			name, status := codeAndStatus(lit)
			if want := words[name].Info().Status; status != 0 && want != 0 {
				checked++
				if status != want {
					t.Errorf("%s: %s has status %d, and in the vocabulary %d", set.Position(lit.Pos()), name, status, want)
				}
			}
			return true
		})
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if checked < 10 {
		t.Errorf("only %d errors were found in the source", checked)
	}
}

// constants are the codes by the names of their constants.
func constants(t *testing.T) map[string]llm.Code {
	t.Helper()
	source, err := os.ReadFile("error.go")
	if err != nil {
		t.Fatal(err)
	}
	words := map[string]llm.Code{}
	for _, m := range regexp.MustCompile(`(?m)^\t(Code\w+)\s+Code = "(.*?)"`).FindAllStringSubmatch(string(source), -1) {
		words[m[1]] = llm.Code(m[2])
	}
	return words
}

// codeAndStatus reads the members Code and Status of a literal; a status that is
// no number is 0.
func codeAndStatus(lit *ast.CompositeLit) (code string, status int) {
	for _, e := range lit.Elts {
		pair, ok := e.(*ast.KeyValueExpr)
		if !ok {
			continue
		}
		key, _ := pair.Key.(*ast.Ident)
		switch v := pair.Value.(type) {
		case *ast.Ident:
			if key != nil && key.Name == "Code" {
				code = v.Name
			}
		case *ast.SelectorExpr:
			if key != nil && key.Name == "Code" {
				code = v.Sel.Name
			}
		case *ast.BasicLit:
			if key != nil && key.Name == "Status" {
				status, _ = strconv.Atoi(v.Value)
			}
		}
	}
	return code, status
}
