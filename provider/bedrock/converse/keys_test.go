package converse_test

import (
	"errors"
	"io"
	"testing"

	"outcrop/internal/jsonx"
	"outcrop/llm"
	"outcrop/provider/bedrock/converse"
)

// pieces is a stream of a call whose input comes in pieces.
type pieces struct {
	events []llm.Event
	meta   llm.Meta
}

func (p *pieces) Next(ev *llm.Event) error {
	if len(p.events) == 0 {
		return io.EOF
	}
	*ev, p.events = p.events[0], p.events[1:]
	return nil
}
func (p *pieces) More() bool      { return len(p.events) > 0 }
func (p *pieces) Meta() *llm.Meta { return &p.meta }
func (p *pieces) Close() error    { return nil }

// TestNamesOfPropertiesAreRestoredWhereverAStreamIsDivided divides the input of a call at
// every byte, and ends it within a name.
func TestNamesOfPropertiesAreRestoredWhereverAStreamIsDivided(t *testing.T) {
	req := &llm.Request{
		Turns: []llm.Turn{user("Hi")},
		Tools: []llm.Tool{{Name: "f", Schema: jsonx.Raw(`{"type":"object","properties":{"a b":{},"c\"d":{},"e":{}}}`)}},
	}
	fitted, err := converse.Adapt(converse.NewModel("anthropic", "claude-sonnet-4-5-20250929-v1", nil), req, true)
	if err != nil {
		t.Fatal(err)
	}
	for sent, want := range map[string]string{
		`{ "a_b" : "a_b,\"a_b\":" , "c_d":{"a_b":["a_b"]},"e":"\\","a_b":1}`: `{ "a b" : "a_b,\"a_b\":" , "c\"d":{"a_b":["a_b"]},"e":"\\","a b":1}`,
		`["a_b",{"a_b":1},"a_b"]`: `["a_b",{"a_b":1},"a_b"]`,
		`{"a_b":1,"c_`:            `{"a b":1,"c_`,
		``:                        ``,
	} {
		for cut := range len(sent) + 1 {
			delta := func(s string) llm.Event {
				return llm.Event{Kind: llm.EventDelta, Index: 1, Block: llm.BlockToolUse, Text: s}
			}
			s := fitted.Stream(&pieces{events: []llm.Event{
				{Kind: llm.EventBlockStart, Index: 1, Block: llm.BlockToolUse, ToolUse: &llm.ToolUse{ID: "t", Name: "f"}},
				delta(sent[:cut]), delta(sent[cut:]),
				{Kind: llm.EventBlockEnd, Index: 1},
			}})
			got := ""
			for {
				var ev llm.Event
				if err := s.Next(&ev); errors.Is(err, io.EOF) {
					break
				} else if err != nil {
					t.Fatal(err)
				}
				if ev.Kind == llm.EventDelta {
					got += ev.Text
				}
			}
			if got != want {
				t.Fatalf("divided at %d: %s, want %s", cut, got, want)
			}
		}
	}
}
