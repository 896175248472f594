// Package arch describes the structure of this repository as data, and checks packages against it:
// which imports are allowed, which packages may use which outside packages, how long a file may be,
// and what no file may contain. Its test checks the repository itself.
package arch

import (
	"cmp"
	"path"
	"slices"
	"strings"
)

// module is the name of the main module in go.mod.
const module = "outcrop"

// Package is a package of this repository as the rules see it.
type Package struct {
	// Path is the import path below the module; "." for the module's root.
	Path string
	// Imports are the full import paths of its files, tests excluded.
	Imports []string
	// Deps are the full import paths of all its direct and indirect dependencies.
	Deps []string
	// Files are its hand-written Go files, including tests and files for other platforms.
	Files []File
}

// File is a Go source file.
type File struct {
	Name   string // without its folder
	Source []byte
}

// Finding is a broken rule.
type Finding struct {
	Package string // the path below the module
	What    string // what the package does, such as: imports outcrop/route
	Reason  string // why it must not
}

// String returns the finding as a sentence: package, violation and reason.
func (f Finding) String() string { return f.Package + " " + f.What + ": " + f.Reason }

// Rule determines which packages of this repository the packages that match Path may import.
type Rule struct {
	// Path is an import path below the module; a last segment of * stands for any one segment, and
	// of ... for the path before it and everything below.
	Path string
	// Level is the level of the packages: those in May are on lower levels.
	Level int
	// May lists the packages that may be imported from lower levels, in the form of Path.
	May []string
	// Beside lists the packages that may be imported from the same level.
	Beside []string
	// Why is the reason, as a sentence, for allowing no more.
	Why string
}

// Dependency is an outside package, including everything below it, that some packages may import.
type Dependency struct {
	Path string   // an import path in full
	By   []string // paths below the module, as in Rule.Path
	Why  string   // why no other package may
}

// Ban is an import that some packages must not have.
type Ban struct {
	Path string   // a full import path; a last segment of ... includes everything below
	In   []string // paths below the module, as in Rule.Path
	// But are packages of In that may import it.
	But []string
	// Deep also forbids importing it indirectly.
	Deep bool
	Why  string
}

// Table is the whole set of rules.
type Table struct {
	Rules        []Rule
	Dependencies []Dependency
	Bans         []Ban
	// LongFiles are the files with more than softLines lines, with the reason.
	LongFiles map[string]string
	// Written are the package-level variables, as path/name, that are modified after their
	// declaration, with the reason.
	Written map[string]string
}

// Check finds every violation of the table by packages, which are the whole repository, in the
// order of their paths.
func (t Table) Check(packages []Package) []Finding {
	findings := t.wellFormed()
	for _, p := range packages {
		findings = append(findings, t.imports(p)...)
		findings = append(findings, t.files(p)...)
	}
	findings = append(findings, t.stale(packages)...)
	slices.SortStableFunc(findings, func(a, b Finding) int { return cmp.Compare(a.Package, b.Package) })
	return findings
}

// imports checks a package's direct and indirect imports.
func (t Table) imports(p Package) []Finding {
	var out []Finding
	add := func(what, why string) { out = append(out, Finding{p.Path, what, why}) }
	rule, ok := t.rule(p.Path)
	if !ok {
		add("has no row in the table", "each package needs a level and a list of allowed imports; add a row with a reason")
	}
	for _, path := range p.Imports {
		switch below, ours := local(path); {
		case ours && ok:
			if !matchAny(rule.May, below) && !matchAny(rule.Beside, below) {
				add("imports "+path, rule.Why)
			}
		case !ours && !standard(path):
			if why := t.outside(p.Path, path); why != "" {
				add("imports "+path, why)
			}
		}
	}
	for _, ban := range t.Bans {
		if !matchAny(ban.In, p.Path) || matchAny(ban.But, p.Path) {
			continue
		}
		reached := p.Imports
		if ban.Deep {
			reached = p.Deps
		}
		for _, path := range reached {
			if match(ban.Path, path) {
				verb := "imports "
				if !slices.Contains(p.Imports, path) {
					verb = "reaches "
				}
				add(verb+path, ban.Why)
			}
		}
	}
	return out
}

// outside returns why a package must not import one of another module; empty if it may.
func (t Table) outside(importer, path string) string {
	for _, d := range t.Dependencies {
		if match(d.Path+"/...", path) {
			if matchAny(d.By, importer) {
				return ""
			}
			return d.Why
		}
	}
	return "each outside package needs a row here and a line in docs/dependencies.md with the reason for using it"
}

// wellFormed checks that the rows of the table respect the order of their levels.
func (t Table) wellFormed() []Finding {
	var out []Finding
	for _, r := range t.Rules {
		for _, other := range t.Rules {
			if other.Path == r.Path {
				continue
			}
			for _, may := range r.May {
				if match(may, other.Path) && other.Level >= r.Level {
					out = append(out, Finding{r.Path, "may import " + other.Path, "imports go to lower levels; Beside names those on the same level"})
				}
			}
			for _, beside := range r.Beside {
				if match(beside, other.Path) && other.Level != r.Level {
					out = append(out, Finding{r.Path, "has " + other.Path + " beside it", "Beside is for the same level"})
				}
			}
		}
	}
	return out
}

// rule returns the row for a package: the exact one, or else the longest that matches.
func (t Table) rule(path string) (Rule, bool) {
	best, found := Rule{}, false
	for _, r := range t.Rules {
		if r.Path == path {
			return r, true
		}
		if match(r.Path, path) && len(r.Path) > len(best.Path) {
			best, found = r, true
		}
	}
	return best, found
}

func matchAny(patterns []string, name string) bool {
	return slices.ContainsFunc(patterns, func(p string) bool { return match(p, name) })
}

// match reports whether a path, or another pattern, matches a pattern.
func match(pattern, name string) bool {
	if pattern == name || pattern == "..." {
		return true
	}
	if base, ok := strings.CutSuffix(pattern, "/..."); ok {
		return name == base || strings.HasPrefix(name, base+"/")
	}
	base, ok := strings.CutSuffix(pattern, "/*")
	return ok && path.Dir(name) == base
}

// local returns the path of one of this module's packages below the module.
func local(path string) (string, bool) {
	if path == module {
		return ".", true
	}
	return strings.CutPrefix(path, module+"/")
}

// standard reports whether a path is in the standard library: only there does the first segment
// contain no dot (https://go.dev/ref/mod#module-path).
func standard(path string) bool {
	first, _, _ := strings.Cut(path, "/")
	return !strings.Contains(first, ".")
}
