package openaiembed_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"outcrop/internal/jsonx"
	"outcrop/llm"
	"outcrop/wire/openaiembed"
)

func TestRequestsForEndpoints(t *testing.T) {
	texts := []llm.EmbedInput{{Text: "a \"b\""}, {}, {Tokens: []int64{1, 22}}}
	for _, tt := range []struct {
		name     string
		req      llm.EmbedRequest
		inBase64 bool
		want     string
		warnings []llm.Warning
	}{
		{"texts and tokens", llm.EmbedRequest{Inputs: texts}, false, `"input":["a \"b\"","",[1,22]]}`, nil},
		{"as base64", llm.EmbedRequest{Inputs: texts[:1], Dimensions: llm.Some[int64](256)}, true, `"input":["a \"b\""],"dimensions":256,"encoding_format":"base64"}`, nil},
		{
			"everything", llm.EmbedRequest{
				Call: llm.Call{User: "u"}, Inputs: texts[:1], InputType: "search_query", Truncate: "END", Types: []llm.VectorType{llm.VectorFloat},
				ModelFields: []jsonx.Member{{Name: "task", Value: jsonx.Raw(`"x"`)}},
			}, false, `"input":["a \"b\""],"user":"u","input_type":"search_query","truncate":"END","task":"x"}`, nil,
		},
		{
			"what the API does not have",
			llm.EmbedRequest{Inputs: texts[:1], MaxTokens: llm.Some[int64](9), Normalize: llm.Some(true)},
			false, `"input":["a \"b\""]}`,
			[]llm.Warning{{Code: llm.WarnDropped, Field: "max_tokens"}, {Code: llm.WarnDropped, Field: "normalize"}},
		},
	} {
		var w jsonx.Writer
		warnings, err := openaiembed.AppendRequest(&w, &tt.req, "theirs", tt.inBase64)
		if err != nil {
			t.Errorf("%s: %v", tt.name, err)
			continue
		}
		if diff := cmp.Diff(`{"model":"theirs",`+tt.want, string(w.Buf)); diff != "" {
			t.Errorf("%s: %s", tt.name, diff)
		}
		if diff := cmp.Diff(tt.warnings, warnings); diff != "" {
			t.Errorf("%s: %s", tt.name, diff)
		}
	}
	for param, req := range map[string]llm.EmbedRequest{
		"input[1]":        {Inputs: []llm.EmbedInput{{Text: "a"}, {Field: "input[1]", Parts: []llm.Block{media(llm.BlockImage, &llm.Media{Format: "png", Base64: b64(t, png)})}}}},
		"embedding_types": {Inputs: texts, Types: []llm.VectorType{llm.VectorFloat, llm.VectorInt8}},
	} {
		var w jsonx.Writer
		if _, err := openaiembed.AppendRequest(&w, &req, "m", false); err == nil || llm.AsError(err).Param != param {
			t.Errorf("%s: %v", param, err)
		}
	}
}

func TestVectorsOfEndpoints(t *testing.T) {
	vectors := func(all ...[]float64) (out []llm.Vector) {
		for _, v := range all {
			out = append(out, llm.Vector{Float: v})
		}
		return out
	}
	for _, tt := range []struct {
		name, body string
		want       llm.EmbedResponse
	}{
		{"numbers", `{"object":"list","data":[{"index":0,"embedding":[1,2.5]},{"index":1,"embedding":[-3,4e-3]}],"usage":{"prompt_tokens":7,"total_tokens":8}}`, llm.EmbedResponse{Vectors: vectors([]float64{1, 2.5}, []float64{-3, 0.004}), Usage: llm.Usage{Input: 7, Total: 7}}},
		{"base64, in another order", `{"data":[{"index":1,"embedding":"AACAPwAAAEA="},{"index":0,"embedding":[3,4]}],"usage":{"total_tokens":8}}`, llm.EmbedResponse{Vectors: vectors([]float64{3, 4}, []float64{1, 2}), Usage: llm.Usage{Input: 8, Total: 8}}},
		{"without indexes and usage", `{"data":[{"embedding":[1]},{"embedding":[2]}]}`, llm.EmbedResponse{Vectors: vectors([]float64{1}, []float64{2}), Estimated: true}},
	} {
		got, err := openaiembed.DecodeResponse([]byte(tt.body), 2)
		if err != nil {
			t.Errorf("%s: %v", tt.name, err)
			continue
		}
		if diff := cmp.Diff(&tt.want, got); diff != "" {
			t.Errorf("%s: %s", tt.name, diff)
		}
	}
	for body, says := range map[string]string{
		``:                             "",
		`{"data":[{"embedding":[1]}]}`: "1 vectors for 2 inputs",
		`{"data":[]}`:                  "0 vectors for 2 inputs",
		`{"data":[{"index":0,"embedding":[1]},{"index":0,"embedding":[2]}]}`: "used twice",
		`{"data":[{"index":0,"embedding":[1]},{"index":2,"embedding":[2]}]}`: "data[1].index is 2",
		`{"data":[{"embedding":[1]},{"embedding":[]}]}`:                      "data[1].embedding is empty",
		`{"data":[{"embedding":[1]},{"embedding":"AACA"}]}`:                  "base64 of 32-bit floats",
		`{"data":[{"embedding":[1]},{"embedding":"?"}]}`:                     "base64 of 32-bit floats",
		`{"data":[{"embedding":[1]},{"embedding":{}}]}`:                      "",
	} {
		if got, err := openaiembed.DecodeResponse([]byte(body), 2); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%s: %+v, %v", body, got, err)
		}
	}
}
