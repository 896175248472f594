package tenant

import (
	"strings"

	"outcrop/alert"
	"outcrop/llm"
	"outcrop/quota"
	"outcrop/store"
)

// watch has a budget watched, if anybody wants to be told.
func (b *builder) watch(of *alert.Budget) {
	if b.d.opt.Budgets != nil {
		b.c.budgets = append(b.c.budgets, of)
	}
}

// watched has the budget of an entity watched, if it has one.
func (b *builder) watched(kind store.Kind, id string, doc *document, w quota.Window) {
	if !doc.MaxBudget.Set && !doc.SoftBudget.Set {
		return
	}
	of := &alert.Budget{Counter: store.SpendCounter(kind, id), Window: w}
	about := &of.About
	if doc.MaxBudget.Set {
		about.MaxBudget = llm.Some(llm.Cost(b.raised(doc)))
	}
	if doc.SoftBudget.Set {
		about.SoftBudget = llm.Some(llm.Cost(doc.SoftBudget.Value))
	}
	switch kind {
	case store.KindKey:
		about.Group = alert.GroupKey
	case store.KindUser:
		about.Group, about.UserID, about.UserEmail = alert.GroupUser, id, doc.UserEmail
	case store.KindTeam:
		about.Group, about.TeamID, about.TeamAlias, about.OrganizationID = alert.GroupTeam, id, doc.TeamAlias, doc.OrganizationID
		about.Emails = doc.Metadata.AlertEmails
	case store.KindMember:
		about.Group = alert.GroupMember
		about.TeamID, about.UserID, _ = strings.Cut(id, "/")
	case store.KindProject: // LiteLLM's event has no field for it, and names the team
		about.Group, about.ProjectID = alert.GroupProject, id
	case store.KindOrganization:
		about.Group, about.OrganizationID = alert.GroupOrganization, id
	case store.KindCustomer:
		about.Group, about.CustomerID = alert.GroupCustomer, id
	case store.KindGroupBudget:
		about.Group, about.AccessGroup = alert.GroupAccessGroup, id
	case store.KindTag:
		about.Group, about.Tag = alert.GroupTag, id
	default:
		return
	}
	b.watch(of)
}

// told completes what is told of the caller's own budgets, when all that it belongs to has been read. team is nil for
// none.
func (b *builder) told(token string, team *document) {
	c := b.c
	for _, of := range c.budgets {
		about := &of.About
		switch about.Group {
		case alert.GroupKey:
			about.Token, about.KeyAlias, about.UserID, about.TeamID, about.OrganizationID, about.UserEmail = token, c.Alias, c.UserID, c.TeamID, c.OrganizationID, b.email
			if team != nil {
				about.TeamAlias = team.TeamAlias
			}
		case alert.GroupProject:
			about.UserID, about.TeamID, about.OrganizationID, about.UserEmail = c.UserID, c.TeamID, c.OrganizationID, b.email
			if team != nil {
				about.TeamAlias = team.TeamAlias
			}
		case alert.GroupMember:
			about.TeamID, about.UserID, about.UserEmail = c.TeamID, c.UserID, b.email
			if team != nil {
				about.TeamAlias = team.TeamAlias
			}
		default:
		}
	}
}
