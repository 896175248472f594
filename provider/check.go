package provider

import (
	"context"
	"time"

	"outcrop/llm"
)

// Checker is a Deployment that can diagnose problems before a call is made.
type Checker interface {
	// Identity returns an opaque key of the calling identity, and the locations of calls.
	// Deployments with the same key are the same to the provider, so one check covers the locations
	// of all. The key contains no secret and is not for display.
	Identity() (who string, places []string)
	// Check runs the checks that are free of charge and reports each finding, from one goroutine at
	// a time. It returns when all are done or ctx ends; checks that have not finished by then are
	// not reported.
	Check(ctx context.Context, e CheckOptions, report func(Finding))
	// Candidates returns model strings for test calls: all models that Lister.Models would return, or
	// a few that represent all that Params.Model matches: small chat models of several makers, the one
	// most likely to be callable first. It returns none if the deployment always calls the same model.
	Candidates(all bool) []string
}

// CheckOptions control the extent of a check.
type CheckOptions struct {
	Locations []string
	// Since is the time after which lists must have been read, or attempted, to be reused.
	Since time.Time
	// Timeout bounds each check; the provider's own if 0.
	Timeout time.Duration
	// Brief skips checks that are not worth running at every start.
	Brief bool
}

// Check names a check.
type Check string

// Checks. CheckWhole and CheckStream call a model; the others are free of charge.
const (
	CheckIdentity Check = "identity" // who the credentials are to the provider
	CheckLists    Check = "lists"    // one operation that lists or describes models
	CheckClock    Check = "clock"    // this machine's time compared with the provider's
	CheckEndpoint Check = "endpoint" // which host is called, and whether it responds
	CheckNetwork  Check = "network"  // the route to that host: a proxy, a private address
	CheckModel    Check = "model"    // a name that calls may use
	CheckWhole    Check = "whole"    // a non-streaming call of a model
	CheckStream   Check = "stream"   // a streaming call of a model
)

// State is the outcome of a check.
type State string

// States. StateWarn is for problems that calls may work despite.
const (
	StateOK      State = "ok"
	StateWarn    State = "warn"
	StateFail    State = "fail"
	StateSkipped State = "skipped" // the check was not made; Detail says why
)

// SubjectCredentials is the subject of CheckIdentity of a provider whose credentials are those of a whole
// platform, AWS. Other providers' is their name.
const SubjectCredentials = "credentials"

// Finding is the result of one check. Fields that do not apply are zero.
type Finding struct {
	Check Check
	// Subject is what was checked: an operation, a service, a model name.
	Subject string
	// Location is, for example, a region.
	Location string
	State    State
	// Detail describes the result in one sentence; for failures, Err does.
	Detail string
	// Fix is the next step if Err is nil; empty if none is needed.
	Fix string
	Err *llm.Error
	// Target is where the model call went.
	Target llm.Destination
	Took   time.Duration
	// Cost is the cost of the call, if known.
	Cost llm.Opt[llm.Cost]
	// Count is the number of listed items.
	Count int
	// Address is the endpoint of CheckEndpoint if it is not the provider's default, and Setting the
	// setting it comes from.
	Address, Setting string
	// Identity is the result of CheckIdentity, as far as it is known.
	Identity Identity
	// Ours and Theirs are the local and the provider's time of CheckClock.
	Ours, Theirs time.Time
}

// Identity is the calling identity and its credential. It contains no secret.
type Identity struct {
	// Account and Principal are the provider's names of the identity, such as an account number and
	// an ARN.
	Account, Principal string
	// Credential is the kind of credential.
	Credential Credential
	// Key is the public part of a credential, such as an access key id.
	Key string
	// Origin describes where the credential comes from.
	Origin string
	// Expires is when it expires; zero if never or unknown.
	Expires time.Time
	// Location is the only location where it is valid; empty if unrestricted or unknown.
	Location string
}

// Credential is a kind of credential.
type Credential string

// Kinds of credential.
const (
	CredentialUnknown   Credential = ""
	CredentialKey       Credential = "access_key"         // a long-term key pair
	CredentialSession   Credential = "session"            // a key pair with a session token
	CredentialAPIKey    Credential = "api_key"            // a long-term API key
	CredentialShortTerm Credential = "api_key_short_term" // an API key derived from a session
)
