package gateway

import (
	"errors"
	"io"
	"slices"
	"strings"

	"outcrop/guard"
	"outcrop/internal/jsonx"
	"outcrop/llm"
)

// restorer puts back what a guardrail has masked in a request, where a response has the mask.
type restorer struct{ texts, json *strings.Replacer }

// masks are the masks and what they stand for. In JSON, both are as texts in JSON are written.
func newRestorer(pairs []guard.Pair) *restorer {
	var texts, values []string
	for _, p := range pairs {
		texts = append(texts, p.Mask, p.Original)
		quoted := jsonx.AppendString(nil, p.Original)
		inner := string(quoted[1 : len(quoted)-1])
		values = append(values, p.Mask, inner, escapedMask(p.Mask), inner)
	}
	return &restorer{strings.NewReplacer(texts...), strings.NewReplacer(values...)}
}

// escapedMask is a mask as encoders write it that escape what HTML reserves.
func escapedMask(mask string) string {
	return strings.NewReplacer("<", `\u003c`, ">", `\u003e`).Replace(mask)
}

// restored is a response with what guardrails have masked in its request. Reasoning stays as it is: it may be signed.
func (c *Call) restored(resp *llm.Response) *llm.Response {
	if len(c.restore) == 0 {
		return resp
	}
	r := newRestorer(c.restore)
	own := *resp
	own.Blocks = cloneBlocks(resp.Blocks)
	for i := range own.Blocks {
		switch b := &own.Blocks[i]; b.Kind {
		case llm.BlockText:
			b.Text = r.texts.Replace(b.Text)
		case llm.BlockToolUse:
			if b.ToolUse != nil {
				b.ToolUse.Input = jsonx.Raw(r.json.Replace(string(b.ToolUse.Input)))
			}
		default: // it has no text of the model's for the client
		}
	}
	return &own
}

// restoredStream is restored for a stream. It holds back what may be the beginning of a mask, and nothing else.
type restoredStream struct {
	llm.Stream
	restorer *restorer
	masks    []string // in texts and in JSON

	open  []llm.Event // what is held of texts that have not ended
	ready []llm.Event
	err   error // comes after ready
}

func newRestoredStream(s llm.Stream, pairs []guard.Pair) *restoredStream {
	r := &restoredStream{Stream: s, restorer: newRestorer(pairs)}
	for _, p := range pairs {
		r.masks = append(r.masks, p.Mask, escapedMask(p.Mask))
	}
	return r
}

func (s *restoredStream) Next(ev *llm.Event) error {
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
func (s *restoredStream) More() bool {
	for len(s.ready) == 0 && s.err == nil && s.Stream.More() {
		s.read()
	}
	return len(s.ready) > 0 || s.err != nil
}

// read takes one event of the inner stream.
func (s *restoredStream) read() {
	var ev llm.Event
	if err := s.Stream.Next(&ev); err != nil {
		if errors.Is(err, io.EOF) {
			s.end(func(*llm.Event) bool { return true })
		}
		s.err = err
		return
	}
	if ev.Kind != llm.EventDelta {
		s.end(func(held *llm.Event) bool {
			return held.Choice == ev.Choice && (ev.Kind != llm.EventBlockEnd || held.Index == ev.Index)
		})
		s.ready = append(s.ready, ev)
		return
	}
	same := func(held *llm.Event) bool {
		return held.Choice == ev.Choice && held.Index == ev.Index && held.Block == ev.Block
	}
	s.end(func(held *llm.Event) bool { return held.Choice == ev.Choice && !same(held) })
	if ev.Block != llm.BlockText && ev.Block != llm.BlockToolUse {
		s.ready = append(s.ready, ev)
		return
	}
	if at := slices.IndexFunc(s.open, func(held llm.Event) bool { return same(&held) }); at >= 0 {
		ev.Text = s.open[at].Text + ev.Text
		s.open = slices.Delete(s.open, at, at+1)
	}
	by := s.restorer.texts
	if ev.Block == llm.BlockToolUse {
		by = s.restorer.json
	}
	held := s.begun(ev.Text)
	rest := ev.Text[len(ev.Text)-held:]
	ev.Text = by.Replace(ev.Text[:len(ev.Text)-held])
	if held > 0 {
		s.open = append(s.open, llm.Event{Kind: llm.EventDelta, Choice: ev.Choice, Index: ev.Index, Block: ev.Block, Text: rest})
	}
	if ev.Text != "" || held == 0 || ev.Media != nil || ev.Other != nil || ev.Signature != "" || len(ev.Extra) > 0 {
		s.ready = append(s.ready, ev)
	}
}

// begun is how many bytes at the end of a text may be the beginning of a mask.
func (s *restoredStream) begun(text string) (n int) {
	for _, mask := range s.masks {
		for k := min(len(mask)-1, len(text)); k > n; k-- {
			if strings.HasSuffix(text, mask[:k]) {
				n = k
				break
			}
		}
	}
	return n
}

// end releases what is held of texts that end.
func (s *restoredStream) end(ends func(held *llm.Event) bool) {
	s.open = slices.DeleteFunc(s.open, func(held llm.Event) bool {
		if !ends(&held) {
			return false
		}
		s.ready = append(s.ready, held)
		return true
	})
}
