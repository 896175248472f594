package alert

import (
	"context"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// TestReportsSayWhatWasSeenSinceTheLast plays two days on a virtual clock.
func TestReportsSayWhatWasSeenSinceTheLast(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		told := make(sink, 100)
		r := WatchReports(t.Context(), ReportOptions{Sink: told, Wants: func(Type) bool { return true }, Every: 12 * time.Hour, Logger: slog.New(slog.DiscardHandler)})
		pass := func(after time.Duration, want ...string) {
			t.Helper()
			time.Sleep(after)
			synctest.Wait()
			if len(told) != len(want) {
				t.Fatalf("%d were sent, want %d", len(told), len(want))
			}
			for _, w := range want {
				a := <-told
				if text := string(a.Type) + " " + string(a.Level) + " " + a.Text; !strings.Contains(text, w) {
					t.Errorf("%q, want %q", text, w)
				}
			}
		}
		time.Sleep(time.Minute) // so that nothing is due at the same time as what is waited for
		to := func(model string) Target { return Target{Provider: "bedrock", Model: model, Region: "eu-central-1"} }
		r.Ended(&Call{Model: "claude", To: to("slow"), Duration: 4 * time.Second, Output: 2})
		r.Ended(&Call{Model: "claude", To: to("slow"), Duration: 2 * time.Second, Output: 2})
		r.Ended(&Call{Model: "nova", Asked: "claude", To: to("fast"), Duration: time.Second, Output: 10, Tries: []Target{to("down")}})
		r.Ended(&Call{Model: "claude", To: to("down"), Code: "service.unavailable", Status: 503, Theirs: true})
		r.Ended(&Call{Model: "claude", To: to("fast"), Code: "gateway.bad_request", Status: 400})
		pass(12*time.Hour-time.Minute, "daily_reports Low Here are the key metrics of the last 12h0m0s 📈:\n\n*❗️ Top Deployments with Most Failed Requests:*\n\n"+
			"\t1. Deployment: `down`, Failed Requests: `2`,  Provider: `bedrock`, Region: `eu-central-1`\n\n*😅 Top Slowest Deployments:*\n\n"+
			"\t1. Deployment: `slow`, Latency per output token: `1.500s/token`,  Provider: `bedrock`, Region: `eu-central-1`\n"+
			"\t2. Deployment: `fast`, Latency per output token: `0.100s/token`")
		pass(12*time.Hour, "fallback_reports Low *Fallback Statistics:*\n`1 successful fallback requests` with primary model=`claude` -> fallback model=`nova`")
		pass(48 * time.Hour) // nothing was seen
		r.Ended(&Call{Model: "claude", To: to("down"), Code: "service.unavailable", Status: 503, Theirs: true})
		pass(12*time.Hour, "Failed Requests: `1`,  Provider: `bedrock`, Region: `eu-central-1`\n\n*😅 Top Slowest Deployments:*\n\n\tNone\n")
		r.Close()
	})
}

// TestModelsThatEndAreToldOnceADayByOneReplica plays three days on a virtual clock.
func TestModelsThatEndAreToldOnceADayByOneReplica(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		told := make(sink, 100)
		today := time.Now().UTC().Truncate(day)
		endings := []Ending{
			{Model: "old", Provider: "bedrock", Day: today.Add(-2 * day), Successor: "new"}, {Model: "soon", Day: today.Add(30 * day)}, {Model: "later", Day: today.Add(60 * day)},
		}
		var mu sync.Mutex
		claims := map[string]time.Time{}
		opt := ReportOptions{
			Sink: told, Wants: func(t Type) bool { return t == Deprecations }, Every: time.Hour, Logger: slog.New(slog.DiscardHandler),
			Endings: func() []Ending { return endings },
			Claim: func(_ context.Context, what string, now, expires time.Time) (bool, error) {
				mu.Lock()
				defer mu.Unlock()
				if now.Before(claims[what]) {
					return false, nil
				}
				claims[what] = expires
				return true, nil
			},
		}
		a := WatchReports(t.Context(), opt)
		synctest.Wait()
		b := WatchReports(t.Context(), opt)
		time.Sleep(23 * time.Hour)
		synctest.Wait()
		if len(told) != 1 {
			t.Fatalf("%d were sent", len(told))
		}
		got := <-told
		for _, want := range []string{
			"*⚠️ Model Deprecation Warning*", "*Already deprecated:*\n• `old` (provider: bedrock, deprecates " + endings[0].Day.Format(time.DateOnly) + ", already deprecated 2d ago, migrate to `new`)\n",
			"*Deprecating within 30 days:*\n• `soon` (provider: unknown, deprecates " + endings[1].Day.Format(time.DateOnly) + ", in 30d)\n",
		} {
			if !strings.Contains(got.Text, want) || got.Level != High || strings.Contains(got.Text, "later") {
				t.Errorf("%s %s, want %s", got.Level, got.Text, want)
			}
		}
		time.Sleep(49 * time.Hour)
		synctest.Wait()
		if len(told) != 3 {
			t.Errorf("in the next two days %d were sent", len(told))
		}
		a.Close()
		b.Close()
	})
}
