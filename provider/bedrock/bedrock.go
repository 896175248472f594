// Package bedrock serves models of AWS Bedrock. It combines the packages below it: modelid parses
// the model string, endpoint finds the host, creds and sign authenticate the call, converse adapts
// it to the model, and diagnose explains failures.
package bedrock

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"outcrop/llm"
	"outcrop/provider"
	"outcrop/provider/bedrock/catalog"
	"outcrop/provider/bedrock/creds"
	"outcrop/provider/bedrock/diagnose"
	"outcrop/provider/bedrock/endpoint"
	"outcrop/provider/bedrock/modelid"
	"outcrop/provider/bedrock/resolve"
	"outcrop/provider/bedrock/sign"
	"outcrop/provider/transport"
	"outcrop/upstream"
)

// Providers are Provider and Mantle, which share what they read of an account.
func Providers() []provider.Info {
	known := newIdentities()
	return []provider.Info{runtimeOf(known), mantleOf(known)}
}

// Provider describes Bedrock.
func Provider() provider.Info { return runtimeOf(newIdentities()) }

func runtimeOf(known *identities) provider.Info {
	return provider.Info{
		Name:    "bedrock",
		Help:    "AWS Bedrock: every model that Converse or OpenAI's API there serves.",
		Options: sync.OnceValue(options),
		Has:     isKnownID,
		Open: func(_ context.Context, p provider.Params) (provider.Deployment, error) {
			return openAny(known, p, overridden{})
		},
	}
}

func newIdentities() *identities {
	return &identities{}
}

// Mantle describes LiteLLM's provider bedrock_mantle: models of Bedrock at the host bedrock-mantle, by the
// ids that they have there. Its settings and variables are LiteLLM's.
func Mantle() provider.Info { return mantleOf(newIdentities()) }

func mantleOf(known *identities) provider.Info {
	return provider.Info{
		Name:       "bedrock_mantle",
		Help:       "AWS Bedrock: models at the host bedrock-mantle.",
		Options:    sync.OnceValue(options),
		Configured: func(environ func(string) string) bool { return environ(mantleKey) != "" },
		Open: func(_ context.Context, p provider.Params) (provider.Deployment, error) {
			return openAny(known, asMantle(p.WithDefaults()), overridden{mantle: true})
		},
	}
}

// LiteLLM's variables for bedrock-mantle: its address, an API key and the region.
const (
	mantleBase   = "BEDROCK_MANTLE_API_BASE"
	mantleKey    = "BEDROCK_MANTLE_API_KEY"
	mantleRegion = "BEDROCK_MANTLE_REGION"
)

// asMantle has a deployment use the variables for bedrock-mantle, and take api_base for the address of that
// host.
func asMantle(p provider.Params) provider.Params {
	values := map[string]string{}
	maps.Copy(values, p.Values)
	for option, name := range map[string]string{"api_key": mantleKey, "aws_region_name": mantleRegion} {
		if value := p.Environ(name); value != "" && values[option] == "" {
			values[option] = value
		}
	}
	if base := values["api_base"]; base != "" {
		environ := p.Environ
		delete(values, "api_base")
		p.Environ = func(name string) string {
			if name == mantleBase {
				return base
			}
			return environ(name)
		}
	}
	p.Values = values
	return p
}

// isKnownID reports whether the built-in catalogue has a model or an inference profile
// with this id, or a model with this friendly name.
func isKnownID(id string) bool {
	known := catalog.Embedded()
	_, isModel := known.Model(id)
	_, isProfile := known.Profile(id)
	_, isName := known.Friendly(id)
	return isModel || isProfile || isName
}

// options are the settings that a deployment may have.
func options() []provider.Option {
	return []provider.Option{
		{Name: "api_base", Help: "URL of the runtime API, instead of AWS's; aws_bedrock_runtime_endpoint takes precedence.", ClientSettable: true},
		{Name: "api_key", Help: "Bedrock API key; default AWS_BEARER_TOKEN_BEDROCK.", Secret: true, ClientSettable: true},
		{Name: "aws_region_name", Help: "Region; default that of the model string or ARN, then AWS_REGION_NAME, AWS_REGION, AWS_DEFAULT_REGION, the profile's region, us-west-2.", ClientSettable: true},
		{Name: "aws_access_key_id", Help: "Access key id; requires aws_secret_access_key.", ClientSettable: true},
		{Name: "aws_secret_access_key", Help: "Secret access key.", Secret: true, ClientSettable: true},
		{Name: "aws_session_token", Help: "Session token of temporary credentials.", Secret: true, ClientSettable: true},
		{Name: "aws_profile_name", Help: "Profile in the AWS configuration files."},
		{Name: "aws_role_name", Help: "ARN of a role to assume.", ClientSettable: true},
		{Name: "aws_session_name", Help: "Session name for the assumed role.", ClientSettable: true},
		{Name: "aws_external_id", Help: "External id that the role's trust policy requires.", ClientSettable: true},
		{Name: "aws_web_identity_token", Help: "Web identity token to assume the role with, or its source, such as oidc/file/PATH.", Secret: true, ClientSettable: true},
		{Name: "aws_session_tags", Help: "Session tags for the assumed role: a list of mappings with Key and Value.", Listed: true},
		{Name: "aws_sts_endpoint", Help: "URL of STS, instead of AWS's."},
		{Name: "aws_bedrock_runtime_endpoint", Help: "URL of the runtime API, instead of AWS's, such as a VPC endpoint.", ClientSettable: true},
		{Name: "model_id", Help: "Id or ARN to call instead of the model string, which then only determines what the model supports."},
		{Name: "ssl_verify", Help: "Whether to verify certificates, or a file with the CAs to trust; default SSL_VERIFY, AWS_CA_BUNDLE, SSL_CERT_FILE."},
		{Name: "ssl_certificate", Help: "File with the client certificate, and its key unless ssl_certificate_key is set; default SSL_CERTIFICATE."},
		{Name: "ssl_certificate_key", Help: "File with the key of the client certificate."},
	}
}

// defaultRegion is LiteLLM's.
const defaultRegion = "us-west-2"

// service is the service name in the signatures of Bedrock's runtime and control plane.
const service = "bedrock"

// deployment is one model of Bedrock, or all behind a wildcard.
type deployment struct {
	params        provider.Params
	policy        resolve.Policy
	source        *shared
	account       *account
	identities    *identities
	signer        sign.Signer
	client        *upstream.Client
	listable      bool     // the control plane's lists apply to the deployment's calls
	home          string   // the region of calls that name none
	own           []string // the regions of such calls, best first: home, or those of the policy
	overrides     overridden
	overrideCache overrideCache

	mu    sync.RWMutex
	plans map[string]*plan // by model string
}

// openAny is open with the signature of provider.Info.
func openAny(known *identities, p provider.Params, v overridden) (provider.Deployment, error) {
	d, err := open(known, p, v)
	if err != nil {
		return nil, err
	}
	return d, nil
}

func open(known *identities, p provider.Params, v overridden) (*deployment, error) {
	p = p.WithDefaults()
	policy, err := resolve.NewPolicy(resolve.Written(p.Policy))
	if err != nil {
		return nil, optionError(p.Values, err)
	}
	client, made, err := transport.Connect(p, v.guard, "AWS_CA_BUNDLE")
	if err != nil {
		return nil, err
	}
	source, err := known.source(p, v, made)
	if err != nil {
		return nil, optionError(p.Values, err)
	}
	account, err := known.account(p, v)
	if err != nil {
		known.release(source)()
		return nil, err
	}
	d := &deployment{params: p, policy: policy, source: source, account: account, identities: known, client: client, overrides: v, plans: map[string]*plan{}}
	err = d.check()
	var unsupported *llm.Error
	switch {
	case errors.As(err, &unsupported): // each call says so, and Doubts; the other deployments can serve
	case err != nil:
		_ = d.Close() // it has no error
		return nil, optionError(p.Values, err)
	}
	return d, nil
}

// optionError turns an invalid model string, endpoint or credential into an *provider.OptionError.
func optionError(values map[string]string, err error) error {
	var id *modelid.Error
	var end *endpoint.Error
	var c *creds.Error
	var policy *resolve.PolicyError
	switch {
	case errors.As(err, &policy):
		return &provider.OptionError{Option: "policy." + policy.Setting, Reason: policy.Reason}
	case errors.As(err, &id):
		return &provider.OptionError{Option: "model", Reason: id.Error()}
	case errors.As(err, &end):
		return endpointError(values, end)
	case errors.As(err, &c) && values[c.Setting] != "":
		return &provider.OptionError{Option: c.Setting, Reason: c.Error()}
	case errors.As(err, &c):
		return &provider.OptionError{Option: credentialOption(values), Reason: c.Error()}
	default:
		return err
	}
}

// endpointError names the option behind a setting of the endpoint. A region without an option comes
// from the model string or the environment; its name, or that of the variable, stays in the
// message.
func endpointError(values map[string]string, err *endpoint.Error) error {
	option := err.Setting
	if option == "region" {
		option = "aws_region_name"
	}
	if values[option] == "" {
		return &provider.OptionError{Option: "model", Reason: err.Error()}
	}
	return &provider.OptionError{Option: option, Reason: strings.TrimPrefix(err.Error(), err.Setting+": ")}
}

// credentialOption is the setting that determined the credentials, in the order of creds.Open.
func credentialOption(values map[string]string) string {
	for _, name := range []string{"aws_role_name", "aws_web_identity_token", "aws_profile_name", "aws_access_key_id", "aws_secret_access_key", "aws_session_token"} {
		if values[name] != "" {
			return name
		}
	}
	return "api_key"
}

// check validates the settings without a call, and determines where the deployment's calls go.
func (d *deployment) check() error {
	var called, id modelid.ID
	if parsed, err := modelid.Parse(strings.Replace(d.params.Model, "*", "any", 1)); err == nil { // else the plan says what is wrong
		id, called = parsed, parsed
	}
	if own := d.params.Values["model_id"]; own != "" {
		if parsed, err := modelid.Parse(own); err == nil {
			called = parsed
		}
	}
	end, err := d.runtime(d.region(called, id))
	if err != nil {
		return err
	}
	control, err := d.control(end.Region)
	if err != nil {
		return err
	}
	// AWS's lists do not apply to other endpoints, and a deployment with its own endpoint must not
	// call AWS.
	d.listable = control.From != "" || end.From == "" || endpoint.RegionOf(end.Host) != ""
	d.home, d.own = end.Region, []string{end.Region}
	if wanted := d.policy.Regions; len(wanted) > 0 {
		d.policy.Regions = slices.DeleteFunc(slices.Clone(wanted), func(region string) bool {
			at, err := d.runtime(region)
			return err != nil || at.Region != region // a configured endpoint serves its own region
		})
		if len(d.policy.Regions) == 0 {
			return &resolve.PolicyError{Setting: "regions", Reason: "the configured endpoint is in " + end.Region + ", which is not one of " + strings.Join(wanted, ", ")}
		}
		d.own = d.policy.Regions
	}
	if !d.overrides.present { // regions that only clients name are not listed
		for _, region := range d.own {
			if regionError(region) == nil {
				d.account.AddRegion(region)
			}
		}
	}
	if strings.Contains(d.params.Model, "*") { // the models are known only at the calls
		return nil
	}
	p, err := d.plan(d.params.Model)
	if err != nil {
		return err
	}
	return p.err
}

// runtime is the endpoint of the runtime API in a region.
func (d *deployment) runtime(region string) (*endpoint.Endpoint, error) {
	v := d.params.Values
	override, name := v["aws_bedrock_runtime_endpoint"], "aws_bedrock_runtime_endpoint"
	if override == "" {
		override, name = v["api_base"], "api_base"
	}
	return endpoint.Resolve(endpoint.Runtime, endpoint.Settings{
		Region: region, Override: override, OverrideName: name, Environ: d.params.Environ,
	})
}

// control is the endpoint of the control plane in a region.
func (d *deployment) control(region string) (*endpoint.Endpoint, error) {
	return endpoint.Resolve(endpoint.Control, endpoint.Settings{Region: region, Environ: d.params.Environ})
}

// region is where a call goes. The deployment's setting takes precedence over the model string,
// which clients choose behind a wildcard.
func (d *deployment) region(called, id modelid.ID) string {
	if region := cmp.Or(d.params.Values["aws_region_name"], called.CallRegion(), id.CallRegion()); region != "" {
		return region
	}
	return cmp.Or(d.source.Region(context.Background()), defaultRegion) // this reads AWS's configuration files
}

// authenticate adds the credentials for a service in a region to a request, and returns them and their source.
func (d *deployment) authenticate(ctx context.Context, r *sign.Request, region, service string) (creds.Credentials, *creds.Source, error) {
	c, from, err := d.source.As(ctx, sessionTags(ctx))
	if err != nil {
		return c, from, d.withoutCredentials(err)
	}
	if token := c.BearerToken(); token != "" {
		sign.Bearer(r.Header, token)
	} else {
		d.signer.Sign(r, sign.Credentials{AccessKey: c.AccessKey, SecretKey: c.SecretKey(), SessionToken: c.SessionToken()}, region, service, d.now())
	}
	return c, from, nil
}

// withoutCredentials is the error for a call that cannot be signed.
func (d *deployment) withoutCredentials(err error) error {
	e := llm.AsError(credentialError(err))
	if d.overrides.ownCredentials {
		e.Actor = llm.ActorCaller
	}
	return e
}

func (d *deployment) now() time.Time { return d.params.Now() }

// withoutAccount is the hint for users without credentials.
const withoutAccount = "Without an AWS account, try `outcrop serve --demo` or `outcrop emulate bedrock`."

// credentialError turns a failure to get credentials into an error for the client: AWS was not
// called, and the client's own key is not at fault.
func credentialError(err error) error {
	var c *creds.Error
	if !errors.As(err, &c) {
		return diagnose.Transport(err, llm.Destination{})
	}
	e := &llm.Error{Code: llm.CodeCredentialsMissing, Status: 403, Message: c.Error() + ".", Fix: c.Fix, Err: err}
	switch c.Kind {
	case creds.Expired:
		e.Code = llm.CodeCredentialsExpired
		e.Retry = llm.RetryNo // refreshing them is what failed
	case creds.Invalid:
		e.Code = llm.CodeCredentialsInvalid
	case creds.Denied:
		e.Code = llm.CodeDenied
	case creds.Unreachable:
		e.Code, e.Status = llm.CodeUnreachable, 503
	case creds.Missing:
		e.Cause, e.Fix = c.Sources(), strings.TrimSpace(e.Fix+" "+withoutAccount)
	case creds.ProfileNotFound, creds.Misconfigured, creds.Closed:
	}
	return e
}

// Ready returns nil if there are credentials.
func (d *deployment) Ready(ctx context.Context) error {
	if _, err := d.source.Get(ctx); err != nil {
		return credentialError(err)
	}
	return nil
}

// Format writes the model string for every verb, because the settings contain secrets.
func (d *deployment) Format(f fmt.State, _ rune) {
	_, _ = f.Write([]byte("bedrock deployment of " + d.params.Model))
}

// Close ends the refreshing of credentials and the reading of lists.
func (d *deployment) Close() error {
	d.overrideCache.close()
	d.letGo()()
	return nil
}

// letGo releases what the deployment shares with others. It does not block; end closes what nobody
// else uses.
func (d *deployment) letGo() (end func()) {
	lists, credentials := d.identities.releaseAccount(d.account), d.identities.release(d.source)
	return func() {
		lists()
		credentials()
	}
}

// jsonHeader returns the initial headers of a call.
func jsonHeader() http.Header {
	return http.Header{"Content-Type": {"application/json"}}
}
