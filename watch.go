package outcrop

import (
	"cmp"
	"context"
	"log/slog"
	"slices"
	"sync"
	"time"

	"outcrop/config"
	"outcrop/gateway"
	"outcrop/llm"
)

// probes are the results of Probe.
type probes struct {
	mu    sync.Mutex
	byID  map[string]EntryHealth
	log   []HealthRecord // the oldest first
	first chan struct{}  // closed when Watch has checked all entries once; nil without Watch
}

// HealthRecord is a result of Probe that is remembered: the first one of an entry, one that differs from that before it, and
// one an hour.
type HealthRecord struct {
	EntryHealth

	// RecordID identifies the record.
	RecordID string
}

// Bounds of what is remembered.
const (
	healthRecords     = 1000
	healthRecordEvery = time.Hour
)

// recent is the last result of an entry, if it is not older than age.
func (p *healthChecks) recent(id string, age time.Duration) (EntryHealth, bool) {
	p.probes.mu.Lock()
	defer p.probes.mu.Unlock()
	h, ok := p.probes.byID[id]
	return h, ok && time.Since(h.At) <= age
}

// keep remembers a result.
func (p *healthChecks) keep(h EntryHealth) {
	p.probes.mu.Lock()
	defer p.probes.mu.Unlock()
	if p.probes.byID == nil {
		p.probes.byID = map[string]EntryHealth{}
	}
	p.probes.byID[h.ID] = h
	for _, r := range slices.Backward(p.probes.log) {
		if r.ID == h.ID {
			if (r.Fault == "") == (h.Fault == "") && h.At.Sub(r.At) < healthRecordEvery {
				return
			}
			break
		}
	}
	if len(p.probes.log) >= healthRecords {
		p.probes.log = slices.Delete(p.probes.log, 0, 1)
	}
	p.probes.log = append(p.probes.log, HealthRecord{EntryHealth: h, RecordID: gateway.NewID()})
}

// HealthRecords are the results of Probe and Watch that are remembered, the newest first.
func (c *Client) HealthRecords() []HealthRecord {
	c.health.probes.mu.Lock()
	defer c.health.probes.mu.Unlock()
	all := slices.Clone(c.health.probes.log)
	slices.Reverse(all)
	return all
}

// LastHealth are the last results of Watch and Probe for the entries that are served and that Watch checks. It waits until all
// have been checked once, or ctx ends; without Watch there are none.
func (c *Client) LastHealth(ctx context.Context) []EntryHealth {
	c.health.probes.mu.Lock()
	first := c.health.probes.first
	c.health.probes.mu.Unlock()
	if first == nil {
		return nil
	}
	select {
	case <-first:
	case <-ctx.Done():
	}
	s := c.served()
	checks := &s.cfg.General.Health
	c.health.probes.mu.Lock()
	defer c.health.probes.mu.Unlock()
	var all []EntryHealth
	for i := range s.models {
		if h, ok := c.health.probes.byID[s.models[i].ID]; ok && checks.Checked(s.models[i]) {
			all = append(all, h)
		}
	}
	return all
}

// Watch checks the entries with Probe in the background until Close: now, and then again and again with the interval of
// general_settings, as these say. It logs when an entry begins to fail, and when it is well again, and has calls pass by those
// that fail if the configuration wants that. It is called once.
func (c *Client) Watch() {
	first := make(chan struct{})
	c.health.probes.mu.Lock()
	c.health.probes.first = first
	c.health.probes.mu.Unlock()
	c.running.Go(func() {
		w := watch{c: c, checks: c.Config().General.Health, failing: map[string]bool{}, resting: map[string]time.Time{}}
		w.round()
		close(first)
		timer := time.NewTimer(w.checks.Interval)
		defer timer.Stop()
		for {
			select {
			case <-timer.C:
			case <-c.ctx.Done():
				return
			}
			w.checks = c.Config().General.Health // a reload may have changed them
			w.round()
			timer.Reset(w.checks.Interval)
		}
	})
}

// watch is what Watch remembers.
type watch struct {
	c       *Client
	checks  config.Health
	failing map[string]bool      // by id
	resting map[string]time.Time // until when calls pass by the entry, by id
}

// round checks all entries.
func (w *watch) round() {
	known := map[string]bool{}
	for _, h := range w.c.Probe(w.c.ctx, ProbeOptions{Which: w.checks.Checked}) {
		known[h.ID] = true
		w.tell(&h)
		if w.checks.Routing {
			w.steer(&h)
		}
	}
	if w.c.ctx.Err() != nil {
		return
	}
	for id := range w.failing {
		if !known[id] { // it is served no longer
			delete(w.failing, id)
			delete(w.resting, id)
		}
	}
}

// tell logs what has changed.
func (w *watch) tell(h *EntryHealth) {
	fails := h.Fault != ""
	if fails == w.failing[h.ID] {
		return
	}
	log := w.c.log.With(slog.String("model", h.Name), slog.String("deployment", h.ID))
	if fails {
		w.failing[h.ID] = true
		log.Warn("the health check of a model has failed", slog.String("error", h.Fault))
		return
	}
	delete(w.failing, h.ID)
	log.Info("the health check of a model succeeds again")
}

// steer has calls pass by an entry that fails, and no longer by one that is well.
func (w *watch) steer(h *EntryHealth) {
	if h.Fault != "" && (!w.checks.Patient || !transient(h.Err)) {
		until := h.At.Add(w.checks.Stale)
		if w.c.router.Rest(h.ID, until) {
			w.resting[h.ID] = until
		}
		return
	}
	if until, ok := w.resting[h.ID]; ok {
		w.c.router.Resume(h.ID, until)
		delete(w.resting, h.ID)
	}
}

// transient reports whether a check was throttled, or took too long.
func transient(e *llm.Error) bool {
	if e == nil {
		return false
	}
	status := cmp.Or(e.UpstreamStatus, e.Status)
	return status == 429 || status == 408 || e.Code == llm.CodeTimeout
}
