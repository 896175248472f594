package fetch

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"outcrop/llm"
)

// room is a budget that counts.
type room struct {
	size int64
	err  error // in place of waiting

	mu    sync.Mutex
	taken int64
	most  int64
	freed chan struct{} // closed when something is given back
}

func (r *room) Acquire(ctx context.Context, n int64) (func(), error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for r.taken+n > r.size {
		if r.err != nil {
			return nil, r.err
		}
		if r.freed == nil {
			r.freed = make(chan struct{})
		}
		freed := r.freed
		r.mu.Unlock()
		select {
		case <-freed:
			r.mu.Lock()
		case <-ctx.Done():
			r.mu.Lock()
			return nil, context.Cause(ctx)
		}
	}
	r.taken += n
	r.most = max(r.most, r.taken)
	return func() {
		r.mu.Lock()
		defer r.mu.Unlock()
		r.taken -= n
		if r.freed != nil {
			close(r.freed)
			r.freed = nil
		}
	}, nil
}

func TestContentIsHeldWithinTheBudget(t *testing.T) {
	const mib = 1 << 20
	tests := []struct {
		name  string
		size  int
		known bool  // by Content-Length
		taken int64 // bytes of content
	}{
		{"a small one", 100, true, 100},
		{"a large one", 3 * mib, true, 3 * mib},
		{"one of unknown length", 100, false, mib},
		{"a large one of unknown length", 3 * mib, false, 4 * mib},
		{"as large as may be, of unknown length", 5 * mib, false, 5 * mib},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			n := serve(t, func(w http.ResponseWriter, _ *http.Request) {
				if tt.known {
					w.Header().Set("Content-Length", strconv.Itoa(tt.size))
				} else {
					defer http.NewResponseController(w).Flush()
				}
				_, _ = io.WriteString(w, png+strings.Repeat("x", tt.size-len(png)))
			})
			budget := &room{size: 100 * mib}
			out, release, err := n.client(Options{Budget: budget, MaxSize: 5 * mib}).Inline(t.Context(), imageAt("http://files.test/a"))
			if err != nil {
				t.Fatal(err)
			}
			if want := held(tt.taken); budget.taken != want && budget.taken < want || budget.taken > want+8 {
				t.Errorf("%d bytes are held, want %d", budget.taken, want)
			}
			if got := out.Turns[0].Blocks[0].Media.Base64.Decode(); len(got) != tt.size {
				t.Errorf("%d bytes came", len(got))
			}
			release()
			release()
			if budget.taken != 0 {
				t.Errorf("%d bytes are held at the end", budget.taken)
			}
		})
	}
}

func TestWithoutRoomContentIsWaitedForAndThenRefused(t *testing.T) {
	const size = 1 << 20
	body := "HTTP/1.1 200 OK\r\nContent-Length: " + strconv.Itoa(size) + "\r\n\r\n" + png + strings.Repeat("x", size-len(png))
	server := func(c net.Conn) {
		readRequest(c)
		_, _ = io.WriteString(c, body)
	}
	synctest.Test(t, func(t *testing.T) {
		budget := &room{size: 2 * held(size)}
		c, start := scripted(t, Options{Budget: budget, Timeout: 20 * time.Second}, server), time.Now()
		_, first, err := c.Inline(t.Context(), imageAt("http://files.test/a", "http://files.test/b"))
		if err != nil {
			t.Fatal(err)
		}
		_, _, err = c.Inline(t.Context(), imageAt("http://files.test/c"))
		if e := llm.AsError(err); e.Code != llm.CodeOverloaded || e.Status != 503 || e.CanRetry() != llm.RetryLater || e.RetryAfter == "" || time.Since(start) != 20*time.Second {
			t.Errorf("after %v: %v", time.Since(start), err)
		}
		var wg sync.WaitGroup
		wg.Go(func() {
			_, release, err := c.Inline(t.Context(), imageAt("http://files.test/d"))
			if err != nil {
				t.Error(err)
				return
			}
			release()
		})
		time.Sleep(19 * time.Second) // longer than a server may be silent
		first()
		wg.Wait()
		if budget.taken != 0 || budget.most > budget.size || c.slots.free != perProcess {
			t.Errorf("%d bytes are held, %d at most, %d slots are free", budget.taken, budget.most, c.slots.free)
		}
	})
}

func TestABudgetsOwnRefusalIsTheCalls(t *testing.T) {
	n := serve(t, func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, png) })
	own := &llm.Error{Code: llm.CodeOverloaded, Status: 503, Message: "full", RetryAfter: "7"}
	budget := &room{err: own}
	_, _, err := n.client(Options{Budget: budget}).Inline(t.Context(), imageAt("http://files.test/a"))
	if e := llm.AsError(err); e.Message != "full" || e.RetryAfter != "7" || e == own {
		t.Errorf("got %v", err)
	}
	budget.err = errors.New("no")
	_, _, err = n.client(Options{Budget: budget}).Inline(t.Context(), imageAt("http://files.test/a"))
	if e := llm.AsError(err); e.Code != llm.CodeOverloaded || !strings.Contains(e.Message, "http://files.test/a") {
		t.Errorf("got %v", err)
	}
}

func TestAFailureReleasesWhatWasHeld(t *testing.T) {
	n := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/b" {
			_, _ = io.WriteString(w, "no image")
			return
		}
		_, _ = io.WriteString(w, png)
	})
	budget := &room{size: 1 << 30}
	if _, _, err := n.client(Options{Budget: budget}).Inline(t.Context(), imageAt("http://files.test/a", "http://files.test/b")); err == nil || budget.taken != 0 {
		t.Errorf("%v, %d bytes are held", err, budget.taken)
	}
}
