// OpenAI's SDK with its helpers: parse with zod, the stream that assembles the
// response, and the tool runner.

import OpenAI from "openai";
import { zodFunction, zodResponseFormat } from "openai/helpers/zod";
import { alike, answered, ask, breaks, describe, embeds, endless, hello, helloTokens, key, leaves, long, model, Place, rocks, Stone, throttled, url, weather } from "./client.mjs";
import { png, uri } from "./media.mjs";
import { need, raises, run, scenario } from "./scenario.mjs";

const client = new OpenAI({ baseURL: url + "/v1", apiKey: key, maxRetries: 0, timeout: 120_000 });
const chats = client.chat.completions;

const user = (content) => ({ role: "user", content });
const body = (content, more) => ({ model, messages: Array.isArray(content) ? content : [user(content)], ...more });
const counted = { stream_options: { include_usage: true } };
const stoned = { response_format: zodResponseFormat(Stone, "stone") };
const thinking = { reasoning_effort: "low", max_tokens: 4000 };

const tools = [zodFunction({ name: "get_weather", description: "The weather in a city now.", parameters: Place })];

// runnable is the tool with its function, and the cities in its calls.
function runnable() {
  const cities = [];
  const call = (place) => {
    cities.push(place.city);
    return weather(place);
  };
  return { tools: [zodFunction({ name: "get_weather", description: "The weather in a city now.", parameters: Place, function: call })], cities };
}

const results = (reply) => reply.tool_calls.map((c) => ({ role: "tool", tool_call_id: c.id, content: weather(c.function.parsed_arguments) }));

scenario("a chat: chat.completions.create", async () => {
  const r = await chats.create(body(hello));
  need(r.choices[0].message.content === "You said: " + hello && r.choices[0].finish_reason === "stop", r);
  need(r.usage.prompt_tokens > 0 && r.usage.completion_tokens > 0, r.usage);
});

scenario("a stream: chat.completions.stream", async () => {
  const stream = chats.stream(body(long, counted));
  let pieces = 0;
  stream.on("content", () => pieces++);
  const text = await stream.finalContent();
  need(pieces > 4 && text.split(" ").length === 60, pieces, text);
  const r = await stream.finalChatCompletion();
  need(r.choices[0].finish_reason === "stop" && r.usage.completion_tokens > 0, r);
});

scenario("a tool loop: chat.completions.runTools, zodFunction", async () => {
  const { tools, cities } = runnable();
  const runner = chats.runTools(body(ask, { tools }));
  answered(await runner.finalContent());
  need(cities.join() === "Paris,Tokyo" && runner.allChatCompletions().length === 2, cities);
  need((await runner.totalUsage()).completion_tokens > 0, runner);
});

scenario("a tool loop, streamed: chat.completions.runTools({stream: true}), zodFunction", async () => {
  const { tools, cities } = runnable();
  const runner = chats.runTools(body(ask, { tools, stream: true, ...counted }));
  let pieces = 0;
  runner.on("chunk", () => pieces++);
  answered(await runner.finalContent());
  need(cities.join() === "Paris,Tokyo" && pieces > 3, cities, pieces);
  need((await runner.totalUsage()).completion_tokens > 0, runner);
});

scenario("an image: chat.completions.create, image_url", async () => {
  const image = png();
  const r = await chats.create(body([user([{ type: "text", text: "What is this?" }, { type: "image_url", image_url: { url: uri("image/png", image) } }])]));
  need(r.choices[0].message.content.includes(`an image (png, ${image.length} bytes)`), r);
});

scenario("structured output: chat.completions.parse, zodResponseFormat", async () => {
  const r = await chats.parse(body(describe, stoned));
  need(r.choices[0].message.parsed.hardness === 7, r);
});

scenario("structured output, streamed: chat.completions.stream, zodResponseFormat", async () => {
  const stream = chats.stream(body(describe, { ...stoned, ...counted }));
  const partial = [];
  stream.on("content.delta", ({ parsed }) => partial.push(parsed));
  const r = await stream.finalChatCompletion();
  need(r.choices[0].message.parsed.hardness === 7 && partial.length > 1 && r.usage, r, partial);
});

scenario("structured output beside tools: chat.completions.parse", async () => {
  const reply = (await chats.parse(body(ask, { tools, ...stoned }))).choices[0].message;
  const r = await chats.parse(body([user(ask), reply, ...results(reply)], { tools, ...stoned }));
  need(Stone.safeParse(r.choices[0].message.parsed).success, r);
});

scenario("a refusal: RateLimitError", async () => {
  const e = await raises(OpenAI.RateLimitError, () => chats.parse(body(throttled)));
  need(e.status === 429 && e.message.includes("ThrottlingException") && e.error.outcrop.fix, e);
});

scenario("a stream that breaks off: APIError", async () => {
  let got = "";
  const e = await raises(OpenAI.APIError, async () => {
    const stream = chats.stream(body(breaks));
    stream.on("content", (piece) => (got += piece));
    await stream.finalChatCompletion();
  });
  need(got.startsWith("granite schist") && e.error.outcrop.code, got, e);
});

scenario("leaving in mid-stream: chat.completions.stream, abort", () =>
  leaves(async () => {
    const stream = chats.stream(body(endless));
    stream.on("content", () => stream.abort());
    await raises(OpenAI.APIUserAbortError, () => stream.finalChatCompletion());
  }));

scenario("reasoning: chat.completions.parse, message.reasoning_content", async () => {
  const m = (await chats.parse(body(hello, thinking))).choices[0].message;
  need(m.content === "You said: " + hello && m.reasoning_content.length > 10, m);
});

scenario("reasoning in a tool loop: chat.completions.parse, reasoning_effort", async () => {
  const reply = (await chats.parse(body(ask, { tools, ...thinking }))).choices[0].message;
  need(reply.reasoning_content && reply.tool_calls.length === 2, reply);
  answered((await chats.parse(body([user(ask), reply, ...results(reply)], { tools, ...thinking }))).choices[0].message.content);
});

scenario("reasoning in a streamed tool loop: chat.completions.stream, reasoning_effort", async () => {
  const reply = (await chats.stream(body(ask, { tools, ...thinking })).finalChatCompletion()).choices[0].message;
  const r = await chats.stream(body([user(ask), reply, ...results(reply)], { tools, ...thinking })).finalChatCompletion();
  answered(r.choices[0].message.content);
});

scenario("reasoning in a tool loop: chat.completions.runTools, reasoning_effort", async () => {
  const { tools, cities } = runnable();
  answered(await chats.runTools(body(ask, { tools, ...thinking })).finalContent());
  need(cities.join() === "Paris,Tokyo", cities);
});

scenario('JSON mode: chat.completions.create, response_format: {type: "json_object"}', async () => {
  const r = await chats.create(body("Describe granite as JSON.", { response_format: { type: "json_object" } }));
  need(typeof JSON.parse(r.choices[0].message.content) === "object", r);
});

scenario("several answers: chat.completions.create, n: 2", async () => {
  const r = await chats.create(body(hello, { n: 2 }));
  need(r.choices.map((c) => c.index).join() === "0,1", r);
});

scenario("embeddings: embeddings.create, encoding_format, dimensions", async () => {
  const embed = (input, more) => client.embeddings.create({ model: embeds, input, ...more });
  const r = await embed(rocks); // the SDK asks for base64
  need(r.data.map((d) => d.index).join() === "0,1,2" && r.usage.prompt_tokens > 0 && r.model === embeds, r.usage, r.model);
  const alone = (await embed(rocks[1], { encoding_format: "float" })).data[0].embedding;
  alike(r.data[1].embedding, alone);
  need(alone.length === 1024, alone.length);
  alike((await embed([helloTokens])).data[0].embedding, alone);
  need((await embed("granite", { dimensions: 256 })).data[0].embedding.length === 256);
  const e = await raises(OpenAI.BadRequestError, () => embed("granite", { dimensions: 7 }));
  need(e.param === "dimensions", e);
});

await run();
