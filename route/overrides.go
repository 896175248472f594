package route

import (
	"context"

	"outcrop/llm"
	"outcrop/provider"
)

// tryDeployment tries a deployment, with the client's settings if the request has any, and records
// its health. Failures with a client's own credentials or endpoint do not concern other clients, so
// they are not recorded.
func (c *call) tryDeployment(ctx context.Context, t *deployment, model string, access *llm.ClientSettings, do attempt) *llm.Error {
	if access != nil {
		override, release, err := t.withOverrides(access)
		if err != nil {
			return err
		}
		// A stream continues after release: closing a deployment stops the refresh of its
		// credentials and lists, but no calls.
		defer release()
		return c.tryTargets(ctx, override, model, do)
	}
	e := c.tryTargets(ctx, t, model, do)
	if e != nil {
		c.r.note(ownLimit(c.req), t, e)
	}
	return e
}

// withOverrides returns the deployment with the client's settings applied, and a function that
// releases it. It starts healthy, and its health is not kept.
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
	override := &deployment{Entry: t.Entry, state: &state{}, late: t.late}
	override.Deployment, override.Region = d, "" // of the client's own endpoint nobody knows where it is
	override.observer, _ = d.(provider.Observer)
	return override, release, nil
}
