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
