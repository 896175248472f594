"""Calls every method of LiteLLM's client of its proxy, and prints what each comes to, as JSON: management.py KEY ADDRESS..."""

import json
import sys

from litellm.proxy.client import Client
from litellm.proxy.client.health import HealthManagementClient
from litellm.proxy.client.users import UsersManagementClient

bedrock = {"model": "bedrock/us.amazon.nova-lite-v1:0", "aws_region_name": "us-east-1"}
hello = [{"role": "user", "content": "hello"}]


def methods(address, key):
    client = Client(base_url=address, api_key=key)
    users = UsersManagementClient(address, key)
    health = HealthManagementClient(address, key)
    made = {}

    def generate():
        made.update(client.keys.generate(models=["nova"], key_alias="client", duration="1h"))
        return made

    return [
        ("keys.generate", generate),
        ("keys.info", lambda: client.keys.info(made["key"])),
        ("keys.update", lambda: client.keys.update(made["key"], key_alias="client 2")),
        ("keys.list", lambda: client.keys.list(page=1, size=2)),
        ("keys.delete", lambda: client.keys.delete(keys=[made["key"]])),
        ("teams.list", client.teams.list),
        ("teams.list_v2", client.teams.list_v2),
        ("teams.get_available", client.teams.get_available),
        ("users.create_user", lambda: users.create_user({"user_id": "client", "user_role": "internal_user"})),
        ("users.list_users", users.list_users),
        ("users.get_user", lambda: users.get_user("client")),
        ("users.get_user_v2", lambda: users.get_user_v2("client")),
        ("users.delete_user", lambda: users.delete_user(["client"])),
        ("credentials.create", lambda: client.credentials.create("client", {"custom_llm_provider": "bedrock"}, {"aws_region_name": "us-east-1"})),
        ("credentials.list", client.credentials.list),
        ("credentials.get", lambda: client.credentials.get("client")),
        ("credentials.update_display_name", lambda: client.credentials.update_display_name("client", "Client")),
        ("credentials.delete", lambda: client.credentials.delete("client")),
        ("models.list", client.models.list),
        ("models.new", lambda: client.models.new("client", bedrock, {"id": "client"})),
        ("models.info", client.models.info),
        ("models.get", lambda: client.models.get(model_id="client")),
        ("models.update", lambda: client.models.update("client", bedrock, {"mode": "chat"})),
        ("models.delete", lambda: client.models.delete("client")),
        ("model_groups.info", client.model_groups.info),
        ("chat.completions", lambda: client.chat.completions("nova", hello, max_tokens=20)),
        ("chat.completions_stream", lambda: list(client.chat.completions_stream("nova", hello, max_tokens=20))),
        ("http.request", lambda: client.http.request("GET", "/budget/list")),
        ("health.get_readiness", health.get_readiness),
        ("health.get_server_version", health.get_server_version),
    ]


def outcome(name, call):
    try:
        result = call()
    except Exception as err:  # each method has its own errors, and all are the result
        status = getattr(getattr(err, "response", None), "status_code", None)
        return {"method": name, "works": False, "error": f"{type(err).__name__} {status}" if status else type(err).__name__}
    return {"method": name, "works": result is not None and result != []}


key, *addresses = sys.argv[1:]
json.dump([[outcome(name, call) for name, call in methods(address, key)] for address in addresses], sys.stdout)
