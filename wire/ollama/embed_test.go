package ollama_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"outcrop/internal/jsonx"
	"outcrop/llm"
	"outcrop/wire/ollama"
)

func field(name, value string) jsonx.Member {
	return jsonx.Member{Name: name, Value: jsonx.Raw(value)}
}

func TestEmbedRequests(t *testing.T) {
	texts := []string{"granite", "slate"}
	inputs := []llm.EmbedInput{{Text: "granite"}, {Parts: []llm.Block{{Kind: llm.BlockText, Text: "slate"}}}}
	const head = `{"model":"m","input":["granite","slate"]`
	for _, tt := range []struct {
		req            llm.EmbedRequest
		want, warnings string
	}{
		{llm.EmbedRequest{}, `}`, "[]"},
		{llm.EmbedRequest{Truncate: "end", Dimensions: llm.Some[int64](256), Normalize: llm.Some(true), Types: []llm.VectorType{llm.VectorFloat}}, `,"truncate":true,"dimensions":256}`, "[]"},
		{llm.EmbedRequest{Truncate: "NONE", ModelFields: []jsonx.Member{field("options", `{"num_ctx":1,"seed":2}`), field("num_ctx", "8192"), field("keep_alive", `"5m"`)}}, `,"truncate":false,"keep_alive":"5m","options":{"seed":2,"num_ctx":8192}}`, "[]"},
		{llm.EmbedRequest{Call: llm.Call{User: "u", Metadata: []llm.Label{{Name: "team", Value: "a"}}}, InputType: "search_query"}, `}`, "[dropped input_type dropped user dropped metadata.team]"},
		{
			llm.EmbedRequest{Call: llm.Call{DropParams: true}, Truncate: "START", Types: []llm.VectorType{llm.VectorInt8}, Normalize: llm.Some(false), MaxTokens: llm.Some[int64](5)},
			`}`, "[dropped truncate dropped embedding_types dropped normalize dropped max_tokens]",
		},
	} {
		tt.req.Inputs = inputs
		var w jsonx.Writer
		warnings, err := ollama.AppendEmbed(&w, &tt.req, texts, "m")
		var words []string
		for _, w := range warnings {
			words = append(words, w.Code+" "+w.Field)
		}
		if err != nil || string(w.Buf) != head+tt.want || fmt.Sprint(words) != tt.warnings {
			t.Errorf("%s\nwant %s\n%v, %v", w.Buf, head+tt.want, words, err)
		}
	}
	for param, req := range map[string]llm.EmbedRequest{
		"truncate":        {Truncate: "MIDDLE"},
		"embedding_types": {Types: []llm.VectorType{llm.VectorBinary}},
		"normalize":       {Normalize: llm.Some(false)},
		"max_tokens":      {MaxTokens: llm.Some[int64](5)},
		"options":         {ModelFields: []jsonx.Member{field("options", "7")}},
		"input[0]":        {Inputs: []llm.EmbedInput{{Parts: []llm.Block{{Kind: llm.BlockImage}}}}},
	} {
		if req.Inputs == nil {
			req.Inputs = inputs
		}
		_, err := ollama.AppendEmbed(&jsonx.Writer{}, &req, texts, "m")
		if e, ok := errors.AsType[*llm.Error](err); !ok || e.Param != param || e.Status != 400 {
			t.Errorf("%s: %v", param, err)
		}
	}
}

func TestEmbedResponses(t *testing.T) {
	r, err := ollama.DecodeEmbed([]byte(`{"model":"m","embeddings":[[0.5,-1],[2]],"prompt_eval_count":7}`), 99)
	if err != nil || fmt.Sprint(r.Vectors) != "[{[0.5 -1] []} {[2] []}]" || r.Usage.Input != 7 || r.Usage.Total != 7 || r.Estimated {
		t.Errorf("%+v, %v", r, err)
	}
	r, err = ollama.DecodeEmbed([]byte(`{"embeddings":[[1]]}`), 99)
	if err != nil || r.Usage.Input != 99 || !r.Estimated {
		t.Errorf("without a count: %+v, %v", r, err)
	}
	if _, err = ollama.DecodeEmbed([]byte(`{"embeddings":[["a"]]}`), 1); err == nil || !strings.Contains(err.Error(), "array of numbers") {
		t.Errorf("words as a vector: %v", err)
	}
}
