package gateway

import (
	"context"
	"slices"
	"sync"
	"time"

	"outcrop/llm"
	"outcrop/telemetry"
	"outcrop/tenant"
)

// Bounds of mirrored calls.
const (
	maxMirrors  = 100              // at once; more are dropped
	mirrorLimit = 10 * time.Minute // for each
)

// Again is a request that can be made again for other models. Its functions are called while the call that it came with has its
// memory, except for those that Keep returns.
type Again interface {
	// Size is how many bytes Keep takes.
	Size() int64
	// Keep copies the request, and returns a function that makes it for a model as a call that has begun, and ignores the response.
	Keep() func(ctx context.Context, model string, call *Call)
}

// Repeatable sets how a call's request is made again for the models that its calls are mirrored to. A call without it is not
// mirrored. It is to be asked for only if Mirrors is true.
func (c *Call) Repeatable(again Again) {
	if c.mirror == nil {
		c.mirroring = &mirroring{again: again}
	}
}

// Mirrors reports whether calls of any model are mirrored to others. A mirrored call is not mirrored itself.
func (c *Call) Mirrors() bool { return c.mirror == nil && c.g.mirrored != nil && c.g.mirrored() }

// Mirror reports whether the call mirrors another: no client waits for it, and the response cache has no part in it.
func (c *Call) Mirror() bool { return c.mirror != nil }

// mirroring is how a call is mirrored. Attempts that are made at once share it.
type mirroring struct {
	again Again

	mu   sync.Mutex
	done []string // the models that have the request
}

// first reports whether a model has not had the request yet.
func (m *mirroring) first(model string) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	if slices.Contains(m.done, model) {
		return false
	}
	m.done = append(m.done, model)
	return true
}

// mirror is what a mirrored call has of the one that it mirrors: whether it may be made is that call's, and its guardrails hold too.
type mirror struct {
	of         string // its id
	request    tenant.Request
	guardrails []string
}

// reflect lets the router say where a call is to be mirrored to. One with the client's own credentials is not mirrored: they are for
// the provider that the client has chosen.
func (c *Call) reflect(req *llm.Call) {
	req.Mirror = nil
	if c.mirroring == nil || req.ClientSettings != nil {
		return
	}
	m := &mirror{of: c.record.ID, guardrails: c.byModel}
	settings := c.g.Settings(req.Model)
	m.request = c.request(req, settings, nil)
	req.Mirror = func(models []string) {
		for _, model := range models {
			if c.mirroring.first(model) {
				c.g.mirror(c, m, model)
			}
		}
	}
}

// mirrors are the mirrored calls of a gateway. They end with it.
type mirrors struct {
	ctx context.Context
	end context.CancelCauseFunc
	all sync.WaitGroup

	mu     sync.Mutex
	n      int
	closed bool
}

// open prepares for mirrored calls.
func (m *mirrors) open() {
	m.ctx, m.end = context.WithCancelCause(context.Background())
}

// begin has room for another, or not.
func (m *mirrors) begin() bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.closed || m.n == maxMirrors {
		return false
	}
	m.n++
	m.all.Add(1)
	return true
}

func (m *mirrors) done() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.n--
	m.all.Done()
}

// close ends all of them, and refuses more. It does not wait.
func (m *mirrors) close() {
	m.mu.Lock()
	m.closed = true
	m.mu.Unlock()
	m.end(&llm.Error{Code: llm.CodeStopping, Status: 503, Message: "the gateway is shutting down, and does not wait for mirrored calls."})
}

// Close ends what the gateway does in the background, and waits for it. New calls are refused.
func (g *Gateway) Close() {
	g.Drain()
	g.mirrors.all.Wait()
}

// mirror makes a call's request again, for another model, in the background: nobody waits for it. If there are too many, or there is
// no memory for it, it is dropped.
func (g *Gateway) mirror(of *Call, m *mirror, model string) {
	group := g.router.Group(model)
	if !g.mirrors.begin() {
		g.recorder.Mirrored(group, telemetry.MirrorDropped)
		return
	}
	lease := g.budget.Lease()
	if !lease.TryGrow(of.mirroring.again.Size()) {
		g.mirrors.done()
		g.recorder.Mirrored(group, telemetry.MirrorDropped)
		return
	}
	again := of.mirroring.again.Keep()
	call := g.Begin(of.record.Door, NewID())
	call.caller, call.labels, call.mirror, call.record.MirrorOf = of.caller, of.labels, m, m.of
	go func() {
		defer g.mirrors.done()
		defer lease.Release()
		ctx, cancel := context.WithTimeoutCause(g.mirrors.ctx, mirrorLimit, &llm.Error{Code: llm.CodeTimeout, Status: 504, Message: "the mirrored call was not complete in " + mirrorLimit.String() + "."})
		defer cancel()
		defer func() {
			result := telemetry.MirrorAnswered
			if p := recover(); p != nil {
				_ = call.Fail(&llm.Error{Code: llm.CodeInternal, Status: 500, Message: "internal error in a mirrored call."})
			}
			if call.record.Err != nil {
				result = telemetry.MirrorFailed
			}
			call.End(ctx)
			g.recorder.Mirrored(group, result)
		}()
		again(ctx, model, call)
	}()
}
