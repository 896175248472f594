"""LlamaIndex with chat completions (API=chat), the Responses API (API=responses), Anthropic's (API=anthropic) or AWS's (API=aws) of the gateway."""

import os

from client import BREAKS, DESCRIBE, HELLO, KEY, LONG, MODEL, THROTTLED, URL, WEATHER, Stone, answered, weather
from llama_index.core.llms import ChatMessage, ImageBlock, TextBlock
from llama_index.core.tools import FunctionTool
from media import png
from scenario import need, raises, run, scenario

API = os.environ["API"]
if API == "anthropic":
    import anthropic
    from llama_index.llms.anthropic import Anthropic

    REFUSED, BROKEN = anthropic.RateLimitError, anthropic.APIError
    THINKING = {"thinking_dict": {"type": "enabled", "budget_tokens": 1024}, "temperature": 1.0}

    def chat(**more):
        return Anthropic(model=MODEL, base_url=URL, api_key=KEY, max_tokens=4000, max_retries=0, **more)
elif API == "aws":
    import botocore.exceptions
    from llama_index.llms.bedrock_converse import BedrockConverse

    REFUSED = BROKEN = botocore.exceptions.ClientError
    THINKING = {"thinking": {"type": "enabled", "budget_tokens": 1024}, "temperature": 1.0}

    def chat(**more):
        return BedrockConverse(model=MODEL, region_name="us-east-1", max_tokens=4000, max_retries=1, **more)
else:
    import openai
    from llama_index.llms.openai import OpenAI, OpenAIResponses

    REFUSED, BROKEN = openai.RateLimitError, openai.APIError
    THINKING = {"reasoning_options": {"effort": "low", "summary": "auto"}}

    def chat(**more):
        kind = OpenAIResponses if API == "responses" else OpenAI
        return kind(model=MODEL, api_base=URL + "/v1", api_key=KEY, max_retries=0, **more)


def get_weather(city: str) -> str:
    """The weather in a city now."""
    return weather(city)


TOOL = FunctionTool.from_defaults(fn=get_weather)


def loop(ask, model):
    """Runs a tool loop, and gives the first answer."""
    messages = [ChatMessage(role="user", content=WEATHER)]
    first = ask(messages)
    calls = model.get_tool_calls_from_response(first)
    need([c.tool_kwargs for c in calls] == [{"city": "Paris"}, {"city": "Tokyo"}], first)
    messages.append(first.message)
    for c in calls:
        messages.append(ChatMessage(role="tool", content=str(TOOL(**c.tool_kwargs)), additional_kwargs={"tool_call_id": c.tool_id}))
    answered(ask(messages).message.content)
    return first


@scenario("a chat")
def _():
    need(chat().chat([ChatMessage(role="system", content="Be brief."), ChatMessage(role="user", content=HELLO)]).message.content == "You said: " + HELLO)


@scenario("a stream")
def _():
    pieces = list(chat().stream_chat([ChatMessage(role="user", content=LONG)]))
    need(len(pieces) > 5 and len(pieces[-1].message.content.split()) == 60, pieces[-1])


@scenario("a tool loop")
def _():
    model = chat()
    loop(lambda messages: model.chat_with_tools([TOOL], chat_history=messages, allow_parallel_tool_calls=True), model)


@scenario("a tool loop, streamed")
def _():
    model = chat()
    loop(lambda messages: list(model.stream_chat_with_tools([TOOL], chat_history=messages, allow_parallel_tool_calls=True))[-1], model)


@scenario("an image")
def _():
    image = png()
    blocks = [TextBlock(text="What is this?"), ImageBlock(image=image, image_mimetype="image/png")]
    r = chat().chat([ChatMessage(role="user", blocks=blocks)])
    need(f"an image (png, {len(image)} bytes)" in r.message.content, r)


@scenario("structured output")
def _():
    stone = chat().as_structured_llm(Stone).chat([ChatMessage(role="user", content=DESCRIBE)]).raw
    need(isinstance(stone, Stone) and stone.hardness == 7, stone)


@scenario("a refusal")
def _():
    raises(REFUSED, chat().chat, [ChatMessage(role="user", content=THROTTLED)])


@scenario("a stream that breaks off")
def _():
    raises(BROKEN, lambda: list(chat().stream_chat([ChatMessage(role="user", content=BREAKS)])))


if API == "chat":

    @scenario("embeddings")
    def _():
        from client import EMBEDS, ROCKS, alike
        from llama_index.embeddings.openai import OpenAIEmbedding

        model = OpenAIEmbedding(model_name=EMBEDS, api_base=URL + "/v1", api_key=KEY, max_retries=0)
        alike(model.get_text_embedding_batch(ROCKS)[1], model.get_text_embedding(ROCKS[1]))

else:

    @scenario("reasoning in a tool loop")
    def _():
        model = chat(**THINKING)
        first = loop(lambda messages: model.chat_with_tools([TOOL], chat_history=messages, allow_parallel_tool_calls=True), model)
        need(any(b.block_type == "thinking" for b in first.message.blocks), first.message.blocks)


run()
