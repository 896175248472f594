"""OpenAI's SDK for Python with OpenAI's other APIs, in front of a fake of OpenAI's API.

What comes back is also validated by the SDK's types, which the SDK itself does not do.
"""

import base64
import json

import httpx
import openai
import pydantic
from gateway import KEY, URL, client
from openai.types import Batch, Completion, FileDeleted, FileObject, ImagesResponse, ModerationCreateResponse
from openai.types.audio import Transcription, TranscriptionStreamEvent, TranscriptionVerbose, Translation
from openai.types.image_edit_stream_event import ImageEditStreamEvent
from openai.types.image_gen_stream_event import ImageGenStreamEvent
from scenario import need, raises, run, scenario


def valid(kind, value):
    """Validates a value strictly by a type of the SDK, and returns it."""
    data = value.model_dump(exclude_unset=True) if hasattr(value, "model_dump") else value
    pydantic.TypeAdapter(kind).validate_python(data)
    return value


def piece(chunk):
    """Validates a chunk of a text completion, whose finish reason the SDK's type has only in the last one."""
    data = chunk.model_dump(exclude_unset=True)
    for c in data["choices"]:
        if c["finish_reason"] is None:
            c["finish_reason"] = "stop"
    return valid(Completion, data) and chunk


def texts(chunks, choice=0):
    return "".join(c.text for chunk in chunks for c in chunk.choices if c.index == choice)


@scenario("a text completion passes with logprobs, echo and several choices")
def _():
    r = client.completions.with_raw_response.create(
        model="instruct", prompt=["What is", "Who is"], n=2, best_of=3, logprobs=1, echo=True, max_tokens=5, extra_headers={"x-test": "1"}
    )
    c = valid(Completion, r.parse())
    need(len(c.choices) == 4 and c.choices[3].text == "Who is granite." and c.choices[0].logprobs.tokens == ["granite"], c)
    need(c.model == "instruct" and c.usage.total_tokens == 12, c)
    need(r.headers["x-outcrop-target"].startswith("provider=openai; api=completions; id=gpt-3.5-turbo-instruct"), r.headers)
    need(r.headers["x-outcrop-cost"] == "0.000012", r.headers)


@scenario("tokens and a suffix pass")
def _():
    c = client.completions.create(model="instruct", prompt=[[15339, 1917], [1]], suffix=" end")
    need([x.text for x in c.choices] == ["granite.", "granite."], c)


@scenario("a streamed text completion passes, and has its usage only if asked")
def _():
    for usage in (True, False):
        chunks = [piece(c) for c in client.completions.create(
            model="instruct", prompt="What is", stream=True, **({"stream_options": {"include_usage": True}} if usage else {})
        )]
        need(texts(chunks) == "granite." and chunks[0].model == "instruct", chunks)
        need([bool(c.usage) for c in chunks][-1] == usage and sum(bool(c.usage) for c in chunks) == usage, chunks)


@scenario("a model for conversations completes texts, each prompt and choice by itself")
def _():
    r = client.completions.with_raw_response.create(model="chatted", prompt=["What is ", "Who is "], n=2, echo=True, max_tokens=9, stop=["END"])
    c = valid(Completion, r.parse())
    need([x.text for x in c.choices] == ["What is It is granite."] * 2 + ["Who is It is granite."] * 2, c)
    need([x.index for x in c.choices] == [0, 1, 2, 3] and c.choices[0].finish_reason == "stop" and c.usage.prompt_tokens == 4 * 11, c)
    need(c.id.startswith("cmpl-") and c.object == "text_completion" and c.model == "chatted", c)


@scenario("a model for conversations streams texts")
def _():
    for prompt, n in (("What is ", 1), (["What is ", "Who is "], 2)):
        chunks = [piece(c) for c in client.completions.create(
            model="chatted", prompt=prompt, n=n, echo=True, stream=True, stream_options={"include_usage": True}
        )]
        need(texts(chunks) == "What is It is granite.", chunks)
        need(n == 1 or texts(chunks, 3) == "Who is It is granite.", chunks)
        need(chunks[-1].usage.completion_tokens == 3 * n * n, chunks[-1])
        need({c.finish_reason for chunk in chunks for c in chunk.choices if c.index == 0} == {None, "stop"}, chunks)


@scenario("what a conversation cannot carry is refused by name, or dropped with a warning")
def _():
    for name, more in {"suffix": {"suffix": "end"}, "best_of": {"best_of": 4}, "logprobs": {"logprobs": 1}, "prompt": {"prompt": [1, 2]}}.items():
        e = raises(openai.BadRequestError, client.completions.create, **{"model": "chatted", "prompt": "What is", **more})
        need(e.param == name and e.body["outcrop"]["code"] and e.body["outcrop"]["fix"], e.body)
        if name != "prompt":
            r = client.completions.with_raw_response.create(model="chatted", prompt="What is", extra_body={"drop_params": True}, **more)
            need(r.parse().choices[0].text == "It is granite." and f"dropped;field={name}" in r.headers["x-outcrop-warnings"], r.headers)
    e = raises(openai.BadRequestError, client.completions.create, model="chatted", prompt=["a"] * 5, n=2)
    need(e.param == "n" and "8" in e.message, e.body)
    e = raises(openai.BadRequestError, client.completions.create, model="chatted", prompt=[{"text": "a"}])
    need(e.param == "prompt[0]", e.body)


@scenario("a refusal of a text completion has the vendor's words")
def _():
    e = raises(openai.RateLimitError, client.completions.create, model="instruct", prompt="limit me")
    need("granite quarry" in e.message and e.body["outcrop"]["code"] == "limit.requests", e.body)
    e = raises(openai.NotFoundError, client.completions.create, model="unknown", prompt="x")
    need(e.code == "model_not_found" and e.body["outcrop"]["code"], e.body)


@scenario("the Azure client's path names the model")
def _():
    azure = openai.AzureOpenAI(azure_endpoint=URL, api_key=KEY, api_version="2025-02-01-preview", max_retries=0)
    need(azure.completions.create(model="instruct", prompt="What is").choices[0].text == "granite.")


PNG = base64.b64decode("iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==")


@scenario("images are generated, with their usage and its cost")
def _():
    r = client.images.with_raw_response.generate(model="painter", prompt="granite", n=2, size="1024x1024", quality="low", user="u-1", extra_body={"metadata": {"team": "a"}})
    i = valid(ImagesResponse, r.parse())
    need(len(i.data) == 2 and base64.b64decode(i.data[1].b64_json) == PNG and i.usage.total_tokens == 110, i)
    need(r.headers["x-outcrop-target"] == "provider=openai; api=images/generations; id=gpt-image-1" and r.headers["x-outcrop-cost"] == "0.00011", r.headers)


@scenario("images stream as partial images")
def _():
    events = [valid(ImageGenStreamEvent, e) for e in client.images.generate(model="painter", prompt="granite", stream=True, partial_images=1)]
    need([e.type for e in events] == ["image_generation.partial_image", "image_generation.completed"] and events[1].usage.total_tokens == 110, events)
    events = [valid(ImageEditStreamEvent, e) for e in client.images.edit(model="painter", image=("a.png", PNG), prompt="granite", stream=True)]
    need([e.type for e in events] == ["image_edit.completed"], events)


@scenario("images are edited and varied, whole files reach the vendor")
def _():
    i = valid(ImagesResponse, client.images.edit(model="painter", image=[("a.png", PNG, "image/png"), ("b \"é.png", PNG)], mask=("m.png", PNG), prompt="more granite"))
    need(base64.b64decode(i.data[0].b64_json) == PNG, i)
    i = valid(ImagesResponse, client.images.create_variation(model="painter", image=("a.png", PNG), n=1))
    need(len(i.data) == 1, i)


@scenario("speech comes as bytes with its type, and as events")
def _():
    with client.audio.speech.with_streaming_response.create(model="speaker", voice="alloy", input="granite " * 1000, response_format="mp3") as r:
        pieces = list(r.iter_bytes(1000))
        need(r.headers["content-type"] == "audio/mpeg" and b"".join(pieces) == b"ID3" + bytes(300_000), r.headers, len(b"".join(pieces)))
        need(r.headers["x-outcrop-target"] == "provider=openai; api=audio/speech; id=gpt-4o-mini-tts", r.headers)
    with client.audio.speech.with_streaming_response.create(model="speaker", voice="alloy", input="granite", stream_format="sse") as r:
        lines = [line for line in r.iter_lines() if line.startswith("data: ")]
        need(r.headers["content-type"].startswith("text/event-stream") and len(lines) == 2 and "speech.audio.done" in lines[1], lines)


@scenario("audio is transcribed in each form")
def _():
    t = valid(Transcription, client.audio.transcriptions.create(model="writer", file=("a.wav", b"RIFF" + bytes(100_000)), language="en", temperature=0.5, include=["logprobs"]))
    need(t.text == "It is granite." and t.usage.total_tokens == 101, t)
    v = valid(TranscriptionVerbose, client.audio.transcriptions.create(model="writer", file=("a.wav", b"RIFF"), response_format="verbose_json", timestamp_granularities=["word", "segment"]))
    need(v.words[0].word == "granite", v)
    srt = client.audio.transcriptions.create(model="writer", file=("a.wav", b"RIFF"), response_format="srt")
    need(srt == "1\n00:00:00,000 --> 00:00:01,000\nIt is granite.\n", srt)
    events = [valid(TranscriptionStreamEvent, e) for e in client.audio.transcriptions.create(model="writer", file=("a.wav", b"RIFF"), stream=True)]
    need([e.type for e in events] == ["transcript.text.delta", "transcript.text.done"] and events[0].delta == "It is granite.", events)


@scenario("audio is translated")
def _():
    t = valid(Translation, client.audio.translations.create(model="writer", file=("a.wav", b"RIFF"), prompt="rocks"))
    need(t.text == "It is granite.", t)


@scenario("content is moderated, also without a model")
def _():
    for more in ({}, {"model": "omni-moderation-latest"}):
        m = valid(ModerationCreateResponse, client.moderations.create(input=[{"type": "text", "text": "granite"}], **more))
        need(m.results[0].flagged is False and m.model == "omni-moderation-latest", m)


@scenario("an API that the model's provider lacks, and a form without a model, are refused by name")
def _():
    e = raises(openai.BadRequestError, client.images.generate, model="claude", prompt="x")
    need(e.param == "model" and "/v1/images/generations" in e.message and e.body["outcrop"]["code"] == "model.feature_unsupported", e.body)
    e = raises(openai.BadRequestError, client.audio.transcriptions.create, model="", file=("a.wav", b"RIFF"))
    need(e.param == "model", e.body)
    e = raises(openai.BadRequestError, client.audio.transcriptions.create, model="writer", file=("a.wav", b"RIFF"), extra_body={"api_key": "sk-mine"})
    need(e.param == "api_key" and "sk-mine" not in e.message, e.body)
    e = raises(openai.NotFoundError, client.audio.speech.create, model="nobody", voice="alloy", input="x")
    need(e.param == "model", e.body)
    e = raises(openai.BadRequestError, client.images.generate, model="painter", prompt="refuse me")
    need("safety system" in e.message and e.body["outcrop"]["request_id"] == "req_granite", e.body)


@scenario("audio that breaks off is not taken for a whole")
def _():
    def cut():
        with client.audio.speech.with_streaming_response.create(model="speaker", voice="alloy", input="cut me") as r:
            return len(r.read())
    raises(httpx.RemoteProtocolError, cut)


def requests(*models):
    lines = [{"custom_id": str(i), "method": "POST", "url": "/v1/chat/completions", "body": {"model": m, "messages": []}} for i, m in enumerate(models)]
    return "\n".join(json.dumps(line) for line in lines).encode()


@scenario("a file is kept, described, listed, read and deleted")
def _():
    content = bytes(range(256)) * 2000
    f = valid(FileObject, client.files.create(file=("a.bin", content), purpose="user_data", extra_body={"target_model_names": "chatted"}))
    need(f.id.startswith("file-") and f.bytes == len(content) and f.filename == "a.bin", f)
    need(valid(FileObject, client.files.retrieve(f.id)).id == f.id)
    need(client.files.content(f.id).read() == content)
    with client.files.with_streaming_response.content(f.id) as r:
        need(r.headers["content-type"] == "application/octet-stream" and r.headers["content-disposition"] == 'attachment; filename="a.bin"', r.headers)
    empty = client.files.create(file=("e.bin", b""), purpose="user_data", extra_headers={"custom-llm-provider": "openai"})
    need(client.files.content(empty.id).read() == b"")
    ids = [valid(FileObject, x).id for x in client.files.list(limit=1, purpose="user_data", extra_query={"provider": "openai"})]
    need(ids == [f.id, empty.id], ids, f.id)
    d = valid(FileDeleted, client.files.delete(f.id))
    need(d.deleted and d.id == f.id, d)
    e = raises(openai.NotFoundError, client.files.retrieve, f.id)
    need("No such File object" in e.message, e.body)


@scenario("a batch runs with the models' names of the gateway")
def _():
    f = client.files.create(file=("in.jsonl", requests("chatted", "gpt-4.1", "claude")), purpose="batch", extra_query={"model": "chatted"})
    sent = [json.loads(line)["body"]["model"] for line in client.files.content(f.id).text.splitlines()]
    need(sent == ["gpt-4o", "gpt-4.1", "claude"], sent)
    b = valid(Batch, client.batches.create(input_file_id=f.id, endpoint="/v1/chat/completions", completion_window="24h", metadata={"team": "a"}))
    need(b.id.startswith("batch_") and b.input_file_id == f.id and b.status == "validating" and b.metadata == {"team": "a"}, b)
    b = valid(Batch, client.batches.retrieve(b.id))
    need(b.status == "completed" and client.files.content(b.output_file_id).text == '{"custom_id":"0"}\n' and b.error_file_id is None, b)
    need([x.id for x in client.batches.list(limit=1)] == [b.id])
    need(valid(Batch, client.batches.cancel(b.id)).status == "cancelling")


@scenario("ids that mean nothing, or too much, are not found")
def _():
    for bad in ("file-nothing", "file-b3V0Y3JvcDEKCgovLi4vLi4", "..%2f..%2fmodels", "file-" + "A" * 5000):
        e = raises(openai.NotFoundError, client.files.retrieve, bad)
        need(e.body["outcrop"]["code"], e.body)
    e = raises(openai.BadRequestError, client.batches.create, input_file_id="a/b", endpoint="/v1/chat/completions", completion_window="24h")
    need(e.param == "input_file_id", e.body)


@scenario("the account must be known, and have the API")
def _():
    for names, kind, param in (("nobody", openai.NotFoundError, "model"), ("claude", openai.BadRequestError, "target_model_names"), ("chatted,claude", openai.BadRequestError, "target_model_names")):
        e = raises(kind, client.files.create, file=("a.bin", b"x"), purpose="user_data", extra_body={"target_model_names": names})
        need(e.param == param, e.body)
    e = raises(openai.BadRequestError, client.files.list, extra_query={"provider": "anthropic"})
    need(e.param == "provider" and "anthropic" in e.message, e.body)
    e = raises(openai.BadRequestError, client.files.create, file=("a.bin", b"x"), purpose="user_data", extra_body={"api_key": "sk-mine"})
    need(e.param == "api_key", e.body)


@scenario("the Azure client finds files and batches under its paths")
def _():
    azure = openai.AzureOpenAI(azure_endpoint=URL, api_key=KEY, api_version="2025-02-01-preview", max_retries=0)
    f = azure.files.create(file=("a.bin", b"x"), purpose="user_data")
    need(azure.files.retrieve(f.id).id == f.id)
    need(len(list(azure.batches.list())) == 1)


run()
