package ui

import (
	"testing"
	"time"

	"outcrop/httpd/ui/live"
	"outcrop/llm"
	"outcrop/telemetry"
)

// BenchmarkALookAtLiveCalls is what an open page takes each time that it gets what is new, of a gateway with more calls than it
// shows.
func BenchmarkALookAtLiveCalls(b *testing.B) {
	var calls live.Log
	for range live.Size {
		calls.Ended(&telemetry.Call{ID: "01a22cdddc8de3da3e3e88915b57b5cc", Model: "claude-sonnet-5", Group: "claude-sonnet-5", Started: time.Unix(1_800_000_000, 0), Duration: time.Second, Status: 200, Meta: llm.Meta{Destination: llm.Destination{ID: "us.anthropic.claude-sonnet-5", Region: "us-east-1"}}})
	}
	f := filter{person: &Person{Role: Operator}}
	b.ReportAllocs()
	for b.Loop() {
		p := calls.Read(1, mostNew, f.takes)
		_ = event(p.Last, string(rowsHTML(rowsOf(p.Calls))))
	}
}
