package catalog

import (
	"encoding/json"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"time"
)

// sharedData is the folder of the tables that the data was made from; the test
// skips where it is not.
func sharedData(t *testing.T) string {
	t.Helper()
	dir := filepath.Join("..", "..", "..", "..", "shared", "data")
	if _, err := os.Stat(dir); err != nil {
		t.Skip("the tables that the data was made from are not here")
	}
	return dir
}

func TestWhatTheProgramKnows(t *testing.T) {
	c := Embedded()
	sonnet, ok := c.Model("anthropic.claude-sonnet-4-5-20250929-v1:0")
	if !ok {
		t.Fatal("Claude Sonnet 4.5 is not known")
	}
	for what, good := range map[string]bool{
		"name":        sonnet.Name == "Claude Sonnet 4.5" && sonnet.Vendor == "anthropic" && sonnet.Family == "claude" && sonnet.Kind == KindChat,
		"APIs":        sonnet.Converse == Yes && sonnet.Invoke == Yes && sonnet.Mantle.ID == "",
		"limits":      sonnet.Context == 200_000 && sonnet.MaxOutput == 64_000,
		"modalities":  sonnet.Input == Text|Image|Document && sonnet.Output == Text,
		"tools":       sonnet.Tools == Yes && sonnet.StreamTools == Yes,
		"reasoning":   sonnet.Reasoning.Style == StyleBudget && sonnet.Reasoning.MinimumBudget == 1024,
		"cache":       sonnet.Cache.Supported == Yes && sonnet.Cache.Minimum == 1024 && sonnet.Cache.OneHour == Yes,
		"on demand":   sonnet.OnDemand("us-east-1") == No && sonnet.OnDemand("us-gov-west-1") == Unknown,
		"release":     sonnet.Lifecycle.Launched.Time().Equal(time.Date(2025, 9, 29, 0, 0, 0, 0, time.UTC)),
		"its sources": sonnet.Source("context").Key == "pi-ai" && sonnet.Source("successor") == nil,
	} {
		if !good {
			t.Errorf("%s of Claude Sonnet 4.5: got %+v", what, sonnet)
		}
	}

	us, ok := c.Profile("us.anthropic.claude-haiku-4-5-20251001-v1:0")
	if !ok || us.From("us-west-1") != Yes || us.From("eu-west-1") != No || slices.Contains(us.Destinations("us-west-1"), "us-west-1") {
		t.Errorf("the profile of Claude Haiku 4.5 for the US can be called in us-west-1, which does not serve: got %+v", us)
	}
	world, ok := c.Profile("global.anthropic.claude-sonnet-5-5")
	if !ok || !world.Worldwide() || world.From("eu-west-1") != Unknown {
		t.Errorf("a global profile leads to the whole world, from where nobody says: got %+v", world)
	}
	if in, ok := c.Geography("in"); !ok || !in.Has("ap-south-1") || in.Has("us-east-1") {
		t.Errorf("the geography in: got %+v", in)
	}
	if !slices.Contains(c.Regions(), "eu-west-3") {
		t.Errorf("regions: got %q", c.Regions())
	}

	end := time.Date(2026, 10, 14, 0, 0, 0, 0, time.UTC)
	old, _ := c.Model("anthropic.claude-sonnet-4-20250514-v1:0")
	if l := &old.Lifecycle; l.IsLegacy(end.AddDate(-1, 0, 0)) != No || l.IsLegacy(end.AddDate(0, -1, 0)) != Yes || l.HasEnded(end.Add(-time.Second)) || !l.HasEnded(end) {
		t.Errorf("the life of Claude Sonnet 4: got %+v", l)
	}
	gone, _ := c.Model("anthropic.claude-3-7-sonnet-20250219-v1:0")
	if l := &gone.Lifecycle; !l.HasEnded(end) || l.IsLegacy(end) != Yes || !l.EndOfLife.IsZero() {
		t.Errorf("the life of Claude 3.7 Sonnet, whose end has no day: got %+v", l)
	}
	if young, _ := c.Model("anthropic.claude-opus-5-5"); young.Lifecycle.IsLegacy(end) != Unknown || young.Lifecycle.HasEnded(end) {
		t.Errorf("the life of Claude Opus 5.5: got %+v", young.Lifecycle)
	}
}

func TestFriendlyNamesOfTheData(t *testing.T) {
	c := Embedded()
	for name, want := range map[string]string{
		"claude-sonnet-4-5":  "anthropic.claude-sonnet-4-5-20250929-v1:0",
		"claude-3-7-sonnet":  "anthropic.claude-3-7-sonnet-20250219-v1:0",
		"claude-opus-5.5":    "anthropic.claude-opus-5-5",
		"deepseek-r1":        "deepseek.r1-v1:0",
		"deepseek-v3.1":      "deepseek.v3.1",
		"nova-pro":           "amazon.nova-pro-v1:0",
		"nova-2-lite":        "amazon.nova-2-lite-v1:0",
		"llama4-scout":       "meta.llama4-scout-17b-instruct-v1:0",
		"llama3-3":           "meta.llama3-3-70b-instruct-v1:0",
		"gpt-oss-120b":       "openai.gpt-oss-120b-1:0",
		"gpt-5.6-sol":        "openai.gpt-5.6-sol",
		"qwen3-32b":          "qwen.qwen3-32b-v1:0",
		"pixtral-large":      "mistral.pixtral-large-2502-v1:0",
		"glm-4.7":            "zai.glm-4.7",
		"kimi-k2-thinking":   "moonshot.kimi-k2-thinking",
		"titan-embed-text":   "amazon.titan-embed-text-v2:0",
		"cohere.rerank-v3-5": "cohere.rerank-v3-5:0",
		"llama3-1":           "",
		"claude":             "",
		"gpt-oss":            "",
	} {
		if got, ok := c.Friendly(name); got != want || ok != (want != "") {
			t.Errorf("Friendly(%q) = %q, want %q", name, got, want)
		}
	}
	for _, m := range c.Models() {
		if got, ok := c.Friendly(m.ID); ok && takeApart(got).name != takeApart(m.ID).name {
			t.Errorf("the id %s is the friendly name of %s", m.ID, got)
		}
	}
	if got := c.Nearest("anthropic.claude-sonet-4-5", "", 3); got[0] != "claude-sonnet-4-5" {
		t.Errorf("nearest are %q", got)
	}
}

// TestPricesArePlausible holds what is so of every price list of Bedrock, and
// would not be if a column were mistaken for another or cents for dollars.
func TestPricesArePlausible(t *testing.T) {
	const most = 200_000_000 // 200 USD for a million tokens
	for _, m := range Embedded().Models() {
		for _, p := range m.Prices() {
			for tier, r := range map[string]*Rates{"standard": &p.Standard, "long": p.Long, "batch": p.Batch, "flex": p.Flex, "priority": p.Priority} {
				if !r.Known() {
					continue
				}
				in, out := r.Input.Value, r.Output.Value
				if r.Source == nil || !r.Input.Set || in <= 0 || in > most || out > most || m.Kind == KindChat && out < in {
					t.Errorf("%s %s %v, %s: input %d, output %d, source %v", m.ID, p.Profile, p.Regions, tier, in, out, r.Source)
				}
				if r.CacheRead.Set && tier != "batch" && r.CacheRead.Value >= in {
					t.Errorf("%s %s %v, %s: reading the cache costs %d, input %d", m.ID, p.Profile, p.Regions, tier, r.CacheRead.Value, in)
				}
				if r.CacheWrite1h.Set && r.CacheWrite1h.Value < r.CacheWrite.Value {
					t.Errorf("%s %s %v, %s: the cache for an hour costs less than for five minutes", m.ID, p.Profile, p.Regions, tier)
				}
				switch standard := p.Standard.Input.Value; {
				case (tier == "batch" || tier == "flex") && in > standard, (tier == "long" || tier == "priority") && in < standard:
					t.Errorf("%s %s %v: %s input costs %d, standard %d", m.ID, p.Profile, p.Regions, tier, in, standard)
				}
			}
			if (p.Image.Set || p.Query.Set) != (p.UnitSource != nil) || p.Image.Value.USD() > 1 || p.Query.Value.USD() > 0.01 {
				t.Errorf("%s: an image costs %v, a query %v", m.ID, p.Image, p.Query)
			}
		}
	}
}

func TestDataFilesAreSmall(t *testing.T) {
	names, err := fs.Glob(embedded, "data/*.json")
	if err != nil || len(names) < 10 {
		t.Fatalf("%d files, %v", len(names), err)
	}
	for _, name := range names {
		if info, err := fs.Stat(embedded, name); err != nil || info.Size() > 40<<10 {
			t.Errorf("%s: %d bytes, %v", name, info.Size(), err)
		}
	}
}

// TestPrefixesAreThoseOfTheTables compares the profiles with the union of the
// tables that came with the sources.
func TestPrefixesAreThoseOfTheTables(t *testing.T) {
	data, err := os.ReadFile(filepath.Join(sharedData(t), "catalogue-merged.json"))
	if err != nil {
		t.Fatal(err)
	}
	var merged struct {
		Models map[string]struct {
			Prefixes      []string
			ContextWindow int64
			MaxOutput     int64
			EndOfLife     string
		}
	}
	if err := json.Unmarshal(data, &merged); err != nil {
		t.Fatal(err)
	}
	c := Embedded()
	for _, id := range slices.Sorted(maps.Keys(merged.Models)) {
		want := merged.Models[id]
		m, ok := c.Model(id)
		if !ok {
			t.Errorf("%s is not in the catalogue", id)
			continue
		}
		var prefixes []string
		for _, p := range c.ProfilesOf(id) {
			if p.Source.Key == "guide" && !slices.Contains(want.Prefixes, p.Prefix) {
				continue // the union is of tables only
			}
			prefixes = append(prefixes, p.Prefix)
		}
		slices.Sort(want.Prefixes)
		slices.Sort(prefixes)
		if !slices.Equal(prefixes, want.Prefixes) {
			t.Errorf("%s has the prefixes %q, want %q", id, prefixes, want.Prefixes)
		}
		if strings.HasPrefix(id, "openai.gpt-oss-") && strings.HasSuffix(id, "-1:0") {
			want.ContextWindow, want.MaxOutput = 131_072, 16_384 // the union has the limits of the government's profile, and those of the tables are too high
		}
		if m.Context != want.ContextWindow || m.MaxOutput != want.MaxOutput {
			t.Errorf("%s: context %d and output %d, want %d and %d", id, m.Context, m.MaxOutput, want.ContextWindow, want.MaxOutput)
		}
		if end, _ := day(want.EndOfLife); m.Lifecycle.EndOfLife != end {
			t.Errorf("%s ends on %s, want %s", id, m.Lifecycle.EndOfLife, want.EndOfLife)
		}
	}
	if len(c.Models()) < 156 || len(merged.Models) != 156 {
		t.Errorf("there are %d models, and %d in the union", len(c.Models()), len(merged.Models))
	}
}

func TestDataThatCannotBe(t *testing.T) {
	const sources = `{"sources":[{"key":"s","name":"S","date":"2026-01-31"}],"regions":{"by":"s","names":["eu-west-1"]}}`
	const model = `{"models":[{"id":"acme.one","by":{"s":"kind"},"kind":"chat","prices":[{"standard":{"by":"s","input":1}}]}]}`
	const profiles = `{"profiles":[{"id":"eu.acme.one","by":"s"}],"geographies":[]}`
	for _, tt := range []struct{ what, file, old, new, reason string }{
		{"a source without a date", "sources.json", `"date":"2026-01-31"`, `"date":""`, "needs a key, a name and a date"},
		{"a day that is none", "sources.json", `2026-01-31`, `2026-02-31`, "is not a day"},
		{"a source that nobody defines", "acme.json", `{"s":"kind"}`, `{"x":"kind"}`, `no source "x"`},
		{"a fact with two sources", "acme.json", `"s":"kind"`, `"s":"kind kind"`, "two sources"},
		{"a price without a source", "acme.json", `{"by":"s","input":1}`, `{"input":1}`, `no source ""`},
		{"a price that is a text", "acme.json", `"input":1`, `"input":"1"`, "must be a number"},
		{"a price below nothing", "acme.json", `"input":1`, `"input":-1`, "is not a price"},
		{"two prices for one place", "acme.json", `{"standard":{"by":"s","input":1}}`, `{"standard":{"by":"s","input":1}},{"standard":{"by":"s","input":1}}`, "second price"},
		{"a length of prompts without its rates", "acme.json", `"prices":[{`, `"prices":[{"longAbove":1,`, "long prompts"},
		{"a model in the file of another vendor", "acme.json", `acme.one`, `other.one`, "belongs in the file other.json"},
		{"models out of order", "acme.json", `{"models":[`, `{"models":[{"id":"acme.two"},`, "out of order"},
		{"a modality that is none", "acme.json", `"kind":"chat"`, `"kind":"chat","input":["smell"]`, `"smell" is not a modality`},
		{"a profile of no model", "profiles.json", `eu.acme.one`, `eu.acme.two`, "no model"},
		{"regions without a source", "profiles.json", `"by":"s"`, `"by":"s","from":["eu-west-1"]`, `no source ""`},
		{"a file that is no JSON", "profiles.json", `{"profiles"`, `{profiles`, "invalid JSON"},
	} {
		t.Run(tt.what, func(t *testing.T) {
			files := map[string]string{"sources.json": sources, "acme.json": model, "profiles.json": profiles}
			files[tt.file] = strings.Replace(files[tt.file], tt.old, tt.new, 1)
			fsys := fstest.MapFS{}
			for name, text := range files {
				fsys[name] = &fstest.MapFile{Data: []byte(text)}
			}
			c, err := Parse(fsys)
			if err == nil || !strings.Contains(err.Error(), tt.reason) || !strings.Contains(err.Error(), tt.file) {
				t.Errorf("got %v and the error %v; want one of %s with %q", c, err, tt.file, tt.reason)
			}
		})
	}
}
