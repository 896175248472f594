package otlp

import (
	"io"
	"net/http"
	"net/http/httptest"
	"testing"

	"outcrop/export"
)

// BenchmarkSend tells what a call costs: its spans without content, made, encoded and sent.
func BenchmarkSend(b *testing.B) {
	in := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { _, _ = io.Copy(io.Discard, r.Body) }))
	defer in.Close()
	s := New(Settings{Traces: in.URL + "/v1/traces", Service: "litellm"})
	defer s.Close()
	r := record("")
	r.Content = nil
	batch := make([]*export.Record, 512)
	for i := range batch {
		batch[i] = r
	}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := s.Send(b.Context(), batch); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/512, "ns/call")
}
