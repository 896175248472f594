package route

import (
	"context"

	"outcrop/llm"
	"outcrop/provider"
)

// at tries a deployment, as it is with the settings that the request brings, and
// remembers how it fared. How a caller's own credentials and addresses fare says
// nothing of the deployment for the others, so that is not remembered.
func (c *call) at(ctx context.Context, t *target, model string, access *llm.Access) *llm.Error {
	if access != nil {
		guest, leave, err := t.guest(access)
		if err != nil {
			return err
		}
		// A stream goes on behind leave: closing a deployment ends the refreshing of its
		// credentials and lists, and no call.
		defer leave()
		return c.through(ctx, guest, model)
	}
	e := c.through(ctx, t, model)
	if e == nil {
		t.unwellUntil.Store(0)
	} else {
		c.r.note(t, e)
	}
	return e
}

// guest gives a target that is the deployment with the settings that a request
// brings, and what ends its use. It begins well and is forgotten.
func (t *target) guest(access *llm.Access) (*target, func(), *llm.Error) {
	host, ok := t.Deployment.(provider.Host)
	if !ok {
		name := access.Names()[0]
		return nil, nil, llm.Unsupported(name, "%s cannot be kept: the deployment takes no settings of requests", name)
	}
	d, leave, err := host.Guest(access)
	if err != nil {
		return nil, nil, llm.AsError(err)
	}
	guest := &target{Entry: t.Entry}
	guest.Deployment = d
	guest.targeter, _ = d.(provider.Targeter)
	return guest, leave, nil
}
