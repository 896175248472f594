#!/usr/bin/env bash
# LiteLLM's Router (1.110.2) does not go on to `content_policy_fallbacks` when OpenAI's API
# refuses a chat with its own code for that, `"code": "content_policy_violation"`: the caller
# gets a BadRequestError. The same Router does go on to `context_window_fallbacks` when the
# code is `context_length_exceeded`. With a list of `fallbacks` besides, the call goes to that
# list instead, which is the one for failures of other kinds.
#
# What is run: `Router.completion` with an entry that is refused in one of the two ways, and
# an entry that answers, which is the only name in both lists of fallbacks. Both entries are
# `openai/...` with their `api_base` at a server on this machine.
#
#   seen with litellm 1.110.2, context_length_exceeded:  an answer of the fallback
#   seen with litellm 1.110.2, content_policy_violation: BadRequestError
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
REFUSALS = {
    "long": ("context_length_exceeded", "This model's maximum context length is 8192 tokens. However, your messages resulted in 9000 tokens. Please reduce the length of the messages."),
    "filtered": ("content_policy_violation", "Your request was rejected as a result of our safety system."),
}
class Vendor(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        model = json.loads(self.rfile.read(int(self.headers["Content-Length"])))["model"]
        if model in REFUSALS:
            code, message = REFUSALS[model]
            status, answer = 400, {"error": {"message": message, "type": "invalid_request_error", "param": None, "code": code}}
        else:
            status, answer = 200, {
                "id": "chatcmpl-1", "object": "chat.completion", "created": 1, "model": model,
                "choices": [{"index": 0, "message": {"role": "assistant", "content": "from the fallback"}, "finish_reason": "stop"}],
                "usage": {"prompt_tokens": 9, "completion_tokens": 3, "total_tokens": 12}}
        body = json.dumps(answer).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
    def log_message(self, *unused):
        pass
server = http.server.HTTPServer(("127.0.0.1", 0), Vendor)
with open("port.new", "w") as f:
    f.write(str(server.server_port))
os.rename("port.new", "port")
server.serve_forever()
PY
venv/bin/python server.py &
server=$!
until [ -s port ]; do sleep 0.1; done

cat >ask.py <<'PY'
import sys
import litellm
entry = lambda name: {"model_name": name, "litellm_params": {"model": "openai/" + name, "api_base": sys.argv[1], "api_key": "unused"}}
router = litellm.Router(
    model_list=[entry("long"), entry("filtered"), entry("other")], num_retries=0,
    context_window_fallbacks=[{"long": ["other"]}], content_policy_fallbacks=[{"filtered": ["other"]}])
for model in ["long", "filtered"]:
    try:
        print(model, "->", router.completion(model=model, messages=[{"role": "user", "content": "Hello."}]).choices[0].message.content)
    except litellm.BadRequestError as e:
        print(model, "->", type(e).__name__)
PY
LITELLM_LOCAL_MODEL_COST_MAP=True venv/bin/python ask.py "http://127.0.0.1:$(cat port)/v1" 2>log | tee said

cat >expected <<'TXT'
long -> from the fallback
filtered -> BadRequestError
TXT
diff expected said
