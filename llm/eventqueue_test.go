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
	for _, want := range []string{"a", "b", "c"} {
		if err := q.Next(&ev, read); err != nil || ev.Text != want {
			t.Fatalf("%q, %v, want %q", ev.Text, err, want)
		}
		if more := q.More(read, func() bool { return false }); more != (want != "b") {
			t.Errorf("after %q: more is %t", want, more)
		}
	}
	for range 2 {
		if err := q.Next(&ev, read); !errors.Is(err, io.ErrUnexpectedEOF) || ev.Text != "" || reads != 3 {
			t.Errorf("%q, %v after %d reads", ev.Text, err, reads)
		}
	}
}

// TestMoreIsSaidOfEventsOnly reads ahead what turns out to be no event.
func TestMoreIsSaidOfEventsOnly(t *testing.T) {
	var q llm.EventQueue
	arrived := []string{"", "", "a", ""}
	read := func(events []llm.Event) ([]llm.Event, error) {
		if len(arrived) == 0 {
			return events, io.EOF
		}
		text := arrived[0]
		if arrived = arrived[1:]; text == "" {
			return events, nil
		}
		return append(events, llm.Event{Text: text}), nil
	}
	more := func() bool { return len(arrived) > 0 }
	var ev llm.Event
	if !q.More(read, more) || len(arrived) != 1 {
		t.Errorf("there is an event, and %d pieces are left", len(arrived))
	}
	if err := q.Next(&ev, read); err != nil || ev.Text != "a" {
		t.Errorf("%q, %v", ev.Text, err)
	}
	if q.More(read, more) || len(arrived) != 0 {
		t.Errorf("a piece that is no event counts, and %d pieces are left", len(arrived))
	}
	if err := q.Next(&ev, read); !errors.Is(err, io.EOF) || q.More(read, more) {
		t.Errorf("the end is %v, and more may follow", err)
	}
}
