// What the programs share: the gateway's address, prompts and media.

import { pdf, png as draw } from "../node/media.mjs";

export { answered, ask, breaks, describe, endless, hello, key, leaves, long, model, throttled, url, weather, Stone, Place } from "../node/client.mjs";
export { pdf };

export const png = draw();
export const denied = "[[fault: denied]]"; // no client retries it
