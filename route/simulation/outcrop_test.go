package simulation

import (
	"context"
	"errors"
	"io"
	"math/rand/v2"
	"sync"
	"time"

	"outcrop/llm"
	"outcrop/route"
)

// router is what is compared.
type router interface {
	// serve serves a call, and returns when its first token and its end have arrived.
	serve(ctx context.Context, c *call) (first time.Duration, err error)
}

// Settings that all routers have: they are LiteLLM's defaults, but for the timeout.
const (
	timeout = 20 * time.Second
	retries = 2
)

// main is the name that all calls are of, and spare the one that they fall back to.
const main, spare = "main", "spare"

// random is a source of random numbers for several goroutines.
type random struct {
	mu     sync.Mutex
	source *rand.Rand
}

func newRandom(seed uint64) *random {
	return &random{source: rand.New(rand.NewPCG(seed, 0))}
}

func (r *random) float() float64 {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.source.Float64()
}

// outcrop is the real router.
type outcrop struct{ *route.Router }

func newOutcrop(strategy route.Strategy, all []*backend, seed uint64) outcrop {
	var plan route.Plan
	plan.Policy = route.Policy{Strategy: strategy}
	for _, b := range all {
		if b.group == spare {
			plan.Policy.Fallbacks.General = map[string][]string{main: {spare}}
		}
		plan.Entries = append(plan.Entries, route.Entry{
			Name: b.group, ID: b.id, Provider: "simulated", Model: b.id, Deployment: b, Price: b,
			Timeout: timeout, StreamTimeout: timeout, Retries: retries, Weight: b.weight,
		})
	}
	return outcrop{route.New(plan, route.Options{Random: newRandom(seed).float})}
}

func (o outcrop) serve(ctx context.Context, c *call) (time.Duration, error) {
	began := time.Now()
	req := &llm.Request{Call: llm.Call{Model: main, Stream: c.stream}}
	if !c.stream {
		_, err := o.Complete(ctx, req)
		return time.Since(began), err
	}
	s, err := o.Stream(ctx, req)
	if err != nil {
		return 0, err
	}
	first := time.Since(began)
	for {
		var ev llm.Event
		if err := s.Next(&ev); err != nil {
			_ = s.Close() // nothing follows
			if errors.Is(err, io.EOF) {
				err = nil
			}
			return first, err
		}
	}
}
