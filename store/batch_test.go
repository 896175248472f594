package store

import (
	"fmt"
	"testing"
	"time"

	"outcrop/quota"
)

// BenchmarkBatch reckons what a batch of calls of ten keys adds to the tables. An operation is a row.
func BenchmarkBatch(b *testing.B) {
	rows := make([]Row, 4000)
	now := time.Now()
	keys, counters := make([]string, 10), make([]string, 10)
	for i := range keys {
		keys[i] = fmt.Sprintf("%064d", i)
		counters[i] = SpendCounter(KindKey, keys[i])
	}
	for i := range rows {
		start := now.Add(time.Duration(i) * 200 * time.Microsecond)
		rows[i] = Row{
			RequestID: fmt.Sprintf("%012x%020x", start.UnixMilli(), i), CallType: "acompletion", Key: keys[i%10], Cost: 123_456, Start: start,
			End: start.Add(time.Duration(500+i%700) * time.Microsecond), Model: "amazon.nova-pro-v1:0", Deployment: "5f9c", Group: "nova-pro", Provider: "bedrock",
			User: "user-1", Team: "team-1", Address: "127.0.0.1", Input: 1234, Output: 567, Status: 200, Region: "us-east-1",
			Charges: []Charge{
				{Counter: counters[i%10], Units: 123_456, Taken: 123_456, Period: 7, Window: quota.Window{Months: 1}},
				{Counter: "team:team-1/spend", Units: 123_456, Taken: 123_456, Period: 3},
				{Counter: "user:user-1/spend", Units: 123_456, Taken: 123_456, Period: 3},
			},
		}
	}
	b.ReportAllocs()
	for n := 0; n < b.N; n += len(rows) {
		newBatch(rows, false)
	}
}

// A limit that changes while rows wait counts by its new window, whichever group of calls is reckoned last.
func TestAChargeHasTheWindowOfTheLatestCall(t *testing.T) {
	now := time.Now()
	row := func(user string, after time.Duration, w quota.Window) Row {
		return Row{RequestID: user + after.String(), User: user, Start: now.Add(after), Charges: []Charge{{Counter: "team:rock/spend", Units: 1, Window: w}}}
	}
	b := newBatch([]Row{
		row("ann", 0, quota.Window{Days: 1}), row("ben", time.Second, quota.Window{Days: 1}), row("ann", 2*time.Second, quota.Window{Months: 1}),
	}, true)
	if c := b.charges["team:rock/spend"]; c.units != 3 || c.window != (quota.Window{Months: 1}) {
		t.Errorf("%+v", c)
	}
}
