package arch

import (
	"fmt"
	"strings"
	"testing"
)

// good is a package that breaks nothing.
func good(path string, imports ...string) Package {
	return Package{Path: path, Imports: imports, Deps: imports, Files: []File{source("doc.go", "// Package p holds a thing.\npackage p\n")}}
}

func source(name, text string) File { return File{Name: name, Source: []byte(text)} }

// route is a good package with more files.
func route(files ...File) Package {
	p := good("route")
	p.Files = append(p.Files, files...)
	return p
}

func TestEachRuleIsHeld(t *testing.T) {
	long := func(n int) File { return source("long.go", "package p\n"+strings.Repeat("\n", n-1)) }
	for _, tt := range []struct {
		name string
		pkg  Package
		want []string // what each finding contains; none if nothing is wrong
	}{
		{"a package that imports what its row names is fine", good("wire/converse", "fmt", "outcrop/llm", "outcrop/wire/eventstream", "outcrop/internal/jsonx"), nil},
		{"a new vendor has a row already", good("provider/anthropic", "outcrop/provider", "outcrop/wire/anthropic", "outcrop/upstream"), nil},
		{"a package without a row", good("analytics"), []string{"analytics has no row in the table: each package needs a level"}},
		{"a new folder below a component has no row either", good("provider/bedrock/converse/deep"), []string{"has no row"}},

		{"the common form imports a dialect", good("llm", "outcrop/wire/converse"), []string{"llm imports outcrop/wire/converse: the common language is below everything"}},
		{"a dialect imports another", good("wire/converse", "outcrop/wire/openaichat"), []string{"imports outcrop/wire/openaichat: dialects meet only in llm"}},
		{"a dialect imports a provider", good("wire/converse", "outcrop/provider"), []string{"imports outcrop/provider: "}},
		{"framing imports a dialect", good("wire/eventstream", "outcrop/wire/converse"), []string{"framing knows no dialect"}},
		{"a helper imports the common form", good("internal/jsonx", "outcrop/llm"), []string{"internal helpers know no other package"}},
		{"the contract imports a provider", good("provider", "outcrop/provider/bedrock"), []string{"names no concrete provider"}},
		{"a provider imports another", good("provider/anthropic", "outcrop/provider/bedrock"), []string{"neither other providers"}},
		{"a provider imports routing", good("provider/bedrock", "outcrop/route"), []string{"nor its callers"}},
		{"a component imports its provider", good("provider/bedrock/diagnose", "outcrop/provider/bedrock"), []string{"components import neither their provider nor"}},
		{"a component imports another", good("provider/bedrock/diagnose", "outcrop/provider/bedrock/creds"), []string{"components import neither their provider nor"}},
		{"a pure component imports another", good("provider/bedrock/modelid", "outcrop/provider/bedrock/sign"), []string{"the grammar of model ids is pure"}},
		{"resolving imports credentials", good("provider/bedrock/resolve", "outcrop/provider/bedrock/creds"), []string{"resolving is pure"}},
		{"routing imports a server", good("route", "outcrop/httpd"), []string{"no server"}},
		{"stages import each other", good("fetch", "outcrop/route"), []string{"neither dialects, providers nor its callers"}},
		{"the pipeline imports a frontend", good("gateway", "outcrop/httpd"), []string{"it knows no frontend"}},
		{"the library imports the server", good(".", "outcrop/httpd"), []string{". imports outcrop/httpd: the library is the pipeline without HTTP"}},
		{"a frontend imports another", good("httpd/openaichat", "outcrop/httpd/messages"), []string{"knows no other frontends"}},
		{"a frontend imports a provider", good("httpd/openaichat", "outcrop/provider/bedrock"), []string{"no providers"}},
		{"the server imports routing", good("httpd", "outcrop/route"), []string{"providers and routing belong to the pipeline"}},
		{"the emulator imports the diagnosis that it tests", good("emulator/bedrock", "outcrop/provider/bedrock/diagnose"), []string{"the emulator tests the gateway"}},
		{"the configuration imports the app", good("config", "outcrop/app"), []string{"runs none of them"}},
		{"the app imports the command line", good("app", "outcrop/cli"), []string{"the app wires"}},
		{"a command imports the inside of a provider", good("cli", "outcrop/provider/bedrock"), []string{"not the internals of the pipeline"}},
		{"main imports the app", good("cmd/outcrop", "outcrop/app"), []string{"main only calls the command line"}},

		{"an outside package without a row", good("route", "github.com/someone/backoff"), []string{"a line in docs/dependencies.md"}},
		{"the AWS SDK outside its two components", good("provider/bedrock", "github.com/aws/aws-sdk-go-v2/config"), []string{"frames and bodies are Outcrop's own"}},
		{"the AWS SDK where it may be", good("provider/bedrock/creds", "github.com/aws/aws-sdk-go-v2/config"), nil},
		{
			"Bedrock's generated client even there", good("provider/bedrock/creds", "github.com/aws/aws-sdk-go-v2/service/bedrockruntime/types"),
			[]string{"imports github.com/aws/aws-sdk-go-v2/service/bedrockruntime/types: the generated client"},
		},
		{
			"Bedrock's generated client behind another package",
			Package{Path: "app", Files: good("app").Files, Deps: []string{"github.com/aws/aws-sdk-go-v2/service/bedrockruntime"}},
			[]string{"app reaches github.com/aws/aws-sdk-go-v2/service/bedrockruntime: "},
		},
		{"the JSON library behind jsonx's back", good("wire/converse", "github.com/go-json-experiment/json/jsontext"), []string{"jsonx is the only user"}},
		{"a name that only begins alike is another package", good("provider/bedrock/creds", "github.com/awslabs/goformation"), []string{"each outside package needs a row"}},
		{"the lax JSON of the standard library", good("cli", "encoding/json"), []string{"internal/jsonx is strict"}},
		{
			"a pure package that reaches the network",
			Package{Path: "wire/converse", Files: good("p").Files, Deps: []string{"net/http"}},
			[]string{"wire/converse reaches net/http: pure packages"},
		},
		{"HTTP in the pipeline", good("gateway", "net/http"), []string{"with and without HTTP"}},
		{"a test's tools in the binary", good("route", "testing"), []string{"do not belong in the binary"}},

		{"a package without a comment", Package{Path: "route", Files: []File{source("route.go", "package route\n")}}, []string{"has no package comment"}},
		{"a package with two comments", route(source("b.go", "// Package p holds another.\npackage p\n")), []string{"has 2 package comments"}},
		{"a package of tests needs no comment", Package{Path: "e2e", Files: []File{source("e2e_test.go", "package e2e\n")}}, nil},
		{"a file of 500 lines is fine", route(long(500)), nil},
		{"a file of 501 lines needs a reason", route(long(501)), []string{"route/long.go has 501 lines: a file of more than 500 lines"}},
		{"a file of 801 lines has none", route(long(801)), []string{"never exceeds 800"}},
		{"a generated file may be long", route(source("gen.go", "// Code generated by hand. DO NOT EDIT.\n\npackage p\n"+strings.Repeat("\n", 900))), nil},
		{"a long main", Package{Path: "cmd/outcrop", Files: []File{source("main.go", "// Command p does.\npackage main\n"+strings.Repeat("\n", 24))}}, []string{"has 26 lines: main has at most 25"}},
		{"a file named for nothing", route(source("utils.go", "package p\n")), []string{"route/utils.go has a meaningless name"}},
		{"a package named for nothing", good("internal/common"), []string{"is named common"}},
		{"an init function", route(source("a.go", "package p\nfunc init() {}\n")), []string{"route/a.go has an init function"}},
		{"a method named init is fine", route(source("a.go", "package p\ntype t struct{}\nfunc (t) init() {}\n")), nil},
		{"a test that is skipped for an error", route(source("a_test.go", "package p\nfunc f(t T) { t.Skip(err) }\n")), []string{"a_test.go skips a test in line 2 without a reason of its own: what make setup installs is asked for by package need"}},
		{"a test that is skipped for what is not installed", route(source("a_test.go", "package p\nfunc f(t T) { t.Skipf(`%s is not installed`, x) }\n")), []string{"skips a test in line 2"}},
		{"a test that is skipped without a word", route(source("a_test.go", "package p\nfunc f(b B) { b.SkipNow() }\n")), []string{"skips a test in line 2"}},
		{"a test that is skipped for another reason", route(source("a_test.go", "package p\nfunc f(t T) bool { t.Skip(`it needs the proc file system: `, err); return t.Skipped() }\n")), nil},
		{"a file that is no Go", route(source("a.go", "package\n")), []string{"cannot be parsed"}},
	} {
		t.Run(tt.name, func(t *testing.T) { expect(t, Outcrop().Check([]Package{tt.pkg}), tt.want) })
	}
}

func TestPackageLevelState(t *testing.T) {
	for _, tt := range []struct {
		name, body string
		want       []string
	}{
		{"a variable that is only read", "var m = map[string]int{}\nfunc f() int { return m[``] }", nil},
		{"a variable that is assigned", "var n int\nfunc f() { n = 1 }", []string{"writes to the package-level variable n (a.go:3)"}},
		{"a variable that is counted up", "var n int\nfunc f() { n++ }", []string{"writes to the package-level variable n"}},
		{"a map that is written to", "var m = map[string]int{}\nfunc f() { m[``] = 1 }", []string{"writes to the package-level variable m"}},
		{"a map that is emptied", "var m = map[string]int{}\nfunc f() { clear(m) }", []string{"writes to the package-level variable m"}},
		{"a field that is set", "var v struct{ a []int }\nfunc f() { v.a[0] = 1 }", []string{"writes to the package-level variable v"}},
		{"a loop that assigns", "var i int\nfunc f() { for i = range 3 {} }", []string{"writes to the package-level variable i"}},
		{"a local variable of the same name", "var n int\nfunc f() { n := 0; n = 1; _ = n }", nil},
		{"a parameter of the same name", "var n []int\nfunc f(n []int) { n[0] = 1 }", nil},
		{"another package's variable", "import `net/http`\nfunc f() { http.DefaultClient = nil }", []string{"writes to http.DefaultClient"}},
		{"a pool", "import `sync`\nvar pool = sync.Pool{}", []string{"has the package-level variable pool of sync.Pool"}},
		{"a lock behind a pointer", "import `sync`\nvar mu *sync.Mutex", []string{"of sync.Mutex"}},
		{"an atomic value in a struct", "import `sync/atomic`\nvar v struct{ n atomic.Int64 }", []string{"of atomic.Int64"}},
		{"a channel", "var c = make(chan int)", []string{"of a channel"}},
		{"a value that is made once, when first asked for", "import `sync`\nvar table = sync.OnceValue(func() int { return 1 })", nil},
		{"a table that a function makes where it is declared", "var set = func() (s [2]bool) { s[1] = true; return }()", nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			expect(t, Outcrop().Check([]Package{route(source("a.go", "package p\n"+tt.body+"\n"))}), tt.want)
		})
	}
}

func TestStateInATestIsTheTestsOwn(t *testing.T) {
	expect(t, Outcrop().Check([]Package{route(source("a_test.go", "package p\nvar n int\nfunc f() { n = 1 }\n"))}), nil)
}

func TestExceptions(t *testing.T) {
	state := source("a.go", "package p\nvar n int\nfunc f() { n = 1 }\n")
	long := source("long.go", "package p\n"+strings.Repeat("\n", 600))
	for _, tt := range []struct {
		name          string
		written, long map[string]string
		pkg           Package
		want          []string
	}{
		{"written state with a reason is fine", map[string]string{"route/n": "a reason"}, nil, route(state), nil},
		{"an excuse for state that is gone", map[string]string{"route/n": "a reason"}, nil, good("route"), []string{"remove exceptions that are no longer needed"}},
		{"a long file with a reason is fine", nil, map[string]string{"route/long.go": "a reason"}, route(long), nil},
		{"an excuse for a file that is short again", nil, map[string]string{"route/doc.go": "a reason"}, good("route"), []string{"remove exceptions that are no longer needed"}},
		{"a reason is no leave for more than 800 lines", nil, map[string]string{"route/long.go": "a reason"}, route(source("long.go", "package p\n"+strings.Repeat("\n", 900))), []string{"never exceeds 800"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			table := Outcrop()
			table.Written, table.LongFiles = tt.written, tt.long
			expect(t, table.Check([]Package{tt.pkg}), tt.want)
		})
	}
}

func TestTheTableItselfKeepsItsLevels(t *testing.T) {
	for _, tt := range []struct {
		name string
		rule Rule
		want string
	}{
		{"a row that may import upwards", Rule{Path: "llm/x", Level: language, May: []string{"cli"}}, "llm/x may import cli: imports go to lower levels"},
		{"a row with something of another level beside it", Rule{Path: "llm/x", Level: language, Beside: []string{"cli"}}, "Beside is for the same level"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			table := Outcrop()
			table.Rules = append(table.Rules, tt.rule)
			expect(t, table.Check(nil), []string{tt.want})
		})
	}
	for _, r := range Outcrop().Rules {
		if r.Why == "" {
			t.Errorf("the row of %s has no reason", r.Path)
		}
	}
}

func expect(t *testing.T, findings []Finding, want []string) {
	t.Helper()
	for i, f := range findings {
		if i >= len(want) {
			t.Errorf("also found: %s", f)
		} else if got := fmt.Sprint(f); !strings.Contains(got, want[i]) {
			t.Errorf("found %q, want it to contain %q", got, want[i])
		}
	}
	for _, w := range want[min(len(findings), len(want)):] {
		t.Errorf("not found: %s", w)
	}
}
