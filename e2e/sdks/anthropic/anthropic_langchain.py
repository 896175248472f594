"""LangChain's ChatAnthropic."""

import base64

import anthropic
from client import BREAKS, DENIED, DESCRIBE, ENDLESS, HELLO, KEY, LONG, MODEL, THROTTLED, URL, WEATHER, Stone, answered, leaves, weather
from langchain_anthropic import ChatAnthropic
from langchain_core.messages import HumanMessage
from langchain_core.tools import tool
from media import PDF, png
from scenario import need, raises, run, scenario


def chat(model=MODEL, key=KEY, **more):
    return ChatAnthropic(model=model, base_url=URL, api_key=key, max_tokens=4000, max_retries=0, timeout=120, **more)


@tool
def get_weather(city: str) -> str:
    """The weather in a city now."""
    return weather(city)


def streamed(model, messages):
    pieces = list(model.stream(messages))
    whole = pieces[0]
    for p in pieces[1:]:
        whole += p
    return pieces, whole


def loop(ask):
    messages = [HumanMessage(WEATHER)]
    messages.append(ask(messages))
    calls = messages[-1].tool_calls
    need([c["args"] for c in calls] == [{"city": "Paris"}, {"city": "Tokyo"}], messages[-1])
    messages += [get_weather.invoke(c) for c in calls]
    answered(ask(messages).text)
    return messages[1]


@scenario("a response: invoke")
def _():
    r = chat().invoke(HELLO)
    need(r.text == "You said: " + HELLO and r.usage_metadata["output_tokens"] > 0, r)


@scenario("a stream: stream")
def _():
    pieces, r = streamed(chat(), LONG)
    need(len(pieces) > 4 and len(r.text.split()) == 60 and r.usage_metadata["output_tokens"] > 0, r)


@scenario("a tool loop: bind_tools, invoke")
def _():
    loop(chat().bind_tools([get_weather]).invoke)


@scenario("a tool loop, streamed: bind_tools, stream")
def _():
    m = chat().bind_tools([get_weather])
    loop(lambda messages: streamed(m, messages)[1])


THINKING = {"type": "enabled", "budget_tokens": 2000}


def thought(r):
    need([b for b in r.content if b["type"] == "thinking" and b["thinking"] and b["signature"]], r)


@scenario("thinking in a tool loop: invoke")
def _():
    thought(loop(chat(thinking=THINKING).bind_tools([get_weather]).invoke))


@scenario("thinking in a streamed tool loop: stream")
def _():
    m = chat(thinking=THINKING).bind_tools([get_weather])
    thought(loop(lambda messages: streamed(m, messages)[1]))


def shown(kind, media_type, data):
    return chat().invoke([HumanMessage([{"type": "text", "text": "What is this?"}, {"type": kind, "mime_type": media_type, "base64": base64.b64encode(data).decode()}])]).text


@scenario("an image: a content block of base64")
def _():
    text = shown("image", "image/png", png())
    need(f"an image (png, {len(png())} bytes)" in text, text)


@scenario("a PDF: a content block of base64")
def _():
    text = shown("file", "application/pdf", PDF)
    need(f"{len(PDF)} bytes" in text, text)


@scenario("structured output: with_structured_output, json_schema")
def _():
    stone = chat().with_structured_output(Stone, method="json_schema").invoke(DESCRIBE)
    need(isinstance(stone, Stone) and stone.hardness == 7, stone)


@scenario("structured output: with_structured_output, function_calling")
def _():
    stone = chat().with_structured_output(Stone, method="function_calling").invoke(DESCRIBE)
    need(isinstance(stone, Stone), stone)


@scenario("counting tokens: get_num_tokens_from_messages")
def _():
    n = chat().get_num_tokens_from_messages([HumanMessage(HELLO)])
    need(n > 0, n)


@scenario("a wrong key")
def _():
    raises(anthropic.AuthenticationError, chat(key="wrong").invoke, HELLO)


@scenario("an unknown model")
def _():
    e = raises(anthropic.NotFoundError, chat("not-configured").invoke, HELLO)
    need("not-configured" in str(e), e)


@scenario("a refusal")
def _():
    raises(anthropic.PermissionDeniedError, chat().invoke, DENIED)


@scenario("a throttle")
def _():
    raises(anthropic.RateLimitError, chat().invoke, THROTTLED)


@scenario("an overload")
def _():
    e = raises(anthropic.InternalServerError, chat().invoke, "[[fault: unavailable]]")
    need(e.status_code == 529, e)


@scenario("a stream that breaks off")
def _():
    got = []

    def read():
        got.extend(chat().stream(BREAKS))

    raises(anthropic.APIError, read)


@scenario("leaving in mid-stream: stream")
def _():
    def leave():
        s = chat().stream(ENDLESS)
        need(any(p.text for p in s), s)
        s.close()

    leaves(leave)


run()
