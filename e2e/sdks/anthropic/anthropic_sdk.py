"""Anthropic's SDK for Python: Anthropic, or AnthropicBedrock if BEDROCK is set."""

import base64
import os

import anthropic
from client import BREAKS, DENIED, DESCRIBE, ENDLESS, HELLO, KEY, LONG, MODEL, THROTTLED, URL, WEATHER, Stone, answered, leaves, weather
from media import PDF, png
from scenario import need, raises, run, scenario

BEDROCK = bool(os.environ.get("BEDROCK"))


def make(key):
    if BEDROCK:
        return anthropic.AnthropicBedrock(base_url=URL, api_key=key, aws_region="us-east-1", max_retries=0, timeout=120)
    return anthropic.Anthropic(base_url=URL, api_key=key, max_retries=0, timeout=120)


client = make(KEY)
TOOLS = [{"name": "get_weather", "description": "The weather in a city now.", "input_schema": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}}]
THINKING = {"type": "enabled", "budget_tokens": 2000}


def user(content):
    return {"role": "user", "content": content}


def args(content, **more):
    return {"model": MODEL, "max_tokens": 4000, "messages": content if isinstance(content, list) else [user(content)], **more}


def create(content, **more):
    return client.messages.create(**args(content, **more))


def streamed(content, **more):
    with client.messages.stream(**args(content, **more)) as s:
        events = list(s)
        return events, s.get_final_message()


def text(message):
    return "".join(b.text for b in message.content if b.type == "text")


def results(message):
    calls = [b for b in message.content if b.type == "tool_use"]
    need([c.input for c in calls] == [{"city": "Paris"}, {"city": "Tokyo"}] and message.stop_reason == "tool_use", message)
    return user([{"type": "tool_result", "tool_use_id": c.id, "content": weather(c.input["city"])} for c in calls])


def loop(ask, **more):
    """A tool loop; the first message goes back as the SDK has it."""
    first = ask(WEATHER, tools=TOOLS, **more)
    last = ask([user(WEATHER), {"role": "assistant", "content": first.content}, results(first)], tools=TOOLS, **more)
    answered(text(last))
    return first


@scenario("a response: messages.create")
def _():
    r = create(HELLO)
    need(text(r) == "You said: " + HELLO and r.stop_reason == "end_turn", r)
    need(r.usage.input_tokens > 0 and r.usage.output_tokens > 0, r.usage)


@scenario("a stream: messages.stream")
def _():
    events, r = streamed(LONG)
    need(sum(e.type == "text" for e in events) > 4 and len(text(r).split()) == 60 and r.stop_reason == "end_turn", events)
    need(r.usage.input_tokens > 0 and r.usage.output_tokens > 0, r.usage)


@scenario("a tool loop: messages.create")
def _():
    loop(create)


@scenario("a tool loop, streamed: messages.stream")
def _():
    loop(lambda *a, **k: streamed(*a, **k)[1])


@scenario("thinking in a tool loop: messages.create")
def _():
    first = loop(create, thinking=THINKING)
    need(first.content[0].type == "thinking" and first.content[0].thinking and first.content[0].signature, first)


@scenario("thinking in a streamed tool loop: messages.stream")
def _():
    first = loop(lambda *a, **k: streamed(*a, **k)[1], thinking=THINKING)
    need(first.content[0].type == "thinking" and first.content[0].thinking and first.content[0].signature, first)


def medium(kind, media_type, data):
    return {"type": kind, "source": {"type": "base64", "media_type": media_type, "data": base64.b64encode(data).decode()}}


@scenario("an image: messages.create")
def _():
    image = png()
    r = create([user([{"type": "text", "text": "What is this?"}, medium("image", "image/png", image)])])
    need(f"an image (png, {len(image)} bytes)" in text(r), r)


@scenario("a PDF: messages.create")
def _():
    r = create([user([medium("document", "application/pdf", PDF), {"type": "text", "text": "What is this?"}])])
    need(f"{len(PDF)} bytes" in text(r), r)


@scenario("structured output: messages.parse, output_format")
def _():
    r = client.messages.parse(**args(DESCRIBE), output_format=Stone)
    need(isinstance(r.parsed_output, Stone) and r.parsed_output.hardness == 7, r)


if not BEDROCK:

    @scenario("counting tokens: messages.count_tokens")
    def _():
        n = client.messages.count_tokens(model=MODEL, messages=[user(HELLO)], tools=TOOLS).input_tokens
        need(n > client.messages.count_tokens(model=MODEL, messages=[user(HELLO)]).input_tokens > 0, n)


@scenario("a wrong key")
def _():
    kind = anthropic.PermissionDeniedError if BEDROCK else anthropic.AuthenticationError
    e = raises(kind, make("wrong").messages.create, **args(HELLO))
    need("key" in str(e), e)


@scenario("an unknown model")
def _():
    e = raises(anthropic.NotFoundError, client.messages.create, **{**args(HELLO), "model": "not-configured"})
    need("not-configured" in str(e), e)


@scenario("a refusal")
def _():
    e = raises(anthropic.PermissionDeniedError, client.messages.create, **args(DENIED))
    need(e.status_code == 403 and "access" in str(e), e)


@scenario("a throttle")
def _():
    e = raises(anthropic.RateLimitError, client.messages.create, **args(THROTTLED))
    need(e.status_code == 429, e)


@scenario("an overload")
def _():
    e = raises(anthropic.InternalServerError, client.messages.create, **args("[[fault: unavailable]]"))
    need(e.status_code == (503 if BEDROCK else 529), e)


@scenario("a stream that breaks off")
def _():
    got = []

    def read():
        with client.messages.stream(**args(BREAKS)) as s:
            got.extend(s.text_stream)

    e = raises(anthropic.APIError, read)
    need(got and str(e), got, e)


@scenario("leaving in mid-stream: messages.stream")
def _():
    def leave():
        with client.messages.stream(**args(ENDLESS)) as s:
            need(next(s.text_stream), s)

    leaves(leave)


run()
