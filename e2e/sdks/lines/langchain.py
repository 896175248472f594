# pip install langchain langchain-openai
from langchain.agents import create_agent
from langchain_openai import ChatOpenAI

model = ChatOpenAI(model="claude-sonnet-5", base_url="http://127.0.0.1:4000/v1", api_key="unused", stream_usage=True)

def get_weather(city: str) -> str:
    """The weather in a city now."""
    return f"sunny in {city}"

agent = create_agent(model, tools=[get_weather])
ask = {"messages": [("user", "What is the weather in Paris?")]}
for chunk, _ in agent.stream(ask, stream_mode="messages"):
    if chunk.type == "AIMessageChunk":
        print(chunk.text, end="", flush=True)
