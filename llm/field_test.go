package llm_test

import (
	"testing"

	"outcrop/llm"
)

func TestAFieldIsNamedInTheWordsOfTheDialect(t *testing.T) {
	words := &llm.FieldWords{}
	words.Kinds[llm.FieldToolCall] = "turns[#].calls[%]"
	words.Kinds[llm.FieldBlock] = "turns/#/parts/*"
	words.Kinds[llm.FieldStop] = "ends"
	words.Unmapped = map[string]string{"seed": "beginning.seed"}
	for _, tt := range []struct {
		call  llm.Call
		field llm.Field
		want  string
	}{
		{llm.Call{Names: words}, llm.Field{Kind: llm.FieldToolCall, Index: 12, Block: 5, Number: 1}, "turns[12].calls[1]"},
		{llm.Call{Names: words}, llm.Field{Kind: llm.FieldBlock, Index: 3, Block: 10, Name: "text"}, "turns/3/parts/10.text"},
		{llm.Call{Names: words}, llm.Field{Kind: llm.FieldStop}, "ends"},
		{llm.Call{Names: words}, llm.Field{Kind: llm.FieldUnmapped, Name: "seed"}, "beginning.seed"},
		{llm.Call{Names: words}, llm.Field{Kind: llm.FieldUnmapped, Name: "store"}, "store"},
		{llm.Call{Names: words}, llm.Field{Kind: llm.FieldHeader, Name: "X-Rock"}, "X-Rock"},
		{llm.Call{}, llm.Field{Kind: llm.FieldToolSchema, Index: 2, Name: "type"}, "tools[2].schema.type"},
		{llm.Call{}, llm.Field{Kind: llm.FieldStop}, "stop"},
	} {
		if got := tt.call.FieldName(tt.field); got != tt.want {
			t.Errorf("%+v is %s, want %s", tt.field, got, tt.want)
		}
	}
}

func TestLLMNamesEveryField(t *testing.T) {
	for kind := llm.FieldModel; kind <= llm.FieldResponseCalls; kind++ {
		if (llm.Field{Kind: kind}).String() == "" && kind != llm.FieldUnmapped { // which has the parameter's name
			t.Errorf("field %d has no name", kind)
		}
	}
}
