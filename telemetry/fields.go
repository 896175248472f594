package telemetry

// knownField reports whether a name belongs to the dialects of frontends or providers: a member, a
// parameter or a setting. The log blanks all other names; a test compares the list with what the
// dialects read.
func knownField(name string) bool {
	switch name {
	case "": // no field at all, or an index at the top level
		return true

	// OpenAI's chat completions (https://platform.openai.com/docs/api-reference/chat).
	case "model", "messages", "role", "content", "name", "type", "text", "refusal", "tool_calls", "tool_call_id", "id", "function", "arguments",
		"function_call", "functions", "image_url", "url", "detail", "file", "file_data", "file_id", "filename", "input_audio", "data", "format",
		"tools", "description", "parameters", "strict", "tool_choice", "allowed_tools", "mode", "parallel_tool_calls",
		"response_format", "json_schema", "schema", "response_schema", "max_tokens", "max_completion_tokens", "temperature", "top_p", "n", "stop", "stream", "stream_options", "include_usage",
		"reasoning_effort", "service_tier", "user", "metadata", "seed", "store", "prompt_cache_key", "prompt_cache_retention", "prediction", "verbosity",
		"logprobs", "top_logprobs", "presence_penalty", "frequency_penalty", "logit_bias", "modalities", "audio", "web_search_options", "safety_identifier",
		"body", "request", "choices", "delta", "custom":
		return true

	// JSON Schema, as far as errors can name its keywords.
	case "properties", "items", "anyOf", "oneOf", "allOf", "enum", "required", "additionalProperties", "$ref", "$defs", "definitions", "title", "pattern", "min", "max":
		return true

	// LiteLLM's additions (https://docs.litellm.ai/docs/completion/input).
	case "top_k", "thinking", "thinking_blocks", "reasoning_content", "reasoning_signature", "effort", "tool_use_id", "input_schema", "file_url", "media_type", "signature", "after_text", "after_tool_calls", "budget_tokens", "cache_control", "ttl", "cache_control_injection_points", "location", "index", "control",
		"drop_params", "additional_drop_params", "allowed_openai_params", "extra_body", "extra_headers", "provider_specific_fields", "citations", "context", "status", "is_error",
		"video_url", "audio_url", "guarded_text", "json", "document", "source", "key", "value", "bucket_owner", "uri", "disable_parallel_tool_use", "qualifiers", "tool",
		"litellm_metadata", "tags", "caching", "cache", "num_retries", "timeout", "request_timeout", "stream_timeout", "disable_fallbacks", "x-litellm-timeout", "x-litellm-stream-timeout", "x-litellm-num-retries", "max_retries", "fallbacks", "context_window_fallback_dict", "priority",
		"no-log", "litellm_call_id", "litellm_trace_id", "proxy_server_request", "guardrails", "mock_response", "user_config", "prompt_id", "prompt_variables",
		"custom_llm_provider", "modify_params", "input", "output", "any", "auto", "vertex_credentials", "headers", "web", "promptRouter", "invokedModelId":
		return true

	// OpenAI's Responses (https://platform.openai.com/docs/api-reference/responses).
	case "instructions", "previous_response_id", "conversation", "background", "reasoning", "summary", "truncation", "include", "max_output_tokens", "max_tool_calls",
		"encrypted_content", "call_id", "namespace", "environment", "prompt", "moderation", "limit", "order", "after", "syntax":
		return true

	// OpenAI's text completions, images, audio, files and batches, and LiteLLM's names for whose account
	// has a file (https://platform.openai.com/docs/api-reference).
	case "suffix", "best_of", "echo", "stream_format", "size", "quality", "style", "mask", "voice", "language", "timestamp_granularities", "purpose",
		"input_file_id", "output_file_id", "error_file_id", "endpoint", "completion_window", "target_model_names", "x-litellm-model", "custom-llm-provider", "provider",
		"input_tokens", "output_tokens", "prompt_tokens", "completion_tokens", "total_tokens", "input_tokens_details", "output_tokens_details", "input_token_details",
		"cached_tokens", "image_tokens", "audio_tokens", "cost_in_usd_ticks", "seconds", "duration", "usage", "error":
		return true

	// Gemini's generateContent (https://ai.google.dev/api/generate-content).
	case "allowedFunctionNames", "alt", "cachedContent", "candidateCount", "candidates", "contents", "fileData", "fileUri", "frequencyPenalty",
		"functionCallingConfig", "functionDeclarations", "functionResponse", "generateContentRequest", "generationConfig", "googleSearch",
		"includeThoughts", "labels", "maxOutputTokens", "mimeType", "parametersJsonSchema", "parts", "presencePenalty", "response", "responseJsonSchema",
		"responseMimeType", "responseModalities", "responseSchema", "safetySettings", "stopSequences", "systemInstruction", "thinkingBudget",
		"thinkingConfig", "thinkingLevel", "topK", "topP":
		return true

	// OpenAI's embeddings and Cohere's rerank, and the parameters of Bedrock's models for both
	// (https://docs.litellm.ai/docs/providers/bedrock_embedding, https://docs.cohere.com/reference/rerank).
	case "texts", "images", "inputs", "dimensions", "output_dimension", "embeddingDimension", "encoding_format", "input_type", "inputType", "truncate", "textTruncate",
		"normalize", "embedding_types", "embeddingTypes", "embeddingPurpose", "embeddingConfig", "schemaVersion", "taskType", "inferenceId",
		"query", "documents", "top_n", "rank_fields", "return_documents", "max_tokens_per_doc", "max_chunks_per_doc":
		return true

	// Connection settings of a deployment.
	case "api_key", "api_base", "base_url", "region_name", "model_id", "ssl_verify", "ssl_certificate", "ssl_certificate_key",
		"aws_region_name", "aws_access_key_id", "aws_secret_access_key", "aws_session_token", "aws_profile_name", "aws_role_name", "aws_session_name",
		"aws_external_id", "aws_bedrock_runtime_endpoint", "aws_web_identity_token", "aws_session_tags", "aws_sts_endpoint", "aws_bedrock_project_id", "Authorization":
		return true

	// Bedrock's Converse (https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_Converse.html).
	case "guardrailConfig", "performanceConfig", "requestMetadata", "promptVariables", "additionalModelResponseFieldPaths", "additionalModelRequestFields", "serviceTier",
		"outputConfig", "textFormat", "image", "video", "bytes", "s3Location", "bucketOwner", "guardContent", "citationsContent", "searchResult", "cachePoint", "toolConfig",
		"system", "block", "blocks", "turns", "toolUse", "toolResult", "reasoningContent", "inputSchema", "inferenceConfig", "latency", "guardrailIdentifier", "guardrailVersion", "trace", "modelId", "operation", "arn", "path":
		return true
	default:
		return false
	}
}
