// Package fetch puts content in the place of the http and https addresses that a
// request gives for its images and files.
//
// Addresses come from callers, and this process stands in a network that callers
// may not reach. So a connection is made only to public addresses, which is checked
// on the very address that is connected to, of every redirect too: what DNS says at
// another time does not matter. Private networks are opened by rules.
//
// Nothing of a call is sent along: no credentials, no cookies, no Referer. Nothing
// is kept either: not the content, not the connection.
package fetch

import (
	"cmp"
	"context"
	"crypto/x509"
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

// Limits that are not the operator's to set.
const (
	perRequest   = 8                // addresses of one request that are fetched at the same time
	perHost      = 16               // addresses of one host that are fetched at the same time
	perProcess   = 32               // addresses that are fetched at the same time
	maxAddresses = 100              // different ones in a request
	maxRedirects = 5                // of an address
	maxHeader    = 64 << 10         // of an answer
	idle         = 10 * time.Second // the longest silence
	leastRate    = 32 << 10         // bytes a second of content, on average
	grace        = 10 * time.Second // for content that begins slowly
	dialTimeout  = 5 * time.Second  // of one address of a host
	maxTries     = 4                // addresses of a host
)

// Rule opens a host or a network that is otherwise closed to fetching.
type Rule = netguard.Rule

// ParseRule reads a rule, as netguard.ParseRule does.
func ParseRule(s string) (Rule, error) { return netguard.ParseRule(s) }

// Budget bounds the memory that all calls of a process hold together.
type Budget interface {
	// Acquire waits until n bytes may be held, and gives what ends that. It fails when
	// ctx ends first, or when so much may never be held; a failure that is an
	// *llm.Error is the call's.
	Acquire(ctx context.Context, n int64) (release func(), err error)
}

// Options say what is fetched. The zero value is good.
type Options struct {
	// Allow opens hosts and networks that are not public, and other ports than 80
	// and 443.
	Allow []Rule
	// MaxSize is the largest content of one address, in bytes; 25 MiB if 0.
	MaxSize int64
	// MaxTotal is the most that one request may have fetched, in bytes; 100 MiB if 0.
	MaxTotal int64
	// Timeout is the longest that all of a request's addresses may take; 30 s if 0.
	Timeout time.Duration
	// Proxy is an HTTP proxy that everything is fetched through; nil for none. The
	// environment's proxies are not used: behind a proxy it is the proxy that looks
	// names up, so that it alone can keep private addresses from them.
	Proxy *url.URL
	// Lookup looks up the addresses of a host; the system's resolver if nil.
	Lookup func(ctx context.Context, host string) ([]netip.Addr, error)
	// RootCAs are the authorities that servers' certificates are checked with; the
	// system's if nil.
	RootCAs *x509.CertPool
	// Budget bounds what all requests together hold of what was fetched; nil for no
	// bound.
	Budget Budget
}

// Client fetches. It is safe for use by many goroutines.
type Client struct {
	guard     netguard.Guard
	maxSize   int64
	maxTotal  int64
	timeout   time.Duration
	lookup    func(ctx context.Context, host string) ([]netip.Addr, error)
	dial      func(ctx context.Context, host string, to netip.AddrPort) (net.Conn, error)
	transport *http.Transport
	places    *places
	budget    Budget
}

// New makes a client.
func New(opt Options) *Client {
	c := &Client{
		guard: opt.Allow, maxSize: opt.MaxSize, maxTotal: opt.MaxTotal, timeout: opt.Timeout, lookup: opt.Lookup,
		places: newPlaces(), budget: opt.Budget,
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

// Inline gives a request that is req with content in the place of every http and
// https address; the parts that do not change are req's own, which stays as it is.
// An address that stands in it more than once is fetched once. release says that
// the content is no longer held, and is called once Inline has not failed. The first
// failure ends all, and is an *llm.Error that names the field; one with status 499 if
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

// fetching is what the addresses of one request share.
type fetching struct {
	client *Client
	share  share
	lease  lease

	mu   sync.Mutex
	left int64 // bytes that may still be fetched
}

// spend takes bytes from what may still be fetched, and reports whether there were
// as many.
func (f *fetching) spend(n int) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.left -= int64(n)
	return f.left >= 0
}

// all fetches the files, some at a time.
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
		return left(call)
	default:
		return reason.toError(failed.parts[0].field, failed.url)
	}
}

// left is the failure of a call that was ended from outside: by its client, who
// went away, or by whoever gave a reason.
func left(call context.Context) error {
	reason, ok := context.Cause(call).(*llm.Error) //nolint:errorlint // what whoever ended the call gave, and nothing around it
	if ok {
		own := *reason // the reason may have ended other calls too
		return &own
	}
	return &llm.Error{Code: llm.CodeClientGone, Status: 499, Message: "the client went away", Err: context.Cause(call)}
}

// file is what lies at an address.
type file struct {
	uri    string
	url    *url.URL // nil if uri is not a valid URL
	base64 llm.Base64
	parts  []*part // whose address it is
}

// part is a block of the new request whose media lie at an address.
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

// gather makes a copy of the request that shares all but what will be changed, and
// lists the addresses in it in their order.
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

// blocks gives the blocks themselves, or a copy if one of them will be changed.
func (g *gatherer) blocks(in []llm.Block, at string) []llm.Block {
	var out []llm.Block
	for i := range in {
		b, place := &in[i], at+"["+strconv.Itoa(i)+"]"
		switch {
		case b.Media != nil && b.Media.Remote():
			out = own(out, in)
			g.add(&out[i], place)
		case b.ToolResult != nil:
			if r := g.result(b.ToolResult, place+".tool_result"); r != b.ToolResult {
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

// own gives a copy of the list, once.
func own[T any](out, list []T) []T {
	if out != nil {
		return out
	}
	return slices.Clone(list)
}

// add notes a block of the copy, whose media become its own.
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
