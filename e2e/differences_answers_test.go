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
	}
}
