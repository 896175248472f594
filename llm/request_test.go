package llm

import (
	"strings"
	"testing"

	"outcrop/internal/jsonx"
)

func TestAParameterAsksForSomething(t *testing.T) {
	for text, want := range map[string]bool{
		"presence_penalty 0": false, "presence_penalty 0.5": true, "top_logprobs 0": false, "top_logprobs 2": true, `modalities ["text"]`: false, `modalities ["text","audio"]`: true,
		"modalities 7": true, "logprobs false": false, "logprobs true": true, "logit_bias {}": false, `logit_bias {"1":2}`: true,
	} {
		name, value, _ := strings.Cut(text, " ")
		if got := Asks(&jsonx.Member{Name: name, Value: jsonx.Raw(value)}); got != want {
			t.Errorf("%s: %t", text, got)
		}
	}
}

func TestASignatureWithAMarkIsOneOfTwo(t *testing.T) {
	for signature, want := range map[string]bool{"": false, "EqQBCg": false, GeminiMark + "x": true, ResponsesMark + "x": true} {
		if Marked(signature) != want {
			t.Errorf("%q", signature)
		}
	}
}

func TestRemoteMedia(t *testing.T) {
	at := func(uri string) []Block {
		return []Block{{Kind: BlockText, Text: "a"}, {Kind: BlockImage, Media: &Media{URI: uri}}}
	}
	result := func(uri string) []Block {
		return []Block{{Kind: BlockToolResult, ToolResult: &ToolResult{Content: []ResultBlock{{}, {Block: Block{Kind: BlockImage, Media: &Media{URI: uri}}}}}}}
	}
	const far, s3 = "https://granite.example/a.png", "s3://granite/a.png"
	for name, tt := range map[string]struct {
		req  Request
		want bool
	}{
		"nothing":                     {Request{Turns: []Turn{{Blocks: []Block{{Kind: BlockText, Text: far}}}}}, false},
		"content of its own":          {Request{Turns: []Turn{{Blocks: []Block{{Kind: BlockImage, Media: &Media{Base64: EncodeBase64(make([]byte, 3))}}}}}}, false},
		"in S3":                       {Request{System: at(s3), Turns: []Turn{{Blocks: result(s3)}}}, false},
		"in the system prompt":        {Request{System: at(far)}, true},
		"in a turn, behind one of S3": {Request{Turns: []Turn{{Blocks: at(s3)}, {Blocks: at(far)}}}, true},
		"in a tool's result":          {Request{Turns: []Turn{{Blocks: result(far)}}}, true},
	} {
		m := tt.req.Remote()
		if (m != nil) != tt.want || m != nil && m.URI != far {
			t.Errorf("%s: got %+v, want one: %v", name, m, tt.want)
		}
	}
}
