"""Judges bodies of generateContent by the types of Google's SDK: each line of the input is {"path", "body"}.

Each body that the types do not accept is a line of the output.
"""

import json
import sys

from google.genai import types
from pydantic import TypeAdapter, ValidationError

MEMBERS = {
    "contents": list[types.Content],
    "systemInstruction": types.Content,
    "tools": list[types.Tool],
    "toolConfig": types.ToolConfig,
    "generationConfig": types.GenerationConfig,
    "safetySettings": list[types.SafetySetting],
    "cachedContent": str,
    "labels": dict[str, str],
}

judged = 0
for line in sys.stdin:
    call = json.loads(line)
    body = call["body"].get("generateContentRequest", call["body"])
    for name, value in body.items():
        if name == "model":
            continue
        if name not in MEMBERS:
            print(call["path"], name, "is no member of the request")
            continue
        try:
            TypeAdapter(MEMBERS[name]).validate_json(json.dumps(value), strict=False)
        except ValidationError as e:
            print(call["path"], name, str(e))
    judged += 1
print(f"judged {judged}", file=sys.stderr)
