package creds

import (
	"context"
	"log/slog"
	"maps"
	"net"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/sts/types"
)

// plan is what Open derives from Options: the source of the credentials.
type plan struct {
	kind        Kind
	options     Options     // without secrets
	given       Credentials // the options' access key or API key; zero if there is none
	environ     func(string) string
	profile     string // a configured profile; empty for that of the chain
	role        string // to assume; empty for none
	sessionName string
	externalID  string
	tags        []types.Tag
	token       tokenReader // for Options.WebIdentityToken; nil for none
	dial        dial
}

// Open creates the source of a deployment's credentials. It does not use the network;
// it reads AWS's configuration files if a profile is set. Errors are of type *Error.
//
// Settings take precedence over the environment: if a key, a profile or a role is set,
// every variable that would name another is ignored. The first of these that is set
// wins:
//
//   - APIKey;
//   - Role, assumed with WebIdentityToken, or by Profile, by the access key, or
//     by the chain;
//   - Profile, and nothing else if it has no credentials;
//   - the access key, both halves;
//   - AWS_BEARER_TOKEN_BEDROCK, unless NoAPIKey;
//   - AWS_ROLE_NAME, with AWS_WEB_IDENTITY_TOKEN; then AWS_PROFILE_NAME;
//   - the AWS SDKs' chain: AWS_ACCESS_KEY_ID, web identity, the profile of
//     AWS_PROFILE or default (with its IAM Identity Center session, process or
//     role), the container's endpoint, and the instance metadata service.
//
// The session name and external id of a role default to AWS_SESSION_NAME and
// AWS_EXTERNAL_ID.
func Open(o Options) (*Source, error) {
	p, err := newPlan(o)
	if err != nil {
		return nil, err
	}
	return newSource(p), nil
}

// newSource makes the source of a plan.
func newSource(p *plan) *Source {
	s := &Source{plan: p, now: p.options.Now, logger: p.options.Logger}
	if s.logger == nil {
		s.logger = slog.New(slog.DiscardHandler)
	}
	if s.now == nil {
		s.now = time.Now
	}
	s.ctx, s.cancel = context.WithCancel(context.Background())
	st := &state{}
	if p.kind == Bearer || p.kind == Static {
		st.credentials = p.given
	} else {
		s.fetch = p.fetch
	}
	s.state.Store(st)
	return s
}

func newPlan(o Options) (*plan, error) {
	p := &plan{options: o, environ: o.Environ, profile: o.Profile, role: o.Role, dial: new(net.Dialer).DialContext}
	token := o.WebIdentityToken
	if p.environ == nil {
		p.environ = os.Getenv
	}
	p.options.APIKey, p.options.SecretKey, p.options.SessionToken, p.options.WebIdentityToken = "", "", "", ""
	if o.APIKey != "" {
		p.given = Credentials{secrets: seal("", "", o.APIKey)}
	} else if o.AccessKey != "" {
		p.given = Credentials{AccessKey: o.AccessKey, secrets: seal(o.SecretKey, o.SessionToken, "")}
	}
	switch keys := o.AccessKey != "" || o.SecretKey != "" || o.SessionToken != ""; {
	case o.APIKey != "":
		p.kind = Bearer
		return p, nil
	case keys && o.AccessKey == "":
		return nil, wrongSetting("aws_access_key_id", "is missing, but aws_secret_access_key or aws_session_token is set")
	case keys && o.SecretKey == "":
		return nil, wrongSetting("aws_secret_access_key", "is missing, but aws_access_key_id or aws_session_token is set")
	case o.Role != "" || o.WebIdentityToken != "":
	case o.Profile != "":
		p.kind = Profile
	case keys:
		p.kind = Static
		return p, nil
	default:
		if key := p.environ("AWS_BEARER_TOKEN_BEDROCK"); key != "" && !o.NoAPIKey {
			p.kind, p.given = Bearer, Credentials{origin: "AWS_BEARER_TOKEN_BEDROCK", secrets: seal("", "", key)}
			return p, nil
		}
		p.role, token, p.profile = p.environ("AWS_ROLE_NAME"), p.environ("AWS_WEB_IDENTITY_TOKEN"), p.environ("AWS_PROFILE_NAME")
		p.kind = Chain
		if p.profile != "" {
			p.kind = Profile
		}
	}
	if err := p.setRole(token); err != nil {
		return nil, err
	}
	if p.profile != "" {
		if err := p.checkProfile(context.Background()); err != nil {
			return nil, err
		}
	}
	return p, nil
}

// setRole sets the fields for assuming a role if one is set, with the token if that is
// not empty.
func (p *plan) setRole(token string) error {
	switch {
	case p.role == "" && token != "":
		return wrongSetting("aws_role_name", "is missing, but aws_web_identity_token is set")
	case p.role == "":
		return nil
	case !isRoleARN(p.role):
		return wrongSetting("aws_role_name", "%q is not the ARN of a role, such as arn:aws:iam::123456789012:role/name", p.role)
	}
	p.kind = Role
	if token != "" {
		if p.token = p.readerOf(token); p.token == nil {
			return wrongSetting("aws_web_identity_token", "must be a token or one of %s", tokenForms)
		}
	}
	p.sessionName, p.externalID = p.options.SessionName, p.options.ExternalID
	if p.sessionName == "" {
		p.sessionName = p.environ("AWS_SESSION_NAME")
	}
	if p.sessionName == "" {
		p.sessionName = "outcrop-" + strconv.FormatInt(time.Now().Unix(), 10)
	}
	if p.externalID == "" {
		p.externalID = p.environ("AWS_EXTERNAL_ID")
	}
	for _, key := range slices.Sorted(maps.Keys(p.options.SessionTags)) {
		p.tags = append(p.tags, types.Tag{Key: aws.String(key), Value: aws.String(p.options.SessionTags[key])})
	}
	return p.checkRole()
}

// checkRole checks the settings of the role's session against the limits of STS
// (https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRole.html).
func (p *plan) checkRole() error {
	const marks = "=,.@-_+"
	switch {
	case len(p.sessionName) < 2 || len(p.sessionName) > 64 || !isMadeOf(p.sessionName, marks):
		return wrongSetting("aws_session_name", "%q must have 2 to 64 characters: letters, digits and =,.@-_+", p.sessionName)
	case p.externalID != "" && (len(p.externalID) < 2 || len(p.externalID) > 1224 || !isMadeOf(p.externalID, marks+":/")):
		return wrongSetting("aws_external_id", "must have 2 to 1224 characters: letters, digits and =,.@-_+:/")
	case len(p.tags) > 0 && p.token != nil:
		return wrongSetting("aws_session_tags", "cannot be combined with aws_web_identity_token, whose claims are the tags")
	}
	return nil
}

// isMadeOf reports whether a text contains only ASCII letters and digits and marks.
func isMadeOf(s, marks string) bool {
	return !strings.ContainsFunc(s, func(r rune) bool {
		return (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') && !strings.ContainsRune(marks, r)
	})
}

// checkProfile checks that the configured profile exists and has credentials of its
// own: if it has none, the AWS SDK would continue with the container and the instance.
func (p *plan) checkProfile(ctx context.Context) *Error {
	c, err := p.sharedConfig(ctx, p.profile)
	if err != nil {
		return p.explain("read profile "+strconv.Quote(p.profile), err)
	}
	for leaf := &c; ; leaf = leaf.Source {
		if leaf.Source != nil {
			continue
		}
		if !hasCredentials(leaf) {
			return &Error{
				Kind: Missing, Message: "profile " + strconv.Quote(leaf.Profile) + " has no credentials",
				Fix: "Run `aws configure --profile " + leaf.Profile + "` or `aws configure sso --profile " + leaf.Profile + "`.",
			}
		}
		return nil
	}
}

func hasCredentials(c *config.SharedConfig) bool {
	return c.Credentials.HasKeys() || c.CredentialSource != "" || c.WebIdentityTokenFile != "" || isSSO(c) ||
		c.LoginSession != "" || c.CredentialProcess != ""
}

func isSSO(c *config.SharedConfig) bool { return c.SSOAccountID != "" || c.SSOSessionName != "" }

// sharedConfig reads a profile from AWS's configuration files.
func (p *plan) sharedConfig(ctx context.Context, profile string) (config.SharedConfig, error) {
	return config.LoadSharedConfigProfile(ctx, profile, func(o *config.LoadSharedConfigOptions) {
		if f := p.environ("AWS_CONFIG_FILE"); f != "" {
			o.ConfigFiles = []string{f}
		}
		if f := p.environ("AWS_SHARED_CREDENTIALS_FILE"); f != "" {
			o.CredentialsFiles = []string{f}
		}
	})
}

// profileName returns the profile in use, configured or not.
func (p *plan) profileName() string {
	for _, name := range []string{p.profile, p.environ("AWS_PROFILE"), p.environ("AWS_DEFAULT_PROFILE")} {
		if name != "" {
			return name
		}
	}
	return "default"
}

func (p *plan) region(ctx context.Context) string {
	for _, name := range []string{"AWS_REGION_NAME", "AWS_REGION", "AWS_DEFAULT_REGION"} {
		if v := p.environ(name); v != "" {
			return v
		}
	}
	c, err := p.sharedConfig(ctx, p.profileName())
	if err != nil {
		return ""
	}
	return c.Region
}

// isRoleARN reports whether a text has the form of a role's ARN.
func isRoleARN(s string) bool {
	part := strings.SplitN(s, ":", 6)
	return len(part) == 6 && part[0] == "arn" && part[2] == "iam" && strings.HasPrefix(part[5], "role/") && len(part[5]) > len("role/")
}
