package catalog_test

import (
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"outcrop/catalog"
	"outcrop/llm"
)

func TestEmbeddedFilesAreValid(t *testing.T) {
	c, err := catalog.Open(catalog.Embedded())
	if err != nil {
		t.Fatal(err)
	}
	if c.Newest().Before(time.Date(2026, 11, 20, 0, 0, 0, 0, time.UTC)) || len(c.Sources()) < 2 {
		t.Errorf("the newest source is of %v; there are %d", c.Newest(), len(c.Sources()))
	}
	for provider, least := range map[string]int{
		"openai": 150, "azure": 200, "azure_ai": 100, "anthropic": 20, "gemini": 60, "vertex_ai": 150, "groq": 8, "mistral": 50, "openrouter": 300, "cohere": 10, "voyage": 20,
	} {
		table, err := c.Provider(provider)
		if err != nil {
			t.Fatal(err)
		}
		if n := len(table.IDs()); n < least {
			t.Errorf("%s has %d models, fewer than %d", provider, n, least)
		}
		for _, id := range table.IDs() {
			m, ok := table.Model(id)
			if !ok || m.Source("prices") == nil || m.Source("maxOutput").Date.IsZero() {
				t.Errorf("%s/%s has no source", provider, id)
			}
		}
	}
	if table, err := c.Provider("no such"); err != nil || len(table.IDs()) != 0 {
		t.Errorf("an unknown provider: %v", err)
	}
}

const sources = `[{"key":"a","name":"table a","date":"2026-11-10","url":"https://a.example"},{"key":"b","name":"table b","date":"2026-10-01","url":""}]`

func open(t *testing.T, provider string, lines ...string) (*catalog.Table, error) {
	t.Helper()
	c, err := catalog.Open(fstest.MapFS{
		"sources.json":      {Data: []byte(sources)},
		provider + ".jsonl": {Data: []byte(strings.Join(lines, "\n") + "\n")},
	})
	if err != nil {
		t.Fatal(err)
	}
	return c.Provider(provider)
}

func TestAnIDMeansTheModelThatTheProviderServes(t *testing.T) {
	for _, tt := range []struct {
		provider string
		ids      []string
		asked    map[string]string // to ids; empty for none
	}{
		{"openai", []string{"gpt-5", "gpt-5-2025-08-07", "gpt-9-2027-01-02", "gpt-9-2027-03-04"}, map[string]string{
			"gpt-5": "gpt-5", "GPT-5": "gpt-5", "gpt-5-2025-08-07": "gpt-5-2025-08-07", "gpt-5-2025-12-31": "gpt-5", "gpt-5-latest": "gpt-5",
			"gpt-9": "gpt-9-2027-03-04", "gpt-9-latest": "gpt-9-2027-03-04", "gpt-9-2027-02-01": "", "gpt-5-mini": "", "gpt": "", "": "", "responses/gpt-5": "gpt-5", "responses/gpt-9-latest": "gpt-9-2027-03-04", "responses/": "",
		}},
		{"anthropic", []string{"claude-haiku-4-5", "claude-sonnet-4-5-20250929"}, map[string]string{
			"claude-sonnet-4-5": "claude-sonnet-4-5-20250929", "claude-haiku-4-5-20251001": "claude-haiku-4-5", "claude-sonnet-4": "", "claude-sonnet-4-5@20250929": "",
		}},
		{"vertex_ai", []string{"claude-sonnet-4-5@20250929", "gemini-2.0-flash-001", "meta/llama-4"}, map[string]string{
			"claude-sonnet-4-5": "claude-sonnet-4-5@20250929", "gemini-2.0-flash": "gemini-2.0-flash-001", "publishers/google/models/gemini-2.0-flash-001": "gemini-2.0-flash-001", "meta/llama-4": "meta/llama-4",
		}},
		{"gemini", []string{"gemini-3-flash"}, map[string]string{"models/gemini-3-flash": "gemini-3-flash", "gemini-3-flash-001": "gemini-3-flash"}},
		{"fireworks_ai", []string{"accounts/fireworks/models/kimi-k3"}, map[string]string{"kimi-k3": "accounts/fireworks/models/kimi-k3", "accounts/me/models/kimi-k3": ""}},
		{"openrouter", []string{"openai/gpt-5"}, map[string]string{"openai/gpt-5": "openai/gpt-5", "openai/gpt-5:exacto": "openai/gpt-5", "openai/gpt-5:free": ""}},
	} {
		var lines []string
		for _, id := range tt.ids {
			lines = append(lines, `{"id":"`+id+`","by":"a"}`)
		}
		table, err := open(t, tt.provider, lines...)
		if err != nil {
			t.Fatal(err)
		}
		for asked, want := range tt.asked {
			m, ok := table.Model(asked)
			if !ok && want != "" || ok && m.ID != want {
				t.Errorf("%s/%s: %+v, want %q", tt.provider, asked, m, want)
			}
		}
	}
}

func TestModelsOfTheResponsesAPIAlone(t *testing.T) {
	c, err := catalog.Open(catalog.Embedded())
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]bool{
		"openai/gpt-5.3-codex": true, "openai/o3-pro": true, "openai/gpt-5.4-pro-2026-03-05": true, "openai/gpt-5": false, "openai/chat-latest": false, "azure/codex-mini": true, "xai/grok-4.20-multi-agent": true,
	} {
		provider, id, _ := strings.Cut(name, "/")
		table, err := c.Provider(provider)
		if err != nil {
			t.Fatal(err)
		}
		m, ok := table.Model(id)
		if !ok || m.ResponsesOnly.Value != want || want && m.Source("responsesOnly").Key != "litellm" {
			t.Errorf("%s: %+v", name, m)
		}
	}
}

func TestFactsHaveTheirSources(t *testing.T) {
	table, err := open(
		t, "openai",
		`{"id":"gpt-5","name":"GPT-5","kind":"chat","context":400000,"maxInput":272000,"maxOutput":128000,"input":"text image","output":"text","tools":true,"reasoning":false,"endOfLife":"2026-12-11","successor":"gpt-6","prices":[{"input":1.25,"output":10,"cacheRead":0.125},{"tier":"flex","input":0.625}],"units":{"query":0.002,"inputImage":0.01},"by":"a","also":{"b":"name context"}}`,
		`{"id":"gpt-latest","alias":"gpt-5","by":"b"}`,
	)
	if err != nil {
		t.Fatal(err)
	}
	m, ok := table.Model("gpt-latest")
	if !ok || m.ID != "gpt-5" || m.Verb() != llm.VerbChat || m.Limit() != 272_000 || m.MaxOutput != 128_000 || len(m.Input) != 2 || m.Tools != llm.Some(true) || m.Reasoning != llm.Some(false) || m.Schema.Set {
		t.Fatalf("%+v", m)
	}
	if m.Source("maxOutput").Key != "a" || m.Source("context").Key != "b" || m.EndOfLife.Format(time.DateOnly) != "2026-12-11" {
		t.Errorf("%+v, %+v, %v", m.Source("maxOutput"), m.Source("context"), m.EndOfLife)
	}
	if cost, ok := m.Prices.Cost("flex", &llm.Usage{Input: 1000, Output: 100}); !ok || cost.String() != "0.001625" {
		t.Errorf("%s, %t", cost, ok)
	}
	if m.Units["inputImage"].String() != "0.01" || m.Prices.Query.Value.String() != "0.002" {
		t.Errorf("%v", m.Units)
	}
}

func TestBrokenFilesAreRefusedWithTheLine(t *testing.T) {
	for want, lines := range map[string][]string{
		"line 2: JSON":                           {`{"id":"a","by":"a"}`, `{"id":"b","by":`},
		"line 2: a is out of order":              {`{"id":"b","by":"a"}`, `{"id":"a","by":"a"}`},
		"line 1: a: by is missing":               {`{"id":"a"}`},
		`line 1: a: there is no source "z"`:      {`{"id":"a","by":"z"}`},
		`the kind "soup" is none of`:             {`{"id":"a","kind":"soup","by":"a"}`},
		`"smell" is not a modality`:              {`{"id":"a","input":"text smell","by":"a"}`},
		"is not a day":                           {`{"id":"a","endOfLife":"soon","by":"a"}`},
		"is not a price":                         {`{"id":"a","prices":[{"input":-1}],"by":"a"}`},
		"are the second of their tier":           {`{"id":"a","prices":[{"input":1},{"input":2}],"by":"a"}`},
		`the unit "kilo" is none of`:             {`{"id":"a","units":{"kilo":1},"by":"a"}`},
		"a is another name of b, which is not":   {`{"id":"a","alias":"b","by":"a"}`},
		"a: a limit is negative":                 {`{"id":"a","context":-1,"by":"a"}`},
		`there is no source "q"`:                 {`{"id":"a","by":"a","also":{"q":"name"}}`},
		"line 1: a model needs an id":            {`{"by":"a"}`},
		"line 1: a: is its own alias":            {`{"id":"a","alias":"a","by":"a"}`},
		"line 2: a is out of order or there twi": {`{"id":"a","by":"a"}`, `{"id":"a","by":"a"}`},
	} {
		if _, err := open(t, "openai", lines...); err == nil || !strings.Contains(err.Error(), strings.TrimPrefix(want, "line 2: JSON")) {
			t.Errorf("%s: %v", want, err)
		}
	}
	for _, wrong := range []string{`{}`, `[{"key":"a"}]`, `[{"key":"a","name":"a","date":"today"}]`, `[{"key":"a","name":"a","date":"2026-01-01"},{"key":"a","name":"a","date":"2026-01-01"}]`} {
		if _, err := catalog.Open(fstest.MapFS{"sources.json": {Data: []byte(wrong)}}); err == nil {
			t.Errorf("%s is accepted", wrong)
		}
	}
	if _, err := catalog.Open(fstest.MapFS{}); err == nil {
		t.Error("no sources are accepted")
	}
}
