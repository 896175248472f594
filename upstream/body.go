package upstream

import (
	"context"
	"errors"
	"io"
	"time"

	"outcrop/internal/socket"
)

// body is the body of a response. Reading it to the end returns the connection for reuse; closing
// it earlier closes the connection.
type body struct {
	conn     *conn
	ctx      context.Context
	stop     func() bool // stops closing the connection when ctx ends
	left     int64       // bytes that are still to come; negative if only the connection's end says so
	chunked  bool
	chunks   chunks
	reusable bool // the connection can be reused
	limited  bool // the time is bounded
	over     bool
}

func (b *body) Read(p []byte) (int, error) {
	if b.over {
		return 0, io.EOF
	}
	return b.after(b.read(p))
}

// ReadArrived is Read for what has arrived already: it returns 0 and no error instead of waiting. It
// does not even look if the last read had to wait, because then the provider is slower than the client,
// and looking would cost a system call for each of its pieces.
func (b *body) ReadArrived(p []byte) (int, error) {
	tcp, ok := b.conn.tcp.(*socket.Conn)
	if b.over || !ok || tcp.Waited() {
		return 0, nil
	}
	tcp.Now(true)
	n, err := b.read(p)
	tcp.Now(false)
	if errors.Is(err, socket.ErrNothing) {
		return n, nil
	}
	return b.after(n, err)
}

// ReadLent is Read into memory of m, which is held only while something is read into it: a stream that waits for its next event has
// none. The caller gives p back; it is nil if n is 0.
func (b *body) ReadLent(m socket.Memory) (p []byte, n int, err error) {
	if b.over {
		return nil, 0, io.EOF
	}
	if b.chunked {
		for n == 0 && err == nil {
			var read int
			p, read, err = b.conn.nextLent(m)
			n, err = b.unframe(p[:read], err)
			p = filled(m, p, n)
		}
	} else {
		p = m.Lend()
		n, err = b.readPlain(p)
		p = filled(m, p, n)
	}
	n, err = b.after(n, err)
	return p, n, err
}

// filled returns lent memory if n bytes were read into it, and otherwise gives it back.
func filled(m socket.Memory, p []byte, n int) []byte {
	if n == 0 && p != nil {
		m.TakeBack(p)
		return nil
	}
	return p
}

// Within bounds the time for the rest of the body: reading fails when it has passed.
func (b *body) Within(limit time.Duration) {
	if b.over {
		return
	}
	b.limited = true
	_ = b.conn.SetReadDeadline(time.Now().Add(limit)) // of a connection that is closed already
}

// Lend returns memory to read a stream into, which one that has ended may have used before. Its content means
// nothing.
func (b *body) Lend() []byte {
	if p, ok := b.conn.client.lent.Get().(*[lentSize]byte); ok {
		return p[:]
	}
	return make([]byte, lentSize)
}

// TakeBack takes back what Lend gave. It must not be used afterwards.
func (b *body) TakeBack(p []byte) {
	if len(p) == lentSize {
		b.conn.client.lent.Put((*[lentSize]byte)(p))
	}
}

// after handles the end of the body and failures.
func (b *body) after(n int, err error) (int, error) {
	switch {
	case err == nil:
	case errors.Is(err, io.EOF):
		b.end()
	default:
		if cause := context.Cause(b.ctx); cause != nil {
			err = cause
		}
	}
	return n, err
}

// read reads into p itself, and removes the framing of a chunked body there, so that a body is
// neither buffered nor copied. At the body's end it returns io.EOF.
func (b *body) read(p []byte) (n int, err error) {
	if len(p) == 0 {
		return 0, nil
	}
	if !b.chunked {
		return b.readPlain(p)
	}
	for n == 0 && err == nil {
		var read int
		read, err = b.conn.next(p)
		n, err = b.unframe(p[:read], err)
	}
	return n, err
}

// unframe removes the framing of a chunked body from what has been read of it with err. At the body's end it returns io.EOF.
func (b *body) unframe(p []byte, err error) (int, error) {
	n, used, malformed := b.chunks.decode(p)
	if malformed != nil {
		return n, malformed
	}
	if b.chunks.over() {
		b.conn.surplus = used < len(p)
		return n, io.EOF
	}
	return n, cut(err)
}

// readPlain reads a body without framing.
func (b *body) readPlain(p []byte) (int, error) {
	if b.left < 0 {
		return b.conn.next(p)
	}
	n, err := b.conn.next(p[:min(int64(len(p)), b.left)])
	if b.left -= int64(n); b.left == 0 {
		return n, io.EOF
	}
	return n, cut(err)
}

// cut makes the end of the connection, where the body should have gone on, an error.
func cut(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}

// end handles the end of a response that was read completely.
func (b *body) end() {
	b.over = true
	if b.limited && b.conn.SetReadDeadline(time.Time{}) != nil {
		b.reusable = false
	}
	if b.stop() && b.reusable && b.conn.drained() {
		b.conn.client.keep(b.conn)
		return
	}
	b.conn.close()
}

// Close ends the call. It does not wait for unread data.
func (b *body) Close() error {
	if !b.over {
		b.over = true
		b.stop()
		b.conn.close()
	}
	return nil
}
