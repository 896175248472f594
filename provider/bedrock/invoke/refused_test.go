package invoke

import (
	"slices"
	"testing"

	"outcrop/provider/bedrock/catalog"
)

func TestRefusedNamesTheFeature(t *testing.T) {
	tests := map[string]string{
		"The model returned the following errors: invalid beta flag": "anthropic_beta",
		"invalid beta flag": "anthropic_beta",
		"Unexpected value(s) `tomorrow-2027-01-01` for the `anthropic-beta` header. Please consult our documentation": "tomorrow-2027-01-01",
		"context_management: Extra inputs are not permitted":                                                          "context_management",
		"The model returned the following errors: tools.0.custom.defer_loading: Extra inputs are not permitted":       "tools.defer_loading",
		"tools.10.custom.strict: Extra inputs are not permitted":                                                      "tools.strict",
		"tools.0.custom.input_schema.x: Extra inputs are not permitted":                                               "",
		"output_config.format: Extra inputs are not permitted":                                                        "output_config.format",
		"output_config.effort: Extra inputs are not permitted":                                                        "output_config.effort",
		"This model does not support the effort parameter.":                                                           "output_config.effort",
		"thinking.adaptive.display: Extra inputs are not permitted":                                                   "thinking.display",
		"thinking.display: Extra inputs are not permitted":                                                            "thinking.display",
		"messages.1.content.0.text.cache_control.scope: Extra inputs are not permitted":                               "cache_control.scope",
		"system.2.cache_control.ephemeral.ttl: Extra inputs are not permitted":                                        "cache_control.ttl",
		"messages.1.output_config: Extra inputs are not permitted":                                                    "messages.output_config",
		"messages.1.content.0.tool_result.new: Extra inputs are not permitted":                                        "messages.content.new",
		"messages.1.content.0.tool_result.content.2.text.new: Extra inputs are not permitted":                         "messages.content.new",
		"messages.1.content.0.text.text: Extra inputs are not permitted":                                              "",
		"messages.1.role: Input should be 'user' or 'assistant'":                                                      "messages.role",
		`messages: Unexpected role "system". The Messages API accepts a top-level system parameter`:                   "messages.role",
		"role 'system' is not supported on this model":                                                                "messages.role",
		"safeguards: Extra inputs are not permitted":                                                                  "safeguards",
		"messages: Extra inputs are not permitted":                                                                    "",
		"max_tokens: 128000 > 64000, which is the maximum allowed number of output tokens":                            "",
		"Input is too long for requested model.":                                                                      "",
		"":                                                                                                            "",
	}
	for message, want := range tests {
		got, ok := Refused(message)
		if !ok {
			got = ""
		}
		if got != want {
			t.Errorf("%q: got %q, want %q", message, got, want)
		}
	}
}

func TestVersions(t *testing.T) {
	for name, want := range map[string]int{
		"claude-3-7-sonnet-20250219-v1": 307, "claude-sonnet-4-5-20250929-v1": 405, "claude-opus-4-20250514-v1": 400, "claude-opus-5-5": 505,
		"claude-fable-5": 500, "claude-3-haiku-20240307-v1": 300, "claude-v2": 200, "claude-instant-v1": 200, "": newest, "claude-granite": newest,
	} {
		if got := NewModel("anthropic", name, nil).version; got != want {
			t.Errorf("%s: %d, want %d", name, got, want)
		}
	}
}

func TestFactsOfTheCatalogueCountWhereTheTableIsSilent(t *testing.T) {
	facts := &catalog.Model{StructuredOutput: catalog.No}
	facts.Cache.OneHour = catalog.No
	m := NewModel("anthropic", "claude-opus-5-5", facts)
	if m.has(format) || m.has(oneHour) || !m.has(systemTurns) {
		t.Error("the catalogue does not count")
	}
	if m := NewModel("anthropic", "claude-opus-5-5", nil); !m.has(format) || !m.has(oneHour) {
		t.Error("what is not known is not taken to work")
	}
}

// TestTablesHaveSources guards what makes the tables worth having.
func TestTablesHaveSources(t *testing.T) {
	check := func(what, source, seen string) {
		if source == "" || len(seen) != len("2026-11-28") {
			t.Errorf("%s has no source or date", what)
		}
	}
	names := map[string]bool{}
	for i, b := range betas {
		check(b.name, b.source, b.seen)
		if b.verdict == 0 {
			t.Errorf("%s has no verdict", b.name)
		}
		if b.span == (span{}) {
			if names[b.name] {
				t.Errorf("row %d, %s, is never reached", i, b.name)
			}
			names[b.name] = true
		} else if names[b.name] {
			t.Errorf("row %d, %s, is never reached", i, b.name)
		}
	}
	for _, f := range facts {
		check("a feature", f.source, f.seen)
	}
	for _, r := range slices.Concat(bodyRules, toolRules, blockRules, sourceRules) {
		check(r.name, r.source, r.seen)
		if r.action == 0 || r.action != silent && r.detail == "" {
			t.Errorf("%s has no action or reason", r.name)
		}
	}
	for _, b := range toolBetas {
		check(b.kind, b.source, b.seen)
	}
}

func TestRemote(t *testing.T) {
	body := `{"messages":[{"role":"user","content":[{"type":"image","source":{"type":"url","url":"https://a"}},{"type":"tool_result","content":[{"type":"document","source":{"type":"url","url":"https://b"}}]},{"type":"document","source":{"type":"content","content":[{"type":"image","source":{"type":"url","url":"https://c"}}]}}]}]}`
	got, err := Remote([]byte(body))
	want := []Source{{"messages.0.content.0.source.url", "https://a"}, {"messages.0.content.1.content.0.source.url", "https://b"}, {"messages.0.content.2.source.content.0.source.url", "https://c"}}
	if err != nil || !slices.Equal(got, want) {
		t.Errorf("got %v, %v", got, err)
	}
	if got, err := Remote([]byte(`{"messages":[]}`)); err != nil || got != nil {
		t.Errorf("got %v, %v", got, err)
	}
	if _, err := Remote([]byte(`{"url"`)); err == nil {
		t.Error("no error")
	}
}
