package route

import (
	"context"

	"outcrop/llm"
	"outcrop/provider"
)

// tryDeployment tries a deployment, as it is with the settings that the request brings, and
// remembers how it fared. How a caller's own credentials and addresses fare says
// nothing of the deployment for the others, so that is not remembered.
func (c *call) tryDeployment(ctx context.Context, t *deployment, model string, access *llm.ClientSettings) *llm.Error {
	if access != nil {
		override, release, err := t.withOverrides(access)
		if err != nil {
			return err
		}
		// A stream goes on behind leave: closing a deployment ends the refreshing of its
		// credentials and lists, and no call.
		defer release()
		return c.tryTargets(ctx, override, model)
	}
	e := c.tryTargets(ctx, t, model)
	if e == nil {
		t.cooldownUntil.Store(0)
	} else {
		c.r.note(t, e)
	}
	return e
}

// withOverrides gives a target that is the deployment with the settings that a request
// brings, and what ends its use. It begins well and is forgotten.
func (t *deployment) withOverrides(access *llm.ClientSettings) (*deployment, func(), *llm.Error) {
	host, ok := t.Deployment.(provider.Overridable)
	if !ok {
		name := access.Names()[0]
		return nil, nil, llm.Unsupported(name, "%s may not be set by clients: the deployment accepts no client settings", name)
	}
	d, release, err := host.WithOverrides(access)
	if err != nil {
		return nil, nil, llm.AsError(err)
	}
	override := &deployment{Entry: t.Entry}
	override.Deployment = d
	override.targeter, _ = d.(provider.Targeter)
	return override, release, nil
}
