package llm

import "testing"

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
