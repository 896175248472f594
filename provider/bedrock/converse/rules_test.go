package converse_test

import (
	"slices"
	"strings"
	"testing"

	"outcrop/internal/jsonx"
	"outcrop/llm"
)

// Models of the families that differ.
const (
	sonnet4   = "anthropic.claude-sonnet-4-20250514-v1:0"
	sonnet45  = "anthropic.claude-sonnet-4-5-20250929-v1:0"
	opus41    = "anthropic.claude-opus-4-1-20250805-v1:0"
	opus46    = "anthropic.claude-opus-4-6-v1"
	opus47    = "anthropic.claude-opus-4-7"
	sonnet55  = "anthropic.claude-sonnet-5-5"
	fable     = "anthropic.claude-fable-5"
	novaMicro = "amazon.nova-micro-v1:0"
	novaLite  = "amazon.nova-lite-v1:0"
	nova2     = "amazon.nova-2-lite-v1:0"
	llama     = "meta.llama3-3-70b-instruct-v1:0"
	mistral7  = "mistral.mistral-7b-instruct-v0:2"
	pixtral   = "mistral.pixtral-large-2502-v1:0"
	palmyra   = "writer.palmyra-x5-v1:0"
	deepseek1 = "deepseek.r1-v1:0"
	deepseek3 = "deepseek.v3.2"
	gptOSS    = "openai.gpt-oss-120b-1:0"
	gpt56     = "openai.gpt-5.6-sol"
	qwen3     = "qwen.qwen3-32b-v1:0"
	kimi      = "moonshotai.kimi-k2.5"
	unknown   = "newcomer.model-9"
)

// widePNG begins an image of 9,000 by 1 pixels.
const widePNG = "iVBORw0KGgoAAAANSUhEUgAAIygAAAAB"

// TestEachFamilyIsSentWhatItTakes has a case for each rule: what reaches AWS, and
// what the caller is told.
func TestEachFamilyIsSentWhatItTakes(t *testing.T) {
	hi := []llm.Turn{user("Hi")}
	tools := []llm.Tool{tool("a"), tool("b")}
	history := []llm.Turn{user("Hi"), turn(llm.RoleAssistant, use("c1", "a", `{}`)), turn(llm.RoleUser, result("c1", "", text("ok")))}
	type request = llm.Request
	returned := func(blocks ...llm.Block) request { // by a tool
		return request{Turns: []llm.Turn{user("Hi"), turn(llm.RoleAssistant, use("c1", "a", `{}`)), turn(llm.RoleUser, result("c1", "", blocks...))}, Tools: tools}
	}
	for _, tt := range []struct {
		name, model string
		req         request
		stream      bool
		has, not    []string // in the body
		warned      []string
		refused     string // the field
	}{
		// Sampling.
		{name: "Claude 4.5 takes temperature or top_p", model: sonnet45, req: request{Turns: hi, Temperature: llm.Some(0.5), TopP: llm.Some(0.5)}, refused: "top_p"},
		{name: "and loses top_p when it may", model: sonnet45, req: request{Turns: hi, Temperature: llm.Some(0.5), TopP: llm.Some(0.5), Call: llm.Call{DropParams: true}}, has: []string{`"temperature":0.5`}, not: []string{"topP"}, warned: []string{"dropped top_p"}},
		{name: "a top_p of 1 says nothing", model: sonnet45, req: request{Turns: hi, Temperature: llm.Some(0.5), TopP: llm.Some(1.0)}, not: []string{"topP"}, warned: []string{"dropped top_p"}},
		{name: "a temperature of 1 says nothing", model: sonnet45, req: request{Turns: hi, Temperature: llm.Some(1.0), TopP: llm.Some(0.5)}, has: []string{`"topP":0.5`}, not: []string{"temperature"}, warned: []string{"dropped temperature"}},
		{name: "Claude 4 takes both", model: sonnet4, req: request{Turns: hi, Temperature: llm.Some(0.5), TopP: llm.Some(0.5)}, has: []string{`"temperature":0.5,"topP":0.5`}},
		{name: "Opus 4.7 samples in its own way", model: opus47, req: request{Turns: hi, Temperature: llm.Some(0.5)}, refused: "temperature"},
		{name: "where 1 is what it does", model: opus47, req: request{Turns: hi, Temperature: llm.Some(1.0)}, not: []string{"inferenceConfig"}, warned: []string{"dropped temperature"}},
		{name: "and takes no top_k", model: opus47, req: request{Turns: hi, TopK: llm.Some(int64(4))}, refused: "top_k"},
		{name: "GPT-5 takes no top_p", model: gpt56, req: request{Turns: hi, TopP: llm.Some(0.5)}, refused: "top_p"},
		{name: "gpt-oss takes no stop", model: gptOSS, req: request{Turns: hi, Stop: []string{"x"}}, refused: "stop"},
		{name: "and loses it when it may", model: gptOSS, req: request{Turns: hi, Stop: []string{"x"}, Call: llm.Call{DropParams: true}}, not: []string{"stopSequences"}, warned: []string{"dropped stop"}},
		{name: "sampling that a client sends to every model", model: opus47, req: request{Turns: hi, SamplingOptional: true, Temperature: llm.Some(0.5), TopP: llm.Some(0.95), TopK: llm.Some(int64(64))}, not: []string{"temperature", "topP", "top_k"}, warned: []string{"dropped temperature", "dropped top_p", "dropped top_k"}},
		{name: "sampling twice that a client sends to every model", model: sonnet45, req: request{Turns: hi, SamplingOptional: true, Temperature: llm.Some(0.5), TopP: llm.Some(0.95), TopK: llm.Some(int64(64))}, has: []string{`"temperature":0.5`, `"top_k":64`}, not: []string{"topP"}, warned: []string{"dropped top_p"}},
		{name: "top_k that a client sends to every model", model: gptOSS, req: request{Turns: hi, SamplingOptional: true, TopP: llm.Some(0.95), TopK: llm.Some(int64(64))}, has: []string{`"topP":0.95`}, not: []string{"top_k"}, warned: []string{"dropped top_k"}},
		{name: "Claude's top_k", model: sonnet4, req: request{Turns: hi, TopK: llm.Some(int64(4))}, has: []string{`"additionalModelRequestFields":{"top_k":4}`}},
		{name: "Nova's top_k", model: novaLite, req: request{Turns: hi, TopK: llm.Some(int64(4))}, has: []string{`"additionalModelRequestFields":{"inferenceConfig":{"topK":4}}`}},
		{name: "too hot for Bedrock", model: sonnet4, req: request{Turns: hi, Temperature: llm.Some(1.5)}, has: []string{`"temperature":1}`}, warned: []string{"changed temperature"}},

		// Reasoning.
		{name: "a budget", model: sonnet45, req: request{Turns: hi, Reasoning: llm.Reasoning{Effort: "high"}}, has: []string{`"thinking":{"type":"enabled","budget_tokens":4096}`}, not: []string{"maxTokens"}},
		{name: "a budget below max_tokens", model: sonnet45, req: request{Turns: hi, MaxTokens: llm.Some(int64(3000)), Reasoning: llm.Reasoning{Effort: "high"}}, has: []string{`"budget_tokens":1500`}, warned: []string{"changed reasoning_effort"}},
		{name: "no room for a budget", model: sonnet45, req: request{Turns: hi, MaxTokens: llm.Some(int64(500)), Reasoning: llm.Reasoning{Effort: "high"}}, not: []string{"thinking"}, warned: []string{"dropped reasoning_effort"}},
		{name: "a budget of the caller's", model: sonnet45, req: request{Turns: hi, Reasoning: llm.Reasoning{Thinking: jsonx.Raw(`{"type":"enabled","budget_tokens":9000}`)}}, has: []string{`"budget_tokens":9000`}},
		{name: "a budget that is too small", model: sonnet45, req: request{Turns: hi, Reasoning: llm.Reasoning{Thinking: jsonx.Raw(`{"type":"enabled","budget_tokens":10}`)}}, has: []string{`"budget_tokens":1024`}, warned: []string{"changed thinking"}},
		{name: "a budget above max_tokens", model: sonnet45, req: request{Turns: hi, MaxTokens: llm.Some(int64(2000)), Reasoning: llm.Reasoning{Thinking: jsonx.Raw(`{"type":"enabled","budget_tokens":9000}`)}}, has: []string{`"budget_tokens":1999`}, warned: []string{"changed thinking"}},
		{name: "a budget without room", model: sonnet45, req: request{Turns: hi, MaxTokens: llm.Some(int64(20)), Reasoning: llm.Reasoning{Thinking: jsonx.Raw(`{"type":"enabled","budget_tokens":9000}`)}}, refused: "thinking"},
		{name: "adaptive before its time", model: sonnet45, req: request{Turns: hi, Reasoning: llm.Reasoning{Thinking: jsonx.Raw(`{"type":"adaptive","display":"summarized"}`)}}, has: []string{`{"type":"enabled","budget_tokens":4096}`}, warned: []string{"changed thinking"}},
		{name: "adaptive", model: opus46, req: request{Turns: hi, Reasoning: llm.Reasoning{Effort: "xhigh"}}, has: []string{`"thinking":{"type":"adaptive","display":"summarized"},"output_config":{"effort":"high"}`}, warned: []string{"changed reasoning_effort"}},
		{name: "xhigh from 4.7 on", model: opus47, req: request{Turns: hi, Reasoning: llm.Reasoning{Effort: "xhigh"}}, has: []string{`"output_config":{"effort":"xhigh"}`}},
		{name: "4.6 takes budgets too", model: opus46, req: request{Turns: hi, Reasoning: llm.Reasoning{Thinking: jsonx.Raw(`{"type":"enabled","budget_tokens":2000}`)}}, has: []string{`"budget_tokens":2000`}},
		{name: "4.7 takes an effort instead", model: opus47, req: request{Turns: hi, Reasoning: llm.Reasoning{Thinking: jsonx.Raw(`{"type":"enabled","budget_tokens":2000}`)}}, has: []string{`{"type":"adaptive","display":"summarized"}`, `"effort":"medium"`}, warned: []string{"changed thinking"}},
		{name: "Sonnet 5.5 is not told to stop thinking", model: sonnet55, req: request{Turns: hi, Reasoning: llm.Reasoning{Thinking: jsonx.Raw(`{"type":"disabled"}`)}}, not: []string{"thinking"}, warned: []string{"dropped thinking"}},
		{name: "Fable always thinks", model: fable, req: request{Turns: hi, Reasoning: llm.Reasoning{Effort: "none"}}, not: []string{"thinking"}, warned: []string{"dropped reasoning_effort"}},
		{name: "thinking goes without sampling", model: sonnet4, req: request{Turns: hi, Temperature: llm.Some(0.2), TopP: llm.Some(0.9), TopK: llm.Some(int64(3)), Reasoning: llm.Reasoning{Effort: "low"}}, not: []string{"temperature", "topP", "top_k"}, warned: []string{"dropped temperature", "dropped top_p", "dropped top_k"}},
		{name: "Nova 2", model: nova2, req: request{Turns: hi, Reasoning: llm.Reasoning{Effort: "medium"}}, has: []string{`"reasoningConfig":{"type":"enabled","maxReasoningEffort":"medium"}`}},
		{name: "Nova 2 with a limit", model: nova2, req: request{Turns: hi, MaxTokens: llm.Some(int64(50)), Reasoning: llm.Reasoning{Effort: "high"}}, has: []string{`"maxTokens":50`, `"maxReasoningEffort":"medium"`}, warned: []string{"changed reasoning_effort"}},
		{name: "Nova 2 at its most", model: nova2, req: request{Turns: hi, Temperature: llm.Some(0.2), Reasoning: llm.Reasoning{Effort: "high"}}, has: []string{`"maxReasoningEffort":"high"`}, not: []string{"temperature"}, warned: []string{"dropped temperature"}},
		{name: "Anthropic's word to Nova 2", model: nova2, req: request{Turns: hi, Reasoning: llm.Reasoning{Thinking: jsonx.Raw(`{"type":"enabled","budget_tokens":1024}`)}}, has: []string{`"maxReasoningEffort":"low"`}, not: []string{`"thinking"`}, warned: []string{"changed thinking"}},
		{name: "gpt-oss cannot stop", model: gptOSS, req: request{Turns: hi, Reasoning: llm.Reasoning{Effort: "none"}}, has: []string{`"reasoning_effort":"low"`}, warned: []string{"changed reasoning_effort"}},
		{name: "GPT-5", model: gpt56, req: request{Turns: hi, Reasoning: llm.Reasoning{Effort: "xhigh"}}, has: []string{`"reasoning":{"effort":"xhigh"}`}},
		{name: "Qwen", model: qwen3, req: request{Turns: hi, Reasoning: llm.Reasoning{Effort: "medium"}}, has: []string{`"reasoning_config":"low"`}, warned: []string{"changed reasoning_effort"}},
		{name: "Kimi", model: kimi, req: request{Turns: hi, Reasoning: llm.Reasoning{Effort: "max"}}, has: []string{`"reasoning_config":"high"`}, warned: []string{"changed reasoning_effort"}},
		{name: "DeepSeek R1 has no setting", model: deepseek1, req: request{Turns: hi, Reasoning: llm.Reasoning{Effort: "low"}}, not: []string{"additional"}, warned: []string{"dropped reasoning_effort"}},
		{name: "what an unknown model is asked it is asked", model: unknown, req: request{Turns: hi, Reasoning: llm.Reasoning{Thinking: jsonx.Raw(`{"type":"new"}`)}}, has: []string{`"thinking":{"type":"new"}`}},

		{name: "a call that was not thought about", model: sonnet45, req: request{Turns: history, Tools: tools, Reasoning: llm.Reasoning{Effort: "low"}}, not: []string{"thinking"}, warned: []string{"dropped reasoning_effort"}},
		{name: "adaptive does not mind", model: opus46, req: request{Turns: history, Tools: tools, Reasoning: llm.Reasoning{Effort: "low"}}, has: []string{`"thinking":{"type":"adaptive","display":"summarized"}`}},
		{name: "Anthropic's word to who knows none", model: "mistral.magistral-small-2509", req: request{Turns: hi, Reasoning: llm.Reasoning{Thinking: jsonx.Raw(`{"type":"enabled","budget_tokens":1024}`)}}, not: []string{"thinking"}, warned: []string{"dropped thinking"}},
		{name: "Anthropic's word to GLM", model: "zai.glm-4.7-flash", req: request{Turns: hi, Reasoning: llm.Reasoning{Thinking: jsonx.Raw(`{"type":"enabled","budget_tokens":1024}`)}}, has: []string{`"reasoning_config":"low"`}, not: []string{"thinking"}, warned: []string{"changed thinking"}},

		{name: "DeepSeek V3 reasons when asked", model: deepseek3, req: request{Turns: hi, Reasoning: llm.Reasoning{Effort: "high"}}, has: []string{`"reasoning_effort":"high"`}},
		{name: "and else not", model: deepseek3, req: request{Turns: hi, Reasoning: llm.Reasoning{Effort: "none"}}, not: []string{"reasoning"}},

		// Tools.
		{name: "forbidden names", model: sonnet45, req: request{Turns: hi, Tools: []llm.Tool{tool("files.read"), tool("files_read")}, ToolChoice: llm.ToolChoice{Kind: llm.ToolChoiceNamed, Name: "files.read"}}, has: []string{`"name":"files_read_`, `"name":"files_read"`, `"toolChoice":{"tool":{"name":"files_read_`}},
		{name: "names twice", model: sonnet45, req: request{Turns: hi, Tools: []llm.Tool{tool("a"), {Name: "a", Description: "another"}}}, refused: "tools[1].function.name"},
		{name: "a choice of no tool", model: sonnet45, req: request{Turns: hi, Tools: tools, ToolChoice: llm.ToolChoice{Kind: llm.ToolChoiceNamed, Name: "c"}}, refused: "tool_choice"},
		{name: "a history without tools", model: sonnet45, req: request{Turns: history}, has: []string{`"toolConfig":{"tools":[{"toolSpec":{`, `"name":"a"`}, not: []string{"toolChoice"}, warned: []string{"changed tools"}},
		{name: "no tools for DeepSeek R1", model: deepseek1, req: request{Turns: hi, Tools: tools}, refused: "tools"},
		{name: "nor a history of them", model: deepseek1, req: request{Turns: history, Call: llm.Call{DropParams: true}}, refused: "messages"},
		{name: "tools of Llama come at once", model: llama, req: request{Turns: hi, Tools: tools}, stream: true, has: []string{"toolConfig"}, warned: []string{"changed stream"}},
		{name: "an unknown model's stream", model: unknown, req: request{Turns: hi, Tools: tools}, stream: true, has: []string{"toolConfig"}},
		{name: "tools that are not to be called stream", model: llama, req: request{Turns: hi, Tools: tools, ToolChoice: llm.ToolChoice{Kind: llm.ToolChoiceNone}}, stream: true, not: []string{"toolConfig"}},
		{name: "strict", model: sonnet45, req: request{Turns: hi, Tools: []llm.Tool{{Name: "a", Strict: llm.Some(true), Schema: jsonx.Raw(`{"type":"object","properties":{"n":{"type":"object","properties":{}}}}`)}}}, has: []string{`{"type":"object","properties":{"n":{"type":"object","properties":{},"additionalProperties":false}},"additionalProperties":false}`, `"strict":true`}},
		{name: "strict with bounds", model: sonnet45, req: request{Turns: hi, Tools: []llm.Tool{{Name: "a", Strict: llm.Some(true), Schema: jsonx.Raw(`{"type":"object","properties":{"n":{"minimum":3}}}`)}}}, has: []string{`"minimum":3`}, not: []string{"strict"}, warned: []string{"dropped tools[0].function.strict"}},
		{name: "strict for Opus 4.1", model: opus41, req: request{Turns: hi, Tools: []llm.Tool{{Name: "a", Strict: llm.Some(true)}}}, not: []string{"strict"}, warned: []string{"dropped tools[0].function.strict"}},

		// Tool choice.
		{name: "required of Llama", model: llama, req: request{Turns: hi, Tools: tools, ToolChoice: llm.ToolChoice{Kind: llm.ToolChoiceAny}}, refused: "tool_choice"},
		{name: "dropped for Llama", model: llama, req: request{Turns: hi, Tools: tools, ToolChoice: llm.ToolChoice{Kind: llm.ToolChoiceAny}, Call: llm.Call{DropParams: true}}, not: []string{"toolChoice"}, warned: []string{"dropped tool_choice"}},
		{name: "auto of Llama", model: llama, req: request{Turns: hi, Tools: tools, ToolChoice: llm.ToolChoice{Kind: llm.ToolChoiceAuto}}, not: []string{"toolChoice"}},
		{name: "a name of Mistral", model: pixtral, req: request{Turns: hi, Tools: tools, ToolChoice: llm.ToolChoice{Kind: llm.ToolChoiceNamed, Name: "b"}}, has: []string{`"toolChoice":{"any":{}}`, `"name":"b"`}, not: []string{`"name":"a"`}, warned: []string{"changed tool_choice"}},
		{name: "a choice beside thinking", model: sonnet45, req: request{Turns: hi, Tools: tools, ToolChoice: llm.ToolChoice{Kind: llm.ToolChoiceAny}, Reasoning: llm.Reasoning{Effort: "low"}}, has: []string{`"toolChoice":{"auto":{}}`}, warned: []string{"changed tool_choice"}},
		{name: "a choice beside DeepSeek's reasoning", model: deepseek3, req: request{Turns: hi, Tools: tools, ToolChoice: llm.ToolChoice{Kind: llm.ToolChoiceAny}, Reasoning: llm.Reasoning{Effort: "high"}}, has: []string{`"toolChoice":{"auto":{}}`}, warned: []string{"changed tool_choice"}},
		{name: "a name of DeepSeek V3", model: deepseek3, req: request{Turns: hi, Tools: tools, ToolChoice: llm.ToolChoice{Kind: llm.ToolChoiceNamed, Name: "b"}}, has: []string{`"toolChoice":{"any":{}}`}, not: []string{`"name":"a"`}, warned: []string{"changed tool_choice"}},
		{name: "Sonnet 5.5 is never forced", model: sonnet55, req: request{Turns: hi, Tools: tools, ToolChoice: llm.ToolChoice{Kind: llm.ToolChoiceAny}}, refused: "tool_choice"},
		{name: "none", model: sonnet45, req: request{Turns: hi, Tools: tools, ToolChoice: llm.ToolChoice{Kind: llm.ToolChoiceNone}}, not: []string{"toolConfig"}},
		{name: "none beside a history", model: sonnet45, req: request{Turns: history, Tools: tools, ToolChoice: llm.ToolChoice{Kind: llm.ToolChoiceNone}}, has: []string{"toolConfig"}, warned: []string{"dropped tool_choice"}},
		{name: "one call at a time", model: sonnet45, req: request{Turns: hi, Tools: tools, ParallelTools: llm.Some(false)}, has: []string{`"tool_choice":{"type":"auto","disable_parallel_tool_use":true}`}, not: []string{"toolChoice"}},
		{name: "one call of a tool", model: sonnet45, req: request{Turns: hi, Tools: tools, ParallelTools: llm.Some(false), ToolChoice: llm.ToolChoice{Kind: llm.ToolChoiceNamed, Name: "b"}}, has: []string{`"tool_choice":{"type":"tool","name":"b","disable_parallel_tool_use":true}`}, not: []string{"toolChoice"}},
		{name: "one call of Nova", model: nova2, req: request{Turns: hi, Tools: tools, ParallelTools: llm.Some(false)}, has: []string{"toolConfig"}, warned: []string{"dropped parallel_tool_calls"}},
		{name: "many calls of Nova", model: nova2, req: request{Turns: hi, Tools: tools, ParallelTools: llm.Some(true)}, has: []string{"toolConfig"}},

		// Conversations.
		{name: "no system prompt for Mistral 7B", model: mistral7, req: request{System: said("Be brief."), Turns: hi}, has: []string{`{"content":[{"text":"Be brief."},{"text":"Hi"}],"role":"user"}`}, not: []string{`"system"`}, warned: []string{"changed system"}},
		{name: "Nova hears the user first", model: novaLite, req: request{Turns: []llm.Turn{assistant("Hello."), user("Hi")}}, has: []string{`[{"content":[{"text":"(The assistant begins.)"}],"role":"user"},{"content":[{"text":"Hello."}]`}, warned: []string{"changed messages[0]"}},
		{name: "Claude hears anybody", model: sonnet45, req: request{Turns: []llm.Turn{assistant("Hello."), user("Hi")}}, has: []string{`"messages":[{"content":[{"text":"Hello."}],"role":"assistant"}`}},
		{name: "words for Claude to go on with", model: sonnet45, req: request{Turns: []llm.Turn{user("Hi"), assistant("I")}}, has: []string{`{"content":[{"text":"I"}],"role":"assistant"}]`}},
		{name: "words without their end", model: sonnet45, req: request{Turns: []llm.Turn{user("Hi"), assistant("I ")}}, has: []string{`{"content":[{"text":"I"}],"role":"assistant"}]`}, warned: []string{"changed messages[1].content[0]"}},
		{name: "Opus 4.6 does not go on", model: opus46, req: request{Turns: []llm.Turn{user("Hi"), assistant("I")}}, refused: "messages[1]"},
		{name: "but when it is asked to", model: opus46, req: request{Turns: []llm.Turn{user("Hi"), assistant("I")}, Call: llm.Call{DropParams: true}}, has: []string{"Go on exactly"}, warned: []string{"changed messages[1]"}},
		{name: "results alone for Mistral", model: pixtral, req: request{Turns: append(slices.Clone(history), user("And?")), Tools: tools}, has: []string{`"role":"user"},{"content":[{"text":"."}],"role":"assistant"},{"content":[{"text":"And?"}],"role":"user"}`}, warned: []string{"changed messages[3]"}},
		{name: "results with words for Claude", model: sonnet45, req: request{Turns: append(slices.Clone(history), user("And?")), Tools: tools}, has: []string{`"toolUseId":"c1"}},{"text":"And?"}],"role":"user"}`}},
		{name: "no status for Writer", model: palmyra, req: request{Turns: []llm.Turn{user("Hi"), turn(llm.RoleAssistant, use("c1", "a", `{}`)), turn(llm.RoleUser, result("c1", "error", text("no")))}, Tools: tools}, has: []string{`{"text":"The tool failed:"},{"text":"no"}`}, not: []string{"status"}, warned: []string{"changed messages[2].content[0]"}},
		{name: "a failure without words", model: sonnet45, req: request{Turns: []llm.Turn{user("Hi"), turn(llm.RoleAssistant, use("c1", "a", `{}`)), turn(llm.RoleUser, result("c1", "error"))}, Tools: tools}, has: []string{`[{"text":"(no output)"}]`}},
		{name: "a result twice", model: sonnet45, req: request{Turns: []llm.Turn{user("Hi"), turn(llm.RoleAssistant, use("c1", "a", `{}`)), turn(llm.RoleUser, result("c1", "", text("ok")), result("c1", "", text("ok")))}, Tools: tools}, has: []string{`"content":[{"toolResult":{"content":[{"text":"ok"}],"toolUseId":"c1"}}]`}, not: []string{"Result of a tool"}, warned: []string{"dropped messages[2]"}},
		{name: "another result", model: sonnet45, req: request{Turns: []llm.Turn{user("Hi"), turn(llm.RoleAssistant, use("c1", "a", `{}`)), turn(llm.RoleUser, result("c1", "", text("ok")), result("c1", "", text("no")))}, Tools: tools}, has: []string{`{"text":"Result of a tool:"},{"text":"no"}`}, warned: []string{"changed messages[2]"}},
		{name: "an id of any kind", model: sonnet45, req: request{Turns: []llm.Turn{user("Hi"), turn(llm.RoleAssistant, use("call 1/2", "a", `{}`)), turn(llm.RoleUser, result("call 1/2", "", text("ok")))}, Tools: tools}, has: []string{`"toolUseId":"call_1_2"}}],"role":"assistant"`, `"toolUseId":"call_1_2"}}],"role":"user"`}},
		{name: "an image of a tool for Mistral", model: pixtral, req: request{Turns: []llm.Turn{user("Hi"), turn(llm.RoleAssistant, use("c1", "a", `{}`)), turn(llm.RoleUser, result("c1", "", medium(llm.BlockImage, "png", png)))}, Tools: tools}, has: []string{`"toolResult":{"content":[{"text":"See file 1."}]`, `{"text":"This is file 1:"},{"image":`, `{"text":"."}`}, warned: []string{"changed messages[2].content[0]", "changed messages[2]"}},
		{name: "an image of a tool for Claude", model: sonnet45, req: request{Turns: []llm.Turn{user("Hi"), turn(llm.RoleAssistant, use("c1", "a", `{}`)), turn(llm.RoleUser, result("c1", "", medium(llm.BlockImage, "png", png)))}, Tools: tools}, has: []string{`"toolResult":{"content":[{"image":`}},
		{name: "nothing said", model: sonnet45, req: request{Turns: []llm.Turn{assistant("")}}, refused: "messages"},
		{name: "an empty message", model: sonnet45, req: request{Turns: []llm.Turn{user("Hi"), assistant("Hello"), user("")}}, has: []string{`[{"text":"(empty)"}]`}, warned: []string{"changed messages[2]"}},
		{name: "an empty part", model: sonnet45, req: request{Turns: []llm.Turn{user("Hi", "")}}, has: []string{`[{"text":"Hi"}]`}},
		{name: "Gemini's signature", model: sonnet45, req: request{Turns: []llm.Turn{user("Hi"), turn(llm.RoleAssistant, llm.Block{Kind: llm.BlockReasoning, Signature: llm.GeminiMark + "c2ln"}, text("Hello")), user("And?")}}, not: []string{"reasoningContent"}, warned: []string{"dropped messages[1].thinking_blocks"}},
		{name: "thoughts without a signature", model: sonnet45, req: request{Turns: []llm.Turn{user("Hi"), turn(llm.RoleAssistant, llm.Block{Kind: llm.BlockReasoning, Text: "hm"}, text("Hello")), user("And?")}}, not: []string{"reasoningContent"}, warned: []string{"dropped messages[1].thinking_blocks"}},
		{name: "thoughts of DeepSeek R1", model: deepseek1, req: request{Turns: []llm.Turn{user("Hi"), turn(llm.RoleAssistant, llm.Block{Kind: llm.BlockReasoning, Text: "hm", Signature: "s"}), user("And?")}}, not: []string{"reasoningContent", "assistant"}, warned: []string{"dropped messages[1].thinking_blocks"}},

		// Media.
		{name: "an image that is another", model: sonnet45, req: request{Turns: []llm.Turn{turn(llm.RoleUser, medium(llm.BlockImage, "jpeg", png))}}, has: []string{`"format":"png"`}, warned: []string{"changed messages[0].content[0]"}},
		{name: "a document alone", model: sonnet45, req: request{Turns: []llm.Turn{turn(llm.RoleUser, medium(llm.BlockDocument, "pdf", "aGVsbG8="))}}, has: []string{`[{"text":"Attached:"},{"document":`}, warned: []string{"changed messages[0]"}},
		{name: "a video for Claude", model: sonnet45, req: request{Turns: []llm.Turn{turn(llm.RoleUser, medium(llm.BlockVideo, "mp4", "aGVsbG8="))}}, refused: "messages[0].content[0]"},
		{name: "S3 for Claude", model: sonnet45, req: request{Turns: []llm.Turn{turn(llm.RoleUser, llm.Block{Kind: llm.BlockImage, Media: &llm.Media{Format: "png", URI: "s3://bucket/key"}})}}, refused: "messages[0].content[0]"},
		{name: "S3 for Nova", model: novaLite, req: request{Turns: []llm.Turn{turn(llm.RoleUser, llm.Block{Kind: llm.BlockImage, Media: &llm.Media{Format: "png", URI: "s3://bucket/key"}})}}, has: []string{"s3Location"}},
		{name: "an image that is too wide", model: sonnet45, req: request{Turns: []llm.Turn{turn(llm.RoleUser, medium(llm.BlockImage, "png", widePNG))}}, refused: "messages[0].content[0]"},
		{name: "an image that is too large", model: sonnet45, req: request{Turns: []llm.Turn{turn(llm.RoleUser, medium(llm.BlockImage, "png", strings.Repeat("AAAA", 1_400_000)))}}, refused: "messages[0].content[0]"},
		{name: "21 images", model: sonnet45, req: request{Turns: []llm.Turn{turn(llm.RoleUser, slices.Repeat([]llm.Block{medium(llm.BlockImage, "png", png)}, 21)...)}}, refused: "messages[0].content"},
		{name: "6 documents", model: sonnet45, req: request{Turns: []llm.Turn{turn(llm.RoleUser, slices.Repeat([]llm.Block{medium(llm.BlockDocument, "pdf", "aGVsbG8=")}, 6)...)}}, refused: "messages[0].content"},
		{name: "a large document", model: sonnet45, req: request{Turns: []llm.Turn{turn(llm.RoleUser, medium(llm.BlockDocument, "pdf", strings.Repeat("AAAA", 1_600_000)))}}, refused: "messages[0].content[0]"},

		{name: "a PDF of a tool for Nova", model: nova2, req: request{Turns: []llm.Turn{user("Hi"), turn(llm.RoleAssistant, use("c1", "a", `{}`)), turn(llm.RoleUser, result("c1", "", medium(llm.BlockDocument, "pdf", "aGVsbG8="), medium(llm.BlockDocument, "txt", "aGVsbG8=")))}, Tools: tools}, has: []string{`"toolResult":{"content":[{"text":"See file 1."},{"document":{"format":"txt"`, `{"text":"This is file 1:"},{"document":{"format":"pdf"`}, warned: []string{"changed messages[2].content[0]"}},

		// Media that a model does not read.
		{name: "an image of a tool for gpt-oss", model: gptOSS, req: returned(medium(llm.BlockImage, "png", png), text("seen")), has: []string{`[{"text":"[image omitted: this model does not accept images]"},{"text":"seen"}]`}, not: []string{`"image":`}, warned: []string{"dropped messages[2].content[0]"}},
		{name: "an image of a tool that is too wide for any model", model: gptOSS, req: returned(medium(llm.BlockImage, "png", widePNG)), has: []string{"[image omitted"}, warned: []string{"dropped messages[2].content[0]"}},
		{name: "an image of a tool for Nova Micro", model: novaMicro, req: returned(medium(llm.BlockImage, "png", png)), has: []string{"[image omitted"}, not: []string{`"image":`}, warned: []string{"dropped messages[2].content[0]"}},
		{name: "an image of a tool for GPT", model: gpt56, req: returned(medium(llm.BlockImage, "png", png)), has: []string{`"toolResult":{"content":[{"text":"See file 1."}]`, `{"text":"This is file 1:"},{"image":`}, warned: []string{"changed messages[2].content[0]"}},
		{name: "a video of a tool for Claude", model: sonnet45, req: returned(medium(llm.BlockVideo, "mp4", "aGVsbG8=")), has: []string{"[video omitted: this model does not accept videos]"}, warned: []string{"dropped messages[2].content[0]"}},
		{name: "a PDF of a tool for Nova Micro", model: novaMicro, req: returned(llm.Block{Kind: llm.BlockDocument, Media: &llm.Media{Format: "pdf", Name: "report.pdf", Base64: llm.EncodeBase64([]byte("hello"))}}), has: []string{`[document \"report.pdf\" omitted: this model does not accept documents]`}, not: []string{`"document":`}, warned: []string{"dropped messages[2].content[0]"}},
		{name: "a plain document for Nova Micro", model: novaMicro, req: request{Turns: []llm.Turn{turn(llm.RoleUser, text("Hi"), llm.Block{Kind: llm.BlockDocument, Media: &llm.Media{Format: "csv", Name: "stones", Base64: llm.EncodeBase64([]byte("granite,7"))}})}}, has: []string{`{"text":"stones:\ngranite,7"}`}, not: []string{`"document":`}, warned: []string{"changed messages[0].content[1]"}},
		{name: "an image that the user attaches", model: gptOSS, req: request{Turns: []llm.Turn{turn(llm.RoleUser, medium(llm.BlockImage, "png", png), text("What is this?"))}}, has: []string{`{"image":`}},
		{name: "an image that the user attaches, and the beginning of the answer", model: gptOSS, req: request{Turns: []llm.Turn{turn(llm.RoleUser, medium(llm.BlockImage, "png", png), text("What is this?")), assistant("A")}}, has: []string{`{"image":`}},
		{name: "an image that another model has seen", model: gptOSS, req: request{Turns: []llm.Turn{turn(llm.RoleUser, medium(llm.BlockImage, "png", png), text("What is this?")), assistant("Granite."), user("And why?")}}, has: []string{`[{"text":"[image omitted: this model does not accept images]"},{"text":"What is this?"}]`}, not: []string{`{"image":`}, warned: []string{"dropped messages[0].content[0]"}},
		{name: "an image beside one that has been seen", model: gptOSS, req: request{Turns: []llm.Turn{turn(llm.RoleUser, medium(llm.BlockImage, "png", png)), assistant("Granite."), turn(llm.RoleUser, medium(llm.BlockImage, "png", png), text("And this?"))}}, has: []string{`{"text":"[image omitted`, `{"image":`}, warned: []string{"dropped messages[0].content[0]"}},

		// Cache points.
		{name: "no cache", model: llama, req: request{System: append(said("x"), cached("")), Turns: hi}, not: []string{"cachePoint"}, warned: []string{"dropped cache_control"}},
		{name: "an unknown model's cache", model: unknown, req: request{System: append(said("x"), cached("1h")), Turns: hi}, has: []string{`"cachePoint":{"ttl":"1h","type":"default"}`}},
		{name: "an hour", model: sonnet45, req: request{System: append(said("x"), cached("1h")), Turns: hi}, has: []string{`"ttl":"1h"`}},
		{name: "no hour before Claude 4.5", model: sonnet4, req: request{System: append(said("x"), cached("1h")), Turns: hi}, has: []string{"cachePoint"}, not: []string{"ttl"}, warned: []string{"changed cache_control.ttl"}},
		{name: "an hour behind minutes", model: sonnet45, req: request{System: append(said("x"), cached("")), Turns: []llm.Turn{turn(llm.RoleUser, text("Hi"), cached("1h"))}}, not: []string{"ttl"}, warned: []string{"changed cache_control.ttl"}},
		{name: "minutes behind an hour", model: sonnet45, req: request{System: append(said("x"), cached("1h")), Turns: []llm.Turn{turn(llm.RoleUser, text("Hi"), cached("5m"))}}, has: []string{`"ttl":"1h"`, `"ttl":"5m"`}},
		{
			name: "of six the ones that save most", model: sonnet45,
			req:    request{Tools: []llm.Tool{{Name: "a", Cache: &llm.CachePoint{}}}, System: append(said("x"), cached(""), text("y"), cached("")), Turns: []llm.Turn{turn(llm.RoleUser, text("p"), cached(""), text("q"), cached(""), text("r"), cached(""))}},
			has:    []string{`[{"text":"x"},{"text":"y"},{"cachePoint":{"type":"default"}}]`, `[{"text":"p"},{"text":"q"},{"cachePoint":{"type":"default"}},{"text":"r"},{"cachePoint":{"type":"default"}}]`, `}},{"cachePoint":{"type":"default"}}]`},
			warned: []string{"dropped cache_control"},
		},
		{
			name: "a cache without points", model: sonnet45, req: request{AutoCache: true, Unmapped: []jsonx.Member{{Name: "prompt_cache_key", Value: jsonx.Raw(`"k"`)}}, System: said("x"), Turns: []llm.Turn{user("a"), turn(llm.RoleAssistant, text("b")), user("c"), turn(llm.RoleAssistant, text("d")), user("e"), user("f")}},
			has: []string{`"system":[{"text":"x"},{"cachePoint":{"type":"default"}}]`, `{"text":"c"},{"cachePoint":{"type":"default"}}]`, `{"text":"f"},{"cachePoint":{"type":"default"}}]`},
			not: []string{`{"text":"a"},{"cachePoint"`, `{"text":"e"},{"cachePoint"`},
		},
		{name: "a cache with points of its own", model: sonnet45, req: request{AutoCache: true, System: append(said("x"), cached("")), Turns: hi}, not: []string{`{"text":"Hi"},{"cachePoint"`}},
		{name: "a cache without points, where there is none", model: llama, req: request{AutoCache: true, Unmapped: []jsonx.Member{{Name: "prompt_cache_key", Value: jsonx.Raw(`"k"`)}}, System: said("x"), Turns: hi}, not: []string{"cachePoint"}, warned: []string{"dropped prompt_cache_key"}},
		{name: "Nova caches no tools", model: novaLite, req: request{Tools: []llm.Tool{{Name: "a", Cache: &llm.CachePoint{}}}, Turns: hi}, not: []string{"cachePoint"}, warned: []string{"dropped tools[0].cache_control"}},
		{name: "nor beside results", model: novaLite, req: request{Tools: tools, Turns: []llm.Turn{user("Hi"), turn(llm.RoleAssistant, use("c1", "a", `{}`)), turn(llm.RoleUser, result("c1", "", text("ok")), cached(""))}}, has: []string{`[{"text":"Hi"},{"cachePoint":{"type":"default"}}],"role":"user"}`}, not: []string{`"toolUseId":"c1"}},{"cachePoint"`}, warned: []string{"changed messages[2].cache_control"}},
		{name: "nor beside results, where a point is already", model: novaLite, req: request{Tools: tools, Turns: []llm.Turn{turn(llm.RoleUser, text("Hi"), cached("")), turn(llm.RoleAssistant, use("c1", "a", `{}`)), turn(llm.RoleUser, result("c1", "", text("ok")), cached(""))}}, has: []string{`[{"text":"Hi"},{"cachePoint":{"type":"default"}}],"role":"user"}`}, not: []string{`"toolUseId":"c1"}},{"cachePoint"`}, warned: []string{"changed messages[2].cache_control"}},

		{name: "a gap that no cache point needs", model: llama, req: request{Turns: []llm.Turn{turn(llm.RoleUser, text("Hi"), medium(llm.BlockDocument, "txt", "aGVsbG8="), cached(""))}}, not: []string{`"\n"`}, warned: []string{"dropped cache_control"}},

		// The rest.
		{name: "labels", model: sonnet45, req: request{Turns: hi, Call: llm.Call{User: "u-1", Metadata: []llm.Label{{Name: "team", Value: "x y"}, {Name: "bad!", Value: "x"}, {Name: "team", Value: "z"}}}}, has: []string{`"requestMetadata":{"team":"x y","user":"u-1"}`}, warned: []string{"dropped metadata.bad!", "dropped metadata.team"}},
		{name: "a user like Claude Code's", model: sonnet45, req: request{Turns: hi, Call: llm.Call{User: `{"device_id":"d1","account_uuid":"","session_id":"s-1"}`}}, has: []string{`"requestMetadata":{"user.device_id":"d1","user.session_id":"s-1"}`}},
		{name: "a user that is another object", model: sonnet45, req: request{Turns: hi, Call: llm.Call{User: `{"id":1}`}}, not: []string{"requestMetadata"}, warned: []string{"dropped user"}},
		{name: "Anthropic's own fields", model: novaLite, req: request{Turns: hi, ModelFields: []jsonx.Member{{Name: "context_management", Value: jsonx.Raw(`{"edits":[]}`)}}}, not: []string{"context_management"}, warned: []string{"dropped context_management"}},
		{name: "labels of AWS's own", model: sonnet45, req: request{Turns: hi, Call: llm.Call{User: "u-1"}, Extensions: []jsonx.Member{{Name: "requestMetadata", Value: jsonx.Raw(`{"a":"b"}`)}}}, has: []string{`"requestMetadata":{"a":"b"}`}, not: []string{"u-1"}, warned: []string{"dropped user"}},
		{name: "a user that AWS does not take", model: sonnet45, req: request{Turns: hi, Call: llm.Call{User: "ü"}}, not: []string{"requestMetadata"}, warned: []string{"dropped user"}},
		{name: "betas", model: sonnet45, req: request{Turns: hi, Call: llm.Call{Headers: []llm.Label{{Name: "Anthropic-Beta", Value: "a-1, b-2"}}}}, has: []string{`"anthropic_beta":["a-1","b-2"]`}},
		{name: "betas of nobody", model: novaLite, req: request{Turns: hi, Call: llm.Call{Headers: []llm.Label{{Name: "anthropic-beta", Value: "a-1"}}}}, not: []string{"beta"}, warned: []string{"dropped anthropic-beta"}},
		{name: "a guardrail's mode of streams", model: sonnet45, req: request{Turns: hi, Extensions: []jsonx.Member{{Name: "guardrailConfig", Value: jsonx.Raw(`{"guardrailIdentifier":"g","guardrailVersion":"1","streamProcessingMode":"async","trace":"enabled_full"}`)}}}, has: []string{`"guardrailConfig":{"guardrailIdentifier":"g","guardrailVersion":"1","trace":"enabled_full"}`}, warned: []string{"dropped guardrailConfig.streamProcessingMode"}},
		{name: "it stays in a stream", model: sonnet45, stream: true, req: request{Turns: hi, Extensions: []jsonx.Member{{Name: "guardrailConfig", Value: jsonx.Raw(`{"guardrailIdentifier":"g","guardrailVersion":"1","streamProcessingMode":"async"}`)}}}, has: []string{`"streamProcessingMode":"async"`}},
		{
			name: "members of Converse's own", model: sonnet45,
			req: request{
				Turns: hi, ServiceTier: "flex",
				ModelFields: []jsonx.Member{{Name: "anthropic_beta", Value: jsonx.Raw(`["a-1"]`)}},
				Extensions: []jsonx.Member{
					{Name: "performanceConfig", Value: jsonx.Raw(`{"latency":"optimized"}`)},
					{Name: "promptVariables", Value: jsonx.Raw(`{"a":{"text":"b"}}`)},
					{Name: "additionalModelResponseFieldPaths", Value: jsonx.Raw(`["/stop_sequence"]`)},
				},
			},
			has: []string{`"performanceConfig":{"latency":"optimized"}`, `"promptVariables":{"a":{"text":"b"}}`, `"additionalModelResponseFieldPaths":["/stop_sequence"]`, `"serviceTier":{"type":"flex"}`, `"anthropic_beta":["a-1"]`},
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			body, warnings, f, refusal := sent(t, model(t, tt.model), &tt.req, tt.stream)
			if refusal != nil {
				if refusal.Param != tt.refused || refusal.Status != 400 {
					t.Fatalf("refused for %q: %v", refusal.Param, refusal)
				}
				return
			}
			if tt.refused != "" {
				t.Fatalf("not refused: %s", body)
			}
			for _, s := range tt.has {
				if !strings.Contains(body, s) {
					t.Errorf("lacks %s:\n%s", s, body)
				}
			}
			for _, s := range tt.not {
				if strings.Contains(body, s) {
					t.Errorf("has %s:\n%s", s, body)
				}
			}
			if !slices.Equal(warnings, tt.warned) {
				t.Errorf("warned of %q, want %q\n%s", warnings, tt.warned, body)
			}
			if whole := slices.Contains(tt.warned, "changed stream"); f.Whole != whole {
				t.Errorf("whole is %t", f.Whole)
			}
		})
	}
}

func TestHeadersOfTheCallerAreSentButForThoseOfTheCall(t *testing.T) {
	req := &llm.Request{Turns: []llm.Turn{user("Hi")}, Call: llm.Call{Headers: []llm.Label{
		{Name: "X-Team", Value: "rocks"},
		{Name: "Authorization", Value: "Bearer x"},
		{Name: "Host", Value: "h"},
		{Name: "Content-Length", Value: "1"},
		{Name: "X-Amz-Date", Value: "d"},
		{Name: "Transfer-Encoding", Value: "chunked"},
		{Name: "bad name", Value: "x"},
		{Name: "X-Split", Value: "a\r\nb"},
	}}}
	_, warnings, f, refusal := sent(t, model(t, sonnet45), req, false)
	if refusal != nil {
		t.Fatal(refusal)
	}
	if !slices.Equal(f.Headers, []llm.Label{{Name: "X-Team", Value: "rocks"}}) || len(warnings) != 7 {
		t.Errorf("sent %v, warned of %q", f.Headers, warnings)
	}
}
