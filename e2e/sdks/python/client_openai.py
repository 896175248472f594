"""OpenAI's SDK with its helpers: parse, and the stream that assembles the response."""

import json

import openai
from client import BREAKS, DESCRIBE, EMBEDS, ENDLESS, HELLO, HELLO_TOKENS, KEY, LONG, MODEL, ROCKS, THROTTLED, URL, WEATHER, Stone, alike, answered, leaves, weather
from media import png, uri
from pydantic import BaseModel
from scenario import need, raises, run, scenario

client = openai.OpenAI(base_url=URL + "/v1", api_key=KEY, max_retries=0, timeout=120)
chats = client.chat.completions


class GetWeather(BaseModel):
    """The weather in a city now."""

    city: str


TOOLS = [openai.pydantic_function_tool(GetWeather, name="get_weather")]


def user(content):
    return {"role": "user", "content": content}


def streamed(content, **more):
    """The events and the completion of one streamed call."""
    messages = content if isinstance(content, list) else [user(content)]
    with chats.stream(model=MODEL, messages=messages, stream_options={"include_usage": True}, **more) as stream:
        events = list(stream)
        return events, stream.get_final_completion()


def results(calls):
    """The results of the tools, for arguments parsed by the SDK."""
    need(all(isinstance(c.function.parsed_arguments, GetWeather) for c in calls), calls)
    return [{"role": "tool", "tool_call_id": c.id, "content": weather(c.function.parsed_arguments.city)} for c in calls]


@scenario("a chat: chat.completions.create")
def _():
    r = chats.create(model=MODEL, messages=[user(HELLO)])
    need(r.choices[0].message.content == "You said: " + HELLO and r.choices[0].finish_reason == "stop", r)
    need(r.usage.prompt_tokens > 0 and r.usage.completion_tokens > 0, r.usage)


@scenario("a stream: chat.completions.stream")
def _():
    events, r = streamed(LONG)
    deltas = [e for e in events if e.type == "content.delta"]
    need(len(deltas) > 4 and deltas[-1].snapshot == r.choices[0].message.content, events)
    need([e.content for e in events if e.type == "content.done"] == [r.choices[0].message.content], events)
    need(len(r.choices[0].message.content.split()) == 60 and r.choices[0].finish_reason == "stop", r)
    need(r.usage.completion_tokens > 0 and r.usage.total_tokens == r.usage.prompt_tokens + r.usage.completion_tokens, r.usage)


@scenario("a tool loop: chat.completions.parse, pydantic_function_tool")
def _():
    reply = chats.parse(model=MODEL, messages=[user(WEATHER)], tools=TOOLS).choices[0]
    need(reply.finish_reason == "tool_calls" and len(reply.message.tool_calls) == 2, reply)
    r = chats.parse(model=MODEL, messages=[user(WEATHER), reply.message, *results(reply.message.tool_calls)], tools=TOOLS)
    need(r.choices[0].finish_reason == "stop" and not r.choices[0].message.tool_calls, r)
    answered(r.choices[0].message.content)


@scenario("a tool loop, streamed: chat.completions.stream, pydantic_function_tool")
def _():
    events, r = streamed(WEATHER, tools=TOOLS)
    reply = r.choices[0].message
    done = [e for e in events if e.type == "tool_calls.function.arguments.done"]
    need([json.loads(e.arguments) for e in done] == [{"city": "Paris"}, {"city": "Tokyo"}] and r.usage, events)
    need(sum(e.type == "tool_calls.function.arguments.delta" for e in events) > 1, events)
    _, last = streamed([user(WEATHER), reply, *results(reply.tool_calls)], tools=TOOLS)
    answered(last.choices[0].message.content)


@scenario("an image: chat.completions.create, image_url")
def _():
    image = png()
    r = chats.create(model=MODEL, messages=[user([{"type": "text", "text": "What is this?"}, {"type": "image_url", "image_url": {"url": uri("image/png", image)}}])])
    need(f"an image (png, {len(image)} bytes)" in r.choices[0].message.content, r)


@scenario("structured output: chat.completions.parse, response_format=Stone")
def _():
    r = chats.parse(model=MODEL, messages=[user(DESCRIBE)], response_format=Stone)
    stone = r.choices[0].message.parsed
    need(isinstance(stone, Stone) and stone.hardness == 7, r)


@scenario("structured output, streamed: chat.completions.stream, response_format=Stone")
def _():
    events, r = streamed(DESCRIBE, response_format=Stone)
    need(sum(e.type == "content.delta" for e in events) > 1, events)
    stone = r.choices[0].message.parsed
    need(isinstance(stone, Stone) and stone.hardness == 7 and r.usage, r)


@scenario("structured output beside tools: chat.completions.parse")
def _():
    reply = chats.parse(model=MODEL, messages=[user(WEATHER)], tools=TOOLS, response_format=Stone).choices[0].message
    r = chats.parse(model=MODEL, messages=[user(WEATHER), reply, *results(reply.tool_calls)], tools=TOOLS, response_format=Stone)
    need(isinstance(r.choices[0].message.parsed, Stone), r)


@scenario("a refusal: RateLimitError")
def _():
    e = raises(openai.RateLimitError, chats.create, model=MODEL, messages=[user(THROTTLED)])
    need(e.status_code == 429 and "ThrottlingException" in e.message and e.body["outcrop"]["fix"], e.body)


@scenario("a stream that breaks off: APIError")
def _():
    got = []

    def read():
        with chats.stream(model=MODEL, messages=[user(BREAKS)]) as stream:
            got.extend(e for e in stream if e.type == "content.delta")

    e = raises(openai.APIError, read)
    need(got and e.message and e.body["outcrop"]["code"], got, e)


@scenario("leaving in mid-stream: with chat.completions.stream")
def _():
    def leave():
        with chats.stream(model=MODEL, messages=[user(ENDLESS)]) as stream:
            need(next(e for e in stream if e.type == "content.delta").delta, stream)

    leaves(leave)


@scenario("reasoning: chat.completions.parse, message.reasoning_content")
def _():
    m = chats.parse(model=MODEL, messages=[user(HELLO)], reasoning_effort="low", max_tokens=4000).choices[0].message
    need(m.content == "You said: " + HELLO and len(m.reasoning_content) > 10, m)


@scenario("reasoning: chat.completions.stream, message.reasoning_content")
def _():
    _, r = streamed(HELLO, reasoning_effort="low", max_tokens=4000)
    m = r.choices[0].message
    need(m.content == "You said: " + HELLO and len(m.reasoning_content) > 10, m)


@scenario("reasoning in a tool loop: chat.completions.parse, reasoning_effort")
def _():
    reply = chats.parse(model=MODEL, messages=[user(WEATHER)], tools=TOOLS, reasoning_effort="low", max_tokens=4000).choices[0].message
    need(reply.reasoning_content and reply.tool_calls, reply)
    r = chats.parse(model=MODEL, messages=[user(WEATHER), reply, *results(reply.tool_calls)], tools=TOOLS, reasoning_effort="low", max_tokens=4000)
    answered(r.choices[0].message.content)


@scenario("reasoning in a streamed tool loop: chat.completions.stream, reasoning_effort")
def _():
    _, r = streamed(WEATHER, tools=TOOLS, reasoning_effort="low", max_tokens=4000)
    reply = r.choices[0].message
    need(reply.reasoning_content and reply.tool_calls, reply)
    _, r = streamed([user(WEATHER), reply, *results(reply.tool_calls)], tools=TOOLS, reasoning_effort="low", max_tokens=4000)
    answered(r.choices[0].message.content)


@scenario("JSON mode: chat.completions.create, response_format={\"type\": \"json_object\"}")
def _():
    r = chats.create(model=MODEL, messages=[user("Describe granite as JSON.")], response_format={"type": "json_object"})
    need(isinstance(json.loads(r.choices[0].message.content), dict), r)


@scenario("several answers: chat.completions.create, n=2")
def _():
    r = chats.create(model=MODEL, messages=[user(HELLO)], n=2)
    need([c.index for c in r.choices] == [0, 1] and all(c.message.content for c in r.choices), r)


@scenario("embeddings: embeddings.create, encoding_format, dimensions")
def _():
    r = client.embeddings.create(model=EMBEDS, input=ROCKS)  # the SDK asks for base64
    need([d.index for d in r.data] == [0, 1, 2] and r.usage.prompt_tokens > 0 and r.model == EMBEDS, r.usage, r.model)
    alone = client.embeddings.create(model=EMBEDS, input=ROCKS[1], encoding_format="float").data[0].embedding
    alike(r.data[1].embedding, alone)
    need(r.data[0].embedding != r.data[2].embedding and len(alone) == 1024, len(alone))
    alike(client.embeddings.create(model=EMBEDS, input=[HELLO_TOKENS]).data[0].embedding, alone)
    need(len(client.embeddings.create(model=EMBEDS, input="granite", dimensions=256).data[0].embedding) == 256)
    e = raises(openai.BadRequestError, client.embeddings.create, model=EMBEDS, input="granite", dimensions=7)
    need(e.param == "dimensions" and e.body["outcrop"]["code"] == "gateway.unsupported", e.body)


run()
