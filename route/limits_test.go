package route

import (
	"strings"
	"testing"
	"testing/fstest"

	"outcrop/catalog"
	"outcrop/llm"
)

func TestARefusalNamesTheKnownLimit(t *testing.T) {
	c, err := catalog.Open(fstest.MapFS{
		"sources.json": {Data: []byte(`[{"key":"a","name":"a table","date":"2026-11-10","url":""}]`)},
		"acme.jsonl":   {Data: []byte(`{"id":"long","maxInput":1000,"context":1500,"maxOutput":200,"by":"a"}` + "\n" + `{"id":"window","context":1500,"by":"a"}` + "\n")},
	})
	if err != nil {
		t.Fatal(err)
	}
	table, err := c.Provider("acme")
	if err != nil {
		t.Fatal(err)
	}
	facts := func(model string) *catalog.Model {
		m, _ := table.Model(model)
		return m
	}
	for _, tt := range []struct {
		model string
		err   llm.Error
		want  string
	}{
		{"long", llm.Error{Code: llm.CodeTooLong}, "With long a prompt may have at most 1000 tokens, according to a table of 2026-11-10."},
		{"window", llm.Error{Code: llm.CodeTooLong}, "With window prompt and response together may have at most 1500 tokens, according to a table of 2026-11-10."},
		{"long", llm.Error{Code: llm.CodeMaxTokens}, "With long a response may have at most 200 tokens, according to a table of 2026-11-10."},
		{"window", llm.Error{Code: llm.CodeMaxTokens}, ""},
		{"long", llm.Error{Code: llm.CodeTooLong, UpstreamStatus: 413}, ""},
		{"long", llm.Error{Code: llm.CodeTooLong, Cause: "The provider's."}, "The provider's."},
		{"long", llm.Error{Code: llm.CodeOrder}, ""},
		{"unknown", llm.Error{Code: llm.CodeTooLong}, ""},
	} {
		e := tt.err
		if explain(&e, facts, tt.model); e.Cause != tt.want {
			t.Errorf("%s, %s: %q, want %q", tt.model, tt.err.Code, e.Cause, tt.want)
		}
	}
	explain(nil, facts, "long")
	bare := llm.Error{Code: llm.CodeTooLong}
	if explain(&bare, nil, "long"); strings.TrimSpace(bare.Cause) != "" {
		t.Error(bare.Cause)
	}
}
