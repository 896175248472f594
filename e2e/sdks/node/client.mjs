// What the programs of the clients share: where the gateway is, and what they
// ask. BASE_URL is the gateway's address, API_KEY its key, MODEL the name of a
// model that thinks, calls tools and follows schemas.
//
// A scenario's name is a feature, a colon and the calls of the client that show it.

import { setTimeout } from "node:timers/promises";
import { z } from "zod";
import { need } from "./scenario.mjs";

export const { BASE_URL: url, API_KEY: key, MODEL: model } = process.env;

export const hello = "What is granite?";
export const ask = "What is the weather in Paris and Tokyo?";
export const describe = "Describe granite, of hardness 7.";
export const long = "[[words: 60]]";
export const breaks = "[[fault: internal after=3]] [[words: 60]]";
export const throttled = "[[fault: throttle]]";
export const endless = "[[fault: rate=10]] [[words: 5000]]";

export const Stone = z.object({ name: z.string(), hardness: z.number().int() });
export const Place = z.object({ city: z.string() });

// weather is what every tool of the programs answers.
export const weather = ({ city }) => `sunny in ${city}`;

// told needs the last answer of a tool loop: it tells of both cities.
export function told(text) {
  need(text.includes("sunny in Paris") && text.includes("sunny in Tokyo"), text);
}

// leaves runs what leaves a stream; the gateway must see it, while this program goes on.
export async function leaves(leave) {
  const before = await gone();
  await leave();
  const end = Date.now() + 120_000;
  while ((await gone()) === before) {
    need(Date.now() < end, "the gateway goes on answering");
    await setTimeout(20);
  }
}

// gone is how many clients have gone away, as the gateway counts them.
async function gone() {
  const text = await (await fetch(url + "/metrics")).text();
  const counted = text.split("\n").filter((l) => l.startsWith("outcrop_requests_total{") && l.includes('status="499"'));
  return counted.reduce((sum, l) => sum + Number(l.split(" ").at(-1)), 0);
}
