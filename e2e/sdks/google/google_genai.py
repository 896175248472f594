"""Google's SDK for Gemini against the gateway: what applications of it do."""

import os

from google import genai
from google.genai import errors, types

client = genai.Client(api_key=os.environ["API_KEY"], http_options=types.HttpOptions(base_url=os.environ["BASE_URL"]))
model = os.environ["MODEL"]
translated = model != "gemini"


def check(what, ok, seen):
    if not ok:
        raise SystemExit(f"{what}: {seen}")


# A complete answer, with its usage.
r = client.models.generate_content(
    model=model,
    contents="Say granite.",
    config=types.GenerateContentConfig(system_instruction="Be brief.", temperature=0.5, max_output_tokens=200, stop_sequences=["END"]),
)
check("a text", "granite" in r.text.lower(), r)
check("its reason to stop", r.candidates[0].finish_reason == types.FinishReason.STOP, r)
check("its usage", r.usage_metadata.prompt_token_count > 0 and r.usage_metadata.total_token_count > r.usage_metadata.prompt_token_count, r.usage_metadata)

# A stream.
chunks = list(client.models.generate_content_stream(model=model, contents="Say granite."))
check("a streamed text", "granite" in "".join(c.text or "" for c in chunks).lower(), chunks)
check("the end of a stream", chunks[-1].candidates[0].finish_reason == types.FinishReason.STOP and chunks[-1].usage_metadata.total_token_count > 0, chunks[-1])

# A chat of several turns.
chat = client.chats.create(model=model)
chat.send_message("Say basalt.")
check("a chat", chat.send_message("Say granite.").text, chat.get_history())

# Tokens.
n = client.models.count_tokens(model=model, contents="Say granite.")
check("a count", n.total_tokens > 0, n)

if translated:
    # Tools, in both forms of a schema, whole and streamed, and the way back.
    weather = types.FunctionDeclaration(
        name="weather",
        description="The weather of a place.",
        parameters=types.Schema(type=types.Type.OBJECT, properties={"place": types.Schema(type=types.Type.STRING, nullable=True)}, required=["place"]),
    )
    forced = types.GenerateContentConfig(
        tools=[types.Tool(function_declarations=[weather])],
        tool_config=types.ToolConfig(function_calling_config=types.FunctionCallingConfig(mode="ANY")),
    )
    r = client.models.generate_content(model=model, contents="The weather in Bonn?", config=forced)
    check("a call", r.function_calls and r.function_calls[0].name == "weather" and isinstance(r.function_calls[0].args, dict), r)
    streamed = [c for chunk in client.models.generate_content_stream(model=model, contents="The weather in Bonn?", config=forced) for c in chunk.function_calls or []]
    check("a streamed call", streamed and streamed[0].name == "weather", streamed)
    done = types.Part.from_function_response(name="weather", response={"result": "rain"})
    done.function_response.id = r.function_calls[0].id
    r = client.models.generate_content(
        model=model,
        contents=[types.Content(role="user", parts=[types.Part(text="The weather in Bonn?")]), r.candidates[0].content, types.Content(role="user", parts=[done])],
        config=types.GenerateContentConfig(tools=[types.Tool(function_declarations=[weather])]),
    )
    check("an answer behind a call", r.text, r)

    # A schema.
    r = client.models.generate_content(
        model=model,
        contents="Name a rock.",
        config=types.GenerateContentConfig(response_mime_type="application/json", response_schema=types.Schema(type=types.Type.OBJECT, properties={"name": types.Schema(type=types.Type.STRING)}, required=["name"])),
    )
    check("a schema", '"name"' in r.text, r)

    # An image.
    png = b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR\x00\x00\x00\x01\x00\x00\x00\x01\x08\x06\x00\x00\x00\x1f\x15\xc4\x89\x00\x00\x00\rIDATx\x9cc\xf8\xcfP\x0f\x00\x03\x86\x01\x80Z4}k\x00\x00\x00\x00IEND\xaeB`\x82"
    r = client.models.generate_content(model=model, contents=[types.Part.from_bytes(data=png, mime_type="image/png"), "What is it?"])
    check("an image", r.text, r)

    # A limit.
    r = client.models.generate_content(model=model, contents="Say granite and slate and much more.", config=types.GenerateContentConfig(max_output_tokens=1))
    check("a limit", r.candidates[0].finish_reason == types.FinishReason.MAX_TOKENS, r)

    # Vectors.
    e = client.models.embed_content(model="titan", contents=["granite", "basalt"])
    check("vectors", len(e.embeddings) == 2 and len(e.embeddings[0].values) > 10, e)

    # A refusal before a stream and in it.
    try:
        client.models.generate_content(model=model, contents="[[fault: denied]]")
        raise SystemExit("a refusal is an answer")
    except errors.ClientError as err:
        check("a refusal", err.code == 403 and err.status == "PERMISSION_DENIED", err)

if model == "claude":
    # Thoughts come with a signature, and go back with it.
    thinking = types.GenerateContentConfig(thinking_config=types.ThinkingConfig(thinking_budget=1024, include_thoughts=True), max_output_tokens=3000)
    for answer in (
        client.models.generate_content(model=model, contents="Say granite.", config=thinking).candidates[0].content.parts,
        [p for c in client.models.generate_content_stream(model=model, contents="Say granite.", config=thinking) for p in (c.candidates[0].content.parts or [])],
    ):
        check("a thought", any(p.thought and p.text for p in answer) and any(p.thought_signature for p in answer), answer)
        r = client.models.generate_content(
            model=model,
            contents=[types.Content(role="user", parts=[types.Part(text="Say granite.")]), types.Content(role="model", parts=answer), types.Content(role="user", parts=[types.Part(text="Go on.")])],
            config=thinking,
        )
        check("an answer behind a thought", r.text, r)

# The list of models, page by page, and one of them.
names = [m.name for m in client.models.list(config={"page_size": 2})]
check("the list of models", f"models/{model}" in names and len(names) == len(set(names)) and len(names) > 2, names)
one = client.models.get(model=model)
check("a model", one.name == f"models/{model}" and "generateContent" in one.supported_actions, one)
try:
    client.models.get(model="no-such-model")
    raise SystemExit("a model that is not there is found")
except errors.ClientError as err:
    check("an unknown model", err.code == 404 and err.status == "NOT_FOUND" and "no-such-model" in err.message, err)

print("all passed")
