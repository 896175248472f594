package gateway

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"

	"outcrop/tenant"
)

// Tenants knows who calls; *tenant.Directory is one.
type Tenants interface {
	// Caller returns who has a key. The error is an *llm.Error.
	Caller(ctx context.Context, key string) (*tenant.Caller, error)
	// Master is who has the master key. The error is an *llm.Error.
	Master(ctx context.Context) (*tenant.Caller, error)
}

// Anyone is implemented by Tenants that know who calls paths which need no key.
type Anyone interface {
	// Anyone is who calls without a key. The error is an *llm.Error.
	Anyone(ctx context.Context) (*tenant.Caller, error)
}

// Authenticate checks the keys that a client presented in any of the supported headers, and returns who it is.
// It takes the same time for a wrong key as for the master key. The error is an *llm.Error.
func (g *Gateway) Authenticate(ctx context.Context, presented *Credentials) (Caller, error) {
	caller, err := g.authenticate(ctx, presented)
	if anyone, ok := g.tenants.(Anyone); ok && err != nil && presented.Public {
		t, err := anyone.Anyone(ctx)
		if err != nil {
			return Caller{}, err
		}
		return Caller{Identity: t.Owner(), tenant: t}, nil
	}
	return caller, err
}

func (g *Gateway) authenticate(ctx context.Context, presented *Credentials) (Caller, error) {
	current := g.current.Load()
	if !current.locked { // whoever may reach the gateway is its operator
		return g.operator(ctx)
	}
	right, first := 0, ""
	for _, key := range presented.Keys {
		if key == "" {
			continue
		}
		if first == "" {
			first = key
		}
		sum := sha256.Sum256([]byte(key))
		right |= subtle.ConstantTimeCompare(sum[:], current.key[:])
	}
	switch {
	case right == 1:
		return g.operator(ctx)
	case first == "" && presented.Scheme == NoScheme:
		e := tenant.Missing()
		e.Message = `the Authorization header lacks "Bearer " before the key.`
		e.Fix = "Send the gateway's key as Authorization: Bearer KEY."
		return Caller{}, e
	case first == "" && presented.Scheme != "":
		e := tenant.Missing()
		e.Message = "the Authorization header has the scheme " + presented.Scheme + ", which this gateway does not accept."
		e.Fix = "Send the gateway's key as Authorization: Bearer KEY."
		return Caller{}, e
	case first == "":
		return Caller{}, tenant.Missing()
	case g.tenants == nil:
		return Caller{}, tenant.Unknown()
	}
	t, err := g.tenants.Caller(ctx, first)
	if err != nil {
		return Caller{}, err
	}
	return Caller{Identity: t.Owner(), tenant: t}, nil
}

// operator is who calls with the master key, or without one if there is none: the limits of the whole gateway and of its
// deployments hold for them too.
func (g *Gateway) operator(ctx context.Context) (Caller, error) {
	if g.tenants == nil {
		return Caller{}, nil
	}
	t, err := g.tenants.Master(ctx)
	return Caller{tenant: t}, err
}

// Credentials are what a client presented to be admitted.
type Credentials struct {
	// Keys are the keys in the headers in which clients send one; empty where there was none.
	Keys [5]string
	// Scheme is the scheme of an Authorization header that has no key for this gateway, such as Basic:
	// NoScheme if it is a key without one, and empty if there is no such header.
	Scheme string
	// Public is whether the request is for a path that needs no key.
	Public bool
}

// NoScheme is Credentials.Scheme of an Authorization header that is a single word.
const NoScheme = "none"

// Caller is who makes a call.
type Caller struct {
	// Identity is the name of what the client presented, such as an access key id or key: and a key's hash;
	// empty for a client that presented the master key, or nothing where nothing is needed.
	Identity string

	tenant *tenant.Caller // nil if calls are nobody's
}

// Tenant is whose the calls are; nil if they are nobody's.
func (c Caller) Tenant() *tenant.Caller { return c.tenant }

// Admit begins a call, after checking what the client presented. The call is recorded by End also if
// it is refused; the error is then an *llm.Error.
func (g *Gateway) Admit(ctx context.Context, door, id string, c Credentials) (*Call, error) {
	caller, err := g.Authenticate(ctx, &c)
	if err != nil {
		return g.Begin(Refused, id), err
	}
	call := g.Begin(door, id)
	call.caller = caller
	return call, nil
}

// Refused is the door in the record of requests that go no further than the check of the key.
const Refused = "refused"

// Identify sets who makes a call whose client the frontend has verified after it began: the client's own name, and the key
// whose models, limits and budgets hold for it. Without a key they are the operator's, as for the master key. The error is
// an *llm.Error.
func (c *Call) Identify(ctx context.Context, identity, key string) (err error) {
	var caller Caller
	if key == "" {
		caller, err = c.g.operator(ctx)
		caller.Identity = identity
	} else {
		caller, err = c.g.Authenticate(ctx, &Credentials{Keys: [5]string{key}})
	}
	c.caller = caller
	return err
}

// Origin is who makes a call, and what the request's headers say of it.
type Origin struct {
	caller Caller
	labels labels
}

// Origin is that of the call, for another that goes on with it.
func (c *Call) Origin() Origin { return Origin{c.caller, c.labels} }

// Continue sets that the call goes on with another one of the same client, such as one that was to be made in the background.
func (c *Call) Continue(of Origin) { c.caller, c.labels = of.caller, of.labels }

// Caller is who makes the call.
func (c *Call) Caller() Caller { return c.caller }
