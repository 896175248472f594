package fetch

import (
	"context"
	"encoding/base64"
	"errors"
	"sync"

	"outcrop/llm"
)

// lease is a request's share of the process's budget. It lasts until the request's content is no
// longer needed.
type lease struct {
	budget Budget

	mu       sync.Mutex
	releases []func()
}

// hold waits until n more bytes are available.
func (l *lease) hold(ctx context.Context, n int64) *problem {
	if l.budget == nil || n <= 0 {
		return nil
	}
	release, err := l.budget.Acquire(ctx, n)
	if err != nil {
		return busy(ctx, err)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.releases = append(l.releases, release)
	return nil
}

// release returns everything. It must not run concurrently with hold.
func (l *lease) release() {
	for _, release := range l.releases {
		release()
	}
	l.releases = nil
}

// busy is the problem of content that there is no memory for.
func busy(ctx context.Context, err error) *problem {
	// If something else ended the request, that is the reason; but if the time limit ended it, the
	// reason is the wait for memory.
	if p, ok := errors.AsType[*problem](context.Cause(ctx)); ok && !errors.Is(ctx.Err(), context.DeadlineExceeded) {
		return p
	}
	p := &problem{
		code: llm.CodeOverloaded, what: "cannot be fetched now: the gateway's memory for requests and responses is used up", err: err,
		fix: "Send the request again later; the gateway's operator can raise general_settings.max_in_flight_mb.",
	}
	p.own, _ = errors.AsType[*llm.Error](err)
	return p
}

// growing receives content as base64. Its memory grows with the data received, and never beyond the
// announced length.
type growing struct {
	b        []byte
	expected int
}

func (t *growing) Write(p []byte) (int, error) {
	if need := len(t.b) + len(p); need > cap(t.b) {
		room := max(2*cap(t.b), need)
		if need <= t.expected {
			room = min(room, t.expected)
		}
		grown := make([]byte, len(t.b), room)
		copy(grown, t.b)
		t.b = grown
	}
	t.b = append(t.b, p...)
	return len(p), nil
}

// held is the memory needed for content of a size.
func held(size int64) int64 { return int64(base64.StdEncoding.EncodedLen(int(size))) }
