package telemetry

import (
	"sync"

	"github.com/prometheus/client_golang/prometheus"
)

// What becomes of a call that may use the response cache.
const (
	CacheHit      = "hit"
	CacheMiss     = "miss"
	CacheSimilar  = "similar"  // it got the answer to a similar request
	CacheShared   = "shared"   // it got the answer of a call that was under way
	CachePartial  = "partial"  // the cache had some of its inputs
	CacheBypassed = "bypassed" // its client did not want an answer of the cache
)

// cacheMetrics are those of the response cache.
type cacheMetrics struct {
	calls, commands *prometheus.CounterVec
	got, set        prometheus.Counter // of commands: get and set that were ok, of which a call has one
	saved           *prometheus.CounterVec
	up              prometheus.Gauge
	once            *sync.Once // registers them
}

func newCacheMetrics() cacheMetrics {
	m := cacheMetrics{
		calls: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "outcrop_cache_requests_total", Help: "Calls that could be answered by the response cache, by result: hit, miss, similar (the answer to a similar request), shared (the answer of an identical call that was under way), partial (some of the inputs of embeddings), bypassed (no-cache).",
		}, []string{"result"}),
		commands: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "outcrop_cache_commands_total", Help: "Commands to the store of the response cache (get, set, search, ping) and to its embedding model (embed), by result: ok, failed, refused (the text cannot be embedded), left_out (the store is left alone after failures, or too much waits for it).",
		}, []string{"command", "result"}),
		saved: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "outcrop_cache_saved_usd_total", Help: "What the calls that the response cache has answered cost when they were made, in US dollars.",
		}, []string{"model"}),
		up:   prometheus.NewGauge(prometheus.GaugeOpts{Name: "outcrop_cache_up", Help: "Whether the store of the response cache answered when it was last asked: 1 or 0."}),
		once: &sync.Once{},
	}
	m.got, m.set = m.commands.WithLabelValues("get", "ok"), m.commands.WithLabelValues("set", "ok")
	return m
}

// command returns the counter of commands with a result.
func (m *cacheMetrics) command(command, result string) prometheus.Counter {
	switch {
	case command == "get" && result == "ok":
		return m.got
	case command == "set" && result == "ok":
		return m.set
	}
	return m.commands.WithLabelValues(command, result)
}

// ExpectCache adds the metrics of a response cache, and creates their series, so that they start at 0. A cache that replaces
// another goes on with its metrics.
func (r *Recorder) ExpectCache() {
	r.cache.once.Do(func() { r.registry.MustRegister(r.cache.calls, r.cache.commands, r.cache.saved, r.cache.up) })
	for _, result := range []string{CacheHit, CacheMiss, CacheSimilar, CacheShared, CachePartial, CacheBypassed} {
		r.cache.calls.WithLabelValues(result)
	}
	for _, command := range []string{"get", "set"} {
		for _, result := range []string{"ok", "failed", "left_out"} {
			r.cache.commands.WithLabelValues(command, result)
		}
	}
	r.cache.up.Set(1)
}

// ExpectSimilar creates the series of a response cache that answers similar requests.
func (r *Recorder) ExpectSimilar() {
	for _, command := range []string{"search", "embed"} {
		for _, result := range []string{"ok", "failed", "left_out"} {
			r.cache.commands.WithLabelValues(command, result)
		}
	}
}

// Cached counts a call that may use the response cache, by one of the constants.
func (r *Recorder) Cached(result string) { r.cache.calls.WithLabelValues(result).Inc() }

// CacheCommand counts a command to the store of the response cache.
func (r *Recorder) CacheCommand(command, result string) {
	r.cache.command(command, result).Inc()
	if command == "embed" {
		return // it says nothing of the store
	}
	switch result {
	case "ok":
		r.cache.up.Set(1)
	case "failed":
		r.cache.up.Set(0)
	default: // nothing is known
	}
}
