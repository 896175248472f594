// OpenAI's SDK for Node with the Responses API of the gateway, and the emulator as its upstream.

import OpenAI from "openai";
import { zodResponsesFunction, zodTextFormat } from "openai/helpers/zod";
import { z } from "zod";
import { client, model } from "./gateway.mjs";
import { need, raises, run, scenario } from "./scenario.mjs";

const weather = {
  type: "function",
  name: "get_weather",
  description: "The weather in a city now.",
  parameters: { type: "object", properties: { city: { type: "string" } }, required: ["city"], additionalProperties: false },
  strict: true,
};

const create = (input, more) => client.responses.create({ model, input, ...more });

scenario("a response has its text and its usage", async () => {
  const r = await create("[[answer: granite]]", { instructions: "Be short." });
  need(r.output_text === "granite" && r.status === "completed" && r.usage.total_tokens > 0, r);
});

scenario("a stream has its events in order", async () => {
  const stream = client.responses.stream({ model, input: "[[words: 30]]" });
  const types = [];
  for await (const e of stream) types.push(e.type);
  const final = await stream.finalResponse();
  need(types[0] === "response.created" && types.at(-1) === "response.completed" && final.output_text.length > 20, types, final);
});

scenario("tools are called, and their results go back with the reasoning", async () => {
  const more = { tools: [weather], reasoning: { effort: "high", summary: "auto" }, include: ["reasoning.encrypted_content"], store: false };
  const input = [{ role: "user", content: '[[call: get_weather {"city":"Paris"}]] [[then]] [[answer: It rains.]]' }];
  const r = await client.responses.stream({ model, input, ...more }).finalResponse();
  const call = r.output.find((o) => o.type === "function_call");
  need(r.output[0].type === "reasoning" && r.output[0].encrypted_content && JSON.parse(call.arguments).city === "Paris", r.output);
  const next = await create([...input, ...r.output, { type: "function_call_output", call_id: call.call_id, output: "rain" }], more);
  need(next.output_text === "It rains.", next);
});

scenario("a custom tool gets plain text", async () => {
  const r = await client.responses.stream({ model, input: '[[call: patch {"input":"*** Begin"}]]', tools: [{ type: "custom", name: "patch" }] }).finalResponse();
  need(r.output.at(-1).type === "custom_tool_call" && r.output.at(-1).input === "*** Begin", r.output);
});

scenario("parse returns an object of the schema", async () => {
  const format = zodTextFormat(z.object({ name: z.string(), hardness: z.number() }), "stone");
  const r = await client.responses.parse({ model, input: "Describe granite, of hardness 7.", text: { format } });
  need(typeof r.output_parsed.name === "string", r.output_text);
  const streamed = await client.responses.stream({ model, input: "Describe granite, of hardness 7.", text: { format } }).finalResponse();
  need(streamed.output_parsed.name === r.output_parsed.name, streamed.output_text);
  const tool = zodResponsesFunction({ name: "stone", parameters: z.object({ hardness: z.number() }) });
  const call = (await client.responses.parse({ model, input: '[[call: stone {"hardness":7}]]', tools: [tool] })).output.at(-1);
  need(call.parsed_arguments.hardness === 7, call);
});

scenario("a conversation goes on by the response before", async () => {
  const first = await create("[[answer: granite]]");
  const second = await create("And?", { previous_response_id: first.id });
  need((await client.responses.retrieve(second.id)).output_text === second.output_text, second);
  const items = await client.responses.inputItems.list(second.id);
  need(items.data.length === 1, items.data);
  await client.responses.delete(first.id);
  await raises(OpenAI.NotFoundError, () => client.responses.retrieve(first.id));
});

scenario("a conversation keeps its items", async () => {
  const c = await client.conversations.create({ metadata: { a: "b" }, items: [{ role: "user", content: "Hi" }] });
  await create("Go on.", { conversation: c.id });
  const types = [];
  for await (const item of client.conversations.items.list(c.id, { order: "asc", limit: 2 })) types.push(item.type);
  need(types.join() === "message,message,message", types);
  need((await client.conversations.delete(c.id)).deleted);
});

scenario("input is counted, and compacted", async () => {
  need((await client.responses.inputTokens.count({ model, input: "What is granite?" })).input_tokens > 0);
  const c = await client.responses.compact({ model, input: "[[answer: We spoke of granite.]]" });
  need(c.output.at(-1).type === "compaction", c.output);
  need((await create([...c.output, { role: "user", content: "[[answer: On it goes.]]" }])).output_text === "On it goes.");
});

scenario("a response is made in the background", async () => {
  let r = await create("[[answer: granite]]", { background: true });
  while (r.status === "queued" || r.status === "in_progress") r = await client.responses.retrieve(r.id);
  need(r.status === "completed" && r.output_text === "granite", r);
  const slow = await create("[[fault: latency=60s]] x", { background: true });
  need((await client.responses.cancel(slow.id)).status === "cancelled");
});

scenario("a stream in the background is left and resumed", async () => {
  const seen = [];
  for await (const e of await create("[[answer: granite and basalt and gneis]]", { background: true, stream: true })) {
    seen.push(e);
    if (e.type === "response.output_text.delta") break;
  }
  const id = seen[0].response.id;
  for await (const e of await client.responses.retrieve(id, { stream: true, starting_after: seen.at(-1).sequence_number })) seen.push(e);
  need(seen.every((e, i) => e.sequence_number === i), seen);
  need(seen.filter((e) => e.type === "response.output_text.delta").map((e) => e.delta).join("") === "granite and basalt and gneis", seen);
  need(seen.at(-1).type === "response.completed" && seen.at(-1).response.id === id, seen.at(-1));
});

scenario("a response that breaks off fails, and never claims an end", async () => {
  const types = [];
  for await (const e of await create("[[fault: cut=reset after=3]] [[words: 60]]", { stream: true })) types.push(e.type);
  need(types.at(-1) === "response.failed" && !types.includes("response.completed"), types);
});

scenario("errors name the parameter", async () => {
  const e = await raises(OpenAI.BadRequestError, () => create([{ role: "stone", content: "x" }]));
  need(e.param === "input[0].role" && e.type === "invalid_request_error", e);
  need((await raises(OpenAI.RateLimitError, () => create("[[fault: throttle]]"))).code === "rate_limit_exceeded");
});

await run();
