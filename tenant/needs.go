package tenant

import (
	"outcrop/llm"
)

// Estimate is what a call may use.
type Estimate struct {
	// Prompt are the tokens of the request, about: of all of its responses, if the provider counts them for each.
	Prompt int64
	// Output is the most that a response may have, and MostOutput the most that the model can write; 0 if they
	// are not known. Output is -1 for a response that is no text.
	Output, MostOutput int64
	// Cost is what a use of tokens costs at most; 0 if unknown.
	Cost func(*llm.Usage) llm.Cost
	// Times is how many responses the call asks for.
	Times int64
}

// defaultOutput is how many tokens are reserved for a response if neither the request, the operator nor the
// catalogue says how many it may have.
const defaultOutput = 4096

// expectedOutput is how many tokens of a limit must be left for a response that may have as many or more. Coding agents
// allow responses of 128,000 tokens and use a few hundred, so such a call does not wait for all of them; one that allows
// less is never begun unless all that it may use is left, and cannot exceed the limit.
const expectedOutput = 1024

// needs are the units that a call reserves.
type needs struct {
	cost, input, output int64
	expected            int64 // tokens of the response that must be left
	times               int64 // how many responses these are for, each of which may be a call to a deployment
}

// part is what one of the responses needs.
func (n *needs) part() needs {
	each := func(all int64) int64 { return (all + n.times - 1) / n.times }
	return needs{each(n.cost), each(n.input), each(n.output), each(n.expected), 1}
}

// tokens are the tokens that a limit counts: those to be reserved, and those that must be left.
func (n *needs) tokens(counted Counted) (units, least int64) {
	switch counted {
	case InputTokens:
		return max(1, n.input), max(1, n.input)
	case OutputTokens:
		return max(1, n.output), max(1, n.expected)
	default:
		return max(1, n.input+n.output), max(1, n.input+n.expected)
	}
}

// needed is what the call needs. It is asked for once.
func (ch *Charge) needed() *needs {
	if !ch.needs.Set {
		ch.needs = llm.Some(ch.estimated())
	}
	return &ch.needs.Value
}

func (ch *Charge) estimated() needs {
	if ch.estimate == nil {
		return needs{cost: 1, input: 1, times: 1}
	}
	e := ch.estimate()
	out := e.Output
	if out < 0 { // it makes no text
		return needs{input: max(1, e.Prompt), cost: max(1, ch.costOf(&e, e.Prompt, 0)), times: 1}
	}
	for _, next := range [...]int64{ch.c.estimated, ch.c.d.settings().EstimatedOutput, e.MostOutput, defaultOutput} {
		if out == 0 {
			out = next
		}
	}
	if e.MostOutput > 0 {
		out = min(out, e.MostOutput)
	}
	times := max(1, e.Times)
	expected := min(out, expectedOutput) * times
	out = min(out, 1<<40) * times
	return needs{input: e.Prompt, output: out, expected: expected, cost: max(1, ch.costOf(&e, e.Prompt, out)), times: times}
}

// costOf is what tokens cost at most. Their usage is in the charge's memory, because Cost may be any function, and might keep it.
func (ch *Charge) costOf(e *Estimate, in, out int64) int64 {
	if e.Cost == nil {
		return 0
	}
	ch.usage = llm.Usage{Input: in, Output: out}
	return int64(e.Cost(&ch.usage))
}
