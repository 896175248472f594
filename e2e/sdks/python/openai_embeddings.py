"""OpenAI's SDK for Python with embeddings of Cohere and Ollama, in front of a fake of their APIs.

The vectors of the fake begin with the length of their text; those of images with 0.
"""

import openai
from gateway import client
from openai.types import CreateEmbeddingResponse
from scenario import need, raises, run, scenario

IMAGE = "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="


def embed(**parameters):
    r = client.embeddings.with_raw_response.create(**parameters)
    e = r.parse()
    CreateEmbeddingResponse.model_validate(e.model_dump(exclude_unset=True))
    return e, r.headers


@scenario("texts have vectors of Cohere in order, more than one call takes")
def _():
    e, headers = embed(model="cohere4", input=["a" * (i + 1) for i in range(200)])
    need([d.embedding[0] for d in e.data] == list(range(1, 201)) and [d.index for d in e.data] == list(range(200)), e)
    need(e.usage.prompt_tokens == 400 and e.usage.total_tokens == 400 and e.model == "cohere4", e.usage)
    need(headers["x-outcrop-target"] == "provider=cohere; api=embeddings; id=embed-v4.0" and headers["x-outcrop-cost"] == "0.000048", headers)
    plain, _ = embed(model="cohere4", input="granite", encoding_format="float")
    need(plain.data[0].embedding == [7, 1], plain)


@scenario("Cohere's own parameters reach it")
def _():
    own = {"input_type": "search_query", "truncate": "START", "embedding_types": ["float", "int8"], "max_tokens": 100, "priority": 1}
    e, _ = embed(model="cohere4", input="granite", dimensions=256, encoding_format="float", extra_body=own)
    need(e.data[0].embedding == [7, 1] and e.data[0].embeddings_by_type == {"float": [7, 1], "int8": [7, 1]}, e)


@scenario("images and texts with images reach Cohere")
def _():
    both = {"content": [{"type": "text", "text": "a rock"}, {"type": "image_url", "image_url": {"url": IMAGE}}]}
    e, headers = embed(model="cohere4", input=[IMAGE, "slate", both], encoding_format="float")
    need([d.embedding[0] for d in e.data] == [0, 5, 0], e)
    e, _ = embed(model="cohere3", input=[IMAGE, IMAGE], encoding_format="float")
    need([d.embedding for d in e.data] == [[0, 1], [0, 1]], e)


@scenario("what Cohere does not have is refused by name")
def _():
    e = raises(openai.BadRequestError, lambda: embed(model="cohere3", input="a", dimensions=256))
    need(e.param == "dimensions", e.body)
    e = raises(openai.BadRequestError, lambda: embed(model="cohere4", input="a", extra_body={"normalize": True}))
    need(e.param == "normalize", e.body)
    _, headers = embed(model="cohere3", input="a", dimensions=256, extra_body={"drop_params": True})
    need("dropped;field=dimensions" in headers["x-outcrop-warnings"], headers)


@scenario("texts have vectors of Ollama, with its own parameters")
def _():
    e, headers = embed(model="local", input=["granite", "slate"])
    need([d.embedding for d in e.data] == [[7, 0.25], [5, 0.25]] and e.usage.prompt_tokens == 8, e)
    need(headers["x-outcrop-target"] == "provider=ollama; api=embeddings; id=nomic-embed-text", headers)
    embed(model="local", input="granite", dimensions=2, extra_body={"truncate": False, "keep_alive": "10m", "num_ctx": 8192, "options": {"num_gpu": 1}})


run()
