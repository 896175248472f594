package converse_test

import (
	"testing"

	"outcrop/llm"
	"outcrop/wire/converse"
)

func TestTap(t *testing.T) {
	for _, tt := range []struct {
		body       string
		usage      *llm.Usage
		stop, tier string
	}{
		{`{"output":{"message":{"content":[{"unknown":1.0}]}},"stopReason":"end_turn","usage":{"inputTokens":3,"outputTokens":4,"totalTokens":7},"serviceTier":{"type":"flex"}}`, &llm.Usage{Input: 3, Output: 4, Total: 7}, "end_turn", "flex"},
		{`{"stopReason":7,"usage":"much","serviceTier":"flex"}`, nil, "", ""},
		{`{"usage":{"inputTokens":"three"}}`, nil, "", ""},
		{`[]`, nil, "", ""},
		{`nonsense`, nil, "", ""},
		{``, nil, "", ""},
	} {
		got := converse.Tap([]byte(tt.body))
		if (got.Usage == nil) != (tt.usage == nil) || got.Usage != nil && (got.Usage.Input != tt.usage.Input || got.Usage.Output != tt.usage.Output || got.Usage.Total != tt.usage.Total) || got.RawStop != tt.stop || got.ServiceTier != tt.tier {
			t.Errorf("%s: %+v", tt.body, got)
		}
		for event, read := range map[string]bool{"metadata": true, "messageStop": true, "contentBlockDelta": false, "novelty": false} {
			if ev := converse.TapEvent([]byte(event), []byte(tt.body)); read && ev.RawStop != tt.stop || !read && ev != (converse.Tapped{}) {
				t.Errorf("%s %s: %+v", event, tt.body, ev)
			}
		}
	}
}
