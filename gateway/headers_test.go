package gateway

import (
	"log/slog"
	"slices"
	"testing"

	"outcrop/llm"
	"outcrop/telemetry"
)

// passing is a call of m, whose group gets the client's headers as no other does.
func passing(t *testing.T) *Call {
	t.Helper()
	g := New(Options{Recorder: telemetry.NewRecorder(slog.New(slog.DiscardHandler)), ForwardHeaders: ForwardHeaders{Groups: []string{"m", "also*"}}})
	c := g.Begin("test", "id-1")
	t.Cleanup(func() { c.End(t.Context()) })
	c.record.Model, c.record.Group = "m", "m"
	c.OfferHeaders([]llm.Label{{Name: "X-A", Value: "1"}, {Name: "X-A", Value: "2"}, {Name: "X-B", Value: "client"}})
	return c
}

func TestAFallbackHasOnlyTheHeadersThatItsGroupMayHave(t *testing.T) {
	c := passing(t)
	req := &llm.Call{Headers: []llm.Label{{Name: "x-b", Value: "body"}}}
	body := slices.Clone(req.Headers)
	all := append(slices.Clone(body), llm.Label{Name: "X-A", Value: "1"}, llm.Label{Name: "X-A", Value: "2"})
	for range 2 { // it may begin again
		c.addHeaders(req)
		if !slices.Equal(req.Headers, all) {
			t.Fatalf("the first model has %v", req.Headers)
		}
	}
	req.Headers = append(req.Headers, llm.Label{Name: "traceparent", Value: "t"})
	body, all = append(body, llm.Label{Name: "traceparent", Value: "t"}), slices.Insert(all, 1, llm.Label{Name: "traceparent", Value: "t"})
	for _, f := range []struct {
		model string
		want  []llm.Label
	}{{"other", body}, {"also-this", all}, {"another", body}, {"m", all}} {
		if c.headersFor(req, f.model, f.model); !slices.Equal(req.Headers, f.want) {
			t.Errorf("%s has %v, want %v", f.model, req.Headers, f.want)
		}
	}
	if c.sameHeaders("other", "other") || !c.sameHeaders("also-this", "also-this") {
		t.Error("calls side by side may have the headers of another group")
	}
	c.headersFor(req, "other", "other")
	if !c.sameHeaders("other", "other") {
		t.Error("a call without the client's headers may not fall back")
	}
}
