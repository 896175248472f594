package outcrop

import (
	"time"

	"outcrop/config"
	"outcrop/guard"
	"outcrop/guard/services"
	"outcrop/internal/hold"
)

// guardrails are guardrails that are open.
type guardrails struct {
	rules []*guard.Rule
	ends  []func() // of what their services hold
	users *hold.Hold
}

// openGuardrails makes the guardrails of a configuration. It calls nobody. The error has all that is wrong with them.
func (c *Client) openGuardrails(cfg *config.Config) (*guardrails, error) {
	var wrong []config.Problem
	open := &guardrails{users: hold.New()}
	for i := range cfg.Guardrails {
		g := &cfg.Guardrails[i]
		rule := g.Rule
		if g.Service != nil {
			check, end, err := g.Service.Open(services.Options{Client: c.upstream, Environ: cfg.Getenv(c.opt.Environ), Logger: c.log, Now: time.Now})
			if err != nil {
				wrong = append(wrong, config.Problem{
					Severity: config.Error, Path: g.Path + ".litellm_params", File: g.Position.File, Line: g.Position.Line, Column: g.Position.Column,
					Message: "the guardrail " + g.Name + " cannot work: " + err.Error(),
				})
				continue
			}
			rule.Checker = check
			open.ends = append(open.ends, end)
		}
		open.rules = append(open.rules, &rule)
	}
	if len(wrong) > 0 {
		open.close()
		return nil, &ConfigError{Problems: wrong}
	}
	return open, nil
}

// close ends what the guardrails' services hold.
func (g *guardrails) close() {
	if g == nil {
		return
	}
	for _, end := range g.ends {
		end()
	}
}

// Guardrails are the guardrails at present, and who uses them: their services are closed when a reload has replaced them and all users have
// gone.
func (c *Client) Guardrails() (rules []*guard.Rule, users *hold.Hold) {
	g := c.guards.Load()
	return g.rules, g.users
}
