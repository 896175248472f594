package alert

import (
	"strings"

	"outcrop/internal/jsonx"
	"outcrop/llm"
)

// Group is whose budget an event is about, in LiteLLM's words (litellm/types/integrations/slack_alerting.py,
// Litellm_EntityType).
type Group string

// Groups.
const (
	GroupKey          Group = "key"
	GroupUser         Group = "user"
	GroupTeam         Group = "team"
	GroupMember       Group = "team_member"
	GroupOrganization Group = "organization"
	GroupProject      Group = "project"
	GroupCustomer     Group = "end_user"
	GroupTag          Group = "tag"
	GroupAccessGroup  Group = "model_access_group"
	GroupProxy        Group = "proxy"
)

// Event is what the webhook gets about a budget: LiteLLM's WebhookEvent. Empty fields are null there.
type Event struct {
	Spend llm.Cost
	// MaxBudget and SoftBudget are the budget and the amount from which it is told, as far as there are any.
	MaxBudget, SoftBudget llm.Opt[llm.Cost]
	// Token is the key's hash.
	Token, CustomerID, UserID, TeamID, TeamAlias, OrganizationID, UserEmail, KeyAlias string
	// ProjectedDate is the day on which the budget will be used up, and ProjectedSpend what will be spent until the
	// end of its period.
	ProjectedDate  string
	ProjectedSpend llm.Opt[llm.Cost]
	Group          Group
	// Tag is the label whose budget it is, ProjectID the project, and AccessGroup the group of models; LiteLLM's event has no
	// fields for them.
	Tag, ProjectID, AccessGroup string
	// Emails get the mail besides UserEmail.
	Emails []string
	// Name is what has happened, such as budget_crossed, and Message the same for people.
	Name, Message string
}

// JSON is the event's body, with the members of LiteLLM in their order.
func (e *Event) JSON() []byte {
	var w jsonx.Writer
	word := func(name, value string) {
		w.Key(name)
		w.StringOrNull(value)
	}
	amount := func(name string, c llm.Opt[llm.Cost]) {
		w.Key(name)
		if c.Set {
			w.Raw(c.Value.Append(nil))
		} else {
			w.Null()
		}
	}
	w.Object()
	amount("spend", llm.Some(e.Spend))
	amount("max_budget", e.MaxBudget)
	amount("soft_budget", e.SoftBudget)
	word("token", e.Token)
	word("customer_id", e.CustomerID)
	word("user_id", e.UserID)
	word("team_id", e.TeamID)
	word("team_alias", e.TeamAlias)
	word("organization_id", e.OrganizationID)
	word("user_email", e.UserEmail)
	word("key_alias", e.KeyAlias)
	word("projected_exceeded_date", e.ProjectedDate)
	amount("projected_spend", e.ProjectedSpend)
	word("event_group", string(e.Group))
	w.Key("alert_emails")
	if len(e.Emails) == 0 {
		w.Null()
	} else {
		w.Array()
		for _, to := range e.Emails {
			w.String(to)
		}
		w.EndArray()
	}
	w.Key("max_budget_alert_emails")
	w.Null()
	word("event", e.Name)
	word("event_message", e.Message)
	w.EndObject()
	return w.Buf
}

// fact is a field of an event for people.
type fact struct{ name, value string }

// facts are the fields that are set, except the key's hash.
func (e *Event) facts() (all []fact) {
	word := func(name, value string) {
		if value != "" {
			all = append(all, fact{name, value})
		}
	}
	amount := func(name string, c llm.Opt[llm.Cost]) {
		if c.Set {
			all = append(all, fact{name, c.Value.String()})
		}
	}
	amount("spend", llm.Some(e.Spend))
	amount("max_budget", e.MaxBudget)
	amount("soft_budget", e.SoftBudget)
	word("customer_id", e.CustomerID)
	word("user_id", e.UserID)
	word("team_id", e.TeamID)
	word("team_alias", e.TeamAlias)
	word("organization_id", e.OrganizationID)
	word("user_email", e.UserEmail)
	word("key_alias", e.KeyAlias)
	word("project_id", e.ProjectID)
	word("access_group", e.AccessGroup)
	word("tag", e.Tag)
	word("projected_exceeded_date", e.ProjectedDate)
	amount("projected_spend", e.ProjectedSpend)
	word("event_group", string(e.Group))
	return all
}

// text is the event for Slack.
func (e *Event) text() string {
	var b strings.Builder
	b.WriteString(e.Message + "\n\n")
	for _, f := range e.facts() {
		b.WriteString("*" + f.name + ":* `" + Plain(f.value) + "`\n")
	}
	return b.String()
}

// maxShown bounds each name in an alert, in bytes: many come from clients.
const maxShown = 500

// Plain is a text that stays what it is between Slack's backquotes: a name must not mention people or be a link.
func Plain(text string) string {
	return strings.NewReplacer("`", "'", "&", "&amp;", "<", "&lt;", ">", "&gt;").Replace(llm.Clip(text, maxShown))
}
