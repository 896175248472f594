"""Converse and ConverseStream, with botocore's parsers and typed exceptions."""

import json

import botocore.eventstream
import botocore.exceptions
from aws import MODEL, NOVA, PROFILE, converse, runtime, stream, user
from scenario import need, raises, scenario

TOOLS = {"tools": [{"toolSpec": {"name": "get_weather", "inputSchema": {"json": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}}}}]}
THINKING = {"thinking": {"type": "enabled", "budget_tokens": 1024}}


@scenario("Converse answers with usage and metrics")
def _():
    r = converse("What is granite?", system=[{"text": "Be brief."}], inferenceConfig={"maxTokens": 200, "temperature": 0.5})
    need(r["output"]["message"] == {"role": "assistant", "content": [{"text": "You said: What is granite?"}]}, r)
    u = r["usage"]
    need(r["stopReason"] == "end_turn" and u["inputTokens"] > 0 and u["totalTokens"] == u["inputTokens"] + u["outputTokens"], r)
    need(r["metrics"]["latencyMs"] > 0 and r["ResponseMetadata"]["RequestId"], r)


@scenario("ConverseStream sends its events in their order")
def _():
    events = list(stream("[[words: 30]]"))
    names = [next(iter(e)) for e in events]
    need(names[0] == "messageStart" and names[-3:] == ["contentBlockStop", "messageStop", "metadata"], names)
    need(set(names[1:-3]) == {"contentBlockDelta"} and len(names) > 6, names)
    text = "".join(e["contentBlockDelta"]["delta"]["text"] for e in events if "contentBlockDelta" in e)
    need(len(text.split()) == 30 and events[-2]["messageStop"]["stopReason"] == "end_turn", text)
    need(events[-1]["metadata"]["usage"]["outputTokens"] > 0 and events[-1]["metadata"]["metrics"]["latencyMs"] > 0, events[-1])


@scenario("tools are called side by side, and their results end in text")
def _():
    ask = "What is the weather in Paris and Tokyo?"
    r = converse(ask, toolConfig=TOOLS)
    calls = [b["toolUse"] for b in r["output"]["message"]["content"] if "toolUse" in b]
    need(r["stopReason"] == "tool_use" and [c["input"] for c in calls] == [{"city": "Paris"}, {"city": "Tokyo"}], r)
    results = [{"toolResult": {"toolUseId": c["toolUseId"], "content": [{"json": {"sky": c["input"]["city"]}}]}} for c in calls]
    last = converse([*user(ask), r["output"]["message"], {"role": "user", "content": results}], toolConfig=TOOLS)
    need(last["stopReason"] == "end_turn" and '"sky":"Tokyo"' in last["output"]["message"]["content"][0]["text"], last)


@scenario("streamed tool input assembles to JSON")
def _():
    inputs = {}
    for e in stream("What is the weather in Paris and Tokyo?", toolConfig=TOOLS):
        if "contentBlockStart" in e:
            need(e["contentBlockStart"]["start"]["toolUse"]["toolUseId"], e)
            inputs[e["contentBlockStart"]["contentBlockIndex"]] = ""
        elif "contentBlockDelta" in e and "toolUse" in e["contentBlockDelta"]["delta"]:
            inputs[e["contentBlockDelta"]["contentBlockIndex"]] += e["contentBlockDelta"]["delta"]["toolUse"]["input"]
    need([json.loads(i) for i in inputs.values()] == [{"city": "Paris"}, {"city": "Tokyo"}], inputs)


@scenario("reasoning is signed, and an edited signature is refused")
def _():
    ask = "What is the weather in Paris?"
    reply = converse(ask, toolConfig=TOOLS, additionalModelRequestFields=THINKING)["output"]["message"]
    thought = reply["content"][0]["reasoningContent"]["reasoningText"]
    need(thought["text"] and thought["signature"], reply)
    answer = {"role": "user", "content": [{"toolResult": {"toolUseId": reply["content"][1]["toolUse"]["toolUseId"], "content": [{"text": "rain"}]}}]}
    r = converse([*user(ask), reply, answer], toolConfig=TOOLS, additionalModelRequestFields=THINKING)
    need("rain" in r["output"]["message"]["content"][-1]["text"], r)
    thought["signature"] = thought["signature"][::-1]
    e = raises(runtime.exceptions.ValidationException, converse, [*user(ask), reply, answer], toolConfig=TOOLS, additionalModelRequestFields=THINKING)
    need("Invalid `signature` in `thinking` block" in str(e), e)


@scenario("an image and a document arrive as bytes")
def _():
    content = [{"text": "Look."}, {"image": {"format": "png", "source": {"bytes": b"\x89PNG\r\n\x1a\n" + bytes(12)}}}, {"document": {"name": "geology", "format": "pdf", "source": {"bytes": b"%PDF-1.4 " * 3}}}]
    text = converse([{"role": "user", "content": content}])["output"]["message"]["content"][0]["text"]
    need("an image (png, 20 bytes)" in text and 'the document "geology" (pdf, 27 bytes)' in text, text)


@scenario("a bare id without on-demand throughput is refused in AWS's words")
def _():
    e = raises(runtime.exceptions.ValidationException, converse, "Hello.", modelId=MODEL)
    need(e.response["Error"]["Message"] == f"Invocation of model ID {MODEL} with on-demand throughput isn\u2019t supported. Retry your request with the ID or ARN of an inference profile that contains this model.", e.response)
    need(converse("Hello.", modelId=NOVA)["stopReason"] == "end_turn", "Nova has on-demand throughput")


@scenario("an unknown id is invalid, and so is a profile of another geography")
def _():
    for model in ("anthropic.claude-9-v1:0", PROFILE.replace("us.", "eu."), "arn:aws:bedrock:us-east-1:123456789012:inference-profile/us.nothing-v1:0"):
        e = raises(runtime.exceptions.ValidationException, converse, "Hello.", modelId=model)
        need(e.response["Error"]["Message"] == "The provided model identifier is invalid.", model, e.response)


@scenario("every exception of the service model is raised as its type")
def _():
    for word, name, status in [
        ("throttle", "ThrottlingException", 429),
        ("unavailable", "ServiceUnavailableException", 503),
        ("internal", "InternalServerException", 500),
        ("timeout", "ModelTimeoutException", 408),
        ("not-ready", "ModelNotReadyException", 429),
        ("model-error", "ModelErrorException", 424),
        ("validation", "ValidationException", 400),
        ("denied", "AccessDeniedException", 403),
        ("not-found", "ResourceNotFoundException", 404),
    ]:
        for call in (converse, stream):
            e = raises(getattr(runtime.exceptions, name), call, f"[[fault: {word}]]")
            need(e.response["ResponseMetadata"]["HTTPStatusCode"] == status and e.response["Error"]["Message"], e.response)


@scenario("an exception in a stream is raised behind what came before")
def _():
    for word, name in [("throttle", "throttlingException"), ("stream-error", "modelStreamErrorException"), ("internal", "internalServerException"), ("unavailable", "serviceUnavailableException"), ("validation", "validationException")]:
        got = []
        e = raises(botocore.exceptions.EventStreamError, lambda: got.extend(stream(f"[[fault: {word} after=3]] [[words: 40]]")))
        need(e.response["Error"]["Code"] == name and e.response["Error"]["Message"], e.response)
        need(sum("contentBlockDelta" in g for g in got) == 3 and not any("messageStop" in g for g in got), got)


@scenario("a broken checksum is noticed, and a cut stream has no stop")
def _():
    for fault in ("corrupt", "corrupt=prelude"):
        raises(botocore.eventstream.ChecksumMismatch, lambda: list(stream(f"[[fault: {fault} after=2]] [[words: 40]]")))
    got = list(stream("[[fault: cut=end after=2]] [[words: 40]]"))
    need(len(got) == 3 and not any("messageStop" in g for g in got), got)
