package bedrock

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"net"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"

	"outcrop/emulator/bedrock/catalogue"
	"outcrop/emulator/bedrock/policy"
	"outcrop/internal/jsonx"
)

// Authorization is one permission that a call asked IAM for, and IAM's decision.
type Authorization struct {
	policy.Request

	Decision policy.Decision
}

// Authorizations returns the permissions that the last authenticated call to Bedrock
// asked IAM for, in order, up to a refused one. Calls of the control plane do not
// count: gateways list models in the background. It is empty without a set-up. The
// caller owns the result.
func (e *Emulator) Authorizations() []Authorization {
	var all []Authorization
	if last := e.authorizations.Load(); last != nil {
		for _, a := range *last {
			a.Context = maps.Clone(a.Context)
			all = append(all, a)
		}
	}
	return all
}

// Decide reports, without a call, whether the present set-up would allow a request of a
// principal; a call is allowed if all its requests are. The principal is the ARN of a
// user, of a role, or of a session of a role; a session of the set-up's keys or of
// AssumeRole has its session policy. Context keys that the request omits are those that
// every call of the principal has; a request with aws:SourceVpce comes through that
// endpoint. It fails for an ARN that is not a principal of the account. Without a
// set-up everything is allowed.
func (e *Emulator) Decide(r *policy.Request) (policy.Decision, error) {
	s := e.state.Load()
	parts := strings.SplitN(r.Principal, ":", 6)
	if len(parts) != 6 || parts[2] != "iam" && parts[2] != "sts" || parts[4] != e.options.Account {
		return policy.Decision{}, fmt.Errorf("principal %q is not the ARN of a user or role of account %s", r.Principal, e.options.Account)
	}
	if !s.configured {
		return policy.Decision{}, nil
	}
	who := s.caller(r.Principal, e.sessionPolicy(s, r.Principal))
	if who.unknown || who.principal == nil && who.kind == "User" && !e.administers(r.Principal) {
		return policy.Decision{}, fmt.Errorf("the set-up has no principal %q", r.Principal)
	}
	endpoint := s.setup.Endpoint
	if given := r.Context["aws:SourceVpce"]; len(given) > 0 {
		endpoint = given[0]
	}
	full := *r
	full.Context = e.common(s, &who, endpoint)
	own(&full)
	maps.Copy(full.Context, r.Context)
	return s.evaluate(&who, endpoint, &full), nil
}

// administers reports whether a user has credentials of the options.
func (e *Emulator) administers(arn string) bool {
	return arn == e.userARN(e.options.Region) || slices.ContainsFunc(e.options.Keys, func(k Key) bool { return k.Principal == arn })
}

// sessionPolicy returns the policy of a known session; nil if it has none.
func (e *Emulator) sessionPolicy(s *state, arn string) *policy.Policy {
	for _, k := range s.keys {
		if k.Principal == arn && k.session != nil {
			return k.session
		}
	}
	return e.sessions.policy(arn)
}

// evaluate evaluates one request in every layer that applies.
func (s *state) evaluate(who *caller, endpoint string, r *policy.Request) policy.Decision {
	l := policy.Layers{Resource: s.setup.ResourcePolicies, Session: who.session}
	if o := s.setup.Organization; o != nil {
		for _, level := range o.Levels {
			var controls []policy.Control
			for _, c := range level {
				arn := "arn:aws:organizations::" + cmp.Or(o.ManagementAccount, someManagement) + ":policy/" + cmp.Or(o.ID, someOrganization) +
					"/service_control_policy/" + cmp.Or(c.ID, somePolicy)
				if o.OldWords {
					arn = ""
				}
				controls = append(controls, policy.Control{ARN: arn, Policy: c.Policy})
			}
			l.Control = append(l.Control, controls)
		}
	}
	if endpoint != "" {
		l.Endpoint = s.setup.Endpoints[endpoint]
	}
	if who.principal == nil {
		l.Identity = []*policy.Policy{policy.Everything()}
	} else {
		l.Identity, l.Boundary = who.principal.Policies, who.principal.Boundary
	}
	return l.Evaluate(r)
}

// ARN parts of service control policies without ids.
const (
	someManagement   = "111122223333"
	someOrganization = "o-exampleorgid"
	somePolicy       = "p-examplepolicyid"
)

// requirement is one permission that a call needs.
type requirement struct {
	action, resource string
	context          map[string]string // in addition to the context of the whole call
	unnamed          bool              // the refusal does not name the resource
	forwarded        bool              // Bedrock asks on behalf of the caller, from AWS's own network
}

// authorize asks IAM for every permission that a call needs, and refuses the call at
// the first that is missing. Without a set-up everything is allowed.
func (e *Emulator) authorize(c *call) error {
	if !c.state.configured || c.operation.service == serviceSTS {
		return nil
	}
	if c.operation.service != serviceControl {
		e.authorizations.Store(nil)
	}
	var needs []requirement
	if c.bearer != "" {
		needs = append(needs, requirement{
			action: c.operation.service.prefix() + ":CallWithBearerToken", resource: "*", context: map[string]string{"bedrock:BearerTokenType": c.bearer},
		})
	}
	switch {
	case c.operation.service == serviceMantle:
		needs = append(needs, e.inference(c))
	case slices.Contains([]string{"Converse", "ConverseStream", "InvokeModel", "InvokeModelWithResponseStream", createResponse, createChat}, c.operation.name):
		needs = append(needs, e.invocation(c)...)
	default:
		needs = append(needs, e.others(c)...)
	}
	for _, n := range needs {
		if err := e.require(c, n); err != nil {
			return err
		}
	}
	return nil
}

// require asks IAM for one permission that a call needs.
func (e *Emulator) require(c *call, n requirement) error {
	if !c.state.configured {
		return nil
	}
	who, endpoint := c.state.caller(c.principal, c.session), c.endpoint
	if n.forwarded {
		endpoint = ""
	}
	r := policy.Request{Principal: c.principal, Action: n.action, Resource: n.resource, Context: e.common(c.state, &who, endpoint)}
	r.Context["aws:RequestedRegion"] = []string{c.region}
	if from := sourceIP(c.request.RemoteAddr); from != "" && endpoint == "" && !n.forwarded {
		r.Context["aws:SourceIp"] = []string{from}
	}
	for key, value := range n.context {
		r.Context[key] = []string{value}
	}
	own(&r)
	d := c.state.evaluate(&who, endpoint, &r)
	c.authorizations = append(c.authorizations, Authorization{r, d})
	if all := slices.Clip(c.authorizations); c.operation.service != serviceControl {
		e.authorizations.Store(&all)
	}
	if d.Allowed() {
		return nil
	}
	named := n.resource
	if n.unnamed {
		named = ""
	}
	return denied(notAuthorized(c.principal, n.action, named, d.Reason(n.action)))
}

// notAuthorized is AWS's refusal of an action (IAM User Guide, "Troubleshoot
// access denied error messages"); resource may be empty.
func notAuthorized(principal, action, resource, reason string) string {
	on := ""
	if resource != "" {
		on = " on resource: " + resource
	}
	return "User: " + principal + " is not authorized to perform: " + action + on + " " + reason
}

// action returns the IAM action of the call. Converse has none of its own (Amazon
// Bedrock API reference, "Converse").
func (c *call) action() string {
	switch c.operation.name {
	case "Converse", "StartAsyncInvoke":
		return "bedrock:InvokeModel"
	case "ConverseStream":
		return "bedrock:InvokeModelWithResponseStream"
	case createResponse, createChat:
		switch {
		case c.operation.service == serviceMantle:
			return "bedrock-mantle:CreateInference"
		case c.streams():
			return "bedrock:InvokeModelWithResponseStream"
		default:
			return "bedrock:InvokeModel"
		}
	case listModels:
		return "bedrock-mantle:ListModels"
	default:
		return "bedrock:" + c.operation.name
	}
}

// common returns the context of every request of a caller (IAM User Guide, "AWS global
// condition context keys"). Calls count as made over TLS, which the emulator does not
// have.
func (e *Emulator) common(s *state, who *caller, endpoint string) map[string][]string {
	now := e.options.Now().UTC()
	context := map[string][]string{
		"aws:PrincipalArn":          {who.identity},
		"aws:PrincipalAccount":      {e.options.Account},
		"aws:PrincipalType":         {who.kind},
		"aws:PrincipalIsAWSService": {"false"},
		"aws:ViaAWSService":         {"false"},
		"aws:SecureTransport":       {"true"},
		"aws:CurrentTime":           {now.Format(time.RFC3339)},
		"aws:EpochTime":             {strconv.FormatInt(now.Unix(), 10)},
		"aws:userid":                {userID(who.arn)},
	}
	if who.kind == "User" {
		context["aws:username"] = []string{who.name}
	}
	if o := s.setup.Organization; o != nil {
		context["aws:PrincipalOrgID"] = []string{cmp.Or(o.ID, someOrganization)}
	}
	if endpoint != "" {
		context["aws:SourceVpce"] = []string{endpoint}
	}
	return context
}

// own sets the account that the resource belongs to; a foundation model belongs to
// none.
func own(r *policy.Request) {
	if parts := strings.SplitN(r.Resource, ":", 6); len(parts) == 6 && isAccount(parts[4]) {
		r.Context["aws:ResourceAccount"] = []string{parts[4]}
	}
}

func sourceIP(remote string) string {
	host, _, err := net.SplitHostPort(remote)
	if err != nil {
		return ""
	}
	addr, err := netip.ParseAddr(host)
	if err != nil {
		return ""
	}
	return addr.Unmap().String()
}

// invocation returns the requirements of an invocation (Amazon Bedrock User Guide,
// "Prerequisites for inference profiles" and "Global cross-Region inference"): the
// resource in the path, and for a profile also the model in every region that may serve
// it, with the profile in bedrock:InferenceProfileArn.
func (e *Emulator) invocation(c *call) []requirement {
	extra, guardrail := e.details(c)
	if strings.HasPrefix(c.operation.name, "Invoke") {
		extra, guardrail = e.headerDetails(c)
	}
	var needs []requirement
	need := func(resource, region, profile string) {
		context := maps.Clone(extra)
		context["aws:RequestedRegion"] = region
		if profile != "" {
			context["bedrock:InferenceProfileArn"] = profile
		}
		needs = append(needs, requirement{action: c.action(), resource: resource, context: context})
	}
	models := func(of *catalogue.Profile, profile string) {
		if !of.Global() {
			for _, destination := range of.Destinations {
				need(modelARN(destination, of.Model.ID), destination, profile)
			}
			return
		}
		need(modelARN(c.region, of.Model.ID), c.region, profile)
		// The serving region is not known in advance; AWS uses this value for it.
		need("arn:"+partition(c.region)+":bedrock:::"+modelKind+"/"+of.Model.ID, "unspecified", profile)
	}
	through := func(id string) {
		arn := e.accountARN(c.region, profileKind, id)
		need(arn, c.region, "")
		if p, ok := c.catalogue.Profile(id, c.region); ok {
			models(&p, arn)
		}
	}
	id := c.parameter
	account, kind, name, ok := splitARN(id, c.region)
	switch {
	case ok && kind == profileKind && account == e.options.Account:
		through(name)
	case ok && kind == applicationKind && account == e.options.Account:
		need(id, c.region, "")
		if p := e.applicationProfile(name, c.region); p != nil {
			if system, ok := c.catalogue.Profile(p.Source, c.region); ok {
				models(&system, id)
			} else if m := c.catalogue.Model(p.Source); m != nil {
				need(modelARN(c.region, m.ID), c.region, id)
			}
		}
	case strings.HasPrefix(id, "arn:"):
		need(id, c.region, "")
	default:
		if _, base, _ := strings.Cut(id, "."); c.catalogue.Model(id) == nil && c.catalogue.Model(base) != nil {
			through(id)
		} else {
			need(modelARN(c.region, id), c.region, "")
		}
	}
	if guardrail != "" {
		needs = append(needs, requirement{action: "bedrock:ApplyGuardrail", resource: guardrail})
	}
	return needs
}

// applicationProfile returns one of the account's application profiles; nil if there is
// none.
func (e *Emulator) applicationProfile(id, region string) *ApplicationProfile {
	for i := range e.options.Profiles {
		if p := &e.options.Profiles[i]; p.ID == id && p.Region == region {
			return p
		}
	}
	return nil
}

// details reads the context of an invocation and the ARN of its guardrail, empty if
// there is none, from its body. A body that cannot be read is refused later.
func (e *Emulator) details(c *call) (context map[string]string, guardrail string) {
	var body struct {
		ServiceTier struct {
			Type string `json:"type"`
		} `json:"serviceTier"`
		GuardrailConfig struct {
			Identifier string `json:"guardrailIdentifier"`
			Version    string `json:"guardrailVersion"`
		} `json:"guardrailConfig"`
	}
	context = map[string]string{}
	var fault *jsonx.Error
	if err := jsonx.Unmarshal(c.body, &body); errors.As(err, &fault) {
		return context, ""
	}
	if tier := body.ServiceTier.Type; tier != "" {
		context["bedrock:ServiceTier"] = tier
	}
	if guardrail = body.GuardrailConfig.Identifier; guardrail == "" {
		return context, ""
	}
	return e.guardrailDetails(c, context, guardrail, body.GuardrailConfig.Version)
}

// guardrailDetails adds a guardrail, by its id or ARN, to the context of a call, and
// gives its ARN.
func (e *Emulator) guardrailDetails(c *call, context map[string]string, guardrail, version string) (with map[string]string, arn string) {
	if !strings.HasPrefix(guardrail, "arn:") {
		guardrail = e.accountARN(c.region, guardrailKind, guardrail)
	}
	context["bedrock:GuardrailIdentifier"] = guardrail
	if version != "" && version != "DRAFT" {
		context["bedrock:GuardrailIdentifier"] += ":" + version
	}
	return context, guardrail
}
