package cache

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"outcrop/internal/jsonx"
	"outcrop/llm"
)

// Controls are what a request says of the cache, in LiteLLM's words (https://docs.litellm.ai/docs/proxy/caching).
type Controls struct {
	// TTL is how long the answer is kept.
	TTL llm.Opt[time.Duration]
	// MaxAge is how old an answer may be that the cache has.
	MaxAge llm.Opt[time.Duration]
	// NoCache is whether the cache is not asked, and NoStore whether the answer is not kept.
	NoCache, NoStore bool
	// Use is whether the request wants the cache where it is off by default.
	Use bool
	// Namespace sets answers apart; empty for the cache's own.
	Namespace string

	given [6]string // the names of those that are set
	count int
}

// Names of controls.
const (
	controlTTL       = "ttl"
	controlMaxAge    = "s-maxage"
	controlNoCache   = "no-cache"
	controlNoStore   = "no-store"
	controlUse       = "use-cache"
	controlNamespace = "namespace"
)

// accepted is told where a control is not known.
const accepted = "ttl, s-maxage, no-cache, no-store, use-cache and namespace"

// ReadControls reads the member cache of a request, or of a key's metadata. field is its name, for the error, which is an
// *llm.Error.
func ReadControls(field string, value jsonx.Raw) (Controls, error) {
	var c Controls
	switch value.Kind() {
	case 'n', 0:
		return c, nil
	case '{':
	default:
		return c, llm.Invalid(field, "%s must be an object with %s, not %s", field, accepted, jsonx.KindName(value.Kind()))
	}
	members, err := jsonx.Members(value)
	if err != nil {
		return c, llm.Invalid(field, "%s must be an object with %s", field, accepted)
	}
	for i := range members {
		if err := c.set(field+".", &members[i]); err != nil {
			return c, err
		}
	}
	return c, nil
}

func (c *Controls) set(prefix string, m *jsonx.Member) error {
	field, name := prefix+m.Name, m.Name
	if m.Value.Kind() == 'n' {
		return nil
	}
	switch name {
	case controlTTL:
		return c.seconds(field, name, m.Value, &c.TTL)
	case controlMaxAge, "s-max-age": // which LiteLLM reads too
		return c.seconds(field, controlMaxAge, m.Value, &c.MaxAge)
	case controlNoCache:
		return c.boolean(field, name, m.Value, &c.NoCache)
	case controlNoStore:
		return c.boolean(field, name, m.Value, &c.NoStore)
	case controlUse:
		return c.boolean(field, name, m.Value, &c.Use)
	case controlNamespace:
		if jsonx.Unmarshal(m.Value, &c.Namespace) != nil || !fits(c.Namespace) {
			return llm.Invalid(field, "%s must be a text of at most %d letters, digits and signs, without white space", field, maxNamespace)
		}
		c.gave(name)
		return nil
	default:
		return llm.Invalid(field, "%s is not known; the cache has %s", field, accepted)
	}
}

// maxNamespace is the longest namespace, in bytes.
const maxNamespace = 128

// fits reports whether a namespace can be part of a key of any store.
func fits(namespace string) bool {
	return len(namespace) <= maxNamespace && !strings.ContainsFunc(namespace, func(r rune) bool { return r <= ' ' || r > '~' || r == '/' || r == '\\' }) && !strings.Contains(namespace, "..")
}

func (c *Controls) gave(name string) {
	if c.count < len(c.given) && !slices.Contains(c.given[:c.count], name) {
		c.given[c.count] = name
		c.count++
	}
}

// mostSeconds bounds times, so that they fit into a time.Duration.
const mostSeconds = 100 * 365 * 24 * 3600

func (c *Controls) seconds(field, name string, v jsonx.Raw, to *llm.Opt[time.Duration]) error {
	text := string(v)
	if v.Kind() == '"' {
		if jsonx.Unmarshal(v, &text) != nil {
			text = ""
		}
	}
	n, err := strconv.ParseFloat(text, 64)
	if err != nil || !(n >= 0) || n > mostSeconds {
		return llm.Invalid(field, "%s must be a number of seconds from 0 to %d, not %s", field, mostSeconds, llm.Clip(string(v), 60))
	}
	*to = llm.Some(time.Duration(n * float64(time.Second)))
	c.gave(name)
	return nil
}

func (c *Controls) boolean(field, name string, v jsonx.Raw, to *bool) error {
	switch v.Kind() {
	case 't':
		*to = true
	case 'f':
		*to = false
		return nil
	default:
		return llm.Invalid(field, "%s must be true or false, not %s", field, llm.Clip(string(v), 60))
	}
	c.gave(name)
	return nil
}

// Header adds what a header Cache-Control says: no-store and s-maxage. What the request's body says precedes. LiteLLM 1.110.2
// reads the header and heeds nothing of it, as observed; no-cache is not heeded here either, because Postman and browsers send it
// unasked.
func (c *Controls) Header(value string) {
	if value == "" {
		return
	}
	for directive := range strings.SplitSeq(value, ",") {
		name, argument, _ := strings.Cut(strings.TrimSpace(directive), "=")
		switch strings.ToLower(name) {
		case controlNoStore:
			c.NoStore = true
		case controlMaxAge:
			if n, err := strconv.ParseInt(strings.Trim(argument, `"`), 10, 64); err == nil && n >= 0 && n <= mostSeconds && !c.MaxAge.Set {
				c.MaxAge = llm.Some(time.Duration(n) * time.Second)
			}
		}
	}
}

// Within says which control of the request is not among those that a key may use; nil if all are. A key without a list may
// use all. The error is an *llm.Error.
func (c *Controls) Within(allowed []string) error {
	if len(allowed) == 0 {
		return nil
	}
	for _, name := range c.given[:c.count] {
		if !slices.Contains(allowed, name) {
			field := "cache." + name
			e := llm.Invalid(field, "%s may not be set with this key, whose allowed_cache_controls are %s", field, strings.Join(allowed, ", "))
			e.Fix = "Remove " + field + ", or ask the gateway's operator to add it to the key's allowed_cache_controls."
			return e
		}
	}
	return nil
}

// Under is the controls of a request whose key has controls of its own, which precede.
func (c *Controls) Under(key *Controls) Controls {
	if key == nil {
		return *c
	}
	out := *c
	if key.TTL.Set {
		out.TTL = key.TTL
	}
	if key.MaxAge.Set {
		out.MaxAge = key.MaxAge
	}
	out.NoCache, out.NoStore, out.Use = c.NoCache || key.NoCache, c.NoStore || key.NoStore, c.Use || key.Use
	if key.Namespace != "" {
		out.Namespace = key.Namespace
	}
	return out
}
