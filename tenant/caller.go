// Package tenant knows who calls: keys, and the users, teams, organisations, customers and tags that they belong
// to. It says what a caller may use, and which counters its calls draw on. See
// docs/adr/0013-who-calls-and-what-is-left.md.
package tenant

import (
	"crypto/sha256"
	"encoding/hex"
	"strings"
)

// Role is what a caller may do with the gateway itself, in LiteLLM's words (litellm/proxy/_types.py,
// LitellmUserRoles).
type Role string

// Roles.
const (
	RoleAdmin        Role = "proxy_admin"
	RoleAdminViewer  Role = "proxy_admin_viewer"
	RoleOrgAdmin     Role = "org_admin" // of the organisations of which the user is an admin
	RoleUser         Role = "internal_user"
	RoleUserViewer   Role = "internal_user_viewer"
	RoleCustomer     Role = "customer"
	RoleTeam         Role = "team" // a key of a team without a user
	RoleUnidentified Role = ""     // a key without a user and a team, and no key
)

// Hash is how keys are stored: the hexadecimal SHA-256 of the key, as LiteLLM stores them.
func Hash(key string) string {
	hash := hashed(key)
	return string(hash[:])
}

// hashed is Hash without memory of its own.
func hashed(key string) (hash [2 * sha256.Size]byte) {
	sum := sha256.Sum256([]byte(key))
	hex.Encode(hash[:], sum[:])
	return hash
}

// UserNames are the texts by which the store finds a user: the e-mail address and the other names that an identity provider
// may know the user by, or else the name for people.
func UserNames(email, alias string, others ...string) string {
	names := ""
	for _, name := range append([]string{email}, others...) {
		if name != "" && !strings.Contains("\n"+names+"\n", "\n"+name+"\n") {
			names = strings.TrimPrefix(names+"\n"+name, "\n")
		}
	}
	if names == "" {
		return alias
	}
	return names
}

// MaxKey is the longest key that is looked at, in bytes.
const MaxKey = 16 << 10

// Anyone is who calls a path that needs no key, without one: nobody, whose calls only the gateway's own budget and limits
// bound.
func (d *Directory) Anyone() *Caller {
	b := builder{d: d, c: &Caller{d: d, token: publicOwner, owner: publicOwner, Name: "no key", Role: RoleUserViewer}}
	b.proxy()
	b.c.find(d)
	return b.c
}

// publicOwner is whose things are that calls without a key make.
const publicOwner = "public"

// Keyless reports whether the caller is Anyone.
func (c *Caller) Keyless() bool { return c.token == publicOwner }
