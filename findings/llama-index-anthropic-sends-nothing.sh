#!/usr/bin/env bash
# LlamaIndex's class for Anthropic (llama-index-llms-anthropic 0.12.3) cannot send a chat
# with the SDK of Anthropic's that its requirements allow and pip installs for it
# (anthropic 2.14.0): `chat` raises TypeError while it builds the request, for a single
# user message of plain text. It makes the parameter of a message by calling a name of
# the SDK that is a union of types there.
#
# What is run: a server that answers a Messages request, and `Anthropic.chat` with one
# message; beside it the SDK itself with the same message.
#
#   seen with LlamaIndex: TypeError, "Cannot instantiate typing.Union"; no request
#   seen with the SDK:    "Granite.", one request
#
# Exits 0 while both behave so, and 1 when one of them has changed. It needs python3
# with venv.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"

python3 -m venv venv
venv/bin/pip install -q --disable-pip-version-check llama-index-llms-anthropic==0.12.3 anthropic==2.14.0

cat >ask.py <<'PY'
import http.server, json, threading
import anthropic
from llama_index.core.llms import ChatMessage
from llama_index.llms.anthropic import Anthropic

MODEL = "claude-sonnet-4-5-20250929"
requests = 0

class Handler(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        global requests
        requests += 1
        self.rfile.read(int(self.headers["Content-Length"]))
        body = json.dumps({
            "id": "msg_1", "type": "message", "role": "assistant", "model": MODEL, "stop_reason": "end_turn", "stop_sequence": None,
            "content": [{"type": "text", "text": "Granite."}], "usage": {"input_tokens": 3, "output_tokens": 2},
        }).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass

server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
threading.Thread(target=server.serve_forever, daemon=True).start()
url = f"http://127.0.0.1:{server.server_port}"

try:
    print("LlamaIndex:", Anthropic(model=MODEL, api_key="unused", base_url=url, max_retries=0).chat([ChatMessage(role="user", content="Which rock?")]).message.content)
except Exception as e:
    print(f"LlamaIndex: {type(e).__name__}: {e}; requests: {requests}")
requests = 0
client = anthropic.Anthropic(api_key="unused", base_url=url, max_retries=0)
answer = client.messages.create(model=MODEL, max_tokens=16, messages=[{"role": "user", "content": "Which rock?"}])
print(f"SDK: {answer.content[0].text}; requests: {requests}")
PY
venv/bin/python ask.py | tee seen
grep -q '^LlamaIndex: TypeError: Cannot instantiate typing.Union.*; requests: 0$' seen && grep -q '^SDK: Granite.; requests: 1$' seen
