package gateway_test

import (
	"errors"
	"io"
	"slices"
	"strings"
	"testing"

	"outcrop/guard"
	"outcrop/llm"
)

func drained(t *testing.T, s llm.Stream) (text string, events []llm.EventKind, err error) {
	t.Helper()
	var ev llm.Event
	for {
		if err = s.Next(&ev); err != nil {
			return text, events, err
		}
		text += ev.Text
		events = append(events, ev.Kind)
	}
}

func TestAStreamIsCheckedInPieces(t *testing.T) {
	long := strings.Repeat("some sand and ", 60)
	for _, c := range []struct {
		block       llm.BlockKind
		text, want  string
		refusal     llm.Code
		atLeast     int
		atMostAhead int
	}{
		{llm.BlockText, long + "basalt" + long, long + "[KEYWORD_REDACTED]" + long, "", 0, 0},
		{llm.BlockReasoning, long + "basalt", long + "[KEYWORD_REDACTED]", "", 0, 0},
		{llm.BlockToolUse, long + "sand", long + "sand", "", 0, 0},
		{llm.BlockToolUse, long + "basalt", "", llm.CodeGuardrail, 500, 0},
		{llm.BlockText, long + "granite!" + long, "", llm.CodeGuardrail, 500, 0},
		{llm.BlockRedacted, "basalt", "basalt", "", 0, 0},
	} {
		r := says("")
		r.block = c.block
		for piece := range slices.Chunk([]byte(c.text), 7) {
			r.pieces = append(r.pieces, string(piece))
		}
		call, end := guarded(r, filter(guard.PostCall))
		s, err := call.Stream(t.Context(), chat("a"))
		if err != nil {
			t.Fatal(err)
		}
		text, events, err := drained(t, s)
		if c.refusal != "" {
			refused(t, err, c.refusal)
			if !strings.HasPrefix(c.text, text) || len(text) < c.atLeast || strings.Contains(text, "!") || strings.Contains(text, "alt") {
				t.Errorf("released %q", text)
			}
		} else if !errors.Is(err, io.EOF) || text != c.want || !slices.Equal(events[len(events)-3:], []llm.EventKind{llm.EventBlockEnd, llm.EventStop, llm.EventUsage}) {
			t.Errorf("got %q, %v, %v", text, events, err)
		}
		_ = s.Close()
		if l := end(t); (c.refusal == "") != (l.Status == 200) {
			t.Errorf("recorded %+v", l)
		}
	}
}

func TestARelayedStreamIsTranslatedIfItIsChecked(t *testing.T) {
	r := says("")
	r.pieces = []string{"a bas", "alt ", "stone"}
	call, _ := guarded(r, filter(guard.PostCall))
	s, err := call.RelayStream(t.Context(), rawCall("body"), translation("a"))
	if err != nil {
		t.Fatal(err)
	}
	var text string
	var ev llm.RawEvent
	for err = s.Next(&ev); err == nil; err = s.Next(&ev) {
		text += string(ev.Data)
	}
	if text != "a [KEYWORD_REDACTED] stone" || len(r.relayed) > 0 {
		t.Errorf("got %q", text)
	}
	_ = s.Close()
	call, _ = guarded(r, filter(guard.PreCall))
	if _, err = call.RelayStream(t.Context(), rawCall("body"), translation("a")); err != nil || len(r.relayed) != 1 {
		t.Errorf("%v, %d", err, len(r.relayed))
	}
}
