package bedrock

import (
	"cmp"
	"errors"
	"net/http"
	"strings"
	"time"

	"outcrop/provider/bedrock/sign"
)

// authenticate sets the caller and the region of a call, or refuses it.
func (e *Emulator) authenticate(c *call) error {
	named := regionOf(c.request.Host)
	header := c.request.Header.Get("Authorization")
	if key, ok := bearer(header); ok {
		return e.authenticateKey(c, key, named)
	}
	return e.authenticateSignature(c, header, named)
}

// bearer returns the API key of an Authorization header with that scheme; schemes are
// case-insensitive (RFC 9110, section 11.1).
func bearer(header string) (key string, ok bool) {
	scheme, key, found := strings.Cut(header, " ")
	return strings.TrimSpace(key), found && strings.EqualFold(scheme, "Bearer")
}

// authenticateSignature checks a SigV4 signature. A request to a host that
// names no region is served in the region of its signature.
func (e *Emulator) authenticateSignature(c *call, header, named string) error {
	accessKey, scope, _ := scopeOf(header)
	c.region = named
	if c.region == "" {
		c.region = scope
	}
	if c.region == "" || c.region == "aws-global" {
		c.region = e.options.Region
	}
	if !c.catalogue.HasRegion(c.region) {
		return &refusal{status: http.StatusForbidden, kind: "InvalidSignatureException", message: "Credential should be scoped to a valid region. "}
	}
	c.endpoint = cmp.Or(endpointOf(c.request.Host), c.state.setup.Endpoint)
	now := e.options.Now()
	key, known := e.key(c.state, accessKey, now)
	c.principal, c.session = cmp.Or(key.Principal, e.userARN(c.region)), key.session
	if e.options.AnyCredentials && header != "" {
		return nil
	}
	err := sign.Verify(&sign.Request{
		Method: c.request.Method,
		Host:   c.request.Host,
		Path:   c.request.URL.EscapedPath(),
		Query:  c.request.URL.RawQuery,
		Header: c.request.Header,
		Body:   [][]byte{c.body},
	}, func(string) (string, string, bool) {
		return string(key.SecretAccessKey), string(key.SessionToken), known
	}, c.region, c.operation.service.scope(), now)
	var fault *sign.Fault
	switch {
	case errors.As(err, &fault):
		return &refusal{status: fault.Status, kind: fault.Type, message: fault.Message}
	case err != nil:
		return err
	case !key.Expires.IsZero() && !now.Before(key.Expires):
		return &refusal{status: http.StatusForbidden, kind: "ExpiredTokenException", message: "The security token included in the request is expired"}
	}
	return nil
}

// scopeOf reads the access key, the region and the service from a signature's credential scope; all
// are empty if there is none. sign.Verify checks that the header is complete.
func scopeOf(header string) (accessKey, region, service string) {
	_, rest, _ := strings.Cut(header, "Credential=")
	credential, _, _ := strings.Cut(rest, ",")
	parts := strings.Split(strings.TrimSpace(credential), "/")
	if len(parts) != 5 {
		return "", "", ""
	}
	return parts[0], parts[2], parts[3]
}

// key looks up an access key in the set-up, the options and the sessions of AssumeRole.
func (e *Emulator) key(s *state, id string, now time.Time) (credential, bool) {
	if k, ok := s.keys[id]; ok {
		return k, true
	}
	for _, k := range e.options.Keys {
		if k.AccessKeyID == id {
			return credential{Key: k}, true
		}
	}
	return e.sessions.key(id, now)
}

// authenticateKey checks a Bedrock API key.
func (e *Emulator) authenticateKey(c *call, key, named string) error {
	c.region = named
	if c.region == "" {
		c.region = e.options.Region
	}
	if c.operation.service == serviceSTS || c.operation.service == serviceAgent { // which take signatures alone
		return &refusal{status: http.StatusForbidden, kind: "MissingAuthenticationTokenException", message: "Missing Authentication Token"}
	}
	if !c.catalogue.HasRegion(c.region) {
		return &refusal{status: http.StatusForbidden, kind: "UnrecognizedClientException", message: "The security token included in the request is invalid."}
	}
	c.endpoint = cmp.Or(endpointOf(c.request.Host), c.state.setup.Endpoint)
	c.principal = e.userARN(c.region)
	if strings.HasPrefix(key, shortTermPrefix) {
		c.bearer = "SHORT_TERM"
		return e.authenticateShortTerm(c, key, named)
	}
	c.bearer = "LONG_TERM"
	if arn, ok := c.state.apiKeys[key]; ok {
		c.principal = arn
		return nil
	}
	if e.options.AnyCredentials && key != "" {
		return nil
	}
	for _, k := range e.options.APIKeys {
		if string(k) == key {
			return nil
		}
	}
	return invalidAPIKey()
}

// invalidAPIKey is the authorization layer's refusal of an unknown key; the words are
// from public reports.
func invalidAPIKey() *refusal {
	return denied("Authentication failed: Please make sure your API Key is valid.")
}

// partition returns the partition of a region.
func partition(region string) string {
	switch {
	case strings.HasPrefix(region, "us-gov-"):
		return "aws-us-gov"
	case strings.HasPrefix(region, "cn-"):
		return "aws-cn"
	default:
		return "aws"
	}
}

// userARN returns the principal of credentials that name none.
func (e *Emulator) userARN(region string) string {
	return "arn:" + partition(region) + ":iam::" + e.options.Account + ":user/demo"
}
