package live_test

import (
	"strconv"
	"testing"

	"outcrop/httpd/ui/live"
	"outcrop/telemetry"
)

func all(*telemetry.Call) bool { return true }

func TestTheLastCallsAreReadNewestFirst(t *testing.T) {
	var l live.Log
	for i := range 3 {
		l.Ended(&telemetry.Call{ID: strconv.Itoa(i), Content: &telemetry.Content{}})
	}
	p := l.Read(0, 2, all)
	if len(p.Calls) != 2 || p.Calls[0].ID != "2" || p.Calls[1].ID != "1" || !p.More || p.Last != 3 || p.Missed != 0 {
		t.Errorf("%+v", p)
	}
	if p.Calls[0].Content != nil {
		t.Error("what was asked is kept")
	}
	if p := l.Read(2, 10, all); len(p.Calls) != 1 || p.Calls[0].ID != "2" {
		t.Errorf("%+v", p)
	}
	if p := l.Read(3, 10, all); len(p.Calls) != 0 || p.Last != 3 {
		t.Errorf("%+v", p)
	}
	if p := l.Read(99, 10, all); len(p.Calls) != 3 {
		t.Errorf("a reader of an earlier process gets %d calls", len(p.Calls))
	}
	if c, ok := l.Find("1"); !ok || c.ID != "1" {
		t.Errorf("%+v", c)
	}
	if _, ok := l.Find("9"); ok {
		t.Error("a call that never was")
	}
}

func TestAReaderThatFallsBehindIsToldHowManyCallsItHasMissed(t *testing.T) {
	var l live.Log
	for i := range live.Size + 7 {
		l.Ended(&telemetry.Call{ID: strconv.Itoa(i)})
	}
	p := l.Read(2, live.Size*2, all)
	if p.Missed != 5 || len(p.Calls) != live.Size || p.Calls[live.Size-1].ID != "7" || p.More {
		t.Errorf("missed %d, %d calls, the oldest is %s", p.Missed, len(p.Calls), p.Calls[len(p.Calls)-1].ID)
	}
}

func TestACallCostsNoMemoryOnceTheLogIsFull(t *testing.T) {
	var l live.Log
	c := &telemetry.Call{ID: "x"}
	for range live.Size {
		l.Ended(c)
	}
	if n := testing.AllocsPerRun(100, func() { l.Ended(c) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func BenchmarkEnded(b *testing.B) {
	var l live.Log
	c := &telemetry.Call{ID: "x"}
	for b.Loop() {
		l.Ended(c)
	}
}
