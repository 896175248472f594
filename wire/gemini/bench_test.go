package gemini_test

import (
	"testing"

	"outcrop/llm"
	"outcrop/wire/gemini"
)

// BenchmarkStreamedEvent reads an event of a stream as Gemini sends it.
func BenchmarkStreamedEvent(b *testing.B) {
	data := []byte(`{"candidates":[{"content":{"parts":[{"text":" the answer to it"}],"role":"model"},"index":0}],"usageMetadata":{"promptTokenCount":61,"candidatesTokenCount":12,"totalTokenCount":73,"promptTokensDetails":[{"modality":"TEXT","tokenCount":61}]},"modelVersion":"gemini-2.5-flash","responseId":"r9E1aJb3Fv2xvdIPxYuL0Q4"}`)
	b.SetBytes(int64(len(data)))
	b.ReportAllocs()
	var events []llm.Event
	var r gemini.Reader
	for i := 0; b.Loop(); i++ {
		if i%1000 == 0 { // it bounds the parts of a response
			r = gemini.Reader{}
		}
		var err error
		if events, err = r.Append(events[:0], data); err != nil {
			b.Fatal(err)
		}
	}
}
