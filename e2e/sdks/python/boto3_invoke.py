"""boto3 as a client of the emulator for what is not Converse: InvokeModel with the
bodies of each maker, embeddings, reranking, counting tokens, guardrails, and calls in
the background."""

import base64
import json
import math

import botocore.exceptions
import scenario
from aws import MODEL, NOVA, PROFILE, connect, runtime
from scenario import need, raises
from scenario import scenario as says

agent = connect("bedrock-agent-runtime")
agent_west = connect("bedrock-agent-runtime", "us-west-2")
west = connect("bedrock-runtime", "us-west-2")

PNG = base64.b64encode(b"\x89PNG\r\n\x1a\n" + bytes(12)).decode()
WEATHER = {"name": "get_weather", "input_schema": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}}
NEWEST = "us.anthropic.claude-opus-5-5"
STREAMS = "invoke_model_with_response_stream"


def invoke(model, body, client=runtime, **more):
    r = client.invoke_model(modelId=model, body=json.dumps(body), **more)
    return json.loads(r["body"].read()), r["ResponseMetadata"]["HTTPHeaders"]


def claude(text="hello", model=PROFILE, **more):
    """A body of Anthropic's, with a text or a list of messages."""
    messages = [{"role": "user", "content": text}] if isinstance(text, str) else text
    return invoke(model, {"anthropic_version": "bedrock-2023-05-31", "max_tokens": 2000, "messages": messages, **more})


def events(model, body, **more):
    r = runtime.invoke_model_with_response_stream(modelId=model, body=json.dumps(body), **more)
    return [json.loads(e["chunk"]["bytes"]) for e in r["body"]]


def stream(text, model=PROFILE, **more):
    messages = [{"role": "user", "content": text}] if isinstance(text, str) else text
    return events(model, {"anthropic_version": "bedrock-2023-05-31", "max_tokens": 2000, "messages": messages, **more})


def refused(call, *args, words, kind="ValidationException", **more):
    e = raises(getattr(runtime.exceptions, kind), call, *args, **more)
    need(e.response["Error"]["Message"] == words, e.response["Error"]["Message"], words)


def fold(got):
    """The message that a stream makes."""
    message = got[0]["message"]
    for e in got[1:]:
        if e["type"] == "content_block_start":
            need(e["index"] == len(message["content"]), e)
            message["content"].append(dict(e["content_block"]))
        elif e["type"] == "content_block_delta":
            block, d = message["content"][e["index"]], e["delta"]
            if d["type"] == "input_json_delta":
                block["json"] = block.get("json", "") + d["partial_json"]
            else:
                name = d["type"].removesuffix("_delta")
                block[name] = block[name] + d[name]
        elif e["type"] == "content_block_stop":
            block = message["content"][e["index"]]
            if block["type"] == "tool_use":
                block["input"] = json.loads(block.pop("json", "{}"))
        elif e["type"] == "message_delta":
            message.update(e["delta"])
            message["usage"].update(e["usage"])
    return message


@says("a message of Claude's has Anthropic's members, and headers with the tokens")
def _():
    m, headers = claude("What is granite?", system="Be brief.", temperature=0.5)
    need(m["content"] == [{"type": "text", "text": "You said: What is granite?"}], m)
    need(m["type"] == "message" and m["role"] == "assistant" and m["model"] == "claude-sonnet-4-5-20250929" and m["id"].startswith("msg_bdrk_01"), m)
    need(m["stop_reason"] == "end_turn" and m["stop_sequence"] is None, m)
    need(headers["x-amzn-bedrock-input-token-count"] == str(m["usage"]["input_tokens"]) and headers["x-amzn-bedrock-output-token-count"] == str(m["usage"]["output_tokens"]), headers)
    need(int(headers["x-amzn-bedrock-invocation-latency"]) > 0 and headers["content-type"] == "application/json", headers)


@says("a stream of Claude's folds to the whole message, with its metrics at the end")
def _():
    for more in ({}, {"tools": [WEATHER]}, {"thinking": {"type": "enabled", "budget_tokens": 1024}}):
        ask = "What is the weather in Paris and Tokyo?"
        got = stream(ask, **more)
        kinds = [e["type"] for e in got]
        need(kinds[0] == "message_start" and kinds[-2:] == ["message_delta", "message_stop"], kinds)
        whole, _ = claude(ask, **more)
        need(fold(got) == whole, got, whole)
        metrics = got[-1]["amazon-bedrock-invocationMetrics"]
        need(metrics["inputTokenCount"] == whole["usage"]["input_tokens"] and metrics["outputTokenCount"] == whole["usage"]["output_tokens"], metrics)


@says("Claude's tools are called side by side, and their results end in text")
def _():
    ask = [{"role": "user", "content": "What is the weather in Paris and Tokyo?"}]
    m, _ = claude(ask, tools=[WEATHER])
    calls = [b for b in m["content"] if b["type"] == "tool_use"]
    need(m["stop_reason"] == "tool_use" and [c["input"] for c in calls] == [{"city": "Paris"}, {"city": "Tokyo"}], m)
    need(all(c["id"].startswith("toolu_bdrk_01") for c in calls), calls)
    results = [{"type": "tool_result", "tool_use_id": c["id"], "content": "sky of " + c["input"]["city"]} for c in calls]
    turns = [*ask, {"role": "assistant", "content": m["content"]}, {"role": "user", "content": results}]
    last, _ = claude(turns, tools=[WEATHER])
    need(last["stop_reason"] == "end_turn" and "sky of Tokyo" in last["content"][0]["text"], last)
    refused(claude, turns[:-1] + [{"role": "user", "content": results[:1]}], tools=[WEATHER], words=f"messages.1: `tool_use` ids were found without `tool_result` blocks immediately after: {calls[1]['id']}. Each `tool_use` block must have a corresponding `tool_result` block in the next message.")
    refused(claude, [ask[0], {"role": "assistant", "content": "No."}, {"role": "user", "content": results[:1]}], tools=[WEATHER], words=f"messages.2.content.0: unexpected `tool_use_id` found in `tool_result` blocks: {calls[0]['id']}. Each `tool_result` block must have a corresponding `tool_use` block in the previous message.")


@says("Claude's thoughts are signed, and an edited signature is refused")
def _():
    thinking = {"type": "enabled", "budget_tokens": 1024}
    ask = [{"role": "user", "content": "What is the weather in Paris?"}]
    m, _ = claude(ask, tools=[WEATHER], thinking=thinking)
    need(m["content"][0]["type"] == "thinking" and m["content"][0]["signature"], m)
    result = {"role": "user", "content": [{"type": "tool_result", "tool_use_id": m["content"][1]["id"], "content": [{"type": "text", "text": "rain"}]}]}
    last, _ = claude([*ask, {"role": "assistant", "content": m["content"]}, result], tools=[WEATHER], thinking=thinking)
    need("rain" in last["content"][-1]["text"], last)
    edited = [{**m["content"][0], "signature": m["content"][0]["signature"][::-1]}, m["content"][1]]
    refused(claude, [*ask, {"role": "assistant", "content": edited}, result], tools=[WEATHER], thinking=thinking, words="messages.1.content.0: Invalid `signature` in `thinking` block")
    bare = [{"type": "thinking", "thinking": "x"}, m["content"][1]]
    refused(claude, [*ask, {"role": "assistant", "content": bare}, result], tools=[WEATHER], thinking=thinking, words="messages.1.content.0.thinking.signature: Field required")


@says("the cache of Claude's prompts is written and then read")
def _():
    system = [{"type": "text", "text": "granite " * 3000, "cache_control": {"type": "ephemeral", "ttl": "1h"}}]
    first, _ = claude("one", system=system)
    again, headers = claude("two", system=system)
    written = first["usage"]["cache_creation_input_tokens"]
    need(written > 1024 and first["usage"]["cache_creation"] == {"ephemeral_5m_input_tokens": 0, "ephemeral_1h_input_tokens": written}, first)
    need(again["usage"]["cache_read_input_tokens"] == written and headers["x-amzn-bedrock-cache-read-input-token-count"] == str(written), again)
    mark = {"type": "text", "text": "x", "cache_control": {"type": "ephemeral"}}
    refused(claude, [{"role": "user", "content": [mark] * 5}], words="A maximum of 4 blocks with cache_control may be provided. Found 5.")
    mark["cache_control"]["scope"] = "global"
    refused(claude, [{"role": "user", "content": [mark]}], words="messages.0.content.0.text.cache_control.ephemeral.scope: Extra inputs are not permitted")


@says("Claude's body is refused in Anthropic's words")
def _():
    text = {"type": "text", "text": "hello"}
    turn = lambda content, role="user": [{"role": role, "content": content}]
    for words, more in [
        ("model: Extra inputs are not permitted", {"model": "claude"}),
        ("stream: Extra inputs are not permitted", {"stream": True}),
        ("anthropic_version: Field required", {"anthropic_version": None}),
        ("Invalid API version", {"anthropic_version": "2023-06-01"}),
        ("max_tokens: Field required", {"max_tokens": None}),
        ("max_tokens: Input should be a valid integer", {"max_tokens": "many"}),
        ("max_tokens: Input should be greater than or equal to 1", {"max_tokens": 0}),
        ("max_tokens: 128000 > 64000, which is the maximum allowed number of output tokens for claude-sonnet-4-5-20250929", {"max_tokens": 128000}),
        ("temperature: Input should be less than or equal to 1", {"temperature": 2}),
        ("`temperature` and `top_p` cannot both be specified for this model. Please use only one.", {"temperature": 1, "top_p": 0.5}),
        ("messages: at least one message is required", {"messages": []}),
        ("messages: Input should be a valid list", {"messages": "hello"}),
        ("messages.0.role: Input should be 'user' or 'assistant'", {"messages": turn("x", "system")}),
        ("messages.0: user messages must have non-empty content", {"messages": turn("")}),
        ("messages: text content blocks must be non-empty", {"messages": turn([{"type": "text", "text": ""}])}),
        ("messages: text content blocks must contain non-whitespace text", {"messages": turn([{"type": "text", "text": " "}])}),
        ("messages.0.content.0.type: Field required", {"messages": turn([{"text": "x"}])}),
        ("messages.0.content.0: Input tag 'sound' found using 'type' does not match any of the expected tags: 'document', 'image', 'redacted_thinking', 'search_result', 'text', 'thinking', 'tool_result', 'tool_use'", {"messages": turn([{"type": "sound"}])}),
        ("messages.0.content.0.text.color: Extra inputs are not permitted", {"messages": turn([{**text, "color": "red"}])}),
        ("messages.0.content.0.image.source: Input tag 'url' found using 'type' does not match any of the expected tags: 'base64'", {"messages": turn([{"type": "image", "source": {"type": "url", "url": "https://example.com/a.png"}}])}),
        ("messages.0.content.0.image.source.base64.media_type: Input should be 'image/jpeg', 'image/png', 'image/gif' or 'image/webp'", {"messages": turn([{"type": "image", "source": {"type": "base64", "media_type": "image/tiff", "data": PNG}}])}),
        ("messages.0.content.0.image.source.base64: The image was specified using the image/jpeg media type, but the image appears to be a image/png image", {"messages": turn([{"type": "image", "source": {"type": "base64", "media_type": "image/jpeg", "data": PNG}}])}),
        ("tools.0.custom.input_schema: Field required", {"tools": [{"name": "a"}]}),
        ("tools.0.custom.input_schema.type: Field required", {"tools": [{"name": "a", "input_schema": {}}]}),
        ("tools.0.custom.name: String should match pattern '^[a-zA-Z0-9_-]{1,128}$'", {"tools": [{**WEATHER, "name": "a b"}]}),
        ("tools: Tool names must be unique.", {"tools": [WEATHER, WEATHER]}),
        ("tools.0.custom.defer_loading: Extra inputs are not permitted", {"tools": [{**WEATHER, "defer_loading": True}]}),
        ("tools.0.custom.eager_input_streaming: Extra inputs are not permitted", {"tools": [{**WEATHER, "eager_input_streaming": True}]}),
        ("tools.0: Input tag 'web_search_20250305' found using 'type' does not match any of the expected tags: 'bash_20250124', 'custom', 'text_editor_20250124', 'text_editor_20250429', 'text_editor_20250728'", {"tools": [{"type": "web_search_20250305", "name": "web_search"}]}),
        ("tool_choice may only be specified while providing tools", {"tool_choice": {"type": "any"}}),
        ("Tool 'b' not found in provided tools", {"tools": [WEATHER], "tool_choice": {"type": "tool", "name": "b"}}),
        ("invalid beta flag", {"anthropic_beta": ["never-2031-01-01"]}),
        ("context_management: Extra inputs are not permitted", {"context_management": {"edits": []}}),
        ("output_config.effort: Extra inputs are not permitted", {"output_config": {"effort": "low"}}),
        ("safeguards: Extra inputs are not permitted", {"safeguards": []}),
        ("thinking.enabled.budget_tokens: Input should be greater than or equal to 1024", {"thinking": {"type": "enabled", "budget_tokens": 5}}),
        ("`max_tokens` must be greater than `thinking.budget_tokens`.", {"thinking": {"type": "enabled", "budget_tokens": 2000}}),
        ("thinking.enabled.display: Extra inputs are not permitted", {"thinking": {"type": "enabled", "budget_tokens": 1024, "display": "omitted"}}),
        ("thinking: Input tag 'adaptive' found using 'type' does not match any of the expected tags: 'disabled', 'enabled'", {"thinking": {"type": "adaptive"}}),
    ]:
        body = {"anthropic_version": "bedrock-2023-05-31", "max_tokens": 2000, "messages": turn("hello"), **more}
        body = {k: v for k, v in body.items() if v is not None}
        for operation in ("invoke_model", STREAMS):
            refused(getattr(runtime, operation), modelId=PROFILE, body=json.dumps(body), words=words)
    refused(runtime.invoke_model, modelId=PROFILE, body=b"hello", words="Malformed input request, please reformat your input and try again.")


@says("the newest Claude takes messages of the system, deferred tools and what else Claude Code sends")
def _():
    placeholder = {"name": "Later", "description": "Loads tools.", "input_schema": {"type": "object"}, "defer_loading": True}
    search = {"name": "ToolSearch", "description": "Finds.", "input_schema": {"type": "object"}}
    body = {
        "anthropic_beta": ["interleaved-thinking-2025-05-14", "tool-search-tool-2025-10-19", "thinking-token-count-2026-05-13"],
        "system": [{"type": "text", "text": "You help.", "cache_control": {"type": "ephemeral"}}], "tools": [search, placeholder],
        "thinking": {"type": "adaptive", "display": "omitted"}, "output_config": {"effort": "medium"}, "max_tokens": 64000,
    }
    found = {"type": "tool_result", "tool_use_id": "toolu_1", "content": [{"type": "tool_reference", "tool_name": "Later"}]}
    turns = [
        {"role": "user", "content": "Look for it."},
        {"role": "system", "content": [{"type": "text", "text": "Be careful."}]},
        {"role": "assistant", "content": [{"type": "tool_use", "id": "toolu_1", "name": "ToolSearch", "input": {}}]},
        {"role": "user", "content": [found, {"type": "text", "text": "[[answer: done]]", "cache_control": {"type": "ephemeral"}}]},
        {"role": "system", "content": "Go on."},
    ]
    m, _ = claude(turns, model=NEWEST, **body)
    need(m["content"][0] == {"type": "thinking", "thinking": "", "signature": m["content"][0]["signature"]} and m["model"] == "claude-opus-5-5", m)
    need(fold(stream(turns, model=NEWEST, **body))["content"] == m["content"], m)
    refused(claude, turns, model=NEWEST, **{**body, "anthropic_beta": []}, words="tools.1.custom.defer_loading: Extra inputs are not permitted")
    turns[1]["output_config"] = {"effort": "low"}
    refused(claude, turns, model=NEWEST, **body, words="messages.1.output_config: Extra inputs are not permitted")


@says("both values of anthropic_version are taken, and a stop sequence is named")
def _():
    m, _ = claude("[[answer: one two three]]", anthropic_version="2026-10-21", stop_sequences=["two"])
    need(m["content"][0]["text"] == "one " and m["stop_reason"] == "stop_sequence" and m["stop_sequence"] == "two", m)
    m, _ = claude("[[words: 50]]", max_tokens=5)
    need(m["stop_reason"] == "max_tokens" and m["usage"]["output_tokens"] == 5, m)


@says("InvokeModel wants a profile where Converse does, and knows no other models")
def _():
    refused(claude, model=MODEL, words=f"Invocation of model ID {MODEL} with on-demand throughput isn\u2019t supported. Retry your request with the ID or ARN of an inference profile that contains this model.")
    refused(claude, model="us.anthropic.claude-9-v1:0", words="The provided model identifier is invalid.")
    refused(stream, "x", model=PROFILE.replace("us.", "eu."), words="The provided model identifier is invalid.")


@says("settings of InvokeModel come in headers and are answered")
def _():
    body = json.dumps({"messages": [{"role": "user", "content": [{"text": "hello"}]}]})
    r = runtime.invoke_model(modelId=NOVA, body=body, serviceTier="flex", guardrailIdentifier="abc123", guardrailVersion="DRAFT", trace="ENABLED")
    answer = json.loads(r["body"].read())
    need(r["serviceTier"] == "flex" and answer["amazon-bedrock-guardrailAction"] == "NONE" and "abc123" in answer["amazon-bedrock-trace"]["guardrail"]["inputAssessment"], r, answer)
    refused(runtime.invoke_model, modelId=NOVA, body=body, serviceTier="reserved", words="Reservation not found.")
    refused(runtime.invoke_model, modelId=NOVA, body=body, guardrailIdentifier="abc123", words="The provided guardrail version is invalid.")
    refused(runtime.invoke_model, modelId=NOVA, body=body, performanceConfigLatency="optimized", words="Latency performance configuration is not supported for this model.")


@says("every exception of the service model is raised by InvokeModel as its type")
def _():
    for word, name, status in [
        ("throttle", "ThrottlingException", 429), ("unavailable", "ServiceUnavailableException", 503), ("internal", "InternalServerException", 500),
        ("timeout", "ModelTimeoutException", 408), ("not-ready", "ModelNotReadyException", 429), ("model-error", "ModelErrorException", 424),
        ("denied", "AccessDeniedException", 403), ("quota", "ServiceQuotaExceededException", 400),
    ]:
        for call in (claude, stream):
            e = raises(getattr(runtime.exceptions, name), call, f"[[fault: {word}]]")
            need(e.response["ResponseMetadata"]["HTTPStatusCode"] == status and e.response["Error"]["Message"], e.response)
    e = raises(runtime.exceptions.ThrottlingException, invoke, "amazon.titan-embed-text-v2:0", {"inputText": "[[fault: throttle]]"})
    need(e.response["ResponseMetadata"]["HTTPStatusCode"] == 429, e.response)


@says("a stream of InvokeModel fails behind what came before")
def _():
    for word, name in [("throttle", "throttlingException"), ("stream-error", "modelStreamErrorException"), ("timeout", "modelTimeoutException")]:
        r = runtime.invoke_model_with_response_stream(modelId=PROFILE, body=json.dumps({"anthropic_version": "bedrock-2023-05-31", "max_tokens": 500, "messages": [{"role": "user", "content": f"[[fault: {word} after=3]] [[words: 40]]"}]}))
        got = []
        e = raises(botocore.exceptions.EventStreamError, lambda: got.extend(json.loads(c["chunk"]["bytes"])["type"] for c in r["body"]))
        need(e.response["Error"]["Code"] == name and got.count("content_block_delta") == 3 and "message_stop" not in got, got, e.response)
    for fault in ("corrupt after=2", "cut=reset after=2"):
        e = raises(Exception, stream, f"[[fault: {fault}]] [[words: 40]]")
        need("Checksum" in type(e).__name__ or "Error" in type(e).__name__, e)


@says("Nova's body is Converse's, whole and streamed, with Nova's refusals")
def _():
    body = {"schemaVersion": "messages-v1", "system": [{"text": "Be brief."}], "messages": [{"role": "user", "content": [{"text": "What is granite?"}]}], "inferenceConfig": {"maxTokens": 100, "topK": 20}}
    m, _ = invoke(NOVA, body)
    need(m["output"]["message"] == {"content": [{"text": "You said: What is granite?"}], "role": "assistant"} and m["stopReason"] == "end_turn", m)
    need(m["usage"]["totalTokens"] == m["usage"]["inputTokens"] + m["usage"]["outputTokens"] and "cacheReadInputTokenCount" in m["usage"], m)
    got = events(NOVA, body)
    need("".join(e["contentBlockDelta"]["delta"]["text"] for e in got if "contentBlockDelta" in e) == "You said: What is granite?", got)
    need(got[0] == {"messageStart": {"role": "assistant"}} and got[-1]["metadata"]["usage"] == m["usage"] and "amazon-bedrock-invocationMetrics" in got[-1], got)
    refused(invoke, NOVA, {**body, "max_tokens": 5}, words="Malformed input request: #: extraneous key [max_tokens] is not permitted, please reformat your input and try again.")
    refused(invoke, NOVA, {"messages": [{"role": "assistant", "content": [{"text": "x"}]}]}, words="A conversation must start with a user message. Try again with a conversation that starts with a user message.")


@says("Llama and Mistral go on with a prompt")
def _():
    prompt = "<|begin_of_text|><|start_header_id|>user<|end_header_id|>\n\nWhat is granite?<|eot_id|><|start_header_id|>assistant<|end_header_id|>\n\n"
    llama = "us.meta.llama3-3-70b-instruct-v1:0"
    m, _ = invoke(llama, {"prompt": prompt, "max_gen_len": 100})
    need(m["generation"] == "You said: What is granite?" and m["stop_reason"] == "stop" and m["prompt_token_count"] > 0 and m["generation_token_count"] > 0, m)
    got = events(llama, {"prompt": prompt, "max_gen_len": 3})
    need("".join(e["generation"] for e in got) == "You said: Wh" and got[-1]["stop_reason"] == "length" and got[-1]["amazon-bedrock-invocationMetrics"], got)
    refused(invoke, llama, {"prompt": ""}, words="Malformed input request: #/prompt: expected minLength: 1, actual: 0, please reformat your input and try again.")
    mistral = "mistral.mistral-7b-instruct-v0:2"
    m, _ = invoke(mistral, {"prompt": "<s>[INST] What is granite? [/INST]", "max_tokens": 100})
    need(m == {"outputs": [{"text": "You said: What is granite?", "stop_reason": "stop"}]}, m)
    got = events(mistral, {"prompt": "<s>[INST] What is granite? [/INST]"})
    need("".join(e["outputs"][0]["text"] for e in got) == "You said: What is granite?", got)


@says("gpt-oss and others take OpenAI's chat body")
def _():
    tool = {"type": "function", "function": {"name": "get_weather", "parameters": WEATHER["input_schema"]}}
    for model, reasons in [("openai.gpt-oss-120b-1:0", True), ("qwen.qwen3-235b-a22b-2507-v1:0", False)]:
        client = west
        body = {"messages": [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "What is granite?"}], "max_completion_tokens": 500}
        m, _ = invoke(model, body, client)
        text = m["choices"][0]["message"]["content"]
        need(text.endswith("You said: What is granite?") and text.startswith("<reasoning>") == reasons and m["choices"][0]["finish_reason"] == "stop", m)
        need(m["object"] == "chat.completion" and m["usage"]["total_tokens"] == m["usage"]["prompt_tokens"] + m["usage"]["completion_tokens"], m)
        r = client.invoke_model_with_response_stream(modelId=model, body=json.dumps(body))
        got = [json.loads(e["chunk"]["bytes"]) for e in r["body"]]
        need("".join(e["choices"][0]["delta"].get("content", "") for e in got) == text and got[-1]["choices"][0]["finish_reason"] == "stop", got)
        m, _ = invoke(model, {"messages": [{"role": "user", "content": "What is the weather in Paris?"}], "tools": [tool]}, client)
        call = m["choices"][0]["message"]["tool_calls"][0]
        need(json.loads(call["function"]["arguments"]) == {"city": "Paris"} and m["choices"][0]["finish_reason"] == "tool_calls", m)


@says("Titan makes vectors of a text, and refuses in its schema's words")
def _():
    one, headers = invoke("amazon.titan-embed-text-v1", {"inputText": "Hello, world!"})
    need(len(one["embedding"]) == 1536 and one["inputTextTokenCount"] == 4 and headers["x-amzn-bedrock-input-token-count"] == "4", one["inputTextTokenCount"])
    two = "amazon.titan-embed-text-v2:0"
    v, _ = invoke(two, {"inputText": "hello", "dimensions": 256, "normalize": True, "embeddingTypes": ["float", "binary"]})
    need(len(v["embedding"]) == 256 and abs(math.hypot(*v["embedding"]) - 1) < 1e-6 and v["embeddingsByType"]["float"] == v["embedding"] and set(v["embeddingsByType"]["binary"]) <= {0, 1}, v)
    raw, _ = invoke(two, {"inputText": "hello", "normalize": False})
    need(len(raw["embedding"]) == 1024 and math.hypot(*raw["embedding"]) > 2, raw)
    malformed = lambda fault: f"Malformed input request: {fault}, please reformat your input and try again."
    refused(invoke, two, {"inputText": "x", "dimensions": 300}, words=malformed("#/dimensions: 300 is not a valid enum value"))
    refused(invoke, two, {"inputText": ""}, words=malformed("#/inputText: expected minLength: 1, actual: 0"))
    refused(invoke, two, {}, words=malformed("#: required key [inputText] not found"))
    refused(invoke, two, {"inputText": "x", "model": "y"}, words=malformed("#: extraneous key [model] is not permitted"))
    refused(invoke, two, {"inputText": "word " * 8000}, words="400 Bad Request: Too many input tokens. Max input tokens: 8192, request input token count: 10000 ")
    refused(events, two, {"inputText": "x"}, words="The model is unsupported for streaming")
    refused(runtime.converse, modelId=two, messages=[{"role": "user", "content": [{"text": "x"}]}], words="This action doesn't support the model that you provided. Try again with a supported text or chat model.")
    image, _ = invoke("amazon.titan-embed-image-v1", {"inputText": "a rock", "inputImage": PNG, "embeddingConfig": {"outputEmbeddingLength": 384}})
    need(len(image["embedding"]) == 384 and image["message"] is None, image)


@says("Cohere embeds many texts in one call")
def _():
    m, headers = invoke("cohere.embed-english-v3", {"texts": ["Hello, world!", "Granite"], "input_type": "search_document", "truncate": "NONE"})
    need([len(v) for v in m["embeddings"]] == [1024, 1024] and m["response_type"] == "embeddings_floats" and m["texts"] == ["hello, world!", "granite"], m["texts"])
    need(headers["x-amzn-bedrock-input-token-count"] == "6", headers)
    four = "us.cohere.embed-v4:0"
    m, _ = invoke(four, {"texts": ["Hello"], "input_type": "clustering", "output_dimension": 256, "embedding_types": ["float", "int8", "ubinary"]})
    need({k: len(v[0]) for k, v in m["embeddings"].items()} == {"float": 256, "int8": 256, "ubinary": 32} and m["response_type"] == "embeddings_by_type" and m["texts"] == ["Hello"], m)
    m, _ = invoke(four, {"images": ["data:image/png;base64," + PNG], "input_type": "image"})
    need(len(m["embeddings"]["float"][0]) == 1536, m)
    m, _ = invoke(four, {"inputs": [{"content": [{"type": "text", "text": "a rock"}, {"type": "image_url", "image_url": {"url": "data:image/png;base64," + PNG}}]}], "input_type": "search_document"})
    need(len(m["embeddings"]["float"]) == 1, m)
    v3 = "cohere.embed-multilingual-v3"
    malformed = lambda fault: f"Malformed input request: {fault}, please reformat your input and try again."
    refused(invoke, v3, {"texts": ["x"] * 97, "input_type": "clustering"}, words=malformed("#/texts: expected maximum item count: 96, found: 97"))
    refused(invoke, v3, {"texts": ["x", "y" * 2049], "input_type": "clustering"}, words=malformed("#/texts/1: expected maxLength: 2048, actual: 2049"))
    refused(invoke, v3, {"texts": ["x"]}, words=malformed("#: required key [input_type] not found"))
    refused(invoke, v3, {"texts": ["x"], "input_type": "poem"}, words=malformed("#/input_type: poem is not a valid enum value"))
    refused(invoke, v3, {"texts": ["x"], "input_type": "clustering", "output_dimension": 256}, words=malformed("#: extraneous key [output_dimension] is not permitted"))


@says("Nova and Marengo embed one input a call")
def _():
    nova = "amazon.nova-2-multimodal-embeddings-v1:0"
    ask = lambda **more: {"taskType": "SINGLE_EMBEDDING", "singleEmbeddingParams": {"embeddingPurpose": "GENERIC_INDEX", **more}}
    m, headers = invoke(nova, ask(text={"value": "hello", "truncationMode": "NONE"}))
    need(len(m["embeddings"][0]["embedding"]) == 3072 and m["embeddings"][0]["embeddingType"] == "TEXT" and headers["x-amzn-bedrock-input-token-count"] == "3", headers)
    m, _ = invoke(nova, ask(embeddingDimension=256, image={"format": "png", "source": {"bytes": PNG}}))
    need(len(m["embeddings"][0]["embedding"]) == 256 and m["embeddings"][0]["embeddingType"] == "IMAGE", m)
    refused(invoke, nova, ask(embeddingDimension=100, text={"value": "hello", "truncationMode": "NONE"}), words="Malformed input request: #/singleEmbeddingParams/embeddingDimension: 100 is not a valid enum value, please reformat your input and try again.")
    refused(invoke, nova, {"taskType": "SEGMENTED_EMBEDDING"}, words="The SEGMENTED_EMBEDDING task type is only supported by the StartAsyncInvoke API.")
    m, _ = invoke("us.twelvelabs.marengo-embed-2-7-v1:0", {"inputType": "text", "inputText": "a man walks a dog", "textTruncate": "end"})
    need(len(m["data"][0]["embedding"]) == 1024, m)
    m, _ = invoke("us.twelvelabs.marengo-embed-3-0-v1:0", {"inputType": "text", "text": {"inputText": "a man walks a dog"}})
    need(len(m["data"][0]["embedding"]) == 512, m)
    refused(invoke, "us.twelvelabs.marengo-embed-2-7-v1:0", {"inputType": "video", "mediaSource": {"s3Location": {"uri": "s3://bucket/a.mp4"}}}, words="The video input type is only supported by the StartAsyncInvoke API.")


@says("similar texts have similar vectors")
def _():
    vector = lambda text: invoke("amazon.titan-embed-text-v2:0", {"inputText": text})[0]["embedding"]
    cosine = lambda a, b: sum(x * y for x, y in zip(a, b, strict=True))
    granite = vector("Granite is an igneous rock.")
    need(cosine(granite, vector("An igneous rock is granite.")) > 0.8 > 0.3 > cosine(granite, vector("Nobody sails on Mondays.")), "cosines")
    need(granite == vector("Granite is an igneous rock."), "not the same again")


DOCUMENTS = ["Bread is baked.", "The capital of France is Paris.", "France is a country."]


@says("Cohere's and Amazon's rerankers put the right document first")
def _():
    body = {"query": "What is the capital of France?", "documents": DOCUMENTS}
    for model, more in [("cohere.rerank-v3-5:0", {"api_version": 2}), ("amazon.rerank-v1:0", {})]:
        m, _ = invoke(model, {**body, **more, "top_n": 2}, west)
        need([r["index"] for r in m["results"]] == [1, 2] and 1 >= m["results"][0]["relevance_score"] > m["results"][1]["relevance_score"] >= 0, m)
    refused(invoke, "cohere.rerank-v3-5:0", body, words="Malformed input request: #: required key [api_version] not found, please reformat your input and try again.")
    refused(invoke, "amazon.rerank-v1:0", body, words="The provided model identifier is invalid.")  # which is not in us-east-1


def rerank(client, model, query="What is the capital of France?", **more):
    sources = [{"type": "INLINE", "inlineDocumentSource": {"type": "TEXT", "textDocument": {"text": d}}} for d in DOCUMENTS]
    config = {"type": "BEDROCK_RERANKING_MODEL", "bedrockRerankingConfiguration": {"modelConfiguration": {"modelArn": model}, **more}}
    return client.rerank(queries=[{"type": "TEXT", "textQuery": {"text": query}}], sources=sources, rerankingConfiguration=config)


@says("Rerank of the agent runtime names a model by its ARN")
def _():
    r = rerank(agent, "arn:aws:bedrock:us-east-1::foundation-model/cohere.rerank-v3-5:0")
    need([x["index"] for x in r["results"]] == [1, 2, 0] and r["results"][0]["relevanceScore"] > 0.5, r)
    r = rerank(agent_west, "arn:aws:bedrock:us-west-2::foundation-model/amazon.rerank-v1:0", numberOfResults=1)
    need([x["index"] for x in r["results"]] == [1], r)
    for model, words in [("arn:aws:bedrock:us-west-2::foundation-model/amazon.rerank-v1:0", "identifier is invalid"), ("arn:aws:bedrock:us-east-1::foundation-model/amazon.titan-embed-text-v2:0", "doesn't support reranking"), ("cohere.rerank-v3-5:0", "identifier is invalid")]:
        e = raises(agent.exceptions.ValidationException, rerank, agent, model)
        need(words in str(e), e)


@says("CountTokens counts as the call does, for Claude by its bare id")
def _():
    body = {"anthropic_version": "bedrock-2023-05-31", "max_tokens": 100, "messages": [{"role": "user", "content": "What is granite?"}], "system": "Be brief."}
    count = lambda model, given: runtime.count_tokens(modelId=model, input=given)["inputTokens"]
    n = count(MODEL, {"invokeModel": {"body": json.dumps(body).encode()}})
    need(n == invoke(PROFILE, body)[0]["usage"]["input_tokens"], n)
    said = {"messages": [{"role": "user", "content": [{"text": "What is granite?"}]}], "system": [{"text": "Be brief."}]}
    need(n == count(MODEL, {"converse": said}) == runtime.converse(modelId=PROFILE, **said)["usage"]["inputTokens"], n)
    need(count("anthropic.claude-sonnet-4-20250514-v1:0", {"converse": {"messages": said["messages"], "system": []}}) > 0, n)
    for model in (PROFILE, NOVA):
        refused(runtime.count_tokens, modelId=model, input={"converse": said}, words="The provided model doesn't support counting tokens.")
    refused(runtime.count_tokens, modelId="does-not-exist-model-v1:0", input={"converse": said}, words="The provided model identifier is invalid.")
    tools = {**body, "tools": [{"type": "web_search_20250305", "name": "web_search"}]}
    refused(runtime.count_tokens, modelId=MODEL, input={"invokeModel": {"body": json.dumps(tools).encode()}}, words="tools.0: Input tag 'web_search_20250305' found using 'type' does not match any of the expected tags: 'bash_20250124', 'custom', 'text_editor_20250124', 'text_editor_20250429', 'text_editor_20250728'")


@says("ApplyGuardrail blocks the words of its list")
def _():
    apply = lambda text, **more: runtime.apply_guardrail(**{"guardrailIdentifier": "abc123", "guardrailVersion": "1", "source": "INPUT", "content": [{"text": {"text": text}}], **more})
    r = apply("What is granite?")
    need(r["action"] == "NONE" and r["outputs"] == [] and r["assessments"] == [] and r["usage"]["wordPolicyUnits"] == 1, r)
    r = apply("This is a BlockedWord.", source="OUTPUT")
    need(r["action"] == "GUARDRAIL_INTERVENED" and r["outputs"][0]["text"] and r["assessments"][0]["wordPolicy"]["customWords"] == [{"match": "blockedword", "action": "BLOCKED", "detected": True}], r)
    need(apply("x", guardrailIdentifier="arn:aws:bedrock:us-east-1:123456789012:guardrail/abc123", guardrailVersion="DRAFT")["action"] == "NONE", "an ARN")
    e = raises(runtime.exceptions.ValidationException, apply, "x", guardrailIdentifier="ABC")
    need("guardrailIdentifier" in str(e), e)


@says("calls in the background run, end and fail, and are listed")
def _():
    start = lambda text="a man", model="twelvelabs.marengo-embed-2-7-v1:0", uri="s3://a-bucket/out", **more: runtime.start_async_invoke(modelId=model, modelInput={"inputType": "text", "inputText": text}, outputDataConfig={"s3OutputDataConfig": {"s3Uri": uri}}, **more)["invocationArn"]
    first = start(clientRequestToken="token-1")
    need(start(clientRequestToken="token-1") == first, "the same token is another call")
    raises(runtime.exceptions.ConflictException, start, "another", clientRequestToken="token-1")
    failing = start("[[fail]]")
    got = runtime.get_async_invoke(invocationArn=first)
    need(got["status"] == "Completed" and got["modelArn"].endswith("foundation-model/twelvelabs.marengo-embed-2-7-v1:0") and got["outputDataConfig"]["s3OutputDataConfig"]["s3Uri"] == "s3://a-bucket/out" and got["submitTime"] and got["endTime"], got)
    got = runtime.get_async_invoke(invocationArn=failing)
    need(got["status"] == "Failed" and got["failureMessage"], got)
    listed = [s["invocationArn"] for s in runtime.list_async_invokes()["asyncInvokeSummaries"]]
    need(listed == [failing, first], listed)
    need([s["invocationArn"] for s in runtime.list_async_invokes(statusEquals="Failed")["asyncInvokeSummaries"]] == [failing], listed)
    page = runtime.list_async_invokes(maxResults=1, sortOrder="Ascending")
    need(page["asyncInvokeSummaries"][0]["invocationArn"] == first and runtime.list_async_invokes(maxResults=1, sortOrder="Ascending", nextToken=page["nextToken"])["asyncInvokeSummaries"][0]["invocationArn"] == failing, page)
    refused(start, model=NOVA, words="The provided model doesn't support asynchronous invocation.")
    raises(runtime.exceptions.ValidationException, runtime.get_async_invoke, invocationArn="arn:aws:bedrock:us-east-1:123456789012:async-invoke/abcdefghijkl")


scenario.run()
