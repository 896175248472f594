package policy

import (
	"slices"
	"strings"
)

// Request is a request that IAM authorizes.
type Request struct {
	// Principal is the ARN of the caller: a user, or a session of a role.
	Principal string
	// Action is an action such as bedrock:InvokeModel.
	Action string
	// Resource is an ARN, or * for an action without a resource.
	Resource string
	// Context is the values of condition keys; a key without values is absent.
	Context map[string][]string
}

// Layer is a kind of policy, in the words of AWS's refusals (IAM User Guide,
// "Troubleshoot access denied error messages").
type Layer string

// The layers, in the order of evaluation.
const (
	ServiceControl Layer = "service control policy"
	Endpoint       Layer = "VPC endpoint policy"
	Resource       Layer = "resource-based policy"
	Boundary       Layer = "permissions boundary"
	Session        Layer = "session policy"
	Identity       Layer = "identity-based policy"
)

// Control is a service control policy.
type Control struct {
	// ARN is the policy's ARN, which AWS includes in a denial; empty for AWS's older
	// words without it.
	ARN    string
	Policy *Policy
}

// Layers are the policies that apply to a principal's requests. A nil layer does not
// apply and limits nothing, except Identity: a principal without identity policies is
// allowed nothing.
type Layers struct {
	// Control has the service control policies of each level of the organization,
	// from the root to the account. Each level must allow a request. An account
	// without levels has AWS's FullAWSAccess.
	Control [][]Control
	// Endpoint is the policy of the VPC endpoint that the request came through.
	Endpoint *Policy
	// Resource are resource-based policies. A request that they allow needs no identity
	// policy.
	Resource []*Policy
	// Boundary is the principal's permissions boundary.
	Boundary *Policy
	// Session is the policy that was passed to AssumeRole.
	Session *Policy
	// Identity are the policies of the user or role.
	Identity []*Policy
}

// Decision is IAM's decision. The zero value allows.
type Decision struct {
	// Layer is the kind of policy that denies the request; empty if it is allowed.
	Layer Layer
	// Explicit is set if a statement denies the request, rather than none allowing it.
	Explicit bool
	// ARN is that of the denying service control policy, if it has one.
	ARN string
}

// Allowed reports whether the request may be served.
func (d Decision) Allowed() bool { return d.Layer == "" }

// Reason returns the end of AWS's refusal, starting with "because" or "with"; empty if
// the request is allowed. The words are those of the IAM User Guide, "Troubleshoot
// access denied error messages"; those with a policy's ARN are from public reports.
func (d Decision) Reason(action string) string {
	switch {
	case d.Allowed():
		return ""
	case !d.Explicit:
		return "because no " + string(d.Layer) + " allows the " + action + " action"
	}
	article := " a "
	if d.Layer == Identity {
		article = " an "
	}
	reason := "with an explicit deny in" + article + string(d.Layer)
	if d.ARN != "" {
		reason += ": " + d.ARN
	}
	return reason
}

// Evaluate decides on a request. A denying statement in any layer is final; otherwise
// each layer that applies must allow (IAM User Guide, "How AWS enforcement code logic
// evaluates requests to allow or deny access"). AWS does not document which of several
// denials it reports; here it is that of the first layer.
func (l *Layers) Evaluate(r *Request) Decision {
	q := newQuery(r)
	for _, level := range l.Control {
		for _, c := range level {
			if q.denied(c.Policy) {
				return Decision{Layer: ServiceControl, Explicit: true, ARN: c.ARN}
			}
		}
	}
	for _, layer := range []struct {
		name     Layer
		policies []*Policy
	}{
		{Endpoint, some(l.Endpoint)}, {Resource, l.Resource}, {Boundary, some(l.Boundary)}, {Session, some(l.Session)}, {Identity, l.Identity},
	} {
		if slices.ContainsFunc(layer.policies, q.denied) {
			return Decision{Layer: layer.name, Explicit: true}
		}
	}
	for _, level := range l.Control {
		if !slices.ContainsFunc(level, func(c Control) bool { return q.allowed(c.Policy) }) {
			return Decision{Layer: ServiceControl}
		}
	}
	switch {
	case l.Endpoint != nil && !q.allowed(l.Endpoint):
		return Decision{Layer: Endpoint}
	case l.Boundary != nil && !q.allowed(l.Boundary):
		return Decision{Layer: Boundary}
	case l.Session != nil && !q.allowed(l.Session):
		return Decision{Layer: Session}
	case !slices.ContainsFunc(l.Resource, q.grants) && !slices.ContainsFunc(l.Identity, q.allowed):
		return Decision{Layer: Identity}
	}
	return Decision{}
}

func some(p *Policy) []*Policy {
	if p == nil {
		return nil
	}
	return []*Policy{p}
}

// query is a request prepared for many comparisons.
type query struct {
	*Request

	action  string // in lower case
	account string // of the principal
	context context
}

func newQuery(r *Request) *query {
	q := &query{Request: r, action: strings.ToLower(r.Action), context: make(context, len(r.Context))}
	for key, values := range r.Context {
		q.context[strings.ToLower(key)] = values
	}
	if parts := strings.SplitN(r.Principal, ":", arnParts); len(parts) == arnParts {
		q.account = parts[4]
	}
	return q
}

func (q *query) denied(p *Policy) bool {
	return slices.ContainsFunc(p.statements, func(s statement) bool { return s.deny && q.applies(&s) })
}

func (q *query) allowed(p *Policy) bool {
	return slices.ContainsFunc(p.statements, func(s statement) bool { return !s.deny && q.applies(&s) })
}

// grants reports whether a resource-based policy allows the request to a principal that
// it names; a statement without principals grants nothing.
func (q *query) grants(p *Policy) bool {
	return slices.ContainsFunc(p.statements, func(s statement) bool { return !s.deny && s.principals != nil && q.applies(&s) })
}

// applies reports whether a statement applies to the request.
func (q *query) applies(s *statement) bool {
	if slices.ContainsFunc(s.actions, func(p pattern) bool { return p.match(q.action) }) == s.notActions {
		return false
	}
	named := slices.ContainsFunc(s.resources, func(p pattern) bool {
		full, ok := p.expand(q.context)
		return ok && full.match(q.Resource)
	})
	if named == s.notResources {
		return false
	}
	if s.principals != nil && q.isOf(s.principals) == s.principals.not {
		return false
	}
	return !slices.ContainsFunc(s.conditions, func(c condition) bool { return !c.holds(q.context) })
}

// isOf reports whether the caller is among the principals: by its ARN, by that of its
// role, or by its account.
func (q *query) isOf(p *principals) bool {
	if p.everyone {
		return true
	}
	role := q.context["aws:principalarn"]
	return slices.ContainsFunc(p.aws, func(name string) bool {
		return name == q.Principal || slices.Contains(role, name) || q.account != "" &&
			(name == q.account || strings.HasSuffix(name, ":iam::"+q.account+":root"))
	})
}
