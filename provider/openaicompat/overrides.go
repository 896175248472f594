package openaicompat

import (
	"outcrop/llm"
	"outcrop/provider"
	"outcrop/provider/overrides"
	"outcrop/upstream"
)

// Overrides are what a deployment needs so that requests can have a key and an address of their own.
type Overrides struct {
	// Options are the provider's.
	Options []provider.Option
	// Own are options that say something of the gateway's identity beside its key, such as its
	// organization; clients' calls go without them.
	Own []string
	// Open opens a deployment with other settings.
	Open func(p provider.Params, guard upstream.Guard) (provider.Deployment, error)
}

// WithOverrides returns the deployment with a request's api_key and api_base. It is made for the
// request: nothing has to be opened.
func (d *Deployment) WithOverrides(access *llm.ClientSettings) (provider.Deployment, func(), error) {
	p, guard, err := overrides.Keyed(d.params, d.overrides.Options, d.overrides.Own, access)
	if err != nil {
		return nil, nil, err
	}
	made, err := d.overrides.Open(p, guard)
	if err != nil {
		return nil, nil, overrides.AsRequests(err)
	}
	return made, func() { _ = made.Close() }, nil
}

var _ provider.Overridable = (*Deployment)(nil)
