package gateway

import (
	"context"
	"errors"
	"slices"

	"outcrop/cache"
	"outcrop/internal/budget"
	"outcrop/internal/jsonx"
	"outcrop/llm"
)

// compare prepares that the question of a call is compared with others, if it may be. Its text is embedded within the regions that the
// call must not leave. A region that the request itself names is read only with the rest of the body, so such a request is not compared.
func (c *Call) compare(k *keeping, q *Query, question *cache.Question, scope *cache.Scope, req *llm.Call) {
	s := c.set.Cache.Semantic()
	text, rest, ok := question.Similar(scope)
	if !ok || !s.Fits(text) || regional(q.Body) {
		return
	}
	if slices.ContainsFunc(c.g.Settings(req.Model).Parameters, func(m jsonx.Member) bool { return m.Name == regionMember }) {
		return
	}
	k.text, k.rest = text, cache.KeyOf(&cache.Scope{}, rest, s.Model, k.ttl.Namespace, c.set.Cache.Namespace())
	k.regions = req.Routing.Regions
}

// regionMember names a region that a request must not leave, among the members of its body.
const regionMember = "allowed_model_region"

// regional reports whether a body names a region that its call must not leave.
func regional(body jsonx.Raw) bool {
	members, err := jsonx.Members(body)
	return err != nil || slices.ContainsFunc(members, func(m jsonx.Member) bool {
		return m.Name == regionMember || m.Name == "extra_body" && m.Value.Kind() == '{' && regional(m.Value)
	})
}

// sharers names who shares answers with the caller where questions are compared: the calls of the same key, team and organization, as in
// LiteLLM, and of the same end user if the operator wants it.
func (c *Call) sharers(s *cache.Semantic, req *llm.Call) string {
	who := []string{c.caller.Identity}
	if t := c.caller.tenant; t != nil {
		who = append(who, t.Owner(), t.TeamID, t.OrganizationID)
	}
	if s.EachEndUser {
		who = append(who, c.customerOf(req))
	}
	return cache.KeyOf(&cache.Scope{}, who...)
}

// similar finds the answer to a similar question. It remembers where the question is, for its own answer.
func (c *Call) similar(ctx context.Context, k *keeping) (cache.Near, *Hit) {
	k.place = c.g.locate(ctx, c.set.Cache, k)
	if k.place == nil {
		return cache.Near{}, nil
	}
	near, ok := c.set.Cache.Nearest(ctx, *k.place)
	if !ok {
		return cache.Near{}, nil
	}
	hit := c.hit(k, near.Value, &k.ttl)
	if hit != nil {
		hit.Key, hit.Similarity = near.Key, near.Similarity
	}
	return near, hit
}

// locate is the place of a question among others; nil if there is no embedding.
func (g *Gateway) locate(ctx context.Context, answers *cache.Cache, k *keeping) *cache.Place {
	v := answers.Embedded(ctx, func(ctx context.Context) ([]float32, error) {
		return g.embedded(ctx, answers.Semantic().Model, k.text, k.regions)
	}, refusedText)
	if v == nil {
		return nil
	}
	return &cache.Place{Scope: k.rest, Vector: v}
}

// embeddings is the frontend in the record of calls for embeddings.
const embeddings = "openai_embeddings"

// embedded gets an embedding for the response cache, in a call of the operator's own that does not leave regions.
func (g *Gateway) embedded(ctx context.Context, model, text string, regions []string) (v []float32, err error) {
	call := g.Begin(embeddings, NewID())
	defer call.End(ctx)
	if call.caller, err = g.operator(ctx); err != nil {
		return nil, call.Fail(err)
	}
	req := &llm.EmbedRequest{Call: llm.Call{Model: model}, Inputs: []llm.EmbedInput{{Text: text}}}
	if err = call.begin(ctx, &req.Call, embedding{req}); err != nil {
		return nil, err
	}
	req.Routing.Regions = slices.Concat(req.Routing.Regions, regions) // begin has set those of the operator
	resp, err := call.vectors(budget.With(ctx, call.lease), req)
	if err != nil {
		return nil, err
	}
	if len(resp.Vectors) != 1 {
		return nil, errors.New("the embedding model has returned no vector")
	}
	v = make([]float32, len(resp.Vectors[0].Float))
	for i, f := range resp.Vectors[0].Float {
		v[i] = float32(f)
	}
	return v, nil
}

// refusedText reports whether an embedding has failed because of its text, such as one that is too long, because the text must not leave
// regions in which there is no deployment, or because the gateway is shutting down.
func refusedText(err error) bool {
	e := llm.AsError(err)
	if e.Code == llm.CodeModelDenied && e.Param == regionMember {
		return true
	}
	switch e.Status {
	case 400, 413, 422:
		return e.Actor != llm.ActorOperator
	default:
		return e.Code == llm.CodeStopping
	}
}
