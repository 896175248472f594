package admin

import (
	"slices"

	"outcrop/tenant"
)

// Caller is who makes a request.
type Caller struct {
	// Master is whether the request has the gateway's master key, or comes to a gateway without one.
	Master bool
	Role   tenant.Role
	// Key is the hash of the caller's key; empty for the master key, and for a token.
	Key string
	// Manages reports whether a caller with a token may call an endpoint, for which allows is asked about the entries of
	// the token's routes; nil for everything.
	Manages func(allows func(entry string) bool) bool
	// UserID and TeamID are those of the key; empty for none.
	UserID, TeamID string
	// Teams are the teams of which the user is a member, with the role in each, TeamAdmin or TeamUser.
	Teams map[string]string
	// Administers are the ids of the organisations of which the user is an admin.
	Administers []string
}

// Roles in a team.
const (
	TeamAdmin = "admin"
	TeamUser  = "user"
)

// DefaultUser is the user id of the master key, as in LiteLLM.
const DefaultUser = "default_user_id"

// admin reports whether the caller may do everything.
func (c *Caller) admin() bool { return c.Master || c.Role == tenant.RoleAdmin }

// sees reports whether the caller may see everything.
func (c *Caller) sees() bool { return c.admin() || c.Role == tenant.RoleAdminViewer }

// leads reports whether the caller is an admin of an organisation.
func (c *Caller) leads(organization string) bool {
	return organization != "" && slices.Contains(c.Administers, organization)
}

// name is the user id for the record.
func (c *Caller) name() string {
	if c.UserID == "" && c.Master {
		return DefaultUser
	}
	return c.UserID
}

// who is a set of kinds of callers.
type who uint16

// Kinds of callers. A user who is an admin of an organisation is also what the user's role says.
const (
	master who = 1 << iota
	admin
	viewer
	leader // an admin of an organisation
	user
	userViewer
	other // keys of teams, of customers and of nobody
)

// Sets of kinds of callers.
const (
	admins  = master | admin
	readers = admins | viewer
	leaders = admins | leader
	members = leaders | user
	anyone  = readers | leader | user | userViewer | other
)

// kinds are what a caller is.
func (c *Caller) kinds() who {
	var k who
	switch {
	case c.Master:
		return master
	case c.Role == tenant.RoleAdmin:
		return admin
	case c.Role == tenant.RoleAdminViewer:
		return viewer
	case c.UserID == "":
		return other
	case c.Role == tenant.RoleUser, c.Role == tenant.RoleOrgAdmin:
		k = user
	case c.Role == tenant.RoleUserViewer:
		k = userViewer
	default:
		k = other
	}
	if len(c.Administers) > 0 && k != other {
		k |= leader
	}
	return k
}

// admit refuses a caller who may not call an endpoint.
func (x *exchange) admit(e endpoint) error {
	if x.caller.kinds()&e.who != 0 {
		return nil
	}
	if e.paths[0] == "/user/list" { // LiteLLM lets all callers come to it, and answers 403 there
		return forbidden("", "Only proxy admins and organization admins can list users.")
	}
	role := string(x.caller.Role)
	if role == "" {
		role = "unknown"
	}
	return &Error{
		Status: 401, Type: typeAuth,
		Message: "Authentication Error, this key may not call " + e.paths[0] + ": its role is " + role + ". Use the master key, or the key of a user with the role " + string(tenant.RoleAdmin) + ".",
	}
}
