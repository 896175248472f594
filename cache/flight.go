package cache

import (
	"context"
	"errors"
	"io"
	"sync"
)

// Flight is a call that is under way, for whose answer others of the same key wait. A streamed answer is passed to them as it comes.
type Flight struct {
	done  chan struct{}
	began chan struct{} // closed when there is something of a stream
	most  int           // bytes of a stream that are held

	mu        sync.Mutex
	outcome   Outcome
	landed    bool
	followers int
	left      error                   // why the client of the call has gone; nil if it is there
	cancel    context.CancelCauseFunc // of the call; nil if it ends with its client
	stop      func() bool

	begun bool
	about *Answer       // what is known of a stream when it begins
	buf   []byte        // the latest of the stream
	from  int64         // where buf begins
	more  chan struct{} // closed when there is more; nil if nobody waits
}

// Outcome is what a flight has come to.
type Outcome struct {
	// Value is the answer as stores keep it; nil if there is none, because the call has failed or must not be shared.
	Value []byte
	// Key is the key of the answer, if it is not that of the flight, and Similarity how similar its question is.
	Key        string
	Similarity float64
	// Gone is whether another call should be made in its place, because the client of the call has left.
	Gone bool
	// Streams is whether the answer is a stream that has begun, which Next returns. There is no Value then.
	Streams bool
	// Answer describes a streamed answer without its body: what was known when it began, or when it is over. Err is why it has failed; nil
	// if it has not.
	Answer *Answer
	Err    error
}

// Join returns the call that is under way for a key. If there is none, the caller leads, and must call Land. Otherwise it must call
// Leave when it needs nothing more of the flight.
func (c *Cache) Join(key string) (f *Flight, leads bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if f = c.flights[key]; f != nil && f.join() {
		return f, false
	}
	f = &Flight{done: make(chan struct{}), began: make(chan struct{}), most: c.opt.MaxItem}
	c.flights[key] = f
	return f, true
}

// join adds a follower, and reports whether it can have the whole answer.
func (f *Flight) join() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.landed || f.from > 0 || f.left != nil && f.followers == 0 {
		return false
	}
	f.followers++
	return true
}

// Leave ends the interest of a caller that has joined. When the last one leaves, a call ends whose own client has gone.
func (f *Flight) Leave() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.followers--
	f.end()
}

// end ends the call if nobody wants it. f.mu is held.
func (f *Flight) end() {
	if f.left != nil && (f.followers == 0 || f.landed && !f.begun) && f.cancel != nil {
		f.cancel(f.left)
	}
}

// Lead returns the context of a call whose answer is passed on as it comes: it ends with ctx, but not as long as there are others who wait for
// the answer. The caller calls Release when the call is over.
func (f *Flight) Lead(ctx context.Context) context.Context {
	own, cancel := context.WithCancelCause(context.WithoutCancel(ctx))
	f.mu.Lock()
	f.cancel = cancel
	f.mu.Unlock()
	stop := context.AfterFunc(ctx, func() {
		f.mu.Lock()
		defer f.mu.Unlock()
		f.left = context.Cause(ctx)
		f.end()
	})
	f.mu.Lock()
	defer f.mu.Unlock()
	f.stop = stop
	return own
}

// Release ends what Lead has begun.
func (f *Flight) Release() {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.stop != nil {
		f.stop()
		f.cancel(nil)
	}
}

// Describe says what is known of a streamed answer before the first part is sent.
func (f *Flight) Describe(about *Answer) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.about = about
}

// Send passes a part of a streamed answer on, and reports whether there is anybody to pass it to. It copies part.
func (f *Flight) Send(part []byte) (wanted bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if over := len(f.buf) + len(part) - f.most; over > 0 {
		drop := min(len(f.buf), max(over, f.most/2))
		f.buf = append(make([]byte, 0, f.most), f.buf[drop:]...) // others may still read what was there
		f.from += int64(drop)
		if over = len(part) - f.most; over > 0 {
			part = part[over:]
			f.from += int64(over)
		}
	}
	f.buf = append(f.buf, part...)
	if !f.begun {
		f.begun = true
		close(f.began)
	}
	f.wake()
	return f.followers > 0
}

// wake wakes those who wait for more. f.mu is held.
func (f *Flight) wake() {
	if f.more != nil {
		close(f.more)
		f.more = nil
	}
}

// Begun reports whether something was sent.
func (f *Flight) Begun() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.begun
}

// Whole is all that was sent; nil if it was too much to be held.
func (f *Flight) Whole() []byte {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.from > 0 {
		return nil
	}
	return f.buf
}

// errBehind is why a follower does not get the rest of a stream.
var errBehind = errors.New("the client has read too slowly to follow the answer to another call")

// Next returns what was sent behind an offset, which it has waited for: the caller must not modify it. The error is io.EOF when
// the stream is over.
func (f *Flight) Next(ctx context.Context, offset int64) ([]byte, error) {
	for {
		f.mu.Lock()
		switch {
		case offset < f.from:
			f.mu.Unlock()
			return nil, errBehind
		case offset < f.from+int64(len(f.buf)):
			part := f.buf[offset-f.from:]
			f.mu.Unlock()
			return part, nil
		case f.landed:
			f.mu.Unlock()
			return nil, io.EOF
		}
		if f.more == nil {
			f.more = make(chan struct{})
		}
		more := f.more
		f.mu.Unlock()
		select {
		case <-more:
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		}
	}
}

// Land ends a flight with what has come of it.
func (c *Cache) Land(key string, f *Flight, out Outcome) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.flights[key] == f {
		delete(c.flights, key)
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.outcome, f.landed = out, true
	f.wake()
	f.end()
	close(f.done)
}

// Wait returns what has come of the call, or that it streams, when there is something. It returns when ctx ends, too, with its error.
func (f *Flight) Wait(ctx context.Context) (Outcome, error) {
	select {
	case <-f.done:
	case <-f.began:
	case <-ctx.Done():
		return Outcome{}, ctx.Err()
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.begun {
		return Outcome{Streams: true, Answer: f.about}, nil
	}
	return f.outcome, nil
}

// Outcome is what has come of a flight that is over.
func (f *Flight) Outcome() Outcome {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.outcome
}
