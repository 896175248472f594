package telemetry_test

import (
	"bytes"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus/promhttp"

	"outcrop/llm"
	"outcrop/telemetry"
)

// record gives the log line and the recorder of one call.
func record(t *testing.T, level slog.Level, c *telemetry.Call) (string, *telemetry.Recorder) {
	t.Helper()
	var log bytes.Buffer
	r := telemetry.NewRecorder(slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{
		Level: level,
		ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
			if a.Key == slog.TimeKey {
				return slog.Attr{}
			}
			return a
		},
	})))
	r.Begun()
	r.Record(t.Context(), c)
	return strings.TrimSuffix(log.String(), "\n"), r
}

func TestTheLineOfACall(t *testing.T) {
	target := llm.Destination{API: "converse", Region: "us-east-1", ID: "m"}
	tests := []struct {
		name string
		call telemetry.Call
		want string
	}{
		{
			"of little is known",
			telemetry.Call{ID: "1", Door: "refused", Status: 404, Duration: 1500 * time.Microsecond, Err: &llm.Error{Code: llm.CodeNotFound, Status: 404, Message: "no"}},
			"level=WARN msg=call id=1 door=refused stream=false status=404 duration_ms=1.5 code=gateway.not_found actor=caller retry=no error=no",
		},
		{
			"of an answer",
			telemetry.Call{
				ID: "1", Door: "openai_chat", Model: "granite", Group: "g", Status: 200, Duration: 2 * time.Second, FirstToken: time.Second, Stream: true, Stop: "end_turn",
				Meta:  llm.Meta{Deployment: "d", Destination: llm.Destination{API: "converse", Region: "us-east-1", ID: "m", Reason: "on demand"}, UpstreamID: "u", Retries: 2, Warnings: []llm.Warning{{}, {}}},
				Usage: llm.Usage{Input: 1, Output: 2, CacheRead: llm.Some(int64(3)), CacheWrite: llm.Some(int64(4)), Cost: llm.Some(llm.Cost(15_300_000))},
			},
			`level=INFO msg=call id=1 door=openai_chat model=granite deployment=d target="api=converse; region=us-east-1; id=m" reason="on demand" upstream_id=u stream=true status=200 retries=2 first_token_ms=1000 duration_ms=2000 prompt_tokens=8 completion_tokens=2 cache_read_tokens=3 cache_write_tokens=4 cost_usd=1.53e-05 stop=end_turn warnings=2`,
		},
		{
			"of a failure says where it happened, though no answer did",
			telemetry.Call{ID: "1", Door: "d", Status: 503, Err: &llm.Error{
				Code: llm.CodeUnavailable, Status: 503, Message: "down", Param: "model", Type: "ServiceUnavailableException", UpstreamStatus: 503, RequestID: "u", Destination: target, Cause: "It is down.", Fix: "Wait.", Err: errors.New("eof"),
			}},
			`level=ERROR msg=call id=1 door=d stream=false status=503 duration_ms=0 code=service.unavailable actor=aws retry=now_elsewhere error=down param=model type=ServiceUnavailableException target="api=converse; region=us-east-1; id=m" upstream_id=u upstream_status=503 why="It is down." fix=Wait. cause=eof`,
		},
		{
			"of a client that left is no alarm, and its tokens are a guess",
			telemetry.Call{ID: "1", Door: "d", Status: 499, Usage: llm.Usage{Input: 4}, Estimated: true, Err: &llm.Error{Code: llm.CodeClientGone, Status: 499, Message: "gone"}},
			"level=INFO msg=call id=1 door=d stream=false status=499 duration_ms=0 prompt_tokens=4 completion_tokens=0 tokens_estimated=true code=gateway.client_gone actor=caller retry=no error=gone",
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got, _ := record(t, slog.LevelInfo, &tt.call); got != tt.want {
				t.Errorf("got\n%s\nwant\n%s", got, tt.want)
			}
		})
	}
}

func TestALevelThatIsOffCostsNoLineButIsMeasured(t *testing.T) {
	line, r := record(t, slog.LevelError, &telemetry.Call{ID: "1", Door: "d", Group: "g", Status: 200})
	if line != "" {
		t.Errorf("got %s", line)
	}
	if got := scrape(r, "outcrop_requests_total"); got != `outcrop_requests_total{code="",door="d",model="g",status="200"} 1`+"\n" {
		t.Errorf("got %s", got)
	}
}

func TestMetrics(t *testing.T) {
	r := telemetry.NewRecorder(slog.New(slog.DiscardHandler))
	calls := []telemetry.Call{
		{Door: "chat", Model: "a name that a caller made up", Group: "granite", Status: 200, Usage: llm.Usage{Input: 5, Output: 7, CacheRead: llm.Some(int64(11)), CacheWrite: llm.Some(int64(13))}},
		{Door: "chat", Group: "granite", Status: 200, Stream: true, FirstToken: time.Second, Duration: 3 * time.Second, Usage: llm.Usage{Input: 1, Output: 1}},
		{Door: "chat", Group: "granite", Status: 499, Usage: llm.Usage{Input: 100, Output: 3}, Estimated: true, Err: &llm.Error{Code: llm.CodeClientGone}},
		{Door: "chat", Group: "granite", Status: 200, Usage: llm.Usage{Input: 1 << 60, Output: 1 << 60, Cost: llm.Some(llm.Cost(1 << 60))}, Foreign: true}, // an endpoint of the caller's says so
		{Door: "chat", Group: "granite", Status: 429, Err: &llm.Error{Code: llm.CodeLimitRequests}},
	}
	for i := range calls {
		r.Begun()
		r.Record(t.Context(), &calls[i])
	}
	r.Begun()
	r.Retried("granite", &llm.Error{Code: llm.CodeUnavailable})
	r.Retried("granite", &llm.Error{Code: llm.CodeUnavailable})
	want := `
outcrop_cost_usd_total{model="granite"} 0
outcrop_open_requests 1
outcrop_requests_total{code="",door="chat",model="granite",status="200"} 3
outcrop_requests_total{code="gateway.client_gone",door="chat",model="granite",status="499"} 1
outcrop_requests_total{code="limit.requests",door="chat",model="granite",status="429"} 1
outcrop_retries_total{code="service.unavailable",model="granite"} 2
outcrop_tokens_total{kind="cache_read",model="granite"} 11
outcrop_tokens_total{kind="cache_write",model="granite"} 13
outcrop_tokens_total{kind="input",model="granite"} 6
outcrop_tokens_total{kind="output",model="granite"} 8
outcrop_tokens_total{kind="output_estimated",model="granite"} 3
`
	if got := "\n" + scrape(r, "outcrop_cost_usd_total", "outcrop_open_requests", "outcrop_requests_total", "outcrop_retries_total", "outcrop_tokens_total"); got != want {
		t.Errorf("got%s\nwant%s", got, want)
	}
	// Streams and whole answers are apart, and only what streamed has a first token.
	want = `
outcrop_request_duration_seconds_count{door="chat",model="granite",stream="false"} 4
outcrop_request_duration_seconds_count{door="chat",model="granite",stream="true"} 1
outcrop_request_duration_seconds_sum{door="chat",model="granite",stream="false"} 0
outcrop_request_duration_seconds_sum{door="chat",model="granite",stream="true"} 3
outcrop_time_to_first_token_seconds_count{door="chat",model="granite"} 1
outcrop_time_to_first_token_seconds_sum{door="chat",model="granite"} 1
`
	got := "\n" + scrape(r, "outcrop_request_duration_seconds_count", "outcrop_request_duration_seconds_sum", "outcrop_time_to_first_token_seconds_count", "outcrop_time_to_first_token_seconds_sum")
	if got != want {
		t.Errorf("got%s\nwant%s", got, want)
	}
	if all := scrape(r, "outcrop_"); strings.Contains(all, "made up") {
		t.Error("what a caller names is a label")
	}
}

// scrape gives the samples whose names begin with one of names, sorted.
func scrape(r *telemetry.Recorder, names ...string) string {
	w := httptest.NewRecorder()
	promhttp.HandlerFor(r.Gatherer(), promhttp.HandlerOpts{}).ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/metrics", nil))
	var lines []string
	for line := range strings.Lines(w.Body.String()) {
		for _, name := range names {
			if strings.HasPrefix(line, name) {
				lines = append(lines, line)
			}
		}
	}
	slices.Sort(lines)
	return strings.Join(lines, "")
}

func TestRecordersAreApartAndTakeCallsAtOnce(t *testing.T) {
	a, b := telemetry.NewRecorder(slog.New(slog.DiscardHandler)), telemetry.NewRecorder(slog.New(slog.DiscardHandler))
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			for range 100 {
				a.Begun()
				a.Record(t.Context(), &telemetry.Call{Door: "chat", Group: "g", Status: 200, Usage: llm.Usage{Output: 1}})
			}
		})
	}
	all.Wait()
	if got := scrape(a, "outcrop_requests_total"); got != `outcrop_requests_total{code="",door="chat",model="g",status="200"} 800`+"\n" {
		t.Errorf("got %s", got)
	}
	if got := scrape(b, "outcrop_requests_total"); got != "" {
		t.Errorf("the other recorder has %s", got)
	}
}
