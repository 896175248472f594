// Package policy parses IAM policies and evaluates requests against them, as far as
// Bedrock needs it. It is an implementation of IAM's documentation independent of the
// gateway's, so that tests reveal misreadings of the gateway.
//
// Its source is the IAM User Guide: "Grammar of the IAM JSON policy language",
// "IAM JSON policy elements" and "Policy evaluation logic",
// https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies.html.
package policy

import (
	"fmt"
	"slices"
	"strings"

	"outcrop/internal/jsonx"
	"outcrop/internal/lazyregexp"
)

// Policy is one policy document. It is immutable and safe for concurrent use. The zero
// value has no statements.
type Policy struct {
	statements []statement
	text       jsonx.Raw // as written
}

// statement is one statement of a policy.
type statement struct {
	path string // its path, such as Statement[1]
	sid  string
	deny bool
	// actions are the actions, or the excluded ones if notActions is set.
	actions    []pattern
	notActions bool
	// resources are the resources, or the excluded ones if notResources is set.
	resources    []pattern
	notResources bool
	principals   *principals // nil if there are none
	conditions   []condition
}

// principals is a Principal or NotPrincipal element.
type principals struct {
	not      bool
	everyone bool
	aws      []string // account ids and ARNs
}

// Parse parses a policy document strictly: it rejects what IAM does not know. An error
// is a *jsonx.Error with the path of the element, such as Statement[1].Condition.
// Principal and NotPrincipal are accepted for resource policies; Principals reports
// whether there are any.
func Parse(document []byte) (*Policy, error) {
	p := new(Policy)
	if err := jsonx.Unmarshal(document, p); err != nil {
		return nil, err
	}
	return p, nil
}

// Everything allows everything, as AWS's AdministratorAccess and FullAWSAccess do.
func Everything() *Policy {
	all := []pattern{{{kind: many}}}
	return &Policy{
		statements: []statement{{path: "Statement", actions: all, resources: all}},
		text:       jsonx.Raw(`{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"*","Resource":"*"}}`),
	}
}

// UnmarshalJSONFrom parses a policy document as Parse does.
func (p *Policy) UnmarshalJSONFrom(d *jsonx.Decoder) error {
	var raw jsonx.Raw
	if err := jsonx.UnmarshalDecode(d, &raw); err != nil {
		return err
	}
	q, err := parse(raw)
	if err != nil {
		return err
	}
	*p = *q
	return nil
}

// MarshalJSON returns the document as it was written.
func (p *Policy) MarshalJSON() ([]byte, error) {
	if len(p.text) == 0 {
		return []byte(`{"Version":"2012-10-17","Statement":[]}`), nil
	}
	return p.text.Clone(), nil
}

// Principals returns the path of the first Principal or NotPrincipal element, which
// only resource policies and those of VPC endpoints may have; empty if there is none.
func (p *Policy) Principals() string {
	for _, s := range p.statements {
		switch {
		case s.principals == nil:
		case s.principals.not:
			return s.path + ".NotPrincipal"
		default:
			return s.path + ".Principal"
		}
	}
	return ""
}

// fault returns an error at a path.
func fault(path, format string, args ...any) error {
	return &jsonx.Error{Path: path, Reason: fmt.Sprintf(format, args...)}
}

// members splits an object at a path.
func members(path string, v jsonx.Raw) ([]jsonx.Member, error) {
	if v.Kind() != '{' {
		return nil, fault(path, "must be an object, not %s", jsonx.KindName(v.Kind()))
	}
	list, err := jsonx.Members(v)
	if err != nil {
		return nil, fault(path, "%v", err)
	}
	return list, nil
}

// word parses a value that must be a string.
func word(path string, v jsonx.Raw) (string, error) {
	if v.Kind() != '"' {
		return "", fault(path, "must be a string, not %s", jsonx.KindName(v.Kind()))
	}
	var s string
	err := jsonx.Unmarshal(v, &s)
	return s, err
}

// words parses a value that may be a string or a list of strings. With scalars it also
// accepts numbers and booleans, as in conditions.
func words(path string, v jsonx.Raw, scalars bool) ([]string, error) {
	one := func(path string, v jsonx.Raw) (string, error) {
		if k := v.Kind(); scalars && (k == '0' || k == 't' || k == 'f') {
			return string(v), nil
		}
		return word(path, v)
	}
	if v.Kind() != '[' {
		s, err := one(path, v)
		return []string{s}, err
	}
	var list []jsonx.Raw
	if err := jsonx.Unmarshal(v, &list); err != nil {
		return nil, fault(path, "%v", err)
	}
	if len(list) == 0 && !scalars {
		return nil, fault(path, "must not be empty")
	}
	all := make([]string, 0, len(list))
	for i, item := range list {
		s, err := one(fmt.Sprintf("%s[%d]", path, i), item)
		if err != nil {
			return nil, err
		}
		all = append(all, s)
	}
	return all, nil
}

// Versions of the policy language. Only the newer one has variables.
const (
	version2008 = "2008-10-17"
	version2012 = "2012-10-17"
)

func parse(raw jsonx.Raw) (*Policy, error) {
	top, err := members("", raw)
	if err != nil {
		return nil, err
	}
	p := &Policy{text: raw.Clone()}
	version := version2008 // IAM's default for a document without one
	var list []jsonx.Raw
	at := func(int) string { return "Statement" }
	for _, m := range top {
		switch m.Name {
		case "Version":
			if version, err = word("Version", m.Value); err == nil && version != version2008 && version != version2012 {
				err = fault("Version", "%q is neither %s nor %s", version, version2012, version2008)
			}
		case "Id":
			_, err = word("Id", m.Value)
		case "Statement":
			if m.Value.Kind() == '[' {
				at = func(i int) string { return fmt.Sprintf("Statement[%d]", i) }
				err = jsonx.Unmarshal(m.Value, &list)
			} else {
				list = []jsonx.Raw{m.Value}
			}
		default:
			err = fault(m.Name, "there is no such element; a policy has Version, Id and Statement")
		}
		if err != nil {
			return nil, err
		}
	}
	if len(list) == 0 {
		return nil, fault("Statement", "is missing or empty")
	}
	for i, item := range list {
		s, err := parseStatement(at(i), item, version == version2012)
		if err != nil {
			return nil, err
		}
		if s.sid != "" && slices.ContainsFunc(p.statements, func(o statement) bool { return o.sid == s.sid }) {
			return nil, fault(s.path+".Sid", "%q is used twice", s.sid)
		}
		p.statements = append(p.statements, s)
	}
	return p, nil
}

// action matches the values of Action.
var action = lazyregexp.New(`^(\*|\*:\*|[A-Za-z0-9-]+:[A-Za-z0-9*?]+)$`)

func parseStatement(path string, raw jsonx.Raw, variables bool) (statement, error) {
	s := statement{path: path}
	list, err := members(path, raw)
	if err != nil {
		return s, err
	}
	has := map[string]bool{}
	for _, m := range list {
		at := path + "." + m.Name
		has[m.Name] = true
		switch m.Name {
		case "Sid":
			if s.sid, err = word(at, m.Value); err == nil && strings.Trim(s.sid, alphanumeric) != "" {
				err = fault(at, "%q has more than letters and digits", s.sid) // IAM User Guide, "IAM JSON policy elements: Sid"
			}
		case "Effect":
			var effect string
			if effect, err = word(at, m.Value); err == nil && effect != "Allow" && effect != "Deny" {
				err = fault(at, "%q is neither Allow nor Deny", effect)
			}
			s.deny = effect == "Deny"
		case "Action", "NotAction":
			s.notActions = m.Name == "NotAction"
			s.actions, err = parseActions(at, m.Value)
		case "Resource", "NotResource":
			s.notResources = m.Name == "NotResource"
			s.resources, err = parseResources(at, m.Value, variables)
		case "Principal", "NotPrincipal":
			s.principals, err = parsePrincipals(at, m.Value, m.Name == "NotPrincipal")
		case "Condition":
			s.conditions, err = parseConditions(at, m.Value, variables)
		default:
			err = fault(at, "there is no such element in a statement")
		}
		if err != nil {
			return s, err
		}
	}
	if !has["Effect"] {
		return s, fault(path+".Effect", "is missing")
	}
	for _, name := range []string{"Action", "Resource"} {
		switch {
		case !has[name] && !has["Not"+name]:
			return s, fault(path, "has neither %s nor Not%s", name, name)
		case has[name] && has["Not"+name]:
			return s, fault(path, "has both %s and Not%s", name, name)
		}
	}
	if has["Principal"] && has["NotPrincipal"] {
		return s, fault(path, "has both Principal and NotPrincipal")
	}
	return s, nil
}

func parseActions(path string, v jsonx.Raw) ([]pattern, error) {
	names, err := words(path, v, false)
	if err != nil {
		return nil, err
	}
	var all []pattern
	for _, name := range names {
		if !action.MatchString(name) {
			return nil, fault(path, "%q is not an action such as bedrock:InvokeModel or bedrock:*", name)
		}
		all = append(all, compile(strings.ToLower(name), true, false))
	}
	return all, nil
}

const alphanumeric = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"

func parseResources(path string, v jsonx.Raw, variables bool) ([]pattern, error) {
	arns, err := words(path, v, false)
	if err != nil {
		return nil, err
	}
	var all []pattern
	for _, arn := range arns {
		if arn != "*" && (!strings.HasPrefix(arn, "arn:") || strings.Count(arn, ":") < 5 && !strings.HasSuffix(arn, "*")) {
			return nil, fault(path, "%q is neither an ARN of six parts nor *", arn)
		}
		all = append(all, compile(arn, true, variables))
	}
	return all, nil
}

// parsePrincipals parses "*" or an object of kinds. Of these only AWS can be a caller
// of the emulator; service principals and federated ones match nobody.
func parsePrincipals(path string, v jsonx.Raw, not bool) (*principals, error) {
	p := &principals{not: not}
	if v.Kind() == '"' {
		s, err := word(path, v)
		if err == nil && s != "*" {
			err = fault(path, "%q is neither * nor an object", s)
		}
		p.everyone = true
		return p, err
	}
	kinds, err := members(path, v)
	if err != nil {
		return nil, err
	}
	for _, m := range kinds {
		at := path + "." + m.Name
		names, err := words(at, m.Value, false)
		if err != nil {
			return nil, err
		}
		switch m.Name {
		case "AWS":
			p.everyone = p.everyone || slices.Contains(names, "*")
			p.aws = append(p.aws, names...)
		case "Service", "Federated", "CanonicalUser":
		default:
			return nil, fault(at, "there is no such kind of principal; there are AWS, Service, Federated and CanonicalUser")
		}
	}
	return p, nil
}
