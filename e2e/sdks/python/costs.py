"""Calls models by LiteLLM's SDK and prints what it says each call costs, by the case's number.

The first argument is the address of the vendor, and standard input has the cases as a list of
{"kind", "model"}.
"""

import json
import sys

import litellm

litellm.suppress_debug_info = True


def call(number, case, address):
    text = f"case {number}."
    options = {"model": case["model"], "api_base": address + case.get("path", ""), "api_key": "sk-e2e"}
    if case["model"].startswith("azure/"):
        options["api_version"] = "2024-10-21"
    if case.get("tier"):
        options["service_tier"] = case["tier"]
    if case["kind"] == "embedding":
        return litellm.embedding(input=[text], **options)
    if case["kind"] == "rerank":
        return litellm.rerank(query=text, documents=["granite", "basalt"], **options)
    if case.get("base_model"):
        options["base_model"] = case["base_model"]
    return litellm.completion(messages=[{"role": "user", "content": text}], max_tokens=9, **options)


def main():
    costs = []
    for number, case in enumerate(json.load(sys.stdin)):
        try:
            response = call(number, case, sys.argv[1])
            cost = response._hidden_params.get("response_cost")
            costs.append(None if cost is None else f"{cost:.15f}")
        except Exception as error:  # noqa: BLE001
            costs.append(f"{type(error).__name__}: {error}"[:400])
    json.dump(costs, sys.stdout)


main()
