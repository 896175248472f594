"""Judges Ollama's chat and embed APIs by the types and the client of Ollama's SDK.

With an address as its argument it asks the server there, whole and streamed, and prints what the SDK reads; with the
word embed behind it, it asks for embeddings. Without one it reads bodies of requests, one a line, and prints what their
types do not accept.
"""

import base64
import json
import sys

import ollama
from ollama._types import ChatRequest, EmbedRequest, Options
from pydantic import BaseModel, ValidationError

# SDK 0.6.3 has no ids of calls, which servers have since 2025-12.
NEWER = {"tool_call_id", "tool_calls[].id"}


def unknown(value, read, path=""):
    """Yields the members that the types do not have, as far as the SDK's types say what may be there."""
    if isinstance(value, list) and isinstance(read, (list, tuple)):
        for v, r in zip(value, read):
            yield from unknown(v, r, path + "[]")
    elif isinstance(value, dict) and isinstance(read, BaseModel):
        names = {f.alias or n: n for n, f in type(read).model_fields.items()}
        for name, v in value.items():
            inner = f"{path}.{name}" if path else name
            if name not in names:
                if inner.removeprefix("messages[].") not in NEWER:
                    yield inner
            elif name not in ("parameters", "format"):
                yield from unknown(v, getattr(read, names[name]), inner)


def judge(body):
    try:
        read = (EmbedRequest if "input" in body else ChatRequest).model_validate(body)
        options = Options.model_validate(body.get("options") or {})
    except ValidationError as e:
        yield str(e)
        return
    for m in body.get("messages") or []:
        for image in m.get("images") or []:
            base64.b64decode(image, validate=True)
    yield from unknown(body, read)
    yield from unknown(body.get("options") or {}, options, "options")


def take(out, r):
    out["thinking"] += r.message.thinking or ""
    out["text"] += r.message.content or ""
    for c in r.message.tool_calls or []:
        out["calls"].append([c.function.name, json.dumps(c.function.arguments, separators=(",", ":"))])
    if r.done:
        out["finish"] = r.done_reason
        out["usage"] = [r.prompt_eval_count, r.eval_count]


def empty():
    return {"thinking": "", "text": "", "calls": [], "finish": None, "usage": None}


if len(sys.argv) > 2:
    r = ollama.Client(host=sys.argv[1]).embed(model="rock", input=["granite"])
    print(json.dumps({"vectors": r.embeddings, "tokens": r.prompt_eval_count}))
elif len(sys.argv) > 1:
    client = ollama.Client(host=sys.argv[1])
    question = {"model": "rock", "messages": [{"role": "user", "content": "Hi"}]}
    whole, streamed = empty(), empty()
    take(whole, client.chat(**question))
    for piece in client.chat(**question, stream=True):
        take(streamed, piece)
    print(json.dumps([whole, streamed]))
else:
    judged = 0
    for line in sys.stdin:
        for fault in judge(json.loads(line)):
            print(fault)
        judged += 1
    print(f"judged {judged}", file=sys.stderr)
