package embed_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"outcrop/llm"
	"outcrop/provider/bedrock/embed"
)

func none(string) string { return "" }

func TestResponses(t *testing.T) {
	one := func(values ...float64) []llm.Vector { return []llm.Vector{{Float: values}} }
	for _, test := range []struct {
		name, model, request, body string
		tokens                     string // the header
		want                       embed.Result
	}{
		{"titan v1", titan1, `"input":"a"`, `{"embedding":[ 1 ,0.5e0 ],"inputTextTokenCount":3}`, "", embed.Result{Vectors: one(1, 0.5), Tokens: 3}},
		{"the header is what AWS bills", titan1, `"input":"a"`, `{"embedding":[1],"inputTextTokenCount":3}`, "4", embed.Result{Vectors: one(1), Tokens: 4}},
		{"a header without a number", titan1, `"input":"a"`, `{"embedding":[1],"inputTextTokenCount":3}`, "-4", embed.Result{Vectors: one(1), Tokens: 3}},
		{
			"titan v2, both", titan2, `"input":"a","embeddingTypes":["float","binary"]`, `{"embeddingsByType":{"binary":[0,1],"float":[2]},"inputTextTokenCount":3}`, "",
			embed.Result{Vectors: []llm.Vector{{Float: []float64{2}, Others: []llm.Quantized{{Type: llm.VectorBinary, Values: []int16{0, 1}}}}}, Tokens: 3},
		},
		{
			"titan v2, bits", titan2, `"input":"a","embeddingTypes":["binary"]`, `{"embedding":null,"embeddingsByType":{"binary":[0,1]},"inputTextTokenCount":3}`, "",
			embed.Result{Vectors: []llm.Vector{{Others: []llm.Quantized{{Type: llm.VectorBinary, Values: []int16{0, 1}}}}}, Tokens: 3},
		},
		{
			"cohere v3, without a count", cohere3, `"input":["12345","123"]`, `{"embeddings":[[1],[2]],"response_type":"embeddings_floats"}`, "",
			embed.Result{Vectors: []llm.Vector{{Float: []float64{1}}, {Float: []float64{2}}}, Tokens: 3, Estimated: true},
		},
		{
			"cohere v4, by type", cohere4, `"input":["a","b"],"embedding_types":["int8","float","ubinary"]`,
			`{"embeddings":{"float":[[1e-7],[2]],"int8":[[-128],[127]],"ubinary":[[255],[0]]}}`, "8",
			embed.Result{Vectors: []llm.Vector{
				{Float: []float64{1e-7}, Others: []llm.Quantized{{Type: llm.VectorInt8, Values: []int16{-128}}, {Type: llm.VectorUbinary, Values: []int16{255}}}},
				{Float: []float64{2}, Others: []llm.Quantized{{Type: llm.VectorInt8, Values: []int16{127}}, {Type: llm.VectorUbinary, Values: []int16{0}}}},
			}, Tokens: 8},
		},
		{
			"nova, cut", nova, `"input":["a"]`, `{"embeddings":[{"embeddingType":"TEXT","embedding":[1],"truncatedCharLength":7}]}`, "2",
			embed.Result{Vectors: one(1), Tokens: 2, Warnings: []llm.Warning{{Code: llm.WarnChanged, Field: "input[0]", Detail: "too long; only 7 characters were embedded"}}},
		},
		{"marengo, list", marengo2, `"input":"a"`, `{"data":[{"embedding":[1]}]}`, "", embed.Result{Vectors: one(1), Tokens: 1, Estimated: true}},
		{"marengo, object", marengo3, `"input":{"type":"text","text":"abcde"}`, `{"data":{"embedding":[1],"startSec":0}}`, "", embed.Result{Vectors: one(1), Tokens: 2, Estimated: true}},
	} {
		t.Run(test.name, func(t *testing.T) {
			items, _, _ := plan(t, []byte(`{"model":"`+test.model+`",`+test.request+`}`))
			got, err := embed.Decode(&items[0], []byte(test.body), func(string) string { return test.tokens })
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(&test.want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestResponsesToAnotherRequestAreFaults(t *testing.T) {
	for _, test := range []struct{ model, request, body, says string }{
		{titan1, `"input":"a"`, ``, "cannot be decoded"},
		{titan1, `"input":"a"`, `[]`, "cannot be decoded"},
		{titan1, `"input":"a"`, `{}`, "has no vector of type float"},
		{titan1, `"input":"a"`, `{"embedding":[]}`, "has an empty vector at 0"},
		{titan1, `"input":"a"`, `{"embedding":["1"]}`, "cannot be decoded"},
		{titan1, `"input":"a"`, `{"embedding":7}`, "must be an array, not a number"},
		{titan1, `"input":"a"`, `{"embedding":[[1,2],3]}`, "must be an array of numbers"},
		{titan1, `"input":"a"`, `{"embedding":["1,2",3]}`, "must be an array of numbers"},
		{titan1, `"input":"a"`, `{"embedding":[1e999]}`, "cannot be decoded"},
		{titanMM, `"input":"a"`, `{"message":"broken"}`, `has no vector: "broken"`},
		{titan2, `"input":"a","embeddingTypes":["binary"]`, `{"embedding":[1],"embeddingsByType":{}}`, "has no vector of type binary"},
		{titan2, `"input":"a","embeddingTypes":["binary"]`, `{"embeddingsByType":{"binary":[70000]}}`, "cannot be decoded"},
		{titan2, `"input":"a"`, `{"embeddingsByType":{"float":[true]}}`, "cannot be decoded"},
		{cohere3, `"input":["a","b"]`, `{"embeddings":[[1]]}`, "has 1 vectors for 2 inputs"},
		{cohere3, `"input":["a"]`, `{"embeddings":7}`, "cannot be decoded: embeddings"},
		{cohere3, `"input":["a"]`, `{"embeddings":[7]}`, "cannot be decoded"},
		{cohere3, `"input":["a"]`, `{}`, "has no vectors of type float"},
		{cohere4, `"input":["a"],"embedding_types":["int8"]`, `{"embeddings":{"float":[[1]]}}`, "has no vectors of type int8"},
		{cohere4, `"input":["a"],"embedding_types":["int8"]`, `{"embeddings":{"int8":[[0.5]]}}`, "cannot be decoded"},
		{cohere4, `"input":["a"],"embedding_types":["float","int8"]`, `{"embeddings":{"float":[[1]],"int8":[[1],[2]]}}`, "has 2 vectors of type int8, and 1 of another"},
		{cohere4, `"input":["a"],"embedding_types":["int8","float"]`, `{"embeddings":{"float":[[1],[2]],"int8":[[1]]}}`, "has 2 vectors of type float, and 1 of another"},
		{cohere4, `"input":["a"],"embedding_types":["int8","float"]`, `{"embeddings":{"float":[1],"int8":[[1]]}}`, "cannot be decoded"},
		{nova, `"input":"a"`, `{"embeddings":[{"embedding":[1]},{"embedding":[2]}]}`, "has 2 vectors for 1 inputs"},
		{nova, `"input":"a"`, `{"embeddings":{}}`, "cannot be decoded"},
		{marengo3, `"input":"a"`, `{"data":7}`, "cannot be decoded"},
	} {
		items, _, _ := plan(t, []byte(`{"model":"`+test.model+`",`+test.request+`}`))
		_, err := embed.Decode(&items[0], []byte(test.body), none)
		var e *llm.Error
		if !errors.As(err, &e) || e.Status != 502 || e.Code != llm.CodeServiceInternal || !strings.Contains(e.Message, test.says) {
			t.Errorf("%s %s: %v, want %s", test.model, test.body, err, test.says)
		}
	}
}

// TestVectorsComeBackInTheOrderOfTheInputs joins calls that ended in any order, with texts and
// images in different calls.
func TestVectorsComeBackInTheOrderOfTheInputs(t *testing.T) {
	image := `"data:image/png;base64,` + png + `"`
	items, decoded, _ := plan(t, []byte(`{"model":"`+cohere4+`","input":["a",`+image+`,"b",`+image+`]}`))
	results := make([]*embed.Result, len(items))
	for k, item := range items {
		var values []string
		for _, i := range item.Inputs {
			values = append(values, fmt.Sprintf("[%d]", i+1))
		}
		header := map[bool]string{true: "5"}[k == 0] // one of them is not counted
		var err error
		results[k], err = embed.Decode(&items[k], []byte(`{"embeddings":{"float":[`+strings.Join(values, ",")+`]}}`), func(string) string { return header })
		if err != nil {
			t.Fatal(err)
		}
	}
	got := embed.Join(len(decoded.LLM.Inputs), items, results)
	for i, v := range got.Vectors {
		if len(v.Float) != 1 || v.Float[0] != float64(i+1) {
			t.Errorf("vector %d is %v", i, v)
		}
	}
	if !got.Estimated || got.Usage.Input != 5 || got.Usage.Total != 5 || len(got.Meta.Warnings) != 1 || got.Meta.Warnings[0].Field != "usage" {
		t.Errorf("usage %+v, estimated %v, warnings %v", got.Usage, got.Estimated, got.Meta.Warnings)
	}
}
