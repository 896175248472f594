"""Access to the emulator: boto3's clients, configured by the environment.

BASE_URL is the emulator's address, TLS_URL another with TLS, whose certificate is in
CA_BUNDLE: boto3 sends an API key only over TLS. ACCESS_KEY and SECRET_KEY are a key
pair, ROLE and EXTERNAL_ID a role that it may assume, API_KEY is a Bedrock API key.
The region is always us-east-1.
"""

import os

import boto3
import botocore.config

URL = os.environ["BASE_URL"]
TLS_URL = os.environ["TLS_URL"]
CA_BUNDLE = os.environ["CA_BUNDLE"]
ACCESS_KEY = os.environ["ACCESS_KEY"]
SECRET_KEY = os.environ["SECRET_KEY"]
ROLE = os.environ["ROLE"]
EXTERNAL_ID = os.environ["EXTERNAL_ID"]
API_KEY = os.environ["API_KEY"]

ACCOUNT = "123456789012"
PROFILE = "us.anthropic.claude-sonnet-4-5-20250929-v1:0"
MODEL = "anthropic.claude-sonnet-4-5-20250929-v1:0"
NOVA = "amazon.nova-lite-v1:0"


def connect(service, region="us-east-1", key=ACCESS_KEY, secret=SECRET_KEY, token=None, **more):
    """A client of one service that does not retry."""
    config = botocore.config.Config(retries={"max_attempts": 1, "mode": "standard"}, read_timeout=120, **more)
    return boto3.client(service, region_name=region, endpoint_url=URL, aws_access_key_id=key, aws_secret_access_key=secret, aws_session_token=token, config=config)


runtime = connect("bedrock-runtime")
control = connect("bedrock")
sts = connect("sts")


def user(text):
    return [{"role": "user", "content": [{"text": text}]}]


def converse(text, client=runtime, **more):
    """One call of Converse with one text, or with a list of messages."""
    return client.converse(**{"modelId": PROFILE, "messages": user(text) if isinstance(text, str) else text, **more})


def stream(text, **more):
    """The events of one call of ConverseStream."""
    r = runtime.converse_stream(**{"modelId": PROFILE, "messages": user(text) if isinstance(text, str) else text, **more})
    return r["stream"]
