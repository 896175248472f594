package gateway

import (
	"strings"

	"outcrop/llm"
)

// attribute labels a call with who makes it, as the operator has it. Calls with a client's own credentials or
// address are not labelled: what the gateway knows of its callers is not for other accounts.
func (c *Call) attribute(req *llm.Call) {
	req.Attribution, req.Session = c.who(c.set.Attribution, req), c.who(c.set.SessionTags, req)
}

// who are labels that say who makes a call.
func (c *Call) who(names []string, req *llm.Call) (labels []llm.Label) {
	t := c.caller.tenant
	if t == nil || req.ClientSettings != nil {
		return nil
	}
	for _, name := range names {
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
			value = c.customerOf(req)
		case "tags":
			value = strings.Join(t.TagsOf(c.labels.tags, req.Tags), ",")
		}
		if value != "" {
			labels = append(labels, llm.Label{Name: name, Value: value})
		}
	}
	return labels
}
