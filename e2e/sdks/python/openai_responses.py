"""OpenAI's SDK for Python with the Responses API of the gateway, and the emulator as its upstream.

What the gateway sends is also validated by the SDK's types as they are written, which the SDK
itself does not do.
"""

import json

import openai
from gateway import KEY, MODEL, URL
from openai.types.responses import Response
from responses_api import CALLS, EVENT, PATCH, TEXT, WEATHER, Api, Stone
from scenario import need, raises, run, scenario

api = Api(URL + "/v1", KEY, MODEL)
client, create, post = api.client, api.create, api.post


@scenario("a response has its text and its usage")
def _():
    r = create("[[answer: granite]]", instructions="Be short.", metadata={"a": "b"}, temperature=0.5)
    need(r.output_text == "granite" and r.status == "completed" and r.usage.total_tokens == r.usage.input_tokens + r.usage.output_tokens > 0, r)
    need(r.metadata == {"a": "b"} and r.instructions == "Be short." and r.temperature == 0.5, r)


@scenario("whole responses and all events are valid by the SDK's types")
def _():
    for body in (TEXT, CALLS, PATCH, {"input": "[[words: 50]]", "max_output_tokens": 20}):
        Response.model_validate(post(**body))
        for event in post(**body, stream=True):
            EVENT.validate_python(event)


@scenario("a stream has its events in order")
def _():
    need(api.in_order()[3] == "response.content_part.added")


@scenario("the raw stream of create can be read")
def _():
    types = [e.type for e in create("[[answer: granite]]", stream=True)]
    need(types[0] == "response.created" and types[-1] == "response.completed", types)


@scenario("a limit makes the response incomplete")
def _():
    r = create("[[words: 200]]", max_output_tokens=20)
    need(r.status == "incomplete" and r.incomplete_details.reason == "max_output_tokens", r)


@scenario("tools are called, and their results go back with the reasoning")
def _():
    asked = {"tools": [WEATHER], "reasoning": {"effort": "high", "summary": "auto"}, "include": ["reasoning.encrypted_content"], "store": False}
    history = [{"role": "user", "content": "[[call: get_weather {\"city\":\"Paris\"}]] [[call: get_weather {\"city\":\"Tokyo\"}]] [[then]] [[answer: It rains.]]"}]
    r = create(history, **asked)
    calls = [o for o in r.output if o.type == "function_call"]
    need(r.output[0].type == "reasoning" and r.output[0].encrypted_content and [json.loads(c.arguments)["city"] for c in calls] == ["Paris", "Tokyo"], r.output)
    history += [o.model_dump(exclude_none=True) for o in r.output]
    history += [{"type": "function_call_output", "call_id": c.call_id, "output": "rain"} for c in calls]
    need(create(history, **asked).output_text == "It rains.")


@scenario("a custom tool gets plain text")
def _():
    r = create("[[call: patch {\"input\":\"*** Begin\\nä\"}]]", tools=[{"type": "custom", "name": "patch", "description": "Edits."}])
    call = r.output[-1]
    need(call.type == "custom_tool_call" and call.name == "patch" and call.input == "*** Begin\nä", r.output)


@scenario("parse returns an object of the schema")
def _():
    api.parses()
    call = client.responses.parse(model=MODEL, input='[[call: Stone {"name":"granite","hardness":7}]]', tools=[openai.pydantic_function_tool(Stone)]).output[-1]
    need(call.parsed_arguments == Stone(name="granite", hardness=7), call)


@scenario("a conversation goes on by the response before")
def _():
    first = create("[[answer: granite]]")
    second = create("And?", previous_response_id=first.id)
    need(second.previous_response_id == first.id and client.responses.retrieve(second.id).output_text == second.output_text, second)
    need([i.content[0].text for i in client.responses.input_items.list(second.id)] == ["And?"])
    client.responses.delete(first.id)
    raises(openai.NotFoundError, client.responses.retrieve, first.id)
    e = raises(openai.BadRequestError, create, "x", previous_response_id=first.id)
    need(e.code == "previous_response_not_found" and e.param == "previous_response_id", e)


@scenario("input is counted, and compacted")
def _():
    need(client.responses.input_tokens.count(model=MODEL, input="What is granite?").input_tokens > 0)
    first = create("[[answer: granite]]")
    c = client.responses.compact(model=MODEL, previous_response_id=first.id, input="[[answer: We spoke of granite.]]")
    need(c.output[-1].type == "compaction", c.output)
    history = [o.model_dump(exclude_none=True) for o in c.output] + [{"role": "user", "content": "[[answer: On it goes.]]"}]
    need(create(history).output_text == "On it goes.")


@scenario("a response is made in the background")
def _():
    r = create("[[answer: granite]]", background=True)
    need(r.status == "queued", r)
    while r.status in ("queued", "in_progress"):
        r = client.responses.retrieve(r.id)
    need(r.status == "completed" and r.output_text == "granite", r)
    slow = create("[[fault: latency=60s]] x", background=True)
    need(client.responses.cancel(slow.id).status == "cancelled")


@scenario("a stream in the background is left and resumed")
def _():
    stream = create("[[answer: granite and basalt and gneis]]", background=True, stream=True)
    seen = []
    for e in stream:
        seen.append(e)
        if e.type == "response.output_text.delta":
            break
    stream.close()
    id = seen[0].response.id
    seen += client.responses.retrieve(id, stream=True, starting_after=seen[-1].sequence_number)
    need([e.sequence_number for e in seen] == list(range(len(seen))), [e.sequence_number for e in seen])
    need("".join(e.delta for e in seen if e.type == "response.output_text.delta") == "granite and basalt and gneis", seen)
    need(seen[-1].type == "response.completed" and seen[-1].response.id == id, seen[-1])
    need(client.responses.retrieve(id).output_text == "granite and basalt and gneis")


@scenario("a conversation keeps its items")
def _():
    c = client.conversations.create(metadata={"a": "b"}, items=[{"role": "user", "content": "Hi"}])
    create("Go on.", conversation=c.id)
    need([i.type for i in client.conversations.items.list(c.id, order="asc")] == ["message"] * 3)
    need(client.conversations.delete(c.id).deleted)


@scenario("a response that breaks off fails, and never claims an end")
def _():
    types = [e.type for e in create("[[fault: cut=reset after=3]] [[words: 60]]", stream=True)]
    need(types[-1] == "response.failed" and "response.completed" not in types, types)


@scenario("errors name the parameter")
def _():
    api.refuses()


run()
