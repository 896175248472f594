// Package creds finds the credentials with which a deployment calls AWS, renews them, and explains
// why there are none.
//
// A Source is opened once for a deployment. Getting credentials that are fresh is one atomic load.
// A goroutine of the source renews credentials before they expire, while requests continue with the
// old ones. There is one renewal at a time, however many requests wait. A failure is remembered for
// a second, then two, up to thirty, so that a machine without credentials does not search for them
// on each request.
package creds

import (
	"crypto/x509"
	"fmt"
	"log/slog"
	"time"

	"outcrop/upstream"
)

// Kind is the way in which a deployment gets its credentials.
type Kind string

// Kinds of credentials.
const (
	Static  Kind = "static"  // an access key in the configuration
	Bearer  Kind = "bearer"  // a Bedrock API key
	Role    Kind = "role"    // a role that is assumed
	Profile Kind = "profile" // a profile of AWS's configuration files
	Chain   Kind = "chain"   // the first source of AWS's default credential chain that has some
)

// Credentials are an access key, or a Bedrock API key. They show the access key
// id but never a secret, whatever prints, logs or marshals them.
type Credentials struct {
	// AccessKey is the access key id; empty for a Bedrock API key.
	AccessKey string
	// Expires is when they expire; zero if unknown.
	Expires time.Time

	origin  string // where they come from, in words; empty if the plan says it
	secrets *secrets
}

// secrets keeps secrets from formatters that walk through unexported fields: a
// function shows nothing of what it holds. Its address tells one fetch from
// another.
type secrets struct {
	values func() (key, token, bearer string)
}

func seal(key, token, bearer string) *secrets {
	return &secrets{func() (string, string, string) { return key, token, bearer }}
}

// SecretKey is the secret access key; empty for a Bedrock API key.
func (c Credentials) SecretKey() string { key, _, _ := c.get(); return key }

// SessionToken is that of temporary credentials; empty for a long-term key.
func (c Credentials) SessionToken() string { _, token, _ := c.get(); return token }

// BearerToken is the Bedrock API key; empty for an access key.
func (c Credentials) BearerToken() string { _, _, bearer := c.get(); return bearer }

func (c Credentials) get() (key, token, bearer string) {
	if c.secrets == nil {
		return "", "", ""
	}
	return c.secrets.values()
}

func (c Credentials) String() string {
	switch {
	case c.secrets == nil:
		return "no credentials"
	case c.BearerToken() != "":
		return "a Bedrock API key"
	default:
		return "access key " + c.AccessKey
	}
}

// Format writes String for every verb.
func (c Credentials) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte(c.String())) }

// LogValue is String, for package slog.
func (c Credentials) LogValue() slog.Value { return slog.StringValue(c.String()) }

// MarshalText is String, for encoders.
func (c Credentials) MarshalText() ([]byte, error) { return []byte(c.String()), nil }

// Options say which credentials a deployment has. The fields are the settings
// that LiteLLM calls by the names given here; empty is not set. They are for
// handing to Open, not for keeping: package fmt shows the secrets of Options in
// an unexported field.
type Options struct {
	APIKey       string // api_key: a Bedrock API key
	NoAPIKey     bool   // api_key is set, to the empty string: that of the environment is not used
	AccessKey    string // aws_access_key_id
	SecretKey    string // aws_secret_access_key
	SessionToken string // aws_session_token
	Profile      string // aws_profile_name
	Role         string // aws_role_name: the ARN of a role
	SessionName  string // aws_session_name
	ExternalID   string // aws_external_id
	// WebIdentityToken is aws_web_identity_token: where the token comes from that Role
	// is assumed with, or the token itself. It is oidc/file/PATH; oidc/env/VARIABLE;
	// oidc/env_path/VARIABLE for a variable that holds a path; oidc/google/AUDIENCE,
	// oidc/github/AUDIENCE and oidc/azure/AUDIENCE for what the place where this runs
	// gives; oidc/circleci/ and oidc/circleci_v2/ for CircleCI's variables.
	WebIdentityToken string
	// SessionTags are aws_session_tags, for AssumeRole.
	SessionTags map[string]string
	// STSEndpoint is aws_sts_endpoint: a URL.
	STSEndpoint string
	// Guard determines which addresses STSEndpoint may have.
	Guard upstream.Guard
	// Region is aws_region_name: the region of the STS that is asked.
	Region string
	// CAFile is a PEM file with the only CAs trusted for credential sources; empty for
	// AWS_CA_BUNDLE, or the system's. Insecure disables the verification of certificates. Both are
	// ssl_verify.
	CAFile   string
	Insecure bool
	// Authorities reads the certificates of CAFile or AWS_CA_BUNDLE; nil is upstream.Authorities. That of a client parses
	// a file once for all sources.
	Authorities func(file string) (*x509.CertPool, error)

	// Environ looks up an environment variable; nil is os.Getenv. The sources of
	// the chain that the AWS SDK serves read the process's own environment.
	Environ func(string) string
	// Now is the clock; nil is time.Now.
	Now func() time.Time
	// Logger receives internal errors; nil for none.
	Logger *slog.Logger
	// Timeout bounds one search for credentials. 0 is ten seconds for each call, but two where only
	// the instance metadata service is left to ask, which does not respond outside EC2.
	Timeout time.Duration
}

// OptionsOf returns the options that settings have under LiteLLM's names, such as aws_role_name, but for what
// only Bedrock has: an API key. An error is about aws_session_tags.
func OptionsOf(settings map[string]string) (Options, error) {
	tags, err := ParseTags(settings["aws_session_tags"])
	if err != nil {
		return Options{}, err
	}
	return Options{
		AccessKey:    settings["aws_access_key_id"],
		SecretKey:    settings["aws_secret_access_key"],
		SessionToken: settings["aws_session_token"],
		Profile:      settings["aws_profile_name"],
		Role:         settings["aws_role_name"],
		SessionName:  settings["aws_session_name"],
		ExternalID:   settings["aws_external_id"],
		Region:       settings["aws_region_name"],

		WebIdentityToken: settings["aws_web_identity_token"],
		SessionTags:      tags,
		STSEndpoint:      settings["aws_sts_endpoint"],
	}, nil
}

func (o Options) String() string { return "credential options" }

// Format writes String for every verb, for the secrets among the options.
func (o Options) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte(o.String())) }

// LogValue is String, for package slog.
func (o Options) LogValue() slog.Value { return slog.StringValue(o.String()) }

// MarshalText is String, for encoders.
func (o Options) MarshalText() ([]byte, error) { return []byte(o.String()), nil }
