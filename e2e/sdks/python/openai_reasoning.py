"""Reasoning with its signatures, over several turns."""

import openai
from gateway import WEATHER, chat, user
from scenario import need, raises, scenario

THINKING = {"thinking": {"type": "enabled", "budget_tokens": 1024}}
ASK = "What is the weather in Paris?"


def signed(blocks):
    """Whether there is one thinking block with a text and a signature."""
    return len(blocks) == 1 and blocks[0]["type"] == "thinking" and len(blocks[0]["thinking"]) > 10 and len(blocks[0]["signature"]) > 20


def back(message):
    """A message of the assistant as a client sends it back."""
    return message.model_dump(exclude_none=True)


def result(message, text):
    return {"role": "tool", "tool_call_id": message.tool_calls[0].id, "content": text}


@scenario("thinking comes with its signature")
def _():
    m = chat("What is granite?", extra_body=THINKING).choices[0].message
    need(signed(m.thinking_blocks) and m.reasoning_content == m.thinking_blocks[0]["thinking"], m)
    need(m.content == "You said: What is granite?", m)


@scenario("signatures go back over turns with tools")
def _():
    history = [user(ASK)]
    for city in ("Paris", "Tokyo"):
        m = chat(history, tools=[WEATHER], extra_body=THINKING).choices[0].message
        need(signed(m.thinking_blocks) and len(m.tool_calls) == 1, m)
        history += [back(m), result(m, f"rain in {city}")]
        m = chat(history, tools=[WEATHER], extra_body=THINKING).choices[0].message
        need(signed(m.thinking_blocks) and f"rain in {city}" in m.content, m)
        history += [back(m), user("And the weather in Tokyo?")]
    need(sum("thinking_blocks" in h for h in history) == 4, history)


@scenario("thinking streams with its signature, and goes back")
def _():
    text, signature, calls = "", "", []
    for c in chat(ASK, tools=[WEATHER], extra_body=THINKING, stream=True):
        d = c.choices[0].delta
        for b in getattr(d, "thinking_blocks", None) or []:
            need(b["type"] == "thinking" and not calls, b)
            need(b.get("thinking", "") == (getattr(d, "reasoning_content", None) or ""), d)
            text, signature = text + b.get("thinking", ""), signature + b.get("signature", "")
        for piece in d.tool_calls or []:
            if piece.id:
                calls.append({"id": piece.id, "type": "function", "function": {"name": piece.function.name, "arguments": ""}})
            calls[-1]["function"]["arguments"] += piece.function.arguments or ""
    blocks = [{"type": "thinking", "thinking": text, "signature": signature}]
    need(signed(blocks) and len(calls) == 1, blocks, calls)
    reply = {"role": "assistant", "content": None, "tool_calls": calls, "thinking_blocks": blocks}
    m = chat([user(ASK), reply, {"role": "tool", "tool_call_id": calls[0]["id"], "content": "rain"}], tools=[WEATHER], extra_body=THINKING).choices[0].message
    need("rain" in m.content, m)


@scenario("reasoning_effort asks for thinking")
def _():
    m = chat("What is granite?", reasoning_effort="low").choices[0].message
    need(signed(m.thinking_blocks) and m.reasoning_content, m)
    m = chat("What is granite?", reasoning_effort="none").choices[0].message
    need(not getattr(m, "thinking_blocks", None), m)


@scenario("an edited signature is refused")
def _():
    m = chat(ASK, tools=[WEATHER], extra_body=THINKING).choices[0].message
    edited = back(m)
    s = edited["thinking_blocks"][0]["signature"]
    edited["thinking_blocks"][0]["signature"] = ("B" if s[0] == "A" else "A") + s[1:]
    e = raises(openai.BadRequestError, chat, [user(ASK), edited, result(m, "rain")], tools=[WEATHER], extra_body=THINKING)
    need("Invalid `signature` in `thinking` block" in e.message, e)
