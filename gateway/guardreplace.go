package gateway

import (
	"context"
	"errors"
	"io"
	"slices"

	"outcrop/llm"
)

// replacement is the cause of a refusal that clients do not see as one: they get a response with its text. It stays a refusal where a
// call has no response with texts.
type replacement struct{ policy, text string }

func (r *replacement) Error() string { return "the policy " + r.policy + " has a response of its own" }

// replaced is the refusal of a policy that has a response in place of the model's; empty for a sentence about the policy.
func replaced(policy, text string) *llm.Error {
	if text == "" {
		text = "The policy " + policy + " has ended this call."
	}
	e := refusal(text)
	e.Err = &replacement{policy, text}
	return e
}

// replacing is the replacement that an error stands for; nil for any other.
func replacing(err error) *replacement {
	r, _ := errors.AsType[*replacement](err)
	return r
}

// rawReplaced is the reason for the end of such a response, in the words that LiteLLM has for it (1.110.2, ModifyResponseException).
const rawReplaced = "content_filter"

// into puts the replacement into a response, which keeps what it has used and where it came from.
func (r *replacement) into(resp *llm.Response) {
	resp.Role, resp.Blocks = llm.RoleAssistant, []llm.Block{{Kind: llm.BlockText, Text: r.text}}
	resp.Stop, resp.RawStop, resp.ModelFields, resp.Trace, resp.Extra = llm.StopReplaced, rawReplaced, nil, nil, nil
	resp.Meta.Warnings = append(slices.Clip(resp.Meta.Warnings), r.warning())
}

func (r *replacement) warning() llm.Warning {
	return llm.Warning{Code: llm.WarnChanged, Field: "response", Detail: r.Error()}
}

// inPlace makes of the refusal of a request the responses that the call has in its place, and takes the failure back; nil if it has none.
// No model has seen the request, so they cost nothing.
func (c *Call) inPlace(err error, n int64) []*llm.Response {
	r := replacing(err)
	if r == nil {
		return nil
	}
	c.Recover()
	all := make([]*llm.Response, max(n, 1))
	for i := range all {
		all[i] = &llm.Response{Usage: llm.Usage{Cost: llm.Some(llm.Cost(0))}}
		r.into(all[i])
	}
	return all
}

// responses are the responses of a call whose request is refused, or the error if it has none.
func (c *Call) responses(err error, n int64) ([]*llm.Response, error) {
	all := c.inPlace(err, n)
	if all == nil {
		return nil, err
	}
	c.meta(&all[0].Meta)
	c.record.Usage, c.record.Stop = all[0].Usage, all[0].RawStop
	c.settle()
	return all, nil
}

// streamInPlace is responses for a stream.
func (c *Call) streamInPlace(ctx context.Context, err error, n int64) (llm.Stream, error) {
	all := c.inPlace(err, n)
	if all == nil {
		return nil, err
	}
	m := &meteredStream{metering: metering{call: c, release: func() {}, allowance: allowance{ctx: ctx}}, out: make([]int64, len(all))}
	m.unlimited()
	m.Stream = newFixedStream(all)
	c.meta(m.Meta())
	m.warned = len(m.Meta().Warnings)
	return m, nil
}

// fixedStream is a stream of responses that there are already.
type fixedStream struct {
	events []llm.Event
	meta   llm.Meta
}

func newFixedStream(all []*llm.Response) *fixedStream {
	s := &fixedStream{meta: all[0].Meta}
	for i, resp := range all {
		s.events = append(s.events, llm.Event{Kind: llm.EventStart, Choice: i, Role: resp.Role})
		for j := range resp.Blocks {
			s.events = append(s.events,
				llm.Event{Kind: llm.EventDelta, Choice: i, Index: j, Block: resp.Blocks[j].Kind, Text: resp.Blocks[j].Text},
				llm.Event{Kind: llm.EventBlockEnd, Choice: i, Index: j})
		}
		s.events = append(s.events,
			llm.Event{Kind: llm.EventStop, Choice: i, Stop: resp.Stop, RawStop: resp.RawStop},
			llm.Event{Kind: llm.EventUsage, Choice: i, Usage: &resp.Usage})
	}
	return s
}

func (s *fixedStream) Next(ev *llm.Event) error {
	if len(s.events) == 0 {
		return io.EOF
	}
	*ev, s.events = s.events[0], s.events[1:]
	return nil
}

func (*fixedStream) More() bool { return true }

func (s *fixedStream) Meta() *llm.Meta { return &s.meta }

func (*fixedStream) Close() error { return nil }

// saidChoice is what a guarded stream has said of a choice.
type saidChoice struct {
	open     []int // the blocks that have begun, and have not ended
	next     int   // the index of a block that has not begun
	replaced bool  // the choice has the words of a policy, and nothing further of the model's
}

// of is what the stream has said of a choice.
func (s *guardedStream) of(choice int) *saidChoice {
	for len(s.said) <= choice {
		s.said = append(s.said, saidChoice{})
	}
	return &s.said[choice]
}

// release gives an event to the client.
func (s *guardedStream) release(ev *llm.Event) {
	said := s.of(ev.Choice)
	switch ev.Kind {
	case llm.EventBlockStart, llm.EventDelta:
		if !slices.Contains(said.open, ev.Index) {
			said.open = append(said.open, ev.Index)
		}
		said.next = max(said.next, ev.Index+1)
	case llm.EventBlockEnd:
		said.open = slices.DeleteFunc(said.open, func(i int) bool { return i == ev.Index })
	case llm.EventStop:
		if said.replaced {
			ev = &llm.Event{Kind: llm.EventStop, Choice: ev.Choice, Stop: llm.StopReplaced, RawStop: rawReplaced}
		}
	default: // no block
	}
	s.ready = append(s.ready, *ev)
}

// replace ends what a choice has said so far, and says the words of a policy. Of what still comes of the choice, only the end and the usage
// are for the client.
func (s *guardedStream) replace(choice int, r *replacement) {
	said := s.of(choice)
	for _, i := range slices.Clone(said.open) {
		s.release(&llm.Event{Kind: llm.EventBlockEnd, Choice: choice, Index: i})
	}
	at := said.next
	s.release(&llm.Event{Kind: llm.EventDelta, Choice: choice, Index: at, Block: llm.BlockText, Text: r.text})
	s.release(&llm.Event{Kind: llm.EventBlockEnd, Choice: choice, Index: at})
	said.replaced = true
	meta := s.Meta()
	meta.Warnings = append(slices.Clip(meta.Warnings), r.warning())
}

// dropped reports whether an event is one of a choice that has the words of a policy in its place.
func (s *guardedStream) dropped(ev *llm.Event) bool {
	switch ev.Kind {
	case llm.EventBlockStart, llm.EventDelta, llm.EventBlockEnd:
		return s.of(ev.Choice).replaced
	default:
		return false
	}
}
