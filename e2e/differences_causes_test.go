package e2e

// better is whose way a difference leaves the better one.
type better string

const (
	ours   better = "Outcrop's is better"
	equal  better = "the same to a client"
	theirs better = "LiteLLM's is better"
)

// cause says why LiteLLM and Outcrop differ.
type cause struct {
	where  string // as of difference
	path   string // a regular expression of the whole path
	row    string // a regular expression of a part of the request's name; empty for every one
	better better
	why    string
}

// causes are searched in their order.
func causes() []cause {
	return []cause{
		{"status", "", `^n = 2`, ours, "`n` is answered by as many calls side by side."},
		{"status", "", `^seed`, ours, "A `seed` that Bedrock cannot keep is dropped with a warning: applications set it without need."},
		{"status", "", `^modalities`, ours, "`modalities: [text]` asks for what comes anyway."},
		{"status", "", `^(store|verbosity|prompt_cache_key)`, ours, "It has no meaning on Bedrock and takes nothing from the answer; it is dropped with a warning."},
		{"status", "", `^tool_choice none`, ours, "`none` is kept by leaving the tools out."},
		{"status", "", `^parallel_tool_calls false, nova`, ours, "Nova cannot be kept to one call. LiteLLM drops the wish in silence; Outcrop says so, or drops it with a warning under `drop_params`."},
		{"status", "", `^reasoning_effort`, ours, "A model that does not reason, or always does, answers; the effort is dropped with a warning."},
		{"status", "", `^json_schema, deepseek`, ours, "DeepSeek R1 takes neither a schema nor tools on Converse. LiteLLM sends a tool, which AWS refuses; Outcrop refuses by field before the call."},
		{"status", "", `^a broken image`, ours, "What is wrong with a request is a 400 that names the field, not a 500."},
		{"calls", "", `^n under drop_params`, ours, "`n` is answered by as many calls, where LiteLLM drops it."},

		{"request", `\(path\)`, `^json_schema`, ours, "LiteLLM does not stream a schema's answer where it is made by a tool; it makes the stream up from a whole answer. Outcrop streams it."},
		{"request", `(additionalModelRequestFields\.)?additionalModelResponseFieldPaths.*`, `^additionalModelResponseFieldPaths`, ours, "LiteLLM sends the paths as a field of the model's, where AWS does not look for them."},
		{"request", `additionalModelResponseFieldPaths.*`, ``, theirs, "LiteLLM asks Claude for `/usage/output_tokens_details`, from which it tells `reasoning_tokens`. Outcrop does not yet: no recorded answer shows what comes."},
		{"request", `additionalModelRequestFields\.reasoningConfig\.maxReasoningEffort`, `nova-2`, ours, "Nova 2 takes the effort `high` only without `maxTokens`. The caller's limit is kept, the effort lowered with a warning; LiteLLM's request is refused by AWS."},
		{"request", `additionalModelRequestFields\.(reasoning_config|thinking\..*)`, `qwen`, ours, "Qwen takes `reasoning_config`; `thinking` is Claude's."},
		{"request", `additionalModelRequestFields\.tool_choice\..*`, `^parallel_tool_calls true`, equal, "True is what holds without it."},
		{"request", `inferenceConfig\.maxTokens`, ``, equal, "Without `max_tokens` LiteLLM sets a limit of its own above the budget for thinking; Outcrop leaves the model's own, which is higher."},
		{"request", `inferenceConfig\.stopSequences.*`, `blank`, ours, "Models refuse a blank stop sequence; it is dropped with a warning."},
		{"request", `messages.*\.document\.name`, ``, ours, "A document keeps its file's name, by which a prompt may speak of it."},
		{"request", `messages.*(guardContent\.text\.text|\.text)`, `guardrail`, ours, "LiteLLM marks the last user message by itself, so that the guardrail judges nothing else. Outcrop sends what was said; `guarded_text` marks what a caller wants marked."},
		{"request", `(messages.*|system.*)\.text`, `system message in the middle`, equal, "LiteLLM makes a user's note of it, Outcrop puts it with the other system messages and warns: Converse knows none in the middle."},
		{"request", `messages.*(redactedContent|text)`, `^redacted thinking goes back`, ours, "LiteLLM loses redacted reasoning on its way back, which Claude then misses in a tool loop."},
		{"request", `messages.*toolUse\.input.*`, `no JSON`, ours, "Arguments that are no JSON are kept as they were written, with a warning; LiteLLM sends `{}`."},
		{"request", `(messages|toolConfig).*`, `a tool history without tools`, ours, "LiteLLM makes text of the calls and results. Outcrop keeps them as such and defines the tools that they need."},
		{"request", `.*`, `^json_object`, ours, "JSON is made sure of by a tool; LiteLLM leaves it to the prompt."},
		{"request", `outputConfig\.textFormat\.structure\.jsonSchema\.schema`, ``, equal, "The schema is the same, spaced differently."},
		{"request", `(toolConfig|system|messages).*`, `^json_schema`, equal, "The tool that makes the answer has another name and description; Llama, which cannot be made to call it, is asked to by the system prompt."},
		{"request", `requestMetadata.*`, ``, ours, "It reaches AWS's invocation log."},
		{"request", `toolConfig.*`, `^tool_choice under drop_params`, ours, "LiteLLM drops the choice and leaves the tools, which the model may then call."},
		{"request", `toolConfig.*description`, ``, equal, "A tool without a description has none; LiteLLM repeats its name."},
		{"request", `toolConfig.*additionalProperties.*`, ``, ours, "A tool's schema is sent as it is, which every recorded family takes; LiteLLM leaves out what is not `type`, `properties` or `required`."},

		{"answer", `choices.*finish_reason`, `full window`, ours, "A full context window is `length`: the answer is not complete."},
		{"answer", `choices.*stop_reason`, ``, ours, "AWS's own stop reason is kept beside OpenAI's."},
		{"answer", `choices.*message\.content`, ``, equal, "Beside a tool call OpenAI's content is `null`; LiteLLM's is empty."},
		{"answer", `choices.*`, `^thinking tags`, theirs, "LiteLLM takes `<thinking>` out of Nova's text, whole but not streamed. Outcrop gives the text as the model wrote it, both ways."},
		{"answer", `choices.*provider_specific_fields\.reasoningContent.*`, ``, equal, "It stands in `reasoning_content` and `thinking_blocks` already."},
		{"answer", `choices.*message\.reasoning_content`, ``, equal, "An empty text, or none, where the reasoning is redacted."},
		{"answer", `choices.*thinking_blocks.*index`, ``, ours, "OpenAI's stream helpers raise on pieces without an index."},
		{"answer", `choices.*arguments`, ``, equal, "The same JSON as Bedrock spaces it; no arguments are `{}`."},
		{"answer", `choices.*tool_calls.*index`, ``, ours, "A call's index counts calls; LiteLLM counts the text before it."},
		{"answer", `outcrop\..*`, ``, ours, "What was changed or dropped is said, in the body and in `x-outcrop-warnings`."},
		{"answer", `provider_specific_fields\..*`, ``, ours, "What Bedrock says beside the answer is kept."},
		{"answer", `service_tier`, ``, ours, "The tier that served is told in streams too."},
		{"answer", `usage\.cost`, ``, ours, "The price stands in the usage."},
		{"answer", `usage\..*`, ``, equal, "Counts of nothing are left out by one or the other; `text_tokens` is what is left of `prompt_tokens`, `cache_write_tokens` another name."},
	}
}
