"""pydantic-ai's AnthropicModel."""

import asyncio

from anthropic import AsyncAnthropic
from client import BREAKS, DENIED, DESCRIBE, ENDLESS, HELLO, KEY, LONG, MODEL, THROTTLED, URL, WEATHER, Stone, answered, arrives, gone, weather
from media import PDF, png
from pydantic_ai import Agent, BinaryContent, ModelAPIError, ModelHTTPError, NativeOutput
from pydantic_ai.messages import ThinkingPart
from pydantic_ai.models.anthropic import AnthropicModel, AnthropicModelSettings
from pydantic_ai.providers.anthropic import AnthropicProvider
from scenario import need, raises, run, scenario


def model(name=MODEL, key=KEY):
    return AnthropicModel(name, provider=AnthropicProvider(anthropic_client=AsyncAnthropic(base_url=URL, api_key=key, max_retries=0, timeout=120)))


def agent(m=None, **more):
    return Agent(m or model(), retries=0, **more)


def weatherman(**more):
    a = agent(**more)

    @a.tool_plain
    def get_weather(city: str) -> str:
        """The weather in a city now."""
        return weather(city)

    return a


THINKING = AnthropicModelSettings(max_tokens=4000, anthropic_thinking={"type": "enabled", "budget_tokens": 2000})


def thought(r):
    parts = [p for m in r.all_messages() for p in m.parts if isinstance(p, ThinkingPart)]
    need(parts and all(p.content and p.signature for p in parts), parts)


async def streamed(a, prompt):
    async with a.run_stream(prompt) as s:
        pieces = [p async for p in s.stream_text(delta=True, debounce_by=None)]
        return pieces, s


@scenario("a response: run_sync")
def _():
    r = agent().run_sync(HELLO)
    need(r.output == "You said: " + HELLO and r.usage.output_tokens > 0, r)


@scenario("a stream: run_stream")
def _():
    pieces, s = asyncio.run(streamed(agent(), LONG))
    need(len(pieces) > 4 and len("".join(pieces).split()) == 60 and s.usage.output_tokens > 0, pieces)


@scenario("a tool loop: run_sync")
def _():
    answered(weatherman().run_sync(WEATHER).output)


@scenario("a tool loop, streamed: run_stream")
def _():
    answered("".join(asyncio.run(streamed(weatherman(), WEATHER))[0]))


@scenario("thinking in a tool loop: run_sync")
def _():
    r = weatherman(model_settings=THINKING).run_sync(WEATHER)
    answered(r.output)
    thought(r)


@scenario("thinking in a streamed tool loop: run_stream")
def _():
    pieces, s = asyncio.run(streamed(weatherman(model_settings=THINKING), WEATHER))
    answered("".join(pieces))
    thought(s)


@scenario("an image: BinaryContent")
def _():
    r = agent().run_sync(["What is this?", BinaryContent(png(), media_type="image/png")])
    need(f"an image (png, {len(png())} bytes)" in r.output, r)


@scenario("a PDF: BinaryContent")
def _():
    r = agent().run_sync(["What is this?", BinaryContent(PDF, media_type="application/pdf")])
    need(f"{len(PDF)} bytes" in r.output, r)


@scenario("structured output: output_type, by a tool")
def _():
    need(isinstance(agent(output_type=Stone).run_sync(DESCRIBE).output, Stone))


@scenario("structured output: NativeOutput")
def _():
    r = agent(output_type=NativeOutput(Stone)).run_sync(DESCRIBE)
    need(isinstance(r.output, Stone) and r.output.hardness == 7, r)


@scenario("counting tokens: UsageLimits(count_tokens_before_request=True)")
def _():
    from pydantic_ai import UsageLimitExceeded, UsageLimits

    e = raises(UsageLimitExceeded, agent().run_sync, LONG, usage_limits=UsageLimits(input_tokens_limit=1, count_tokens_before_request=True))
    need("input_tokens" in str(e), e)


def status(prompt, m=None):
    return raises(ModelHTTPError, agent(m).run_sync, prompt).status_code


@scenario("a wrong key")
def _():
    need(status(HELLO, model(key="wrong")) == 401)


@scenario("an unknown model")
def _():
    need(status(HELLO, model("not-configured")) == 404)


@scenario("a refusal")
def _():
    need(status(DENIED) == 403)


@scenario("a throttle")
def _():
    need(status(THROTTLED) == 429)


@scenario("an overload")
def _():
    need(status("[[fault: unavailable]]") == 529)


@scenario("a stream that breaks off")
def _():
    raises(ModelAPIError, asyncio.run, streamed(agent(), BREAKS))


@scenario("leaving in mid-stream: run_stream")
def _():
    async def leave():
        before = gone()
        async with agent().run_stream(ENDLESS) as s:
            async for p in s.stream_text(delta=True, debounce_by=None):
                need(p, p)
                break
        await asyncio.to_thread(arrives, before)

    asyncio.run(leave())


run()
