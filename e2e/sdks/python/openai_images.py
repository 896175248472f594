"""OpenAI's SDK for Python with images of models that have other APIs for them, in front of fakes of these."""

import base64
import os

import openai
import pydantic
from gateway import client
from openai.types import ImagesResponse
from scenario import need, raises, run, scenario

PNG = base64.b64decode(os.environ["PNG"])
MASK = base64.b64decode(os.environ["MASK"])


def valid(r):
    """Validates a response strictly by the SDK's type."""
    i = r.parse()
    pydantic.TypeAdapter(ImagesResponse).validate_python(i.model_dump(exclude_unset=True))
    return i


def made(i, n=1):
    return i.created > 0 and [base64.b64decode(d.b64_json) for d in i.data] == [PNG] * n


def generate(**parameters):
    return client.images.with_raw_response.generate(prompt="granite", **parameters)


@scenario("Gemini makes images, with their usage and cost")
def _():
    r = generate(model="studio", size="1792x1024", user="u-1")
    i = valid(r)
    need(made(i) and i.usage.total_tokens == 1295 and i.usage.input_tokens == 5 and i.output_format == "png", i)
    need(r.headers["x-outcrop-target"] == "provider=gemini; api=generateContent; id=gemini-2.5-flash-image" and r.headers["x-outcrop-cost"] == "0.0390015", r.headers)
    need("dropped;field=user" in r.headers["x-outcrop-warnings"], r.headers)
    i = valid(generate(model="vertex", size="2048x2048", n=2))
    need(made(i, 2) and i.usage.total_tokens == 2590, i)


@scenario("Imagen makes images, several in a call")
def _():
    for model, provider in ("studio-imagen", "gemini"), ("vertex-imagen", "vertex_ai"):
        r = generate(model=model, size="1024x1792", n=3, output_format="jpeg")
        i = valid(r)
        need(made(i, 3) and i.usage is None and f"provider={provider}; api=predict" in r.headers["x-outcrop-target"], i, r.headers)


@scenario("images are edited")
def _():
    r = client.images.with_raw_response.edit(model="studio", image=[("a.png", PNG), ("b.png", PNG)], prompt="more granite")
    need(made(valid(r)), r.headers)
    r = client.images.with_raw_response.edit(model="vertex-editor", image=("a.png", PNG), mask=("m.png", MASK), prompt="more granite")
    need(made(valid(r)), r.headers)
    r = client.images.with_raw_response.edit(model="canvas", image=("a.png", PNG), mask=("m.png", MASK), prompt="more granite", extra_body={"negativeText": "moss"})
    need(made(valid(r)), r.headers)
    e = raises(openai.BadRequestError, lambda: client.images.edit(model="studio", image=("a.png", PNG), mask=("m.png", MASK), prompt="more granite"))
    need(e.param == "mask", e.body)
    e = raises(openai.BadRequestError, lambda: client.images.edit(model="studio-imagen", image=("a.png", PNG), prompt="more granite"))
    need(e.param == "model" and e.body["outcrop"]["code"] == "model.feature_unsupported", e.body)


@scenario("models of Bedrock make images")
def _():
    r = generate(model="canvas", n=2, size="1280x720", quality="hd")
    need(made(valid(r), 2) and "api=invoke" in r.headers["x-outcrop-target"], r.headers)
    need(made(valid(generate(model="titan", n=1, size="512x512", quality="standard"))))
    r = generate(model="stable", n=2, size="1024x1024", extra_body={"seed": 7})
    need(made(valid(r), 2) and r.headers["x-outcrop-cost"] == "0.16", r.headers)


@scenario("an address is a data URI, and says so")
def _():
    r = generate(model="canvas", response_format="url")
    need(r.parse().data[0].url == "data:image/png;base64," + base64.b64encode(PNG).decode(), r.parse())
    need("changed;field=response_format" in r.headers["x-outcrop-warnings"], r.headers)


@scenario("what a filter refuses is an error with that code")
def _():
    for model in "studio", "vertex-imagen", "canvas", "stable":
        e = raises(openai.BadRequestError, lambda: client.images.generate(model=model, prompt="moss"))
        need(e.code == "content_filter" and e.body["outcrop"]["code"] == "request.content_filtered", model, e.body)


@scenario("what a model lacks is refused by name, or dropped with a warning")
def _():
    e = raises(openai.BadRequestError, lambda: client.images.generate(model="stable", prompt="granite", background="transparent"))
    need(e.param == "background", e.body)
    r = generate(model="stable", background="transparent", style="vivid", extra_body={"drop_params": True})
    need("dropped;field=background" in r.headers["x-outcrop-warnings"] and "dropped;field=style" in r.headers["x-outcrop-warnings"], r.headers)
    e = raises(openai.BadRequestError, lambda: client.images.generate(model="canvas", prompt="granite", n=11))
    need(e.param == "n", e.body)
    e = raises(openai.BadRequestError, lambda: client.images.generate(model="claude", prompt="granite"))
    need(e.param == "model" and e.body["outcrop"]["code"] == "model.feature_unsupported", e.body)
    e = raises(openai.BadRequestError, lambda: list(client.images.generate(model="studio", prompt="granite", stream=True)))
    need(e.param == "stream", e.body)


run()
