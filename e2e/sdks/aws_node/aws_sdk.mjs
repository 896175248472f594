// AWS SDK for JavaScript: Converse, ConverseStream, tools and errors through the gateway. The SDK speaks
// HTTP/2 with prior knowledge, and reads address and credentials from the environment.

import * as aws from "@aws-sdk/client-bedrock-runtime";
import { need, raises, run, scenario } from "../node/scenario.mjs";

const client = new aws.BedrockRuntimeClient({ region: "us-east-1", maxAttempts: 1 });
const modelId = process.env.MODEL;
const user = (text) => ({ role: "user", content: [{ text }] });
const toolConfig = { tools: [{ toolSpec: { name: "get_weather", inputSchema: { json: { type: "object", properties: { city: { type: "string" } }, required: ["city"] } } } }] };
const weather = "What is the weather in Paris and Tokyo?";
const cities = (inputs) => JSON.stringify(inputs.map((i) => i.city));

async function events(text, more) {
  const out = [];
  const r = await client.send(new aws.ConverseStreamCommand({ modelId, messages: [user(text)], ...more }));
  for await (const e of r.stream) out.push(e);
  return out;
}

scenario("a response", async () => {
  const r = await client.send(new aws.ConverseCommand({ modelId, messages: [user("What is granite?")] }));
  need(r.output.message.content[0].text === "You said: What is granite?" && r.usage.outputTokens > 0 && r.$metadata.requestId, r);
});

scenario("a stream", async () => {
  const all = await events("[[words: 60]]");
  const text = all.map((e) => e.contentBlockDelta?.delta.text ?? "").join("");
  need(text.split(/\s+/).length === 60 && all.at(-1).metadata.usage.outputTokens > 0, all);
});

scenario("a tool loop", async () => {
  const first = (await client.send(new aws.ConverseCommand({ modelId, messages: [user(weather)], toolConfig }))).output.message;
  const calls = first.content.filter((b) => b.toolUse).map((b) => b.toolUse);
  need(cities(calls.map((c) => c.input)) === '["Paris","Tokyo"]', first);
  const content = calls.map((c) => ({ toolResult: { toolUseId: c.toolUseId, content: [{ text: "sunny in " + c.input.city }] } }));
  const last = await client.send(new aws.ConverseCommand({ modelId, messages: [user(weather), first, { role: "user", content }], toolConfig }));
  need(last.output.message.content[0].text.includes("sunny in Tokyo"), last);
});

scenario("a tool call, streamed", async () => {
  const inputs = {};
  for (const e of await events(weather, { toolConfig })) {
    const d = e.contentBlockDelta;
    if (d?.delta.toolUse) inputs[d.contentBlockIndex] = (inputs[d.contentBlockIndex] ?? "") + d.delta.toolUse.input;
  }
  need(cities(Object.values(inputs).map((i) => JSON.parse(i))) === '["Paris","Tokyo"]', inputs);
});

scenario("a refusal", async () => {
  const e = await raises(aws.AccessDeniedException, () => client.send(new aws.ConverseCommand({ modelId, messages: [user("[[fault: denied]]")] })));
  need(e.$metadata.httpStatusCode === 403 && e.message, e);
});

scenario("an unknown model", async () => {
  const e = await raises(aws.ResourceNotFoundException, () => client.send(new aws.ConverseCommand({ modelId: "not/configured", messages: [user("Hi")] })));
  need(e.message.includes("not/configured"), e);
});

scenario("a stream that breaks off", async () => {
  const e = await raises(aws.ModelStreamErrorException, () => events("[[fault: cut=reset after=3]] [[words: 60]]"));
  need(e.message, e);
});

await run();
client.destroy();
