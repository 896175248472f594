package fetch

import (
	"context"
	"crypto/tls"
	"encoding/base64"
	"errors"
	"io"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"syscall"

	"outcrop/llm"
)

// newTransport makes a transport without keep-alive: each connection is checked when it is made,
// and serves one request.
func newTransport(c *Client, opt Options) *http.Transport {
	var protocols http.Protocols
	protocols.SetHTTP1(true)
	t := &http.Transport{
		DialContext:            c.connect,
		TLSClientConfig:        &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: opt.RootCAs},
		Protocols:              &protocols,
		DisableKeepAlives:      true,
		DisableCompression:     true,
		MaxResponseHeaderBytes: maxHeader,
	}
	if opt.Proxy != nil {
		t.Proxy = http.ProxyURL(opt.Proxy)
		t.DialContext = (&net.Dialer{Timeout: dialTimeout}).DialContext
	}
	return t
}

// connect connects to a host, if all of its addresses may be fetched from. It tries IPv4 first,
// since a network without IPv6 may be slow to fail.
func (c *Client) connect(ctx context.Context, _, hostPort string) (net.Conn, error) {
	host, service, err := net.SplitHostPort(hostPort)
	if err != nil {
		return nil, err
	}
	port, err := strconv.ParseUint(service, 10, 16)
	if err != nil {
		return nil, err
	}
	addrs := []netip.Addr{}
	if addr, err := netip.ParseAddr(host); err == nil {
		addrs = append(addrs, addr)
	} else if addrs, err = c.lookup(ctx, host); err != nil {
		return nil, err
	}
	if len(addrs) == 0 {
		return nil, &net.DNSError{Err: "no address", Name: host, IsNotFound: true}
	}
	addrs = slices.Clone(addrs)
	for i := range addrs {
		addrs[i] = addrs[i].Unmap()
		if err := c.guard.Address(host, netip.AddrPortFrom(addrs[i], uint16(port))); err != nil {
			return nil, err
		}
	}
	slices.SortStableFunc(addrs, func(a, b netip.Addr) int { return a.BitLen() - b.BitLen() })
	var errs []error
	for _, addr := range addrs[:min(len(addrs), maxTries)] {
		conn, err := c.dial(ctx, host, netip.AddrPortFrom(addr, uint16(port)))
		if err == nil {
			return conn, nil
		}
		errs = append(errs, err)
		if ctx.Err() != nil {
			break
		}
	}
	return nil, errors.Join(errs...)
}

// dialGuarded connects to an address, which is checked once more right before the connect system
// call.
func (c *Client) dialGuarded(ctx context.Context, host string, to netip.AddrPort) (net.Conn, error) {
	d := net.Dialer{Timeout: dialTimeout, Control: func(_, address string, _ syscall.RawConn) error {
		at, err := netip.ParseAddrPort(address)
		if err != nil {
			return err
		}
		return c.guard.Address(host, at)
	}}
	return d.DialContext(ctx, "tcp", to.String())
}

// fetch fetches a URL and identifies its content for each of its parts.
func (f *fetching) fetch(ctx context.Context, to *file) *problem {
	c := f.client
	u, p := c.parse(to.uri, nil)
	if p != nil {
		return p
	}
	to.url = u
	seen := map[string]bool{}
	for hops := 0; ; hops++ {
		seen[u.String()] = true
		next, p := f.withSlot(ctx, u, to)
		if p != nil {
			return p.behind(u, hops)
		}
		if next == nil {
			return nil
		}
		switch {
		case hops == maxRedirects:
			p = lost("redirects more than "+strconv.Itoa(maxRedirects)+" times", nil)
		case seen[next.String()]:
			p = lost("redirects in a loop", nil)
		}
		if p != nil {
			p.retry = llm.RetryNo
			return p
		}
		u = next
	}
}

// withSlot calls visit while it holds one of the slots.
func (f *fetching) withSlot(ctx context.Context, u *url.URL, to *file) (*url.URL, *problem) {
	host := u.Hostname()
	if err := f.client.slots.take(ctx, &f.share, host); err != nil {
		return nil, unreachable(ctx, err)
	}
	defer f.client.slots.give(&f.share, host)
	ctx, end := context.WithCancelCause(ctx)
	defer end(nil)
	w := newWatch(end)
	defer w.stop()
	return f.visit(ctx, u, to, w)
}

// visit requests a URL: it reads the content, or returns the target of a redirect.
func (f *fetching) visit(ctx context.Context, u *url.URL, to *file, w *watch) (*url.URL, *problem) {
	c := f.client
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, u.String(), nil)
	if err != nil {
		return nil, bad("an invalid URL")
	}
	req.Header = http.Header{"Accept": {"*/*"}, "Accept-Encoding": {"identity"}, "User-Agent": {"outcrop"}}
	resp, err := c.transport.RoundTrip(req)
	if err != nil {
		return nil, unreachable(ctx, err)
	}
	defer func() { _ = resp.Body.Close() }()
	w.touch()
	switch code := resp.StatusCode; code {
	case http.StatusMovedPermanently, http.StatusFound, http.StatusSeeOther, http.StatusTemporaryRedirect, http.StatusPermanentRedirect:
		return c.redirect(u, resp.Header.Get("Location"))
	case http.StatusOK, http.StatusNonAuthoritativeInfo:
	default:
		return nil, refused(code)
	}
	if e := resp.Header.Get("Content-Encoding"); e != "" && !strings.EqualFold(e, "identity") {
		return nil, wrong("comes compressed (Content-Encoding "+quote(e)+"), which is not supported", "Serve the content without compression, or send the content inline as a data URI.")
	}
	if resp.ContentLength > c.maxSize {
		return nil, c.tooLarge()
	}
	return nil, f.read(ctx, resp, to, w)
}

// redirect returns the target of a redirect.
func (c *Client) redirect(from *url.URL, location string) (*url.URL, *problem) {
	if location == "" {
		return nil, lost("answers with a redirect without a Location header", nil)
	}
	next, p := c.parse(location, from)
	switch {
	case p != nil:
		p.what = "redirects to " + strings.TrimPrefix(p.what, "is ")
		if p.code == llm.CodeBadRequest {
			p.code, p.retry = llm.CodeMedia, llm.RetryNo
		}
		return nil, p
	case from.Scheme == "https" && next.Scheme == "http":
		return nil, unfit("redirects from https to http")
	}
	return next, nil
}

// refused is a response with an error status.
func refused(status int) *problem {
	p := lost("answers "+strconv.Itoa(status)+" "+http.StatusText(status), nil)
	switch {
	case status == http.StatusUnauthorized || status == http.StatusForbidden:
		p.retry = llm.RetryNo
		p.fix = "The gateway sends no credentials: use a URL that is publicly readable, such as a presigned URL that has not expired, or send the content inline as a data URI."
	case status != http.StatusRequestTimeout && status != http.StatusTooManyRequests && status < 500:
		p.retry = llm.RetryNo
	}
	return p
}

func (c *Client) tooLarge() *problem {
	return large("is too large (limit "+megabytes(c.maxSize)+")", "Send a smaller file; the gateway's operator can raise outcrop_settings.media.max_mb.")
}

func megabytes(n int64) string { return strconv.FormatFloat(float64(n)/(1<<20), 'f', -1, 64) + " MiB" }

// headSize is how much of a file is inspected to identify it.
const headSize = 4 << 10

// firstHold is the initial reservation for content of unknown length, in bytes; most images are
// smaller.
const firstHold = 1 << 20

// read reads a response's content as base64. Memory grows with the data received, not with the
// length that the header announces.
func (f *fetching) read(ctx context.Context, resp *http.Response, to *file, w *watch) *problem {
	body := &bounded{from: resp.Body, fetching: f, watch: w, room: resp.ContentLength}
	if body.room < 0 {
		body.room = min(firstHold, f.client.maxSize)
	}
	w.pause()
	if p := f.lease.hold(ctx, held(body.room)); p != nil {
		return p
	}
	w.begin()
	buf := make([]byte, 32<<10)
	head, err := body.fill(ctx, buf[:headSize])
	if p := body.failure(ctx, err); p != nil {
		return p
	}
	if len(head) == 0 {
		return wrong("is empty", "Check the URL, or send the content inline as a data URI.")
	}
	declared := resp.Header.Get("Content-Type")
	for _, part := range to.parts {
		if p := part.recognize(head, declared, to.url); p != nil {
			return p
		}
	}
	var content growing
	if resp.ContentLength > 0 {
		content.expected = int(held(resp.ContentLength))
	}
	enc := base64.NewEncoder(base64.StdEncoding, &content)
	_, _ = enc.Write(head) // it accepts everything
	for err == nil {
		var n int
		n, err = body.read(ctx, buf)
		_, _ = enc.Write(buf[:n])
	}
	if p := body.failure(ctx, err); p != nil {
		return p
	}
	_ = enc.Close()
	to.base64, _ = llm.ParseBase64(content.b) // the encoder's work is base64
	return nil
}

// bounded reads a response's content up to the limits.
type bounded struct {
	from     io.Reader
	fetching *fetching
	watch    *watch
	size     int64
	room     int64 // bytes reserved for it
}

func (b *bounded) read(ctx context.Context, p []byte) (int, error) {
	n, err := b.from.Read(p)
	if n > 0 {
		b.watch.came(n)
	}
	c := b.fetching.client
	if b.size += int64(n); b.size > c.maxSize {
		return 0, c.tooLarge()
	}
	if !b.fetching.spend(n) {
		return 0, large("brings the request's files over their total limit ("+megabytes(c.maxTotal)+")", "Send fewer or smaller files; the gateway's operator can raise general_settings.max_request_size_mb.")
	}
	if b.size > b.room { // the length was unknown, and exceeds the reservation
		more := min(b.room, c.maxSize-b.room)
		b.watch.pause()
		if p := b.fetching.lease.hold(ctx, held(more)); p != nil {
			return 0, p
		}
		b.room += more
		b.watch.resume()
	}
	return n, err
}

// fill reads until p is full or the content ends, which is io.EOF.
func (b *bounded) fill(ctx context.Context, p []byte) (got []byte, err error) {
	n := 0
	for n < len(p) && err == nil {
		var m int
		m, err = b.read(ctx, p[n:])
		n += m
	}
	return p[:n], err
}

// failure returns the error that ended reading early.
func (*bounded) failure(ctx context.Context, err error) *problem {
	if err == nil || errors.Is(err, io.EOF) {
		return nil
	}
	if p, ok := errors.AsType[*problem](err); ok {
		return p
	}
	p := unreachable(ctx, err)
	if p.err != nil {
		p.what = "broke off before its end"
	}
	return p
}
