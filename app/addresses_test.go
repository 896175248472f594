package app_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"outcrop/config"
)

// verdicts reads testdata/addresses.txt: the names of each kind, and the tests that lines name.
func verdicts(t *testing.T) (names map[string]map[string]bool, tests []string) {
	t.Helper()
	data, err := os.ReadFile("testdata/addresses.txt")
	if err != nil {
		t.Fatal(err)
	}
	names = map[string]map[string]bool{"key": {}, "variable": {}, "word": {}}
	for i, line := range strings.Split(string(data), "\n") {
		if line == "" || line[0] == '#' {
			continue
		}
		cells := strings.Split(line, "|")
		for i := range cells {
			cells[i] = strings.TrimSpace(cells[i])
		}
		if len(cells) != 5 || names[cells[0]] == nil || !slices.Contains([]string{"operator", "admin", "caller", "none"}, cells[2]) {
			t.Errorf("addresses.txt:%d is no line of the table", i+1)
			continue
		}
		if judged := cells[3] != "" && cells[4] != ""; judged == (cells[2] == "none") {
			t.Errorf("addresses.txt:%d: what can be set has a guard and a test, and nothing else has", i+1)
		}
		for name := range strings.FieldsSeq(cells[1]) {
			if names[cells[0]][name] {
				t.Errorf("addresses.txt:%d: %s is there twice", i+1, name)
			}
			names[cells[0]][name] = true
		}
		tests = append(tests, strings.Fields(cells[4])...)
	}
	return names, tests
}

// TestEveryAddressHasAVerdict fails for a setting with a text, a variable that reads like an address, and a member of a
// request that does, as long as testdata/addresses.txt does not say who may set it and what guards it.
func TestEveryAddressHasAVerdict(t *testing.T) {
	names, tests := verdicts(t)
	seen := map[string]map[string]bool{"key": keysWithTexts(), "variable": {}, "word": {}}
	walk(t, "..", func(path string, file *ast.File) {
		dialect := strings.HasPrefix(path, "../wire/") || strings.HasPrefix(path, "../httpd/")
		for _, s := range literals(file) {
			switch {
			case variable.MatchString(s):
				seen["variable"][s] = true
			case dialect && word.MatchString(s) && addressed.MatchString(s):
				seen["word"][s] = true
			}
		}
	})
	for kind, all := range seen {
		for name := range all {
			if !names[kind][name] {
				t.Errorf("the %s %s has no verdict: say in testdata/addresses.txt who may set it and what guards it", kind, name)
			}
		}
		for name := range names[kind] {
			if !all[name] {
				t.Errorf("the %s %s has a verdict, but does not exist", kind, name)
			}
		}
	}
	for _, name := range tests {
		folder, test, _ := strings.Cut(name, ".")
		if !exists(t, filepath.Join("..", folder), test) {
			t.Errorf("%s is no test", name)
		}
	}
}

var (
	// variable is the name of a variable whose value may be an address.
	variable = regexp.MustCompile(`^[A-Z][A-Z0-9]*(_[A-Z0-9]+)*_(URL|URI|ENDPOINT|HOST|BASE|ADDR|PROXY|ISSUER)(_[A-Z0-9_]+)?$`)
	// word is what the name of a member may be, and addressed what it may be if its value is an address.
	word      = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9_.\[\]-]*$`)
	addressed = regexp.MustCompile(`[a-z]Ur[il]|(?i:ur[il]s?($|[^a-z])|endpoint|webhook|callback|redirect|return_to|proxy|^host|api_base|base_url|issuer)`)
)

// keysWithTexts are the keys of the configuration that take effect and whose values have texts. Prices have none.
func keysWithTexts() map[string]bool {
	all := map[string]bool{}
	for _, k := range config.Keys() {
		switch k.Type {
		case config.BoolType, config.IntType, config.NumberType, config.SecondsType:
			continue
		case config.AnyType, config.StringType, config.SecretType, config.ListType, config.MapType:
		}
		if (k.Class == config.Supported || k.Class == config.PerProvider) && !strings.Contains(k.Name, "cost_per_") && !strings.Contains(k.Name, "token_cost") {
			all[strings.TrimPrefix(k.Section+"/"+k.Name, "/")] = true
		}
	}
	return all
}

// walk calls f for each file of the program itself.
func walk(t *testing.T, root string, f func(path string, file *ast.File)) {
	t.Helper()
	outside := []string{"../e2e", "../bench", "../emulator", "../scripts", "../tools", "../internal/arch", "../.cache", "../.git", "../findings"}
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && slices.Contains(outside, filepath.ToSlash(path)):
			return fs.SkipDir
		case d.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go"):
			return nil
		case filepath.ToSlash(path) == "../provider/openaicompat/heads.go":
			return nil // the vendors' own variables, see addresses.txt
		}
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.SkipObjectResolution)
		if err == nil {
			f(filepath.ToSlash(path), file)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

// literals are the texts of a file, and the members of JSON that its structs have.
func literals(file *ast.File) (all []string) {
	ast.Inspect(file, func(n ast.Node) bool {
		lit, ok := n.(*ast.BasicLit)
		if !ok || lit.Kind != token.STRING {
			return true
		}
		s, err := strconv.Unquote(lit.Value)
		if err != nil {
			return true
		}
		if rest, tag := strings.CutPrefix(s, `json:"`); tag {
			s, _, _ = strings.Cut(rest, `"`)
			s, _, _ = strings.Cut(s, ",")
		}
		all = append(all, s)
		return true
	})
	return all
}

// exists reports whether a folder has a test.
func exists(t *testing.T, folder, test string) bool {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(folder, "*_test.go"))
	if err != nil {
		t.Fatal(err)
	}
	return slices.ContainsFunc(files, func(file string) bool {
		data, err := os.ReadFile(file)
		return err == nil && strings.Contains(string(data), "\nfunc "+test+"(t *testing.T)")
	})
}
