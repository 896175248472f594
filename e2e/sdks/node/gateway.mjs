// Access to the gateway: the SDK's client, configured by the environment.
// BASE_URL is the gateway's address, API_KEY its key, MODEL the name of a
// model that thinks and calls tools, RETRIED another name of the model, with
// retries.

import OpenAI from "openai";

export const { BASE_URL: url, API_KEY: key, MODEL: model, RETRIED: retried } = process.env;

export const client = new OpenAI({ baseURL: url + "/v1", apiKey: key, maxRetries: 0, timeout: 120_000 });

export const weather = {
  type: "function",
  function: {
    name: "get_weather",
    description: "The weather in a city now.",
    parameters: { type: "object", properties: { city: { type: "string" } }, required: ["city"] },
  },
};

export const user = (content) => ({ role: "user", content });

// body is the body of one call of the model with one message, or with a list of messages.
export function body(content, more) {
  return { model, messages: Array.isArray(content) ? content : [user(content)], ...more };
}

// chat makes one call.
export function chat(content, more) {
  return client.chat.completions.create(body(content, more));
}

// collect reads a stream to its end.
export async function collect(stream) {
  const chunks = [];
  for await (const c of await stream) chunks.push(c);
  return chunks;
}

// text is the text of a stream's chunks.
export const text = (chunks) => chunks.map((c) => c.choices[0]?.delta.content ?? "").join("");
