package providertest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"time"

	"outcrop/internal/port"
	"outcrop/llm"
	"outcrop/provider"
)

// rocks is a plain answer.
func rocks() *Answer {
	return &Answer{Text: "Granite is a rock. \"Ja\" – \u5ca9 \U0001FAA8", Stop: llm.StopEnd, Input: 11, Output: 7}
}

// both makes a call whole and streamed, and compares what comes with the answer, and what the upstream
// got with the question.
func (p *Provider) both(ctx context.Context, q *Question, a *Answer) error {
	var errs []error
	if p.NoStop {
		q.Stop = nil
	}
	for _, streamed := range []bool{false, true} {
		what, r := "whole", reply{body: p.Upstream.Whole(a)}
		call := complete
		if streamed {
			what, r, call = "streamed", reply{events: p.Upstream.Events(a)}, stream
		}
		err := p.with(r, func(f *fake, t provider.Target) error {
			resp, err := call(ctx, t, q)
			if err != nil {
				return fmt.Errorf("%s: %w", what, err)
			}
			return errors.Join(same(what, a, answerOf(resp)), asked(what, p.Upstream, q, f.last()))
		})
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}

// asked compares what the upstream got with a question.
func asked(what string, u Upstream, want *Question, body []byte) error {
	got, err := u.Asked(body)
	if err != nil {
		return fmt.Errorf("%s: the request is not valid: %w: %s", what, err, body)
	}
	if w, g := fmt.Sprintf("%+v", flat(want)), fmt.Sprintf("%+v", flat(got)); w != g {
		return fmt.Errorf("%s: the upstream understood\n%s, not\n%s", what, g, w)
	}
	return nil
}

// flat is a question without pointers, and with an image only as far as it is compared.
func flat(q *Question) any {
	c := *q
	var past Call
	if c.Past != nil {
		past = compacted([]Call{*c.Past})[0]
		c.Past, c.Text = nil, ""
	}
	c.Schema = compacted([]Call{{Arguments: c.Schema}})[0].Arguments
	return struct {
		Question
		Call
	}{c, past}
}

func (p *Provider) text(ctx context.Context) error {
	return p.both(ctx, &Question{Text: "What is \"granite\"?\n\u5ca9"}, rocks())
}

func (p *Provider) settings(ctx context.Context) error {
	return p.both(ctx, &Question{System: "Be brief.", Text: "Rocks?", MaxTokens: 100, Stop: []string{"END"}}, rocks())
}

func (p *Provider) tools(ctx context.Context) error {
	a := &Answer{Text: "I look.", Calls: []Call{{"call_a1", "find", `{"rock":"granite \"g\"","n":[1,{"a":null}]}`}}, Stop: llm.StopToolUse, Input: 20, Output: 9}
	return p.both(ctx, &Question{Text: "Find granite.", Tools: []string{"find", "weigh"}}, a)
}

func (p *Provider) parallel(ctx context.Context) error {
	a := &Answer{Calls: []Call{{"call_a1", "find", `{"rock":"granite"}`}, {"call_a2", "weigh", `{"rock":"basalt"}`}, {"call_a3", "find", `{}`}}, Stop: llm.StopToolUse, Input: 20, Output: 30}
	return p.both(ctx, &Question{Text: "Find all.", Tools: []string{"find", "weigh"}}, a)
}

func (p *Provider) result(ctx context.Context) error {
	return p.both(ctx, &Question{Tools: []string{"find"}, Past: &Call{"call_a7", "find", `{"rock":"granite"}`}, Result: "17 kg"}, rocks())
}

func (p *Provider) images(ctx context.Context) error {
	return p.both(ctx, &Question{Text: "What is this?", Image: png}, rocks())
}

func (p *Provider) schema(ctx context.Context) error {
	a := rocks()
	a.Text = `{"rock":"granite"}`
	return p.both(ctx, &Question{Text: "Name one.", Schema: `{"type":"object","properties":{"rock":{"type":"string"}},"required":["rock"],"additionalProperties":false}`}, a)
}

func (p *Provider) reasoning(ctx context.Context) error {
	a := rocks()
	a.Reasoning, a.Thought, a.Cached, a.Input = "Rocks are \"hard\".\nHm.", 4, 8, 20
	var errs []error
	errs = append(errs, p.both(ctx, &Question{Text: "Think."}, a))
	err := p.with(reply{body: p.Upstream.Whole(a)}, func(_ *fake, t provider.Target) error {
		resp, err := complete(ctx, t, &Question{Text: "Think."})
		if err == nil && resp.Usage.Reasoning.Set && resp.Usage.Reasoning.Value != a.Thought {
			err = fmt.Errorf("the number of reasoning tokens is %d, not %d", resp.Usage.Reasoning.Value, a.Thought)
		}
		return err
	})
	return errors.Join(append(errs, err)...)
}

func (p *Provider) limit(ctx context.Context) error {
	a := rocks()
	a.Stop = llm.StopMaxTokens
	return p.both(ctx, &Question{Text: "Go on.", MaxTokens: 70}, a)
}

// refused makes a call that is refused, whole, streamed, and in the lane.
func (p *Provider) refused(ctx context.Context, r *Refusal) (all []*llm.Error, err error) {
	take := func(what string, err error) error {
		e, ok := errors.AsType[*llm.Error](err)
		if !ok {
			return errors.Join(fmt.Errorf("%s: the error is not an *llm.Error", what), err)
		}
		all = append(all, e)
		return nil
	}
	refusal := reply{status: r.Status, header: r.Header, body: r.Body}
	errs := []error{p.with(refusal, func(_ *fake, t provider.Target) error {
		_, err := complete(ctx, t, &Question{Text: "Hi"})
		errs := []error{take("whole", err)}
		_, err = stream(ctx, t, &Question{Text: "Hi"})
		return errors.Join(append(errs, take("streamed", err))...)
	})}
	for _, l := range p.allLanes() {
		for _, streamed := range []bool{false, true} {
			errs = append(errs, p.with(refusal, func(_ *fake, t provider.Target) error { // anew, because a target may learn
				_, err := l.pass(ctx, t, &Question{Text: "Hi"}, streamed)
				return take("passed in "+l.Dialect, err)
			}))
		}
	}
	return all, errors.Join(errs...)
}

func (p *Provider) refusals(ctx context.Context) error {
	var errs []error
	missing := slices.DeleteFunc(Required(), func(c llm.Code) bool { return p.NoRefusals[c] != "" })
	all := p.Upstream.Refusals()
	for _, l := range p.Lanes {
		all = append(all, l.Upstream.Refusals()...)
	}
	for _, r := range all {
		missing = slices.DeleteFunc(missing, func(c llm.Code) bool { return c == r.Code })
		all, err := p.refused(ctx, &r)
		if err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", r.Body, err))
		}
		for _, e := range all {
			wrong := func(format string, args ...any) {
				errs = append(errs, fmt.Errorf("%d %s: %s", r.Status, r.Body, fmt.Sprintf(format, args...)))
			}
			if e.Code != r.Code {
				wrong("the code is %s, not %s", e.Code, r.Code)
			}
			if !strings.Contains(e.Message, r.Words) {
				wrong("the message lacks the provider's words: %s", e.Message)
			}
			if !e.Upstream || e.UpstreamStatus != r.Status {
				wrong("it is not marked as the provider's, with its status")
			}
			if who := e.Responsible(); who != llm.ActorCaller && who != llm.ActorOperator && who != llm.ActorProvider && !slices.Contains(p.Actors, who) {
				wrong("the actor is %q", who)
			}
			if e.Status == http.StatusUnauthorized || e.Status < 400 {
				wrong("the client's status is %d", e.Status)
			}
			if e.Code.Persistent() && e.Fix == "" {
				wrong("it has no next step")
			}
			if e.Destination.ID == "" {
				wrong("it does not say which model was called")
			}
		}
	}
	if len(missing) > 0 {
		errs = append(errs, fmt.Errorf("there are no refusals for %v", missing))
	}
	return errors.Join(errs...)
}

func (p *Provider) retryAfter(ctx context.Context) error {
	for _, r := range p.Upstream.Refusals() {
		if r.Code != llm.CodeLimitRequests {
			continue
		}
		r.Header = r.Header.Clone()
		if r.Header == nil {
			r.Header = http.Header{}
		}
		r.Header.Set("Retry-After", "17")
		all, err := p.refused(ctx, &r)
		for _, e := range all {
			if e.RetryAfter != "17" || e.CanRetry() != llm.RetryLater {
				err = errors.Join(err, fmt.Errorf("retry-after is %q, retry is %s", e.RetryAfter, e.CanRetry()))
			}
		}
		return err
	}
	return errors.New("there is no refusal for a rate limit")
}

// secrets has the upstream repeat the key in every refusal.
func (p *Provider) secrets(ctx context.Context) error {
	var errs []error
	for _, r := range p.Upstream.Refusals() {
		if r.Words != "" {
			r.Body = strings.Replace(r.Body, r.Words, r.Words+" "+Key, 1)
		}
		for _, body := range []string{r.Body, "<html>Bad gateway: authorization: Bearer " + Key + "</html>"} {
			r.Body = body
			all, err := p.refused(ctx, &r)
			if err != nil {
				errs = append(errs, err)
			}
			for _, e := range all {
				if shown := fmt.Sprintf("%+v %v %s", *e, e, e.Body); strings.Contains(shown, Key) {
					errs = append(errs, fmt.Errorf("an error shows the key: %s", shown))
				}
			}
		}
	}
	f, err := listen(reply{})
	if err != nil {
		return err
	}
	defer f.close()
	d, err := p.Open(f.base)
	if err != nil {
		return err
	}
	defer d.Close()
	if shown := fmt.Sprintf("%v %+v %#v", d, d, d); strings.Contains(shown, Key) {
		errs = append(errs, errors.New("the deployment prints the key"))
	}
	return errors.Join(errs...)
}

// broken checks the error of a response that broke off.
func broken(what string, err error) error {
	e, ok := errors.AsType[*llm.Error](err)
	switch {
	case err == nil || errors.Is(err, io.EOF):
		return fmt.Errorf("%s: it counts as complete", what)
	case !ok:
		return fmt.Errorf("%s: the error is not an *llm.Error: %w", what, err)
	case e.Code != llm.CodeInterrupted || e.Status != http.StatusBadGateway:
		return fmt.Errorf("%s: the code is %s and the status %d: %w", what, e.Code, e.Status, err)
	default:
		return nil
	}
}

func (p *Provider) cutWhole(ctx context.Context) error {
	return p.with(reply{body: p.Upstream.Whole(rocks())[:20], cut: true}, func(_ *fake, t provider.Target) error {
		_, err := complete(ctx, t, &Question{Text: "Hi"})
		return broken("a cut response", err)
	})
}

// brokenStream checks a stream that breaks off, in both lanes.
func (p *Provider) brokenStream(ctx context.Context, what string, r reply) error {
	return p.with(r, func(_ *fake, t provider.Target) error {
		_, err := stream(ctx, t, &Question{Text: "Hi"})
		errs := []error{broken(what, err)}
		if p.Dialect != "" {
			l := p.allLanes()[0]
			_, err = l.pass(ctx, t, &Question{Text: "Hi"}, true)
			errs = append(errs, broken(what+", passed", err))
		}
		return errors.Join(errs...)
	})
}

// brokenLane checks a stream that breaks off in a further dialect.
func (p *Provider) brokenLane(ctx context.Context, what string, l *Lane, r reply) error {
	return p.with(r, func(_ *fake, t provider.Target) error {
		_, err := l.pass(ctx, t, &Question{Text: "Hi"}, true)
		return broken(what+", passed in "+l.Dialect, err)
	})
}

// cut cuts a stream behind each of its events but the last ones. A stream that ends without its mark,
// but behind its stop reason, may count as complete: some servers send no mark.
func (p *Provider) cut(ctx context.Context) error {
	events := p.Upstream.Events(rocks())
	var errs []error
	for n := range len(events) - 2 {
		errs = append(errs, p.brokenStream(ctx, fmt.Sprintf("cut behind event %d", n), reply{events: events[:n+1], cut: true}))
		if n < len(events)-3 {
			errs = append(errs, p.brokenStream(ctx, fmt.Sprintf("ended behind event %d", n), reply{events: events[:n+1]}))
		}
	}
	half := append(slices.Clone(events[:1]), events[1][:len(events[1])/2])
	errs = append(errs, p.brokenStream(ctx, "cut inside an event", reply{events: half, cut: true}))
	for _, l := range p.Lanes {
		events := l.Upstream.Events(rocks())
		for n := range len(events) - 1 { // only the last one completes the response
			errs = append(errs, p.brokenLane(ctx, fmt.Sprintf("cut behind event %d", n), &l, reply{events: events[:n+1], cut: true}),
				p.brokenLane(ctx, fmt.Sprintf("ended behind event %d", n), &l, reply{events: events[:n+1]}))
		}
		half := append(slices.Clone(events[:1]), events[1][:len(events[1])/2])
		errs = append(errs, p.brokenLane(ctx, "cut inside an event", &l, reply{events: half, cut: true}),
			p.brokenLane(ctx, "a corrupt event", &l, reply{events: append(slices.Clone(events[:2]), append([]string{l.Upstream.Corrupt()}, events[2:]...)...)}))
	}
	return errors.Join(errs...)
}

func (p *Provider) corrupt(ctx context.Context) error {
	events := p.Upstream.Events(rocks())
	return errors.Join(
		p.brokenStream(ctx, "a corrupt event", reply{events: append(slices.Clone(events[:2]), append([]string{p.Upstream.Corrupt()}, events[2:]...)...)}),
		p.brokenStream(ctx, "bytes that are not UTF-8", reply{events: append(slices.Clone(events[:2]), "data: \xff\xfe\n\n", events[2])}),
	)
}

// stall cancels a stream that has begun and is silent: the stream must end, and its connection.
func (p *Provider) stall(ctx context.Context) error {
	events := p.Upstream.Events(rocks())
	return p.with(reply{events: events[:2], stall: true}, func(f *fake, t provider.Target) error {
		ctx, cancel := context.WithCancel(ctx)
		defer cancel()
		req := (&Question{Text: "Hi"}).Request()
		req.Stream = true
		c, ok := t.(provider.Chatter)
		if !ok {
			return errors.New("the target is not a provider.Chatter")
		}
		s, err := c.Stream(ctx, req)
		if err != nil {
			return err
		}
		defer s.Close()
		var ev llm.Event
		for ev.Kind != llm.EventDelta { // then the upstream is silent
			if err := s.Next(&ev); err != nil {
				return err
			}
		}
		cancel()
		for err == nil {
			err = s.Next(&ev)
		}
		if errors.Is(err, io.EOF) {
			return errors.New("a cancelled stream counts as complete")
		}
		_ = s.Close()
		return f.left()
	})
}

// leftOpen reads complete streams whose connections stay open: some servers leave it to the client to close them. The response must end
// all the same, in both lanes, and the connection with it.
func (p *Provider) leftOpen(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	var errs []error
	try := func(what string, of Upstream, read func(t provider.Target) error) {
		errs = append(errs, p.with(reply{events: of.Events(rocks()), stall: true}, func(f *fake, t provider.Target) error {
			if err := read(t); err != nil {
				return fmt.Errorf("%s: %w", what, err)
			}
			if ctx.Err() != nil {
				return fmt.Errorf("%s: it has ended with the time for it", what)
			}
			return f.left()
		}))
	}
	try("translated", p.Upstream, func(t provider.Target) error {
		_, err := stream(ctx, t, &Question{Text: "Hi"})
		return err
	})
	for _, l := range p.allLanes() {
		try("passed in "+l.Dialect, l.Upstream, func(t provider.Target) error {
			_, err := l.pass(ctx, t, &Question{Text: "Hi"}, true)
			return err
		})
	}
	return errors.Join(errs...)
}

// left waits until the upstream has noticed that the client has gone.
func (f *fake) left() error {
	select {
	case <-f.gone:
		return nil
	case <-time.After(time.Minute):
		return errors.New("the connection stays open after the call was cancelled")
	}
}

func (p *Provider) cancel(ctx context.Context) error {
	return p.with(reply{silent: true}, func(f *fake, t provider.Target) error {
		ctx, cancel := context.WithCancel(ctx)
		go func() {
			select {
			case <-f.arrived:
			case <-ctx.Done():
			}
			cancel()
		}()
		defer cancel()
		if _, err := complete(ctx, t, &Question{Text: "Hi"}); err == nil {
			return errors.New("a cancelled call has no error")
		}
		return f.left()
	})
}

func (p *Provider) unreachable(ctx context.Context) error {
	nobody, err := port.Reserve()
	if err != nil {
		return err
	}
	d, err := p.Open("http://" + nobody.Address())
	if err != nil {
		return err
	}
	defer d.Close()
	targets, err := d.Targets(llm.VerbChat, p.Model)
	if err != nil {
		return err
	}
	_, err = complete(ctx, targets[0], &Question{Text: "Hi"})
	if err := nobody.Release(); err != nil {
		return err
	}
	if e := llm.AsError(err); e.Code != llm.CodeUnreachable || e.Status != http.StatusServiceUnavailable {
		return fmt.Errorf("the error is %w, status %d", err, e.Status)
	}
	return nil
}
