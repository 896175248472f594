"""llm, the library and the command line, with a model of extra-openai-models.yaml."""

import json
import os
import pathlib
import signal
import subprocess
import sys

from client import BREAKS, DENIED, DESCRIBE, ENDLESS, HELLO, KEY, LONG, MODEL, URL, WEATHER, Stone, answered, leaves, weather
from media import png
from scenario import need, raises, run, scenario

folder = pathlib.Path(os.environ["HOME"]) / "llm"
folder.mkdir(parents=True, exist_ok=True)
os.environ["LLM_USER_PATH"] = str(folder)
(folder / "extra-openai-models.yaml").write_text(f"""\
- model_id: outcrop
  model_name: {MODEL}
  api_base: {URL}/v1
  api_key_name: outcrop
  vision: true
  supports_schema: true
  supports_tools: true
  reasoning: true
""")
(folder / "keys.json").write_text(json.dumps({"outcrop": KEY}))

import llm  # noqa: E402  (it reads the folder's name when it is imported)
import openai  # noqa: E402

model = llm.get_model("outcrop")


def command(*words, **more):
    """What the command line prints."""
    r = subprocess.run([sys.executable, "-m", "llm", *words], capture_output=True, text=True, timeout=300, stdin=subprocess.DEVNULL, **more)
    need(r.returncode == 0, r.stderr)
    return r.stdout


def get_weather(city: str) -> str:
    """The weather in a city now."""
    return weather(city)


@scenario("a chat: model.prompt(stream=False)")
def _():
    r = model.prompt(HELLO, system="Be brief.", stream=False)
    need(r.text() == "You said: " + HELLO and r.usage().input > 0 and r.usage().output > 0, r.text(), r.usage())


@scenario("a stream: model.prompt; llm -m outcrop; llm openai endpoint")
def _():
    r = model.prompt(LONG)
    pieces = list(r)
    need(len(pieces) > 5 and len("".join(pieces).split()) == 60 and r.usage().output > 0, pieces, r.usage())
    need(len(command("-m", "outcrop", LONG).split()) == 60, "llm -m outcrop")
    need(len(command("openai", "endpoint", URL + "/v1", LONG, "-m", MODEL, "--key", KEY).split()) == 60, "llm openai endpoint")
    need(MODEL in command("openai", "endpoint", URL + "/v1", "--models", "--key", KEY).split(), "llm openai endpoint --models")


@scenario("a tool loop: model.chain(tools=[...], stream=False)")
def _():
    answered(model.chain(WEATHER, tools=[get_weather], stream=False).text())


@scenario("a tool loop, streamed: model.chain(tools=[...]); llm --functions")
def _():
    pieces = list(model.chain(WEATHER, tools=[get_weather]))
    need(len(pieces) > 2, pieces)
    answered("".join(pieces))
    functions = "def get_weather(city: str) -> str:\n    'The weather in a city now.'\n    return f'sunny in {city}'\n"
    answered(command("-m", "outcrop", "--functions", functions, WEATHER))


@scenario("an image: llm.Attachment; llm -a")
def _():
    image = png()
    need(f"an image (png, {len(image)} bytes)" in model.prompt("What is this?", attachments=[llm.Attachment(type="image/png", content=image)]).text(), "Attachment")
    file = folder / "grey.png"
    file.write_bytes(image)
    need(f"an image (png, {len(image)} bytes)" in command("-m", "outcrop", "What is this?", "-a", str(file)), "llm -a")


@scenario("structured output: model.prompt(schema=Stone, stream=False)")
def _():
    stone = Stone.model_validate_json(model.prompt(DESCRIBE, schema=Stone, stream=False).text())
    need(stone.hardness == 7, stone)


@scenario("structured output, streamed: model.prompt(schema=Stone); llm --schema")
def _():
    stone = Stone.model_validate_json(model.prompt(DESCRIBE, schema=Stone).text())
    need(stone.hardness == 7, stone)
    stone = Stone.model_validate_json(command("-m", "outcrop", "--schema", "name, hardness int", DESCRIBE))
    need(stone.hardness == 7, stone)


@scenario("a refusal: openai.PermissionDeniedError")
def _():
    e = raises(openai.PermissionDeniedError, model.prompt(DENIED).text)
    need(e.status_code == 403 and "AccessDeniedException" in e.message, e)
    r = subprocess.run([sys.executable, "-m", "llm", "-m", "outcrop", DENIED], capture_output=True, text=True, timeout=300, stdin=subprocess.DEVNULL)
    need(r.returncode == 1 and "AccessDeniedException" in r.stderr, r)


@scenario("a stream that breaks off: openai.APIError")
def _():
    got = []
    e = raises(openai.APIError, lambda: got.extend(iter(model.prompt(BREAKS))))
    need(e.body["outcrop"]["code"], e)


@scenario("leaving in mid-stream: Ctrl-C")
def _():
    def leave():
        with subprocess.Popen([sys.executable, "-m", "llm", "-m", "outcrop", ENDLESS], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, stdin=subprocess.DEVNULL) as p:
            need(p.stdout.read(1), "nothing came")
            p.send_signal(signal.SIGINT)

    leaves(leave)


@scenario("reasoning in a tool loop: model.chain(stream=False), reasoning_effort")
def _():
    answered(model.chain(WEATHER, tools=[get_weather], options={"reasoning_effort": "low", "max_tokens": 4000}, stream=False).text())


@scenario("reasoning in a streamed tool loop: model.chain, reasoning_effort")
def _():
    answered(model.chain(WEATHER, tools=[get_weather], options={"reasoning_effort": "low", "max_tokens": 4000}).text())


@scenario("JSON mode: model.prompt(json_object=True)")
def _():
    r = model.prompt("Describe granite as JSON.", json_object=True)
    need(isinstance(json.loads(r.text()), dict), r.text())


run()
