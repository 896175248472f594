package outcrop

import (
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"time"

	"outcrop/config"
	"outcrop/provider"
	"outcrop/route"
	"outcrop/upstream"
)

// Addition is an entry that is served beside those of the configuration, as config.Config.Entry reads it: with a *
// for its model it is several.
type Addition struct {
	// Version changes whenever Models do: an addition with the version of one before it keeps its deployments, and
	// what they have learned.
	Version string
	Models  []config.Model
}

// retireAfter is how long deployments that were replaced remain, so that calls which have found them can begin.
const retireAfter = time.Minute

// addedModels are the additions by version.
type addedModels struct {
	mu        sync.Mutex
	byVersion map[string][]*opened
}

// CheckAddition returns what is wrong with the models of an addition, as Set would find it; none if they can be
// served.
func (c *Client) CheckAddition(models []config.Model) ([]config.Problem, error) {
	all, problems, err := c.openModels(models)
	for _, o := range all {
		if o.deployment != nil {
			_ = o.deployment.Close() // nothing was done with it
		}
	}
	return problems, err
}

// openModels opens models. Some of them may be open although there are problems, or an error. Who adds a model is an
// administrator of the gateway, and need not be the operator of its machine: its address may be private, but not that of a
// metadata service, which gives out the machine's own identity.
func (c *Client) openModels(models []config.Model) (all []*opened, problems []config.Problem, err error) {
	with, err := c.upstream.With(upstream.Settings{Guard: upstream.Administered})
	if err != nil {
		return nil, nil, err
	}
	opening := c.opening(c.Config(), with)
	for i := range models {
		m := &models[i]
		if at := slices.IndexFunc(c.Config().Models, func(own config.Model) bool { return own.ID == m.ID }); at >= 0 {
			problems = append(problems, config.Problem{
				Severity: config.Error, Path: m.Path + ".model_info.id", Message: fmt.Sprintf("%q is already the id of an entry of the configuration", m.ID), Accepted: "a unique id",
			})
		}
		o, wrong, err := opening.entry(m, nil)
		if err != nil {
			return all, nil, err
		}
		all, problems = append(all, o), append(problems, wrong...)
	}
	return all, problems, nil
}

// SetAdditions replaces what is served beside the configuration. Calls that are under way end as they have begun.
// An addition that cannot be opened is not served, which is logged.
func (c *Client) SetAdditions(additions []Addition) {
	c.added.mu.Lock()
	defer c.added.mu.Unlock()
	if c.ctx.Err() != nil {
		return
	}
	before, after := c.added.byVersion, map[string][]*opened{}
	var gone []provider.Deployment
	s := c.configured()
	for _, a := range additions {
		all, known := before[a.Version]
		if _, twice := after[a.Version]; twice {
			continue
		}
		if !known {
			var problems []config.Problem
			var err error
			if all, problems, err = c.openModels(a.Models); err == nil && len(problems) > 0 {
				err = &ConfigError{Problems: problems}
			}
			if err != nil {
				c.log.Error("a model that was added cannot be served", slog.String("error", err.Error()), slog.String("hint", "change it with /model/update, or delete it with /model/delete"))
				gone = append(gone, deployments(all)...)
				all = nil
			}
		}
		after[a.Version] = all
		for _, o := range all {
			s.add(o)
		}
	}
	for version, all := range before {
		if _, kept := after[version]; !kept {
			gone = append(gone, deployments(all)...)
		}
	}
	c.added.byVersion = after
	c.current.Store(s)
	c.router.Set(route.Plan{Entries: s.entries(), Policy: s.cfg.Routing})
	if len(gone) > 0 {
		c.running.Go(func() { c.retire(gone) })
	}
}

// configured is a copy of the configuration's part of what is served.
func (c *Client) configured() *served {
	s := c.served()
	n := len(s.cfg.Models)
	return &served{
		cfg:    s.cfg,
		models: slices.Clip(s.models[:n]), deployments: slices.Clip(s.deployments[:n]), facts: slices.Clip(s.facts[:n]),
		incomplete: slices.Clip(s.incomplete[:n]),
	}
}

func deployments(all []*opened) (out []provider.Deployment) {
	for _, o := range all {
		if o.deployment != nil {
			out = append(out, o.deployment)
		}
	}
	return out
}

// retire closes deployments that no further call finds.
func (c *Client) retire(gone []provider.Deployment) {
	timer := time.NewTimer(retireAfter)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-c.ctx.Done():
	}
	for _, d := range gone {
		if err := d.Close(); err != nil {
			c.log.Warn("closing a deployment", slog.String("error", err.Error()))
		}
	}
}
