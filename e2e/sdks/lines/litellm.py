# pip install litellm
import litellm

# The prefix openai/ does the same.
stream = litellm.completion(
    model="litellm_proxy/claude-sonnet-5", api_base="http://127.0.0.1:4000/v1", api_key="unused",
    messages=[{"role": "user", "content": "What is granite?"}],
    reasoning_effort="low", max_tokens=4000, stream=True)
for chunk in stream:
    delta = chunk.choices[0].delta
    print(getattr(delta, "reasoning_content", None) or delta.content or "", end="", flush=True)
