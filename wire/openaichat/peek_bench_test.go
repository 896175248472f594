package openaichat_test

import (
	"testing"

	"outcrop/wire/openaichat"
)

// chat is a request as OpenAI's SDKs send it.
const chat = `{"model":"gpt-5-mini","messages":[{"role":"system","content":"You are a geologist. Answer in one sentence."},{"role":"user","content":"What is granite, and where does it come to light?"}],"max_tokens":200,"temperature":0.2,"stream":true,"stream_options":{"include_usage":true},"user":"geologist"}`

func BenchmarkPeek(b *testing.B) {
	body := []byte(chat)
	b.SetBytes(int64(len(body)))
	b.ReportAllocs()
	for b.Loop() {
		if _, ok := openaichat.Peek(body); !ok {
			b.Fatal("the head is not read")
		}
	}
}

// BenchmarkRelay reads a complete response that is passed on.
func BenchmarkRelay(b *testing.B) {
	body := []byte(`{"id":"chatcmpl-AbCdEfGhIjKlMnOpQrStUvWxYz012","object":"chat.completion","created":1772442000,"model":"gpt-5-mini-2025-08-07","choices":[{"index":0,"message":{"role":"assistant","content":"Granite is a coarse-grained rock that forms when magma cools slowly below the surface.","refusal":null,"annotations":[]},"logprobs":null,"finish_reason":"stop"}],"usage":{"prompt_tokens":61,"completion_tokens":48,"total_tokens":109,"prompt_tokens_details":{"cached_tokens":0,"audio_tokens":0},"completion_tokens_details":{"reasoning_tokens":0,"audio_tokens":0,"accepted_prediction_tokens":0,"rejected_prediction_tokens":0}},"service_tier":"default","system_fingerprint":"fp_44709d6fcb"}`)
	b.SetBytes(int64(len(body)))
	b.ReportAllocs()
	for b.Loop() {
		if _, _, err := openaichat.Relay(body, "gpt-5-mini"); err != nil {
			b.Fatal(err)
		}
	}
}
