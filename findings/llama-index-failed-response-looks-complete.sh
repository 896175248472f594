#!/usr/bin/env bash
# LlamaIndex's `OpenAIResponses.stream_chat` (llama-index-llms-openai 0.8.3) passes over
# the event `response.failed`, with which OpenAI's Responses API ends a stream that has
# failed: the part of the answer before it looks like a complete answer, and nothing is
# raised. `OpenAI.stream_chat` of the same package, which calls chat completions, raises
# the error that ends such a stream there.
#
# What is run: a server that streams "Gra" and then fails, in the events of each API,
# and the two classes' stream_chat.
#
#   seen with OpenAIResponses: text "Gra", nothing raised
#   seen with OpenAI:          text "Gra", APIError raised
#
# Exits 0 while both behave so, and 1 when one of them has changed. It needs python3
# with venv.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"

python3 -m venv venv
venv/bin/pip install -q --disable-pip-version-check llama-index-llms-openai==0.8.3

cat >ask.py <<'PY'
import http.server, json, threading
from llama_index.core.llms import ChatMessage
from llama_index.llms.openai import OpenAI, OpenAIResponses

RESPONSE = {"id": "resp_1", "object": "response", "created_at": 1, "model": "gpt-4o", "output": [], "parallel_tool_calls": True, "tool_choice": "auto", "tools": []}
ERROR = {"code": "server_error", "message": "The model has failed."}
EVENTS = {
    "/v1/responses": [
        {"type": "response.created", "sequence_number": 0, "response": RESPONSE | {"status": "in_progress"}},
        {"type": "response.output_text.delta", "sequence_number": 1, "item_id": "msg_1", "output_index": 0, "content_index": 0, "delta": "Gra", "logprobs": []},
        {"type": "response.failed", "sequence_number": 2, "response": RESPONSE | {"status": "failed", "error": ERROR}},
    ],
    "/v1/chat/completions": [
        {"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1, "model": "gpt-4o", "choices": [{"index": 0, "delta": {"role": "assistant", "content": "Gra"}, "finish_reason": None}]},
        {"error": ERROR | {"type": "server_error", "param": None}},
    ],
}

class Handler(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.end_headers()
        for event in EVENTS[self.path]:
            name = f"event: {event['type']}\n" if "type" in event else ""
            self.wfile.write(f"{name}data: {json.dumps(event)}\n\n".encode())

    def log_message(self, *_):
        pass

server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
threading.Thread(target=server.serve_forever, daemon=True).start()
for kind in (OpenAIResponses, OpenAI):
    text, raised = "", "nothing"
    llm = kind(model="gpt-4o", api_key="unused", api_base=f"http://127.0.0.1:{server.server_port}/v1", max_retries=0)
    try:
        for piece in llm.stream_chat([ChatMessage(role="user", content="What is granite?")]):
            text += piece.delta or ""
    except Exception as error:
        raised = type(error).__name__
    print(f"{kind.__name__}: text {text!r}, {raised} raised")
PY
seen=$(venv/bin/python ask.py)
echo "$seen"
[ "$seen" = "OpenAIResponses: text 'Gra', nothing raised
OpenAI: text 'Gra', APIError raised" ]
