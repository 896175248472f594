// Package claude calls Claude by the Messages API (https://platform.claude.com/docs/en/api/messages),
// whoever serves it: Anthropic itself, or a cloud. A Host says where calls go and with which
// credentials; AWS's own APIs are not among them.
//
// Requests of the common language are fitted to the model as for Converse, with what only Bedrock
// has left out. Bodies in Anthropic's own dialect pass through with named edits.
package claude

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"outcrop/catalog"
	"outcrop/internal/httpfield"
	"outcrop/internal/jsonx"
	"outcrop/llm"
	"outcrop/provider"
	"outcrop/provider/bedrock/converse"
	"outcrop/provider/transport"
	"outcrop/upstream"
	"outcrop/wire/anthropic"
)

// Operation is what is asked of a model.
type Operation uint8

// Operations.
const (
	Message Operation = iota + 1 // a complete message
	Stream                       // a message as server-sent events
	Count                        // the number of a request's tokens
)

// Host serves Claude.
type Host interface {
	// Address is where an operation on the model goes.
	Address(op Operation) *url.URL
	// Authorize adds the credentials, and whatever else the host wants, to the header of a call. It
	// returns the secrets that it added, which a response must not show. A failure is an *llm.Error.
	Authorize(ctx context.Context, h http.Header) (secrets []string, err error)
	// Edits are the members of a body that the host wants otherwise than Anthropic has them.
	Edits(op Operation) []jsonx.Edit
	// Refusal reads an error response that is not in Anthropic's form; nil if it is not in the host's
	// own form either.
	Refusal(resp *upstream.Response, body []byte, to llm.Destination) *llm.Error
}

// Options describe a Target.
type Options struct {
	Host   Host
	Client *upstream.Client
	// Service is the host's name in errors and warnings, such as Anthropic.
	Service string
	// Model is the id that is sent, and Name Anthropic's name of the model, such as
	// claude-sonnet-4-5, which says what it supports.
	Model, Name string
	// Destination is where calls go, for the record.
	Destination llm.Destination
	// Known is what the catalogue knows of the model; nil if nothing. Requests without a limit of tokens get
	// the model's.
	Known *catalog.Model
	// Location is what fails as a whole, such as a region.
	Location string
	// Instance is the value of provider.InstanceHeader; empty to send none.
	Instance string
}

// Target is a Claude on a host.
type Target struct {
	opt   Options
	model *converse.Model
	most  int64 // default of max_tokens
}

// New makes a Target.
func New(opt Options) *Target {
	most := maxOutput(opt.Name)
	if opt.Known != nil && opt.Known.MaxOutput > 0 {
		most = opt.Known.MaxOutput
	}
	return &Target{opt: opt, model: converse.NewModel("anthropic", opt.Name, nil).On(opt.Service), most: most}
}

// Format writes the model for every verb, because the host may hold secrets.
func (t *Target) Format(f fmt.State, _ rune) {
	_, _ = f.Write([]byte(t.opt.Service + " target of " + t.opt.Model))
}

// Location is where calls go.
func (t *Target) Location() string { return t.opt.Location }

// Places are the region that is called, if the host has regions.
func (t *Target) Places() ([]string, bool) { return t.opt.Destination.Places() }

// ID is the id of the model.
func (t *Target) ID() string { return t.opt.Model }

// Speaks reports whether a dialect passes through: Anthropic's.
func (t *Target) Speaks(dialect string) bool { return dialect == llm.DialectAnthropic }

// exchange is a call that the host has accepted.
type exchange struct {
	target *Target
	resp   *upstream.Response
	meta   llm.Meta
	closed bool
}

// post sends a body. headers are the client's.
func (t *Target) post(ctx context.Context, op Operation, headers []llm.Label, body [][]byte, warnings []llm.Warning) (*exchange, error) {
	h := http.Header{"Content-Type": {"application/json"}}
	warnings = slices.Clip(warnings)
	for _, l := range headers {
		switch name := strings.ToLower(l.Name); {
		case name == "anthropic-beta":
			h.Add("Anthropic-Beta", l.Value)
		case !httpfield.IsToken(name) || httpfield.RuleOf(name) != httpfield.Pass || !httpfield.IsValue(l.Value) || name == "anthropic-version":
			warnings = append(warnings, llm.Warning{Code: llm.WarnDropped, Field: "extra_headers." + l.Name, Detail: "clients may not set this header"})
		default:
			h.Add(l.Name, l.Value)
		}
	}
	if betas := h["Anthropic-Beta"]; len(betas) > 1 {
		h.Set("Anthropic-Beta", strings.Join(betas, ","))
	}
	resp, err := t.send(ctx, &upstream.Request{Method: http.MethodPost, Header: h, Body: body}, func() *url.URL { return t.opt.Host.Address(op) })
	if err != nil {
		return nil, err
	}
	return &exchange{target: t, resp: resp, meta: llm.Meta{Destination: t.opt.Destination, UpstreamID: requestID(resp.Header), Warnings: warnings}}, nil
}

// send authenticates a request and sends it to an address. A response with an error status is returned
// as an error.
func (t *Target) send(ctx context.Context, r *upstream.Request, address func() *url.URL) (*upstream.Response, error) {
	if t.opt.Instance != "" {
		r.Header[provider.InstanceHeader] = []string{t.opt.Instance}
	}
	secrets, err := t.opt.Host.Authorize(ctx, r.Header)
	if err != nil {
		e := transport.Copy(llm.AsError(err))
		e.Destination = t.opt.Destination
		return nil, e
	}
	r.URL = address() // which may depend on the credentials
	resp, err := t.opt.Client.Do(ctx, r)
	if err != nil {
		return nil, transport.NoResponse(t.opt.Service, err, t.opt.Destination)
	}
	if resp.Status != http.StatusOK {
		return nil, t.refused(resp, transport.ReadErrorBody(resp, secrets...))
	}
	return resp, nil
}

// Get reads what the host has at an address beside the model, such as a list, with the same
// credentials. A failure is an *llm.Error.
func (t *Target) Get(ctx context.Context, u *url.URL) ([]byte, error) {
	resp, err := t.send(ctx, &upstream.Request{Method: http.MethodGet, Header: http.Header{"Accept": {"application/json"}}}, func() *url.URL { return u })
	if err != nil {
		return nil, err
	}
	x := &exchange{target: t, resp: resp, meta: llm.Meta{Destination: t.opt.Destination, UpstreamID: requestID(resp.Header)}}
	return x.body(ctx)
}

// requestID is the id that a host gives a request.
func requestID(h http.Header) string { return h.Get("Request-Id") }

// body reads a complete response.
func (x *exchange) body(ctx context.Context) ([]byte, error) {
	body, err := transport.ReadBody(ctx, x.resp)
	if err != nil {
		return nil, x.failed(err)
	}
	return body, nil
}

// Meta describes where the response came from.
func (x *exchange) Meta() *llm.Meta { return &x.meta }

// Close ends the call. It may be called more than once.
func (x *exchange) Close() error {
	if x.closed {
		return nil
	}
	x.closed = true
	return x.resp.Body.Close()
}

// CountTokens makes one call of the operation for counting.
func (t *Target) CountTokens(ctx context.Context, req *llm.Request) (*llm.Count, error) {
	fitted, err := t.fit(req, false)
	if err != nil {
		return nil, err
	}
	body, betas, err := t.encode(fitted, Count)
	if err != nil {
		return nil, err
	}
	return t.count(ctx, slices.Concat(fitted.Headers, betas), body, fitted.Warnings)
}

// CountRaw is CountTokens for a body in Anthropic's dialect.
func (t *Target) CountRaw(ctx context.Context, raw *llm.Raw) (*llm.Count, error) {
	body, err := t.edited(raw, Count)
	if err != nil {
		return nil, err
	}
	return t.count(ctx, raw.Headers, body, nil)
}

func (t *Target) count(ctx context.Context, headers []llm.Label, body [][]byte, warnings []llm.Warning) (*llm.Count, error) {
	x, err := t.post(ctx, Count, headers, body, warnings)
	if err != nil {
		return nil, err
	}
	answer, err := x.body(ctx)
	if err != nil {
		return nil, err
	}
	n, err := anthropic.DecodeCount(answer)
	if err != nil {
		return nil, x.failed(&corruptError{err})
	}
	return &llm.Count{Tokens: n, Meta: x.meta}, nil
}

var (
	_ provider.Target     = (*Target)(nil)
	_ provider.Chatter    = (*Target)(nil)
	_ provider.Counter    = (*Target)(nil)
	_ provider.RawCounter = (*Target)(nil)
)
