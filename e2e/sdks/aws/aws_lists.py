"""boto3's control plane and LangChain with an ARN: what the gateway says of models and profiles."""

import os

import boto3
import botocore.exceptions
from door import HELLO, REGION
from langchain_aws import ChatBedrockConverse
from scenario import need, raises, run, scenario

URL = os.environ["AWS_ENDPOINT_URL_BEDROCK_RUNTIME"]
ARN = os.environ["ARN"]
control = boto3.client("bedrock", region_name=REGION, endpoint_url=URL)


@scenario("ListFoundationModels lists what may be called")
def _():
    ids = [m["modelId"] for m in control.list_foundation_models()["modelSummaries"]]
    need("amazon.nova-lite-v1:0" in ids and len(ids) > 10, ids)


@scenario("GetFoundationModel describes a model")
def _():
    m = control.get_foundation_model(modelIdentifier="amazon.nova-lite-v1:0")["modelDetails"]
    need(m["modelId"] == "amazon.nova-lite-v1:0" and m["modelArn"], m)


@scenario("ListInferenceProfiles keeps to the policy, page by page")
def _():
    pages = list(control.get_paginator("list_inference_profiles").paginate(PaginationConfig={"PageSize": 20}))
    ids = [p["inferenceProfileId"] for page in pages for p in page["inferenceProfileSummaries"]]
    need("us.amazon.nova-lite-v1:0" in ids and len(pages) > 1 and not [i for i in ids if i.startswith("global.")], ids)


@scenario("GetInferenceProfile answers to an id and to an ARN")
def _():
    need(control.get_inference_profile(inferenceProfileIdentifier="us.amazon.nova-lite-v1:0")["models"], "no models")
    need(control.get_inference_profile(inferenceProfileIdentifier=ARN)["inferenceProfileArn"] == ARN, ARN)


@scenario("a profile that the policy forbids is not found")
def _():
    e = raises(botocore.exceptions.ClientError, control.get_inference_profile, inferenceProfileIdentifier="global.amazon.nova-2-lite-v1:0")
    need(e.response["Error"]["Code"] == "ResourceNotFoundException", e.response)


@scenario("other operations are not served")
def _():
    e = raises(botocore.exceptions.ClientError, control.list_guardrails)
    need(e.response["ResponseMetadata"]["HTTPStatusCode"] == 404, e.response)


@scenario("LangChain calls an application inference profile by its ARN")
def _():
    chat = ChatBedrockConverse(model=ARN, provider="anthropic", region_name=REGION, endpoint_url=URL)
    need(chat.invoke(HELLO).content == "You said: " + HELLO, ARN)


run()
