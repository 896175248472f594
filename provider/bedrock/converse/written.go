package converse

import (
	"crypto/rand"
	"errors"
	"io"
	"slices"

	"outcrop/llm"
)

// writes returns the scanner for the form in which the model writes calls into its texts; nil if it
// does not. If no tool was offered, no text is taken as a call, but the marks still cause a
// warning.
func (p *adapter) writes() func() scanner {
	if !p.model.any(writesMarks | writesObjects) {
		return nil
	}
	offered := map[string]bool{}
	if p.out.ToolChoice.Kind != llm.ToolChoiceNone {
		for i := range p.out.Tools {
			if t := &p.out.Tools[i]; t.Other == nil {
				offered[t.Name] = true
			}
		}
	}
	switch {
	case p.model.any(writesMarks):
		return func() scanner { return &marks{collected: collected{offered: offered}} }
	case p.model.any(writesObjects) && len(offered) > 0:
		return func() scanner { return &objects{collected: collected{offered: offered}} }
	default:
		return nil
	}
}

// writtenIn holds the calls found in the texts of an answer.
type writtenIn struct {
	names  llm.Names // of the request, for warnings
	calls  []written
	stayed bool            // something that looks like a call was left in a text
	made   map[string]bool // the names of the tools that were called properly
}

func (w *writtenIn) take(s scanner) {
	calls, stayed := s.found()
	room := max(0, maxWrittenCalls-len(w.calls))
	w.calls, w.stayed = append(w.calls, calls[:min(room, len(calls))]...), w.stayed || stayed
}

// note records a call that the provider recognized.
func (w *writtenIn) note(use *llm.ToolUse) {
	if use == nil || use.Type == llm.ServerSide {
		return
	}
	if w.made == nil {
		w.made = map[string]bool{}
	}
	w.made[use.Name] = true
}

// uses returns the calls to make, and the warnings for the caller. A model may write a call into
// its text and also make it (live exchanges in https://github.com/vercel/ai/issues/11409).
func (w *writtenIn) uses() (uses []*llm.ToolUse, warnings []llm.Warning) {
	twice := false
	for i := range w.calls {
		if c := &w.calls[i]; w.made[c.name] {
			twice = true
		} else {
			uses = append(uses, c.toolUse("tooluse_"+rand.Text()))
		}
	}
	client := llm.Call{Names: w.names}
	warn := func(holds bool, code string, kind llm.FieldKind, detail string) {
		if holds {
			warnings = append(warnings, llm.Warning{Code: code, Field: client.FieldName(llm.Field{Kind: kind}), Detail: detail})
		}
	}
	warn(len(uses) > 0, llm.WarnChanged, llm.FieldResponseCalls, "the tool call was extracted from the model's text")
	warn(twice, llm.WarnDropped, llm.FieldResponseContent, "the model's text repeated a tool call that it also made")
	warn(w.stayed, llm.WarnDropped, llm.FieldResponseCalls, "the text contains what looks like a call of a tool that is not in "+client.FieldName(llm.Field{Kind: llm.FieldTools}))
	return uses, warnings
}

// stopOf returns the stop reason of an answer with written calls.
func stopOf(s llm.StopReason, uses int) llm.StopReason {
	if uses == 0 || s == llm.StopMaxTokens || s == llm.StopContextWindow || s == llm.StopFiltered {
		return s
	}
	return llm.StopToolUse
}

// scanned reports whether blocks of the kind may contain calls. Kimi also writes them into its
// reasoning (https://github.com/Bike4Mind/bike4mind/issues/1119).
func scanned(kind llm.BlockKind) bool { return kind == llm.BlockText || kind == llm.BlockReasoning }

// speak moves the written calls of a complete answer from the texts to its end.
func (f *Adapted) speak(r *llm.Response) {
	in := writtenIn{names: f.Request.Names}
	var blocks []llm.Block
	for _, b := range r.Blocks {
		in.note(b.ToolUse)
		if scanned(b.Kind) && b.Text != "" {
			s := f.writes()
			b.Text = s.feed(b.Text)
			b.Text += s.end()
			in.take(s)
			if b.Text == "" && b.Signature == "" && len(b.Extra) == 0 {
				continue
			}
		}
		blocks = append(blocks, b)
	}
	uses, warnings := in.uses()
	for _, use := range uses {
		blocks = append(blocks, llm.Block{Kind: llm.BlockToolUse, ToolUse: use})
	}
	r.Blocks, r.Stop = blocks, stopOf(r.Stop, len(uses))
	r.Meta.Warnings = append(slices.Clip(r.Meta.Warnings), warnings...)
}

// unwritten is a stream that moves the calls in its texts to the end.
type unwritten struct {
	llm.Stream
	writes func() scanner
	queue  []llm.Event // that precede the next event of Stream
	err    error       // what follows the queue

	in    writtenIn
	scan  scanner // of the open block; nil if there is none
	index int     // of the open block
	kind  llm.BlockKind
	begun bool // an event of the open block was passed on
	last  int  // the highest index
}

func (s *unwritten) Next(ev *llm.Event) error {
	for {
		if len(s.queue) > 0 {
			*ev = s.queue[0]
			if s.queue = s.queue[1:]; len(s.queue) == 0 {
				s.queue = nil
			}
			return nil
		}
		if s.err != nil {
			return s.err
		}
		if s.err = s.Stream.Next(ev); s.err != nil {
			s.close()
			if !errors.Is(s.err, io.EOF) {
				s.in.calls = nil // an answer that broke off makes no calls
			}
			continue
		}
		if s.pass(ev) {
			return nil
		}
	}
}

// More reads the events that Stream has ready, which may produce none.
func (s *unwritten) More() bool {
	for len(s.queue) == 0 && s.err == nil && s.Stream.More() {
		ev := new(llm.Event)
		if s.err = s.Stream.Next(ev); s.err != nil {
			s.close()
		} else if s.pass(ev) {
			s.queue = append(s.queue, *ev)
		}
	}
	return len(s.queue) > 0
}

// pass changes the event and reports whether to pass it on at once; otherwise its result is in the
// queue.
func (s *unwritten) pass(ev *llm.Event) bool {
	switch ev.Kind {
	case llm.EventBlockStart:
		s.last = max(s.last, ev.Index)
		s.in.note(ev.ToolUse)
		s.close()
		if scanned(ev.Block) && len(ev.Extra) == 0 { // deltas start the block
			return false
		}
	case llm.EventDelta:
		s.last = max(s.last, ev.Index)
		return s.delta(ev)
	case llm.EventBlockEnd:
		if s.scan == nil || ev.Index != s.index {
			return len(s.queue) == 0 || s.later(ev)
		}
		s.close()
		if !s.begun {
			return false
		}
	case llm.EventStop:
		s.close()
		s.call(ev)
	default: // not about blocks
	}
	return len(s.queue) == 0 || s.later(ev)
}

// later appends an event to the queue.
func (s *unwritten) later(ev *llm.Event) bool {
	s.queue = append(s.queue, *ev)
	return false
}

func (s *unwritten) delta(ev *llm.Event) bool {
	if !scanned(ev.Block) || ev.Other != nil || len(ev.Extra) > 0 || ev.Text == "" {
		if s.scan != nil && ev.Index != s.index {
			s.close()
		}
		s.begun = true
		return len(s.queue) == 0 || s.later(ev)
	}
	if s.scan != nil && (ev.Index != s.index || ev.Block != s.kind) {
		s.close()
	}
	if s.scan == nil {
		s.scan, s.index, s.kind, s.begun = s.writes(), ev.Index, ev.Block, false
	}
	if ev.Text = s.scan.feed(ev.Text); ev.Text == "" && ev.Signature == "" {
		return false
	}
	s.begun = true
	return len(s.queue) == 0 || s.later(ev)
}

// close ends the scan of the open block.
func (s *unwritten) close() {
	if s.scan == nil {
		return
	}
	if text := s.scan.end(); text != "" {
		s.queue = append(s.queue, llm.Event{Kind: llm.EventDelta, Index: s.index, Block: s.kind, Text: text})
		s.begun = true
	}
	s.in.take(s.scan)
	s.scan = nil
}

// call puts the written calls into the queue, before the stop event.
func (s *unwritten) call(ev *llm.Event) {
	uses, warnings := s.in.uses()
	for _, use := range uses {
		s.last++
		seen := string(use.Input)
		use.Input = nil
		s.queue = append(s.queue,
			llm.Event{Kind: llm.EventBlockStart, Index: s.last, Block: llm.BlockToolUse, ToolUse: use},
			llm.Event{Kind: llm.EventDelta, Index: s.last, Block: llm.BlockToolUse, Text: seen},
			llm.Event{Kind: llm.EventBlockEnd, Index: s.last})
	}
	ev.Stop = stopOf(ev.Stop, len(uses))
	if m := s.Meta(); len(warnings) > 0 {
		m.Warnings = append(slices.Clip(m.Warnings), warnings...)
	}
}
