// Vercel's AI SDK with its provider for OpenAI-compatible services.

import { createOpenAICompatible } from "@ai-sdk/openai-compatible";
import { APICallError, embed, embedMany, generateObject, generateText, Output, stepCountIs, streamObject, streamText, tool } from "ai";
import { alike, answered, ask, breaks, describe, embeds, endless, hello, key, leaves, long, model, Place, rocks, Stone, throttled, url, weather } from "./client.mjs";
import { png } from "./media.mjs";
import { need, raises, run, scenario } from "./scenario.mjs";

const outcrop = createOpenAICompatible({ name: "outcrop", baseURL: url + "/v1", apiKey: key, includeUsage: true, supportsStructuredOutputs: true });
const call = { model: outcrop(model), maxRetries: 0 };
const loop = () => {
  const cities = [];
  const execute = async (place) => {
    cities.push(place.city);
    return weather(place);
  };
  return { cities, tools: { get_weather: tool({ description: "The weather in a city now.", inputSchema: Place, execute }) }, stopWhen: stepCountIs(5) };
};
const thinking = { providerOptions: { outcrop: { reasoningEffort: "low" } }, maxOutputTokens: 4000 };

// read reads a stream of streamText to its end, and throws the error that it reports.
async function read(stream) {
  const parts = [];
  for await (const part of stream.fullStream) {
    if (part.type === "error") throw part.error;
    parts.push(part);
  }
  return parts;
}

const quiet = { onError: () => {} }; // the default prints

scenario("a chat: generateText", async () => {
  const r = await generateText({ ...call, system: "Be brief.", prompt: hello });
  need(r.text === "You said: " + hello && r.finishReason === "stop", r);
  need(r.usage.inputTokens > 0 && r.usage.outputTokens > 0, r.usage);
});

scenario("a stream: streamText", async () => {
  const r = streamText({ ...call, ...quiet, prompt: long });
  const pieces = [];
  for await (const piece of r.textStream) pieces.push(piece);
  need(pieces.length > 4 && pieces.join("").split(" ").length === 60, pieces);
  const usage = await r.usage;
  need((await r.finishReason) === "stop" && usage.inputTokens > 0 && usage.outputTokens > 0, usage);
});

scenario("a tool loop: generateText, tool, stopWhen", async () => {
  const { cities, ...more } = loop();
  const r = await generateText({ ...call, ...more, prompt: ask });
  answered(r.text);
  need(cities.join() === "Paris,Tokyo" && r.steps.length === 2 && r.totalUsage.outputTokens > 0, r.steps);
});

scenario("a tool loop, streamed: streamText, tool, stopWhen", async () => {
  const { cities, ...more } = loop();
  const r = streamText({ ...call, ...quiet, ...more, prompt: ask });
  const parts = await read(r);
  answered(await r.text);
  need(cities.join() === "Paris,Tokyo" && parts.filter((p) => p.type === "tool-input-delta").length > 1, parts);
});

scenario('an image: generateText, {type: "image"}', async () => {
  const image = png();
  const r = await generateText({ ...call, messages: [{ role: "user", content: [{ type: "text", text: "What is this?" }, { type: "image", image }] }] });
  need(r.text.includes(`an image (png, ${image.length} bytes)`), r.text);
});

scenario("structured output: generateObject; generateText, Output.object", async () => {
  const r = await generateObject({ ...call, schema: Stone, prompt: describe });
  need(r.object.hardness === 7, r);
  const { output } = await generateText({ ...call, output: Output.object({ schema: Stone }), prompt: describe });
  need(output.hardness === 7, output);
});

scenario("structured output, streamed: streamObject", async () => {
  const r = streamObject({ ...call, ...quiet, schema: Stone, prompt: describe });
  const partial = [];
  for await (const o of r.partialObjectStream) partial.push(o);
  need((await r.object).hardness === 7 && partial.length > 1, partial);
});

scenario("structured output beside tools: generateText, Output.object, tool", async () => {
  const { cities, ...more } = loop();
  const { output } = await generateText({ ...call, ...more, output: Output.object({ schema: Stone }), prompt: ask });
  need(Stone.safeParse(output).success && cities.join() === "Paris,Tokyo", output, cities);
});

scenario("a refusal: APICallError", async () => {
  const e = await raises(APICallError, () => generateText({ ...call, prompt: throttled }));
  need(e.statusCode === 429 && e.isRetryable && e.message.includes("ThrottlingException") && e.data.error, e);
});

scenario('a stream that breaks off: fullStream, {type: "error"}', async () => {
  let got = "";
  let failure;
  const r = streamText({ ...call, ...quiet, prompt: breaks });
  for await (const part of r.fullStream) {
    if (part.type === "text-delta") got += part.text;
    if (part.type === "error") failure = part.error;
    need(part.type !== "finish" || part.finishReason === "error", part);
  }
  need(got.startsWith("granite schist") && String(failure?.message ?? failure).includes("InternalServerException"), got, failure);
});

scenario("leaving in mid-stream: streamText, abortSignal", () =>
  leaves(async () => {
    const leaving = new AbortController();
    const r = streamText({ ...call, ...quiet, prompt: endless, abortSignal: leaving.signal });
    for await (const part of r.fullStream) {
      if (part.type === "text-delta") leaving.abort();
    }
  }));

scenario("reasoning: generateText, streamText, reasoningText", async () => {
  const r = await generateText({ ...call, ...thinking, prompt: hello });
  need(r.text === "You said: " + hello && r.reasoningText.length > 10, r);
  const s = streamText({ ...call, ...quiet, ...thinking, prompt: hello });
  await read(s);
  need((await s.reasoningText).length > 10, s);
});

scenario("reasoning in a tool loop: generateText, reasoningEffort", async () => {
  const { cities, ...more } = loop();
  answered((await generateText({ ...call, ...more, ...thinking, prompt: ask })).text);
  need(cities.join() === "Paris,Tokyo", cities);
});

scenario("reasoning in a streamed tool loop: streamText, reasoningEffort", async () => {
  const { cities, ...more } = loop();
  const r = streamText({ ...call, ...quiet, ...more, ...thinking, prompt: ask });
  await read(r);
  answered(await r.text);
  need(cities.join() === "Paris,Tokyo", cities);
});

scenario('JSON mode: generateObject, output: "no-schema"', async () => {
  const r = await generateObject({ ...call, output: "no-schema", prompt: "Describe granite as JSON." });
  need(typeof r.object === "object", r);
});

scenario("embeddings: embed, embedMany", async () => {
  const stones = outcrop.embeddingModel(embeds);
  const { embeddings, usage } = await embedMany({ model: stones, values: rocks, maxRetries: 0 });
  const { embedding } = await embed({ model: stones, value: rocks[1], maxRetries: 0 });
  alike(embeddings[1], embedding);
  need(embeddings.length === 3 && embedding.length === 1024 && usage.tokens > 0, usage);
});

await run();
