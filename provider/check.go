package provider

import (
	"context"
	"time"

	"outcrop/llm"
)

// Checker is a Deployment that can say, before a call is made, what would stand
// in its way.
type Checker interface {
	// Identity tells who calls and where. Deployments with an equal who are the same
	// to the provider, so that one of them is examined for the places of all. It
	// says nothing that is secret, and is not for people to read.
	Identity() (who string, places []string)
	// Check makes the checks that cost nothing and reports what each finds, from
	// one goroutine at a time. It returns when all are done or ctx has ended; what
	// was not found out by then is not reported.
	Check(ctx context.Context, e CheckOptions, report func(Finding))
	// Candidates gives model strings that calls can be tried with: all models that
	// can be talked to; or a few that stand for all that Params.Model matches, small
	// ones of several makers, the one most likely to be callable first. There are none
	// if the deployment calls one model whatever the model string says.
	Candidates(all bool) []string
}

// CheckOptions says how far to look.
type CheckOptions struct {
	Locations []string
	// Since is when lists must have been read, or their reading have been tried, to
	// be new enough.
	Since time.Time
	// Timeout bounds each check; the provider's own if 0.
	Timeout time.Duration
	// Brief leaves out what is not worth a call at each start.
	Brief bool
}

// Check names what was looked at.
type Check string

// Checks. CheckWhole and CheckStream are calls of a model; the others cost
// nothing.
const (
	CheckIdentity Check = "identity" // who the credentials are to the provider
	CheckLists    Check = "lists"    // one operation that lists or describes models
	CheckClock    Check = "clock"    // this machine's time beside the provider's
	CheckEndpoint Check = "endpoint" // which host is called, and whether it answers
	CheckNetwork  Check = "network"  // the way to that host: a proxy, a private address
	CheckModel    Check = "model"    // a name that calls may use
	CheckWhole    Check = "whole"    // a whole answer of a model's
	CheckStream   Check = "stream"   // a streamed one
)

// State says how a check went.
type State string

// States. StateWarn is of what calls may well do without.
const (
	StateOK      State = "ok"
	StateWarn    State = "warn"
	StateFail    State = "fail"
	StateSkipped State = "skipped" // it was not made, and Detail says why
)

// Finding is what one check found. What does not bear on the check is zero.
type Finding struct {
	Check Check
	// Subject is what was looked at: an operation, a service, a model's name.
	Subject string
	// Location is such as a region.
	Location string
	State    State
	// Detail says in a sentence what was found. Of a failure Err says it.
	Detail string
	// Fix is the next step where there is no Err to say it; empty if none is needed.
	Fix string
	Err *llm.Error
	// Target is where a call of a model went.
	Target llm.Destination
	Took   time.Duration
	// Cost is what a call cost, where that is known.
	Cost llm.Opt[llm.Cost]
	// Count is how many of what an operation lists there are.
	Count int
	// Address is what CheckEndpoint has looked at where it is not the provider's own, and
	// Setting what names it.
	Address, Setting string
	// Identity is that of CheckIdentity, as far as it is known.
	Identity Identity
	// Ours and Theirs are the two times of CheckClock.
	Ours, Theirs time.Time
}

// Identity is who calls, and with what. It holds no secret.
type Identity struct {
	// Account and Principal are the provider's names for who calls, such as an
	// account number and an ARN.
	Account, Principal string
	// Credential is the kind of credential.
	Credential Credential
	// Key is the public part of a credential, such as an access key id.
	Key string
	// Origin says in words where the credential comes from.
	Origin string
	// Expires is when it runs out; zero if never, or if that cannot be told.
	Expires time.Time
	// Location is the only place where it is taken; empty if there is no such limit, or
	// if that cannot be told.
	Location string
}

// Credential is a kind of credential.
type Credential string

// Kinds of credential.
const (
	CredentialUnknown   Credential = ""
	CredentialKey       Credential = "access_key"         // a key pair that lasts
	CredentialSession   Credential = "session"            // a key pair with a session token
	CredentialAPIKey    Credential = "api_key"            // an API key that lasts
	CredentialShortTerm Credential = "api_key_short_term" // one that was derived from a session
)
