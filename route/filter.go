package route

import (
	"regexp"
	"slices"
	"strings"

	"outcrop/llm"
)

// candidates are the deployments of a name that may serve the call.
func (c *call) candidates(h *hop) (candidates, *llm.Error) {
	from := candidates{r: c.r, g: h.g, p: h.g.policy, tiers: h.g.tiers, call: c.req, model: func(t *deployment) string { return t.modelFor(h.captured) }}
	if own := Strategy(c.req.Routing.Strategy); own != "" && own != from.p.Strategy && slices.Contains(Strategies(), own) {
		p := *from.p
		p.Strategy = own
		from.p = &p
	}
	if c.req.Deployment != "" {
		only := h.g.only(c.req.Deployment)
		if only == nil {
			return from, goneError(h.name)
		}
		from.tiers, from.fewer = []tier{newTier(0, only)}, true
		return from, nil
	}
	if len(c.req.Routing.Regions) > 0 {
		if e := from.byRegion(c.verb, h.name); e != nil {
			return from, e
		}
	}
	if byTags := c.req.Routing.ByTags; byTags.Value || !byTags.Set && from.p.ByTags {
		if e := from.byTags(h.name); e != nil {
			return from, e
		}
	}
	if from.p.FitWindow && c.req.Prompt != nil && len(h.g.deployments) > 1 {
		from.fit(c.req.Prompt())
	}
	return from, nil
}

// keep leaves out deployments, unless none would be left; it reports whether some are.
func (c *candidates) keep(fits func(t *deployment) bool) bool {
	var kept []*deployment
	all := true
	for i := range c.tiers {
		for _, t := range c.tiers[i].all {
			if fits(t) {
				kept = append(kept, t)
			} else {
				all = false
			}
		}
	}
	if len(kept) == 0 {
		return false
	}
	if !all {
		c.tiers, c.fewer = tiersOf(kept), true
	}
	return true
}

// untagged is the tag of deployments for calls without tags, which is LiteLLM's.
const untagged = "default"

// byTags leaves the deployments that the call's tags select. A tag that begins with ! excludes deployments that have it, and one
// that begins with & is required. Without tags, and where no deployment has any of them, those for untagged calls serve it, if
// the name has some.
func (c *candidates) byTags(name string) *llm.Error {
	var some, not, must []string
	for _, tag := range c.call.Routing.Tags {
		switch {
		case len(tag) > 1 && tag[0] == '!':
			not = append(not, tag[1:])
		case len(tag) > 1 && tag[0] == '&':
			must = append(must, tag[1:])
		default:
			some = append(some, tag)
		}
	}
	has := func(t *deployment) func(tag string) bool {
		return func(tag string) bool { return slices.Contains(t.Tags, tag) }
	}
	lacks := func(t *deployment) func(tag string) bool {
		return func(tag string) bool { return !slices.Contains(t.Tags, tag) }
	}
	permitted := func(t *deployment) bool {
		return !slices.ContainsFunc(not, has(t)) && !slices.ContainsFunc(must, lacks(t))
	}
	if !c.keep(permitted) {
		return tagsError(name, c.call.Routing.Tags)
	}
	selected := c.keep(func(t *deployment) bool {
		switch {
		case len(some) > 0 && c.p.AllTags:
			return !slices.ContainsFunc(some, lacks(t))
		case slices.ContainsFunc(some, has(t)):
			return true
		default:
			return (!c.p.AllTags || len(t.Tags) == 0) && t.isFor(c.call.Routing.UserAgent)
		}
	})
	if selected || len(some) == 0 && len(must) > 0 {
		return nil
	}
	if !c.keep(func(t *deployment) bool { return slices.Contains(t.Tags, untagged) }) && len(some) > 0 {
		return tagsError(name, c.call.Routing.Tags)
	}
	return nil
}

// isFor reports whether the deployment is for a client, by its User-Agent.
func (t *deployment) isFor(agent string) bool {
	return agent != "" && slices.ContainsFunc(t.TagPatterns, func(p *regexp.Regexp) bool { return p.MatchString("User-Agent: " + agent) })
}

func tagsError(name string, tags []string) *llm.Error {
	return &llm.Error{
		Code: llm.CodeModelDenied, Status: 403, Param: "tags", Actor: llm.ActorCaller,
		Message: "no deployment of the model " + quote(name) + " is for calls with the tags " + strings.Join(tags, ", ") + ".",
		Fix:     "Send tags that a deployment of the model has, or ask the gateway's operator to add them to litellm_params.tags.",
	}
}

// fit leaves the deployments whose context window takes a prompt, as far as windows are known. If none does, all stay: the
// number is an estimate, and the provider decides.
func (c *candidates) fit(prompt int64) {
	c.keep(func(t *deployment) bool {
		if t.Facts == nil {
			return true
		}
		known := t.Facts(c.model(t))
		if known == nil {
			return true
		}
		window := known.MaxInput
		if window == 0 {
			window = known.Context
		}
		return window == 0 || prompt <= window
	})
}
