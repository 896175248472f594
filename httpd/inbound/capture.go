package inbound

import (
	"context"
	"io"
	"net/http"
	"sync"
	"sync/atomic"

	"outcrop/telemetry"
)

// captureKey is the context key of a capture.
type captureKey struct{}

// capture is the content of a request and its response, as far as it is kept.
type capture struct {
	mu      sync.Mutex // the response is also written by the timer of comments
	content telemetry.Content
	most    int
	all     *Captures
}

// Captures bounds what is kept of all requests in progress together. Its zero value is ready.
type Captures struct{ taken atomic.Int64 }

// mostCaptured bounds that, in bytes. Of requests beyond it, nothing more is kept.
const mostCaptured = 128 << 20

// Capture keeps the beginning of the request's body and of the response, for the callbacks of the call. What is read and
// written is the same with and without it. release is called when the request is over; what was kept stays valid.
func (a *Captures) Capture(w http.ResponseWriter, r *http.Request, most int) (_ http.ResponseWriter, _ *http.Request, release func()) {
	c := &capture{most: most, all: a}
	r = r.WithContext(context.WithValue(r.Context(), captureKey{}, c))
	r.Body = &capturedBody{ReadCloser: r.Body, c: c}
	return &capturedWriter{ResponseWriter: w, c: c}, r, c.release
}

// release gives back what the request has taken.
func (c *capture) release() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.all.taken.Add(-int64(len(c.content.Request) + len(c.content.Response)))
}

// Captured is what Capture keeps of a request and its response; nil if it keeps nothing. It is complete when the response
// is.
func Captured(r *http.Request) *telemetry.Content {
	if c, ok := r.Context().Value(captureKey{}).(*capture); ok {
		return &c.content
	}
	return nil
}

// add appends as much of a piece as fits, and reports whether something is missing.
func (c *capture) add(to *[]byte, piece []byte) (cut bool) {
	room := c.most - len(*to)
	if len(piece) > room {
		piece, cut = piece[:max(0, room)], true
	}
	if n := int64(len(piece)); c.all.taken.Add(n) > mostCaptured {
		c.all.taken.Add(-n)
		return true
	}
	*to = append(*to, piece...)
	return cut
}

type capturedBody struct {
	io.ReadCloser
	c *capture
}

func (b *capturedBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	if n > 0 && b.c.add(&b.c.content.Request, p[:n]) {
		b.c.content.RequestCut = true
	}
	return n, err
}

// capturedWriter is a http.ResponseWriter with what http.ResponseController and Events need.
type capturedWriter struct {
	http.ResponseWriter
	c *capture
}

func (w *capturedWriter) Write(p []byte) (int, error) {
	kind := w.Header().Get("Content-Type") // now, since the header may not be kept when it has been sent
	n, err := w.ResponseWriter.Write(p)
	w.c.mu.Lock()
	defer w.c.mu.Unlock()
	if w.c.content.Type == "" {
		w.c.content.Type = kind
	}
	if n > 0 && w.c.add(&w.c.content.Response, p[:n]) {
		w.c.content.ResponseCut = true
	}
	return n, err
}

// Flush is for http.Flusher.
func (w *capturedWriter) Flush() {
	if f, ok := w.ResponseWriter.(http.Flusher); ok {
		f.Flush()
	}
}

// Unwrap is for http.ResponseController.
func (w *capturedWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }
