package gateway

import (
	"context"
	"errors"
	"slices"

	"outcrop/guard"
	"outcrop/guard/ruleset"
	"outcrop/llm"
)

// rule is a guardrail that is in force for a call, or a pipeline of them, which has steps in place of a check of its own.
type rule struct {
	*guard.Rule
	steps []step
}

type step struct {
	*ruleset.Step
	rule *guard.Rule
}

// Reach is how streams are checked in pieces: for a pipeline, such that it is enough for each of its steps.
func (r rule) Reach() (reach guard.Reach) {
	if r.steps == nil {
		return r.Rule.Reach()
	}
	for i := range r.steps {
		one := r.steps[i].rule.Reach()
		reach.Held, reach.Every, reach.Again = max(reach.Held, one.Held), max(reach.Every, one.Every), reach.Again || one.Again
	}
	return reach
}

// withPipelines are the rules of a call behind the pipelines of its policies. A guardrail that is a step of a pipeline is not asked once
// more besides, as in LiteLLM (1.110.2, pipeline_managed_guardrail_names), unless it is in force anyway and only the request has named the
// pipeline: else a client could choose what its refusals come to. anyway is what is in force without what the request names; policies begins
// with its pipelines. unknown is the first name of a step that no guardrail has; empty if there is none.
func (c *Call) withPipelines(rules []*guard.Rule, policies []*ruleset.Policy, anyway ruleset.Decision, tags []string) (inForce []rule, unknown string) {
	all := make([]rule, 0, len(policies)+len(rules))
	for _, p := range policies {
		r := rule{Rule: &guard.Rule{Name: p.Name, Mode: guard.PreCall, SkipSystem: true}, steps: make([]step, 0, len(p.Pipeline.Steps))}
		if p.Pipeline.Responses {
			r.Mode = guard.PostCall
		}
		for i := range p.Pipeline.Steps {
			s := &p.Pipeline.Steps[i]
			one := c.stepRule(s.Guardrail, tags)
			if one == nil {
				return nil, s.Guardrail
			}
			r.SkipSystem = r.SkipSystem && one.SkipSystem
			r.steps = append(r.steps, step{s, one})
		}
		all = append(all, r)
	}
	for _, one := range rules {
		pipelines := all[:len(policies)]
		if one.Always || slices.Contains(anyway.Guardrails, one.Name) {
			pipelines = pipelines[:len(anyway.Pipelines)]
		}
		if mode := one.Mode &^ managed(pipelines, one.Name); mode != one.Mode {
			own := *one
			own.Mode, one = mode, &own
		}
		if one.Mode&^guard.Logging != 0 {
			all = append(all, rule{Rule: one})
		}
	}
	return all, ""
}

// stepRule is the guardrail of a step, of several with its name the one whose turn it is; nil if there is none.
func (c *Call) stepRule(name string, tags []string) *guard.Rule {
	if rules, _ := guard.Choose(c.set.Guardrails, []string{name}, tags, c.record.ID); len(rules) > 0 {
		if at := slices.IndexFunc(rules, func(r *guard.Rule) bool { return r.Name == name }); at >= 0 {
			return rules[at]
		}
	}
	if at := slices.IndexFunc(c.set.Guardrails, func(r *guard.Rule) bool { return r.Name == name }); at >= 0 {
		return c.set.Guardrails[at] // one for logging only
	}
	return nil
}

// managed are the modes in which pipelines ask a guardrail.
func managed(pipelines []rule, name string) (mode guard.Mode) {
	for _, p := range pipelines {
		if slices.ContainsFunc(p.steps, func(s step) bool { return s.Guardrail == name }) {
			mode |= p.Mode
		}
	}
	return mode
}

// ask asks a rule, or the steps of a pipeline, as judge does. What a step masks is masked for the steps after it and for whom the texts
// are for, whatever becomes of them.
func (c *Call) ask(ctx context.Context, r rule, mode guard.Mode, side guard.Side, texts, roles []string) (masked []string, err error) {
	if r.steps == nil {
		return c.judge(ctx, r.Rule, mode, side, texts, roles)
	}
	for i := range r.steps {
		s := &r.steps[i]
		texted, action, err := c.step(ctx, s, mode, side, texts, roles)
		if texted != nil {
			texts, masked = texted, texted
		}
		switch {
		case action == ruleset.Allow:
			return masked, nil
		case action == ruleset.Replace:
			return nil, replaced(r.Name, s.words(err))
		case action == ruleset.Block && err == nil:
			return nil, refusal("Content blocked: the policy " + r.Name + " lets nothing pass that the guardrail " + s.rule.Name + " does")
		case action == ruleset.Block:
			return nil, err
		default: // the next step
		}
	}
	return masked, nil
}

// step asks one step, and says what comes after it. err is the refusal, or why there is no verdict; the action is Block if the client has gone.
func (c *Call) step(ctx context.Context, s *step, mode guard.Mode, side guard.Side, texts, roles []string) (masked []string, action ruleset.Action, err error) {
	masked, err = c.judgeSome(ctx, s.rule, mode, side, texts, roles)
	if err == nil {
		return masked, s.Pass, nil
	}
	switch e, _ := errors.AsType[*llm.Error](err); {
	case e != nil && e.Code == llm.CodeGuardrail:
		return nil, s.Fail, err
	case e != nil && e.Code == llm.CodeGuardrailAway:
		return nil, s.Error, err
	default:
		return nil, ruleset.Block, err
	}
}

// words are those that a step has a call answered with.
func (s *step) words(err error) string {
	if s.Reason == "" && err != nil {
		return llm.AsError(err).Message
	}
	return s.Reason
}

// judgeSome is judge without the instructions of the system, if the rule leaves them out.
func (c *Call) judgeSome(ctx context.Context, r *guard.Rule, mode guard.Mode, side guard.Side, texts, roles []string) ([]string, error) {
	if !r.SkipSystem || len(roles) != len(texts) || !slices.Contains(roles, "system") {
		return c.judge(ctx, r, mode, side, texts, roles)
	}
	var some, whose []string
	for i, text := range texts {
		if roles[i] != "system" {
			some, whose = append(some, text), append(whose, roles[i])
		}
	}
	replaced, err := c.judge(ctx, r, mode, side, some, whose)
	if replaced == nil || err != nil {
		return nil, err
	}
	all := slices.Clone(texts)
	for i := range all {
		if roles[i] != "system" {
			all[i], replaced = replaced[0], replaced[1:]
		}
	}
	return all, nil
}
