package inbound_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"outcrop/httpd/inbound"
)

func TestCaptureKeepsTheBeginnings(t *testing.T) {
	for most, cut := range map[int]bool{4: true, 100: false} {
		r := httptest.NewRequest(http.MethodPost, "/", strings.NewReader("question"))
		out := httptest.NewRecorder()
		var all inbound.Captures
		w, r, release := all.Capture(out, r, most)
		body, err := io.ReadAll(r.Body)
		if err != nil || string(body) != "question" {
			t.Errorf("read %q, %v", body, err)
		}
		w.Header().Set("Content-Type", "text/plain")
		for _, piece := range []string{"ans", "wer"} {
			if n, err := io.WriteString(w, piece); n != 3 || err != nil {
				t.Errorf("wrote %d, %v", n, err)
			}
			if err := http.NewResponseController(w).Flush(); err != nil {
				t.Error(err)
			}
		}
		release()
		got := inbound.Captured(r)
		if out.Body.String() != "answer" || !out.Flushed || got.Type != "text/plain" || got.RequestCut != cut || got.ResponseCut != cut ||
			string(got.Request) != "question"[:min(8, most)] || string(got.Response) != "answer"[:min(6, most)] {
			t.Errorf("%d bytes: %+v, %q", most, got, out.Body)
		}
	}
	if inbound.Captured(httptest.NewRequest(http.MethodPost, "/", nil)) != nil {
		t.Error("nothing is captured here")
	}
}
