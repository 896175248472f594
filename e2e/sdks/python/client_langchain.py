"""LangChain's ChatOpenAI, alone and in an agent."""

import openai
from client import BREAKS, DESCRIBE, EMBEDS, ENDLESS, HELLO, KEY, LONG, MODEL, ROCKS, THROTTLED, URL, WEATHER, Stone, alike, answered, leaves, weather
from langchain.agents import create_agent
from langchain.agents.structured_output import ProviderStrategy
from langchain_core.messages import AIMessageChunk, HumanMessage, ToolMessage
from langchain_core.tools import tool
from langchain_openai import ChatOpenAI, OpenAIEmbeddings
from media import png, uri
from scenario import need, raises, run, scenario


def chat(**more):
    return ChatOpenAI(**{"model": MODEL, "base_url": URL + "/v1", "api_key": KEY, "max_retries": 0, "timeout": 120, "stream_usage": True, **more})


@tool
def get_weather(city: str) -> str:
    """The weather in a city now."""
    return weather(city)


def gathered(chunks):
    """The combined chunks of a stream."""
    total = None
    for c in chunks:
        total = c if total is None else total + c
    return total


def results(reply):
    need([c["args"] for c in reply.tool_calls] == [{"city": "Paris"}, {"city": "Tokyo"}], reply)
    return [get_weather.invoke(c) for c in reply.tool_calls]


@scenario("a chat: invoke")
def _():
    m = chat().invoke([("system", "Be brief."), ("user", HELLO)])
    need(m.content == "You said: " + HELLO and m.response_metadata["finish_reason"] == "stop", m)
    need(m.usage_metadata["input_tokens"] > 0 and m.usage_metadata["output_tokens"] > 0, m)


@scenario("a stream: stream, stream_usage=True")
def _():
    chunks = list(chat().stream(LONG))
    m = gathered(chunks)
    need(len(chunks) > 5 and len(m.content.split()) == 60 and m.usage_metadata["output_tokens"] > 0, m)
    need(m.response_metadata["finish_reason"] == "stop", m)


@scenario("a tool loop: bind_tools, invoke; create_agent")
def _():
    model = chat().bind_tools([get_weather])
    reply = model.invoke(WEATHER)
    answers = results(reply)
    need(all(isinstance(a, ToolMessage) for a in answers), answers)
    answered(model.invoke([HumanMessage(WEATHER), reply, *answers]).content)
    agent = create_agent(chat(), tools=[get_weather], system_prompt="Be brief.")
    answered(agent.invoke({"messages": [("user", WEATHER)]})["messages"][-1].content)


@scenario("a tool loop, streamed: bind_tools, stream; create_agent, stream")
def _():
    model = chat().bind_tools([get_weather])
    chunks = list(model.stream(WEATHER))
    need(sum(bool(c.tool_call_chunks) for c in chunks) > 2, chunks)
    reply = gathered(chunks)
    answered(gathered(model.stream([HumanMessage(WEATHER), reply, *results(reply)])).content)
    agent = create_agent(chat(), tools=[get_weather])
    seen = [c for c, _ in agent.stream({"messages": [("user", WEATHER)]}, stream_mode="messages")]
    pieces = [c for c in seen if isinstance(c, AIMessageChunk)]
    need(len(pieces) > 3 and sum(isinstance(c, ToolMessage) for c in seen) == 2, seen)
    answered("".join(c.content for c in pieces))


@scenario("an image: HumanMessage, image_url or content_blocks")
def _():
    image = png()
    m = chat().invoke([HumanMessage([{"type": "text", "text": "What is this?"}, {"type": "image_url", "image_url": {"url": uri("image/png", image)}}])])
    need(f"an image (png, {len(image)} bytes)" in m.content, m)
    data = uri("image/png", image).split(",")[1]
    m = chat().invoke([HumanMessage(content_blocks=[{"type": "text", "text": "What is this?"}, {"type": "image", "base64": data, "mime_type": "image/png"}])])
    need(f"an image (png, {len(image)} bytes)" in m.content, m)


@scenario("structured output: with_structured_output(Stone)")
def _():
    for more in ({}, {"strict": True}):
        stone = chat().with_structured_output(Stone, **more).invoke(DESCRIBE)
        need(isinstance(stone, Stone) and stone.hardness == 7, more, stone)


@scenario("structured output, streamed: with_structured_output(Stone).stream")
def _():
    stones = list(chat().with_structured_output(Stone).stream(DESCRIBE))
    need(isinstance(stones[-1], Stone) and stones[-1].hardness == 7, stones)


@scenario("structured output by a tool: with_structured_output(Stone, method=\"function_calling\"), invoke and stream")
def _():
    model = chat().with_structured_output(Stone, method="function_calling")
    for stone in (model.invoke(DESCRIBE), *list(model.stream(DESCRIBE))[-1:]):
        need(isinstance(stone, Stone) and stone.hardness == 7, stone)


@scenario("structured output beside tools: create_agent, response_format=ProviderStrategy(Stone)")
def _():
    agent = create_agent(chat(), tools=[get_weather], response_format=ProviderStrategy(Stone))
    state = agent.invoke({"messages": [("user", WEATHER)]})
    need(isinstance(state["structured_response"], Stone), state)
    need(sum(isinstance(m, ToolMessage) for m in state["messages"]) == 2, state)


@scenario("a refusal: openai.RateLimitError")
def _():
    e = raises(openai.RateLimitError, chat().invoke, THROTTLED)
    need(e.status_code == 429 and "ThrottlingException" in e.message, e)


@scenario("a stream that breaks off: openai.APIError")
def _():
    got = []

    def read():
        for c in chat().stream(BREAKS):
            got.append(c.content)

    e = raises(openai.APIError, read)
    need("".join(got).startswith("granite schist") and e.body["outcrop"]["code"], got, e)


@scenario("leaving in mid-stream: stream(...).close()")
def _():
    def leave():
        chunks = chat().stream(ENDLESS)
        need(isinstance(next(chunks), AIMessageChunk), chunks)
        chunks.close()

    leaves(leave)


@scenario("reasoning in a tool loop: create_agent, reasoning_effort")
def _():
    agent = create_agent(chat(reasoning_effort="low", max_tokens=4000), tools=[get_weather])
    answered(agent.invoke({"messages": [("user", WEATHER)]})["messages"][-1].content)


@scenario("reasoning in a streamed tool loop: create_agent, stream, reasoning_effort")
def _():
    agent = create_agent(chat(reasoning_effort="low", max_tokens=4000), tools=[get_weather])
    seen = [c for c, _ in agent.stream({"messages": [("user", WEATHER)]}, stream_mode="messages")]
    answered("".join(c.content for c in seen if isinstance(c, AIMessageChunk)))


@scenario("JSON mode: with_structured_output(None, method=\"json_mode\")")
def _():
    got = chat().with_structured_output(None, method="json_mode").invoke("Describe granite as JSON.")
    need(isinstance(got, dict), got)


@scenario("several answers: generate, n=2")
def _():
    r = chat(n=2).generate([[HumanMessage(HELLO)]])
    need(len(r.generations[0]) == 2 and all(g.text for g in r.generations[0]), r)


@scenario("embeddings: OpenAIEmbeddings, embed_documents, embed_query")
def _():
    settings = {"model": EMBEDS, "base_url": URL + "/v1", "api_key": KEY, "max_retries": 0}
    sent = OpenAIEmbeddings(**settings).embed_documents(ROCKS)  # as tokens
    texts = OpenAIEmbeddings(**settings, check_embedding_ctx_length=False)
    for a, b in zip(sent, texts.embed_documents(ROCKS), strict=True):
        alike(a, b)
    alike(texts.embed_query(ROCKS[1]), sent[1])
    need(len(sent) == 3 and len(OpenAIEmbeddings(**settings, dimensions=256).embed_query("granite")) == 256)


run()
