package outcrop

import (
	"errors"
	"maps"
	"reflect"
	"slices"
	"time"

	"outcrop/cache"
	"outcrop/config"
	"outcrop/gateway"
	"outcrop/provider"
	"outcrop/route"
)

// Reloaded is what a reload has changed.
type Reloaded struct {
	// Kept, Opened and Closed count the entries of the configuration's model_list whose deployments stay as they are, those that are
	// new or have changed, and those that are served no longer.
	Kept, Opened, Closed int
}

// Reload replaces the configuration, all at once for the calls that begin from then on; those that are under way end as they have begun.
// Deployments whose settings are the same are kept, with what they have learned, and so are the entries that were added. If anything is wrong
// with it, nothing changes, and the error is a *ConfigError that has all problems. What NeedRestart names is only taken for what Config
// returns.
func (c *Client) Reload(cfg *config.Config) (Reloaded, error) {
	did, _, err := c.ReloadWith(cfg, c.opt.Cache)
	return did, err
}

// ReloadWith is Reload with another cache of answers; nil for none. over is closed when no call uses the one before any more, so that its owner
// can close it.
func (c *Client) ReloadWith(cfg *config.Config, answers *cache.Cache) (_ Reloaded, over <-chan struct{}, err error) {
	c.added.mu.Lock()
	defer c.added.mu.Unlock()
	if err := c.ctx.Err(); err != nil {
		return Reloaded{}, nil, err
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
	opening := c.opening(cfg, c.upstream)
	for i := range cfg.Models {
		m := &cfg.Models[i]
		was := old[m.ID]
		if was != nil && !sameDeployment(was.model, m) {
			was = nil
		}
		o, problems, err := opening.entry(m, was)
		if err != nil {
			closeAll(fresh)
			return Reloaded{}, nil, err
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
	guards, err := c.openGuardrails(cfg)
	if refused, ok := errors.AsType[*ConfigError](err); ok {
		wrong = append(wrong, refused.Problems...)
	}
	media, err := openMedia(cfg, c.budget)
	if err != nil {
		guards.close()
		closeAll(fresh)
		return Reloaded{}, nil, err
	}
	if len(wrong) > 0 {
		guards.close()
		closeAll(fresh)
		return Reloaded{}, nil, &ConfigError{Problems: wrong}
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
	if answers != c.opt.Cache {
		c.tellCache(answers)
		c.opt.Cache = answers
	}
	plan := route.Plan{Entries: s.entries(), Policy: cfg.Routing}
	guarded := c.guards.Swap(guards)
	over = c.gateway.Set(gateway.Settings{
		Media: media, MasterKey: cfg.General.MasterKey.Reveal(), Guardrails: guards.rules, Policies: c.policies.beside(cfg), Attribution: cfg.Attribution, SessionTags: cfg.SessionTags, Cache: answers,
		Demands: gateway.Demands(cfg.Demands), ForwardHeaders: gateway.ForwardHeaders(cfg.General.ForwardHeaders),
		Replacements: gateway.Replacements(cfg.General.Replacements),
	}, func() {
		c.current.Store(s)
		c.router.Set(plan)
	})
	c.gateway.SetForwarders(c.forwarders(c.opt))
	c.running.Go(func() { c.retireGuardrails(guarded, over) })
	if len(gone) > 0 {
		c.running.Go(func() { c.retire(gone) })
	}
	return Reloaded{Kept: len(kept), Opened: len(fresh), Closed: len(gone)}, over, nil
}

// retireGuardrails closes the services of guardrails that were replaced, when nobody uses them: over is closed when no call does.
func (c *Client) retireGuardrails(g *guardrails, over <-chan struct{}) {
	defer g.close()
	select {
	case <-over:
		g.users.Leave()
	case <-c.ctx.Done():
		return
	}
	select {
	case <-g.users.Over():
	case <-c.ctx.Done():
	}
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

// NeedRestart lists what differs in two configurations and takes effect only with a restart, by the names of the settings.
func NeedRestart(a, b *config.Config) (settings []string) {
	for _, part := range []struct {
		name string
		of   func(c *config.Config) any
	}{
		{"general_settings.database_url", func(c *config.Config) any { return c.Accounting.DatabaseURL }},
		{"general_settings.master_key, which cannot be set or removed while calls are served", func(c *config.Config) any { return c.General.MasterKey != "" }},
		{"the certificate", func(c *config.Config) any { return [2]string{c.General.CertFile, c.General.KeyFile} }},
		{"general_settings.max_in_flight_mb", func(c *config.Config) any { return c.General.MaxInFlight }},
		{"general_settings.key_management_system", func(c *config.Config) any { return c.General.KeyManagement }},
		{"general_settings.store_model_in_db", func(c *config.Config) any { return c.Accounting.StoreModels }},
		{"general_settings.litellm_jwtauth", func(c *config.Config) any { return c.Accounting.Tokens }},
		{"general_settings.alerting", func(c *config.Config) any { return c.Alerting }},
		{"the Valkey or Redis of limits", func(c *config.Config) any { return c.Accounting.Valkey }},
		{"outcrop_settings.limits.window", func(c *config.Config) any { return c.Accounting.Sliding }},
		{"litellm_settings.cost_discount_config and cost_margin_config", func(c *config.Config) any { return c.Accounting.Adjustments }},
		{"general_settings.maximum_spend_logs_retention_period", func(c *config.Config) any {
			return [2]time.Duration{c.Accounting.LogRetention, c.Accounting.LogSweep}
		}},
		{"general_settings.background_health_checks", func(c *config.Config) any { return c.General.Health.Background }},
		{"outcrop_settings.bedrock.refresh_seconds", func(c *config.Config) any { return c.Refresh }},
	} {
		if !reflect.DeepEqual(part.of(a), part.of(b)) {
			settings = append(settings, part.name)
		}
	}
	return settings
}
