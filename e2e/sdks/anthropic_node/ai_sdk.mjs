// Vercel's AI SDK with its provider for Anthropic.

import { createAnthropic } from "@ai-sdk/anthropic";
import { APICallError, generateText, jsonSchema, Output, stepCountIs, streamText, tool } from "ai";
import { need, run, scenario } from "../node/scenario.mjs";
import { answered, ask, breaks, denied, describe, endless, hello, key, leaves, long, model as name, pdf, png, throttled, url, weather } from "./client.mjs";

globalThis.AI_SDK_LOG_WARNINGS = false; // they go where the results go

const provider = (apiKey) => createAnthropic({ baseURL: url + "/v1", apiKey });
const model = provider(key)(name);
const tools = {
  get_weather: tool({
    description: "The weather in a city now.",
    inputSchema: jsonSchema({ type: "object", properties: { city: { type: "string" } }, required: ["city"] }),
    execute: weather,
  }),
};
const loop = { model, prompt: ask, tools, stopWhen: stepCountIs(3), maxRetries: 0 };
const thinking = { maxOutputTokens: 2000, providerOptions: { anthropic: { thinking: { type: "enabled", budgetTokens: 2000 } } } };

function thought(steps) {
  const [first] = steps;
  need(steps.length === 2 && first.toolCalls.length === 2 && first.reasoningText && first.reasoning[0].providerMetadata?.anthropic?.signature, first.reasoning);
}

scenario("a response: generateText", async () => {
  const r = await generateText({ model, prompt: hello, maxRetries: 0 });
  need(r.text === "You said: " + hello && r.finishReason === "stop" && r.usage.inputTokens > 0 && r.usage.outputTokens > 0, r.text, r.usage);
});

scenario("a stream: streamText", async () => {
  const r = streamText({ model, prompt: long, maxRetries: 0 });
  const pieces = [];
  for await (const piece of r.textStream) pieces.push(piece);
  need(pieces.length > 4 && pieces.join("").split(/\s+/).length === 60 && (await r.usage).outputTokens > 0, pieces);
});

scenario("a tool loop: generateText", async () => answered((await generateText(loop)).text));

scenario("a tool loop, streamed: streamText", async () => answered(await streamText(loop).text));

scenario("thinking in a tool loop: generateText", async () => {
  const r = await generateText({ ...loop, ...thinking });
  answered(r.text);
  thought(r.steps);
});

scenario("thinking in a streamed tool loop: streamText", async () => {
  const r = streamText({ ...loop, ...thinking });
  answered(await r.text);
  thought(await r.steps);
});

const show = async (data, mediaType) => {
  const content = [{ type: "text", text: "What is this?" }, { type: "file", data, mediaType }];
  return (await generateText({ model, messages: [{ role: "user", content }], maxRetries: 0 })).text;
};

scenario("an image: a file part", async () => {
  const text = await show(png, "image/png");
  need(text.includes(`an image (png, ${png.length} bytes)`), text);
});

scenario("a PDF: a file part", async () => {
  const text = await show(pdf, "application/pdf");
  need(text.includes(`${pdf.length} bytes`), text);
});

scenario("structured output: Output.object", async () => {
  const schema = jsonSchema({ type: "object", properties: { name: { type: "string" }, hardness: { type: "integer" } }, required: ["name", "hardness"], additionalProperties: false });
  const r = await generateText({ model, prompt: describe, output: Output.object({ schema }), maxRetries: 0 });
  need(r.output.hardness === 7, r.output);
});

// status gives the status of the error that a call ends with; the packages have a class of it each.
async function status(prompt, m = model) {
  try {
    await generateText({ model: m, prompt, maxRetries: 0 });
  } catch (e) {
    if (APICallError.isInstance(e)) return e.statusCode;
    throw e;
  }
  throw new Error("no error");
}

for (const [feature, prompt, want, m] of [
  ["a wrong key", hello, 401, provider("wrong")(name)],
  ["an unknown model", hello, 404, provider(key)("not-configured")],
  ["a refusal", denied, 403],
  ["a throttle", throttled, 429],
  ["an overload", "[[fault: unavailable]]", 529],
]) {
  scenario(feature, async () => {
    const got = await status(prompt, m);
    need(got === want, got);
  });
}

scenario("a stream that breaks off: streamText", async () => {
  let failure;
  const r = streamText({ model, prompt: breaks, maxRetries: 0, onError: ({ error }) => (failure = error) });
  const kinds = [];
  for await (const part of r.fullStream) kinds.push(part.type);
  need(kinds.includes("text-delta") && kinds.includes("error") && failure, kinds, failure);
});

scenario("leaving in mid-stream: streamText, abortSignal", () =>
  leaves(async () => {
    const left = new AbortController();
    const r = streamText({ model, prompt: endless, maxRetries: 0, abortSignal: left.signal });
    for await (const piece of r.textStream) {
      need(piece, piece);
      left.abort();
      break;
    }
  }),
);

await run();
