// npm install openai zod
import OpenAI from "openai";
import { zodFunction, zodResponseFormat } from "openai/helpers/zod";
import { z } from "zod";

const client = new OpenAI({ baseURL: "http://127.0.0.1:4000/v1", apiKey: "unused" });
const model = "claude-sonnet-5";

const stone = await client.chat.completions.parse({
  model, messages: [{ role: "user", content: "Describe granite." }],
  response_format: zodResponseFormat(z.object({ name: z.string(), hardness: z.number() }), "stone") });
console.log(stone.choices[0].message.parsed);

const tool = zodFunction({
  name: "get_weather", description: "The weather in a city now.", parameters: z.object({ city: z.string() }),
  function: ({ city }) => `sunny in ${city}` });
const runner = client.chat.completions.runTools({
  model, messages: [{ role: "user", content: "What is the weather in Paris?" }], tools: [tool], stream: true });
console.log(await runner.finalContent());
