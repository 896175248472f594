package gateway

import (
	"cmp"
	"context"
	"errors"
	"io"
	"time"

	"outcrop/internal/budget"
	"outcrop/llm"
	"outcrop/tenant"
)

// Forwarder makes requests for a provider's own API; a provider.Forwarder is one.
type Forwarder interface {
	Forward(ctx context.Context, req *llm.Forward) (*llm.Forwarded, error)
}

// forwardSilence is how long a provider may send nothing before or within a response that is passed on.
const forwardSilence = 10 * time.Minute

// Forwards reports whether clients can call the own API of a provider.
func (g *Gateway) Forwards(provider string) bool { return (*g.forwarders.Load())[provider] != nil }

// Asked is what a request for a provider's own API asks for, as far as the API is known.
type Asked struct {
	// Provider is the name under which the provider's models and their prices are known, and Model the model that
	// the request names; empty for none.
	Provider, Model string
	// Generates is whether the model makes something, which costs money.
	Generates bool

	own  bool              // the endpoint is the operator's: limits count its requests, and nobody knows what they use
	cost llm.Opt[llm.Cost] // of a request to it
}

// Forward passes a request on to a provider's own API, if the caller may call the model and can pay for it. It makes one
// attempt. The caller closes the body of the response, whose reads fail with an *llm.Error that is recorded. A failure is
// an *llm.Error and is recorded; a response with an error status is a response.
func (c *Call) Forward(ctx context.Context, provider string, req *llm.Forward, asked Asked) (*llm.Forwarded, error) {
	c.record.Model, c.record.Group = provider, provider
	if err := c.stopping(); err != nil {
		return nil, err
	}
	f := (*c.g.forwarders.Load())[provider]
	if f == nil {
		return nil, c.Fail(&llm.Error{
			Code: llm.CodeNotFound, Status: 404, Message: "this gateway has no credentials for the API of " + provider + ".",
			Fix: "Configure a model of " + provider + ", or set the environment variables with its credentials. The gateway's own endpoints, such as /v1/chat/completions, have no provider in front.",
		})
	}
	return c.forward(ctx, &Endpoint{Name: provider, To: f, Silence: forwardSilence}, req, asked)
}

// Endpoint is where requests are passed on to.
type Endpoint struct {
	// Name is what the endpoint is called in records and errors.
	Name string
	To   Forwarder
	// Cost is what a request costs that is not refused; not set if that is not known.
	Cost llm.Opt[llm.Cost]
	// Silence is how long the endpoint may send nothing.
	Silence time.Duration
}

// PassThrough checks that the caller may call an endpoint of the operator's by a path, and makes the call that of the team that may. See
// tenant.Caller.PassThrough. The error is an *llm.Error.
func (c *Call) PassThrough(path string, strict bool) error {
	t := c.caller.tenant
	if t == nil {
		return nil
	}
	may, err := t.PassThrough(path, strict)
	if err == nil {
		c.caller.tenant = may
	}
	return err
}

// ForwardTo is Forward for an endpoint of the operator's.
func (c *Call) ForwardTo(ctx context.Context, e *Endpoint, req *llm.Forward) (*llm.Forwarded, error) {
	c.record.Model, c.record.Group = e.Name, e.Name
	if err := c.stopping(); err != nil {
		return nil, err
	}
	resp, err := c.forward(ctx, e, req, Asked{own: true, cost: e.Cost})
	if err == nil && resp.Status < 400 && e.Cost.Set {
		c.record.Usage.Cost = e.Cost
	}
	return resp, err
}

func (c *Call) forward(ctx context.Context, to *Endpoint, req *llm.Forward, asked Asked) (*llm.Forwarded, error) {
	if err := c.unbound(ctx); err != nil {
		return nil, err
	}
	if err := c.reserveForward(ctx, req, asked); err != nil {
		return nil, err
	}
	settings := c.modelSettings("")
	if err := c.choose(&llm.Call{}, settings); err != nil {
		return nil, err
	}
	if len(req.Body) > 0 {
		if err := c.unguarded(); err != nil {
			return nil, err
		}
	}
	c.sending(&llm.Call{})
	ctx, cancel := context.WithCancelCause(budget.With(ctx, c.lease))
	b := &forwardedBody{call: c, client: ctx, cancel: cancel, silence: to.Silence}
	b.timer = time.AfterFunc(to.Silence, func() {
		cancel(&llm.Error{Code: llm.CodeTimeout, Status: 504, Message: "the API of " + to.Name + " has sent nothing for " + to.Silence.String() + "."})
	})
	resp, err := to.To.Forward(ctx, req)
	if err != nil {
		defer b.end()
		e := c.Fail(b.cause(err))
		if e.Code == llm.CodeClientGone && c.charge != nil && !asked.own {
			c.guess(asked, int64(len(req.Body)), 0)
		}
		return nil, e
	}
	b.timer.Reset(b.silence)
	c.meta(&resp.Meta)
	c.record.Status = resp.Status
	c.record.FirstToken = c.g.now().Sub(c.record.Started)
	b.ReadCloser = resp.Body
	resp.Body = b
	return resp, nil
}

// Passed is what a response that was passed on says of itself, as far as its API is known.
type Passed struct {
	// Provider is the name under which the provider's models and their prices are known.
	Provider string
	// Model is the model that the request names, and Answered the one that the response names; empty if it
	// names none.
	Model, Answered string
	// Stream is whether the response is a stream.
	Stream bool
	// Usage is what the response reports; Counted is whether it does.
	Usage   llm.Usage
	Counted bool
	// Stop is why the model stopped, and Tier the service tier, both in the provider's words.
	Stop, Tier string
	// Unknown says why the usage is not known, or not all of it; empty if it is, or if there is none.
	Unknown string
	// Prompt is the length of the request, and Pieces the number of pieces in which the response came, each about a token.
	Prompt, Pieces int64
}

// reserveForward is reserve for a request for a provider's own API: the model's name is as the provider's clients have it, and
// with the provider in front.
func (c *Call) reserveForward(ctx context.Context, req *llm.Forward, asked Asked) error {
	t := c.caller.tenant
	if t == nil {
		return nil
	}
	r := tenant.Request{Tags: c.labels.tags}
	if asked.Model != "" {
		r.Asked, r.Model, r.Group = asked.Model, asked.Provider+"/"+asked.Model, asked.Model
	}
	switch {
	case asked.own:
		r.Estimate = func() tenant.Estimate {
			return tenant.Estimate{Output: nothing, Times: 1, Cost: func(*llm.Usage) llm.Cost { return asked.cost.Value }}
		}
	case asked.Generates:
		r.Estimate = func() (e tenant.Estimate) {
			e.Prompt, e.Output, e.Times = document{&llm.Raw{Body: req.Body}}.size()
			if p, _ := c.priceOf(asked.Provider, asked.Model); p != nil {
				e.Cost = func(u *llm.Usage) llm.Cost {
					cost, _ := p.Cost("", u)
					return c.g.adjustments.Of(asked.Provider, asked.Model, cost).Cost
				}
			}
			return e
		}
	}
	return c.draw(ctx, t, &r)
}

// priceOf is the price of a provider's model, and whether it is the operator's; nil if it is not known.
func (c *Call) priceOf(provider, model string) (p llm.Pricer, own bool) {
	if model == "" || c.g.prices == nil {
		return nil, false
	}
	return c.g.prices(provider, model)
}

// guess records what a response has used that did not say it, for the budgets that pay for it.
func (c *Call) guess(asked Asked, prompt, pieces int64) {
	if c.record.Meta.Price == nil {
		c.record.Meta.Price, _ = c.priceOf(asked.Provider, asked.Model)
	}
	c.estimate(prompt, 4*pieces, "")
}

// Passed records what a response says of itself, and books it. Its cost is that of the model that it names, or, if its
// prices are not known, of the one that the request names. Of a stream that does not say what it has used, a caller with
// limits pays for an estimate. It is called before the client has the end of the response, and again when more is known.
func (c *Call) Passed(p *Passed) {
	if model := cmp.Or(p.Model, p.Answered); model != "" {
		c.record.Model = p.Provider + "/" + model
	}
	c.record.Stream, c.record.Stop, c.record.UsageUnknown = p.Stream, p.Stop, p.Unknown
	defer c.settle()
	for _, model := range [...]string{p.Answered, p.Model} {
		if c.record.Meta.Price == nil {
			var own bool
			if c.record.Meta.Price, own = c.priceOf(p.Provider, model); own {
				c.record.Meta.Bill = ""
			}
		}
	}
	switch {
	case p.Counted:
		c.record.Usage = p.Usage
		if p.Unknown != "" && p.Pieces > p.Usage.Output && c.charge != nil { // more was made than the last usage says
			c.record.Usage.Output, c.record.Estimated = p.Pieces, true
		}
		c.price(&c.record.Usage, p.Tier)
	case p.Unknown != "" && p.Stream && c.charge != nil:
		c.guess(Asked{Provider: p.Provider, Model: cmp.Or(p.Answered, p.Model)}, p.Prompt, p.Pieces)
	default:
		return
	}
	c.explainCost()
}

// forwardedBody records what happens to a body that is passed on.
type forwardedBody struct {
	io.ReadCloser
	call   *Call
	client context.Context
	cancel context.CancelCauseFunc
	timer  *time.Timer
	over   bool

	silence time.Duration
}

func (b *forwardedBody) Read(p []byte) (int, error) {
	b.timer.Reset(b.silence)
	n, err := b.ReadCloser.Read(p)
	b.timer.Stop() // a client that is slow to read is waited for
	switch {
	case errors.Is(err, io.EOF):
		b.over = true
	case err != nil:
		b.over = true
		err = b.call.Fail(b.cause(err))
	}
	return n, err
}

// cause is the failure of a request: what ended its context, or the connection's.
func (b *forwardedBody) cause(err error) error {
	if own, ok := errors.AsType[*llm.Error](context.Cause(b.client)); ok {
		return own
	}
	if own, ok := errors.AsType[*llm.Error](err); ok {
		return own
	}
	if b.client.Err() != nil {
		return &llm.Error{Code: llm.CodeClientGone, Status: 499, Message: "the client went away", Err: err}
	}
	return &llm.Error{Code: llm.CodeInterrupted, Status: 502, Message: "the response was interrupted: " + err.Error(), Destination: b.call.record.Meta.Destination, Err: err}
}

// Close ends the request. A body that has not been read to its end has lost its client.
func (b *forwardedBody) Close() error {
	if !b.over {
		b.over = true
		_ = b.call.Fail(&llm.Error{Code: llm.CodeClientGone, Status: 499, Message: "the client went away"})
	}
	b.call.received()
	defer b.end()
	return b.ReadCloser.Close()
}

func (b *forwardedBody) end() {
	b.timer.Stop()
	b.cancel(nil)
}
