package tenant

// Guardrails name the gateway's guardrails that are in force for the caller's calls: of a token, those of all its teams. The result is
// not modified.
func (c *Caller) Guardrails() []string {
	return c.ofTeams(func(team *Caller) []string { return team.guardrails })
}

// Policies name the gateway's policies that are in force for the caller's calls: those of the key, its team and its project, and of a token
// those of all its teams. The result is not modified.
func (c *Caller) Policies() []string {
	return c.ofTeams(func(team *Caller) []string { return team.policies })
}

// TeamAliases are the names of the caller's teams for people, of those that have one.
func (c *Caller) TeamAliases() []string {
	return c.ofTeams(func(team *Caller) []string {
		if team.TeamAlias == "" {
			return nil
		}
		return []string{team.TeamAlias}
	})
}
