// Package upstream is the one way out: an HTTP client for provider calls that
// hides which client it is, so that a leaner one can take its place.
//
// It follows no redirects, speaks HTTP/1.1 (one connection a call, reused), and
// sets no limit of its own on how long an answer takes: the caller's context
// does.
package upstream

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/http"
	"net/url"
	"time"
)

// Client makes calls. It is safe for use by many goroutines.
type Client struct {
	transport *http.Transport
}

// New makes a client. Proxies are taken from the environment (HTTPS_PROXY,
// HTTP_PROXY, NO_PROXY).
func New() *Client {
	dialer := &net.Dialer{Timeout: 10 * time.Second, KeepAlive: 30 * time.Second}
	return &Client{transport: &http.Transport{
		Proxy:                  http.ProxyFromEnvironment,
		DialContext:            dialer.DialContext,
		TLSHandshakeTimeout:    10 * time.Second,
		TLSNextProto:           map[string]func(string, *tls.Conn) http.RoundTripper{}, // no HTTP/2
		DisableCompression:     true,
		MaxIdleConnsPerHost:    1024,
		IdleConnTimeout:        50 * time.Second, // AWS closes idle connections after about a minute
		MaxResponseHeaderBytes: 256 << 10,
	}}
}

// Request is a call. Header is not changed; names in it are canonical.
type Request struct {
	Method string
	URL    *url.URL
	Header http.Header
	Body   []byte
}

// Response is the beginning of an answer. The caller closes Body.
type Response struct {
	Status int
	Header http.Header
	Body   io.ReadCloser
}

// Do makes a call and returns when the answer's header has come. When ctx ends
// the connection is closed, and reads of the body fail. Any failure is an *Error.
func (c *Client) Do(ctx context.Context, r *Request) (*Response, error) {
	body := &bytesBody{data: r.Body}
	req := (&http.Request{
		Method:        r.Method,
		URL:           r.URL,
		Host:          r.URL.Host,
		Header:        r.Header,
		Proto:         "HTTP/1.1",
		ProtoMajor:    1,
		ProtoMinor:    1,
		ContentLength: int64(len(r.Body)),
	}).WithContext(ctx)
	if len(r.Body) > 0 {
		req.Body = body
		req.GetBody = func() (io.ReadCloser, error) { return &bytesBody{data: r.Body}, nil }
	}
	resp, err := c.transport.RoundTrip(req)
	if err != nil {
		if cause := context.Cause(ctx); cause != nil {
			return nil, cause
		}
		return nil, &Error{Unreachable: unreachable(err), Err: err}
	}
	return &Response{Status: resp.StatusCode, Header: resp.Header, Body: resp.Body}, nil
}

// CloseIdle closes the connections that no call uses.
func (c *Client) CloseIdle() { c.transport.CloseIdleConnections() }

// Error is a call that got no answer.
type Error struct {
	// Unreachable is whether no connection could be made at all; else one was
	// made and broke, or what came over it was not HTTP.
	Unreachable bool
	Err         error
}

func (e *Error) Error() string { return e.Err.Error() }

func (e *Error) Unwrap() error { return e.Err }

// unreachable tells a connection that was never made from one that broke.
func unreachable(err error) bool {
	var op *net.OpError
	if errors.As(err, &op) && (op.Op == "dial" || op.Op == "proxyconnect" || op.Op == "socks") {
		return true
	}
	var dns *net.DNSError
	var cert *tls.CertificateVerificationError
	var record tls.RecordHeaderError
	return errors.As(err, &dns) || errors.As(err, &cert) || errors.As(err, &record)
}

// bytesBody is a request body over bytes that are not copied.
type bytesBody struct {
	data []byte
	at   int
}

func (b *bytesBody) Read(p []byte) (int, error) {
	if b.at == len(b.data) {
		return 0, io.EOF
	}
	n := copy(p, b.data[b.at:])
	b.at += n
	return n, nil
}

// WriteTo lets the transport write the body without a copy in between.
func (b *bytesBody) WriteTo(w io.Writer) (int64, error) {
	n, err := w.Write(b.data[b.at:])
	b.at += n
	return int64(n), err
}

func (b *bytesBody) Close() error { return nil }
