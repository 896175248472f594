package creds

import (
	"context"
	"net"
	"net/url"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials/stscreds"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/aws/smithy-go/logging"

	"outcrop/provider/bedrock/endpoint"
	"outcrop/upstream"
)

// isAmbientRole reports whether the role to assume is the one that a web identity of
// the environment already has, as on EKS: a role may lack permission to assume itself.
// Session tags require a session of their own, so it is false if there are any.
func (p *plan) isAmbientRole() bool {
	return len(p.tags) == 0 && p.profile == "" && p.given.secrets == nil && p.environ("AWS_ACCESS_KEY_ID") == "" &&
		p.environ("AWS_WEB_IDENTITY_TOKEN_FILE") != "" && p.environ("AWS_ROLE_ARN") == p.role
}

// isRole reports whether the caller's credentials, which STS denied the role, already
// belong to the role: on an instance, in a container or a pod with the role, which may
// lack permission to assume itself
// (https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_manage-assume.html).
// Session tags require a new session, so it is false if there are any.
func (p *plan) isRole(ctx context.Context, caller Credentials) bool {
	if len(p.tags) > 0 {
		return false
	}
	who, err := p.whoAmI(ctx, caller, "")
	return err == nil && sameRole(p.role, who.ARN)
}

// sameRole reports whether a session, arn:aws:sts::ACCOUNT:assumed-role/NAME/SESSION,
// belongs to a role, arn:aws:iam::ACCOUNT:role/PATH/NAME. The session's ARN omits the
// path, but names are unique in an account
// (https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_identifiers.html).
func sameRole(role, session string) bool {
	r, s := strings.SplitN(role, ":", 6), strings.SplitN(session, ":", 6)
	if len(r) != 6 || len(s) != 6 || r[1] != s[1] || r[4] != s[4] || s[2] != "sts" {
		return false
	}
	name, ok := strings.CutPrefix(s[5], "assumed-role/")
	name, _, _ = strings.Cut(name, "/")
	return ok && name == r[5][strings.LastIndex(r[5], "/")+1:]
}

// assume gets the role's credentials from STS, with the caller's credentials, which
// come from origin, or with a web identity token.
func (p *plan) assume(ctx context.Context, caller aws.CredentialsProvider, origin string) (Credentials, *Error) {
	ctx, cancel := context.WithTimeout(ctx, p.timeout(callTimeout))
	defer cancel()
	client, failure := p.stsClient(&bound{ctx: ctx}, p.stsRegion(ctx), caller)
	if failure != nil {
		return Credentials{}, failure
	}
	var provider aws.CredentialsProvider
	var jwt tokenText
	if p.token != nil {
		if jwt, failure = p.token(ctx); failure != nil {
			return Credentials{}, failure
		}
		provider = stscreds.NewWebIdentityRoleProvider(client, p.role, jwt, func(o *stscreds.WebIdentityRoleOptions) {
			o.RoleSessionName = p.sessionName // without a session policy: the permissions of the role apply
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
		return Credentials{}, jwt.hide(p.explain("assume "+p.role, err))
	}
	return fromSDK(got, origin), nil
}

// stsClient creates the client for one STS call.
func (p *plan) stsClient(calls *bound, region string, caller aws.CredentialsProvider) (*sts.Client, *Error) {
	if p.options.STSEndpoint != "" && p.options.Guard != upstream.Anywhere { // httpClient uses no proxy for link-local addresses
		calls.plain = (&net.Dialer{Control: p.options.Guard.Control}).DialContext
	}
	client, failure := p.httpClient(calls)
	if failure != nil {
		return nil, failure
	}
	o := sts.Options{Region: region, Credentials: caller, HTTPClient: client, Logger: logging.Nop{}, RetryMaxAttempts: 2}
	if address := p.stsEndpoint(); address != "" {
		o.BaseEndpoint = aws.String(address)
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

// stsEndpoint returns the configured STS endpoint; empty for none.
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

// stsRegion returns the region of the STS to call: that in the name of the configured
// endpoint, else the deployment's, else the environment's, else us-east-1, where AWS's
// original STS is.
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

// stsEndpointRegion returns the region in the name of the configured STS endpoint;
// empty if there is none.
func (p *plan) stsEndpointRegion() string {
	u, err := url.Parse(p.stsEndpoint())
	if err != nil {
		return ""
	}
	if region := endpoint.RegionOf(u.Host); region != "" {
		return region
	}
	if labels := strings.Split(u.Hostname(), "."); len(labels) >= 4 && labels[0] == "sts" && endpoint.ValidRegion(labels[1]) {
		return labels[1] // of a host that stands for AWS's
	}
	return ""
}
