"""The OpenAI SDK with models behind endpoints of SageMaker, through the gateway.

TOO_LONG, DENIED, THROTTLED and UNKNOWN are models whose endpoints refuse every call.
"""

import json
import os

import openai

from gateway import WEATHER, chat, client
from scenario import need, raises, run, scenario


def text_of(chunks):
    return "".join(c.choices[0].delta.content or "" for c in chunks if c.choices)


@scenario("a chat answers with its usage")
def _():
    r = chat("What is granite?")
    need(r.choices[0].message.content == "Granite." and r.choices[0].finish_reason == "stop", r)
    need(r.choices[0].message.reasoning_content == "Hm. 岩" and r.model == "granite", r)
    need((r.usage.prompt_tokens, r.usage.completion_tokens) == (11, 7), r.usage)


@scenario("a stream ends with its usage")
def _():
    chunks = list(chat("What is granite?", stream=True, stream_options={"include_usage": True}))
    need(text_of(chunks) == "Granite.", chunks)
    need(not chunks[-1].choices and chunks[-1].usage.prompt_tokens == 11, chunks[-1])


@scenario("tools are called, whole and streamed")
def _():
    r = chat("Find.", tools=[WEATHER])
    calls = r.choices[0].message.tool_calls
    need(r.choices[0].finish_reason == "tool_calls", r)
    need([(c.id, c.function.name, json.loads(c.function.arguments)) for c in calls] == [("c1", "find", {"rock": "granite"}), ("c2", "weigh", {})], calls)
    pieces = [p for c in chat("Find.", tools=[WEATHER], stream=True) if c.choices for p in c.choices[0].delta.tool_calls or []]
    need("".join(p.function.arguments or "" for p in pieces if p.index == 0) == '{"rock":"granite"}', pieces)


@scenario("a model of Nova and one that generates text answer, whole and streamed")
def _():
    for model, text in (("nova", "Granite."), ("text", "It is granite.")):
        need(chat("Hi", model=model).choices[0].message.content == text, model)
        need(text_of(chat("Hi", model=model, stream=True)) == text, model)


@scenario("embeddings are vectors")
def _():
    r = client.embeddings.create(model="text", input=["granite"])
    need(r.data[0].embedding == [0.25, 0.5], r)


@scenario("the container's refusal has its status and its words")
def _():
    for stream in (False, True):
        e = raises(openai.BadRequestError, chat, "Hi", model=os.environ["TOO_LONG"], stream=stream)
        need("maximum context length is 4096" in e.message and e.body["outcrop"]["code"] == "request.too_long", e.body)


@scenario("a missing permission comes with its statement")
def _():
    e = raises(openai.PermissionDeniedError, chat, "Hi", model=os.environ["DENIED"])
    need('"Action":"sagemaker:InvokeEndpoint"' in json.dumps(e.body).replace('\\"', '"').replace('": "', '":"'), e.body)


@scenario("a throttle is a 429")
def _():
    raises(openai.RateLimitError, chat, "Hi", model=os.environ["THROTTLED"])


@scenario("an endpoint that does not exist is a 404")
def _():
    e = raises(openai.NotFoundError, chat, "Hi", model=os.environ["UNKNOWN"])
    need("not found" in e.message, e.body)


@scenario("a stream that SageMaker breaks off raises")
def _():
    e = raises(openai.APIError, lambda: list(chat("Hi", model="sagemaker_chat/broken", stream=True)))
    need("ran out of memory" in str(e), e)


@scenario("the endpoints of the account are listed")
def _():
    need("sagemaker_chat/rocks" in [m.id for m in client.models.list()])


run()
