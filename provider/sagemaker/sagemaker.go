// Package sagemaker serves models behind endpoints of Amazon SageMaker AI, by the API of their
// containers: OpenAI's chat format, or text generation. Package openaicompat makes the calls; this
// package knows where endpoints are, signs the requests, and reads what SageMaker puts around the
// containers' responses.
package sagemaker

import (
	"cmp"
	"context"
	_ "embed"
	"errors"
	"fmt"
	"strings"
	"sync"

	"outcrop/internal/lazyregexp"
	"outcrop/llm"
	"outcrop/provider"
	"outcrop/provider/bedrock/creds"
	"outcrop/provider/bedrock/endpoint"
	"outcrop/provider/openaicompat"
	"outcrop/provider/transport"
	"outcrop/upstream"
)

//go:embed sagemaker.json
var textFile []byte

//go:embed sagemaker_chat.json
var chatFile []byte

//go:embed sagemaker_nova.json
var novaFile []byte

// defaultRegion is LiteLLM's.
const defaultRegion = "us-west-2"

// openAIRoute stands in front of the names of endpoints whose embeddings are in OpenAI's form.
const openAIRoute = "openai/"

// endpointName is the form of an endpoint's name, and of an inference component's (botocore's service
// model of sagemaker-runtime: EndpointName, InferenceComponentHeader). It is never written to.
var endpointName = lazyregexp.New(`^[a-zA-Z0-9](-*[a-zA-Z0-9]){0,62}$`)

// Providers describes SageMaker, once for each API of containers.
func Providers() []provider.Info {
	all := &sources{}
	return []provider.Info{
		all.describe(textFile, "Endpoints of Amazon SageMaker AI with containers that generate text from a prompt, or embed texts."),
		all.describe(chatFile, "Endpoints of Amazon SageMaker AI with containers that speak OpenAI's chat format."),
		all.describe(novaFile, "Endpoints of Amazon SageMaker AI with models of Amazon Nova."),
	}
}

// describe describes one of the APIs by its file.
func (s *sources) describe(file []byte, help string) provider.Info {
	f := openaicompat.NewFile(file)
	return provider.Info{
		Name: f.Name, Help: help, Options: sync.OnceValue(options),
		// The names of endpoints are the account's own, so the model * does not include them.
		Configured: func(func(string) string) bool { return false },
		Open: func(_ context.Context, p provider.Params) (provider.Deployment, error) {
			return s.deployment(p, f.Vendor())
		},
	}
}

// options are the settings of a deployment, with LiteLLM's names
// (https://docs.litellm.ai/docs/providers/aws_sagemaker).
func options() []provider.Option {
	return append([]provider.Option{
		{Name: "aws_region_name", Help: "Region of the endpoint; default AWS_REGION_NAME, AWS_REGION, AWS_DEFAULT_REGION, the profile's region, " + defaultRegion + "."},
		{Name: "model_id", Help: "Name of the inference component of the endpoint to call."},
		{Name: "hf_model_name", Help: "Name of the model at Hugging Face: the format of its prompts for sagemaker/, and the model in bodies for sagemaker_chat/ instead of the endpoint's name."},
		{Name: "sagemaker_base_url", Help: "URL to call instead of AWS's: with a path the whole address of calls, without one that of the runtime API, such as a VPC endpoint."},
		{Name: "aws_access_key_id", Help: "Access key id; requires aws_secret_access_key."},
		{Name: "aws_secret_access_key", Help: "Secret access key.", Secret: true},
		{Name: "aws_session_token", Help: "Session token of temporary credentials.", Secret: true},
		{Name: "aws_profile_name", Help: "Profile in the AWS configuration files."},
		{Name: "aws_role_name", Help: "ARN of a role to assume."},
		{Name: "aws_session_name", Help: "Session name for the assumed role."},
		{Name: "aws_external_id", Help: "External id that the role's trust policy requires."},
		{Name: "aws_web_identity_token", Help: "Web identity token to assume the role with, or its source, such as oidc/file/PATH.", Secret: true},
		{Name: "aws_session_tags", Help: "Session tags for the assumed role: a list of mappings with Key and Value.", Listed: true},
		{Name: "aws_sts_endpoint", Help: "URL of STS, instead of AWS's."},
	}, transport.Options()...)
}

// deployment is one endpoint, or all behind a wildcard.
type deployment struct {
	*openaicompat.Deployment

	end *end
}

// deployment opens a deployment for an API of containers.
func (s *sources) deployment(p provider.Params, v *openaicompat.Vendor) (provider.Deployment, error) {
	p = p.WithDefaults()
	if err := checkNames(p); err != nil {
		return nil, err
	}
	client, made, err := transport.Connect(p, upstream.Anywhere, "AWS_CA_BUNDLE")
	if err != nil {
		return nil, err
	}
	e := &end{params: p, client: client, sources: s, vendor: v}
	if e.source, err = s.take(e, made); err != nil {
		return nil, optionError(p.Values, err)
	}
	if err := e.resolve(); err != nil {
		_ = e.Close() // it has no error
		return nil, optionError(p.Values, err)
	}
	if v.Name == "sagemaker" {
		v = v.With(dialect{name: p.Values["hf_model_name"]})
	}
	d := openaicompat.Open(p, v, e, client, &openaicompat.Overrides{Options: options()})
	if strings.Contains(p.Model, "*") {
		e.refresh = d.Refresh
	}
	s.joined(e)
	return &deployment{d, e}, nil
}

// checkNames checks the names of the endpoint and of the inference component.
func checkNames(p provider.Params) error {
	if name := strings.TrimPrefix(p.Model, openAIRoute); !strings.Contains(name, "*") && !endpointName.MatchString(name) {
		return &provider.OptionError{Option: "model", Reason: fmt.Sprintf("%q is not the name of an endpoint: it has up to 63 letters, digits and hyphens", llm.Clip(name, 100))}
	}
	if id := p.Values["model_id"]; id != "" && !endpointName.MatchString(id) {
		return &provider.OptionError{Option: "model_id", Reason: fmt.Sprintf("%q is not the name of an inference component: it has up to 63 letters, digits and hyphens", llm.Clip(id, 100))}
	}
	return nil
}

// optionError turns an invalid endpoint or credential into a *provider.OptionError.
func optionError(values map[string]string, err error) error {
	if e, ok := errors.AsType[*endpoint.Error](err); ok {
		option := e.Setting
		switch {
		case option == "region" && values["aws_region_name"] != "":
			option = "aws_region_name"
		case values[option] == "": // it comes from the environment, whose variable the message names
			return &provider.OptionError{Option: "model", Reason: e.Error()}
		}
		return &provider.OptionError{Option: option, Reason: strings.TrimPrefix(e.Error(), e.Setting+": ")}
	}
	if e, ok := errors.AsType[*creds.Error](err); ok {
		return &provider.OptionError{Option: cmp.Or(e.Setting, credentialOption(values)), Reason: e.Error()}
	}
	return err
}

// credentialOption is the setting that determined the credentials, in the order of creds.Open.
func credentialOption(values map[string]string) string {
	for _, name := range []string{"aws_role_name", "aws_web_identity_token", "aws_profile_name", "aws_access_key_id", "aws_secret_access_key", "aws_session_token"} {
		if values[name] != "" {
			return name
		}
	}
	return "aws_profile_name"
}

// Targets returns the one target of an endpoint.
func (d *deployment) Targets(verb llm.Verb, model string) ([]provider.Target, error) {
	if !endpointName.MatchString(strings.TrimPrefix(model, openAIRoute)) {
		return nil, llm.Invalid("model", "model %q is not the name of an endpoint: it has up to 63 letters, digits and hyphens", llm.Clip(model, 100))
	}
	return d.Deployment.Targets(verb, model)
}

// Ready returns nil if there are credentials.
func (d *deployment) Ready(ctx context.Context) error {
	if _, err := d.end.source.Get(ctx); err != nil {
		return credentialError(err)
	}
	return nil
}

// Doubts reports a region that does not exist.
func (d *deployment) Doubts() []provider.Doubt {
	wrong := endpoint.CheckRegion(d.end.at.Region)
	if wrong == nil || d.end.at.From != "" {
		return nil
	}
	option := ""
	if d.params().Values["aws_region_name"] != "" {
		option = "aws_region_name"
	}
	return []provider.Doubt{{Option: option, Message: wrong.Error(), Hint: "Set aws_region_name or AWS_REGION to the endpoint's region.", Mild: !wrong.Certain, Local: true}}
}

func (d *deployment) params() *provider.Params { return &d.end.params }

var (
	_ provider.Readier  = (*deployment)(nil)
	_ provider.Reviewer = (*deployment)(nil)
)
