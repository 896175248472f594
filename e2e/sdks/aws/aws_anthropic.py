"""AnthropicBedrock: InvokeModel and InvokeModelWithResponseStream through the gateway."""

import os

import anthropic
from door import HELLO, REGION
from scenario import need, raises, run, scenario

client = anthropic.AnthropicBedrock(aws_region=REGION, base_url=os.environ["AWS_ENDPOINT_URL_BEDROCK_RUNTIME"], max_retries=0)
ASK = {"max_tokens": 100, "messages": [{"role": "user", "content": HELLO}]}


@scenario("a response")
def _():
    r = client.messages.create(model="claude", **ASK)
    need(r.content[0].text == "granite" and r.usage.output_tokens == 4, r)


@scenario("a stream")
def _():
    with client.messages.stream(model="claude", **ASK) as s:
        need(s.get_final_text() == "granite", s)


@scenario("a refusal")
def _():
    e = raises(anthropic.PermissionDeniedError, client.messages.create, model="denied", **ASK)
    need("not authorized" in str(e), e)


@scenario("a stream that breaks off")
def _():
    def go():
        with client.messages.stream(model="breaks", **ASK) as s:
            s.get_final_text()

    e = raises(anthropic.APIError, go)
    need("modelStreamErrorException" in str(e), e)


run()
