package diagnose_test

import (
	"strings"
	"testing"

	"outcrop/llm"
	"outcrop/provider/bedrock/diagnose"
	"outcrop/wire/converse"
	"outcrop/wire/openaichat"
)

// TestARefusalNamesTheCallersField reads AWS's words on fields as the caller knows them.
func TestARefusalNamesTheCallersField(t *testing.T) {
	text := func(s string) llm.Block { return llm.Block{Kind: llm.BlockText, Text: s} }
	call := func(id string) llm.Block {
		return llm.Block{Kind: llm.BlockToolUse, ToolUse: &llm.ToolUse{ID: id, Name: "f"}}
	}
	result := func(id string) llm.Block {
		return llm.Block{Kind: llm.BlockToolResult, ToolResult: &llm.ToolResult{ID: id, Content: []llm.ResultBlock{{Block: llm.Block{Kind: llm.BlockImage}}}}}
	}
	req := &llm.Request{
		Turns: []llm.Turn{ // the caller's first message is a system prompt, the fourth and fifth are results
			{Role: llm.RoleUser, Blocks: []llm.Block{text("Hi")}, Message: 2},
			{Role: llm.RoleAssistant, Blocks: []llm.Block{{Kind: llm.BlockReasoning, Signature: "s"}, text("So"), call("a"), call("b")}, Message: 3},
			{Role: llm.RoleUser, Blocks: []llm.Block{result("a")}, Message: 4},
			{Role: llm.RoleUser, Blocks: []llm.Block{result("b")}, Message: 5},
		},
		Tools: []llm.Tool{{Name: "f", Cache: &llm.CachePoint{}}, {Name: "g"}},
	}
	chat, err := openaichat.Decode([]byte(`{"model":"m","messages":[{"role":"user","content":"Hi"}]}`), openaichat.Options{})
	if err != nil {
		t.Fatal(err)
	}
	const said = "The model returned the following errors: "
	for _, tt := range []struct{ name, message, param, fix string }{
		{"a misspelt parameter", said + "Malformed input request: #: extraneous key [temprature] is not permitted, please reformat your input and try again.", "temprature", "Did you mean temperature?"},
		{"one that nobody knows", said + "colour_of_voice: Extra inputs are not permitted", "colour_of_voice", "Remove colour_of_voice"},
		{"bedrock-chat/reasoning-object", said + "reasoning: Extra inputs are not permitted", "reasoning", "Remove reasoning"},
		{"a key within", said + "Malformed input request: #/messages/1/content/2: extraneous key [toolUse] is not permitted, please reformat your input and try again.", "messages[2].tool_calls[0]", ""},
		{"a setting within", said + "Malformed input request: #/inferenceConfig/topP: expected type: Number, found: String, please reformat your input and try again.", "top_p", "top_p"},
		{"bedrock-chat/grok-sampling", "This model doesn't support the temperature field. Remove temperature and try again.", "temperature", "Remove temperature, or use a model"},
		{"stop sequences", "This model doesn't support the stopSequences field. Remove stopSequences and try again.", "stop", "Remove stop,"},
		{"a choice", "This model doesn't support the toolConfig.toolChoice.any field. Remove toolConfig.toolChoice.any and try again.", "tool_choice", "Remove tool_choice,"},
		{"a value of OpenAI's server", said + `{"error":{"code":"unsupported_value","message":"Unsupported value: 'minimal' is not supported with this model.","param":"reasoning.effort","type":"invalid_request_error"}}`, "reasoning_effort", "reasoning_effort"},
		{"a parameter of OpenAI's server", said + `{"error":{"code":"unknown_parameter","message":"Unknown parameter: 'thinking'.","param":"thinking","type":"invalid_request_error"}}`, "thinking", ""},
		{"swapped letters", said + "#: extraneous key [modle] is not permitted", "modle", "Did you mean model?"},
		{"a server of chats", said + "Failed to deserialize the JSON body into the target type: max_token: unknown field max_token, expected one of messages, model at line 1 column 12", "max_token", "Did you mean max_tokens?"},
		{"a constraint", "1 validation error detected: Value '' at 'toolConfig.tools.2.member.toolSpec.name' failed to satisfy constraint: Member must have length less than or equal to 64", "tools[1].function.name", "Make tools[1].function.name at most 64 long."},
		{"a schema", said + "tools.1.custom.input_schema.properties.q: JSON schema is invalid", "tools[1].function.parameters.properties.q", ""},
		{"a block", said + "messages.1.content.0.thinking.signature: Field required", "messages[2].thinking_blocks", ""},
		{"a second call", "The text field in the ContentBlock object at messages.1.content.3 is blank. Add text to the text field, and try again.", "messages[2].tool_calls[1]", ""},
		{"a result in a merged turn", "The value at messages.2.content.1.toolResult.content is empty.", "messages[4].content", "Remove messages and content blocks without text."},
		{"a turn", "Expected toolResult blocks at messages.2.content for the following Ids: a", "messages[3]", ""},
		{"a turn that is not there", "The text field in the ContentBlock object at messages.9.content.0 is blank.", "messages", ""},
		{"two settings", said + "`temperature` and `top_p` cannot both be specified for this model. Please use only one.", "temperature", "Change or remove one of temperature, top_p."},
		{"thinking", said + `"thinking.type.disabled" is not supported for this model.`, "thinking", "Remove thinking"},
		{"an effort", said + "output_config.effort: Input should be 'low', 'medium' or 'high'", "reasoning_effort", "reasoning_effort"},
		{"too many tokens", "The maximum tokens you requested exceeds the model limit of 4096. Try again with a maximum tokens value that is lower than 4096.", "max_tokens", "Set max_tokens to at most 4096."},
		{"too many tokens, in Claude's words", said + "max_tokens: 200000 > 128000, which is the maximum allowed number of output tokens for claude-sonnet-5", "max_tokens", "Set max_tokens to at most 128000."},
		{"a beta", said + "invalid beta flag", "anthropic_beta", "Remove anthropic_beta"},
		{"no system prompt", "This model doesn't support system messages. Try again without a system message or use a model that supports system messages.", "messages", "use a model that supports it"},
		{"cache-point-first-in-a-message", "There is nothing available to cache.", "cache_control", "Put cache_control on a part"},
		{"too many cache points", said + "A maximum of 4 blocks with cache_control may be provided. Found 5.", "cache_control", "at most 4"},
		{"mistral-short-tool-ids", said + "Tool call id was b but must be a-z, A-Z, 0-9, with a length of 9.", "messages[2].tool_calls[1].id", "nine letters and digits"},
		{"the id of no call", said + "Tool call id was zz but must be a-z, A-Z, 0-9, with a length of 9.", "messages[2].tool_calls[0].id", "nine letters and digits"},
		{"a signature", said + "messages.1.content.0: Invalid `signature` in `thinking` block", "messages[2].thinking_blocks", "unchanged, with its signature"},
		{"reasoning", "User messages cannot contain reasoning content. Remove the reasoning content and try again.", "messages[2].thinking_blocks", "unchanged, with its signature"},
		{"an image", "This model doesn't support the image content block that you provided. Update the content block and try again.", "messages[3].content", "use a model that supports it"},
		{"an image that cannot be read", said + "Could not process image", "messages[3].content", "PNG, JPEG"},
		{"a document of which there is none", "Messages can't contain duplicate document names. Rename the document and retry your request.", "messages", "a filename of its own"},
		{"too long", "Input is too long for requested model.", "messages", "Shorten"},
		{"who begins", "A conversation must start with a user message. Try again with a conversation that starts with a user message.", "messages[1]", "Begin with a user message"},
		{"a schema that is too large", said + "Schema is too complex for compilation. Try reducing the number of tools or simplifying tool schemas.", "tools", "Leave out strict"},
		{"nothing at all", "The request is odd.", "", "Send a short message alone"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			e := diagnose.Fault(&converse.Fault{Kind: converse.FaultException, Status: 400, Type: "ValidationException", Message: tt.message}, diagnose.Case{Request: req, Names: chat.LLM.Names})
			if e.Param != tt.param || !strings.Contains(e.Fix, tt.fix) {
				t.Errorf("%s: param %q, want %q; fix %q, want %q", e.Code, e.Param, tt.param, e.Fix, tt.fix)
			}
		})
	}
}
