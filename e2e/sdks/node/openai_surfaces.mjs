// OpenAI's SDK for Node with the Responses API of a model that Bedrock serves by OpenAI's own API.

import OpenAI from "openai";
import { zodTextFormat } from "openai/helpers/zod";
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

scenario("a whole response has its text and its usage", async () => {
  const r = await create("[[answer: granite]]", { instructions: "Be short." });
  need(r.output_text === "granite" && r.status === "completed" && r.usage.total_tokens > 0, r);
});

scenario("a stream has its events in order", async () => {
  const stream = client.responses.stream({ model, input: "[[words: 30]]" });
  const events = [];
  for await (const e of stream) events.push(e);
  const final = await stream.finalResponse();
  need(events[0].type === "response.created" && events.at(-1).type === "response.completed" && final.output_text.length > 20, events, final);
  need(events.every((e, i) => e.sequence_number === i), events);
});

scenario("tools are called over several turns", async () => {
  const more = { tools: [weather], include: ["reasoning.encrypted_content"], store: false };
  const input = [{ role: "user", content: '[[call: get_weather {"city":"Paris"}]] [[then]] [[call: get_weather {"city":"Rome"}]] [[then]] [[answer: It rains.]]' }];
  for (const city of ["Paris", "Rome"]) {
    const r = await create(input, more);
    const call = r.output.find((o) => o.type === "function_call");
    need(r.output[0].type === "reasoning" && JSON.parse(call.arguments).city === city, r.output);
    input.push(...r.output, { type: "function_call_output", call_id: call.call_id, output: "rain" });
  }
  need((await create(input, more)).output_text === "It rains.");
});

scenario("an object of a schema is parsed", async () => {
  const format = zodTextFormat(z.object({ name: z.string(), hardness: z.number() }), "stone");
  const r = await client.responses.parse({ model, input: "Describe granite, of hardness 7.", text: { format } });
  need(typeof r.output_parsed.name === "string", r.output_text);
  const streamed = await client.responses.stream({ model, input: "Describe granite, of hardness 7.", text: { format } }).finalResponse();
  need(streamed.output_parsed.name === r.output_parsed.name, streamed.output_text);
});

scenario("a conversation goes on by the response before", async () => {
  const first = await create("[[answer: granite]]");
  const second = await create("And?", { previous_response_id: first.id });
  need(second.previous_response_id === first.id && (await client.responses.retrieve(second.id)).output_text === second.output_text, second);
});

scenario("a response that breaks off fails, and never claims an end", async () => {
  const types = [];
  for await (const e of await create("[[fault: cut=reset after=3]] [[words: 60]]", { stream: true })) types.push(e.type);
  need(types.at(-1) === "response.failed" && !types.includes("response.completed"), types);
});

scenario("errors name the parameter", async () => {
  const e = await raises(OpenAI.BadRequestError, () => create([{ role: "stone", content: "x" }]));
  need(e.param === "input[0].role", e);
});

await run();
