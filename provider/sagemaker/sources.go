package sagemaker

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"sync"

	"outcrop/internal/refcount"
	"outcrop/llm"
	"outcrop/provider/bedrock/creds"
	"outcrop/provider/transport"
	"outcrop/upstream"
)

// sources are the credentials in use. Deployments with the same settings share them, so that a role is
// assumed only once.
type sources struct {
	open refcount.Pool[identity, *shared]
	mu   sync.Mutex // of the users
}

// identity identifies credentials by the settings, in the order of identitySettings, and by how the
// certificates of what they come from are verified.
type identity struct {
	settings [len(identitySettings)]string
	trust    upstream.Settings
}

// identitySettings is never written to.
var identitySettings = [...]string{
	"aws_access_key_id", "aws_secret_access_key", "aws_session_token", "aws_profile_name", "aws_role_name", "aws_session_name",
	"aws_external_id", "aws_region_name", "aws_web_identity_token", "aws_session_tags", "aws_sts_endpoint",
}

// shared is a source and the deployments that use it.
type shared struct {
	*creds.Source
	key   identity
	users []*end
}

// take returns the source for the settings of a deployment; release ends its use. An error is a
// *creds.Error.
func (s *sources) take(e *end, made upstream.Settings) (*shared, error) {
	p, v := e.params, e.params.Values
	opt, err := creds.OptionsOf(v)
	if err != nil {
		return nil, err
	}
	opt.NoAPIKey = true // a Bedrock API key is for Bedrock alone
	opt.CAFile, opt.Insecure, opt.Guard, opt.Authorities = made.CAFile, made.Insecure, p.Upstream.Guard(), p.Upstream.Authorities
	opt.Environ, opt.Now, opt.Logger = p.Environ, p.Now, p.Logger
	key := identity{trust: upstream.Settings{CAFile: made.CAFile, Insecure: made.Insecure, Guard: opt.Guard}}
	for i, name := range identitySettings {
		key.settings[i] = v[name]
	}
	used, leave, err := s.open.Take(key, func() (*shared, error) {
		source, err := creds.Open(opt)
		return &shared{Source: source, key: key}, err
	})
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	used.users, e.leave = append(used.users, e), leave
	return used, nil
}

// release ends a deployment's use of a source, and closes it after the last one.
func (s *sources) release(e *end) {
	used := e.source
	s.mu.Lock()
	used.users = slices.DeleteFunc(used.users, func(other *end) bool { return other == e })
	s.mu.Unlock()
	if e.leave() {
		used.Close()
	}
}

// joined records that a deployment is open: what it found out about its address can be read.
func (s *sources) joined(e *end) {
	s.mu.Lock()
	defer s.mu.Unlock()
	e.opened = true
}

// beside are the open deployments with the credentials and the address of e, each model once.
func (s *sources) beside(e *end) []*end {
	s.mu.Lock()
	defer s.mu.Unlock()
	var out []*end
	for _, other := range e.source.users {
		if other.opened && *other.at == *e.at && !slices.ContainsFunc(out, func(known *end) bool { return known.params.Model == other.params.Model }) {
			out = append(out, other)
		}
	}
	return out
}

// name identifies credentials without showing them.
func (k identity) name(environ func(string) string) string {
	h := sha256.New()
	fmt.Fprintf(h, "%q", k.settings)
	for _, name := range []string{"AWS_ACCESS_KEY_ID", "AWS_PROFILE", "AWS_PROFILE_NAME", "AWS_ROLE_NAME", "AWS_ROLE_ARN", "AWS_WEB_IDENTITY_TOKEN_FILE"} {
		fmt.Fprintf(h, " %q", environ(name))
	}
	return hex.EncodeToString(h.Sum(nil)[:8])
}

// credentialError turns a failure to get credentials into an error for the client: AWS was not called,
// and the client's own key is not at fault.
func credentialError(err error) *llm.Error {
	c, ok := errors.AsType[*creds.Error](err)
	if !ok {
		return transport.NoResponse("SageMaker", err, llm.Destination{})
	}
	e := &llm.Error{Code: llm.CodeCredentialsMissing, Status: http.StatusForbidden, Message: c.Error() + ".", Fix: c.Fix, Err: err}
	switch c.Kind {
	case creds.Missing:
		e.Cause = c.Sources()
		e.Fix = "Set AWS_PROFILE, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or aws_profile_name, aws_role_name or aws_access_key_id of the model."
	case creds.Expired:
		e.Code, e.Retry = llm.CodeCredentialsExpired, llm.RetryNo // refreshing them is what failed
	case creds.Invalid:
		e.Code = llm.CodeCredentialsInvalid
	case creds.Denied:
		e.Code = llm.CodeDenied
	case creds.Unreachable:
		e.Code, e.Status = llm.CodeUnreachable, http.StatusServiceUnavailable
	case creds.ProfileNotFound, creds.Misconfigured, creds.Closed:
	}
	e.Fix = cmp.Or(e.Fix, "Check the credentials with aws sts get-caller-identity.")
	return e
}
