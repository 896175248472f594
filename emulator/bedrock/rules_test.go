package bedrock

import (
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"outcrop/internal/jsonx"
	"outcrop/wire/converse"
)

const (
	sonnet45 = "us.anthropic.claude-sonnet-4-5-20250929-v1:0"
	sonnet46 = "us.anthropic.claude-sonnet-4-6"
	sonnet4  = "us.anthropic.claude-sonnet-4-20250514-v1:0"
	opus45   = "us.anthropic.claude-opus-4-5-20251101-v1:0"
	opus48   = "us.anthropic.claude-opus-4-8"
	sonnet55 = "us.anthropic.claude-sonnet-5-5"
	novaPro  = "us.amazon.nova-pro-v1:0"
	nova2    = "us.amazon.nova-2-lite-v1:0"
	llama4   = "us.meta.llama4-maverick-17b-instruct-v1:0"
	gptOSS   = "openai.gpt-oss-20b-1:0"
	gpt      = "us.openai.gpt-5.6-sol"
	qwen     = "qwen.qwen3-32b-v1:0"
	qwenVL   = "qwen.qwen3-vl-235b-a22b"
)

// says makes the body of one user's turn with more members behind it.
func says(content string, more ...string) string {
	return `{"messages":[{"role":"user","content":[` + content + `]}]` + strings.Join(append([]string{""}, more...), ",") + `}`
}

// asks is a plain question with more members of the body.
func asks(more ...string) string { return says(`{"text":"hi"}`, more...) }

// tooled is a tool with members of its toolSpec besides.
func tooled(schema string, more ...string) string {
	return `"toolConfig":{"tools":[{"toolSpec":{"name":"f","inputSchema":{"json":` + schema + `}` + strings.Join(append([]string{""}, more...), ",") + `}}]}`
}

// returns makes a conversation whose tool gave a content.
func returns(content string) string {
	return `{` + tooled(`{"type":"object"}`) + `,"messages":[{"role":"user","content":[{"text":"hi"}]},{"role":"assistant","content":[{"toolUse":{"toolUseId":"t1","name":"f","input":{}}}]},` +
		`{"role":"user","content":[{"toolResult":{"toolUseId":"t1","content":[` + content + `]}}]}]}`
}

// twice says what stands in a conversation behind its first turn once more.
func twice(conversation string) string {
	_, behind, _ := strings.Cut(conversation, `{"text":"hi"}]},`)
	behind = strings.TrimSuffix(behind, `]}`)
	return strings.TrimSuffix(conversation, `]}`) + `,` + behind + `]}`
}

func attached(name, format, source string) string {
	return `{"document":{"name":"` + name + `","format":"` + format + `","source":` + source + `}}`
}

func pictured(format string, data []byte) string {
	return `{"image":{"format":"` + format + `","source":{"bytes":"` + base64.StdEncoding.EncodeToString(data) + `"}}}`
}

// png is the head of an image of a size, with padding behind it.
func png(width, height uint32, padding int) []byte {
	head := append([]byte("\x89PNG\r\n\x1a\n\x00\x00\x00\x0dIHDR"), make([]byte, 8)...)
	binary.BigEndian.PutUint32(head[16:], width)
	binary.BigEndian.PutUint32(head[20:], height)
	return append(head, make([]byte, padding)...)
}

func times(n int, part string) string {
	return strings.TrimSuffix(strings.Repeat(part+",", n), ",")
}

// numbered is times, with %d in the part counted from 1.
func numbered(n int, part string) string {
	var parts []string
	for i := range n {
		parts = append(parts, fmt.Sprintf(part, i+1))
	}
	return strings.Join(parts, ",")
}

func TestEveryRuleRefusesInItsWords(t *testing.T) {
	t.Parallel()
	s := start(t, Options{})
	const (
		point   = `{"cachePoint":{"type":"default"}}`
		long    = `{"cachePoint":{"type":"default","ttl":"1h"}}`
		text    = `{"bytes":"Yg=="}`
		fields  = `"additionalModelRequestFields":`
		adapts  = fields + `{"thinking":{"type":"adaptive"}}`
		thinks  = fields + `{"thinking":{"type":"enabled","budget_tokens":1024}}`
		wrapped = "The model returned the following errors: "
	)
	forced := func(choice string) string {
		return `"toolConfig":{"toolChoice":` + choice + `,"tools":[{"toolSpec":{"name":"f","inputSchema":{"json":{"type":"object"}}}}]}`
	}
	strict := func(schema string) string { return tooled(schema, `"strict":true`) }
	closed := `{"type":"object","additionalProperties":false,"required":["a"],"properties":{"a":%s}}`
	format := func(schema string) string {
		return `"outputConfig":{"textFormat":{"type":"json_schema","structure":{"jsonSchema":{"schema":` + string(jsonx.AppendString(nil, schema)) + `}}}}`
	}
	tests := []struct{ name, model, body, want string }{
		// The shapes of the service model, in the words of AWS's framework.
		{"a temperature above 1", haiku, asks(`"inferenceConfig":{"temperature":1.5}`), "1 validation error detected: Value at 'inferenceConfig.temperature' failed to satisfy constraint: Member must have value less than or equal to 1"},
		{"a topP below 0", haiku, asks(`"inferenceConfig":{"topP":-0.5}`), "Value at 'inferenceConfig.topP' failed to satisfy constraint: Member must have value greater than or equal to 0"},
		{"no tokens", haiku, asks(`"inferenceConfig":{"maxTokens":0}`), "Value at 'inferenceConfig.maxTokens' failed to satisfy constraint: Member must have value greater than or equal to 1"},
		{"a property with a space", haiku, `{` + tooled(`{"type":"object","properties":{"Account Number":{"type":"string"}}}`) + `,"messages":[{"role":"user","content":[{"text":"Hi"}]}]}`, "The model returned the following errors: tools.0.custom.input_schema.properties: Property keys should match pattern '^[a-zA-Z0-9_.-]{1,64}$'"},
		{"a stop sequence of white space", haiku, asks(`"inferenceConfig":{"stopSequences":["a","\n\n"]}`), "The model returned the following errors: stop_sequences: each stop sequence must contain non-whitespace"},
		{"an empty stop sequence", haiku, asks(`"inferenceConfig":{"stopSequences":["a",""]}`), "Value at 'inferenceConfig.stopSequences.2.member' failed to satisfy constraint: Member must have length greater than or equal to 1"},
		{"no tools", haiku, asks(`"toolConfig":{"tools":[]}`), "Value at 'toolConfig.tools' failed to satisfy constraint: Member must have length greater than or equal to 1"},
		{"a tool's name with a dot", haiku, asks(`"toolConfig":{"tools":[{"toolSpec":{"name":"a.b","inputSchema":{"json":{"type":"object"}}}}]}`), "Value at 'toolConfig.tools.1.member.toolSpec.name' failed to satisfy constraint: Member must satisfy regular expression pattern: [a-zA-Z0-9_-]+"},
		{"a tool's name of 65 characters", haiku, asks(`"toolConfig":{"tools":[{"toolSpec":{"name":"` + strings.Repeat("a", 65) + `","inputSchema":{"json":{"type":"object"}}}}]}`), "Value at 'toolConfig.tools.1.member.toolSpec.name' failed to satisfy constraint: Member must have length less than or equal to 64"},
		{"a call's id with a space", haiku, `{"messages":[{"role":"assistant","content":[{"toolUse":{"toolUseId":"t 1","name":"f","input":{}}}]}]}`, "Value at 'messages.1.member.content.1.member.toolUse.toolUseId' failed to satisfy constraint: Member must satisfy regular expression pattern: [a-zA-Z0-9_.:-]+"},
		{"an image's format", haiku, says(`{"text":"hi"},{"image":{"format":"jpg","source":{"bytes":"AAAA"}}}`), "Value at 'messages.1.member.content.2.member.image.format' failed to satisfy constraint: Member must satisfy enum value set: [gif, jpeg, png, webp]"},
		{"a latency that there is not", haiku, asks(`"performanceConfig":{"latency":"turbo"}`), "Member must satisfy enum value set: [optimized, standard]"},
		{"a turn without content", haiku, `{"messages":[{"role":"user"}]}`, "Value at 'messages.1.member.content' failed to satisfy constraint: Member must not be null"},
		{"a union with two members", haiku, says(`{"text":"hi","cachePoint":{"type":"default"}}`), "The value at messages.0.content.0 can only set one of the following keys: text, image,"},
		{"a union with none", haiku, says(`{}`), "The value at messages.0.content.0 must set one of the following keys: text, image,"},
		{"a label with a letter that is not allowed", haiku, asks(`"requestMetadata":{"team":"ä"}`), "Member must satisfy regular expression pattern: [a-zA-Z0-9\\\\s:_@$#=/+,-.]{0,256}"},
		{"no labels", haiku, asks(`"requestMetadata":{}`), "Value at 'requestMetadata' failed to satisfy constraint: Member must have length greater than or equal to 1"},
		{"a guardrail's id with a hyphen", haiku, asks(`"guardrailConfig":{"guardrailIdentifier":"gr-1","guardrailVersion":"1"}`), "Value at 'guardrailConfig.guardrailIdentifier' failed to satisfy constraint: Member must satisfy regular expression pattern"},

		// Tools.
		{"a schema that is no object's", haiku, asks(tooled(`{"oneOf":[]}`)), "The value at toolConfig.tools.0.toolSpec.inputSchema.json.type must be one of the following: object."},
		{"a union at the top of a schema, for Claude", haiku, asks(tooled(`{"type":"object","anyOf":[{"required":["a"]}]}`)), wrapped + "tools.0.custom.input_schema: input_schema does not support oneOf, allOf, or anyOf at the top level"},
		{"and for Nova", novaPro, asks(tooled(`{"type":"object","anyOf":[{"required":["a"]}]}`)), ""},
		{"properties that are null", haiku, asks(tooled(`{"type":"object","properties":null}`)), "The json schema definition at toolConfig.tools.0.toolSpec.inputSchema is invalid. Fix the following errors and try again: $.properties: null found, object expected"},
		{"required that is null", haiku, asks(tooled(`{"type":"object","required":null}`)), "$.required: null found, array expected"},
		{"null within a property", novaPro, asks(tooled(`{"type":"object","properties":{"a":{"type":"object","properties":null}}}`)), "$.properties.a.properties: null found, object expected"},
		{"a property whose type is null", haiku, asks(tooled(`{"type":"object","properties":{"a":{"type":null}}}`)), "$.properties.a.type: null found, [string, array] expected"},
		{"a property that is null", haiku, asks(tooled(`{"type":"object","properties":{"a":null}}`)), "$.properties.a: null found, [object, boolean] expected"},
		{"a description that is null", haiku, asks(tooled(`{"type":"object","properties":{"a":{"items":{"description":null}}}}`)), "$.properties.a.items.description: null found, string expected"},
		{"an enum that is null", haiku, asks(tooled(`{"type":"object","properties":{"a":{"anyOf":[{"enum":null}]}}}`)), "$.properties.a.anyOf[0].enum: null found, array expected"},
		{"a property that is true", haiku, asks(tooled(`{"type":"object","properties":{"a":true}}`)), ""},
		{"a list of types at the top", novaPro, asks(tooled(`{"type":["object","null"]}`)), "inputSchema.json.type must be one of the following: object."},
		{"a bound of 2^63-1", haiku, asks(tooled(`{"type":"object","properties":{"a":{"type":"integer","maximum":9223372036854775807}}}`)), wrapped + "tools.0.custom.input_schema: int too big to convert"},
		{"a bound with a huge exponent", haiku, asks(tooled(`{"type":"object","properties":{"a":{"enum":[1e999]}}}`)), "int too big to convert"},
		{"a bound of 2^53-1", haiku, asks(tooled(`{"type":"object","properties":{"a":{"type":"integer","maximum":9007199254740991}}}`)), ""},
		{"a short id for Mistral", "us.mistral.pixtral-large-2502-v1:0", strings.ReplaceAll(returns(`{"text":"x"}`), `"t1"`, `"a_1"`), wrapped + "Tool call id was a_1 but must be a-z, A-Z, 0-9, with a length of 9."},
		{"an id of Bedrock's for Mistral", "us.mistral.pixtral-large-2502-v1:0", strings.ReplaceAll(returns(`{"text":"x"}`), `"t1"`, `"tooluse_daIKOZu4g4GrvIIv9wdqy4"`), ""},
		{"an id of two turns", haiku, twice(returns(`{"text":"x"}`)), wrapped + "messages.3.content.0: `tool_use` ids must be unique"},
		{"and for Nova", novaPro, twice(returns(`{"text":"x"}`)), ""},
		{"words beside a call, for Llama", llama4, strings.Replace(returns(`{"text":"x"}`), `[{"toolUse"`, `[{"text":"so"},{"toolUse"`, 1), "messages.1.content: Conversation blocks and tool use blocks cannot be provided in the same turn."},
		{"words in the turn before a call, for Llama", llama4, strings.Replace(returns(`{"text":"x"}`), `{"role":"assistant"`, `{"role":"assistant","content":[{"text":"so"}]},{"role":"assistant"`, 1), "messages.2.content: Conversation blocks and tool use blocks"},
		{"words beside a call", haiku, strings.Replace(returns(`{"text":"x"}`), `[{"toolUse"`, `[{"text":"so"},{"toolUse"`, 1), ""},
		{"a call that nothing answers", haiku, `{` + tooled(`{"type":"object"}`) + `,"messages":[{"role":"user","content":[{"text":"hi"}]},{"role":"assistant","content":[{"toolUse":{"toolUseId":"t1","name":"f","input":{}}}]}]}`, "messages.1: `tool_use` ids were found without `tool_result` blocks immediately after: t1."},
		{"one call at a time, for Claude Sonnet 4", sonnet4, asks(tooled(`{"type":"object"}`), fields+`{"tool_choice":{"type":"auto","disable_parallel_tool_use":true}}`), wrapped + "tool_choice.auto.disable_parallel_tool_use: Extra inputs are not permitted"},
		{"one call at a time", haiku, asks(tooled(`{"type":"object"}`), fields+`{"tool_choice":{"type":"auto","disable_parallel_tool_use":true}}`), ""},
		{"one name for two tools", haiku, asks(`"toolConfig":{"tools":[` + times(2, `{"toolSpec":{"name":"f","inputSchema":{"json":{"type":"object"}}}}`) + `]}`), wrapped + "tools: Tool names must be unique."},
		{"any tool for Llama", llama4, asks(forced(`{"any":{}}`)), "This model doesn't support the toolConfig.toolChoice.any field. Remove toolConfig.toolChoice.any and try again."},
		{"a named tool for Mistral", "mistral.mistral-large-2402-v1:0", asks(forced(`{"tool":{"name":"f"}}`)), "This model doesn't support the toolConfig.toolChoice.tool field."},
		{"a forced tool for Claude Opus 5.5", "us.anthropic.claude-opus-5-5", asks(forced(`{"any":{}}`)), `tool_choice: type \"tool\" and \"any\" are not supported for this model.`},
		{"tools for DeepSeek R1", "us.deepseek.r1-v1:0", asks(tooled(`{"type":"object"}`)), "This model doesn't support tool use."},
		{"arguments that are a list", haiku, `{` + tooled(`{"type":"object"}`) + `,"messages":[{"role":"assistant","content":[{"toolUse":{"toolUseId":"t1","name":"f","input":[]}}]}]}`, "The format of the value at messages.0.content.0.toolUse.input is invalid. Provide a json object for the field and try again."},
		{"a result that is a list", haiku, returns(`{"json":[1]}`), "The format of the value at messages.2.content.0.toolResult.content.0.json is invalid. Provide a json object for the field and try again."},
		{"a failure without words", haiku, strings.Replace(returns(``), `"toolUseId":"t1","content"`, `"status":"error","toolUseId":"t1","content"`, 1), "The content field at messages.2.content.0.toolResult cannot be empty when status value is error."},
		{"empty text in a result", haiku, returns(`{"text":""}`), wrapped + "messages: text content blocks must be non-empty"},
		{"a status for Writer", "us.writer.palmyra-x5-v1:0", strings.Replace(returns(`{"text":"x"}`), `"toolUseId":"t1","content"`, `"status":"success","toolUseId":"t1","content"`, 1), "This model doesn't support the status field."},
		{"two calls of one id", haiku, `{` + tooled(`{"type":"object"}`) + `,"messages":[{"role":"assistant","content":[` + times(2, `{"toolUse":{"toolUseId":"t1","name":"f","input":{}}}`) + `]}]}`, "The toolUse blocks at messages.0.content contain duplicate Ids: t1"},
		{"words before the result", haiku, strings.Replace(returns(`{"text":"x"}`), `[{"toolResult"`, `[{"text":"so"},{"toolResult"`, 1), wrapped + "messages.2: Did not find 1 `tool_result` block(s) at the beginning of this message."},
		{"words behind the result", haiku, strings.Replace(returns(`{"text":"x"}`), `}]}}]}]`, `}]}},{"text":"so"}]}]`, 1), ""},

		// Media within results.
		{"an image from a tool for GPT", gpt, returns(pictured("png", png(4, 4, 0))), "This model doesn't support the image field for user messages. Remove image and try again."},
		{"an image from a tool for Qwen", qwenVL, returns(pictured("png", png(4, 4, 0))), "This model doesn't support the image field for user messages."},
		{"an image from a tool for Llama", llama4, returns(pictured("png", png(4, 4, 0))), ""},
		{"a PDF from a tool for Nova", novaPro, returns(attached("a", "pdf", text)), "#/messages/2/content/0: extraneous key [toolResult] is not permitted"},
		{"a text from a tool for Nova", novaPro, returns(attached("a", "txt", text)), ""},

		// Structured output.
		{"a strict tool for Claude Sonnet 4", sonnet4, asks(strict(fmt.Sprintf(closed, `{"type":"string"}`))), "tools.0.custom.strict: Extra inputs are not permitted"},
		{"a strict tool for Claude Opus 4.8", opus48, asks(strict(fmt.Sprintf(closed, `{"type":"string"}`))), "tools.0.custom.strict: Extra inputs are not permitted"},
		{"a strict tool for Claude Opus 5", "us.anthropic.claude-opus-5", asks(strict(fmt.Sprintf(closed, `{"type":"string"}`))), ""},
		{"a schema of the answer for Claude Opus 4.7", "us.anthropic.claude-opus-4-7", asks(format(fmt.Sprintf(closed, `{"type":"string"}`))), "output_config.format: Extra inputs are not permitted"},
		{"a schema of the answer for Claude Opus 4.8", opus48, asks(format(fmt.Sprintf(closed, `{"type":"string"}`))), ""},
		{"a schema of the answer for Claude Opus 5", "us.anthropic.claude-opus-5", asks(format(fmt.Sprintf(closed, `{"type":"string"}`))), ""},
		{"a schema of the answer for Claude Opus 5.5", "us.anthropic.claude-opus-5-5", asks(format(fmt.Sprintf(closed, `{"type":"string"}`))), ""},
		{"a schema of the answer for Claude Sonnet 5", "us.anthropic.claude-sonnet-5", asks(format(fmt.Sprintf(closed, `{"type":"string"}`))), ""},
		{"a schema of the answer for Claude Fable 5", "us.anthropic.claude-fable-5", asks(format(fmt.Sprintf(closed, `{"type":"string"}`))), "output_config.format: Extra inputs are not permitted"},
		{"a schema of the answer for Claude Fable 5.2", "us.anthropic.claude-fable-5-2", asks(format(fmt.Sprintf(closed, `{"type":"string"}`))), ""},
		{"a schema of the answer for Llama", llama4, asks(format(`{"type":"object"}`)), "This model doesn't support the outputConfig.textFormat field."},
		{"a strict tool", haiku, asks(strict(fmt.Sprintf(closed, `{"type":"string"}`))), ""},
		{"a bound", haiku, asks(strict(fmt.Sprintf(closed, `{"type":"integer","minimum":1}`))), wrapped + "tools.0.custom: For 'integer' type, property 'minimum' is not supported"},
		{"two bounds in a schema of the answer", haiku, asks(format(fmt.Sprintf(closed, `{"type":["integer","null"],"minimum":1,"maximum":2}`))), "output_config.format.schema: For 'integer' type, properties maximum, minimum are not supported"},
		{"two elements at least", haiku, asks(strict(fmt.Sprintf(closed, `{"type":"array","minItems":2}`))), "'minItems' values other than 0 or 1 are not supported"},
		{"an object that is open", haiku, asks(strict(fmt.Sprintf(closed, `{"anyOf":[{"type":"object"}]}`))), "For 'object' type, 'additionalProperties' must be explicitly set to false"},
		{"a choice of one", haiku, asks(strict(fmt.Sprintf(closed, `{"oneOf":[{"type":"null"}]}`))), "Schema type 'oneOf' is not supported"},
		{"lengths of a string", haiku, asks(format(fmt.Sprintf(closed, `{"type":"string","minLength":1}`))), "output_config.format.schema: For 'string' type, property 'minLength' is not supported"},
		{"elements that differ", haiku, asks(strict(fmt.Sprintf(closed, `{"type":"array","uniqueItems":true,"items":{}}`))), "For 'array' type, property 'uniqueItems' is not supported"},
		{"a word of no schema", haiku, asks(strict(fmt.Sprintf(closed, `{"type":"string","strict":true}`))), "For 'string' type, property 'strict' is not supported"},
		{"a format that there is not", haiku, asks(strict(fmt.Sprintf(closed, `{"type":"string","format":"phone"}`))), `For 'string' type, 'format' value \"phone\" is not supported`},
		{"a format", haiku, asks(strict(fmt.Sprintf(closed, `{"type":"string","format":"date","pattern":"^[0-9-]+$"}`))), ""},
		{"a pattern that looks around", haiku, asks(strict(fmt.Sprintf(closed, `{"type":"string","pattern":"(?=a)b"}`))), "'pattern' value"},
		{"a type beside anyOf", haiku, asks(strict(fmt.Sprintf(closed, `{"type":"string","anyOf":[{"const":"a"}]}`))), "For 'anyOf', 'type' is not supported"},
		{"a choice of a list of types", haiku, asks(strict(fmt.Sprintf(closed, `{"type":["string","null"],"enum":["a",null]}`))), "does not match declared type"},
		{"a choice of another type", haiku, asks(strict(fmt.Sprintf(closed, `{"type":"string","enum":["a",null]}`))), "Enum value null does not match declared type"},
		{"a choice of objects", haiku, asks(strict(fmt.Sprintf(closed, `{"enum":[{}]}`))), "Enum values of type object are not supported"},
		{"16 unions", haiku, asks(strict(`{"type":"object","additionalProperties":false,"properties":{` + numbered(16, `"p%d":{"type":["string","null"]}`) + `}}`)), ""},
		{"17 unions", haiku, asks(strict(`{"type":"object","additionalProperties":false,"properties":{` + numbered(17, `"p%d":{"anyOf":[{"type":"string"},{"type":"null"}]}`) + `}}`)), "Schemas contains too many parameters with union types (17 parameters with type arrays or anyOf)."},
		{"a property that is named like a keyword", haiku, asks(strict(`{"type":"object","additionalProperties":false,"required":["oneOf"],"properties":{"oneOf":{"type":"string"}}}`)), ""},
		{"21 strict tools", haiku, asks(`"toolConfig":{"tools":[` + numbered(21, `{"toolSpec":{"name":"f%d","strict":true,"inputSchema":{"json":{"type":"object","additionalProperties":false}}}}`) + `]}`), "Too many strict tools (21). The maximum number of strict tools supported is 20."},
		{"25 properties that may be left out", haiku, asks(strict(`{"type":"object","additionalProperties":false,"properties":{` + numbered(25, `"p%d":{"type":"string"}`) + `}}`)), "Schemas contains too many optional parameters (25)"},

		// Documents.
		{"a document without words beside it", haiku, says(attached("a", "txt", text)), "A text block must be included when using documents. Add a text block and retry your request."},
		{"a document's name with a dot", haiku, says(`{"text":"hi"},` + attached("a.pdf", "pdf", text)), "The document file name can only contain alphanumeric characters,"},
		{"a document's name with two spaces", haiku, says(`{"text":"hi"},` + attached("a  b", "pdf", text)), "more than one consecutive whitespace character."},
		{"a document's name with an underscore", haiku, says(`{"text":"hi"},` + attached("a_b", "pdf", text)), ""},
		{"one name for two documents", haiku, says(`{"text":"hi"},` + times(2, attached("a", "pdf", text))), "Messages can't contain duplicate document names. Rename the document and retry your request."},
		{"six documents", haiku, says(`{"text":"hi"},` + numbered(6, attached("a%d", "pdf", text))), "You can't include more than 5 documents in a request."},
		{"a text of 4.6 MB", haiku, says(`{"text":"hi"},` + attached("a", "txt", `{"bytes":"`+strings.Repeat("YWFh", 1_600_000)+`"}`)), "The maximum document size is 4.5 MB."},
		{"a PDF of 4.6 MB", haiku, says(`{"text":"hi"},` + attached("a", "pdf", `{"bytes":"`+strings.Repeat("YWFh", 1_600_000)+`"}`)), ""},
		{"a document as text for Claude", haiku, says(`{"text":"hi"},` + attached("a", "txt", `{"text":"b"}`)), "DocumentSource object at messages.0.content.1.document.source must set one of the following keys: bytes, s3Location."},
		{"a document as text to cite", haiku, says(`{"text":"hi"},{"document":{"name":"a","format":"txt","citations":{"enabled":true},"source":{"text":"b"}}}`), ""},
		{"a document for GPT", gpt, says(`{"text":"hi"},` + attached("a", "pdf", text)), "This model doesn't support the document field for user messages."},
		{"a document in an answer", haiku, `{"messages":[{"role":"assistant","content":[{"text":"hi"},` + attached("a", "pdf", text) + `]}]}`, "This model doesn't support the document field for assistant messages."},

		// Images.
		{"an image of another format for Claude", haiku, says(pictured("jpeg", png(4, 4, 0))), "messages.0.content.0.image.source.bytes: The image was specified using the image/jpeg media type, but the image appears to be a image/png image"},
		{"an image of another format for Llama", llama4, says(pictured("jpeg", png(4, 4, 0))), wrapped + "The provided image does not match the specified image format."},
		{"an image that is none", haiku, says(`{"image":{"format":"png","source":{"bytes":"AAAA"}}}`), "messages.0.content.0.image.source.bytes: Could not process image"},
		{"an image from a tool that is none", haiku, returns(`{"image":{"format":"png","source":{"bytes":"AAAA"}}}`), "messages.2.content.0.tool_result.content.0.image.source.bytes: Could not process image"},
		{"an image of 8001 pixels", haiku, says(pictured("png", png(8001, 4, 0))), "At least one of the image dimensions exceed max allowed size: 8000 pixels"},
		{"an image of 8000 pixels", haiku, says(pictured("png", png(8000, 8000, 0))), ""},
		{"an image of 4 MB for Claude", haiku, says(pictured("png", png(4, 4, 3_932_160))), "image exceeds 5 MB maximum: 5242912 bytes > 5242880 bytes"},
		{"an image of 4 MB for Nova", novaPro, says(pictured("png", png(4, 4, 3_932_160))), "exceeds the maximum of 3.75 MB"},
		{"21 images for Claude", haiku, says(times(21, pictured("png", png(4, 4, 0)))), wrapped + "too many images and documents: 21 + 0 > 20"},
		{"21 images for Nova", novaPro, says(times(21, pictured("png", png(4, 4, 0)))), "more than 20 images"},

		// Cache points.
		{"a cache point for Llama", llama4, says(`{"text":"hi"},` + point), "You invoked an unsupported model or your request did not allow prompt caching."},
		{"a cache point with nothing before it", haiku, says(point + `,{"text":"hi"}`), "There is nothing available to cache. Please remove the invalid cache point and try again."},
		{"and in the system prompt, for Nova", novaPro, asks(`"system":[` + point + `,{"text":"a"}]`), "There is nothing available to cache."},
		{"a cache point before a call", haiku, strings.Replace(returns(`{"text":"x"}`), `[{"toolUse"`, `[`+point+`,{"toolUse"`, 1), "There is nothing available to cache."},
		{"five cache points", haiku, says(times(5, `{"text":"hi"},`+point)), wrapped + "A maximum of 4 blocks with cache_control may be provided. Found 5."},
		{"a cache point among Nova's tools", novaPro, asks(`"toolConfig":{"tools":[{"toolSpec":{"name":"f","inputSchema":{"json":{"type":"object"}}}},` + point + `]}`), "#/toolConfig/tools/1: extraneous key [cachePoint] is not permitted"},
		{"a cache point behind a result for Nova", novaPro, strings.Replace(returns(`{"text":"x"}`), `}]}}]}]`, `}]}},`+point+`]}]`, 1), "#/messages/2/content/0: extraneous key [cachePoint] is not permitted"},
		{"an hour for Nova", novaPro, says(`{"text":"hi"},` + long), "Extended TTL prompt caching is only supported for Anthropic models"},
		{"an hour for Claude Sonnet 4", sonnet4, says(`{"text":"hi"},` + long), "messages.0.content.0.cache_control.ephemeral.ttl: Extra inputs are not permitted"},
		{"an hour behind five minutes", haiku, asks(`"system":[{"text":"a"},` + point + `,{"text":"b"},` + long + `]`), "system.1.cache_control.ttl: a ttl='1h' cache_control block must not come after a ttl='5m' cache_control block."},
		{"an hour before five minutes", haiku, asks(`"system":[{"text":"a"},` + long + `,{"text":"b"},` + point + `]`), ""},
		{"a cache point behind a text document", haiku, says(`{"text":"hi"},` + attached("a", "txt", text) + `,` + point), wrapped + "messages.0.content.2.type: Field required"},
		{"a cache point behind a PDF", haiku, says(`{"text":"hi"},` + attached("a", "pdf", text) + `,` + point), ""},
		{"a cache point behind reasoning", haiku, `{"messages":[{"role":"assistant","content":[{"reasoningContent":{"redactedContent":"eA=="}},` + point + `]}]}`, "Cache point cannot be inserted after reasoning block."},

		// Fields of the model's own, and how hard it thinks.
		{"a field that Claude does not know", haiku, asks(fields + `{"reasoning":{}}`), wrapped + "reasoning: Extra inputs are not permitted"},
		{"a field that Nova does not know", micro, asks(fields + `{"top_k":5}`), wrapped + "Malformed input request: #: extraneous key [top_k] is not permitted"},
		{"reasoning for the first Nova", novaPro, asks(fields + `{"reasoningConfig":{"type":"enabled"}}`), "the provided reasoning config value is invalid"},
		{"a field that gpt-oss does not know", gptOSS, asks(fields + `{"thinking":{"type":"enabled","budget_tokens":1024}}`), "Failed to deserialize the JSON body into the target type: thinking: unknown field thinking, expected one of messages, model, store,"},
		{"a field that GPT does not know", gpt, asks(fields + `{"reasoning_effort":"low"}`), `{\"error\":{\"code\":\"unknown_parameter\",\"message\":\"Unknown parameter: 'reasoning_effort'.\",\"param\":\"reasoning_effort\",\"type\":\"invalid_request_error\"}}`},
		{"a beta that there is not", haiku, asks(fields + `{"anthropic_beta":["files-api-2025-04-14"]}`), wrapped + "invalid beta flag"},
		{"a beta that there is", haiku, asks(fields + `{"anthropic_beta":["interleaved-thinking-2025-05-14"]}`), ""},
		{"an effort for Claude Sonnet 4.5", sonnet45, asks(fields + `{"output_config":{"effort":"low"}}`), "output_config.effort: Extra inputs are not permitted"},
		{"an effort for Claude Opus 4.5", opus45, asks(fields + `{"output_config":{"effort":"low"}}`), ""},
		{"an extra high effort for Claude Sonnet 4.6", sonnet46, asks(fields + `{"output_config":{"effort":"xhigh"}}`), "output_config.effort: Input should be 'low', 'medium', 'high' or 'max'"},
		{"an effort beside the model's own fields", sonnet46, asks(`"outputConfig":{"effort":"high"}`), ""},
		{"an effort for Mistral", "mistral.mistral-large-2402-v1:0", asks(`"outputConfig":{"effort":"high"}`), "This model doesn't support the outputConfig.effort field."},
		{"no effort for gpt-oss", gptOSS, asks(fields + `{"reasoning_effort":"none"}`), "reasoning_effort: unknown variant none, expected one of low, medium, high"},
		{"a middle effort for Qwen", qwen, asks(fields + `{"reasoning_config":"medium"}`), "unknown variant medium"},
		{"tokens beside Nova's high effort", nova2, asks(fields+`{"reasoningConfig":{"type":"enabled","maxReasoningEffort":"high"}}`, `"inferenceConfig":{"maxTokens":10}`), "must be unset when maxReasoningEffort is high"},

		// Thinking.
		{"a budget for Claude Opus 4.8", opus48, asks(thinks), `\"thinking.type.enabled\" is not supported for this model. Use \"thinking.type.adaptive\" and \"output_config.effort\" to control thinking behavior.`},
		{"adaptive thinking for Claude Sonnet 4.5", sonnet45, asks(adapts), "thinking: Input tag 'adaptive' found using 'type' does not match any of the expected tags: 'disabled', 'enabled'"},
		{"thinking between tools for Claude Sonnet 5.5", sonnet55, asks(fields + `{"thinking":{"type":"between_tools"}}`), ""},
		{"thinking between tools with the highest effort", sonnet55, asks(fields + `{"thinking":{"type":"between_tools"},"output_config":{"effort":"max"}}`), "'max' is not supported with thinking.type.between_tools"},
		{"thinking between tools for Claude Opus 4.8", opus48, asks(fields + `{"thinking":{"type":"between_tools"}}`), "Input tag 'between_tools'"},
		{"a budget of 1023", haiku, asks(fields + `{"thinking":{"type":"enabled","budget_tokens":1023}}`), "thinking.enabled.budget_tokens: Input should be greater than or equal to 1024"},
		{"no budget", haiku, asks(fields + `{"thinking":{"type":"enabled"}}`), "thinking.enabled.budget_tokens: Field required"},
		{"thinking with a low temperature", haiku, asks(thinks, `"inferenceConfig":{"temperature":0.5}`), "`temperature` may only be set to 1 when thinking is enabled."},
		{"thinking with a low topP", haiku, asks(thinks, `"inferenceConfig":{"topP":0.5}`), "`top_p` must be greater than or equal to 0.95 or unset when thinking is enabled."},
		{"thinking with top_k", haiku, asks(fields + `{"top_k":5,"thinking":{"type":"enabled","budget_tokens":1024}}`), "`top_k` must be unset when thinking is enabled."},
		{"adaptive thinking with a forced tool for Claude Opus 4.8", opus48, asks(adapts, forced(`{"any":{}}`)), ""},
		{"topP for Claude Opus 4.8", opus48, asks(`"inferenceConfig":{"topP":0.5}`), wrapped + "`top_p` is deprecated for this model."},
		{"a temperature of 1 for Claude Opus 4.8 that thinks", opus48, asks(adapts, `"inferenceConfig":{"temperature":1}`), ""},
		{"a temperature for GPT", gpt, asks(`"inferenceConfig":{"temperature":0.5}`), "Unsupported parameter: 'temperature' is not supported with this model."},
		{"stop sequences for Qwen", qwen, asks(`"inferenceConfig":{"stopSequences":["x"]}`), "This model doesn't support the stopSequences field. Remove stopSequences and try again."},
		{"reasoning that goes back to DeepSeek R1", "us.deepseek.r1-v1:0", `{"messages":[{"role":"user","content":[{"text":"hi"}]},{"role":"assistant","content":[{"reasoningContent":{"reasoningText":{"text":"x"}}},{"text":"y"}]},{"role":"user","content":[{"text":"hi"}]}]}`, "User messages cannot contain reasoning content. Please remove the reasoning content and try again."},

		// The end of the conversation.
		{"an answer begun for Claude Sonnet 4.6", sonnet46, `{"messages":[{"role":"user","content":[{"text":"hi"}]},{"role":"assistant","content":[{"text":"{"}]}]}`, wrapped + "This model does not support assistant message prefill. The conversation must end with a user message."},
		{"an answer begun for Claude Haiku 4.5", haiku, `{"messages":[{"role":"user","content":[{"text":"hi"}]},{"role":"assistant","content":[{"text":"{"}]}]}`, ""},
		{"an answer begun with a space behind it", haiku, `{"messages":[{"role":"user","content":[{"text":"hi"}]},{"role":"assistant","content":[{"text":"so "}]}]}`, "messages: final assistant content cannot end with trailing whitespace"},
		{"an answer begun by a model that thinks", haiku, `{"messages":[{"role":"user","content":[{"text":"hi"}]},{"role":"assistant","content":[{"text":"{"}]}],` + thinks + `}`, "messages.1.content.0.type: Expected `thinking` or `redacted_thinking`, but found `text`."},

		// What Converse itself keeps.
		{"a tier that Claude has not", haiku, asks(`"serviceTier":{"type":"flex"}`), "The service tier flex is not supported for this model."},
		{"a tier that Nova has", novaPro, asks(`"serviceTier":{"type":"flex"}`), ""},
		{"a reservation", novaPro, asks(`"serviceTier":{"type":"reserved"}`), "Reservation not found."},
		{"speed where there is none", haiku, asks(`"performanceConfig":{"latency":"optimized"}`), "Latency performance configuration is not supported for this model."},
		{"a pointer that is none", haiku, asks(`"additionalModelResponseFieldPaths":["/ok","stop_sequence"]`), "The value at additionalModelResponseFieldPaths.1 is not a valid JSON pointer."},
		{"variables without a prompt", haiku, asks(`"promptVariables":{"a":{"text":"b"}}`), "The promptVariables field can only be used with a prompt resource."},
		{"a guardrail without a version", haiku, asks(`"guardrailConfig":{"guardrailIdentifier":"abc123"}`), "The provided guardrail version is invalid."},
		{"a stream's mode without a stream", haiku, asks(`"guardrailConfig":{"guardrailIdentifier":"abc123","guardrailVersion":"1","streamProcessingMode":"sync"}`), "only supported by ConverseStream"},
		{"tools added by the user", haiku, says(`{"text":"hi"},{"toolAddition":{"tool":{"name":"f"}}}`), "The toolAddition field in the ContentBlock object at messages.0.content.1 is only supported in messages with the system role."},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			a := s.post(t, tt.model, "converse", tt.body)
			switch {
			case strings.HasPrefix(tt.want, "You invoked an unsupported model"):
				wantRefusal(t, a, 403, "AccessDeniedException", tt.want)
			case tt.want != "":
				wantRefusal(t, a, 400, "ValidationException", tt.want)
			case a.status != http.StatusOK:
				t.Errorf("got %d %s", a.status, a.body)
			}
		})
	}
}

func TestAGuardrailIsTracedWhereAskedFor(t *testing.T) {
	t.Parallel()
	s := start(t, Options{})
	for trace, want := range map[string]bool{"enabled": true, "enabled_full": true, "disabled": false} {
		body := asks(`"guardrailConfig":{"guardrailIdentifier":"arn:aws:bedrock:us-east-1:123456789012:guardrail/abc123","guardrailVersion":"DRAFT","trace":"` + trace + `"}`)
		whole, err := converse.DecodeResponse(s.post(t, haiku, "converse", body).body)
		if err != nil {
			t.Fatal(err)
		}
		streamed, err := read(s.post(t, haiku, "converse-stream", body).body)
		if err != nil {
			t.Fatal(err)
		}
		for _, got := range []string{string(whole.Trace), string(streamed.Trace)} {
			if traced := strings.Contains(got, `"inputAssessment":{"abc123":{"invocationMetrics":{`); traced != want || !want && got != "" {
				t.Errorf("trace %s answers %s", trace, got)
			}
		}
	}
}

func TestTheModelsOwnFieldsComeWhereAskedFor(t *testing.T) {
	t.Parallel()
	s := start(t, Options{})
	paths := `"additionalModelResponseFieldPaths":["/stop_reason","/stop_sequence","/no/such"]`
	for _, tt := range []struct{ name, model, body, want string }{
		{"Claude's own words", haiku, asks(paths), `{"stop_reason":"end_turn"}`},
		{"with a stop sequence", haiku, asks(paths, `"inferenceConfig":{"stopSequences":["said"]}`), `{"stop_reason":"stop_sequence","stop_sequence":"said"}`},
		{"nothing of Nova's", micro, asks(paths), ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			whole, err := converse.DecodeResponse(s.post(t, tt.model, "converse", tt.body).body)
			if err != nil {
				t.Fatal(err)
			}
			streamed, err := read(s.post(t, tt.model, "converse-stream", tt.body).body)
			if err != nil {
				t.Fatal(err)
			}
			if string(whole.ModelFields) != tt.want || string(streamed.ModelFields) != tt.want {
				t.Errorf("got %s whole and %s streamed, want %s", whole.ModelFields, streamed.ModelFields, tt.want)
			}
		})
	}
}

// TestWhatAWSAcceptedAndRefusedIsSoHere holds the rules against recorded
// exchanges. They are no part of the repository: without them the test is skipped.
func TestWhatAWSAcceptedAndRefusedIsSoHere(t *testing.T) {
	t.Parallel()
	folder := os.Getenv("OUTCROP_RECORDINGS")
	if folder == "" {
		folder = filepath.Join("..", "..", "..", "shared", "recordings")
	}
	files, err := filepath.Glob(filepath.Join(folder, "*.json"))
	if err != nil {
		t.Fatal(err)
	}
	if len(files) == 0 {
		t.Skip("no recordings here")
	}
	e, err := New(Options{})
	if err != nil {
		t.Fatal(err)
	}
	accepted, refused := 0, 0
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		_, r, err := parseRecording(data)
		if err != nil {
			t.Fatal(err)
		}
		address, err := url.Parse(r.URL)
		if err != nil {
			t.Fatal(err)
		}
		id, operation, ok := strings.Cut(strings.TrimPrefix(address.Path, "/model/"), "/converse")
		if !ok {
			continue
		}
		info := e.Catalogue().Model(strings.TrimPrefix(id, "us."))
		if info == nil {
			continue // an application profile, and ids that nobody knows
		}
		req, err := converse.DecodeRequest(r.Request.JSON)
		if err == nil {
			q := &question{info: info, request: req, streaming: operation != ""}
			err = q.check()
		}
		name := filepath.Base(file)
		if r.Response.Status == http.StatusOK {
			if accepted++; err != nil {
				t.Errorf("%s: AWS accepted what is refused here: %v", name, err)
			}
			continue
		}
		refused++
		var said struct {
			Message string `json:"message"`
		}
		if jsonx.Unmarshal(r.Response.JSON, &said) != nil || err == nil || !strings.HasSuffix(err.Error(), said.Message) {
			t.Errorf("%s: AWS said %q, here it is %v", name, said.Message, err)
		}
	}
	if accepted < 100 || refused < 4 {
		t.Errorf("only %d accepted and %d refused requests were held against the rules", accepted, refused)
	}
	t.Logf("%d accepted and %d refused requests", accepted, refused)
}

func TestPicturesAreKnownByTheirHeads(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name string
		head string
		want picture
	}{
		{"PNG", string(png(640, 480, 0)), picture{"png", 640, 480}},
		{"a PNG that is cut", "\x89PNG\r\n\x1a\n", picture{format: "png"}},
		{"GIF", "GIF89a\x80\x02\xe0\x01", picture{"gif", 640, 480}},
		{"JPEG", "\xff\xd8\xff\xe0\x00\x04ab\xff\xc0\x00\x0b\x08\x01\xe0\x02\x80\x01", picture{"jpeg", 640, 480}},
		{"a JPEG that is cut", "\xff\xd8\xff\xe0\xff", picture{format: "jpeg"}},
		{"WebP, lossy", "RIFF....WEBPVP8 ....\x00\x00\x00\x9d\x01\x2a\x80\x02\xe0\x01", picture{"webp", 640, 480}},
		{"WebP, lossless", "RIFF....WEBPVP8L....\x2f\x7f\xc2\x77\x00\x00\x00\x00\x00\x00", picture{"webp", 640, 480}},
		{"WebP, extended", "RIFF....WEBPVP8X....\x00\x00\x00\x00\xff\x00\x00\xdf\x01\x00", picture{"webp", 256, 480}},
		{"text", "hello", picture{}},
		{"nothing", "", picture{}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if got := readPicture(base64.StdEncoding.EncodeToString([]byte(tt.head))); got != tt.want {
				t.Errorf("got %+v, want %+v", got, tt.want)
			}
		})
	}
}

func TestAnthropicsOwnToolChoice(t *testing.T) {
	t.Parallel()
	s := start(t, Options{})
	for own, calls := range map[string]int{
		`{"type":"auto"}`: 2, `{"type":"auto","disable_parallel_tool_use":true}`: 1, `{"type":"none"}`: 0,
		`{"type":"any","disable_parallel_tool_use":true}`: 1, `{"type":"tool","name":"get_weather"}`: 2,
	} {
		a := s.post(t, sonnet45, "converse", says(`{"text":"The weather in Paris and Tokyo?"}`, `"additionalModelRequestFields":{"tool_choice":`+own+`}`,
			`"toolConfig":{"tools":[{"toolSpec":{"name":"get_weather","inputSchema":{"json":{"type":"object","properties":{"city":{"type":"string"}},"required":["city"]}}}}]}`))
		if got := strings.Count(string(a.body), `"toolUse":`); a.status != 200 || got != calls {
			t.Errorf("%s: got %d calls, want %d: %d %s", own, got, calls, a.status, a.body)
		}
	}
	a := s.post(t, sonnet55, "converse", asks(tooled(`{"type":"object"}`), `"additionalModelRequestFields":{"tool_choice":{"type":"any"}}`))
	wantRefusal(t, a, 400, "ValidationException", `tool_choice: type \"tool\" and \"any\" are not supported for this model.`)
}
