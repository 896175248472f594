package litellmmetrics_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"outcrop/llm"
	"outcrop/telemetry"
	"outcrop/telemetry/litellmmetrics"
)

func describe(c *telemetry.Call) litellmmetrics.Described {
	d := litellmmetrics.Described{Model: "us.granite", Deployment: c.Meta.Deployment, Provider: "bedrock"}
	if c.Err != nil {
		d.Class = "Bedrock.Timeout"
	}
	return d
}

func options() litellmmetrics.Options {
	return litellmmetrics.Options{Describe: describe, Open: func() int64 { return 3 }, Known: func(model string) bool { return model == "granite" }}
}

// scrape collects the values of all series, as name{labels} to value; of a histogram the number of its observations.
func scrape(t *testing.T, m *litellmmetrics.Metrics) map[string]float64 {
	t.Helper()
	r := prometheus.NewPedanticRegistry()
	if err := r.Replace(nil, m); err != nil {
		t.Fatal(err)
	}
	families, err := r.Gather()
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]float64{}
	for _, f := range families {
		for _, s := range f.GetMetric() {
			var labels []string
			for _, l := range s.GetLabel() {
				labels = append(labels, l.GetName()+"="+l.GetValue())
			}
			value := s.GetCounter().GetValue() + s.GetGauge().GetValue()
			if h := s.GetHistogram(); h != nil {
				value = float64(h.GetSampleCount())
			}
			all[f.GetName()+"{"+strings.Join(labels, ",")+"}"] = value
		}
	}
	return all
}

// sum adds the series of a metric whose labels have all of the given texts.
func sum(all map[string]float64, name string, with ...string) (total float64) {
	for series, value := range all {
		ok := strings.HasPrefix(series, name+"{")
		for _, w := range with {
			ok = ok && strings.Contains(series, w)
		}
		if ok {
			total += value
		}
	}
	return total
}

func call() *telemetry.Call {
	c := &telemetry.Call{
		Door: "openai_chat", Model: "granite", Group: "granite", Status: 200, Duration: 2 * time.Second, Sent: time.Millisecond, Upstream: time.Second,
		Usage: llm.Usage{Input: 5, Output: 7, CacheRead: llm.Some(int64(3)), Cost: llm.Some(llm.Cost(25_000_000))},
		Who:   telemetry.Who{KeyHash: "abc", KeyAlias: "alias", UserID: "u", UserEmail: "e", TeamID: "t", TeamAlias: "Team", OrganizationID: "o", OrganizationAlias: "Org", Customer: "cust"},
		From:  telemetry.From{Route: "/v1/chat/completions", Address: "192.0.2.1", UserAgent: "test"},
	}
	c.Meta.Deployment = "dep"
	return c
}

func TestACallThatSucceeds(t *testing.T) {
	m := litellmmetrics.New(options())
	m.Ended(call())
	all := scrape(t, m)
	for name, want := range map[string]float64{
		"litellm_proxy_total_requests_metric_total": 1, "litellm_requests_metric_total": 1, "litellm_deployment_success_responses_total": 1, "litellm_deployment_total_requests_total": 1,
		"litellm_total_tokens_metric_total": 15, "litellm_input_tokens_metric_total": 8, "litellm_output_tokens_metric_total": 7, "litellm_input_cached_tokens_metric_total": 3,
		"litellm_provider_cache_read_input_tokens_metric_total": 3, "litellm_request_total_latency_metric": 1, "litellm_llm_api_latency_metric": 1, "litellm_overhead_latency_metric": 1,
		"litellm_request_queue_time_seconds": 1, "litellm_deployment_latency_per_output_token": 1, "litellm_llm_api_time_to_first_token_metric": 0, "litellm_in_flight_requests": 3,
		"litellm_proxy_failed_requests_metric_total": 0, "litellm_deployment_state": 0,
	} {
		if got := sum(all, name); got != want {
			t.Errorf("%s is %g, want %g", name, got, want)
		}
	}
	if sum(all, "litellm_spend_metric_total", "hashed_api_key=abc", "api_key_alias=alias", "team=t", "team_alias=Team", "user=u", "user_email=e", "org_id=o", "org_alias=Org", "model=us.granite", "model_id=dep", "requested_model=granite", "client_ip=192.0.2.1", "user_agent=test", "end_user=None", "service_tier=None", "api_provider=bedrock") <= 0 {
		t.Errorf("the cost is missing in %v", all)
	}
}

func TestACallThatFails(t *testing.T) {
	m := litellmmetrics.New(options())
	c := call()
	c.Err, c.Status = &llm.Error{Code: llm.CodeTimeout, Status: 504}, 504
	m.Ended(c)
	made := call()
	made.Model, made.Group, made.Err, made.Status = "made-up", "", &llm.Error{Code: llm.CodeNotFound, Status: 404}, 404
	m.Ended(made)
	m.Ended(&telemetry.Call{Door: "refused", Status: 401, Err: &llm.Error{Code: llm.CodeUnauthorized, Status: 401}})
	m.CallbackFailed("langfuse", 2)
	all := scrape(t, m)
	if sum(all, "litellm_proxy_failed_requests_metric_total", "exception_class=Bedrock.Timeout", "exception_status=504", "requested_model=granite") != 1 ||
		sum(all, "litellm_deployment_failure_responses_total", "exception_status=504", "model_id=dep") != 1 || sum(all, "litellm_deployment_state", "model_id=dep") != 1 ||
		sum(all, "litellm_llm_api_failed_requests_metric_total", "model=us.granite") != 1 || sum(all, "litellm_requests_metric_total") != 0 ||
		sum(all, "litellm_proxy_total_requests_metric_total") != 3 || sum(all, "litellm_callback_logging_failures_metric_total", "callback_name=langfuse") != 2 {
		t.Errorf("got %v", all)
	}
	for series := range all {
		if strings.Contains(series, "made-up") {
			t.Errorf("a client has made the label of %s", series)
		}
	}
}

// Whatever callers do, there are not more series than the bound lets there be.
func TestSeriesAreBounded(t *testing.T) {
	opt := options()
	opt.Series, opt.EndUsers = 10, true
	m := litellmmetrics.New(opt)
	for i := range 1000 {
		c := call()
		c.From.UserAgent, c.Who.Customer = fmt.Sprint("agent", i), fmt.Sprint("cust", i)
		m.Ended(c)
	}
	all := scrape(t, m)
	n := 0
	for series := range all {
		if strings.HasPrefix(series, "litellm_spend_metric_total") {
			n++
		}
	}
	if n != 11 || sum(all, "litellm_requests_metric_total") != 1000 || sum(all, "litellm_requests_metric_total", "user_agent=other", "end_user=other", "hashed_api_key=other", "model=us.granite") != 990 || sum(all, "litellm_requests_metric_total", "end_user=cust3") != 1 {
		t.Errorf("%d series: %v", n, all)
	}
}

func TestOnlyTheConfiguredMetricsAreServed(t *testing.T) {
	opt := options()
	opt.Only = map[string][]string{"litellm_proxy_total_requests_metric": {"status_code", "requested_model"}, "litellm_request_total_latency_metric": nil}
	opt.Buckets = []float64{1, 10}
	m := litellmmetrics.New(opt)
	m.Ended(call())
	m.CallbackFailed("x", 1)
	all := scrape(t, m)
	if len(all) != 2 || all["litellm_proxy_total_requests_metric_total{requested_model=granite,status_code=200}"] != 1 {
		t.Errorf("got %v", all)
	}
}

func TestNamesAndLabels(t *testing.T) {
	for _, name := range litellmmetrics.Names() {
		if name != "litellm_in_flight_requests" && len(litellmmetrics.Labels(name)) == 0 {
			t.Errorf("%s has no labels", name)
		}
	}
	if litellmmetrics.Labels("none") != nil {
		t.Error("there is no such metric")
	}
}
