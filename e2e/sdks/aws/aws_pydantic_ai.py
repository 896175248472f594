"""pydantic-ai's BedrockConverseModel through the gateway."""

import asyncio

import botocore.exceptions
from door import BREAKS, DENIED, HELLO, LONG, MODEL, REGION, WEATHER, weather
from pydantic_ai import Agent, ModelHTTPError
from pydantic_ai.models.bedrock import BedrockConverseModel
from pydantic_ai.providers.bedrock import BedrockProvider
from scenario import Wrong, need, raises, run, scenario

provider = BedrockProvider(region_name=REGION)
model = BedrockConverseModel(MODEL, provider=provider)


def forecaster():
    agent, cities = Agent(model), []

    @agent.tool_plain
    def get_weather(city: str) -> str:
        """The weather in a city now."""
        cities.append(city)
        return weather(city)

    return agent, cities


def streamed(agent, prompt):
    async def go():
        async with agent.run_stream(prompt) as r:
            pieces = [p async for p in r.stream_text(delta=True, debounce_by=None)]
            return pieces, await r.get_output()

    return asyncio.run(go())


@scenario("a response")
def _():
    r = Agent(model).run_sync(HELLO)
    need(r.output == "You said: " + HELLO and r.usage.output_tokens > 0, r)


@scenario("a stream")
def _():
    pieces, output = streamed(Agent(model), LONG)
    need(len(pieces) > 5 and len(output.split()) == 60, pieces)


@scenario("a tool loop")
def _():
    agent, cities = forecaster()
    r = agent.run_sync(WEATHER)
    need(sorted(cities) == ["Paris", "Tokyo"] and "sunny in Tokyo" in r.output, r)


@scenario("a tool call, streamed")
def _():
    agent, cities = forecaster()
    _, output = streamed(agent, WEATHER)
    need(sorted(cities) == ["Paris", "Tokyo"] and "sunny in Tokyo" in output, output)


@scenario("a refusal")
def _():
    e = raises(ModelHTTPError, Agent(model).run_sync, DENIED)
    need(e.status_code == 403, e)


@scenario("an unknown model")
def _():
    e = raises(ModelHTTPError, Agent(BedrockConverseModel("not/configured", provider=provider)).run_sync, HELLO)
    need(e.status_code == 404, e)


@scenario("a stream that breaks off")
def _():
    try:
        seen = streamed(Agent(model), BREAKS)
    except (ModelHTTPError, botocore.exceptions.EventStreamError) as e:
        need("modelStreamErrorException" in str(e), e)
        return
    raise Wrong(f"no error, but {seen!r}")


run()
