package e2e

import (
	"testing"

	"outcrop/e2e/roughbedrock"
	"outcrop/llm"
)

// withRetries are the settings of a gateway that makes up to three attempts.
const withRetries = "num_retries: 2, timeout: 30"

// TestRetries checks that a failure is retried only while nothing has been sent to the
// client and another attempt can help.
func TestRetries(t *testing.T) {
	overloaded := func(c *roughbedrock.Call) {
		c.Refuse(503, "ServiceUnavailableException", "message", "Bedrock is unable to process your request.")
	}
	// first returns a script that fails like bad once, and then succeeds.
	first := func(bad roughbedrock.Script) roughbedrock.Script {
		return func(c *roughbedrock.Call) {
			if c.Number == 1 {
				bad(c)
				return
			}
			c.Complete("end_turn")
		}
	}
	frames := func(pieces ...[]byte) roughbedrock.Script {
		return func(c *roughbedrock.Call) {
			c.Begin()
			c.Frames(pieces...)
			c.End()
		}
	}
	second := whole()
	second.calls = 2
	both := []bool{false, true}
	streams := []bool{true}
	for _, tt := range []struct {
		name    string
		streams []bool
		script  roughbedrock.Script
		want    want
	}{
		{"an overload, then good", both, first(overloaded), second},
		{"a throttle, then good", both, first(func(c *roughbedrock.Call) {
			c.Refuse(429, "ThrottlingException", "message", "Too many requests, please wait before trying again.")
		}), second},
		{"a reset before the header, then good", both, first(func(c *roughbedrock.Call) { c.Cut(true) }), second},
		{"a throttle in the first frame, then good", streams, first(frames(roughbedrock.Exception("throttlingException", "Too many requests."))), second},
		{"a cut behind messageStart, then good", streams, first(frames(roughbedrock.Start())), second},
		{"overloaded three times", both, overloaded, want{status: 503, code: llm.CodeUnavailable, words: "Bedrock is unable", calls: 3}},
		{"an invalid request is not tried again", both, first(func(c *roughbedrock.Call) {
			c.Refuse(400, "ValidationException", "message", "Something is wrong.")
		}), want{status: 400, code: llm.CodeInvalid, words: "Something is wrong"}},
		{"a denial is not tried again", both, first(func(c *roughbedrock.Call) {
			c.Refuse(403, "AccessDeniedException", "Message", "The quarry is closed.")
		}), want{status: 403, code: llm.CodeDenied, words: "closed"}},
		{
			"nothing is tried again behind the first delta", streams,
			first(frames(append(roughbedrock.Begun(), roughbedrock.Exception("serviceUnavailableException", "Bedrock is unable to process your request."))...)),
			want{status: 200, code: llm.CodeUnavailable, words: "Bedrock is unable", text: roughbedrock.BegunText(), logged: 503},
		},
		{
			"nothing is tried again behind a thought", streams,
			first(frames(roughbedrock.Start(), roughbedrock.Thought("The user asks"), roughbedrock.Exception("throttlingException", "Too many requests."))),
			want{status: 200, code: llm.CodeLimitRequests, words: "Too many", logged: 429},
		},
	} {
		for _, stream := range tt.streams {
			t.Run(tt.name+", "+form(stream), func(t *testing.T) {
				newBench(t, tt.script, withRetries).check(t, stream, tt.want)
			})
		}
	}
}

// TestAnIdleConnectionThatAWSClosedIsNoFailure: Bedrock closes idle connections. The
// next call uses a new one, or is retried if it was sent while the connection was being
// closed.
func TestAnIdleConnectionThatAWSClosedIsNoFailure(t *testing.T) {
	for _, stream := range []bool{false, true} {
		t.Run(form(stream), func(t *testing.T) {
			b := newBench(t, func(c *roughbedrock.Call) {
				c.Complete("end_turn")
				c.Cut(c.Number%2 == 0)
			}, withRetries)
			for range 4 {
				s := b.ask(t, body(stream))
				whole().compareEnd(t, stream, s)
			}
			if lines := b.close(t); len(lines) != 4 {
				t.Errorf("recorded %+v, want four calls", lines)
			}
		})
	}
}
