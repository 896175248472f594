package transport

import (
	"errors"
	"io"

	"outcrop/llm"
	"outcrop/wire/sse"
)

// Streamed is a call whose response is a stream of server-sent events.
type Streamed interface {
	// Meta describes where the response came from, and Close ends the call. It may be called more than once.
	Meta() *llm.Meta
	io.Closer
	// Broken is the error for a body that ended too early or could not be read, and Reported the one for what
	// a reader of events has found: an error that the provider reports, or an event that is not valid.
	Broken(err error) error
	Reported(err error) error
}

// EventReader turns the events of one dialect into those of the common language.
type EventReader interface {
	// Append appends what the data of an event becomes, which may be nothing.
	Append(events []llm.Event, data []byte) ([]llm.Event, error)
	// Ended reports whether the response is complete, whatever follows.
	Ended() bool
	// End appends the events at the end of the body if the response is not complete. It reports false if the
	// response has broken off.
	End(events []llm.Event) ([]llm.Event, bool)
}

// Stream is a streaming response in the common language.
type Stream struct {
	Streamed
	events *sse.Reader
	reader EventReader

	queue llm.EventQueue
}

// NewStream begins to read a stream, whose events are in body.
func NewStream(call Streamed, body io.Reader, reader EventReader) *Stream {
	return &Stream{Streamed: call, events: sse.NewReader(body), reader: reader}
}

// Next fills ev with the next event.
func (s *Stream) Next(ev *llm.Event) error { return s.queue.Next(ev, s.read) }

// read appends what the next event of the body becomes.
func (s *Stream) read(events []llm.Event) ([]llm.Event, error) {
	if s.reader.Ended() {
		s.events.Finish()
		return events, io.EOF
	}
	var ev sse.Event
	err := s.events.Next(&ev)
	switch {
	case errors.Is(err, io.EOF):
		var complete bool
		if events, complete = s.reader.End(events); complete {
			return events, nil
		}
		return events, s.Broken(err)
	case err != nil:
		return events, s.Broken(err)
	}
	if events, err = s.reader.Append(events, ev.Data); err != nil {
		return events, s.Reported(err)
	}
	return events, nil
}

// More reports whether the next event is already there, or the end, which follows a complete response at once.
func (s *Stream) More() bool { return s.queue.More(s.read, s.more) }

func (s *Stream) more() bool { return s.reader.Ended() || s.events.More() }

// Relayer prepares the events of one dialect for a client that speaks it.
type Relayer interface {
	// Next fills ev with the event for the client that the data of an event becomes.
	Next(ev *llm.RawEvent, data []byte) error
	// Ended reports whether the response is complete, whatever follows.
	Ended() bool
	// End fills ev with the event at the end of the body if the response is complete but has not said so. It
	// reports false if the response has broken off.
	End(ev *llm.RawEvent) bool
}

// RawStream is a streaming response in the dialect of its call, all of whose events reach the client.
type RawStream struct {
	Streamed
	events *sse.Reader
	relay  Relayer
	err    error
}

// NewRawStream begins to relay a stream, whose events are in body.
func NewRawStream(call Streamed, body io.Reader, relay Relayer) *RawStream {
	return &RawStream{Streamed: call, events: sse.NewReader(body), relay: relay}
}

// Next fills ev with the next event.
func (s *RawStream) Next(ev *llm.RawEvent) error {
	*ev = llm.RawEvent{}
	if s.err == nil {
		s.err = s.next(ev)
	}
	return s.err
}

func (s *RawStream) next(ev *llm.RawEvent) error {
	if s.relay.Ended() {
		s.events.Finish()
		return io.EOF
	}
	var event sse.Event
	err := s.events.Next(&event)
	switch {
	case errors.Is(err, io.EOF) && s.relay.End(ev):
		return nil
	case err != nil:
		return s.Broken(err)
	}
	if err := s.relay.Next(ev, event.Data); err != nil {
		return s.Reported(err)
	}
	return nil
}

// More reports whether the next event is already there, or the end, which follows a complete response at once: the last event and
// the end of the response to the client are then sent together.
func (s *RawStream) More() bool { return s.err != nil || s.relay.Ended() || s.events.More() }

var (
	_ llm.Stream    = (*Stream)(nil)
	_ llm.RawStream = (*RawStream)(nil)
)
