package http1

import (
	"errors"
	"io"
	"net/http"
	"sync"
)

// body is the body of a request, whose length is known.
type body struct {
	w       *response
	empty   bool // the request has no body
	closing bool // the connection closes after the response

	mu     sync.Mutex // also guards the reading of the connection
	left   int64      // what has not been read
	eof    bool       // it has been read to its end, or has broken off
	broken bool       // it has broken off
	closed bool
	early  bool // it was closed with something left, and the connection cannot be used again
}

// Read reads from the body. After the response's header has been written, it fails with
// http.ErrBodyReadAfterClose, as with net/http.
func (b *body) Read(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.closed {
		return 0, http.ErrBodyReadAfterClose
	}
	return b.read(p)
}

// read needs b.mu.
func (b *body) read(p []byte) (int, error) {
	switch {
	case b.broken:
		return 0, io.ErrUnexpectedEOF
	case b.eof:
		return 0, io.EOF
	case len(p) == 0:
		return 0, nil
	}
	n, err := b.w.conn.readBody(b.w, p[:min(int64(len(p)), b.left)])
	b.left -= int64(n)
	switch {
	case errors.Is(err, io.EOF):
		b.eof, b.broken = true, true
		return n, io.ErrUnexpectedEOF
	case err == nil && b.left == 0:
		b.eof = true
		b.w.conn.arm(b.w)
		return n, io.EOF
	}
	return n, err
}

// Close reads what is left, unless that is too much or the connection closes anyway. What is left then
// is lingered for: net/http does that only where it is too much, and a client that has said Connection:
// close may lose its answer there.
func (b *body) Close() error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.closed {
		return nil
	}
	b.closed = true
	switch {
	case b.eof:
		return nil
	case b.closing, b.left > maxUnread:
		b.early = true
		return nil
	}
	n, err := io.Copy(io.Discard, reader{b})
	b.early = n == maxUnread
	return err
}

// skip reads the rest before the response begins, so that a client that sends all of its request
// before it reads does not block. It reports whether another request can follow, and whether too
// much is left to read it.
func (b *body) skip() (next, tooLarge bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	switch {
	case b.closed:
		return b.eof, false
	case b.left >= maxUnread:
		return false, true
	case !b.eof:
		if _, err := io.Copy(io.Discard, reader{b}); err != nil {
			return false, false
		}
	}
	b.closed = true
	return true, false
}

// reader reads from a body whose lock is held.
type reader struct{ b *body }

func (r reader) Read(p []byte) (int, error) { return r.b.read(p) }
