"""LangChain with the Responses API (API=responses) or Gemini's (API=gemini) of the gateway."""

import os

from client import BREAKS, DESCRIBE, HELLO, KEY, LONG, MODEL, THROTTLED, URL, WEATHER, Stone, answered, weather
from langchain_core.messages import HumanMessage
from langchain_core.tools import tool
from media import png, uri
from scenario import need, raises, run, scenario

if os.environ["API"] == "responses":
    import openai
    from langchain_openai import ChatOpenAI

    REFUSED, BROKEN = openai.RateLimitError, ValueError
    THINKING = {"reasoning": {"effort": "low", "summary": "auto"}, "include": ["reasoning.encrypted_content"], "store": False}

    def chat(**more):
        return ChatOpenAI(model=MODEL, base_url=URL + "/v1", api_key=KEY, max_retries=0, use_responses_api=True, **more)
else:
    from langchain_google_genai import ChatGoogleGenerativeAI
    from langchain_google_genai.chat_models import ChatGoogleGenerativeAIError, GoogleAPIError

    REFUSED = BROKEN = (ChatGoogleGenerativeAIError, GoogleAPIError)
    THINKING = {"thinking_budget": 1024, "include_thoughts": True, "max_output_tokens": 4000}

    def chat(**more):
        return ChatGoogleGenerativeAI(model=MODEL, base_url=URL, api_key=KEY, max_retries=1, **more)


@tool
def get_weather(city: str) -> str:
    """The weather in a city now."""
    return weather(city)


def gathered(chunks):
    """The combined chunks of a stream."""
    total = None
    for c in chunks:
        total = c if total is None else total + c
    return total


def loop(ask):
    """Runs a tool loop, and gives the first answer."""
    messages = [HumanMessage(WEATHER)]
    messages.append(ask(messages))
    need([c["args"] for c in messages[-1].tool_calls] == [{"city": "Paris"}, {"city": "Tokyo"}], messages[-1])
    messages += [get_weather.invoke(c) for c in messages[-1].tool_calls]
    answered(ask(messages).text)
    return messages[1]


@scenario("a chat")
def _():
    m = chat().invoke([("system", "Be brief."), ("user", HELLO)])
    need(m.text == "You said: " + HELLO and m.usage_metadata["input_tokens"] > 0 and m.usage_metadata["output_tokens"] > 0, m)


@scenario("a stream")
def _():
    chunks = list(chat().stream(LONG))
    m = gathered(chunks)
    need(len(chunks) > 5 and len(m.text.split()) == 60 and m.usage_metadata["output_tokens"] > 0, m)


@scenario("a tool loop")
def _():
    loop(chat().bind_tools([get_weather]).invoke)


@scenario("a tool loop, streamed")
def _():
    model = chat().bind_tools([get_weather])
    loop(lambda messages: gathered(model.stream(messages)))


@scenario("an image")
def _():
    image = png()
    data = uri("image/png", image).split(",")[1]
    m = chat().invoke([HumanMessage(content_blocks=[{"type": "text", "text": "What is this?"}, {"type": "image", "base64": data, "mime_type": "image/png"}])])
    need(f"an image (png, {len(image)} bytes)" in m.text, m)


@scenario("structured output")
def _():
    model = chat().with_structured_output(Stone, method="json_schema")
    for stone in (model.invoke(DESCRIBE), list(model.stream(DESCRIBE))[-1]):
        need(isinstance(stone, Stone) and stone.hardness == 7, stone)


@scenario("a refusal")
def _():
    need("hrottl" in str(e := raises(REFUSED, chat().invoke, THROTTLED)) or "oo many requests" in str(e), e)


@scenario("a stream that breaks off")
def _():
    got = []
    raises(BROKEN, lambda: got.extend(c.text for c in chat().stream(BREAKS)))


@scenario("reasoning in a tool loop")
def _():
    model = chat(**THINKING).bind_tools([get_weather])
    for ask in (model.invoke, lambda messages: gathered(model.stream(messages))):
        first = loop(ask)
        need(any(b["type"] == "reasoning" for b in first.content_blocks), first.content)


run()
