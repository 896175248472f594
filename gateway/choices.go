package gateway

import (
	"cmp"
	"context"
	"errors"
	"io"
	"slices"
	"sync"

	"outcrop/internal/budget"
	"outcrop/internal/parallel"
	"outcrop/llm"
)

// defaultMaxChoices is how many responses one call may request, unless Options sets it: each is a
// separate call to the provider, with its own cost.
const defaultMaxChoices = 8

// checkChoices checks how many responses a call requests, and reports whether it is more than one.
func (c *Call) checkChoices(req *llm.Request) (bool, error) {
	if req.Choices > c.g.maxChoices {
		field := req.FieldName(llm.Field{Kind: llm.FieldChoices})
		return false, c.Fail(llm.Invalid(field, "%s must be at most %d, not %d: each choice is a separate call to the provider", field, c.g.maxChoices, req.Choices))
	}
	return req.Choices > 1, nil
}

// CompleteAll gets as many complete responses as req.Choices requests, by concurrent calls. The
// first failure ends the others and is the call's failure, an *llm.Error that is recorded. The call
// is recorded once, with the sum of the usage, which Usage returns.
func (c *Call) CompleteAll(ctx context.Context, req *llm.Request) ([]*llm.Response, error) {
	if req.Choices <= 1 {
		one, err := c.Complete(ctx, req)
		if err != nil {
			return nil, err
		}
		return []*llm.Response{one}, nil
	}
	if err := c.begin(ctx, &req.Call, conversation{req}); err != nil {
		return nil, err
	}
	if _, err := c.checkChoices(req); err != nil {
		return nil, err
	}
	ctx = budget.With(ctx, c.lease)
	n := req.Choices
	req, err := c.before(ctx, req)
	if err != nil {
		return c.responses(err, n)
	}
	req, release, err := c.inline(ctx, req)
	if err != nil {
		return nil, err
	}
	defer release()
	if err := c.encodings(ctx, req); err != nil {
		return nil, err
	}
	return c.completeEach(ctx, slices.Repeat([]*llm.Request{req}, int(req.Choices)))
}

// CompleteEach is CompleteAll for several requests of one model, with one response for each. None has
// media at URLs.
func (c *Call) CompleteEach(ctx context.Context, requests []*llm.Request) ([]*llm.Response, error) {
	if err := c.beginEach(ctx, requests); err != nil {
		return nil, err
	}
	ctx = budget.With(ctx, c.lease)
	n := int64(len(requests))
	requests, err := c.beforeEach(ctx, requests)
	if err != nil {
		return c.responses(err, n)
	}
	return c.completeEach(ctx, requests)
}

// beginEach begins a call of several requests, whose bodies the lease covers.
func (c *Call) beginEach(ctx context.Context, requests []*llm.Request) error {
	first := &requests[0].Call
	if err := c.begin(ctx, first, conversations(requests)); err != nil {
		return err
	}
	for _, req := range requests[1:] { // what the gateway says of one of them holds for all
		req.Model, req.Attribution, req.Session, req.Headers = first.Model, first.Attribution, first.Session, first.Headers
		req.Guardrail, req.Routing = first.Guardrail, first.Routing
		req.Admit, req.Allow, req.Alike, req.Prompt = first.Admit, first.Allow, first.Alike, first.Prompt
	}
	if n := int64(len(requests)); n > c.g.maxChoices {
		req := requests[0]
		field := req.FieldName(llm.Field{Kind: llm.FieldChoices})
		return c.Fail(llm.Invalid(field, "the request asks for %d responses, and at most %d are possible: each is a separate call to the provider", n, c.g.maxChoices))
	}
	return nil
}

// completeEach gets the responses to requests of one model.
func (c *Call) completeEach(ctx context.Context, requests []*llm.Request) ([]*llm.Response, error) {
	req := requests[0]
	answers := make([]*llm.Response, len(requests))
	refused, err := c.alongside(ctx, requests, func(ctx context.Context) error {
		return runAll(ctx, len(answers), func(ctx context.Context, i int) error {
			var err error
			answers[i], err = c.g.router.Complete(ctx, requests[i])
			return err
		})
	})
	counted, prompt, uncounted, out := 0, int64(0), 0, int64(0)
	for i, a := range answers {
		if a == nil {
			continue
		}
		if counted++; counted == 1 {
			c.metaOf(req, &a.Meta)
		} else {
			c.warnMore(a.Meta.Warnings)
		}
		c.price(&a.Usage, cmp.Or(a.ServiceTier, req.ServiceTier))
		c.count(&a.Usage, counted)
		c.record.Stop = cmp.Or(c.record.Stop, a.RawStop)
		if a.Uncounted {
			uncounted++
			prompt += promptLength(requests[i])
			out += answerLength(a)
		}
	}
	if uncounted > 0 {
		answered := c.record.Usage
		c.estimate(prompt, out, req.ServiceTier)
		c.record.Usage.Add(&answered)
	}
	if err != nil {
		e := c.Fail(err)
		if c.unfinished(e) && counted == 0 {
			for _, r := range requests {
				prompt += promptLength(r)
			}
			c.estimate(prompt, 0, "")
		}
		return nil, e
	}
	defer c.settle()
	for i := 0; i < len(answers) && refused == nil; i++ {
		answers[i], refused = c.after(ctx, answers[i])
	}
	if refused != nil {
		return nil, c.Fail(refused)
	}
	return answers, nil
}

// encodings reserves memory for the encodings of a request beyond the first: each choice encodes
// the request separately. The lease counts one encoding as a quarter of what it holds.
func (c *Call) encodings(ctx context.Context, req *llm.Request) error {
	if req.Choices <= 1 {
		return nil
	}
	if err := c.lease.Grow(ctx, c.lease.Held()/4*(req.Choices-1)); err != nil {
		return c.Fail(llm.Overloaded(err))
	}
	return nil
}

// Usage is what the call has used so far, over all responses.
func (c *Call) Usage() *llm.Usage { return &c.record.Usage }

// count adds the usage of the call's nth response.
func (c *Call) count(u *llm.Usage, n int) {
	if n == 1 {
		c.record.Usage = *u
	} else {
		c.record.Usage.Add(u)
	}
}

// warnMore adds warnings, except those already recorded for another response.
func (c *Call) warnMore(warnings []llm.Warning) {
	for _, w := range warnings {
		if !slices.Contains(c.record.Meta.Warnings, w) {
			c.Warn(w)
		}
	}
}

// runAll runs n functions concurrently and waits for all. The first failure ends the others, and is
// returned as an *llm.Error; a panic is passed on.
func runAll(ctx context.Context, n int, do func(ctx context.Context, i int) error) error {
	return parallel.Do(ctx, n, n, func(ctx context.Context, i int) error {
		if err := do(ctx, i); err != nil {
			return llm.AsError(err)
		}
		return nil
	})
}

// StreamEach is Stream for several requests of one model: the number of an event's choice is that of its
// request. None has media at URLs.
func (c *Call) StreamEach(ctx context.Context, requests []*llm.Request) (llm.Stream, error) {
	if err := c.beginEach(ctx, requests); err != nil {
		return nil, err
	}
	ctx = budget.With(c.detached(ctx), c.lease)
	n := int64(len(requests))
	requests, err := c.beforeEach(ctx, requests)
	if err != nil {
		return c.streamInPlace(ctx, err, n)
	}
	req := requests[0]
	m := &meteredStream{metering: metering{call: c, release: func() {}, allowance: allowance{ctx: ctx}}, tier: req.ServiceTier, out: make([]int64, len(requests))}
	for _, r := range requests {
		m.prompt += promptLength(r) / int64(len(requests))
	}
	if m.Stream, err = c.stream(ctx, requests, func() (llm.Stream, error) { return c.openAll(ctx, requests) }); err != nil {
		e := c.Fail(err)
		if c.unfinished(e) {
			c.estimate(m.prompt*int64(len(m.out)), 0, "")
		}
		return nil, e
	}
	c.metaOf(req, m.Meta())
	c.record.FirstToken = c.g.now().Sub(c.record.Started)
	m.warned = len(m.Meta().Warnings)
	return m, nil
}

// openAll opens a stream for each request, and returns them as one. It returns when each of them has
// content.
func (c *Call) openAll(ctx context.Context, requests []*llm.Request) (*choices, error) {
	own, cancel := context.WithCancelCause(ctx)
	s := &choices{cancel: cancel, streams: make([]llm.Stream, len(requests)), open: len(requests)}
	err := runAll(ctx, len(s.streams), func(opening context.Context, i int) error {
		// The stream outlives its opening, but not the failure of another stream.
		stop := context.AfterFunc(opening, func() { cancel(context.Cause(opening)) })
		defer stop()
		var err error
		s.streams[i], err = c.g.router.Stream(own, requests[i])
		return err
	})
	if err != nil {
		_ = s.Close() // err is the relevant one
		return nil, err
	}
	s.meta = *s.streams[0].Meta()
	s.warn()
	return s, nil
}

// choices merges several streams into one, whose events have the number of their choice. A
// goroutine per stream reads it, stays at most one event ahead of the reader, and ends with the
// stream or with Close.
type choices struct {
	streams []llm.Stream
	cancel  context.CancelCauseFunc
	meta    llm.Meta

	events chan choiceEvent // nil until the first Next
	done   chan struct{}
	group  sync.WaitGroup
	closed bool
	open   int   // streams that have not ended
	err    error // the error that Next keeps returning
}

// choiceEvent is one event with its error, from a stream's goroutine.
type choiceEvent struct {
	ev       llm.Event
	err      error
	panicked any
}

func (s *choices) Next(ev *llm.Event) error {
	if s.err != nil {
		return s.err
	}
	if s.events == nil {
		s.events, s.done = make(chan choiceEvent, len(s.streams)), make(chan struct{})
		for i := range s.streams {
			s.group.Go(func() { s.pull(i) })
		}
	}
	for {
		next := <-s.events
		switch {
		case next.panicked != nil:
			panic(next.panicked) //nolint:forbidigo // it belongs to the reader, as if it had happened there
		case next.err == nil:
			*ev = next.ev
			return nil
		case !errors.Is(next.err, io.EOF):
			s.err = next.err
			return s.err
		}
		if s.open--; s.open == 0 {
			s.group.Wait()
			s.warn()
			s.err = io.EOF
			return s.err
		}
	}
}

// pull forwards the events of choice i.
func (s *choices) pull(i int) {
	for {
		var next choiceEvent
		func() {
			defer func() { next.panicked = recover() }()
			next.err = s.streams[i].Next(&next.ev)
		}()
		next.ev.Choice = i
		select {
		case s.events <- next:
		case <-s.done:
			return
		}
		if next.err != nil || next.panicked != nil {
			return
		}
	}
}

func (s *choices) More() bool { return s.err != nil || len(s.events) > 0 }

func (s *choices) Meta() *llm.Meta { return &s.meta }

// warn adds the warnings of all streams, each once. No stream is being read at this point.
func (s *choices) warn() {
	for _, stream := range s.streams {
		for _, w := range stream.Meta().Warnings {
			if !slices.Contains(s.meta.Warnings, w) {
				s.meta.Warnings = append(slices.Clip(s.meta.Warnings), w)
			}
		}
	}
}

// Close ends all calls to the provider.
func (s *choices) Close() error {
	s.cancel(nil)
	if s.closed {
		return nil
	}
	s.closed = true
	if s.done != nil {
		close(s.done)
	}
	s.group.Wait()
	var errs []error
	for _, stream := range s.streams {
		if stream != nil {
			errs = append(errs, stream.Close())
		}
	}
	return errors.Join(errs...)
}
