package gateway

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"outcrop/cache"
	"outcrop/internal/jsonx"
	"outcrop/llm"
	"outcrop/telemetry"
)

// parts are how the inputs of a request are looked up one by one.
type parts struct {
	scope    cache.Scope
	controls cache.Controls
	hits, of int
	keys     []string // of the hits
	age      int64    // of the oldest hit, in seconds
}

// PartHits are how many of the inputs of a request the response cache had, their keys, and the age of the oldest answer, in seconds. of is 0
// if the inputs were not looked up.
func (c *Call) PartHits() (hits, of int, keys []string, age int64) {
	if k := c.keeping; k != nil && k.parts != nil {
		return k.parts.hits, k.parts.of, k.parts.keys, k.parts.age
	}
	return 0, 0, nil, 0
}

// embedParts gets embeddings: of those inputs that the cache does not have. The usage of the response is that of all inputs, the
// call's is what the provider was asked for.
func (c *Call) embedParts(ctx context.Context, k *keeping, req *llm.EmbedRequest) (*llm.EmbedResponse, error) {
	p := k.parts
	keys := p.keysOf(c.set.Cache, req)
	found, vectors := make([]*Hit, len(keys)), make([]llm.Vector, len(keys))
	p.hits, p.of, p.keys = 0, len(keys), nil
	if p.controls.NoCache {
		c.g.recorder.Cached(telemetry.CacheBypassed)
	} else {
		for i, value := range c.set.Cache.GetAll(ctx, keys) {
			hit := c.hit(&keeping{key: keys[i], model: k.model}, value, &p.controls)
			if hit == nil {
				continue
			}
			if v, ok := cache.ParseVector(hit.Body); ok {
				found[i], vectors[i] = hit, v
				p.hits++
				p.keys, p.age = append(p.keys, keys[i]), max(p.age, hit.Age)
			}
		}
		c.g.recorder.Cached(p.result())
	}
	if p.hits == p.of && p.of > 0 {
		return c.embedded(ctx, req, found, vectors)
	}
	missing := *req
	missing.Inputs = nil
	for i := range req.Inputs {
		if found[i] == nil {
			in := req.Inputs[i]
			in.Field = in.Name(i) // as the client knows it
			missing.Inputs = append(missing.Inputs, in)
		}
	}
	fresh, err := c.embed(ctx, &missing)
	if err != nil {
		return nil, err
	}
	c.keepParts(ctx, k, keys, found, &missing, fresh)
	resp := *fresh
	resp.Vectors = vectors
	for i, n := 0, 0; i < len(found); i++ {
		if found[i] != nil {
			resp.Usage.Input += found[i].Input
			resp.Usage.Total += found[i].Input
			c.record.Saved += found[i].Cost
			continue
		}
		vectors[i] = fresh.Vectors[n]
		n++
	}
	return &resp, nil
}

func (p *parts) result() string {
	switch p.hits {
	case 0:
		return telemetry.CacheMiss
	case p.of:
		return telemetry.CacheHit
	default:
		return telemetry.CachePartial
	}
}

// embedded is the response to a request of whose inputs the cache has all.
func (c *Call) embedded(ctx context.Context, req *llm.EmbedRequest, found []*Hit, vectors []llm.Vector) (*llm.EmbedResponse, error) {
	whole := cache.Answer{Deployment: found[0].Deployment, Destination: found[0].Destination}
	for _, hit := range found {
		whole.Input += hit.Input
		whole.Cost += hit.Cost
	}
	if err := c.answered(ctx, &req.Call, &Hit{Answer: &whole}); err != nil {
		return nil, err
	}
	return &llm.EmbedResponse{Vectors: vectors, Usage: llm.Usage{Input: whole.Input, Total: whole.Input, Cost: llm.Some(llm.Cost(0))}, Meta: c.record.Meta}, nil
}

// keepParts keeps the vectors of the inputs that the cache did not have. The tokens and the cost of each are its share by
// length, because providers tell only the sum.
func (c *Call) keepParts(ctx context.Context, k *keeping, keys []string, found []*Hit, asked *llm.EmbedRequest, fresh *llm.EmbedResponse) {
	if k.parts.controls.NoStore || !c.keepable() || len(fresh.Vectors) != len(asked.Inputs) {
		return
	}
	lengths, all := make([]int64, len(asked.Inputs)), int64(0)
	for i := range asked.Inputs {
		one := embedding{&llm.EmbedRequest{Inputs: asked.Inputs[i : i+1]}}
		lengths[i], _, _ = one.size()
		lengths[i] = max(1, lengths[i])
		all += lengths[i]
	}
	var items []cache.Item
	tokens, cost, n := fresh.Usage.Input, fresh.Usage.Cost.Value, 0
	for i := range found {
		if found[i] != nil {
			continue
		}
		a := cache.Answer{
			Made: c.g.now(), Model: k.model, Deployment: c.record.Meta.Deployment, Destination: c.record.Meta.Destination,
			Input: tokens * lengths[n] / all, Cost: llm.Cost(float64(cost) * float64(lengths[n]) / float64(all)),
		}
		tokens, cost, all = tokens-a.Input, cost-a.Cost, all-lengths[n]
		if keys[i] != "" {
			a.Body = cache.AppendVector(nil, &fresh.Vectors[n])
			if len(a.Body) <= c.set.Cache.MaxItem() {
				items = append(items, cache.Item{Key: keys[i], Value: a.Append(nil)})
			}
		}
		n++
	}
	if len(items) > 0 {
		c.set.Cache.Put(ctx, c.lifetime(&k.parts.controls), items...)
	}
}

// keysOf are the keys of the inputs of a request; empty for those that are not kept because they are no text.
func (p *parts) keysOf(of *cache.Cache, req *llm.EmbedRequest) []string {
	var settings strings.Builder
	fmt.Fprint(&settings, req.Dimensions, req.MaxTokens, req.Normalize, req.Types)
	fmt.Fprintf(&settings, " %q %q %q", req.InputType, req.Truncate, req.Headers)
	fields := slices.Clone(req.ModelFields)
	slices.SortFunc(fields, func(a, b jsonx.Member) int { return strings.Compare(a.Name, b.Name) })
	for i := range fields {
		fmt.Fprintf(&settings, " %q=%s", fields[i].Name, fields[i].Value)
	}
	keys := make([]string, len(req.Inputs))
	for i := range req.Inputs {
		in := &req.Inputs[i]
		switch {
		case len(in.Parts) > 0:
			continue
		case len(in.Tokens) > 0:
			keys[i] = cache.KeyOf(&p.scope, settings.String(), "tokens", fmt.Sprint(in.Tokens))
		default:
			keys[i] = cache.KeyOf(&p.scope, settings.String(), "text", in.Text)
		}
		keys[i] = of.Named(p.controls.Namespace, keys[i])
	}
	return keys
}
