package llm_test

import (
	"errors"
	"io"
	"testing"

	"outcrop/llm"
)

// TestAnErrorComesBehindTheEventsBeforeIt reads nothing, two events, and one together with an error.
func TestAnErrorComesBehindTheEventsBeforeIt(t *testing.T) {
	var q llm.EventQueue
	reads := 0
	read := func(events []llm.Event) ([]llm.Event, error) {
		if len(events) != 0 {
			t.Errorf("read %d gets %d events", reads, len(events))
		}
		reads++
		switch reads {
		case 1:
			return events, nil
		case 2:
			return append(events, llm.Event{Text: "a"}, llm.Event{Text: "b"}), nil
		default:
			return append(events, llm.Event{Text: "c"}), io.ErrUnexpectedEOF
		}
	}
	var ev llm.Event
	for i, want := range []string{"a", "b", "c"} {
		if err := q.Next(&ev, read); err != nil || ev.Text != want {
			t.Fatalf("%q, %v, want %q", ev.Text, err, want)
		}
		if q.Ready() != (i == 0) || q.Ended() != (want == "c") {
			t.Errorf("after %q: ready %v, ended %v", want, q.Ready(), q.Ended())
		}
	}
	for range 2 {
		if err := q.Next(&ev, read); !errors.Is(err, io.ErrUnexpectedEOF) || ev.Text != "" || reads != 3 {
			t.Errorf("%q, %v after %d reads", ev.Text, err, reads)
		}
	}
}
