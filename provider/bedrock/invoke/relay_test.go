package invoke

import (
	"bytes"
	"errors"
	"io"
	"slices"
	"strings"
	"testing"

	"outcrop/llm"
	"outcrop/wire/awserror"
)

func TestRelay(t *testing.T) {
	r := NewRelay(NewReader(bytes.NewReader(chunks(evStart, evText, evDelta, evEnd, evStop, evLast))), "mine")
	var sent strings.Builder
	var usages, stops []string
	first := ""
	length := 0
	for {
		var ev llm.RawEvent
		err := r.Next(&ev)
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		sent.Write(ev.Data)
		if ev.Content && first == "" {
			first = ev.Type
		}
		if ev.Usage != nil {
			usages = append(usages, ev.Type)
		}
		if ev.RawStop != "" {
			stops = append(stops, ev.RawStop+" "+ev.ServiceTier)
		}
		length += ev.Length
	}
	want := "event: message_start\ndata: " + strings.Replace(evStart, "claude-opus-4-6", "mine", 1) + "\n\nevent: content_block_start\ndata: " + evText +
		"\n\nevent: content_block_delta\ndata: " + evDelta + "\n\nevent: content_block_stop\ndata: " + evEnd + "\n\nevent: message_delta\ndata: " + evStop +
		"\n\nevent: message_stop\ndata: {\"type\":\"message_stop\"}\n\n"
	if sent.String() != want {
		t.Errorf("sent\n%s\nwant\n%s", sent.String(), want)
	}
	if first != "content_block_delta" || length != len(evDelta) || !slices.Equal(usages, []string{"message_start", "message_delta", "message_stop"}) || !slices.Equal(stops, []string{"end_turn default", "end_turn default"}) {
		t.Errorf("first %s, length %d, usage in %v, stops %v", first, length, usages, stops)
	}
}

func TestARelayThatBreaksOff(t *testing.T) {
	r := NewRelay(NewReader(bytes.NewReader(chunks(evStart, `{"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"`+strings.Repeat("a", 2*keptData)+`"}}`, evEnd))), "")
	var ev llm.RawEvent
	for range 3 {
		if err := r.Next(&ev); err != nil {
			t.Fatal(err)
		}
	}
	err := r.Next(&ev)
	if f, ok := errors.AsType[*awserror.Fault](err); !ok || f.Kind != awserror.FaultCut || ev.Data != nil {
		t.Errorf("got %v", err)
	}
}

func TestBetasOfTheHeaders(t *testing.T) {
	betas, rest := Betas([]llm.Label{{Name: "Anthropic-Beta", Value: "a,b"}, {Name: "X-Other", Value: "c"}, {Name: "anthropic-beta", Value: "d"}})
	if !slices.Equal(betas, []string{"a,b", "d"}) || !slices.Equal(rest, []llm.Label{{Name: "X-Other", Value: "c"}}) {
		t.Errorf("got %v, %v", betas, rest)
	}
}

func TestBytes(t *testing.T) {
	a, err := Whole([]byte(wholeBody), "mine")
	if err != nil || string(a.Bytes()) != strings.Replace(wholeBody, `"claude-opus-4-6"`, `"mine"`, 1) {
		t.Errorf("got %v", err)
	}
}
