package creds

import (
	"context"
	"crypto/x509"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/credentials/ec2rolecreds"
	"github.com/aws/aws-sdk-go-v2/credentials/endpointcreds"
	"github.com/aws/smithy-go/logging"

	"outcrop/upstream"
)

const (
	callTimeout     = 10 * time.Second
	instanceTimeout = 2 * time.Second // if only the instance metadata service is left
)

// fetch gets the credentials once. It rereads AWS's files each time, so that it finds a
// renewed session or a rotated key.
func (p *plan) fetch(ctx context.Context) (Credentials, *Error) {
	var got aws.Credentials
	var origin string
	var err *Error
	switch {
	case p.token != nil:
		return p.assume(ctx, aws.AnonymousCredentials{}, "a web identity token")
	case p.given.secrets != nil && p.profile == "":
		got = aws.Credentials{AccessKeyID: p.given.AccessKey, SecretAccessKey: p.given.SecretKey(), SessionToken: p.given.SessionToken()}
		origin = settingOrigin
	default:
		if got, err = p.search(ctx); err != nil {
			return Credentials{}, err
		}
		origin = p.originOf(got)
	}
	if p.role == "" || p.isAmbientRole() {
		return fromSDK(got, origin), nil
	}
	made, err := p.assume(ctx, credentials.StaticCredentialsProvider{Value: got}, origin)
	if err != nil && err.Kind == Denied && p.isRole(ctx, fromSDK(got, origin)) {
		return fromSDK(got, ""), nil
	}
	return made, err
}

func fromSDK(c aws.Credentials, origin string) Credentials {
	made := Credentials{AccessKey: c.AccessKeyID, origin: origin, secrets: seal(c.SecretAccessKey, c.SessionToken, "")}
	if c.CanExpire {
		made.Expires = c.Expires
	}
	return made
}

// search gets the credentials of the configured profile, or of the first source in the
// chain that is set up.
func (p *plan) search(ctx context.Context) (aws.Credentials, *Error) {
	if key, secret := p.environ("AWS_ACCESS_KEY_ID"), p.environ("AWS_SECRET_ACCESS_KEY"); p.profile == "" && key != "" && secret != "" {
		return aws.Credentials{AccessKeyID: key, SecretAccessKey: secret, SessionToken: p.environ("AWS_SESSION_TOKEN"), Source: config.CredentialsSourceName}, nil
	}
	if p.profile != "" {
		if err := p.checkProfile(ctx); err != nil {
			return aws.Credentials{}, err
		}
	}
	ctx, cancel := context.WithTimeout(ctx, p.timeout(callTimeout))
	defer cancel()
	calls := &bound{ctx: ctx}
	client, failure := p.httpClient(calls)
	if failure != nil {
		return aws.Credentials{}, failure
	}
	cfg, err := p.load(ctx, client)
	if err != nil {
		return aws.Credentials{}, p.explain("load AWS's configuration", err)
	}
	if aws.IsCredentialsProvider(cfg.Credentials, (*ec2rolecreds.Provider)(nil)) {
		ctx, cancel = context.WithTimeout(ctx, p.timeout(instanceTimeout))
		defer cancel()
		calls.ctx = ctx
	}
	got, err := cfg.Credentials.Retrieve(ctx)
	if err != nil {
		return aws.Credentials{}, p.notFound(ctx, cfg.Credentials, err)
	}
	return got, nil
}

func (p *plan) timeout(usual time.Duration) time.Duration {
	if p.options.Timeout > 0 {
		return p.options.Timeout
	}
	return usual
}

// bound closes the connections of calls when a context of its own ends. The AWS SDK's
// cache of credentials continues a call after the caller's context has ended, and its
// support for AWS_CA_BUNDLE accepts no other client than its own.
type bound struct {
	ctx   context.Context
	plain dial // nil for that of the plan
}

// dial opens a connection as net.Dialer does.
type dial func(ctx context.Context, network, address string) (net.Conn, error)

// dial opens a connection that is closed when the context ends.
func (b *bound) dial(ctx context.Context, network, address string) (net.Conn, error) {
	end := b.ctx
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(end, cancel)()
	conn, err := b.plain(ctx, network, address)
	if err != nil {
		return nil, err
	}
	context.AfterFunc(end, func() { _ = conn.Close() }) // end is always cancelled
	return conn, nil
}

func (p *plan) load(ctx context.Context, client *awshttp.BuildableClient) (aws.Config, error) {
	options := []func(*config.LoadOptions) error{
		config.WithHTTPClient(client),
		config.WithEndpointCredentialOptions(func(o *endpointcreds.Options) { o.HTTPClient = client }), // the default client would use a proxy
		config.WithRegion(p.stsRegion(ctx)),
		config.WithLogger(logging.Nop{}),                                   // errors contain everything of interest
		config.WithRetryer(func() aws.Retryer { return aws.NopRetryer{} }), // a Source retries by itself
	}
	if p.profile != "" {
		options = append(options, config.WithSharedConfigProfile(p.profile))
	}
	if f := p.environ("AWS_CONFIG_FILE"); f != "" {
		options = append(options, config.WithSharedConfigFiles([]string{f}))
	}
	if f := p.environ("AWS_SHARED_CREDENTIALS_FILE"); f != "" {
		options = append(options, config.WithSharedCredentialsFiles([]string{f}))
	}
	return config.LoadDefaultConfig(ctx, options...)
}

// httpClient creates the client of one search. It keeps no connection open, since calls
// are minutes apart. It uses no proxy for link-local addresses, where instance and
// container metadata is. The authorities in AWS_CA_BUNDLE are the only trusted ones, as
// in every AWS SDK, unless the settings name others.
func (p *plan) httpClient(calls *bound) (*awshttp.BuildableClient, *Error) {
	file, setting := p.options.CAFile, "ssl_verify"
	if file == "" {
		file, setting = p.environ("AWS_CA_BUNDLE"), "AWS_CA_BUNDLE"
	}
	var roots *x509.CertPool
	if file != "" {
		read := p.options.Authorities
		if read == nil {
			read = upstream.Authorities
		}
		var err error
		if roots, err = read(file); err != nil {
			return nil, misconfigured("%s %v", setting, err)
		}
	}
	if calls.plain == nil {
		calls.plain = p.dial
	}
	return awshttp.NewBuildableClient().WithTransportOptions(func(t *http.Transport) {
		t.DisableKeepAlives = true
		t.DialContext = calls.dial
		if roots != nil {
			t.TLSClientConfig.RootCAs = roots
		}
		t.TLSClientConfig.InsecureSkipVerify = p.options.Insecure // a setting of the gateway's operator
		t.Proxy = func(r *http.Request) (*url.URL, error) {
			if isLocal(r.URL.Hostname()) {
				return nil, nil
			}
			return http.ProxyFromEnvironment(r)
		}
	}), nil
}

// isLocal reports whether a host is one where machines get their own identity; no proxy
// leads there.
func isLocal(host string) bool {
	ip := net.ParseIP(host)
	return ip != nil && ip.IsLinkLocalUnicast() || host == googleMetadata
}

// notFound explains why the source selected by the chain or the profile returned
// nothing, and why earlier ones were skipped.
func (p *plan) notFound(ctx context.Context, provider aws.CredentialsProvider, err error) *Error {
	if p.profile != "" {
		return p.withSSOFix(ctx, p.explain("get the credentials of profile "+strconv.Quote(p.profile), err))
	}
	var tried []Attempt
	passed := func(source, reason string) { tried = append(tried, Attempt{source, reason, true}) }

	if p.environ("AWS_ACCESS_KEY_ID") == "" {
		passed("environment", "AWS_ACCESS_KEY_ID is not set")
	} else {
		tried = append(tried, Attempt{Source: "environment", Reason: "AWS_SECRET_ACCESS_KEY is not set"})
	}
	failed := func(source string) *Error {
		e := p.withSSOFix(ctx, p.explain(source, err))
		e.Tried = slices.Concat(tried, []Attempt{{Source: source, Reason: strings.TrimPrefix(e.Message, source+": ")}})
		e.Message = "no credentials from " + source
		return e
	}
	if p.environ("AWS_WEB_IDENTITY_TOKEN_FILE") != "" {
		return failed("web identity")
	}
	passed("web identity", "AWS_WEB_IDENTITY_TOKEN_FILE is not set")

	instance := aws.IsCredentialsProvider(provider, (*ec2rolecreds.Provider)(nil))
	container := aws.IsCredentialsProvider(provider, (*endpointcreds.Provider)(nil))
	profile := "profile " + strconv.Quote(p.profileName())
	if !instance && !container {
		return failed(profile)
	}
	if _, readErr := p.sharedConfig(ctx, p.profileName()); readErr != nil {
		passed(profile, "not found in any file")
	} else {
		tried = append(tried, Attempt{Source: profile, Reason: "has no credentials"})
	}
	if container {
		return failed("container")
	}
	passed("container", "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI and AWS_CONTAINER_CREDENTIALS_FULL_URI are not set")
	e := failed("instance metadata")
	nobody := e.Kind == Unreachable // as on a machine outside of AWS
	e.Kind, e.Message = Missing, "no AWS credentials found"
	e.Fix = "Set AWS_PROFILE, AWS_BEARER_TOKEN_BEDROCK, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY; docs/bedrock.md#credentials lists all sources."
	metadata := &e.Tried[len(e.Tried)-1]
	switch {
	case strings.EqualFold(p.environ("AWS_EC2_METADATA_DISABLED"), "true"):
		metadata.Reason, metadata.Absent = "disabled by AWS_EC2_METADATA_DISABLED", true
	case e.Unwrap() == nil:
		metadata.Absent = nobody
	default: // there was no answer in time, as where the answers to a container get lost
		metadata.Absent = true
		e.Fix += " In a container on EC2, set the instance's HttpPutResponseHopLimit to 2."
	}
	return e
}

// withSSOFix adds advice to a failure of a profile that signs in through IAM Identity
// Center.
func (p *plan) withSSOFix(ctx context.Context, e *Error) *Error {
	c, err := p.sharedConfig(ctx, p.profileName())
	if err == nil && isSSO(&c) && e.Kind != Unreachable && e.Kind != Denied {
		e.Kind = Expired
		e.Fix = "Run `aws sso login --profile " + p.profileName() + "`."
	}
	return e
}
