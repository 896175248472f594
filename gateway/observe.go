package gateway

import (
	"cmp"
	"slices"
	"time"

	"outcrop/llm"
	"outcrop/telemetry"
)

// Wants is what the callbacks need to know of calls.
func (g *Gateway) Wants() telemetry.Wants { return g.recorder.Wants() }

// Wants is what the callbacks need to know of the call.
func (c *Call) Wants() telemetry.Wants {
	w := c.g.Wants()
	w.Details = w.Details || c.caller.tenant != nil && c.caller.tenant.Logging()
	return w
}

// Describe sets what the call's request says beside its body, for the callbacks.
func (c *Call) Describe(from *telemetry.From) { c.record.From = *from }

// Capture sets where what is asked and answered is kept, for the callbacks.
func (c *Call) Capture(content *telemetry.Content) { c.record.Content = content }

// identify records who makes the call.
func (c *Call) identify() {
	r := &c.record
	customer, tags := cmp.Or(c.labels.customer, c.customer), slices.Concat(c.labels.tags, c.tags)
	switch t := c.caller.tenant; {
	case r.Door == Refused:
	case t != nil:
		r.Who = t.Who(customer, tags)
	default:
		r.Who = telemetry.Who{Customer: llm.Clip(customer, 256), Tags: tags}
		if c.set.locked {
			r.Who.KeyHash, r.Who.UserID = telemetry.MasterKey, "default_user_id"
		}
	}
}

// sending records that the call goes to a provider from now on. The provider is told of the trace, if the operator
// wants that.
func (c *Call) sending(req *llm.Call) {
	c.addHeaders(req)
	c.record.Silent = req.NoLog
	w := c.Wants()
	if w.Details {
		c.customer, c.tags = req.User, req.Tags
	}
	if c.record.Group == "" { // no provider has the model
		return
	}
	c.sent = c.g.now()
	c.record.Sent = c.sent.Sub(c.record.Started)
	if w.Trace && req.ClientSettings == nil {
		req.Headers = c.record.AppendTrace(slices.Clip(req.Headers))
	}
}

// Spent is how long the call has taken so far, and how much of that was not waiting for the provider.
func (c *Call) Spent() (all, own time.Duration) {
	all = c.g.now().Sub(c.record.Started)
	return all, max(0, all-c.record.Upstream)
}

// received records that the response has come, or a part of it.
func (c *Call) received() {
	if !c.sent.IsZero() {
		c.record.Upstream = c.g.now().Sub(c.sent)
	}
}
