package migrate_test

import (
	"errors"
	"flag"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"outcrop/config"
	"outcrop/config/migrate"
	"outcrop/llm"
	"outcrop/provider/all"
	"outcrop/secrets"
)

var corpus = flag.String("corpus", "", "a folder with more configuration files of LiteLLM's, such as its source distribution")

// files are configurations: those of this repository, and those that LiteLLM comes with, where it is installed.
func files(t *testing.T) []string {
	t.Helper()
	installed, err := filepath.Glob("../../.cache/litellm/lib/python3*/site-packages/litellm")
	if err != nil {
		t.Fatal(err)
	}
	var found []string
	for _, dir := range append([]string{"../testdata", "../../e2e", *corpus}, installed...) {
		if dir == "" {
			continue
		}
		err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
			if ext := filepath.Ext(path); err == nil && !d.IsDir() && (ext == ".yaml" || ext == ".yml") {
				found = append(found, path)
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	pages, err := filepath.Glob("../../docs/*.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, page := range pages {
		text, err := os.ReadFile(page)
		if err != nil {
			t.Fatal(err)
		}
		for i, m := range regexp.MustCompile("(?ms)^```yaml\n(# config.yaml\n.*?)^```").FindAllStringSubmatch(string(text), -1) {
			path := filepath.Join(t.TempDir(), filepath.Base(page)+string(rune('a'+i))+".yaml")
			if err := os.WriteFile(path, []byte(m[1]), 0o600); err != nil {
				t.Fatal(err)
			}
			found = append(found, path)
		}
	}
	if len(found) < 60 {
		t.Fatalf("only %d files", len(found))
	}
	return found
}

// source is a file as the gateway reads it, in an environment that has every variable.
func source(t *testing.T, path string) config.Source {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return config.Source{
		Name: path, Data: data, ReadFile: os.ReadFile, Providers: all.Providers(),
		LookupEnv: func(name string) (string, bool) { return "value-of-" + name, true },
		Secrets: func(*secrets.Settings, []string) (map[string]secrets.Result, error) {
			return map[string]secrets.Result{}, nil
		},
	}
}

// same lists the differences of two configurations, other than positions and generated ids, which are made of the
// keys of an entry whether they have an effect or not.
func same(a, b *config.Config) string {
	return cmp.Diff(a, b,
		cmp.Exporter(func(reflect.Type) bool { return true }),
		cmpopts.IgnoreFields(config.Config{}, "base", "GuardrailsAs"),
		cmp.FilterPath(func(p cmp.Path) bool { return p.Last().Type() != nil && p.Last().Type().Kind() == reflect.Func }, cmp.Ignore()),
		cmpopts.IgnoreFields(config.Model{}, "options", "Position", "ID"),
		cmpopts.IgnoreTypes(config.Position{}),
		cmpopts.IgnoreFields(llm.Limits{}, "Deployment"), // has the id
		cmp.Comparer(func(a, b *regexp.Regexp) bool { return a == b || a != nil && b != nil && a.String() == b.String() }),
	)
}

func TestTheAnnotatedFileMeansTheSame(t *testing.T) {
	for _, path := range files(t) {
		t.Run(strings.TrimPrefix(path, "../"), func(t *testing.T) {
			src := source(t, path)
			result, err := migrate.File(migrate.Options{Source: src, From: migrate.LiteLLM})
			before, problems := config.Inspect(src)
			if err != nil {
				var invalid *migrate.InvalidError
				if !errors.As(err, &invalid) || !slices.Contains(problems, invalid.Problems[0]) {
					t.Fatalf("%v, but the gateway says %v", err, problems)
				}
				return
			}
			again := src
			again.Data = result.Text
			after, now, uses := config.InspectUses(again)
			if diff := same(before, after); diff != "" {
				t.Errorf("it means something else: -before +after\n%s\n%s", diff, result.Text)
			}
			for _, p := range now {
				if !slices.ContainsFunc(problems, func(q config.Problem) bool { return q.Path == p.Path && q.Severity == p.Severity }) {
					t.Errorf("a new problem: %v\n%s", p, result.Text)
				}
			}
			lines := strings.Split(string(result.Text), "\n")
			for _, u := range uses {
				if u.Effect == config.NoEffect && u.File == src.Name {
					remark := above(lines, u.Line)
					if !strings.Contains(remark, "stays because") && !strings.Contains(remark, "stays, because") && !strings.Contains(remark, "For other models") {
						t.Errorf("%s has no effect, and is there without a remark\n%s", u.Path, result.Text)
					}
				}
				if u.Effect == config.Refused && u.File == src.Name && !strings.Contains(above(lines, u.Line), "error:") {
					t.Errorf("%s is refused, and has no remark\n%s", u.Path, result.Text)
				}
			}
			second, err := migrate.File(migrate.Options{Source: again, From: migrate.LiteLLM})
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(string(result.Text), string(second.Text)); diff != "" {
				t.Errorf("the second time it is changed again: %s", diff)
			}
			if second.Removed != 0 {
				t.Errorf("the second time, %d keys are removed", second.Removed)
			}
			kept(t, string(src.Data), string(result.Text))
		})
	}
}

// above returns the comment above a line.
func above(lines []string, line int) string {
	var text []string
	for i := line - 1; i >= 1 && strings.HasPrefix(strings.TrimSpace(lines[i-1]), "#"); i-- {
		text = append([]string{strings.Trim(lines[i-1], " #")}, text...)
	}
	return strings.Join(text, " ")
}

// kept checks that the lines of a file are there in the result, in the same order, as they were or as comments,
// except those that a remark says are changed.
func kept(t *testing.T, before, after string) {
	t.Helper()
	lines := strings.Split(strings.ReplaceAll(after, "\r", ""), "\n")
	at := 0
	for line := range strings.Lines(strings.ReplaceAll(before, "\r", "")) {
		text := strings.TrimSpace(line)
		i := slices.IndexFunc(lines[at:], func(l string) bool {
			l = strings.TrimSpace(l)
			return l == text || strings.TrimSpace(strings.TrimPrefix(l, "#")) == text || "- "+strings.TrimPrefix(l, "# ") == text
		})
		switch {
		case i >= 0:
			at += i + 1
		case strings.Contains(text, "{"), strings.Contains(text, "region_name"), strings.Contains(text, "headers"), strings.Contains(text, "default_max_internal"):
		default:
			t.Errorf("the line %q is lost", text)
		}
	}
}
