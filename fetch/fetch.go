// Package fetch replaces the http and https URLs of a request's images and files by their content.
//
// The URLs come from clients, and this process is in a network that clients may not reach. So it
// connects only to public addresses. It checks the very address that it connects to, also after a
// redirect, so that DNS answers at another time do not matter. Rules can allow private networks.
//
// Nothing of a call is sent along: no credentials, no cookies, no Referer. Nothing is kept either:
// neither the content nor the connection.
package fetch

import (
	"cmp"
	"context"
	"crypto/x509"
	"errors"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"outcrop/internal/netguard"
	"outcrop/llm"
)

// Limits that the operator cannot set.
const (
	perRequest   = 8                // URLs of one request fetched at the same time
	perHost      = 16               // URLs of one host fetched at the same time
	perProcess   = 32               // URLs fetched at the same time
	maxAddresses = 100              // different ones in a request
	maxRedirects = 5                // of a URL
	maxHeader    = 64 << 10         // of a response
	idle         = 10 * time.Second // the longest silence
	leastRate    = 32 << 10         // bytes a second of content, on average
	grace        = 10 * time.Second // for content that starts slowly
	dialTimeout  = 5 * time.Second  // of one address of a host
	maxTries     = 4                // addresses of a host
)

// Rule allows fetching from a host or network that is otherwise refused.
type Rule = netguard.Rule

// ParseRule reads a rule, as netguard.ParseRule does.
func ParseRule(s string) (Rule, error) { return netguard.ParseRule(s) }

// Budget bounds the memory that all calls of a process use together.
type Budget interface {
	// Acquire waits until n bytes are available and returns a function that releases them. It fails
	// if ctx ends first, or if n can never be available; an *llm.Error becomes the call's error.
	Acquire(ctx context.Context, n int64) (release func(), err error)
}

// Options control what is fetched. The zero value is usable.
type Options struct {
	// Allow allows hosts and networks that are not public, and ports other than 80 and 443.
	Allow []Rule
	// MaxSize is the largest content of one URL, in bytes; 25 MiB if 0.
	MaxSize int64
	// MaxTotal is the most that one request may fetch, in bytes; 100 MiB if 0.
	MaxTotal int64
	// Timeout bounds the time for all URLs of a request; 30 s if 0.
	Timeout time.Duration
	// Proxy is an HTTP proxy for all fetches; nil for none. The environment's proxies are not used:
	// a proxy resolves names itself, so only the proxy can then block private addresses.
	Proxy *url.URL
	// Lookup resolves the addresses of a host; the system's resolver if nil.
	Lookup func(ctx context.Context, host string) ([]netip.Addr, error)
	// RootCAs are the trusted CAs for servers' certificates; the system's if nil.
	RootCAs *x509.CertPool
	// Budget bounds the fetched content that all requests hold together; nil for no bound.
	Budget Budget
}

// Client fetches content. It is safe for concurrent use.
type Client struct {
	guard     netguard.Guard
	maxSize   int64
	maxTotal  int64
	timeout   time.Duration
	lookup    func(ctx context.Context, host string) ([]netip.Addr, error)
	dial      func(ctx context.Context, host string, to netip.AddrPort) (net.Conn, error)
	transport *http.Transport
	slots     *slots
	budget    Budget
}

// New makes a client.
func New(opt Options) *Client {
	c := &Client{
		guard: opt.Allow, maxSize: opt.MaxSize, maxTotal: opt.MaxTotal, timeout: opt.Timeout, lookup: opt.Lookup,
		slots: newSlots(), budget: opt.Budget,
	}
	if c.maxSize == 0 {
		c.maxSize = 25 << 20
	}
	if c.maxTotal == 0 {
		c.maxTotal = 100 << 20
	}
	if c.timeout == 0 {
		c.timeout = 30 * time.Second
	}
	if c.lookup == nil {
		c.lookup = func(ctx context.Context, host string) ([]netip.Addr, error) {
			return net.DefaultResolver.LookupNetIP(ctx, "ip", host)
		}
	}
	c.dial = c.dialGuarded
	c.transport = newTransport(c, opt)
	return c
}

// Inline returns a copy of req with content in place of every http and https URL; it shares all
// unchanged parts with req, and does not modify req. A URL that occurs several times is fetched
// once. If Inline succeeds, the caller calls release once the content is no longer needed. The
// first failure ends all fetches, and is an *llm.Error that names the field; its status is 499 if
// ctx ended.
func (c *Client) Inline(ctx context.Context, req *llm.Request) (whole *llm.Request, release func(), err error) {
	out, files := gather(req)
	if len(files) > maxAddresses {
		field := files[maxAddresses].parts[0].field
		e := llm.Invalid(field, "%s: too many URLs (limit %d).", field, maxAddresses)
		e.Fix = inline + "."
		return nil, nil, e
	}
	f := &fetching{client: c, left: c.maxTotal, lease: lease{budget: c.budget}}
	if err := f.all(ctx, files); err != nil {
		f.lease.release()
		return nil, nil, err
	}
	for _, f := range files {
		for _, p := range f.parts {
			p.fill(f)
		}
	}
	return out, sync.OnceFunc(f.lease.release), nil
}

// fetching is the state that the URLs of one request share.
type fetching struct {
	client *Client
	share  share
	lease  lease

	mu   sync.Mutex
	left int64 // bytes that may still be fetched
}

// spend subtracts from the bytes that may still be fetched, and reports whether there were enough.
func (f *fetching) spend(n int) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.left -= int64(n)
	return f.left >= 0
}

// all fetches the files, a few at a time.
func (f *fetching) all(call context.Context, files []*file) error {
	timeout := lost("did not arrive within "+f.client.timeout.String(), nil)
	ctx, cancel := context.WithTimeoutCause(call, f.client.timeout, timeout)
	defer cancel()
	ctx, end := context.WithCancelCause(ctx)
	defer end(nil)
	var (
		next   atomic.Int64
		wg     sync.WaitGroup
		first  sync.Once
		failed *file
		reason *problem
	)
	for range min(perRequest, len(files)) {
		wg.Go(func() {
			for ctx.Err() == nil {
				i := next.Add(1) - 1
				if i >= int64(len(files)) {
					return
				}
				if p := f.fetch(ctx, files[i]); p != nil {
					first.Do(func() { failed, reason = files[i], p })
					end(p)
				}
			}
		})
	}
	wg.Wait()
	if failed == nil && int(next.Load()) < len(files) { // ctx ended between two files
		failed, reason = files[next.Load()], timeout
	}
	switch {
	case failed == nil:
		return nil
	case call.Err() != nil:
		return cancelError(call)
	default:
		return reason.toError(failed.parts[0].field, failed.url)
	}
}

// cancelError is the error of a call that was cancelled: by its client, or by a cancellation with a cause.
func cancelError(call context.Context) error {
	if reason, ok := errors.AsType[*llm.Error](context.Cause(call)); ok {
		own := *reason // other calls may have the same cause
		return &own
	}
	return &llm.Error{Code: llm.CodeClientGone, Status: 499, Message: "the client went away", Err: context.Cause(call)}
}

// file is the content of one URL.
type file struct {
	uri    string
	url    *url.URL // nil if uri is not a valid URL
	base64 llm.Base64
	parts  []*part // the blocks with this URL
}

// part is a block of the new request with a URL as media.
type part struct {
	block  *llm.Block
	field  string
	kind   llm.BlockKind // of the content
	format string
}

// fill puts the content into the block.
func (p *part) fill(f *file) {
	m := p.block.Media
	p.block.Kind, m.Format, m.Base64, m.URI, m.Owner = p.kind, p.format, f.base64, "", ""
	if p.kind == llm.BlockDocument && m.Name == "" {
		m.Name, _ = base(f.url)
	}
}

// gather makes a copy of the request that shares everything that will not change, and lists its
// URLs in order.
func gather(req *llm.Request) (*llm.Request, []*file) {
	g := gatherer{byURI: map[string]*file{}}
	out := *req
	out.System = g.blocks(req.System, "system")
	out.Turns = make([]llm.Turn, len(req.Turns))
	for i, t := range req.Turns {
		out.Turns[i] = t
		out.Turns[i].Blocks = g.blocks(t.Blocks, "turns["+strconv.Itoa(i)+"].blocks")
	}
	return &out, g.files
}

type gatherer struct {
	files []*file
	byURI map[string]*file
}

// blocks returns the blocks themselves, or a copy if one of them will change.
func (g *gatherer) blocks(in []llm.Block, at string) []llm.Block {
	var out []llm.Block
	for i := range in {
		b, field := &in[i], at+"["+strconv.Itoa(i)+"]"
		switch {
		case b.Media != nil && b.Media.Remote():
			out = own(out, in)
			g.add(&out[i], field)
		case b.ToolResult != nil:
			if r := g.result(b.ToolResult, field+".tool_result"); r != b.ToolResult {
				out = own(out, in)
				out[i].ToolResult = r
			}
		}
	}
	if out == nil {
		return in
	}
	return out
}

func (g *gatherer) result(in *llm.ToolResult, at string) *llm.ToolResult {
	var content []llm.ResultBlock
	for i := range in.Content {
		if m := in.Content[i].Block.Media; m != nil && m.Remote() {
			content = own(content, in.Content)
			g.add(&content[i].Block, at+".content["+strconv.Itoa(i)+"]")
		}
	}
	if content == nil {
		return in
	}
	out := *in
	out.Content = content
	return &out
}

// own returns a copy of the list, made once.
func own[T any](out, list []T) []T {
	if out != nil {
		return out
	}
	return slices.Clone(list)
}

// add records a block of the copy, which gets its own media.
func (g *gatherer) add(b *llm.Block, at string) {
	m := *b.Media
	b.Media = &m
	f := g.byURI[m.URI]
	if f == nil {
		f = &file{uri: m.URI}
		g.byURI[m.URI], g.files = f, append(g.files, f)
	}
	f.parts = append(f.parts, &part{block: b, field: cmp.Or(m.Field, at+".media.uri")})
}
