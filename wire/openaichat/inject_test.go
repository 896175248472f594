package openaichat_test

import (
	"strings"
	"testing"

	"outcrop/internal/jsonx"
	"outcrop/llm"
	"outcrop/wire/openaichat"
)

// where tells what holds cache points: S for the system prompt, T for the tools, and
// the numbers of the messages.
func where(r *llm.Request) string {
	var out []string
	add := func(name string, blocks []llm.Block) {
		for _, b := range blocks {
			if b.Kind == llm.BlockCachePoint {
				out = append(out, name+b.Cache.TTL)
			}
		}
	}
	add("S", r.System)
	for _, t := range r.Tools {
		if t.Cache != nil {
			out = append(out, "T"+t.Cache.TTL)
		}
	}
	for _, t := range r.Turns {
		add(string(rune('0'+t.Message-1)), t.Blocks)
	}
	return strings.Join(out, " ")
}

func TestCachePointsAreInjected(t *testing.T) {
	const body = `{"model":"m","messages":[{"role":"system","content":"a"},{"role":"user","content":"b"},{"role":"assistant","content":"c","tool_calls":[{"id":"1","type":"function","function":{"name":"f","arguments":"{}"}}]},
		{"role":"tool","tool_call_id":"1","content":"d"},{"role":"user","content":[{"type":"text","text":"e","cache_control":{"type":"ephemeral"}}]},{"role":"assistant","content":""}],"tools":[{"type":"function","function":{"name":"f"}}],"cache_control_injection_points":`
	for _, tt := range []struct{ name, points, want, refused string }{
		{"the system prompt", `[{"location":"message","role":"system"}]`, "S 4", ""},
		{"of some life", `[{"location":"message","role":"system","control":{"type":"ephemeral","ttl":"1h"}}]`, "S1h 4", ""},
		{"what the user says", `[{"location":"message","role":"user"}]`, "1 4", ""},
		{"what the assistant says", `[{"location":"message","role":"assistant"}]`, "2 4", ""},
		{"results", `[{"location":"message","role":"tool"}]`, "3 4", ""},
		{"by index", `[{"location":"message","index":1},{"location":"message","index":0}]`, "S 1 4", ""},
		{"from the end", `[{"location":"message","index":-3}]`, "3 4", ""},
		{"where one is", `[{"location":"message","index":-2}]`, "4", ""},
		{"the tools", `[{"location":"tool_config"}]`, "T 4", ""},
		{"beyond the end", `[{"location":"message","index":9}]`, "4", ""},
		{"none", `[]`, "4", ""},
		{"a message that said nothing", `[{"location":"message","index":5}]`, "4", ""},
		{"elsewhere", `[{"location":"header"}]`, "", "cache_control_injection_points[0].location"},
		{"of nothing", `[{"location":"message"}]`, "", "cache_control_injection_points[0]"},
		{"no list", `{}`, "", "cache_control_injection_points"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r, err := openaichat.Decode([]byte(body+tt.points+"}"), openaichat.Options{})
			if err != nil || tt.refused != "" {
				if e := llm.AsError(err); e == nil || e.Param != tt.refused || e.Status != 400 {
					t.Fatalf("refused: %v; want it for %s", err, tt.refused)
				}
				return
			}
			if got := where(&r.LLM); got != tt.want {
				t.Errorf("cache points at %s, want %s", got, tt.want)
			}
			if warned := len(r.Warnings) > 1; warned != (tt.name == "beyond the end" || tt.name == "a message that said nothing") {
				t.Errorf("warned of %v", r.Warnings)
			}
		})
	}
}

// Anthropic's own tools are taken as they are, in either way of writing them.
func TestToolsOfTheModelsMaker(t *testing.T) {
	for _, tt := range []struct{ name, tool, want, refused string }{
		{"flat", `{"type":"computer_20250124","name":"computer","display_width_px":800}`, `{"type":"computer_20250124","name":"computer","display_width_px":800}`, ""},
		{"in LiteLLM's way", `{"type":"computer_20241022","function":{"name":"computer","parameters":{"display_width_px":800,"name":"x"}}}`, `{"type":"computer_20241022","name":"computer","display_width_px":800}`, ""},
		{"cached", `{"type":"bash_20250124","name":"bash","cache_control":{"type":"ephemeral","ttl":"1h"}}`, `{"type":"bash_20250124","name":"bash"}`, ""},
		{"without a name", `{"type":"bash_20250124"}`, "", "tools[0].name"},
		{"with parameters that are none", `{"type":"bash_20250124","function":{"name":"bash","parameters":[1]}}`, "", "tools[0].function.parameters"},
		{"without parameters", `{"type":"bash_20250124","function":{"name":"bash","parameters":null}}`, `{"type":"bash_20250124","name":"bash"}`, ""},
		{"of no day", `{"type":"bash_latest","name":"bash"}`, "", "tools[0].type"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r, err := openaichat.Decode([]byte(`{"model":"m","messages":[{"role":"user","content":"Hi"}],"tools":[`+tt.tool+`]}`), openaichat.Options{})
			if err != nil || tt.refused != "" {
				if e := llm.AsError(err); e == nil || e.Param != tt.refused || e.Status != 400 {
					t.Fatalf("refused: %v; want it for %s", err, tt.refused)
				}
				return
			}
			if got := r.LLM.Tools; len(got) != 1 || string(got[0].Own) != tt.want || got[0].Name == "" {
				t.Errorf("got %+v", got)
			}
		})
	}
	if r := asked(t, `"web_search_options":{"search_context_size":"low"}`, openaichat.Options{}); string(r.LLM.WebSearch) != `{"search_context_size":"low"}` {
		t.Errorf("a search of the web became %+v", r.LLM)
	}
	var none jsonx.Raw
	if r := asked(t, `"web_search_options":null`, openaichat.Options{}); string(r.LLM.WebSearch) != string(none) {
		t.Errorf("no search became %s", r.LLM.WebSearch)
	}
}

// Anthropic's way to want one call at a time is OpenAI's, and one name may be said twice.
func TestToolChoiceOfAnthropics(t *testing.T) {
	const tools = `"tools":[{"type":"function","function":{"name":"a"}}],`
	l := asked(t, tools+`"tool_choice":{"type":"auto","disable_parallel_tool_use":true,"rock":1}`, openaichat.Options{})
	if l.LLM.ParallelTools != llm.Some(false) || len(l.Warnings) != 1 || l.Warnings[0].Field != "tool_choice.rock" {
		t.Errorf("got %+v, warned of %v", l.LLM.ParallelTools, l.Warnings)
	}
	l = asked(t, tools+`"tool_choice":{"type":"function","function":{"name":"a"},"name":"a"}`, openaichat.Options{})
	if l.LLM.ToolChoice != (llm.ToolChoice{Kind: llm.ToolChoiceNamed, Name: "a"}) {
		t.Errorf("got %+v", l.LLM.ToolChoice)
	}
}
