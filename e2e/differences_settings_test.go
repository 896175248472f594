package e2e

import "strings"

// formats are the forms of structured output, with and without tools beside.
func (l *rowList) formats() {
	format := `"response_format":` + placeFormat
	named := func(members, schema string) string {
		return `"response_format":{"type":"json_schema","json_schema":{"name":"place"` + members + `,"schema":` + schema + `}}`
	}
	for _, m := range []string{"claude", "nova"} {
		l.set(m, "json", [][2]string{
			{"json_schema that is not strict", named(`,"strict":false`, placeSchema)},
			{"json_schema with a description", named(`,"description":"A place"`, placeSchema)},
			{"json_schema without additionalProperties", named("", `{"type":"object","properties":{"city":{"type":"string"}},"required":["city"]}`)},
			{"json_schema with references", named("", `{"type":"object","properties":{"at":{"$ref":"#/$defs/p"}},"required":["at"],"additionalProperties":false,"$defs":{"p":{"type":"object","properties":{"x":{"type":"number"}},"required":["x"],"additionalProperties":false}}}`)},
			{"json_schema of a list", named("", `{"type":"array","items":{"type":"string"}}`)},
			{"json_schema without a name", `"response_format":{"type":"json_schema","json_schema":{"schema":` + placeSchema + `}}`},
			{"json_schema without a schema", `"response_format":{"type":"json_schema","json_schema":{"name":"place"}}`},
			{"json_schema that is a text", `"response_format":{"type":"json_schema","json_schema":{"name":"place","schema":"{}"}}`},
			{"json_object with a schema", `"response_format":{"type":"json_object","response_schema":` + placeSchema + `}`},
			{"a response_format of an unknown type", `"response_format":{"type":"yaml"}`},
			{"a response_format that is a word", `"response_format":"json"`},
			{"a response_format of null", `"response_format":null`},
			{"json_schema with reasoning", format + `,"reasoning_effort":"low"`},
		})
		l.set(m, "tool", [][2]string{
			{"json_schema and a tool that is called", format + `,"tools":[` + weatherTool + `]`},
			{"json_object and a tool that is called", `"response_format":{"type":"json_object"},"tools":[` + weatherTool + `]`},
		})
		l.set(m, "json", [][2]string{
			{"json_schema and a tool that is not called", format + `,"tools":[` + weatherTool + `]`},
			{"json_schema and tool_choice none", format + `,"tool_choice":"none","tools":[` + weatherTool + `]`},
		})
	}
	for _, m := range []string{"nova", "nova-2", "claude-old", "gpt-oss", "command-r", "jamba", "palmyra"} {
		l.add("json_schema by a tool, "+m, m, asksGranite+","+format, "forced")
		l.add("json_object by a tool, "+m, m, asksGranite+`,"response_format":{"type":"json_object"}`, "forced")
	}
	l.add("json_schema by a tool beside a tool, nova", "nova", asksGranite+","+format+`,"tools":[`+weatherTool+`]`, "forced")
	for _, m := range []string{"claude-46", "claude-55", "gpt-5", "deepseek-v3", "kimi", "glm", "voxtral"} {
		l.add("json_schema, "+m, m, asksGranite+","+format, "json")
	}
}

// reasoning are the wishes for it, and how each family takes them.
func (l *rowList) reasoning() {
	for _, m := range []string{"claude", "claude-46", "claude-new", "claude-55", "nova-2", "gpt-oss", "gpt-5", "qwen", "kimi", "deepseek-v3", "glm"} {
		for _, effort := range []string{"none", "minimal", "low", "medium", "high", "xhigh", "max"} {
			l.add("effort "+effort+", "+m, m, asksGranite+`,"reasoning_effort":"`+effort+`","max_tokens":20000`, "reasoning")
		}
	}
	for _, m := range []string{"claude", "claude-46", "claude-new", "claude-55", "nova-2", "qwen", "llama"} {
		l.set(m, "reasoning", [][2]string{
			{"thinking with a budget", `"thinking":{"type":"enabled","budget_tokens":2000},"max_tokens":4000`},
			{"thinking adaptive", `"thinking":{"type":"adaptive"},"max_tokens":4000`},
			{"thinking disabled", `"thinking":{"type":"disabled"},"max_tokens":4000`},
			{"thinking and an effort", `"thinking":{"type":"enabled","budget_tokens":2000},"reasoning_effort":"high","max_tokens":8000`},
		})
	}
	l.set("claude", "reasoning", [][2]string{
		{"a budget that is too small", `"thinking":{"type":"enabled","budget_tokens":100},"max_tokens":4000`},
		{"a budget above max_tokens", `"thinking":{"type":"enabled","budget_tokens":4000},"max_tokens":2000`},
		{"thinking and a temperature", `"thinking":{"type":"enabled","budget_tokens":2000},"max_tokens":4000,"temperature":0.5`},
		{"thinking and top_k", `"thinking":{"type":"enabled","budget_tokens":2000},"max_tokens":4000,"top_k":5`},
		{"an effort and a small max_tokens", `"reasoning_effort":"high","max_tokens":1000`},
		{"an effort that is an object", `"reasoning_effort":{"effort":"low","summary":"auto"}`},
		{"an effort of null", `"reasoning_effort":null`},
		{"reasoning as an object", `"reasoning":{"effort":"low"}`},
		{"thinking in additionalModelRequestFields", `"additionalModelRequestFields":{"thinking":{"type":"enabled","budget_tokens":2000}},"max_tokens":4000`},
	})
	l.set("claude-new", "reasoning", [][2]string{
		{"output_config", `"output_config":{"effort":"low"}`},
		{"outputConfig", `"outputConfig":{"effort":"low"}`},
		{"thinking and a forced tool", `"thinking":{"type":"adaptive"},"tool_choice":"required","tools":[` + weatherTool + `]`},
	})
	for _, m := range []string{"claude-new", "nova-2", "gpt-5", "gpt-oss", "qwen", "mistral"} {
		l.set(m, "", [][2]string{
			{"a temperature above 1", `"temperature":1.5`},
			{"a temperature of 1", `"temperature":1`},
			{"top_k", `"top_k":5`},
			{"stop", `"stop":["END"]`},
		})
	}
}

// caches are cache points.
func (l *rowList) caches() {
	part := func(text, control string) string {
		return `{"type":"text","text":"` + text + `","cache_control":{"type":"ephemeral"` + control + `}}`
	}
	five := strings.Join([]string{part("1", ""), part("2", ""), part("3", ""), part("4", ""), part("5", "")}, ",")
	hour := `,"ttl":"1h"`
	for _, m := range []string{"claude", "claude-old", "claude-new", "nova", "llama"} {
		l.each(m, [][3]string{
			{"a cached part for an hour", saidIn(part("Long.", hour) + `,{"type":"text","text":"Hi"}`), "hour-cache"},
			{"a cached system message for an hour", `"messages":[{"role":"system","content":[` + part("Be brief.", hour) + `]},{"role":"user","content":"Hi"}]`, "hour-cache"},
			{"a cached tool", asksGranite + `,"tools":[` + strings.TrimSuffix(weatherTool, "}") + `,"cache_control":{"type":"ephemeral"}}]`, "cached"},
			{"cached tool results", `"messages":[` + callsWeather + `,{"role":"tool","tool_call_id":"tooluse_1","content":[` + part("Rain", "") + `]}],"tools":[` + weatherTool + `]`, "cached"},
			{"five cached parts", saidIn(five), "cached"},
		})
	}
	l.each("claude", [][3]string{
		{"a cached part for five minutes", saidIn(part("Long.", `,"ttl":"5m"`) + `,{"type":"text","text":"Hi"}`), "cached"},
		{"a cached part for a day", saidIn(part("Long.", `,"ttl":"1d"`) + `,{"type":"text","text":"Hi"}`), ""},
		{"an hour behind five minutes", `"messages":[{"role":"system","content":[` + part("Be brief.", "") + `]},{"role":"user","content":[` + part("Hi", hour) + `]}]`, "hour-cache"},
		{"a cached message", `"messages":[{"role":"user","content":"Long.","cache_control":{"type":"ephemeral"}},{"role":"user","content":"Hi"}]`, "cached"},
		{"a cached system message as a text", `"messages":[{"role":"system","content":"Be brief.","cache_control":{"type":"ephemeral"}},{"role":"user","content":"Hi"}]`, "cached"},
		{"a cached assistant message", `"messages":[{"role":"user","content":"Hi"},{"role":"assistant","content":[` + part("Hello", "") + `]},{"role":"user","content":"Go on"}]`, "cached"},
		{"a cached function", asksGranite + `,"tools":[{"type":"function","function":{"name":"ping","description":"Ping","parameters":{"type":"object","properties":{}},"cache_control":{"type":"ephemeral"}}}]`, "cached"},
		{"a cached image", saidIn(what + `{"type":"image_url","image_url":{"url":"data:image/png;base64,` + pixelPNG + `"},"cache_control":{"type":"ephemeral"}}`), "cached"},
		{"cache_control at the top", asksGranite + `,"cache_control":{"type":"ephemeral"}`, "cached"},
		{"cache_control_injection_points", `"messages":[{"role":"system","content":"Be brief."},{"role":"user","content":"Hi"}],"cache_control_injection_points":[{"location":"message","role":"system"}]`, "cached"},
		{"a cachePoint in Converse's form", saidIn(`{"type":"text","text":"Long."},{"cachePoint":{"type":"default"}},{"type":"text","text":"Hi"}`), "cached"},
		{"a cachePoint among the tools", asksGranite + `,"tools":[` + weatherTool + `,{"cachePoint":{"type":"default"}}]`, "cached"},
	})
}
