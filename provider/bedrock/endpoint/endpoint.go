// Package endpoint knows where AWS's APIs for models are: the partition of a
// region, the host of a service in it, the settings that put another host in
// its place, and the paths of the calls.
//
// Host names and partitions are those of AWS's service models and of
// partitions.json, as botocore and aws-sdk-go-v2 carry them. Nothing here does
// I/O; the environment is what the caller says it is.
package endpoint

import (
	"fmt"
	"net/url"
	"slices"
	"strings"
)

// Service is one of AWS's APIs.
type Service int

// Services.
const (
	Runtime      Service = iota + 1 // models are called here
	Control                         // models and profiles are listed here
	AgentRuntime                    // agents, knowledge bases, reranking
	Mantle                          // the OpenAI and Anthropic APIs on Bedrock

	SageMakerRuntime // endpoints of SageMaker are invoked here
	SageMaker        // endpoints of SageMaker are listed here

	SecretsManager // secrets of the configuration are read here
)

// facts are what differs from service to service.
type facts struct {
	host      string   // what stands before the region in the host
	signing   string   // name in a signature's scope
	dualStack bool     // has only hosts under the dual-stack suffix
	environ   []string // variables with an endpoint for this service alone, the strongest first
	sdk       string   // the same, as the AWS SDKs name it; empty if they have none

	// fips and govFIPS begin the FIPS hosts in the partitions aws and aws-us-gov; empty where they
	// follow from host, as in all other partitions.
	fips, govFIPS string
}

func (s Service) facts() facts {
	switch s {
	case Runtime:
		return facts{host: "bedrock-runtime", signing: "bedrock", environ: []string{"AWS_BEDROCK_RUNTIME_ENDPOINT"}, sdk: "AWS_ENDPOINT_URL_BEDROCK_RUNTIME"}
	case Control:
		return facts{host: "bedrock", signing: "bedrock", sdk: "AWS_ENDPOINT_URL_BEDROCK"}
	case AgentRuntime:
		return facts{host: "bedrock-agent-runtime", signing: "bedrock", sdk: "AWS_ENDPOINT_URL_BEDROCK_AGENT_RUNTIME"}
	case Mantle:
		return facts{host: "bedrock-mantle", signing: "bedrock-mantle", dualStack: true, environ: []string{"BEDROCK_MANTLE_API_BASE"}}
	case SageMakerRuntime:
		return facts{host: "runtime.sagemaker", signing: "sagemaker", sdk: "AWS_ENDPOINT_URL_SAGEMAKER_RUNTIME", fips: "runtime-fips.sagemaker", govFIPS: "runtime.sagemaker"}
	case SageMaker:
		return facts{host: "api.sagemaker", signing: "sagemaker", sdk: "AWS_ENDPOINT_URL_SAGEMAKER", fips: "api-fips.sagemaker", govFIPS: "api-fips.sagemaker"}
	case SecretsManager:
		return facts{host: "secretsmanager", signing: "secretsmanager", sdk: "AWS_ENDPOINT_URL_SECRETS_MANAGER"}
	default:
		return facts{}
	}
}

// String begins the service's host, such as bedrock-runtime.
func (s Service) String() string { return s.facts().host }

// Settings select an endpoint.
type Settings struct {
	// Region is where the call goes. It may be empty if Override, or what stands
	// in its place, is a host of AWS's own, whose name holds it.
	Region string
	// Override is the deployment's own endpoint, http or https, such as
	// https://vpce-0a1b-c2d3.bedrock-runtime.eu-west-1.vpce.amazonaws.com or
	// http://localhost:4566/aws: empty for none.
	Override string
	// OverrideName is the setting that Override comes from, for errors; such as
	// aws_bedrock_runtime_endpoint.
	OverrideName string
	// Environ looks up an environment variable; nil is an empty environment.
	// AWS_USE_FIPS_ENDPOINT=true and AWS_USE_DUALSTACK_ENDPOINT=true ask for AWS's
	// hosts of that kind, which does not bear on an override.
	Environ func(string) string
}

// Endpoint is where a service is called.
type Endpoint struct {
	Scheme string // http or https
	Host   string // with its port if it is not the scheme's own
	// Region and Signing are the region and the service to sign for.
	Region, Signing string
	// From is the setting that put this endpoint in place of AWS's own; empty if
	// it is AWS's own.
	From string

	prefix, rawPrefix string // an override's path, without a slash at its end: unescaped and as written
}

// String is the endpoint's base URL, without a slash at its end.
func (e *Endpoint) String() string { return e.Scheme + "://" + e.Host + e.rawPrefix }

// Error is an invalid value of a setting.
type Error struct {
	Setting string // a field of Settings or an environment variable
	Value   string // empty where it could hold a password
	Reason  string // what is wrong and what is accepted
}

func (e *Error) Error() string {
	if e.Value == "" {
		return e.Setting + ": " + e.Reason
	}
	return fmt.Sprintf("%s: %q %s", e.Setting, e.Value, e.Reason)
}

// Resolve gives the endpoint of a service. An endpoint that is set takes the
// place of AWS's own; the first of these wins:
//
//   - s.Override;
//   - LiteLLM's variable for the service, such as AWS_BEDROCK_RUNTIME_ENDPOINT;
//   - the AWS SDKs' variable for the service, such as AWS_ENDPOINT_URL_BEDROCK_RUNTIME;
//   - AWS_ENDPOINT_URL.
//
// AWS_IGNORE_CONFIGURED_ENDPOINT_URLS=true takes out the last two (AWS SDKs and
// Tools Reference Guide, "Service-specific endpoints"). The region of a host of
// AWS's own is the one to sign for, whatever s.Region says: AWS refuses any
// other. Errors are of type *Error.
func Resolve(service Service, s Settings) (*Endpoint, error) {
	if s.Environ == nil {
		s.Environ = func(string) string { return "" }
	}
	f := service.facts()
	if f.host == "" {
		return nil, &Error{Setting: "service", Reason: "is not known"}
	}
	if s.Region != "" && !ValidRegion(s.Region) {
		return nil, &Error{"region", s.Region, "is not the name of an AWS region, such as eu-west-1"}
	}
	if value, name := override(f, s); value != "" {
		return custom(value, name, f, s)
	}
	if s.Region == "" {
		return nil, &Error{Setting: "region", Reason: "is not set; set aws_region_name or AWS_REGION"}
	}
	host, err := hostOf(f, s.Region, isTrue(s, "AWS_USE_FIPS_ENDPOINT"), isTrue(s, "AWS_USE_DUALSTACK_ENDPOINT"))
	if err != nil {
		return nil, err
	}
	return &Endpoint{Scheme: "https", Host: host, Region: s.Region, Signing: f.signing}, nil
}

func isTrue(s Settings, name string) bool { return strings.EqualFold(s.Environ(name), "true") }

// override gives the endpoint that is set for a service, and the setting's name.
func override(f facts, s Settings) (value, name string) {
	if s.Override != "" {
		if s.OverrideName == "" {
			return s.Override, "endpoint"
		}
		return s.Override, s.OverrideName
	}
	names := f.environ
	if !isTrue(s, "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS") {
		names = append(slices.Clip(names), f.sdk, "AWS_ENDPOINT_URL")
	}
	for _, name := range names {
		if name == "" {
			continue
		}
		if v := s.Environ(name); v != "" {
			return v, name
		}
	}
	return "", ""
}

// custom makes the endpoint at an address that a setting names.
func custom(value, name string, f facts, s Settings) (*Endpoint, error) {
	u, err := url.Parse(value)
	switch {
	case err != nil:
		return nil, &Error{Setting: name, Reason: "is not a URL"} // its text may hold a password
	case u.User != nil:
		return nil, &Error{Setting: name, Reason: "must not contain a user name or password"}
	case u.Scheme != "http" && u.Scheme != "https" || u.Host == "":
		return nil, &Error{name, plain(value), "must be a URL that begins with https:// or http://"}
	case u.RawQuery != "" || u.Fragment != "" || u.ForceQuery:
		return nil, &Error{name, plain(value), "must not have a query or fragment (? or #)"}
	}
	e := &Endpoint{
		Scheme: u.Scheme, Host: u.Host, Region: s.Region, Signing: f.signing, From: name,
		prefix: strings.TrimRight(u.Path, "/"), rawPrefix: strings.TrimRight(u.EscapedPath(), "/"),
	}
	if r := RegionOf(u.Host); r != "" {
		e.Region = r
	}
	if e.Region == "" {
		return nil, &Error{Setting: "region", Reason: "is not set, and the host of " + name + " does not contain one; set aws_region_name or AWS_REGION"}
	}
	return e, nil
}

// plain is an address without its query and fragment, which may hold a key.
func plain(address string) string {
	if i := strings.IndexAny(address, "?#"); i >= 0 {
		return address[:i]
	}
	return address
}

// hostOf gives AWS's own host of a service in a region.
func hostOf(f facts, region string, fips, dualStack bool) (string, error) {
	p := PartitionOf(region)
	if fips && f.dualStack {
		return "", &Error{Setting: "AWS_USE_FIPS_ENDPOINT", Reason: f.host + " has no FIPS endpoint"}
	}
	suffix := p.DNSSuffix
	if dualStack || f.dualStack {
		suffix = p.DualStackSuffix
	}
	host := f.host
	switch {
	case fips && !dualStack && f.fips != "" && p.ID == "aws":
		host = f.fips
	case fips && !dualStack && f.govFIPS != "" && p.ID == "aws-us-gov":
		host = f.govFIPS
	case fips:
		host += "-fips"
	}
	return host + "." + region + "." + suffix, nil
}
