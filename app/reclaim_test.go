package app

import (
	"testing"
)

func TestMemoryIsGivenBackAfterABurst(t *testing.T) {
	const mb = 1 << 20
	r := reclaimer{left: 30 * mb}
	for i, step := range []struct {
		resident, inFlight int64
		due                bool
	}{
		{40 * mb, 0, false},          // little has come
		{2000 * mb, 900 * mb, false}, // the burst
		{3000 * mb, 400 * mb, false}, // is not over
		{3000 * mb, 10 * mb, true},   // is over
		{3000 * mb, 1000 * mb, false},
		{3000 * mb, 0, true}, // one more
	} {
		if due := r.due(step.resident, step.inFlight); due != step.due {
			t.Errorf("step %d: due %t, want %t", i, due, step.due)
		}
	}
	if n := resident(); n <= 0 {
		t.Errorf("%d bytes are resident", n)
	}
}
