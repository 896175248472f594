package gateway

import (
	"bytes"
	"context"
	"errors"
	"io"
	"strings"
	"time"

	"outcrop/cache"
	"outcrop/llm"
	"outcrop/telemetry"
)

// followLimit is how long a call waits for the first words of an identical one that streams: a client can be told nothing meanwhile.
const followLimit = 15 * time.Second

// follow waits for an identical call that is under way. Without a hit, again is whether another call should take its place.
func (c *Call) follow(ctx context.Context, k *keeping, f *cache.Flight, req *llm.Call) (hit *Hit, again bool, err error) {
	wait := ctx
	if k.stream {
		var cancel context.CancelFunc
		wait, cancel = context.WithTimeout(ctx, followLimit)
		defer cancel()
	}
	out, err := f.Wait(wait)
	if err == nil && out.Streams {
		hit, err = c.live(ctx, k, f, out.Answer, req)
		return hit, false, err
	}
	f.Leave()
	if err != nil {
		if ctx.Err() != nil {
			return nil, false, llm.AsError(context.Cause(ctx))
		}
		return nil, false, nil // it takes too long
	}
	if hit = c.hit(k, out.Value, &k.ttl); hit == nil {
		return nil, out.Gone, nil
	}
	if out.Key != "" {
		hit.Key, hit.Similarity = out.Key, out.Similarity
	}
	c.g.recorder.Cached(telemetry.CacheShared)
	return hit, false, c.answered(ctx, req, hit)
}

// live makes the stream of another call the answer to this one.
func (c *Call) live(ctx context.Context, k *keeping, f *cache.Flight, about *cache.Answer, req *llm.Call) (*Hit, error) {
	if c.caller.tenant != nil { // else there is nothing to reserve
		if err := c.begin(ctx, req, kept{}); err != nil {
			f.Leave()
			return nil, err
		}
	}
	c.g.recorder.Cached(telemetry.CacheShared)
	c.adoptHit(about)
	hit := &Hit{Answer: about, Key: k.key, Live: &Live{call: c, flight: f}}
	if k.text != "" {
		hit.Similarity = 1
	}
	if about.Model != k.model {
		hit.Asked = k.model
	}
	return hit, nil
}

// Live is the stream of another call, as it comes. One goroutine uses it, and calls Close.
type Live struct {
	call   *Call
	flight *cache.Flight
	offset int64
	rest   []byte // of an event that is not complete
}

// Next returns the next events, which say that they cost nothing. The error is io.EOF when the other call is over, and is recorded otherwise.
// It is llm.CodeInterrupted if the other call has failed and its events do not say so.
func (l *Live) Next(ctx context.Context) ([]byte, error) {
	for {
		part, err := l.flight.Next(ctx, l.offset)
		switch {
		case errors.Is(err, io.EOF):
			out := l.flight.Outcome()
			apart := errors.Is(out.Err, errApart)
			if rest := l.rest; len(rest) > 0 && !apart {
				l.rest = nil
				return rest, nil
			}
			l.end(&out)
			if apart {
				return nil, out.Err
			}
			return nil, io.EOF
		case err != nil && ctx.Err() == nil:
			return nil, l.call.Fail(&llm.Error{Code: llm.CodeClientGone, Status: 499, Message: err.Error(), Err: err})
		case err != nil:
			return nil, l.call.Fail(err)
		}
		l.offset += int64(len(part))
		l.rest = append(l.rest, part...)
		n := max(bytes.LastIndex(l.rest, []byte("\n\n"))+len("\n\n"), bytes.LastIndex(l.rest, []byte("\r\n\r\n"))+len("\r\n\r\n"))
		if n <= len("\r\n\r\n") {
			continue
		}
		events := cache.Free(l.rest[:n:n])
		l.rest = append([]byte(nil), l.rest[n:]...)
		return events, nil
	}
}

// end records what has become of the other call.
func (l *Live) end(out *cache.Outcome) {
	if out.Answer != nil {
		l.call.adoptHit(out.Answer)
	}
	if out.Err != nil {
		_ = l.call.Fail(out.Err)
	}
	l.call.settle()
}

// Close ends the interest in the other call.
func (l *Live) Close() { l.flight.Leave() }

// detached is the context of a streaming call: if others follow it, it does not end with its client.
func (c *Call) detached(ctx context.Context) context.Context {
	k := c.keeping
	if k == nil || k.flight == nil || !k.stream || c.leading != nil {
		return ctx
	}
	c.leading = k.flight
	return k.flight.Lead(ctx)
}

// errApart is in the errors of followers that they do not have from the events of the call that they follow.
var errApart = errors.New("the call that was followed has failed for a reason of its own")

// private reports whether an error is the gateway's refusal of one call, such as one about the budget of its key, and not the
// provider's failure.
func private(e *llm.Error) bool { return e != nil && strings.HasPrefix(string(e.Code), "gateway.") }

// send passes a part of the answer on to those who follow the call, and reports whether there are any. A call that fails before its first
// part is not followed. What tells the client why its own call is refused is not for the others.
func (c *Call) send(k *keeping, part []byte) (wanted bool) {
	if private(c.record.Err) {
		k.lost = true
		return false
	}
	f := k.flight
	if !f.Begun() {
		switch {
		case c.record.Err != nil:
			return false
		case c.record.Foreign || c.record.Meta.Fallbacks > 0: // of another model than the followers asked
			k.lost = true
			c.land(k, cache.Outcome{})
			return false
		}
		about := c.described(k)
		about.Warnings = nil // they may change until the end
		f.Describe(about)
	}
	return f.Send(part)
}

// tell describes a streamed answer that is over.
func (c *Call) tell(k *keeping, out *cache.Outcome) {
	out.Answer = c.described(k)
	switch err := c.record.Err; {
	case err == nil:
	case private(err):
		out.Err = &llm.Error{
			Code: llm.CodeInterrupted, Status: 502, Message: "the identical call that this one shared an answer with ended before the response was complete.",
			Fix: "Send the request again.", Err: errApart,
		}
	default:
		out.Err = err
	}
}
