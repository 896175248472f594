package store

import (
	"time"

	"outcrop/quota"
)

// Row is a call in the spend log. The fields are those of LiteLLM's table LiteLLM_SpendLogs.
type Row struct {
	RequestID string    `json:"request_id"`
	CallType  string    `json:"call_type"`
	Key       string    `json:"api_key"` // the key's hash
	KeyAlias  string    `json:"key_alias,omitzero"`
	Cost      int64     `json:"cost"` // in 10⁻¹² USD
	Start     time.Time `json:"start"`
	// First is when the first content of a stream came; the zero time otherwise.
	First      time.Time `json:"first,omitzero"`
	End        time.Time `json:"end"`
	Model      string    `json:"model"`
	Deployment string    `json:"model_id,omitzero"`
	Group      string    `json:"model_group,omitzero"`
	Provider   string    `json:"provider,omitzero"`

	User         string   `json:"user,omitzero"`
	Customer     string   `json:"end_user,omitzero"`
	Team         string   `json:"team_id,omitzero"`
	Organization string   `json:"organization_id,omitzero"`
	Tags         []string `json:"request_tags,omitzero"`
	Session      string   `json:"session_id,omitzero"`
	Address      string   `json:"requester_ip_address,omitzero"`

	// Input and Output are tokens; Input includes CacheRead and CacheWrite.
	Input      int64 `json:"prompt_tokens"`
	Output     int64 `json:"completion_tokens"`
	CacheRead  int64 `json:"cache_read,omitzero"`
	CacheWrite int64 `json:"cache_write,omitzero"`
	// Status is the HTTP status, and Code the error's code; empty for success.
	Status int    `json:"status"`
	Code   string `json:"code,omitzero"`
	// Metadata is a JSON object with everything else; empty for none.
	Metadata []byte `json:"metadata,omitzero"`

	// Charges are the counters of money that the call counts for.
	Charges []Charge `json:"charges,omitzero"`

	// Cached is whether the response cache has answered the call, so that these tokens cost nothing.
	Cached bool `json:"cache_hit,omitzero"`
	// Region is where the provider has answered the call; empty if it has no regions.
	Region string `json:"region,omitzero"`
}

// Charge is what a call has cost one counter.
type Charge struct {
	Counter string `json:"counter"`
	// Units are the cost in 10⁻¹² USD.
	Units int64 `json:"units"`
	// Taken are the units of it that come out of the replica's share of Period. The posting takes them from
	// the share; the rest was not reserved.
	Taken  int64 `json:"taken,omitzero"`
	Period int64 `json:"period,omitzero"`
	// Window is when the counter begins anew, for a counter that does not exist yet.
	Window quota.Window `json:"window,omitzero"`
}

// SpendCounter is the id of the counter of the money that an entity has spent in its budget's period.
func SpendCounter(kind Kind, id string) string { return string(kind) + ":" + id + "/spend" }
