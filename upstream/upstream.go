// Package upstream is the HTTP client for all provider calls.
//
// It uses HTTP/1.1 on persistent connections, follows no redirects, requests no compression, and
// sets no limit of its own on the duration of a response: the caller's context does. It uses no
// goroutine per call: the caller's own goroutine writes the request and reads the response, which
// costs a gateway with many open streams far less than net/http's Transport with its two goroutines
// and four buffers per connection. Calls through a proxy still use net/http's Transport.
package upstream

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"maps"
	"net"
	"net/http"
	"net/url"
	"slices"
	"sync"
	"time"
)

// Limits of connections.
const (
	dialTimeout = 10 * time.Second // for TCP, and the same again for TLS
	// idleTimeout is less than the minute after which AWS closes idle connections.
	idleTimeout = 50 * time.Second
	sweepEvery  = 10 * time.Second
	maxIdle     = 1024 // per host
	maxIdleAll  = 2048 // over all hosts; clients may choose regions and endpoints, and so hosts
	maxHosts    = 256  // that are remembered
	maxHeader   = 256 << 10
)

// Client makes calls. It is safe for concurrent use.
type Client struct {
	dialer         net.Dialer
	tls            *tls.Config
	proxy          func(*http.Request) (*url.URL, error)
	proxyTransport *http.Transport // for calls through a proxy
	guard          Guard

	authorities *authorities          // shared by the clients that With has made
	roots       func() *x509.CertPool // the only trusted CAs; nil for those of tls
	trusted     sync.Once             // whether proxyTransport has them

	buffers sync.Pool // of *[]byte: requests being written
	bodies  sync.Pool // of *[]byte, see Buffer
	heads   sync.Pool // of *[headSize]byte: responses being read
	lent    sync.Pool // of *[lentSize]byte: bodies being read, see body.Lend

	mu    sync.Mutex
	hosts map[origin]*host
	idle  int         // connections of all hosts
	sweep *time.Timer // runs while there are idle connections

	others map[Settings]*Client // made by With
}

// origin identifies the destination of a connection.
type origin struct{ scheme, host string }

// host is the state kept for an origin.
type host struct {
	proxied bool
	idle    []*conn // most recently used last
}

// New makes a client. It takes proxies from the environment (HTTPS_PROXY, HTTP_PROXY, NO_PROXY).
func New() *Client {
	c := &Client{
		dialer: net.Dialer{Timeout: dialTimeout, KeepAlive: 30 * time.Second},
		tls:    &tls.Config{MinVersion: tls.VersionTLS12, ClientSessionCache: tls.NewLRUClientSessionCache(0)},
		proxy:  http.ProxyFromEnvironment,
		hosts:  map[origin]*host{},

		authorities: new(authorities),
	}
	c.proxyTransport = &http.Transport{
		Proxy:                  func(r *http.Request) (*url.URL, error) { return c.proxy(r) },
		DialContext:            c.dialer.DialContext,
		TLSHandshakeTimeout:    dialTimeout,
		TLSNextProto:           map[string]func(string, *tls.Conn) http.RoundTripper{}, // no HTTP/2
		DisableCompression:     true,
		MaxIdleConns:           maxIdleAll,
		MaxIdleConnsPerHost:    maxIdle,
		IdleConnTimeout:        idleTimeout,
		MaxResponseHeaderBytes: maxHeader,
	}
	return c
}

// Request is a call. Header is not modified; names in it are canonical. The client writes Host,
// Content-Length and User-Agent. The pieces of Body are sent in sequence, and not used after Do has
// returned.
type Request struct {
	Method string
	URL    *url.URL
	// Path is URL.EscapedPath(), for callers that know it; empty to have it made.
	Path   string
	Header http.Header
	Body   [][]byte
}

// target appends the request's target without its host: path and query.
func (r *Request) target(b []byte) []byte {
	if r.Path == "" || r.URL.RawQuery != "" {
		return append(b, r.URL.RequestURI()...)
	}
	return append(b, r.Path...)
}

// length is the number of bytes of the body.
func (r *Request) length() (n int) {
	for _, p := range r.Body {
		n += len(p)
	}
	return n
}

// Response is the beginning of a response. The caller closes Body, which ends the call at any
// point.
type Response struct {
	Status int
	Header http.Header
	Body   io.ReadCloser
}

// Do makes a call and returns when the response header has arrived. If ctx ends, the connection is
// closed, and reads of the body fail with ctx's cause. Any other failure is an *Error. A call with a context of
// Intercept is not made.
func (c *Client) Do(ctx context.Context, r *Request) (*Response, error) {
	if take := intercepted(ctx); take != nil {
		return nil, take(r)
	}
	to := origin{r.URL.Scheme, r.URL.Host}
	proxied, err := c.proxied(to, r.URL)
	if err == nil && proxied && c.guard != Anywhere {
		err = c.guard.written(r.URL)
	}
	if err != nil {
		return nil, &Error{Unreachable: true, Err: c.guard.hidden(err)}
	}
	var resp *Response
	if proxied {
		resp, err = c.byTransport(ctx, r)
	} else {
		resp, err = c.direct(ctx, to, r)
	}
	if err != nil {
		if cause := context.Cause(ctx); cause != nil {
			return nil, cause
		}
		return nil, &Error{Unreachable: unreachable(err), Err: c.guard.hidden(err)}
	}
	return resp, nil
}

// proxied reports whether calls to an origin use a proxy; the environment is read once.
func (c *Client) proxied(to origin, u *url.URL) (bool, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if h := c.hosts[to]; h != nil {
		return h.proxied, nil
	}
	proxy, err := c.proxy(&http.Request{URL: u})
	if err != nil {
		return false, err
	}
	if len(c.hosts) >= maxHosts {
		maps.DeleteFunc(c.hosts, func(_ origin, h *host) bool { return len(h.idle) == 0 })
	}
	if len(c.hosts) >= maxHosts {
		c.forget()
	}
	c.hosts[to] = &host{proxied: proxy != nil}
	return proxy != nil, nil
}

// forget drops the host whose connections have all been idle the longest; mu is held, and every
// host has some.
func (c *Client) forget() {
	var oldest origin
	var since time.Time
	for to, h := range c.hosts {
		if last := h.idle[len(h.idle)-1].since; since.IsZero() || last.Before(since) {
			oldest, since = to, last
		}
	}
	for _, k := range c.hosts[oldest].idle {
		k.close()
		c.idle--
	}
	delete(c.hosts, oldest)
}

// closeOldest closes the connection that has been idle the longest, of any host; mu is held, and
// there is one.
func (c *Client) closeOldest() {
	var oldest *host
	for _, h := range c.hosts {
		if len(h.idle) > 0 && (oldest == nil || h.idle[0].since.Before(oldest.idle[0].since)) {
			oldest = h
		}
	}
	oldest.idle[0].close()
	oldest.idle = slices.Delete(oldest.idle, 0, 1)
	c.idle--
}

// Proxy returns the proxy for calls to an address; nil if they are direct. Its URL may contain a
// password.
func (c *Client) Proxy(u *url.URL) (*url.URL, error) { return c.proxy(&http.Request{URL: u}) }

// direct makes a call without a proxy. The other side may have closed an idle connection meanwhile;
// if that shows before anything has been sent, direct uses another one.
func (c *Client) direct(ctx context.Context, to origin, r *Request) (*Response, error) {
	for {
		idle := c.take(to)
		if idle == nil {
			break
		}
		if idle.alive() {
			return idle.do(ctx, r)
		}
		idle.close()
	}
	fresh, err := c.dial(ctx, to)
	if err != nil {
		return nil, err
	}
	return fresh.do(ctx, r)
}

// byTransport makes a call with net/http.
func (c *Client) byTransport(ctx context.Context, r *Request) (*Response, error) {
	req := (&http.Request{
		Method: r.Method, URL: r.URL, Host: r.URL.Host, Header: r.Header.Clone(),
		Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1, ContentLength: int64(r.length()),
	}).WithContext(ctx)
	req.Header.Set("User-Agent", userAgent)
	if r.length() > 0 {
		data := bytes.Join(r.Body, nil) // a copy: net/http may still be writing when the response arrives
		req.Body = &bytesBody{data: data}
		req.GetBody = func() (io.ReadCloser, error) { return &bytesBody{data: data}, nil }
	}
	c.trusted.Do(func() {
		if c.roots != nil {
			c.proxyTransport.TLSClientConfig.RootCAs = c.roots()
		}
	})
	resp, err := c.proxyTransport.RoundTrip(req) //nolint:bodyclose // the caller closes it
	if err != nil {
		return nil, err
	}
	return &Response{Status: resp.StatusCode, Header: resp.Header, Body: &transportBody{ReadCloser: resp.Body, ctx: ctx}}, nil
}

// take returns the most recently used connection to an origin, nil if none is idle.
func (c *Client) take(to origin) *conn {
	c.mu.Lock()
	defer c.mu.Unlock()
	h := c.hosts[to]
	if h == nil || len(h.idle) == 0 {
		return nil
	}
	last := len(h.idle) - 1
	idle := h.idle[last]
	h.idle[last] = nil
	h.idle = h.idle[:last]
	c.idle--
	return idle
}

// Buffer returns memory for the body of a request or a response, preferably that of an earlier one: of calls of any
// deployment, since many deployments have few calls each. Release takes it back.
func (c *Client) Buffer() *[]byte {
	if b, ok := c.bodies.Get().(*[]byte); ok {
		return b
	}
	b := make([]byte, 0, 4<<10)
	return &b
}

// Release keeps a buffer for a later call, unless it is unusually large.
func (c *Client) Release(b *[]byte) {
	if cap(*b) <= maxKept {
		c.bodies.Put(b)
	}
}

// maxKept bounds the buffers that are kept, in bytes.
const maxKept = 1 << 20

// buffer returns memory for writing a request.
func (c *Client) buffer() *[]byte {
	if b, ok := c.buffers.Get().(*[]byte); ok {
		return b
	}
	b := make([]byte, 0, 2<<10)
	return &b
}

// takeHead returns memory for reading a head.
func (c *Client) takeHead() []byte {
	if b, ok := c.heads.Get().(*[headSize]byte); ok {
		return b[:]
	}
	return make([]byte, headSize)
}

// putHead takes memory back, unless it is larger.
func (c *Client) putHead(b []byte) {
	if len(b) == headSize {
		c.heads.Put((*[headSize]byte)(b))
	}
}

// lentSize is the size of the memory that body.Lend gives, in bytes: several events of a stream of text.
const lentSize = 4 << 10

// keep takes back a connection whose response has been read to the end.
func (c *Client) keep(used *conn) {
	c.mu.Lock()
	defer c.mu.Unlock()
	h := c.hosts[used.dest]
	if h == nil || len(h.idle) >= maxIdle {
		used.close()
		return
	}
	if c.idle >= maxIdleAll {
		c.closeOldest()
	}
	used.since = time.Now()
	h.idle = append(h.idle, used)
	c.idle++
	if c.sweep == nil {
		c.sweep = time.AfterFunc(sweepEvery, c.sweepIdle)
	}
}

// sweepIdle closes connections that have been idle for long or that the other side has closed.
func (c *Client) sweepIdle() {
	c.mu.Lock()
	defer c.mu.Unlock()
	left := 0
	for _, h := range c.hosts {
		good := h.idle[:0]
		for _, k := range h.idle {
			if k.alive() {
				good = append(good, k)
			} else {
				k.close()
			}
		}
		clear(h.idle[len(good):])
		h.idle = good
		left += len(good)
	}
	c.idle = left
	if c.sweep == nil {
		return // CloseIdle ran meanwhile
	}
	if left == 0 {
		c.sweep = nil
		return
	}
	c.sweep.Reset(sweepEvery)
}

// CloseIdle closes the connections that are not in use.
func (c *Client) CloseIdle() {
	c.proxyTransport.CloseIdleConnections()
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, h := range c.hosts {
		for _, k := range h.idle {
			k.close()
		}
		h.idle = nil
	}
	c.idle = 0
	if c.sweep != nil {
		c.sweep.Stop()
		c.sweep = nil
	}
	for _, other := range c.others {
		other.CloseIdle()
	}
}

// Error is a call without a response.
type Error struct {
	// Unreachable is set if no connection could be made; otherwise a connection broke, or its data
	// was not HTTP.
	Unreachable bool
	Err         error
}

func (e *Error) Error() string { return e.Err.Error() }

func (e *Error) Unwrap() error { return e.Err }

// unreachable distinguishes a connection that was never made from one that broke.
func unreachable(err error) bool {
	var op *net.OpError
	if errors.As(err, &op) && (op.Op == "dial" || op.Op == "proxyconnect" || op.Op == "socks") {
		return true
	}
	var dns *net.DNSError
	var cert *tls.CertificateVerificationError
	var record tls.RecordHeaderError
	var handshake *handshakeError
	return errors.As(err, &dns) || errors.As(err, &cert) || errors.As(err, &record) || errors.As(err, &handshake)
}

// bytesBody is a request body over bytes without copying them.
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

func (b *bytesBody) Close() error { return nil }

// transportBody is the body of a response from net/http.
type transportBody struct {
	io.ReadCloser
	ctx context.Context
}

func (b *transportBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	if err != nil && !errors.Is(err, io.EOF) {
		if cause := context.Cause(b.ctx); cause != nil {
			err = cause
		}
	}
	return n, err
}
