package creds

import (
	"context"
	"crypto/x509"
	"net"
	"net/http"
	"net/url"
	"os"
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
	"github.com/aws/aws-sdk-go-v2/credentials/stscreds"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/aws/smithy-go/logging"
)

const (
	callTimeout     = 10 * time.Second
	instanceTimeout = 2 * time.Second // where the instance metadata service is all that is left
)

// fetch gets the credentials once. It reads AWS's files anew each time, so that
// a renewed session or a rotated key is found.
func (p *plan) fetch(ctx context.Context) (Credentials, *Error) {
	var got aws.Credentials
	var origin string
	var err *Error
	switch {
	case p.token != "":
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
	return p.assume(ctx, credentials.StaticCredentialsProvider{Value: got}, origin)
}

// isAmbientRole reports whether the role to assume is the one that a web
// identity of the environment already gives, as on EKS: a role need not be
// allowed to assume itself.
func (p *plan) isAmbientRole() bool {
	return p.profile == "" && p.given.secrets == nil && p.environ("AWS_ACCESS_KEY_ID") == "" &&
		p.environ("AWS_WEB_IDENTITY_TOKEN_FILE") != "" && p.environ("AWS_ROLE_ARN") == p.role
}

func fromSDK(c aws.Credentials, origin string) Credentials {
	made := Credentials{AccessKey: c.AccessKeyID, origin: origin, secrets: seal(c.SecretAccessKey, c.SessionToken, "")}
	if c.CanExpire {
		made.Expires = c.Expires
	}
	return made
}

// search gets the credentials of the named profile, or of the first source of
// the chain that is set up.
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

// bound ends the connections of calls with a context of its own: the AWS SDK's
// cache of credentials lets a call go on when the context of who asked has
// ended, and its support for AWS_CA_BUNDLE takes no other client than its own.
type bound struct {
	ctx    context.Context
	dialer net.Dialer
}

// dial opens a connection that is closed when the context ends.
func (b *bound) dial(ctx context.Context, network, address string) (net.Conn, error) {
	end := b.ctx
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(end, cancel)()
	conn, err := b.dialer.DialContext(ctx, network, address)
	if err != nil {
		return nil, err
	}
	context.AfterFunc(end, func() { _ = conn.Close() }) // the end always comes
	return conn, nil
}

func (p *plan) load(ctx context.Context, client *awshttp.BuildableClient) (aws.Config, error) {
	options := []func(*config.LoadOptions) error{
		config.WithHTTPClient(client),
		config.WithRegion(p.stsRegion(ctx)),
		config.WithLogger(logging.Nop{}),                                   // what is worth saying is in the error
		config.WithRetryer(func() aws.Retryer { return aws.NopRetryer{} }), // a Source tries again by itself
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

// httpClient makes the client of one search. It keeps no connection open: calls
// are minutes apart. Link-local addresses, where instance and container are
// asked, are not behind a proxy. AWS_CA_BUNDLE names the only authorities that
// are trusted, as for every AWS SDK.
func (p *plan) httpClient(calls *bound) (*awshttp.BuildableClient, *Error) {
	var roots *x509.CertPool
	if file := p.environ("AWS_CA_BUNDLE"); file != "" {
		pem, err := os.ReadFile(file)
		if err != nil {
			return nil, misconfigured("AWS_CA_BUNDLE cannot be read: %v", err)
		}
		roots = x509.NewCertPool()
		if !roots.AppendCertsFromPEM(pem) {
			return nil, misconfigured("AWS_CA_BUNDLE %q holds no certificate", file)
		}
	}
	return awshttp.NewBuildableClient().WithTransportOptions(func(t *http.Transport) {
		t.DisableKeepAlives = true
		t.DialContext = calls.dial
		if roots != nil {
			t.TLSClientConfig.RootCAs = roots
		}
		t.Proxy = func(r *http.Request) (*url.URL, error) {
			if ip := net.ParseIP(r.URL.Hostname()); ip != nil && ip.IsLinkLocalUnicast() {
				return nil, nil
			}
			return http.ProxyFromEnvironment(r)
		}
	}), nil
}

// assume asks STS for the role's credentials, as the caller, whose credentials
// are of the origin, or with a web identity token.
func (p *plan) assume(ctx context.Context, caller aws.CredentialsProvider, origin string) (Credentials, *Error) {
	ctx, cancel := context.WithTimeout(ctx, p.timeout(callTimeout))
	defer cancel()
	client, failure := p.stsClient(&bound{ctx: ctx}, p.stsRegion(ctx), caller)
	if failure != nil {
		return Credentials{}, failure
	}
	var provider aws.CredentialsProvider
	if p.token != "" {
		provider = stscreds.NewWebIdentityRoleProvider(client, p.role, p.tokenFile(), func(o *stscreds.WebIdentityRoleOptions) {
			o.RoleSessionName = p.sessionName
		})
	} else {
		provider = stscreds.NewAssumeRoleProvider(client, p.role, func(o *stscreds.AssumeRoleOptions) {
			o.RoleSessionName, o.Tags, o.Duration = p.sessionName, p.tags, time.Hour
			if p.externalID != "" {
				o.ExternalID = aws.String(p.externalID)
			}
		})
	}
	got, err := provider.Retrieve(ctx)
	if err != nil {
		return Credentials{}, p.explain("assume "+p.role, err)
	}
	return fromSDK(got, origin), nil
}

// stsClient makes the client of one call of STS.
func (p *plan) stsClient(calls *bound, region string, caller aws.CredentialsProvider) (*sts.Client, *Error) {
	client, failure := p.httpClient(calls)
	if failure != nil {
		return nil, failure
	}
	o := sts.Options{Region: region, Credentials: caller, HTTPClient: client, Logger: logging.Nop{}, RetryMaxAttempts: 2}
	if endpoint := p.stsEndpoint(); endpoint != "" {
		o.BaseEndpoint = aws.String(endpoint)
	} else {
		if strings.EqualFold(p.environ("AWS_USE_FIPS_ENDPOINT"), "true") {
			o.EndpointOptions.UseFIPSEndpoint = aws.FIPSEndpointStateEnabled
		}
		if strings.EqualFold(p.environ("AWS_USE_DUALSTACK_ENDPOINT"), "true") {
			o.EndpointOptions.UseDualStackEndpoint = aws.DualStackEndpointStateEnabled
		}
	}
	return sts.New(o), nil
}

// stsEndpoint gives the endpoint that is set for STS; empty for none.
func (p *plan) stsEndpoint() string {
	for _, v := range []string{p.options.STSEndpoint, p.environ("AWS_STS_ENDPOINT")} {
		if v != "" {
			return v
		}
	}
	if strings.EqualFold(p.environ("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS"), "true") {
		return ""
	}
	if v := p.environ("AWS_ENDPOINT_URL_STS"); v != "" {
		return v
	}
	return p.environ("AWS_ENDPOINT_URL")
}

// stsRegion is the region of the STS to ask: that in the name of the endpoint
// that is set, else the deployment's, else the environment's; us-east-1 if
// there is none, where AWS has had its STS from the start.
func (p *plan) stsRegion(ctx context.Context) string {
	if r := p.stsEndpointRegion(); r != "" {
		return r
	}
	if p.options.Region != "" {
		return p.options.Region
	}
	if r := p.region(ctx); r != "" {
		return r
	}
	return "us-east-1"
}

// stsEndpointRegion is the region in the name of the endpoint that is set for STS;
// empty if there is none.
func (p *plan) stsEndpointRegion() string {
	u, err := url.Parse(p.stsEndpoint())
	if err != nil {
		return ""
	}
	if labels := strings.Split(u.Hostname(), "."); len(labels) >= 4 && labels[0] == "sts" {
		return labels[1]
	}
	return ""
}

// notFound says why the source that the chain or the profile settled on gave
// nothing, and why those before it were passed over.
func (p *plan) notFound(ctx context.Context, provider aws.CredentialsProvider, err error) *Error {
	if p.profile != "" {
		return p.withSSOFix(ctx, p.explain("get the credentials of profile "+strconv.Quote(p.profile), err))
	}
	var tried []Attempt
	passed := func(source, reason string) { tried = append(tried, Attempt{source, reason}) }

	if p.environ("AWS_ACCESS_KEY_ID") == "" {
		passed("environment", "AWS_ACCESS_KEY_ID is not set")
	} else {
		passed("environment", "AWS_SECRET_ACCESS_KEY is not set")
	}
	failed := func(source string) *Error {
		e := p.withSSOFix(ctx, p.explain(source, err))
		e.Tried = slices.Concat(tried, []Attempt{{source, strings.TrimPrefix(e.Message, source+": ")}})
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
		passed(profile, "is in no file")
	} else {
		passed(profile, "has no credentials")
	}
	if container {
		return failed("container")
	}
	passed("container", "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI and AWS_CONTAINER_CREDENTIALS_FULL_URI are not set")
	e := failed("instance metadata")
	e.Kind, e.Message = Missing, "no credentials"
	e.Fix = "Set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, AWS_PROFILE or AWS_BEARER_TOKEN_BEDROCK, or run where a role is attached."
	return e
}

// withSSOFix completes a failure of a profile that signs in through IAM Identity
// Center.
func (p *plan) withSSOFix(ctx context.Context, e *Error) *Error {
	c, err := p.sharedConfig(ctx, p.profileName())
	if err == nil && isSSO(&c) && e.Kind != Unreachable && e.Kind != Denied {
		e.Kind = Expired
		e.Fix = "Run `aws sso login --profile " + p.profileName() + "`."
	}
	return e
}
