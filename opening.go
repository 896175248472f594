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

// openAll opens a deployment for each entry of the configuration. Where an entry
// cannot be opened, the error has all that is wrong with it, and with the others.
func (c *Client) openAll() ([]route.Entry, error) {
	s := &served{cfg: c.Config()}
	defer c.current.Store(s) // Close closes what is open
	var wrong []config.Problem
	for i := range s.cfg.Models {
		o, problems, err := c.openEntry(s.cfg, &s.cfg.Models[i], c.upstream, nil)
		if err != nil {
			return nil, err
		}
		s.add(o)
		for _, p := range problems {
			if !slices.Contains(wrong, p) { // a setting for the whole file applies to every entry
				wrong = append(wrong, p)
			}
		}
	}
	if len(wrong) > 0 {
		return nil, &ConfigError{Problems: wrong}
	}
	return s.entries, nil
}

// openEntry opens an entry, which connects with a client. If settings are invalid, it returns their problems and what can
// be opened without them.
// A deployment that is kept is not opened again.
func (c *Client) openEntry(cfg *config.Config, m *config.Model, with *upstream.Client, kept *opened) (*opened, []config.Problem, error) {
	at := slices.IndexFunc(c.providers, func(info provider.Info) bool { return info.Name == m.Provider })
	if at < 0 {
		return nil, nil, fmt.Errorf("%s: unknown provider %q", m.Path, m.Provider)
	}
	var problems []config.Problem
	o := &opened{model: m}
	if kept != nil {
		o.deployment, o.facts, o.incomplete = kept.deployment, kept.facts, kept.incomplete
	} else {
		var err error
		if o.facts, err = c.factsOf(m); err == nil {
			o.deployment, problems, err = c.openOne(c.providers[at], cfg, m, with, o.facts)
		}
		if err != nil {
			return nil, nil, fmt.Errorf("%s: %w", m.Path, err)
		}
		o.incomplete = len(problems) > 0
	}
	d, facts := o.deployment, o.facts
	defaults, unfit := defaultsOf(m)
	if unfit != nil {
		problems = append(problems, m.Problem(unfit))
	}
	o.entry = route.Entry{
		Name: m.Name, ID: m.ID, Provider: m.Provider, Model: m.Model, Deployment: d,
		Timeout: m.Timeout, StreamTimeout: m.StreamTimeout, FirstTimeout: m.FirstTimeout, IdleTimeout: m.IdleTimeout, Retries: m.NumRetries, Facts: facts,
		Order: m.Order, Weight: m.Weight, Cooldown: m.Cooldown, Tags: m.Tags, TagPatterns: m.TagPatterns, Region: m.Region, Silent: m.Silent,
		Settings: route.Settings{
			DropParams: m.DropParams, KeepAlive: m.KeepAlive, AllowClientSettings: m.Callers.Any(),
			Parameters: m.Parameters, Defaults: defaults, AccessGroups: m.AccessGroups, Guardrails: m.Guardrails,
			Team: m.Team, Public: m.Public,
		},
	}
	if m.Limits.Any() {
		o.entry.Limits = &o.model.Limits
	}
	if m.Price != nil {
		o.entry.Price = m.Price
	}
	return o, problems, nil
}

// openOne opens the deployment of an entry. If settings are invalid, it returns their problems and
// the deployment without those settings, or nil if the entry cannot be opened without them.
func (c *Client) openOne(info provider.Info, cfg *config.Config, m *config.Model, with *upstream.Client, facts func(model string) *catalog.Model) (provider.Deployment, []config.Problem, error) {
	values, policy, opt := maps.Clone(m.Values), m.Policy, c.opt
	var problems []config.Problem
	for {
		d, err := info.Open(context.Background(), provider.Params{
			Model: m.Model, Values: values, Upstream: with, Environ: cfg.Getenv(opt.Environ),
			Logger: opt.Logger, Now: time.Now, Note: opt.Note, Instance: c.instance, DataDir: opt.DataDir, Facts: facts, Responses: m.Responses, Policy: policy, ClientPolicy: m.Callers,
		})
		option, ok := errors.AsType[*provider.OptionError](err)
		switch {
		case err == nil:
			return d, problems, nil
		case !ok:
			return nil, nil, err
		}
		problems = append(problems, m.Problem(option))
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
