// Vercel's AI SDK with its provider for Bedrock through the gateway.

import { createAmazonBedrock } from "@ai-sdk/amazon-bedrock";
import { APICallError, generateText, jsonSchema, stepCountIs, streamText, tool } from "ai";
import { need, run, scenario } from "../node/scenario.mjs";

const model = (id) => createAmazonBedrock({ region: "us-east-1" })(id);
const claude = model(process.env.MODEL);
const ask = "What is the weather in Paris and Tokyo?";
const tools = {
  get_weather: tool({
    description: "The weather in a city now.",
    inputSchema: jsonSchema({ type: "object", properties: { city: { type: "string" } }, required: ["city"] }),
    execute: ({ city }) => `sunny in ${city}`,
  }),
};

// refused gives the API error that a call ends with; the packages have a class of it each.
async function refused(model, prompt) {
  try {
    await generateText({ model, prompt, maxRetries: 0 });
  } catch (e) {
    if (APICallError.isInstance(e)) return e;
    throw e;
  }
  throw new Error("no error");
}

scenario("a response", async () => {
  const r = await generateText({ model: claude, prompt: "What is granite?", maxRetries: 0 });
  need(r.text === "You said: What is granite?" && r.usage.outputTokens > 0, r.text, r.usage);
});

scenario("a stream", async () => {
  const r = streamText({ model: claude, prompt: "[[words: 60]]", maxRetries: 0 });
  let text = "";
  for await (const piece of r.textStream) text += piece;
  need(text.split(/\s+/).length === 60 && (await r.usage).outputTokens > 0, text);
});

scenario("a tool loop", async () => {
  const r = await generateText({ model: claude, prompt: ask, tools, stopWhen: stepCountIs(3), maxRetries: 0 });
  need(r.text.includes("sunny in Paris") && r.text.includes("sunny in Tokyo"), r.text);
});

scenario("a tool call, streamed", async () => {
  const r = streamText({ model: claude, prompt: ask, tools, stopWhen: stepCountIs(3), maxRetries: 0 });
  need((await r.text).includes("sunny in Tokyo"), await r.text);
});

scenario("a refusal", async () => {
  const e = await refused(claude, "[[fault: denied]]");
  need(e.statusCode === 403 && e.message, e);
});

scenario("an unknown model", async () => {
  const e = await refused(model("not/configured"), "Hi");
  need(e.statusCode === 404 && e.message.includes("not/configured"), e);
});

scenario("a stream that breaks off", async () => {
  const errors = [];
  const r = streamText({ model: claude, prompt: "[[fault: cut=reset after=3]] [[words: 60]]", maxRetries: 0, onError: ({ error }) => errors.push(error) });
  for await (const part of r.fullStream) if (part.type === "error") errors.push(part.error);
  need(errors.length > 0, errors);
});

await run();
