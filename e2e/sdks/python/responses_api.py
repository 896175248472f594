"""What the programs on the Responses API of OpenAI's SDK for Python share."""

import json

import httpx
import openai
import pydantic
from openai.types.responses import ResponseStreamEvent
from scenario import need, raises

EVENT = pydantic.TypeAdapter(ResponseStreamEvent)
WEATHER = {
    "type": "function",
    "name": "get_weather",
    "description": "The weather in a city now.",
    "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"], "additionalProperties": False},
    "strict": True,
}
# Bodies whose responses have a text, calls behind reasoning, and the call of a tool with a grammar.
TEXT = {"input": "[[answer: granite]]"}
CALLS = {"input": "[[call: get_weather {\"city\":\"Paris\"}]] [[call: get_weather {\"city\":\"Tokyo\"}]]", "tools": [WEATHER], "include": ["reasoning.encrypted_content"], "reasoning": {"effort": "high", "summary": "auto"}}
PATCH = {"input": "[[call: patch {\"input\":\"x\"}]]", "tools": [{"type": "custom", "name": "patch", "format": {"type": "grammar", "syntax": "lark", "definition": "start: /.+/"}}]}


class Stone(pydantic.BaseModel):
    name: str
    hardness: int


class Api:
    """A model behind a base URL."""

    def __init__(self, base, key, model):
        self.base, self.key, self.model = base, key, model
        self.client = openai.OpenAI(base_url=base, api_key=key, max_retries=0, timeout=120)

    def create(self, content, **more):
        return self.client.responses.create(**{"model": self.model, "input": content, **more})

    def post(self, **body):
        """The parsed body of a response, or of the events of one that is streamed."""
        r = httpx.post(self.base + "/responses", json={"model": self.model, **body}, headers={"authorization": f"Bearer {self.key}"}, timeout=60)
        need(r.status_code == 200, r.text)
        if not body.get("stream"):
            return r.json()
        return [json.loads(line.removeprefix("data: ")) for line in r.text.splitlines() if line.startswith("data: ")]

    def in_order(self):
        """The types of the events of a stream, of which the end and the text are checked."""
        with self.client.responses.stream(model=self.model, input="[[words: 30]]") as stream:
            events = list(stream)
            final = stream.get_final_response()
        types = [e.type for e in events]
        need(types[:3] == ["response.created", "response.in_progress", "response.output_item.added"], types)
        need(types[-4:] == ["response.output_text.done", "response.content_part.done", "response.output_item.done", "response.completed"], types)
        need(events[-4].text == final.output_text == "".join(e.delta for e in events if e.type == "response.output_text.delta"), final)
        need([e.sequence_number for e in events] == sorted({e.sequence_number for e in events}), events)
        return types

    def parses(self):
        """An object of a schema is parsed, whole and streamed."""
        asked = {"model": self.model, "input": "Describe granite, of hardness 7.", "text_format": Stone}
        r = self.client.responses.parse(**asked)
        need(isinstance(r.output_parsed, Stone), r.output_text)
        with self.client.responses.stream(**asked) as stream:
            need(stream.get_final_response().output_parsed == r.output_parsed)

    def refuses(self):
        """Errors name the parameter, and limits their code."""
        e = raises(openai.BadRequestError, self.create, [{"role": "stone", "content": "x"}])
        need(e.param == "input[0].role" and e.type == "invalid_request_error", e)
        need(raises(openai.RateLimitError, self.create, "[[fault: throttle]]").code == "rate_limit_exceeded")
