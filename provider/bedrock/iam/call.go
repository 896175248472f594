package iam

import (
	"errors"
	"slices"
	"strings"

	"outcrop/provider/bedrock/catalog"
)

// What stands in a policy for what the caller did not say. Neither is an account's
// or role's name, so that a policy in which they were left grants nothing, and
// IAM's own check of policies calls the ARN an error (INVALID_ARN_ACCOUNT,
// https://docs.aws.amazon.com/IAM/latest/UserGuide/access-analyzer-reference-policy-checks.html).
const (
	AccountPlaceholder = "ACCOUNT_ID"
	RolePlaceholder    = "ROLE_NAME"
)

// Actions of a call, as IAM spells them. Converse needs InvokeModel, and
// ConverseStream InvokeModelWithResponseStream; there are no actions of their own
// (https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_Converse.html).
const (
	InvokeModel       = "bedrock:InvokeModel"
	InvokeModelStream = "bedrock:InvokeModelWithResponseStream"
	CountTokens       = "bedrock:CountTokens"
	ApplyGuardrail    = "bedrock:ApplyGuardrail"
	CallWithBearer    = "bedrock:CallWithBearerToken"
	CreateBatchJob    = "bedrock:CreateModelInvocationJob"

	// CreateInference and CallMantleWithBearer are those of bedrock-mantle, which has a service prefix of its own
	// (https://docs.aws.amazon.com/service-authorization/latest/reference/list_bedrock-mantle.html). The resource
	// is as in https://docs.aws.amazon.com/aws-managed-policy/latest/reference/AmazonBedrockMantleInferenceAccess.html.
	CreateInference      = "bedrock-mantle:CreateInference"
	CallMantleWithBearer = "bedrock-mantle:CallWithBearerToken"

	getBatchJob   = "bedrock:GetModelInvocationJob"
	stopBatchJob  = "bedrock:StopModelInvocationJob"
	listBatchJobs = "bedrock:ListModelInvocationJobs"
	passRole      = "iam:PassRole"
)

// Condition keys that a call's statements use.
const (
	profileKey = "bedrock:InferenceProfileArn"
	routerKey  = "bedrock:PromptRouterArn"
	regionKey  = "aws:RequestedRegion"
	viaKey     = "aws:CalledViaLast"
	passedKey  = "iam:PassedToService"

	// unspecified is the region of a request that any commercial region may serve
	// (https://docs.aws.amazon.com/bedrock/latest/userguide/global-cross-region-inference.html).
	unspecified = "unspecified"
	service     = "bedrock.amazonaws.com"
)

// Call is a call of a model.
type Call struct {
	// Account is the caller's, 12 digits. If it is empty that of the ARN in ID counts,
	// or else AccountPlaceholder stands in its place.
	Account string
	// Region is where the call is made, such as eu-west-1.
	Region string
	// ID is what AWS is given: a base id, a profile id, or an ARN.
	ID string
	// Base is the base id of the model beneath, for ARNs that do not tell it. The
	// catalogue goes before it.
	Base string

	Whole  bool // Converse or InvokeModel
	Stream bool // ConverseStream or InvokeModelWithResponseStream
	// Mantle is whether the model is called at bedrock-mantle, with OpenAI's API. Whole and Stream then need the
	// same action.
	Mantle bool
	// CountTokens counts a prompt's tokens without a call. AWS takes the base id for
	// it and no profile
	// (https://docs.aws.amazon.com/bedrock/latest/userguide/count-tokens.html).
	CountTokens bool
	// Batch makes and watches batch jobs, which run as Role: its ARN or name. If Role
	// is empty RolePlaceholder stands in its place.
	Batch bool
	Role  string
	// Guardrail is the id or ARN of a guardrail that the call names, empty for none.
	Guardrail string
	// APIKey is whether the call carries a Bedrock API key and no signature.
	APIKey bool
}

// Needs returns the minimum that a policy must allow for the call:
//
//   - A base id, or the ARN of an imported, custom or provisioned model: the action
//     on that alone.
//   - A geography's profile: the profile in the region of the call, and the model in
//     that region and in every one that may serve it, on condition that the call
//     comes through the profile. Where the catalogue does not know these regions
//     the model's ARN has * in place of the region, which opens nothing further: no
//     more leads there through this profile than the profile itself does
//     (https://docs.aws.amazon.com/bedrock/latest/userguide/geographic-cross-region-inference.html).
//   - A global profile: the profile, the model in the region of the call, and the
//     model's ARN without region, judged under aws:RequestedRegion = unspecified
//     (https://docs.aws.amazon.com/bedrock/latest/userguide/global-cross-region-inference.html).
//     AWS's example states the region of the call for the first two as well; their
//     ARNs hold it already.
//   - A profile that the account made: that profile, and the models that it leads to,
//     on condition of its ARN. The profile that it was copied from is not asked for
//     (https://docs.aws.amazon.com/bedrock/latest/userguide/inference-profiles-prereq.html).
//     Where neither catalogue nor Base tells the model it is any, still only
//     through this profile.
//   - A prompt router: the router, and on condition of its ARN any model and any of
//     the account's profiles, as which they are is not known here.
//   - A model at bedrock-mantle: the action there on the account's projects, to which calls belong; there
//     are no ARNs of models.
//   - A Marketplace endpoint: Bedrock's resource for all of them, and SageMaker's call
//     of that endpoint, as far as Bedrock makes it
//     (https://docs.aws.amazon.com/bedrock/latest/userguide/bedrock-marketplace.html).
//
// What an account needs once, before it can call a model at all, is Marketplace. known may be nil.
// An error names the field of Call that is wrong.
func Needs(c Call, known *catalog.Catalogue) (Document, error) {
	t, err := newTarget(c, known)
	if err != nil {
		return nil, err
	}
	var d Document
	switch actions := c.invokeActions(); {
	case len(actions) == 0:
	case c.Mantle:
		d = append(d, allow("CreateInference", []string{CreateInference}, "arn:"+t.partition+":bedrock-mantle:"+t.region+":"+t.account+":project/*"))
	default:
		d = append(d, t.invoke(actions)...)
	}
	if c.CountTokens {
		s, err := t.count()
		if err != nil {
			return nil, err
		}
		d = append(d, s)
	}
	if c.Guardrail != "" {
		arn, err := t.guardrail()
		if err != nil {
			return nil, err
		}
		d = append(d, allow("ApplyGuardrail", []string{ApplyGuardrail}, arn))
	}
	if c.Batch {
		d = append(d, t.batch()...)
	}
	if c.APIKey {
		action := CallWithBearer
		if c.Mantle {
			action = CallMantleWithBearer
		}
		d = append(d, allow("CallWithAPIKey", []string{action}, "*"))
	}
	if len(d) == 0 {
		return nil, errors.New("call: one of Whole, Stream, CountTokens, Guardrail, Batch and APIKey must be set")
	}
	return d, nil
}

// UsesAPIKey reports whether an action is that of using an API key, at either host.
func UsesAPIKey(action string) bool {
	return action == CallWithBearer || action == CallMantleWithBearer
}

func (c *Call) invokeActions() []string {
	var actions []string
	if c.Whole {
		actions = append(actions, InvokeModel)
	}
	if c.Stream {
		actions = append(actions, InvokeModelStream)
	}
	return actions
}

// Marketplace is the statement that whoever first calls a model of another maker
// than Amazon needs, for the subscription that Bedrock then makes in the
// account's name; later callers do not
// (https://docs.aws.amazon.com/bedrock/latest/userguide/model-access.html). The
// condition keeps it to what Bedrock asks for.
func Marketplace() Statement {
	return Statement{
		Sid: "SubscribeThroughBedrock", Effect: Allow,
		Actions: []string{"aws-marketplace:Subscribe", "aws-marketplace:ViewSubscriptions"}, Resources: []string{"*"},
		Conditions: []Condition{equals(viaKey, service)},
	}
}

// Missing gives the statement that is missing when AWS refused action on
// resource: that of Needs which holds both, for this action alone, so that a
// refusal for one region of a profile gives all its regions at once, under the
// profile's condition. Of a global profile's models, with and without region, it
// gives both in one statement under that condition alone: the ARN without region
// is judged in no other way than as unspecified. A region of which the catalogue
// does not know that the profile leads there is added to those of which it does.
// What else Needs does not hold is given as it was refused. The statement has no
// more than the call needs, and is enough if nothing else is missing. What c is to
// do follows from the action, and the model beneath an ARN that does not tell it
// from the refused resource.
func Missing(c Call, known *catalog.Catalogue, action, resource string) Statement {
	exact := Statement{Sid: sidOf(action), Effect: Allow, Actions: []string{action}, Resources: []string{resource}}
	c.Whole, c.Stream, c.APIKey = action == InvokeModel || action == CreateInference, action == InvokeModelStream, UsesAPIKey(action)
	c.Mantle = action == CreateInference || action == CallMantleWithBearer
	c.CountTokens = action == CountTokens
	c.Batch = slices.Contains([]string{CreateBatchJob, getBatchJob, stopBatchJob, listBatchJobs, passRole}, action)
	parts := strings.SplitN(resource, ":", 6)
	if c.Account == "" && len(parts) == 6 {
		c.Account = parts[4]
	}
	if model, ok := strings.CutPrefix(parts[len(parts)-1], "foundation-model/"); ok && c.Base == "" && !strings.Contains(model, "*") {
		c.Base = model
	}
	t, err := newTarget(c, known)
	if err != nil {
		return exact
	}
	d, err := Needs(c, known)
	if err != nil {
		return exact
	}
	var here Statement
	for _, s := range d {
		switch {
		case !holds(s.Actions, action):
			continue
		case s.Sid == sidGlobalHere:
			here = only(s, exact.Actions)
		case s.Sid == sidModels && t.elsewhere(parts) && !holds(s.Resources, resource):
			s.Resources = append(slices.Clone(s.Resources), resource)
			return only(s, exact.Actions)
		case s.Sid == sidGlobal && (holds(s.Resources, resource) || holds(here.Resources, resource)):
			here.Sid, here.Resources = sidModels, append(slices.Clone(here.Resources), s.Resources...)
			return here
		case holds(s.Resources, resource):
			return only(s, exact.Actions)
		}
	}
	return exact
}

// holds reports whether one of the patterns matches.
func holds(patterns []string, s string) bool {
	for _, p := range patterns {
		if match(p, s) {
			return true
		}
	}
	return false
}

// sidOf names a statement after its action.
func sidOf(action string) string {
	_, name, _ := strings.Cut(action, ":")
	return strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' {
			return r
		}
		return -1
	}, name)
}

func allow(sid string, actions []string, resources ...string) Statement {
	return Statement{Sid: sid, Effect: Allow, Actions: actions, Resources: resources}
}

func equals(key string, values ...string) Condition {
	return Condition{Operator: "StringEquals", Key: key, Values: values}
}
