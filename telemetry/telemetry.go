// Package telemetry records each call: one structured log line and its metrics, neither of which has
// anything of the call's content, and a record for those that watch.
package telemetry

import (
	"context"
	"log/slog"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"

	"outcrop/llm"
)

// Call is the record of one call.
type Call struct {
	ID   string // x-request-id
	Door string // dialect and endpoint, such as openai_chat
	// Model is the model as the client named it, Group the configured name that serves it; Group is
	// a metric's label, Model is not.
	Model, Group string
	// ClientCall is the client's own id of the call, the same for its retries, of which this is number
	// ClientAttempt, from 1, of at most ClientAttempts. Empty and 0 if the client does not say so.
	ClientCall                    string
	ClientAttempt, ClientAttempts int
	Stream                        bool
	Started                       time.Time
	Duration                      time.Duration
	// FirstToken is the time to the first content of a stream; 0 if none arrived.
	FirstToken time.Duration
	Status     int // the HTTP status that was or would have been sent
	Err        *llm.Error
	Meta       llm.Meta
	// Usage is what the provider reported. It is unset for aborted responses; then Estimated is set
	// and Usage is an estimate of about four characters per token.
	Usage     llm.Usage
	Estimated bool
	// UsageUnknown says why the usage of a call that was passed on is not known, or not all of it; empty if
	// it is.
	UsageUnknown string
	// CostStated is whether the cost is what the provider said.
	CostStated bool
	// CostUnknown says why there is no cost of a call that is not billed by texts alone, or that was passed
	// on; empty if there is one.
	CostUnknown string
	// BatchCost is the cost of the batch that the call has looked at, which is no part of Usage, and
	// BatchEstimated whether it is an estimate.
	BatchCost      llm.Opt[llm.Cost]
	BatchEstimated bool
	// Foreign is whether an endpoint that the client supplied served the call. Its counts cannot be
	// trusted: they are in the log line, but not in the counters of the group.
	Foreign bool
	Stop    string // the provider's stop reason
	// Sent is the time from the arrival to the call of the provider, and Upstream the time from then to the end of its
	// response; both are 0 if no provider was called.
	Sent, Upstream time.Duration
	// Who makes the call, and From what its request says; both are only set if Wants.Details is.
	Who  Who
	From From
	// Content is what was asked and answered; nil unless a callback wants it.
	Content *Content
	// Silent is whether no callback is told of the call.
	Silent bool
	// MirrorOf is the id of the call whose request this one repeats for another model, in the background; empty for calls of clients.
	MirrorOf string
	// Cached is whether the response cache has answered the call; Usage is then that of the call that made the answer, and Saved
	// what that one cost.
	Cached bool
	Saved  llm.Cost
}

// Recorder writes records. It is safe for concurrent use.
type Recorder struct {
	log      *slog.Logger
	registry *prometheus.Registry

	requests *prometheus.CounterVec
	retries  *prometheus.CounterVec
	tokens   *prometheus.CounterVec
	cost     *prometheus.CounterVec
	duration *prometheus.HistogramVec
	first    *prometheus.HistogramVec
	open     prometheus.Gauge
	refused  *prometheus.CounterVec

	alerts *prometheus.CounterVec
	cache  cacheMetrics
	guards *prometheus.HistogramVec
	queued *prometheus.GaugeVec
	waits  *prometheus.HistogramVec
	mirror *prometheus.CounterVec

	callbacks *prometheus.CounterVec
	down      *prometheus.GaugeVec
	away      *prometheus.GaugeVec

	attributes sync.Pool // of *[]slog.Attr

	logState atomic.Pointer[LogState]      // nil if the state of the log is unknown
	watchers atomic.Pointer[[]func(*Call)] // nil if nobody watches
	wants    atomic.Pointer[Wants]         // nil if nobody wants more

	series sync.Map // seriesKey to *series: label sets, resolved once
}

type seriesKey struct {
	door, group, code string
	status            int
	stream            bool
}

type series struct {
	requests         prometheus.Counter
	duration, first  prometheus.Observer
	input, output    prometheus.Counter
	read, write      prometheus.Counter
	estimatedOutputs prometheus.Counter
	cost, saved      prometheus.Counter
}

// buckets returns the buckets for latencies, in seconds: from the gateway's own overhead to a long
// response.
func buckets() []float64 {
	return []float64{.005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 20, 40, 80, 160, 320, 640}
}

// NewRecorder makes a recorder with its own metrics registry, so that several can coexist in one
// process.
func NewRecorder(log *slog.Logger) *Recorder {
	r := &Recorder{log: log, registry: prometheus.NewRegistry(), cache: newCacheMetrics()}
	r.requests = prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "outcrop_requests_total", Help: "Calls by endpoint, configured model name, HTTP status and error code (empty if none).",
	}, []string{"door", "model", "status", "code"})
	r.retries = prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "outcrop_retries_total", Help: "Failed attempts that were retried, by error code; the series without a code stays at 0, so that the metric exists before the first retry.",
	}, []string{"model", "code"})
	r.tokens = prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "outcrop_tokens_total", Help: "Tokens by kind: input, output, cache_read, cache_write, and output_estimated (responses that clients abandoned or that broke off).",
	}, []string{"model", "kind"})
	r.cost = prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "outcrop_cost_usd_total", Help: "Cost of calls in US dollars, where the price is known; an estimate for responses that clients abandoned or that broke off.",
	}, []string{"model"})
	r.duration = prometheus.NewHistogramVec(prometheus.HistogramOpts{
		Name: "outcrop_request_duration_seconds", Help: "Time from the request's arrival to the end of its response.", Buckets: buckets(),
	}, []string{"door", "model", "stream"})
	r.first = prometheus.NewHistogramVec(prometheus.HistogramOpts{
		Name: "outcrop_time_to_first_token_seconds", Help: "Time from the request's arrival to the first content of a stream.", Buckets: buckets(),
	}, []string{"door", "model"})
	r.open = prometheus.NewGauge(prometheus.GaugeOpts{Name: "outcrop_open_requests", Help: "Calls in progress."})
	r.refused = prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "outcrop_http_refused_total", Help: "Requests refused before they became calls, because they were not HTTP or had too large a header, by HTTP status.",
	}, []string{"status"})
	for _, status := range []int{400, 417, 431, 501} {
		r.refused.WithLabelValues(strconv.Itoa(status))
	}
	r.alerts = prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "outcrop_alerts_total", Help: "Alerts by target (slack, webhook, email) and result (sent, failed after all attempts, dropped because too many waited).",
	}, []string{"target", "result"})
	r.callbacks = prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "outcrop_callback_records_total", Help: "Records of calls by callback and result (sent, failed after all attempts, dropped because too many waited).",
	}, []string{"callback", "result"})
	r.down = prometheus.NewGaugeVec(prometheus.GaugeOpts{
		Name: "outcrop_callback_down", Help: "1 while a callback cannot be reached or refuses records; calls go on.",
	}, []string{"callback"})
	r.guards = prometheus.NewHistogramVec(prometheus.HistogramOpts{
		Name: "outcrop_guardrail_seconds", Help: "Time that checks by guardrails took, by guardrail, mode (pre_call, during_call, post_call, logging_only) and result (passed, masked, blocked, failed).", Buckets: buckets(),
	}, []string{"guardrail", "mode", "result"})
	r.away = prometheus.NewGaugeVec(prometheus.GaugeOpts{
		Name: "outcrop_guardrail_down", Help: "1 while a guardrail gives no verdicts, because its last check has failed.",
	}, []string{"guardrail"})
	r.queued = prometheus.NewGaugeVec(prometheus.GaugeOpts{
		Name: "outcrop_queued_requests", Help: "Calls that wait because all deployments of their model have as many calls as they may have at a time.",
	}, []string{"model"})
	r.waits = prometheus.NewHistogramVec(prometheus.HistogramOpts{
		Name: "outcrop_queue_seconds", Help: "Time that calls waited for a deployment with room, by result (served, refused, gone).", Buckets: buckets(),
	}, []string{"model", "result"})
	r.mirror = prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "outcrop_mirrored_requests_total", Help: "Calls that were mirrored to a model (silent_model), by the model's configured name and result (answered, failed, dropped because too many were under way or there was no memory for it).",
	}, []string{"model", "result"})
	dropped := prometheus.NewCounterFunc(prometheus.CounterOpts{
		Name: "outcrop_log_lines_dropped_total", Help: "Log lines lost because the log could not be written, or not fast enough.",
	}, r.logDropped)
	r.registry.MustRegister(r.requests, r.retries, r.tokens, r.cost, r.duration, r.first, r.open, r.refused, r.alerts, r.callbacks, r.down, r.guards, r.away, r.queued, r.waits, r.mirror, dropped,
		collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return r
}

// Gatherer returns the metrics for an HTTP handler.
func (r *Recorder) Gatherer() prometheus.Gatherer { return r.registry }

// WatchLog adds the state of the log to the metrics.
func (r *Recorder) WatchLog(s LogState) { r.logState.Store(&s) }

func (r *Recorder) logDropped() float64 {
	if s := r.logState.Load(); s != nil {
		return float64((*s).Dropped())
	}
	return 0
}

// Expect creates the series of calls to door for each of groups, so that their counters start at 0
// before the first call: a series that starts at 1 shows no increase.
func (r *Recorder) Expect(door string, groups ...string) {
	for _, group := range groups {
		r.lookup(seriesKey{door: door, group: group, status: 200})
		r.retries.WithLabelValues(group, "")
	}
}

// Begun counts a call as open; Record ends it.
func (r *Recorder) Begun() { r.open.Inc() }

// Retried counts a failed attempt that is followed by another.
func (r *Recorder) Retried(group string, e *llm.Error) {
	r.retries.WithLabelValues(group, string(e.Code)).Inc()
}

// Queued counts a call that begins to wait for a deployment with room; Waited ends it.
func (r *Recorder) Queued(group string) { r.queued.WithLabelValues(group).Inc() }

// Waited counts a call that has waited for a deployment with room.
func (r *Recorder) Waited(group, result string, took time.Duration) {
	r.queued.WithLabelValues(group).Dec()
	r.waits.WithLabelValues(group, result).Observe(took.Seconds())
}

// Refused counts a request that never became a call.
func (r *Recorder) Refused(status int) { r.refused.WithLabelValues(strconv.Itoa(status)).Inc() }

// Alerted counts an alert at a target by what became of it.
func (r *Recorder) Alerted(target, result string) { r.alerts.WithLabelValues(target, result).Inc() }

// Guarded counts a check by a guardrail.
func (r *Recorder) Guarded(name, mode, result string, took time.Duration) {
	r.guards.WithLabelValues(name, mode, result).Observe(took.Seconds())
}

// GuardrailDown sets whether a guardrail gives no verdicts, and why; nil for one that does.
func (r *Recorder) GuardrailDown(name string, err error) {
	if err == nil {
		r.away.WithLabelValues(name).Set(0)
		return
	}
	r.away.WithLabelValues(name).Set(1)
	r.log.Warn("a guardrail gives no verdicts", slog.String("guardrail", name), slog.String("error", err.Error()))
}

// ExpectAlerts creates the series of alerts at a target, so that they start at 0.
func (r *Recorder) ExpectAlerts(target string, results ...string) {
	for _, result := range results {
		r.alerts.WithLabelValues(target, result)
	}
}

// Watch has a function called with each call that has ended, after those that watch already. It must not block, nor keep
// the record. It is called before calls are served.
func (r *Recorder) Watch(ended func(*Call)) {
	var all []func(*Call)
	if before := r.watchers.Load(); before != nil {
		all = slices.Clone(*before)
	}
	all = append(all, ended)
	r.watchers.Store(&all)
}

// Replace adds metrics of another package to those that are served, in place of others; either may be nil.
func (r *Recorder) Replace(before, after prometheus.Collector) error {
	if before != nil {
		r.registry.Unregister(before)
	}
	if after == nil {
		return nil
	}
	return r.registry.Register(after)
}

// Record writes the log line and the metrics of a finished call.
func (r *Recorder) Record(ctx context.Context, c *Call) {
	r.open.Dec()
	r.measure(c)
	if all := r.watchers.Load(); all != nil {
		for _, ended := range *all {
			ended(c)
		}
	}
	level, msg := slog.LevelInfo, "call"
	if c.Err != nil && c.Err.Code != llm.CodeClientGone {
		level = slog.LevelWarn
		if c.Status >= 500 {
			level = slog.LevelError
		}
	}
	if !r.log.Enabled(ctx, level) {
		return
	}
	if h, ok := r.log.Handler().(Lines); ok {
		r.writeLine(h, level, c)
		return
	}
	var room [usualAttributes]slog.Attr
	r.log.LogAttrs(ctx, level, msg, attributes(room[:0], c)...)
}

func (r *Recorder) measure(c *Call) {
	key := seriesKey{door: c.Door, group: c.Group, status: c.Status, stream: c.Stream}
	if c.Err != nil {
		key.code = string(c.Err.Code)
	}
	if c.MirrorOf != "" { // no client waits for it
		key.door = mirrorDoor
	}
	s := r.lookup(key)
	s.requests.Inc()
	s.duration.Observe(c.Duration.Seconds())
	if c.FirstToken > 0 {
		s.first.Observe(c.FirstToken.Seconds())
	}
	if c.Foreign {
		return
	}
	if c.Saved > 0 {
		s.saved.Add(c.Saved.USD())
	}
	if c.Cached { // no token was used
		return
	}
	s.cost.Add(max(0, c.Usage.Cost.Value.USD()))
	if c.Estimated {
		s.estimatedOutputs.Add(float64(c.Usage.Output))
		return
	}
	add := func(to prometheus.Counter, n int64) {
		if n > 0 {
			to.Add(float64(n))
		}
	}
	add(s.input, c.Usage.Input)
	add(s.output, c.Usage.Output)
	add(s.read, c.Usage.CacheRead.Value)
	add(s.write, c.Usage.CacheWrite.Value)
}

// lookup resolves label sets once. Every part of the key comes from a bounded set.
func (r *Recorder) lookup(key seriesKey) *series {
	if s, ok := r.series.Load(key); ok {
		return s.(*series) //nolint:forcetypeassert // nothing else is stored
	}
	s := &series{
		requests:         r.requests.WithLabelValues(key.door, key.group, strconv.Itoa(key.status), key.code),
		duration:         r.duration.WithLabelValues(key.door, key.group, strconv.FormatBool(key.stream)),
		first:            r.first.WithLabelValues(key.door, key.group),
		input:            r.tokens.WithLabelValues(key.group, "input"),
		output:           r.tokens.WithLabelValues(key.group, "output"),
		read:             r.tokens.WithLabelValues(key.group, "cache_read"),
		write:            r.tokens.WithLabelValues(key.group, "cache_write"),
		cost:             r.cost.WithLabelValues(key.group),
		estimatedOutputs: r.tokens.WithLabelValues(key.group, "output_estimated"),
		saved:            r.cache.saved.WithLabelValues(key.group),
	}
	r.series.Store(key, s)
	return s
}
