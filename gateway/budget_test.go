package gateway_test

import (
	"context"
	"log/slog"
	"sync/atomic"
	"testing"
	"time"

	"outcrop/gateway"
	"outcrop/internal/budget"
	"outcrop/llm"
	"outcrop/telemetry"
)

// answering answers at once, and keeps how much memory was taken meanwhile.
type answering struct {
	router
	b     *budget.Budget
	taken atomic.Int64
}

func (a *answering) Complete(ctx context.Context, _ *llm.Request) (*llm.Response, error) {
	if budget.From(ctx) == nil {
		return nil, llm.Invalid("", "the call's lease is not in its context")
	}
	a.taken.Store(a.b.Used())
	return &llm.Response{}, nil
}

// The memory of a call's request counts until the call ends, and each further answer
// needs an encoding of the request.
func TestMemoryOfACall(t *testing.T) {
	const body = 1 << 20
	for _, tt := range []struct {
		name    string
		choices int64
		total   int64
		taken   int64
		code    llm.Code
	}{
		{"one answer", 1, 64 << 20, 4 * body, ""},
		{"four answers", 4, 64 << 20, 7 * body, ""},
		{"no memory for another", 4, 7 << 20, 4 * body, llm.CodeOverloaded},
	} {
		t.Run(tt.name, func(t *testing.T) {
			b := budget.New(tt.total, time.Nanosecond)
			r := &answering{b: b}
			g := gateway.New(gateway.Options{Router: r, Recorder: telemetry.NewRecorder(slog.New(slog.DiscardHandler)), Budget: b})
			other := b.Lease() // so that a lease which is larger than the budget is not served alone
			if err := other.Grow(t.Context(), 1<<20+1); err != nil {
				t.Fatal(err)
			}
			call := g.Begin("test", "id")
			if err := call.Lease().Grow(t.Context(), 4*body); err != nil {
				t.Fatal(err)
			}
			_, err := call.CompleteAll(t.Context(), &llm.Request{Call: llm.Call{Model: "granite"}, Choices: tt.choices})
			if code := codeOf(err); code != tt.code {
				t.Errorf("got %v", err)
			}
			if taken := r.taken.Load() - other.Held(); err == nil && taken != tt.taken {
				t.Errorf("%d bytes were taken, want %d", taken, tt.taken)
			}
			call.End(t.Context())
			if n := b.Used() - other.Held(); n != 0 {
				t.Errorf("%d bytes stay taken", n)
			}
		})
	}
}

func codeOf(err error) llm.Code {
	if err == nil {
		return ""
	}
	return llm.AsError(err).Code
}
