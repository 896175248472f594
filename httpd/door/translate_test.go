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

// arrived is a stream whose first events have arrived, all with texts that the encoder may leave out.
type arrived struct {
	meta  llm.Meta
	texts []string
}

func (s *arrived) Next(ev *llm.Event) error {
	if len(s.texts) == 0 {
		return io.ErrUnexpectedEOF
	}
	*ev = llm.Event{Kind: llm.EventDelta, Block: llm.BlockText, Text: s.texts[0]}
	s.texts = s.texts[1:]
	return nil
}

func (s *arrived) More() bool      { return len(s.texts) > 0 }
func (s *arrived) Meta() *llm.Meta { return &s.meta }
func (s *arrived) Close() error    { return nil }

// plain is an encoder of texts, of which empty ones become nothing.
type plain struct{}

func (plain) Append(dst []byte, ev *llm.Event) []byte      { return append(dst, ev.Text...) }
func (plain) AppendEnd(dst []byte, _ []llm.Warning) []byte { return dst }
func (plain) Err() error                                   { return nil }

// A frontend holds back what it has while more is there, so an event that becomes nothing must not count.
func TestWhatBecomesNothingIsNoMore(t *testing.T) {
	in := &arrived{texts: []string{"granite", "", "slate", ""}}
	s := door.Translate(in, plain{}, func(*llm.Meta) []llm.Warning { return nil })
	var ev, second llm.RawEvent
	if err := s.Next(&ev); err != nil || string(ev.Data) != "granite" {
		t.Fatalf("%q, %v", ev.Data, err)
	}
	if !s.More() || string(ev.Data) != "granite" {
		t.Errorf("there is a second text; the first is now %q", ev.Data)
	}
	if err := s.Next(&second); err != nil || string(second.Data) != "slate" || string(ev.Data) != "granite" || second.Length != 5 {
		t.Errorf("%q, %+v, %v", ev.Data, second, err)
	}
	if s.More() {
		t.Error("an event that becomes nothing is more")
	}
	if err := s.Next(&ev); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("the end is %v", err)
	}
}
