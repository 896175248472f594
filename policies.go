package outcrop

import (
	"outcrop/config"
	"outcrop/guard/ruleset"
)

// addedPolicies are the policies and attachments that are in force beside those of the configuration, and the versions of policies that calls
// can name. Whoever reads or replaces them holds Client.added.mu.
type addedPolicies struct {
	policies    []*ruleset.Policy
	attachments []ruleset.Attachment
	versions    map[string]*ruleset.Policy
}

// beside is what is in force with a configuration; nil for nothing.
func (p *addedPolicies) beside(cfg *config.Config) *ruleset.Set {
	return cfg.Policies.With(p.policies, p.attachments).WithVersions(p.versions)
}

// SetPolicies replaces the policies and the attachments that are in force beside those of the configuration, for the calls that begin from
// then on. A policy replaces that of the configuration with its name. versions are those that calls can name, by their ids.
func (c *Client) SetPolicies(all []*ruleset.Policy, attachments []ruleset.Attachment, versions map[string]*ruleset.Policy) {
	c.added.mu.Lock()
	defer c.added.mu.Unlock()
	c.policies = addedPolicies{all, attachments, versions}
	c.gateway.SetPolicies(c.policies.beside(c.Config()))
}
