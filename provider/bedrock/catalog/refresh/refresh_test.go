package refresh

import (
	"flag"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"

	"outcrop/internal/jsonx"
	"outcrop/provider/bedrock/catalog"
	"outcrop/provider/bedrock/catalog/schema"
)

var update = flag.Bool("update", false, "write the expected files anew; those of the program only if the tables that they are made from are here")

const (
	ownTables = "testdata/tables"
	expected  = "testdata/expected"
	data      = "../data"
)

func generate(t *testing.T, tables fs.FS) map[string][]byte {
	t.Helper()
	files, err := Generate(tables)
	if err != nil {
		t.Fatal(err)
	}
	return files
}

// folder reads the files of a folder.
func folder(t *testing.T, dir string) map[string][]byte {
	t.Helper()
	names, err := filepath.Glob(filepath.Join(dir, "*.json"))
	if err != nil {
		t.Fatal(err)
	}
	files := map[string][]byte{}
	for _, name := range names {
		if files[filepath.Base(name)], err = os.ReadFile(name); err != nil {
			t.Fatal(err)
		}
	}
	return files
}

// compare compares generated files with those of a folder.
func compare(t *testing.T, got map[string][]byte, dir string) {
	t.Helper()
	if *update {
		for name := range folder(t, dir) {
			if err := os.Remove(filepath.Join(dir, name)); err != nil {
				t.Fatal(err)
			}
		}
		if err := os.MkdirAll(dir, 0o755); err != nil {
			t.Fatal(err)
		}
		for name, file := range got {
			if err := os.WriteFile(filepath.Join(dir, name), file, 0o644); err != nil {
				t.Fatal(err)
			}
		}
	}
	text := func(files map[string][]byte) map[string]string {
		out := map[string]string{}
		for name, file := range files {
			out[name] = string(file)
		}
		return out
	}
	if diff := cmp.Diff(text(folder(t, dir)), text(got)); diff != "" {
		t.Errorf("the generated files differ from those in %s; go test -update writes them anew (-there +generated):\n%s", dir, diff)
	}
}

func TestGenerate(t *testing.T) {
	files := generate(t, os.DirFS(ownTables))
	compare(t, files, expected)
	for range 3 {
		for name, again := range generate(t, os.DirFS(ownTables)) {
			if string(again) != string(files[name]) {
				t.Errorf("the same tables give another %s", name)
			}
		}
	}
	fsys := fstest.MapFS{}
	for name, file := range files {
		fsys[name] = &fstest.MapFile{Data: file}
	}
	c, err := catalog.Parse(fsys)
	if err != nil {
		t.Fatalf("the catalogue does not read what was generated: %v", err)
	}

	model := func(id string) *catalog.Model {
		m, ok := c.Model(id)
		if !ok {
			t.Fatalf("there is no model %s", id)
		}
		return m
	}
	rate := func(id, prefix, region string) *catalog.Price {
		p, exact := model(id).Price(prefix, region)
		if p == nil || !exact {
			t.Fatalf("%s has no price of its own for %q in %q", id, prefix, region)
		}
		return p
	}
	for what, good := range map[string]bool{
		"a newer table's facts win":                                    model("acme.tall-v1:0").Context == 64_000 && model("acme.tall-v1:0").Source("context").Key == "pi-ai",
		"AWS's list, the newest, wins over both":                       model("acme.tall-v1:0").Name == "Tall One" && model("acme.tall-v1:0").Lifecycle.Launched.Time().Day() == 3,
		"AWS's list says what can be called where":                     model("acme.tall-v1:0").OnDemand("us-east-1") == catalog.Yes && model("acme.tall-v1:0").OnDemand("us-east-2") == catalog.Unknown,
		"a table with few words for modalities gives way":              model("acme.tall-v1:0").Input == catalog.Text|catalog.Document|catalog.Audio && model("acme.wide-1").Input == catalog.Text,
		"a day that stands for no day is left out":                     model("acme.deep-v2:0").Lifecycle.Launched.IsZero(),
		"a double is the decimal that was meant":                       rate("acme.deep-v2:0", "", "").Standard.Input.Value == 50_000,
		"a pattern of ids ends lives":                                  model("acme.deep-v2:0").Lifecycle.EndOfLife.Time().Year() == 2027 && model("acme.deep-v2:0").Lifecycle.Legacy.Time().Year() == 2026 && model("acme.deep-v2:0").Lifecycle.Successor == "acme.tall-v1:0",
		"a model with an API of mantle's is there":                     model("acme.deep-v2:0").Mantle.ID == "acme.deep-v2:0" && model("acme.deep-v2:0").Mantle.Responses == catalog.Yes,
		"a model that only mantle has is not on the runtime":           model("acme.tall").Converse == catalog.No && model("acme.long").Converse == catalog.Unknown,
		"cents become dollars":                                         rate("acme.tall-v1:0", "", "").Flex.Input.Value == 250_000,
		"regions with one price stand together":                        slices.Equal(rate("acme.tall-v1:0", "", "eu-west-3").Regions, []string{"eu-south-1", "eu-west-1", "eu-west-3"}),
		"a region with the same price as elsewhere has none":           slices.Equal(rate("acme.tall-v1:0", "", "").Regions, nil),
		"long prompts have their price":                                rate("anthropic.claude-opus-9", "", "").LongAbove == 500_000 && rate("acme.long", "", "").Long.Output.Value == 4_000_000,
		"the cache for an hour comes from a table that agrees":         rate("anthropic.claude-opus-9", "", "").Standard.CacheWrite1h.Value == 8_000_000 && rate("anthropic.claude-opus-9", "", "").Standard.Source1h.Key == "portkey-pricing",
		"and from the maker's rule where one does not":                 rate("anthropic.claude-opus-9", "us", "").Standard.CacheWrite1h.Value == 8_800_000 && rate("anthropic.claude-opus-9", "us", "").Standard.Source1h.Key == "anthropic-prices",
		"a batch has the price of a table that agrees on others":       rate("anthropic.claude-opus-9", "", "").Batch.Input.Value == 2_000_000,
		"and none from one that does not":                              !rate("anthropic.claude-opus-9", "us", "").Batch.Known(),
		"rates of the cache that are none are left out":                !rate("amazon.nova-lite-v1:0", "", "eu-west-1").Standard.CacheRead.Set && !rate("amazon.nova-lite-v1:0", "", "eu-west-1").Standard.CacheWrite1h.Set && !rate("amazon.nova-lite-v1:0", "", "").Batch.CacheRead.Set,
		"and those of another table stay":                              rate("amazon.nova-lite-v1:0", "", "").Standard.CacheRead.Value == 15_000 && !rate("amazon.nova-lite-v1:0", "", "").Standard.CacheWrite1h.Set && rate("amazon.nova-lite-v1:0", "", "").Batch.Input.Value == 30_000,
		"a cache that costs nothing is one that is not there":          !rate("acme.wide-1", "us", "").Standard.CacheRead.Set,
		"images and queries are no tokens":                             rate("acme.painter-v1:0", "", "").Image.Value.USD() == 0.04 && rate("acme.rerank-v1:0", "", "").Query.Value.USD() == 0.002 && rate("acme.judge-v1:0", "", "").Query.Value.USD() == 0.002,
		"LiteLLM's prices are read":                                    rate("acme.odd-v1:0", "", "").Standard.CacheWrite1h.Value == 6_000_000 && rate("acme.odd-v1:0", "", "").LongAbove == 200_000 && rate("acme.odd-v1:0", "global", "").Standard.Input.Value == 2_500_000,
		"and those of a region":                                        rate("acme.odd-v1:0", "", "eu-west-2").Standard.Input.Value == 3_500_000,
		"its flags are facts":                                          model("acme.odd-v1:0").Tools == catalog.Yes && model("acme.odd-v1:0").Reasoning.Supported == catalog.No && model("acme.odd-v1:0").Cache.Supported == catalog.Yes,
		"its models on mantle are there":                               model("acme.fresh").Mantle.ID == "acme.fresh",
		"the notes' rules hold for ids that nobody had seen":           model("anthropic.claude-opus-9").Family == "claude" && model("anthropic.claude-opus-9").OnDemand("us-east-1") == catalog.No,
		"a kind that nobody says is unknown":                           model("acme.painter-v1:0").Kind == catalog.KindUnknown && model("acme.tall-v1:0").Kind == catalog.KindChat && model("acme.judge-v1:0").Kind == catalog.KindRerank,
		"what nobody says is unknown":                                  model("acme.unpriced").Tools == catalog.Unknown && model("acme.unpriced").Context == 0 && len(model("acme.unpriced").Prices()) == 0,
		"the vendor's own name is no id":                               len(c.Models()) == 13,
		"a profile leads where its table says":                         slices.Equal(profile(t, c, "us.anthropic.claude-opus-9").Destinations("us-east-1"), []string{"us-east-1", "us-east-2", "us-west-2"}),
		"answers from two regions make one profile":                    slices.Equal(profile(t, c, "us.acme.wide-1").Regions(), []string{"us-east-1", "us-west-2"}),
		"profiles of the account are nobody else's":                    len(c.ProfilesOf("acme.wide-1")) == 1,
		"profiles from a list that has some that do not exist are not": len(c.ProfilesOf("acme.nowhere-v1:0")) == 0,
	} {
		if !good {
			t.Errorf("it does not hold that %s", what)
		}
	}
}

func profile(t *testing.T, c *catalog.Catalogue, id string) *catalog.Profile {
	t.Helper()
	p, ok := c.Profile(id)
	if !ok {
		t.Fatalf("there is no profile %s", id)
	}
	return p
}

// TestTheProgramsDataIsWhatTheTablesGive regenerates the embedded data.
func TestTheProgramsDataIsWhatTheTablesGive(t *testing.T) {
	dir := filepath.Join("..", "..", "..", "..", "..", "shared", "data")
	if _, err := os.Stat(dir); err != nil {
		t.Skip("the tables that the data was made from are not here")
	}
	compare(t, generate(t, os.DirFS(dir)), data)
}

func TestTheFormOfTheProgramsData(t *testing.T) {
	files := folder(t, data)
	var sources schema.Sources
	read(t, files["sources.json"], &sources)
	keys := map[string]bool{}
	for _, s := range sources.Sources {
		keys[s.Key] = true
	}
	for name, file := range files {
		if name == "sources.json" || name == "profiles.json" {
			continue
		}
		var models schema.Models
		read(t, file, &models)
		b := []byte("{\"models\": [")
		for i := range models.Models {
			m := &models.Models[i]
			b = appendRow(b, i, appendModel(nil, m))
			checkSources(t, m, keys)
		}
		if string(append(b, "\n]}\n"...)) != string(file) {
			t.Errorf("%s is not in the form in which it is written: it has members that are not known, or was changed by hand", name)
		}
	}
	// Models named in the notes must be in the data.
	n, err := readNotes()
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range n.Sources {
		if !keys[s.Key] {
			t.Errorf("nothing is taken from the source %s of the notes", s.Key)
		}
	}
}

func read(t *testing.T, file []byte, into any) {
	t.Helper()
	if err := jsonx.Unmarshal(file, into); err != nil {
		t.Fatal(err)
	}
}

// checkSources checks that each fact of a model, and nothing else, has a source.
func checkSources(t *testing.T, m *schema.Model, keys map[string]bool) {
	t.Helper()
	stated := map[string]bool{}
	for _, f := range facts() {
		if f.has(m) {
			stated[f.name] = true
		}
	}
	for key, names := range m.By {
		for name := range strings.FieldsSeq(names) {
			if !stated[name] || !keys[key] {
				t.Errorf("%s: %s is not stated, has a second source, or %s is none", m.ID, name, key)
			}
			delete(stated, name)
		}
	}
	if len(stated) > 0 {
		t.Errorf("%s: no source for %q", m.ID, slices.Sorted(maps.Keys(stated)))
	}
}

// TestTheDayGoesBeforeTrust reads two tables with different prices.
func TestTheDayGoesBeforeTrust(t *testing.T) {
	for _, tt := range []struct{ what, dev, lite, want string }{
		{"of one day, the one that is trusted more", "2026-11-20", "2026-11-20", "models.dev"},
		{"the newer one, if it is trusted less", "2026-11-20", "2026-11-21", "litellm"},
		{"the newer one, if it is trusted more", "2026-11-21", "2026-11-20", "models.dev"},
	} {
		t.Run(tt.what, func(t *testing.T) {
			c, err := catalog.Parse(Files(generate(t, fstest.MapFS{
				"models.dev-" + tt.dev + ".json":                       {Data: []byte(`{"models": {"anthropic.claude-opus-9": {"limit": {"context": 1}, "cost": {"input": 5.5}}}}`)},
				"model_prices_and_context_window-" + tt.lite + ".json": {Data: []byte(`{"anthropic.claude-opus-9": {"litellm_provider": "bedrock", "max_input_tokens": 2, "input_cost_per_token": 5e-06}}`)},
			})))
			if err != nil {
				t.Fatal(err)
			}
			m, _ := c.Model("anthropic.claude-opus-9")
			price, _ := m.Price("", "")
			if got := m.Source("context").Key; got != tt.want || price.Standard.Source.Key != tt.want {
				t.Errorf("got the context of %s and the price of %s, want those of %s", got, price.Standard.Source.Key, tt.want)
			}
		})
	}
}

func TestEveryTableHasAPlaceInTheOrderOfTrust(t *testing.T) {
	for _, f := range formats() {
		if f.read != nil && trust(f.source.Key) < 0 {
			t.Errorf("%s has none, and goes before AWS's own", f.source.Key)
		}
	}
	if trust("guide") >= 0 {
		t.Error("a source of the notes does not go first")
	}
}

func TestTablesThatCannotBeRead(t *testing.T) {
	for _, tt := range []struct{ what, name, text, reason string }{
		{"no table at all", "readme.json", `{}`, "no file has the name of a known table"},
		{"a table without a day", "lifecycle.json", `{"eol": []}`, "date of the table is unknown"},
		{"a day that is none", "lifecycle-2026-13-01.json", `{"eol": []}`, "is not a date"},
		{"a table that is no JSON", "models-pi-ai-2026-11-10.json", `{`, "invalid JSON"},
		{"a price that is none", "models-pi-ai-2026-11-10.json", `{"bedrock-converse-stream": {"a": {"id": "acme.one", "cost": {"input": "free"}}}}`, "acme.one: price of input"},
		{"a price in the wrong unit", "model_prices_and_context_window-2026-11-10.json", `{"acme.one": {"litellm_provider": "bedrock", "input_cost_per_token": 3000000}}`, "acme.one: standard: price of input: 3000000 is not a price"},
		{"a list that tells no region", "list-foundation-models-2026-11-10.json", `{"modelSummaries": [{"modelId": "acme.one"}]}`, "names the region"},
		{"an answer that is a refusal", "list-inference-profiles-2026-11-10.json", `{"message": "no"}`, "has no inferenceProfileSummaries"},
		{"more tiers of length than are known", "models-pi-ai-2026-11-10.json", `{"bedrock-converse-stream": {"a": {"id": "acme.one", "cost": {"input": 1, "tiers": [{}, {}]}}}}`, "acme.one: has 2 tiers"},
	} {
		t.Run(tt.what, func(t *testing.T) {
			files, err := Generate(fstest.MapFS{tt.name: {Data: []byte(tt.text)}})
			if err == nil || !strings.Contains(err.Error(), tt.reason) {
				t.Errorf("got %d files and the error %v; want one with %q", len(files), err, tt.reason)
			}
		})
	}
}

func TestDiffSaysWhatChanges(t *testing.T) {
	tables := fstest.MapFS{}
	for name, file := range folder(t, ownTables) {
		tables[name] = &fstest.MapFile{Data: file}
	}
	before := generate(t, tables)
	edit := func(name, old, text string) {
		file := string(tables[name].Data)
		if !strings.Contains(file, old) {
			t.Fatalf("%s has no %s", name, old)
		}
		tables[name] = &fstest.MapFile{Data: []byte(strings.Replace(file, old, text, 1))}
	}
	edit("models-pi-ai-2026-11-10.json", `"contextWindow": 64000`, `"contextWindow": 96000`)
	edit("models-pi-ai-2026-11-10.json", `"input": 4.4, "output": 22`, `"input": 4.2, "output": 22`)
	edit("models.dev-2026-07-02.json", `"release_date": "2024-12-01"`, `"release_date": "2026-06-07"`)
	edit("portkey-pricing-bedrock-2026-08-21.json", `"eu-west-3": {"execution_modes"`, `"eu-west-2": {"execution_modes"`)
	edit("portkey-general-bedrock-2026-08-21.json", `acme.unpriced`, `acme.later`)
	tables["lifecycle-2026-08-01.json"] = tables["lifecycle-2026-07-17.json"]
	delete(tables, "lifecycle-2026-07-17.json")

	changes, err := Diff(before, generate(t, tables))
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, c := range changes {
		got = append(got, c.String())
	}
	want := []string{
		"acme.deep-v2:0: released is now known: 2026-06-07",
		"acme.later is new",
		"acme.tall-v1:0: context was 64000, is 96000",
		"acme.tall-v1:0: price eu-west-2 standard input is now known: 0.6",
		"acme.tall-v1:0: price eu-west-2 standard output is now known: 0.9",
		"acme.tall-v1:0: price eu-west-3 standard input is no longer known; it was 0.6",
		"acme.tall-v1:0: price eu-west-3 standard output is no longer known; it was 0.9",
		"acme.unpriced is gone",
		"anthropic.claude-opus-9: price us standard cacheWrite1h was 8.8, is 8.4",
		"anthropic.claude-opus-9: price us standard input was 4.4, is 4.2",
		"source aws-startups: date was 2026-07-17, is 2026-08-01",
	}
	if got, want := Summary(changes), "8 changes in 3 models; 1 new model; 1 model gone; 1 change of sources, geographies or regions"; got != want {
		t.Errorf("summary %q, want %q", got, want)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("changes (-want +got):\n%s", diff)
	}
	same, err := Diff(before, before)
	if err != nil || len(same) != 0 || Summary(same) != "no changes" {
		t.Errorf("nothing changed, but %v (%v)", same, err)
	}
	if _, err := Diff(before, map[string][]byte{"acme.json": []byte("{")}); err == nil {
		t.Error("a file that is no JSON has a difference")
	}
}
