package gateway

import (
	"slices"
	"strings"

	"outcrop/llm"
)

// ForwardHeaders says for which models headers of the client's request go on to the provider.
type ForwardHeaders struct {
	// All is whether they do for all, and Groups are the configured names for which they do else; a name may have one *.
	All    bool
	Groups []string
}

// ForwardsHeaders reports whether headers of requests go on to providers for any model, so that OfferHeaders has to be called.
func (g *Gateway) ForwardsHeaders() bool {
	f := &g.current.Load().ForwardHeaders
	return f.All || len(f.Groups) > 0
}

// OfferHeaders sets the headers that go on to the provider if the operator wants that for the call's model. Those of the request's
// body precede them.
func (c *Call) OfferHeaders(headers []llm.Label) { c.labels.headers = headers }

// addHeaders adds the headers to a request for a provider.
func (c *Call) addHeaders(req *llm.Call) { c.headersFor(req, c.record.Model, c.record.Group) }

// headersFor makes the headers of a call those for a model, by the name that is called and its group, such as a fallback: what another
// model had of the client's headers, and this one may not have, is dropped. It is for a call that is made once, since it changes its
// head; see sameHeaders.
func (c *Call) headersFor(req *llm.Call, model, group string) {
	if len(c.labels.headers) == 0 {
		return
	}
	own := slices.DeleteFunc(slices.Clone(req.Headers), func(h llm.Label) bool { return slices.Contains(c.labels.added, h) })
	c.labels.added = nil
	if c.set.ForwardHeaders.of(group, model) {
		for _, h := range c.labels.headers {
			if !slices.ContainsFunc(own, func(o llm.Label) bool { return strings.EqualFold(o.Name, h.Name) }) {
				c.labels.added = append(c.labels.added, h)
			}
		}
	}
	req.Headers = slices.Concat(own, c.labels.added)
}

// sameHeaders reports whether a fallback may have the client's headers that the call has. It is for calls that are made side by side
// with the same head, which nobody may change.
func (c *Call) sameHeaders(model, group string) bool {
	return len(c.labels.added) == 0 || c.set.ForwardHeaders.of(group, model)
}

// of reports whether headers go on for a configured name, or the name that the client sent.
func (f *ForwardHeaders) of(group, model string) bool {
	return f.All || slices.ContainsFunc(f.Groups, func(pattern string) bool {
		before, after, some := strings.Cut(pattern, "*")
		return pattern == group || pattern == model || some && len(model) >= len(before)+len(after) && strings.HasPrefix(model, before) && strings.HasSuffix(model, after)
	})
}
