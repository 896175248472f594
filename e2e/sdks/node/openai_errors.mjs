// The SDK's typed errors, before an answer and within one.

import OpenAI from "openai";
import { body, chat, collect, model, retried, url, user } from "./gateway.mjs";
import { need, raises, scenario } from "./scenario.mjs";

// refused checks that a call, streamed or not, is refused with the status, the error's kind and AWS's name for it.
async function refused(status, kind, aws, prompt) {
  for (const stream of [false, true]) {
    const e = await raises(kind, () => chat(prompt, { stream }));
    need(e.status === status, e);
    need(e.message.includes(aws) && e.error.message && e.error.type, e.error);
    explained(e.error);
    need(e.requestID?.length === 32 && e.headers.get("x-amzn-requestid"), e.headers);
  }
}

// explained checks that the error object has a complete verdict, and the message ends with its fix.
function explained(error) {
  const v = error.outcrop;
  need(["code", "cause", "actor", "fix", "docs", "request_id", "retry"].every((k) => v[k]), v);
  need(v.docs.startsWith("https://docs.aws.amazon.com/") && error.message.endsWith(v.fix), error);
  return v;
}

scenario("400 names the parameter", async () => {
  let e = await raises(OpenAI.BadRequestError, () => chat("Hello.", { temperature: 3 }));
  need(e.status === 400 && e.param === "temperature" && e.type === "invalid_request_error", e.error);
  e = await raises(OpenAI.BadRequestError, () => chat([user("Hello."), { role: "wizard", content: "Hm." }]));
  need(e.param === "messages[1].role", e.error);
  await refused(400, OpenAI.BadRequestError, "ValidationException", "[[fault: validation]]");
  e = await raises(OpenAI.BadRequestError, () => chat("[[fault: too-long]]"));
  need(e.code === "context_length_exceeded", e.error);
});

scenario("401 is a wrong key", async () => {
  const wrong = new OpenAI({ baseURL: url + "/v1", apiKey: "sk-wrong", maxRetries: 0 });
  const e = await raises(OpenAI.AuthenticationError, () => wrong.chat.completions.create(body("Hello.", { model })));
  need(e.status === 401 && e.code === "401", e.error);
  await raises(OpenAI.AuthenticationError, () => wrong.models.list());
});

scenario("403 is AWS's refusal", () => refused(403, OpenAI.PermissionDeniedError, "AccessDeniedException", "[[fault: denied]]"));

scenario("a missing right comes with its statement", async () => {
  for (const [stream, action] of [[false, "bedrock:InvokeModel"], [true, "bedrock:InvokeModelWithResponseStream"]]) {
    const v = explained((await raises(OpenAI.PermissionDeniedError, () => chat("[[fault: deny]]", { stream }))).error);
    need(v.code === "iam.identity_missing" && v.actor === "aws_admin" && v.retry === "no", v);
    need(v.statement.Effect === "Allow" && v.statement.Action === action && v.statement.Resource.includes(":inference-profile/"), v);
  }
});

scenario("404 is an unknown model, or AWS's word for one", async () => {
  const e = await raises(OpenAI.NotFoundError, () => chat("Hello.", { model: "no-such-model" }));
  need(e.status === 404 && e.param === "model" && e.code === "model_not_found", e.error);
  await refused(404, OpenAI.NotFoundError, "ResourceNotFoundException", "[[fault: legacy]]");
});

scenario("408 is a model that took too long", () => refused(408, OpenAI.APIError, "ModelTimeoutException", "[[fault: timeout]]"));

scenario("429 is a throttle", async () => {
  await refused(429, OpenAI.RateLimitError, "ThrottlingException", "[[fault: throttle]]");
  const e = await raises(OpenAI.RateLimitError, () => chat("[[fault: throttle-tokens]]"));
  need(e.code === "rate_limit_exceeded" && e.message.includes("Too many tokens"), e.error);
});

scenario("500 is AWS's failure", () => refused(500, OpenAI.InternalServerError, "InternalServerException", "[[fault: internal]]"));

scenario("503 is AWS's overload", () => refused(503, OpenAI.InternalServerError, "ServiceUnavailableException", "[[fault: unavailable]]"));

scenario("a failure that passes is not seen where the gateway tries again", async () => {
  const r = await chat("[[fault: unavailable times=1]] node, whole", { model: retried });
  need(r.choices[0].finish_reason === "stop", r);
  const chunks = await collect(chat("[[fault: throttle first times=1]] node, streamed", { model: retried, stream: true }));
  need(chunks.at(-1).choices[0].finish_reason === "stop", chunks.at(-1));
});

scenario("an answer that breaks off raises, and never claims an end", async () => {
  const faults = ["throttle after=3", "internal after=3", "stream-error after=3", "error-frame after=3", "cut=reset after=3", "cut=fin after=3", "cut=end after=3", "cut=fin inside after=3", "corrupt after=3", "corrupt=prelude after=3"];
  for (const fault of faults) {
    let got = "";
    const finish = [];
    const e = await raises(OpenAI.APIError, async () => {
      for await (const c of await chat(`[[fault: ${fault}]] [[words: 60]]`, { stream: true, stream_options: { include_usage: true } })) {
        need(c.choices.length, "usage of an answer that broke off", fault);
        got += c.choices[0].delta.content ?? "";
        finish.push(c.choices[0].finish_reason);
      }
    });
    need(!(e instanceof OpenAI.APIConnectionError) && e.message, fault, e);
    need(got.startsWith("granite schist") && !finish.some(Boolean), fault, got, finish);
    need(["code", "cause", "actor", "fix", "docs", "retry"].every((k) => e.error.outcrop[k]), fault, e.error);
  }
});

scenario("a refusal in a stream's first frame is a status", async () => {
  const e = await raises(OpenAI.RateLimitError, () => chat("[[fault: throttle first]]", { stream: true }));
  need(e.status === 429, e);
});
