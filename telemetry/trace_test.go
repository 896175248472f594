package telemetry_test

import (
	"strings"
	"testing"

	"outcrop/telemetry"
)

func TestTraces(t *testing.T) {
	const id, valid = "0123456789abcdef0123456789abcdef", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
	call := func(parent string) telemetry.Trace {
		return (&telemetry.Call{ID: id, From: telemetry.From{TraceParent: parent}}).Trace()
	}
	for _, parent := range []string{
		"", "x", valid + "0", valid[:54], "ff" + valid[2:], strings.ToUpper(valid), "00-" + strings.Repeat("0", 32) + valid[35:], valid[:36] + strings.Repeat("0", 16) + "-01", strings.ReplaceAll(valid, "-", "_"),
	} {
		if got := call(parent); got.ID != id || got.Parent != "" || !got.Sampled || got.Span != id[16:] || got.Call == got.Span {
			t.Errorf("%q: got %+v", parent, got)
		}
	}
	if got := call(valid); got.ID != valid[3:35] || got.Parent != valid[36:52] || !got.Sampled {
		t.Errorf("got %+v", got)
	}
	if got := call(strings.TrimSuffix(valid, "1") + "0"); got.Sampled {
		t.Errorf("got %+v", got)
	}
	if got := call("01" + valid[2:] + "-later"); got.ID != valid[3:35] {
		t.Errorf("a later version: got %+v", got)
	}
	c := telemetry.Call{ID: id, From: telemetry.From{TraceParent: valid, TraceState: "a=b"}}
	to := c.AppendTrace(nil)
	if len(to) != 2 || to[0].Value != "00-"+valid[3:35]+"-"+c.Trace().Call+"-01" || to[1].Value != "a=b" {
		t.Errorf("got %v", to)
	}
	c.From.TraceParent = ""
	if to := c.AppendTrace(nil); len(to) != 1 || to[0].Value != "00-"+id+"-"+c.Trace().Call+"-01" {
		t.Errorf("got %v", to)
	}
	if got := (&telemetry.Call{ID: "resp_xyz"}).Trace(); len(got.ID) != 32 || len(got.Span) != 16 || len(got.Call) != 16 {
		t.Errorf("got %+v", got)
	}
}
