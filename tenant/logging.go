package tenant

import (
	"outcrop/internal/jsonx"
	"outcrop/llm"
	"outcrop/telemetry"
)

// loggers are the callbacks of a key or a team, metadata.logging. As in LiteLLM (litellm_pre_call_utils.py,
// get_validated_callback_metadata, 1.110.2), what is no list of callbacks is none.
type loggers []telemetry.Callback

// maxLoggers bounds the callbacks of one key or team (litellm/constants.py, LITELLM_MAX_CALLBACKS).
const maxLoggers = 100

// UnmarshalJSONFrom receives jsonx's decoder.
func (l *loggers) UnmarshalJSONFrom(d *jsonx.Decoder) error {
	v, err := d.ReadValue()
	if err != nil || v.Kind() != '[' {
		return err
	}
	var entries []jsonx.Raw
	if jsonx.Unmarshal(v, &entries) != nil {
		return nil //nolint:nilerr // it is no list of callbacks
	}
	for _, entry := range entries {
		if c, ok := readLogger(entry); ok && len(*l) < maxLoggers {
			*l = append(*l, c)
		}
	}
	return nil
}

// readLogger reads an entry of metadata.logging; false if it is none.
func readLogger(entry jsonx.Raw) (c telemetry.Callback, ok bool) {
	var e struct {
		Name string               `json:"callback_name"`
		Type optional[string]     `json:"callback_type"`
		Vars map[string]jsonx.Raw `json:"callback_vars"`
		Rest jsonx.Raw            `json:",embed"`
	}
	if entry.Kind() != '{' || jsonx.Unmarshal(entry, &e) != nil || e.Name == "" {
		return c, false
	}
	c = telemetry.Callback{Name: e.Name, Vars: map[string]string{}}
	switch e.Type.Value {
	case "success":
		c.Success = true
	case "failure":
		c.Failure = true
	case "", "success_and_failure":
		c.Success, c.Failure = true, true
	default:
		return c, false
	}
	for name, value := range e.Vars {
		var text string
		if jsonx.Unmarshal(value, &text) != nil {
			text = string(value) // a number or a boolean
		}
		c.Vars[name] = text
	}
	return c, true
}

// logging are the callbacks that a document has; nil for none.
func (d *document) logging() *telemetry.Logging {
	all := d.Metadata.Logging
	if len(all) == 0 {
		all = d.Logging
	}
	if len(all) == 0 {
		return nil
	}
	return &telemetry.Logging{Callbacks: all}
}

// loggingOf are the callbacks of a key in a team: as in LiteLLM the key's own, or else the team's.
func loggingOf(key, team *telemetry.Logging) *telemetry.Logging {
	if key != nil {
		return key
	}
	return team
}

// Logging reports whether the caller has callbacks of its own.
func (c *Caller) Logging() bool { return c.logging != nil }

// Who is what records of calls say of the caller. customer and tags are those of the call.
func (c *Caller) Who(customer string, tags []string) telemetry.Who {
	who := telemetry.Who{
		KeyHash: c.Hash, KeyAlias: c.Alias, UserID: c.UserID, UserEmail: c.UserEmail, TeamID: c.TeamID, TeamAlias: c.TeamAlias,
		OrganizationID: c.OrganizationID, OrganizationAlias: c.OrganizationAlias, Customer: customer, Tags: c.TagsOf(tags, nil), Logging: c.logging,
	}
	if c.customer != "" {
		who.Customer = c.customer
	}
	if c.Master() {
		who.KeyHash, who.KeyAlias = telemetry.MasterKey, ""
	}
	who.Customer = llm.Clip(who.Customer, maxCustomer)
	return who
}

// maxCustomer bounds the name of a customer in records, in bytes: clients choose it.
const maxCustomer = 256
