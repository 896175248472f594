# pip install 'pydantic-ai-slim[openai]'
from pydantic import BaseModel
from pydantic_ai import Agent, NativeOutput
from pydantic_ai.models.openai import OpenAIChatModel
from pydantic_ai.providers.openai import OpenAIProvider

model = OpenAIChatModel("claude-sonnet-5", provider=OpenAIProvider(base_url="http://127.0.0.1:4000/v1", api_key="unused"))

class Forecast(BaseModel):
    city: str
    words: str

agent = Agent(model, output_type=NativeOutput(Forecast))

@agent.tool_plain
def get_weather(city: str) -> str:
    """The weather in a city now."""
    return f"sunny in {city}"

print(agent.run_sync("What is the weather in Paris?").output)
