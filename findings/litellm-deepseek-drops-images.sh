#!/usr/bin/env bash
# LiteLLM's SDK (1.110.2) leaves images out of a message for DeepSeek without an error,
# a warning or a log line: it sends only the texts of the message's parts, joined
# without anything between them. The model then answers a question about a picture that
# it was never shown. The same call for xAI reaches the vendor with all of its parts.
#
# What is run: `litellm.completion` with one user message of three parts, a text, a PNG
# of one pixel and a text, for a DeepSeek model and for an xAI model, both with their
# `api_base` at a server that prints the content which it receives.
#
#   seen with litellm 1.110.2, deepseek/deepseek-chat: "What is inthis picture?"
#   seen with litellm 1.110.2, xai/grok-4:             a list of text, image_url, text
#
# Exits 0 while both behave so, and 1 when one of them has changed. It needs python3
# with venv.
set -euo pipefail
dir=$(mktemp -d)
trap 'kill "${server:-}" 2>/dev/null || true; rm -rf "$dir"' EXIT
cd "$dir"

python3 -m venv venv
venv/bin/pip install -q --disable-pip-version-check litellm==1.110.2

cat >server.py <<'PY'
import http.server, json, os
class Vendor(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        content = json.loads(self.rfile.read(int(self.headers["Content-Length"])))["messages"][0]["content"]
        print(json.dumps(content if isinstance(content, str) else [part["type"] for part in content]), flush=True)
        answer = json.dumps({
            "id": "chatcmpl-1", "object": "chat.completion", "created": 1, "model": "m",
            "choices": [{"index": 0, "message": {"role": "assistant", "content": "A pixel."}, "finish_reason": "stop"}],
            "usage": {"prompt_tokens": 9, "completion_tokens": 3, "total_tokens": 12}}).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)
    def log_message(self, *unused):
        pass
server = http.server.HTTPServer(("127.0.0.1", 0), Vendor)
with open("port.new", "w") as f:
    f.write(str(server.server_port))
os.rename("port.new", "port")
server.serve_forever()
PY
venv/bin/python server.py >received &
server=$!
until [ -s port ]; do sleep 0.1; done

cat >ask.py <<'PY'
import sys
import litellm
png = "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
for model in ["deepseek/deepseek-chat", "xai/grok-4"]:
    response = litellm.completion(model=model, api_base=sys.argv[1], api_key="unused", messages=[{"role": "user", "content": [
        {"type": "text", "text": "What is in"},
        {"type": "image_url", "image_url": {"url": png}},
        {"type": "text", "text": "this picture?"}]}])
    print(model, "answers", response.choices[0].message.content)
PY
LITELLM_LOCAL_MODEL_COST_MAP=True venv/bin/python ask.py "http://127.0.0.1:$(cat port)" >said 2>&1
cat said
if grep -qi image said; then
  echo "litellm 1.110.2 now says something of the image"
  exit 1
fi

cat >expected <<'TXT'
"What is inthis picture?"
["text", "image_url", "text"]
TXT
cat received
diff expected received
echo "litellm 1.110.2 still leaves the image out for DeepSeek, and sends it to xAI"
