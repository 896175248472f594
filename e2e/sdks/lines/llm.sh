pip install llm
cat >> "$(dirname "$(llm logs path)")/extra-openai-models.yaml" <<'EOF'
- model_id: sonnet
  model_name: claude-sonnet-5
  api_base: http://127.0.0.1:4000/v1
  supports_tools: true
  supports_schema: true
  vision: true
# api_key_name: outcrop        # with a master key; then: llm keys set outcrop
EOF
llm -m sonnet "What is granite?"
llm -m sonnet --schema "name, hardness int" "Describe granite."
llm -m sonnet "What is the weather in Paris?" --functions '
def get_weather(city: str) -> str:
    "The weather in a city now."
    return f"sunny in {city}"'
