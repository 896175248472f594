"""OpenAI's SDK for Python with the Responses API of a model that Bedrock serves by OpenAI's own API.

BASE_URL is the gateway's address, or with DIRECT=1 the emulator's base of the API itself, which must be valid
by the SDK's types too. LIMITED=1 says that the model has functions alone, and plain reasoning.
"""

import json
import os

import httpx
import openai
import pydantic
from openai.types.responses import Response, ResponseStreamEvent
from scenario import need, raises, run, scenario

MODEL = os.environ["MODEL"]
DIRECT = os.environ.get("DIRECT") == "1"
LIMITED = os.environ.get("LIMITED") == "1"
BASE = os.environ["BASE_URL"] + ("" if DIRECT else "/v1")
KEY = os.environ["API_KEY"]
EVENT = pydantic.TypeAdapter(ResponseStreamEvent)
WEATHER = {
    "type": "function",
    "name": "get_weather",
    "description": "The weather in a city now.",
    "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"], "additionalProperties": False},
    "strict": True,
}
client = openai.OpenAI(base_url=BASE, api_key=KEY, max_retries=0, timeout=120)


def create(content, **more):
    return client.responses.create(**{"model": MODEL, "input": content, **more})


def post(**body):
    """The parsed body of a response, or of the events of one that is streamed."""
    r = httpx.post(BASE + "/responses", json={"model": MODEL, **body}, headers={"authorization": f"Bearer {KEY}"}, timeout=60)
    need(r.status_code == 200, r.text)
    if not body.get("stream"):
        return r.json()
    return [json.loads(line.removeprefix("data: ")) for line in r.text.splitlines() if line.startswith("data: ")]


def complete(response):
    """A response with the one member that recorded responses of open models lack, and the SDK's types require."""
    if LIMITED and response["usage"]:
        response["usage"]["input_tokens_details"].setdefault("cache_write_tokens", 0)
    return response


@scenario("whole responses and all events are valid by the SDK's types")
def _():
    bodies = [
        {"input": "[[answer: granite]]"},
        {"input": "[[call: get_weather {\"city\":\"Paris\"}]] [[call: get_weather {\"city\":\"Tokyo\"}]]", "tools": [WEATHER], "include": ["reasoning.encrypted_content"], "reasoning": {"effort": "high", "summary": "auto"}},
        {"input": "[[words: 200]]", "max_output_tokens": 80},
        {"input": "A stone", "text": {"format": {"type": "json_schema", "name": "stone", "strict": True, "schema": {"type": "object", "properties": {"name": {"type": "string"}}, "required": ["name"], "additionalProperties": False}}}},
    ]
    if not LIMITED:
        bodies.append({"input": "[[call: patch {\"input\":\"x\"}]]", "tools": [{"type": "custom", "name": "patch", "format": {"type": "grammar", "syntax": "lark", "definition": "start: /.+/"}}]})
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
    with client.responses.stream(model=MODEL, input="[[words: 30]]") as stream:
        events = list(stream)
        final = stream.get_final_response()
    types = [e.type for e in events]
    need(types[:3] == ["response.created", "response.in_progress", "response.output_item.added"], types)
    need(types[-4:] == ["response.output_text.done", "response.content_part.done", "response.output_item.done", "response.completed"], types)
    need(events[-4].text == final.output_text == "".join(e.delta for e in events if e.type == "response.output_text.delta"), final)


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
    class Stone(pydantic.BaseModel):
        name: str
        hardness: int

    asked = {"model": MODEL, "input": "Describe granite, of hardness 7.", "text_format": Stone}
    r = client.responses.parse(**asked)
    need(isinstance(r.output_parsed, Stone), r.output_text)
    with client.responses.stream(**asked) as stream:
        need(stream.get_final_response().output_parsed == r.output_parsed)


@scenario("errors name the parameter")
def _():
    e = raises(openai.BadRequestError, create, [{"role": "stone", "content": "x"}])
    need(e.param == "input[0].role" and e.type == "invalid_request_error", e)
    need(raises(openai.RateLimitError, create, "[[fault: throttle]]").code == "rate_limit_exceeded")


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
