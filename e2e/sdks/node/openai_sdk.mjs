// OpenAI's SDK for Node with the gateway, and the emulator as its upstream.

import { run } from "./scenario.mjs";
import "./openai_chat.mjs";
import "./openai_errors.mjs";
import "./openai_media.mjs";
import "./openai_reasoning.mjs";
import "./openai_tools.mjs";

await run();
