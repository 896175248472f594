package openaichat_test

import (
	"encoding/base64"
	"errors"
	"slices"
	"strings"
	"testing"

	"outcrop/llm"
)

// kind is a request of a kind that clients send, and what becomes of it.
type kind struct {
	name, model, body string
	has, not          []string // in what Converse is sent
	warned            []string
	refused           string // the field
}

// sent holds each request, whole and streamed, to what Converse is sent.
func sent(t *testing.T, kinds []kind) {
	t.Helper()
	for _, tt := range kinds {
		for _, stream := range []string{"", `,"stream":true`} {
			t.Run(tt.name+stream, func(t *testing.T) {
				out, warnings, err := translate([]byte(`{"model":"` + named(t, tt.model) + `",` + tt.body + stream + `}`))
				if e, ok := errors.AsType[*llm.Error](err); ok {
					if e.Status != 400 || e.Param != tt.refused {
						t.Errorf("refused %d %q: %v, want %q", e.Status, e.Param, e, tt.refused)
					}
					return
				}
				if err != nil || tt.refused != "" {
					t.Fatalf("not refused for %q: %v\n%s", tt.refused, err, out)
				}
				for _, want := range tt.has {
					if !strings.Contains(string(out), want) {
						t.Errorf("lacks %s:\n%s", want, out)
					}
				}
				for _, not := range tt.not {
					if strings.Contains(string(out), not) {
						t.Errorf("has %s:\n%s", not, out)
					}
				}
				var texts []string
				for _, w := range warnings {
					texts = append(texts, w.Code+";field="+w.Field)
				}
				if !slices.Equal(texts, tt.warned) {
					t.Errorf("warned of %q, want %q\n%s", texts, tt.warned, out)
				}
			})
		}
	}
}

const ask = `"messages":[{"role":"user","content":"Which rock is hardest?"}]`

func TestEffortIsReadInEveryForm(t *testing.T) {
	sent(t, []kind{
		{name: "an object", model: sonnet45, body: ask + `,"reasoning_effort":{"effort":"high"}`, has: []string{`"budget_tokens":4096`}},
		{name: "an object with a summary", model: "us.amazon.nova-2-lite-v1:0", body: ask + `,"reasoning_effort":{"effort":"low","summary":"auto"}`, has: []string{`"maxReasoningEffort":"low"`}},
		{name: "an object with another summary", model: sonnet45, body: ask + `,"reasoning_effort":{"effort":"low","summary":"long"}`, refused: "reasoning_effort.summary"},
		{name: "an object without an effort", model: sonnet45, body: ask + `,"reasoning_effort":{"effort":null}`, not: []string{"thinking"}},
		{name: "an object with another word", model: sonnet45, body: ask + `,"reasoning_effort":{"effort":"hard"}`, refused: "reasoning_effort.effort"},
		{name: "an empty word", model: sonnet45, body: ask + `,"reasoning_effort":""`, not: []string{"thinking"}},
		{name: "default", model: "us.openai.gpt-5.6-sol", body: ask + `,"reasoning_effort":"default"`, not: []string{"reasoning"}},
		{name: "auto", model: "claude-opus-4-7", body: ask + `,"reasoning_effort":"auto"`, not: []string{"thinking"}},
		{name: "another word", model: sonnet45, body: ask + `,"reasoning_effort":"hard"`, refused: "reasoning_effort"},
		{name: "a number", model: sonnet45, body: ask + `,"reasoning_effort":5`, refused: "reasoning_effort"},
		{name: "thinking without its type", model: sonnet45, body: ask + `,"thinking":{"budget_tokens":3000}`, has: []string{`"thinking":{"type":"enabled","budget_tokens":3000}`}},
		{name: "thinking without its type, of a Claude that adapts", model: "claude-opus-4-7", body: ask + `,"thinking":{"budget_tokens":3000}`, has: []string{`"type":"adaptive"`, `"effort":"high"`}, warned: []string{"changed;field=thinking"}},
	})
}

func TestPlainReasoningGoesBackToFamiliesWithoutSignatures(t *testing.T) {
	const history = `"messages":[{"role":"user","content":"A rock?"},{"role":"assistant","content":"Quartz.","reasoning_content":"A hard one."},{"role":"user","content":"One more?"}]`
	const plain = `{"reasoningContent":{"reasoningText":{"text":"A hard one."}}}`
	var kinds []kind
	for _, model := range []string{minimax, "openai.gpt-oss-120b-1:0", "qwen.qwen3-32b-v1:0", "newcomer.model-9"} {
		kinds = append(kinds, kind{name: model, model: model, body: history, has: []string{plain}})
	}
	for _, model := range []string{sonnet45, "claude-opus-5", "us.openai.gpt-5.6-sol", "global.xai.grok-4.6", "zai.glm-5", "moonshotai.kimi-k2.5", "us.deepseek.r1-v1:0", "us.meta.llama3-3-70b-instruct-v1:0", "us.amazon.nova-pro-v1:0"} {
		kinds = append(kinds, kind{name: model, model: model, body: history, not: []string{"reasoningContent"}, warned: []string{"dropped;field=messages[1].reasoning_content"}})
	}
	sent(t, kinds)
}

// TestRedactedThinkingGoesBackInConversesEncoding sends Anthropic's text, and Converse's
// base64 of it, to a Claude.
func TestRedactedThinkingGoesBackInConversesEncoding(t *testing.T) {
	own := base64.StdEncoding.EncodeToString([]byte("\x12\x9c\x01\x0a\x08\xffstone\x00\xfe\x81 quartz"))
	twice := base64.StdEncoding.EncodeToString([]byte(own))
	history := func(data string) string {
		return `"messages":[{"role":"user","content":"A rock?"},{"role":"assistant","content":"Quartz.","thinking_blocks":[{"type":"redacted_thinking","data":"` + data + `"}]},{"role":"user","content":"One more?"}]`
	}
	sent(t, []kind{
		{name: "Converse's", model: sonnet45, body: history(twice), has: []string{`{"redactedContent":"` + twice + `"}`}},
		{name: "Anthropic's", model: sonnet45, body: history(own), has: []string{`{"redactedContent":"` + twice + `"}`}},
		{name: "a GPT's own", model: "us.openai.gpt-5.6-sol", body: history(own), has: []string{`{"redactedContent":"` + own + `"}`}},
	})
}

func TestToolsOfOtherDialectsAreFunctions(t *testing.T) {
	const spec = `"inputSchema":{"json":{"type":"object","properties":{"stone":{"type":"string"}}}},"name":"weigh"`
	const schema = `{"type":"object","properties":{"stone":{"type":"string"}}}`
	sent(t, []kind{
		{name: "of Responses", model: sonnet45, body: ask + `,"tools":[{"type":"function","name":"weigh","description":"d","parameters":` + schema + `}]`, has: []string{spec}},
		{name: "of Messages", model: sonnet45, body: ask + `,"tools":[{"name":"weigh","input_schema":` + schema + `,"cache_control":{"type":"ephemeral"}}]`, has: []string{spec, "cachePoint"}},
		{name: "of Messages, with its type", model: sonnet45, body: ask + `,"tools":[{"type":"custom","name":"weigh","input_schema":` + schema + `}]`, has: []string{spec}},
		{name: "without a type", model: sonnet45, body: ask + `,"tools":[{"name":"weigh","parameters":` + schema + `}]`, has: []string{spec}},
		{name: "strict", model: sonnet45, body: ask + `,"tools":[{"type":"function","name":"weigh","strict":true,"parameters":` + schema + `}]`, has: []string{`"strict":true`}},
		{name: "a custom tool of OpenAI's", model: sonnet45, body: ask + `,"tools":[{"type":"custom","name":"weigh","format":{"type":"text"}}]`, refused: "tools[0].type"},
		{name: "nameless", model: sonnet45, body: ask + `,"tools":[{"type":"function","parameters":{}}]`, refused: "tools[0].function.name"},
		{name: "an empty name", model: sonnet45, body: ask + `,"tools":[{"type":"function","name":""}]`, refused: "tools[0].name"},
		{name: "the same tool twice", model: sonnet45, body: ask + `,"tools":[{"name":"weigh","parameters":` + schema + `},{"name":"weigh","parameters":` + schema + `}]`, has: []string{`"tools":[{"toolSpec":{` + spec + `}}]`}, warned: []string{"dropped;field=tools[1]"}},
		{name: "two tools of one name", model: sonnet45, body: ask + `,"tools":[{"name":"weigh","parameters":` + schema + `},{"name":"weigh","description":"d"}]`, refused: "tools[1].function.name"},
	})
}

func TestPartsOfOtherDialectsAreRead(t *testing.T) {
	const png = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
	const pdf = "JVBERi0xLjQKJcfsj6IKMSAwIG9iago="
	const tools = `"tools":[{"name":"weigh","parameters":{"type":"object"}}],`
	says := func(parts string) string { return `"messages":[{"role":"user","content":[` + parts + `]}]` }
	talk := func(call, result string) string {
		return tools + `"messages":[{"role":"user","content":"How heavy?"},` + call + `,` + result + `]`
	}
	const call = `{"role":"assistant","content":[{"type":"text","text":"On it."},{"type":"tool_use","id":"w1","name":"weigh","input":{"stone":"slate"}}]}`
	const use = `[{"text":"On it."},{"toolUse":{"input":{"stone":"slate"},"name":"weigh","toolUseId":"w1"}}]`
	image := `{"image":{"format":"png","source":{"bytes":"` + png + `"}}}`
	sent(t, []kind{
		{name: "tool_use and tool_result", model: sonnet45, body: talk(call, `{"role":"user","content":[{"type":"text","text":"Well?"},{"type":"tool_result","tool_use_id":"w1","content":[{"type":"text","text":"3 kg"}],"is_error":true}]}`), has: []string{use, `[{"toolResult":{"content":[{"text":"3 kg"}],"status":"error","toolUseId":"w1"}},{"text":"Well?"}]`}},
		{name: "tool_use and role tool", model: sonnet45, body: talk(call, `{"role":"tool","tool_call_id":"w1","content":"3 kg"}`), has: []string{use, `{"toolResult":{"content":[{"text":"3 kg"}],"toolUseId":"w1"}}`}},
		{name: "tool_result as a text", model: sonnet45, body: talk(call, `{"role":"user","content":[{"type":"tool_result","tool_use_id":"w1","content":"3 kg","cache_control":{"type":"ephemeral"}}]}`), has: []string{`{"toolResult":{"content":[{"text":"3 kg"}],"toolUseId":"w1"}},{"cachePoint":{"type":"default"}}`}},
		{name: "tool_result without content", model: sonnet45, body: talk(call, `{"role":"user","content":[{"type":"tool_result","tool_use_id":"w1"}]}`), has: []string{`{"toolResult":{"content":[{"text":"(no output)"}],"toolUseId":"w1"}}`}},
		{name: "tool_use beside tool_calls", model: sonnet45, body: talk(`{"role":"assistant","content":[{"type":"tool_use","id":"w1","name":"weigh","input":{}}],"tool_calls":[{"id":"w1","type":"function","function":{"name":"weigh","arguments":"{}"}}]}`, `{"role":"tool","tool_call_id":"w1","content":"3 kg"}`), has: []string{`[{"toolUse":{"input":{},"name":"weigh","toolUseId":"w1"}}]`}},
		{name: "tool_use of the user's", model: sonnet45, body: says(`{"type":"tool_use","id":"w1","name":"weigh","input":{}}`), refused: "messages[0].content[0].type"},
		{name: "tool_result of no call", model: sonnet45, body: says(`{"type":"tool_result","content":"3 kg"}`), refused: "messages[0].content[0].tool_use_id"},
		{name: "image", model: sonnet45, body: says(`{"type":"image","source":{"type":"base64","media_type":"image/png","data":"` + png + `"}}`), has: []string{image}},
		{name: "image without a source", model: sonnet45, body: says(`{"type":"image"}`), refused: "messages[0].content[0].source"},
		{name: "document", model: sonnet45, body: says(`{"type":"text","text":"Sum up."},{"type":"document","title":"Rocks","source":{"type":"base64","media_type":"application/pdf","data":"` + pdf + `"}}`), has: []string{`{"document":{"format":"pdf","name":"Rocks","source":{"bytes":"` + pdf + `"}}}`}},
		{name: "document as a text", model: sonnet45, body: says(`{"type":"text","text":"Sum up."},{"type":"document","title":"Rocks","source":{"type":"text","media_type":"text/plain","data":"Slate is soft."}}`), has: []string{`"format":"txt","name":"Rocks","source":{"text":"Slate is soft."}`}},
		{name: "input_image", model: sonnet45, body: says(`{"type":"input_text","text":"x"},{"type":"input_image","image_url":"data:image/png;base64,` + png + `","detail":"auto"}`), has: []string{image}},
		{name: "input_file", model: sonnet45, body: says(`{"type":"input_text","text":"x"},{"type":"input_file","filename":"a.pdf","file_data":"data:application/pdf;base64,` + pdf + `"}`), has: []string{`{"document":{"format":"pdf","name":"a","source":{"bytes":"` + pdf + `"}}}`}},
		{name: "an image of no type", model: sonnet45, body: says(`{"type":"image_url","image_url":"data:application/octet-stream;base64,` + png + `"}`), has: []string{image}},
		{name: "a PDF of no name", model: sonnet45, body: says(`{"type":"text","text":"x"},{"type":"file","file":{"file_data":"` + pdf + `"}}`), has: []string{`"format":"pdf"`}},
		{name: "no known content", model: sonnet45, body: says(`{"type":"image_url","image_url":"data:application/octet-stream;base64,c2xhdGU="}`), refused: "messages[0].content[0].image_url.url"},
	})
}

func TestCallsWithoutIDsAreAnsweredInTheirOrder(t *testing.T) {
	talk := func(calls, results string) string {
		return `"tools":[{"name":"weigh","parameters":{"type":"object"}}],"messages":[{"role":"user","content":"How heavy?"},{"role":"assistant","content":null,"tool_calls":[` + calls + `]},` + results + `]`
	}
	sent(t, []kind{
		{
			name: "no ids", model: sonnet45, body: talk(`{"type":"function","function":{"name":"weigh","arguments":"{}"}},{"id":"","function":{"name":"weigh","arguments":{"stone":"slate"}}}`, `{"role":"tool","content":"3 kg"},{"role":"tool","tool_call_id":"","content":"4 kg"}`),
			has:    []string{`{"toolUse":{"input":{},"name":"weigh","toolUseId":"call_1_0"}},{"toolUse":{"input":{"stone":"slate"},"name":"weigh","toolUseId":"call_1_1"}}`, `{"toolResult":{"content":[{"text":"3 kg"}],"toolUseId":"call_1_0"}},{"toolResult":{"content":[{"text":"4 kg"}],"toolUseId":"call_1_1"}}`},
			warned: []string{"changed;field=messages[1].tool_calls[0].id", "changed;field=messages[1].tool_calls[1].id"},
		},
		{name: "a result too many", model: sonnet45, body: talk(`{"id":"w1","function":{"name":"weigh","arguments":"{}"}}`, `{"role":"tool","content":"3 kg"}`), refused: "messages[2].tool_call_id"},
		{name: "arguments as a list", model: sonnet45, body: talk(`{"id":"w1","function":{"name":"weigh","arguments":[1]}}`, `{"role":"tool","tool_call_id":"w1","content":"3 kg"}`), refused: "messages[1].tool_calls[0].function.arguments"},
	})
}

func TestSchemaBesideTheTypeOfTheFormat(t *testing.T) {
	const schema = `"schema":{"type":"object","properties":{"stone":{"type":"string"}}}`
	sent(t, []kind{
		{name: "as in Responses", model: sonnet45, body: ask + `,"response_format":{"type":"json_schema","name":"rock",` + schema + `,"strict":true}`, has: []string{`"jsonSchema":{"name":"rock"`}},
		{name: "of json_object", model: sonnet45, body: ask + `,"response_format":{"type":"json_object",` + schema + `}`, has: []string{`"jsonSchema":{`, `stone`}},
		{name: "of text", model: sonnet45, body: ask + `,"response_format":{"type":"text",` + schema + `}`, not: []string{"stone"}, warned: []string{"dropped;field=response_format.schema"}},
		{name: "no object", model: sonnet45, body: ask + `,"response_format":{"type":"json_schema","schema":[]}`, refused: "response_format.schema"},
	})
}

func TestResultsThatAreNoObjectsAreTexts(t *testing.T) {
	result := func(v string) string {
		return `"tools":[{"name":"weigh","parameters":{"type":"object"}}],"messages":[{"role":"user","content":"How heavy?"},{"role":"assistant","content":null,"tool_calls":[{"id":"w1","function":{"name":"weigh","arguments":"{}"}}]},{"role":"tool","tool_call_id":"w1","content":[{"type":"json","json":` + v + `}]}]`
	}
	holds := func(s string) []string { return []string{`{"toolResult":{"content":[` + s + `],"toolUseId":"w1"}}`} }
	sent(t, []kind{
		{name: "an object", model: sonnet45, body: result(`{"kg":3}`), has: holds(`{"json":{"kg":3}}`)},
		{name: "a list", model: sonnet45, body: result(`[1,2]`), has: holds(`{"text":"[1,2]"}`)},
		{name: "a string", model: sonnet45, body: result(`"3 kg"`), has: holds(`{"text":"3 kg"}`)},
		{name: "an empty string", model: sonnet45, body: result(`""`), has: holds(`{"text":"(no output)"}`)},
		{name: "null", model: sonnet45, body: result(`null`), has: holds(`{"text":"null"}`)},
	})
}

func TestClaudeStopsAtNoWhiteSpace(t *testing.T) {
	sent(t, []kind{
		{name: "refused", model: sonnet45, body: ask + `,"stop":["\n\n","END"]`, refused: "stop"},
		{name: "dropped", model: sonnet45, body: ask + `,"stop":["\n\n","END"],"drop_params":true`, has: []string{`"stopSequences":["END"]`}, warned: []string{"dropped;field=stop"}},
		{name: "of another family", model: "us.amazon.nova-pro-v1:0", body: ask + `,"stop":"\n\n"`, has: []string{`"stopSequences":["\n\n"]`}},
	})
}

func TestInputOfCallsIsAnObject(t *testing.T) {
	for name, tt := range map[string]struct{ input, want, stop, warned string }{
		"an object":            {`{"stone":"slate"}`, `"arguments":"{\"stone\":\"slate\"}"`, "tool_use", ""},
		"an object in a text":  {`"{\"stone\":\"slate\"}"`, `"arguments":"{\"stone\":\"slate\"}"`, "tool_use", ""},
		"an empty text":        {`""`, `"arguments":"{}"`, "tool_use", ""},
		"null":                 {`null`, `"arguments":"{}"`, "tool_use", ""},
		"another text":         {`"slate"`, `"arguments":"slate"`, "tool_use", ""},
		"a malformed tool use": {`{}`, `"finish_reason":"tool_calls"`, "malformed_tool_use", `{"code":"changed","field":"finish_reason"`},
	} {
		t.Run(name, func(t *testing.T) {
			whole, _ := served(t, `{"model":"us.amazon.nova-pro-v1:0",`+ask+`,"tools":[{"name":"weigh","parameters":{"type":"object"}}]}`,
				`{"output":{"message":{"role":"assistant","content":[{"toolUse":{"toolUseId":"w1","name":"weigh","input":`+tt.input+`}}]}},"stopReason":"`+tt.stop+`","usage":{"inputTokens":1,"outputTokens":1,"totalTokens":2}}`)
			if !strings.Contains(whole, tt.want) || !strings.Contains(whole, tt.warned) {
				t.Errorf("answered %s, want %s and %s", whole, tt.want, tt.warned)
			}
		})
	}
}

// TestPropertiesHaveNamesThatClaudeTakes has properties with other names than Claude
// takes, in a tool and in a schema for the answer.
func TestPropertiesHaveNamesThatClaudeTakes(t *testing.T) {
	const schema = `{"type":"object","properties":{"Account Number":{"type":"string"},"filter[id]":{"type":"object","properties":{"a b":{"type":"string"}}},"plain":{"type":"string"}},"required":["Account Number"]}`
	const tools = `"tools":[{"type":"function","function":{"name":"look.up","parameters":` + schema + `}}]`
	const input = `{"Account Number":"7, \"x\"","filter[id]":{"Account_Number":"a b"},"plain":"p"}`
	const renamed = `{"Account_Number":"7, \"x\"","filter_id_":{"Account_Number":"a b"},"plain":"p"}`
	history := `"messages":[{"role":"user","content":"Look."},{"role":"assistant","tool_calls":[{"id":"c1","function":{"name":"look.up","arguments":` + input + `}}]},{"role":"tool","tool_call_id":"c1","content":"none"}]`
	sent(t, []kind{
		{name: "a tool", model: sonnet45, body: tools + "," + history, has: []string{`"Account_Number":{"type":"string"}`, `"filter_id_":{"type":"object","properties":{"a b":`, `"required":["Account_Number"]`, `"input":` + renamed}, not: []string{"Account Number", "filter[id]"}},
		{name: "the answer's schema", model: "claude-opus-4-7", body: ask + `,"response_format":{"type":"json_schema","json_schema":{"name":"s","schema":` + schema + `}}`, has: []string{`"Account_Number":{"type":"string"}`}, not: []string{"Account Number"}},
		{name: "another family", model: "us.amazon.nova-pro-v1:0", body: tools + "," + history, has: []string{`"Account Number":{"type":"string"}`}},
	})
	answer := func(name string) string {
		return `{"output":{"message":{"role":"assistant","content":[{"toolUse":{"toolUseId":"c1","name":"` + name + `","input":` + renamed + `}}]}},"stopReason":"tool_use","usage":{"inputTokens":1,"outputTokens":1,"totalTokens":2}}`
	}
	want := strings.ReplaceAll(strings.ReplaceAll(input, `\`, `\\`), `"`, `\"`)
	for _, tt := range []struct{ model, body, answer string }{
		{sonnet45, tools + "," + ask, answer("look_up")},
		{"us.anthropic.claude-opus-4-7", `"response_format":{"type":"json_schema","json_schema":{"name":"s","schema":` + schema + `}},` + ask, answer("json_answer")},
	} {
		whole, streamed := served(t, `{"model":"`+tt.model+`",`+tt.body+`}`, tt.answer)
		if !strings.Contains(whole, want) || !strings.Contains(streamed, strings.TrimPrefix(want, "{")) {
			t.Errorf("%s: answered\n%s\nstreamed\n%s\nwant %s", tt.model, whole, streamed, want)
		}
	}
}

func TestTypesOfASchemaAreJSONSchemasOwn(t *testing.T) {
	tool := func(schema string) string {
		return ask + `,"tools":[{"type":"function","function":{"name":"weigh","parameters":` + schema + `}}]`
	}
	sent(t, []kind{
		{name: "of a language", model: sonnet45, body: tool(`{"type":"object","properties":{"a":{"type":"str"},"b":{"type":"dict"},"type":{"type":"any name"}}}`), has: []string{`"a":{"type":"string"},"b":{"type":"object"},"type":{}`}, warned: []string{"dropped;field=tools[0].function.parameters"}},
		{name: "in capitals", model: "us.amazon.nova-pro-v1:0", body: tool(`{"type":"OBJECT","properties":{"a":{"type":"INTEGER"}}}`), has: []string{`{"type":"object","properties":{"a":{"type":"integer"}}}`}},
		{name: "any", model: sonnet45, body: tool(`{"type":"object","properties":{"a":{"type":"any","description":"d"}}}`), has: []string{`"a":{"description":"d"}`}, warned: []string{"dropped;field=tools[0].function.parameters"}},
		{name: "a value of that name", model: sonnet45, body: tool(`{"type":"object","properties":{"a":{"type":"object","default":{"type":"str"}}}}`), has: []string{`"default":{"type":"str"}`}},
	})
}
