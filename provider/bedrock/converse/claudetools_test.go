package converse_test

import (
	"slices"
	"strings"
	"testing"

	"outcrop/internal/jsonx"
	"outcrop/llm"
)

// What clients send that AWS or the model would refuse is mended or refused by field.
func TestWhatClientsSendAndAWSWouldRefuse(t *testing.T) {
	const opus48 = "anthropic.claude-opus-4-8"
	hi := []llm.Turn{user("Hi")}
	own := func(kind, name string) llm.Tool {
		return llm.Tool{Name: name, Own: jsonx.Raw(`{"type":"` + kind + `","name":"` + name + `"}`)}
	}
	computer := own("computer_20250124", "computer")
	schema := func(s string) []llm.Tool { return []llm.Tool{{Name: "a", Schema: jsonx.Raw(s)}} }
	field := func(name, value string) []jsonx.Member { return []jsonx.Member{{Name: name, Value: jsonx.Raw(value)}} }
	acted := []llm.Turn{user("Hi"), turn(llm.RoleAssistant, use("c1", "computer", `{"action":"screenshot"}`)), turn(llm.RoleUser, result("c1", "", text("ok")))}
	type request = llm.Request
	for _, tt := range []struct {
		name, model string
		req         request
		has, not    []string // in the body
		warned      []string
		refused     string // the field
	}{
		{name: "Claude's computer", model: sonnet45, req: request{Turns: hi, Tools: []llm.Tool{computer, tool("a")}}, has: []string{`"tools":[{"type":"computer_20250124","name":"computer"}]`, `"anthropic_beta":["computer-use-2025-01-24"]`, `"toolSpec":{"inputSchema"`}},
		{name: "with a beta of the caller's", model: sonnet45, req: request{Turns: hi, Tools: []llm.Tool{computer, own("bash_20250124", "bash"), own("text_editor_20250728", "edit")}, ModelFields: field("anthropic_beta", `["a-1"]`)}, has: []string{`"anthropic_beta":["a-1","computer-use-2025-01-24"]`, `"name":"edit"`}, not: []string{"toolConfig"}},
		{name: "a beta that is a text", model: sonnet45, req: request{Turns: hi, Tools: []llm.Tool{own("memory_20250818", "memory")}, ModelFields: field("anthropic_beta", `"a-1"`)}, has: []string{`"anthropic_beta":["a-1","context-management-2025-06-27"]`}},
		{name: "the newest and the oldest", model: sonnet45, req: request{Turns: hi, Tools: []llm.Tool{own("computer_20251124", "a"), own("computer_20241022", "b"), own("web_search_20250305", "c")}}, has: []string{`["computer-use-2025-11-24","computer-use-2024-10-22"]`}},
		{name: "the computer by name", model: sonnet45, req: request{Turns: hi, Tools: []llm.Tool{computer}, ToolChoice: llm.ToolChoice{Kind: llm.ToolChoiceNamed, Name: "computer"}}, has: []string{`"tool_choice":{"type":"tool","name":"computer"}`}, not: []string{"toolChoice"}},
		{name: "the computer not to be used", model: sonnet45, req: request{Turns: hi, Tools: []llm.Tool{computer}, ToolChoice: llm.ToolChoice{Kind: llm.ToolChoiceNone}}, not: []string{"computer"}},
		{name: "a history of it", model: sonnet45, req: request{Turns: acted, Tools: []llm.Tool{computer}}, has: []string{`"tools":[{"type":"computer_20250124"`, `"toolConfig":{"tools":[{"toolSpec":{`, `"name":"tool"`}, warned: []string{"changed tools"}},
		{name: "Nova has no such computer", model: nova2, req: request{Turns: hi, Tools: []llm.Tool{tool("a"), computer}}, refused: "tools[1].type"},
		{name: "and does without when it may", model: nova2, req: request{Turns: hi, Tools: []llm.Tool{tool("a"), computer}, Call: llm.Call{DropParams: true}}, has: []string{`"name":"a"`}, not: []string{"computer"}, warned: []string{"dropped tools[1].type"}},
		{name: "tools twice", model: sonnet45, req: request{Turns: hi, Tools: []llm.Tool{computer}, ModelFields: field("tools", `[]`)}, refused: "additionalModelRequestFields.tools"},

		{name: "any of the computer and a function", model: sonnet45, req: request{Turns: hi, Tools: []llm.Tool{computer, tool("a")}, ToolChoice: llm.ToolChoice{Kind: llm.ToolChoiceAny}}, has: []string{`"tool_choice":{"type":"any"}`}, not: []string{"toolChoice"}},
		{name: "one call of the computer", model: sonnet45, req: request{Turns: hi, Tools: []llm.Tool{computer, tool("a")}, ParallelTools: llm.Some(false), ToolChoice: llm.ToolChoice{Kind: llm.ToolChoiceNamed, Name: "computer"}}, has: []string{`"tool_choice":{"type":"tool","name":"computer","disable_parallel_tool_use":true}`}, not: []string{"toolChoice"}},
		{name: "one call at a time of the computer alone", model: sonnet45, req: request{Turns: hi, Tools: []llm.Tool{computer}, ParallelTools: llm.Some(false)}, has: []string{`"tool_choice":{"type":"auto","disable_parallel_tool_use":true}`}},
		{name: "the computer by name beside thinking", model: sonnet4, req: request{Turns: hi, Tools: []llm.Tool{computer}, Reasoning: llm.Reasoning{Effort: "low"}, ToolChoice: llm.ToolChoice{Kind: llm.ToolChoiceNamed, Name: "computer"}}, has: []string{`"thinking"`}, not: []string{`"type":"tool"`}, warned: []string{"changed tool_choice"}},
		{name: "the computer by name beside a wish for JSON", model: sonnet4, req: request{Turns: hi, Tools: []llm.Tool{computer}, Format: &llm.Format{}, ToolChoice: llm.ToolChoice{Kind: llm.ToolChoiceNamed, Name: "computer"}}, has: []string{`"tool_choice":{"type":"tool","name":"computer"}`}, not: []string{"json_answer"}, warned: []string{"dropped response_format"}},
		{name: "the computer beside a wish for JSON", model: sonnet4, req: request{Turns: hi, Tools: []llm.Tool{computer}, Format: &llm.Format{Schema: jsonx.Raw(`{"type":"object"}`)}}, has: []string{"json_answer", `"tool_choice":{"type":"any"}`}, not: []string{"toolChoice"}},
		{name: "a choice twice", model: sonnet4, req: request{Turns: hi, Tools: []llm.Tool{computer}, ModelFields: field("tool_choice", `{"type":"any"}`), ToolChoice: llm.ToolChoice{Kind: llm.ToolChoiceAny}}, refused: "tool_choice"},
		{name: "the computer cached", model: sonnet45, req: request{Turns: hi, Tools: []llm.Tool{{Name: "computer", Own: computer.Own, Cache: &llm.CachePoint{TTL: "1h"}}}}, has: []string{`{"type":"computer_20250124","name":"computer","cache_control":{"type":"ephemeral","ttl":"1h"}}`}},
		{name: "a tool behind the computer has its number", model: sonnet45, req: request{Turns: hi, Tools: []llm.Tool{computer, {Name: "a", Schema: jsonx.Raw(`{"type":"object","anyOf":[]}`)}}}, has: []string{"toolSpec"}, warned: []string{"changed tools[1].function.parameters.anyOf"}},
		{name: "the computer by name, left out", model: nova2, req: request{Turns: hi, Tools: []llm.Tool{computer, tool("a")}, Call: llm.Call{DropParams: true}, ToolChoice: llm.ToolChoice{Kind: llm.ToolChoiceNamed, Name: "computer"}}, has: []string{`"name":"a"`}, not: []string{"computer", "toolChoice"}, warned: []string{"dropped tool_choice", "dropped tools[0].type"}},

		{name: "Nova searches", model: nova2, req: request{Turns: hi, WebSearch: jsonx.Raw(`{}`)}, has: []string{`"toolConfig":{"tools":[{"systemTool":{"name":"nova_grounding"}}]}`}},
		{name: "once, and without settings", model: nova2, req: request{Turns: hi, Tools: []llm.Tool{{Other: &jsonx.Member{Name: "systemTool", Value: jsonx.Raw(`{"name":"nova_grounding"}`)}}}, WebSearch: jsonx.Raw(`{"search_context_size":"low"}`)}, has: []string{`"tools":[{"systemTool":{"name":"nova_grounding"}}]`}, warned: []string{"dropped web_search_options.search_context_size"}},
		{name: "Claude does not search", model: sonnet45, req: request{Turns: hi, WebSearch: jsonx.Raw(`{}`)}, refused: "web_search_options"},
		{name: "Claude does without it when it is one of several tools", model: sonnet45, req: request{Turns: hi, WebSearch: jsonx.Raw(`{}`), WebSearchOptional: true}, not: []string{"toolConfig"}, warned: []string{"dropped web_search_options"}},
		{name: "R1 loses it when it may", model: deepseek1, req: request{Turns: hi, Tools: []llm.Tool{tool("a")}, WebSearch: jsonx.Raw(`{}`), Call: llm.Call{DropParams: true}}, warned: []string{"dropped tools", "dropped web_search_options"}},

		{name: "labels with signs", model: sonnet45, req: request{Turns: hi, Extensions: field("requestMetadata", `{"a":"rocks & stones"}`)}, refused: "requestMetadata.a"},
		{name: "labels that are no texts", model: sonnet45, req: request{Turns: hi, Extensions: field("requestMetadata", `{"a":1}`)}, refused: "requestMetadata.a"},
		{name: "labels that are none", model: sonnet45, req: request{Turns: hi, Extensions: field("requestMetadata", `[]`)}, refused: "requestMetadata"},
		{name: "no labels", model: sonnet45, req: request{Turns: hi, Call: llm.Call{User: "u"}, Extensions: field("requestMetadata", `{}`)}, has: []string{`"requestMetadata":{"user":"u"}`}},
		{name: "too many labels", model: sonnet45, req: request{Turns: hi, Extensions: field("requestMetadata", `{"a":"","b":"","c":"","d":"","e":"","f":"","g":"","h":"","i":"","j":"","k":"","l":"","m":"","n":"","o":"","p":"","q":""}`)}, refused: "requestMetadata"},

		{name: "a schema without a type", model: sonnet45, req: request{Turns: hi, Tools: schema(`{"properties":{"x":{"type":"string"}}}`)}, has: []string{`{"type":"object","properties":{"x":{"type":"string"}}}`}},
		{name: "a schema of nothing", model: novaLite, req: request{Turns: hi, Tools: schema(`{}`)}, has: []string{`"json":{"type":"object"}`}},
		{name: "a schema of another type", model: sonnet45, req: request{Turns: hi, Tools: schema(`{"type":"string"}`)}, refused: "tools[0].function.parameters.type"},
		{name: "a union at the top for Claude", model: sonnet45, req: request{Turns: hi, Tools: schema(`{"type":"object","properties":{"x":{"anyOf":[]}},"anyOf":[{"required":["x"]},{"properties":{"y":{"type":"string"},"x":{"type":"null"}},"required":["y"]}]}`)}, has: []string{
			`"json":{"type":"object","properties":{"x":{"anyOf":[{"anyOf":[]},{"type":"null"}]},"y":{"type":"string"}}}`, `The input must also match this JSON schema: {\"anyOf\":[{\"required\":[\"x\"]},`,
		}, warned: []string{"changed tools[0].function.parameters.anyOf"}},
		{name: "a union of references at the top for Claude", model: sonnet45, req: request{Turns: hi, Tools: schema(`{"oneOf":[{"$ref":"#/$defs/a"},{"$ref":"#/$defs/a"}],"allOf":[{"required":["p"]}],"$defs":{"a":{"properties":{"p":{"type":"string"}}}}}`)}, has: []string{
			`"properties":{"p":{"type":"string"}},"required":["p"]`,
		}, warned: []string{"changed tools[0].function.parameters.allOf", "changed tools[0].function.parameters.oneOf"}},
		{name: "a reference at the top", model: sonnet45, req: request{Turns: hi, Tools: schema(`{"$ref":"#/$defs/a","$defs":{"a":{"$ref":"#/$defs/b","title":"A"},"b":{"type":"object","title":"B","properties":{"x":{"type":"string"}}}}}`)}, has: []string{
			`"title":"A","type":"object","properties":{"x":{"type":"string"}}}`,
		}},
		{name: "a reference at the top to itself", model: sonnet45, req: request{Turns: hi, Tools: schema(`{"$ref":"#/$defs/a","$defs":{"a":{"$ref":"#/$defs/a"}}}`)}, has: []string{`"json":{"type":"object","$ref":"#/$defs/a"`}},
		{name: "keywords of the wrong kind", model: sonnet45, req: request{Turns: hi, Tools: schema(`{"type":"object","properties":[],"required":["a",null],"additionalProperties":{"type":["string",null],"anyOf":[null,{"type":"string"}]}}`)}, has: []string{
			`"json":{"type":"object","required":["a"],"additionalProperties":{"type":["string","null"],"anyOf":[{"type":"string"}]}}`,
		}, warned: []string{"dropped tools[0].function.parameters"}},
		{name: "properties that are called like keywords", model: sonnet45, req: request{Turns: hi, Tools: schema(`{"type":"object","properties":{"required":{"type":"boolean"},"enum":{"type":"string"},"maximum":{"type":"null"},"description":{"type":"string"}}}`)}, has: []string{
			`"properties":{"required":{"type":"boolean"},"enum":{"type":"string"},"maximum":{"type":"null"},"description":{"type":"string"}}`,
		}},
		{name: "a union at the top for Nova", model: novaLite, req: request{Turns: hi, Tools: schema(`{"oneOf":[{"required":["x"]}]}`)}, has: []string{`"json":{"type":"object","oneOf":[{"required":["x"]}]}`}},
		{name: "references for Nova", model: novaLite, req: request{Turns: hi, Tools: schema(`{"type":"object","properties":{"p":{"$ref":"#/$defs/p","description":"mine"},"l":{"type":"array","items":[{"$ref":"#/$defs/q"}]}},"$defs":{"p":{"type":"object","description":"theirs","properties":{"q":{"$ref":"#/$defs/q"}}},"q":{"enum":[{"$ref":"x"}]}}}`)}, has: []string{
			`"json":{"type":"object","properties":{"p":{"description":"mine","type":"object","properties":{"q":{"enum":[{"$ref":"x"}]}}},"l":{"type":"array","items":[{"enum":[{"$ref":"x"}]}]}}}`,
		}},
		{name: "references to themselves", model: novaLite, req: request{Turns: hi, Tools: schema(`{"type":"object","properties":{"p":{"$ref":"#/$defs/p"}},"$defs":{"p":{"properties":{"p":{"$ref":"#/$defs/p"}}}}}`)}, has: []string{`"$defs":{"p":`}},
		{name: "a reference beside what must hold too", model: novaLite, req: request{Turns: hi, Tools: schema(`{"type":"object","$ref":"#/$defs/b","properties":{"x":{}},"$defs":{"b":{"properties":{"a":{}}}}}`)}, has: []string{`"$ref":"#/$defs/b"`, `"$defs"`}},
		{name: "a property that is called like a keyword", model: novaLite, req: request{Turns: hi, Tools: schema(`{"type":"object","properties":{"default":{"$ref":"#/$defs/a"},"enum":{"$ref":"#/$defs/a"}},"$defs":{"a":{"type":"string"}}}`)}, has: []string{`"properties":{"default":{"type":"string"},"enum":{"type":"string"}}}`}},
		{name: "references that are too deep", model: novaLite, req: request{Turns: hi, Tools: schema(`{"type":"object","properties":{"p":{"$ref":"#/$defs/a"}},"$defs":{"a":` + strings.Repeat(`{"not":`, 100) + `{}` + strings.Repeat(`}`, 100) + `}}`)}, has: []string{`"$ref"`}},
		{name: "references to nothing", model: novaLite, req: request{Turns: hi, Tools: schema(`{"type":"object","properties":{"p":{"$ref":"#/$defs/p"}}}`)}, has: []string{`"$ref":"#/$defs/p"`}},
		{name: "references elsewhere", model: novaLite, req: request{Turns: hi, Tools: schema(`{"type":"object","properties":{"p":{"$ref":"other.json"}}}`)}, has: []string{`"$ref":"other.json"`}},
		{name: "references for Claude", model: sonnet45, req: request{Turns: hi, Tools: schema(`{"type":"object","properties":{"p":{"$ref":"#/$defs/p"}},"$defs":{"p":{}}}`)}, has: []string{`"$ref":"#/$defs/p"`}},

		{name: "a cache for a day", model: sonnet45, req: request{Turns: []llm.Turn{turn(llm.RoleUser, text("Hi"), cached("1d"))}}, has: []string{`"cachePoint":{"type":"default"}`}, warned: []string{"changed cache_control.ttl"}},
		{name: "OpenAI's scale", model: novaLite, req: request{Turns: hi, ServiceTier: "scale"}, not: []string{"serviceTier"}, warned: []string{"dropped service_tier"}},
		{name: "clearing of calls", model: sonnet45, req: request{Turns: hi, ModelFields: field("context_management", `{"edits":[{"type":"clear_tool_uses_20250919"}]}`)}, has: []string{`"anthropic_beta":["context-management-2025-06-27"]`}},
		{name: "betas in both places", model: sonnet45, req: request{Turns: hi, ModelFields: field("anthropic_beta", `["a-1"]`), Call: llm.Call{Headers: []llm.Label{{Name: "anthropic-beta", Value: "a-1,b-2"}}}}, has: []string{`"anthropic_beta":["a-1","b-2"]`}},
		{name: "a choice beside Opus 4.8's thinking", model: opus48, req: request{Turns: hi, Tools: []llm.Tool{tool("a")}, ToolChoice: llm.ToolChoice{Kind: llm.ToolChoiceAny}, Reasoning: llm.Reasoning{Effort: "low"}}, has: []string{`"toolChoice":{"any":{}}`}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			body, warnings, _, refusal := sent(t, model(t, tt.model), &tt.req, false)
			if refusal != nil || tt.refused != "" {
				if refusal == nil || refusal.Param != tt.refused || refusal.Status != 400 {
					t.Fatalf("refused: %v; want it for %q\n%s", refusal, tt.refused, body)
				}
				return
			}
			for _, part := range tt.has {
				if !strings.Contains(body, part) {
					t.Errorf("no %s in %s", part, body)
				}
			}
			for _, part := range tt.not {
				if strings.Contains(body, part) {
					t.Errorf("%s in %s", part, body)
				}
			}
			slices.Sort(warnings)
			if !slices.Equal(warnings, tt.warned) {
				t.Errorf("warned of %q, want %q", warnings, tt.warned)
			}
		})
	}
}
