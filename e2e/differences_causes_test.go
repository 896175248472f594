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
	// values is a regular expression of both values, LiteLLM's first, with " | "
	// between them; empty for any.
	values string
}

// causes are searched in their order.
func causes() []cause {
	all := statusCauses()
	all = append(all, requestCauses()...)
	all = append(all, answerCauses()...)
	all = append(all, headerCauses()...)
	return append(all, refusalCauses()...)
}

// statusCauses are those of different statuses and numbers of calls.
func statusCauses() []cause {
	const byField = "AWS refuses it, or makes nothing of it; Outcrop says so before the call, by the name of the field."
	return []cause{
		{where: "status", row: `^parallel_tool_calls false, jamba`, better: ours, why: "LiteLLM's table knows of no tools for Jamba on Bedrock; AWS's page does."},

		{where: "status", row: `^n = 2`, better: ours, why: "`n` is answered by as many calls side by side."},
		{where: "status", row: `^(seed,|seed null)`, better: ours, why: "A `seed` that Bedrock cannot keep is dropped with a warning: applications set it without need."},
		{where: "status", row: `^modalities, `, better: ours, why: "`modalities: [text]` asks for what comes anyway."},
		{where: "status", row: `^(logprobs false|top_logprobs 0|presence_penalty 0|frequency_penalty 0|an empty logit_bias)`, better: ours, why: "The value asks for nothing; LiteLLM refuses the name."},
		{where: "status", row: `^(store|verbosity|prompt_cache|prediction|safety_identifier)`, better: ours, why: "It takes nothing from the answer on Bedrock; it is dropped with a warning, or, a `safety_identifier`, kept for AWS's invocation log."},
		{where: "status", row: `^(tool_choice none|json_schema and tool_choice none)`, better: ours, why: "`none` is kept by leaving the tools out."},
		{where: "status", row: `^tool_choice (auto|required|by name), `, better: ours, why: "LiteLLM has no `tool_choice`, or no tools, for the family. Outcrop says what the family can: the choice where Converse takes it, the named tool alone, or that it cannot be kept."},
		{where: "status", row: `^(tool_choice (any|in )|allowed_tools)`, better: ours, why: "The choice is understood in the forms of OpenAI's two APIs, Anthropic's and Converse's."},
		{where: "status", row: `^tool_choice (of an unknown|required without)`, better: ours, why: byField},
		{where: "status", row: `^(functions|a function's history)`, better: ours, why: "`functions`, which tools came after, are tools, and are answered as functions."},
		{where: "status", row: `^(a custom tool|a tool of OpenAI's)`, better: ours, why: "LiteLLM leaves the tool out in silence, and the model answers without it."},
		{where: "status", row: `^(effort|reasoning_effort|json_schema with reasoning)`, better: ours, why: "A model that does not reason, always does, or knows other efforts, answers; what became of the effort is a warning."},
		{where: "status", row: `^thinking .*, (nova-2|llama)`, better: ours, why: "Claude's `thinking` becomes what the family has, or is dropped with a warning."},
		{where: "status", row: `^stop of white space`, better: ours, why: "Claude refuses a stop sequence of white space alone; Outcrop says so by the field's name before the call."},
		{where: "status", row: `^json_schema, deepseek`, better: ours, why: "DeepSeek R1 takes neither a schema nor tools on Converse. LiteLLM sends a tool, which AWS refuses; Outcrop refuses by field before the call."},
		{where: "status", row: `^a tool history without tools, deepseek`, better: ours, why: byField},
		{where: "status", row: `^a field of Anthropic's, nova`, better: ours, values: `^400 .* \| 200`, why: "A field that is the model's own is the model's to judge."},
		{where: "status", row: `^(an image|a PDF|a file of|a broken image|a content that is|a part of an unknown|a response_format that is a word|json_schema without a schema)`, better: ours, values: `^500 .* \| 4`, why: "What is wrong with a request is a 400 that names the field, not a 500."},
		{where: "status", row: `in S3`, better: ours, values: `^500 .* \| 200`, why: "`s3://` is Converse's `s3Location`."},
		{where: "status", row: `in Converse's form|with a search result`, better: ours, values: `^500 .* \| 200`, why: "Blocks in Converse's own form are taken, among them search results and content for guardrails."},
		{where: "status", row: `^(bare base64|a video of type|audio as a file)`, better: ours, values: `^500 .* \| 200`, why: "Files are known by their media type, their name's ending or OpenAI's bare base64, and are sent as what they are."},
		{where: "status", row: `^a video.*claude|^prefill, claude`, better: ours, why: byField},
		{where: "status", row: `^(a message without a role|an empty user message|a user message|a response_format of|a result (of|without)|json_schema that is a text|max_tokens|temperature|a temperature above|top_p 2|stop that|stop with|stop, gpt|stop, qwen|a user that is)`, better: ours, values: `^200 .*\| 400`, why: byField},
		{where: "status", row: `^top_k, `, better: ours, why: "LiteLLM leaves `top_k` out in silence for all but Claude and Nova. Outcrop says so, or drops it with a warning under `drop_params`."},
		{where: "status", row: `^a temperature above 1`, better: ours, why: "OpenAI's temperatures go up to 2; what is above Converse's 1 becomes 1, with a warning."},
		{where: "status", row: `^a temperature of 1, gpt-5`, better: ours, why: "1 is what holds anyway."},
		{where: "status", row: `^a request brings .*, claude`, better: ours, why: "Credentials, regions and addresses of a request count where the operator lets them, and are refused by field elsewhere. LiteLLM takes keys and regions from anyone, half a pair of keys among them, and answers what it does not take with a 500."},
		{where: "status", row: `^a request brings (a profile|a region that is none), guest`, better: ours, why: "What is wrong with a request is a 400 that names the field, not a 500."},
		{where: "status", row: `^a request brings (half|a reference) .*, guest`, better: ours, why: "Half a pair of keys is no pair: LiteLLM signs with the caller's id and the gateway's secret. A reference to the gateway's environment is none of a caller's."},
		{where: "status", row: `^a request brings (keys and an address|an address without.*), guest`, better: ours, why: "An address of a caller's gets no credentials of the gateway's, and is not of the gateway's own machine unless a pattern of the operator's says so."},
		{where: "calls", row: `^n under drop_params`, better: ours, why: "`n` is answered by as many calls, where LiteLLM drops it."},
	}
}

// requestCauses are those of what reaches Bedrock.
func requestCauses() []cause {
	return []cause{
		{where: "request", path: `additionalModelRequestFields\.thinking\..*`, row: `^an effort that is an object`, better: ours, why: "The effort in the object counts; LiteLLM accepts the object and does not reason."},
		{where: "request", path: `additionalModelRequestFields\.(context_management|anthropic_beta).*`, row: `^a field of Anthropic's, claude`, better: ours, why: "Claude on Bedrock clears calls of tools with a beta (AWS's page on tool use). LiteLLM leaves the wish out in silence; Outcrop sends it with the beta."},

		{where: "request", path: `\(path\)`, row: `^a request brings an API key and an api_base`, better: ours, why: "The address that a caller brings goes before the deployment's; LiteLLM takes it and calls the deployment's."},
		{where: "request", path: `\(path\)`, row: `json_(schema|object)|^response_format`, better: ours, why: "LiteLLM does not stream a schema's answer where it is made by a tool; it makes the stream up from a whole answer. Outcrop streams it."},
		{where: "request", path: `\(path\)`, row: `llama|mistral-old|palmyra|jamba`, better: ours, why: "The family takes no tools in streams; AWS refuses what LiteLLM sends. Outcrop makes the stream up from a whole answer."},
		{where: "request", path: `\(anthropic-beta\)`, row: `^a beta in extra_headers`, better: equal, why: "Bedrock does not read the header. For Claude both put it into the model's field."},
		{where: "request", path: `(additionalModelRequestFields\.)?additionalModelResponseFieldPaths.*`, row: `^(an )?additionalModelResponseFieldPath`, better: ours, why: "LiteLLM sends the paths as a field of the model's, where AWS does not look for them."},
		{where: "request", path: `additionalModelResponseFieldPaths.*`, better: equal, why: "LiteLLM asks everyone to whom it sends `thinking`, be it to switch it off; Outcrop asks the Claudes that think, which alone tell."},
		{where: "request", path: `(additionalModelRequestFields\.)?(additionalModelRequestFields|extra_body|promptVariables|thinking|top_k).*`, row: `^(additionalModelRequestFields|extra_body|promptVariables|thinking in additional)`, better: ours, why: "LiteLLM puts the object into another of the same name, or among the model's own fields, where AWS refuses it. Outcrop puts its members where they belong."},
		{where: "request", path: `additionalModelRequestFields\.reasoningConfig\.maxReasoningEffort`, row: `nova-2`, better: ours, why: "Nova 2 takes the effort `high` only without `maxTokens`. The caller's limit is kept, the effort lowered with a warning; LiteLLM's request is refused by AWS."},
		{where: "request", path: `additionalModelRequestFields\.(reasoning_config|reasoning_effort|thinking\..*)`, row: `, (qwen|kimi|glm)`, better: ours, why: "Qwen, Kimi K2 and GLM take `reasoning_config`; `thinking` is Claude's."},
		{where: "request", path: `additionalModelRequestFields\.(reasoning|thinking)\..*`, row: `^reasoning as an object`, better: ours, why: "Claude refuses `reasoning`. Its effort is read as `reasoning_effort`."},
		{where: "request", path: `additionalModelRequestFields\.(reasoning_effort|reasoning\.effort)`, row: `^effort`, better: ours, why: "A word that the model does not know becomes the nearest that it knows, with a warning; LiteLLM sends it as it is."},
		{where: "request", path: `additionalModelRequestFields\.thinking\..*`, row: `^(thinking and a call without|an effort and a small max_tokens)`, better: ours, why: "Claude refuses to reason where the turns before lack its reasoning, or where `max_tokens` leaves no room; it answers without, with a warning."},
		{where: "request", path: `additionalModelRequestFields\.thinking\.budget_tokens`, row: `^a budget above max_tokens`, better: ours, why: "A budget must be below `max_tokens`. It is lowered with a warning; AWS refuses what LiteLLM sends."},
		{where: "request", path: `(additionalModelRequestFields\.top_k|inferenceConfig\.temperature)`, row: `^(thinking and a|thinking and top_k)`, better: ours, why: "Beside reasoning Claude takes neither; it is dropped with a warning."},
		{where: "request", path: `inferenceConfig\.temperature`, row: `^a temperature above 1`, better: ours, why: "Converse takes at most 1, and refuses what LiteLLM sends; it becomes 1, with a warning."},
		{where: "request", path: `additionalModelRequestFields\.(anthropic_beta|output_config).*`, row: `, (nova|nova-2|llama|mistral|deepseek|gpt-5|gpt-oss|qwen)$`, better: ours, why: "It is a field of Claude's, which other families refuse; it is dropped with a warning."},
		{where: "request", path: `inferenceConfig\.temperature`, row: `^a temperature of 1, claude-new`, better: equal, why: "1 is what holds anyway."},
		{where: "request", path: `additionalModelRequestFields\.(thinking\.budget_tokens|output_config\.effort)`, row: `^(thinking adaptive|thinking with a budget)`, better: equal, why: "Models that know budgets get one for adaptive thinking, and models that know efforts get one for a budget; the two gateways choose alike, but not the same."},
		{where: "request", path: `additionalModelRequestFields\.thinking\.display`, better: ours, why: "Without it the newer Claudes do not tell their reasoning."},
		{where: "request", path: `(additionalModelRequestFields\.tool_choice|toolConfig\.toolChoice)\..*`, row: `^parallel_tool_calls (true|without tools)`, better: equal, why: "True is what holds without it, and without tools there is nothing to call."},
		{where: "request", path: `(additionalModelRequestFields\.tool_choice|toolConfig\.toolChoice)\..*`, row: `^parallel_tool_calls false and a choice`, better: equal, why: "LiteLLM says the choice beside the field, Outcrop in it. AWS takes it in one of them, not in both."},
		{where: "request", path: `toolConfig\.toolChoice\.auto`, better: equal, why: "The model chooses, said or not."},
		{where: "request", path: `toolConfig\.(toolChoice|tools).*`, row: `^tool_choice (by name|required), (mistral|mistral-old|deepseek-v3)`, better: ours, why: "The family takes no name for a choice: the tool stands alone, and must be called."},
		{where: "request", path: `inferenceConfig\.maxTokens`, row: `^(reasoning_effort|thinking|json_schema with reasoning|an effort|a tool|a forced|additional)`, better: equal, why: "Without `max_tokens` LiteLLM sets a limit of its own above the budget for thinking; Outcrop leaves the model's own, which is higher."},
		{where: "request", path: `inferenceConfig\.stopSequences.*`, row: `blank|white space`, better: ours, why: "Models refuse a blank stop sequence; it is dropped with a warning."},
		{where: "request", path: `inferenceConfig\.stopSequences.*`, row: `^stop with five`, better: ours, why: "Converse takes 2500; LiteLLM drops the fifth in silence."},
		{where: "request", path: `guardrailConfig\.streamProcessingMode`, row: `^a guardrail beside the stream`, better: ours, why: "A whole answer has no such setting."},
		{where: "request", path: `serviceTier\.type`, row: `^service_tier reserved`, better: ours, why: "It is a tier of AWS's; LiteLLM leaves it out."},

		{where: "request", path: `messages.*\.document\.name`, better: ours, why: "A document keeps its file's name, by which a prompt may speak of it, or has a plain one; names differ within a request, as AWS wants them to."},
		{where: "request", path: `messages.*\.document\.(citations|context).*`, row: `^a document with citations`, better: ours, why: "A document can be cited; LiteLLM loses the wish."},
		{where: "request", path: `messages.*`, row: `^a document alone`, better: equal, why: "AWS wants a text beside a document; both add one."},
		{where: "request", path: `messages.*`, row: `^(input_audio|audio in S3|a video, nova|a video in S3, nova)`, better: ours, why: "LiteLLM loses `input_audio`, `audio_url` and `video_url` in silence, and the model answers without them."},
		{where: "request", path: `messages.*image\.format`, row: `^(a PNG that is called|an image at an address, of another)`, better: ours, why: "AWS refuses an image whose bytes are of another type than is told; the bytes count."},
		{where: "request", path: `(messages|system).*guardContent.*`, row: `^guarded_text`, better: ours, why: "Qualifiers are kept, and instructions can be guarded too; LiteLLM loses both."},
		{where: "request", path: `messages.*(guardContent\.text\.text|\.text)`, row: `guardrail`, better: ours, why: "LiteLLM marks the last user message by itself, so that the guardrail judges nothing else. Outcrop sends what was said; `guarded_text` marks what a caller wants marked."},
		{where: "request", path: `(messages.*|system.*)\.text`, row: `system message in the middle`, better: equal, why: "LiteLLM makes a user's note of it, Outcrop puts it with the other system messages and warns: Converse knows none in the middle."},
		{where: "request", path: `messages.*`, row: `^a refusal.*goes back`, better: ours, why: "What the assistant refused with is a part of the conversation; LiteLLM loses it."},
		{where: "request", path: `messages.*`, row: `^an assistant message first`, better: ours, why: "The family wants the user to begin; AWS refuses what LiteLLM sends."},
		{where: "request", path: `messages.*redactedContent`, row: `^redacted thinking goes back`, better: equal, why: "LiteLLM's `data` is Anthropic's text, which it decodes on its way out and encodes on its way back; Outcrop's is Converse's value. Each takes back what it gave."},
		{where: "request", path: `messages.*text`, row: `^thinking goes back unsigned`, better: ours, why: "Reasoning without a signature cannot go back. It is left out with a warning; LiteLLM makes it a part of the answer."},
		{where: "request", path: `messages.*`, row: `^thinking goes back, (nova-2|gpt-oss|qwen)`, better: equal, why: "Signed reasoning is Claude's. LiteLLM leaves it out for another family; Outcrop leaves the signature out, with a warning, and keeps the text where the family takes reasoning back as text."},
		{where: "request", path: `messages.*`, row: `^five cached parts`, better: ours, why: "AWS takes four cache points. The last four are kept, with a warning."},
		{where: "request", path: `messages.*cachePoint\.ttl`, row: `^an hour behind five minutes`, better: ours, why: "AWS refuses lives that grow along a request; the later becomes the shorter, with a warning."},
		{where: "request", path: `(toolConfig|messages).*cachePoint.*`, row: `^(a cached tool|cached tool results), nova`, better: ours, why: "Nova refuses cache points behind tools and their results; they are left out with a warning."},
		{where: "request", path: `toolConfig.*cachePoint.*`, row: `^a cached function`, better: ours, why: "`cache_control` is read inside of the function too."},
		{where: "request", path: `(messages.*cachePoint|additionalModelRequestFields\.cache_control).*`, row: `^cache_control at the top`, better: ours, why: "It marks all of the conversation, as Anthropic has it. LiteLLM sends it as a field of the model's, which AWS refuses."},

		{where: "request", path: `messages.*toolUse\.input.*`, row: `^arguments that are`, better: ours, why: "Arguments that are no JSON object are kept as they were written, with a warning; LiteLLM sends `{}`."},
		{where: "request", path: `messages.*toolResult.*`, row: `^arguments that are two objects`, better: ours, why: "Both make two calls of two objects; Outcrop gives both their result, which AWS asks for."},
		{where: "request", path: `messages.*toolUseId`, row: `^an id`, better: equal, why: "An id that AWS does not take becomes one that it takes, the same for a call and its result."},
		{where: "request", path: `messages.*toolUseId`, row: `, mistral$`, better: ours, why: "Mistral takes ids of nine letters and digits, and refuses what LiteLLM sends."},
		{where: "request", path: `messages.*`, row: `^a call without a result`, better: ours, why: "AWS wants a result for each call, and refuses what LiteLLM sends; the result says that there is none, with a warning."},
		{where: "request", path: `(messages|toolConfig).*`, row: `^a result of no call`, better: ours, why: "AWS refuses a result that answers no call; the user says it, with a warning."},
		{where: "request", path: `messages.*toolResult\.status`, better: ours, why: "That a tool failed is said to the model."},
		{where: "request", path: `messages.*toolResult.*(text|json).*`, row: `^(an empty tool result|a tool result of null|a tool result as JSON)`, better: ours, why: "JSON is kept as such; LiteLLM loses it. A result that is empty, which AWS refuses, becomes one that says so."},
		{where: "request", path: `messages.*`, row: `^(a tool result and a text|a tool result with)`, better: ours, why: "What a family does not take beside a tool's result, or in it, stands behind it in a turn of its own; AWS refuses what LiteLLM sends."},
		{where: "request", path: `(messages|toolConfig).*`, row: `a tool history without tools`, better: ours, why: "LiteLLM makes text of the calls and results. Outcrop keeps them as such and defines the tools that they need."},
		{where: "request", path: `.*`, row: `^json_object with a schema`, better: ours, why: "The answer follows the schema, by the model's own way or by a tool; LiteLLM leaves it to the prompt."},
		{where: "request", path: `system.*`, row: `^json_object`, better: equal, why: "Neither forces a tool without a schema. Outcrop asks for JSON alone in the system prompt; LiteLLM leaves it to the caller's."},
		{where: "request", path: `(outputConfig|toolConfig|system).*`, row: `^json_schema, (gpt-5|kimi|glm)`, better: ours, why: "The model takes a schema itself; LiteLLM forces a tool."},
		{where: "request", path: `(toolConfig|system|messages).*`, row: `^json_schema|^response_format under`, better: equal, why: "The tool that makes the answer has another name and description; a model that cannot be made to call it is asked to by the system prompt."},
		{where: "request", path: `requestMetadata.*`, better: ours, why: "It reaches AWS's invocation log."},
		{where: "request", path: `toolConfig.*`, row: `^tool_choice under drop_params`, better: ours, why: "LiteLLM drops the choice and leaves the tools, which the model may then call."},
		{where: "request", path: `toolConfig.*name`, row: `^a tool's name with a digit`, better: equal, why: "AWS takes a digit in front; LiteLLM puts a letter there, and takes it away again."},
		{where: "request", path: `toolConfig.*name`, row: `^(a tool's name|two tools of one name)`, better: ours, why: "Names of tools are made such as AWS takes, different and reversible; LiteLLM sends what is too long or of other letters as it is, and two names as one."},
		{where: "request", path: `toolConfig.*strict`, row: `^a strict tool`, better: ours, why: "`strict` reaches the families for which AWS documents it, not Claude alone."},
		{where: "request", path: `toolConfig.*`, row: `^a schema with references, claude`, better: equal, why: "Claude follows references; LiteLLM puts what they lead to in their place."},
		{where: "request", path: `toolConfig.*description`, row: `^a schema with (anyOf|oneOf|allOf) at the top`, better: ours, why: "Claude takes no union at the top of a schema; the description shows it what LiteLLM leaves out."},
		{where: "request", path: `toolConfig.*description`, better: equal, values: `^"[^"]*" \| $`, why: "A tool without a description has none; LiteLLM repeats its name."},
		{where: "request", path: `toolConfig.*`, better: ours, values: `^ \| `, why: "A tool's schema is sent as it is, which every recorded family takes; LiteLLM leaves out what is not `type`, `properties` or `required`."},
	}
}

// answerCauses are those of what comes back.
func answerCauses() []cause {
	return []cause{
		{where: "answer", path: `choices.*`, row: `^thinking tags`, better: ours, why: "LiteLLM makes reasoning of `<thinking>` in Nova's text when it is whole, and leaves it in a stream; Outcrop makes reasoning of it both ways."},

		{where: "answer", path: `choices.*stop_reason`, better: ours, why: "AWS's own stop reason is kept beside OpenAI's."},
		{where: "answer", path: `choices.*(tool_calls|blocks|finish_reason).*`, row: `^a tool of the server's`, better: ours, why: "A tool that AWS ran itself is told beside the answer. LiteLLM gives it to the client as a call to make."},
		{where: "answer", path: `choices.*message\.content`, row: `^citations of a document`, better: ours, why: "A cited text is a part of the answer; LiteLLM loses it."},
		{where: "answer", path: `choices.*annotations.*`, better: ours, why: "Citations of addresses are annotations, in streams too, whose places are those of the answer; LiteLLM has them for searches alone, and takes the places in the source for them."},
		{where: "answer", path: `choices.*citationsContent.*`, better: ours, why: "Citations come in streams too; LiteLLM's streams lose them."},
		{where: "answer", path: `choices.*message\.content`, row: `by a tool`, better: equal, values: `"city`, why: "The same JSON as the model spaces it."},
		{where: "answer", path: `choices.*message\.content`, better: equal, values: `^"" \| (null)?$`, why: "Beside a tool call OpenAI's content is `null`; LiteLLM's is empty."},
		{where: "answer", path: `choices.*provider_specific_fields\.reasoningContent.*`, better: equal, why: "It stands in `reasoning_content` and `thinking_blocks` already."},
		{where: "answer", path: `choices.*message\.reasoning_content`, better: equal, values: `^"" \| $`, why: "An empty text, or none, where the reasoning is redacted."},
		{where: "answer", path: `choices.*arguments`, better: equal, why: "No arguments are `{}`."},
		{where: "answer", path: `choices.*tool_calls.*index`, better: ours, why: "A call's index counts calls; LiteLLM counts the text before it."},
		{where: "answer", path: `outcrop\..*`, better: ours, why: "What was changed or dropped is said, in the body and in `x-outcrop-warnings`."},
		{where: "answer", path: `provider_specific_fields\..*`, better: ours, why: "What Bedrock says beside the answer is kept."},
		{where: "answer", path: `service_tier`, better: ours, why: "The tier that served is told in streams too."},
		{where: "answer", path: `usage\..*reasoning_tokens`, better: ours, values: `^[1-9]\d* \| $`, why: "Bedrock does not count them. LiteLLM guesses by a tokenizer of its own."},
		{where: "answer", path: `usage\.cost`, better: ours, why: "The price stands in the usage."},
		{where: "answer", path: `usage\..*`, better: equal, values: `^0? \| 0?$`, why: "Counts of nothing are left out by one or the other."},
		{where: "answer", path: `usage\..*(text_tokens|cache_write_tokens)`, better: equal, why: "`text_tokens` is what is left of `prompt_tokens`, `cache_write_tokens` another name."},
	}
}
