"""Tool calls: parallel, streamed, and a round trip."""

import json

from gateway import WEATHER, chat, user
from scenario import need, scenario

ASK = "What is the weather in Paris and Tokyo?"


def cities(calls):
    """The cities of calls that are otherwise correct."""
    need(len({c["id"] for c in calls}) == len(calls), calls)
    need(all(c["type"] == "function" and c["function"]["name"] == "get_weather" for c in calls), calls)
    return [json.loads(c["function"]["arguments"])["city"] for c in calls]


def assemble(chunks):
    """The calls of a stream, assembled according to OpenAI's documentation."""
    calls, finish = [], None
    for c in chunks:
        if not c.choices:
            continue
        finish = c.choices[0].finish_reason or finish
        for piece in c.choices[0].delta.tool_calls or []:
            if piece.index == len(calls):
                need(piece.id and piece.function.name, piece)
                calls.append({"id": piece.id, "type": piece.type, "function": {"name": piece.function.name, "arguments": ""}})
            need(piece.index == len(calls) - 1, piece, calls)
            calls[-1]["function"]["arguments"] += piece.function.arguments or ""
    return calls, finish


def answers(calls):
    return [{"role": "tool", "tool_call_id": c["id"], "content": f"sunny in {city}"} for c, city in zip(calls, cities(calls))]


@scenario("two tool calls come whole, side by side")
def _():
    r = chat(ASK, tools=[WEATHER])
    need(r.choices[0].finish_reason == "tool_calls", r)
    need(cities([c.model_dump() for c in r.choices[0].message.tool_calls]) == ["Paris", "Tokyo"], r)


@scenario("two tool calls come streamed and assemble to JSON")
def _():
    chunks = list(chat(ASK, tools=[WEATHER], stream=True))
    calls, finish = assemble(chunks)
    need(finish == "tool_calls" and cities(calls) == ["Paris", "Tokyo"], calls, finish)
    need(sum(bool(c.choices and c.choices[0].delta.tool_calls) for c in chunks) > 4, "arguments came in one piece")


@scenario("a tool choice by name is kept")
def _():
    r = chat("Hello.", tools=[WEATHER], tool_choice={"type": "function", "function": {"name": "get_weather"}})
    need([c.function.name for c in r.choices[0].message.tool_calls] == ["get_weather"], r)
    r = chat(ASK, tools=[WEATHER], tool_choice="none")
    need(not r.choices[0].message.tool_calls and r.choices[0].finish_reason == "stop", r)


@scenario("a tool round trip ends in text")
def _():
    first = chat(ASK, tools=[WEATHER])
    reply = first.choices[0].message
    history = [user(ASK), reply, *answers([c.model_dump() for c in reply.tool_calls])]
    last = chat(history, tools=[WEATHER]).choices[0]
    need(last.finish_reason == "stop" and not last.message.tool_calls, last)
    need("sunny in Paris" in last.message.content and "sunny in Tokyo" in last.message.content, last)


@scenario("a streamed tool round trip ends in text")
def _():
    calls, _ = assemble(chat(ASK, tools=[WEATHER], stream=True))
    history = [user(ASK), {"role": "assistant", "content": None, "tool_calls": calls}, *answers(calls)]
    text = "".join(c.choices[0].delta.content or "" for c in chat(history, tools=[WEATHER], stream=True) if c.choices)
    need("sunny in Paris" in text and "sunny in Tokyo" in text, text)
