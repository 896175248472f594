package e2e

import (
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	emulator "outcrop/emulator/bedrock"
	setup "outcrop/emulator/bedrock/account"
	"outcrop/emulator/bedrock/policy"
	"outcrop/internal/jsonx"
)

// Set-ups of an account in which one requirement of a call is missing or forbidden. The
// requirements are written here from AWS's pages on inference profiles, independently
// of the gateway under test.

const (
	region     = "us-east-1"
	ownProfile = "granite1rock"
	endpointID = "vpce-0a1b2c3d4e5f67890"
	userKey    = "ABSKZS5nLiBhIGtleSBmb3IgdGVzdHM="

	invokeAction = "bedrock:InvokeModel"
	streamAction = "bedrock:InvokeModelWithResponseStream"
	bearerAction = "bedrock:CallWithBearerToken"
	profileKey   = "bedrock:InferenceProfileArn"
)

// callForm is a form of call.
type callForm struct {
	profile string // geography, global or application
	stream  bool
	apiKey  bool
}

func (f callForm) String() string {
	return f.profile + ", " + form(f.stream) + ", " + map[bool]string{false: "SigV4", true: "API key"}[f.apiKey]
}

func (f callForm) action() string {
	if f.stream {
		return streamAction
	}
	return invokeAction
}

// id is the id sent to AWS, and arn the name that IAM has for it.
func (f callForm) id() string {
	switch f.profile {
	case "geography":
		return "us." + sonnet45
	case "global":
		return "global." + sonnet45
	default:
		return f.arn()
	}
}

func (f callForm) arn() string {
	switch f.profile {
	case "geography", "global":
		return accountARN + ":inference-profile/" + f.id()
	default:
		return applicationARN + ownProfile
	}
}

// name returns the configured model of the form.
func (f callForm) name() string {
	return f.profile + map[bool]string{false: "-sigv4", true: "-apikey"}[f.apiKey]
}

// destinations returns the regions that the profile routes to, as AWS lists them; an
// empty one is that of the ARN without a region.
func (f callForm) destinations(a *account45) []string {
	if f.profile == "global" {
		return []string{region, ""}
	}
	p, ok := a.Catalogue().Profile("us."+sonnet45, region)
	if !ok {
		panic("the emulator lacks the profile")
	}
	return p.Destinations
}

func modelIn(region string) string {
	return "arn:aws:bedrock:" + region + "::foundation-model/" + sonnet45
}

func callForms() []callForm {
	var all []callForm
	for _, profile := range []string{"geography", "global", "application"} {
		for _, stream := range []bool{false, true} {
			for _, apiKey := range []bool{false, true} {
				all = append(all, callForm{profile, stream, apiKey})
			}
		}
	}
	return all
}

// statement is a statement of a policy, written by the tests.
type statement struct {
	Effect      string                         `json:"Effect"`
	Principal   string                         `json:"Principal,omitzero"`
	Action      []string                       `json:"Action"`
	Resource    []string                       `json:"Resource,omitempty"`
	NotResource []string                       `json:"NotResource,omitempty"`
	Condition   map[string]map[string][]string `json:"Condition,omitempty"`
}

// document is a policy: what it allows, to which fixes are added, and what it denies.
type document struct {
	allows []jsonx.Raw
	denies []statement
}

func (d *document) allow(t testing.TB, s statement) {
	t.Helper()
	s.Effect = "Allow"
	text, err := jsonx.Marshal(s)
	if err != nil {
		t.Fatal(err)
	}
	d.allows = append(d.allows, text)
}

func (d *document) policy(t testing.TB) *policy.Policy {
	t.Helper()
	all := slices.Clone(d.allows)
	for _, s := range d.denies {
		s.Effect = "Deny"
		text, err := jsonx.Marshal(s)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, text)
	}
	text, err := jsonx.Marshal(struct {
		Version   string
		Statement []jsonx.Raw
	}{"2012-10-17", all})
	if err != nil {
		t.Fatal(err)
	}
	p, err := policy.Parse(text)
	if err != nil {
		t.Fatalf("%v in %s", err, text)
	}
	return p
}

// everything returns a policy that allows everything; principal is for the policy of an
// endpoint.
func everything(t testing.TB, principal string) *document {
	d := &document{}
	d.allow(t, statement{Principal: principal, Action: []string{"*"}, Resource: []string{"*"}})
	return d
}

// broken is an account set up so that a call fails. Nil layers do not apply.
type broken struct {
	identity, boundary, session, endpoint, organization, resource *document

	state setup.Setup // the rest of the set-up
}

// least returns a policy that allows only what the call needs.
func (f callForm) least(t testing.TB, a *account45, principal string) *document {
	t.Helper()
	d := &document{}
	d.allow(t, statement{Principal: principal, Action: []string{f.action()}, Resource: []string{f.arn()}})
	d.allow(t, f.models(a, principal))
	f.bearer(t, d, principal)
	return d
}

func (f callForm) models(a *account45, principal string) statement {
	s := statement{Principal: principal, Action: []string{f.action()}, Condition: map[string]map[string][]string{"StringEquals": {profileKey: {f.arn()}}}}
	for _, r := range f.destinations(a) {
		s.Resource = append(s.Resource, modelIn(r))
	}
	return s
}

// bearer allows API keys, if the call is made with one.
func (f callForm) bearer(t testing.TB, d *document, principal string) {
	if f.apiKey {
		d.allow(t, statement{Principal: principal, Action: []string{bearerAction}, Resource: []string{"*"}})
	}
}

// setupFault is a way to break a set-up.
type setupFault struct {
	name string
	only func(callForm) bool // nil for all forms
	make func(t testing.TB, a *account45, f callForm) broken
}

func setupFaults() []setupFault {
	sound := func(t testing.TB, a *account45, f callForm) broken { return broken{identity: f.least(t, a, "")} }
	// without gives the identity the least policy with a change.
	without := func(change func(t testing.TB, a *account45, f callForm, d *document)) func(testing.TB, *account45, callForm) broken {
		return func(t testing.TB, a *account45, f callForm) broken {
			d := &document{}
			change(t, a, f, d)
			return broken{identity: d}
		}
	}
	lacksProfile := func(principal string) func(t testing.TB, a *account45, f callForm, d *document) {
		return func(t testing.TB, a *account45, f callForm, d *document) {
			d.allow(t, f.models(a, principal))
			f.bearer(t, d, principal)
		}
	}
	lacksRegion := func(principal string, which func(all []string) string) func(t testing.TB, a *account45, f callForm, d *document) {
		return func(t testing.TB, a *account45, f callForm, d *document) {
			s := f.models(a, principal)
			s.Resource = slices.DeleteFunc(s.Resource, func(r string) bool { return r == modelIn(which(f.destinations(a))) })
			d.allow(t, statement{Principal: principal, Action: []string{f.action()}, Resource: []string{f.arn()}})
			d.allow(t, s)
			f.bearer(t, d, principal)
		}
	}
	last := func(all []string) string { return all[len(all)-1] }
	first := func([]string) string { return region }
	misspelt := func(action string) func(t testing.TB, a *account45, f callForm, d *document) {
		return func(t testing.TB, a *account45, f callForm, d *document) {
			d.allow(t, statement{Action: []string{action}, Resource: []string{f.arn()}})
			d.allow(t, f.models(a, ""))
			f.bearer(t, d, "")
		}
	}
	deny := func(s statement) *document { return &document{denies: []statement{s}} }
	all := []setupFault{
		{"the identity's policy allows nothing", nil, without(func(t testing.TB, _ *account45, f callForm, d *document) {
			d.allow(t, statement{Action: []string{"bedrock:ListFoundationModels"}, Resource: []string{"*"}})
			f.bearer(t, d, "")
		})},
		{"the identity's policy lacks the profile", nil, without(lacksProfile(""))},
		{"the identity's policy lacks the models", nil, without(func(t testing.TB, _ *account45, f callForm, d *document) {
			d.allow(t, statement{Action: []string{f.action()}, Resource: []string{f.arn()}})
			f.bearer(t, d, "")
		})},
		{"the identity's policy lacks a destination", nil, without(lacksRegion("", last))},
		{"the identity's policy lacks the model in its own region", nil, without(lacksRegion("", first))},
		{"the action is misspelt", nil, without(misspelt("bedrock:InvokeModeWithResponseStream"))},
		{"the action is that of the operation", nil, without(misspelt("bedrock:Converse"))},
		{"the other action alone is allowed", nil, without(func(t testing.TB, _ *account45, f callForm, d *document) {
			other := f
			other.stream = !f.stream
			d.allow(t, statement{Action: []string{other.action()}, Resource: []string{f.arn()}})
			d.allow(t, statement{Action: []string{f.action()}, Resource: []string{modelIn("*")}, Condition: map[string]map[string][]string{"StringEquals": {profileKey: {f.arn()}}}})
			f.bearer(t, d, "")
		})},
		{"the identity may not use API keys", func(f callForm) bool { return f.apiKey }, func(t testing.TB, a *account45, f callForm) broken {
			f.apiKey = false
			return sound(t, a, f)
		}},
		{"the identity is denied the profile", nil, func(t testing.TB, a *account45, f callForm) broken {
			b := sound(t, a, f)
			b.identity.denies = []statement{{Action: []string{"bedrock:Invoke*"}, Resource: []string{f.arn(), accountARN + ":inference-profile/us." + novaLite}}}
			return b
		}},
		{"the identity is denied all models", nil, func(t testing.TB, a *account45, f callForm) broken {
			b := sound(t, a, f)
			b.identity.denies = []statement{{Action: []string{"bedrock:Invoke*"}, Resource: []string{"*"}}}
			return b
		}},
		{"the boundary lacks the profile", nil, func(t testing.TB, a *account45, f callForm) broken {
			b := sound(t, a, f)
			b.boundary = &document{}
			lacksProfile("")(t, a, f, b.boundary)
			return b
		}},
		{"the boundary lacks a destination", nil, func(t testing.TB, a *account45, f callForm) broken {
			b := sound(t, a, f)
			b.boundary = &document{}
			lacksRegion("", last)(t, a, f, b.boundary)
			return b
		}},
		{"the boundary denies", nil, func(t testing.TB, a *account45, f callForm) broken {
			b := sound(t, a, f)
			b.boundary = everything(t, "")
			b.boundary.denies = []statement{{Action: []string{f.action()}, Resource: []string{"*"}}}
			return b
		}},
		{"the session policy lacks a destination", func(f callForm) bool { return !f.apiKey }, func(t testing.TB, a *account45, f callForm) broken {
			b := sound(t, a, f)
			b.session = &document{}
			lacksRegion("", last)(t, a, f, b.session)
			return b
		}},
		{"the session policy denies", func(f callForm) bool { return !f.apiKey }, func(t testing.TB, a *account45, f callForm) broken {
			b := sound(t, a, f)
			b.session = everything(t, "")
			b.session.denies = []statement{{Action: []string{"bedrock:*"}, Resource: []string{"*"}}}
			return b
		}},
		{"the organization allows other models", nil, func(t testing.TB, a *account45, f callForm) broken {
			b := sound(t, a, f)
			b.organization = &document{}
			lacksProfile("")(t, a, f, b.organization)
			return b
		}},
		{"the organization denies by region and forgets one", nil, func(t testing.TB, a *account45, f callForm) broken {
			b := sound(t, a, f)
			b.organization = everything(t, "")
			b.organization.denies = []statement{{Action: []string{"bedrock:*"}, Resource: []string{"*"}, Condition: map[string]map[string][]string{"StringNotEquals": {"aws:RequestedRegion": {region, "eu-west-1"}}}}}
			return b
		}},
		{"the organization denies all but some models", nil, func(t testing.TB, a *account45, f callForm) broken {
			b := sound(t, a, f)
			b.organization = everything(t, "")
			b.organization.denies = []statement{{Action: []string{"bedrock:InvokeModel*"}, NotResource: []string{"arn:aws:bedrock:*::foundation-model/amazon.*", accountARN + ":*"}}}
			return b
		}},
		{"the organization denies API keys", func(f callForm) bool { return f.apiKey }, func(t testing.TB, a *account45, f callForm) broken {
			b := sound(t, a, f)
			b.organization = everything(t, "")
			b.organization.denies = []statement{{Action: []string{bearerAction}, Resource: []string{"*"}}}
			return b
		}},
		{"the VPC endpoint lacks the profile", nil, func(t testing.TB, a *account45, f callForm) broken {
			b := sound(t, a, f)
			b.endpoint = &document{}
			lacksProfile("*")(t, a, f, b.endpoint)
			return b
		}},
		{"the VPC endpoint denies", nil, func(t testing.TB, a *account45, f callForm) broken {
			b := sound(t, a, f)
			b.endpoint = everything(t, "*")
			b.endpoint.denies = []statement{{Principal: "*", Action: []string{"bedrock:*"}, Resource: []string{f.arn()}}}
			return b
		}},
		{"a resource's policy denies", nil, func(t testing.TB, a *account45, f callForm) broken {
			b := sound(t, a, f)
			b.resource = deny(statement{Principal: "*", Action: []string{"bedrock:*"}, Resource: []string{f.arn()}})
			return b
		}},
	}
	models := func(name string, state setup.Setup, more ...statement) setupFault {
		return setupFault{name, nil, func(t testing.TB, a *account45, f callForm) broken {
			b := sound(t, a, f)
			for _, s := range more {
				b.identity.allow(t, s)
			}
			b.state = state
			return b
		}}
	}
	subscribe := statement{Action: []string{"aws-marketplace:Subscribe", "aws-marketplace:ViewSubscriptions"}, Resource: []string{"*"}}
	return append(all,
		models("the use case form is missing", setup.Setup{UseCase: setup.Missing}),
		models("nobody may subscribe", setup.Setup{Models: []setup.Model{{Model: sonnet45, Subscription: setup.None}}}),
		models("the subscription is being made", setup.Setup{SubscriptionTakes: setup.Duration(2 * time.Minute), Models: []setup.Model{{Model: sonnet45, Subscription: setup.None}}}, subscribe),
		models("access is not granted", setup.Setup{Models: []setup.Model{{Model: sonnet45, Access: setup.NotGranted}}}),
		models("data may not be retained", setup.Setup{DataRetention: setup.RetentionNone, Models: []setup.Model{{Model: sonnet45, Retention: []string{setup.RetentionShare, setup.RetentionAWSReview}}}}),
	)
}

// account45 is an account with a set-up that the tests change, and a gateway that calls
// one model in every form.
type account45 struct {
	*account
	ahead atomic.Int64 // how far AWS's clock is ahead, in nanoseconds
}

func openAccount45(t *testing.T) *account45 {
	t.Helper()
	a := &account45{}
	opt := emulator.Options{
		Keys:     []emulator.Key{{AccessKeyID: emulator.DemoAccessKeyID, SecretAccessKey: emulator.DemoSecretAccessKey}},
		APIKeys:  []emulator.Secret{emulator.DemoAPIKey},
		Profiles: []emulator.ApplicationProfile{{ID: ownProfile, Name: "granite", Region: region, Source: "us." + sonnet45}},
		Now:      func() time.Time { return time.Now().Add(time.Duration(a.ahead.Load())) },
	}
	opt.Setup = a.set(t, broken{identity: everything(t, "")}) // before the gateway first reads the lists
	a.account = openAccount(t, opt, "", configOf())
	if r := a.refresh(t); r.status != 200 {
		t.Fatalf("the lists cannot be read: %+v", r)
	}
	return a
}

// sessionKey signs with a role's session.
const (
	sessionKeyID  = "ASIAEXAMPLEROLE12345"
	sessionSecret = "c2Vzc2lvbi1zZWNyZXQtZm9yLXRlc3Rz"
	sessionToken  = "IQoJc2Vzc2lvbi10b2tlbi1mb3ItdGVzdHM="
)

func configOf() string {
	var b strings.Builder
	b.WriteString("router_settings: {num_retries: 0}\nmodel_list:\n")
	for _, f := range callForms() {
		if f.stream {
			continue
		}
		keys := fmt.Sprintf("aws_access_key_id: %s, aws_secret_access_key: %s, aws_session_token: %q", sessionKeyID, sessionSecret, sessionToken)
		if f.apiKey {
			keys = fmt.Sprintf("api_key: %q", userKey)
		}
		fmt.Fprintf(&b, "  - model_name: %s\n    litellm_params: {model: \"bedrock/converse/%s\", aws_region_name: %s, %s}\n", f.name(), f.id(), region, keys)
	}
	fmt.Fprintf(&b, "  - model_name: any/*\n    litellm_params: {model: bedrock/*, aws_region_name: %s, aws_access_key_id: %s, aws_secret_access_key: %s, aws_session_token: %q}\n", region, sessionKeyID, sessionSecret, sessionToken)
	return b.String()
}

// set returns the account's set-up for the emulator: a user with an API key and a role
// with a session, both with the identity's policies.
func (a *account45) set(t testing.TB, b broken) *setup.Setup {
	t.Helper()
	s := b.state
	p := setup.Principal{Name: "app", Policies: []*policy.Policy{b.identity.policy(t)}}
	if b.boundary != nil {
		p.Boundary = b.boundary.policy(t)
	}
	role, user := setup.Role{Principal: p}, setup.User{Principal: p, APIKeys: []setup.Secret{userKey}}
	key := setup.Key{AccessKeyID: sessionKeyID, SecretAccessKey: sessionSecret, SessionToken: sessionToken, Session: "i-0abc"}
	if b.session != nil {
		key.Policy = b.session.policy(t)
	}
	role.Keys = []setup.Key{key}
	s.Users, s.Roles = []setup.User{user}, []setup.Role{role}
	if b.organization != nil {
		s.Organization = &setup.Organization{Levels: [][]setup.Control{{{Policy: policy.Everything()}}, {{ID: "p-models12", Policy: b.organization.policy(t)}}}}
	}
	if b.endpoint != nil {
		s.Endpoint, s.Endpoints = endpointID, map[string]*policy.Policy{endpointID: b.endpoint.policy(t)}
	}
	if b.resource != nil && len(b.resource.denies) > 0 {
		s.ResourcePolicies = []*policy.Policy{b.resource.policy(t)}
	}
	return &s
}
