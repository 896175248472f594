package outcrop

import (
	"time"

	"outcrop/config"
	"outcrop/guard"
	"outcrop/guard/services"
)

// guardrails are the guardrails that are open.
type guardrails struct {
	rules []*guard.Rule
	ends  []func() // of what their services hold
}

// openGuardrails makes the guardrails of a configuration. It calls nobody. The error has all that is wrong with them.
func (c *Client) openGuardrails(all []config.Guardrail) error {
	var wrong []config.Problem
	for i := range all {
		g := &all[i]
		rule := g.Rule
		if g.Service != nil {
			check, end, err := g.Service.Open(services.Options{Client: c.upstream, Environ: c.Config().Getenv(c.opt.Environ), Logger: c.log, Now: time.Now})
			if err != nil {
				wrong = append(wrong, config.Problem{
					Severity: config.Error, Path: g.Path + ".litellm_params", File: g.Position.File, Line: g.Position.Line, Column: g.Position.Column,
					Message: "the guardrail " + g.Name + " cannot work: " + err.Error(),
				})
				continue
			}
			rule.Checker = check
			c.guards.ends = append(c.guards.ends, end)
		}
		c.guards.rules = append(c.guards.rules, &rule)
	}
	if len(wrong) > 0 {
		return &ConfigError{Problems: wrong}
	}
	return nil
}

// close ends what the guardrails' services hold.
func (g *guardrails) close() {
	for _, end := range g.ends {
		end()
	}
}
