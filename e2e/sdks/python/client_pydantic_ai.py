"""pydantic-ai: agents on OpenAIChatModel, with and without streaming."""

import asyncio

from client import BREAKS, DESCRIBE, EMBEDS, ENDLESS, HELLO, KEY, LONG, MODEL, ROCKS, THROTTLED, URL, WEATHER, Stone, alike, answered, arrives, gone, weather
from media import png
from pydantic import BaseModel
from pydantic_ai import Agent, BinaryContent, ModelHTTPError, NativeOutput, PromptedOutput, ToolOutput
from pydantic_ai.embeddings import Embedder
from pydantic_ai.embeddings.openai import OpenAIEmbeddingModel
from pydantic_ai.exceptions import ModelServerError
from pydantic_ai.models.openai import OpenAIChatModel
from pydantic_ai.providers.openai import OpenAIProvider
from scenario import need, raises, run, scenario

model = OpenAIChatModel(MODEL, provider=OpenAIProvider(base_url=URL + "/v1", api_key=KEY))


def agent(**more):
    return Agent(model, **more)


def forecaster(**more):
    """An agent with the tool, and the arguments of the tool's calls."""
    a, cities = agent(**more), []

    @a.tool_plain
    def get_weather(city: str) -> str:
        """The weather in a city now."""
        cities.append(city)
        return weather(city)

    return a, cities


def streamed(a, prompt, **more):
    """The pieces of a streamed run, its output and its usage."""

    async def go():
        async with a.run_stream(prompt, **more) as r:
            pieces = [p async for p in r.stream_output(debounce_by=None)]
            return pieces, await r.get_output(), r.usage

    return asyncio.run(go())


@scenario("a chat: Agent.run_sync")
def _():
    r = agent(instructions="Be brief.").run_sync(HELLO)
    need(r.output == "You said: " + HELLO and r.usage.input_tokens > 0 and r.usage.output_tokens > 0, r)


@scenario("a stream: Agent.run_stream")
def _():
    pieces, output, usage = streamed(agent(), LONG)
    need(len(pieces) > 5 and len(output.split()) == 60 and usage.output_tokens > 0, pieces, usage)


@scenario("a tool loop: Agent.tool_plain, run_sync")
def _():
    a, cities = forecaster()
    r = a.run_sync(WEATHER)
    need(sorted(cities) == ["Paris", "Tokyo"] and r.usage.requests == 2, cities, r)
    answered(r.output)


@scenario("a tool loop, streamed: Agent.tool_plain, run_stream")
def _():
    a, cities = forecaster()
    pieces, output, usage = streamed(a, WEATHER)
    need(sorted(cities) == ["Paris", "Tokyo"] and usage.requests == 2 and len(pieces) > 2, cities, usage)
    answered(output)


@scenario("an image: BinaryContent")
def _():
    image = png()
    r = agent().run_sync(["What is this?", BinaryContent(data=image, media_type="image/png")])
    need(f"an image (png, {len(image)} bytes)" in r.output, r)


@scenario("structured output: output_type=NativeOutput(Stone)")
def _():
    stone = agent(output_type=NativeOutput(Stone)).run_sync(DESCRIBE).output
    need(isinstance(stone, Stone) and stone.hardness == 7, stone)


@scenario("structured output, streamed: output_type=NativeOutput(Stone), run_stream")
def _():
    _, stone, usage = streamed(agent(output_type=NativeOutput(Stone)), DESCRIBE)
    need(isinstance(stone, Stone) and stone.hardness == 7 and usage.output_tokens > 0, stone)


@scenario("structured output by a tool: output_type=Stone, run_sync and run_stream")
def _():
    for output in (Stone, ToolOutput(Stone, strict=True)):
        a = agent(output_type=output)
        for stone in (a.run_sync(DESCRIBE).output, streamed(a, DESCRIBE)[1]):
            need(isinstance(stone, Stone) and stone.hardness == 7, stone)


@scenario("structured output beside tools: output_type=NativeOutput(Stone), tool_plain")
def _():
    a, cities = forecaster(output_type=NativeOutput(Stone))
    stone = a.run_sync(WEATHER).output
    need(isinstance(stone, Stone) and sorted(cities) == ["Paris", "Tokyo"], stone, cities)


@scenario("a refusal: ModelHTTPError")
def _():
    e = raises(ModelHTTPError, agent().run_sync, THROTTLED)
    need(e.status_code == 429 and "ThrottlingException" in e.body["message"] and e.model_name == MODEL, e)


@scenario("a stream that breaks off: ModelServerError")
def _():
    got = []

    async def go():
        async with agent().run_stream(BREAKS) as r:
            async for p in r.stream_text(delta=True, debounce_by=None):
                got.append(p)

    e = raises(ModelServerError, lambda: asyncio.run(go()))
    need("".join(got).startswith("granite schist") and "InternalServerException" in str(e), got, e)


@scenario("leaving in mid-stream: async with Agent.run_stream")
def _():
    async def go():
        async with agent().run_stream(ENDLESS) as r:
            async for p in r.stream_text(delta=True, debounce_by=None):
                need(p, p)
                break
        await asyncio.to_thread(arrives, before)

    before = gone()
    asyncio.run(go())


@scenario("reasoning: Agent.run_sync, openai_reasoning_effort")
def _():
    r = agent(model_settings={"openai_reasoning_effort": "low", "max_tokens": 4000}).run_sync(HELLO)
    thoughts = [p.content for m in r.all_messages() for p in m.parts if p.part_kind == "thinking"]
    need(len(thoughts) == 1 and len(thoughts[0]) > 10 and r.output == "You said: " + HELLO, r.all_messages())


@scenario("reasoning in a tool loop: tool_plain, run_sync, openai_reasoning_effort")
def _():
    a, cities = forecaster(model_settings={"openai_reasoning_effort": "low", "max_tokens": 4000})
    answered(a.run_sync(WEATHER).output)


@scenario("reasoning in a streamed tool loop: tool_plain, run_stream, openai_reasoning_effort")
def _():
    a, cities = forecaster(model_settings={"openai_reasoning_effort": "low", "max_tokens": 4000})
    answered(streamed(a, WEATHER)[1])


class Anything(BaseModel):
    """Any JSON object, since JSON mode guarantees no more."""

    hardness: int | None = None


@scenario("JSON mode: output_type=PromptedOutput(Anything)")
def _():
    got = agent(output_type=PromptedOutput(Anything)).run_sync("Describe granite.").output
    need(isinstance(got, Anything), got)


@scenario("embeddings: Embedder, embed_documents, embed_query")
def _():
    e = Embedder(OpenAIEmbeddingModel(EMBEDS, provider=OpenAIProvider(base_url=URL + "/v1", api_key=KEY)))
    r = e.embed_documents_sync(ROCKS)
    alike(r.embeddings[1], e.embed_query_sync(ROCKS[1]).embeddings[0])
    need(len(r.embeddings) == 3 and len(r.embeddings[0]) == 1024 and r.usage.input_tokens > 0, r.usage)


run()
