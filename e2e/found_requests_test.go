package e2e

import (
	"fmt"
	"strings"
	"testing"
)

// foundRequest is a request reported by a user, by the name of the report, with the
// members that its variants change.
type foundRequest struct {
	name string
	litellmFault
	// variants are further members of the request that replace body.
	variants []litellmFault
}

// TestFoundRequests checks requests that users of Bedrock reported and that other
// projects' tests contain, each by the name of its report, with and without streaming.
// The emulator refuses in AWS's words what AWS refused.
func TestFoundRequests(t *testing.T) {
	k, upstream := startKeeping(t)
	g := startGateway(t, openConfig, upstream)
	for _, f := range foundRequests() {
		t.Run(f.name, func(t *testing.T) {
			for i, v := range append([]litellmFault{f.litellmFault}, f.variants...) {
				if v.model == "" {
					v.model = f.model
				}
				t.Run(fmt.Sprintf("variant %d", i), func(t *testing.T) {
					for _, stream := range []bool{false, true} {
						t.Run(form(stream), func(t *testing.T) { v.check(t, k, g.URL(), stream) })
					}
				})
			}
		})
	}
}

func foundRequests() []foundRequest {
	const (
		sonnet45 = "us.anthropic.claude-sonnet-4-5-20250929-v1:0"
		ask      = `"messages":[{"role":"user","content":"How heavy is the stone?"}]`
		weigh    = `"tools":[{"type":"function","function":{"name":"weigh","parameters":{"type":"object","properties":{"stone":{"type":"string"}}}}}]`
		point    = `"cache_control":{"type":"ephemeral"}`
	)
	call := func(id, stone string) string {
		return `{"id":"` + id + `","type":"function","function":{"name":"weigh","arguments":"{\"stone\":\"` + stone + `\"}"}}`
	}
	calls := func(content string, calls ...string) string {
		return `{"role":"assistant","content":` + content + `,"tool_calls":[` + strings.Join(calls, ",") + `]}`
	}
	result := func(id, text string) string {
		return `{"role":"tool","tool_call_id":"` + id + `","content":"` + text + `"}`
	}
	messages := func(all ...string) string {
		return weigh + `,"messages":[{"role":"user","content":"Weigh both"},` + strings.Join(all, ",") + `]`
	}
	parameters := func(schema string) string {
		return ask + `,"tools":[{"type":"function","function":{"name":"weigh","description":"Weighs.","parameters":` + schema + `}}]`
	}
	strict := func(schema string) string {
		return ask + `,"tools":[{"type":"function","function":{"name":"weigh","strict":true,"parameters":` + schema + `}}]`
	}
	format := func(schema string) string {
		return ask + `,"response_format":{"type":"json_schema","json_schema":{"name":"stone","schema":` + schema + `}}`
	}
	many := func(n int, property string) string {
		parts := make([]string, n)
		for i := range parts {
			parts[i] = fmt.Sprintf(`"p%d":%s`, i, property)
		}
		return `{` + strings.Join(parts, ",") + `}`
	}
	named := func(n int) string {
		parts := make([]string, n)
		for i := range parts {
			parts[i] = fmt.Sprintf(`"p%d"`, i)
		}
		return `[` + strings.Join(parts, ",") + `]`
	}
	const cachePoint = `{"cachePoint":{"type":"default"}}`
	return []foundRequest{
		{name: "bedrock-chat/cache-point-first-in-a-message", litellmFault: litellmFault{
			model: sonnet45, body: messages(calls(`[{"type":"text","text":"",`+point+`}]`, call("w1", "slate")), result("w1", "3 t")),
			sent: []string{`"toolUseId":"w1"}},` + cachePoint}, unsent: []string{`[` + cachePoint}, header: "messages[1].cache_control",
		}, variants: []litellmFault{
			{body: `"messages":[{"role":"user","content":[{"type":"text","text":"",` + point + `},{"type":"text","text":"slate"}]}]`, sent: []string{`{"text":"slate"},` + cachePoint}},
			{body: `"messages":[{"role":"system","content":[{"type":"text","text":" ",` + point + `},{"type":"text","text":"Be brief."}]},{"role":"user","content":"slate"}]`, sent: []string{`{"text":"Be brief."},` + cachePoint}},
			{model: "us.amazon.nova-lite-v1:0", body: `"messages":[{"role":"user","content":[{"type":"text","text":"\n",` + point + `},{"type":"text","text":"slate"}]}]`, sent: []string{`{"text":"slate"},` + cachePoint}},
			{body: `"messages":[{"role":"user","content":[{"type":"text","text":"",` + point + `},{"type":"text","text":"slate",` + point + `},{"type":"text","text":" ",` + point + `}]}]`, sent: []string{`[{"text":"slate"},` + cachePoint + `]`}},
		}},
		{name: "bedrock-chat/llama-text-beside-a-tool-call", litellmFault: litellmFault{
			model: "us.meta.llama4-maverick-17b-instruct-v1:0", body: messages(calls(`"I weigh it."`, call("w1", "slate")), result("w1", "3 t")),
			sent: []string{`{"content":[{"text":"I weigh it."}],"role":"assistant"}`, `{"content":[{"toolUse":`}, header: "messages[1]",
		}, variants: []litellmFault{
			{body: messages(`{"role":"assistant","content":"I weigh it."}`, calls(`null`, call("w1", "slate"), call("w2", "chalk")), result("w1", "3 t"), result("w2", "2 t"), `{"role":"user","content":"And?"}`), sent: []string{`{"content":[{"text":"I weigh it."}],"role":"assistant"}`}},
			{model: sonnet45, body: messages(calls(`"I weigh it."`, call("w1", "slate")), result("w1", "3 t")), sent: []string{`[{"text":"I weigh it."},{"toolUse":`}},
		}},
		{name: "bedrock-chat/mistral-short-tool-ids", litellmFault: litellmFault{
			model: "us.mistral.pixtral-large-2502-v1:0", body: messages(calls(`null`, call("w", "slate"), call("v", "chalk")), result("w", "3 t"), result("v", "2 t")),
			unsent: []string{`"toolUseId":"w"`, `"toolUseId":"v"`},
		}, variants: []litellmFault{
			{body: messages(calls(`null`, call("call_weight_1", "slate"), call("call_weight_2", "chalk")), result("call_weight_2", "3 t"), result("call_weight_1", "2 t")), unsent: []string{`call_weight`}},
			{body: messages(calls(`null`, call("tooluse_daIKOZu4g4GrvIIv9wdqy4", "slate")), result("tooluse_daIKOZu4g4GrvIIv9wdqy4", "3 t")), sent: []string{`"toolUseId":"tooluse_daIKOZu4g4GrvIIv9wdqy4"`}},
			{body: messages(calls(`null`, call("weighing1", "slate")), result("weighing1", "3 t")), sent: []string{`"toolUseId":"weighing1"`}},
			{model: sonnet45, body: messages(calls(`null`, call("w", "slate")), result("w", "3 t")), sent: []string{`"toolUseId":"w"`}},
		}},
		{name: "bedrock-chat/null-members-of-a-schema", litellmFault: litellmFault{
			model: sonnet45, body: parameters(`{"type":"object","properties":null,"required":null}`), sent: []string{`"json":{"type":"object"}`}, unsent: []string{"null"},
		}, variants: []litellmFault{
			{body: parameters(`{"type":["object","null"],"properties":{}}`), sent: []string{`"json":{"type":"object","properties":{}}`}},
			{body: parameters(`{"type":["object"],"properties":{}}`), sent: []string{`"json":{"type":"object","properties":{}}`}},
			{body: parameters(`{"type":null,"properties":{}}`), sent: []string{`"json":{"type":"object","properties":{}}`}},
			{body: parameters(`{"properties":{"s":{"type":"string","description":null,"enum":null,"default":null},"l":{"type":"array","items":{"type":"object","properties":null,"required":null}},"any":true,"none":null}}`), sent: []string{`"s":{"type":"string","default":null}`, `"items":{"type":"object"}`, `"any":{}`, `"none":{}`}},
			{model: "us.amazon.nova-lite-v1:0", body: parameters(`{"type":"object","properties":{"s":{"type":"string","required":true}}}`), sent: []string{`"s":{"type":"string"}`}, header: "tools[0].function.parameters"},
			{model: "us.anthropic.claude-sonnet-4-6", body: format(`{"type":["object","null"],"properties":{"s":{"type":"string","description":null}},"required":["s"],"additionalProperties":null}`), unsent: []string{`description\":null`}},
			{body: parameters(`{"type":["string","null"]}`), status: 400},
		}},
		{name: "bedrock-chat/numbers-too-large-in-a-tool-schema", litellmFault: litellmFault{
			model: "us.anthropic.claude-opus-4-7", body: parameters(`{"type":"object","properties":{"n":{"type":"integer","maximum":9223372036854775807,"minimum":-9007199254740991}}}`),
			sent: []string{`"n":{"type":"integer","minimum":-9007199254740991}`}, header: "tools[0].function.parameters",
		}, variants: []litellmFault{
			{body: parameters(`{"type":"object","properties":{"n":{"type":"number","description":"Weight","maximum":1.7976931348623157e308,"enum":[1,99999999999999999999999]}}}`), sent: []string{`"n":{"type":"number","description":"Weight {enum=[1,99999999999999999999999]}"}`}},
			{body: parameters(`{"type":"object","properties":{"n":{"anyOf":[{"const":1e999},{"default":-18446744073709551615}]}}}`), sent: []string{`{const=1e999}`}, unsent: []string{`"const"`}},
			{model: "us.amazon.nova-lite-v1:0", body: parameters(`{"type":"object","properties":{"n":{"minimum":-9223372036854775809}}}`), unsent: []string{`"minimum"`}},
		}},
		{name: "bedrock-chat/results-of-a-repeated-id", litellmFault: litellmFault{
			model: sonnet45, body: messages(calls(`null`, call("w", "slate"), call("w", "slate")), result("w", "3 t"), result("w", "4 t")),
			sent: []string{`{"text":"3 t"}`}, unsent: []string{"4 t", "w_2"}, header: "messages[1].tool_calls",
		}, variants: []litellmFault{
			{body: messages(calls(`null`, call("w", "slate")), result("w", "3 t"), result("w", "4 t")), sent: []string{`{"text":"3 t"}`, `{"text":"4 t"}`}, header: "messages[3]"},
			{body: messages(calls(`null`, call("w", "slate")), calls(`null`, call("w", "slate")), result("w", "3 t")), sent: []string{`{"text":"3 t"}`}, unsent: []string{"w_2"}},
			{body: messages(calls(`null`, call("w", "slate"), call("w", "chalk")), result("w", "3 t"), result("w", "2 t")), sent: []string{`"toolUseId":"w_2"`, `{"text":"2 t"}`}},
			{body: messages(calls(`null`, call("w", "slate")), result("w", "3 t"), calls(`null`, call("w", "slate")), result("w", "4 t")), sent: []string{`"toolUseId":"w_2"`, `{"text":"4 t"}`}},
			{body: messages(calls(`null`, call("w", "slate"), call("v", "chalk")), `{"role":"user","content":"Well?"}`, result("v", "2 t"), result("w", "3 t")), sent: []string{`{"text":"2 t"}`, `{"text":"3 t"}`, `{"text":"Well?"}`}},
			{body: messages(calls(`null`, call("w", "slate"), call("v", "chalk")), result("w", "3 t")), sent: []string{`{"text":"(no result)"}`}, header: "messages"},
			{body: messages(calls(`null`, call("w", "slate"))), sent: []string{`{"text":"(no result)"}`}},
		}},
		{name: "bedrock-chat/string-bounds-in-a-strict-schema", litellmFault: litellmFault{
			model: "us.anthropic.claude-sonnet-4-6", body: format(`{"type":"object","properties":{"s":{"type":"string","minLength":1}},"required":["s"],"additionalProperties":false}`),
			sent: []string{`textFormat`, `{minLength=1}`}, header: "response_format",
		}, variants: []litellmFault{
			{body: strict(`{"type":"object","properties":{"s":{"type":"string","maxLength":5}},"required":["s"],"additionalProperties":false}`), sent: []string{`"maxLength":5`}, unsent: []string{`"strict"`}, header: "tools[0].function.strict"},
			{body: format(`{"type":"object","properties":` + many(30, `{"type":"string"}`) + `}`), sent: []string{`json_answer`}, unsent: []string{"textFormat"}, header: "response_format"},
			{body: strict(`{"type":"object","properties":` + many(30, `{"type":"string"}`) + `,"additionalProperties":false}`), unsent: []string{`"strict"`}, header: "tools[0].function.strict"},
			{
				body: format(`{"type":"object","properties":{"s":{"type":"string","format":"phone","pattern":"(?!a)b"},"l":{"type":"array","uniqueItems":true,"items":{"type":["string","null"],"enum":["a",null]}},"o":{"oneOf":[{"type":"string"},{"type":"object","properties":{"x":{"type":"string"}},"required":["x"]}]},"r":{"allOf":[{"$ref":"#/$defs/r"}]}},"required":["s","l","o","r"],"$defs":{"r":{"type":"string","strict":true}}}`),
				sent: []string{"textFormat", `{format=\\\"phone\\\"`, `anyOf`, `{uniqueItems=true}`},
			},
			{body: format(`{"type":"object","properties":{"s":{"type":"string","anyOf":[{"const":"a"},{"const":"b"}]},"free":{"type":"object","additionalProperties":{"type":"string"}}},"required":["s"]}`), sent: []string{"json_answer"}, unsent: []string{"textFormat"}},
		}},
		{name: "bedrock-chat/union-at-the-root-is-lost", litellmFault: litellmFault{
			model: "us.anthropic.claude-opus-4-7", body: format(`{"anyOf":[{"type":"object","properties":{"rock":{"const":"slate"}},"required":["rock"],"additionalProperties":false},{"type":"object","properties":{"rock":{"const":"chalk"}},"required":["rock"],"additionalProperties":false}]}`),
			sent: []string{`"rock":{"anyOf":[{"const":"slate"},{"const":"chalk"}]}`, `must also match this JSON schema: {\"anyOf\":[`}, unsent: []string{`"json":{"anyOf"`}, header: "response_format.json_schema.schema.anyOf",
		}, variants: []litellmFault{
			{body: parameters(`{"oneOf":[{"type":"object","properties":{"slate":{"type":"string"}},"required":["slate"]},{"$ref":"#/$defs/chalk"}],"$defs":{"chalk":{"type":"object","properties":{"chalk":{"type":"string"}},"required":["chalk"]}}}`), sent: []string{`"properties":{"slate":{"type":"string"},"chalk":{"type":"string"}}`, `"description":"Weighs.\n\nThe input must also match this JSON schema: {\"oneOf\":[`}},
			{body: strict(`{"type":"object","anyOf":[{"properties":{"a":{"type":"string"}}}]}`), sent: []string{`{\"anyOf\":[`}, unsent: []string{`"strict"`}},
		}},
		{name: "peers/02-json-object-empty-schema", litellmFault: litellmFault{
			model: sonnet45, body: ask + `,"response_format":{"type":"json_object"}`, sent: []string{"Answer with one JSON object"}, unsent: []string{"toolConfig", "json_answer"},
		}, variants: []litellmFault{
			{model: "us.amazon.nova-lite-v1:0", body: ask + `,"response_format":{"type":"json_object"},` + weigh, sent: []string{"When you call no tool: Answer with one JSON object", `"name":"weigh"`}, unsent: []string{"toolChoice", "json_answer"}},
			{model: "us.deepseek.r1-v1:0", body: ask + `,"response_format":{"type":"json_object"}`, sent: []string{"Answer with one JSON object"}},
			{body: `"messages":[{"role":"user","content":"[[answer: ` + "```json\\n{\\\"stone\\\":3}\\n```" + `]]"}],"response_format":{"type":"json_object"}`, answered: []string{`{\"stone\":3}`}},
		}},
		{name: "peers/13-output-config-nova", litellmFault: litellmFault{
			model: "us.amazon.nova-pro-v1:0", body: ask + `,"output_config":{"effort":"low"}`, unsent: []string{"output_config"}, header: "output_config",
		}, variants: []litellmFault{
			{model: "us.meta.llama4-maverick-17b-instruct-v1:0", body: ask + `,"additionalModelRequestFields":{"output_config":{"effort":"low"},"anthropic_beta":["x"]}`, unsent: []string{"additionalModelRequestFields"}, header: "output_config"},
			{model: "us.anthropic.claude-sonnet-4-6", body: ask + `,"output_config":{"effort":"low"}`, sent: []string{`"output_config":{"effort":"low"}`}},
		}},
		{name: "peers/14-parallel-before-45", litellmFault: litellmFault{
			model: "us.anthropic.claude-opus-4-1-20250805-v1:0", body: ask + `,` + weigh + `,"parallel_tool_calls":false`, unsent: []string{"disable_parallel_tool_use"}, header: "parallel_tool_calls",
		}, variants: []litellmFault{
			{model: "us.anthropic.claude-3-7-sonnet-20250219-v1:0", body: ask + `,` + weigh + `,"parallel_tool_calls":false,"tool_choice":"required"`, sent: []string{`"any":{}`}, unsent: []string{"disable_parallel_tool_use"}},
			{model: sonnet45, body: ask + `,` + weigh + `,"parallel_tool_calls":false`, sent: []string{`"disable_parallel_tool_use":true`}},
		}},
		{name: "peers/18-orphan-result", litellmFault: litellmFault{
			model: sonnet45, body: `"messages":[{"role":"user","content":"Good day"},{"role":"assistant","content":"Good day."},` + result("w9", "3 t") + `]`, sent: []string{`{"text":"3 t"}`}, unsent: []string{"toolResult", "toolConfig"}, header: "messages[2]",
		}, variants: []litellmFault{
			{body: `"messages":[` + result("w9", "3 t") + `]`, sent: []string{`{"text":"3 t"}`}},
			{body: messages(calls(`null`, call("w", "slate")), result("v", "2 t"), result("w", "3 t")), sent: []string{`{"text":"2 t"}`, `"toolUseId":"w"`}, unsent: []string{`"toolUseId":"v"`}},
			{model: "us.meta.llama4-maverick-17b-instruct-v1:0", body: `"messages":[{"role":"user","content":"Good day"},{"role":"assistant","content":"Good day."},{"role":"function","name":"weigh","content":"3 t"}]`, sent: []string{`{"text":"3 t"}`}},
		}},
		{name: "peers/19-seventeen-unions-tool", litellmFault: litellmFault{
			model: sonnet45, body: strict(`{"type":"object","properties":` + many(17, `{"anyOf":[{"type":"string"},{"type":"null"}]}`) + `,"required":` + named(17) + `,"additionalProperties":false}`), unsent: []string{`"strict"`}, header: "tools[0].function.strict",
		}, variants: []litellmFault{
			{body: strict(`{"type":"object","properties":` + many(17, `{"type":["string","null"]}`) + `,"required":` + named(17) + `,"additionalProperties":false}`), unsent: []string{`"strict"`}},
			{body: strict(`{"type":"object","properties":` + many(16, `{"type":["string","null"]}`) + `,"required":` + named(16) + `,"additionalProperties":false}`), sent: []string{`"strict":true`}},
			{body: format(`{"type":"object","properties":` + many(17, `{"type":["string","null"]}`) + `,"required":` + named(17) + `,"additionalProperties":false}`), sent: []string{`json_answer`}, unsent: []string{`textFormat`}, header: "response_format"},
		}},
		{name: "peers/25-temperature-above-one", litellmFault: litellmFault{
			model: sonnet45, body: ask + `,"temperature":1.5`, sent: []string{`"temperature":1}`}, header: "temperature",
		}, variants: []litellmFault{
			{model: "us.amazon.nova-lite-v1:0", body: ask + `,"temperature":2`, sent: []string{`"temperature":1}`}},
			{model: "us.anthropic.claude-opus-4-8", body: ask + `,"temperature":1.2`, unsent: []string{"temperature"}},
		}},
		{name: "peers/26-three-gpp", litellmFault: litellmFault{
			model: "us.amazon.nova-lite-v1:0", body: `"messages":[{"role":"user","content":[{"type":"text","text":"Which rock?"},{"type":"video_url","video_url":{"url":"s3://rocks/slate.3gpp"}}]}]`, sent: []string{`"format":"three_gp"`},
		}, variants: []litellmFault{
			{body: `"messages":[{"role":"user","content":[{"type":"text","text":"Which rock?"},{"type":"video_url","video_url":{"url":"s3://rocks/slate.3GP"}}]}]`, sent: []string{`"format":"three_gp"`}},
			{body: `"messages":[{"role":"user","content":[{"type":"text","text":"Which rock?"},{"type":"video_url","video_url":{"url":"s3://rocks/slate.m4v"}}]}]`, sent: []string{`"format":"mp4"`}},
		}},
		{name: "peers/28-prompt-cache-retention", litellmFault: litellmFault{
			model: sonnet45, body: `"messages":[{"role":"system","content":"You weigh stones."},{"role":"user","content":"slate"}],"prompt_cache_retention":"24h"`, sent: []string{`"system":[{"text":"You weigh stones."},{"cachePoint":{"ttl":"1h","type":"default"}}]`}, header: "prompt_cache_retention",
		}, variants: []litellmFault{
			{body: `"messages":[{"role":"user","content":[{"type":"text","text":"slate",` + point + `}]}],"prompt_cache_retention":"24h"`, sent: []string{`{"text":"slate"},{"cachePoint":{"ttl":"1h","type":"default"}}`}},
			{body: ask + `,"prompt_cache_retention":"in_memory"`, unsent: []string{"cachePoint"}},
			{body: ask + `,"prompt_cache_retention":"24h"`, unsent: []string{"cachePoint"}, header: "prompt_cache_retention"},
			{model: "us.amazon.nova-lite-v1:0", body: `"messages":[{"role":"system","content":"You weigh stones."},{"role":"user","content":"slate"}],"prompt_cache_retention":"24h"`, unsent: []string{"cachePoint"}, header: "prompt_cache_retention"},
			{model: "us.anthropic.claude-sonnet-4-20250514-v1:0", body: `"messages":[{"role":"system","content":"You weigh stones."},{"role":"user","content":"slate"}],"prompt_cache_retention":"24h"`, unsent: []string{"1h"}, header: "prompt_cache_retention"},
		}},
	}
}
