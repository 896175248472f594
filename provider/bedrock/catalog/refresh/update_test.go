package refresh

import (
	"errors"
	"io"
	"io/fs"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"outcrop/provider/bedrock/catalog"
	"outcrop/provider/bedrock/catalog/schema"
)

// updated updates data with tables.
func updated(t *testing.T, data, tables Files) *Updated {
	t.Helper()
	u, err := Update(data, tables)
	if err != nil {
		t.Fatal(err)
	}
	return u
}

// changes returns the changes as sentences.
func changes(t *testing.T, from, to Files) []string {
	t.Helper()
	all, err := Diff(from, to)
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, c := range all {
		out = append(out, c.String())
	}
	return out
}

// tablesIn returns the tables of a folder, without its other files.
func tablesIn(t *testing.T, dir string) Files {
	t.Helper()
	files := Files(folder(t, dir))
	maps.DeleteFunc(files, func(name string, _ []byte) bool { return formatOf(name).read == nil })
	return files
}

// edited returns a copy of tables with one text in one of them replaced.
func edited(t *testing.T, tables Files, name, old, text string) Files {
	t.Helper()
	if !strings.Contains(string(tables[name]), old) {
		t.Fatalf("%s has no %s", name, old)
	}
	out := maps.Clone(tables)
	out[name] = []byte(strings.Replace(string(tables[name]), old, text, 1))
	return out
}

// some returns the tables whose names begin with one of the words.
func some(tables Files, words ...string) Files {
	out := maps.Clone(tables)
	maps.DeleteFunc(out, func(name string, _ []byte) bool {
		return !slices.ContainsFunc(words, func(word string) bool { return strings.HasPrefix(name, word) })
	})
	return out
}

// TestTablesThatAreAsTheyWereChangeNothing rereads some of the tables that the data was
// made from, one or two or all except those: the rest must not change.
func TestTablesThatAreAsTheyWereChangeNothing(t *testing.T) {
	tables := tablesIn(t, ownTables)
	data := Files(generate(t, tables))
	hold := func(again Files) {
		for name, file := range updated(t, data, again).Files {
			if string(file) != string(data[name]) {
				t.Fatalf("with %q read again, %s differs (-was +is):\n%s", slices.Sorted(maps.Keys(again)), name, cmp.Diff(string(data[name]), string(file)))
			}
		}
	}
	hold(tables)
	names := slices.Sorted(maps.Keys(tables))
	for i, one := range names {
		for _, other := range names[i:] {
			rest := maps.Clone(tables)
			delete(rest, one)
			delete(rest, other)
			hold(rest)
			hold(Files{one: tables[one], other: tables[other]})
		}
	}
}

func TestTheProgramsTablesChangeNothingWhenSomeAreReadAgain(t *testing.T) {
	dir := filepath.Join("..", "..", "..", "..", "..", "shared", "data")
	if _, err := os.Stat(dir); err != nil {
		t.Skip("the tables that the data was made from are not here")
	}
	tables := tablesIn(t, dir)
	data := Files(folder(t, data))
	hold := func(what string, again Files) {
		if diff := cmp.Diff(map[string][]byte(data), map[string][]byte(updated(t, data, again).Files)); diff != "" {
			t.Errorf("with %s read again, the data differs (-was +is):\n%s", what, diff)
		}
	}
	hold("all", tables)
	hold("what is fetched", some(tables, "models-modelsdev", "portkey"))
	hold("what is not fetched", some(tables, "models-pi-ai", "models-catwalk", "lifecycle", "inference-profile-regions"))
}

func TestWhatAnUpdateChanges(t *testing.T) {
	tables := tablesIn(t, ownTables)
	const (
		litellm  = "model_prices_and_context_window-2026-11-01.json"
		dev      = "models.dev-2026-07-02.json"
		general  = "portkey-general-bedrock-2026-08-21.json"
		mantle   = "portkey-pricing-bedrock-mantle-2026-08-21.json"
		piAI     = "models-pi-ai-2026-11-10.json"
		profiles = "us-east-1-list-inference-profiles-2026-11-12.json"
		west     = "us-west-2-list-inference-profiles-2026-11-12.json"
	)
	data := Files(generate(t, tables))
	public := some(tables, "model_prices", "models.dev", "portkey")
	for _, tt := range []struct {
		what string
		read Files
		want []string
	}{
		{
			"a price", edited(t, public, litellm, `"input_cost_per_token": 3.5e-06`, `"input_cost_per_token": 3.75e-06`),
			[]string{"acme.odd-v1:0: price eu-west-2 standard input was 3.5, is 3.75"},
		},
		{
			"a new model", edited(t, public, litellm, `"bedrock_mantle/acme.fresh"`, `"eu.acme.latest-v1:0": {"litellm_provider": "bedrock_converse"}, "bedrock_mantle/acme.fresh"`),
			[]string{"acme.latest-v1:0 is new", "eu.acme.latest-v1:0 is new"},
		},
		{
			"a model that is gone", edited(t, public, litellm, `"bedrock_mantle/acme.fresh"`, `"elsewhere/acme.fresh/x"`),
			[]string{"acme.fresh is gone"},
		},
		{
			"a model that only its list has is gone", edited(t, public, general, `acme.unpriced`, `acme.tall-v1:0`),
			[]string{"acme.unpriced is gone"},
		},
		{
			"a fact that is gone", edited(t, public, dev, `"tool_call": true, `, ``),
			[]string{"acme.tall-v1:0: tools is no longer known; it was true"},
		},
		{
			"a fact for which the table that was read again does not count", edited(t, public, dev, `"context": 32000`, `"context": 48000`), nil,
		},
		{
			"a price that another table agreed with", edited(t, some(tables, piAI), piAI, `"cost": {"input": 4, "output": 20`, `"cost": {"input": 5, "output": 20`),
			[]string{
				"anthropic.claude-opus-9: price batch input is no longer known; it was 2",
				"anthropic.claude-opus-9: price batch output is no longer known; it was 10",
				"anthropic.claude-opus-9: price standard cacheWrite1h was 8, is 10",
				"anthropic.claude-opus-9: price standard input was 4, is 5",
			},
		},
		{
			// Portkey's prices are in the data only where they agreed with pi-ai's.
			"a price that one of two tables loses", edited(t, some(tables, piAI), piAI, `"id": "anthropic.claude-opus-9"`, `"id": "claude-9"`),
			[]string{
				"anthropic.claude-opus-9: price long cacheRead is no longer known; it was 0.4",
				"anthropic.claude-opus-9: price long cacheWrite is no longer known; it was 10",
				"anthropic.claude-opus-9: price long cacheWrite1h is no longer known; it was 16",
				"anthropic.claude-opus-9: price long input is no longer known; it was 8",
				"anthropic.claude-opus-9: price long output is no longer known; it was 30",
				"anthropic.claude-opus-9: price longAbove is no longer known; it was 500000",
				"anthropic.claude-opus-9: price standard cacheRead is no longer known; it was 0.2",
				"anthropic.claude-opus-9: price standard cacheWrite is no longer known; it was 5",
			},
		},
		{
			"a model of mantle's that the runtime has now", edited(t, some(tables, dev), dev, `"acme.deep-v2:0"`, `"acme.fresh": {}, "acme.deep-v2:0"`),
			[]string{
				"acme.fresh: converse is no longer known; it was false",
				"acme.fresh: invoke is no longer known; it was false",
				"acme.fresh: openai is no longer known; it was false",
			},
		},
		{
			"a model of the runtime's that mantle has now", edited(t, some(tables, mantle), mantle, `"acme.long"`, `"acme.unpriced": {}, "acme.long"`),
			[]string{"acme.unpriced: mantle id is now known: acme.unpriced"},
		},
		{
			"a profile that AWS's list lacks in one of two regions", edited(t, some(tables, "us-east-1"), profiles, "us.acme.wide-1", "us.acme.tall-v1:0"),
			[]string{"us.acme.tall-v1:0 is new", "us.acme.wide-1: from was us-east-1, us-west-2, is us-west-2"},
		},
		{
			// pi-ai, which is not read again, has it with a price.
			"a profile that AWS's list lacks in both", edited(t, edited(t, some(tables, "us-"), profiles, "us.acme.wide-1", "x"), west, "us.acme.wide-1", "x"),
			[]string{
				"us.acme.wide-1: from is no longer known; it was us-east-1, us-west-2",
				"us.acme.wide-1: to is no longer known; it was us-east-1, us-east-2, us-west-2",
				"source aws-profiles is gone",
			},
		},
	} {
		t.Run(tt.what, func(t *testing.T) {
			if diff := cmp.Diff(tt.want, changes(t, data, updated(t, data, tt.read).Files)); diff != "" {
				t.Errorf("changes (-want +got):\n%s", diff)
			}
		})
	}
}

// TestListsOfSomeRegions requests AWS's lists in one region on another day: the answers
// for the other regions remain, with their day.
func TestListsOfSomeRegions(t *testing.T) {
	data := Files(generate(t, tablesIn(t, ownTables)))
	answer := func(region string) []byte {
		return []byte(`{"modelSummaries": [{"modelArn": "arn:aws:bedrock:` + region + `::foundation-model/acme.tall-v1:0", "modelId": "acme.tall-v1:0", "modelName": "Tall Two"}]}`)
	}
	one := updated(t, data, Files{"us-west-2-list-foundation-models-2026-11-20.json": answer("us-west-2")})
	want := []string{
		"acme.tall-v1:0: name was Tall One, is Tall Two",
		"acme.tall-v1:0: onDemand us-west-2 is now known: false",
		"source aws-models: date was 2026-11-12, is 2026-11-20",
		"source aws-models-2026-11-12 is new",
	}
	if diff := cmp.Diff(want, changes(t, data, one.Files)); diff != "" {
		t.Errorf("one other region (-want +got):\n%s", diff)
	}
	both := updated(t, one.Files, Files{
		"us-west-2-list-foundation-models-2026-11-21.json": answer("us-west-2"),
		"us-east-1-list-foundation-models-2026-11-21.json": answer("us-east-1"),
	})
	want = []string{
		"acme.tall-v1:0: onDemand us-east-1 was true, is false",
		"acme.tall-v1:0: output is no longer known; it was text",
		"acme.tall-v1:0: released is no longer known; it was 2026-05-03",
		"acme.tall-v1:0: streaming is no longer known; it was true",
		"source aws-models: date was 2026-11-20, is 2026-11-21",
		"source aws-models-2026-11-12 is gone",
	}
	if diff := cmp.Diff(want, changes(t, one.Files, both.Files)); diff != "" {
		t.Errorf("both regions (-want +got):\n%s", diff)
	}
}

func TestUpdateSaysWhatWasReadAndKept(t *testing.T) {
	tables := tablesIn(t, ownTables)
	data := Files(generate(t, tables))
	u := updated(t, data, some(tables, "models.dev", "us-east-1-list-inference"))
	keys := func(sources []schema.Source) string {
		var keys []string
		for _, s := range sources {
			keys = append(keys, s.Key+" "+s.Date)
		}
		return strings.Join(keys, ", ")
	}
	if got, want := keys(u.Read), "aws-profiles 2026-11-12, models.dev 2026-07-02"; got != want {
		t.Errorf("read %s, want %s", got, want)
	}
	const kept = "aws-models 2026-11-12, aws-profiles 2026-11-12, aws-startups 2026-07-17, catwalk 2026-10-28, claude-guidance 2026-07-18, litellm 2026-11-01, pi-ai 2026-11-10, portkey-pricing 2026-08-21, portkey-pricing-mantle 2026-08-21"
	if got := keys(u.Kept); got != kept {
		t.Errorf("kept %s, want %s", got, kept)
	}
}

// TestTheNotesCountForWhatIsKept uses data from before the notes listed the errors in
// the tables.
func TestTheNotesCountForWhatIsKept(t *testing.T) {
	data := Files{
		"sources.json": []byte(`{"sources": [
			{"key": "botocore", "name": "botocore", "date": "2026-08-07"}, {"key": "models.dev", "name": "models.dev", "date": "2026-07-02"}, {"key": "portkey-pricing", "name": "Portkey", "date": "2026-08-21"},
			{"key": "former", "name": "a source that the notes had", "date": "2026-01-01"}],
			"regions": {"by": "botocore", "names": []}}`),
		"amazon.json": []byte(`{"models": [
			{"id": "amazon.titan-embed-image-v1", "context": 77, "released": "2024-12-01", "successor": "amazon.none", "by": {"models.dev": "context released", "former": "successor"},
			 "prices": [{"standard": {"by": "portkey-pricing", "input": 15}}, {"profile": "us", "standard": {"by": "models.dev", "input": 0.8}}]}]}`),
		"anthropic.json": []byte(`{"models": [{"id": "anthropic.claude-opus-5-v1", "context": 1, "by": {"models.dev": "context"}}, {"id": "anthropic.claude-sonnet-5", "context": 1, "by": {"models.dev": "context"}}]}`),
		"profiles.json":  []byte(`{"profiles": [{"id": "apac.anthropic.claude-sonnet-5", "by": "models.dev"}], "geographies": []}`),
	}
	u := updated(t, data, some(tablesIn(t, ownTables), "models-catwalk"))
	c, err := catalog.Parse(u.Files)
	if err != nil {
		t.Fatal(err)
	}
	m, ok := c.Model("amazon.titan-embed-image-v1")
	if !ok {
		t.Fatal("the model is gone")
	}
	_, ignored := c.Model("anthropic.claude-opus-5-v1")
	_, unconfirmed := c.Profile("apac.anthropic.claude-sonnet-5")
	_, stays := c.Model("anthropic.claude-sonnet-5")
	price, exact := m.Price("us", "")
	for what, good := range map[string]bool{
		"other facts stay":                  m.Context == 77 && exact && price.Standard.Input.Value == 800_000 && stays,
		"a day that stands for none goes":   m.Lifecycle.Launched.IsZero(),
		"prices of another model go":        len(m.Prices()) == 1,
		"an id that is ignored goes":        !ignored && !unconfirmed,
		"what the notes say no more goes":   m.Lifecycle.Successor == "",
		"what the notes say now is there":   m.Family == "titan-embed",
		"a source of nothing is left out":   !strings.Contains(string(u.Files["sources.json"]), `"former"`) && !strings.Contains(string(u.Files["sources.json"]), `"portkey-pricing"`),
		"one that is kept has its own name": strings.Contains(string(u.Files["sources.json"]), `"name":"models.dev","date":"2026-07-02"`),
	} {
		if !good {
			t.Errorf("it does not hold that %s", what)
		}
	}
}

// TestRatesOfTheCacheThatAreNoneAreNotKept uses data from before the notes listed these
// rates.
func TestRatesOfTheCacheThatAreNoneAreNotKept(t *testing.T) {
	data := Files(generate(t, tablesIn(t, ownTables)))
	const is = `"input":0.069,"output":0.276`
	was := edited(t, data, "amazon.json", is, is+`,"cacheRead":0.03,"cacheWrite":0.12,"cacheWrite1h":0.12`)
	if diff := cmp.Diff(data, updated(t, was, some(tablesIn(t, ownTables), "models-catwalk")).Files); diff != "" {
		t.Errorf("they stay, or other things do not (-want +got):\n%s", diff)
	}
}

func TestUpdatesThatFail(t *testing.T) {
	tables := tablesIn(t, ownTables)
	data := Files(generate(t, tables))
	broken := maps.Clone(data)
	delete(broken, "profiles.json")
	for _, tt := range []struct {
		what         string
		data, tables Files
		reason       string
	}{
		{"data that is not whole", broken, tables, "present data: profiles.json"},
		{"no data", Files{}, tables, "present data: sources.json"},
		{"no tables", data, Files{"readme.json": []byte("{}")}, "no file has the name of a known table"},
		{"a table that is none", data, Files{"models.dev-2026-11-20.json": []byte("[]")}, "models.dev-2026-11-20.json: "},
	} {
		t.Run(tt.what, func(t *testing.T) {
			if _, err := Update(tt.data, tt.tables); err == nil || !strings.Contains(err.Error(), tt.reason) {
				t.Errorf("the error is %v; want one with %q", err, tt.reason)
			}
		})
	}
}

func TestFilesAreAFileSystem(t *testing.T) {
	files := Files{"a.json": []byte("{}"), "b.txt": []byte("two")}
	file, err := files.Open("b.txt")
	if err != nil {
		t.Fatal(err)
	}
	info, err := file.Stat()
	if err != nil || info.Name() != "b.txt" || info.Size() != 3 || info.IsDir() || !info.Mode().IsRegular() || !info.ModTime().IsZero() || info.Sys() != nil {
		t.Errorf("%+v, %v", info, err)
	}
	if text, err := io.ReadAll(file); err != nil || string(text) != "two" || file.Close() != nil {
		t.Errorf("%q, %v", text, err)
	}
	if _, err := files.Open("c"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a file that is not there: %v", err)
	}
	if _, err := fs.Glob(files, "["); !errors.Is(err, path.ErrBadPattern) {
		t.Errorf("a pattern that is none: %v", err)
	}
	if got, err := ReadFiles(files); err != nil || len(got) != 1 || string(got["a.json"]) != "{}" {
		t.Errorf("%v, %v", got, err)
	}
}
