package limits

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
)

// ending is the setting with which streams end when a budget is used up.
const ending = "outcrop_settings: {limits: {streams: end}}\n"

// TestAStreamEndsWhenItsBudgetIsSpent checks at each door that the client has what was paid for and then the error of
// the budget in the door's own form, that Bedrock is hung up on, and that no more is charged than a piece beyond the
// budget.
func TestAStreamEndsWhenItsBudgetIsSpent(t *testing.T) {
	const length, paid, pause = 40, 5, 20
	const said = "the budget of this key is used up: Budget has been exceeded! Current cost: 0.000075, Max budget: 0.000075."
	c := startCluster(t, 1, "", ending)
	for name, door := range map[string]struct{ path, body, piece, failure, end string }{
		"chat completions": {
			path: "/v1/chat/completions", body: `{"model":"granite","stream":true,"max_tokens":40,"messages":[{"role":"user","content":%q}]}`,
			piece: `"content":" ore"`, failure: `"type":"budget_exceeded"`, end: `"finish_reason":"stop"`,
		},
		"messages": {
			path: "/v1/messages", body: `{"model":"granite","stream":true,"max_tokens":40,"messages":[{"role":"user","content":%q}]}`,
			piece: `"text":" ore"`, failure: "event: error", end: "message_stop",
		},
		"responses": {
			path: "/v1/responses", body: `{"model":"granite","stream":true,"max_output_tokens":40,"input":%q}`,
			piece: `"delta":" ore"`, failure: "event: response.failed", end: "response.completed",
		},
		"gemini": {
			path: "/v1beta/models/granite:streamGenerateContent?alt=sse", body: `{"generationConfig":{"maxOutputTokens":40},"contents":[{"role":"user","parts":[{"text":%q}]}]}`,
			piece: `"text":" ore"`, failure: `"error":`, end: `"finishReason":"STOP"`,
		},
		"converse": {
			path: "/model/granite/converse-stream", body: `{"inferenceConfig":{"maxTokens":40},"messages":[{"role":"user","content":[{"text":%q}]}]}`,
			piece: `"text":" ore"`, failure: ":exception-type", end: "messageStop",
		},
	} {
		t.Run(name, func(t *testing.T) {
			c := c.on(t)
			key := c.newKey(`{"max_budget":%s}`, dollars(paid*price))
			s := c.up.add(&script{tokens: length, pause: pause})
			ctx, cancel := context.WithTimeout(t.Context(), patience)
			defer cancel()
			resp, err := c.do(ctx, 0, key, door.path, fmt.Sprintf(door.body, s.prompt))
			if err != nil {
				t.Fatal(err)
			}
			defer resp.Body.Close()
			text, err := io.ReadAll(resp.Body)
			if err != nil || resp.StatusCode != http.StatusOK {
				t.Fatalf("%d %v: %s", resp.StatusCode, err, text)
			}
			got := string(text)
			if n := strings.Count(got, door.piece); n != paid+1 || !strings.Contains(got, door.failure) || !strings.Contains(got, said) || strings.Contains(got, door.end) {
				t.Errorf("%d pieces in\n%s", n, got)
			}
			eventually(t, "the gateway hangs up", func() bool {
				s.mu.Lock()
				defer s.mu.Unlock()
				return s.left == 1
			})
			eventually(t, "the call is in the spend log", func() bool { ids, _ := c.rows(key); return len(ids) == 1 })
			if spent := c.spent(0, key); spent != (paid+1)*price {
				t.Errorf("%s was spent, want %s", dollars(spent), dollars((paid+1)*price))
			}
			if a := c.ask(question{key: key, script: s, at: 0, stream: true}); a.status != http.StatusUnprocessableEntity {
				t.Errorf("the next call: %v", a)
			}
		})
	}
}

// TestParallelStreamsEndWithTheirBudget has more streams under way than their budget pays for.
func TestParallelStreamsEndWithTheirBudget(t *testing.T) {
	const length, streams, paid = 40, 20, 3 * 40
	eachKind(t, func(t *testing.T, c *cluster) {
		key := c.newKey(`{"max_budget":%s}`, dollars(paid*price))
		s := c.up.add(&script{tokens: length, pause: 1})
		var all sync.WaitGroup
		var ended atomic.Int64
		for range streams {
			all.Go(func() {
				switch a := c.ask(question{key: key, script: s, at: next, stream: true, tokens: 2}); {
				case a.whole:
				case a.status == http.StatusOK && strings.Contains(a.text, `"type":"budget_exceeded"`):
					ended.Add(1)
				default:
					t.Errorf("a stream neither is whole nor ends with its budget: %v", a)
					s.release()
				}
			})
		}
		eventually(t, "all streams are under way", func() bool { return s.calls() == streams || t.Failed() })
		s.release()
		all.Wait()
		if n := ended.Load(); n < streams-3 {
			t.Errorf("%d of %d streams have ended, and the budget pays for 3", n, streams)
		}
		eventually(t, "all calls are in the spend log", func() bool { ids, _ := c.rows(key); return len(ids) == streams })
		_, sum := c.rows(key)
		if sum > (paid+streams)*price || sum < (paid-streams)*price {
			t.Errorf("%d tokens were paid for, and the budget is %d", sum/price, paid)
		}
		if spent := c.spent(0, key); spent != sum {
			t.Errorf("%s was spent, and the calls cost %s", dollars(spent), dollars(sum))
		}
	}, ending)
}
