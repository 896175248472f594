package embed_test

import (
	"bytes"
	"fmt"
	"testing"

	"outcrop/llm"
	"outcrop/provider/bedrock/embed"
	"outcrop/wire/openaiembed"
)

// BenchmarkResponse reads a vector of 1024 values and writes it in both encodings.
func BenchmarkResponse(b *testing.B) {
	var body bytes.Buffer
	body.WriteString(`{"embedding":[0`)
	for i := range 1023 {
		fmt.Fprintf(&body, ",%v", float64(float32(1)/float32(i+3)))
	}
	body.WriteString(`],"inputTextTokenCount":5}`)
	items, _, err := model(b, titan2).Plan(&llm.EmbedRequest{Inputs: []llm.EmbedInput{{Text: "a"}}})
	if err != nil {
		b.Fatal(err)
	}
	for _, inBase64 := range []bool{false, true} {
		b.Run(fmt.Sprintf("base64=%v", inBase64), func(b *testing.B) {
			b.ReportAllocs()
			var out []byte
			for b.Loop() {
				result, err := embed.Decode(&items[0], body.Bytes(), none)
				if err != nil {
					b.Fatal(err)
				}
				answer := embed.Join(1, items, []*embed.Result{result})
				out = openaiembed.AppendResponse(out[:0], openaiembed.Envelope{Model: "m", Base64: inBase64}, answer)
			}
		})
	}
}
