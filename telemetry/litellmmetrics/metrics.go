// Package litellmmetrics serves metrics with LiteLLM's names and labels, for dashboards and alerts that were made for it.
package litellmmetrics

import (
	"slices"
	"strconv"
	"sync"
	"sync/atomic"

	"github.com/prometheus/client_golang/prometheus"

	"outcrop/llm"
	"outcrop/telemetry"
)

// DefaultSeries is how many label sets there are at most by default.
const DefaultSeries = 10_000

// Options are how metrics are served.
type Options struct {
	// Only maps the names of the metrics that are served to their labels; nil for all metrics with all labels, as is an
	// empty list of labels.
	Only map[string][]string
	// Buckets are those of latencies, in seconds; LiteLLM's if nil.
	Buckets []float64
	// Series bounds the label sets; DefaultSeries if 0. Callers beyond it have other as their labels.
	Series int
	// EndUsers is whether the label end_user has a value.
	EndUsers bool
	// Known reports whether a name can be called, and may be a label; nil for every name.
	Known func(model string) bool
	// Describe returns LiteLLM's names for what a call has come to.
	Describe func(c *telemetry.Call) Described
	// Open is the number of calls in progress.
	Open func() int64
}

// Described is what a call is in LiteLLM's words.
type Described struct{ Model, Deployment, Provider, Base, Class string }

// Metrics are LiteLLM's. They are safe for concurrent use.
type Metrics struct {
	opt       Options
	all       []metric
	counters  map[string]*prometheus.CounterVec
	gauges    map[string]*prometheus.GaugeVec
	histogram map[string]*prometheus.HistogramVec
	open      prometheus.GaugeFunc

	series sync.Map // key to *series
	count  atomic.Int64
}

// series are the counters of a key, by the order of Metrics.all; nil for metrics without one yet.
type series struct {
	key key

	total, failed, requests, spend, tokens, input, output, good, bad, deployment, apiFailed prometheus.Counter
	api, whole, overhead, queue, perToken                                                   prometheus.Observer
	state                                                                                   prometheus.Gauge
}

// latencies are LiteLLM's buckets (litellm/types/integrations/prometheus.py, LATENCY_BUCKETS, 1.110.2).
func latencies() []float64 {
	return []float64{.005, .01, .025, .05, .1, .25, .5, 1, 2, 5, 10, 30, 60, 120, 300, 420, 600}
}

// New makes the metrics.
func New(opt Options) *Metrics {
	if opt.Series == 0 {
		opt.Series = DefaultSeries
	}
	if opt.Buckets == nil {
		opt.Buckets = latencies()
	}
	m := &Metrics{opt: opt, counters: map[string]*prometheus.CounterVec{}, gauges: map[string]*prometheus.GaugeVec{}, histogram: map[string]*prometheus.HistogramVec{}}
	for _, one := range metrics() {
		if opt.Only != nil {
			labels, wanted := opt.Only[one.name]
			if !wanted {
				continue
			}
			if len(labels) > 0 {
				one.labels = slices.DeleteFunc(slices.Clone(one.labels), func(l string) bool { return !slices.Contains(labels, l) })
			}
		}
		m.all = append(m.all, one)
		switch {
		case one.name == inFlight:
			m.open = prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: one.name, Help: one.help}, func() float64 { return float64(opt.Open()) })
		case one.kind == counter:
			m.counters[one.name] = prometheus.NewCounterVec(prometheus.CounterOpts{Name: one.name + "_total", Help: one.help}, one.labels)
		case one.kind == gauge:
			m.gauges[one.name] = prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: one.name, Help: one.help}, one.labels)
		default:
			m.histogram[one.name] = prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: one.name, Help: one.help, Buckets: opt.Buckets}, one.labels)
		}
	}
	return m
}

// Describe is for prometheus.Collector.
func (m *Metrics) Describe(to chan<- *prometheus.Desc) {
	m.each(func(c prometheus.Collector) { c.Describe(to) })
}

// Collect is for prometheus.Collector.
func (m *Metrics) Collect(to chan<- prometheus.Metric) {
	m.each(func(c prometheus.Collector) { c.Collect(to) })
}

func (m *Metrics) each(f func(c prometheus.Collector)) {
	if m.open != nil {
		f(m.open)
	}
	for _, c := range m.counters {
		f(c)
	}
	for _, c := range m.gauges {
		f(c)
	}
	for _, c := range m.histogram {
		f(c)
	}
}

// CallbackFailed counts records that could not be sent to a callback.
func (m *Metrics) CallbackFailed(callback string, n int) {
	if v := m.counters[callbackFailures]; v != nil {
		values := []string{}
		if i := m.find(callbackFailures); i >= 0 && len(m.all[i].labels) > 0 {
			values = append(values, callback)
		}
		v.WithLabelValues(values...).Add(float64(n))
	}
}

func (m *Metrics) find(name string) int {
	return slices.IndexFunc(m.all, func(one metric) bool { return one.name == name })
}

// keyOf is the key of a call.
func (m *Metrics) keyOf(c *telemetry.Call) key {
	d := m.opt.Describe(c)
	k := key{
		keyHash: c.Who.KeyHash, keyAlias: c.Who.KeyAlias, team: c.Who.TeamID, teamAlias: c.Who.TeamAlias, user: c.Who.UserID, userEmail: c.Who.UserEmail,
		org: c.Who.OrganizationID, orgAlias: c.Who.OrganizationAlias,
		model: d.Model, group: c.Group, modelID: d.Deployment, apiBase: d.Base, provider: d.Provider, route: c.From.Route, address: c.From.Address, agent: c.From.UserAgent,
		status: strconv.Itoa(c.Status), class: d.Class,
	}
	if m.opt.EndUsers {
		k.endUser = c.Who.Customer
	}
	switch {
	case c.Model == "":
	case c.Group != "" && (m.opt.Known == nil || m.opt.Known(c.Model)):
		k.requested = c.Model
	case c.Group != "":
		k.requested = c.Group
	default: // a name that a client has made up
		k.requested, k.model = "other", "other"
	}
	return k
}

// Ended counts a call that has ended.
func (m *Metrics) Ended(c *telemetry.Call) {
	s := m.lookup(m.keyOf(c))
	inc(s.total)
	if c.Err != nil {
		inc(s.failed)
		if c.Model == "" {
			return // it never was a call of a model
		}
		inc(s.apiFailed)
		inc(s.deployment)
		inc(s.bad)
		if s.state != nil && c.Err.Code != llm.CodeClientGone && c.Err.Responsible() != llm.ActorCaller {
			s.state.Set(1)
		}
		return
	}
	inc(s.requests)
	inc(s.deployment)
	inc(s.good)
	if s.state != nil {
		s.state.Set(0)
	}
	observe(s.whole, c.Duration.Seconds())
	observe(s.api, c.Upstream.Seconds())
	observe(s.overhead, max(0, (c.Duration-c.Upstream).Seconds()))
	observe(s.queue, c.Sent.Seconds())
	if c.Stream && c.FirstToken > 0 {
		observe(m.histogramOf(firstToken, &s.key), c.ToFirstToken().Seconds())
	}
	if c.Foreign {
		return // its counts cannot be trusted
	}
	u := &c.Usage
	if u.Output > 0 {
		observe(s.perToken, c.Upstream.Seconds()/float64(u.Output))
	}
	plus(s.spend, max(0, u.Cost.Value.USD()))
	plus(s.tokens, float64(u.Prompt()+u.Output))
	plus(s.input, float64(u.Prompt()))
	plus(s.output, float64(u.Output))
	for _, more := range [...]struct {
		name string
		n    int64
	}{
		{cachedTokens, u.CacheRead.Value},
		{providerRead, u.CacheRead.Value},
		{createdTokens, u.CacheWrite.Value},
		{providerWrite, u.CacheWrite.Value},
		{reasoningTokens, u.Reasoning.Value},
		{images, u.Images},
	} {
		if more.n > 0 {
			plus(m.counterOf(more.name, &s.key), float64(more.n))
		}
	}
}

func inc(c prometheus.Counter) { plus(c, 1) }

func plus(c prometheus.Counter, n float64) {
	if c != nil {
		c.Add(n)
	}
}

func observe(o prometheus.Observer, v float64) {
	if o != nil {
		o.Observe(v)
	}
}

// lookup resolves the label sets of a key once. When there are too many, callers share those of other.
func (m *Metrics) lookup(k key) *series {
	if s, ok := m.series.Load(k); ok {
		return s.(*series) //nolint:forcetypeassert // nothing else is stored
	}
	if m.count.Load() >= int64(m.opt.Series) {
		k.overflow()
		if s, ok := m.series.Load(k); ok {
			return s.(*series) //nolint:forcetypeassert // nothing else is stored
		}
	}
	s := &series{key: k, total: m.counterOf(proxyTotal, &k)}
	if k.class != "" {
		s.failed = m.counterOf(proxyFailed, &k)
		if k.requested != "" {
			s.apiFailed, s.bad, s.deployment = m.counterOf(apiFailed, &k), m.counterOf(deploymentBad, &k), m.counterOf(deploymentTotal, &k)
			if k.modelID != "" {
				s.state = m.gaugeOf(deploymentState, &k)
			}
		}
	} else {
		s.requests, s.spend = m.counterOf(requests, &k), m.counterOf(spendTotal, &k)
		s.tokens, s.input, s.output = m.counterOf(totalTokens, &k), m.counterOf(inputTokens, &k), m.counterOf(outputTokens, &k)
		s.good, s.deployment = m.counterOf(deploymentGood, &k), m.counterOf(deploymentTotal, &k)
		s.state = m.gaugeOf(deploymentState, &k)
		s.api, s.whole = m.histogramOf(apiLatency, &k), m.histogramOf(totalLatency, &k)
		s.overhead, s.queue, s.perToken = m.histogramOf(overhead, &k), m.histogramOf(queueTime, &k), m.histogramOf(perToken, &k)
	}
	if _, there := m.series.LoadOrStore(k, s); !there {
		m.count.Add(1)
	}
	return s
}

// values are those of a metric's labels.
func (m *Metrics) values(name string, k *key) []string {
	i := m.find(name)
	values := make([]string, 0, 16)
	for _, l := range m.all[i].labels {
		values = append(values, k.value(l))
	}
	return values
}

func (m *Metrics) counterOf(name string, k *key) prometheus.Counter {
	if v := m.counters[name]; v != nil {
		return v.WithLabelValues(m.values(name, k)...)
	}
	return nil
}

func (m *Metrics) gaugeOf(name string, k *key) prometheus.Gauge {
	if v := m.gauges[name]; v != nil {
		return v.WithLabelValues(m.values(name, k)...)
	}
	return nil
}

func (m *Metrics) histogramOf(name string, k *key) prometheus.Observer {
	if v := m.histogram[name]; v != nil {
		return v.WithLabelValues(m.values(name, k)...)
	}
	return nil
}
