package e2e

import (
	"fmt"
	"strings"
)

// fields are the fields of OpenAI's, Converse's and Anthropic's that stand beside
// the messages.
func (l *rowList) fields() {
	for _, m := range []string{"claude", "nova"} {
		l.set(m, "", [][2]string{
			{"web_search_options", `"web_search_options":{}`},
			{"prediction", `"prediction":{"type":"content","content":"Granite"}`},
			{"audio", `"audio":{"voice":"alloy","format":"wav"},"modalities":["text","audio"]`},
			{"modalities with audio", `"modalities":["text","audio"]`},
			{"logprobs false", `"logprobs":false`},
			{"top_logprobs", `"logprobs":true,"top_logprobs":2`},
			{"top_logprobs 0", `"top_logprobs":0`},
			{"presence_penalty 0", `"presence_penalty":0`},
			{"frequency_penalty 0", `"frequency_penalty":0`},
			{"an empty logit_bias", `"logit_bias":{}`},
			{"seed null", `"seed":null`},
			{"n null", `"n":null`},
			{"n = 0", `"n":0`},
			{"n = -1", `"n":-1`},
			{"n as a text", `"n":"2"`},
			{"n = 1.5", `"n":1.5`},
			{"max_tokens 0", `"max_tokens":0`},
			{"max_tokens -1", `"max_tokens":-1`},
			{"max_tokens as a text", `"max_tokens":"100"`},
			{"max_tokens 1.5", `"max_tokens":1.5`},
			{"max_tokens null", `"max_tokens":null`},
			{"max_tokens above the model's", `"max_tokens":10000000`},
			{"both limits", `"max_tokens":100,"max_completion_tokens":200`},
			{"temperature 0", `"temperature":0`},
			{"temperature 3", `"temperature":3`},
			{"temperature -1", `"temperature":-1`},
			{"temperature as a text", `"temperature":"0.5"`},
			{"top_p 0", `"top_p":0`},
			{"top_p 2", `"top_p":2`},
			{"top_k 0", `"top_k":0`},
			{"stop null", `"stop":null`},
			{"stop empty", `"stop":[]`},
			{"stop of white space", `"stop":["\n\n"]`},
			{"stop with five", `"stop":["1","2","3","4","5"]`},
			{"stop with too many", `"stop":[` + strings.TrimSuffix(strings.Repeat(`"a",`, 2501), ",") + `]`},
			{"stop that is a number", `"stop":7`},
			{"service_tier default", `"service_tier":"default"`},
			{"service_tier flex", `"service_tier":"flex"`},
			{"service_tier reserved", `"service_tier":"reserved"`},
			{"service_tier scale", `"service_tier":"scale"`},
			{"service_tier of an unknown word", `"service_tier":"granite"`},
			{"serviceTier", `"serviceTier":{"type":"flex"}`},
			{"store true", `"store":true`},
			{"safety_identifier", `"safety_identifier":"jane"`},
			{"prompt_cache_retention", `"prompt_cache_retention":"24h"`},
			{"verbosity high", `"verbosity":"high"`},
			{"a user with signs", `"user":"jané <j@rocks.example>"`},
			{"a user that is too long", `"user":"` + strings.Repeat("j", 300) + `"`},
			{"a user that is a number", `"user":7`},
			{"user and metadata", `"user":"jane","metadata":{"team":"rocks"}`},
			{"metadata with signs", `"metadata":{"team":"rocks & stones"}`},
			{"metadata of too many", `"metadata":{` + numbered(17) + `}`},
			{"metadata null", `"metadata":null`},
			{"metadata that nests", `"metadata":{"team":{"name":"rocks"}}`},
			{"requestMetadata with signs", `"requestMetadata":{"team":"rocks & stones"}`},
			{"requestMetadata of too many", `"requestMetadata":{` + numbered(17) + `}`},
			{"requestMetadata and user", `"requestMetadata":{"team":"rocks"},"user":"jane"`},
			{"a guardrail with its whole trace", `"guardrailConfig":{"guardrailIdentifier":"gr1","guardrailVersion":"1","trace":"enabled_full"}`},
			{"a guardrail beside the stream", `"guardrailConfig":{"guardrailIdentifier":"gr1","guardrailVersion":"1","streamProcessingMode":"async"}`},
			{"promptVariables", `"promptVariables":{"rock":{"text":"granite"}}`},
			{"additionalModelRequestFields", `"additionalModelRequestFields":{"top_k":5}`},
			{"an additionalModelResponseFieldPath that is none", `"additionalModelResponseFieldPaths":["stop"]`},
			{"inferenceConfig", `"inferenceConfig":{"maxTokens":100}`},
			{"anthropic_beta", `"anthropic_beta":["context-1m-2025-08-07"]`},
			{"anthropic_beta that is unknown", `"anthropic_beta":["granite-2026-01-01"]`},
			{"a beta in extra_headers", `"extra_headers":{"anthropic-beta":"context-1m-2025-08-07"}`},
			{"a header in extra_headers", `"extra_headers":{"x-quarry":"north"}`},
			{"stream_options with more", `"stream_options":{"include_usage":true,"include_obfuscation":false}`},
			{"allowed_openai_params", `"seed":7,"allowed_openai_params":["seed"]`},
			{"additional_drop_params", `"temperature":0.5,"additional_drop_params":["temperature"]`},
			{"drop_params in the request", `"seed":7,"presence_penalty":0.5,"drop_params":true`},
			{"num_retries", `"num_retries":1`},
			{"timeout", `"timeout":30`},
			{"a field of Anthropic's", `"context_management":{"edits":[{"type":"clear_tool_uses_20250919"}]}`},
			{"system at the top", `"system":"Be brief."`},
			{"an unknown field", `"granite":true`},
			{"extra_body", `"extra_body":{"top_k":5}`},
		})
		l.each(m, [][3]string{
			{"no messages at all", `"temperature":0.5`, ""},
			{"messages that are a text", `"messages":"Hi"`, ""},
			{"messages that are null", `"messages":null`, ""},
			{"a message without a role", `"messages":[{"content":"Hi"}]`, ""},
			{"a content that is a number", `"messages":[{"role":"user","content":7}]`, ""},
		})
	}
	for _, m := range []string{"claude-drop", "nova-drop", "gpt-oss-drop", "deepseek-drop"} {
		l.set(m, "", [][2]string{
			{"all that is dropped", `"n":1,"seed":7,"presence_penalty":0.5,"frequency_penalty":0.5,"logit_bias":{"1":1},"logprobs":true,"top_logprobs":2,"prediction":{"type":"content","content":"x"},"verbosity":"low","store":true`},
			{"web_search_options under drop_params", `"web_search_options":{}`},
			{"top_k under drop_params", `"top_k":5`},
			{"reasoning_effort under drop_params", `"reasoning_effort":"low"`},
			{"response_format under drop_params", `"response_format":` + placeFormat},
		})
	}
}

// numbered are n members of an object.
func numbered(n int) string {
	var all []string
	for i := range n {
		all = append(all, fmt.Sprintf(`"m%d":"x"`, i))
	}
	return strings.Join(all, ",")
}

// answers are what Converse says beside a text.
func (l *rowList) answers() {
	for _, m := range []string{"claude", "nova"} {
		l.each(m, [][3]string{
			{"a refusal", asksGranite, "refusal"},
			{"a stop that is unknown", asksGranite, "odd-stop"},
			{"malformed output", asksGranite, "bad-output"},
			{"no content", asksGranite, "nothing"},
			{"an empty text", asksGranite, "empty-text"},
			{"two texts", asksGranite, "two-texts"},
			{"the invoked model", asksGranite, "router"},
			{"caches of two lives", asksGranite, "hour-cache"},
			{"citations of a document", asksGranite, "cited"},
			{"citations of the web", asksGranite, "web-cited"},
			{"citations of a search", asksGranite, "searched"},
			{"a tool of the server's", asksGranite, "server-tool"},
			{"reasoning and a call", asksGranite + `,"tools":[` + weatherTool + `]`, "thought-tool"},
			{"the tier that served", asksGranite, "tiered"},
			{"a guardrail's trace", asksGranite + `,"guardrailConfig":{"guardrailIdentifier":"gr1","guardrailVersion":"1","trace":"enabled"}`, "judged"},
		})
	}
}

// access are the ways to AWS: as whom, into which region and where to, as the
// configuration has it and as requests bring it.
func (l *rowList) access() {
	for _, m := range []string{"bearer", "session", "role", "west"} {
		l.add("the access of "+m, m, asksGranite, "")
	}
	const keys = `"aws_access_key_id":"AKIACALLER","aws_secret_access_key":"secret"`
	brought := [][2]string{
		{"keys", keys},
		{"keys and a token", keys + `,"aws_session_token":"callers-token"`},
		{"keys and a region", keys + `,"aws_region_name":"us-west-2"`},
		{"a region", `"aws_region_name":"us-west-2"`},
		{"a Bedrock API key", `"api_key":"bedrock-api-key-of-the-caller"`},
		{"keys and an address", keys + `,"aws_bedrock_runtime_endpoint":"UPSTREAM/elsewhere"`},
		{"an API key and an api_base", `"api_key":"bedrock-api-key-of-the-caller","api_base":"UPSTREAM/elsewhere"`},
		{"an address without credentials", `"aws_bedrock_runtime_endpoint":"UPSTREAM/elsewhere"`},
		{"a role", `"aws_role_name":"arn:aws:iam::111122223333:role/guest","aws_session_name":"jane","aws_external_id":"basalt"`},
		{"a role and keys", keys + `,"aws_role_name":"arn:aws:iam::111122223333:role/guest2","aws_session_name":"jane"`},
		{"half of the keys", `"aws_access_key_id":"AKIACALLER"`},
		{"a reference to the environment", `"api_key":"os.environ/HOME"`},
		{"a profile", `"aws_profile_name":"default"`},
		{"a region that is none", `"aws_region_name":"moon/base"`},
	}
	for _, m := range []string{"guest", "claude"} {
		for _, b := range brought {
			l.add("a request brings "+b[0]+", "+m, m, asksGranite+","+b[1], "")
		}
	}
}
