"""boto3: Converse, ConverseStream, tools, lists and errors through the gateway."""

import json

import boto3
import botocore.exceptions
from botocore.config import Config
from door import BREAKS, DENIED, HELLO, LONG, MODEL, REGION, WEATHER
from scenario import need, raises, run, scenario

bedrock = boto3.client("bedrock-runtime", region_name=REGION, config=Config(retries={"total_max_attempts": 1}))
TOOLS = {"tools": [{"toolSpec": {"name": "get_weather", "inputSchema": {"json": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}}}}]}


def user(text):
    return {"role": "user", "content": [{"text": text}]}


@scenario("a response")
def _():
    r = bedrock.converse(modelId=MODEL, messages=[user(HELLO)])
    need(r["output"]["message"]["content"] == [{"text": "You said: " + HELLO}] and r["usage"]["outputTokens"] > 0 and r["stopReason"] == "end_turn", r)
    need(r["ResponseMetadata"]["RequestId"] and r["ResponseMetadata"]["HTTPHeaders"]["x-outcrop-target"], r)


@scenario("a stream")
def _():
    events = list(bedrock.converse_stream(modelId=MODEL, messages=[user(LONG)])["stream"])
    text = "".join(e["contentBlockDelta"]["delta"]["text"] for e in events if "contentBlockDelta" in e)
    need(len(text.split()) == 60 and events[-1]["metadata"]["usage"]["outputTokens"] > 0, events)


@scenario("a tool loop")
def _():
    first = bedrock.converse(modelId=MODEL, messages=[user(WEATHER)], toolConfig=TOOLS)["output"]["message"]
    calls = [b["toolUse"] for b in first["content"] if "toolUse" in b]
    need([c["input"]["city"] for c in calls] == ["Paris", "Tokyo"], first)
    results = [{"toolResult": {"toolUseId": c["toolUseId"], "content": [{"text": "sunny in " + c["input"]["city"]}]}} for c in calls]
    last = bedrock.converse(modelId=MODEL, messages=[user(WEATHER), first, {"role": "user", "content": results}], toolConfig=TOOLS)
    need("sunny in Tokyo" in last["output"]["message"]["content"][0]["text"], last)


@scenario("a tool call, streamed")
def _():
    inputs = {}
    for e in bedrock.converse_stream(modelId=MODEL, messages=[user(WEATHER)], toolConfig=TOOLS)["stream"]:
        if "toolUse" in e.get("contentBlockDelta", {}).get("delta", {}):
            d = e["contentBlockDelta"]
            inputs[d["contentBlockIndex"]] = inputs.get(d["contentBlockIndex"], "") + d["delta"]["toolUse"]["input"]
    need([json.loads(i)["city"] for i in inputs.values()] == ["Paris", "Tokyo"], inputs)


@scenario("a refusal")
def _():
    e = raises(bedrock.exceptions.AccessDeniedException, bedrock.converse, modelId=MODEL, messages=[user(DENIED)])
    need(e.response["ResponseMetadata"]["HTTPStatusCode"] == 403 and e.response["Error"]["Message"], e.response)


@scenario("an unknown model")
def _():
    e = raises(bedrock.exceptions.ResourceNotFoundException, bedrock.converse, modelId="not/configured", messages=[user(HELLO)])
    need("not/configured" in e.response["Error"]["Message"], e.response)


@scenario("a stream that breaks off")
def _():
    e = raises(botocore.exceptions.EventStreamError, list, bedrock.converse_stream(modelId=MODEL, messages=[user(BREAKS)])["stream"])
    need(e.response["Error"]["Code"] == "modelStreamErrorException" and e.response["Error"]["Message"], e.response)


run()
