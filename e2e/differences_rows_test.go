package e2e

import "strings"

// comparedRows are the requests of the comparison.
func comparedRows() []compared {
	const (
		hi      = `"messages":[{"role":"user","content":"What is granite?"}]`
		weather = `{"type":"function","function":{"name":"get_weather","description":"The weather","parameters":{"type":"object","properties":{"city":{"type":"string","enum":["Oslo","Bergen"]}},"required":["city"],"additionalProperties":false}}}`
		clock   = `{"type":"function","function":{"name":"get_time","description":"The time","parameters":{"type":"object","properties":{}}}}`
		called  = `{"role":"user","content":"Weather?"},{"role":"assistant","content":null,"tool_calls":[{"id":"tooluse_1","type":"function","function":{"name":"get_weather","arguments":"{\"city\":\"Oslo\"}"}}]},{"role":"tool","tool_call_id":"tooluse_1","content":"Rain"}`
		pixel   = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
		pdf     = "JVBERi0xLjQKMSAwIG9iago8PC9UeXBlL0NhdGFsb2c+PgplbmRvYmoKdHJhaWxlcgo8PC9Sb290IDEgMCBSPj4KJSVFT0YK"
		schema  = `{"type":"json_schema","json_schema":{"name":"place","strict":true,"schema":{"type":"object","properties":{"city":{"type":"string"}},"required":["city"],"additionalProperties":false}}}`
	)
	var rows []compared
	add := func(name, model, body, answer string) {
		rows = append(rows, compared{name: name, model: model, body: body, answer: answer, streamed: true})
	}
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
			{"parallel_tool_calls false", `"parallel_tool_calls":false,"tools":[` + weather + `]`},
			{"parallel_tool_calls true", `"parallel_tool_calls":true,"tools":[` + weather + `]`},
			{"a tool", `"tools":[` + weather + `]`},
			{"tool_choice auto", `"tool_choice":"auto","tools":[` + weather + `]`},
			{"tool_choice required", `"tool_choice":"required","tools":[` + weather + `]`},
			{"tool_choice by name", `"tool_choice":{"type":"function","function":{"name":"get_weather"}},"tools":[` + weather + `]`},
			{"tool_choice none", `"tool_choice":"none","tools":[` + weather + `]`},
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
			body := hi
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
			{"an image", `"messages":[{"role":"user","content":[{"type":"text","text":"What?"},{"type":"image_url","image_url":{"url":"data:image/png;base64,` + pixel + `"}}]}]`, ""},
			{"a PDF", `"messages":[{"role":"user","content":[{"type":"text","text":"What?"},{"type":"file","file":{"filename":"a paper.pdf","file_data":"data:application/pdf;base64,` + pdf + `"}}]}]`, ""},
			{"a tool result", `"messages":[` + called + `],"tools":[` + weather + `]`, ""},
			{"two tool results", `"messages":[{"role":"user","content":"?"},{"role":"assistant","content":"","tool_calls":[{"id":"a","type":"function","function":{"name":"get_weather","arguments":"{\"city\":\"Oslo\"}"}},{"id":"b","type":"function","function":{"name":"get_time","arguments":""}}]},{"role":"tool","tool_call_id":"a","content":"Rain"},{"role":"tool","tool_call_id":"b","content":"Noon"}],"tools":[` + weather + `,` + clock + `]`, ""},
			{"a tool history without tools", `"messages":[` + called + `]`, ""},
			{"a tool with a dotted name", hi + `,"tools":[{"type":"function","function":{"name":"a.b","parameters":{"type":"object","properties":{}}}}]`, "dotted-tool"},
			{"a tool without a description", hi + `,"tools":[{"type":"function","function":{"name":"ping","parameters":{"type":"object","properties":{}}}}]`, ""},
			{"a tool without parameters", hi + `,"tools":[{"type":"function","function":{"name":"ping","description":"Ping"}}]`, ""},
			{"a cached system message", `"messages":[{"role":"system","content":[{"type":"text","text":"Be brief.","cache_control":{"type":"ephemeral"}}]},{"role":"user","content":"Hi"}]`, "cached"},
			{"a cached user message", `"messages":[{"role":"user","content":[{"type":"text","text":"Long.","cache_control":{"type":"ephemeral"}},{"type":"text","text":"Hi"}]}]`, "cached"},
			{"json_schema", hi + `,"response_format":` + schema, "json"},
			{"json_object", `"messages":[{"role":"user","content":"JSON, please"}],"response_format":{"type":"json_object"}`, "json"},
			{"an answer cut short", hi + `,"max_tokens":1`, "length"},
			{"an answer stopped", hi + `,"stop":"ite"`, "stop"},
			{"an answer filtered", hi, "filtered"},
			{"a guardrail's answer", hi + `,"guardrailConfig":{"guardrailIdentifier":"gr1","guardrailVersion":"1"}`, "guardrail"},
			{"a full window", hi, "window"},
			{"a malformed tool call", hi, "malformed"},
			{"text and a tool call", hi + `,"tools":[` + weather + `]`, "text-tool"},
			{"two tool calls", hi + `,"tools":[` + weather + `,` + clock + `]`, "two-tools"},
			{"reasoning comes back", hi, "reasoning"},
			{"redacted reasoning comes back", hi, "redacted"},
			{"fields beside the answer", hi, "fields"},
		} {
			add(c[0]+", "+m, m, c[1], c[2])
		}
	}
	for _, d := range []string{"n\":2", "seed\":7", "presence_penalty\":0.5", "logit_bias\":{\"1\":1}", "logprobs\":true", "tool_choice\":\"none\",\"tools\":[" + weather + "]"} {
		name, _, _ := strings.Cut(d, `"`)
		add(name+" under drop_params", "claude-drop", hi+`,"`+d, "")
	}
	for _, m := range []string{"claude-old", "claude-new", "nova-2", "gpt-oss", "qwen", "deepseek", "llama", "mistral"} {
		add("a question, "+m, m, hi, "")
		add("reasoning_effort high, "+m, m, hi+`,"reasoning_effort":"high","max_tokens":8000`, "")
		add("a tool, "+m, m, hi+`,"tools":[`+weather+`]`, "tool")
		add("temperature and top_p, "+m, m, hi+`,"temperature":0.5,"top_p":0.9`, "")
		add("json_schema, "+m, m, hi+`,"response_format":`+schema, "json")
	}
	add("thinking", "claude", hi+`,"thinking":{"type":"enabled","budget_tokens":2000},"max_tokens":4000`, "reasoning")
	add("thinking without max_tokens", "claude", hi+`,"thinking":{"type":"enabled","budget_tokens":2000}`, "reasoning")
	add("thinking goes back", "claude", `"messages":[{"role":"user","content":"Hi"},{"role":"assistant","content":"Hello","thinking_blocks":[{"type":"thinking","thinking":"Hm.","signature":"c2ln"}]},{"role":"user","content":"Go on"}]`, "")
	add("redacted thinking goes back", "claude", `"messages":[{"role":"user","content":"Hi"},{"role":"assistant","content":"Hello","thinking_blocks":[{"type":"redacted_thinking","data":"c2VjcmV0"}]},{"role":"user","content":"Go on"}]`, "")
	add("a forced tool with thinking", "claude", hi+`,"thinking":{"type":"enabled","budget_tokens":2000},"max_tokens":4000,"tool_choice":"required","tools":[`+weather+`]`, "tool")
	add("a field of the model's own", "claude", hi+`,"top_a":0.5`, "")
	add("thinking tags in a text", "nova", hi, "thinking-tag")
	add("no messages", "claude", `"messages":[]`, "")
	add("an unknown role", "claude", `"messages":[{"role":"wizard","content":"Hi"}]`, "")
	add("a broken image", "claude", `"messages":[{"role":"user","content":[{"type":"image_url","image_url":{"url":"data:image/tiff;base64,AAAA"}}]}]`, "")
	add("arguments that are no JSON", "claude", `"messages":[{"role":"user","content":"?"},{"role":"assistant","tool_calls":[{"id":"a","type":"function","function":{"name":"get_weather","arguments":"Oslo"}}]},{"role":"tool","tool_call_id":"a","content":"Rain"}],"tools":[`+weather+`]`, "")
	add("a bad effort", "claude", hi+`,"reasoning_effort":"heroic"`, "")
	return rows
}
