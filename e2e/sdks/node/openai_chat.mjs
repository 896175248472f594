// Chats with and without streaming, the model list, headers and the Azure client.

import { AzureOpenAI } from "openai";
import { body, chat, client, collect, key, model, text, url, user } from "./gateway.mjs";
import { need, scenario } from "./scenario.mjs";

scenario("a chat answers with its usage and a finish reason", async () => {
  const r = await chat([{ role: "system", content: "Be brief." }, user("What is granite?")]);
  const choice = r.choices[0];
  need(choice.message.role === "assistant" && choice.message.content === "You said: What is granite?", choice);
  need(choice.finish_reason === "stop" && r.choices.length === 1, r);
  need(r.object === "chat.completion" && r.model === model && r.id.startsWith("chatcmpl-") && r.created > 1_700_000_000, r);
  const u = r.usage;
  need(u.prompt_tokens > 0 && u.completion_tokens > 0 && u.total_tokens === u.prompt_tokens + u.completion_tokens, u);
});

scenario("max_tokens cuts the answer and says length", async () => {
  const r = await chat("[[words: 200]]", { max_tokens: 5 });
  need(r.choices[0].finish_reason === "length" && r.usage.completion_tokens === 5, r);
});

scenario("a stream ends with its usage in a chunk without choices", async () => {
  const chunks = await collect(chat("[[words: 60]]", { stream: true, stream_options: { include_usage: true } }));
  need(text(chunks).split(" ").length === 60 && text(chunks).startsWith("granite schist"), text(chunks));
  need(chunks[0].choices[0].delta.role === "assistant", chunks[0]);
  const finish = chunks.filter((c) => c.choices.length).map((c) => c.choices[0].finish_reason);
  need(finish.at(-1) === "stop" && !finish.slice(0, -1).some(Boolean), finish);
  const last = chunks.at(-1);
  need(last.choices.length === 0 && last.usage.completion_tokens > 0 && last.usage.total_tokens === last.usage.prompt_tokens + last.usage.completion_tokens, last);
  need(!chunks.slice(0, -1).some((c) => c.usage), "usage before the last chunk");
  need(new Set(chunks.map((c) => c.id)).size === 1 && chunks.every((c) => c.object === "chat.completion.chunk"), chunks[0]);
  need(chunks.length > 5, chunks.length);
});

scenario("a stream that is not asked for usage has none", async () => {
  const chunks = await collect(chat("What is granite?", { stream: true }));
  need(!chunks.some((c) => c.usage) && chunks.at(-1).choices[0].finish_reason === "stop", chunks.at(-1));
});

scenario("a JSON schema is followed", async () => {
  const schema = { type: "object", properties: { name: { type: "string" }, hardness: { type: "number" } }, required: ["name", "hardness"], additionalProperties: false };
  const r = await chat("Describe granite.", { response_format: { type: "json_schema", json_schema: { name: "stone", schema, strict: true } } });
  const stone = JSON.parse(r.choices[0].message.content);
  need(Object.keys(stone).sort().join() === "hardness,name" && typeof stone.hardness === "number", stone);
});

scenario("headers tell the answer's way and what was left out", async () => {
  for (const stream of [false, true]) {
    const { data, response } = await client.chat.completions.create(body("What is granite?", { seed: 7, stream })).withResponse();
    const h = response.headers;
    need(h.get("x-request-id").length === 32 && h.get("x-amzn-requestid"), h);
    need(h.get("x-outcrop-target").includes("us.anthropic.claude-sonnet-4-5-20250929-v1:0") && h.get("x-outcrop-target").includes("us-east-1"), h);
    need(h.get("x-outcrop-warnings").includes("field=seed"), h);
    need((stream ? (await collect(data)).at(-1) : data).choices[0].finish_reason === "stop", data);
  }
});

scenario("the model list holds ids with slashes and colons, and each can be retrieved", async () => {
  const ids = (await client.models.list()).data.map((m) => m.id);
  need(ids.includes(model) && new Set(ids).size === ids.length, ids);
  const wanted = ["bedrock/us.anthropic.claude-sonnet-4-5-20250929-v1:0", "bedrock/amazon.nova-lite-v1:0"];
  for (const name of [model, ...wanted]) {
    need(ids.includes(name), name, ids);
    const m = await client.models.retrieve(name);
    need(m.id === name && m.object === "model", m);
  }
  const r = await chat("What is granite?", { model: wanted[1] });
  need(r.choices[0].message.content === "You said: What is granite?" && r.model === wanted[1], r);
});

scenario("the Azure client reaches a model by its deployment's path and api-key", async () => {
  for (const name of [model, "bedrock/us.anthropic.claude-sonnet-4-5-20250929-v1:0"]) {
    const azure = new AzureOpenAI({ endpoint: url, apiKey: key, apiVersion: "2024-10-21", maxRetries: 0 });
    const r = await azure.chat.completions.create(body("What is granite?", { model: name }));
    need(r.choices[0].message.content === "You said: What is granite?" && r.model === name, r);
    const chunks = await collect(azure.chat.completions.create(body("What is basalt?", { model: name, stream: true })));
    need(text(chunks) === "You said: What is basalt?", chunks);
  }
});
