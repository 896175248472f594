package tenant

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"outcrop/internal/jsonx"
	"outcrop/llm"
	"outcrop/quota"
	"outcrop/store"
)

// document is what LiteLLM's documents of keys, users, teams, members, organisations, customers, budgets and tags
// say that matters to a call. They have these names in common; each kind has some of them.
type document struct {
	KeyName  string           `json:"key_name"`
	KeyAlias string           `json:"key_alias"`
	Blocked  optional[bool]   `json:"blocked"`
	Expires  optional[string] `json:"expires"`

	UserID         string `json:"user_id"`
	TeamID         string `json:"team_id"`
	OrganizationID string `json:"organization_id"`
	ProjectID      string `json:"project_id"`
	BudgetID       string `json:"budget_id"`
	UserRole       string `json:"user_role"`
	UserEmail      string `json:"user_email"`
	TeamAlias      string `json:"team_alias"`

	OrganizationAlias string `json:"organization_alias"`

	Role string `json:"role"` // of a member

	Models        []string          `json:"models"`
	Aliases       map[string]string `json:"aliases"`
	ModelAliases  map[string]string `json:"model_aliases"`
	AllowedRoutes []string          `json:"allowed_routes"`
	KeyType       string            `json:"key_type"`
	CacheControls []string          `json:"allowed_cache_controls"`
	AccessGroups  []string          `json:"access_group_ids"`
	AllowedModels []string          `json:"allowed_models"`  // of a member
	Routing       *Routing          `json:"router_settings"` // of keys and teams

	folded // of members, and of documents that were written by hand

	Metadata folded `json:"metadata"` // where LiteLLM keeps them

	MaxBudget      optional[money]        `json:"max_budget"`
	SoftBudget     optional[money]        `json:"soft_budget"`
	MaxInTeam      optional[money]        `json:"max_budget_in_team"`
	BudgetDuration string                 `json:"budget_duration"`
	ResetAt        optional[string]       `json:"budget_reset_at"` // of one that was taken over
	BudgetLimits   []budgetLimit          `json:"budget_limits"`
	TPM            optional[int64]        `json:"tpm_limit"`
	RPM            optional[int64]        `json:"rpm_limit"`
	Parallel       optional[int64]        `json:"max_parallel_requests"`
	ModelMaxBudget map[string]modelBudget `json:"model_max_budget"`
	MemberBudget   optional[money]        `json:"team_member_budget"`
	MemberDuration string                 `json:"team_member_budget_duration"`
	MemberRPM      optional[int64]        `json:"team_member_rpm_limit"`
	MemberTPM      optional[int64]        `json:"team_member_tpm_limit"`

	// of a key that has been replaced
	Active  string           `json:"active_token_id"`
	Revoked optional[string] `json:"revoke_at"`

	// of an access group
	GroupName     string   `json:"access_group_name"`
	GroupModels   []string `json:"access_model_names"`
	AssignedTeams []string `json:"assigned_team_ids"`
	AssignedKeys  []string `json:"assigned_key_ids"`
}

// folded are the fields that LiteLLM keeps in the metadata (litellm/proxy/_types.py,
// LiteLLM_ManagementEndpoint_MetadataFields).
type folded struct {
	Tags            labels                     `json:"tags"`
	Guardrails      labels                     `json:"guardrails"`
	Policies        labels                     `json:"policies"`
	TempIncrease    optional[money]            `json:"temp_budget_increase"`
	TempExpiry      optional[string]           `json:"temp_budget_expiry"`
	ModelRPM        map[string]optional[int64] `json:"model_rpm_limit"`
	ModelTPM        map[string]optional[int64] `json:"model_tpm_limit"`
	ModelInputTPM   map[string]optional[int64] `json:"model_itpm_limit"` // of projects
	ModelOutputTPM  map[string]optional[int64] `json:"model_otpm_limit"` // of projects
	EstimatedOutput optional[int64]            `json:"default_estimated_output_tokens"`
	Demanded        labels                     `json:"enforced_params"`
	ServiceAccount  present                    `json:"service_account_id"`          // of a key; may be null
	Inactive        denied                     `json:"scim_active"`                 // of a user whom an identity provider has deactivated
	Logging         loggers                    `json:"logging"`                     // of keys and teams
	AlertEmails     addresses                  `json:"soft_budget_alerting_emails"` // of a team
	Priority        name                       `json:"priority"`                    // of a key or a team
	PassAllowed     labels                     `json:"allowed_passthrough_routes"`  // of keys and teams
	PassDenied      labels                     `json:"denied_passthrough_routes"`   // of keys and teams
	Region          name                       `json:"allowed_model_region"`        // of customers, and in the metadata of the others
	Cache           jsonx.Raw                  `json:"cache"`                       // of a key: what requests say in a member of this name
}

// regions are those that calls must not leave.
func (d *document) regions() (all []string) {
	for _, region := range [...]name{d.Region, d.Metadata.Region} {
		if region != "" && !slices.Contains(all, string(region)) {
			all = append(all, string(region))
		}
	}
	return all
}

// name is a text. Clients may have anything else under its name in metadata.
type name string

// UnmarshalJSONFrom receives jsonx's decoder.
func (n *name) UnmarshalJSONFrom(d *jsonx.Decoder) error {
	v, err := d.ReadValue()
	if err != nil {
		return err
	}
	text := ""
	if v.Kind() == '"' && jsonx.Unmarshal(v, &text) == nil {
		*n = name(text)
	}
	return nil
}

// tags are the labels of all calls.
func (d *document) tags() []string { return slices.Concat(d.Tags, d.Metadata.Tags) }

// guardrails name the checks that are in force for all calls.
func (d *document) guardrails() []string {
	return slices.Concat(d.Guardrails, d.Metadata.Guardrails)
}

// policies name the sets of checks that are in force for all calls.
func (d *document) policies() []string { return slices.Concat(d.Policies, d.Metadata.Policies) }

func (d *document) estimated() int64 {
	return cmp.Or(d.EstimatedOutput.Value, d.Metadata.EstimatedOutput.Value)
}

// temporary is what is added to the budget, and until when.
func (d *document) temporary() (more optional[money], until optional[string]) {
	if d.TempIncrease.Set {
		return d.TempIncrease, d.TempExpiry
	}
	return d.Metadata.TempIncrease, d.Metadata.TempExpiry
}

// ofModels are the limits of models, of which the lower one holds if there are two.
func (d *document) ofModels(limits func(f *folded) map[string]optional[int64]) map[string]int64 {
	all := map[string]int64{}
	for _, f := range [...]*folded{&d.folded, &d.Metadata} {
		for model, l := range limits(f) {
			if lower, there := all[model]; l.Set && (!there || l.Value < lower) {
				all[model] = l.Value
			}
		}
	}
	return all
}

// present is whether there is a member, whatever it is.
type present struct{ there bool }

// UnmarshalJSONFrom receives jsonx's decoder.
func (p *present) UnmarshalJSONFrom(d *jsonx.Decoder) error {
	p.there = true
	return d.SkipValue()
}

// labels are words in metadata, where clients may have anything else under the same name.
type labels []string

// UnmarshalJSONFrom receives jsonx's decoder.
func (l *labels) UnmarshalJSONFrom(d *jsonx.Decoder) error {
	v, err := d.ReadValue()
	if err != nil {
		return err
	}
	var words []string
	if v.Kind() == '[' && jsonx.Unmarshal(v, &words) == nil {
		*l = words
	}
	return nil
}

// denied is whether a member is false. Clients may have anything under the name.
type denied bool

// UnmarshalJSONFrom receives jsonx's decoder.
func (f *denied) UnmarshalJSONFrom(d *jsonx.Decoder) error {
	v, err := d.ReadValue()
	*f = string(v) == "false"
	return err
}

// addresses are those that mail goes to: a list, or a text with commas between them. Anything else is none.
type addresses []string

// UnmarshalJSONFrom receives jsonx's decoder.
func (a *addresses) UnmarshalJSONFrom(d *jsonx.Decoder) error {
	v, err := d.ReadValue()
	if err != nil {
		return err
	}
	var words []string
	text := ""
	switch {
	case v.Kind() == '[' && jsonx.Unmarshal(v, &words) != nil:
		words = nil
	case v.Kind() == '"' && jsonx.Unmarshal(v, &text) == nil:
		words = strings.Split(text, ",")
	}
	for _, word := range words {
		if word = strings.TrimSpace(word); word != "" {
			*a = append(*a, word)
		}
	}
	return nil
}

// budgetLimit is one of several budgets of different periods.
type budgetLimit struct {
	MaxBudget money  `json:"max_budget"`
	Duration  string `json:"budget_duration"`
}

// modelBudget is a budget for one model.
type modelBudget struct {
	Limit     optional[money] `json:"budget_limit"`
	MaxBudget optional[money] `json:"max_budget"`
	Period    string          `json:"time_period"`
	Duration  string          `json:"budget_duration"`
}

// money is an amount in US dollars, a number or its text.
type money llm.Cost

// UnmarshalJSONFrom receives jsonx's decoder.
func (m *money) UnmarshalJSONFrom(d *jsonx.Decoder) error {
	v, err := d.ReadValue()
	if err != nil {
		return err
	}
	text := string(v)
	if v.Kind() == '"' {
		if err := jsonx.Unmarshal(v, &text); err != nil {
			return err
		}
	}
	cost, ok := llm.ParseCost(text)
	if dollars, err := strconv.ParseFloat(text, 64); err == nil && dollars > mostDollars {
		cost, ok = llm.ParseCost(strconv.Itoa(mostDollars))
	}
	if !ok {
		return jsonx.Fault("must be an amount in US dollars, not %s", text)
	}
	*m = money(cost)
	return nil
}

// mostDollars is the most that is counted; larger amounts count as this.
const mostDollars = 1_000_000

// optional is a member that may be absent or null.
type optional[T any] struct{ llm.Opt[T] }

// UnmarshalJSONFrom decodes the value; null leaves it unset.
func (o *optional[T]) UnmarshalJSONFrom(d *jsonx.Decoder) error {
	if d.PeekKind() == 'n' {
		return d.SkipValue()
	}
	o.Set = true
	return jsonx.UnmarshalDecode(d, &o.Value)
}

// decode reads an entity's document. A document that cannot be read would be one without limits, so that is an
// error.
func decode(e *store.Entity) (*document, error) {
	doc := &document{}
	if err := jsonx.Unmarshal(e.Doc, doc); err != nil {
		return nil, &unreadableError{e.Kind, e.ID, err}
	}
	return doc, nil
}

// Check says what is wrong with an entity's document, of which a call could not read what limits it.
func Check(e *store.Entity) error {
	_, err := decode(e)
	return err
}

// unreadableError is the error for a document that cannot be read.
type unreadableError struct {
	kind store.Kind
	id   string
	err  error
}

// Error says which document it is.
func (e *unreadableError) Error() string {
	return "the document of the " + string(e.kind) + " " + e.id + ": " + e.err.Error()
}

// Unwrap returns the cause.
func (e *unreadableError) Unwrap() error { return e.err }

// parseTime reads a time as LiteLLM writes it: RFC 3339, or without a zone, which is UTC.
func parseTime(text string) (time.Time, error) {
	for _, layout := range [...]string{time.RFC3339Nano, "2006-01-02T15:04:05.999999999", "2006-01-02 15:04:05.999999999", "2006-01-02 15:04:05.999999999Z07:00", time.DateOnly} {
		if t, err := time.Parse(layout, text); err == nil {
			return t, nil
		}
	}
	return time.Time{}, fmt.Errorf("%s is not a time", strconv.Quote(text))
}

// over fills what a document leaves open from the budget that it refers to.
func (d *document) over(budget *document) {
	if budget == nil {
		return
	}
	for _, pair := range [...]struct{ to, from *optional[int64] }{{&d.TPM, &budget.TPM}, {&d.RPM, &budget.RPM}, {&d.Parallel, &budget.Parallel}} {
		if !pair.to.Set {
			*pair.to = *pair.from
		}
	}
	if !d.MaxBudget.Set && !d.MaxInTeam.Set {
		d.MaxBudget = budget.MaxBudget
	}
	if !d.SoftBudget.Set {
		d.SoftBudget = budget.SoftBudget
	}
	if d.BudgetDuration == "" {
		d.BudgetDuration, d.ResetAt = budget.BudgetDuration, budget.ResetAt
	}
	if len(d.ModelMaxBudget) == 0 {
		d.ModelMaxBudget = budget.ModelMaxBudget
	}
	if len(d.AllowedModels) == 0 {
		d.AllowedModels = budget.AllowedModels
	}
}

// period is the period of a budget; the zero Window if there is none or it cannot be read, which the admin API
// does not let happen: the budget then does not begin anew.
func period(duration string, begun time.Time) quota.Window {
	w, err := quota.ParseWindow(duration, begun)
	if err != nil {
		return quota.Window{}
	}
	return w
}

// period is the period of the document's budget, which ends when LiteLLM's would have for one that was taken over.
func (d *document) period(begun time.Time) quota.Window {
	ends, err := parseTime(d.ResetAt.Value)
	if err != nil {
		return period(d.BudgetDuration, begun)
	}
	w, err := quota.ParseWindowEnding(d.BudgetDuration, begun, ends)
	if err != nil {
		return quota.Window{}
	}
	return w
}
