"""Chats with and without streaming, the model list, headers and the Azure client."""

import json

import openai
from gateway import KEY, MODEL, URL, chat, client, user
from scenario import need, scenario


@scenario("a chat answers with its usage and a finish reason")
def _():
    r = chat([{"role": "system", "content": "Be brief."}, user("What is granite?")])
    choice = r.choices[0]
    need(choice.message.role == "assistant" and choice.message.content == "You said: What is granite?", choice)
    need(choice.finish_reason == "stop" and len(r.choices) == 1, r)
    need(r.object == "chat.completion" and r.model == MODEL and r.id.startswith("chatcmpl-") and r.created > 1_700_000_000, r)
    u = r.usage
    need(u.prompt_tokens > 0 and u.completion_tokens > 0 and u.total_tokens == u.prompt_tokens + u.completion_tokens, u)


@scenario("max_tokens cuts the answer and says length")
def _():
    r = chat("[[words: 200]]", max_tokens=5)
    need(r.choices[0].finish_reason == "length" and r.usage.completion_tokens == 5, r)


@scenario("a stream ends with its usage in a chunk without choices")
def _():
    chunks = list(chat("[[words: 60]]", stream=True, stream_options={"include_usage": True}))
    text = "".join(c.choices[0].delta.content or "" for c in chunks if c.choices)
    need(len(text.split()) == 60 and text.startswith("granite schist"), text)
    need(chunks[0].choices[0].delta.role == "assistant", chunks[0])
    finish = [c.choices[0].finish_reason for c in chunks if c.choices]
    need(finish[-1] == "stop" and not any(finish[:-1]), finish)
    last = chunks[-1]
    need(not last.choices and last.usage.completion_tokens > 0 and last.usage.total_tokens == last.usage.prompt_tokens + last.usage.completion_tokens, last)
    need(not any(c.usage for c in chunks[:-1]), "usage before the last chunk")
    need(len({c.id for c in chunks}) == 1 and all(c.object == "chat.completion.chunk" for c in chunks), chunks[0])
    need(len(chunks) > 5, len(chunks))


@scenario("a stream that is not asked for usage has none")
def _():
    chunks = list(chat("What is granite?", stream=True))
    need(not any(c.usage for c in chunks) and chunks[-1].choices[0].finish_reason == "stop", chunks[-1])


@scenario("a JSON schema is followed")
def _():
    schema = {"type": "object", "properties": {"name": {"type": "string"}, "hardness": {"type": "number"}}, "required": ["name", "hardness"], "additionalProperties": False}
    r = chat("Describe granite.", response_format={"type": "json_schema", "json_schema": {"name": "stone", "schema": schema, "strict": True}})
    stone = json.loads(r.choices[0].message.content)
    need(set(stone) == {"name", "hardness"} and isinstance(stone["hardness"], (int, float)), stone)


@scenario("headers tell the answer's way and what was left out")
def _():
    for stream in (False, True):
        r = client.chat.completions.with_raw_response.create(model=MODEL, messages=[user("What is granite?")], seed=7, stream=stream)
        h = r.headers
        need(len(h["x-request-id"]) == 32 and h["x-amzn-requestid"], h)
        need("us.anthropic.claude-sonnet-4-5-20250929-v1:0" in h["x-outcrop-target"] and "us-east-1" in h["x-outcrop-target"], h)
        need("field=seed" in h["x-outcrop-warnings"], h)
        parsed = r.parse()
        need((list(parsed)[-1] if stream else parsed).choices[0].finish_reason == "stop", parsed)


@scenario("the model list holds ids with slashes and colons, and each can be retrieved")
def _():
    ids = [m.id for m in client.models.list()]
    need(MODEL in ids and len(ids) == len(set(ids)), ids)
    wanted = ["bedrock/us.anthropic.claude-sonnet-4-5-20250929-v1:0", "bedrock/amazon.nova-lite-v1:0"]
    for name in [MODEL, *wanted]:
        need(name in ids, name, ids)
        m = client.models.retrieve(name)
        need(m.id == name and m.object == "model", m)
    r = chat("What is granite?", model=wanted[1])
    need(r.choices[0].message.content == "You said: What is granite?" and r.model == wanted[1], r)


@scenario("the Azure client reaches a model by its deployment's path and api-key")
def _():
    for model in (MODEL, "bedrock/us.anthropic.claude-sonnet-4-5-20250929-v1:0"):
        azure = openai.AzureOpenAI(azure_endpoint=URL, api_key=KEY, api_version="2024-10-21", max_retries=0)
        r = azure.chat.completions.create(model=model, messages=[user("What is granite?")])
        need(r.choices[0].message.content == "You said: What is granite?" and r.model == model, r)
        text = "".join(c.choices[0].delta.content or "" for c in azure.chat.completions.create(model=model, messages=[user("What is basalt?")], stream=True) if c.choices)
        need(text == "You said: What is basalt?", text)
