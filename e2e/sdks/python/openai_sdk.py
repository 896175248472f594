"""OpenAI's SDK for Python with the gateway, and the emulator as its upstream."""

import openai_chat  # noqa: F401
import openai_errors  # noqa: F401
import openai_media  # noqa: F401
import openai_reasoning  # noqa: F401
import openai_tools  # noqa: F401
import scenario

scenario.run()
