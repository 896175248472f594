package httpd

import (
	"encoding/json"
	"log/slog"
	"testing"

	"outcrop/gateway"
	"outcrop/internal/jsonx"
	"outcrop/llm"
	"outcrop/telemetry"
)

// someModels is a server with two entries of one name, one with a *, one that is blocked, and one without a price.
func someModels(t *testing.T) func(path string, status int) map[string]any {
	t.Helper()
	info := func(text string) jsonx.Raw { return jsonx.Raw(text) }
	h := New(Options{
		Gateway: gateway.New(gateway.Options{Router: &router{}, Recorder: telemetry.NewRecorder(slog.New(slog.DiscardHandler))}),
		Models: func() []Model {
			return []Model{{ID: "granite"}, {ID: "vendor/new", Verb: llm.VerbEmbed, MaxInput: 8}, {ID: "basalt"}}
		},
		Entries: func() []Entry {
			return []Entry{
				{Name: "granite", ID: "a", Provider: "openai", Model: "x", MaxOutput: 10, Info: info(`{"mode":"chat","input_cost_per_token":0.5,"output_cost_per_token":2}`), Limits: llm.Limits{Requests: llm.Some(int64(3))}},
				{Name: "granite", ID: "b", Provider: "bedrock", Model: "y", MaxOutput: 20, Info: info(`{"description":"D","supports_vision":true,"input_cost_per_token":1,"access_groups":["g"]}`), Stored: true, Limits: llm.Limits{Requests: llm.Some(int64(4)), Tokens: llm.Some(int64(5))}, About: []jsonx.Member{{Name: "created_at", Value: info(`"2026-01-02"`)}}},
				{Name: "*", ID: "c", Provider: "vendor", Model: "*"},
				{Name: "basalt", ID: "d", Provider: "openai", Model: "z", Stored: true, Blocked: true, About: []jsonx.Member{{Name: "created_at", Value: info(`"2026-01-01"`)}}},
			}
		},
		Logger: slog.New(slog.DiscardHandler),
	})
	return func(path string, status int) map[string]any {
		t.Helper()
		w := send(h, "GET", path, "")
		var body map[string]any
		if err := json.Unmarshal(w.Body.Bytes(), &body); err != nil || w.Code != status {
			t.Fatalf("%s: %d %s, %v", path, w.Code, w.Body, err)
		}
		return body
	}
}

func TestAModelGroupHasWhatItsModelsHaveTogether(t *testing.T) {
	get := someModels(t)
	all, _ := get("/model_group/info", 200)["data"].([]any)
	if len(all) != 3 {
		t.Fatalf("%v", all)
	}
	for i, want := range []map[string]any{
		{"model_group": "granite", "mode": "chat", "max_output_tokens": 20.0, "input_cost_per_token": 1.0, "output_cost_per_token": 2.0, "rpm": 7.0, "tpm": 5.0, "otpm": nil, "supports_vision": true, "supports_reasoning": false, "description": "D"},
		{"model_group": "vendor/new", "mode": "embedding", "max_input_tokens": 8.0, "input_cost_per_token": nil},
		{"model_group": "basalt", "max_output_tokens": nil}, // the entry of this name is blocked, and the * serves it
	} {
		group, _ := all[i].(map[string]any)
		for name, value := range want {
			if got, ok := group[name]; !ok || got != value {
				t.Errorf("%v: %s is %v, want %v", want["model_group"], name, got, value)
			}
		}
	}
	if one, _ := get("/model_group/info?model_group=granite", 200)["data"].([]any); len(one) != 1 {
		t.Errorf("%v", one)
	}
	if none, _ := get("/model_group/info?model_group=absent", 200)["data"].([]any); len(none) != 0 {
		t.Errorf("%v", none)
	}
}

func TestEntriesAreSelectedSortedAndCutIntoPages(t *testing.T) {
	get := someModels(t)
	for query, want := range map[string]string{
		"":                                   "abcd",
		"?page=2&size=3":                     "d",
		"?page=3&size=3":                     "",
		"?size=9223372036854775807&page=2":   "",
		"?size=9223372036854775807":          "abcd",
		"?page=9223372036854775807":          "",
		"?model=granite":                     "ab",
		"?modelId=c":                         "c",
		"?search=GRAN":                       "ab",
		"?access_group=g":                    "b",
		"?blocked=true":                      "d",
		"?blocked=false":                     "abc",
		"?wildcard_only=true":                "c",
		"?sortBy=model_name":                 "cdab",
		"?sortBy=model_name&sortOrder=desc":  "abdc",
		"?sortBy=costs":                      "bacd",
		"?sortBy=costs&sortOrder=desc":       "abcd",
		"?sortBy=created_at":                 "dbac",
		"?sortBy=created_at&sortOrder=desc":  "bdac",
		"?sortBy=status":                     "acbd",
		"?sortBy=something&sortOrder=DESC":   "abcd",
		"?model=granite&search=no&blocked=1": "",
	} {
		body := get("/v2/model/info"+query, 200)
		got := ""
		list, _ := body["data"].([]any)
		for _, e := range list {
			entry, _ := e.(map[string]any)
			info, _ := entry["model_info"].(map[string]any)
			id, _ := info["id"].(string)
			if id == "" {
				t.Errorf("%s: %v", query, entry)
			}
			got += id
		}
		if got != want {
			t.Errorf("%s: %s, want %s", query, got, want)
		}
	}
	if body := get("/v2/model/info?page=2&size=3", 200); body["total_count"] != 4.0 || body["total_pages"] != 2.0 || body["current_page"] != 2.0 || body["size"] != 3.0 {
		t.Errorf("%v", body)
	}
	if body := get("/v2/model/info?model=none", 200); body["total_count"] != 0.0 || body["total_pages"] != 0.0 {
		t.Errorf("%v", body)
	}
	for _, query := range []string{"?page=0", "?size=x", "?sortBy=costs&sortOrder=up"} {
		if body := get("/v2/model/info"+query, 400); body["error"] == nil {
			t.Errorf("%s: %v", query, body)
		}
	}
}
