// Package alert tells people what they have to know: that a budget is used up, that calls fail or are slow, that a
// model ends, that a key was made. Alerts go to Slack, to a webhook and by mail, in the form of LiteLLM 1.110.2
// (litellm/integrations/SlackAlerting), and never hold up what they are about.
package alert

import "slices"

// Type is what an alert is about, in LiteLLM's words (litellm/types/integrations/slack_alerting.py, AlertType).
type Type string

// Types of alerts.
const (
	LLMExceptions Type = "llm_exceptions"
	LLMTooSlow    Type = "llm_too_slow"
	NoCost        Type = "failed_tracking_spend"
	BudgetAlerts  Type = "budget_alerts"
	DBExceptions  Type = "db_exceptions"
	OutageAlerts  Type = "outage_alerts"
	RegionOutages Type = "region_outage_alerts"
	ModelAdded    Type = "new_model_added"

	DailyReports    Type = "daily_reports"
	FallbackReports Type = "fallback_reports"
	Deprecations    Type = "model_deprecation_warnings"

	SpendReports   Type = "spend_reports"
	UserThresholds Type = "user_spend_thresholds"
	UserAnomalies  Type = "user_spend_anomalies"

	KeyCreated  Type = "new_virtual_key_created"
	KeyUpdated  Type = "virtual_key_updated"
	KeyDeleted  Type = "virtual_key_deleted"
	TeamCreated Type = "new_team_created"
	TeamUpdated Type = "team_updated"
	TeamDeleted Type = "team_deleted"
	UserCreated Type = "new_internal_user_created"
	UserUpdated Type = "internal_user_updated"
	UserDeleted Type = "internal_user_deleted"
)

// Defaults are the types that are sent if the operator names none: those of LiteLLM that exist here.
func Defaults() []Type {
	return []Type{
		LLMExceptions, LLMTooSlow, BudgetAlerts, SpendReports, NoCost, UserThresholds, DBExceptions, DailyReports, ModelAdded, Deprecations, OutageAlerts, RegionOutages,
		FallbackReports,
	}
}

// Known are all types.
func Known() []Type {
	return append(Defaults(), UserAnomalies, KeyCreated, KeyUpdated, KeyDeleted, TeamCreated, TeamUpdated, TeamDeleted, UserCreated, UserUpdated, UserDeleted)
}

// Elsewhere are LiteLLM's types that are never sent, and why.
func Elsewhere() map[Type]string {
	return map[Type]string{
		"llm_requests_hanging":         "calls that hang end by their timeout, and are told of as llm_exceptions",
		"cooldown_deployment":          "LiteLLM 1.110.2 sends none either; outage_alerts tells of deployments that fail",
		"mcp_tool_description_blocked": "there are no MCP servers behind the gateway",
		"mcp_pinned_tools_changed":     "there are no MCP servers behind the gateway",
	}
}

// IsKnown reports whether there is a type.
func IsKnown(t Type) bool { return slices.Contains(Known(), t) }

// Level is how much an alert matters, in LiteLLM's words.
type Level string

// Levels.
const (
	Low    Level = "Low"
	Medium Level = "Medium"
	High   Level = "High"
)

// Alert is a message.
type Alert struct {
	Type  Type
	Level Level
	// Text is the message, in Slack's markup.
	Text string
	// Model is the configured name that it is about; empty if it is about none. Alerts of one type and model are gathered together.
	Model string
	// Event is what the webhook and the mail are about; nil for an alert that only Slack gets.
	Event *Event
}

// Sink takes alerts; *Sender is one. It does not block.
type Sink interface {
	Send(a Alert)
}
