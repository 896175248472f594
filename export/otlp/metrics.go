package otlp

import (
	"slices"
	"time"

	common "go.opentelemetry.io/proto/otlp/common/v1"
	metrics "go.opentelemetry.io/proto/otlp/metrics/v1"

	"outcrop/export"
)

// attributes are those of a point, or of the gateway.
type attributes []*common.KeyValue

func (a *attributes) text(key, value string) {
	if value != "" {
		*a = append(*a, &common.KeyValue{Key: key, Value: &common.AnyValue{Value: &common.AnyValue_StringValue{StringValue: valid(value)}}})
	}
}

// instrument is a histogram of LiteLLM's (integrations/otel/model/semconv.py, Metric, 1.110.2), of which the GenAI
// conventions have all but the last (https://opentelemetry.io/docs/specs/semconv/gen-ai/gen-ai-metrics/).
type instrument struct {
	name, unit, about string
	bounds            []float64
}

// Instruments, by their place in instruments.
const (
	duration = iota
	tokens
	firstToken
	perToken
	cost
)

// instruments are the histograms with the bounds that the conventions advise.
func instruments() []instrument {
	times := []float64{.01, .02, .04, .08, .16, .32, .64, 1.28, 2.56, 5.12, 10.24, 20.48, 40.96, 81.92}
	return []instrument{
		duration:   {"gen_ai.client.operation.duration", "s", "GenAI operation duration", times},
		tokens:     {"gen_ai.client.token.usage", "{token}", "Number of input and output tokens used", []float64{1, 4, 16, 64, 256, 1024, 4096, 16384, 65536, 262144, 1048576, 4194304, 16777216, 67108864}},
		firstToken: {"gen_ai.server.time_to_first_token", "s", "Time to generate first token for successful responses", []float64{.001, .005, .01, .02, .04, .06, .08, .1, .25, .5, .75, 1, 2.5, 5, 7.5, 10}},
		perToken:   {"gen_ai.server.time_per_output_token", "s", "Time per output token generated after the first token for successful responses", []float64{.01, .025, .05, .075, .1, .15, .2, .3, .4, .5, .75, 1, 2.5}},
		cost:       {"gen_ai.usage.cost", "USD", "GenAI request cost", []float64{.0001, .0005, .001, .005, .01, .05, .1, .5, 1, 5, 10}},
	}
}

// dimensions are what the points of a histogram are told apart by: of these there are as many as the configuration has
// models, whatever callers do.
type dimensions struct {
	instrument                         int
	operation, provider, model, answer string
	failure, token                     string
}

// measure makes the points of a batch. Each batch has its own (delta temporality, as LiteLLM's), so that nothing is kept
// between them.
func (s *sender) measure(batch []*export.Record, since, now time.Time) []*metrics.Metric {
	all := instruments()
	points := map[dimensions]*metrics.HistogramDataPoint{}
	var order []dimensions
	observe := func(d dimensions, value float64) {
		p := points[d]
		if p == nil {
			bounds := all[d.instrument].bounds
			var a attributes
			a.text("gen_ai.operation.name", d.operation)
			a.text("gen_ai.provider.name", System(d.provider))
			a.text("gen_ai.system", d.provider)
			a.text("gen_ai.request.model", d.model)
			a.text("gen_ai.response.model", d.answer)
			a.text("error.type", d.failure)
			a.text("gen_ai.token.type", d.token)
			low, high, sum := value, value, 0.0
			p = &metrics.HistogramDataPoint{
				Attributes: a, StartTimeUnixNano: nano(since), TimeUnixNano: nano(now), ExplicitBounds: bounds, BucketCounts: make([]uint64, len(bounds)+1), Sum: &sum, Min: &low, Max: &high,
			}
			points[d] = p
			order = append(order, d)
		}
		i, _ := slices.BinarySearch(p.GetExplicitBounds(), value) // a bound belongs to the bucket below it
		p.BucketCounts[i]++
		p.Count++
		*p.Sum += value
		low, high := min(p.GetMin(), value), max(p.GetMax(), value)
		p.Min, p.Max = &low, &high
	}
	for _, r := range batch {
		if r.Sent == 0 && r.Upstream == 0 {
			continue
		}
		d := dimensions{operation: Operation(r.Door), provider: export.Provider(r), model: r.Group}
		if r.Served.Model != "" { // not a name that callers choose
			d.answer = export.Model(r)
		}
		if r.Err != nil {
			d.failure = string(r.Err.Code)
		}
		d.instrument = duration
		observe(d, r.Upstream.Seconds())
		if r.Err != nil || r.Foreign {
			continue
		}
		if n := r.Usage.Prompt(); n > 0 {
			d.instrument, d.token = tokens, "input"
			observe(d, float64(n))
		}
		if n := r.Usage.Output; n > 0 {
			d.instrument, d.token = tokens, "output"
			observe(d, float64(n))
		}
		d.token = ""
		if r.Usage.Cost.Value > 0 {
			d.instrument = cost
			observe(d, r.Usage.Cost.Value.USD())
		}
		if !r.Stream || r.FirstToken == 0 {
			continue
		}
		d.instrument = firstToken
		observe(d, r.ToFirstToken().Seconds())
		if r.Usage.Output > 1 {
			d.instrument = perToken
			observe(d, (r.Upstream-r.ToFirstToken()).Seconds()/float64(r.Usage.Output-1))
		}
	}
	var out []*metrics.Metric
	for i, one := range all {
		h := &metrics.Histogram{AggregationTemporality: metrics.AggregationTemporality_AGGREGATION_TEMPORALITY_DELTA}
		for _, d := range order {
			if d.instrument == i {
				h.DataPoints = append(h.DataPoints, points[d])
			}
		}
		if len(h.GetDataPoints()) > 0 {
			out = append(out, &metrics.Metric{Name: one.name, Unit: one.unit, Description: one.about, Data: &metrics.Metric_Histogram{Histogram: h}})
		}
	}
	return out
}
