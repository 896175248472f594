"""Judges bodies of OpenAI's API by the types of its SDK: each line of the input is {"path", "body"}.

Each body that the types do not accept is a line of the output.
"""

import json
import sys
import typing

from openai.types import batch_create_params, completion_create_params, image_generate_params, moderation_create_params
from openai.types.audio import speech_create_params
from openai.types.chat import completion_create_params as chat_create_params
from pydantic import TypeAdapter, ValidationError

KINDS = {
    "/v1/chat/completions": [chat_create_params.CompletionCreateParamsStreaming, chat_create_params.CompletionCreateParamsNonStreaming],
    "/v1/completions": [completion_create_params.CompletionCreateParamsStreaming, completion_create_params.CompletionCreateParamsNonStreaming],
    "/v1/images/generations": [image_generate_params.ImageGenerateParamsStreaming, image_generate_params.ImageGenerateParamsNonStreaming],
    "/v1/audio/speech": [speech_create_params.SpeechCreateParams],
    "/v1/moderations": [moderation_create_params.ModerationCreateParams],
    "/v1/batches": [batch_create_params.BatchCreateParams],
}


def exhaust(value):
    """Reads iterators, whose elements pydantic validates only then."""
    if isinstance(value, dict):
        for v in value.values():
            exhaust(v)
    elif hasattr(value, "__next__") or isinstance(value, (list, tuple)):
        for v in value:
            exhaust(v)


judged = 0
for line in sys.stdin:
    call = json.loads(line)
    body, faults = call["body"], []
    for kind in KINDS[call["path"]]:
        extra = set(body) - set(typing.get_type_hints(kind))
        if extra:
            faults.append(f"{sorted(extra)} are no members of the request")
            continue
        try:
            valid = TypeAdapter(kind).validate_python(body)
            valid.pop("prompt", None)  # pydantic takes the first kind of iterator for it, also for lists of lists
            exhaust(valid)
            faults = []
            break
        except ValidationError as e:
            faults.append(str(e)[:1000])
    for fault in faults:
        print(call["path"], fault)
    judged += 1
print(f"judged {judged}", file=sys.stderr)
