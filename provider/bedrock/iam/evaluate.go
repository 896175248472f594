package iam

import (
	"slices"
	"strings"
)

// answer is whether a condition holds, or unknown.
type answer uint8

const (
	no answer = iota
	maybe
	yes
)

// request is a request that AWS authorizes against a policy.
type request struct {
	action, resource string
	// keys are the known condition keys of the request, in lower case; the value of a key that is
	// known to be absent is empty.
	keys map[string]string
}

// newRequest returns the request for a statement of Needs; its conditions become the context. The
// region is that of the ARN, or else of the call
// (https://docs.aws.amazon.com/bedrock/latest/userguide/global-cross-region-inference.html).
func newRequest(action, resource, region string, conditions []Condition) request {
	r := request{action: action, resource: resource, keys: map[string]string{}}
	parts := strings.SplitN(resource, ":", 6)
	if len(parts) == 6 {
		switch {
		case parts[3] == "" && strings.HasPrefix(parts[5], "foundation-model/"):
			region = unspecified
		case parts[3] != "":
			region = parts[3]
		}
	}
	if region != "*" {
		r.keys[strings.ToLower(regionKey)] = region
	}
	if action == InvokeModel || action == InvokeModelStream {
		r.keys[strings.ToLower(profileKey)] = ""
		r.keys[strings.ToLower(routerKey)] = ""
	}
	for _, c := range conditions {
		if len(c.Values) == 1 {
			r.keys[strings.ToLower(c.Key)] = c.Values[0]
		}
	}
	return r
}

// allowed reports whether some statement allows the request, and returns the statement that denies
// it; nil if none does.
func allowed(rules []*rule, q request) (ok bool, denial *rule) {
	for _, r := range rules {
		switch r.effect.fixed {
		case Allow:
			ok = ok || r.applies(q) != no
		case Deny:
			if r.applies(q) == yes {
				denial = r
			}
		}
	}
	return ok, denial
}

// applies reports whether a statement applies to the request.
func (r *rule) applies(q request) answer {
	if r.matches(r.actions, q.action, matchFold) == r.not[0] || r.matches(r.resources, q.resource, matchResource) == r.not[1] {
		return no
	}
	result := yes
	for i := range r.conditions {
		c := &r.conditions[i]
		if r.profileExempt && strings.EqualFold(c.key.fixed, profileKey) && strings.Contains(q.resource, "inference-profile/") {
			continue
		}
		result = min(result, c.holds(q, r.effect.fixed == Deny))
	}
	return result
}

func (r *rule) matches(patterns []word, s string, by func(pattern, s string) bool) bool {
	return slices.ContainsFunc(patterns, func(w word) bool { return by(w.fixed, s) })
}

// matchResource is like match, for ARNs: a policy variable matches anything.
func matchResource(pattern, s string) bool {
	for {
		before, rest, ok := strings.Cut(pattern, "${")
		if !ok {
			return match(pattern, s)
		}
		_, after, ok := strings.Cut(rest, "}")
		if !ok {
			return match(pattern, s)
		}
		pattern = before + "*" + after
	}
}

// holds reports whether a condition holds. In a Deny statement, an exception for certain principals
// is assumed not to include the caller.
func (c *clause) holds(q request, denial bool) answer {
	operator := strings.ToLower(c.operator.fixed)
	operator, ifExists := strings.CutSuffix(operator, "ifexists")
	operator, all := strings.CutPrefix(operator, "forallvalues:")
	operator = strings.TrimPrefix(operator, "foranyvalue:")
	negated := strings.Contains(operator, "not")
	key := strings.ToLower(c.key.fixed)
	value, known := q.keys[key]
	if !known {
		if denial && negated && strings.HasPrefix(key, "aws:principal") {
			return yes
		}
		return maybe
	}
	if operator == "null" {
		return truth(len(c.values) == 1 && strings.EqualFold(c.values[0].fixed, "true") == (value == ""))
	}
	if value == "" {
		return truth(negated || ifExists || all)
	}
	compare := comparison(operator)
	if compare == nil {
		return maybe
	}
	for _, v := range c.values {
		if strings.Contains(v.fixed, "${") {
			return maybe
		}
		if compare(v.fixed, value) {
			return truth(!negated)
		}
	}
	return truth(negated)
}

func truth(b bool) answer {
	if b {
		return yes
	}
	return no
}

// comparison returns how an operator for strings and ARNs compares a pattern with a value; nil for
// other operators
// (https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_condition_operators.html).
func comparison(operator string) func(pattern, value string) bool {
	switch operator {
	case "stringequals", "stringnotequals":
		return func(a, b string) bool { return a == b }
	case "stringequalsignorecase", "stringnotequalsignorecase":
		return strings.EqualFold
	case "stringlike", "stringnotlike", "arnequals", "arnlike", "arnnotequals", "arnnotlike":
		return match
	}
	return nil
}
