package roundtrip

import "strings"

// Reasons that several entries share.
const (
	noField = "the API has no such field"
)

// upstreams are the kinds of provider.
func upstreams() []*upstreamKind {
	chatCannot := map[string]string{
		"top k": noField, "cache point*": "the API caches by itself", "failure of*": noField, "signature": "the API does not take reasoning back",
		"thought": "the API does not take reasoning back", "image in*": "results of tools are text",
	}
	claudeCannot := map[string]string{"seed": noField, "presence penalty": noField, "frequency penalty": noField}
	geminiCannot := map[string]string{
		"name of a document": noField, "cache point*": "the API caches by itself", "strict schema of a tool": noField, "parallel calls": noField, "user": noField,
	}
	geminiQuiet := map[string]string{"thought": "the API takes back signatures only, so this is no warning"}
	responsesCannot := map[string]string{
		"top k": noField, "cache point*": "the API caches by itself", "failure of*": noField, "stop sequences": noField, "seed": noField, "presence penalty": noField, "frequency penalty": noField,
	}
	cohereCannot := map[string]string{
		"document*": "the API takes documents as text", "name of a document": "the API takes documents as text", "cache point*": "the API caches by itself", "failure of*": noField, "signature": noField,
		"image in*": "results of tools are text", "parallel calls": noField, "user": noField, "tool choice": "the API cannot name a tool", "tool": "only the named one is offered", "schema of*": "only the named one is offered",
	}
	ollamaCannot := map[string]string{
		"document*": "the API takes images only", "name of a document": "the API takes images only", "cache point*": "the API caches by itself", "failure of*": noField, "signature": noField,
		"strict schema of a tool": noField, "parallel calls": noField, "user": noField, "tool choice": noField, "tool": "only the named one is offered", "schema of*": "only the named one is offered",
	}
	textCannot := map[string]string{
		"image*": "the API takes texts only", "document*": "the API takes texts only", "tool*": "the API has no tools", "call*": "the API has no tools", "result*": "the API has no tools", "JSON schema": noField,
		"cache point*": noField, "thought": noField, "signature": noField, "user": noField, "parallel calls": "the API has no tools", "thinking": noField,
	}
	const sageMaker = ", aws_access_key_id: AKIAROUNDTRIP, aws_secret_access_key: SECRET, aws_region_name: us-east-1, sagemaker_base_url: BASE/endpoints/rocks/invocations"
	return []*upstreamKind{
		{
			name: "bedrock", title: "Bedrock (Converse)", params: "model: bedrock/us.anthropic.claude-sonnet-4-5-20250929-v1:0, api_key: SECRET, aws_region_name: us-east-1, aws_bedrock_runtime_endpoint: BASE",
			dialect: converse{}, framed: true, cannot: claudeCannot,
		},
		{
			name: "bedrock-invoke", title: "Bedrock (InvokeModel)", params: "model: bedrock/invoke/us.anthropic.claude-sonnet-4-5-20250929-v1:0, api_key: SECRET, aws_region_name: us-east-1, aws_bedrock_runtime_endpoint: BASE",
			model: "claude-sonnet-4-5-20250929", dialect: invoke{}, framed: true, cannot: claudeCannot,
		},
		{name: "openai", title: "OpenAI", params: "model: openai/gpt-4.1, api_key: SECRET, api_base: BASE", model: "gpt-4.1-2025-04-14", dialect: chat{}, cannot: chatCannot},
		{
			name: "openai-responses", title: "OpenAI (Responses)", params: "model: openai/gpt-5.3-codex, api_key: SECRET, api_base: BASE", model: "gpt-5.3-codex", dialect: responses{}, cannot: responsesCannot,
			unsaid: []string{"end at a stop sequence"}, alone: true,
		},
		{
			name: "bedrock-responses", title: "Bedrock (Responses)", params: "model: bedrock/openai.gpt-5.5, api_key: SECRET, aws_region_name: us-east-1, aws_bedrock_runtime_endpoint: BASE",
			model: "openai.gpt-5.5", dialect: responses{}, cannot: responsesCannot, unsaid: []string{"end at a stop sequence"}, alone: true,
		},
		{name: "azure", title: "Azure", params: "model: azure/rocks, api_key: SECRET, api_base: BASE, api_version: \"2025-03-01-preview\"", model: "gpt-4.1-2025-04-14", dialect: chat{}, cannot: chatCannot},
		{name: "azure-ai", title: "Azure AI Foundry", params: "model: azure_ai/rocks, api_key: SECRET, api_base: BASE", model: "rocks", dialect: chat{}, cannot: chatCannot, alone: true},
		{name: "anthropic", title: "Anthropic", params: "model: anthropic/claude-sonnet-4-5, api_key: SECRET, api_base: BASE", model: "claude-sonnet-4-5-20250929", dialect: messages{}, cannot: claudeCannot},
		{name: "gemini", title: "Gemini", params: "model: gemini/gemini-2.5-pro, api_key: SECRET, api_base: BASE", model: "gemini-2.5-pro", dialect: generate{}, cannot: geminiCannot, quiet: geminiQuiet},
		{name: "vertex-gemini", title: "Gemini on Vertex AI", params: "model: vertex_ai/gemini-2.5-pro, vertex_credentials: ACCOUNT, api_base: BASE", model: "gemini-2.5-pro", dialect: generate{bare: true}, cannot: geminiCannot, quiet: geminiQuiet},
		{name: "vertex-claude", title: "Claude on Vertex AI", params: "model: vertex_ai/claude-sonnet-4-5@20250929, vertex_credentials: ACCOUNT, api_base: BASE", model: "claude-sonnet-4-5-20250929", dialect: messages{}, cannot: claudeCannot},
		{name: "vertex-open", title: "open models on Vertex AI", params: "model: vertex_ai/meta/rocks-maas, vertex_credentials: ACCOUNT, api_base: BASE", model: "rocks-maas", dialect: chat{}, cannot: chatCannot, alone: true},
		{
			name: "cohere", title: "Cohere", params: "model: cohere/command-a-03-2025, api_key: SECRET, api_base: BASE", dialect: cohereChat{}, cannot: cohereCannot, alone: true,
			unsaid: []string{"signature", "citation", countWrite, countThink},
		},
		{
			name: "ollama", title: "Ollama", params: "model: ollama/rock, api_key: SECRET, api_base: BASE", model: "rock", dialect: ollamaChat{}, cannot: ollamaCannot, alone: true,
			unsaid: []string{"signature", "citation", "end at a stop sequence", countRead, countWrite, countThink},
		},
		{name: "sagemaker-chat", title: "SageMaker (chat format)", params: "model: sagemaker_chat/rocks" + sageMaker, model: "rocks", dialect: hosted{chat{}}, cannot: chatCannot, alone: true},
		{name: "sagemaker-nova", title: "SageMaker (Nova)", params: "model: sagemaker_nova/rocks" + sageMaker, model: "rocks", dialect: hosted{chat{}}, cannot: chatCannot, alone: true},
		{
			name: "sagemaker-text", title: "SageMaker (text generation)", params: "model: sagemaker/rocks, hf_model_name: Qwen/Qwen2.5-7B-Instruct" + sageMaker, dialect: hosted{generation{}}, cannot: textCannot, alone: true,
			unsaid: []string{"call", "thought", "signature", "citation", countRead, countWrite, countThink},
		},
	}
}

// vendors are kinds of provider that speak OpenAI's dialect, for the comparison with LiteLLM.
func vendors() []*upstreamKind {
	var out []*upstreamKind
	for _, name := range []string{"groq", "mistral", "deepseek", "xai", "openrouter", "together_ai"} {
		out = append(out, &upstreamKind{name: name, title: name, params: "model: " + name + "/rock-1, api_key: SECRET, api_base: BASE", model: "rock-1-2026", dialect: chat{}})
	}
	return out
}

// others are kinds of provider for the tables of faults alone: what only some frontends reach, or what differs
// from another kind only in how it fails.
func others() []*upstreamKind {
	const aws = ", api_key: SECRET, aws_region_name: us-east-1, "
	return []*upstreamKind{
		{name: "vllm", params: "model: hosted_vllm/rocks, api_key: SECRET, api_base: BASE/v1", model: "rocks", dialect: chat{}},
		{name: "openai-text", params: "model: openai/gpt-3.5-turbo-instruct, api_key: SECRET, api_base: BASE", model: "gpt-3.5-turbo-instruct", dialect: chat{}},
		{name: "bedrock-mantle", params: "model: bedrock_mantle/openai.gpt-oss-120b" + aws + "api_base: BASE", model: "openai.gpt-oss-120b", dialect: chat{}},
		{name: "bedrock-openai", params: "model: bedrock/us.openai.gpt-5.6-sol" + aws + "aws_bedrock_runtime_endpoint: BASE", dialect: converse{}, framed: true},
	}
}

// faultDoors are the frontends for the tables of faults.
func faultDoors() []*door {
	all := doors()
	for _, d := range all {
		if d.name == "responses" {
			d.passes = append(d.passes, "bedrock-mantle", "bedrock-openai", "vllm", "openai-text")
		}
	}
	return append(all,
		&door{name: "completions", passes: []string{"vllm", "openai-text", "ollama"}, path: fixed("/v1/completions"), dialect: completions{}},
		&door{name: "gemini-array", dialect: generateArray{}, path: func(model string, stream bool) string {
			return "/v1beta/models/" + model + map[bool]string{true: ":streamGenerateContent", false: ":generateContent"}[stream]
		}},
	)
}

// fixed is a path that does not depend on the model.
func fixed(path string) func(string, bool) string { return func(string, bool) string { return path } }

// doors are the frontends.
func doors() []*door {
	bedrock := []string{"bedrock", "bedrock-invoke"}
	return []*door{
		{name: "chat", title: "chat completions", path: fixed("/v1/chat/completions"), dialect: chat{client: true}, members: strings.Fields("messages tools tool_choice parallel_tool_calls max_tokens max_completion_tokens temperature top_p top_k stop seed presence_penalty frequency_penalty user metadata reasoning_effort thinking response_format cache_control"), cannot: map[string]string{"failure of*": noField, "end at a stop sequence": noField}},
		{name: "responses", title: "Responses", passes: []string{"openai", "azure", "openai-responses", "bedrock-responses"}, path: fixed("/v1/responses"), dialect: responses{}, members: strings.Fields("input instructions tools tool_choice parallel_tool_calls max_output_tokens temperature top_p user metadata reasoning text include"), cannot: map[string]string{
			"failure of*": noField, "stop sequences": noField, "end at a stop sequence": noField, "top k": noField, "seed": noField, "presence penalty": noField, "frequency penalty": noField, "cache point*": noField,
		}},
		{name: "messages", title: "Messages", path: fixed("/v1/messages"), dialect: messages{}, members: strings.Fields("messages system tools tool_choice max_tokens temperature top_p top_k stop_sequences metadata thinking output_config cache_control"), cannot: map[string]string{
			"seed": noField, "presence penalty": noField, "frequency penalty": noField,
		}},
		{name: "gemini", title: "generateContent", dialect: generate{}, members: strings.Fields("contents systemInstruction tools toolConfig generationConfig cachedContent labels"), path: func(model string, stream bool) string {
			return "/v1beta/models/" + model + map[bool]string{true: ":streamGenerateContent?alt=sse", false: ":generateContent"}[stream]
		}, cannot: map[string]string{
			"cache point*": noField, "strict schema of a tool": noField, "name of a document": noField, "user": noField, "parallel calls": noField, "end at a stop sequence": noField, "tokens written to the cache": noField,
		}},
		{name: "converse", title: "Converse", only: bedrock[:1], dialect: converse{}, path: func(model string, stream bool) string {
			return "/model/" + model + map[bool]string{true: "/converse-stream", false: "/converse"}[stream]
		}, cannot: map[string]string{
			"seed": noField, "presence penalty": noField, "frequency penalty": noField, "user": noField, "reasoning tokens": noField, "parallel calls": noField,
		}},
		{name: "invoke", title: "InvokeModel", only: bedrock, dialect: invoke{}, path: func(model string, stream bool) string {
			return "/model/" + model + map[bool]string{true: "/invoke-with-response-stream", false: "/invoke"}[stream]
		}, cannot: map[string]string{"seed": noField, "presence penalty": noField, "frequency penalty": noField}},
	}
}

// hints are words of warnings that explain the loss of facts with these labels.
func hints(label string) []string {
	longest, found := "", ""
	for name, words := range map[string]string{
		"thought": "reasoning:", "signature": "reasoning:", "image": "image file", "document": "document file", "name of a document": "names",
		"cache point": "cache", "temperature": "temperature", "top p": "top_p topP", "top k": "top_k topK", "seed": "seed", "presence": "presence", "frequency": "frequency",
		"user": "user metadata", "JSON schema": "format schema mime", "call": "call", "thinking": "thinking reasoning", "parallel": "parallel", "tool choice": "tool_choice toolChoice toolConfig", "failure": "is_error status error",
		"tool": "tools tool_choice toolChoice toolConfig", "schema of": "tools tool_choice toolChoice toolConfig", "stop sequences": "stop", "end at": "stop", "strict": "strict", "citation": "citation annotation",
	} {
		if strings.HasPrefix(label, name) && len(name) > len(longest) {
			longest, found = name, words
		}
	}
	return strings.Fields(found)
}
