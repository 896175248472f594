// Tool calls: parallel, streamed, and a round trip.

import { chat, collect, text, user, weather } from "./gateway.mjs";
import { need, scenario } from "./scenario.mjs";

const ask = "What is the weather in Paris and Tokyo?";

// cities are those of calls that are otherwise correct.
function cities(calls) {
  need(new Set(calls.map((c) => c.id)).size === calls.length, calls);
  need(calls.every((c) => c.type === "function" && c.function.name === "get_weather"), calls);
  return calls.map((c) => JSON.parse(c.function.arguments).city);
}

// assemble returns the calls of a stream, according to OpenAI's documentation.
function assemble(chunks) {
  const calls = [];
  let finish;
  for (const c of chunks) {
    if (!c.choices.length) continue;
    finish = c.choices[0].finish_reason ?? finish;
    for (const piece of c.choices[0].delta.tool_calls ?? []) {
      if (piece.index === calls.length) {
        need(piece.id && piece.function.name, piece);
        calls.push({ id: piece.id, type: piece.type, function: { name: piece.function.name, arguments: "" } });
      }
      need(piece.index === calls.length - 1, piece, calls);
      calls.at(-1).function.arguments += piece.function.arguments ?? "";
    }
  }
  return { calls, finish };
}

function answers(calls) {
  const named = cities(calls);
  return calls.map((c, i) => ({ role: "tool", tool_call_id: c.id, content: `sunny in ${named[i]}` }));
}

scenario("two tool calls come whole, side by side", async () => {
  const r = await chat(ask, { tools: [weather] });
  need(r.choices[0].finish_reason === "tool_calls", r);
  need(cities(r.choices[0].message.tool_calls).join() === "Paris,Tokyo", r);
});

scenario("two tool calls come streamed and assemble to JSON", async () => {
  const chunks = await collect(chat(ask, { tools: [weather], stream: true }));
  const { calls, finish } = assemble(chunks);
  need(finish === "tool_calls" && cities(calls).join() === "Paris,Tokyo", calls, finish);
  need(chunks.filter((c) => c.choices[0]?.delta.tool_calls).length > 4, "arguments came in one piece");
});

scenario("a tool choice by name is kept", async () => {
  let r = await chat("Hello.", { tools: [weather], tool_choice: { type: "function", function: { name: "get_weather" } } });
  need(r.choices[0].message.tool_calls.map((c) => c.function.name).join() === "get_weather", r);
  r = await chat(ask, { tools: [weather], tool_choice: "none" });
  need(!r.choices[0].message.tool_calls && r.choices[0].finish_reason === "stop", r);
});

scenario("a tool round trip ends in text", async () => {
  const reply = (await chat(ask, { tools: [weather] })).choices[0].message;
  const last = (await chat([user(ask), reply, ...answers(reply.tool_calls)], { tools: [weather] })).choices[0];
  need(last.finish_reason === "stop" && !last.message.tool_calls, last);
  need(last.message.content.includes("sunny in Paris") && last.message.content.includes("sunny in Tokyo"), last);
});

scenario("a streamed tool round trip ends in text", async () => {
  const { calls } = assemble(await collect(chat(ask, { tools: [weather], stream: true })));
  const history = [user(ask), { role: "assistant", content: null, tool_calls: calls }, ...answers(calls)];
  const reply = text(await collect(chat(history, { tools: [weather], stream: true })));
  need(reply.includes("sunny in Paris") && reply.includes("sunny in Tokyo"), reply);
});
