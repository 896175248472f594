package store

import "time"

// Kind is what an entity is.
type Kind string

// Kinds. The ids of members are the team's id, a slash, and the user's id.
const (
	KindKey          Kind = "key" // its id is the hexadecimal SHA-256 of the key
	KindUser         Kind = "user"
	KindTeam         Kind = "team"
	KindMember       Kind = "member" // a user in a team
	KindOrganization Kind = "organization"
	KindOrgMember    Kind = "organization_member" // a user in an organisation; its id is as a member's
	KindProject      Kind = "project"             // a use of a team's models, to which keys of the team belong
	KindCustomer     Kind = "customer"            // a client's own user, LiteLLM's end user
	KindBudget       Kind = "budget"
	KindTag          Kind = "tag"
	KindModel        Kind = "model"
	KindAccessGroup  Kind = "access_group"
	KindGroupBudget  Kind = "access_group_budget" // what all who may use an access group of models may spend; its id is the group's name
	KindCredential   Kind = "credential"
	KindPassThrough  Kind = "pass_through_endpoint"
	KindSetting      Kind = "setting"           // of the gateway that its configuration does not have; its id is the setting's name
	KindPolicy       Kind = "policy"            // a version of a policy of guardrails; its alias is the policy's name
	KindAttachment   Kind = "policy_attachment" // for which calls a policy is in force; its alias is the policy's name
	KindInvitation   Kind = "invitation"
	KindLogin        Kind = "login"   // of the command line: who has signed in for it, until it has its key
	KindOldKey       Kind = "old_key" // the hash of a key that was replaced, while it still works
)

// Entity is a key, a user, a team, or another thing that calls belong to or that they use, as LiteLLM's API
// describes it.
type Entity struct {
	Kind Kind
	ID   string
	// Alias is its name for people, and UserID, TeamID and OrganizationID what it belongs to; empty for none.
	// Lists filter by them.
	Alias, UserID, TeamID, OrganizationID string
	Created, Updated                      time.Time
	// Revision is that of its last change.
	Revision int64
	// Doc is the entity in LiteLLM's form, a JSON object without what it has spent.
	Doc []byte
}

// Ref names an entity.
type Ref struct {
	Kind Kind
	ID   string
}

// Filter selects entities of a kind. Empty fields select all.
type Filter struct {
	Kind                                  Kind
	IDs                                   []string // nil for all
	Alias, UserID, TeamID, OrganizationID string
	// Search selects those whose alias or id contains it, in any case.
	Search string
	// Deleted selects those that have been deleted, in place of those that exist.
	Deleted bool
	// Ascending is the order by creation; newest first otherwise. Offset and Limit select a page; Limit 0
	// means all.
	Ascending     bool
	Offset, Limit int
}

// Change is what one request changes, in one transaction.
type Change struct {
	// Put are entities to write; Create says that none of them may exist, but for those that were read and have a revision, and
	// ErrExists is returned otherwise.
	Put    []Entity
	Create bool
	// Delete are entities to delete. They are kept for the record.
	Delete []Ref
	// By is who asked for it, for the audit log: the actor's user id and the hash of the key.
	By, ByKey string
	// Action is what was asked, such as /key/update.
	Action string
}
