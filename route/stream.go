package route

import (
	"context"
	"errors"
	"io"
	"math"
	"sync/atomic"
	"time"

	"outcrop/llm"
)

// maxHeld bounds the events held back before the first one with content. Providers send one or two.
const maxHeld = 16

// Source is a streaming response of events of one kind; llm.Stream and llm.RawStream are two.
type Source[E any] interface {
	Next(ev *E) error
	More() bool
	Meta() *llm.Meta
	Close() error
}

// event is what the router needs to know of an event.
type event[E any] interface {
	*E
	// HasContent reports whether the event is part of the response itself.
	HasContent() bool
	// Failure is the failure that the event reports; nil for most.
	Failure() *llm.Error
	// Reported is the usage that the event reports; nil for most.
	Reported() *llm.Usage
	// Retain makes the event stay valid when the next one is read.
	Retain()
}

// stream is a provider's stream with the events held back so far, and a limit on the provider's
// silence.
type stream[E any, P event[E]] struct {
	inner  Source[E]
	call   context.Context // the client's
	ctx    context.Context // this attempt's; ends when the provider is silent for too long
	cancel context.CancelCauseFunc
	limit  atomic.Int64 // of the provider's silence, in nanoseconds

	// The timer is not set for each event, which would wake another thread each time: it looks how
	// long the provider has been waited for.
	timer   *time.Timer
	opened  time.Time
	waiting atomic.Int64 // when the wait for the provider began, in nanoseconds after opened; or one of those below

	// more is what inner said when it was asked, since the last event: to ask again may be a system call.
	asked, more bool

	held   []E
	err    error // the error that ended the stream
	failed func(*llm.Error)
	usage  *llm.Usage         // as far as it has been reported
	closed func(u *llm.Usage) // called once
}

// silence is how long a provider may send nothing, before the first content and after it.
type silence struct{ first, idle time.Duration }

// Values of stream.waiting that are no time.
const (
	waitingNot    = -1 // nobody waits for the provider
	waitingHardly = -2 // for an event of which something is there, which may turn out to be none
)

// open opens a stream and waits for its first event with content. If it fails, nothing stays open.
func open[E any, P event[E]](call context.Context, limit silence, begin func(ctx context.Context) (Source[E], error)) (*stream[E, P], error) {
	ctx, cancel := context.WithCancelCause(call)
	s := &stream[E, P]{call: call, ctx: ctx, cancel: cancel, opened: time.Now()}
	s.limit.Store(int64(limit.first))
	s.timer = time.AfterFunc(math.MaxInt64, s.watch)
	s.timer.Reset(limit.first) // watch uses timer
	inner, err := begin(ctx)
	s.waiting.Store(waitingNot)
	if err != nil {
		err = attemptError(call, ctx, err)
		cancel(nil)
		s.timer.Stop()
		return nil, err
	}
	s.inner = inner
	s.held = make([]E, 0, 3) // usually a start, the beginning of a block, and a first piece of text
	for {
		s.held = append(s.held, *new(E))
		ev := &s.held[len(s.held)-1]
		if err := s.pull(ev); err != nil {
			_ = s.Close() // err is the relevant one
			if errors.Is(err, io.EOF) {
				err = &llm.Error{Code: llm.CodeInterrupted, Status: 502, Message: "the stream ended before any content arrived", RequestID: s.Meta().UpstreamID, Destination: s.Meta().Destination}
			}
			return nil, err
		}
		if e := P(ev).Failure(); e != nil {
			_ = s.Close() // e is the relevant one
			return nil, e
		}
		P(ev).Retain()
		if P(ev).HasContent() || len(s.held) == maxHeld {
			if limit.idle != limit.first {
				s.limit.Store(int64(limit.idle))
				s.timer.Reset(limit.idle)
			}
			return s, nil
		}
	}
}

// watch ends the attempt if the provider has been silent for the limit, and otherwise looks again
// when that could be.
func (s *stream[E, P]) watch() {
	limit := time.Duration(s.limit.Load())
	left := limit
	switch since := s.waiting.Load(); {
	case since == waitingHardly:
		s.waiting.CompareAndSwap(waitingHardly, int64(time.Since(s.opened))) // it is a wait if it still goes on
	case since >= 0:
		left -= time.Since(s.opened) - time.Duration(since)
	}
	switch {
	case s.ctx.Err() != nil: // the stream is closed
	case left <= 0:
		s.cancel(&late{limit, "the next piece of the stream"})
	default:
		s.timer.Reset(left)
	}
}

func (s *stream[E, P]) Next(ev *E) error {
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
func (s *stream[E, P]) pull(ev *E) error {
	if s.err != nil {
		return s.err
	}
	s.waiting.Store(waitingHardly)
	if !s.asked {
		s.more = s.inner.More()
	}
	if s.asked = false; !s.more {
		s.waiting.Store(int64(time.Since(s.opened)))
	}
	err := s.inner.Next(ev)
	s.waiting.Store(waitingNot)
	if err != nil && !errors.Is(err, io.EOF) {
		err = attemptError(s.call, s.ctx, err)
		if s.failed != nil {
			s.failed(llm.AsError(err))
		}
	}
	if err == nil {
		if e := P(ev).Failure(); e != nil && s.failed != nil {
			s.failed(e)
		}
		if u := P(ev).Reported(); u != nil {
			s.usage = u
		}
	}
	s.err = err
	return err
}

func (s *stream[E, P]) More() bool {
	if len(s.held) > 0 || s.err != nil {
		return true
	}
	s.waiting.Store(waitingHardly)
	s.asked, s.more = true, s.inner.More()
	s.waiting.Store(waitingNot)
	return s.more
}

func (s *stream[E, P]) Meta() *llm.Meta { return s.inner.Meta() }

func (s *stream[E, P]) Close() error {
	s.cancel(nil) // before the timer is stopped, so that watch cannot set it for good
	s.timer.Stop()
	if s.closed != nil {
		s.closed(s.usage)
		s.closed = nil
	}
	return s.inner.Close()
}
