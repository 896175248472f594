package modelid

import (
	"strings"

	"outcrop/provider/bedrock/endpoint"
)

// Kind is the kind of resource that an ARN names.
type Kind int

// Kinds. The first ones can be called as a model.
const (
	NoARN                       Kind = iota
	FoundationModel                  // arn:aws:bedrock:{region}::foundation-model/{model id}
	InferenceProfile                 // ...:{account}:inference-profile/{geography}.{model id}
	ApplicationInferenceProfile      // ...:application-inference-profile/{id}
	ProvisionedModel                 // ...:provisioned-model/{id}
	ImportedModel                    // ...:imported-model/{id}
	CustomModel                      // ...:custom-model/{base model id}/{id}
	CustomModelDeployment            // ...:custom-model-deployment/{id}
	PromptRouter                     // ...:prompt-router/{id}
	DefaultPromptRouter              // ...:default-prompt-router/{name}
	Prompt                           // ...:prompt/{id}[:{version}]
	SageMakerEndpoint                // arn:aws:sagemaker:{region}:{account}:endpoint/{name}: a Marketplace model
	AgentRuntime                     // arn:aws:bedrock-agentcore:{region}:{account}:runtime/{id}
	Guardrail                        // not a model
	AsyncInvocation                  // not a model
	InvocationJob                    // not a model
	OtherResource                    // a resource of an unknown kind
)

// String returns the kind's name in an ARN, such as foundation-model; it is empty for
// NoARN and OtherResource.
func (k Kind) String() string {
	switch k {
	case FoundationModel:
		return "foundation-model"
	case InferenceProfile:
		return "inference-profile"
	case ApplicationInferenceProfile:
		return "application-inference-profile"
	case ProvisionedModel:
		return "provisioned-model"
	case ImportedModel:
		return "imported-model"
	case CustomModel:
		return "custom-model"
	case CustomModelDeployment:
		return "custom-model-deployment"
	case PromptRouter:
		return "prompt-router"
	case DefaultPromptRouter:
		return "default-prompt-router"
	case Prompt:
		return "prompt"
	case SageMakerEndpoint:
		return "endpoint"
	case AgentRuntime:
		return "runtime"
	case Guardrail:
		return "guardrail"
	case AsyncInvocation:
		return "async-invoke"
	case InvocationJob:
		return "model-invocation-job"
	default:
		return ""
	}
}

// service returns the service that a kind belongs to.
func (k Kind) service() string {
	switch k {
	case SageMakerEndpoint:
		return "sagemaker"
	case AgentRuntime:
		return "bedrock-agentcore"
	default:
		return "bedrock"
	}
}

func kindOf(service, name string) Kind {
	for k := FoundationModel; k < OtherResource; k++ {
		if k.String() == name && k.service() == service {
			return k
		}
	}
	return OtherResource
}

// ARN is the parsed Amazon Resource Name of a Bedrock, AgentCore or SageMaker endpoint
// resource. The zero value means no ARN.
type ARN struct {
	Partition string // aws, aws-us-gov, aws-cn, ...
	Service   string // bedrock, bedrock-agentcore or sagemaker
	Region    string // empty in the model ARN that policies for global profiles name
	Account   string // 12 digits; empty for AWS's own resources
	Kind      Kind
	// Resource is what follows the kind: a model id, profile id or other id; for an
	// OtherResource it includes the kind.
	Resource string
	// SubResource is the id after a custom model's base, the version of a prompt, or the
	// part after the id of an AgentCore runtime.
	SubResource string
}

// String returns the ARN in the form that ParseARN reads; it is empty for the zero ARN.
func (a ARN) String() string {
	if a.Kind == NoARN {
		return ""
	}
	s := "arn:" + a.Partition + ":" + a.Service + ":" + a.Region + ":" + a.Account + ":"
	if a.Kind != OtherResource {
		s += a.Kind.String() + "/"
	}
	s += a.Resource
	if a.SubResource != "" {
		if a.Kind == Prompt {
			return s + ":" + a.SubResource
		}
		return s + "/" + a.SubResource
	}
	return s
}

// ParseARN parses an ARN. Errors are of type *Error.
func ParseARN(s string) (ARN, error) {
	if err := checkBytes(s, true); err != nil {
		return ARN{}, err
	}
	return parseARN(s)
}

const arnForm = "arn:aws:bedrock:us-east-1:123456789012:inference-profile/us.amazon.nova-pro-v1:0"

// parseARN is ParseARN for a string whose bytes have been checked.
func parseARN(s string) (ARN, error) {
	var a ARN
	var head, resource string
	var ok bool
	rest := s
	for i, part := range [...]*string{&head, &a.Partition, &a.Service, &a.Region, &a.Account} {
		*part, rest, ok = strings.Cut(rest, ":")
		if !ok {
			return ARN{}, &Error{Input: s, Part: s, Reason: "is an ARN of " + [...]string{"one part", "two parts", "three parts", "four parts", "five parts"}[i] + ", not six", Hint: arnForm}
		}
	}
	resource = rest
	switch {
	case head != "arn":
		return ARN{}, &Error{Input: s, Part: head, Reason: "is not the beginning of an ARN", Hint: arnForm}
	case a.Partition != "aws" && !strings.HasPrefix(a.Partition, "aws-"):
		return ARN{}, &Error{Input: s, Part: a.Partition, Reason: "is not an AWS partition", Hint: "arn:aws" + s[len("arn:")+len(a.Partition):]}
	case a.Service != "bedrock" && a.Service != "sagemaker" && a.Service != "bedrock-agentcore":
		return ARN{}, &Error{Input: s, Part: a.Service, Reason: "is not an AWS service with models", Hint: arnForm}
	case a.Region != "" && !endpoint.ValidRegion(a.Region):
		return ARN{}, &Error{Input: s, Part: a.Region, Reason: "is not a region", Hint: arnForm}
	case a.Account != "" && !isAccount(a.Account):
		return ARN{}, &Error{Input: s, Part: a.Account, Reason: "is not an account id of 12 digits", Hint: arnForm}
	}
	kind, id, _ := strings.Cut(resource, "/")
	a.Kind = kindOf(a.Service, kind)
	a.Resource = id
	separator := ""
	switch a.Kind {
	case OtherResource:
		a.Resource = resource
	case CustomModel, AgentRuntime:
		separator = "/"
	case Prompt:
		separator = ":"
	default: // the rest is the resource
	}
	if separator != "" {
		var more bool
		a.Resource, a.SubResource, more = strings.Cut(id, separator)
		if more && a.SubResource == "" {
			return ARN{}, &Error{Input: s, Part: resource, Reason: "ends with a " + separator, Hint: s[:len(s)-1]}
		}
	}
	if a.Resource == "" {
		return ARN{}, &Error{Input: s, Part: resource, Reason: "names a kind of resource, but not the resource", Hint: arnForm}
	}
	return a, nil
}

// model returns why an ARN cannot be called as a model; nil if it can.
func (a ARN) model(s string) error {
	switch {
	case a.Kind == Guardrail || a.Kind == AsyncInvocation || a.Kind == InvocationJob:
		return &Error{Input: s, Part: a.Kind.String(), Reason: "is not a model", Hint: arnForm}
	case a.Region == "":
		return &Error{Input: s, Part: a.String(), Reason: "has no region, so it cannot be called", Hint: "arn:" + a.Partition + ":" + a.Service + ":us-east-1:" + s[strings.Index(s, a.Service)+len(a.Service)+len("::"):]}
	case a.Account == "" && a.Kind != FoundationModel && a.Kind != OtherResource:
		return &Error{Input: s, Part: a.String(), Reason: "has no account", Hint: arnForm}
	case a.Kind == InferenceProfile || a.Kind == FoundationModel || a.Kind == CustomModel:
		return checkDots(s, a.Resource)
	}
	return nil
}

func isAccount(s string) bool { return len(s) == 12 && consists(s, '0', '9') }
