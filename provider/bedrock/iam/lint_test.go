package iam_test

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"outcrop/provider/bedrock/catalog"
	"outcrop/provider/bedrock/iam"
)

// lintCase is a line of testdata/lint/cases.txt.
type lintCase struct {
	file, code, place string
	options           iam.Options
}

func lintCases(t *testing.T) []lintCase {
	t.Helper()
	known := catalog.Embedded()
	text, err := os.ReadFile(filepath.Join("testdata", "lint", "cases.txt"))
	if err != nil {
		t.Fatal(err)
	}
	var all []lintCase
	for line := range strings.Lines(string(text)) {
		fields := strings.Fields(line)
		if fields[0] == "#" {
			continue
		}
		c := lintCase{file: fields[0], code: fields[1], place: fields[2], options: iam.Options{Known: known}}
		call := iam.Call{Whole: true, Stream: true}
		for _, o := range fields[3:] {
			name, value, _ := strings.Cut(o, "=")
			switch name {
			case "kind":
				c.options.Kind = iam.Kind(value)
			case "model":
				call.ID = value
			case "region":
				call.Region = value
			case "api-key":
				call.APIKey = true
			case "no-stream":
				call.Stream = false
			default:
				t.Fatalf("%s: %s", c.file, o)
			}
		}
		if call.ID != "" {
			c.options.Calls = []iam.Call{call}
		}
		all = append(all, c)
	}
	return all
}

// TestLintFindsEachSeededFaultWhereItStandsAndNothingElse includes the policies in
// testdata/lint/good, in which there is nothing to find.
func TestLintFindsEachSeededFaultWhereItStandsAndNothingElse(t *testing.T) {
	t.Parallel()
	for _, c := range lintCases(t) {
		t.Run(c.file, func(t *testing.T) {
			t.Parallel()
			policy, err := os.ReadFile(filepath.Join("testdata", "lint", filepath.FromSlash(c.file)+".json"))
			if err != nil {
				t.Fatal(err)
			}
			found, err := iam.Lint(policy, c.options)
			if err != nil {
				t.Fatal(err)
			}
			var want, got []string
			if c.code != "-" {
				want = []string{c.code + " " + c.place}
			}
			for _, f := range found {
				got = append(got, f.Code+" "+strconv.Itoa(f.Line)+":"+strconv.Itoa(f.Column))
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("(-want +got)\n%s\n%+v", diff, found)
			}
		})
	}
}

// TestThePoliciesThatAreWrittenHaveNothingToFind holds Needs and Lint against each
// other, for every profile of the catalogue and every bare id.
func TestThePoliciesThatAreWrittenHaveNothingToFind(t *testing.T) {
	t.Parallel()
	known := catalog.Embedded()
	var calls []iam.Call
	for _, p := range known.Profiles() {
		for _, region := range p.Regions() {
			calls = append(calls, iam.Call{Account: account, Region: region, ID: p.ID, Whole: true, Stream: true, APIKey: true})
		}
	}
	for _, m := range known.Models() {
		if m.OnDemand("us-east-1") == catalog.Yes {
			calls = append(calls, iam.Call{Account: account, Region: "us-east-1", ID: m.ID, Whole: true, Stream: true, CountTokens: true, Batch: true, Role: "batch"})
		}
	}
	if len(calls) < 100 {
		t.Fatalf("only %d calls", len(calls))
	}
	for _, c := range calls {
		d, err := iam.Needs(c, known)
		if err != nil {
			t.Fatal(err)
		}
		for _, kind := range []iam.Kind{iam.Identity, iam.Boundary} {
			found, err := iam.Lint(d.JSON(), iam.Options{Kind: kind, Known: known, Calls: []iam.Call{c}})
			if err != nil || len(found) > 0 {
				t.Errorf("%s in %s: %v %+v", c.ID, c.Region, err, found)
			}
		}
	}
}

// TestAPolicyThatLacksAnyOneResourceIsFound takes each resource out of what a call
// needs, in turn.
func TestAPolicyThatLacksAnyOneResourceIsFound(t *testing.T) {
	t.Parallel()
	known := lists(t)
	for _, id := range []string{"us." + sonnet, "global." + sonnet, "amazon.nova-lite-v1:0", "arn:aws:bedrock:us-east-1:111122223333:application-inference-profile/abcdefghijkl"} {
		c := iam.Call{Account: account, Region: "us-east-1", ID: id, Whole: true, Stream: true, APIKey: true, Guardrail: "gr1"}
		whole, err := iam.Needs(c, known)
		if err != nil {
			t.Fatal(err)
		}
		for i, s := range whole {
			for j := range s.Resources {
				less := slices.Clone(whole)
				less[i].Resources = slices.Delete(slices.Clone(s.Resources), j, j+1)
				if len(less[i].Resources) == 0 {
					less = slices.Delete(less, i, i+1)
				}
				found, err := iam.Lint(less.JSON(), iam.Options{Known: known, Calls: []iam.Call{c}})
				if err != nil {
					t.Fatal(err)
				}
				if len(found) != 1 || len(found[0].Fix) == 0 {
					t.Errorf("%s without %s: %+v", id, s.Resources[j], found)
					continue
				}
				mended := slices.Concat(less, found[0].Fix)
				if again, err := iam.Lint(iam.Merge(mended).JSON(), iam.Options{Known: known, Calls: []iam.Call{c}}); err != nil || len(again) > 0 {
					t.Errorf("%s without %s, mended: %v %+v", id, s.Resources[j], err, again)
				}
			}
		}
	}
}

func TestWhatIsNotJSONIsRefusedWithItsPlace(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"":                           "1:1: not JSON: unexpected end: a value is missing",
		strings.Repeat(" ", 1<<18):   "1:1: not JSON: the policy has more than 131072 bytes, the limit for AWS policies",
		"{\n  \"Version\" 1}":        "2:13: not JSON: a colon is expected here",
		`{"a": [1, 2}`:               "1:12: not JSON: a comma or ] is expected here",
		`{"a": "b`:                   "1:7: not JSON: this string is not terminated",
		`{"a": tru}`:                 "1:7: not JSON: a value is expected here",
		`{} {}`:                      "1:4: not JSON: unexpected text after the policy",
		strings.Repeat("[", 100):     "1:17: not JSON: it is nested too deeply for a policy",
		`{"ä": "ö", "x" "y"}`:        "1:16: not JSON: a colon is expected here",
		"{\"Statement\": [{}],\n}\n": "2:1: not JSON: a member name is expected here",
	} {
		_, err := iam.Lint([]byte(text), iam.Options{})
		var syntax *iam.SyntaxError
		if !errors.As(err, &syntax) || err.Error() != want {
			t.Errorf("%q: got %v, want %s", text, err, want)
		}
	}
}

func FuzzLint(f *testing.F) {
	for _, dir := range []string{"bad", "good"} {
		files, err := filepath.Glob(filepath.Join("testdata", "lint", dir, "*.json"))
		if err != nil {
			f.Fatal(err)
		}
		for _, name := range files {
			text, err := os.ReadFile(name)
			if err != nil {
				f.Fatal(err)
			}
			f.Add(text)
		}
	}
	known := catalog.Embedded()
	call := iam.Call{Region: "us-east-1", ID: "us." + sonnet, Whole: true, Stream: true, APIKey: true}
	f.Fuzz(func(t *testing.T, policy []byte) {
		for _, kind := range []iam.Kind{iam.Identity, iam.SCP, iam.Endpoint} {
			found, err := iam.Lint(policy, iam.Options{Kind: kind, Known: known, Calls: []iam.Call{call}})
			var syntax *iam.SyntaxError
			if err != nil && !errors.As(err, &syntax) {
				t.Error(err)
			}
			for _, f := range found {
				if f.Line < 1 || f.Column < 1 || f.Code == "" || f.Message == "" {
					t.Errorf("%+v", f)
				}
			}
		}
	})
}
