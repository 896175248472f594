package iam

import (
	"fmt"
	"slices"
	"strings"

	"outcrop/provider/bedrock/catalog"
	"outcrop/provider/bedrock/endpoint"
	"outcrop/provider/bedrock/modelid"
)

// target is the model, profile or other resource that a call names, and the region.
type target struct {
	call      Call
	known     *catalog.Catalogue
	partition string
	region    string
	account   string
	id        modelid.ID
	profile   *catalog.Profile // nil if it is not a profile, or not known
	base      string           // empty if not known
}

func newTarget(c Call, known *catalog.Catalogue) (*target, error) {
	id, err := modelid.Parse(c.ID)
	if err != nil {
		return nil, fmt.Errorf("call: ID: %w", err)
	}
	t := &target{call: c, known: known, region: c.Region, account: c.Account, id: id, base: c.Base}
	if id.ARN.Kind != modelid.NoARN {
		t.region = id.ARN.Region
		if id.ARN.Account != "" {
			t.account = id.ARN.Account
		}
	}
	switch {
	case !endpoint.ValidRegion(t.region):
		return nil, fmt.Errorf("call: Region: %q is not the name of an AWS region, such as eu-west-1", t.region)
	case t.account == "":
		t.account = AccountPlaceholder
	case t.account != AccountPlaceholder && (len(t.account) != 12 || strings.Trim(t.account, "0123456789") != ""):
		return nil, fmt.Errorf("call: Account: %q is not an account id of 12 digits", t.account)
	}
	t.partition = endpoint.PartitionOf(t.region).ID
	t.look()
	switch id.ARN.Kind {
	case modelid.AgentRuntime, modelid.OtherResource:
		return nil, fmt.Errorf("call: ID: %q is not a model", c.ID)
	default: // a model
	}
	if id.Route == modelid.Agent {
		return nil, fmt.Errorf("call: ID: %q is an agent, not a model", c.ID)
	}
	return t, nil
}

// look finds the profile, and the model behind it.
func (t *target) look() {
	written := t.id.ModelID()
	if t.known != nil {
		var ok bool
		if t.profile, ok = t.known.Profile(written); !ok && t.id.ARN.Kind == modelid.InferenceProfile {
			t.profile, _ = t.known.Profile(t.id.ARN.Resource)
		}
		if base, ok := t.known.BaseModel(written); ok {
			t.base = base
			return
		}
	}
	if t.profile != nil && t.profile.Base != "" {
		t.base = t.profile.Base
	} else if base := t.id.Base(); base != "" && t.id.ARN.Kind != modelid.CustomModel {
		t.base = base
	}
}

// arn returns the ARN of a resource in the account.
func (t *target) arn(region, resource string) string {
	return "arn:" + t.partition + ":bedrock:" + region + ":" + t.account + ":" + resource
}

// model returns the ARN of a foundation model.
func (t *target) model(region, id string) string {
	return "arn:" + t.partition + ":bedrock:" + region + "::foundation-model/" + id
}

// self returns the ARN of what the call names.
func (t *target) self() string {
	switch {
	case t.id.ARN.Kind == modelid.FoundationModel:
		return t.model(t.region, t.id.ARN.Resource)
	case t.id.ARN.Kind != modelid.NoARN:
		return t.id.ModelID()
	case t.profile != nil && t.profile.Application:
		if arn := t.profile.ARN(t.region); arn != "" {
			return arn
		}
		return t.arn(t.region, "application-inference-profile/"+t.profile.ID)
	case t.profile != nil || t.id.Geography != "":
		return t.arn(t.region, "inference-profile/"+t.id.ModelID())
	default:
		return t.model(t.region, t.id.ModelID())
	}
}

// isProfile reports whether the call goes through an inference profile.
func (t *target) isProfile() bool {
	switch t.id.ARN.Kind {
	case modelid.InferenceProfile, modelid.ApplicationInferenceProfile:
		return true
	case modelid.NoARN:
		return t.profile != nil || t.id.Geography != ""
	default:
		return false
	}
}

// worldwide reports whether the profile is known to route to every commercial region.
func (t *target) worldwide() bool {
	return t.profile != nil && t.profile.Worldwide() || t.id.Geography == "global"
}

// Sids of the statements for what a profile or router calls.
const (
	sidModels     = "InvokeModelThroughProfile"
	sidGlobalHere = "InvokeModelHereThroughProfile"
	sidGlobal     = "InvokeModelAnywhereThroughProfile"
	sidRouted     = "InvokeModelThroughRouter"
)

// invoke returns the statements for calling the model.
func (t *target) invoke(actions []string) Document {
	self := t.self()
	switch {
	case t.isProfile():
		return append(Document{allow("InvokeProfile", actions, self)}, t.behind(actions, equals(profileKey, self))...)
	case t.id.ARN.Kind == modelid.PromptRouter || t.id.ARN.Kind == modelid.DefaultPromptRouter:
		behind := allow(sidRouted, actions, t.model("*", "*"), t.arn(t.region, "inference-profile/*"))
		behind.Conditions = []Condition{equals(routerKey, self)}
		return Document{allow("InvokeRouter", actions, self), behind}
	case t.id.ARN.Kind == modelid.SageMakerEndpoint:
		return t.endpoint(actions, self)
	case t.id.ARN.Kind == modelid.Prompt:
		d := Document{allow("RenderPrompt", []string{"bedrock:RenderPrompt"}, self)}
		if t.base != "" {
			d = append(d, allow("InvokeModel", actions, t.model(t.region, t.base)))
		}
		return d
	default:
		return Document{allow("InvokeModel", actions, self)}
	}
}

// behind returns the statements for the models that a profile routes to, with its
// condition.
func (t *target) behind(actions []string, through Condition) Document {
	base := t.base
	if base == "" {
		base = "*"
	}
	if t.worldwide() {
		here := allow(sidGlobalHere, actions, t.model(t.region, base))
		here.Conditions = []Condition{through}
		anywhere := allow(sidGlobal, actions, t.model("", base))
		anywhere.Conditions = []Condition{equals(regionKey, unspecified), through}
		return Document{here, anywhere}
	}
	models := allow(sidModels, actions)
	for _, region := range t.destinations() {
		models.Resources = append(models.Resources, t.model(region, base))
	}
	models.Conditions = []Condition{through}
	return Document{models}
}

// endpoint returns the statements for a SageMaker endpoint that is called through
// Bedrock.
func (t *target) endpoint(actions []string, self string) Document {
	var sagemaker []string
	for _, a := range actions {
		sagemaker = append(sagemaker, strings.Replace(a, "bedrock:InvokeModel", "sagemaker:InvokeEndpoint", 1))
	}
	called := allow("InvokeEndpointThroughBedrock", sagemaker, self)
	called.Conditions = []Condition{equals(viaKey, service)}
	return Document{allow("InvokeMarketplaceModel", actions, t.arn(t.region, "marketplace/model-endpoint/all-access")), called}
}

// destinations returns the regions in which AWS checks the permission for the model
// behind a profile, including the region of the call; * if they are not known.
func (t *target) destinations() []string {
	if t.profile == nil {
		return []string{"*"}
	}
	to := t.profile.Destinations(t.region)
	if len(to) == 0 {
		return []string{"*"}
	}
	regions := append(slices.Clone(to), t.region)
	slices.Sort(regions)
	return slices.Compact(regions)
}

// count returns the statement for counting tokens, which requires the base id.
func (t *target) count() (Statement, error) {
	if t.base == "" {
		return Statement{}, fmt.Errorf("call: CountTokens: the base model of %q is unknown; set Base, whose id tokens are counted by", t.call.ID)
	}
	return allow("CountTokens", []string{CountTokens}, t.model(t.region, t.base)), nil
}

// guardrail returns the ARN of the call's guardrail, without its version.
func (t *target) guardrail() (string, error) {
	written := t.call.Guardrail
	if !strings.HasPrefix(written, "arn:") {
		id, _, _ := strings.Cut(written, ":")
		return t.arn(t.region, "guardrail/"+id), nil
	}
	arn, err := modelid.ParseARN(written)
	if err != nil {
		return "", fmt.Errorf("call: Guardrail: %w", err)
	}
	if arn.Kind != modelid.Guardrail {
		return "", fmt.Errorf("call: Guardrail: %q is not the ARN of a guardrail", written)
	}
	arn.Resource, _, _ = strings.Cut(arn.Resource, ":")
	return arn.String(), nil
}

// batch returns the statements for creating and monitoring batch jobs. The job's role
// needs another policy
// (https://docs.aws.amazon.com/bedrock/latest/userguide/batch-inference-permissions.html).
func (t *target) batch() Document {
	jobs := t.arn(t.region, "model-invocation-job/*")
	create := allow("CreateBatchJob", []string{CreateBatchJob}, t.self())
	if t.isProfile() {
		for _, s := range t.behind(nil, Condition{}) {
			create.Resources = append(create.Resources, s.Resources...)
		}
	}
	create.Resources = append(create.Resources, jobs)
	role := t.call.Role
	if role == "" {
		role = RolePlaceholder
	}
	if !strings.HasPrefix(role, "arn:") {
		role = "arn:" + t.partition + ":iam::" + t.account + ":role/" + role
	}
	pass := allow("PassBatchRole", []string{passRole}, role)
	pass.Conditions = []Condition{equals(passedKey, service)}
	return Document{
		create,
		allow("WatchBatchJobs", []string{getBatchJob, stopBatchJob}, jobs),
		allow("ListBatchJobs", []string{listBatchJobs}, "*"),
		pass,
	}
}

// elsewhere reports whether the parts of an ARN are those of the model behind the
// profile, in any region.
func (t *target) elsewhere(parts []string) bool {
	return len(parts) == 6 && t.base != "" && parts[5] == "foundation-model/"+t.base && parts[3] != ""
}
