package gateway

import (
	"context"
	"errors"
	"io"
	"slices"

	"outcrop/guard"
	"outcrop/llm"
)

// guardStream checks what a stream says as it comes, if a guardrail does.
func (c *Call) guardStream(ctx context.Context, s llm.Stream) (checked llm.Stream) {
	rules := c.in(guard.PostCall)
	if len(c.restore) > 0 {
		defer func() { checked = newRestoredStream(checked, c.restore) }()
	}
	if len(rules) == 0 {
		return s
	}
	g := &guardedStream{Stream: s, ctx: ctx, call: c, rules: rules}
	for _, r := range rules {
		reach := r.Reach()
		g.held, g.every = max(g.held, reach.Held), max(g.every, reach.Every)
	}
	return g
}

// guardedStream holds back the end of each text of a stream until it has been checked. It never holds back a whole response: see
// guard.Window.
type guardedStream struct {
	llm.Stream
	ctx         context.Context //nolint:containedctx // Next has none, and a stream belongs to one call
	call        *Call
	rules       []rule
	held, every int

	open  []*guardedText
	said  []saidChoice // by choice
	ready []llm.Event
	err   error // comes after ready
}

// guardedText is a text that has not ended.
type guardedText struct {
	window guard.Window
	last   llm.Event // the last delta, without its text
	masked bool
}

func (s *guardedStream) Next(ev *llm.Event) error {
	for len(s.ready) == 0 && s.err == nil {
		s.read()
	}
	if len(s.ready) == 0 {
		return s.err
	}
	*ev, s.ready = s.ready[0], s.ready[1:]
	return nil
}

// More reads ahead: not everything that has arrived can be released.
func (s *guardedStream) More() bool {
	for len(s.ready) == 0 && s.err == nil && s.Stream.More() {
		s.read()
	}
	return len(s.ready) > 0 || s.err != nil
}

// read takes one event of the inner stream, which may release none or several.
func (s *guardedStream) read() {
	var ev llm.Event
	if err := s.Stream.Next(&ev); err != nil {
		if errors.Is(err, io.EOF) {
			s.end(func(*guardedText) bool { return true })
		}
		if s.err == nil {
			s.err = err
		}
		return
	}
	if s.dropped(&ev) {
		return
	}
	switch ev.Kind {
	case llm.EventDelta:
		s.end(func(t *guardedText) bool { return t.last.Choice == ev.Choice && !t.continues(&ev) })
		s.delta(&ev)
		return
	case llm.EventBlockEnd:
		s.end(func(t *guardedText) bool { return t.last.Choice == ev.Choice && t.last.Index == ev.Index })
	case llm.EventStop, llm.EventUsage:
		s.end(func(t *guardedText) bool { return t.last.Choice == ev.Choice })
	default: // it carries no text
	}
	if s.err == nil && !s.dropped(&ev) {
		s.release(&ev)
	}
}

func (t *guardedText) continues(ev *llm.Event) bool {
	return t.last.Choice == ev.Choice && t.last.Index == ev.Index && t.last.Block == ev.Block
}

// delta adds a piece to its text.
func (s *guardedStream) delta(ev *llm.Event) {
	if s.err != nil || s.dropped(ev) {
		return
	}
	at := slices.IndexFunc(s.open, func(t *guardedText) bool { return t.continues(ev) })
	if at < 0 {
		if ev.Text == "" || ev.Block == llm.BlockRedacted || ev.Other != nil {
			s.whole(ev)
			return
		}
		at = len(s.open)
		s.open = append(s.open, &guardedText{})
	}
	t := s.open[at]
	t.last = llm.Event{Kind: llm.EventDelta, Choice: ev.Choice, Index: ev.Index, Block: ev.Block}
	piece := *ev
	piece.Text = s.add(t, ev.Text, false)
	if t.masked {
		piece.Signature = "" // it signs another text
	}
	if s.err == nil && !s.dropped(ev) && (piece.Text != "" || piece.Signature != "" || piece.Media != nil || piece.Other != nil || len(piece.Extra) > 0) {
		s.release(&piece)
	}
}

// whole checks a piece that is complete by itself and cannot be changed, and releases it.
func (s *guardedStream) whole(ev *llm.Event) {
	if ev.Text != "" && ev.Block != llm.BlockRedacted {
		t := guardedText{last: llm.Event{Choice: ev.Choice, Block: llm.BlockToolUse}}
		s.add(&t, ev.Text, true)
	}
	if s.err == nil && !s.dropped(ev) {
		s.release(ev)
	}
}

// end releases what is left of the texts that end.
func (s *guardedStream) end(ends func(*guardedText) bool) {
	s.open = slices.DeleteFunc(s.open, func(t *guardedText) bool {
		if !ends(t) {
			return false
		}
		rest := t.last
		if rest.Text = s.add(t, "", true); rest.Text != "" && s.err == nil {
			s.release(&rest)
		}
		return true
	})
}

// add adds to a text, and returns what is released. Where texts cannot be changed, as in the arguments of tools, something that would be masked
// ends the stream.
func (s *guardedStream) add(t *guardedText, piece string, over bool) string {
	if s.err != nil || s.of(t.last.Choice).replaced {
		return ""
	}
	released, block, err := t.window.Add(s.ctx, piece, over, s.held, s.every, func(ctx context.Context, before, text string) (string, *guard.Block, error) {
		for _, r := range s.rules {
			asked := text
			if r.Reach().Again {
				asked = before + text
			}
			replaced, err := s.call.ask(ctx, r, guard.PostCall, guard.Response, []string{asked}, nil)
			switch {
			case err != nil:
				return "", nil, err
			case replaced == nil || replaced[0] == asked:
				continue
			case t.last.Block == llm.BlockToolUse:
				return "", &guard.Block{Reason: "Content blocked: something must be masked in a part that cannot be changed"}, nil
			}
			next, block := replaced[0], (*guard.Block)(nil)
			if r.Reach().Again {
				next, block = guard.Again(before, next)
			}
			if block != nil {
				return "", block, nil
			}
			text, t.masked = next, true
		}
		return text, nil, nil
	})
	switch r := replacing(err); {
	case r != nil:
		s.replace(t.last.Choice, r)
	case err != nil:
		s.err = err
	case block != nil:
		s.err = refusal(block.Reason)
	default:
		return released
	}
	return ""
}
