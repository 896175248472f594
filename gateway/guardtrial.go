package gateway

import (
	"cmp"
	"context"
	"time"

	"outcrop/guard"
	"outcrop/guard/ruleset"
	"outcrop/llm"
	"outcrop/telemetry"
)

// Trial is what a pipeline has made of a request outside of any call.
type Trial struct {
	Steps []TrialStep
	// Action is what the last step has come to: Allow, Block or Replace.
	Action ruleset.Action
	// Err is why the pipeline refuses; nil if it does not. Words are those of the response in place of one of a model's, if it makes one.
	Err   *llm.Error
	Words string
	// Request is the request with what is masked; nil if nothing is.
	Request *llm.Request
}

// TrialStep is one step that was asked.
type TrialStep struct {
	Guardrail string
	// Action is what comes after the step, by its verdict: a refusal or a failure if Err is not nil.
	Action ruleset.Action
	Err    *llm.Error
	// Request is the request with what the step and those before it have masked; nil if this one has masked nothing.
	Request *llm.Request
	Took    time.Duration
}

// Failed reports whether a step had no verdict.
func (s *TrialStep) Failed() bool { return s.Err != nil && s.Err.Code == llm.CodeGuardrailAway }

// TryPipeline has a pipeline check a request that no model gets, with the guardrails as they are now. A pipeline for responses checks the
// request as if a model had said it. unknown is the first name of a step that no guardrail has; the trial is nil then.
func (g *Gateway) TryPipeline(ctx context.Context, p *ruleset.Pipeline, req *llm.Request) (trial *Trial, unknown string, err error) {
	set := g.take()
	defer set.calls.Leave()
	c := &Call{g: g, set: set, record: telemetry.Call{ID: NewID(), Model: req.Model}}
	rules, unknown := c.withPipelines(nil, []*ruleset.Policy{{Name: "trial", Pipeline: p}}, ruleset.Decision{}, nil)
	if unknown != "" {
		return nil, unknown, nil
	}
	side := guard.Request
	if p.Responses {
		side = guard.Response
	}
	visit := func(r *llm.Request) func(*visitor) { return func(v *visitor) { v.request(r, false) } }
	before := collect(visit(req))
	texts := before.texts
	trial = &Trial{Action: ruleset.Allow}
	for i := range rules[0].steps {
		s := &rules[0].steps[i]
		start := g.now()
		masked, action, err := c.step(ctx, s, rules[0].Mode, side, texts, before.roles)
		if ctx.Err() != nil {
			return nil, "", cmp.Or(context.Cause(ctx), ctx.Err())
		}
		told := TrialStep{Guardrail: s.rule.Name, Action: action, Took: g.now().Sub(start)}
		if err != nil {
			told.Err = llm.AsError(err)
		}
		if masked != nil {
			texts = masked
			told.Request = cloneRequest(req)
			if err := before.replace(texts, visit(told.Request)); err != nil {
				told.Request, told.Action, told.Err = nil, ruleset.Block, llm.AsError(err)
			}
			trial.Request = told.Request
		}
		trial.Steps = append(trial.Steps, told)
		switch told.Action {
		case ruleset.Next:
			continue
		case ruleset.Replace:
			trial.Words = s.words(err)
		case ruleset.Block:
			trial.Err = told.Err
		case ruleset.Allow:
		}
		trial.Action = told.Action
		return trial, "", nil
	}
	return trial, "", nil
}
