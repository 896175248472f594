package openaichat

import (
	"testing"

	"outcrop/llm"
)

func BenchmarkChunkRelay(b *testing.B) {
	data := []byte(`{"id":"chatcmpl-AbCdEfGhIjKlMnOpQrStUvWxYz012","object":"chat.completion.chunk","created":1772442000,"model":"gpt-5-mini-2025-08-07","service_tier":"default","system_fingerprint":"fp_44709d6fcb","choices":[{"index":0,"delta":{"content":" word12 of"},"logprobs":null,"finish_reason":null}],"usage":null,"obfuscation":"aBcDeFgH"}`)
	c := ChunkRelay{Model: "gpt-burst"}
	b.ReportAllocs()
	b.SetBytes(int64(len(data)))
	for b.Loop() {
		var ev llm.RawEvent
		if err := c.Next(&ev, data); err != nil || !ev.Content {
			b.Fatal(err)
		}
	}
}
