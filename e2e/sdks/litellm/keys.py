"""Prints the keys of config.yaml that LiteLLM reads, a section and a key per line."""

import glob
import inspect
import os
import re

import litellm
from litellm.proxy._types import ConfigGeneralSettings
from litellm.types.router import GenericLiteLLMParams, ModelInfo

root = os.path.dirname(litellm.__file__)
text = "\n".join(open(path, encoding="utf-8").read() for path in glob.glob(root + "/**/*.py", recursive=True))


def read(name):
    return set(re.findall(name + r"""\s*(?:\.get\(|\[)\s*["']([A-Za-z_0-9]+)["']""", text))


found = {
    "general_settings": set(ConfigGeneralSettings.model_fields) | read("general_settings"),
    "litellm_settings": read("litellm_settings"),
    "router_settings": set(inspect.signature(litellm.Router.__init__).parameters) - {"self"},
    "litellm_params": set(GenericLiteLLMParams.model_fields),
    "model_info": set(ModelInfo.model_fields),
}
for section, keys in found.items():
    for key in sorted(keys):
        print(section, key)
