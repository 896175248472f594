// Vercel's AI SDK with the Responses API (API=responses) or Gemini's (API=gemini) of the gateway.

import { createGoogleGenerativeAI } from "@ai-sdk/google";
import { createOpenAI } from "@ai-sdk/openai";
import { APICallError, generateText, Output, stepCountIs, streamText, tool } from "ai";
import { answered, ask, breaks, describe, hello, key, long, model as name, Place, Stone, throttled, url, weather } from "./client.mjs";
import { png } from "./media.mjs";
import { need, raises, run, scenario } from "./scenario.mjs";

globalThis.AI_SDK_LOG_WARNINGS = false; // they go where the results go

const responses = process.env.API === "responses";
const model = responses ? createOpenAI({ baseURL: url + "/v1", apiKey: key }).responses(name) : createGoogleGenerativeAI({ baseURL: url + "/v1beta", apiKey: key })(name);
const call = { model, maxRetries: 0 };
const quiet = { onError: () => {} }; // the default prints
const tools = { get_weather: tool({ description: "The weather in a city now.", inputSchema: Place, execute: async (place) => weather(place) }) };
const loop = { ...call, prompt: ask, tools, stopWhen: stepCountIs(3) };
const thinking = {
  maxOutputTokens: 4000,
  providerOptions: responses
    ? { openai: { reasoningEffort: "low", reasoningSummary: "auto", forceReasoning: true, store: false, include: ["reasoning.encrypted_content"] } }
    : { google: { thinkingConfig: { thinkingBudget: 1024, includeThoughts: true } } },
};

scenario("a chat", async () => {
  const r = await generateText({ ...call, system: "Be brief.", prompt: hello });
  need(r.text === "You said: " + hello && r.finishReason === "stop" && r.usage.inputTokens > 0 && r.usage.outputTokens > 0, r);
});

scenario("a stream", async () => {
  const r = streamText({ ...call, ...quiet, prompt: long });
  const pieces = [];
  for await (const piece of r.textStream) pieces.push(piece);
  need(pieces.length > 4 && pieces.join("").split(" ").length === 60 && (await r.usage).outputTokens > 0, pieces);
});

scenario("a tool loop", async () => answered((await generateText(loop)).text));

scenario("a tool loop, streamed", async () => answered(await streamText({ ...loop, ...quiet }).text));

scenario("an image", async () => {
  const image = png();
  const r = await generateText({ ...call, messages: [{ role: "user", content: [{ type: "text", text: "What is this?" }, { type: "image", image }] }] });
  need(r.text.includes(`an image (png, ${image.length} bytes)`), r.text);
});

scenario("structured output", async () => {
  const asked = { ...call, output: Output.object({ schema: Stone }), prompt: describe };
  need((await generateText(asked)).output.hardness === 7);
  need((await streamText({ ...asked, ...quiet }).output).hardness === 7);
});

scenario("a refusal", async () => {
  const e = await raises(APICallError, () => generateText({ ...call, prompt: throttled }));
  need(e.statusCode === 429, e);
});

scenario("a stream that breaks off", async () => {
  let failure;
  for await (const part of streamText({ ...call, ...quiet, prompt: breaks }).fullStream) {
    if (part.type === "error") failure = part.error;
    need(part.type !== "finish" || part.finishReason === "error", part);
  }
  need(failure);
});

scenario("reasoning in a tool loop", async () => {
  const r = await generateText({ ...loop, ...thinking });
  answered(r.text);
  need(r.steps[0].reasoningText, r.steps[0].reasoning);
  const s = streamText({ ...loop, ...quiet, ...thinking });
  answered(await s.text);
  need((await s.steps)[0].reasoningText, await s.steps);
});

await run();
