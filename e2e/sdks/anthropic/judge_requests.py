"""Judges bodies of the Messages API by the types of Anthropic's SDK: each line of the input is {"path", "body"}.

Each body that the types do not accept is a line of the output.
"""

import json
import sys
import typing

from anthropic.types import message_count_tokens_params, message_create_params
from anthropic.types.beta import message_create_params as beta
from pydantic import TypeAdapter, ValidationError


def exhaust(value):
    """Reads iterators, whose elements pydantic validates only then."""
    if isinstance(value, dict):
        for v in value.values():
            exhaust(v)
    elif hasattr(value, "__next__") or isinstance(value, (list, tuple)):
        for v in value:
            exhaust(v)


# SDK 2 has no types of the sampling parameters, which the newest models do not take and the API still does.
SAMPLING = {"temperature", "top_p", "top_k"}

ADAPTERS = {}


def validate(kind, body):
    """Validates a body; the adapter is kept, because the iterators in the result need it."""
    adapter = ADAPTERS.setdefault(kind, TypeAdapter(kind))
    exhaust(adapter.validate_python(body))


def known(cls):
    return set(typing.get_type_hints(cls))


judged = 0
for line in sys.stdin:
    call = json.loads(line)
    body = call["body"]
    if call["path"].endswith("count_tokens"):
        kinds = [message_count_tokens_params.MessageCountTokensParams]
    elif body.get("stream"):
        kinds = [message_create_params.MessageCreateParamsStreaming, beta.MessageCreateParamsStreaming]
    else:
        kinds = [message_create_params.MessageCreateParamsNonStreaming, beta.MessageCreateParamsNonStreaming]
    faults = []
    for kind in kinds:
        extra = set(body) - known(kind) - SAMPLING
        if extra:
            faults.append(f"{sorted(extra)} are no members of the request")
            continue
        try:
            validate(kind, body)
            faults = []
            break
        except ValidationError as e:
            faults.append(str(e)[:2000])
    for fault in faults:
        print(call["path"], fault)
    judged += 1
print(f"judged {judged}", file=sys.stderr)
