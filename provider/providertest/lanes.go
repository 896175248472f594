package providertest

import (
	"context"
	"errors"
	"fmt"
	"io"

	"outcrop/llm"
	"outcrop/provider"
)

// passed is what a client gets of a call whose body passes through.
type passed struct {
	body  []byte
	usage llm.Usage
	stop  string
}

// pass makes a call whose body passes through.
func (l *Lane) pass(ctx context.Context, t provider.Target, q *Question, streamed bool) (*passed, error) {
	passer, ok := t.(provider.Passer)
	if !ok || !passer.Speaks(l.Dialect) {
		return nil, fmt.Errorf("the target does not speak %s", l.Dialect)
	}
	raw := &llm.Raw{Call: llm.Call{Model: "providertest", Stream: streamed}, Dialect: l.Dialect, Body: l.Upstream.Raw(q, "providertest", streamed)}
	if !streamed {
		resp, err := passer.Pass(ctx, raw)
		if err != nil {
			return nil, err
		}
		return &passed{resp.Body, resp.Usage, resp.RawStop}, nil
	}
	s, err := passer.PassStream(ctx, raw)
	if err != nil {
		return nil, err
	}
	defer s.Close()
	var out passed
	content := false
	for {
		var ev llm.RawEvent
		switch err := s.Next(&ev); {
		case errors.Is(err, io.EOF):
			if !content {
				return nil, errors.New("no event of the stream has content")
			}
			return &out, nil
		case err != nil:
			return nil, err
		case ev.Err != nil:
			return nil, ev.Err
		}
		out.body = append(out.body, ev.Data...)
		content = content || ev.Content
		if ev.Usage != nil {
			out.usage = *ev.Usage
		}
		if ev.RawStop != "" {
			out.stop = ev.RawStop
		}
	}
}

// lanes compares a body that passes through with its translation: what the upstream gets, and what the
// client gets.
func (p *Provider) lanes(ctx context.Context) error {
	thinking := rocks()
	thinking.Reasoning, thinking.Thought, thinking.Cached, thinking.Input = "Hm.", 2, 5, 15
	calls := &Answer{Text: "I look.", Calls: []Call{{"call_a1", "find", `{"rock":"granite"}`}, {"call_a2", "weigh", `{"rock":"basalt"}`}}, Stop: llm.StopToolUse, Input: 20, Output: 30}
	var errs []error
	for _, c := range []struct {
		name string
		q    Question
		a    *Answer
	}{
		{"text", Question{System: "Be brief.", Text: "What?", MaxTokens: 50, Stop: []string{"END"}}, rocks()},
		{"tools", Question{Text: "Find.", Tools: []string{"find", "weigh"}}, calls},
		{"a result", Question{Tools: []string{"find"}, Past: &Call{"call_a7", "find", `{"rock":"granite"}`}, Result: "17 kg"}, rocks()},
		{"an image", Question{Text: "What is this?", Image: png}, rocks()},
		{"reasoning", Question{Text: "Think."}, thinking},
	} {
		for _, l := range p.allLanes() {
			if l.NoStop || p.NoStop {
				c.q.Stop = nil
			}
			for _, streamed := range []bool{false, true} {
				what := fmt.Sprintf("%s in %s, streamed %t", c.name, l.Dialect, streamed)
				if err := p.lane(ctx, what, &l, &c.q, c.a, streamed); err != nil {
					errs = append(errs, err)
				}
			}
		}
	}
	return errors.Join(errs...)
}

// said is the reply of an upstream.
func said(u Upstream, a *Answer, streamed bool) reply {
	if streamed {
		return reply{events: u.Events(a)}
	}
	return reply{body: u.Whole(a)}
}

func (p *Provider) lane(ctx context.Context, what string, l *Lane, q *Question, a *Answer, streamed bool) error {
	var got *passed
	err := p.with(said(l.Upstream, a, streamed), func(f *fake, t provider.Target) (err error) {
		if got, err = l.pass(ctx, t, q, streamed); err != nil {
			return fmt.Errorf("%s: %w", what, err)
		}
		return asked(what+", passed", l.Upstream, q, f.last())
	})
	if err != nil {
		return err
	}
	return p.with(said(p.Upstream, a, streamed), func(f *fake, t provider.Target) error {
		call := complete
		if streamed {
			call = stream
		}
		resp, err := call(ctx, t, q)
		if err != nil {
			return fmt.Errorf("%s: %w", what, err)
		}
		errs := []error{asked(what+", translated", p.Upstream, q, f.last())}
		read, err := l.Upstream.Read(got.body, streamed)
		if err != nil {
			return fmt.Errorf("%s: what the client gets cannot be read: %w: %s", what, err, got.body)
		}
		errs = append(errs, same(what+", passed", answerOf(resp), read))
		if got.usage.Prompt() != resp.Usage.Prompt() || got.usage.Output != resp.Usage.Output || got.usage.CacheRead != resp.Usage.CacheRead {
			errs = append(errs, fmt.Errorf("%s: the tap read the usage %+v, the translation %+v", what, got.usage, resp.Usage))
		}
		if got.stop == "" || l.Dialect == p.Dialect && got.stop != resp.RawStop {
			errs = append(errs, fmt.Errorf("%s: the tap read the stop reason %q, the translation %q", what, got.stop, resp.RawStop))
		}
		return errors.Join(errs...)
	})
}
