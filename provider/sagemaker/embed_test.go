package sagemaker_test

import (
	"strings"
	"testing"

	"outcrop/llm"
	"outcrop/provider"
)

func TestEmbeddingsHaveTheFormOfTheContainer(t *testing.T) {
	for _, tt := range []struct{ name, model, answer, path, sent string }{
		{"sagemaker", "rocks", `[[0.5,1],[2,3]]`, "/endpoints/rocks/invocations", `{"inputs":["granite","slate"],"normalize":true}`},
		{"sagemaker", "rocks", `{"embedding":[[0.5,1],[2,3]]}`, "/endpoints/rocks/invocations", `{"inputs":["granite","slate"],"normalize":true}`},
		{"sagemaker", "cohere-embed", `{"embeddings":[[0.5,1],[2,3]],"meta":{"billed_units":{"input_tokens":7}}}`, "/endpoints/cohere-embed/invocations", `{"texts":["granite","slate"],"input_type":"search_document"}`},
		{"sagemaker", "cohere-embed", `{"embeddings":{"float":[[0.5,1],[2,3]]}}`, "/endpoints/cohere-embed/invocations", `{"texts":["granite","slate"],"input_type":"search_document"}`},
		{"sagemaker", "openai/rocks", `{"object":"list","data":[{"index":0,"embedding":[0.5,1]},{"index":1,"embedding":[2,3]}],"usage":{"prompt_tokens":7}}`, "/endpoints/rocks/invocations", `{"input":["granite","slate"]}`},
		{"sagemaker_chat", "rocks", `{"object":"list","data":[{"index":0,"embedding":[0.5,1]},{"index":1,"embedding":[2,3]}],"usage":{"prompt_tokens":7}}`, "/endpoints/rocks/invocations", `{"model":"rocks","input":["granite","slate"]}`},
	} {
		a := startAWS(t, always(200, "application/json", tt.answer))
		e, ok := target(t, opened(t, tt.name, tt.model, a.URL, nil), llm.VerbEmbed, tt.model).(provider.Embedder)
		if !ok {
			t.Fatal("it does not embed")
		}
		r, err := e.Embed(t.Context(), &llm.EmbedRequest{Inputs: []llm.EmbedInput{{Text: "granite"}, {Text: "slate"}}, Normalize: llm.Some(true)})
		if err != nil {
			t.Errorf("%s: %v", tt.answer, err)
			continue
		}
		if len(r.Vectors) != 2 || r.Vectors[1].Float[1] != 3 || r.Estimated != !strings.Contains(tt.answer, "7") || a.seen[0].URL.Path != tt.path || a.bodies[0] != tt.sent {
			t.Errorf("%s: %+v; sent %s to %s", tt.answer, r, a.bodies[0], a.seen[0].URL.Path)
		}
	}
}

func TestEmbeddingsThatCannotBeReadAreErrors(t *testing.T) {
	for body, words := range map[string]string{
		`[[[0.5,1],[2,3]]]`:      "a vector for each token",
		`[[0.5,1]]`:              "1 vectors for 2 inputs",
		`[[0.5,1],[]]`:           "empty",
		`{"predictions":[]}`:     "neither a list of vectors",
		`{"embedding":["a"]}`:    "not lists of numbers",
		`"granite"`:              "neither",
		`{"error":"no workers"}`: "neither",
	} {
		a := startAWS(t, always(200, "application/json", body))
		e, _ := target(t, opened(t, "sagemaker", "rocks", a.URL, nil), llm.VerbEmbed, "rocks").(provider.Embedder)
		_, err := e.Embed(t.Context(), &llm.EmbedRequest{Inputs: []llm.EmbedInput{{Text: "granite"}, {Text: "slate"}}})
		if err == nil || !strings.Contains(err.Error(), words) {
			t.Errorf("%s: %v", body, err)
		}
	}
	a := startAWS(t, always(200, "application/json", `[[1]]`))
	none, _ := target(t, opened(t, "sagemaker_nova", "rocks", a.URL, nil), llm.VerbEmbed, "rocks").(provider.Embedder)
	if _, err := none.Embed(t.Context(), &llm.EmbedRequest{Inputs: []llm.EmbedInput{{Text: "granite"}}}); err == nil || llm.AsError(err).Code != llm.CodeFeature || len(a.seen) != 0 {
		t.Errorf("Nova embeds: %v", err)
	}
	e, _ := target(t, opened(t, "sagemaker", "rocks", a.URL, nil), llm.VerbEmbed, "rocks").(provider.Embedder)
	for param, req := range map[string]*llm.EmbedRequest{
		"input[0]":        {Inputs: []llm.EmbedInput{{Parts: []llm.Block{{Kind: llm.BlockImage, Media: &llm.Media{}}}}}},
		"dimensions":      {Inputs: []llm.EmbedInput{{Text: "granite"}}, Dimensions: llm.Some[int64](3)},
		"embedding_types": {Inputs: []llm.EmbedInput{{Text: "granite"}}, Types: []llm.VectorType{"int8"}},
	} {
		if _, err := e.Embed(t.Context(), req); err == nil || llm.AsError(err).Param != param {
			t.Errorf("%s: %v", param, err)
		}
	}
}
