package tenant

import (
	"cmp"
	"slices"

	"outcrop/store"
)

// TeamModel is the model that a name means for the caller's team, which may have models of its own that precede those of
// everybody. own returns the name of a team's model; nil if no team has one.
func (c *Caller) TeamModel(name string, own func(team, name string) string) string {
	if own == nil {
		return name
	}
	if c.TeamID != "" {
		if to := own(c.TeamID, name); to != "" {
			return to
		}
	}
	for _, team := range c.teams {
		if to := own(team.TeamID, name); to != "" {
			return to
		}
	}
	return name
}

// In reports whether the caller belongs to a team.
func (c *Caller) In(team string) bool {
	return c.TeamID == team || slices.ContainsFunc(c.teams, func(t *Caller) bool { return t.TeamID == team })
}

// permittedInTeam checks that the caller may call a model that is a team's. Lists of models have its name in the team.
func (c *Caller) permittedInTeam(req *Request) error {
	if req.Team != c.TeamID {
		return deniedModel(cmp.Or(req.Asked, req.Model), &allowance{kind: store.KindTeam, whose: "this caller's team"})
	}
	if a := c.denied(req.Group, req.Group, req.Groups); a != nil && !c.aliased(req.Asked, req.Model) {
		return deniedModel(cmp.Or(req.Asked, req.Group), a)
	}
	return nil
}
