// Anthropic's SDK for TypeScript: Anthropic, or AnthropicBedrock if BEDROCK is set.

import Anthropic from "@anthropic-ai/sdk";
import { AnthropicBedrock } from "@anthropic-ai/bedrock-sdk";
import { need, raises, run, scenario } from "../node/scenario.mjs";
import { answered, ask, breaks, denied, describe, endless, hello, key, leaves, long, model, pdf, png, throttled, url, weather } from "./client.mjs";

const bedrock = Boolean(process.env.BEDROCK);
const make = (apiKey) =>
  bedrock
    ? new AnthropicBedrock({ baseURL: url, apiKey, awsRegion: "us-east-1", maxRetries: 0 })
    : new Anthropic({ baseURL: url, apiKey, maxRetries: 0 });
const client = make(key);
const tools = [{ name: "get_weather", description: "The weather in a city now.", input_schema: { type: "object", properties: { city: { type: "string" } }, required: ["city"] } }];
const thinking = { type: "enabled", budget_tokens: 2000 };

const user = (content) => ({ role: "user", content });
const args = (content, more) => ({ model, max_tokens: 4000, messages: Array.isArray(content) ? content : [user(content)], ...more });
const create = (content, more) => client.messages.create(args(content, more));
const streamed = (content, more) => client.messages.stream(args(content, more)).finalMessage();
const text = (message) => message.content.filter((b) => b.type === "text").map((b) => b.text).join("");

// loop is a tool loop; the first message goes back as the SDK has it.
async function loop(ask_, more) {
  const first = await ask_(ask, { tools, ...more });
  const calls = first.content.filter((b) => b.type === "tool_use");
  need(calls.map((c) => c.input.city).join() === "Paris,Tokyo" && first.stop_reason === "tool_use", first);
  const results = calls.map((c) => ({ type: "tool_result", tool_use_id: c.id, content: weather(c.input) }));
  const last = await ask_([user(ask), { role: "assistant", content: first.content }, user(results)], { tools, ...more });
  answered(text(last));
  return first;
}

function thought(message) {
  const [block] = message.content;
  need(block.type === "thinking" && block.thinking && block.signature, message);
}

scenario("a response: messages.create", async () => {
  const r = await create(hello);
  need(text(r) === "You said: " + hello && r.stop_reason === "end_turn" && r.usage.input_tokens > 0 && r.usage.output_tokens > 0, r);
});

scenario("a stream: messages.stream", async () => {
  const s = client.messages.stream(args(long));
  let pieces = 0;
  s.on("text", () => pieces++);
  const r = await s.finalMessage();
  need(pieces > 4 && text(r).split(/\s+/).length === 60 && r.stop_reason === "end_turn" && r.usage.output_tokens > 0, r);
});

scenario("a tool loop: messages.create", () => loop(create));

scenario("a tool loop, streamed: messages.stream", () => loop(streamed));

scenario("thinking in a tool loop: messages.create", async () => thought(await loop(create, { thinking })));

scenario("thinking in a streamed tool loop: messages.stream", async () => thought(await loop(streamed, { thinking })));

const medium = (type, media_type, data) => ({ type, source: { type: "base64", media_type, data: data.toString("base64") } });

scenario("an image: messages.create", async () => {
  const r = await create([user([{ type: "text", text: "What is this?" }, medium("image", "image/png", png)])]);
  need(text(r).includes(`an image (png, ${png.length} bytes)`), r);
});

scenario("a PDF: messages.create", async () => {
  const r = await create([user([medium("document", "application/pdf", pdf), { type: "text", text: "What is this?" }])]);
  need(text(r).includes(`${pdf.length} bytes`), r);
});

scenario("structured output: messages.create, output_config.format", async () => {
  const schema = { type: "object", properties: { name: { type: "string" }, hardness: { type: "integer" } }, required: ["name", "hardness"], additionalProperties: false };
  const r = await create(describe, { output_config: { format: { type: "json_schema", schema } } });
  need(JSON.parse(text(r)).hardness === 7, r);
});

if (!bedrock) {
  scenario("counting tokens: messages.countTokens", async () => {
    const plain = await client.messages.countTokens({ model, messages: [user(hello)] });
    const more = await client.messages.countTokens({ model, messages: [user(hello)], tools });
    need(more.input_tokens > plain.input_tokens && plain.input_tokens > 0, plain, more);
  });
}

scenario("a wrong key", async () => {
  const e = await raises(bedrock ? Anthropic.PermissionDeniedError : Anthropic.AuthenticationError, () => make("wrong").messages.create(args(hello)));
  need(e.message.includes("key"), e);
});

scenario("an unknown model", async () => {
  const e = await raises(Anthropic.NotFoundError, () => create(hello, { model: "not-configured" }));
  need(e.message.includes("not-configured"), e);
});

scenario("a refusal", async () => {
  await raises(Anthropic.PermissionDeniedError, () => create(denied));
});

scenario("a throttle", async () => {
  await raises(Anthropic.RateLimitError, () => create(throttled));
});

scenario("an overload", async () => {
  const e = await raises(Anthropic.InternalServerError, () => create("[[fault: unavailable]]"));
  need(e.status === (bedrock ? 503 : 529), e);
});

scenario("a stream that breaks off", async () => {
  let pieces = 0;
  await raises(Anthropic.AnthropicError, async () => {
    const s = client.messages.stream(args(breaks));
    s.on("text", () => pieces++);
    await s.finalMessage();
  });
  need(pieces > 0, pieces);
});

scenario("leaving in mid-stream: messages.stream", () =>
  leaves(async () => {
    for await (const e of client.messages.stream(args(endless))) {
      if (e.type === "content_block_delta") break;
    }
  }),
);

await run();
