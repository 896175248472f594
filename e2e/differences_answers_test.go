package e2e

import "strings"

// bedrockAnswer is what Bedrock says, whole and in events.
type bedrockAnswer struct {
	whole  string
	events []string // kind, a space, payload
}

const usageOf = `"usage":{"inputTokens":9,"outputTokens":7,"totalTokens":16}`

func bedrockAnswers() map[string]bedrockAnswer {
	whole := func(content, stop, more string) string {
		return `{"metrics":{"latencyMs":300},"output":{"message":{"content":[` + content + `],"role":"assistant"}},"stopReason":"` + stop + `",` + usageOf + more + `}`
	}
	const start = `messageStart {"p":"abc","role":"assistant"}`
	end := func(stop, more string) []string {
		return []string{`messageStop {"stopReason":"` + stop + `"}`, `metadata {"metrics":{"latencyMs":300},` + usageOf + more + `}`}
	}
	text := func(index, text string) []string {
		return []string{`contentBlockDelta {"contentBlockIndex":` + index + `,"delta":{"text":"` + text + `"},"p":"ab"}`, `contentBlockStop {"contentBlockIndex":` + index + `}`}
	}
	call := func(index, id, name string, input ...string) []string {
		all := []string{`contentBlockStart {"contentBlockIndex":` + index + `,"start":{"toolUse":{"name":"` + name + `","toolUseId":"` + id + `"}}}`}
		for _, piece := range input {
			all = append(all, `contentBlockDelta {"contentBlockIndex":`+index+`,"delta":{"toolUse":{"input":`+quoted(piece)+`}}}`)
		}
		return append(all, `contentBlockStop {"contentBlockIndex":`+index+`}`)
	}
	join := func(parts ...[]string) []string {
		var all []string
		for _, p := range parts {
			all = append(all, p...)
		}
		return all
	}
	one := []string{start}
	return map[string]bedrockAnswer{
		"text":         {whole(`{"text":"Granite."}`, "end_turn", ""), join(one, text("0", "Granite."), end("end_turn", ""))},
		"length":       {whole(`{"text":"Gran"}`, "max_tokens", ""), join(one, text("0", "Gran"), end("max_tokens", ""))},
		"stop":         {whole(`{"text":"Gran"}`, "stop_sequence", ""), join(one, text("0", "Gran"), end("stop_sequence", ""))},
		"filtered":     {whole(`{"text":"I cannot."}`, "content_filtered", ""), join(one, text("0", "I cannot."), end("content_filtered", ""))},
		"guardrail":    {whole(`{"text":"Blocked."}`, "guardrail_intervened", `,"trace":{"guardrail":{"modelOutput":["x"]}}`), join(one, text("0", "Blocked."), end("guardrail_intervened", `,"trace":{"guardrail":{"modelOutput":["x"]}}`))},
		"window":       {whole(`{"text":"Gran"}`, "model_context_window_exceeded", ""), join(one, text("0", "Gran"), end("model_context_window_exceeded", ""))},
		"malformed":    {whole(`{"text":"Gran"}`, "malformed_tool_use", ""), join(one, text("0", "Gran"), end("malformed_tool_use", ""))},
		"tool":         {whole(`{"toolUse":{"input":{"city":"Oslo"},"name":"get_weather","toolUseId":"tooluse_1"}}`, "tool_use", ""), join(one, call("0", "tooluse_1", "get_weather", `{"city":`, `"Oslo"}`), end("tool_use", ""))},
		"text-tool":    {whole(`{"text":"I look."},{"toolUse":{"input":{"city":"Oslo"},"name":"get_weather","toolUseId":"tooluse_1"}}`, "tool_use", ""), join(one, text("0", "I look."), call("1", "tooluse_1", "get_weather", `{"city":"Oslo"}`), end("tool_use", ""))},
		"two-tools":    {whole(`{"toolUse":{"input":{"city":"Oslo"},"name":"get_weather","toolUseId":"tooluse_1"}},{"toolUse":{"input":{},"name":"get_time","toolUseId":"tooluse_2"}}`, "tool_use", ""), join(one, call("0", "tooluse_1", "get_weather", `{"city":"Oslo"}`), call("1", "tooluse_2", "get_time"), end("tool_use", ""))},
		"dotted-tool":  {whole(`{"toolUse":{"input":{},"name":"a_b","toolUseId":"tooluse_1"}}`, "tool_use", ""), join(one, call("0", "tooluse_1", "a_b", `{}`), end("tool_use", ""))},
		"reasoning":    {whole(`{"reasoningContent":{"reasoningText":{"signature":"c2ln","text":"Hm."}}},{"text":"Granite."}`, "end_turn", ""), join(one, []string{`contentBlockDelta {"contentBlockIndex":0,"delta":{"reasoningContent":{"text":"Hm."}}}`, `contentBlockDelta {"contentBlockIndex":0,"delta":{"reasoningContent":{"signature":"c2ln"}}}`, `contentBlockStop {"contentBlockIndex":0}`}, text("1", "Granite."), end("end_turn", ""))},
		"redacted":     {whole(`{"reasoningContent":{"redactedContent":"c2VjcmV0"}},{"text":"Granite."}`, "end_turn", ""), join(one, []string{`contentBlockDelta {"contentBlockIndex":0,"delta":{"reasoningContent":{"redactedContent":"c2VjcmV0"}}}`, `contentBlockStop {"contentBlockIndex":0}`}, text("1", "Granite."), end("end_turn", ""))},
		"cached":       {whole(`{"text":"Granite."}`, "end_turn", ``)[:0] + strings.Replace(whole(`{"text":"Granite."}`, "end_turn", ""), `"totalTokens":16`, `"totalTokens":136,"cacheReadInputTokens":100,"cacheWriteInputTokens":20,"cacheDetails":[{"inputTokens":20,"ttl":"5m"}]`, 1), join(one, text("0", "Granite."), []string{`messageStop {"stopReason":"end_turn"}`, `metadata {"metrics":{"latencyMs":300},"usage":{"inputTokens":9,"outputTokens":7,"totalTokens":136,"cacheReadInputTokens":100,"cacheWriteInputTokens":20}}`})},
		"fields":       {whole(`{"text":"Granite."}`, "end_turn", `,"additionalModelResponseFields":{"stop_sequence":"x"},"serviceTier":{"type":"priority"},"performanceConfig":{"latency":"optimized"}`), join(one, text("0", "Granite."), []string{`messageStop {"additionalModelResponseFields":{"stop_sequence":"x"},"stopReason":"end_turn"}`, `metadata {"metrics":{"latencyMs":300},` + usageOf + `,"serviceTier":{"type":"priority"},"performanceConfig":{"latency":"optimized"}}`})},
		"json":         {whole(`{"text":"{\"city\":\"Oslo\"}"}`, "end_turn", ""), join(one, text("0", `{\"city\":\"Oslo\"}`), end("end_turn", ""))},
		"thinking-tag": {whole(`{"text":"<thinking>Hm.</thinking>Granite."}`, "end_turn", ""), join(one, text("0", `<thinking>Hm.</thinking>Granite.`), end("end_turn", ""))},
		"refusal":      {whole(`{"text":"I cannot."}`, "refusal", ""), join(one, text("0", "I cannot."), end("refusal", ""))},
		"odd-stop":     {whole(`{"text":"Gran"}`, "rock_fall", ""), join(one, text("0", "Gran"), end("rock_fall", ""))},
		"bad-output":   {whole(`{"text":"Gran"}`, "malformed_model_output", ""), join(one, text("0", "Gran"), end("malformed_model_output", ""))},
		"nothing":      {whole(``, "end_turn", ""), join(one, end("end_turn", ""))},
		"empty-text":   {whole(`{"text":""}`, "end_turn", ""), join(one, text("0", ""), end("end_turn", ""))},
		"two-texts":    {whole(`{"text":"Gran"},{"text":"ite."}`, "end_turn", ""), join(one, text("0", "Gran"), text("1", "ite."), end("end_turn", ""))},
		"router":       {whole(`{"text":"Granite."}`, "end_turn", `,"trace":{"promptRouter":{"invokedModelId":"`+routed+`"}}`), join(one, text("0", "Granite."), end("end_turn", `,"trace":{"promptRouter":{"invokedModelId":"`+routed+`"}}`))},
		"hour-cache":   {strings.Replace(whole(`{"text":"Granite."}`, "end_turn", ""), usageOf, hourUsage, 1), join(one, text("0", "Granite."), []string{`messageStop {"stopReason":"end_turn"}`, `metadata {"metrics":{"latencyMs":300},` + hourUsage + `}`})},
		"cited":        {whole(`{"text":"See: "},{"citationsContent":{"citations":[`+pageCitation+`],"content":[{"text":"Granite."}]}}`, "end_turn", ""), join(one, text("0", "See: "), []string{`contentBlockDelta {"contentBlockIndex":1,"delta":{"text":"Granite."}}`, `contentBlockDelta {"contentBlockIndex":1,"delta":{"citation":` + pageCitation + `}}`, `contentBlockStop {"contentBlockIndex":1}`}, end("end_turn", ""))},
		"web-cited":    {whole(`{"text":"Granite."},{"citationsContent":{"citations":[`+webCitation+`]}}`, "end_turn", ""), join(one, text("0", "Granite."), []string{`contentBlockDelta {"contentBlockIndex":1,"delta":{"citation":` + webCitation + `}}`, `contentBlockStop {"contentBlockIndex":1}`}, end("end_turn", ""))},
		"searched":     {whole(`{"citationsContent":{"citations":[`+searchCitation+`],"content":[{"text":"Granite."}]}}`, "end_turn", ""), join(one, []string{`contentBlockDelta {"contentBlockIndex":0,"delta":{"text":"Granite."}}`, `contentBlockDelta {"contentBlockIndex":0,"delta":{"citation":` + searchCitation + `}}`, `contentBlockStop {"contentBlockIndex":0}`}, end("end_turn", ""))},
		"server-tool":  {whole(`{"toolUse":{"input":{"snippet":"1+1"},"name":"nova_code_interpreter","toolUseId":"tooluse_s","type":"server_tool_use"}},{"toolResult":{"content":[{"json":{"stdOut":"2"}}],"status":"success","toolUseId":"tooluse_s","type":"nova_code_interpreter_result"}},{"text":"Two."}`, "end_turn", ""), join(one, []string{`contentBlockStart {"contentBlockIndex":0,"start":{"toolUse":{"name":"nova_code_interpreter","toolUseId":"tooluse_s","type":"server_tool_use"}}}`, `contentBlockDelta {"contentBlockIndex":0,"delta":{"toolUse":{"input":"{\"snippet\":\"1+1\"}"}}}`, `contentBlockStop {"contentBlockIndex":0}`, `contentBlockStart {"contentBlockIndex":1,"start":{"toolResult":{"status":"success","toolUseId":"tooluse_s","type":"nova_code_interpreter_result"}}}`, `contentBlockDelta {"contentBlockIndex":1,"delta":{"toolResult":[{"json":{"stdOut":"2"}}]}}`, `contentBlockStop {"contentBlockIndex":1}`}, text("2", "Two."), end("end_turn", ""))},
		"thought-tool": {whole(`{"reasoningContent":{"reasoningText":{"signature":"c2ln","text":"Hm."}}},{"toolUse":{"input":{"city":"Oslo"},"name":"get_weather","toolUseId":"tooluse_1"}}`, "tool_use", ""), join(one, []string{`contentBlockDelta {"contentBlockIndex":0,"delta":{"reasoningContent":{"text":"Hm."}}}`, `contentBlockDelta {"contentBlockIndex":0,"delta":{"reasoningContent":{"signature":"c2ln"}}}`, `contentBlockStop {"contentBlockIndex":0}`}, call("1", "tooluse_1", "get_weather", `{"city":"Oslo"}`), end("tool_use", ""))},
		"forced":       {whole(`{"toolUse":{"input":{"city":"Oslo"},"name":"FORCED","toolUseId":"tooluse_1"}}`, "tool_use", ""), join(one, call("0", "tooluse_1", "FORCED", `{"city":`, `"Oslo"}`), end("tool_use", ""))},
		"tiered":       {whole(`{"text":"Granite."}`, "end_turn", `,"serviceTier":{"type":"flex"}`), join(one, text("0", "Granite."), end("end_turn", `,"serviceTier":{"type":"flex"}`))},
		"judged":       {whole(`{"text":"Granite."}`, "end_turn", `,"trace":`+guardTrace), join(one, text("0", "Granite."), end("end_turn", `,"trace":`+guardTrace))},
	}
}

// Parts of answers.
const (
	routed         = "arn:aws:bedrock:us-east-1:111122223333:inference-profile/us.anthropic.claude-haiku-4-5-20251001-v1:0"
	hourUsage      = `"usage":{"cacheDetails":[{"inputTokens":30,"ttl":"1h"},{"inputTokens":20,"ttl":"5m"}],"cacheReadInputTokens":100,"cacheWriteInputTokens":50,"inputTokens":9,"outputTokens":7,"totalTokens":166}`
	pageCitation   = `{"location":{"documentPage":{"documentIndex":0,"end":2,"start":1}},"sourceContent":[{"text":"Granite is a rock."}],"title":"a paper"}`
	webCitation    = `{"location":{"web":{"domain":"rocks.example","url":"https://rocks.example/granite"}}}`
	searchCitation = `{"location":{"searchResultLocation":{"end":1,"searchResultIndex":0,"start":0}},"source":"https://rocks.example/granite","sourceContent":[{"text":"Granite is a rock."}],"title":"Rocks"}`
	guardTrace     = `{"guardrail":{"actionReason":"No action.","inputAssessment":{"gr1":{"topicPolicy":{"topics":[]}}}}}`
)
