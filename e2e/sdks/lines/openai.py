# pip install openai
from openai import OpenAI
from pydantic import BaseModel

client = OpenAI(base_url="http://127.0.0.1:4000/v1", api_key="unused")

class Stone(BaseModel):
    name: str
    hardness: int

ask = {"model": "claude-sonnet-5", "messages": [{"role": "user", "content": "Describe granite."}]}
print(client.chat.completions.parse(**ask, response_format=Stone).choices[0].message.parsed)

with client.chat.completions.stream(**ask, stream_options={"include_usage": True}) as stream:
    for event in stream:
        if event.type == "content.delta":
            print(event.delta, end="", flush=True)
    print(stream.get_final_completion().usage)
