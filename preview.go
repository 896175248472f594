package outcrop

import (
	"bytes"
	"context"
	"log/slog"
	"slices"
	"strings"
	"sync"

	"outcrop/gateway"
	"outcrop/llm"
	"outcrop/route"
	"outcrop/telemetry"
	"outcrop/upstream"
)

// Preview is a pipeline like the client's whose calls reach no provider. It charges nobody, keeps no answers, runs no
// guardrails, and tells neither the log nor the metrics. What it sees of deployments does not concern other calls.
type Preview struct {
	// Pipeline is the pipeline for a frontend.
	Pipeline *gateway.Gateway
}

// Outgoing is a request that a provider would get. Its header has credentials.
type Outgoing struct {
	Method, URL string
	Header      map[string][]string
	Body        []byte
}

// Preview makes one for the entries that are served now. model is the name that will be asked for: if no entry has it, those
// whose model string it is are meant. The caller closes it.
func (c *Client) Preview(model string) *Preview {
	s := c.served()
	entries := s.entries()
	known := slices.ContainsFunc(entries, func(e route.Entry) bool { return e.Name == model || e.ID == model })
	for i := range s.models {
		m := s.models[i]
		if !known && m.Provider+"/"+m.Model == model && !strings.Contains(m.Model, "*") {
			e := entries[i]
			e.Name, e.ID = model, "preview of "+e.ID
			entries = append(entries, e)
		}
	}
	policy := s.cfg.Routing
	policy.Fallbacks = route.Fallbacks{}
	r := route.New(route.Plan{Entries: entries, Policy: policy}, route.Options{Providers: c.providerNames()})
	return &Preview{Pipeline: gateway.New(gateway.Options{
		Router: r, Recorder: telemetry.NewRecorder(slog.New(slog.DiscardHandler)), Demands: gateway.Demands(s.cfg.Demands),
		ForwardHeaders: gateway.ForwardHeaders(s.cfg.General.ForwardHeaders),
	})}
}

// Close ends what the pipeline does in the background.
func (p *Preview) Close() { p.Pipeline.Close() }

// Watch returns the context for one call, and what its provider would get: the first request, if there would be several; nil
// if none was made.
func (*Preview) Watch(ctx context.Context) (calling context.Context, sent func() *Outgoing) {
	var mu sync.Mutex // a call may make several requests side by side
	var first *Outgoing
	calling = upstream.Intercept(ctx, func(r *upstream.Request) error {
		mu.Lock()
		defer mu.Unlock()
		if first == nil {
			first = &Outgoing{Method: r.Method, URL: r.URL.String(), Header: r.Header.Clone(), Body: bytes.Join(r.Body, nil)}
		}
		return &llm.Error{Code: llm.CodeClientGone, Status: 499, Message: "the call is a preview, which is not sent", Retry: llm.RetryNo}
	})
	return calling, func() *Outgoing {
		mu.Lock()
		defer mu.Unlock()
		return first
	}
}
