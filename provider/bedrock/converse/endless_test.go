package converse

import (
	"io"
	"runtime"
	"strings"
	"testing"

	"outcrop/llm"
)

// endless is a stream that repeats an event.
type endless struct {
	ev   llm.Event
	left int
	meta llm.Meta
}

func (s *endless) Next(ev *llm.Event) error {
	if s.left == 0 {
		return io.EOF
	}
	s.left--
	*ev = s.ev
	return nil
}

func (s *endless) More() bool      { return false }
func (s *endless) Meta() *llm.Meta { return &s.meta }
func (s *endless) Close() error    { return nil }

// What restores a stream holds back no more than it must, however long the stream.
func TestMemoryOfARestoredStreamDoesNotGrowWithIt(t *testing.T) {
	const pieces = 3200
	words := strings.Repeat("granite ", 2<<10) // 16 KB
	for name, tt := range map[string]struct {
		fitted Adapted
		ev     llm.Event
	}{
		"prose where JSON was asked for": {Adapted{reply: "answer"}, llm.Event{Kind: llm.EventDelta, Block: llm.BlockText, Text: words}},
		"thoughts in a text":             {Adapted{tags: true}, llm.Event{Kind: llm.EventDelta, Block: llm.BlockText, Text: "<think>" + words}},
		"white space in a text":          {Adapted{tags: true}, llm.Event{Kind: llm.EventDelta, Block: llm.BlockText, Text: strings.Repeat(" ", 512)}},
	} {
		t.Run(name, func(t *testing.T) {
			s := tt.fitted.Stream(&endless{ev: tt.ev, left: pieces})
			var before, after runtime.MemStats
			runtime.GC()
			runtime.ReadMemStats(&before)
			var ev llm.Event
			for {
				err := s.Next(&ev)
				if err != nil {
					t.Fatal(err)
				}
				if left := unread(s); left == 1 { // the end of the stream is not asked for
					break
				}
			}
			runtime.GC()
			runtime.ReadMemStats(&after)
			if grown := int64(after.HeapAlloc) - int64(before.HeapAlloc); grown > 1<<20 {
				t.Errorf("%d bytes are held of %d", grown, pieces*len(tt.ev.Text))
			}
			runtime.KeepAlive(s)
		})
	}
}

// unread is how much is left of the endless stream below.
func unread(s llm.Stream) int {
	switch s := s.(type) {
	case *restoreStream:
		return unread(s.Stream)
	case *thinkTagStream:
		return unread(s.Stream)
	case *endless:
		return s.left
	default:
		return 0
	}
}

// Blocks beside a JSON answer are warned of once, however many there are.
func TestBlocksBesideTheAnswerAreWarnedOfOnce(t *testing.T) {
	f := Adapted{reply: "answer"}
	below := &scripted{}
	below.add(llm.Event{Kind: llm.EventBlockStart, Block: llm.BlockToolUse, ToolUse: &llm.ToolUse{Name: "answer"}})
	below.add(llm.Event{Kind: llm.EventDelta, Block: llm.BlockToolUse, Text: "{}"})
	below.add(llm.Event{Kind: llm.EventBlockEnd})
	for i := 1; i < 5000; i++ {
		below.add(llm.Event{Kind: llm.EventBlockStart, Index: i, Block: llm.BlockText})
		below.add(llm.Event{Kind: llm.EventDelta, Index: i, Block: llm.BlockText, Text: "prose"})
		below.add(llm.Event{Kind: llm.EventBlockEnd, Index: i})
	}
	s := f.Stream(below)
	var text string
	var ev llm.Event
	for s.Next(&ev) == nil {
		text += ev.Text
	}
	if text != "{}" || len(s.Meta().Warnings) != 1 {
		t.Errorf("text %q, %d warnings", text, len(s.Meta().Warnings))
	}
	if n := len(s.(*restoreStream).dropping); n != 0 {
		t.Errorf("%d blocks are remembered", n)
	}
}

// scripted is a stream of given events.
type scripted struct {
	events []llm.Event
	meta   llm.Meta
}

func (s *scripted) add(ev llm.Event) { s.events = append(s.events, ev) }

func (s *scripted) Next(ev *llm.Event) error {
	if len(s.events) == 0 {
		return io.EOF
	}
	*ev = s.events[0]
	s.events = s.events[1:]
	return nil
}

func (s *scripted) More() bool      { return false }
func (s *scripted) Meta() *llm.Meta { return &s.meta }
func (s *scripted) Close() error    { return nil }
