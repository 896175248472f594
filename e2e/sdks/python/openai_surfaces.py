"""OpenAI's SDK for Python with the Responses API of a model that Bedrock serves by OpenAI's own API.

BASE_URL is the gateway's address, or with DIRECT=1 the emulator's base of the API itself, which must be valid
by the SDK's types too. LIMITED=1 says that the model has functions alone, and plain reasoning.
"""

import json
import os

import openai
from openai.types.responses import Response
from responses_api import CALLS, EVENT, PATCH, TEXT, WEATHER, Api
from scenario import need, raises, run, scenario

MODEL = os.environ["MODEL"]
DIRECT = os.environ.get("DIRECT") == "1"
LIMITED = os.environ.get("LIMITED") == "1"
api = Api(os.environ["BASE_URL"] + ("" if DIRECT else "/v1"), os.environ["API_KEY"], MODEL)
client, create, post = api.client, api.create, api.post


def complete(response):
    """A response with the one member that recorded responses of open models lack, and the SDK's types require."""
    if LIMITED and response["usage"]:
        response["usage"]["input_tokens_details"].setdefault("cache_write_tokens", 0)
    return response


@scenario("whole responses and all events are valid by the SDK's types")
def _():
    bodies = [
        TEXT,
        CALLS,
        {"input": "[[words: 200]]", "max_output_tokens": 80},
        {"input": "A stone", "text": {"format": {"type": "json_schema", "name": "stone", "strict": True, "schema": {"type": "object", "properties": {"name": {"type": "string"}}, "required": ["name"], "additionalProperties": False}}}},
    ]
    if not LIMITED:
        bodies.append(PATCH)
    for body in bodies:
        Response.model_validate(complete(post(**body)), strict=True)
        events = post(**body, stream=True)
        for event in events:
            if "response" in event:
                complete(event["response"])
            EVENT.validate_python(event, strict=True)
        need([e["sequence_number"] for e in events] == list(range(len(events))), events)


@scenario("a whole response has its text and its usage")
def _():
    r = create("[[answer: granite]]", instructions="Be short.", metadata={"a": "b"})
    need(r.output_text == "granite" and r.status == "completed" and r.usage.total_tokens == r.usage.input_tokens + r.usage.output_tokens > 0, r)
    need(r.metadata == {"a": "b"} and r.instructions == "Be short.", r)
    need(LIMITED or r.usage.output_tokens_details.reasoning_tokens > 0, r.usage)


@scenario("a stream has its events in order")
def _():
    api.in_order()


@scenario("a limit makes the response incomplete")
def _():
    r = create("[[words: 400]]", max_output_tokens=80)
    need(r.status == "incomplete" and r.incomplete_details.reason == "max_output_tokens", r)


@scenario("tools are called over several turns, each with ids of its own")
def _():
    asked = {"tools": [WEATHER], "include": ["reasoning.encrypted_content"], "store": False}
    history = [{"role": "user", "content": "[[call: get_weather {\"city\":\"Paris\"}]] [[call: get_weather {\"city\":\"Tokyo\"}]] [[then]] [[call: get_weather {\"city\":\"Rome\"}]] [[then]] [[answer: It rains.]]"}]
    seen = set()
    for expected in (["Paris", "Tokyo"], ["Rome"]):
        r = create(history, **asked)
        calls = [o for o in r.output if o.type == "function_call"]
        need(r.output[0].type == "reasoning" and [json.loads(c.arguments)["city"] for c in calls] == expected, r.output)
        need(LIMITED or r.output[0].encrypted_content, r.output[0])
        ids = {c.call_id for c in calls}
        need(len(ids) == len(calls) and (DIRECT or not ids & seen), seen, ids)
        seen |= ids
        history += [o.model_dump(exclude_none=True) for o in r.output]
        history += [{"type": "function_call_output", "call_id": c.call_id, "output": "rain"} for c in calls]
    need(create(history, **asked).output_text == "It rains.")


@scenario("an object of a schema is parsed")
def _():
    api.parses()


@scenario("errors name the parameter")
def _():
    api.refuses()


if not DIRECT:

    @scenario("a conversation goes on by the response before, with its tools")
    def _():
        first = create("[[call: get_weather {\"city\":\"Paris\"}]] [[then]] [[answer: It rains.]]", tools=[WEATHER])
        call = first.output[-1]
        second = create([{"type": "function_call_output", "call_id": call.call_id, "output": "rain"}], previous_response_id=first.id, tools=[WEATHER])
        need(second.output_text == "It rains." and second.previous_response_id == first.id, second)
        need(client.responses.retrieve(second.id).output_text == "It rains.")
        e = raises(openai.BadRequestError, create, "x", previous_response_id="resp_unknown")
        need(e.code == "previous_response_not_found", e)

    @scenario("what the gateway keeps is what the client asked for")
    def _():
        for more in ({}, {"store": True}, {"store": False}):
            want = more.get("store", True)
            if LIMITED:
                continue  # recorded responses of open models do not say it
            need(create("[[answer: granite]]", **more).store is want, more)
            said = [e.response.store for e in create("[[answer: granite]]", stream=True, **more) if hasattr(e, "response")]
            need(said == [want] * 3, said)

    @scenario("a response repeats the client's own tools")
    def _():
        if LIMITED:
            return  # it goes by chat completions
        tools = [{"type": "web_search", "search_content_types": ["text"]}, WEATHER]
        need(post(input="Hi", tools=tools)["tools"] == tools)
        said = [e["response"]["tools"] for e in post(input="Hi", tools=tools, stream=True) if "response" in e]
        need(said == [tools] * 3, said)

    @scenario("headers tell the surface and why")
    def _():
        r = client.responses.with_raw_response.create(model=MODEL, input="Hi")
        need("api=responses" in r.headers["x-outcrop-target"], r.headers)
        where = "bedrock-runtime" if MODEL == "runtime" else "bedrock-mantle"
        need(where in r.headers["x-outcrop-reason"], r.headers)

    @scenario("a response that breaks off fails, and never claims an end")
    def _():
        for fault in ("cut=reset after=3", "cut=end after=3", "corrupt after=3", "garbage after=3", "internal after=3", "throttle after=3", "error-frame type=odd after=3"):
            types = [e.type for e in create(f"[[fault: {fault}]] [[words: 60]]", stream=True)]
            need(types[-1] == "response.failed" and "response.completed" not in types, fault, types)
            if "error-frame" not in fault:  # which is for streams only
                raises(openai.APIError, create, f"[[fault: {fault.replace(' after=3', '')}]] x")


run()
