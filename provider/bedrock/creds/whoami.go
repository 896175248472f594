package creds

import (
	"context"
	"encoding/base64"
	"errors"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/aws/smithy-go"
)

// Caller is the identity that AWS reports for credentials.
type Caller struct {
	Account, ARN string
	// Endpoint is the STS endpoint that was called, successfully or not.
	Endpoint string
}

// WhoAmI calls STS GetCallerIdentity, in a region of the partition that the credentials
// belong to, or at the configured STS endpoint. It needs no permission
// (https://docs.aws.amazon.com/STS/latest/APIReference/API_GetCallerIdentity.html). STS
// does not accept Bedrock API keys, so the Caller of one is empty. A failure is an
// *Error, or the cause of ctx's end; Endpoint is then set if STS was called.
func (s *Source) WhoAmI(ctx context.Context, region string) (Caller, error) {
	c, err := s.Get(ctx)
	if err != nil || c.BearerToken() != "" {
		return Caller{}, err
	}
	who, failure := s.plan.whoAmI(ctx, c, region)
	switch {
	case failure == nil:
		return who, nil
	case ctx.Err() != nil:
		return who, context.Cause(ctx)
	default:
		return who, failure
	}
}

func (p *plan) whoAmI(ctx context.Context, c Credentials, region string) (Caller, *Error) {
	const what = "ask STS who the credentials are"
	ctx, cancel := context.WithTimeout(ctx, p.timeout(callTimeout))
	defer cancel()
	if named := p.stsEndpointRegion(); named != "" || region == "" {
		region = p.stsRegion(ctx)
	}
	client, failure := p.stsClient(&bound{ctx: ctx}, region, credentials.NewStaticCredentialsProvider(c.AccessKey, c.SecretKey(), c.SessionToken()))
	if failure != nil {
		return Caller{}, failure
	}
	who := Caller{Endpoint: p.stsEndpoint()}
	if who.Endpoint == "" {
		who.Endpoint = "STS in " + region
	}
	got, err := client.GetCallerIdentity(ctx, &sts.GetCallerIdentityInput{})
	if err != nil {
		e := p.explain(what, err)
		if _, said := errors.AsType[smithy.APIError](err); e.Kind == Misconfigured && !said { // the response is not from STS
			e.Kind, e.Message = Unreachable, what+": "+who.Endpoint+" does not respond like STS"
			e.Fix = "Check the configured STS endpoint and any proxy in between."
		}
		return who, e
	}
	who.Account, who.ARN = aws.ToString(got.Account), aws.ToString(got.Arn)
	if who.ARN == "" {
		return who, &Error{Kind: Unreachable, Message: what + ": " + who.Endpoint + " does not respond like STS", Fix: "Check the configured STS endpoint and any proxy in between."}
	}
	return who, nil
}

// ShortTermKey is the information encoded in a short-term Bedrock API key.
type ShortTermKey struct {
	// Region is the only region where the key is accepted.
	Region  string
	Expires time.Time
}

// shortTermPrefix begins a short-term key. The rest is the base64 of the URL of a
// presigned call without its scheme, as AWS's token generators make it
// (https://github.com/aws/aws-bedrock-token-generator-python). Keys of other forms last
// until the expiry that they were created with.
const shortTermPrefix = "bedrock-api-key-"

// ShortTermKey decodes the credentials if they are a short-term Bedrock API key. The
// session that the key was made in may end before Expires.
func (c Credentials) ShortTermKey() (ShortTermKey, bool) {
	text, ok := strings.CutPrefix(c.BearerToken(), shortTermPrefix)
	if !ok {
		return ShortTermKey{}, false
	}
	raw, err := base64.StdEncoding.DecodeString(text)
	if err != nil {
		if raw, err = base64.RawStdEncoding.DecodeString(text); err != nil {
			return ShortTermKey{}, true
		}
	}
	_, query, _ := strings.Cut(string(raw), "?")
	values, err := url.ParseQuery(query)
	if err != nil {
		return ShortTermKey{}, true
	}
	var key ShortTermKey
	if scope := strings.Split(values.Get("X-Amz-Credential"), "/"); len(scope) == 5 {
		key.Region = scope[2]
	}
	signed, dateErr := time.Parse("20060102T150405Z", values.Get("X-Amz-Date"))
	seconds, lifeErr := strconv.Atoi(values.Get("X-Amz-Expires"))
	if dateErr == nil && lifeErr == nil {
		key.Expires = signed.Add(time.Duration(seconds) * time.Second)
	}
	return key, true
}

// settingOrigin is the origin of a key in the settings.
const settingOrigin = "the setting aws_access_key_id"

// Origin describes where the source's current credentials come from.
func (s *Source) Origin() string {
	p, from := s.plan, s.state.Load().credentials.origin
	switch {
	case p.kind == Bearer && from == "":
		return "the setting api_key"
	case p.kind == Static:
		return settingOrigin
	case p.role != "" && from != "":
		return "role " + p.role + ", assumed with " + from
	case p.role != "":
		return "role " + p.role
	case from != "":
		return from
	case p.profile != "":
		return "profile " + strconv.Quote(p.profile)
	default:
		return "AWS's default credential chain"
	}
}

// originOf describes the source of credentials that the AWS SDK found, by the names of
// its providers.
func (p *plan) originOf(c aws.Credentials) string {
	profile := "profile " + strconv.Quote(p.profileName())
	switch name, _, _ := strings.Cut(c.Source, ":"); name {
	case "EnvConfigCredentials":
		return "the environment"
	case "SharedConfigCredentials":
		return profile
	case "SSOProvider":
		return profile + " through IAM Identity Center"
	case "AssumeRoleProvider":
		return profile + " through the role that it assumes"
	case "WebIdentityCredentials":
		return "a web identity token"
	case "ProcessProvider":
		return profile + " through its credential_process"
	case "EC2RoleProvider":
		return "the instance's role"
	case "CredentialsEndpointProvider":
		return "the container's role"
	case "":
		return ""
	default:
		return profile
	}
}
