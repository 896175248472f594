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
		if due := r.due(memory{resident: step.resident}, step.inFlight); due != step.due {
			t.Errorf("step %d: due %t, want %t", i, due, step.due)
		}
	}
	if m := readMemory(); m.resident <= 0 || m.spare <= 0 || m.spare > m.resident || m.allocated <= 0 {
		t.Errorf("memory is %+v", m)
	}
}

func TestMemoryIsGivenBackWhileStreamsAreNotRead(t *testing.T) {
	const mb = 1 << 20
	var r reclaimer
	for i, step := range []struct {
		spare, allocated int64
		due              bool
	}{
		{30 * mb, 1000 * mb, false}, // the streams come
		{40 * mb, 1500 * mb, false},
		{40 * mb, 1501 * mb, true}, // and wait
		{1 * mb, 1502 * mb, false}, // nothing is left to give back
		{7 * mb, 1502 * mb, false}, // too little is
	} {
		// All of them are in flight throughout.
		if due := r.due(memory{resident: 100 * mb, spare: step.spare, allocated: step.allocated}, 80*mb); due != step.due {
			t.Errorf("step %d: due %t, want %t", i, due, step.due)
		}
	}
}
