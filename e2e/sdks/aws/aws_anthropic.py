"""AnthropicBedrock: InvokeModel and InvokeModelWithResponseStream through the gateway."""

import os

import anthropic
from door import BREAKS, DENIED, HELLO, REGION
from scenario import need, raises, run, scenario

client = anthropic.AnthropicBedrock(aws_region=REGION, base_url=os.environ["AWS_ENDPOINT_URL_BEDROCK_RUNTIME"], max_retries=0)


def ask(text):
    return {"model": "claude", "max_tokens": 1000, "messages": [{"role": "user", "content": text}]}


@scenario("a response")
def _():
    r = client.messages.create(**ask(HELLO))
    need(r.content[0].text == "You said: " + HELLO and r.usage.output_tokens > 0 and r.stop_reason == "end_turn", r)


@scenario("a stream")
def _():
    with client.messages.stream(**ask("[[words: 60]]")) as s:
        text = s.get_final_text()
    need(len(text.split()) == 60, text)


@scenario("a refusal")
def _():
    e = raises(anthropic.PermissionDeniedError, client.messages.create, **ask(DENIED))
    need(e.status_code == 403 and "have access to the model" in str(e), e)


@scenario("a stream that breaks off")
def _():
    def go():
        with client.messages.stream(**ask(BREAKS)) as s:
            s.get_final_text()

    e = raises(anthropic.APIError, go)
    need("modelStreamErrorException" in str(e), e)


run()
