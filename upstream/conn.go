package upstream

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"strconv"
	"strings"
	"time"

	"outcrop/internal/httpfield"
	"outcrop/internal/socket"
)

// userAgent names this client to the provider.
const userAgent = "outcrop"

// smallBody is the largest body that is copied after the header, so that both are sent in one
// packet and one system call.
const smallBody = 16 << 10

// lastWords is how long to wait for a response after the request could not be written completely: a
// server that refuses early responds before it closes.
const lastWords = time.Second

// conn is a connection. At any time at most one call uses it.
type conn struct {
	net.Conn
	tcp    net.Conn // underneath TLS
	client *Client
	dest   origin
	since  time.Time // when it became idle

	// What has been read and not used is buf[from:to]. A connection has a buffer only while it reads a
	// head, or has more than that.
	buf      []byte
	from, to int
	surplus  bool // more than the response has arrived
	first    [1]byte
}

// handshakeError is a failed TLS handshake.
type handshakeError struct{ err error }

func (e *handshakeError) Error() string { return "TLS handshake: " + e.err.Error() }
func (e *handshakeError) Unwrap() error { return e.err }

// dial makes a connection in a separate goroutine, which ends afterwards: connecting and TLS's key
// exchange need stacks of 16 to 64 KB, and the caller's goroutine would keep one for as long as its
// stream is open.
func (c *Client) dial(ctx context.Context, to origin) (*conn, error) {
	var k *conn
	var err error
	done := make(chan struct{})
	go func() {
		defer close(done)
		k, err = c.connect(ctx, to)
	}()
	<-done // connect respects ctx
	return k, err
}

func (c *Client) connect(ctx context.Context, to origin) (*conn, error) {
	name, port, err := net.SplitHostPort(to.host)
	if err != nil {
		name, port = strings.Trim(to.host, "[]"), "443"
		if to.scheme == "http" {
			port = "80"
		}
	}
	tcp, err := c.dialer.DialContext(ctx, "tcp", net.JoinHostPort(name, port))
	if err != nil {
		return nil, err
	}
	tcp = socket.New(tcp)
	k := &conn{Conn: tcp, tcp: tcp, client: c, dest: to}
	if to.scheme == "https" {
		cfg := c.tls.Clone()
		cfg.ServerName = name
		if c.roots != nil {
			cfg.RootCAs = c.roots()
		}
		secure := tls.Client(tcp, cfg)
		ctx, cancel := context.WithTimeout(ctx, dialTimeout)
		defer cancel()
		if err := secure.HandshakeContext(ctx); err != nil {
			_ = tcp.Close()
			return nil, &handshakeError{err}
		}
		k.Conn = secure
	}
	return k, nil
}

// next reads what follows the head: what has been read with it, then the connection itself.
func (k *conn) next(p []byte) (int, error) {
	if k.buf == nil {
		return k.Read(p)
	}
	n := copy(p, k.buf[k.from:k.to])
	k.from += n
	k.release()
	return n, nil
}

// nextLent is next into memory of m, which it does not hold while it waits. The caller gives p back; it is nil if nothing has been read.
func (k *conn) nextLent(m socket.Memory) (p []byte, n int, err error) {
	if k.buf != nil {
		p = m.Lend()
		n, err = k.next(p)
		return p, n, err
	}
	if tcp, ok := k.Conn.(*socket.Conn); ok {
		return tcp.ReadLent(m)
	}
	n, err = k.Read(k.first[:]) // TLS wants memory before it waits
	if n == 0 {
		return nil, 0, err
	}
	p = m.Lend()
	p[0] = k.first[0]
	tcp, ok := k.tcp.(*socket.Conn)
	if err != nil || !ok {
		return p, n, err
	}
	tcp.Now(true)
	more, err := k.Read(p[n:]) // the rest of the record, which has been decrypted
	tcp.Now(false)
	if errors.Is(err, socket.ErrNothing) {
		err = nil
	}
	return p, n + more, err
}

// release puts the buffer back if nothing is in it.
func (k *conn) release() {
	if k.from == k.to {
		k.client.putHead(k.buf)
		k.buf, k.from, k.to = nil, 0, 0
	}
}

// grow makes room in a full buffer.
func (k *conn) grow() {
	if k.from > 0 {
		k.to = copy(k.buf, k.buf[k.from:k.to])
	} else {
		larger := make([]byte, 2*len(k.buf))
		k.to = copy(larger, k.buf)
		k.client.putHead(k.buf)
		k.buf = larger
	}
	k.from = 0
}

// alive reports whether an idle connection can be used: it is not too old, and the other side has
// neither closed it nor sent unexpected data.
func (k *conn) alive() bool {
	return time.Since(k.since) < idleTimeout && quiet(k.tcp)
}

// quiet reports whether nothing has arrived on an idle connection: no data, no end, no error. Where that
// cannot be seen, a closed connection shows when it is used.
func quiet(c net.Conn) bool {
	tcp, ok := c.(*socket.Conn)
	return !ok || tcp.Look() == socket.Quiet
}

// drained reports whether no received data is left: data after a response must not be taken for the
// next one. TLS may have decrypted data that a check of the socket does not show, so drained reads
// one byte, which must not be there.
func (k *conn) drained() bool {
	if k.surplus || k.buf != nil {
		return false
	}
	if k.Conn == k.tcp {
		return true // quiet detects it
	}
	if k.SetReadDeadline(past()) != nil {
		return false
	}
	var b [1]byte
	n, err := k.Read(b[:])
	return n == 0 && errors.Is(err, os.ErrDeadlineExceeded) && k.SetReadDeadline(time.Time{}) == nil
}

func (k *conn) close() { _ = k.tcp.Close() } // nothing is buffered for sending

// do makes a call on the connection. If it fails, it closes the connection.
func (k *conn) do(ctx context.Context, r *Request) (*Response, error) {
	buf := k.client.buffer()
	defer k.client.buffers.Put(buf)
	var err error
	if *buf, err = appendHeader((*buf)[:0], r); err != nil {
		k.close()
		return nil, err
	}
	if r.length() <= smallBody {
		for _, p := range r.Body {
			*buf = append(*buf, p...)
		}
	}
	stop := context.AfterFunc(ctx, k.close)
	h, err := k.exchange(r, *buf)
	if err != nil {
		stop()
		k.close()
		return nil, err
	}
	b := &body{conn: k, ctx: ctx, stop: stop, left: h.length, chunked: h.chunked, reusable: !h.close}
	if h.empty() {
		b.end()
	}
	return &Response{Status: h.status, Header: h.header, Body: b}, nil
}

// exchange writes the request and reads the response header. The written buffer includes the body,
// unless it is large.
func (k *conn) exchange(r *Request, written []byte) (*head, error) {
	if r.length() > smallBody {
		return k.exchangeLarge(r, written)
	}
	if _, err := k.Write(written); err != nil {
		if h := k.refusal(); h != nil {
			return h, nil
		}
		return nil, err
	}
	return k.readHead()
}

// exchangeLarge writes a request that may not fit into the connection's buffers while it reads: a
// server that refuses it may respond early and stop reading. Writing has ended when it returns.
func (k *conn) exchangeLarge(r *Request, header []byte) (*head, error) {
	written := make(chan error, 1)
	go func() {
		all := append(net.Buffers{header}, r.Body...)
		_, err := all.WriteTo(k.Conn)
		written <- err
	}()
	h, err := k.readHead()
	select {
	case failure := <-written:
		if err != nil && failure != nil {
			return nil, failure
		}
		if failure != nil {
			h.close = true
		}
		return h, err
	default:
	}
	_ = k.SetWriteDeadline(past()) // the rest is not needed; the connection is not reused
	if failure := <-written; err != nil {
		return nil, errors.Join(err, failure)
	}
	h.close = true
	return h, nil
}

// past is a deadline that ends reads and writes immediately.
func past() time.Time { return time.Unix(1, 0) }

// refusal reads the response of a server that did not read the whole request; nil if there is none.
func (k *conn) refusal() *head {
	if k.SetReadDeadline(time.Now().Add(lastWords)) != nil {
		return nil
	}
	h, err := k.readHead()
	if err != nil {
		return nil
	}
	h.close = true
	return h
}

// appendHeader writes the request line and the header. It returns the data written even if it
// fails.
func appendHeader(b []byte, r *Request) ([]byte, error) {
	b = append(b, r.Method...)
	b = append(b, ' ')
	b = r.target(b)
	b = append(b, " HTTP/1.1\r\nHost: "...)
	b = append(b, r.URL.Host...)
	b = append(b, "\r\nUser-Agent: "+userAgent+"\r\n"...)
	if r.length() > 0 || r.Method == http.MethodPost || r.Method == http.MethodPut {
		b = append(b, "Content-Length: "...)
		b = strconv.AppendInt(b, int64(r.length()), 10)
		b = append(b, "\r\n"...)
	}
	for name, values := range r.Header {
		if !httpfield.IsToken(name) {
			return b, fmt.Errorf("the header name %q is not allowed in HTTP", name)
		}
		for _, v := range values {
			if !httpfield.IsValue(v) {
				return b, fmt.Errorf("the value of the header %s is not allowed in HTTP", name)
			}
			b = append(b, name...)
			b = append(b, ": "...)
			b = append(b, v...)
			b = append(b, "\r\n"...)
		}
	}
	return append(b, "\r\n"...), nil
}
