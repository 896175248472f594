package outcrop

import (
	"cmp"
	"context"
	"errors"
	"io"
	"strings"
	"sync"
	"time"

	"outcrop/llm"
	"outcrop/provider"
	"outcrop/route"
)

// Bounds of the calls that a check makes.
const (
	probeParallel = 4
	probeTimeout  = time.Minute
)

// probe calls the models.
func (x *check) probe(ctx context.Context) {
	p := plan{x: x, byKey: map[string]*job{}}
	p.make()
	calls := 0
	for _, j := range p.jobs {
		calls += j.calls()
	}
	if x.Planned != nil {
		x.Planned(calls)
	}
	var running sync.WaitGroup
	slots := make(chan struct{}, cmp.Or(x.Parallel, probeParallel))
	for _, j := range p.jobs {
		select {
		case slots <- struct{}{}:
		case <-ctx.Done():
		}
		if ctx.Err() != nil {
			break
		}
		running.Go(func() {
			defer func() { <-slots }()
			x.work(ctx, j)
		})
	}
	running.Wait()
}

// work makes a non-streaming and, for a chat model, a streaming call. Of the candidates behind a
// wildcard, the first one that responds counts.
func (x *check) work(ctx context.Context, j *job) {
	var failed []Finding
	serving := ""
	for _, model := range j.candidates {
		f := x.whole(ctx, j, model)
		if ctx.Err() != nil {
			return
		}
		if f.State != provider.StateFail {
			serving = model
			x.passedOver(failed)
			x.found(f)
			break
		}
		failed = append(failed, f)
		if everywhere(f.Err.Code) {
			break
		}
	}
	if serving == "" {
		for _, f := range failed {
			x.found(f)
		}
		serving = j.candidates[0]
	}
	if j.verb != llm.VerbChat {
		return
	}
	if f := x.stream(ctx, j, serving); ctx.Err() == nil {
		x.found(f)
	}
}

// everywhere reports whether a failure would affect every other model too.
func everywhere(c llm.Code) bool {
	return strings.HasPrefix(string(c), "credentials.") || c == llm.CodeUnreachable || c == llm.CodeUnknownRegion
}

// passedOver reports the models behind a wildcard that could not be called, if another one could.
func (x *check) passedOver(failed []Finding) {
	for _, f := range failed {
		f.State = provider.StateWarn
		x.found(f)
	}
}

// asked is the request for a model: a one-word prompt, and at most one token.
func asked(model string) *Request {
	return &Request{Call: Call{Model: model}, Turns: []Turn{User("Hi")}, MaxTokens: llm.Some[int64](1)}
}

// router makes a router for calls of one deployment, with any model string, like the client's own
// router but without retries.
func (x *check) router(j *job) *route.Router {
	timeout := cmp.Or(x.Timeout, probeTimeout)
	return route.New(route.Plan{Entries: []route.Entry{{Name: "*", Model: "*", Deployment: j.deployment, Timeout: timeout, StreamTimeout: timeout}}}, route.Options{})
}

func (x *check) whole(ctx context.Context, j *job, model string) Finding {
	f := x.begin(j, provider.CheckWhole, model)
	start := time.Now()
	meta, usage, tier, err := complete(ctx, x.router(j), j.verb, model)
	f.Took = time.Since(start)
	if err != nil {
		f.refused(err)
		return f
	}
	f.answered(meta, usage, tier)
	return f
}

// complete makes the smallest non-streaming call of a model for a verb.
func complete(ctx context.Context, r *route.Router, verb llm.Verb, model string) (*llm.Meta, *llm.Usage, string, error) {
	const word = "Hi"
	switch verb {
	case llm.VerbEmbed:
		resp, err := r.Embed(ctx, &llm.EmbedRequest{Call: Call{Model: model}, Inputs: []llm.EmbedInput{{Text: word}}})
		if err != nil {
			return nil, nil, "", err
		}
		return &resp.Meta, &resp.Usage, "", nil
	case llm.VerbRerank:
		resp, err := r.Rerank(ctx, &llm.RerankRequest{Call: Call{Model: model}, Query: word, Documents: []llm.Document{{Text: word}}})
		if err != nil {
			return nil, nil, "", err
		}
		return &resp.Meta, &resp.Usage, "", nil
	default:
		resp, err := r.Complete(ctx, asked(model))
		if err != nil {
			return nil, nil, "", err
		}
		return &resp.Meta, &resp.Usage, resp.ServiceTier, nil
	}
}

func (x *check) stream(ctx context.Context, j *job, model string) Finding {
	f := x.begin(j, provider.CheckStream, model)
	start := time.Now()
	s, err := x.router(j).Stream(ctx, asked(model))
	if err != nil {
		f.Took = time.Since(start)
		f.refused(err)
		return f
	}
	defer s.Close()
	var usage llm.Usage
	tier := ""
	for {
		var ev Event
		switch err := s.Next(&ev); {
		case errors.Is(err, io.EOF):
			f.Took = time.Since(start)
			f.answered(s.Meta(), &usage, tier)
			return f
		case err != nil:
			f.Took = time.Since(start)
			f.refused(err)
			return f
		case ev.Kind == llm.EventUsage && ev.Usage != nil:
			usage, tier = *ev.Usage, ev.ServiceTier
		}
	}
}

func (x *check) begin(j *job, check provider.Check, model string) Finding {
	return Finding{CallerIndex: j.subject.number, Names: j.names, Model: model, Call: j.number, Verb: j.verb, Finding: provider.Finding{Check: check, Subject: j.names[0], Location: j.location, State: provider.StateOK}}
}

// answered records which target served, and the cost.
func (f *Finding) answered(m *llm.Meta, u *llm.Usage, tier string) {
	f.Target, f.Location = m.Destination, cmp.Or(m.Destination.Region, f.Location)
	f.Detail = m.Destination.Reason
	for _, w := range m.Warnings {
		if w.Code == llm.WarnLegacy || w.Code == llm.WarnEnded {
			f.Detail = strings.TrimPrefix(f.Detail+"; "+w.Detail, "; ")
		}
	}
	if m.Price != nil {
		if cost, ok := m.Price.Cost(tier, u); ok {
			f.Cost = llm.Some(cost)
		}
	}
}

// refused records a failure. A refusal of the request itself means that the model was reached, but
// does not accept such a short request.
func (f *Finding) refused(err error) {
	f.Err = llm.AsError(err)
	f.Target, f.Location = f.Err.Destination, cmp.Or(f.Err.Destination.Region, f.Location)
	f.State = provider.StateFail
	if f.Err.Upstream && strings.HasPrefix(string(f.Err.Code), "request.") {
		f.State = provider.StateWarn
		f.Detail = "the model was reached, but refuses a one-word prompt or a one-token response"
		if f.Verb != llm.VerbChat {
			f.Detail = "the model was reached, but refuses a single word"
		}
	}
}
