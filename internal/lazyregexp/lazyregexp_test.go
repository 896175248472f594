package lazyregexp_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"outcrop/internal/lazyregexp"
)

// TestEveryExpressionCompiles compiles what the repository's calls of New are given. What is no literal has tests of its own.
func TestEveryExpressionCompiles(t *testing.T) {
	n := 0
	root := filepath.Join("..", "..")
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() && d.Name() != ".." && strings.HasPrefix(d.Name(), ".") || d.IsDir() && d.Name() == "node_modules" {
			return filepath.SkipDir
		}
		if d.IsDir() || !strings.HasSuffix(path, ".go") {
			return nil
		}
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		ast.Inspect(file, func(node ast.Node) bool {
			call, ok := node.(*ast.CallExpr)
			if !ok || len(call.Args) != 1 {
				return true
			}
			of, ok := call.Fun.(*ast.SelectorExpr)
			if !ok || of.Sel.Name != "New" {
				return true
			}
			from, isName := of.X.(*ast.Ident)
			literal, isLiteral := call.Args[0].(*ast.BasicLit)
			if !isName || from.Name != "lazyregexp" || !isLiteral {
				return true
			}
			expression, err := strconv.Unquote(literal.Value)
			if err == nil {
				_, err = regexp.Compile(expression)
			}
			if n++; err != nil {
				t.Errorf("%s: %v", path, err)
			}
			return true
		})
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if n < 50 {
		t.Errorf("only %d expressions were found", n)
	}
}

func TestAnExpressionFindsWhatRegexpDoes(t *testing.T) {
	const text = "granite, gneiss; slate"
	lazy, eager := lazyregexp.New(`(g)(\w+)`), regexp.MustCompile(`(g)(\w+)`)
	for range 2 {
		if !lazy.MatchString(text) || lazy.FindString(text) != eager.FindString(text) || lazy.FindStringSubmatch(text)[2] != "ranite" || len(lazy.FindAllString(text, -1)) != 2 ||
			lazy.FindAllStringSubmatch(text, -1)[1][2] != "neiss" || lazy.ReplaceAllString(text, "$2") != "ranite, neiss; slate" {
			t.Error("the results are others")
		}
	}
	if lazy.MatchString("slate") {
		t.Error("slate has no g")
	}
}
