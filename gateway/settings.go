package gateway

import (
	"crypto/sha256"
	"slices"
	"sync/atomic"

	"outcrop/cache"
	"outcrop/guard"
	"outcrop/guard/ruleset"
	"outcrop/internal/hold"
	"outcrop/route"
)

// Settings are what can be replaced while calls are served.
type Settings struct {
	// Media fetches media; nil to refuse media that must be fetched.
	Media Inliner
	// MasterKey is the key that clients must present; empty for no authentication.
	MasterKey string
	// Guardrails are the checks of requests and responses; nil for none.
	Guardrails []*guard.Rule
	// Policies say for which calls guardrails are in force besides; nil for none.
	Policies *ruleset.Set
	// Attribution names what providers are told of who calls, of key_alias, user_id, team_id, organization_id,
	// end_user and tags.
	Attribution []string
	// SessionTags names what the sessions of the gateway's identity at providers have as labels, of the same names. Those
	// of callers' choice are no good here: each combination of labels is a session.
	SessionTags []string
	// Cache keeps answers; nil for none. It is not used if there are guardrails.
	Cache *cache.Cache
	// Demands are what bodies must and must not have.
	Demands Demands
	// ForwardHeaders is for which models headers of the client's request go on to the provider.
	ForwardHeaders ForwardHeaders
	// Replacements replace the models that requests name.
	Replacements Replacements
}

// Replacements are models that calls have in place of those that requests name; empty for none.
type Replacements struct {
	// Completion is that of chat completions, text completions, Messages and Responses, Images that of new and edited images,
	// and Moderation that of moderations.
	Completion, Images, Moderation string
}

// Replacements are the models that replace those of requests.
func (g *Gateway) Replacements() Replacements { return g.current.Load().Replacements }

// inForce are settings, and the calls that have them.
type inForce struct {
	Settings

	locked bool
	key    [sha256.Size]byte
	byTags bool // the modes of some guardrails depend on the tags of calls
	// policies are Settings.Policies until others take their place.
	policies atomic.Pointer[ruleset.Set]
	calls    *hold.Hold
}

func newInForce(s Settings) *inForce {
	f := &inForce{
		Settings: s, locked: s.MasterKey != "", key: sha256.Sum256([]byte(s.MasterKey)), calls: hold.New(),
		byTags: slices.ContainsFunc(s.Guardrails, func(r *guard.Rule) bool { return r.Tags != nil }),
	}
	f.policies.Store(s.Policies)
	f.MasterKey = "" // its hash is enough
	if len(s.Guardrails) > 0 {
		f.Cache = nil // it answers before a guardrail could check anything
	}
	return f
}

// Set replaces the settings for the calls that begin from then on; those that are under way keep theirs. together is called at the same
// moment: no call has the new settings without what it changes, nor what it changes without them. over is closed when no call has the
// settings before any more, so that what they refer to can be closed. A master key can be another one, but not be set or removed: whether calls need
// a key is decided once.
func (g *Gateway) Set(s Settings, together func()) (over <-chan struct{}) {
	next := newInForce(s)
	if was := g.current.Load(); was.locked != next.locked {
		next.locked, next.key = was.locked, was.key
	}
	g.states.begin(s.Guardrails, g.recorder)
	g.swap.Lock()
	before := g.current.Swap(next)
	together()
	g.swap.Unlock()
	before.calls.Leave()
	return before.calls.Over()
}

// SetPolicies replaces the policies for the calls that begin from then on.
func (g *Gateway) SetPolicies(s *ruleset.Set) {
	g.swap.Lock()
	defer g.swap.Unlock()
	g.current.Load().policies.Store(s)
}

// Policies say for which calls guardrails are in force besides; nil for none.
func (g *Gateway) Policies() *ruleset.Set { return g.current.Load().policies.Load() }

// take returns the present settings for a call, which leaves their hold when it ends.
func (g *Gateway) take() *inForce {
	for {
		if f := g.current.Load(); f.calls.Take() {
			return f
		}
	}
}

// modelSettings returns the settings of a model, as they are at the same moment as those of the call. A call that has just begun has
// the newest of both.
func (c *Call) modelSettings(model string) *route.Settings {
	c.g.swap.RLock()
	defer c.g.swap.RUnlock()
	if !c.settled {
		c.settled = true
		if f := c.g.current.Load(); f != c.set {
			before := c.set
			c.set = c.g.take() // f: nobody replaces it meanwhile
			before.calls.Leave()
		}
	}
	return c.g.Settings(model)
}
