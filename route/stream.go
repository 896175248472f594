package route

import (
	"context"
	"errors"
	"io"
	"time"

	"outcrop/llm"
	"outcrop/provider"
)

// maxHeld bounds the events held back before the first one with content. Providers send one or two.
const maxHeld = 16

// stream is a provider's stream with the events held back so far, and a limit on the provider's
// silence.
type stream struct {
	inner  llm.Stream
	call   context.Context // the client's
	ctx    context.Context // this attempt's; ends when the provider is silent for too long
	cancel context.CancelCauseFunc
	timer  *time.Timer
	limit  time.Duration

	held   []llm.Event
	err    error // the error that ended the stream
	failed func(*llm.Error)
}

// open opens a stream and waits for its first event with content. If it fails, nothing stays open.
func open(call context.Context, limit time.Duration, target provider.Target, req *llm.Request) (*stream, error) {
	ctx, cancel := context.WithCancelCause(call)
	s := &stream{call: call, ctx: ctx, cancel: cancel, limit: limit}
	s.timer = time.AfterFunc(s.limit, func() { cancel(timeoutError(s.limit, "the next piece of the stream")) })
	inner, err := target.Stream(ctx, req)
	s.timer.Stop()
	if err != nil {
		err = attemptError(call, ctx, err)
		cancel(nil)
		return nil, err
	}
	s.inner = inner
	s.held = make([]llm.Event, 0, 2) // usually a start and a first piece of text
	for {
		s.held = append(s.held, llm.Event{})
		ev := &s.held[len(s.held)-1]
		if err := s.pull(ev); err != nil {
			_ = s.Close() // err is the relevant one
			if errors.Is(err, io.EOF) {
				err = &llm.Error{Code: llm.CodeInterrupted, Status: 502, Message: "the stream ended before any content arrived", RequestID: s.Meta().UpstreamID, Destination: s.Meta().Destination}
			}
			return nil, err
		}
		if ev.HasContent() || len(s.held) == maxHeld {
			return s, nil
		}
	}
}

func (s *stream) Next(ev *llm.Event) error {
	if len(s.held) > 0 {
		*ev = s.held[0]
		if s.held = s.held[1:]; len(s.held) == 0 {
			s.held = nil
		}
		return nil
	}
	return s.pull(ev)
}

// pull reads the next event within the limit. The limit applies to the provider's silence only:
// nothing waits here while the client is slow to read.
func (s *stream) pull(ev *llm.Event) error {
	if s.err != nil {
		return s.err
	}
	watched := !s.inner.More()
	if watched {
		s.timer.Reset(s.limit)
	}
	err := s.inner.Next(ev)
	if watched {
		s.timer.Stop()
	}
	if err != nil && !errors.Is(err, io.EOF) {
		err = attemptError(s.call, s.ctx, err)
		if s.failed != nil {
			s.failed(llm.AsError(err))
		}
	}
	s.err = err
	return err
}

func (s *stream) More() bool { return len(s.held) > 0 || s.err != nil || s.inner.More() }

func (s *stream) Meta() *llm.Meta { return s.inner.Meta() }

func (s *stream) Close() error {
	s.timer.Stop()
	s.cancel(nil)
	return s.inner.Close()
}
