"""Prints the bodies that LiteLLM sends to Bedrock for images: each line of the input is {"model", "prompt", "parameters"}."""

import json
import sys

from litellm.llms.bedrock.image_generation.amazon_nova_canvas_transformation import AmazonNovaCanvasConfig
from litellm.llms.bedrock.image_generation.amazon_stability3_transformation import AmazonStability3Config
from litellm.llms.bedrock.image_generation.amazon_titan_transformation import AmazonTitanImageGenerationConfig

KINDS = {"canvas": AmazonNovaCanvasConfig, "titan": AmazonTitanImageGenerationConfig, "stable": AmazonStability3Config}

for line in sys.stdin:
    call = json.loads(line)
    config = KINDS[call["model"]]
    parameters = config.map_openai_params(call["parameters"], {})
    print(json.dumps(config.transform_request_body(text=call["prompt"], optional_params=dict(parameters))))
