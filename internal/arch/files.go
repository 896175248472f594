package arch

import (
	"bytes"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"path"
	"slices"
	"strings"
)

// Lengths of files, in lines.
const (
	softLines = 500 // longer files need a reason in Table.LongFiles
	hardLines = 800 // longer files are never allowed
	mainLines = 25  // for a whole package below cmd/
)

// shapeless are names that do not describe what a package or file contains.
const shapeless = " util utils common helper helpers misc shared base "

// files checks a package's files.
func (t Table) files(p Package) []Finding {
	var out []Finding
	add := func(file, what, why string) {
		if file != "" {
			what = path.Join(p.Path, file) + " " + what
		}
		out = append(out, Finding{p.Path, what, why})
	}
	if name := path.Base(p.Path); strings.Contains(shapeless, " "+name+" ") {
		add("", "is named "+name, "a package is named after its content")
	}
	set := token.NewFileSet()
	var parsed []*ast.File
	comments, total, tests := 0, 0, true
	for _, f := range p.Files {
		syntax, err := parser.ParseFile(set, f.Name, f.Source, parser.ParseComments|parser.SkipObjectResolution)
		if err != nil {
			add(f.Name, "cannot be parsed", err.Error())
			continue
		}
		if ast.IsGenerated(syntax) {
			continue
		}
		if name := strings.TrimSuffix(strings.TrimSuffix(f.Name, ".go"), "_test"); strings.Contains(shapeless, " "+name+" ") {
			add(f.Name, "has a meaningless name", "a file is named after its content")
		}
		lines := bytes.Count(f.Source, []byte("\n"))
		total += lines
		switch reason := t.LongFiles[path.Join(p.Path, f.Name)]; {
		case lines > hardLines:
			add(f.Name, fmt.Sprintf("has %d lines", lines), fmt.Sprintf("a file covers one subject, and never exceeds %d lines", hardLines))
		case lines > softLines && reason == "":
			add(f.Name, fmt.Sprintf("has %d lines", lines), fmt.Sprintf("a file of more than %d lines covers several subjects, or has a reason in Table.LongFiles", softLines))
		}
		test := strings.HasSuffix(f.Name, "_test.go")
		if syntax.Doc != nil && !strings.HasSuffix(syntax.Name.Name, "_test") {
			comments++
		}
		for _, d := range syntax.Decls {
			if fn, ok := d.(*ast.FuncDecl); ok && fn.Recv == nil && fn.Name.Name == "init" {
				add(f.Name, "has an init function", "the caller makes what a package needs, so that a test can do so too")
			}
		}
		for _, line := range skips(set, syntax) {
			add(f.Name, fmt.Sprintf("skips a test in line %d without a reason of its own", line), "what make setup installs is asked for by package need, so that a test fails without it where all tests are to run")
		}
		if !test {
			tests = false
			parsed = append(parsed, syntax)
		}
	}
	switch {
	case comments == 0 && !tests:
		add("", "has no package comment", "every package needs a comment that describes it")
	case comments > 1:
		add("", fmt.Sprintf("has %d package comments", comments), "one file describes a package; further comments would drift from it")
	}
	if strings.HasPrefix(p.Path, "cmd/") && total > mainLines {
		add("", fmt.Sprintf("has %d lines", total), fmt.Sprintf("main has at most %d lines and only calls the command line", mainLines))
	}
	for _, v := range state(p.Path, set, parsed) {
		if t.Written[path.Join(p.Path, v.name)] == "" {
			add("", v.what+" ("+v.at+")", "state belongs to a value with an owner, because several gateways can run in one process")
		}
	}
	return out
}

// skips returns the lines in which a test is skipped for something that is not installed, or for an error that may say
// so. Other reasons, such as a system without the proc file system, begin with a text.
func skips(set *token.FileSet, f *ast.File) (lines []int) {
	if !strings.HasSuffix(set.File(f.Pos()).Name(), "_test.go") {
		return nil
	}
	ast.Inspect(f, func(n ast.Node) bool {
		call, ok := n.(*ast.CallExpr)
		if !ok {
			return true
		}
		method, ok := call.Fun.(*ast.SelectorExpr)
		if !ok || !strings.HasPrefix(method.Sel.Name, "Skip") || method.Sel.Name == "Skipped" {
			return true
		}
		if on, ok := method.X.(*ast.Ident); !ok || on.Name != "t" && on.Name != "b" {
			return true
		}
		if len(call.Args) > 0 {
			if text, ok := call.Args[0].(*ast.BasicLit); ok && text.Kind == token.STRING && !strings.Contains(text.Value, "installed") {
				return true
			}
		}
		lines = append(lines, set.Position(call.Pos()).Line)
		return true
	})
	return lines
}

// stale finds exceptions that are no longer needed.
func (t Table) stale(packages []Package) []Finding {
	long, written := map[string]bool{}, map[string]bool{}
	for _, p := range packages {
		set := token.NewFileSet()
		var parsed []*ast.File
		for _, f := range p.Files {
			long[path.Join(p.Path, f.Name)] = bytes.Count(f.Source, []byte("\n")) > softLines
			if syntax, err := parser.ParseFile(set, f.Name, f.Source, parser.SkipObjectResolution); err == nil && !strings.HasSuffix(f.Name, "_test.go") {
				parsed = append(parsed, syntax)
			}
		}
		if len(t.Written) > 0 {
			for _, v := range state(p.Path, set, parsed) {
				written[path.Join(p.Path, v.name)] = true
			}
		}
	}
	var out []Finding
	for _, name := range slices.Sorted(maps.Keys(t.LongFiles)) {
		if !long[name] {
			out = append(out, Finding{path.Dir(name), "excuses " + name + " in Table.LongFiles", "remove exceptions that are no longer needed"})
		}
	}
	for _, name := range slices.Sorted(maps.Keys(t.Written)) {
		if !written[name] {
			out = append(out, Finding{path.Dir(name), "excuses " + name + " in Table.Written", "remove exceptions that are no longer needed"})
		}
	}
	return out
}
