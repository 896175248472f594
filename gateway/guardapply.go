package gateway

import (
	"context"
	"slices"

	"outcrop/guard"
	"outcrop/telemetry"
)

// ApplyGuardrail checks a text by a guardrail for a caller, outside of any call, and returns it with what is masked. It is false if
// there is no such guardrail. The error is an *llm.Error.
func (g *Gateway) ApplyGuardrail(ctx context.Context, caller Caller, name, text string, response bool) (string, bool, error) {
	set := g.take()
	defer set.calls.Leave()
	at := slices.IndexFunc(set.Guardrails, func(r *guard.Rule) bool { return r.Name == name })
	if at < 0 {
		return "", false, nil
	}
	c := &Call{g: g, set: set, caller: caller, record: telemetry.Call{ID: NewID()}}
	side, mode := guard.Request, guard.PreCall
	if response {
		side, mode = guard.Response, guard.PostCall
	}
	replaced, err := c.judge(ctx, set.Guardrails[at], mode, side, []string{text}, nil)
	if err != nil || replaced == nil || text == "" {
		return text, true, err
	}
	return replaced[0], true, nil
}
