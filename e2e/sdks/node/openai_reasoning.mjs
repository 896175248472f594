// Reasoning with its signatures, over several turns.

import OpenAI from "openai";
import { chat, collect, user, weather } from "./gateway.mjs";
import { need, raises, scenario } from "./scenario.mjs";

const thinking = { type: "enabled", budget_tokens: 1024 };
const ask = "What is the weather in Paris?";

// signed reports whether there is one thinking block with a text and a signature.
const signed = (blocks) => blocks?.length === 1 && blocks[0].type === "thinking" && blocks[0].thinking.length > 10 && blocks[0].signature.length > 20;

const think = async (content, more) => (await chat(content, { thinking, ...more })).choices[0].message;

const result = (message, content) => ({ role: "tool", tool_call_id: message.tool_calls[0].id, content });

scenario("thinking comes with its signature", async () => {
  const m = await think("What is granite?");
  need(signed(m.thinking_blocks) && m.reasoning_content === m.thinking_blocks[0].thinking, m);
  need(m.content === "You said: What is granite?", m);
});

scenario("signatures go back over turns with tools", async () => {
  const history = [user(ask)];
  for (const city of ["Paris", "Tokyo"]) {
    let m = await think(history, { tools: [weather] });
    need(signed(m.thinking_blocks) && m.tool_calls.length === 1, m);
    history.push(m, result(m, `rain in ${city}`));
    m = await think(history, { tools: [weather] });
    need(signed(m.thinking_blocks) && m.content.includes(`rain in ${city}`), m);
    history.push(m, user("And the weather in Tokyo?"));
  }
  need(history.filter((h) => h.thinking_blocks).length === 4, history);
});

scenario("thinking streams with its signature, and goes back", async () => {
  const block = { type: "thinking", thinking: "", signature: "" };
  const calls = [];
  for (const c of await collect(chat(ask, { thinking, tools: [weather], stream: true }))) {
    const d = c.choices[0].delta;
    for (const b of d.thinking_blocks ?? []) {
      need(b.type === "thinking" && !calls.length, b);
      need((b.thinking ?? "") === (d.reasoning_content ?? ""), d);
      block.thinking += b.thinking ?? "";
      block.signature += b.signature ?? "";
    }
    for (const piece of d.tool_calls ?? []) {
      if (piece.id) calls.push({ id: piece.id, type: "function", function: { name: piece.function.name, arguments: "" } });
      calls.at(-1).function.arguments += piece.function.arguments ?? "";
    }
  }
  need(signed([block]) && calls.length === 1, block, calls);
  const reply = { role: "assistant", content: null, tool_calls: calls, thinking_blocks: [block] };
  const m = await think([user(ask), reply, result(reply, "rain")], { tools: [weather] });
  need(m.content.includes("rain"), m);
});

scenario("reasoning_effort asks for thinking", async () => {
  let m = (await chat("What is granite?", { reasoning_effort: "low" })).choices[0].message;
  need(signed(m.thinking_blocks) && m.reasoning_content, m);
  m = (await chat("What is granite?", { reasoning_effort: "none" })).choices[0].message;
  need(!m.thinking_blocks, m);
});

scenario("an edited signature is refused", async () => {
  const m = await think(ask, { tools: [weather] });
  const edited = structuredClone(m);
  const s = edited.thinking_blocks[0].signature;
  edited.thinking_blocks[0].signature = (s[0] === "A" ? "B" : "A") + s.slice(1);
  const e = await raises(OpenAI.BadRequestError, () => think([user(ask), edited, result(m, "rain")], { tools: [weather] }));
  need(e.message.includes("Invalid `signature` in `thinking` block"), e);
});
