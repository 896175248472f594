"""Validates requests to Converse and InvokeModel against botocore's service model of bedrock-runtime.

Each line of standard input is a request: {"method", "path",
"contentType", "body": base64}. Each fault is a line of standard output, {"fault",
"path", "body"}, and the last line has the number of requests, {"judged"}.

botocore's own validator finds members that are missing, unknown or of the wrong
type, and unions with none or several members. It leaves patterns, upper bounds
and enums to the service, so these are checked here, from the same model. The body of
InvokeModel is the model's own: it must be a JSON object, and not too long.
"""

import base64
import binascii
import json
import re
import sys
from urllib.parse import unquote

from botocore.loaders import Loader
from botocore.model import ServiceModel
from botocore.validate import ParamValidator

SERVICE = ServiceModel(Loader().load_service_model("bedrock-runtime", "service-2"))
OPERATIONS = {"converse": "Converse", "converse-stream": "ConverseStream", "invoke": "InvokeModel", "invoke-with-response-stream": "InvokeModelWithResponseStream", "count-tokens": "CountTokens"}

# Values that AWS accepts although they are not in the model's enums (recorded
# exchanges): its own answers contain tool_use, and Nova accepts a video's media type.
TAKEN = {"ToolUseType": re.compile("tool_use"), "VideoFormat": re.compile("video/.+")}


def members(pairs):
    """Makes an object of its members, and rejects duplicates."""
    made = dict(pairs)
    if len(made) != len(pairs):
        raise ValueError(f"a member stands twice among {[name for name, _ in pairs]}")
    return made


def no_number(word):
    raise ValueError(f"{word} is no JSON")


class Reader:
    """Converts JSON to the parameters that a caller passes to botocore, and collects faults."""

    def __init__(self):
        self.faults = []

    def fault(self, at, what):
        self.faults.append(f"{at}: {what}")

    def read(self, value, shape, at):
        if getattr(shape, "is_document_type", False):
            return value
        if value is None:
            self.fault(at, "is null")
            return value
        return getattr(self, shape.type_name, self.plain)(value, shape, at)

    def structure(self, value, shape, at):
        if not isinstance(value, dict):
            return value  # for botocore to refuse, as all of a wrong type
        return {name: self.read(inner, shape.members[name], f"{at}.{name}") if name in shape.members else inner for name, inner in value.items()}

    def list(self, value, shape, at):
        if not isinstance(value, list):
            return value
        self.bounds(len(value), shape, at, "elements")
        return [self.read(inner, shape.member, f"{at}[{i}]") for i, inner in enumerate(value)]

    def map(self, value, shape, at):
        if not isinstance(value, dict):
            return value
        self.bounds(len(value), shape, at, "members")
        return {self.read(name, shape.key, f"{at} key"): self.read(inner, shape.value, f"{at}.{name}") for name, inner in value.items()}

    def blob(self, value, shape, at):
        try:
            data = base64.b64decode(value, validate=True)
        except (binascii.Error, TypeError, ValueError) as e:
            self.fault(at, f"is not base64: {e}")
            return b"?"
        self.bounds(len(data), shape, at, "bytes")
        return data

    def string(self, value, shape, at):
        if not isinstance(value, str):
            return value
        self.bounds(len(value), shape, at, "characters")
        pattern = shape.metadata.get("pattern")
        if pattern and not re.fullmatch(pattern, value):
            self.fault(at, f"{value!r} does not match {pattern}")
        if shape.enum and value not in shape.enum and not (shape.name in TAKEN and TAKEN[shape.name].fullmatch(value)):
            self.fault(at, f"{value!r} is none of {shape.enum}")
        return value

    def plain(self, value, shape, at):
        if isinstance(value, bool) != (shape.type_name == "boolean"):
            self.fault(at, f"{value!r} is no {shape.type_name}")
        elif shape.type_name != "boolean" and isinstance(value, (int, float)):
            self.bounds(value, shape, at, "")
        return value

    def bounds(self, n, shape, at, unit):
        least, most = shape.metadata.get("min"), shape.metadata.get("max")
        if least is not None and n < least or most is not None and n > most:
            self.fault(at, f"{n} {unit} are not between {least} and {most}")


def judge_input(operation, given):
    """Returns the faults of what an operation gets."""
    shape = SERVICE.operation_model(operation).input_shape
    reader = Reader()
    report = ParamValidator().validate(reader.read(given, shape, "body"), shape)
    return ([report.generate_report()] if report.has_errors() else []) + reader.faults


def judge(request):
    """Returns the faults of a request, each beginning with the faulty member."""
    path = re.fullmatch(r"/model/((?:[A-Za-z0-9._~:-]|%[0-9A-F]{2})+)/(converse|converse-stream|invoke|invoke-with-response-stream|count-tokens)", request.get("path", ""))
    guardrail = re.fullmatch(r"/guardrail/((?:[A-Za-z0-9._~:-]|%[0-9A-F]{2})+)/version/([A-Za-z0-9]+)/apply", request.get("path", ""))
    if not path and not guardrail:
        return ["path: is not that of an operation on a model or a guardrail"]
    faults = []
    if request["method"] != "POST":
        faults.append(f"method: {request['method']}")
    if request["contentType"] != "application/json":
        faults.append(f"Content-Type: {request['contentType']!r} is not application/json")
    try:
        body = json.loads(base64.b64decode(request["body"]).decode("utf-8"), object_pairs_hook=members, parse_constant=no_number)
    except ValueError as e:
        return [*faults, f"body: {e}"]
    if not isinstance(body, dict) or "modelId" in body:
        return [*faults, "body: is not an object without modelId"]
    if guardrail:
        return faults + judge_input("ApplyGuardrail", {**body, "guardrailIdentifier": unquote(guardrail[1], errors="strict"), "guardrailVersion": guardrail[2]})
    if path[2].startswith("invoke"):
        body = {"body": request["body"], "contentType": request["contentType"]}  # a blob is base64 here, too
    return faults + judge_input(OPERATIONS[path[2]], {**body, "modelId": unquote(path[1], errors="strict")})


def main():
    judged = 0
    for line in sys.stdin:
        request = json.loads(line)
        judged += 1
        for fault in judge(request):
            body = base64.b64decode(request.get("body", "")).decode("utf-8", "replace")
            print(json.dumps({"fault": fault, "path": request.get("path"), "body": body if len(body) < 600 else body[:600] + "..."}))
    print(json.dumps({"judged": judged}))


main()
