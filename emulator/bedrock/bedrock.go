// Package bedrock is a strict local AWS Bedrock: an http.Handler that verifies
// credentials, lists models and inference profiles, answers Converse and
// ConverseStream, InvokeModel with the bodies of each maker, CountTokens and other
// operations in AWS's own words and frames, and fails on demand.
//
// It serves the runtime, the agent runtime, the control plane, OpenAI's APIs of the runtime and of
// bedrock-mantle, and STS from one address. The path of a request determines the service, and for OpenAI's
// APIs the Host or the signature; its region is the one in the Host, or
// else in the signature. A simulated model (package model) makes the answers, the same
// for the same request; faults are scripted (package fault).
package bedrock

import (
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"outcrop/emulator/bedrock/account"
	"outcrop/emulator/bedrock/catalogue"
	"outcrop/emulator/bedrock/fault"
	"outcrop/emulator/bedrock/model"
	"outcrop/emulator/bedrock/policy"
)

// The account, key pair and API key that an Emulator accepts if Options have none. They
// are invented and give no access to AWS.
const (
	DemoAccount         = "123456789012"
	DemoAccessKeyID     = "AKIDEXAMPLE"
	DemoSecretAccessKey = Secret("wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY")
	DemoAPIKey          = Secret("ABSKQmVkcm9ja0FQSUtleS1FWEFNUExF")
)

// maxBody is the maximum size of a request body in bytes: the service model's limit for
// the body of InvokeModel.
const maxBody = 25_000_000

// Key is a key pair that the emulator accepts in signatures.
type Key struct {
	AccessKeyID     string
	SecretAccessKey Secret
	// SessionToken is required with the signature; empty for a long-term key.
	SessionToken Secret
	// Principal is the ARN behind the key; empty for a user named demo in the account.
	Principal string
	// Expires is when the key stops working; zero for never.
	Expires time.Time
}

// credential is a key with its owner.
type credential struct {
	Key

	session *policy.Policy // limits a role's session; nil if nothing does
}

// Role is a role that can be assumed by AssumeRole.
type Role struct {
	ARN string
	// ExternalID is required for assuming the role; empty if none is required.
	ExternalID string
}

// ApplicationProfile is an application inference profile of the account.
type ApplicationProfile struct {
	// ID is the last part of its ARN, 12 lower-case letters and digits at AWS.
	ID, Name, Region string
	// Source is the id of the foundation model or system-defined profile that it was
	// created from.
	Source string
}

// Options configure what an Emulator accepts and how it behaves. The zero value is an
// account with the demo credentials.
type Options struct {
	// Account is the account id, 12 digits; DemoAccount if empty.
	Account string
	// Keys and APIKeys are the accepted credentials. If both are empty, the demo
	// credentials are accepted.
	Keys    []Key
	APIKeys []Secret
	// AnyCredentials accepts every signature and API key without verifying it; a request
	// without any is still refused.
	AnyCredentials bool
	// Roles are the roles that can be assumed; empty means every role of the account.
	Roles []Role
	// Region serves requests whose Host and signature name none; us-east-1 if empty.
	Region string
	// Profiles are the account's application inference profiles.
	Profiles []ApplicationProfile
	// Provisioned, Deployments and Imported are models of the account that are
	// called by their ARN.
	Provisioned []ProvisionedModel
	Deployments []CustomModelDeployment
	Imported    []ImportedModel
	// Catalogue has the initial models and profiles; catalogue.Default() if nil.
	// SetCatalogue replaces it.
	Catalogue *catalogue.Catalogue
	// Setup has the account's permissions; nil allows everybody everything. SetAccount
	// replaces it.
	Setup *account.Setup
	// Access has the answers of GetFoundationModelAvailability by model id, which take
	// precedence over Setup. It does not affect calls of models.
	Access map[string]Access
	// Broken are ids of inference profiles that are listed but refused when called, like
	// an invalid identifier.
	Broken []string
	// PageSize is the maximum number of profiles in a page of ListInferenceProfiles,
	// whatever the request asks for; 0 for 1000, AWS's own limit.
	PageSize int
	// GuardrailWords are the words that guardrails block; "blockedword" alone if nil.
	GuardrailWords []string
	// AsyncTakes is how long a job of StartAsyncInvoke is in progress; if zero, it is
	// completed at once.
	AsyncTakes time.Duration
	// Faults are faults to inject, as in fault.NewScript. Calls in which no model answers
	// get only those for their operation.
	Faults []fault.Fault
	// Recordings is a folder of recorded exchanges, one per file; a request that equals
	// a recorded one gets the recorded answer. Empty for none.
	Recordings string
	// StrictRecordings refuses, with status 409, requests to the runtime without a
	// recording.
	StrictRecordings bool
	// Seed varies what is otherwise the same in every run: request ids, how streams are
	// divided, padding, signatures of reasoning.
	Seed uint64
	// Now is the clock for signatures, sessions and caches; time.Now if nil.
	Now func() time.Time
	// Log gets one line per request at level debug; nil disables logging.
	Log *slog.Logger
}

// Emulator is a local Bedrock. It is safe for concurrent use and starts no goroutines.
type Emulator struct {
	options   Options
	catalogue atomic.Pointer[catalogue.Catalogue]
	changing  sync.Mutex // held while the catalogue is being changed
	state     atomic.Pointer[state]
	// authorizations are those of the last call; nil if there are none.
	authorizations atomic.Pointer[[]Authorization]
	ids            *ids
	sessions       *sessions
	model          *model.Model
	cache          *model.Cache
	script         *fault.Script
	resources      []resource
	jobs           *jobs
	// recordings is nil if there are none.
	recordings *recordings
}

// New creates an emulator. It fails if the options contradict themselves.
func New(o Options) (*Emulator, error) {
	if o.Account == "" {
		o.Account = DemoAccount
	}
	if !isAccount(o.Account) {
		return nil, fmt.Errorf("account %q is not 12 digits", o.Account)
	}
	if o.Region == "" {
		o.Region = "us-east-1"
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.GuardrailWords == nil {
		o.GuardrailWords = []string{"blockedword"}
	}
	if len(o.Keys) == 0 && len(o.APIKeys) == 0 {
		o.Keys = []Key{{AccessKeyID: DemoAccessKeyID, SecretAccessKey: DemoSecretAccessKey}}
		o.APIKeys = []Secret{DemoAPIKey}
	}
	e := &Emulator{
		options: o, ids: newIDs(o.Seed), sessions: newSessions(),
		jobs: newJobs(), model: model.New(o.Seed), cache: model.NewCache(), script: fault.NewScript(o.Faults, o.Seed),
	}
	models := o.Catalogue
	if models == nil {
		var err error
		if models, err = catalogue.Default(); err != nil {
			return nil, err
		}
	}
	e.catalogue.Store(models)
	if !models.HasRegion(o.Region) {
		return nil, fmt.Errorf("region %q is not in the catalogue", o.Region)
	}
	if o.Recordings != "" {
		var err error
		if e.recordings, err = loadRecordings(o.Recordings); err != nil {
			return nil, err
		}
	}
	if o.StrictRecordings && e.recordings == nil {
		return nil, errors.New("StrictRecordings requires a folder in Recordings")
	}
	if err := e.SetAccount(o.Setup); err != nil {
		return nil, fmt.Errorf("set-up of the account: %w", err)
	}
	for _, p := range o.Profiles {
		if _, err := applicationSource(models, p); err != nil {
			return nil, fmt.Errorf("application inference profile %q: %w", p.ID, err)
		}
	}
	var err error
	if e.resources, err = e.resourcesOf(models); err != nil {
		return nil, err
	}
	for id, a := range o.Access {
		if err := a.check(); err != nil {
			return nil, fmt.Errorf("access to model %q: %w", id, err)
		}
	}
	if o.PageSize < 0 || o.PageSize > maxPage {
		return nil, fmt.Errorf("page size %d is not between 0 and %d", o.PageSize, maxPage)
	}
	for _, f := range o.Faults {
		if f.Operation != "" && !slices.Contains(fault.Operations(), f.Operation) {
			return nil, fmt.Errorf("fault of operation %q: there are %s", f.Operation, strings.Join(fault.Operations(), ", "))
		}
	}
	return e, nil
}

// Catalogue returns the present catalogue.
func (e *Emulator) Catalogue() *catalogue.Catalogue { return e.catalogue.Load() }

// SetCatalogue replaces the models and profiles by c, which must not be nil, as at a
// launch; With and Without of Catalogue create one. Calls in progress keep the
// catalogue that they started with. Application profiles whose source is gone are not
// listed, and models of the account whose foundation model is gone cannot be called.
func (e *Emulator) SetCatalogue(c *catalogue.Catalogue) {
	e.changing.Lock()
	defer e.changing.Unlock()
	e.catalogue.Store(c)
}

// changeCatalogue replaces the catalogue by the result of change; changes are
// serialized.
func (e *Emulator) changeCatalogue(change func(*catalogue.Catalogue) (*catalogue.Catalogue, error)) error {
	e.changing.Lock()
	defer e.changing.Unlock()
	next, err := change(e.catalogue.Load())
	if err == nil {
		e.catalogue.Store(next)
	}
	return err
}

func isAccount(s string) bool {
	return len(s) == 12 && strings.Trim(s, "0123456789") == ""
}

// call is one request being served.
type call struct {
	http.ResponseWriter
	request   *http.Request
	catalogue *catalogue.Catalogue // the one that the call started with
	state     *state               // likewise
	id        string
	operation operation
	// parameter is the decoded variable part of the path: a model or profile.
	parameter string
	region    string
	// principal is the ARN of the caller, and session the policy that limits a role's
	// session.
	principal string
	session   *policy.Policy
	// bearer is the kind of API key of the call, as in bedrock:BearerTokenType; empty
	// for a signature.
	bearer string
	// endpoint is the id of the VPC endpoint that the call came through; empty for
	// the public one.
	endpoint       string
	authorizations []Authorization
	body           []byte
	// fault is the fault in the answer of a call to the control plane.
	fault fault.Fault
}

// ServeHTTP answers one request to the runtime, the control plane or STS.
func (e *Emulator) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	c := &call{ResponseWriter: w, request: r, catalogue: e.catalogue.Load(), state: e.state.Load(), id: e.ids.uuid()}
	w.Header().Set("x-amzn-RequestId", c.id)
	err := e.serve(c)
	e.options.Log.Debug("emulated bedrock request", "method", r.Method, "path", r.URL.EscapedPath(),
		"operation", c.operation.name, "region", c.region, "requestID", c.id, "error", err)
	if err != nil {
		c.refuse(err)
	}
}

func (e *Emulator) serve(c *call) error {
	var err error
	if c.body, err = readBody(c); err != nil {
		return err
	}
	if strings.HasPrefix(c.request.URL.EscapedPath(), adminPrefix) {
		return e.administer(c)
	}
	if c.operation, c.parameter, err = route(c.request, c.body); err != nil {
		return err
	}
	e.place(c)
	if err = e.authenticate(c); err != nil {
		return err
	}
	if err = e.authorize(c); err != nil {
		return err
	}
	if e.recordings != nil {
		if r := e.recordings.find(c.request, c.body); r != nil {
			return c.replay(r)
		}
		if e.options.StrictRecordings && c.operation.service == serviceRuntime {
			return unrecorded(c.request)
		}
	}
	if c.operation.service == serviceControl {
		if err := e.failControl(c); err != nil {
			return err
		}
	}
	return c.operation.serve(e, c)
}

// service names one of the services.
type service string

const (
	serviceRuntime service = "bedrock-runtime"
	serviceAgent   service = "bedrock-agent-runtime"
	serviceControl service = "bedrock"
	serviceSTS     service = "sts"
	serviceMantle  service = "bedrock-mantle"
)

// scope returns the service's name in the scope of a signature.
func (s service) scope() string {
	if s == serviceSTS || s == serviceMantle {
		return string(s)
	}
	return "bedrock"
}

// operation is one operation of a service.
type operation struct {
	name    string
	service service
	serve   func(*Emulator, *call) error
	// resource is the kind of ARN that a policy must allow the operation on,
	// such as inference-profile; empty for an operation on none.
	resource string
}

// writeJSON answers 200 with a body, as far as the call's fault allows.
func (c *call) writeJSON(body []byte) error { return c.writeWhole(body, c.fault) }

// errGone reports that the client has disconnected, so that no refusal needs to be
// written.
var errGone = errors.New("the client has gone")

func ignoreGone(err error) error {
	if err != nil {
		return fmt.Errorf("%w: %w", errGone, err)
	}
	return nil
}
