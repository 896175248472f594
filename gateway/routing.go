package gateway

import (
	"bytes"
	"cmp"
	"context"
	"hash"
	"hash/fnv"
	"slices"

	"outcrop/llm"
	"outcrop/route"
	"outcrop/tenant"
)

// Ask sets what the request's headers ask of routing. What the body asks takes precedence.
func (c *Call) Ask(r *llm.Routing) { c.routing = r }

// steer completes what a call asks of its routing, and sets what the router has to ask about it.
func (c *Call) steer(req *llm.Call, settings *route.Settings, size sizer) {
	own := &req.Routing
	if h := c.routing; h != nil {
		if !own.Retries.Set {
			own.Retries = h.Retries
		}
		if !own.Priority.Set {
			own.Priority = h.Priority
		}
		own.Timeout = cmp.Or(own.Timeout, h.Timeout)
		own.StreamTimeout = cmp.Or(own.StreamTimeout, h.StreamTimeout)
	}
	c.routeFor(req)
	if c.mirror != nil { // it shows how one model does, and never takes the place of a client's call
		own.NoFallbacks, own.NoQueue, own.Fallbacks, own.WindowFallbacks, own.ContentFallbacks = true, true, nil, nil, nil
	}
	req.Allow, req.Alike, req.Prompt = nil, nil, nil
	p := settings.Policy
	if p == nil {
		return
	}
	if own.ByTags.Value || !own.ByTags.Set && p.ByTags {
		own.UserAgent = c.labels.agent
		own.Tags = c.allTags(req)
	}
	if size == nil {
		return
	}
	if p.Queue.Size > 0 {
		_, _, times := size.size()
		own.NoQueue = times > 1
	}
	if p.Affinity != "" {
		req.Alike = func(by string) (uint64, bool) { return c.alike(route.Affinity(by), size) }
	}
	if p.FitWindow {
		req.Prompt = func() int64 {
			prompt, _, times := size.size()
			return prompt / max(times, 1)
		}
	}
	if settings.FallsBack || len(own.Fallbacks)+len(own.WindowFallbacks)+len(own.ContentFallbacks) > 0 {
		req.Allow = func(ctx context.Context, call *llm.Call, model string) error {
			return c.fallBack(ctx, call, model, size)
		}
	}
}

// routeFor routes a call as the caller's key or team says it, where the call does not say it itself.
func (c *Call) routeFor(req *llm.Call) {
	if c.caller.tenant == nil {
		return
	}
	r := c.caller.tenant.Routing()
	if r == nil {
		return
	}
	own := &req.Routing
	if !own.Retries.Set {
		own.Retries = r.Retries
	}
	own.Timeout = cmp.Or(own.Timeout, r.Timeout)
	own.Strategy, own.ByTags = r.Strategy, r.ByTags
	general, window, content := r.Lists(req.Model, c.record.Group)
	if own.Fallbacks == nil {
		own.Fallbacks = general
	}
	if own.WindowFallbacks == nil {
		own.WindowFallbacks = window
	}
	own.ContentFallbacks = content
}

// allTags are all labels of a call: the caller's, the request's, and those of its headers.
func (c *Call) allTags(req *llm.Call) []string {
	if t := c.caller.tenant; t != nil {
		return t.TagsOf(c.labels.tags, req.Tags)
	}
	return append(slices.Clip(c.labels.tags), req.Tags...)
}

// fallBack makes the call one of another model, after the model before has failed or had no room: what was reserved for that one is
// given back, and reserved for the other. The model is a fallback, or the call's own again. The error says why the caller may not use
// it; what was reserved for the call's own model is then reserved again.
func (c *Call) fallBack(ctx context.Context, req *llm.Call, model string, size sizer) error {
	settings := c.g.Settings(model)
	own := model == req.Model
	if _, _, times := size.size(); times > 1 {
		if own {
			return nil
		}
		return c.fallBackTogether(req, model, settings)
	}
	if settings.Team != "" && !own {
		return &llm.Error{Code: llm.CodeModelDenied, Status: 403, Message: "the model is that of a team"}
	}
	if err := c.checkedFor(req, settings); err != nil && !own {
		return err
	}
	if t := c.caller.tenant; t != nil {
		first := settings
		if !own {
			first = c.g.Settings(req.Model)
		}
		before := c.request(req, first, size)
		next := before
		if !own {
			next.Asked, next.Model, next.Group, next.Groups, next.Team = model, model, c.g.router.Group(model), settings.AccessGroups, ""
			next.Capacity = settings.Capacity
			next.Estimate = c.estimator(model, size)
		}
		c.cancel()
		var err error
		if c.charge, err = t.Begin(ctx, &next); err != nil {
			c.charge, _ = t.Begin(ctx, &before) // what is not to be had again is not needed: the call has failed
			c.admission(req)
			return err
		}
		c.admission(req)
	}
	req.Guardrail = guardrailOf(settings)
	if own {
		c.addHeaders(req)
	} else {
		c.headersFor(req, model, c.g.router.Group(model))
	}
	return nil
}

// fallBackTogether is fallBack for one of several calls that are made side by side as one: they have one reservation and one
// guardrail.
func (c *Call) fallBackTogether(req *llm.Call, model string, settings *route.Settings) error {
	if settings.Team != "" || !bytes.Equal(guardrailOf(settings), req.Guardrail) || !c.sameHeaders(model, c.g.router.Group(model)) {
		return &llm.Error{Code: llm.CodeModelDenied, Status: 403, Message: "the model has another guardrail, may not have headers of the client, or is that of a team"}
	}
	if err := c.checkedFor(req, settings); err != nil {
		return err
	}
	if t := c.caller.tenant; t != nil {
		return t.Check(&tenant.Request{Asked: model, Model: model, Group: c.g.router.Group(model), Groups: settings.AccessGroups, Customer: c.customerOf(req)})
	}
	return nil
}

// cancel gives back what was reserved.
func (c *Call) cancel() {
	if c.charge != nil {
		c.charge.Cancel()
		c.charge = nil
	}
}

// admission lets the router ask about deployments with limits.
func (c *Call) admission(req *llm.Call) {
	req.Admit = nil
	if c.charge != nil {
		req.Admit = c.charge.Admission()
	}
}

// alike is a number that the call has in common with those that go to the same deployment.
func (c *Call) alike(by route.Affinity, size sizer) (uint64, bool) {
	h := fnv.New64a()
	switch by {
	case route.ByPrompt:
		b := beginning{h, longBeginning}
		size.begin(&b)
		if b.left > 0 {
			return 0, false // it is too short to be cached
		}
	case route.ByKey:
		if c.caller.Identity == "" {
			return 0, false
		}
		_, _ = h.Write([]byte(c.caller.Identity))
	case route.BySession:
		if c.labels.session == "" {
			return 0, false
		}
		_, _ = h.Write([]byte(c.labels.session))
	}
	return h.Sum64(), true
}

// longBeginning is the length of the beginning that prompts have in common, in bytes: about the 1,024 tokens from which providers
// cache a prompt.
const longBeginning = 4 << 10

// beginning hashes texts until there is enough.
type beginning struct {
	h    hash.Hash64
	left int
}

func (b *beginning) add(text string) {
	n := min(len(text), b.left)
	_, _ = b.h.Write([]byte(text[:n]))
	b.left -= n
}

func (b *beginning) blocks(blocks []llm.Block) {
	for i := range blocks {
		if b.left == 0 {
			return
		}
		b.add(blocks[i].Text)
	}
}

func (s conversation) begin(b *beginning) {
	for i := range s.req.Tools {
		b.add(s.req.Tools[i].Name)
		b.add(s.req.Tools[i].Description)
	}
	b.blocks(s.req.System)
	for i := range s.req.Turns {
		b.blocks(s.req.Turns[i].Blocks)
	}
}

func (s conversations) begin(b *beginning) { conversation{s[0]}.begin(b) }

func (s embedding) begin(*beginning) {}
func (s ranking) begin(*beginning)   {}

func (s document) begin(b *beginning) {
	body := s.raw.Body
	b.add(string(body[:min(len(body), b.left)]))
}
