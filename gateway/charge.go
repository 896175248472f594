package gateway

import (
	"bytes"
	"cmp"
	"context"
	"slices"

	"outcrop/llm"
	"outcrop/route"
	"outcrop/store"
	"outcrop/tenant"
)

// labels are what a frontend knows of a call besides its request.
type labels struct {
	tags                    []string
	address, session, agent string
	customer                string
	headers                 []llm.Label // that may go on to the provider
	added                   []llm.Label // those of them that the call's model has
}

// Label sets what the request's headers say of a call: labels of its own, the client's address, the session that it belongs to, and
// the client's program; all may be empty.
func (c *Call) Label(tags []string, address, session, agent string) {
	c.labels = labels{tags: tags, address: address, session: session, agent: agent}
}

// For sets that the request's headers name the customer of a call, who precedes the one of the body.
func (c *Call) For(customer string) { c.labels.customer = customer }

// customerOf is whom a call is for.
func (c *Call) customerOf(req *llm.Call) string { return cmp.Or(c.labels.customer, req.User) }

// sizer says what a request may use, in tokens: of its prompts, about and in all, of each response at most, and how
// many responses there are. An output of 0 is not bounded by the request. begin adds the beginning of the prompt.
type sizer interface {
	size() (prompt, output, times int64)
	begin(b *beginning)
}

type conversation struct{ req *llm.Request }

func (s conversation) size() (prompt, output, times int64) {
	times = max(1, s.req.Choices)
	return estimateTokens(s.req) * times, s.req.MaxTokens.Value, times // each response is a call to the provider
}

type conversations []*llm.Request

func (s conversations) size() (prompt, output, times int64) {
	bounded := true
	for _, req := range s {
		prompt += estimateTokens(req)
		output = max(output, req.MaxTokens.Value)
		bounded = bounded && req.MaxTokens.Set
	}
	if !bounded {
		output = 0
	}
	return prompt, output, int64(len(s))
}

type embedding struct{ req *llm.EmbedRequest }

func (s embedding) size() (prompt, output, times int64) {
	for i := range s.req.Inputs {
		in := &s.req.Inputs[i]
		prompt += int64(len(in.Text)+3)/4 + int64(len(in.Tokens))
		for j := range in.Parts {
			prompt += int64(len(in.Parts[j].Text)+3) / 4
		}
	}
	return prompt, nothing, 1
}

type ranking struct{ req *llm.RerankRequest }

func (s ranking) size() (prompt, output, times int64) { return 1, nothing, 1 }

// nothing is the output of a call that makes no text.
const nothing = -1

// document is a call in a dialect.
type document struct{ raw *llm.Raw }

func (s document) size() (prompt, output, times int64) {
	return int64(len(s.raw.Body)+3) / 4, maxOutput(s.raw.Body), 1
}

// reserve checks that the caller may make the call, and reserves what it may use. settings are those of the model, with
// the access groups and the team that it belongs to.
func (c *Call) reserve(ctx context.Context, req *llm.Call, settings *route.Settings, size sizer) error {
	t := c.caller.tenant
	req.Admit = nil
	if t == nil {
		return nil
	}
	c.resume()
	r := c.request(req, settings, size)
	if err := c.draw(ctx, t, &r); err != nil {
		return err
	}
	c.admission(req)
	return nil
}

// request is what a call asks of its caller's models, limits and budgets.
func (c *Call) request(req *llm.Call, settings *route.Settings, size sizer) tenant.Request {
	r := tenant.Request{
		Asked: c.asked, Model: req.Model, Group: c.record.Group, Groups: settings.AccessGroups, Capacity: settings.Capacity, Team: settings.Team, Customer: c.customerOf(req), Tags: c.labels.tags,
	}
	if len(req.Tags) > 0 {
		r.Tags = slices.Concat(r.Tags, req.Tags)
	}
	if size != nil {
		r.Estimate = c.estimator(req.Model, size)
	}
	if c.mirror != nil {
		r.Mirrors = &c.mirror.request
	}
	return r
}

// estimator says what a call of a model may use.
func (c *Call) estimator(model string, size sizer) func() tenant.Estimate {
	return func() tenant.Estimate {
		terms := c.g.router.Terms(model)
		e := tenant.Estimate{MostOutput: terms.MostOutput, Cost: terms.Cost}
		e.Prompt, e.Output, e.Times = size.size()
		return e
	}
}

// draw reserves what a request may use, or only checks that the caller may make it, if it has no estimate and uses nothing.
func (c *Call) draw(ctx context.Context, t *tenant.Caller, r *tenant.Request) (err error) {
	if r.Estimate == nil {
		err = t.Check(r)
	} else {
		c.charge, err = t.Begin(ctx, r)
	}
	if err != nil {
		return c.Fail(err)
	}
	return nil
}

// resume ends the reservation of a call that begins again, in another way, because the first has not served it.
func (c *Call) resume() {
	if u := &c.record.Usage; c.charge != nil && u.Prompt()+u.Output == 0 && u.Cost.Value == 0 {
		c.cancel()
		return
	}
	c.settle()
}

// settle books what the call has used, if it has reserved anything: before the client has the end of the
// response, so that an answered call is in the books whatever happens next.
func (c *Call) settle() {
	if c.charge == nil {
		return
	}
	charge := c.charge
	c.charge = nil
	r := &c.record
	row := store.Row{
		RequestID: r.ID, CallType: r.Door, Cost: int64(r.Usage.Cost.Value), Start: r.Started, End: c.g.now(),
		Model: cmp.Or(r.Meta.Destination.ID, r.Model), Deployment: r.Meta.Deployment, Group: r.Group, Provider: c.provider(),
		Session: c.labels.session, Address: c.labels.address,
		Input: r.Usage.Input + r.Usage.CacheRead.Value + r.Usage.CacheWrite.Value, Output: r.Usage.Output,
		CacheRead: r.Usage.CacheRead.Value, CacheWrite: r.Usage.CacheWrite.Value, Status: r.Status, Cached: r.Cached, Region: r.Meta.Destination.Region,
	}
	if r.FirstToken > 0 {
		row.First = r.Started.Add(r.FirstToken)
	}
	if r.Err != nil {
		row.Code = string(r.Err.Code)
		row.Region = cmp.Or(row.Region, r.Err.Destination.Region)
	}
	row.Metadata = c.story()
	charge.Settle(&row)
}

// maxOutput finds the bound that a body in any dialect sets for its response, in tokens: the largest number with
// such a name, whose meaning anywhere else in a body could only make the reservation larger; 0 if there is none.
func maxOutput(body []byte) (most int64) {
	for {
		at := bytes.Index(body, []byte(`"max`))
		if at < 0 {
			return most
		}
		escaped := at > 0 && body[at-1] == '\\' // it is in a text
		body = body[at+1:]
		name, rest, ok := bytes.Cut(body[:min(len(body), 64)], []byte{'"'})
		if !ok || escaped {
			continue
		}
		switch string(name) {
		case "max_tokens", "max_completion_tokens", "max_output_tokens", "maxTokens", "maxOutputTokens", "max_new_tokens", "maxTokenCount", "max_gen_len", "max_tokens_to_sample":
			most = max(most, number(rest))
		}
	}
}

// number reads the number after a colon; 0 if there is none.
func number(text []byte) (n int64) {
	text = bytes.TrimLeft(text, " \t\r\n:")
	for _, c := range text {
		if c < '0' || c > '9' || n > 1<<40 {
			break
		}
		n = n*10 + int64(c-'0')
	}
	return n
}
