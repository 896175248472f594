package anthropic_test

import (
	"testing"

	"outcrop/llm"
	"outcrop/wire/anthropic"
)

// TestBlocksAreNamedAsTheClientHasThem: a turn has cache points that are no blocks of the client's, and
// lacks empty texts.
func TestBlocksAreNamedAsTheClientHasThem(t *testing.T) {
	mark := `,"cache_control":{"type":"ephemeral"}`
	r, err := anthropic.Decode([]byte(user(`{"type":"text","text":""},{"type":"text","text":"a"`+mark+`},{"type":"text","text":"b"`+mark+`},{"type":"text","text":""},{"type":"text","text":"c"}`)), anthropic.Options{})
	if err != nil {
		t.Fatal(err)
	}
	for field, want := range map[llm.Field]string{
		{Kind: llm.FieldBlock, Block: 0}:            "messages.0.content.1",
		{Kind: llm.FieldBlock, Block: 1, Name: "x"}: "messages.0.content.1.x", // a's cache point
		{Kind: llm.FieldBlock, Block: 2}:            "messages.0.content.2",
		{Kind: llm.FieldBlock, Block: 4}:            "messages.0.content.4",
		{Kind: llm.FieldBlock, Block: 9}:            "messages.0.content.4",
		{Kind: llm.FieldBlock, Index: 7, Block: 1}:  "messages.7.content.1",
		{Kind: llm.FieldToolCall, Block: 2}:         "messages.0.content.2",
		{Kind: llm.FieldContent, Block: 2}:          "messages.0.content",
		{Kind: llm.FieldTool, Index: 3}:             "tools.3",
		{Kind: llm.FieldToolSchema, Name: "type"}:   "tools.0.input_schema.type",
		{Kind: llm.FieldModelFields, Name: "x"}:     "x",
		{Kind: llm.FieldHeader, Name: "X-Rock"}:     "X-Rock",
		{Kind: llm.FieldThinking, Name: "type"}:     "thinking.type",
		{Kind: llm.FieldUser}:                       "metadata.user_id",
		{Kind: llm.FieldMetadata, Name: "rock"}:     "metadata.rock",
		{Kind: llm.FieldStop}:                       "stop_sequences",
		{Kind: llm.FieldParallelTools}:              "tool_choice.disable_parallel_tool_use",
	} {
		if got := r.LLM.FieldName(field); got != want {
			t.Errorf("%+v is %s, want %s", field, got, want)
		}
	}
}
