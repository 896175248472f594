"""LangChain's ChatBedrockConverse through the gateway."""

import botocore.exceptions
from door import BREAKS, DENIED, HELLO, LONG, MODEL, REGION, WEATHER, weather
from langchain_aws import ChatBedrockConverse
from langchain_core.messages import HumanMessage, ToolMessage
from langchain_core.tools import tool
from scenario import need, raises, run, scenario

chat = ChatBedrockConverse(model=MODEL, region_name=REGION, provider="anthropic", disable_streaming=False)


@tool
def get_weather(city: str) -> str:
    """The weather in a city now."""
    return weather(city)


@scenario("a response")
def _():
    r = chat.invoke(HELLO)
    need(r.content == "You said: " + HELLO and r.usage_metadata["output_tokens"] > 0, r)


@scenario("a stream")
def _():
    pieces = list(chat.stream(LONG))
    text = "".join(p.text if isinstance(p.text, str) else p.text() for p in pieces)
    need(len(pieces) > 5 and len(text.split()) == 60, text)


@scenario("a tool loop")
def _():
    bound = chat.bind_tools([get_weather])
    first = bound.invoke(WEATHER)
    need([c["args"]["city"] for c in first.tool_calls] == ["Paris", "Tokyo"], first)
    results = [ToolMessage(get_weather.invoke(c["args"]), tool_call_id=c["id"]) for c in first.tool_calls]
    last = bound.invoke([HumanMessage(WEATHER), first, *results])
    need("sunny in Tokyo" in str(last.content), last)


@scenario("a tool call, streamed")
def _():
    whole = None
    for piece in chat.bind_tools([get_weather]).stream(WEATHER):
        whole = piece if whole is None else whole + piece
    need([c["args"]["city"] for c in whole.tool_calls] == ["Paris", "Tokyo"], whole)


@scenario("a refusal")
def _():
    e = raises(botocore.exceptions.ClientError, chat.invoke, DENIED)
    need(e.response["Error"]["Code"] == "AccessDeniedException", e.response)


@scenario("an unknown model")
def _():
    other = ChatBedrockConverse(model="not/configured", region_name=REGION, provider="anthropic")
    e = raises(botocore.exceptions.ClientError, other.invoke, HELLO)
    need(e.response["Error"]["Code"] == "ResourceNotFoundException", e.response)


@scenario("a stream that breaks off")
def _():
    e = raises(botocore.exceptions.EventStreamError, lambda: list(chat.stream(BREAKS)))
    need(e.response["Error"]["Code"] == "modelStreamErrorException", e.response)


run()
