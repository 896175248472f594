package outcrop

import (
	"maps"
	"reflect"
	"slices"
	"strings"

	"outcrop/config"
	"outcrop/provider"
	"outcrop/route"
)

// Reloaded is what a reload has changed.
type Reloaded struct {
	// Kept, Opened and Closed count the entries of the configuration's model_list whose deployments stay as they are, those that are
	// new or have changed, and those that are served no longer.
	Kept, Opened, Closed int
}

// Reload replaces model_list, how calls are routed, and the settings of calls by those of another configuration, all at once for
// the calls that begin from then on; those that are under way end as they have begun. Deployments whose settings are the same are kept, with what
// they have learned, and so are the entries that were added. If anything is wrong with it, nothing changes, and the error is a *ConfigError that has
// all problems. Other settings of the configuration are taken for what Config returns, and have no other effect.
func (c *Client) Reload(cfg *config.Config) (Reloaded, error) {
	c.added.mu.Lock()
	defer c.added.mu.Unlock()
	if err := c.ctx.Err(); err != nil {
		return Reloaded{}, err
	}
	before := c.served()
	old := before.configuredByID()
	if !maps.Equal(before.cfg.Environment, cfg.Environment) {
		clear(old) // any setting may come from there
	}
	s := &served{cfg: cfg}
	var fresh []provider.Deployment
	var wrong []config.Problem
	kept := map[provider.Deployment]bool{}
	for i := range cfg.Models {
		m := &cfg.Models[i]
		was := old[m.ID]
		if was != nil && !sameDeployment(&was.model, m) {
			was = nil
		}
		o, problems, err := c.openEntry(cfg, m, c.upstream, was)
		if err != nil {
			closeAll(fresh)
			return Reloaded{}, err
		}
		switch {
		case was != nil:
			kept[o.deployment] = true
		case o.deployment != nil:
			fresh = append(fresh, o.deployment)
		}
		s.add(o)
		for _, p := range problems {
			if !slices.Contains(wrong, p) {
				wrong = append(wrong, p)
			}
		}
	}
	if len(wrong) > 0 {
		closeAll(fresh)
		return Reloaded{}, &ConfigError{Problems: wrong}
	}
	var gone []provider.Deployment
	for _, d := range before.deployments[:len(before.cfg.Models)] {
		if d != nil && !kept[d] {
			gone = append(gone, d)
		}
	}
	for _, all := range c.added.byVersion {
		for _, o := range all {
			s.add(o)
		}
	}
	c.current.Store(s)
	c.router.Set(route.Plan{Entries: s.entries, Policy: cfg.Routing})
	c.gateway.SetForwarders(c.forwarders(c.opt))
	if len(gone) > 0 {
		c.running.Go(func() { c.retire(gone) })
	}
	return Reloaded{Kept: len(kept), Opened: len(fresh), Closed: len(gone)}, nil
}

// configuredByID are the configuration's entries that are open as they should be, by id.
func (s *served) configuredByID() map[string]*opened {
	out := map[string]*opened{}
	for i := range s.cfg.Models {
		if s.deployments[i] != nil && !s.incomplete[i] {
			out[s.models[i].ID] = &opened{model: s.models[i], deployment: s.deployments[i], facts: s.facts[i]}
		}
	}
	return out
}

// sameDeployment reports whether two entries have the same deployment, however calls are routed to it.
func sameDeployment(a, b *config.Model) bool {
	return a.Provider == b.Provider && a.Model == b.Model && a.BaseModel == b.BaseModel && a.Responses == b.Responses &&
		maps.Equal(a.Values, b.Values) && reflect.DeepEqual(a.Policy, b.Policy) && reflect.DeepEqual(a.Callers, b.Callers) && reflect.DeepEqual(a.Price, b.Price)
}

func closeAll(all []provider.Deployment) {
	for _, d := range all {
		_ = d.Close() // nothing was done with them
	}
}

// NeedRestart lists the parts of a configuration that differ from those of another and that Reload does not take over, by the names of
// their sections.
func NeedRestart(a, b *config.Config) (sections []string) {
	for _, part := range []struct {
		name string
		of   func(c *config.Config) any
	}{
		{"general_settings", func(c *config.Config) any { return c.General }},
		{"budgets, limits and the database", func(c *config.Config) any { return c.Accounting }},
		{"guardrails", func(c *config.Config) any { return c.GuardrailsAs }},
		{"the response cache", func(c *config.Config) any { return c.Cache }},
		{"callbacks", func(c *config.Config) any { return c.Callbacks }},
		{"what requests must have", func(c *config.Config) any { return c.Demands }},
		{"alerting", func(c *config.Config) any { return c.Alerting }},
		{"defaults of keys, users and teams", func(c *config.Config) any { return c.Management }},
		{"outcrop_settings.media", func(c *config.Config) any { return c.Media }},
		{"outcrop_settings.aws_door", func(c *config.Config) any { return c.AccessKeys }},
		{"outcrop_settings.anthropic_door", func(c *config.Config) any { return c.Anthropic }},
		{"outcrop_settings.responses", func(c *config.Config) any { return c.Responses }},
		{"outcrop_settings.pass_through", func(c *config.Config) any { return c.NoPassThrough }},
		{"outcrop_settings.bedrock.refresh_seconds", func(c *config.Config) any { return c.Refresh }},
		{"outcrop_settings.bedrock.attribution", func(c *config.Config) any { return strings.Join(c.Attribution, ",") }},
		{"outcrop_settings.bedrock.session_tags", func(c *config.Config) any { return strings.Join(c.SessionTags, ",") }},
	} {
		if !reflect.DeepEqual(part.of(a), part.of(b)) {
			sections = append(sections, part.name)
		}
	}
	return sections
}
