package gateway_test

import (
	"context"
	"log/slog"
	"sync"
	"testing"

	"github.com/prometheus/client_golang/prometheus"

	"outcrop/gateway"
	"outcrop/internal/budget"
	"outcrop/llm"
	"outcrop/telemetry"
)

// mirroring answers every call, and mirrors it to a model, twice, as two attempts would.
type mirroring struct {
	router
	to string
}

func (m *mirroring) Complete(_ context.Context, req *llm.Request) (*llm.Response, error) {
	if req.Mirror != nil {
		req.Mirror([]string{m.to})
		req.Mirror([]string{m.to})
	}
	return &llm.Response{}, nil
}

// repeated makes requests again that are never answered.
type repeated struct {
	size int64

	mu     sync.Mutex
	models []string
	causes []error
	begun  chan struct{}
}

func (r *repeated) Size() int64 { return r.size }

func (r *repeated) Keep() func(ctx context.Context, model string, call *gateway.Call) {
	return func(ctx context.Context, model string, call *gateway.Call) {
		r.begun <- struct{}{}
		<-ctx.Done()
		r.mu.Lock()
		defer r.mu.Unlock()
		if call.Mirrors() || !call.Mirror() {
			r.models = append(r.models, "a mirrored call is mirrored itself")
		}
		r.models, r.causes = append(r.models, model), append(r.causes, call.Fail(context.Cause(ctx)))
	}
}

// counts are the values of outcrop_mirrored_requests_total by result.
func counts(t *testing.T, r *telemetry.Recorder) map[string]float64 {
	t.Helper()
	families, err := prometheus.Gatherers{r.Gatherer()}.Gather()
	if err != nil {
		t.Fatal(err)
	}
	by := map[string]float64{}
	for _, f := range families {
		for _, m := range f.GetMetric() {
			if f.GetName() != "outcrop_mirrored_requests_total" {
				continue
			}
			for _, l := range m.GetLabel() {
				if l.GetName() == "result" {
					by[l.GetValue()] += m.GetCounter().GetValue()
				}
			}
		}
	}
	return by
}

// mirror makes calls of a model that is mirrored.
func mirror(t *testing.T, b *budget.Budget, again *repeated, calls int, head llm.Call) (*gateway.Gateway, *telemetry.Recorder) {
	t.Helper()
	recorder := telemetry.NewRecorder(slog.New(slog.DiscardHandler))
	g := gateway.New(gateway.Options{Router: &mirroring{to: "quiet"}, Recorder: recorder, Budget: b, Mirrored: func() bool { return true }})
	for range calls {
		call := g.Begin("openai_chat", gateway.NewID())
		if !call.Mirrors() {
			t.Fatal("calls are not mirrored")
		}
		call.Repeatable(again)
		if _, err := call.Complete(t.Context(), &llm.Request{Call: head}); err != nil {
			t.Fatal(err)
		}
		call.End(t.Context())
	}
	return g, recorder
}

func TestMirroredCallsAreBoundedAndEndWithTheGateway(t *testing.T) {
	again := &repeated{begun: make(chan struct{})}
	g, recorder := mirror(t, nil, again, 103, llm.Call{Model: "loud"})
	for range 100 {
		<-again.begun
	}
	if n := g.Open(); n != 100 {
		t.Errorf("%d calls are open, want 100", n)
	}
	g.Close()
	if n := g.Open(); n != 0 || len(again.models) != 100 || again.models[0] != "quiet" || llm.AsError(again.causes[0]).Code != llm.CodeStopping {
		t.Errorf("%d are open, the mirrored calls were of %v and ended by %v", n, again.models, again.causes)
	}
	if got := counts(t, recorder); got["failed"] != 100 || got["dropped"] != 3 || len(got) != 2 {
		t.Errorf("the metric says %v", got)
	}
}

func TestACallIsNotMirroredWithoutMemoryForItsCopy(t *testing.T) {
	again := &repeated{size: 2 << 20, begun: make(chan struct{})}
	g, recorder := mirror(t, budget.New(1<<20, 0), again, 1, llm.Call{Model: "loud"})
	g.Close()
	if got := counts(t, recorder); got["dropped"] != 1 || len(again.models) > 0 {
		t.Errorf("the metric says %v, and %v were called", got, again.models)
	}
}

func TestCredentialsOfClientsGoToNoOtherProvider(t *testing.T) {
	again := &repeated{begun: make(chan struct{})}
	g, recorder := mirror(t, nil, again, 1, llm.Call{Model: "loud", ClientSettings: llm.NewClientSettings(map[string]string{"api_key": "sk-own"})})
	g.Close()
	if got := counts(t, recorder); len(got) > 0 || len(again.models) > 0 {
		t.Errorf("the metric says %v, and %v were called", got, again.models)
	}
}
