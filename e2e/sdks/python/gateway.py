"""Access to the gateway: the SDK's client, configured by the environment.

BASE_URL is the gateway's address, API_KEY its key, MODEL the name of a model that
thinks and calls tools, RETRIED another name of the model, with retries.
"""

import os

import openai

URL = os.environ["BASE_URL"]
KEY = os.environ["API_KEY"]
MODEL = os.environ["MODEL"]
RETRIED = os.environ["RETRIED"]

client = openai.OpenAI(base_url=URL + "/v1", api_key=KEY, max_retries=0, timeout=120)

WEATHER = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "description": "The weather in a city now.",
        "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
    },
}


def user(content):
    return {"role": "user", "content": content}


def chat(content, **more):
    """One call of the model with one message, or with a list of messages."""
    messages = content if isinstance(content, list) else [user(content)]
    return client.chat.completions.create(**{"model": MODEL, "messages": messages, **more})
