#!/usr/bin/env bash
# A pipeline of a policy in LiteLLM's proxy (1.110.2) runs guardrails one after the other, and a
# step says by `pass_data` whether the next one gets the request as the step has changed it; by
# default it does not. LiteLLM's own content filter (`litellm_content_filter`) writes its masks
# into the request itself, so the next step and the model get the masked text either way. With a
# guardrail that returns a changed copy of the request, the setting decides as it says.
#
# What is run: two steps of a pipeline before the call, by `PipelineExecutor`, with `pass_data`
# on and off. The first masks the address in "Write to jo@example.com about granite.": LiteLLM's
# filter, or a guardrail of the script's that returns a copy. The second one notes what it gets.
#
#   seen with litellm 1.110.2, a copy,   pass_data true:  the masked text
#   seen with litellm 1.110.2, a copy,   pass_data false: the text as it was
#   seen with litellm 1.110.2, a filter, pass_data true:  the masked text
#   seen with litellm 1.110.2, a filter, pass_data false: the masked text
#
# Exits 0 while all four behave so, and 1 when one of them has changed. It needs python3 with venv.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"

python3 -m venv venv
venv/bin/pip install -q --disable-pip-version-check litellm==1.110.2 fastapi==0.165.0

cat >pipeline.py <<'PY'
import asyncio, sys
import litellm
from litellm.integrations.custom_guardrail import CustomGuardrail
from litellm.proxy._types import UserAPIKeyAuth
from litellm.proxy.guardrails.guardrail_hooks.litellm_content_filter.content_filter import ContentFilterGuardrail
from litellm.proxy.policy_engine.pipeline_executor import PipelineExecutor
from litellm.types.guardrails import ContentFilterAction, ContentFilterPattern, GuardrailEventHooks
from litellm.types.proxy.policy_engine.pipeline_types import PipelineStep

TEXT = "Write to jo@example.com about granite."
BEFORE = GuardrailEventHooks.pre_call


class Copies(CustomGuardrail):
    async def async_pre_call_hook(self, user_api_key_dict, cache, data, call_type):
        return {**data, "messages": [{"role": "user", "content": TEXT.replace("jo@example.com", "[MASKED]")}]}


class Notes(CustomGuardrail):
    got = ""

    async def async_pre_call_hook(self, user_api_key_dict, cache, data, call_type):
        self.got = data["messages"][0]["content"]


def first(kind):
    if kind == "a copy":
        return Copies(guardrail_name="first", event_hook=BEFORE)
    email = ContentFilterPattern(pattern_type="prebuilt", pattern_name="email", action=ContentFilterAction.MASK)
    return ContentFilterGuardrail(guardrail_name="first", event_hook=BEFORE, patterns=[email])


async def seen(kind, pass_data):
    second = Notes(guardrail_name="second", event_hook=BEFORE)
    litellm.callbacks = [first(kind), second]
    await PipelineExecutor.execute_steps(
        steps=[
            PipelineStep(guardrail="first", on_pass="next", on_fail="block", pass_data=pass_data),
            PipelineStep(guardrail="second", on_pass="allow", on_fail="block"),
        ],
        mode="pre_call",
        data={"model": "m", "messages": [{"role": "user", "content": TEXT}], "metadata": {}},
        user_api_key_dict=UserAPIKeyAuth(api_key="k"),
        call_type="completion",
        policy_name="p",
    )
    return "as it was" if second.got == TEXT else "masked" if second.got and "jo@" not in second.got else repr(second.got)


changed = False
for kind, pass_data, want in [("a copy", True, "masked"), ("a copy", False, "as it was"), ("a filter", True, "masked"), ("a filter", False, "masked")]:
    got = asyncio.run(seen(kind, pass_data))
    print(f"litellm 1.110.2, {kind}, pass_data {str(pass_data).lower()}: {got}")
    changed = changed or got != want
sys.exit(changed)
PY
LITELLM_LOCAL_MODEL_COST_MAP=True venv/bin/python pipeline.py
