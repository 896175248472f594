package embedding_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"outcrop/llm"
	"outcrop/provider/embedding"
)

func word(s string) llm.Block { return llm.Block{Kind: llm.BlockText, Text: s} }

func picture(size int) llm.Block {
	return llm.Block{Kind: llm.BlockImage, Media: &llm.Media{Format: "png", Base64: llm.EncodeBase64(make([]byte, size))}}
}

func of(parts ...llm.Block) llm.EmbedInput { return llm.EmbedInput{Parts: parts} }

func TestInputsBecomeTexts(t *testing.T) {
	req := &llm.EmbedRequest{Inputs: []llm.EmbedInput{{Text: "a"}, {Tokens: []int64{9906, 11, 1917}}, of(word("b")), of(word("c"), picture(1))}}
	texts, warnings, err := embedding.Texts(req)
	if err != nil || fmt.Sprintf("%q", texts) != `["a" "Hello, world" "b" ""]` || len(warnings) != 1 || warnings[0].Code != llm.WarnChanged || warnings[0].Field != "input" {
		t.Errorf("%q, %v, %v", texts, warnings, err)
	}
	if !embedding.HasMedia(req) || embedding.HasMedia(&llm.EmbedRequest{Inputs: req.Inputs[:3]}) {
		t.Error("an image is overlooked, or seen where there is none")
	}
	_, _, err = embedding.Texts(&llm.EmbedRequest{Inputs: []llm.EmbedInput{{Text: "a"}, {Tokens: []int64{-1}}}})
	if e, ok := errors.AsType[*llm.Error](err); !ok || e.Param != "input[1]" || e.Fix == "" {
		t.Errorf("a token that there is not: %v", err)
	}
}

func TestInputsOfOneKindShareCalls(t *testing.T) {
	long := llm.EmbedInput{Text: strings.Repeat("x", 60)}
	for name, tt := range map[string]struct {
		inputs []llm.EmbedInput
		want   string
	}{
		"kinds apart":        {[]llm.EmbedInput{of(picture(1)), {Text: "a"}, of(word("b")), of(word("c"), picture(1)), of(picture(1))}, "[{1 [0 4]} {0 [1 2]} {2 [3]}]"},
		"as many as a call":  {[]llm.EmbedInput{{}, {}, {}, {}, {}, {}, {}}, "[{0 [0 1 2]} {0 [3 4 5]} {0 [6]}]"},
		"as much as a call":  {[]llm.EmbedInput{long, long, {Text: "a"}}, "[{0 [0]} {0 [1 2]}]"},
		"one that is larger": {[]llm.EmbedInput{of(picture(200)), of(picture(1))}, "[{1 [0]} {1 [1]}]"},
	} {
		req := &llm.EmbedRequest{Inputs: tt.inputs}
		texts, _, err := embedding.Texts(req)
		if err != nil {
			t.Fatal(err)
		}
		if got := fmt.Sprint(embedding.Batches(req, texts, embedding.Limits{Texts: 3, Media: 2, Parts: 1, Bytes: 100})); got != tt.want {
			t.Errorf("%s: %s, want %s", name, got, tt.want)
		}
	}
}

func TestTokensAreEstimatedByTheTexts(t *testing.T) {
	for want, in := range map[int64]llm.EmbedInput{0: of(picture(9)), 2: {Text: "granit"}, 3: of(word("granit"), picture(9), word("a"))} {
		if got := embedding.Estimate(&in, in.Text); got != want {
			t.Errorf("%+v has %d tokens, not %d", in, got, want)
		}
	}
}
