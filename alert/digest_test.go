package alert

import (
	"context"
	"encoding/json"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// TestADigestIsSentWhenItsTimeIsOver gathers alerts on a virtual clock.
func TestADigestIsSentWhenItsTimeIsOver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDigests(map[Type]time.Duration{LLMExceptions: time.Hour, LLMTooSlow: time.Minute}, time.Now)
		ctx, cancel := context.WithCancel(t.Context())
		sent := make(chan string, 10)
		over := make(chan struct{})
		go func() {
			defer close(over)
			d.run(ctx, func(one *digest) { sent <- one.text() })
		}()
		pass := func(after time.Duration, want ...string) {
			t.Helper()
			time.Sleep(after)
			synctest.Wait()
			if len(sent) != len(want) {
				t.Fatalf("%d were sent, want %d", len(sent), len(want))
			}
			for _, w := range want {
				if text := <-sent; !strings.Contains(text, w) {
					t.Errorf("%q, want %q", text, w)
				}
			}
		}
		fail := func(model, text string) {
			d.add(&Alert{Type: LLMExceptions, Level: High, Model: model, Text: text})
		}
		begun := time.Now()
		fail("granite", "first")
		fail("granite", "second")
		d.add(&Alert{Type: LLMTooSlow, Level: Low, Model: "granite", Text: "slow"})
		pass(59 * time.Second)
		pass(time.Second, "Alert type: `llm_too_slow` (Digest)\nLevel: `Low`\n")
		fail("granite", "third")
		fail("basalt", "other")
		pass(58 * time.Minute)
		pass(time.Minute, "Alert type: `llm_exceptions` (Digest)\nLevel: `High`\nStart: `"+begun.Format(time.DateTime)+"`\nEnd: `"+begun.Add(time.Minute).Format(time.DateTime)+"`\nCount: `3`\n\nMessage: first")
		pass(time.Minute, "Count: `1`\n\nMessage: other")
		fail("granite", "again") // a digest of its own
		pass(time.Hour, "Count: `1`\n\nMessage: again")
		cancel()
		<-over
	})
}

func TestWhatWasGatheredIsSentAtTheEnd(t *testing.T) {
	slack, hook := takes(t), takes(t)
	s, _ := sender(t, Options{
		Types: []Type{BudgetAlerts, LLMExceptions}, Slack: true, SlackURL: Secret(slack.URL), Webhook: Secret(hook.URL), Gateway: "https://gateway.test",
		Digests: map[Type]time.Duration{BudgetAlerts: time.Hour},
	})
	for range 3 {
		s.Send(Alert{Type: BudgetAlerts, Level: High, Text: "crossed", Event: &Event{Name: BudgetCrossed, Group: GroupKey}})
	}
	s.Send(Alert{Type: LLMExceptions, Level: High, Text: "failed"})
	flush(t, s)
	if len(hook.bodies) != 3 || len(slack.bodies) != 2 {
		t.Fatalf("the webhook has %d, Slack %d", len(hook.bodies), len(slack.bodies))
	}
	for _, want := range []string{"Message: failed", "Count: `3`\n\nMessage: crossed\n\nProxy URL: `https://gateway.test`"} {
		_, body, _ := strings.Cut(<-slack.bodies, " ")
		var v struct{ Text string }
		if err := json.Unmarshal([]byte(body), &v); err != nil || !strings.Contains(v.Text, want) {
			t.Errorf("%s, %v, want %q", body, err, want)
		}
	}
}

func TestAllFailuresOfADigestCount(t *testing.T) {
	told := make(sink, 100)
	c := WatchCalls(CallOptions{Sink: told, Slow: time.Second, Window: time.Minute, Minor: 50, Major: 60, Now: noon, CostAgain: time.Hour, Gathers: func(t Type) bool { return t == LLMExceptions }})
	for range 3 {
		c.Ended(&Call{Model: "granite", Status: 503, Code: "service.unavailable", Message: "down", Theirs: true})
		c.Ended(&Call{Model: "granite", Status: 200, Duration: time.Minute})
		c.Ended(&Call{Model: "granite", Status: 200, NoCost: "no price of the model is known"})
	}
	count := map[Type]int{}
	for len(told) > 0 {
		a := <-told
		count[a.Type]++
		if a.Model != "granite" {
			t.Errorf("it is about %q", a.Model)
		}
	}
	if count[LLMExceptions] != 3 || count[LLMTooSlow] != 1 || count[NoCost] != 1 {
		t.Error(count)
	}
}
