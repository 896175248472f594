package door_test

import (
	"errors"
	"io"
	"testing"

	"outcrop/httpd/door"
	"outcrop/llm"
)

// twoWords is a stream of two words that learns its service's id at the end.
type twoWords struct {
	meta llm.Meta
	said int
}

func (s *twoWords) Next(ev *llm.Event) error {
	if s.said == 2 {
		s.meta = llm.Meta{UpstreamID: "late"}
		return io.EOF
	}
	s.said++
	*ev = llm.Event{Kind: llm.EventDelta, Block: llm.BlockText, Text: "word"}
	return nil
}

func (s *twoWords) More() bool      { return false }
func (s *twoWords) Meta() *llm.Meta { return &s.meta }
func (s *twoWords) Close() error    { return nil }

// words is an encoder that has nothing for the first event.
type words struct{ events int }

func (w *words) Append(dst []byte, ev *llm.Event) []byte {
	if w.events++; w.events == 1 {
		return dst
	}
	return append(dst, ev.Text...)
}

func (w *words) AppendEnd(dst []byte, warnings []llm.Warning) []byte {
	return append(dst, "end "+warnings[0].Code...)
}

func (w *words) Err() error { return nil }

// own is an operator's price.
type own struct{ llm.Pricer }

func TestATranslatedStreamKeepsWhatTheRouterHasSet(t *testing.T) {
	s := door.Translate(&twoWords{}, &words{}, func(*llm.Meta) []llm.Warning { return []llm.Warning{{Code: "changed"}} })
	s.Meta().Deployment, s.Meta().Retries, s.Meta().Price = "d", 2, own{}
	var got []string
	var ev llm.RawEvent
	var err error
	for err = s.Next(&ev); err == nil; err = s.Next(&ev) {
		got = append(got, string(ev.Data))
	}
	if !errors.Is(err, io.EOF) || len(got) != 2 || got[0] != "word" || got[1] != "end changed" {
		t.Errorf("%q, %v", got, err)
	}
	if m := s.Meta(); m.UpstreamID != "late" || m.Deployment != "d" || m.Retries != 2 || m.Price != (own{}) {
		t.Errorf("got %+v", m)
	}
}
