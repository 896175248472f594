package arch

import (
	"fmt"
	"go/ast"
	"go/token"
	"go/types"
	"path"
)

// variable is a package-level variable that holds state.
type variable struct {
	name string
	what string // why it is state
	at   string // file and line
}

// state finds the package-level variables of a package that are state: modified after their
// declaration, or of a type that exists to be modified (a channel, a lock, an atomic value, a
// pool). It does not detect writes through a pointer taken earlier.
func state(pkg string, set *token.FileSet, files []*ast.File) []variable {
	// Imports stay empty, so that types of other packages are unknown and there are many errors;
	// names of this package are resolved nevertheless.
	w := &writes{set: set, info: &types.Info{Defs: map[*ast.Ident]types.Object{}, Uses: map[*ast.Ident]types.Object{}}}
	conf := types.Config{Importer: emptyImporter{}, Error: func(error) {}, DisableUnusedImportCheck: true}
	w.pkg, _ = conf.Check(pkg, set, files, w.info)
	for _, f := range files {
		ast.Inspect(f, w.look)
		for _, d := range f.Decls {
			w.declared(d)
		}
	}
	return w.found
}

// writes collects the state of one package.
type writes struct {
	set   *token.FileSet
	info  *types.Info
	pkg   *types.Package
	found []variable
}

func (w *writes) note(at token.Pos, name, what string) {
	p := w.set.Position(at)
	w.found = append(w.found, variable{name, what, fmt.Sprintf("%s:%d", p.Filename, p.Line)})
}

// look records what a statement modifies.
func (w *writes) look(n ast.Node) bool {
	switch n := n.(type) {
	case *ast.AssignStmt:
		if n.Tok != token.DEFINE {
			w.to(n.Lhs...)
		}
	case *ast.IncDecStmt:
		w.to(n.X)
	case *ast.RangeStmt:
		if n.Tok == token.ASSIGN {
			w.to(n.Key, n.Value)
		}
	case *ast.CallExpr:
		if f, ok := n.Fun.(*ast.Ident); ok && len(n.Args) > 0 && (f.Name == "delete" || f.Name == "clear" || f.Name == "copy") {
			w.to(n.Args[0])
		}
	}
	return true
}

// to records those of the modified expressions that belong to a package.
func (w *writes) to(written ...ast.Expr) {
	for _, e := range written {
		switch obj := w.info.Uses[root(e)].(type) {
		case *types.Var:
			if obj.Parent() == w.pkg.Scope() {
				w.note(e.Pos(), obj.Name(), "writes to the package-level variable "+obj.Name())
			}
		case *types.PkgName:
			if sel, ok := ast.Unparen(e).(*ast.SelectorExpr); ok {
				w.note(e.Pos(), sel.Sel.Name, "writes to "+obj.Imported().Name()+"."+sel.Sel.Name)
			}
		}
	}
}

// declared records the variables of a declaration whose type exists to be modified.
func (w *writes) declared(d ast.Decl) {
	gen, ok := d.(*ast.GenDecl)
	if !ok || gen.Tok != token.VAR {
		return
	}
	for _, s := range gen.Specs {
		if spec, ok := s.(*ast.ValueSpec); ok {
			if kind := shared(spec); kind != "" {
				w.note(spec.Pos(), spec.Names[0].Name, "has the package-level variable "+spec.Names[0].Name+" of "+kind)
			}
		}
	}
}

// root returns the variable that an expression is a part of.
func root(e ast.Expr) *ast.Ident {
	for {
		switch x := e.(type) {
		case *ast.Ident:
			return x
		case *ast.SelectorExpr:
			e = x.X
		case *ast.IndexExpr:
			e = x.X
		case *ast.SliceExpr:
			e = x.X
		case *ast.StarExpr:
			e = x.X
		case *ast.ParenExpr:
			e = x.X
		default:
			return nil
		}
	}
}

// shared names the kind of a variable that exists to be modified: a type of sync or sync/atomic, or
// a channel. The result of sync.OnceValue is a function and is allowed.
func shared(spec *ast.ValueSpec) (kind string) {
	look := func(e ast.Expr) {
		ast.Inspect(e, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.FuncLit, *ast.FuncType:
				return false
			case *ast.ChanType:
				kind = "a channel"
			case *ast.CallExpr: // sync.OnceValue(f)
				if _, ok := n.Fun.(*ast.SelectorExpr); ok {
					return false
				}
			case *ast.SelectorExpr:
				if x, ok := n.X.(*ast.Ident); ok && (x.Name == "sync" || x.Name == "atomic") {
					kind = x.Name + "." + n.Sel.Name
				}
			}
			return kind == ""
		})
	}
	if spec.Type != nil {
		look(spec.Type)
	}
	for _, v := range spec.Values {
		look(v)
	}
	return kind
}

// emptyImporter returns an empty package for every import.
type emptyImporter struct{}

func (emptyImporter) Import(p string) (*types.Package, error) {
	pkg := types.NewPackage(p, path.Base(p))
	pkg.MarkComplete()
	return pkg, nil
}
