"""OpenAI's SDK for Python at the gateway's path for OpenAI's own API."""

import openai
from gateway import KEY, URL
from scenario import need, run, scenario

client = openai.OpenAI(base_url=URL + "/openai_passthrough/v1", api_key=KEY, max_retries=0)
asked = [{"role": "user", "content": "Name a rock."}]


@scenario("a chat, with its cost in a header")
def _():
    r = client.chat.completions.with_raw_response.create(model="gpt-4o", messages=asked)
    need(r.parse().choices[0].message.content == "granite", r.text)
    need(r.headers["x-outcrop-cost"] == "0.00003", r.headers)


@scenario("a streamed chat")
def _():
    with client.chat.completions.create(model="gpt-4o", messages=asked, stream=True, stream_options={"include_usage": True}) as chunks:
        all = list(chunks)
    need(all[-1].usage.prompt_tokens == 4 and all[0].choices[0].delta.content == "granite", all)


@scenario("a streamed response")
def _():
    with client.responses.create(model="gpt-4o", input="Name a rock.", stream=True) as events:
        all = list(events)
    need(all[-1].response.usage.output_tokens == 2, all)


@scenario("embeddings")
def _():
    r = client.embeddings.with_raw_response.create(model="text-embedding-3-small", input="granite", encoding_format="float")
    need(r.parse().data[0].embedding == [0.5, 0.25] and r.headers["x-outcrop-cost"] == "0.00000008", r.headers)


run()
