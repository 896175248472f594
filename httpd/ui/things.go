package ui

import (
	"net/http"
	"net/url"
)

// thing describes a page that lists what the management API has, and changes it.
type thing struct {
	name, title, one, about string
	// path lists them: an array, or an object with them in items.
	path, items string
	query       url.Values
	// id is the member with the id, by which changes name them, and label is that with the name for people.
	id, label string
	columns   []column
	// fields are those of the form for a new one; edits are the names of those that can be changed.
	fields []field
	edits  []string
	makes  string // the path that makes one; empty for none
	edit   string // the path that changes one
	acts   []act
	// secret is the member of the answer that is shown once.
	secret string
	// size is the parameter with the size of a page; empty for a list without pages. names is the member with the id in
	// bodies; id if empty.
	size, names string
	// filters are the fields by which the list can be narrowed; words are what the API calls their choices.
	filters []field
	words   map[string]string
	// opens is the path of the page of one, before its id; empty for none.
	opens string
}

// form is how a value is written.
type form uint8

// Forms of values.
const (
	formText form = iota
	formNumber
	formList
	formMoney
	formTime
	formYes
	formDay
)

// column is a column of the table.
type column struct {
	member, title string
	form          form
	wide          bool // left out on a narrow screen
}

// field is a field of a form.
type field struct {
	Name, Label, Help string
	form              form
	Choices           []string
}

// Numeric reports whether the field is a number, for the keyboard of phones.
func (f field) Numeric() bool { return f.form == formNumber }

// Day reports whether the field is a date.
func (f field) Day() bool { return f.form == formDay }

// act is a button of a row.
type act struct {
	Name, Title string
	path        string // with {id} for the id
	member      string // the member of the body with the id; empty for none
	list        bool   // whether that is a list
	// only is a member, and value what it must show for the button to be there; empty for always.
	only, value string
	// Ask is what to ask before; empty for nothing.
	Ask string
}

// limits are the fields that keys, teams and users have.
func limits() []field {
	return []field{
		{"models", "Models", "comma-separated; empty for all", formList, nil},
		{"max_budget", "Budget, USD", "", formNumber, nil},
		{"budget_duration", "Budget begins anew after", "such as 30d, 24h", formText, nil},
		{"rpm_limit", "Requests a minute", "", formNumber, nil},
		{"tpm_limit", "Tokens a minute", "", formNumber, nil},
	}
}

// limited are the names of limits.
func limited() []string {
	return []string{"models", "max_budget", "budget_duration", "rpm_limit", "tpm_limit"}
}

// things are the pages.
func things() map[string]*thing {
	all := map[string]*thing{}
	for _, t := range []*thing{
		{
			name: "keys", title: "Keys", one: "key", about: "A key is what programs call with. It is shown once, when it is made.",
			path: "/key/list", items: "keys", query: url.Values{"return_full_object": {"true"}, "include_team_keys": {"true"}}, id: "token", label: "key_alias", size: "size", names: "key",
			columns: []column{
				{"key_alias", "Name", formText, false},
				{"key_name", "Key", formText, true},
				{"team_id", "Team", formText, true},
				{"user_id", "User", formText, true},
				{"models", "Models", formList, true},
				{"spend", "Spent", formMoney, false},
				{"max_budget", "Budget", formMoney, false},
				{"rpm_limit", "RPM", formNumber, true},
				{"expires", "Expires", formTime, true},
				{"blocked", "Blocked", formYes, true},
			},
			filters: []field{{"key_alias", "Name", "", formText, nil}, {"team_id", "Team id", "", formText, nil}, {"user_id", "User id", "", formText, nil}},
			fields:  append([]field{{"key_alias", "Name", "", formText, nil}, {"team_id", "Team id", "", formText, nil}, {"user_id", "User id", "", formText, nil}, {"duration", "Works for", "such as 90d; empty for ever", formText, nil}, {"budget_id", "Budget id", "a budget that several have", formText, nil}}, limits()...),
			edits:   append([]string{"key_alias", "budget_id"}, limited()...), makes: "/key/generate", edit: "/key/update", secret: "key",
			acts: []act{
				{"block", "Block", "/key/block", "key", false, "blocked", "", ""},
				{"unblock", "Unblock", "/key/unblock", "key", false, "blocked", "yes", ""},
				{"rotate", "Rotate", "/key/{id}/regenerate", "", false, "", "", "The old key ends at once. Rotate it?"},
				{"delete", "Delete", "/key/delete", "keys", true, "", "", "Programs that use this key fail from now on. Delete it?"},
			},
		},
		{
			name: "teams", title: "Teams", one: "team", about: "The keys of a team share its models, budget and limits.",
			path: "/team/list", id: "team_id", label: "team_alias", opens: Path + "/teams/",
			columns: []column{
				{"team_alias", "Name", formText, false},
				{"team_id", "Id", formText, true},
				{"models", "Models", formList, true},
				{"spend", "Spent", formMoney, false},
				{"max_budget", "Budget", formMoney, false},
				{"rpm_limit", "RPM", formNumber, true},
				{"tpm_limit", "TPM", formNumber, true},
				{"blocked", "Blocked", formYes, false},
			},
			fields: append([]field{{"team_alias", "Name", "", formText, nil}}, limits()...), edits: append([]string{"team_alias"}, limited()...), makes: "/team/new", edit: "/team/update",
			acts: []act{
				{"block", "Block", "/team/block", "team_id", false, "blocked", "", ""},
				{"unblock", "Unblock", "/team/unblock", "team_id", false, "blocked", "yes", ""},
				{"delete", "Delete", "/team/delete", "team_ids", true, "", "", "The team's keys are deleted with it. Delete it?"},
			},
		},
		{
			name: "users", title: "Users", one: "user", about: "A user has keys, and a role that says what the user sees here.",
			path: "/user/list", items: "users", id: "user_id", label: "user_email", size: "page_size",
			columns: []column{
				{"user_email", "E-mail", formText, false}, {"user_id", "Id", formText, true}, {"user_role", "Role", formText, false}, {"spend", "Spent", formMoney, false}, {"max_budget", "Budget", formMoney, true}, {"key_count", "Keys", formNumber, true},
			},
			fields: append([]field{
				{"user_email", "E-mail", "", formText, nil},
				{"user_id", "Id", "empty for a new one", formText, nil},
				{"user_role", "Role", "", formText, []string{"internal_user", "internal_user_viewer", "proxy_admin_viewer", "proxy_admin"}},
			}, limits()...),
			edits: append([]string{"user_email", "user_role"}, limited()...), makes: "/user/new", edit: "/user/update", secret: "key",
			acts: []act{{"delete", "Delete", "/user/delete", "user_ids", true, "", "", "The user's keys are deleted too. Delete the user?"}},
		},
		{
			name: "customers", title: "Customers", one: "customer", about: "A customer is a client's own user, whom calls name in user. Customers are known here once they are made or blocked.",
			path: "/customer/list", id: "user_id", label: "user_id",
			columns: []column{
				{"user_id", "Id", formText, false}, {"alias", "Name", formText, true}, {"spend", "Spent", formMoney, false}, {"litellm_budget_table.max_budget", "Budget", formMoney, false}, {"budget_id", "Budget id", formText, true}, {"blocked", "Blocked", formYes, false},
			},
			fields: []field{{"user_id", "Id", "", formText, nil}, {"alias", "Name", "", formText, nil}, {"budget_id", "Budget id", "a budget that several have", formText, nil}, {"max_budget", "Budget, USD", "", formNumber, nil}, {"budget_duration", "Budget begins anew after", "such as 30d, 24h", formText, nil}},
			edits:  []string{"alias", "budget_id"}, makes: "/customer/new", edit: "/customer/update",
			acts: []act{
				{"block", "Block", "/customer/block", "user_ids", true, "blocked", "", ""},
				{"unblock", "Unblock", "/customer/unblock", "user_ids", true, "blocked", "yes", ""},
				{"delete", "Delete", "/customer/delete", "user_ids", true, "", "", "The customer's limits go with it. Delete the customer?"},
			},
		},
		{
			name: "budgets", title: "Budgets", one: "budget", about: "A budget has limits that several keys, customers or members can have.",
			path: "/budget/list", id: "budget_id", label: "budget_id",
			columns: []column{
				{"budget_id", "Id", formText, false}, {"max_budget", "Budget", formMoney, false}, {"soft_budget", "Warned at", formMoney, true}, {"budget_duration", "Anew after", formText, false}, {"rpm_limit", "RPM", formNumber, true}, {"tpm_limit", "TPM", formNumber, true},
			},
			fields: append([]field{{"budget_id", "Id", "", formText, nil}, {"soft_budget", "Warn at, USD", "", formNumber, nil}}, limits()[1:]...),
			edits:  append([]string{"soft_budget"}, limited()[1:]...), makes: "/budget/new", edit: "/budget/update",
			acts: []act{{"delete", "Delete", "/budget/delete", "id", false, "", "", "Whoever has this budget has no limit from it any more. Delete it?"}},
		},
		{
			name: "audit", title: "Audit", one: "change", about: "Who has changed what, by the management API or by these pages.",
			path: "/audit", items: "audit_logs", id: "id", label: "id", size: "page_size",
			filters: []field{
				{"start_date", "From", "", formDay, nil},
				{"end_date", "To", "", formDay, nil},
				{"changed_by", "Who", "", formText, nil},
				{"action", "Did", "", formText, []string{"", "created", "updated", "deleted"}},
				{"table_name", "What", "", formText, []string{"", "keys", "users", "teams", "members", "organizations", "customers", "budgets", "tags", "models", "credentials"}},
				{"object_id", "Id", "", formText, nil},
			},
			words: map[string]string{
				"keys": "LiteLLM_VerificationToken", "users": "LiteLLM_UserTable", "teams": "LiteLLM_TeamTable", "members": "LiteLLM_TeamMembership", "organizations": "LiteLLM_OrganizationTable",
				"customers": "LiteLLM_EndUserTable", "budgets": "LiteLLM_BudgetTable", "tags": "LiteLLM_TagTable", "models": "LiteLLM_ProxyModelTable", "credentials": "LiteLLM_CredentialsTable",
			},
			columns: []column{
				{"updated_at", "When", formTime, false}, {"changed_by", "Who", formText, false}, {"action", "Did", formText, false}, {"table_name", "What", formText, true}, {"object_id", "Id", formText, false}, {"endpoint", "By", formText, true},
			},
		},
	} {
		all[t.name] = t
	}
	return all
}

// list shows a list.
func list(name string) func(x *exchange) error {
	return func(x *exchange) error { return x.list(things()[name], http.StatusOK, &listData{}) }
}

// change makes, changes or deletes something.
func change(name string) func(x *exchange) error {
	return func(x *exchange) error { return x.change(things()[name]) }
}
