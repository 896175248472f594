"""LiteLLM's own SDK, with the gateway as LiteLLM's proxy and as OpenAI."""

import asyncio
import json
import os

# Otherwise its import fetches prices from GitHub.
os.environ["LITELLM_LOCAL_MODEL_COST_MAP"] = "True"

import litellm  # noqa: E402
from client import BREAKS, DESCRIBE, DOCUMENTS, EMBEDS, ENDLESS, HELLO, HELLO_TOKENS, KEY, LONG, MODEL, QUERY, RERANKS, ROCKS, THROTTLED, URL, WEATHER, Stone, alike, answered, arrives, gone, weather  # noqa: E402
from media import png, uri  # noqa: E402
from scenario import need, raises, run  # noqa: E402
from scenario import scenario as one  # noqa: E402

litellm.suppress_debug_info = True  # it would print among the reports

NAME = ""  # of the model, in the scenario that runs


def scenario(name):
    """Adds a scenario for each of the prefixes."""

    def add(function):
        def both():
            global NAME
            for provider in ("litellm_proxy", "openai"):
                NAME = f"{provider}/{MODEL}"
                function()

        return one(name)(both)

    return add


TOOLS = [{
    "type": "function",
    "function": {
        "name": "get_weather",
        "description": "The weather in a city now.",
        "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
    },
}]


def user(content):
    return {"role": "user", "content": content}


def chat(content, **more):
    messages = content if isinstance(content, list) else [user(content)]
    return litellm.completion(model=NAME, api_base=URL + "/v1", api_key=KEY, messages=messages, max_retries=0, timeout=120, **more)


def streamed(content, **more):
    """The chunks of a stream, and the response that LiteLLM builds from them."""
    chunks = list(chat(content, stream=True, stream_options={"include_usage": True}, **more))
    return chunks, litellm.stream_chunk_builder(chunks)


def results(reply):
    calls = reply.tool_calls
    need([json.loads(c.function.arguments) for c in calls] == [{"city": "Paris"}, {"city": "Tokyo"}], calls)
    return [{"role": "tool", "tool_call_id": c.id, "content": weather(json.loads(c.function.arguments)["city"])} for c in calls]


@scenario("a chat: completion")
def _():
    r = chat([{"role": "system", "content": "Be brief."}, user(HELLO)])
    need(r.choices[0].message.content == "You said: " + HELLO and r.choices[0].finish_reason == "stop", r)
    need(r.usage.prompt_tokens > 0 and r.usage.completion_tokens > 0, r.usage)


@scenario("a stream: completion(stream=True), stream_chunk_builder")
def _():
    chunks, r = streamed(LONG)
    need(len(chunks) > 5 and len(r.choices[0].message.content.split()) == 60 and r.choices[0].finish_reason == "stop", r)
    need(any(getattr(c, "usage", None) for c in chunks) and r.usage.completion_tokens > 0, chunks[-1])


@scenario("a tool loop: completion(tools=[...])")
def _():
    reply = chat(WEATHER, tools=TOOLS).choices[0].message
    answered(chat([user(WEATHER), reply, *results(reply)], tools=TOOLS).choices[0].message.content)


@scenario("a tool loop, streamed: completion(tools=[...], stream=True)")
def _():
    reply = streamed(WEATHER, tools=TOOLS)[1].choices[0].message
    answered(streamed([user(WEATHER), reply, *results(reply)], tools=TOOLS)[1].choices[0].message.content)


@scenario("an image: completion, image_url")
def _():
    image = png()
    r = chat([user([{"type": "text", "text": "What is this?"}, {"type": "image_url", "image_url": {"url": uri("image/png", image)}}])])
    need(f"an image (png, {len(image)} bytes)" in r.choices[0].message.content, r)


@scenario("structured output: completion, response_format=Stone")
def _():
    stone = Stone.model_validate_json(chat(DESCRIBE, response_format=Stone).choices[0].message.content)
    need(stone.hardness == 7, stone)


@scenario("structured output, streamed: completion(stream=True), response_format=Stone")
def _():
    chunks, r = streamed(DESCRIBE, response_format=Stone)
    stone = Stone.model_validate_json(r.choices[0].message.content)
    need(stone.hardness == 7 and len(chunks) > 3, stone)


@scenario("structured output beside tools: completion(tools=[...], response_format=Stone)")
def _():
    reply = chat(WEATHER, tools=TOOLS, response_format=Stone).choices[0].message
    Stone.model_validate_json(chat([user(WEATHER), reply, *results(reply)], tools=TOOLS, response_format=Stone).choices[0].message.content)


@scenario("a refusal: RateLimitError")
def _():
    e = raises(litellm.RateLimitError, chat, THROTTLED)
    need(e.status_code == 429 and "ThrottlingException" in e.message, e)


@scenario("a stream that breaks off: exceptions.MidStreamFallbackError")
def _():
    got = []

    def read():
        for c in chat(BREAKS, stream=True):
            got.append(c.choices[0].delta.content or "")

    e = raises(litellm.exceptions.MidStreamFallbackError, read)
    need("".join(got).startswith("granite schist") and "InternalServerException" in str(e), got, e)


@scenario("leaving in mid-stream: acompletion(stream=True), aclose()")
def _():
    async def go():
        chunks = await litellm.acompletion(model=NAME, api_base=URL + "/v1", api_key=KEY, messages=[user(ENDLESS)], stream=True)
        async for c in chunks:
            need(c.choices, c)
            break
        await chunks.aclose()
        await asyncio.to_thread(arrives, before)

    before = gone()
    asyncio.run(go())


@scenario("reasoning: completion, message.reasoning_content")
def _():
    for m in (chat(HELLO, reasoning_effort="low", max_tokens=4000).choices[0].message, streamed(HELLO, reasoning_effort="low", max_tokens=4000)[1].choices[0].message):
        need(m.content == "You said: " + HELLO and len(m.reasoning_content) > 10, m)


@scenario("reasoning in a tool loop: completion, reasoning_effort")
def _():
    reply = chat(WEATHER, tools=TOOLS, reasoning_effort="low", max_tokens=4000).choices[0].message
    need(reply.reasoning_content and reply.thinking_blocks[0]["signature"], reply)
    answered(chat([user(WEATHER), reply, *results(reply)], tools=TOOLS, reasoning_effort="low", max_tokens=4000).choices[0].message.content)


@scenario("reasoning in a streamed tool loop: stream_chunk_builder, reasoning_effort")
def _():
    reply = streamed(WEATHER, tools=TOOLS, reasoning_effort="low", max_tokens=4000)[1].choices[0].message
    need(reply.reasoning_content and getattr(reply, "thinking_blocks", None), reply)
    answered(streamed([user(WEATHER), reply, *results(reply)], tools=TOOLS, reasoning_effort="low", max_tokens=4000)[1].choices[0].message.content)


@scenario("JSON mode: completion, response_format={\"type\": \"json_object\"}")
def _():
    r = chat("Describe granite as JSON.", response_format={"type": "json_object"})
    need(isinstance(json.loads(r.choices[0].message.content), dict), r)


@scenario("several answers: completion, n=2")
def _():
    r = chat(HELLO, n=2)
    need([c.index for c in r.choices] == [0, 1], r)


@one("embeddings: embedding")
def _():
    for provider in ("litellm_proxy", "openai"):
        to = {"model": f"{provider}/{EMBEDS}", "api_base": URL + "/v1", "api_key": KEY, "max_retries": 0}
        r = litellm.embedding(**to, input=ROCKS)
        alone = litellm.embedding(**to, input=[ROCKS[1]]).data[0]["embedding"]
        alike(r.data[1]["embedding"], alone)
        alike(litellm.embedding(**to, input=[HELLO_TOKENS]).data[0]["embedding"], alone)
        need(len(r.data) == 3 and len(alone) == 1024 and r.usage.prompt_tokens > 0, r.usage)


@one("rerank: rerank, return_documents")
def _():
    for model, base in ((f"litellm_proxy/{RERANKS}", URL), (f"cohere/{RERANKS}", URL + "/v2/rerank"), (f"cohere/{RERANKS}", URL + "/v1/rerank")):
        r = litellm.rerank(model=model, query=QUERY, documents=DOCUMENTS, top_n=2, api_base=base, api_key=KEY)
        need([x["index"] for x in r.results][0] == 1 and len(r.results) == 2 and r.meta["billed_units"]["search_units"] == 1, model, base, r)


run()
