package llm_test

import (
	"testing"

	"outcrop/llm"
)

func TestRemoteMediaOfInputsAreFound(t *testing.T) {
	image := func(m *llm.Media) llm.EmbedInput {
		return llm.EmbedInput{Parts: []llm.Block{{Kind: llm.BlockText, Text: "a"}, {Kind: llm.BlockImage, Media: m}}}
	}
	there := &llm.Media{URI: "https://example.com/a.png"}
	for _, test := range []struct {
		inputs []llm.EmbedInput
		want   *llm.Media
	}{
		{nil, nil},
		{[]llm.EmbedInput{{Text: "https://example.com/a.png"}}, nil},
		{[]llm.EmbedInput{image(&llm.Media{URI: "s3://bucket/a.png"}), image(&llm.Media{Base64: llm.EncodeBase64([]byte("a"))})}, nil},
		{[]llm.EmbedInput{{Text: "a"}, image(there)}, there},
	} {
		r := llm.EmbedRequest{Inputs: test.inputs}
		if got := r.Remote(); got != test.want {
			t.Errorf("%+v: remote media %+v, want %+v", test.inputs, got, test.want)
		}
	}
}

func TestInputsAreNamedAsTheClientWroteThem(t *testing.T) {
	for want, in := range map[string]llm.EmbedInput{"input[3]": {}, "images[0]": {Field: "images[0]"}} {
		if got := in.Name(3); got != want {
			t.Errorf("name %q, want %q", got, want)
		}
	}
}
