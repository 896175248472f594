"""pydantic-ai with the Responses API (API=responses) or Gemini's (API=gemini) of the gateway."""

import asyncio
import os

from client import BREAKS, DESCRIBE, HELLO, KEY, LONG, MODEL, THROTTLED, URL, WEATHER, Stone, answered, weather
from media import png
from pydantic_ai import Agent, BinaryContent, ModelHTTPError, NativeOutput
from pydantic_ai.exceptions import ModelAPIError
from scenario import need, raises, run, scenario

if os.environ["API"] == "responses":
    from pydantic_ai.models.openai import OpenAIResponsesModel
    from pydantic_ai.providers.openai import OpenAIProvider

    model = OpenAIResponsesModel(MODEL, provider=OpenAIProvider(base_url=URL + "/v1", api_key=KEY))
    THINKING = {"openai_reasoning_effort": "low", "openai_reasoning_summary": "auto", "max_tokens": 4000}
else:
    from pydantic_ai.models.google import GoogleModel
    from pydantic_ai.providers.google import GoogleProvider

    model = GoogleModel(MODEL, provider=GoogleProvider(base_url=URL, api_key=KEY))
    THINKING = {"google_thinking_config": {"thinking_budget": 1024, "include_thoughts": True}, "max_tokens": 4000}


def forecaster(**more):
    """An agent with the tool, and the arguments of the tool's calls."""
    a, cities = Agent(model, **more), []

    @a.tool_plain
    def get_weather(city: str) -> str:
        """The weather in a city now."""
        cities.append(city)
        return weather(city)

    return a, cities


def streamed(a, prompt):
    """The pieces of a streamed run, its output, its usage and its messages."""

    async def go():
        async with a.run_stream(prompt) as r:
            pieces = [p async for p in r.stream_output(debounce_by=None)]
            return pieces, await r.get_output(), r.usage, r.all_messages()

    return asyncio.run(go())


def thinks(messages):
    need(any(p.part_kind == "thinking" for p in messages[1].parts), messages[1])


@scenario("a chat")
def _():
    r = Agent(model, instructions="Be brief.").run_sync(HELLO)
    need(r.output == "You said: " + HELLO and r.usage.input_tokens > 0 and r.usage.output_tokens > 0, r)


@scenario("a stream")
def _():
    pieces, output, usage, _ = streamed(Agent(model), LONG)
    need(len(pieces) > 5 and len(output.split()) == 60 and usage.output_tokens > 0, pieces, usage)


@scenario("a tool loop")
def _():
    a, cities = forecaster()
    answered(a.run_sync(WEATHER).output)
    need(sorted(cities) == ["Paris", "Tokyo"], cities)


@scenario("a tool loop, streamed")
def _():
    a, cities = forecaster()
    answered(streamed(a, WEATHER)[1])
    need(sorted(cities) == ["Paris", "Tokyo"], cities)


@scenario("an image")
def _():
    image = png()
    r = Agent(model).run_sync(["What is this?", BinaryContent(data=image, media_type="image/png")])
    need(f"an image (png, {len(image)} bytes)" in r.output, r)


@scenario("structured output")
def _():
    a = Agent(model, output_type=NativeOutput(Stone))
    for stone in (a.run_sync(DESCRIBE).output, streamed(a, DESCRIBE)[1]):
        need(isinstance(stone, Stone) and stone.hardness == 7, stone)


@scenario("a refusal")
def _():
    need(raises(ModelHTTPError, Agent(model).run_sync, THROTTLED).status_code == 429)


@scenario("a stream that breaks off")
def _():
    raises(ModelAPIError, streamed, Agent(model), BREAKS)


@scenario("reasoning in a tool loop")
def _():
    a, _ = forecaster(model_settings=THINKING)
    r = a.run_sync(WEATHER)
    answered(r.output)
    thinks(r.all_messages())
    _, output, _, messages = streamed(a, WEATHER)
    answered(output)
    thinks(messages)


run()
