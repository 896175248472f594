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
		add("", "is named "+name, "a package is named by what it holds")
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
			add(f.Name, "has a name that says nothing", "a file is named by what it holds")
		}
		lines := bytes.Count(f.Source, []byte("\n"))
		total += lines
		switch reason := t.LongFiles[path.Join(p.Path, f.Name)]; {
		case lines > hardLines:
			add(f.Name, fmt.Sprintf("has %d lines", lines), fmt.Sprintf("a file ends where its subject ends, and never beyond %d lines", hardLines))
		case lines > softLines && reason == "":
			add(f.Name, fmt.Sprintf("has %d lines", lines), fmt.Sprintf("beyond %d lines a file has more than one subject, or a reason in Table.LongFiles", softLines))
		}
		test := strings.HasSuffix(f.Name, "_test.go")
		if syntax.Doc != nil && !strings.HasSuffix(syntax.Name.Name, "_test") {
			comments++
		}
		for _, d := range syntax.Decls {
			if fn, ok := d.(*ast.FuncDecl); ok && fn.Recv == nil && fn.Name.Name == "init" {
				add(f.Name, "has an init function", "what a package needs is made by whoever calls it, where a test can make it too")
			}
		}
		if !test {
			tests = false
			parsed = append(parsed, syntax)
		}
	}
	switch {
	case comments == 0 && !tests:
		add("", "has no package comment", "a package says in a sentence what it holds")
	case comments > 1:
		add("", fmt.Sprintf("has %d package comments", comments), "one file says what a package holds; the others would drift from it")
	}
	if strings.HasPrefix(p.Path, "cmd/") && total > mainLines {
		add("", fmt.Sprintf("has %d lines", total), fmt.Sprintf("main is a doorway of at most %d lines", mainLines))
	}
	for _, v := range state(p.Path, set, parsed) {
		if t.Written[path.Join(p.Path, v.name)] == "" {
			add("", v.what+" ("+v.at+")", "state belongs to a value that somebody makes and owns; two gateways live in one process")
		}
	}
	return out
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
			out = append(out, Finding{path.Dir(name), "excuses " + name + " in Table.LongFiles", "an exception that nothing needs goes"})
		}
	}
	for _, name := range slices.Sorted(maps.Keys(t.Written)) {
		if !written[name] {
			out = append(out, Finding{path.Dir(name), "excuses " + name + " in Table.Written", "an exception that nothing needs goes"})
		}
	}
	return out
}
