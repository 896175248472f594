"""Judges requests, responses and events by the types of a vendor's own SDK.

The argument is the SDK: openai, anthropic or google. Each line of the input is {"what", "where", "body"}. What a
type does not accept, and members that it does not have, are lines of the output.
"""

import json
import sys

import pydantic
import typing_extensions
from pydantic import BaseModel, TypeAdapter, ValidationError

# Members beyond the types, by the class that has them.
ADDED = {
    # what a gateway adds, as docs/requests.md lists it
    "ChatCompletion": {"outcrop", "provider_specific_fields"},
    "ChatCompletionChunk": {"outcrop", "provider_specific_fields"},
    "Choice": {"provider_specific_fields"},
    "ChatCompletionMessage": {"reasoning_content", "thinking_blocks", "provider_specific_fields"},
    "ChoiceDelta": {"reasoning_content", "thinking_blocks", "provider_specific_fields", "annotations"},  # OpenAI's search models stream annotations too
    "ChatCompletionMessageFunctionToolCall": {"index"},
    "CompletionUsage": {"provider_specific_fields", "cost", "cache_read_input_tokens", "cache_creation_input_tokens"},
    "PromptTokensDetails": {"cache_creation_tokens"},
    "CompletionTokensDetails": {"text_tokens"},
    # what OpenAI sends, and its reference has
    "Response": {"store", "outcrop"},
    "ResponseFunctionCallArgumentsDoneEvent": {"name"},
    # Bedrock tells the tier and what was written to the cache only at the end of a stream
    "MessageDeltaUsage": {"service_tier", "cache_creation"},
    "Message": {"outcrop"},
    "RawMessageDeltaEvent": {"outcrop"},
}

# Anthropic's SDK 2 has no types of the sampling parameters, which the API takes for models before Claude 4.6.
SAMPLING = {"temperature", "top_p", "top_k"}

# Where a cloud serves Claude, the body has a version, and the path the model.
CLOUD = {"anthropic_version", "anthropic_beta"}


def strict_dicts(package):
    """Forbids unknown members in every TypedDict of a package's types."""
    for name, module in list(sys.modules.items()):
        if not name.startswith(package + ".types"):
            continue
        for value in list(vars(module).values()):
            if typing_extensions.is_typeddict(value):
                value.__pydantic_config__ = pydantic.ConfigDict(extra="forbid", arbitrary_types_allowed=True)


def exhaust(value):
    """Reads iterators, whose elements pydantic validates only then."""
    if isinstance(value, dict):
        for v in value.values():
            exhaust(v)
    elif hasattr(value, "__next__") or isinstance(value, (list, tuple)):
        for v in value:
            exhaust(v)


def unknown(value, at=""):
    """The members of a response that the types do not have."""
    if isinstance(value, BaseModel):
        for name in value.__pydantic_extra__ or {}:
            if name not in ADDED.get(type(value).__name__, ()):
                yield f"{at}.{name} is no member of {type(value).__name__}"
        for name in type(value).model_fields:
            yield from unknown(getattr(value, name), f"{at}.{name}")
    elif isinstance(value, list):
        for v in value:
            yield from unknown(v, at + "[]")


ADAPTERS = {}


def adapter(kind):
    if kind not in ADAPTERS:
        ADAPTERS[kind] = TypeAdapter(kind)
    return ADAPTERS[kind]


def request(kinds, body):
    """What is wrong with a request, which may be of any of the kinds."""
    faults = []
    for kind in kinds:
        try:
            exhaust(adapter(kind).validate_python(body))
            return []
        except ValidationError as e:
            faults.append("; ".join(f"{'.'.join(map(str, x['loc']))}: {x['msg']}" for x in e.errors()[:6]))
    return [min(faults, key=len)]


def response(kind, body):
    try:
        return list(unknown(adapter(kind).validate_python(body, strict=True)))
    except ValidationError as e:
        return ["; ".join(f"{'.'.join(map(str, x['loc']))}: {x['msg']}" for x in e.errors()[:6])]


def openai():
    from openai.types import chat, responses
    from openai.types.chat import completion_create_params as params
    from openai.types.responses import response_create_params as inputs

    strict_dicts("openai")

    def judge(what, body):
        if what == "chat request":
            body = dict(body)
            kind = params.CompletionCreateParamsStreaming if body.get("stream") else params.CompletionCreateParamsNonStreaming
            return request([kind], body)
        if what == "responses request":
            return request([inputs.ResponseCreateParamsStreaming if body.get("stream") else inputs.ResponseCreateParamsNonStreaming], dict(body))
        return response({
            "chat answer": chat.ChatCompletion, "chat event": chat.ChatCompletionChunk,
            "responses answer": responses.Response, "responses event": responses.ResponseStreamEvent,
        }[what], body)

    return judge


def anthropic():
    from anthropic.types import Message, RawMessageStreamEvent, message_create_params as params
    from anthropic.types.beta import message_create_params as beta

    strict_dicts("anthropic")

    def judge(what, body):
        if what == "messages request":
            body = {k: v for k, v in body.items() if k not in SAMPLING | CLOUD}
            body.setdefault("model", "claude-of-the-path")
            if body.get("stream"):
                kinds = [params.MessageCreateParamsStreaming, beta.MessageCreateParamsStreaming]
            else:
                kinds = [params.MessageCreateParamsNonStreaming, beta.MessageCreateParamsNonStreaming]
            return request(kinds, body)
        return response({"messages answer": Message, "messages event": RawMessageStreamEvent}[what], body)

    return judge


def google():
    from google.genai import types

    members = {
        "contents": list[types.Content], "systemInstruction": types.Content, "tools": list[types.Tool], "toolConfig": types.ToolConfig,
        "generationConfig": types.GenerationConfig, "safetySettings": list[types.SafetySetting], "cachedContent": str, "labels": dict[str, str],
    }

    def text(kind, body):
        try:
            adapter(kind).validate_json(json.dumps(body), strict=False)
            return []
        except ValidationError as e:
            return ["; ".join(f"{'.'.join(map(str, x['loc']))}: {x['msg']}" for x in e.errors()[:6])]

    def judge(what, body):
        if what != "gemini request":
            return text(types.GenerateContentResponse, body)
        faults = [f"{name} is no member of the request" for name in body if name not in members]
        for name in members:
            if name in body:
                faults += [f"{name}: {fault}" for fault in text(members[name], body[name])]
        return faults

    return judge


judge = {"openai": openai, "anthropic": anthropic, "google": google}[sys.argv[1]]()
judged = 0
for line in sys.stdin:
    call = json.loads(line)
    for fault in judge(call["what"], call["body"]):
        print(f"{call['where']}: {fault}")
    judged += 1
print(f"judged {judged}", file=sys.stderr)
