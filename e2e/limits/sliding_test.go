package limits

import (
	"net/http"
	"strconv"
	"testing"
	"time"

	"outcrop/internal/need"
	"outcrop/internal/valkey"
)

const slidingWindow = "outcrop_settings: {limits: {window: sliding}}\n"

// TestASlidingLimitHoldsForEverySpan checks that no 60 seconds have more calls than a limit a minute allows, whichever
// gateways they come to, and that units are free again after that.
func TestASlidingLimitHoldsForEverySpan(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("it takes more than a minute")
	}
	// They wait for most of the time, so all clusters are tested at once.
	t.Run("three on PostgreSQL", func(t *testing.T) {
		t.Parallel()
		slides(t, startCluster(t, 3, database(t), slidingWindow))
	})
	t.Run("three on PostgreSQL and Valkey", func(t *testing.T) {
		t.Parallel()
		counters, err := valkey.Start(t.Context(), t.TempDir())
		need.Server(t, counters, err)
		slides(t, startCluster(t, 3, database(t), slidingWindow, "router_settings: {redis_url: \"redis://"+counters.Address()+"\"}\n"))
	})
	t.Run("one on SQLite", func(t *testing.T) {
		t.Parallel()
		slides(t, startCluster(t, 1, "", slidingWindow))
	})
}

// slides makes three calls, then none until the middle of the minute, and then more than may pass, until one does that a
// minute which began with the first call would allow.
func slides(t *testing.T, c *cluster) {
	t.Helper()
	const (
		limit = 10
		early = 3
		quiet = 40 * time.Second
		pause = 150 * time.Millisecond
	)
	key := c.newKey(`{"rpm_limit":%d}`, limit)
	s := c.up.add(&script{})
	type pass struct{ sent, answered time.Time }
	var passes []pass
	refused := 0
	ask := func() {
		sent := time.Now()
		a := c.ask(question{key: key, script: s, at: next})
		switch {
		case a.whole:
			passes = append(passes, pass{sent, time.Now()})
		case a.status == 429:
			refused++
		default:
			t.Fatal(a)
		}
	}
	began := time.Now()
	for range early {
		ask()
	}
	if len(passes) != early {
		t.Fatalf("%d of %d calls pass", len(passes), early)
	}
	timer := time.NewTicker(pause)
	defer timer.Stop()
	for len(passes) <= limit {
		<-timer.C
		switch since := time.Since(began); {
		case since > quiet+patience:
			t.Fatalf("after %s, %d calls have passed and %d were refused", since, len(passes), refused)
		case since > quiet:
			ask()
		}
	}
	for range 2 * limit { // no more than the early ones are free
		ask()
	}
	for i, last := range passes {
		if i < limit {
			continue
		}
		// Each call passed between its request and its answer.
		if took := last.answered.Sub(passes[i-limit].sent); took < time.Minute {
			t.Errorf("%d calls in %s", limit+1, took)
		}
	}
	if time.Since(began) > quiet+time.Minute { // the machine is so slow that the others are free again
		return
	}
	if len(passes) > limit+early || refused == 0 {
		t.Errorf("%d calls have passed, and %d were refused", len(passes), refused)
	}
	resp, err := c.do(t.Context(), 0, key, "/v1/chat/completions", `{"model":"granite","messages":[{"role":"user","content":"`+s.prompt+`"}]}`)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if retry, err := strconv.Atoi(resp.Header.Get("Retry-After")); resp.StatusCode != http.StatusTooManyRequests || err != nil || retry < 1 || retry > 65 {
		t.Errorf("status %d, Retry-After %q", resp.StatusCode, resp.Header.Get("Retry-After"))
	}
}
