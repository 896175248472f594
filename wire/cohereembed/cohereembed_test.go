package cohereembed_test

import (
	"fmt"
	"strings"
	"testing"

	"outcrop/internal/jsonx"
	"outcrop/llm"
	"outcrop/wire/cohereembed"
)

func picture() *llm.Media {
	return &llm.Media{Format: "png", Base64: llm.EncodeBase64([]byte("\x89PNG\r\n\x1a\n"))}
}

func TestBodies(t *testing.T) {
	const image = `"data:image/png;base64,iVBORw0KGgo="`
	together := [][]llm.Block{{{Kind: llm.BlockText, Text: "a"}, {Kind: llm.BlockImage, Media: picture()}}}
	for want, body := range map[string]cohereembed.Body{
		`{"texts":["a","b"],"input_type":"search_query"}`:             {Texts: []string{"a", "b"}, InputType: "search_query"},
		`{"model":"m","images":[` + image + `],"input_type":"image"}`: {Model: "m", Images: []*llm.Media{picture()}, InputType: "image"},
		`{"texts":["a"],"input_type":"clustering","truncate":"END","embedding_types":["int8","float"],"output_dimension":256,"max_tokens":9,"priority":1}`: {
			Texts: []string{"a"}, InputType: "clustering", Truncate: "END", Types: []llm.VectorType{llm.VectorInt8, llm.VectorFloat}, Dimensions: 256,
			MaxTokens: llm.Some[int64](9), More: []jsonx.Member{{Name: "priority", Value: jsonx.Raw("1")}},
		},
		`{"inputs":[{"content":[{"type":"text","text":"a"},{"type":"image_url","image_url":{"url":` + image + `}}]}],"input_type":"x"}`: {Inputs: together, InputType: "x"},
		`{"inputs":[{"content":[{"type":"text","text":"a"},{"type":"image_url","image_url":` + image + `}]}],"input_type":"x"}`:         {Inputs: together, InputType: "x", FlatURLs: true},
	} {
		var w jsonx.Writer
		if body.Append(&w); string(w.Buf) != want {
			t.Errorf("%s\nwant %s", w.Buf, want)
		}
	}
}

func TestResponsesAreRead(t *testing.T) {
	both := []llm.VectorType{llm.VectorInt8, llm.VectorFloat}
	for _, tt := range []struct {
		body   string
		forms  []llm.VectorType
		want   string
		billed cohereembed.Billed
	}{
		{`{"embeddings":{"float":[[1,2.5],[3]]},"meta":{"billed_units":{"input_tokens":7.0}}}`, nil, "[{[1 2.5] []} {[3] []}]", cohereembed.Billed{Tokens: llm.Some[int64](7)}},
		{`{"embeddings":[[1]],"response_type":"embeddings_floats"}`, nil, "[{[1] []}]", cohereembed.Billed{}},
		{`{"embeddings":{"float":[[1]],"int8":[[-5]]},"meta":{"billed_units":{"images":1,"image_tokens":258}}}`, both, "[{[1] [{int8 [-5]}]}]", cohereembed.Billed{Images: llm.Some[int64](1), ImageTokens: llm.Some[int64](258)}},
		{`{"embeddings":{"float":[[1]]},"meta":{"billed_units":{"input_tokens":-1}}}`, nil, "[{[1] []}]", cohereembed.Billed{}},
	} {
		vectors, billed, err := cohereembed.Decode([]byte(tt.body), tt.forms)
		if err != nil || fmt.Sprint(vectors) != tt.want || billed != tt.billed {
			t.Errorf("%s: %v %+v, %v", tt.body, vectors, billed, err)
		}
	}
	for body, says := range map[string]string{
		`{`:                               "cannot be decoded",
		`{"embeddings":7}`:                "cannot be decoded: embeddings",
		`{"embeddings":{"float":[[1]]}}`:  "no vectors of type int8",
		`{"embeddings":{"int8":[["a"]]}}`: "cannot be decoded",
		`{"embeddings":{"int8":[[1],[2]],"float":[[1]]}}`: "1 vectors of type float, and 2 of another",
	} {
		if _, _, err := cohereembed.Decode([]byte(body), both); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%s: %v", body, err)
		}
	}
}
