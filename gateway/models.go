package gateway

import (
	"cmp"
	"time"

	"outcrop/route"
)

// SetForwarders replaces the providers whose own APIs clients can call, for the calls that begin from then on.
func (g *Gateway) SetForwarders(all map[string]Forwarder) { g.forwarders.Store(&all) }

// Settings returns how calls of a model are translated.
func (g *Gateway) Settings(model string) *route.Settings { return g.router.Settings(model) }

// KeepAlive returns how long a stream of a model may be silent before the client gets a comment; otherwise if
// the model has no setting of its own.
func (g *Gateway) KeepAlive(model string, otherwise time.Duration) time.Duration {
	return cmp.Or(g.router.Settings(model).KeepAlive, otherwise)
}

// Group returns the configured name that serves a model name; empty if none.
func (g *Gateway) Group(model string) string { return g.router.Group(model) }

// Alternative returns a configured name for the model that a name which is not configured seems to
// mean; empty if there is none.
func (g *Gateway) Alternative(model string) string { return g.router.Alternative(model) }

// Serves reports whether a model name is configured.
func (g *Gateway) Serves(model string) bool { return g.router.Group(model) != "" }

// Speaks reports whether some, and whether all targets of a model name take bodies of a dialect as they
// are; see route.Router.Speaks.
func (g *Gateway) Speaks(model, dialect string) (some, all bool) {
	return g.router.Speaks(model, dialect)
}

// MakesImages reports whether a model name has a target for calls of OpenAI's image API; see
// route.Router.MakesImages.
func (g *Gateway) MakesImages(model, dialect string) bool {
	return g.router.MakesImages(model, dialect)
}

// Account is the deployment whose account keeps what clients refer to later; see route.Router.Account.
func (g *Gateway) Account(dialect, model, of string) (route.Account, bool) {
	return g.router.Account(dialect, model, of)
}

// ModelAt is the model that a name means at the provider of a deployment; see route.Router.ModelAt.
func (g *Gateway) ModelAt(deployment, model string) string {
	return g.router.ModelAt(deployment, model)
}
