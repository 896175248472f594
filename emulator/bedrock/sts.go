package bedrock

import (
	"encoding/xml"
	"errors"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"time"

	"outcrop/emulator/bedrock/policy"
	"outcrop/internal/lazyregexp"
)

// The Query protocol of STS: form fields in, XML out (AWS STS API reference,
// version 2011-06-15).

// routeSTS returns the STS operation of a form.
func routeSTS(body []byte) (operation, string, error) {
	form, err := url.ParseQuery(string(body))
	if err == nil {
		switch action := form.Get("Action"); action {
		case "GetCallerIdentity":
			return operation{name: action, service: serviceSTS, serve: (*Emulator).getCallerIdentity}, "", nil
		case "AssumeRole":
			return operation{name: action, service: serviceSTS, serve: (*Emulator).assumeRole}, "", nil
		}
	}
	return operation{}, "", unknownOperation()
}

func (e *Emulator) getCallerIdentity(c *call) error {
	type result struct {
		Arn     string
		UserID  string `xml:"UserId"`
		Account string
	}
	return c.writeXML(struct {
		XMLName  xml.Name `xml:"https://sts.amazonaws.com/doc/2011-06-15/ GetCallerIdentityResponse"`
		Result   result   `xml:"GetCallerIdentityResult"`
		Metadata metadata `xml:"ResponseMetadata"`
	}{Result: result{Arn: c.principal, UserID: userID(c.principal), Account: e.options.Account}, Metadata: metadata{c.id}})
}

// userID returns an invented unique id for a caller.
func userID(arn string) string {
	if _, session, ok := strings.Cut(arn, ":assumed-role/"); ok {
		_, name, _ := strings.Cut(session, "/")
		return "AROAEMULATEDROLE00000:" + name
	}
	return "AIDAEMULATEDUSER00000"
}

type metadata struct {
	RequestID string `xml:"RequestId"`
}

// Shapes of AssumeRole's parameters (AWS STS API reference).
var (
	roleARN     = lazyregexp.New(`^arn:(aws|aws-us-gov|aws-cn):iam::([0-9]{12}):role/([\w+=,.@/-]+)$`)
	sessionName = lazyregexp.New(`^[\w+=,.@-]{2,64}$`)
)

func (e *Emulator) assumeRole(c *call) error {
	form, err := url.ParseQuery(string(c.body))
	if err != nil {
		return invalid("The request body is not a form.")
	}
	name := form.Get("RoleSessionName")
	arn := roleARN.FindStringSubmatch(form.Get("RoleArn"))
	switch {
	case arn == nil:
		return invalid("%s is invalid", form.Get("RoleArn"))
	case !sessionName.MatchString(name):
		return invalid("1 validation error detected: Value '%s' at 'roleSessionName' failed to satisfy constraint: Member must satisfy regular expression pattern: [\\w+=,.@-]*", name)
	}
	life := time.Hour
	if text := form.Get("DurationSeconds"); text != "" {
		seconds, err := strconv.Atoi(text)
		if err != nil || seconds < 900 || seconds > 43200 {
			return invalid("1 validation error detected: Value '%s' at 'durationSeconds' failed to satisfy constraint: Member must have value between 900 and 43200", text)
		}
		life = time.Duration(seconds) * time.Second
	}
	session, err := sessionPolicy(form.Get("Policy"))
	if err != nil {
		return err
	}
	if !e.mayAssume(c.state, arn[0], arn[2], form.Get("ExternalId")) {
		return &refusal{
			status: http.StatusForbidden, kind: "AccessDeniedException",
			message: "User: " + c.principal + " is not authorized to perform: sts:AssumeRole on resource: " + arn[0],
		}
	}
	role := arn[3][strings.LastIndexByte(arn[3], '/')+1:]
	now := e.options.Now().UTC()
	key := Key{
		AccessKeyID:     "ASIA" + strings.ToUpper(strings.ReplaceAll(e.ids.uuid(), "-", ""))[:16],
		SecretAccessKey: Secret(e.ids.token() + e.ids.token()[:18]),
		SessionToken:    Secret("IQoJ" + e.ids.token() + e.ids.token() + e.ids.token()),
		Principal:       "arn:" + arn[1] + ":sts::" + arn[2] + ":assumed-role/" + role + "/" + name,
		Expires:         now.Add(life).Truncate(time.Second),
	}
	e.sessions.add(credential{key, session}, now)

	type credentials struct {
		AccessKeyID     string `xml:"AccessKeyId"`
		SecretAccessKey string
		SessionToken    string
		Expiration      string
	}
	type user struct {
		AssumedRoleID string `xml:"AssumedRoleId"`
		Arn           string
	}
	type result struct {
		User        user `xml:"AssumedRoleUser"`
		Credentials credentials
	}
	return c.writeXML(struct {
		XMLName  xml.Name `xml:"https://sts.amazonaws.com/doc/2011-06-15/ AssumeRoleResponse"`
		Result   result   `xml:"AssumeRoleResult"`
		Metadata metadata `xml:"ResponseMetadata"`
	}{
		Result: result{
			User:        user{AssumedRoleID: "AROAEMULATEDROLE00000:" + name, Arn: key.Principal},
			Credentials: credentials{key.AccessKeyID, string(key.SecretAccessKey), string(key.SessionToken), key.Expires.Format(time.RFC3339)},
		},
		Metadata: metadata{c.id},
	})
}

// mayAssume reports whether the role exists and trusts a caller with the external id.
// The roles of the set-up come first, then those of the options; if neither has any,
// every role of the account exists.
func (e *Emulator) mayAssume(s *state, arn, account, externalID string) bool {
	for i := range s.setup.Roles {
		if r := &s.setup.Roles[i]; e.principalARN(&r.Principal, "role") == arn {
			return r.ExternalID == externalID || r.ExternalID == ""
		}
	}
	if len(e.options.Roles)+len(s.setup.Roles) == 0 {
		return account == e.options.Account
	}
	for _, r := range e.options.Roles {
		if r.ARN == arn {
			return r.ExternalID == externalID || r.ExternalID == ""
		}
	}
	return false
}

// sessionPolicyMax is the maximum length of a session policy in characters (AWS STS API
// reference, AssumeRole).
const sessionPolicyMax = 2048

// sessionPolicy parses the policy passed to AssumeRole; nil if it is empty.
func sessionPolicy(text string) (*policy.Policy, error) {
	if text == "" {
		return nil, nil //nolint:nilnil // a missing policy is not an error
	}
	if len(text) > sessionPolicyMax {
		return nil, invalid("1 validation error detected: Value at 'policy' failed to satisfy constraint: Member must have length less than or equal to %d", sessionPolicyMax)
	}
	p, err := policy.Parse([]byte(text))
	if err == nil && p.Principals() != "" {
		err = errors.New(p.Principals() + ": a session policy names no principals")
	}
	if err != nil {
		return nil, &refusal{status: http.StatusBadRequest, kind: "MalformedPolicyDocument", message: err.Error()}
	}
	return p, nil
}

func (c *call) writeXML(v any) error {
	body, err := xml.Marshal(v)
	if err != nil {
		return err
	}
	c.Header().Set("Content-Type", "text/xml")
	_, err = c.Write(body)
	return ignoreGone(err)
}

// sessions are the temporary key pairs issued by AssumeRole.
type sessions struct {
	mu   sync.Mutex
	keys map[string]credential
}

func newSessions() *sessions { return &sessions{keys: map[string]credential{}} }

// grace is how long an expired session is remembered, so that its use is refused as
// expired and not as unknown.
const grace = 24 * time.Hour

func (s *sessions) add(k credential, now time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for id, old := range s.keys {
		if now.After(old.Expires.Add(grace)) {
			delete(s.keys, id)
		}
	}
	s.keys[k.AccessKeyID] = k
}

func (s *sessions) key(id string, now time.Time) (credential, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	k, ok := s.keys[id]
	return k, ok && now.Before(k.Expires.Add(grace))
}

// policy returns the session policy of an issued session; nil if it has none.
func (s *sessions) policy(principal string) *policy.Policy {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, k := range s.keys {
		if k.Principal == principal && k.session != nil {
			return k.session
		}
	}
	return nil
}
