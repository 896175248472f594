package door

import (
	"io"
	"strings"
	"testing"

	"outcrop/llm"
)

// pieces is a stream of which the next piece has always arrived.
type pieces struct {
	left int
	meta llm.Meta
}

func (p *pieces) Next(ev *llm.Event) error {
	if p.left == 0 {
		return io.EOF
	}
	p.left--
	*ev = llm.Event{Kind: llm.EventDelta, Block: llm.BlockText, Text: strings.Repeat("x", 100)}
	return nil
}

func (*pieces) More() bool        { return true }
func (p *pieces) Meta() *llm.Meta { return &p.meta }
func (*pieces) Close() error      { return nil }

// texts encodes an event as its text.
type texts struct{}

func (texts) Append(dst []byte, ev *llm.Event) []byte      { return append(dst, ev.Text...) }
func (texts) AppendEnd(dst []byte, _ []llm.Warning) []byte { return dst }
func (texts) Err() error                                   { return nil }

// TestATranslatedStreamThatIsAlwaysReadyNeedsLittleMemory looks ahead before each event, as the router does.
func TestATranslatedStreamThatIsAlwaysReadyNeedsLittleMemory(t *testing.T) {
	s := Translate(&pieces{left: 10_000}, texts{}, func(*llm.Meta) []llm.Warning { return nil }).(*translating)
	var ev llm.RawEvent
	for n := 0; ; n++ {
		s.More()
		if err := s.Next(&ev); err != nil {
			break
		}
		if last := string(ev.Data); s.More() && string(ev.Data) != last {
			t.Fatalf("looking ahead has changed event %d", n)
		}
	}
	if cap(s.buf)+cap(s.spare) > 4<<10 {
		t.Errorf("the buffers have %d and %d bytes", cap(s.buf), cap(s.spare))
	}
}
