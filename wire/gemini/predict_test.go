package gemini

import (
	"testing"

	"outcrop/internal/jsonx"
	"outcrop/llm"
)

func TestRequestsOfPredict(t *testing.T) {
	texts := []llm.EmbedInput{{Text: "granite"}, {Parts: []llm.Block{{Kind: llm.BlockText, Text: "basalt"}}}, {Text: "slate"}}
	for name, tt := range map[string]struct {
		req      llm.EmbedRequest
		from, to int
		want     string
	}{
		"some of the inputs": {
			llm.EmbedRequest{Inputs: texts, InputType: "search_query", Dimensions: llm.Some[int64](256), Truncate: "END"},
			0, 2,
			`{"instances":[{"content":"granite","task_type":"RETRIEVAL_QUERY"},{"content":"basalt","task_type":"RETRIEVAL_QUERY"}],"parameters":{"autoTruncate":true,"outputDimensionality":256}}`,
		},
		"the model's own members": {
			llm.EmbedRequest{Inputs: texts, Truncate: "NONE", ModelFields: []jsonx.Member{{Name: "title", Value: jsonx.Raw(`"Stones"`)}, {Name: "taskType", Value: jsonx.Raw(`"FACT_VERIFICATION"`)}}},
			2, 3,
			`{"instances":[{"content":"slate","title":"Stones","task_type":"FACT_VERIFICATION"}],"parameters":{"autoTruncate":false}}`,
		},
	} {
		var w jsonx.Writer
		if _, err := AppendPredictRequest(&w, &tt.req, tt.from, tt.to); err != nil || string(w.Buf) != tt.want {
			t.Errorf("%s: %s %v", name, w.Buf, err)
		}
	}
	for name, req := range map[string]llm.EmbedRequest{
		"tokens":     {Inputs: []llm.EmbedInput{{Tokens: []int64{1}}}},
		"an image":   {Inputs: []llm.EmbedInput{{Parts: []llm.Block{{Kind: llm.BlockImage}, {Kind: llm.BlockText, Text: "a"}}}}},
		"other form": {Inputs: texts, Types: []llm.VectorType{"int8"}},
	} {
		var w jsonx.Writer
		if _, err := AppendPredictRequest(&w, &req, 0, 1); err == nil {
			t.Errorf("%s: %s", name, w.Buf)
		}
	}
}

func TestResponsesOfPredict(t *testing.T) {
	vectors, usage, err := DecodePredictResponse([]byte(`{"predictions":[{"embeddings":{"values":[0.5],"statistics":{"token_count":2}}},{"embeddings":{"values":[1],"statistics":{"token_count":3}}}]}`), 2)
	if err != nil || len(vectors) != 2 || vectors[1].Float[0] != 1 || usage.Input != 5 || usage.Total != 5 {
		t.Errorf("%v %+v %v", vectors, usage, err)
	}
	for _, body := range []string{`{`, `{"predictions":[]}`, `{"predictions":[{"embeddings":{"values":[]}}]}`} {
		if _, _, err := DecodePredictResponse([]byte(body), 1); err == nil {
			t.Errorf("%s is read", body)
		}
	}
}

func TestOneEmbedding(t *testing.T) {
	var w jsonx.Writer
	req := llm.EmbedRequest{Inputs: []llm.EmbedInput{{Text: "granite"}, {Text: "basalt"}}}
	if _, err := AppendEmbedOne(&w, &req, 1); err != nil || string(w.Buf) != `{"content":{"parts":[{"text":"basalt"}]}}` {
		t.Errorf("%s %v", w.Buf, err)
	}
	vector, usage, err := DecodeEmbedOne([]byte(`{"embedding":{"values":[0.25]},"usageMetadata":{"promptTokenCount":3,"totalTokenCount":3}}`))
	if err != nil || len(vector.Float) != 1 || vector.Float[0] != 0.25 || usage.Input != 3 {
		t.Errorf("%v %+v %v", vector, usage, err)
	}
	for _, body := range []string{`{`, `{"embedding":{}}`} {
		if _, _, err := DecodeEmbedOne([]byte(body)); err == nil {
			t.Errorf("%s is read", body)
		}
	}
}
