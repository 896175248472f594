// Package export tells other services of calls that have ended: logs, traces and metrics as LiteLLM's callbacks send them.
// Each service has a queue and a goroutine of its own, so that none holds up another, and none holds up a call. See
// docs/adr/0016-calls-are-told-elsewhere.md.
package export

import (
	"context"
	"log/slog"
	"slices"
	"sync"
	"time"

	"outcrop/internal/hold"
	"outcrop/telemetry"
)

// Record is a call that has ended. It is not modified, and several services read it at the same time.
type Record struct {
	telemetry.Call

	// Served is what the configuration knows of the deployment that served the call.
	Served Deployment

	masking *masking // nil if callbacks get Content as it is
}

// Deployment is what records say of a deployment.
type Deployment struct {
	// ID is the deployment's id, Model the model as the configuration has it, with the provider in front, and Base the
	// address of its API, empty if it follows from the provider.
	ID, Model, Base string
}

// Failed is whether the call has failed.
func (r *Record) Failed() bool { return r.Err != nil }

// Sender sends records to a service.
type Sender interface {
	// Send makes one attempt to send records. Those that were not sent come back, with the reason; a *FinalError is one
	// after which another attempt would fail alike.
	Send(ctx context.Context, batch []*Record) (rest []*Record, err error)
	// Close releases what the sender holds. It is called once, after the last Send.
	Close()
}

// FinalError is the error of an attempt that is not repeated.
type FinalError struct{ Err error }

func (e *FinalError) Error() string { return e.Err.Error() }

// Unwrap returns the cause.
func (e *FinalError) Unwrap() error { return e.Err }

// Results of records, as metrics have them.
const (
	Sent    = "sent"
	Failed  = "failed"
	Dropped = "dropped"
)

// Callback is a service that is told of calls.
type Callback struct {
	// Name is LiteLLM's name of the callback, such as langfuse.
	Name string
	// Success and Failure are which calls it is told of.
	Success, Failure bool
	// Content is whether its records may have what was asked and answered.
	Content bool
	Sender  Sender
	// Batch is how many records are sent at once at most, and Every after which time those that wait are sent; LiteLLM's
	// 512 and five seconds if 0 (litellm/constants.py, DEFAULT_BATCH_SIZE, DEFAULT_FLUSH_INTERVAL_SECONDS, 1.110.2).
	Batch int
	Every time.Duration
}

// Options are what an Exporter has beside its callbacks.
type Options struct {
	// Deployment returns what the configuration knows of the deployment of a call; nil for nothing.
	Deployment func(c *telemetry.Call) Deployment
	// Own makes a sender for a callback of a key or a team; nil if they can have none.
	Own    func(c *telemetry.Callback) (Sender, error)
	Logger *slog.Logger
	// Count counts records by what became of them, and Down tells whether a callback cannot be reached. Both may be nil.
	Count func(callback, result string, n int)
	Down  func(callback string, down bool)

	queue int           // records that wait for a callback; 0 for the default
	pause time.Duration // before the first repeated attempt; 0 for the default
}

// Settings are what can be replaced while an Exporter works.
type Settings struct {
	// Callbacks are told of calls, in their order. One without a Sender is the one of its name that is told already, with what waits for it.
	Callbacks []Callback
	// Mask masks what was asked and answered before any callback gets it; nil for nobody. It may take a while: the goroutines
	// of the callbacks call it, once for each call.
	Mask Mask
	// Masks is who needs what Mask refers to: each record that is not masked yet. It may be nil.
	Masks *hold.Hold
	// OwnContent is whether callbacks of keys and teams may get what was asked and answered.
	OwnContent bool
}

// Exporter tells callbacks of calls. It is safe for concurrent use.
type Exporter struct {
	opt    Options
	cancel context.CancelFunc
	ctx    context.Context //nolint:containedctx // the senders' of keys, which begin later, end with the others
	over   sync.WaitGroup

	// set is held for reading while a call is told, so that none is told to callbacks that have been replaced.
	set      sync.RWMutex
	settings Settings
	lanes    []*lane

	mu      sync.Mutex
	own     map[string]*lane   // by the callback's settings
	leaving map[*lane]struct{} // that send what waits, and get nothing more
	closed  bool
}

// New starts an exporter, which works until Close.
func New(ctx context.Context, s Settings, opt Options) *Exporter {
	if opt.Count == nil {
		opt.Count = func(string, string, int) {}
	}
	if opt.Down == nil {
		opt.Down = func(string, bool) {}
	}
	if opt.Logger == nil {
		opt.Logger = slog.New(slog.DiscardHandler)
	}
	e := &Exporter{opt: opt, own: map[string]*lane{}, leaving: map[*lane]struct{}{}}
	e.ctx, e.cancel = context.WithCancel(context.WithoutCancel(ctx))
	e.Set(s)
	return e
}

// Set replaces the settings for the calls that end from then on. Callbacks that are gone, or have another sender, get what waits for them, with
// as many attempts as always.
func (e *Exporter) Set(s Settings) {
	e.set.Lock()
	defer e.set.Unlock()
	before := e.lanes
	e.lanes = nil
	for _, c := range s.Callbacks {
		at := -1
		if c.Sender == nil {
			at = slices.IndexFunc(before, func(l *lane) bool { return l.name == c.Name })
		}
		if at < 0 {
			e.lanes = append(e.lanes, e.start(c, c.Name))
			continue
		}
		e.lanes = append(e.lanes, before[at])
		before = slices.Delete(slices.Clone(before), at, at+1)
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, l := range before {
		e.leave(l)
		e.opt.Down(l.name, false)
	}
	for mark, l := range e.own { // they may have other content from now on, or another address
		if l != nil {
			e.leave(l)
		}
		delete(e.own, mark)
	}
	e.settings = s
	if e.closed {
		for _, l := range e.lanes {
			l.close()
		}
	}
}

// leave has a lane send what waits and end. e.mu is held.
func (e *Exporter) leave(l *lane) {
	if e.closed {
		return // it has been told already
	}
	e.leaving[l] = struct{}{}
	l.leave()
}

// start starts a lane. name is that of the callback, in metrics and the log.
func (e *Exporter) start(c Callback, name string) *lane {
	l := newLane(c, name, &e.opt)
	e.over.Go(func() {
		l.run(e.ctx)
		e.mu.Lock()
		defer e.mu.Unlock()
		delete(e.leaving, l)
	})
	return l
}

// Ended tells the callbacks of a call that has ended. It does not block, and keeps a copy of the record.
func (e *Exporter) Ended(c *telemetry.Call) {
	if c.Silent || c.Group == "" && c.Err != nil && c.Sent == 0 && c.Model == "" { // it never became a call of a model
		return
	}
	e.set.RLock()
	defer e.set.RUnlock()
	var r *Record
	record := func() *Record {
		if r == nil {
			r = &Record{Call: *c}
			r.Who.Logging = nil
			if e.opt.Deployment != nil {
				r.Served = e.opt.Deployment(c)
			}
			if e.settings.Mask != nil && r.Content != nil {
				r.masking = e.masking(&r.Call)
			}
		}
		return r
	}
	defer func() {
		if r != nil {
			r.masking.leave()
		}
	}()
	failed := c.Err != nil
	own := c.Who.Logging
	if own == nil || !own.Off {
		for _, l := range e.lanes {
			if l.wants(failed) {
				l.add(record())
			}
		}
	}
	if own == nil {
		return
	}
	for i := range own.Callbacks {
		if cb := &own.Callbacks[i]; failed && cb.Failure || !failed && cb.Success {
			if l := e.ownLane(cb); l != nil {
				l.add(record())
			}
		}
	}
}

// State is how a callback does.
type State struct {
	Name             string
	Success, Failure bool
	Content          bool
	// Err is why it cannot be reached, and Since when that began; nil if it can, or was not needed yet.
	Err   error
	Since time.Time
	// Waiting is the number of records that wait for it.
	Waiting int
}

// States are those of the gateway's own callbacks, in their order.
func (e *Exporter) States() []State {
	e.set.RLock()
	defer e.set.RUnlock()
	all := make([]State, 0, len(e.lanes))
	for _, l := range e.lanes {
		all = append(all, l.state())
	}
	return all
}

// Test sends a record to a callback at once, and reports what became of it; false if there is no such callback.
func (e *Exporter) Test(ctx context.Context, name string, r *Record) (bool, error) {
	e.set.RLock()
	i := slices.IndexFunc(e.lanes, func(l *lane) bool { return l.name == name })
	if i < 0 {
		e.set.RUnlock()
		return false, nil
	}
	l := e.lanes[i]
	e.set.RUnlock()
	_, err := l.callback.Sender.Send(ctx, []*Record{l.view(r)})
	return true, err
}

// Close sends what waits, as far as the context lets it, and ends the goroutines. Later calls are told to nobody.
func (e *Exporter) Close(ctx context.Context) {
	e.set.RLock()
	lanes := slices.Clone(e.lanes)
	e.set.RUnlock()
	e.mu.Lock()
	closed := e.closed
	e.closed = true
	for l := range e.leaving {
		lanes = append(lanes, l)
	}
	for _, l := range e.own {
		if l != nil {
			lanes = append(lanes, l)
		}
	}
	e.mu.Unlock()
	if closed {
		return
	}
	for _, l := range lanes {
		l.close()
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		e.over.Wait()
	}()
	select {
	case <-done:
	case <-ctx.Done():
	}
	e.cancel()
	<-done
}
