// npm install ai @ai-sdk/openai-compatible zod
import { createOpenAICompatible } from "@ai-sdk/openai-compatible";
import { stepCountIs, streamText, tool } from "ai";
import { z } from "zod";

const outcrop = createOpenAICompatible({
  name: "outcrop", baseURL: "http://127.0.0.1:4000/v1", apiKey: "unused",
  includeUsage: true, // the usage of streams
  supportsStructuredOutputs: true }); // else generateObject asks for any JSON

const { textStream, totalUsage } = streamText({
  model: outcrop("claude-sonnet-5"),
  prompt: "What is the weather in Paris?",
  tools: { get_weather: tool({
    description: "The weather in a city now.", inputSchema: z.object({ city: z.string() }),
    execute: async ({ city }) => `sunny in ${city}` }) },
  stopWhen: stepCountIs(5) });
for await (const piece of textStream) process.stdout.write(piece);
console.log((await totalUsage).totalTokens);
