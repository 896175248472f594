package account

import (
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
	"time"

	"outcrop/emulator/bedrock/policy"
	"outcrop/internal/jsonx"
	"outcrop/internal/lazyregexp"
)

// Parse parses a set-up strictly: it rejects unknown members. An error names the field,
// such as roles[0].policies[1].Statement[0].Effect.
func Parse(data []byte) (*Setup, error) {
	s := new(Setup)
	if err := jsonx.Unmarshal(data, s); err != nil {
		return nil, err
	}
	if err := known("", data, reflect.TypeFor[Setup]()); err != nil {
		return nil, err
	}
	if err := s.Check(); err != nil {
		return nil, err
	}
	return s, nil
}

// UnmarshalText parses a duration such as 90s or 2m.
func (d *Duration) UnmarshalText(text []byte) error {
	v, err := time.ParseDuration(string(text))
	if err != nil || v < 0 {
		return jsonx.Fault("%q is not a duration such as 2m", text)
	}
	*d = Duration(v)
	return nil
}

// MarshalText returns the duration in the form that UnmarshalText parses.
func (d Duration) MarshalText() ([]byte, error) { return []byte(time.Duration(d).String()), nil }

func wrong(path, format string, args ...any) error {
	return &jsonx.Error{Path: path, Reason: fmt.Sprintf(format, args...)}
}

var (
	// Name and path of a principal: the IAM API reference, "IAM identifiers".
	principalName = lazyregexp.New(`^[\w+=,.@-]{1,64}$`)
	principalPath = lazyregexp.New(`^/([\x21-\x7e]*/)?$`)
	sessionName   = lazyregexp.New(`^[\w+=,.@-]{2,64}$`)
	endpointID    = lazyregexp.New(`^vpce-[0-9a-z]+$`)
	accountID     = lazyregexp.New(`^[0-9]{12}$`)
	// Ids of organizations and policies: the AWS Organizations API reference.
	organizationID = lazyregexp.New(`^o-[a-z0-9]{1,32}$`)
	policyID       = lazyregexp.New(`^p-[0-9a-zA-Z_]{1,128}$`)
	modelPattern   = lazyregexp.New(`^[a-zA-Z0-9.:*?_-]+$`)
)

// Check rejects a set-up that contradicts itself. An error names the field as in JSON.
func (s *Setup) Check() error {
	keys := map[string]string{} // credentials, and the path of each
	for i := range s.Users {
		u, at := &s.Users[i], fmt.Sprintf("users[%d]", i)
		if slices.ContainsFunc(s.Users[:i], func(o User) bool { return o.Name == u.Name }) {
			return wrong(at+".name", "%q is used twice", u.Name)
		}
		if err := u.check(at, false, keys); err != nil {
			return err
		}
		for j, key := range u.APIKeys {
			if err := once(keys, string(key), fmt.Sprintf("%s.apiKeys[%d]", at, j)); err != nil {
				return err
			}
		}
	}
	for i := range s.Roles {
		r, at := &s.Roles[i], fmt.Sprintf("roles[%d]", i)
		if slices.ContainsFunc(s.Roles[:i], func(o Role) bool { return o.Name == r.Name }) {
			return wrong(at+".name", "%q is used twice", r.Name)
		}
		if err := r.check(at, true, keys); err != nil {
			return err
		}
	}
	if s.Organization != nil {
		if err := s.Organization.check("organization"); err != nil {
			return err
		}
	}
	for i, p := range s.ResourcePolicies {
		if p == nil {
			return wrong(fmt.Sprintf("resourcePolicies[%d]", i), "must be a policy, not null")
		}
	}
	for _, id := range slices.Sorted(maps.Keys(s.Endpoints)) {
		if !endpointID.MatchString(id) {
			return wrong("endpoints", "%q is not the id of a VPC endpoint, such as vpce-0a1b2c3d", id)
		}
	}
	if s.Endpoint != "" && !endpointID.MatchString(s.Endpoint) {
		return wrong("endpoint", "%q is not the id of a VPC endpoint, such as vpce-0a1b2c3d", s.Endpoint)
	}
	if err := oneOf("useCase", s.UseCase, Submitted, Missing); err != nil {
		return err
	}
	if err := oneOf("dataRetention", s.DataRetention, Retentions()...); err != nil {
		return err
	}
	for i := range s.Models {
		if err := s.Models[i].check(fmt.Sprintf("models[%d]", i)); err != nil {
			return err
		}
	}
	return nil
}

// Retentions are the modes of data retention.
func Retentions() []string {
	return []string{RetentionDefault, RetentionNone, RetentionShare, RetentionInherit, RetentionAWSReview}
}

func oneOf(path, value string, words ...string) error {
	if value == "" || slices.Contains(words, value) {
		return nil
	}
	return wrong(path, "%q must be one of %s", value, strings.Join(words, ", "))
}

// once rejects a credential that is empty or occurs twice.
func once(keys map[string]string, key, at string) error {
	if key == "" {
		return wrong(at, "is missing")
	}
	if before, twice := keys[key]; twice {
		return wrong(at, "is also %s", before)
	}
	keys[key] = at
	return nil
}

func (p *Principal) check(at string, role bool, keys map[string]string) error {
	if !principalName.MatchString(p.Name) {
		return wrong(at+".name", "%q is not the name of a user or role", p.Name)
	}
	if p.Path != "" && !principalPath.MatchString(p.Path) {
		return wrong(at+".path", "%q does not begin and end with /", p.Path)
	}
	for i, doc := range p.Policies {
		if err := identity(doc, fmt.Sprintf("%s.policies[%d]", at, i)); err != nil {
			return err
		}
	}
	if p.Boundary != nil {
		if err := identity(p.Boundary, at+".boundary"); err != nil {
			return err
		}
	}
	for i := range p.Keys {
		k, at := &p.Keys[i], fmt.Sprintf("%s.keys[%d]", at, i)
		if err := once(keys, k.AccessKeyID, at+".accessKeyId"); err != nil {
			return err
		}
		switch {
		case k.SecretAccessKey == "":
			return wrong(at+".secretAccessKey", "is missing")
		case !role && (k.Session != "" || k.Policy != nil):
			return wrong(at, "session and policy are for the keys of a role")
		case k.Session != "" && !sessionName.MatchString(k.Session):
			return wrong(at+".session", "%q is not the name of a session", k.Session)
		case k.Policy != nil:
			if err := identity(k.Policy, at+".policy"); err != nil {
				return err
			}
		}
	}
	return nil
}

// identity rejects a principal in an identity policy.
func identity(p *policy.Policy, at string) error {
	if p == nil {
		return wrong(at, "must be a policy, not null")
	}
	if where := p.Principals(); where != "" {
		return wrong(at+"."+where, "only resource policies and those of VPC endpoints name principals")
	}
	return nil
}

func (o *Organization) check(at string) error {
	if o.ID != "" && !organizationID.MatchString(o.ID) {
		return wrong(at+".id", "%q is not the id of an organization, such as o-exampleorgid", o.ID)
	}
	if o.ManagementAccount != "" && !accountID.MatchString(o.ManagementAccount) {
		return wrong(at+".managementAccount", "%q is not 12 digits", o.ManagementAccount)
	}
	for i, level := range o.Levels {
		for j, c := range level {
			at := fmt.Sprintf("%s.levels[%d][%d]", at, i, j)
			if c.ID != "" && !policyID.MatchString(c.ID) {
				return wrong(at+".id", "%q is not the id of a policy, such as p-examplepolicyid", c.ID)
			}
			if err := identity(c.Policy, at+".policy"); err != nil {
				return err
			}
		}
	}
	return nil
}

func (m *Model) check(at string) error {
	if !modelPattern.MatchString(m.Model) {
		return wrong(at+".model", "%q is not the id of a foundation model, nor such ids with * and ?", m.Model)
	}
	for _, field := range []struct {
		name, value string
		words       []string
	}{
		{"access", m.Access, []string{Granted, NotGranted}},
		{"subscription", m.Subscription, []string{Active, None, Pending, Failed}},
		{"lifecycle", m.Lifecycle, []string{Idle, Ended}},
	} {
		if err := oneOf(at+"."+field.name, field.value, field.words...); err != nil {
			return err
		}
	}
	for i, mode := range m.Retention {
		if err := oneOf(fmt.Sprintf("%s.retention[%d]", at, i), mode, Retentions()...); err != nil {
			return err
		}
	}
	if m.Quota == nil {
		return nil
	}
	for _, limit := range []struct {
		name  string
		value *int64
	}{
		{"requestsPerMinute", m.Quota.RequestsPerMinute}, {"tokensPerMinute", m.Quota.TokensPerMinute}, {"tokensPerDay", m.Quota.TokensPerDay},
	} {
		if limit.value != nil && *limit.value < 0 {
			return wrong(at+".quota."+limit.name, "%d is below 0", *limit.value)
		}
	}
	return nil
}
