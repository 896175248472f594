package config

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"outcrop/provider/all"
)

// TestUsesAgreeWithProblems: a key without effect or a refused one has a problem at its place (one of those that are
// ignored the first time only), and every other problem of that kind is of such a key.
func TestUsesAgreeWithProblems(t *testing.T) {
	paths, err := filepath.Glob("testdata/*/*.yaml")
	if err != nil {
		t.Fatal(err)
	}
	seen := map[Effect]int{}
	for _, path := range paths {
		data, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		_, problems, uses := InspectUses(Source{Name: path, Data: data, ReadFile: os.ReadFile, Providers: all.Providers(), LookupEnv: func(string) (string, bool) { return "value", true }})
		at := func(u Use) *Problem {
			i := slices.IndexFunc(problems, func(p Problem) bool {
				return p.File == u.File && p.Line == u.Line && p.Column == u.Column
			})
			if i < 0 {
				return nil
			}
			return &problems[i]
		}
		ignored := map[string]bool{}
		for _, u := range uses {
			seen[u.Effect]++
			p, kind := at(u), u.Key.Section+"."+u.Key.Name
			switch u.Effect {
			case NoEffect:
				again := u.Key.Class == Ignored && ignored[kind]
				ignored[kind] = true
				if p == nil && !again || p != nil && (p.Severity != Warning || !strings.Contains(p.Message, "no effect")) {
					t.Errorf("%s:%d: %s has no effect, and the problem there is %v", path, u.Line, u.Path, p)
				}
			case Refused:
				if p == nil || p.Severity != Error {
					t.Errorf("%s:%d: %s is refused, and the problem there is %v", path, u.Line, u.Path, p)
				}
			case Works, Neutral:
				if p != nil && strings.Contains(p.Message, "no effect") && !slices.ContainsFunc(uses, func(v Use) bool { return v.Position == u.Position && v.Effect == NoEffect }) {
					t.Errorf("%s:%d: %s works, and the problem there is %v", path, u.Line, u.Path, p)
				}
			}
		}
	}
	if len(seen) != 4 {
		t.Errorf("not all effects are there: %v", seen)
	}
}
