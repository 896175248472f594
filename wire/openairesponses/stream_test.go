package openairesponses_test

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"outcrop/internal/jsonx"
	"outcrop/llm"
	responses "outcrop/wire/openairesponses"
)

// sent is an event, as far as its grammar is checked.
type sent struct {
	Type     string    `json:"type"`
	Number   int64     `json:"sequence_number"`
	Output   int       `json:"output_index"`
	Content  int       `json:"content_index"`
	Summary  int       `json:"summary_index"`
	ItemID   string    `json:"item_id"`
	Delta    string    `json:"delta"`
	Text     string    `json:"text"`
	Args     string    `json:"arguments"`
	Input    string    `json:"input"`
	Item     jsonx.Raw `json:"item"`
	Part     jsonx.Raw `json:"part"`
	Response jsonx.Raw `json:"response"`
	Rest     jsonx.Raw `json:",embed"`
}

func parse(t *testing.T, stream []byte) (all []sent) {
	t.Helper()
	for block := range strings.SplitSeq(strings.TrimSuffix(string(stream), "\n\n"), "\n\n") {
		name, data, ok := strings.Cut(block, "\ndata: ")
		var e sent
		if err := jsonx.Unmarshal([]byte(data), &e); err != nil || !ok || name != "event: "+e.Type {
			t.Fatalf("%v: %s", err, block)
		}
		all = append(all, e)
	}
	return all
}

// check checks the order of the events, and returns the last response.
func check(t *testing.T, stream []byte) jsonx.Raw {
	t.Helper()
	all := parse(t, stream)
	if len(all) < 3 || all[0].Type != "response.created" || all[1].Type != "response.in_progress" {
		t.Fatalf("begins with %s", stream)
	}
	var done []jsonx.Raw
	var open, part bool
	var id, text string
	for i, e := range all {
		where := fmt.Sprintf("event %d, %s", i, e.Type)
		if e.Number != int64(i) {
			t.Fatalf("%s has number %d", where, e.Number)
		}
		inItem := strings.Contains(e.Type, ".delta") || strings.Contains(e.Type, "part.") || strings.Contains(e.Type, "text.") || strings.Contains(e.Type, "arguments.") || strings.Contains(e.Type, "_input.")
		if inItem && (!open || e.Output != len(done) || e.ItemID != id) {
			t.Fatalf("%s of item %d %s, while %d %s is open: %v", where, e.Output, e.ItemID, len(done), id, open)
		}
		switch {
		case i < 2:
		case e.Type == "response.output_item.added":
			if open || e.Output != len(done) {
				t.Fatalf("%s at %d", where, e.Output)
			}
			open, id, text = true, responses.ItemID(e.Item), ""
		case strings.HasSuffix(e.Type, "part.added"):
			if part {
				t.Fatalf("%s in a part", where)
			}
			part, text = true, ""
		case strings.HasSuffix(e.Type, ".delta"):
			text += e.Delta
		case strings.HasSuffix(e.Type, "text.done"), strings.HasSuffix(e.Type, "arguments.done"), strings.HasSuffix(e.Type, "input.done"):
			if text != e.Text+e.Args+e.Input {
				t.Fatalf("%s has %q, streamed was %q", where, e.Text+e.Args+e.Input, text)
			}
		case strings.HasSuffix(e.Type, "part.done"):
			if !part {
				t.Fatalf("%s outside a part", where)
			}
			part = false
		case e.Type == "response.output_item.done":
			if !open || part || responses.ItemID(e.Item) != id {
				t.Fatalf("%s of %s", where, responses.ItemID(e.Item))
			}
			open, done = false, append(done, e.Item)
		case e.Type == "response.output_text.annotation.added":
		case i == len(all)-1:
			if open || "response."+responses.ResponseStatus(e.Response) != e.Type {
				t.Fatalf("%s: %s", where, e.Response)
			}
			output := responses.Output(e.Response)
			if e.Type != "response.failed" && fmt.Sprintf("%s", output) != fmt.Sprintf("%s", done) {
				t.Fatalf("%s has %s, done were %s", where, output, done)
			}
			return e.Response
		default:
			t.Fatalf("%s in the middle", where)
		}
	}
	t.Fatal("no last event")
	return nil
}

// events turns blocks into the events of a stream, in pieces and interleaved by a random source.
func events(r *rand.Rand, blocks []llm.Block, stop llm.StopReason) (all []llm.Event) {
	queues := make([][]llm.Event, len(blocks))
	for i := range blocks {
		b := &blocks[i]
		q := []llm.Event{}
		text := b.Text
		if b.ToolUse != nil {
			q = append(q, llm.Event{Kind: llm.EventBlockStart, Index: i, Block: b.Kind, ToolUse: &llm.ToolUse{ID: b.ToolUse.ID, Name: b.ToolUse.Name}})
			text = string(b.ToolUse.Input)
		} else if r.IntN(2) == 0 {
			q = append(q, llm.Event{Kind: llm.EventBlockStart, Index: i, Block: b.Kind})
		}
		if b.Kind == llm.BlockRedacted {
			q = append(q, llm.Event{Kind: llm.EventDelta, Index: i, Block: b.Kind, Text: text})
			text = ""
		}
		for text != "" {
			n := 1 + r.IntN(len(text))
			q = append(q, llm.Event{Kind: llm.EventDelta, Index: i, Block: b.Kind, Text: text[:n]})
			text = text[n:]
		}
		if b.Signature != "" {
			q = append(q, llm.Event{Kind: llm.EventDelta, Index: i, Block: b.Kind, Signature: b.Signature})
		}
		for _, m := range b.Extra {
			q = append(q, llm.Event{Kind: llm.EventDelta, Index: i, Block: b.Kind, Extra: []jsonx.Member{m}})
		}
		queues[i] = append(q, llm.Event{Kind: llm.EventBlockEnd, Index: i})
	}
	all = append(all, llm.Event{Kind: llm.EventStart, Role: llm.RoleAssistant})
	begun := map[int]bool{}
	for first := 0; first < len(queues); {
		i := min(first+r.IntN(2), len(queues)-1)
		if len(queues[i]) > 0 && (i == first || begun[first]) { // blocks begin in their order
			begun[i] = true
			all = append(all, queues[i][0])
			queues[i] = queues[i][1:]
		}
		for first < len(queues) && len(queues[first]) == 0 {
			first++
		}
	}
	return append(all, llm.Event{Kind: llm.EventStop, Stop: stop}, llm.Event{Kind: llm.EventUsage, Usage: &llm.Usage{Input: 1, Output: 2, Total: 3}})
}

func randomBlocks(r *rand.Rand) (blocks []llm.Block) {
	for i := range r.IntN(7) {
		text := strings.Repeat("rock ", r.IntN(4))
		switch r.IntN(6) {
		case 0:
			blocks = append(blocks, llm.Block{Kind: llm.BlockReasoning, Text: text, Signature: strings.Repeat("s", r.IntN(3))})
		case 1:
			blocks = append(blocks, llm.Block{Kind: llm.BlockRedacted, Text: "QUJD"})
		case 2:
			blocks = append(blocks, llm.Block{Kind: llm.BlockToolUse, ToolUse: &llm.ToolUse{ID: fmt.Sprint("c", i), Name: "f", Input: jsonx.Raw(`{"a":"` + text + `"}`)}})
		case 3:
			blocks = append(blocks, llm.Block{Kind: llm.BlockToolUse, ToolUse: &llm.ToolUse{ID: fmt.Sprint("c", i), Name: "t", Input: jsonx.Raw(`{"input":"` + text + `"}`)}})
		case 4:
			blocks = append(blocks, llm.Block{Kind: llm.BlockText, Text: text, Extra: []jsonx.Member{{Name: "citation", Value: jsonx.Raw(`{"title":"T","location":{"web":{"url":"https://x.example"}}}`)}}})
		default:
			blocks = append(blocks, llm.Block{Kind: llm.BlockText, Text: text})
		}
	}
	return blocks
}

// TestAStreamIsInOrderAndEqualsTheWhole encodes random responses whole and in pieces.
func TestAStreamIsInOrderAndEqualsTheWhole(t *testing.T) {
	req, err := responses.Decode([]byte(`{"model":"m","input":"x","tools":[{"type":"function","name":"f"},{"type":"custom","name":"t"}]}`), responses.Options{})
	if err != nil {
		t.Fatal(err)
	}
	r := rand.New(rand.NewPCG(1, 2))
	env := responses.Envelope{ID: "resp_1", Model: "m", Created: 7, Tools: req.Tools, Sealed: true, Echo: &responses.Echo{}}
	for range 3000 {
		blocks := randomBlocks(r)
		stop := []llm.StopReason{llm.StopEnd, llm.StopToolUse, llm.StopMaxTokens, llm.StopFiltered}[r.IntN(4)]
		c := responses.NewEvents(env)
		var stream []byte
		all := events(r, blocks, stop)
		for i := range all {
			stream = c.Append(stream, &all[i])
		}
		if err := c.Err(); err != nil {
			t.Fatal(err)
		}
		stream = c.AppendEnd(stream, nil)
		last := check(t, stream)
		whole := responses.AppendResponse(nil, env, &llm.Response{Blocks: blocks, Stop: stop, Usage: llm.Usage{Input: 1, Output: 2, Total: 3}}, nil)
		if !bytes.Equal(last, whole) {
			t.Fatalf("streamed\n%s\nwhole\n%s\nof %+v", last, whole, blocks)
		}
		if again := responses.Final(stream); !bytes.Equal(again, last) {
			t.Fatalf("the last event is read as %s", again)
		}
	}
}

// TestAResponseThatBreaksOffHasFailed cuts streams, and looks at how they end.
func TestAResponseThatBreaksOffHasFailed(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	for range 500 {
		all := events(r, randomBlocks(r), llm.StopEnd)
		c := responses.NewEvents(responses.Envelope{ID: "resp_1"})
		var stream []byte
		for i := range all[:r.IntN(len(all))] {
			stream = c.Append(stream, &all[i])
		}
		stream = c.AppendFailure(stream, &llm.Error{Code: llm.CodeInterrupted, Status: 502, Message: "cut"})
		sentAll := parse(t, stream)
		last := sentAll[len(sentAll)-1]
		if last.Type != "response.failed" || responses.ResponseStatus(last.Response) != "failed" || bytes.Contains(stream, []byte("event: response.completed")) || last.Number != int64(len(sentAll)-1) {
			t.Fatalf("got %s", stream)
		}
	}
}

func TestCodesOfFailures(t *testing.T) {
	for want, e := range map[string]*llm.Error{
		"context_length_exceeded": {Code: llm.CodeTooLong, Status: 400},
		"rate_limit_exceeded":     {Code: llm.CodeLimitTokens, Status: 429},
		"insufficient_quota":      {Code: llm.CodeTokensPerDay, Status: 429},
		"server_is_overloaded":    {Code: llm.CodeUnavailable, Status: 503},
		"invalid_prompt":          {Code: llm.CodeInvalid, Status: 400},
		"server_error":            {Code: llm.CodeInterrupted, Status: 502},
	} {
		if got := responses.FailureCode(e); got != want {
			t.Errorf("%s: %s, want %s", e.Code, got, want)
		}
	}
	if after := responses.RetryAfter(&llm.Error{Code: llm.CodeLimitRequests, Status: 429}); after != "5" {
		t.Errorf("a throttle without a time: %q", after)
	}
	if after := responses.RetryAfter(&llm.Error{Code: llm.CodeTokensPerDay, Status: 429}); after != "" {
		t.Errorf("a quota that is used up: %q", after)
	}
	text := responses.NewEvents(responses.Envelope{ID: "resp_1"}).AppendFailure(nil, &llm.Error{Code: llm.CodeLimitRequests, Status: 429, Message: "slow down", RetryAfter: "7"})
	if !bytes.Contains(text, []byte("Please try again in 7s.")) {
		t.Errorf("got %s", text)
	}
}

// TestKeepAlivesAreEvents checks that they count like others.
func TestKeepAlivesAreEvents(t *testing.T) {
	c := responses.NewEvents(responses.Envelope{ID: "resp_1"})
	stream := c.Append(nil, &llm.Event{Kind: llm.EventDelta, Block: llm.BlockText, Text: "a"})
	before := len(parse(t, stream))
	stream = append(stream, c.KeepAlive()...)
	all := parse(t, stream)
	if len(all) != before+1 || all[before].Type != "response.in_progress" || all[before].Number != int64(before) {
		t.Errorf("got %s", stream)
	}
}

func TestTooMuchToKeepIsAnError(t *testing.T) {
	c := responses.NewEvents(responses.Envelope{ID: "resp_1"})
	piece := strings.Repeat("x", 1<<20)
	var buf []byte
	for range 40 {
		buf = c.Append(buf[:0], &llm.Event{Kind: llm.EventDelta, Block: llm.BlockText, Text: piece})
	}
	if e := llm.AsError(c.Err()); c.Err() == nil || e.Code != llm.CodeAnswerTooLarge {
		t.Errorf("got %v", c.Err())
	}
}
