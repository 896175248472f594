package gateway

import (
	"cmp"
	"context"

	"outcrop/internal/budget"
	"outcrop/llm"
	"outcrop/route"
)

// Translation serves a call in a dialect at targets that do not speak it.
type Translation = route.Translation

// Relay gets a complete response to a call in a dialect, see route.Router.Relay. Media at URLs are
// fetched for a translation. A failure is an *llm.Error and is recorded.
func (c *Call) Relay(ctx context.Context, raw *llm.Raw, t *Translation) (*llm.RawResponse, error) {
	if err := c.begin(ctx, &raw.Call, document{raw}); err != nil {
		return nil, err
	}
	ctx = budget.With(ctx, c.lease)
	t, release := c.inlined(raw, t)
	defer release()
	resp, refused, err := c.relay(ctx, raw, t)
	if err != nil {
		e := c.Fail(err)
		if c.unfinished(e) && !raw.Unestimated {
			c.estimate(int64(len(raw.Body)), 0, "")
		}
		return nil, e
	}
	c.meta(&resp.Meta)
	c.record.Stop = resp.RawStop
	defer c.settle()
	switch {
	case resp.Uncounted && !raw.Unestimated:
		c.estimate(int64(len(raw.Body)), int64(len(resp.Body)), resp.ServiceTier)
	case raw.Unestimated:
		c.bill(resp)
	default:
		c.price(&resp.Usage, resp.ServiceTier)
		c.record.Usage = resp.Usage
	}
	if refused != nil {
		return nil, c.Fail(refused)
	}
	return resp, nil
}

// bill records the usage and the cost of a response of an API that is not billed by texts alone, or why there
// is no cost.
func (c *Call) bill(resp *llm.RawResponse) {
	switch {
	case !resp.Uncounted:
		c.price(&resp.Usage, resp.ServiceTier)
		c.record.Usage = resp.Usage
		c.explainCost()
	case c.free():
		c.record.Usage.Cost = llm.Some(llm.Cost(0))
	default:
		c.record.CostUnknown = resp.Uncosted
	}
}

// explainCost records why there is no cost for usage that is known.
func (c *Call) explainCost() {
	switch {
	case c.record.Usage.Cost.Set:
		c.record.CostUnknown = ""
	case c.record.Meta.Price == nil:
		c.record.CostUnknown = "no price of the model is known"
	default:
		c.record.CostUnknown = "no price is known for something that the call used"
	}
}

// free reports whether all calls of the model cost nothing, such as those of OpenAI's moderations.
func (c *Call) free() bool {
	p, ok := c.record.Meta.Price.(*llm.Prices)
	return ok && p.Free()
}

// RelayStream is Relay for a streaming response. It returns when there is content. The stream is
// metered.
func (c *Call) RelayStream(ctx context.Context, raw *llm.Raw, t *Translation) (llm.RawStream, error) {
	if err := c.begin(ctx, &raw.Call, document{raw}); err != nil {
		return nil, err
	}
	body := c.lease.Held()
	ctx = budget.With(c.detached(ctx), c.lease)
	t, release := c.inlined(raw, t)
	s, err := c.relayStream(ctx, raw, t)
	if err != nil {
		release()
		e := c.Fail(err)
		if c.unfinished(e) && !raw.Unestimated {
			c.estimate(int64(len(raw.Body)), 0, "")
		}
		return nil, e
	}
	c.lease.Shrink(body / 4 * 3) // the body and its encoding are gone
	c.meta(s.Meta())
	c.record.FirstToken = c.g.now().Sub(c.record.Started)
	if raw.Unestimated {
		c.record.CostUnknown = "the response reported no usage" // until it does
	}
	m := &meteredRaw{RawStream: s, metering: metering{call: c, release: release, warned: len(s.Meta().Warnings)}, prompt: int64(len(raw.Body)), unestimated: raw.Unestimated}
	m.ctx = ctx
	if raw.Unestimated {
		m.unlimited()
	}
	return m, nil
}

// inlined makes the requests of a translation have content in place of URLs, and the guardrail of the
// call. The caller calls release when the provider's response is over.
func (c *Call) inlined(raw *llm.Raw, t *Translation) (_ *Translation, release func()) {
	if t == nil {
		return nil, func() {}
	}
	own, media := *t, func() {}
	var req *llm.Request
	own.Request = func(ctx context.Context) (*llm.Request, error) {
		if req != nil {
			req.Guardrail = raw.Guardrail // of the fallback, if there was one
			return req, nil
		}
		decoded, err := t.Request(ctx)
		if err != nil {
			return nil, err
		}
		if len(c.set.Guardrails) == 0 {
			if err := c.named(&decoded.Call); err != nil {
				return nil, err
			}
		}
		decoded.Guardrail, decoded.Attribution, decoded.Session = raw.Guardrail, raw.Attribution, raw.Session
		whole, free, err := c.inline(ctx, decoded)
		if err != nil {
			return nil, err
		}
		req, media = whole, free
		return req, nil
	}
	return &own, func() { media() }
}

// meteredRaw records what happens in a stream of a dialect.
type meteredRaw struct {
	llm.RawStream
	metering
	prompt  int64 // bytes of the request
	tier    string
	counted bool // usage has arrived

	unestimated bool // usage is not estimated, and the record says why there is no cost
}

func (m *meteredRaw) Next(ev *llm.RawEvent) error {
	err := m.RawStream.Next(ev)
	if err == nil && m.made > m.enough && ev.Length > 0 && ev.Err == nil {
		err = m.afford(m.call, m.soFar(), m.tier)
	}
	if err != nil {
		err = m.end(err, m.Meta())
		m.estimate()
		m.call.settle()
		return err
	}
	m.made += int64(ev.Length)
	m.tier = cmp.Or(ev.ServiceTier, m.tier)
	m.call.record.Stop = cmp.Or(ev.RawStop, m.call.record.Stop)
	if ev.Usage != nil {
		m.counted = true
		m.call.price(ev.Usage, m.tier)
		m.call.record.Usage = *ev.Usage
		if m.unestimated {
			m.call.explainCost()
		}
	}
	if ev.Err != nil {
		_ = m.end(ev.Err, m.Meta())
		m.estimate()
		m.call.settle()
	}
	return nil
}

// Close ends the call to the provider.
func (m *meteredRaw) Close() error {
	if m.abandon() {
		m.estimate()
		m.call.settle()
	}
	defer m.release()
	return m.RawStream.Close()
}

// soFar is what the response has used so far: what the provider has said of it, such as the input, and otherwise an
// estimate.
func (m *meteredRaw) soFar() llm.Usage {
	u := about(m.prompt, m.made)
	if m.counted {
		output := u.Output
		u = m.call.record.Usage
		u.Output = max(u.Output, output)
	}
	return u
}

// estimate replaces the missing usage of a response that ended without it. Before a response has stopped, the
// provider may have reported its input alone.
func (m *meteredRaw) estimate() {
	r := &m.call.record
	switch {
	case m.unestimated:
	case !m.counted:
		m.call.estimate(m.prompt, m.made, m.tier)
	case r.Stop == "":
		if u := m.soFar(); u.Output > r.Usage.Output {
			u.Cost = llm.Opt[llm.Cost]{}
			m.call.price(&u, m.tier)
			r.Usage, r.Estimated = u, true
		}
	}
}
