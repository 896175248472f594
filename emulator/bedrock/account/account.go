// Package account defines the set-up of an emulated AWS account: its users and roles
// with their policies, the organization above it, and other conditions for access to a
// model. The set-up is parsed from JSON and checked here; package bedrock implements
// it.
package account

import (
	"time"

	"outcrop/emulator/bedrock/policy"
)

// Secret is a string that is redacted when printed.
type Secret string

// String returns a placeholder.
func (Secret) String() string { return "[redacted]" }

// GoString returns a placeholder.
func (Secret) GoString() string { return "[redacted]" }

// MarshalText returns a placeholder, for JSON and logs.
func (Secret) MarshalText() ([]byte, error) { return []byte("[redacted]"), nil }

// Setup describes an account. The zero value has no principals, no organization and
// full access. It must not be changed once an emulator has it.
type Setup struct {
	Users []User `json:"users"`
	Roles []Role `json:"roles"`
	// Organization is the organization of the account; nil for none.
	Organization *Organization `json:"organization"`
	// ResourcePolicies are resource-based policies of the account.
	ResourcePolicies []*policy.Policy `json:"resourcePolicies"`
	// Endpoints are policies of VPC endpoints by the endpoint's id, such as
	// vpce-0a1b2c3d. Endpoints not listed here have AWS's default policy of full access.
	Endpoints map[string]*policy.Policy `json:"endpoints"`
	// Endpoint is the id of the VPC endpoint for calls to a host that names none; empty
	// for the public endpoint.
	Endpoint string `json:"endpoint"`
	// NotAuthorized makes every call to a model fail with "Your account is not
	// authorized to invoke this API operation."
	NotAuthorized bool `json:"notAuthorized"`
	// UseCase is Submitted or Missing: Anthropic's form of use case details,
	// which PutUseCaseForModelAccess submits. Empty is Submitted.
	UseCase string `json:"useCase"`
	// DataRetention is the account's mode of data retention, which
	// PutAccountDataRetention changes; empty is inherit, which counts as default.
	DataRetention string `json:"dataRetention"`
	// SubscriptionTakes is how long a Marketplace subscription is pending before
	// it is active; at once if zero.
	SubscriptionTakes Duration `json:"subscriptionTakes"`
	// Models have the properties of single models. The first that matches a model
	// applies.
	Models []Model `json:"models"`
}

// Values of UseCase.
const (
	Submitted = "submitted"
	Missing   = "missing"
)

// Values of DataRetention: shape DataRetentionMode of the service model, and aws_review
// from public reports.
const (
	RetentionDefault   = "default"
	RetentionNone      = "none"
	RetentionShare     = "provider_data_share"
	RetentionInherit   = "inherit"
	RetentionAWSReview = "aws_review"
)

// Principal has the common properties of users and roles.
type Principal struct {
	// Name is the last part of the ARN, after Path, which defaults to /.
	Name string `json:"name"`
	Path string `json:"path"`
	// Policies are its identity-based policies, and Boundary its permissions
	// boundary; nil for none.
	Policies []*policy.Policy `json:"policies"`
	Boundary *policy.Policy   `json:"boundary"`
	// Keys are its access keys. Those of a role are sessions of it.
	Keys []Key `json:"keys"`
}

// User is an IAM user.
type User struct {
	Principal

	// APIKeys are its long-term Bedrock API keys.
	APIKeys []Secret `json:"apiKeys"`
}

// Role is an IAM role.
type Role struct {
	Principal

	// ExternalID is required for assuming the role; empty if none is required.
	ExternalID string `json:"externalId"`
}

// Key is an access key of a user, or one of a session of a role.
type Key struct {
	AccessKeyID     string `json:"accessKeyId"`
	SecretAccessKey Secret `json:"secretAccessKey"`
	// SessionToken is required with the signature; empty for a user's key.
	SessionToken Secret `json:"sessionToken"`
	// Session is the name of a role's session; "emulated" if empty.
	Session string `json:"session"`
	// Policy is the session policy; nil for none.
	Policy *policy.Policy `json:"policy"`
}

// Organization is the AWS organization that the account is a member of.
type Organization struct {
	// ID is the id of the organization, such as o-exampleorgid.
	ID string `json:"id"`
	// ManagementAccount is the account that owns its policies.
	ManagementAccount string `json:"managementAccount"`
	// Levels have the service control policies of the root, of each unit below
	// and of the account, in this order.
	Levels [][]Control `json:"levels"`
	// OldWords omits the policy's ARN from refusals, as AWS did until 2026.
	OldWords bool `json:"oldWords"`
}

// Control is a service control policy.
type Control struct {
	// ID has the form p-examplepolicyid.
	ID     string         `json:"id"`
	Policy *policy.Policy `json:"policy"`
}

// Model holds the special properties of some models.
type Model struct {
	// Model is the id of a foundation model, with * for any characters and ? for one.
	Model string `json:"model"`
	// Access is Granted or NotGranted; empty is Granted.
	Access string `json:"access"`
	// Subscription is Active, None, Pending (for ever) or Failed: the subscription on
	// AWS Marketplace. Empty is Active. Models that are not sold there need none.
	Subscription string `json:"subscription"`
	// Lifecycle is Idle, for a legacy model that the account does not use, or
	// Ended; empty for neither.
	Lifecycle string `json:"lifecycle"`
	// Retention are the modes of data retention that the model is available
	// under; empty for any.
	Retention []string `json:"retention"`
	// Quota limits calls of each model in each region; nil for no limit.
	Quota *Quota `json:"quota"`
}

// Values of Access, Subscription and Lifecycle.
const (
	Granted    = "granted"
	NotGranted = "notGranted"
	Active     = "active"
	None       = "none"
	Pending    = "pending"
	Failed     = "failed"
	Idle       = "idle"
	Ended      = "ended"
)

// Quota limits the calls of a model. A nil limit means no limit.
type Quota struct {
	RequestsPerMinute *int64 `json:"requestsPerMinute"`
	TokensPerMinute   *int64 `json:"tokensPerMinute"`
	TokensPerDay      *int64 `json:"tokensPerDay"`
	// Exceeded refuses every call with ServiceQuotaExceededException.
	Exceeded bool `json:"exceeded"`
}

// Duration is a time.Duration written in JSON as text such as 2m.
type Duration time.Duration
