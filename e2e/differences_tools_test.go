package e2e

import (
	"fmt"
	"strings"
)

// toolUse are tools, calls and results in their odder forms.
func (l *rowList) toolUse() {
	tool := func(name string) string {
		return fmt.Sprintf(`"tools":[{"type":"function","function":{"name":%q,"description":"It","parameters":{"type":"object","properties":{}}}}]`, name)
	}
	schema := func(schema string) string {
		return `"tools":[{"type":"function","function":{"name":"place","description":"A place","parameters":` + schema + `}}]`
	}
	called := func(id, arguments string) string {
		return fmt.Sprintf(`"messages":[{"role":"user","content":"?"},{"role":"assistant","tool_calls":[{"id":%q,"type":"function","function":{"name":"get_weather","arguments":%q}}]},{"role":"tool","tool_call_id":%q,"content":"Rain"}],"tools":[`, id, arguments, id) + weatherTool + `]`
	}
	result := func(members string) string {
		return `"messages":[` + callsWeather + `,{"role":"tool","tool_call_id":"tooluse_1",` + members + `}],"tools":[` + weatherTool + `]`
	}
	for _, m := range []string{"claude", "nova", "llama", "mistral", "gpt-oss"} {
		l.each(m, [][3]string{
			{"a tool's name with a hyphen", asksGranite + "," + tool("get-weather"), ""},
			{"a tool's name with a digit first", asksGranite + "," + tool("2weather"), ""},
			{"a strict tool", asksGranite + `,"tools":[{"type":"function","function":{"name":"place","description":"A place","strict":true,"parameters":` + placeSchema + `}}]`, ""},
			{"arguments that are a list", called("tooluse_1", `["Oslo"]`), ""},
			{"an id that is too long", called(strings.Repeat("call", 20), `{"city":"Oslo"}`), ""},
			{"an id with signs", called("call/1|a b", `{"city":"Oslo"}`), ""},
			{"a tool result that is an error", result(`"status":"error","content":"No such city"`), ""},
			{"a tool result with an image", result(`"content":[{"type":"text","text":"See"},{"type":"image_url","image_url":{"url":"data:image/png;base64,` + pixelPNG + `"}}]`), ""},
			{"a tool result and a text", `"messages":[` + weatherLoop + `,{"role":"user","content":"And now?"}],"tools":[` + weatherTool + `]`, ""},
		})
	}
	for _, m := range []string{"claude", "nova"} {
		l.each(m, [][3]string{
			{"a tool's name with signs", asksGranite + "," + tool("rocks/weather now"), ""},
			{"a tool's name that is too long", asksGranite + "," + tool(strings.Repeat("weather_", 10)), ""},
			{"a tool's name of other letters", asksGranite + "," + tool("wetter_für_köln"), ""},
			{"two tools of one name without signs", asksGranite + `,"tools":[{"type":"function","function":{"name":"a.b","description":"1"}},{"type":"function","function":{"name":"a_b","description":"2"}}]`, ""},
			{"a dotted name in a history", `"messages":[{"role":"user","content":"?"},{"role":"assistant","tool_calls":[{"id":"t1","type":"function","function":{"name":"a.b","arguments":"{}"}}]},{"role":"tool","tool_call_id":"t1","content":"ok"}],"tool_choice":{"type":"function","function":{"name":"a.b"}},` + tool("a.b"), "dotted-tool"},
			{"a tool with an empty description", asksGranite + `,"tools":[{"type":"function","function":{"name":"ping","description":"","parameters":{"type":"object","properties":{}}}}]`, ""},
			{"no tools", asksGranite + `,"tools":[]`, ""},
			{"a schema with references", asksGranite + "," + schema(`{"type":"object","properties":{"at":{"$ref":"#/$defs/point"}},"$defs":{"point":{"type":"object","properties":{"x":{"type":"number"}}}}}`), ""},
			{"a schema with anyOf at the top", asksGranite + "," + schema(`{"type":"object","properties":{"x":{"type":"number"},"y":{"type":"number"}},"anyOf":[{"required":["x"]},{"required":["y"]}]}`), ""},
			{"a schema with a description", asksGranite + "," + schema(`{"type":"object","title":"Place","description":"Where","properties":{"x":{"type":"number"}}}`), ""},
			{"a schema without a type", asksGranite + "," + schema(`{"properties":{"x":{"type":"number"}}}`), ""},
			{"a schema of null", asksGranite + "," + schema(`null`), ""},
			{"arguments that are a number", called("t", `7`), ""},
			{"arguments that are empty", called("t", ``), ""},
			{"arguments that are null", called("t", `null`), ""},
			{"arguments that are two objects", called("t", `{"city":"Oslo"}{"city":"Bergen"}`), ""},
			{"arguments that are cut short", called("t", `{"city":"Os`), ""},
			{"two calls of one id", `"messages":[{"role":"user","content":"?"},{"role":"assistant","tool_calls":[{"id":"t","type":"function","function":{"name":"get_weather","arguments":"{\"city\":\"Oslo\"}"}},{"id":"t","type":"function","function":{"name":"get_weather","arguments":"{\"city\":\"Oslo\"}"}}]},{"role":"tool","tool_call_id":"t","content":"Rain"}],"tools":[` + weatherTool + `]`, ""},
			{"results in another order", `"messages":[{"role":"user","content":"?"},{"role":"assistant","tool_calls":[{"id":"a","type":"function","function":{"name":"get_weather","arguments":"{\"city\":\"Oslo\"}"}},{"id":"b","type":"function","function":{"name":"get_time","arguments":"{}"}}]},{"role":"tool","tool_call_id":"b","content":"Noon"},{"role":"tool","tool_call_id":"a","content":"Rain"}],"tools":[` + weatherTool + `,` + clockTool + `]`, ""},
			{"a call without a result", `"messages":[` + callsWeather + `,{"role":"user","content":"Never mind"}],"tools":[` + weatherTool + `]`, ""},
			{"a result of no call", `"messages":[{"role":"user","content":"?"},{"role":"tool","tool_call_id":"x","content":"Rain"}],"tools":[` + weatherTool + `]`, ""},
			{"a result without an id", `"messages":[` + callsWeather + `,{"role":"tool","content":"Rain"}],"tools":[` + weatherTool + `]`, ""},
			{"a tool result in parts", result(`"content":[{"type":"text","text":"Rain"},{"type":"text","text":"and wind"}]`), ""},
			{"an empty tool result", result(`"content":""`), ""},
			{"a tool result of null", result(`"content":null`), ""},
			{"a tool result as JSON in a text", result(`"content":"{\"sky\":\"rain\"}"`), ""},
			{"a tool result as JSON", result(`"content":[{"type":"json","json":{"sky":"rain"}}]`), ""},
			{"a tool result that is_error", result(`"is_error":true,"content":"No such city"`), ""},
			{"a tool result with a PDF", result(`"content":[{"type":"text","text":"See"},{"type":"file","file":{"filename":"map.pdf","file_data":"data:application/pdf;base64,` + pagePDF + `"}}]`), ""},
			{"a tool result with a text file", result(`"content":[{"type":"file","file":{"filename":"map.txt","file_data":"data:text/plain;base64,R3Jhbml0ZS4="}}]`), ""},
			{"a tool result with a search result", result(`"content":[{"searchResult":{"source":"https://rocks.example","title":"Rocks","content":[{"text":"Granite is a rock."}]}}]`), ""},
			{"a call with a text", `"messages":[{"role":"user","content":"?"},{"role":"assistant","content":"I look.","tool_calls":[{"id":"t","type":"function","function":{"name":"get_weather","arguments":"{\"city\":\"Oslo\"}"}}]},{"role":"tool","tool_call_id":"t","content":"Rain"}],"tools":[` + weatherTool + `]`, ""},
			{"functions", asksGranite + `,"functions":[{"name":"get_weather","description":"The weather","parameters":` + placeSchema + `}]`, "tool"},
			{"functions and function_call", asksGranite + `,"functions":[{"name":"get_weather","description":"The weather","parameters":` + placeSchema + `}],"function_call":{"name":"get_weather"}`, "tool"},
			{"a function's history", `"messages":[{"role":"user","content":"?"},{"role":"assistant","content":null,"function_call":{"name":"get_weather","arguments":"{\"city\":\"Oslo\"}"}},{"role":"function","name":"get_weather","content":"Rain"}],"functions":[{"name":"get_weather","description":"The weather","parameters":` + placeSchema + `}]`, ""},
			{"a tool in Converse's form", asksGranite + `,"tools":[{"toolSpec":{"name":"get_weather","description":"The weather","inputSchema":{"json":` + placeSchema + `}}}]`, "tool"},
			{"a system tool", asksGranite + `,"tools":[{"systemTool":{"name":"nova_grounding"}}]`, ""},
			{"a custom tool", asksGranite + `,"tools":[{"type":"custom","custom":{"name":"shell"}}]`, ""},
			{"a tool of OpenAI's", asksGranite + `,"tools":[{"type":"web_search_preview"}]`, ""},
			{"two calls, of which one is cut short", asksGranite + `,"tools":[` + weatherTool + `,` + clockTool + `],"max_tokens":5`, "two-tools"},
		})
	}
	l.each("claude", [][3]string{
		{"a computer tool", asksGranite + `,"tools":[{"type":"computer_20250124","name":"computer","display_width_px":1024,"display_height_px":768}]`, ""},
		{"a computer tool as a function", asksGranite + `,"tools":[{"type":"computer_20250124","function":{"name":"computer","parameters":{"display_width_px":1024,"display_height_px":768}}}]`, ""},
		{"a bash tool", asksGranite + `,"tools":[{"type":"bash_20250124","name":"bash"}]`, ""},
	})
	for _, m := range []string{"llama", "mistral", "qwen", "deepseek"} {
		l.add("a tool history without tools, "+m, m, `"messages":[`+weatherLoop+`]`, "")
	}
}

// choices are tool_choice and parallel_tool_calls of the families.
func (l *rowList) choices() {
	tools := `,"tools":[` + weatherTool + `,` + clockTool + `]`
	for _, m := range []string{"claude-46", "claude-new", "claude-55", "nova-2", "llama", "mistral", "mistral-old", "gpt-oss", "gpt-5", "qwen", "deepseek-v3", "kimi", "glm", "command-r", "jamba", "palmyra"} {
		l.each(m, [][3]string{
			{"tool_choice auto", asksGranite + `,"tool_choice":"auto"` + tools, "tool"},
			{"tool_choice required", asksGranite + `,"tool_choice":"required"` + tools, "tool"},
			{"tool_choice by name", asksGranite + `,"tool_choice":{"type":"function","function":{"name":"get_weather"}}` + tools, "tool"},
			{"tool_choice none", asksGranite + `,"tool_choice":"none"` + tools, ""},
			{"parallel_tool_calls false", asksGranite + `,"parallel_tool_calls":false` + tools, "tool"},
		})
	}
	for _, m := range []string{"claude", "nova"} {
		l.each(m, [][3]string{
			{"tool_choice any", asksGranite + `,"tool_choice":"any"` + tools, "tool"},
			{"tool_choice in Anthropic's form", asksGranite + `,"tool_choice":{"type":"tool","name":"get_weather"}` + tools, "tool"},
			{"tool_choice any in Anthropic's form", asksGranite + `,"tool_choice":{"type":"any"}` + tools, "tool"},
			{"tool_choice in Converse's form", asksGranite + `,"tool_choice":{"tool":{"name":"get_weather"}}` + tools, "tool"},
			{"tool_choice in the form of responses", asksGranite + `,"tool_choice":{"type":"function","name":"get_weather"}` + tools, "tool"},
			{"allowed_tools", asksGranite + `,"tool_choice":{"type":"allowed_tools","allowed_tools":{"mode":"auto","tools":[{"type":"function","function":{"name":"get_weather"}}]}}` + tools, "tool"},
			{"tool_choice of an unknown tool", asksGranite + `,"tool_choice":{"type":"function","function":{"name":"get_rocks"}}` + tools, ""},
			{"tool_choice of an unknown word", asksGranite + `,"tool_choice":"perhaps"` + tools, ""},
			{"tool_choice required without tools", asksGranite + `,"tool_choice":"required"`, ""},
			{"tool_choice auto without tools", asksGranite + `,"tool_choice":"auto"`, ""},
			{"tool_choice none without tools", asksGranite + `,"tool_choice":"none"`, ""},
			{"tool_choice null", asksGranite + `,"tool_choice":null` + tools, "tool"},
			{"parallel_tool_calls without tools", asksGranite + `,"parallel_tool_calls":false`, ""},
			{"parallel_tool_calls false and a choice", asksGranite + `,"parallel_tool_calls":false,"tool_choice":"required"` + tools, "tool"},
		})
	}
	l.add("parallel_tool_calls false under drop_params, nova", "nova-drop", asksGranite+`,"parallel_tool_calls":false`+tools, "tool")
}
