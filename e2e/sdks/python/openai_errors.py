"""The SDK's typed exceptions, before an answer and within one."""

import openai
from gateway import MODEL, RETRIED, URL, chat, user
from scenario import need, raises, scenario


def refused(status, kind, aws, prompt):
    """A call, streamed or not, is refused with the status, the exception and AWS's name for it."""
    for stream in (False, True):
        e = raises(kind, chat, prompt, stream=stream)
        need(isinstance(e, openai.APIStatusError) and e.status_code == status, e)
        need(aws in e.message and e.body["message"] and e.body["type"], e.body)
        explained(e.body)
        need(e.request_id and len(e.request_id) == 32 and e.response.headers["x-amzn-requestid"], e.response.headers)


def explained(body):
    """The error object has a complete verdict, and the message ends with its fix."""
    v = body["outcrop"]
    need(all(v.get(k) for k in ("code", "cause", "actor", "fix", "docs", "request_id", "retry")), v)
    need(v["docs"].startswith("https://docs.aws.amazon.com/") and body["message"].endswith(v["fix"]), body)
    return v


@scenario("400 names the parameter")
def _():
    e = raises(openai.BadRequestError, chat, "Hello.", temperature=3)
    need(e.status_code == 400 and e.param == "temperature" and e.type == "invalid_request_error", e.body)
    e = raises(openai.BadRequestError, chat, [user("Hello."), {"role": "wizard", "content": "Hm."}])
    need(e.param == "messages[1].role", e.body)
    refused(400, openai.BadRequestError, "ValidationException", "[[fault: validation]]")
    e = raises(openai.BadRequestError, chat, "[[fault: too-long]]")
    need(e.code == "context_length_exceeded", e.body)


@scenario("401 is a wrong key")
def _():
    wrong = openai.OpenAI(base_url=URL + "/v1", api_key="sk-wrong", max_retries=0)
    e = raises(openai.AuthenticationError, wrong.chat.completions.create, model=MODEL, messages=[user("Hello.")])
    need(e.status_code == 401 and e.code == "401", e.body)
    raises(openai.AuthenticationError, wrong.models.list)


@scenario("403 is AWS's refusal")
def _():
    refused(403, openai.PermissionDeniedError, "AccessDeniedException", "[[fault: denied]]")


@scenario("a missing right comes with its statement")
def _():
    for stream, action in ((False, "bedrock:InvokeModel"), (True, "bedrock:InvokeModelWithResponseStream")):
        v = explained(raises(openai.PermissionDeniedError, chat, "[[fault: deny]]", stream=stream).body)
        need(v["code"] == "iam.identity_missing" and v["actor"] == "aws_admin" and v["retry"] == "no", v)
        need(v["statement"]["Effect"] == "Allow" and v["statement"]["Action"] == action and ":inference-profile/" in v["statement"]["Resource"], v)


@scenario("404 is an unknown model, or AWS's word for one")
def _():
    e = raises(openai.NotFoundError, chat, "Hello.", model="no-such-model")
    need(e.status_code == 404 and e.param == "model" and e.code == "model_not_found", e.body)
    refused(404, openai.NotFoundError, "ResourceNotFoundException", "[[fault: legacy]]")


@scenario("408 is a model that took too long")
def _():
    refused(408, openai.APIStatusError, "ModelTimeoutException", "[[fault: timeout]]")


@scenario("429 is a throttle")
def _():
    refused(429, openai.RateLimitError, "ThrottlingException", "[[fault: throttle]]")
    e = raises(openai.RateLimitError, chat, "[[fault: throttle-tokens]]")
    need(e.code == "rate_limit_exceeded" and "Too many tokens" in e.message, e.body)


@scenario("500 is AWS's failure")
def _():
    refused(500, openai.InternalServerError, "InternalServerException", "[[fault: internal]]")


@scenario("503 is AWS's overload")
def _():
    refused(503, openai.InternalServerError, "ServiceUnavailableException", "[[fault: unavailable]]")


@scenario("a failure that passes is not seen where the gateway tries again")
def _():
    r = chat("[[fault: unavailable times=1]] python, whole", model=RETRIED)
    need(r.choices[0].finish_reason == "stop", r)
    chunks = list(chat("[[fault: throttle first times=1]] python, streamed", model=RETRIED, stream=True))
    need(chunks[-1].choices[0].finish_reason == "stop", chunks[-1])


@scenario("an answer that breaks off raises, and never claims an end")
def _():
    for fault in ("throttle after=3", "internal after=3", "stream-error after=3", "error-frame after=3", "cut=reset after=3", "cut=fin after=3", "cut=end after=3", "cut=fin inside after=3", "corrupt after=3", "corrupt=prelude after=3"):
        got, finish = "", []

        def read():
            nonlocal got
            for c in chat(f"[[fault: {fault}]] [[words: 60]]", stream=True, stream_options={"include_usage": True}):
                need(c.choices, "usage of an answer that broke off", fault)
                got += c.choices[0].delta.content or ""
                finish.append(c.choices[0].finish_reason)

        e = raises(openai.APIError, read)
        need(not isinstance(e, openai.APIConnectionError) and e.message, fault, e)
        need(got.startswith("granite schist") and not any(finish), fault, got, finish)
        need(all(e.body["outcrop"].get(k) for k in ("code", "cause", "actor", "fix", "docs", "retry")), fault, e.body)


@scenario("a refusal in a stream's first frame is a status")
def _():
    e = raises(openai.RateLimitError, chat, "[[fault: throttle first]]", stream=True)
    need(e.status_code == 429, e)
