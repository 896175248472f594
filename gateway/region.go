package gateway

import (
	"context"
	"slices"

	"outcrop/llm"
)

// reside sets which regions the call must not leave.
func (c *Call) reside(ctx context.Context, req *llm.Call) error {
	own := &req.Routing
	own.Regions = nil
	if t := c.caller.tenant; t != nil {
		regions, err := t.Regions(ctx, c.customerOf(req))
		if err != nil {
			return c.Fail(err)
		}
		own.Regions = regions
	}
	if own.Region != "" {
		own.Regions = append(slices.Clip(own.Regions), own.Region)
	}
	return nil
}

// unbound refuses a call of a provider's own API, of which it is not known where it is processed, to a caller whose calls must not leave
// a region.
func (c *Call) unbound(ctx context.Context) error {
	var req llm.Call
	if err := c.reside(ctx, &req); err != nil || len(req.Routing.Regions) == 0 {
		return err
	}
	return c.Fail(&llm.Error{
		Code: llm.CodeModelDenied, Status: 403, Actor: llm.ActorOperator,
		Message: "calls of this caller must not leave " + req.Routing.Regions[0] + " (allowed_model_region), and of a provider's own API it is not known where it processes them.",
		Fix:     "Call the model by the gateway's own endpoints, such as /v1/chat/completions.",
	})
}
