package e2e

import "strings"

// Parts of requests that many rows have.
const (
	asksGranite  = `"messages":[{"role":"user","content":"What is granite?"}]`
	weatherTool  = `{"type":"function","function":{"name":"get_weather","description":"The weather","parameters":{"type":"object","properties":{"city":{"type":"string","enum":["Oslo","Bergen"]}},"required":["city"],"additionalProperties":false}}}`
	clockTool    = `{"type":"function","function":{"name":"get_time","description":"The time","parameters":{"type":"object","properties":{}}}}`
	callsWeather = `{"role":"user","content":"Weather?"},{"role":"assistant","content":null,"tool_calls":[{"id":"tooluse_1","type":"function","function":{"name":"get_weather","arguments":"{\"city\":\"Oslo\"}"}}]}`
	weatherLoop  = callsWeather + `,{"role":"tool","tool_call_id":"tooluse_1","content":"Rain"}`
	placeSchema  = `{"type":"object","properties":{"city":{"type":"string"}},"required":["city"],"additionalProperties":false}`
	placeFormat  = `{"type":"json_schema","json_schema":{"name":"place","strict":true,"schema":` + placeSchema + `}}`
)

// rowList collects the requests of the comparison.
type rowList []compared

// add adds a request; answer names what Bedrock answers, its text if it is empty.
func (l *rowList) add(name, model, body, answer string) {
	*l = append(*l, compared{name: name, model: model, body: body, answer: answer})
}

// each adds requests of a name, a body and an answer to a model.
func (l *rowList) each(model string, rows [][3]string) {
	for _, r := range rows {
		l.add(r[0]+", "+model, model, r[1], r[2])
	}
}

// set adds the question with a setting, of a name and members, to a model.
func (l *rowList) set(model, answer string, settings [][2]string) {
	for _, s := range settings {
		l.add(s[0]+", "+model, model, asksGranite+","+s[1], answer)
	}
}

// comparedRows are the requests of the comparison.
func comparedRows() []compared {
	var l rowList
	l.common()
	l.families()
	l.turns()
	l.files()
	l.toolUse()
	l.choices()
	l.formats()
	l.reasoning()
	l.caches()
	l.fields()
	l.answers()
	l.access()
	return l
}

// common are the requests that clients make every day.
func (l *rowList) common() {
	add := l.add
	// Each setting on a Claude and on a Nova, and then what is particular to others.
	for _, m := range []string{"claude", "nova"} {
		for _, s := range [][2]string{
			{"a question", ""},
			{"max_tokens", `"max_tokens":100`},
			{"max_completion_tokens", `"max_completion_tokens":100`},
			{"temperature", `"temperature":0.5`},
			{"top_p", `"top_p":0.9`},
			{"top_k", `"top_k":40`},
			{"stop, a string", `"stop":"END"`},
			{"stop, a list", `"stop":["END","STOP"]`},
			{"stop with a blank one", `"stop":[""]`},
			{"n = 1", `"n":1`},
			{"n = 2", `"n":2`},
			{"seed", `"seed":7`},
			{"user", `"user":"jane"`},
			{"metadata", `"metadata":{"team":"rocks"}`},
			{"presence_penalty", `"presence_penalty":0.5`},
			{"frequency_penalty", `"frequency_penalty":0.5`},
			{"logit_bias", `"logit_bias":{"50256":-100}`},
			{"logprobs", `"logprobs":true`},
			{"modalities", `"modalities":["text"]`},
			{"service_tier auto", `"service_tier":"auto"`},
			{"service_tier priority", `"service_tier":"priority"`},
			{"parallel_tool_calls false", `"parallel_tool_calls":false,"tools":[` + weatherTool + `]`},
			{"parallel_tool_calls true", `"parallel_tool_calls":true,"tools":[` + weatherTool + `]`},
			{"a tool", `"tools":[` + weatherTool + `]`},
			{"tool_choice auto", `"tool_choice":"auto","tools":[` + weatherTool + `]`},
			{"tool_choice required", `"tool_choice":"required","tools":[` + weatherTool + `]`},
			{"tool_choice by name", `"tool_choice":{"type":"function","function":{"name":"get_weather"}},"tools":[` + weatherTool + `]`},
			{"tool_choice none", `"tool_choice":"none","tools":[` + weatherTool + `]`},
			{"response_format text", `"response_format":{"type":"text"}`},
			{"guardrailConfig", `"guardrailConfig":{"guardrailIdentifier":"gr1","guardrailVersion":"1","trace":"enabled"}`},
			{"performanceConfig", `"performanceConfig":{"latency":"optimized"}`},
			{"requestMetadata", `"requestMetadata":{"team":"rocks"}`},
			{"additionalModelResponseFieldPaths", `"additionalModelResponseFieldPaths":["/stop_sequence"]`},
			{"stream_options", ``},
			{"reasoning_effort low", `"reasoning_effort":"low"`},
			{"verbosity", `"verbosity":"low"`},
			{"store", `"store":false`},
			{"prompt_cache_key", `"prompt_cache_key":"k"`},
		} {
			body := asksGranite
			if s[1] != "" {
				body += "," + s[1]
			}
			answer := "text"
			if strings.Contains(s[0], "tool_choice required") || strings.Contains(s[0], "by name") {
				answer = "tool"
			}
			add(s[0]+", "+m, m, body, answer)
		}
		for _, c := range [][3]string{
			{"a system message", `"messages":[{"role":"system","content":"Be brief."},{"role":"user","content":"Hi"}]`, ""},
			{"a developer message", `"messages":[{"role":"developer","content":"Be brief."},{"role":"user","content":"Hi"}]`, ""},
			{"a system message in the middle", `"messages":[{"role":"user","content":"Hi"},{"role":"assistant","content":"Hello"},{"role":"system","content":"Be brief."},{"role":"user","content":"Go on"}]`, ""},
			{"text parts", `"messages":[{"role":"user","content":[{"type":"text","text":"What is"},{"type":"text","text":"granite?"}]}]`, ""},
			{"two user messages", `"messages":[{"role":"user","content":"Hi"},{"role":"user","content":"What is granite?"}]`, ""},
			{"a blank text part", `"messages":[{"role":"user","content":[{"type":"text","text":""},{"type":"text","text":"Hi"}]}]`, ""},
			{"prefill", `"messages":[{"role":"user","content":"Name a rock."},{"role":"assistant","content":"Gran"}]`, ""},
			{"an image", `"messages":[{"role":"user","content":[{"type":"text","text":"What?"},{"type":"image_url","image_url":{"url":"data:image/png;base64,` + pixelPNG + `"}}]}]`, ""},
			{"a PDF", `"messages":[{"role":"user","content":[{"type":"text","text":"What?"},{"type":"file","file":{"filename":"a paper.pdf","file_data":"data:application/pdf;base64,` + pagePDF + `"}}]}]`, ""},
			{"a tool result", `"messages":[` + weatherLoop + `],"tools":[` + weatherTool + `]`, ""},
			{"two tool results", `"messages":[{"role":"user","content":"?"},{"role":"assistant","content":"","tool_calls":[{"id":"a","type":"function","function":{"name":"get_weather","arguments":"{\"city\":\"Oslo\"}"}},{"id":"b","type":"function","function":{"name":"get_time","arguments":""}}]},{"role":"tool","tool_call_id":"a","content":"Rain"},{"role":"tool","tool_call_id":"b","content":"Noon"}],"tools":[` + weatherTool + `,` + clockTool + `]`, ""},
			{"a tool history without tools", `"messages":[` + weatherLoop + `]`, ""},
			{"a tool with a dotted name", asksGranite + `,"tools":[{"type":"function","function":{"name":"a.b","parameters":{"type":"object","properties":{}}}}]`, "dotted-tool"},
			{"a tool without a description", asksGranite + `,"tools":[{"type":"function","function":{"name":"ping","parameters":{"type":"object","properties":{}}}}]`, ""},
			{"a tool without parameters", asksGranite + `,"tools":[{"type":"function","function":{"name":"ping","description":"Ping"}}]`, ""},
			{"a cached system message", `"messages":[{"role":"system","content":[{"type":"text","text":"Be brief.","cache_control":{"type":"ephemeral"}}]},{"role":"user","content":"Hi"}]`, "cached"},
			{"a cached user message", `"messages":[{"role":"user","content":[{"type":"text","text":"Long.","cache_control":{"type":"ephemeral"}},{"type":"text","text":"Hi"}]}]`, "cached"},
			{"json_schema", asksGranite + `,"response_format":` + placeFormat, "json"},
			{"json_object", `"messages":[{"role":"user","content":"JSON, please"}],"response_format":{"type":"json_object"}`, "json"},
			{"an answer cut short", asksGranite + `,"max_tokens":1`, "length"},
			{"an answer stopped", asksGranite + `,"stop":"ite"`, "stop"},
			{"an answer filtered", asksGranite, "filtered"},
			{"a guardrail's answer", asksGranite + `,"guardrailConfig":{"guardrailIdentifier":"gr1","guardrailVersion":"1"}`, "guardrail"},
			{"a full window", asksGranite, "window"},
			{"a malformed tool call", asksGranite, "malformed"},
			{"text and a tool call", asksGranite + `,"tools":[` + weatherTool + `]`, "text-tool"},
			{"two tool calls", asksGranite + `,"tools":[` + weatherTool + `,` + clockTool + `]`, "two-tools"},
			{"reasoning comes back", asksGranite, "reasoning"},
			{"redacted reasoning comes back", asksGranite, "redacted"},
			{"fields beside the answer", asksGranite, "fields"},
		} {
			add(c[0]+", "+m, m, c[1], c[2])
		}
	}
}

// families are what is particular to models other than the two.
func (l *rowList) families() {
	add := l.add
	for _, d := range []string{"n\":2", "seed\":7", "presence_penalty\":0.5", "logit_bias\":{\"1\":1}", "logprobs\":true", "tool_choice\":\"none\",\"tools\":[" + weatherTool + "]"} {
		name, _, _ := strings.Cut(d, `"`)
		add(name+" under drop_params", "claude-drop", asksGranite+`,"`+d, "")
	}
	for _, m := range []string{"claude-old", "claude-new", "nova-2", "gpt-oss", "qwen", "deepseek", "llama", "mistral"} {
		add("a question, "+m, m, asksGranite, "")
		add("reasoning_effort high, "+m, m, asksGranite+`,"reasoning_effort":"high","max_tokens":8000`, "")
		add("a tool, "+m, m, asksGranite+`,"tools":[`+weatherTool+`]`, "tool")
		add("temperature and top_p, "+m, m, asksGranite+`,"temperature":0.5,"top_p":0.9`, "")
		add("json_schema, "+m, m, asksGranite+`,"response_format":`+placeFormat, "json")
	}
	add("thinking", "claude", asksGranite+`,"thinking":{"type":"enabled","budget_tokens":2000},"max_tokens":4000`, "reasoning")
	add("thinking without max_tokens", "claude", asksGranite+`,"thinking":{"type":"enabled","budget_tokens":2000}`, "reasoning")
	add("thinking goes back", "claude", `"messages":[{"role":"user","content":"Hi"},{"role":"assistant","content":"Hello","thinking_blocks":[{"type":"thinking","thinking":"Hm.","signature":"c2ln"}]},{"role":"user","content":"Go on"}]`, "")
	add("redacted thinking goes back", "claude", `"messages":[{"role":"user","content":"Hi"},{"role":"assistant","content":"Hello","thinking_blocks":[{"type":"redacted_thinking","data":"c2VjcmV0"}]},{"role":"user","content":"Go on"}]`, "")
	add("a forced tool with thinking", "claude", asksGranite+`,"thinking":{"type":"enabled","budget_tokens":2000},"max_tokens":4000,"tool_choice":"required","tools":[`+weatherTool+`]`, "tool")
	add("a field of the model's own", "claude", asksGranite+`,"top_a":0.5`, "")
	add("thinking tags in a text", "nova", asksGranite, "thinking-tag")
	add("no messages", "claude", `"messages":[]`, "")
	add("an unknown role", "claude", `"messages":[{"role":"wizard","content":"Hi"}]`, "")
	add("a broken image", "claude", `"messages":[{"role":"user","content":[{"type":"image_url","image_url":{"url":"data:image/tiff;base64,AAAA"}}]}]`, "")
	add("arguments that are no JSON", "claude", `"messages":[{"role":"user","content":"?"},{"role":"assistant","tool_calls":[{"id":"a","type":"function","function":{"name":"get_weather","arguments":"Oslo"}}]},{"role":"tool","tool_call_id":"a","content":"Rain"}],"tools":[`+weatherTool+`]`, "")
	add("a bad effort", "claude", asksGranite+`,"reasoning_effort":"heroic"`, "")
}
