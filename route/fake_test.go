package route

import (
	"context"
	"io"
	"time"

	"outcrop/llm"
	"outcrop/provider"
)

// fake is a deployment that plays a script: each try takes the next step, the
// last one for ever.
type fake struct {
	name  string
	steps []step
	calls []string // the models called
	ended int      // streams closed
}

// step is what one try does.
type step struct {
	err    *llm.Error
	events []llm.Event
	then   error         // how a stream ends; io.EOF if nil
	stall  time.Duration // before the answer, or at the end of the events
	some   bool          // something of an event always seems to be there
}

func (f *fake) next() step {
	s := f.steps[min(len(f.calls)-1, len(f.steps)-1)]
	return s
}

func (f *fake) Complete(ctx context.Context, model string, _ *llm.Request) (*llm.Response, error) {
	f.calls = append(f.calls, model)
	s := f.next()
	if err := wait(ctx, s.stall); err != nil {
		return nil, err
	}
	if s.err != nil {
		return nil, s.err
	}
	return &llm.Response{RawStop: f.name}, nil
}

func (f *fake) Stream(ctx context.Context, model string, _ *llm.Request) (llm.Stream, error) {
	f.calls = append(f.calls, model)
	s := f.next()
	if s.err != nil {
		return nil, s.err
	}
	return &fakeStream{fake: f, ctx: ctx, step: s}, nil
}

// Targets returns the deployment's only target.
func (f *fake) Targets(_ llm.Verb, model string) ([]provider.Target, error) {
	return []provider.Target{fakeTarget{f, model}}, nil
}

func (*fake) Close() error { return nil }

// fakeTarget is the only target of a fake.
type fakeTarget struct {
	*fake
	model string
}

func (t fakeTarget) Complete(ctx context.Context, req *llm.Request) (*llm.Response, error) {
	return t.fake.Complete(ctx, t.model, req)
}

func (t fakeTarget) Stream(ctx context.Context, req *llm.Request) (llm.Stream, error) {
	return t.fake.Stream(ctx, t.model, req)
}

func (fakeTarget) Location() string { return "" }

func (t fakeTarget) ID() string { return t.model }

func wait(ctx context.Context, d time.Duration) error {
	if d == 0 {
		return nil
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

type fakeStream struct {
	*fake
	ctx  context.Context
	step step
	meta llm.Meta
	shut bool
}

func (s *fakeStream) Next(ev *llm.Event) error {
	if len(s.step.events) > 0 {
		*ev = s.step.events[0]
		s.step.events = s.step.events[1:]
		return nil
	}
	if err := wait(s.ctx, s.step.stall); err != nil {
		return err
	}
	if s.step.then != nil {
		return s.step.then
	}
	return io.EOF
}
func (s *fakeStream) More() bool      { return s.step.some }
func (s *fakeStream) Meta() *llm.Meta { return &s.meta }
func (s *fakeStream) Close() error {
	if !s.shut {
		s.shut = true
		s.ended++
	}
	return nil
}

func text(s string) llm.Event {
	return llm.Event{Kind: llm.EventDelta, Block: llm.BlockText, Text: s}
}
