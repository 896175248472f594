// Scenarios, each a function, run in turn and reported as JSON: one line to
// standard output for each, {"name": ..., "ok": ..., "seen": ...}. The Go test
// that started the program makes a subtest of every line.

import { inspect } from "node:util";

const scenarios = [];

// scenario registers a function under a name, a sentence.
export function scenario(name, run) {
  scenarios.push({ name, run });
}

// need fails the scenario with what was seen unless the condition holds.
export function need(condition, ...seen) {
  if (!condition) throw new Error("seen: " + seen.map((s) => inspect(s, { depth: 6 })).join(" "));
}

// raises returns the error of the call, which must be of the kind.
export async function raises(kind, call) {
  let result;
  try {
    result = await call();
  } catch (e) {
    if (e instanceof kind) return e;
    throw e;
  }
  throw new Error(`no ${kind.name}, but ${inspect(result, { depth: 4 })}`);
}

// run runs every scenario.
export async function run() {
  for (const { name, run } of scenarios) {
    let ok = true;
    let seen = "";
    try {
      await run();
    } catch (e) {
      ok = false;
      seen = e?.stack ?? inspect(e);
    }
    console.log(JSON.stringify({ name, ok, seen }));
  }
}
