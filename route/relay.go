package route

import (
	"context"
	"slices"

	"outcrop/llm"
	"outcrop/provider"
)

// Translation serves a call in a dialect at targets that do not speak it.
type Translation struct {
	// Request decodes the call. It may be called for several attempts, and returns the same request
	// each time. A failure is an *llm.Error.
	Request func(ctx context.Context) (*llm.Request, error)
	// Response encodes a complete response in the dialect, and Stream does so event by event; the
	// stream that it returns closes the other.
	Response func(*llm.Response) *llm.RawResponse
	Stream   func(llm.Stream) llm.RawStream
}

// Speaks reports whether some, and whether all targets that would serve a call of a model name take
// bodies of a dialect as they are. Settings.Speaks says the same of a name's deployments, whatever their
// models. It does not block.
func (r *Router) Speaks(name, dialect string) (some, all bool) {
	g, captured := r.table().names.find(name)
	if g == nil {
		return false, false
	}
	all = !slices.ContainsFunc(g.reach, func(f *group) bool { return !f.speaks(dialect) })
	for _, t := range g.deployments {
		targets, err := t.Deployment.Targets(llm.VerbRaw, t.modelFor(captured))
		if err != nil {
			all = false
			continue
		}
		for _, target := range targets {
			p, ok := target.(provider.Passer)
			speaks := ok && p.Speaks(dialect)
			some, all = some || speaks, all && speaks
		}
	}
	return some, all && some
}

// passer returns the target as one that takes the call in its own dialect, for a verb; nil if it is none.
func passer(target provider.Target, verb llm.Verb, raw *llm.Raw) provider.Passer {
	p, ok := target.(provider.Passer)
	if !ok || !p.Speaks(raw.Dialect) {
		return nil
	}
	if c, ok := target.(provider.Chooser); ok && !c.Takes(verb, raw) {
		return nil
	}
	return p
}

// verb is what a call asks of its targets: a call that can be translated is a conversation.
func (t *Translation) verb(raw *llm.Raw) llm.Verb {
	switch {
	case raw.Service:
		return llm.VerbService
	case t == nil:
		return llm.VerbRaw
	default:
		return llm.VerbChat
	}
}

// Relay gets a complete response to a call in a dialect. Targets that speak the dialect get the body
// as it is, the others a translation; without one they are not called. A failure is an *llm.Error.
func (r *Router) Relay(ctx context.Context, raw *llm.Raw, t *Translation) (*llm.RawResponse, error) {
	resp, served, err := Do(ctx, r, t.verb(raw), &raw.Call, func(ctx context.Context, w way) (*llm.RawResponse, error) {
		if p := passer(w.Target, t.verb(raw), raw); p != nil {
			resp, err := p.Pass(ctx, raw)
			if err == nil {
				resp.Meta.Passed = true
				return resp, nil
			}
			if t == nil || passer(w.Target, t.verb(raw), raw) != nil {
				return nil, err
			}
		}
		chatter, req, changed, err := t.prepare(ctx, w)
		if err != nil {
			return nil, err
		}
		resp, err := chatter.Complete(ctx, req)
		if err != nil {
			return nil, err
		}
		tell(&resp.Meta, changed)
		return t.Response(resp), nil
	})
	if err != nil {
		return nil, err
	}
	served.note(&resp.Meta)
	return resp, nil
}

// RelayStream is Relay for a streaming response. It returns when the first event with content has
// arrived.
func (r *Router) RelayStream(ctx context.Context, raw *llm.Raw, t *Translation) (llm.RawStream, error) {
	return Open(ctx, r, t.verb(raw), &raw.Call, func(ctx context.Context, w way) (Source[llm.RawEvent], error) {
		if p := passer(w.Target, t.verb(raw), raw); p != nil {
			s, err := p.PassStream(ctx, raw)
			if err == nil {
				s.Meta().Passed = true
				return s, nil
			}
			if t == nil || passer(w.Target, t.verb(raw), raw) != nil {
				return nil, err
			}
		}
		chatter, req, changed, err := t.prepare(ctx, w)
		if err != nil {
			return nil, err
		}
		s, err := chatter.Stream(ctx, req)
		if err != nil {
			return nil, err
		}
		tell(s.Meta(), changed)
		return t.Stream(s), nil
	})
}

// CountTokens gets the number of tokens of a call in a dialect, from targets that speak it, or of its
// translation.
func (r *Router) CountTokens(ctx context.Context, raw *llm.Raw, t *Translation) (*llm.Count, error) {
	return whole(ctx, r, llm.VerbCount, &raw.Call, (*llm.Count).Metadata, func(ctx context.Context, target provider.Target) (*llm.Count, error) {
		if c, ok := target.(provider.RawCounter); ok && passer(target, llm.VerbCount, raw) != nil {
			return c.CountRaw(ctx, raw)
		}
		counter, err := as[provider.Counter](target)
		if err != nil {
			return nil, err
		}
		req, err := t.Request(ctx)
		if err != nil {
			return nil, err
		}
		return counter.CountTokens(ctx, req)
	})
}

// prepare returns what a translated attempt needs.
func (t *Translation) prepare(ctx context.Context, w way) (provider.Chatter, *llm.Request, []llm.Warning, error) {
	if t == nil {
		return nil, nil, nil, unsupported(w.Target)
	}
	chatter, err := as[provider.Chatter](w.Target)
	if err != nil {
		return nil, nil, nil, err
	}
	req, err := t.Request(ctx)
	if err != nil {
		return nil, nil, nil, err
	}
	req, changed := w.within(req)
	return chatter, req, changed, nil
}
