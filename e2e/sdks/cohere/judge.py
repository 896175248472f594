"""Judges Cohere's chat and embed APIs by the types and the client of Cohere's SDK.

With an address as its argument it asks the server there, whole and streamed, and prints what the SDK reads; with the
word embed behind it, it asks for embeddings. Without one it reads bodies of requests, one a line, and prints what their
types do not accept.
"""

import inspect
import json
import sys
import typing

import cohere
from cohere.types import CitationOptions, ResponseFormatV2, Thinking, ToolV2
from cohere.types.chat_message_v2 import ChatMessageV2
from pydantic import BaseModel, TypeAdapter, ValidationError

MEMBERS = {
    "messages": list[ChatMessageV2],
    "tools": list[ToolV2],
    "response_format": ResponseFormatV2,
    "thinking": Thinking,
    "citation_options": CitationOptions,
    "stop_sequences": list[str],
    "max_tokens": int,
    "seed": int,
    "k": int,
    "p": float,
    "temperature": float,
    "frequency_penalty": float,
    "presence_penalty": float,
    "strict_tools": bool,
    "stream": bool,
    "model": str,
    "tool_choice": typing.Literal["REQUIRED", "NONE"],
    "safety_mode": typing.Literal["CONTEXTUAL", "STRICT", "OFF"],
    "documents": list[typing.Union[str, cohere.Document]],
}

EMBED = {
    "model": str,
    "input_type": typing.Literal["search_document", "search_query", "classification", "clustering", "image"],
    "texts": list[str],
    "images": list[str],
    "inputs": list[cohere.EmbedInput],
    "max_tokens": int,
    "output_dimension": int,
    "embedding_types": list[typing.Literal["float", "int8", "uint8", "binary", "ubinary", "base64"]],
    "truncate": typing.Literal["NONE", "START", "END"],
    "priority": int,
}


def unknown(value, path):
    """Yields the members that the types do not have: the SDK keeps them."""
    if isinstance(value, list):
        for i, v in enumerate(value):
            yield from unknown(v, f"{path}[{i}]")
    elif isinstance(value, BaseModel):
        for name in value.model_extra or {}:
            yield f"{path}.{name}"
        for name in type(value).model_fields:
            yield from unknown(getattr(value, name), f"{path}.{name}")


def judge(body):
    method, members = (cohere.ClientV2.embed, EMBED) if "input_type" in body else (cohere.ClientV2.chat, MEMBERS)
    parameters = set(inspect.signature(method).parameters) | {"stream"}
    for name, value in body.items():
        if name not in members or name not in parameters:
            yield f"{name} is no member of the request"
            continue
        try:
            read = TypeAdapter(members[name]).validate_python(value)
        except ValidationError as e:
            yield f"{name}: {e}"
            continue
        for path in unknown(read, name):
            yield f"{path} is no member"


def calls(message):
    return [[c.id, c.function.name, c.function.arguments] for c in message.tool_calls or []]


def whole(client):
    r = client.chat(model="rock", messages=[{"role": "user", "content": "Hi"}])
    extra = list(unknown(r, "response"))
    content = r.message.content or []
    return {
        "thinking": "".join(c.thinking for c in content if c.type == "thinking"),
        "text": "".join(c.text for c in content if c.type == "text") + (r.message.tool_plan or ""),
        "calls": calls(r.message),
        "finish": r.finish_reason,
        "usage": [r.usage.tokens.input_tokens, r.usage.tokens.output_tokens],
        "unknown": extra,
    }


def streamed(client):
    out = {"thinking": "", "text": "", "calls": [], "finish": None, "usage": None, "unknown": []}
    for e in client.chat_stream(model="rock", messages=[{"role": "user", "content": "Hi"}]):
        out["unknown"] += unknown(e, e.type)
        if e.type == "content-delta":
            out["thinking"] += e.delta.message.content.thinking or ""
            out["text"] += e.delta.message.content.text or ""
        elif e.type == "tool-plan-delta":
            out["text"] += e.delta.message.tool_plan
        elif e.type == "tool-call-start":
            call = e.delta.message.tool_calls
            out["calls"].append([call.id, call.function.name, call.function.arguments])
        elif e.type == "tool-call-delta":
            out["calls"][-1][2] += e.delta.message.tool_calls.function.arguments
        elif e.type == "message-end":
            out["finish"] = e.delta.finish_reason
            out["usage"] = [e.delta.usage.tokens.input_tokens, e.delta.usage.tokens.output_tokens]
    return out


def embedded(client):
    r = client.embed(model="rock", input_type="search_document", texts=["granite"], embedding_types=["float"])
    return {"vectors": r.embeddings.float_, "tokens": r.meta.billed_units.input_tokens, "unknown": list(unknown(r, "response"))}


if len(sys.argv) > 2:
    print(json.dumps(embedded(cohere.ClientV2(base_url=sys.argv[1], api_key="unused"))))
elif len(sys.argv) > 1:
    client = cohere.ClientV2(base_url=sys.argv[1], api_key="unused")
    print(json.dumps([whole(client), streamed(client)]))
else:
    judged = 0
    for line in sys.stdin:
        for fault in judge(json.loads(line)):
            print(fault)
        judged += 1
    print(f"judged {judged}", file=sys.stderr)
