package upstream

import (
	"bufio"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strconv"
	"strings"
	"time"

	"outcrop/internal/httpfield"
)

// userAgent names this client to the provider.
const userAgent = "outcrop"

// readBuffer holds a response's header and the sizes of its chunks; larger reads bypass it.
const readBuffer = 1 << 10

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
	to     origin
	r      *bufio.Reader
	since  time.Time // when it became idle
	header int       // bytes that the header may still take; negative: no header is being read
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
	k := &conn{Conn: tcp, tcp: tcp, client: c, to: to, header: -1}
	if to.scheme == "https" {
		cfg := c.tls.Clone()
		cfg.ServerName = name
		secure := tls.Client(tcp, cfg)
		ctx, cancel := context.WithTimeout(ctx, dialTimeout)
		defer cancel()
		if err := secure.HandshakeContext(ctx); err != nil {
			_ = tcp.Close()
			return nil, &handshakeError{err}
		}
		k.Conn = secure
	}
	k.r = bufio.NewReaderSize(k, readBuffer)
	return k, nil
}

// Read reads from the connection, and limits the length of a header.
func (k *conn) Read(p []byte) (int, error) {
	if k.header >= 0 {
		if k.header == 0 {
			return 0, fmt.Errorf("the response header is too large (limit %d bytes)", maxHeader)
		}
		p = p[:min(len(p), k.header)]
	}
	n, err := k.Conn.Read(p)
	if k.header >= 0 {
		k.header -= n
	}
	return n, err
}

// alive reports whether an idle connection can be used: it is not too old, and the other side has
// neither closed it nor sent unexpected data.
func (k *conn) alive() bool {
	return time.Since(k.since) < idleTimeout && quiet(k.tcp)
}

// drained reports whether no received data is left: data after a response must not be taken for the
// next one. TLS may have decrypted data that a check of the socket does not show, so drained reads
// one byte, which must not be there.
func (k *conn) drained() bool {
	if k.r.Buffered() > 0 {
		return false
	}
	if k.Conn == k.tcp {
		return true // quiet detects it
	}
	if k.SetReadDeadline(past()) != nil {
		return false
	}
	var b [1]byte
	n, err := k.Conn.Read(b[:])
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
	resp, err := k.exchange(r, *buf) //nolint:bodyclose // the caller closes it
	if err != nil {
		stop()
		k.close()
		return nil, err
	}
	b := &body{Reader: resp.Body, conn: k, ctx: ctx, stop: stop, reusable: !resp.Close}
	if resp.Body == http.NoBody {
		b.end()
	}
	return &Response{Status: resp.StatusCode, Header: resp.Header, Body: b}, nil
}

// exchange writes the request and reads the response header. The written buffer includes the body,
// unless it is large.
func (k *conn) exchange(r *Request, written []byte) (*http.Response, error) {
	if r.length() > smallBody {
		return k.exchangeLarge(r, written)
	}
	if _, err := k.Write(written); err != nil {
		if resp := k.refusal(); resp != nil {
			return resp, nil
		}
		return nil, err
	}
	return k.readHeader()
}

// exchangeLarge writes a request that may not fit into the connection's buffers while it reads: a
// server that refuses it may respond early and stop reading. Writing has ended when it returns.
func (k *conn) exchangeLarge(r *Request, head []byte) (*http.Response, error) {
	written := make(chan error, 1)
	go func() {
		all := append(net.Buffers{head}, r.Body...)
		_, err := all.WriteTo(k.Conn)
		written <- err
	}()
	resp, err := k.readHeader()
	select {
	case failure := <-written:
		if err != nil && failure != nil {
			return nil, failure
		}
		if failure != nil {
			resp.Close = true
		}
		return resp, err
	default:
	}
	_ = k.SetWriteDeadline(past()) // the rest is not needed; the connection is not reused
	if failure := <-written; err != nil {
		return nil, errors.Join(err, failure)
	}
	resp.Close = true
	return resp, nil
}

// past is a deadline that ends reads and writes immediately.
func past() time.Time { return time.Unix(1, 0) }

// refusal reads the response of a server that did not read the whole request; nil if there is none.
func (k *conn) refusal() *http.Response {
	if k.SetReadDeadline(time.Now().Add(lastWords)) != nil {
		return nil
	}
	resp, err := k.readHeader()
	if err != nil {
		return nil
	}
	resp.Close = true
	return resp
}

// maxInformational bounds the interim responses (100, 103) before the final one.
const maxInformational = 5

func (k *conn) readHeader() (*http.Response, error) {
	k.header = maxHeader
	defer func() { k.header = -1 }()
	for range maxInformational {
		resp, err := http.ReadResponse(k.r, nil)
		if err != nil {
			if errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, io.EOF) {
				err = errors.New("the connection was closed before the response header arrived")
			}
			return nil, err
		}
		switch {
		case resp.StatusCode == http.StatusSwitchingProtocols:
			return nil, errors.New("the response switches to a protocol that was not requested")
		case resp.StatusCode >= 200:
			return resp, nil
		}
	}
	return nil, errors.New("too many interim (1xx) responses")
}

// appendHeader writes the request line and the header. It returns the data written even if it
// fails.
func appendHeader(b []byte, r *Request) ([]byte, error) {
	b = append(b, r.Method...)
	b = append(b, ' ')
	b = append(b, r.URL.RequestURI()...)
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

// body is the body of a response. Reading it to the end returns the connection for reuse; closing
// it earlier closes the connection.
type body struct {
	io.Reader
	conn     *conn
	ctx      context.Context
	stop     func() bool // stops closing the connection when ctx ends
	reusable bool        // the connection can be reused
	over     bool
}

func (b *body) Read(p []byte) (int, error) {
	if b.over {
		return 0, io.EOF
	}
	n, err := b.Reader.Read(p)
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

// end handles the end of a response that was read completely.
func (b *body) end() {
	b.over = true
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
