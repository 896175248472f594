package outcrop

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"outcrop/catalog"
	"outcrop/config"
	"outcrop/provider"
	"outcrop/route"
	"outcrop/upstream"
)

// opening opens entries of a configuration, which connect with a client. What entries have in common they share.
type opening struct {
	c       *Client
	cfg     *config.Config
	with    *upstream.Client
	environ func(string) string
	facts   map[factKey]func(model string) *catalog.Model
}

func (c *Client) opening(cfg *config.Config, with *upstream.Client) *opening {
	return &opening{c: c, cfg: cfg, with: with, environ: cfg.Getenv(c.opt.Environ), facts: map[factKey]func(model string) *catalog.Model{}}
}

// openAll opens a deployment for each entry of the configuration. Where an entry
// cannot be opened, the error has all that is wrong with it, and with the others.
func (c *Client) openAll() error {
	s := &served{cfg: c.Config()}
	defer c.current.Store(s) // Close closes what is open
	var wrong []config.Problem
	with := c.opening(s.cfg, c.upstream)
	s.grow(len(s.cfg.Models))
	for i := range s.cfg.Models {
		o, problems, err := with.entry(&s.cfg.Models[i], nil)
		if err != nil {
			return err
		}
		s.add(o)
		for _, p := range problems {
			if !slices.Contains(wrong, p) { // a setting for the whole file applies to every entry
				wrong = append(wrong, p)
			}
		}
	}
	if len(wrong) > 0 {
		return &ConfigError{Problems: wrong}
	}
	return nil
}

// entry opens an entry. If settings are invalid, it returns their problems and what can be opened without them.
// A deployment that is kept is not opened again.
func (w *opening) entry(m *config.Model, kept *opened) (*opened, []config.Problem, error) {
	at := slices.IndexFunc(w.c.providers, func(info provider.Info) bool { return info.Name == m.Provider })
	if at < 0 {
		return nil, nil, fmt.Errorf("%s: unknown provider %q", m.Path, m.Provider)
	}
	var problems []config.Problem
	o := &opened{model: m}
	if kept != nil {
		o.deployment, o.facts, o.incomplete = kept.deployment, kept.facts, kept.incomplete
	} else {
		var err error
		if o.facts, err = w.factsOf(m); err == nil {
			o.deployment, problems, err = w.deployment(w.c.providers[at], m, o.facts)
		}
		if err != nil {
			return nil, nil, fmt.Errorf("%s: %w", m.Path, err)
		}
		o.incomplete = len(problems) > 0
	}
	if _, unfit := defaultsOf(m); unfit != nil {
		problems = append(problems, m.Problem(unfit))
	}
	return o, problems, nil
}

// factsOf is Client.factsOf, once for all entries with the same model.
func (w *opening) factsOf(m *config.Model) (func(model string) *catalog.Model, error) {
	of := factKey{m.Provider, m.Model, m.BaseModel}
	facts, known := w.facts[of]
	if !known {
		var err error
		if facts, err = w.c.factsOf(m); err != nil {
			return nil, err
		}
		w.facts[of] = facts
	}
	return facts, nil
}

// factKey is what the facts about the models of an entry depend on.
type factKey struct{ provider, model, baseModel string }

// entries are what is served, for a router. They are not kept here, because a router has its own.
func (s *served) entries() []route.Entry {
	all := make([]route.Entry, len(s.models))
	for i, m := range s.models {
		defaults, _ := defaultsOf(m) // what is unfit is a problem of opening
		all[i] = route.Entry{
			Name: m.Name, ID: m.ID, Provider: m.Provider, Model: m.Model, Deployment: s.deployments[i],
			Timeout: m.Timeout, StreamTimeout: m.StreamTimeout, FirstTimeout: m.FirstTimeout, IdleTimeout: m.IdleTimeout, Retries: m.NumRetries, Facts: s.facts[i],
			Order: m.Order, Weight: m.Weight, Cooldown: m.Cooldown, Tags: m.Tags, TagPatterns: m.TagPatterns, Region: m.Region, Silent: m.Silent,
			Settings: route.Settings{
				DropParams: m.DropParams, KeepAlive: m.KeepAlive, AllowClientSettings: m.Callers.Any(),
				Parameters: m.Parameters, Defaults: defaults, AccessGroups: m.AccessGroups, Guardrails: m.Guardrails,
				Team: m.Team, Public: m.Public,
			},
		}
		if m.Limits.Any() {
			all[i].Limits = &m.Limits
		}
		if m.Price != nil {
			all[i].Price = m.Price
		}
	}
	return all
}

// deployment opens the deployment of an entry. If settings are invalid, it returns their problems and
// the deployment without those settings, or nil if the entry cannot be opened without them.
func (w *opening) deployment(info provider.Info, m *config.Model, facts func(model string) *catalog.Model) (provider.Deployment, []config.Problem, error) {
	values, policy, opt := m.Values, m.Policy, w.c.opt
	var problems []config.Problem
	for {
		d, err := info.Open(context.Background(), provider.Params{
			Model: m.Model, Values: values, Upstream: w.with, Environ: w.environ,
			Logger: opt.Logger, Now: time.Now, Note: opt.Note, Instance: w.c.instance, DataDir: opt.DataDir, Facts: facts, Responses: m.Responses, Policy: policy, ClientPolicy: m.Callers,
		})
		option, ok := errors.AsType[*provider.OptionError](err)
		switch {
		case err == nil:
			return d, problems, nil
		case !ok:
			return nil, nil, err
		}
		problems = append(problems, m.Problem(option))
		values = maps.Clone(values)
		if !without(values, &policy, option.Option) {
			return nil, problems, nil
		}
	}
}

// without removes a setting and reports whether it was set.
func without(values map[string]string, policy *provider.Policy, option string) bool {
	was := *policy
	switch option {
	case "policy.geographies":
		policy.Geographies = nil
		return was.Geographies != nil
	case "policy.regions":
		policy.Regions = nil
		return was.Regions != nil
	case "policy.prefer":
		policy.Prefer = ""
		return was.Prefer != ""
	default:
		_, ok := values[option]
		delete(values, option)
		return ok
	}
}
