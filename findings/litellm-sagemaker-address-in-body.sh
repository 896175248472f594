#!/usr/bin/env bash
# LiteLLM's SDK (1.110.2) writes `sagemaker_base_url`, the setting for the
# address of a SageMaker runtime (a VPC endpoint, for example), into the body of each
# request for a `sagemaker_chat/` model. Containers that refuse members they do not know
# answer such a request with an error. A streaming call with that setting goes to exactly
# that address, too, so that one address cannot serve both kinds of calls: SageMaker has
# a path of its own for streams (/invocations-response-stream).
#
# What is run: `litellm.completion` for sagemaker_chat/granite, whole and with
# `stream=True`, with `sagemaker_base_url` at a server that prints the path of each
# request and the names of the members of its body.
#
#   seen with litellm 1.110.2: both requests have the path of the setting, and both
#   bodies have a member sagemaker_base_url.
#
# Exits 0 while it behaves so, and 1 when that has changed. It needs python3 with venv.
set -euo pipefail
dir=$(mktemp -d)
trap 'kill "${server:-}" 2>/dev/null || true; rm -rf "$dir"' EXIT
cd "$dir"

python3 -m venv venv
venv/bin/pip install -q --disable-pip-version-check litellm==1.110.2 boto3==1.44.8

cat >server.py <<'PY'
import http.server, json, os
class Runtime(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        print(json.dumps({"path": self.path, "stream": body.get("stream", False), "members": sorted(body)}), flush=True)
        answer = json.dumps({
            "id": "chatcmpl-1", "object": "chat.completion", "created": 1, "model": "granite",
            "choices": [{"index": 0, "message": {"role": "assistant", "content": "A rock."}, "finish_reason": "stop"}],
            "usage": {"prompt_tokens": 9, "completion_tokens": 3, "total_tokens": 12}}).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)
    def log_message(self, *unused):
        pass
server = http.server.HTTPServer(("127.0.0.1", 0), Runtime)
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
for stream in [False, True]:
    try:
        response = litellm.completion(
            model="sagemaker_chat/granite", stream=stream, messages=[{"role": "user", "content": "What is granite?"}],
            aws_region_name="us-east-1", aws_access_key_id="AKIDEXAMPLE", aws_secret_access_key="example",
            sagemaker_base_url=sys.argv[1])
        if stream:
            list(response)
    except Exception as e:  # the server answers streams whole, which is not what is looked at
        print("after the request:", type(e).__name__)
PY
AWS_EC2_METADATA_DISABLED=true venv/bin/python ask.py "http://127.0.0.1:$(cat port)/endpoints/granite/invocations"
cat received

venv/bin/python - <<'PY'
import json
calls = [json.loads(line) for line in open("received")]
kinds = {call["stream"] for call in calls}
ok = kinds == {False, True} and all(call["path"] == "/endpoints/granite/invocations" and "sagemaker_base_url" in call["members"] for call in calls)
print("as seen" if ok else "changed")
raise SystemExit(0 if ok else 1)
PY
