// OpenAI's SDK for Node against the gateway, with the emulator behind it.

import { run } from "./scenario.mjs";
import "./openai_chat.mjs";
import "./openai_errors.mjs";
import "./openai_media.mjs";
import "./openai_reasoning.mjs";
import "./openai_tools.mjs";

await run();
