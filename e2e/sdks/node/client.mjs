// Shared parts of the client programs: the gateway's address and the prompts.
// BASE_URL is the gateway's address, API_KEY its key, MODEL the name of a
// model that thinks, calls tools and follows schemas, EMBEDS that of a model for
// embeddings.
//
// A scenario's name is a feature, a colon and the calls of the client that show it.

import { setTimeout } from "node:timers/promises";
import { z } from "zod";
import { need } from "./scenario.mjs";

export const { BASE_URL: url, API_KEY: key, MODEL: model, EMBEDS: embeds } = process.env;

export const hello = "What is granite?";
export const ask = "What is the weather in Paris and Tokyo?";
export const describe = "Describe granite, of hardness 7.";
export const long = "[[words: 60]]";
export const breaks = "[[fault: internal after=3]] [[words: 60]]";
export const throttled = "[[fault: throttle]]";
export const endless = "[[fault: rate=10]] [[words: 5000]]";

// What is embedded: the vector of a text is the same alone and among others.
export const rocks = ["granite", "Hello world", "slate"];
export const helloTokens = [9906, 1917]; // "Hello world" in cl100k_base

// alike checks that two vectors are equal, as far as 32 bits go.
export function alike(a, b) {
  need(a.length === b.length && a.every((x, i) => Math.abs(x - b[i]) < 1e-6), a.slice(0, 4), b.slice(0, 4));
}

export const Stone = z.object({ name: z.string(), hardness: z.number().int() });
export const Place = z.object({ city: z.string() });

// weather is the answer of every tool in the programs.
export const weather = ({ city }) => `sunny in ${city}`;

// answered checks the last answer of a tool loop, which must mention both cities.
export function answered(text) {
  need(text.includes("sunny in Paris") && text.includes("sunny in Tokyo"), text);
}

// leaves runs a function that abandons a stream, and waits until the gateway notices.
export async function leaves(leave) {
  const before = await gone();
  await leave();
  const end = Date.now() + 120_000;
  while ((await gone()) === before) {
    need(Date.now() < end, "the gateway continues answering");
    await setTimeout(20);
  }
}

// gone is the gateway's count of disconnected clients.
async function gone() {
  const text = await (await fetch(url + "/metrics", { headers: { Authorization: `Bearer ${key}` } })).text();
  const counted = text.split("\n").filter((l) => l.startsWith("outcrop_requests_total{") && l.includes('status="499"'));
  return counted.reduce((sum, l) => sum + Number(l.split(" ").at(-1)), 0);
}
