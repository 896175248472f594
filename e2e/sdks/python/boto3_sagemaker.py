"""boto3 with a fake SageMaker, by botocore's service models of sagemaker-runtime and sagemaker.

WHOLE and STREAM are bodies that the gateway sent. REFUSALS are a list of endpoints that
refuse, each with the type, the status and a part of the message.
"""

import json
import os

import boto3
import botocore.config
from botocore.exceptions import ClientError, EventStreamError

from scenario import need, raises, run, scenario


def connect(service):
    return boto3.client(
        service,
        region_name="eu-west-1",
        endpoint_url=os.environ["BASE_URL"],
        aws_access_key_id=os.environ["ACCESS_KEY"],
        aws_secret_access_key=os.environ["SECRET_KEY"],
        config=botocore.config.Config(retries={"max_attempts": 0}),
    )


runtime = connect("sagemaker-runtime")


def events_of(endpoint, body):
    r = runtime.invoke_endpoint_with_response_stream(EndpointName=endpoint, ContentType="application/json", Body=body, InferenceComponentName="granite-1")
    need(r["ContentType"] == "text/event-stream", r)
    return r["Body"]


@scenario("a response is read whole")
def _():
    r = runtime.invoke_endpoint(EndpointName="rocks", ContentType="application/json", Body=os.environ["WHOLE"], InferenceComponentName="granite-1")
    need(json.load(r["Body"])["choices"][0]["message"]["content"] == "Granite.", r)


@scenario("a stream is read part by part")
def _():
    parts = [e["PayloadPart"]["Bytes"] for e in events_of("rocks", os.environ["STREAM"])]
    text = b"".join(parts).decode()
    need(len(parts) > 6 and text.endswith("data: [DONE]\n\n"), text)
    chunks = [json.loads(line.removeprefix("data: ")) for line in text.split("\n\n") if line and line != "data: [DONE]"]
    need("".join(c["choices"][0]["delta"].get("content") or "" for c in chunks if c["choices"]) == "Granite.", chunks)


@scenario("an exception in a stream is raised as its type")
def _():
    e = raises(EventStreamError, lambda: list(events_of("broken", os.environ["STREAM"])))
    need(e.response["Error"]["Code"] == "ModelStreamError" and "ran out of memory" in e.response["Error"]["Message"], e.response)


@scenario("every refusal is raised as its type, with its status and its words")
def _():
    for endpoint, kind, status, words in json.loads(os.environ["REFUSALS"]):
        e = raises(ClientError, runtime.invoke_endpoint, EndpointName=endpoint, ContentType="application/json", Body=b"{}")
        need(e.response["Error"]["Code"] == kind, endpoint, kind, e.response)
        need(e.response["ResponseMetadata"]["HTTPStatusCode"] == int(status), status, e.response)
        need(words in e.response["Error"]["Message"], words, e.response)
        modelled = getattr(runtime.exceptions, kind, None)
        need(modelled is None or isinstance(e, modelled), kind, type(e))
        if kind == "ModelError":
            need(e.response["OriginalStatusCode"] >= 400 and words in e.response["OriginalMessage"] and e.response["LogStreamArn"], e.response)


@scenario("endpoints are listed and described")
def _():
    client = connect("sagemaker")
    need([e["EndpointName"] for e in client.list_endpoints(MaxResults=100)["Endpoints"]] == ["rocks"])
    need(client.describe_endpoint(EndpointName="rocks")["EndpointStatus"] == "InService")


run()
