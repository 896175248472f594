"""Qdrant's own client in its local mode, behind the paths of Qdrant's REST API that the store calls.

Bodies are checked with the models that Qdrant generates from its OpenAPI document, which know every member of the API and allow no
other. The server's key is the second argument.
"""
import json
import re
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Lock

from pydantic import TypeAdapter
from qdrant_client import QdrantClient, models

client, lock = QdrantClient(":memory:"), Lock()


def parse(kind, body):
    return TypeAdapter(kind).validate_json(body)


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def reply(self, status, result):
        if status == 200:
            out = {"result": result, "status": "ok", "time": 0.0}
        else:
            out = {"status": {"error": result}, "time": 0.0}
        data = json.dumps(out).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def serve(self):
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        if self.headers.get("api-key") != sys.argv[2]:
            return self.reply(401, "Must provide an API key or an Authorization bearer token")
        path, _, query = self.path.partition("?")
        m = re.fullmatch(r"/collections/([^/]+)(/.*)?", path)
        if not m:
            return self.reply(404, "")
        name, rest = m[1], m[2] or ""
        if query not in ("", "wait=true", "wait=false"):
            return self.reply(400, "query " + query)
        try:
            with lock:
                return self.reply(*self.act(name, self.command, rest, body))
        except ValueError as e:
            return self.reply(400, str(e)[:1000])

    do_GET = do_PUT = do_POST = serve

    def act(self, name, method, rest, body):
        if not client.collection_exists(name):
            if (method, rest) != ("PUT", ""):
                return 404, f"Not found: Collection `{name}` doesn't exist!"
            c = parse(models.CreateCollection, body)
            client.create_collection(name, vectors_config=c.vectors, quantization_config=c.quantization_config)
            return 200, True
        if (method, rest) == ("PUT", ""):
            return 409, f"Wrong input: Collection `{name}` already exists!"
        if (method, rest) == ("GET", ""):
            return 200, client.get_collection(name).model_dump(mode="json")
        if (method, rest) == ("PUT", "/index"):
            parse(models.CreateFieldIndex, body)
            return 200, {"operation_id": 0, "status": "completed"}
        if (method, rest) == ("PUT", "/points"):
            points = parse(models.PointsList, body).points
            size = client.get_collection(name).config.params.vectors.size
            for p in points:
                if len(p.vector) != size:
                    return 400, f"Wrong input: Vector dimension error: expected dim: {size}, got {len(p.vector)}"
            client.upsert(name, points)
            return 200, {"operation_id": 0, "status": "completed"}
        if (method, rest) == ("POST", "/points/query"):
            q = parse(models.QueryRequest, body)
            found = client.query_points(name, query=q.query, query_filter=q.filter, search_params=q.params, limit=q.limit, with_payload=q.with_payload)
            return 200, found.model_dump(mode="json")
        if (method, rest) == ("POST", "/points/delete"):
            s = parse(models.PointsSelector, body)
            client.delete(name, s.points if isinstance(s, models.PointIdsList) else s)
            return 200, {"operation_id": 0, "status": "completed"}
        if method == "GET" and rest.startswith("/points/"):
            found = client.retrieve(name, [rest[len("/points/"):]], with_payload=True, with_vectors=True)
            if not found:
                return 404, f"Not found: Point with id {rest[len('/points/'):]} does not exists!"
            return 200, found[0].model_dump(mode="json")
        return 404, ""


ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Handler).serve_forever()
