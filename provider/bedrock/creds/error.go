package creds

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/url"
	"strings"

	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/credentials/processcreds"
	"github.com/aws/aws-sdk-go-v2/credentials/ssocreds"
	"github.com/aws/smithy-go"
)

// Failure says why there are no credentials.
type Failure string

// Failures.
const (
	Missing         Failure = "missing"           // no source has any
	Expired         Failure = "expired"           // a session or token that they are made from has run out
	Denied          Failure = "denied"            // STS or another service of AWS refuses to give them
	Invalid         Failure = "invalid"           // AWS does not know the key or token that asks for them
	ProfileNotFound Failure = "profile_not_found" // no file has the profile
	Misconfigured   Failure = "misconfigured"     // a setting or file is wrong, or a program that should give them failed
	Unreachable     Failure = "unreachable"       // no answer from where they come from
	Closed          Failure = "closed"            // the Source is closed
)

// Attempt is a source that was tried.
type Attempt struct {
	Source string // such as environment or instance metadata
	Reason string // why it gave nothing
	Absent bool   // nothing configures the source, so that nobody will miss it
}

// Error says why there are no credentials. It holds no secret and no error of the AWS SDK, which
// may hold one.
type Error struct {
	Kind    Failure
	Message string    // what was attempted and what came of it
	Fix     string    // the next step, a sentence; empty if none is known
	Setting string    // the setting that is wrong, by LiteLLM's name; empty if it is none, or several
	Tried   []Attempt // the sources, in the order in which they were tried

	err error // of package context, for errors.Is
}

// Error is the message, with the sources that something configures.
func (e *Error) Error() string {
	var b strings.Builder
	b.WriteString(e.Message)
	joint := "; tried "
	for _, a := range e.Tried {
		if a.Absent {
			continue
		}
		b.WriteString(joint + a.Source + " (" + a.Reason + ")")
		joint = ", "
	}
	return b.String()
}

// Sources lists all sources that were tried, in a sentence; empty if there are none.
func (e *Error) Sources() string {
	if len(e.Tried) == 0 {
		return ""
	}
	all := make([]string, 0, len(e.Tried))
	for _, a := range e.Tried {
		all = append(all, a.Source+" ("+a.Reason+")")
	}
	return "Outcrop looked for AWS credentials in these sources: " + strings.Join(all, ", ") + "."
}

// Unwrap is context.DeadlineExceeded if there was no answer in time, else nil.
func (e *Error) Unwrap() error { return e.err }

func misconfigured(format string, args ...any) *Error {
	return &Error{Kind: Misconfigured, Message: fmt.Sprintf(format, args...)}
}

// wrongSetting is an invalid value of a setting.
func wrongSetting(name, format string, args ...any) *Error {
	e := misconfigured(name+" "+format, args...)
	e.Setting = name
	return e
}

// explain makes an *Error of what the AWS SDK says about an attempt to do what.
func (p *plan) explain(what string, err error) *Error {
	e := &Error{Kind: Misconfigured, Message: what + ": " + p.scrub(innermost(err))}
	var api smithy.APIError
	var noProfile config.SharedConfigProfileNotExistError
	var sso *ssocreds.InvalidTokenError
	var network *net.OpError
	var request *url.Error
	var own *Error
	var mfa config.AssumeRoleTokenProviderNotSetError
	switch {
	case errors.As(err, &own):
		return own
	case errors.As(err, &api):
		e.Kind = kindOfCode(api.ErrorCode())
		e.Message = what + ": " + p.scrub(api.ErrorCode()+": "+api.ErrorMessage())
	case errors.Is(err, context.DeadlineExceeded):
		e.Kind, e.Message, e.err = Unreachable, what+": timed out", context.DeadlineExceeded
	case errors.As(err, &noProfile):
		return profileNotFound(noProfile.Profile)
	case errors.As(err, &mfa):
		e.Message = what + ": a role of the profile requires a one-time password (mfa_serial), which the gateway cannot enter"
		e.Fix = "Use a profile or role without mfa_serial, or sign in elsewhere and set the temporary keys."
		return e
	case errors.As(err, &sso):
		e.Kind = Expired
	case errors.As(err, &network), errors.As(err, &request):
		e.Kind = Unreachable
	}
	e.Fix = p.fixOf(e.Kind)
	if _, failed := errors.AsType[*processcreds.ProviderError](err); failed && e.Kind == Misconfigured {
		e.Fix = "Run the profile's credential_process manually, as the gateway's user, and check its output."
	}
	return e
}

// fixOf is the next step after a failure of which only the kind is known.
func (p *plan) fixOf(kind Failure) string {
	switch {
	case kind == Denied && p.role != "" && p.token != nil:
		return "In the trust policy of " + p.role + ", allow sts:AssumeRoleWithWebIdentity to the token's issuer as a federated principal, with its audience and subject."
	case kind == Denied && p.role != "" && len(p.tags) > 0:
		return "Name the caller in the trust policy of " + p.role + " with the actions sts:AssumeRole and sts:TagSession, and allow the caller both on the role: the session has the tags " + p.tagNames() + "."
	case kind == Denied && p.role != "":
		return "Name the caller in the trust policy of " + p.role + ", and allow the caller sts:AssumeRole on the role."
	case kind == Expired && p.token != nil:
		return "Set a token that has not expired."
	case kind == Expired:
		return "Sign in again, or set keys that have not expired."
	case kind == Invalid && p.token != nil:
		return "Check that the token's issuer is one of the account's identity providers in IAM."
	case kind == Invalid:
		return "Check that the access key is complete, active and of the region's partition, and that this machine's clock is correct."
	case kind == Unreachable:
		return "Check the network, the proxy settings and the endpoint."
	default:
		return ""
	}
}

// tagNames lists the names of the session's tags.
func (p *plan) tagNames() string {
	names := make([]string, len(p.tags))
	for i, t := range p.tags {
		names[i] = *t.Key
	}
	return strings.Join(names, ", ")
}

func profileNotFound(name string) *Error {
	return &Error{
		Kind:    ProfileNotFound,
		Message: fmt.Sprintf("profile %q is not in AWS's configuration files", name),
		Fix:     "Use a profile that `aws configure list-profiles` shows, or set AWS_CONFIG_FILE and AWS_SHARED_CREDENTIALS_FILE.",
	}
}

// innermost gives the text of the error at the bottom that still says what it
// is about: what the SDK wraps around it names operations that nobody outside
// asked for.
func innermost(err error) string {
	if dns, ok := errors.AsType[*net.DNSError](err); ok { // its own words tell which resolver was asked
		if dns.IsNotFound {
			return "DNS does not know the host " + dns.Name
		}
		return "the DNS lookup failed for the host " + dns.Name
	}
	for {
		next := errors.Unwrap(err)
		switch err.(type) { //nolint:errorlint // it is this link of the chain that is asked for
		case *fs.PathError, *net.OpError, *processcreds.ProviderError:
			return err.Error()
		}
		if next == nil {
			return err.Error()
		}
		err = next
	}
}

// kindOfCode sorts the error codes of STS (its API reference, "Common Errors"
// and "AssumeRoleWithWebIdentity"), IAM Identity Center and the container
// endpoint.
func kindOfCode(code string) Failure {
	switch code {
	case "ExpiredToken", "ExpiredTokenException", "UnauthorizedException":
		return Expired
	case "InvalidClientTokenId", "UnrecognizedClientException", "SignatureDoesNotMatch", "InvalidSignatureException",
		"InvalidIdentityToken", "InvalidIdentityTokenException", "IncompleteSignature", "MissingAuthenticationToken":
		return Invalid
	case "IDPCommunicationError", "InternalFailure", "InternalError", "ServiceUnavailable", "Throttling", "ThrottlingException", "RequestLimitExceeded":
		return Unreachable
	case "ValidationError", "MalformedPolicyDocument", "PackedPolicyTooLarge":
		return Misconfigured
	default:
		return Denied
	}
}

// scrub takes the secrets that the plan knows out of a text.
func (p *plan) scrub(s string) string {
	for _, secret := range [...]string{
		p.given.SecretKey(), p.given.SessionToken(), p.given.BearerToken(),
		p.environ("AWS_SECRET_ACCESS_KEY"), p.environ("AWS_SESSION_TOKEN"), p.environ("AWS_CONTAINER_AUTHORIZATION_TOKEN"),
		p.environ("ACTIONS_ID_TOKEN_REQUEST_TOKEN"),
	} {
		if secret != "" {
			s = strings.ReplaceAll(s, secret, "(hidden)")
		}
	}
	return s
}
