"""Authentication: signatures, sessions, API keys, and refusals."""

import datetime
import os

import boto3
import botocore.auth
from aws import ACCOUNT, API_KEY, CA_BUNDLE, EXTERNAL_ID, PROFILE, ROLE, SECRET_KEY, TLS_URL, connect, converse, sts, user
from botocore.exceptions import ClientError
from scenario import need, raises, scenario


def code(call, *args, **more):
    """The code and the status of the error of a refused call."""
    e = raises(ClientError, call, *args, **more)
    return e.response["Error"]["Code"], e.response["ResponseMetadata"]["HTTPStatusCode"]


def assume(**more):
    return sts.assume_role(RoleArn=ROLE, RoleSessionName="e2e", ExternalId=EXTERNAL_ID, **more)


@scenario("GetCallerIdentity names the caller")
def _():
    r = sts.get_caller_identity()
    need(r["Account"] == ACCOUNT and r["Arn"] == f"arn:aws:iam::{ACCOUNT}:user/demo" and r["UserId"], r)


@scenario("an assumed role's session calls models under its own name")
def _():
    r = assume(DurationSeconds=900)
    c = r["Credentials"]
    left = c["Expiration"] - datetime.datetime.now(datetime.timezone.utc)
    need(datetime.timedelta(seconds=800) < left <= datetime.timedelta(seconds=900), c["Expiration"])
    session = {"key": c["AccessKeyId"], "secret": c["SecretAccessKey"], "token": c["SessionToken"]}
    who = connect("sts", **session).get_caller_identity()
    need(who["Arn"] == r["AssumedRoleUser"]["Arn"] and who["Arn"].endswith("/e2e"), who)
    need(converse("Hello.", client=connect("bedrock-runtime", **session))["stopReason"] == "end_turn", "no answer")
    session["token"] = None
    need(code(converse, "Hello.", client=connect("bedrock-runtime", **session))[1] == 403, "a session without its token")


@scenario("AssumeRole wants the external id, and a role that there is")
def _():
    need(code(sts.assume_role, RoleArn=ROLE, RoleSessionName="e2e", ExternalId="wrong") == ("AccessDenied", 403), "wrong external id")
    need(code(sts.assume_role, RoleArn=ROLE, RoleSessionName="e2e") == ("AccessDenied", 403), "no external id")
    need(code(sts.assume_role, RoleArn=ROLE + "s", RoleSessionName="e2e", ExternalId=EXTERNAL_ID) == ("AccessDenied", 403), "no such role")


@scenario("a wrong secret, an unknown key and another region are refused")
def _():
    wrong = connect("bedrock-runtime", secret=SECRET_KEY[::-1])
    need(code(converse, "Hello.", client=wrong) == ("InvalidSignatureException", 403), "wrong secret")
    need(code(converse, "Hello.", client=connect("bedrock-runtime", key="AKIDNOBODYKNOWS")) == ("UnrecognizedClientException", 403), "unknown key")
    need(code(converse, "Hello.", client=connect("bedrock-runtime", region="us-nowhere-1")) == ("InvalidSignatureException", 403), "no such region")
    need(code(connect("sts", secret=SECRET_KEY[::-1]).get_caller_identity) == ("SignatureDoesNotMatch", 403), "wrong secret for STS")
    need(code(connect("sts", key="AKIDNOBODYKNOWS").get_caller_identity) == ("InvalidClientTokenId", 403), "unknown key for STS")


@scenario("a signature of an hour ago is refused")
def _():
    client = connect("bedrock-runtime")
    real = botocore.auth.get_current_datetime
    botocore.auth.get_current_datetime = lambda *a, **k: real(*a, **k) - datetime.timedelta(hours=1)
    try:
        e = raises(ClientError, converse, "Hello.", client=client)
    finally:
        botocore.auth.get_current_datetime = real
    need(e.response["Error"]["Code"] == "InvalidSignatureException" and "Signature expired" in e.response["Error"]["Message"], e.response)


@scenario("a Bedrock API key comes from AWS_BEARER_TOKEN_BEDROCK")
def _():
    def ask(key):
        os.environ["AWS_BEARER_TOKEN_BEDROCK"] = key
        try:
            client = boto3.client("bedrock-runtime", region_name="us-east-1", endpoint_url=TLS_URL, verify=CA_BUNDLE)
            return client.converse(modelId=PROFILE, messages=user("Hello."))
        finally:
            del os.environ["AWS_BEARER_TOKEN_BEDROCK"]

    need(ask(API_KEY)["stopReason"] == "end_turn", "no answer")
    need(code(ask, "wrong") == ("AccessDeniedException", 403), "a wrong API key")
