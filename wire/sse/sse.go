// Package sse reads server-sent events (https://html.spec.whatwg.org/multipage/server-sent-events.html)
// as model providers stream them. It knows no dialect.
package sse

import (
	"bytes"
	"errors"
	"io"
	"time"
	"unicode/utf8"
)

// Errors of Reader.Next, besides those of the body.
var (
	ErrTooLarge  = errors.New("an event is larger than any that a model sends")
	ErrMalformed = errors.New("an event is not text in UTF-8")
)

// maxEvent bounds one event, in bytes: models send images of some megabytes in one.
const maxEvent = 32 << 20

// firstBuffer is the size of the first buffer, in bytes, which holds several events of text.
// keptBuffer is the size of the largest one that is kept after a large event.
const (
	firstBuffer = 4 << 10
	keptBuffer  = 64 << 10
)

// Event is one event. Its memory is valid until the next call of Reader.Next.
type Event struct {
	// Name is the field event; empty if there is none.
	Name []byte
	// Data are the fields data, joined by line feeds.
	Data []byte
}

// Reader reads the events of a stream. Comments, events without data, and the fields id and retry
// are skipped. Lines end with a line feed, or a carriage return and a line feed; a carriage return
// alone, which the standard allows and no provider uses, is not taken for an end.
type Reader struct {
	body  io.Reader
	ended error  // the error with which the body ended; nil until then
	buf   []byte // buf[at:] has not been returned yet
	lent  bool   // the body has lent buf
	hurry bool   // the body has been told to end soon
	at    int
	line  int // where the first line begins that is not known to be complete
	scan  int // where to look on for its end
	found int // the end of a complete event at at; 0 if there is none yet
	lines []byte
	err   error
}

// NewReader makes a Reader of the body of a response.
func NewReader(body io.Reader) *Reader { return &Reader{body: body} }

// Next fills ev with the next event. It returns io.EOF at the end of the body, if that is between two
// events or behind a complete line, and io.ErrUnexpectedEOF if it is inside a line. An error ends the
// stream: Next returns it from then on.
func (r *Reader) Next(ev *Event) error {
	for r.err == nil {
		*ev = Event{}
		end := r.find()
		switch {
		case end > 0:
		case r.ended == nil:
			r.read()
			continue
		case len(r.buf) == r.at || !errors.Is(r.ended, io.EOF):
			r.fail(r.ended)
			continue
		case r.line < len(r.buf):
			r.fail(io.ErrUnexpectedEOF)
			continue
		default: // the last event has no blank line behind it
			end = len(r.buf)
		}
		text := r.buf[r.at:end]
		r.at, r.found = end, 0
		if !utf8.Valid(text) {
			r.fail(ErrMalformed)
			continue
		}
		if r.parse(ev, text) {
			return nil
		}
	}
	*ev = Event{}
	return r.err
}

// arrived is a body that can also be read without waiting: it returns 0 and no error if nothing has
// arrived.
type arrived interface {
	ReadArrived(p []byte) (int, error)
}

// lender is a body that lends memory to read it into, since many streams are read one after the other, and
// takes it back when the stream has ended.
type lender interface {
	Lend() []byte
	TakeBack(p []byte)
}

// lent is a lender that takes memory only when something has arrived. p is given back later; it is nil if n is 0.
type lent interface {
	lender
	ReadLent(m interface {
		Lend() []byte
		TakeBack(p []byte)
	}) (p []byte, n int, err error)
}

// hurried is a body that a connection brings, and that can be told to end soon: reading it fails afterwards.
type hurried interface {
	Within(limit time.Duration)
}

// How long the end of a body is waited for. It usually comes in the same packet as the last event or in the next one, but some servers
// leave the connection open, and their clients must not wait for them.
const (
	untilEnd  = 100 * time.Millisecond // behind a complete response, which is held until then
	untilRest = time.Second            // behind a response that may be complete
)

// Hurry bounds the wait for what follows a response that may be complete already: Next fails if nothing comes for about a second.
func (r *Reader) Hurry() { r.within(untilRest) }

func (r *Reader) within(limit time.Duration) {
	if body, ok := r.body.(hurried); ok && !r.hurry {
		r.hurry = true
		body.Within(limit)
	}
}

// Finish ends the stream because the response is complete, whatever follows. The rest of the body is read and dropped, so that its
// connection can be used again, but not waited for longer than a tenth of a second.
func (r *Reader) Finish() {
	r.within(untilEnd)
	if cap(r.buf) == 0 {
		r.first()
	}
	for r.err == nil && r.ended == nil {
		_, r.ended = r.body.Read(r.buf[:cap(r.buf)])
	}
	if r.err == nil {
		r.fail(io.EOF)
	}
}

// leastRoom is the room in the buffer for which looking whether more has arrived is worth a system
// call, in bytes.
const leastRoom = 1 << 10

// look reads what has arrived, if there is room for it, and reports whether something has.
func (r *Reader) look() bool {
	body, ok := r.body.(arrived)
	if !ok || cap(r.buf)-len(r.buf) < leastRoom {
		return false
	}
	n, err := body.ReadArrived(r.buf[len(r.buf):cap(r.buf)])
	r.buf, r.ended = r.buf[:len(r.buf)+n], err
	return n > 0 || err != nil
}

// More reports whether there is more that Next can return without waiting for the network. The last
// event's memory stays valid.
func (r *Reader) More() bool {
	for r.err == nil {
		end := r.find()
		if end == 0 {
			if r.ended != nil {
				return true
			}
			if !r.look() {
				return false
			}
			continue
		}
		if hasData(r.buf[r.at:end]) {
			return true
		}
		r.at, r.found = end, 0
	}
	return false
}

// fail ends the stream and frees its memory.
func (r *Reader) fail(err error) {
	if body, ok := r.body.(lender); ok && r.lent {
		body.TakeBack(r.buf[:cap(r.buf)])
	}
	r.lent = false
	r.err, r.buf, r.lines = err, nil, nil
	r.at, r.line, r.scan, r.found = 0, 0, 0, 0
}

// find returns the end of the event that begins at at, behind its blank line; 0 if it has not been
// read yet.
func (r *Reader) find() int {
	for r.found == 0 {
		i := bytes.IndexByte(r.buf[r.scan:], '\n')
		if i < 0 {
			r.scan = len(r.buf)
			return 0
		}
		end := r.scan + i
		blank := len(bytes.TrimSuffix(r.buf[r.line:end], []byte{'\r'})) == 0
		r.line, r.scan = end+1, end+1
		if blank {
			r.found = end + 1
		}
	}
	return r.found
}

// parse reads the lines of an event. It reports whether there is data.
func (r *Reader) parse(ev *Event, text []byte) bool {
	count := 0
	for len(text) > 0 {
		var line []byte
		line, text, _ = bytes.Cut(text, []byte{'\n'})
		line = bytes.TrimSuffix(line, []byte{'\r'})
		name, value, _ := bytes.Cut(bytes.TrimPrefix(line, []byte("\ufeff")), []byte{':'})
		value = bytes.TrimPrefix(value, []byte{' '})
		switch string(name) {
		case "event":
			ev.Name = value
		case "data":
			if count++; count == 1 {
				ev.Data = value
				continue
			}
			if count == 2 {
				r.lines = append(r.lines[:0], ev.Data...)
			}
			r.lines = append(append(r.lines, '\n'), value...)
			ev.Data = r.lines
		}
	}
	return count > 0
}

// hasData reports whether an event has a field data.
func hasData(text []byte) bool {
	text = bytes.TrimPrefix(text, []byte("\ufeff"))
	for {
		rest, ok := bytes.CutPrefix(text, []byte("data"))
		if ok && (len(rest) == 0 || rest[0] == ':' || rest[0] == '\n' || rest[0] == '\r') {
			return true
		}
		i := bytes.IndexByte(text, '\n')
		if i < 0 {
			return false
		}
		text = text[i+1:]
	}
}

// read reads more of the body.
func (r *Reader) read() {
	left := len(r.buf) - r.at
	if left > maxEvent {
		r.fail(ErrTooLarge)
		return
	}
	if body, ok := r.body.(lent); ok && left == 0 {
		r.wait(body)
		return
	}
	switch {
	case cap(r.buf) == 0:
		r.first()
	case left == 0 && cap(r.buf) > keptBuffer:
		r.move(make([]byte, 0, firstBuffer))
	case left == 0 || r.at >= cap(r.buf)/2: // each read is a system call, which a little room would waste
		r.move(r.buf[:0])
	case len(r.buf) == cap(r.buf):
		r.move(make([]byte, 0, 2*cap(r.buf)))
		r.lent = false // what has been lent need not be given back
	}
	n, err := r.body.Read(r.buf[len(r.buf):cap(r.buf)])
	r.buf, r.ended = r.buf[:len(r.buf)+n], err
}

// wait reads more of a body of which nothing lies ahead. No buffer is held while it waits.
func (r *Reader) wait(body lent) {
	if r.lent {
		body.TakeBack(r.buf[:cap(r.buf)])
	}
	r.at, r.line, r.scan, r.found = 0, 0, 0, 0
	var n int
	r.buf, n, r.ended = body.ReadLent(body)
	r.buf, r.lent = r.buf[:n], n > 0
}

// first makes the first buffer.
func (r *Reader) first() {
	if body, ok := r.body.(lender); ok {
		if p := body.Lend(); len(p) >= leastRoom {
			r.buf, r.lent = p[:0], true
			return
		}
	}
	r.buf = make([]byte, 0, firstBuffer)
}

// move copies what has not been returned to the beginning of a buffer.
func (r *Reader) move(to []byte) {
	r.buf = append(to, r.buf[r.at:]...)
	r.line -= r.at
	r.scan -= r.at
	r.at = 0
}
