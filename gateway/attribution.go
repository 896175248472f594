package gateway

import (
	"strings"

	"outcrop/llm"
)

// attribute labels a call with who makes it, as the operator has it. Calls with a client's own credentials or
// address are not labelled: what the gateway knows of its callers is not for other accounts.
func (c *Call) attribute(req *llm.Call) {
	req.Attribution = nil
	t := c.caller.tenant
	if t == nil || req.ClientSettings != nil {
		return
	}
	for _, name := range c.g.attribution {
		value := ""
		switch name {
		case "key_alias":
			value = t.Alias
		case "user_id":
			value = t.UserID
		case "team_id":
			value = t.TeamID
		case "organization_id":
			value = t.OrganizationID
		case "end_user":
			value = req.User
		case "tags":
			value = strings.Join(t.TagsOf(c.labels.tags, req.Tags), ",")
		}
		if value != "" {
			req.Attribution = append(req.Attribution, llm.Label{Name: name, Value: value})
		}
	}
}
