package llm

import (
	"strconv"
	"strings"
)

// Field is a field of a request or of a response, whatever the client's dialect calls it. Errors and
// warnings name it with Call.FieldName, so that a provider knows no dialect's words.
type Field struct {
	Kind FieldKind
	// Index is the position of the message (see Turn.Number) or of the tool (see Tool.At) in the
	// client's list, from 0.
	Index int
	// Block is the position of a block in its turn, from 0, and Number the position among the blocks
	// of its kind there, for dialects that keep them in a list of their own.
	Block, Number int
	// Name is the path below the field, in words that no dialect changes: a member of a schema, the
	// name of a label or a header; empty for the field itself.
	Name string
}

// FieldKind says which field a Field is, and which of its other members are used.
type FieldKind uint8

// Kinds of field.
const (
	FieldModel  FieldKind = iota + 1
	FieldStream           // whether the response is streamed
	FieldChoices
	FieldUser
	FieldMetadata // the labels; with Name, one of them
	FieldHeader   // Name: an additional header
	FieldSystem
	FieldSystemCache  // the cache points of the system prompt
	FieldMessages     // the conversation
	FieldMessage      // Index
	FieldContent      // Index: the content of a message
	FieldBlock        // Index, Block
	FieldResultPart   // Index, Block, Number: a part of what a tool returned
	FieldMessageCache // Index: the cache points of a message
	FieldReasoned     // Index: the reasoning in a message, with signatures
	FieldReasonedText // Index: the reasoning in a message, as text alone
	FieldToolCalls    // Index: the tool calls of a message
	FieldToolCall     // Index, Block, Number
	FieldTools
	FieldTool            // Index
	FieldToolType        // Index
	FieldToolName        // Index
	FieldToolDescription // Index
	FieldToolSchema      // Index
	FieldToolStrict      // Index
	FieldToolCache       // Index
	FieldToolChoice
	FieldParallelTools
	FieldMaxTokens
	FieldTemperature
	FieldTopP
	FieldTopK
	FieldStop
	FieldEffort // Reasoning.Effort
	FieldThinking
	FieldFormat
	FieldFormatSchema
	FieldServiceTier
	FieldCache // the cache points of a request, wherever they are
	FieldCacheRetention
	FieldWebSearch
	FieldUnmapped        // Name: one of Request.Unmapped, by OpenAI's name
	FieldModelFields     // the parameters that are specific to the model; with Name, one of them
	FieldResponseContent // the content of the response
	FieldResponseCalls   // the tool calls of the response
	fieldKinds
)

// Names has the words of the dialect of a request.
type Names interface {
	// FieldName is the name of a field.
	FieldName(f Field) string
	// Members are the members of a request, to compare a misspelled name with.
	Members() []string
}

// FieldName is the client's name for a field, in the dialect of the request; in llm's own words if
// the request comes from none.
func (c *Call) FieldName(f Field) string {
	if c.Names == nil {
		return f.String()
	}
	return c.Names.FieldName(f)
}

// FieldWords are Names as a table.
type FieldWords struct {
	// Kinds are the names by kind. In a name, # stands for Index, * for Block and % for Number.
	Kinds [fieldKinds]string
	// Unmapped are the names of parameters of FieldUnmapped that differ from OpenAI's.
	Unmapped map[string]string
	// Top are the members of a request.
	Top []string
}

// Members is Top.
func (w *FieldWords) Members() []string { return w.Top }

// FieldName makes the name of a field.
func (w *FieldWords) FieldName(f Field) string {
	if f.Kind == FieldUnmapped {
		if own, differs := w.Unmapped[f.Name]; differs {
			return own
		}
		return f.Name
	}
	pattern := w.Kinds[f.Kind]
	if f.Name == "" && !strings.ContainsAny(pattern, "#*%") {
		return pattern
	}
	out := make([]byte, 0, len(pattern)+len(f.Name)+8)
	for i := range len(pattern) {
		switch c := pattern[i]; c {
		case '#':
			out = strconv.AppendInt(out, int64(f.Index), 10)
		case '*':
			out = strconv.AppendInt(out, int64(f.Block), 10)
		case '%':
			out = strconv.AppendInt(out, int64(f.Number), 10)
		default:
			out = append(out, c)
		}
	}
	if f.Name == "" {
		return string(out)
	}
	if len(out) > 0 {
		out = append(out, '.')
	}
	return string(append(out, f.Name...))
}

// String is the name of the field in llm's own words.
func (f Field) String() string { return fieldWords.FieldName(f) }

// fieldWords are llm's own words.
var fieldWords = FieldWords{Kinds: [...]string{ //nolint:gochecknoglobals // a table
	FieldModel:           "model",
	FieldStream:          "stream",
	FieldChoices:         "choices",
	FieldUser:            "user",
	FieldMetadata:        "metadata",
	FieldHeader:          "headers",
	FieldSystem:          "system",
	FieldSystemCache:     "system.cache",
	FieldMessages:        "messages",
	FieldMessage:         "messages[#]",
	FieldContent:         "messages[#].content",
	FieldBlock:           "messages[#].content[*]",
	FieldResultPart:      "messages[#].content[*].content[%]",
	FieldMessageCache:    "messages[#].cache",
	FieldReasoned:        "messages[#].reasoning",
	FieldReasonedText:    "messages[#].reasoning",
	FieldToolCalls:       "messages[#].tool_calls",
	FieldToolCall:        "messages[#].content[*]",
	FieldTools:           "tools",
	FieldTool:            "tools[#]",
	FieldToolType:        "tools[#].type",
	FieldToolName:        "tools[#].name",
	FieldToolDescription: "tools[#].description",
	FieldToolSchema:      "tools[#].schema",
	FieldToolStrict:      "tools[#].strict",
	FieldToolCache:       "tools[#].cache",
	FieldToolChoice:      "tool_choice",
	FieldParallelTools:   "parallel_tools",
	FieldMaxTokens:       "max_tokens",
	FieldTemperature:     "temperature",
	FieldTopP:            "top_p",
	FieldTopK:            "top_k",
	FieldStop:            "stop",
	FieldEffort:          "reasoning.effort",
	FieldThinking:        "reasoning.thinking",
	FieldFormat:          "format",
	FieldFormatSchema:    "format.schema",
	FieldServiceTier:     "service_tier",
	FieldCache:           "cache",
	FieldCacheRetention:  "cache_retention",
	FieldWebSearch:       "web_search",
	FieldModelFields:     "model_fields",
	FieldResponseContent: "content",
	FieldResponseCalls:   "tool_calls",
}}
