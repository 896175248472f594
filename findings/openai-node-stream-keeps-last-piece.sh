#!/usr/bin/env bash
# The helper `chat.completions.stream()` of OpenAI's SDK for Node (6.49.0) loses all
# but the last piece of a streamed member that it does not know. Vendors stream such
# members: `reasoning_content` comes in pieces of text, as `content` does. The same
# chunks through the helper of OpenAI's SDK for Python (2.54.0) are joined.
#
# What is run: a server that streams one valid chat completion whose deltas hold
# `content` ("Gra", "nite") and `reasoning_content` ("It is ", "a stone."), and each
# SDK's helper, which gives the final message.
#
#   seen with openai 6.49.0 for Node:   content "Granite", reasoning_content "a stone."
#   seen with openai 2.54.0 for Python: content "Granite", reasoning_content "It is a stone."
#
# Exits 0 while both behave so, and 1 when one of them has changed. It needs node,
# npm and python3 with venv.
set -euo pipefail
dir=$(mktemp -d)
trap 'kill "${server:-}" 2>/dev/null || true; rm -rf "$dir"' EXIT
cd "$dir"

npm init -y >/dev/null
npm pkg set type=module >/dev/null
npm install --silent --no-audit --no-fund openai@6.49.0
python3 -m venv venv
venv/bin/pip install -q --disable-pip-version-check openai==2.54.0

cat >server.mjs <<'JS'
import http from "node:http";
const chunk = (delta, finish_reason = null) => "data: " + JSON.stringify({
  id: "chatcmpl-1", object: "chat.completion.chunk", created: 1, model: "m",
  choices: [{ index: 0, delta, finish_reason }] }) + "\n\n";
http.createServer((req, res) => {
  req.resume().on("end", () => {
    res.writeHead(200, { "Content-Type": "text/event-stream" });
    res.write(chunk({ role: "assistant", reasoning_content: "It is " }));
    res.write(chunk({ reasoning_content: "a stone." }));
    res.write(chunk({ content: "Gra" }));
    res.write(chunk({ content: "nite" }));
    res.write(chunk({}, "stop"));
    res.end("data: [DONE]\n\n");
  });
}).listen(0, "127.0.0.1", function () { console.log(this.address().port); });
JS
node server.mjs >port &
server=$!
until [ -s port ]; do sleep 0.1; done
export OPENAI_API_KEY=unused OPENAI_BASE_URL="http://127.0.0.1:$(cat port)/v1"

cat >ask.mjs <<'JS'
import OpenAI from "openai";
const stream = new OpenAI().chat.completions.stream({ model: "m", messages: [{ role: "user", content: "What is granite?" }] });
const { content, reasoning_content } = (await stream.finalChatCompletion()).choices[0].message;
console.log(JSON.stringify({ content, reasoning_content }));
JS
cat >ask.py <<'PY'
import json
from openai import OpenAI
with OpenAI().chat.completions.stream(model="m", messages=[{"role": "user", "content": "What is granite?"}]) as stream:
    for _ in stream:
        pass
    message = stream.get_final_completion().choices[0].message
print(json.dumps({"content": message.content, "reasoning_content": message.reasoning_content}, separators=(",", ":")))
PY

node=$(node ask.mjs)
python=$(venv/bin/python ask.py)
echo "Node:   $node"
echo "Python: $python"
[ "$node" = '{"content":"Granite","reasoning_content":"a stone."}' ]
[ "$python" = '{"content":"Granite","reasoning_content":"It is a stone."}' ]
