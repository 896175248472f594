package claude

import (
	"errors"
	"io"

	"outcrop/internal/httpfield"
	"outcrop/llm"
	"outcrop/wire/anthropic"
	"outcrop/wire/sse"
)

// events reads a stream.
type events struct {
	*exchange
	frames *sse.Reader
	tapped anthropic.Tapped
	some   bool // an event has arrived
	err    error
}

// events begins to read a stream. A response of another type is an error.
func (x *exchange) events() (*events, error) {
	kind := x.resp.Header.Get("Content-Type")
	if media := httpfield.MediaType(kind); kind != "" && media != "text/event-stream" {
		_ = x.Close() // the error is the relevant one
		return nil, x.failed(&corruptError{errors.New("its type is " + llm.Clip(kind, 100) + ", not text/event-stream")})
	}
	return &events{exchange: x, frames: sse.NewReader(x.resp.Body)}, nil
}

// next fills ev with the next event. It returns io.EOF at the end of the body behind message_stop:
// without that a stream is never complete.
func (s *events) next(ev *anthropic.RawEvent) error {
	*ev = anthropic.RawEvent{}
	if s.err != nil {
		return s.err
	}
	if s.tapped.Done { // what was to come has come
		s.frames.Finish()
		s.err = io.EOF
		return s.err
	}
	var frame sse.Event
	err := s.frames.Next(&frame)
	if err == nil {
		s.some = true
		err = s.tapped.Take(ev, frame.Data)
		if _, reported := errors.AsType[*anthropic.APIError](err); err != nil && !reported {
			err = &corruptError{&anthropic.EventError{Type: llm.Clip(string(frame.Name), 60), Err: err}}
		}
	} else {
		err = s.ended(err)
	}
	if err != nil && !errors.Is(err, io.EOF) {
		err = s.failed(err)
	}
	s.err = err
	return err
}

// ended is what the end of the body means.
func (s *events) ended(err error) error {
	switch {
	case errors.Is(err, io.EOF) && !s.some:
		return &cutError{"the stream ended without an event", io.ErrUnexpectedEOF}
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return &cutError{"the stream ended before the end of the response", io.ErrUnexpectedEOF}
	case errors.Is(err, sse.ErrTooLarge), errors.Is(err, sse.ErrMalformed):
		return &corruptError{err}
	default:
		return err
	}
}

// More reports whether there is more that can be read without waiting for the network, or the end, which follows message_stop at once.
func (s *events) More() bool { return s.err == nil && (s.tapped.Done || s.frames.More()) }

// chatStream is a stream in the common language.
type chatStream struct {
	reader *events
	stream anthropic.StreamReader
}

func (s *chatStream) Next(ev *llm.Event) error {
	err := s.stream.Next(ev, s.reader.next)
	if broken, ok := errors.AsType[*anthropic.EventError](err); ok {
		if _, done := errors.AsType[*llm.Error](err); !done {
			return s.reader.failed(&corruptError{broken})
		}
	}
	return err
}

func (s *chatStream) More() bool { return s.stream.More(s.reader.next, s.reader.More) }

func (s *chatStream) Meta() *llm.Meta { return s.reader.Meta() }

func (s *chatStream) Close() error { return s.reader.Close() }

// rawStream is a stream in Anthropic's dialect.
type rawStream struct {
	*events
	relay anthropic.Relay
	event anthropic.RawEvent
}

func (s *rawStream) Next(ev *llm.RawEvent) error {
	*ev = llm.RawEvent{}
	if err := s.next(&s.event); err != nil {
		s.relay = anthropic.Relay{}
		return err
	}
	s.relay.Fill(ev, &s.event, &s.tapped)
	return nil
}
