"""Google's SDK for Gemini and a prompt that a filter blocks: a response without candidates, and no error."""

import os

from google import genai
from google.genai import types

client = genai.Client(api_key=os.environ["API_KEY"], http_options=types.HttpOptions(base_url=os.environ["BASE_URL"]))
model = os.environ["MODEL"]
reason = types.BlockedReason(os.environ["REASON"])


def check(what, ok, seen):
    if not ok:
        raise SystemExit(f"{what}: {seen}")


r = client.models.generate_content(model=model, contents="Say granite.")
check("a blocked prompt", not r.candidates and r.prompt_feedback.block_reason == reason and r.text is None, r)
chunks = list(client.models.generate_content_stream(model=model, contents="Say granite."))
check("a blocked prompt, streamed", len(chunks) == 1 and not chunks[0].candidates and chunks[0].prompt_feedback.block_reason == reason, chunks)

print("all passed")
