package tables_test

import (
	"slices"
	"strings"
	"testing"

	"outcrop/catalog"
	"outcrop/catalog/tables"
	"outcrop/llm"
)

const lite = `{
	"sample_spec": {"litellm_provider": "one of many", "max_input_tokens": "a number"},
	"gpt-5": {"litellm_provider": "openai", "mode": "chat", "max_input_tokens": 272000, "max_output_tokens": 128000, "supports_vision": true, "supports_function_calling": true,
		"deprecation_date": "2026-12-11", "input_cost_per_token": 1.25e-06, "output_cost_per_token": 1e-05, "cache_read_input_token_cost": 1.25e-07, "input_cost_per_token_flex": 6.25e-07,
		"input_cost_per_token_above_272k_tokens": 2.5e-06, "input_cost_per_token_above_272k_tokens_priority": 5e-06},
	"gpt-latest": {"alias_of": "gpt-5"},
	"1024-x-1024/gpt-image": {"litellm_provider": "openai", "mode": "image_generation"},
	"openai/serp": {"litellm_provider": "openai", "mode": "search"},
	"acme/one": {"litellm_provider": "acme", "mode": "chat"},
	"xai/grok": {"litellm_provider": "xai", "mode": "chat", "input_cost_per_token": 1e-06, "input_cost_per_token_above_200k_tokens": 2e-06},
	"dashscope/qwen": {"litellm_provider": "dashscope", "mode": "chat", "tiered_pricing": [
		{"range": [0, 32000.0], "input_cost_per_token": 1e-06, "output_cost_per_token": 5e-06}, {"range": [32000.0, 128000.0], "input_cost_per_token": 2e-06, "output_cost_per_token": 9e-06, "output_cost_per_reasoning_token": 2e-05}]},
	"fireworks_ai/accounts/fireworks/models/kimi": {"litellm_provider": "fireworks_ai", "mode": "chat", "input_cost_per_token": 6e-07, "output_cost_per_token": 2.5e-06},
	"rerank-3": {"litellm_provider": "cohere", "mode": "rerank", "input_cost_per_token": 0.0, "output_cost_per_token": 0.0, "input_cost_per_query": 0.002},
	"vertex_ai/claude-sonnet-5": {"litellm_provider": "vertex_ai-anthropic_models", "mode": "chat", "max_output_tokens": 64000},
	"gpt-5-pro": {"litellm_provider": "openai", "mode": "responses", "supports_reasoning": true, "supported_endpoints": ["/v1/batch", "/v1/responses"]},
	"gpt-7": {"litellm_provider": "openai", "mode": "responses", "supported_endpoints": ["/v1/chat/completions", "/v1/responses"]},
	"gpt-image-9": {"litellm_provider": "openai", "mode": "image_generation", "input_cost_per_token": 5e-06, "cache_read_input_token_cost": 1.25e-06, "input_cost_per_image_token": 1e-05, "output_cost_per_image_token": 4e-05,
		"input_cost_per_image_token_batches": 5e-06, "output_cost_per_image_token_batches": 2e-05},
	"gemini/gemini-9-image": {"litellm_provider": "gemini", "mode": "image_generation", "input_cost_per_token": 5e-07, "output_cost_per_token": 3e-06, "output_cost_per_image": 0.039, "output_cost_per_image_token": 6e-05, "output_cost_per_image_token_priority": 0.000108},
	"azure/whisper": {"litellm_provider": "azure", "mode": "audio_transcription", "input_cost_per_second": 0.0001}
}`

const dev = `{
	"openai": {"models": {
		"gpt-5": {"name": "GPT-5", "tool_call": false, "cost": {"input": 1.5, "output": 10}, "limit": {"context": 400000, "output": 100000}, "modalities": {"input": ["text", "pdf"], "output": ["text"]}},
		"gpt-6": {"name": "GPT-6", "cost": {"input": 2, "output": 8, "cache_read": 0, "context_over_200k": {"input": 4, "output": 12}}, "limit": {"context": 1000000, "output": 128000}, "modalities": {"input": ["text"], "output": ["text"]}}}},
	"google": {"models": {"gemini-x": {"cost": {"input": 0, "output": 0}, "limit": {"context": 5, "output": 4}, "modalities": {"input": ["text"], "output": ["text"]}}}}
}`

const judge = `[{"id": "openai", "models": [{"id": "gpt-5", "match": {"or": [{"equals": "gpt-5"}, {"starts_with": "gpt-5-20"}]}, "prices": PRICE}]}]`

func names() []string {
	return []string{"openai", "xai", "dashscope", "fireworks_ai", "cohere", "cohere_chat", "vertex_ai", "azure", "gemini"}
}

func update(t *testing.T, present, folder tables.Files) *tables.Result {
	t.Helper()
	var before tables.Files
	if present != nil {
		before = present
	}
	r, err := tables.Update(before, folder, names())
	if err != nil {
		t.Fatal(err)
	}
	if n, err := catalog.Verify(r.Files); err != nil || n != r.Models {
		t.Fatalf("%d models of %d: %v", n, r.Models, err)
	}
	return r
}

func line(t *testing.T, r *tables.Result, provider, id string) string {
	t.Helper()
	for row := range strings.Lines(string(r.Files[provider+".jsonl"])) {
		if strings.HasPrefix(row, `{"id":"`+id+`"`) {
			return strings.TrimSpace(row)
		}
	}
	return ""
}

func folder(judgement string) tables.Files {
	return tables.Files{
		"model_prices_and_context_window-2026-11-20.json": []byte(lite),
		"models.dev-2026-11-21.json":                      []byte(dev),
		"genai-prices-2026-11-10.json":                    []byte(strings.Replace(judge, "PRICE", judgement, 1)),
		"notes.json":                                      []byte("not a table"),
	}
}

func TestTablesBecomeRows(t *testing.T) {
	r := update(t, nil, folder(`{"input_mtok": 1.25, "output_mtok": 10}`))
	for _, tt := range []struct{ provider, id, want string }{
		{"openai", "gpt-5", `{"id":"gpt-5","name":"GPT-5","kind":"chat","context":400000,"maxInput":272000,"maxOutput":128000,"input":"text image","output":"text","tools":true,"endOfLife":"2026-12-11",` +
			`"prices":[{"input":1.25,"output":10,"cacheRead":0.125},{"above":272000,"input":2.5},{"tier":"flex","input":0.625},{"tier":"priority","above":272000,"input":5}],"by":"litellm","also":{"models.dev":"name context"}}`},
		{"openai", "gpt-latest", `{"id":"gpt-latest","alias":"gpt-5","by":"litellm"}`},
		{"openai", "gpt-6", `{"id":"gpt-6","name":"GPT-6","kind":"chat","context":1000000,"maxOutput":128000,"input":"text","output":"text","prices":[{"input":2,"output":8},{"above":200000,"input":4,"output":12}],"by":"models.dev"}`},
		{"openai", "gpt-5-pro", `{"id":"gpt-5-pro","kind":"chat","input":"text","output":"text","reasoning":true,"responsesOnly":true,"by":"litellm"}`},
		{"openai", "gpt-7", `{"id":"gpt-7","kind":"chat","input":"text","output":"text","by":"litellm"}`},
		{"openai", "1024-x-1024/gpt-image", ""},
		{"openai", "serp", ""},
		{"acme", "one", ""},
		{"xai", "grok", `{"id":"grok","kind":"chat","input":"text","output":"text","prices":[{"input":1},{"above":199999,"input":2}],"by":"litellm"}`},
		{"dashscope", "qwen", `{"id":"qwen","kind":"chat","input":"text","output":"text","prices":[{"input":1,"output":5,"cacheRead":1,"cacheWrite":1,"reasoning":5},{"above":32000,"input":2,"output":9,"cacheRead":2,"cacheWrite":2,"reasoning":20}],"by":"litellm"}`},
		{"fireworks_ai", "accounts/fireworks/models/kimi", `{"id":"accounts/fireworks/models/kimi","kind":"chat","input":"text","output":"text","prices":[{"input":0.6,"output":2.5,"cacheRead":0.3}],"by":"litellm"}`},
		{"cohere", "rerank-3", `{"id":"rerank-3","kind":"rerank","units":{"query":0.002},"by":"litellm"}`},
		{"vertex_ai", "claude-sonnet-5", `{"id":"claude-sonnet-5","kind":"chat","maxOutput":64000,"input":"text","output":"text","by":"litellm"}`},
		{"azure", "whisper", `{"id":"whisper","kind":"transcription","units":{"inputSecond":0.0001},"by":"litellm"}`},
		{"openai", "gpt-image-9", `{"id":"gpt-image-9","kind":"image","prices":[{"input":5,"cacheRead":1.25,"imageInput":10,"imageOutput":40},{"tier":"batch","imageInput":5,"imageOutput":20}],"by":"litellm"}`},
		{"gemini", "gemini-9-image", `{"id":"gemini-9-image","kind":"image","prices":[{"input":0.5,"output":3,"imageOutput":60},{"tier":"priority","imageOutput":108}],"units":{"outputImage":0.039},"by":"litellm"}`},
		{"gemini", "gemini-x", `{"id":"gemini-x","kind":"chat","context":5,"maxOutput":4,"input":"text","output":"text","by":"models.dev"}`},
	} {
		if got := line(t, r, tt.provider, tt.id); got != tt.want {
			t.Errorf("%s/%s: %s\nwant %s", tt.provider, tt.id, got, tt.want)
		}
	}
	if r.Files["acme.jsonl"] != nil || len(r.Read) != 3 || r.Read[0].Date != "2026-11-20" {
		t.Errorf("%v", r.Read)
	}
}

func TestOfTablesThatDisagreeTheThirdDecides(t *testing.T) {
	for judgement, want := range map[string]struct{ input, by string }{
		`{"input_mtok": 1.25, "output_mtok": 10}`:                       {"1.25", "litellm"},
		`{"input_mtok": 1.5, "output_mtok": 10}`:                        {"1.5", "models.dev"},
		`{"input_mtok": {"base": 1.5, "tiers": []}, "output_mtok": 10}`: {"1.5", "models.dev"},
		`{"input_mtok": 9, "output_mtok": 10}`:                          {"1.25", "litellm"},
		`[{"prices": {"input_mtok": 7}}, {"constraint": {"start_date": "2026-01-01"}, "prices": {"input_mtok": 1.5, "output_mtok": 10}}]`: {"1.5", "models.dev"},
		`[]`: {"1.25", "litellm"},
	} {
		r := update(t, nil, folder(judgement))
		if got := line(t, r, "openai", "gpt-5"); !strings.Contains(got, `"prices":[{"input":`+want.input+`,`) {
			t.Errorf("%s: %s", judgement, got)
		}
		if !slices.ContainsFunc(r.Disagreements, func(d string) bool {
			return strings.HasPrefix(d, "openai/gpt-5: prices: 1.25/10 (litellm), 1.5/10 (models.dev)") && strings.HasSuffix(d, "taken from "+want.by)
		}) {
			t.Errorf("%s: %q", judgement, r.Disagreements)
		}
		if !slices.Contains(r.Disagreements, "openai/gpt-5: maxOutput: 128000 (litellm), 100000 (models.dev); taken from litellm") {
			t.Errorf("%q", r.Disagreements)
		}
	}
}

func TestFactsOfTablesThatAreNotReadAgainAreKept(t *testing.T) {
	all := folder(`{"input_mtok": 1.25, "output_mtok": 10}`)
	before := update(t, nil, all)
	again := update(t, before.Files, all)
	for name, data := range before.Files {
		if string(data) != string(again.Files[name]) {
			t.Errorf("the same tables make another %s: %s", name, again.Files[name])
		}
	}
	cheaper := tables.Files{"model_prices_and_context_window-2027-01-01.json": []byte(`{"gpt-5": {"litellm_provider": "openai", "mode": "chat", "input_cost_per_token": 1e-06, "output_cost_per_token": 1e-05}}`)}
	after := update(t, before.Files, cheaper)
	if got := line(t, after, "openai", "gpt-5"); !strings.Contains(got, `"prices":[{"input":1,"output":10}]`) || !strings.Contains(got, `"context":400000`) || strings.Contains(got, "cacheRead") {
		t.Error(got)
	}
	if line(t, after, "openai", "gpt-6") != line(t, before, "openai", "gpt-6") || line(t, after, "xai", "grok") != "" {
		t.Errorf("%s", after.Files["openai.jsonl"])
	}
	if len(after.Kept) != 1 || after.Kept[0].Key != "models.dev" {
		t.Errorf("%v", after.Kept)
	}
	changes, err := tables.Diff(before.Files, after.Files)
	if err != nil {
		t.Fatal(err)
	}
	var texts []string
	for _, c := range changes {
		texts = append(texts, c.String())
	}
	for _, want := range []string{"xai/grok is gone", "openai/gpt-5: maxInput was 272000, is unknown, maxOutput was 128000, is unknown, price above 272000 input was 2.5, is unknown, price cacheRead was 0.125, is unknown, price flex input was 0.625, is unknown, price input was 1.25, is 1, price priority above 272000 input was 5, is unknown"} {
		if !slices.Contains(texts, want) {
			t.Errorf("%q lacks %q", texts, want)
		}
	}
}

func TestTablesThatCannotBeReadAreRefused(t *testing.T) {
	for want, files := range map[string]tables.Files{
		"no file has the name":    {"notes.json": []byte("{}")},
		"the day of the table":    {"models.dev.json": []byte("{}")},
		"no model of any":         {"models.dev-2026-01-01.json": []byte("{}")},
		"models.dev-2026-01-01":   {"models.dev-2026-01-01.json": []byte(`{"openai":`)},
		"gpt-5: input_cost_per_t": {"model_prices_and_context_window-2026-01-01.json": []byte(`{"gpt-5": {"litellm_provider": "openai", "mode": "chat", "input_cost_per_token": -1}}`)},
		"openai/gpt-5: ":          {"models.dev-2026-01-01.json": []byte(`{"openai":{"models":{"gpt-5":{"cost":{"input":1e9}}}}}`)},
	} {
		if _, err := tables.Update(nil, files, names()); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", want, err)
		}
	}
}

func TestATableIsKnownByItsNameOrContent(t *testing.T) {
	for _, tt := range []struct{ file, data, want string }{
		{"model_prices_and_context_window-2026-01-02.json", "{}", "model_prices_and_context_window-2026-01-02.json"},
		{"model_prices_and_context_window.json", "{}", "model_prices_and_context_window-2026-11-20.json"},
		{"prices.json", lite, "model_prices_and_context_window-2026-11-20.json"},
		{"api.json", dev, "models.dev-2026-11-20.json"},
		{"data.json", strings.Replace(judge, "PRICE", "{}", 1), "genai-prices-2026-11-20.json"},
		{"data.json", "[]", ""},
		{"data.json", `{"granite": 1}`, ""},
	} {
		if got, err := tables.Name(tt.file, []byte(tt.data), "2026-11-20"); got != tt.want || (err == nil) != (tt.want != "") {
			t.Errorf("%s: %q, %v", tt.file, got, err)
		}
	}
}

func TestPiAIsFilesAreParts(t *testing.T) {
	r := update(t, nil, tables.Files{
		"pi-ai-google-2026-11-20.json": []byte(`{"google-generative-ai": {
			"chat:gemini-9": {"type":"chat","id":"gemini-9","name":"Gemini 9","reasoning":true,"input":["text","image"],"cost":{"input":2,"output":12,"cacheRead":0.2,"cacheWrite":0,"tiers":[{"inputTokensAbove":200000,"input":4,"output":18,"cacheRead":0.4,"cacheWrite":0}]},"contextWindow":1048576,"maxTokens":65536},
			"image:x": {"type":"image","id":"x"}}}`),
		"pi-ai-openai-2026-11-20.json": []byte(`{"openai": {"chat:free": {"type":"chat","id":"m:free","cost":{"input":0,"output":0},"contextWindow":9,"maxTokens":9}}}`),
	})
	if got := line(t, r, "gemini", "gemini-9"); got != `{"id":"gemini-9","name":"Gemini 9","kind":"chat","context":1048576,"maxOutput":65536,"input":"text image","reasoning":true,"prices":[{"input":2,"output":12,"cacheRead":0.2},{"above":200000,"input":4,"output":18,"cacheRead":0.4}],"by":"pi-ai"}` {
		t.Error(got)
	}
	c, err := catalog.Open(r.Files)
	if err != nil {
		t.Fatal(err)
	}
	table, err := c.Provider("openai")
	if err != nil {
		t.Fatal(err)
	}
	m, ok := table.Model("m:free")
	if cost, known := m.Prices.Cost("", &llm.Usage{Input: 5, Output: 5}); !ok || !known || cost != 0 || m.MaxOutput != 0 || len(r.Read) != 1 {
		t.Errorf("%+v: %v, %v", m, cost, r.Read)
	}
}
