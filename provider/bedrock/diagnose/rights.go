package diagnose

import (
	"cmp"
	"slices"
	"strings"

	"outcrop/internal/jsonx"
	"outcrop/llm"
	"outcrop/provider/bedrock/catalog"
	"outcrop/provider/bedrock/iam"
	"outcrop/provider/bedrock/modelid"
)

// adviseRight is for a right that some policy withholds.
func (c *Case) adviseRight(e *llm.Error, d *denial) {
	if d.action == "" {
		e.Fix = "Look the call up in CloudTrail by its request id, and compare the policies of the gateway's identity with what outcrop bedrock policy prints for the model."
		return
	}
	whose := who(d.principal)
	e.Cause = d.scene(c)
	if d.action == iam.InvokeModelStream && !d.explicit {
		e.Cause = strings.TrimSpace("A streamed answer needs the action " + iam.InvokeModelStream + ", spelt exactly so; " + iam.InvokeModel + " does not cover it. " + e.Cause)
	}
	if d.explicit {
		c.adviseDeny(e, d, whose)
		return
	}
	statements := c.missing(d)
	if d.layer == endpointPolicy {
		for i := range statements {
			statements[i].Principal = "*"
		}
	}
	e.Statement = statements[0].JSON()
	what, text := "this statement", string(e.Statement)
	if len(statements) > 1 {
		what, text = "these statements", text+","+string(statements[1].JSON())
	}
	var place string
	switch e.Code {
	case llm.CodeSCPMissing:
		place = "a service control policy at every level of the organisation above account " + cmp.Or(accountOf(d.resource, d.principal), "of the call")
	case llm.CodeBoundaryMissing:
		place = "the permissions boundary of " + whose
	case llm.CodeSessionMissing:
		place = "the session policy with which " + whose + " is assumed"
	case llm.CodeEndpointMissing:
		place = "the policy of the VPC endpoint that the gateway calls through"
	case llm.CodeDenied:
		e.Fix = "AWS does not say which policy withholds it; if none of the policies of " + whose + " allows it, add " + what + " to one: " + text
		return
	default:
		place = "a policy of " + whose
	}
	e.Fix = "Add " + what + " to " + place + ": " + text
}

// missing are the statements that allow what was refused, that for the refused
// resource in front. AWS asks for a profile first, and for the models behind it
// once that is allowed, so for a profile they are there too: the call needs them in
// any case. The statements have no names: the policy that they are pasted into may
// have one of the same, which IAM does not take
// (https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_sid.html).
func (c *Case) missing(d *denial) iam.Document {
	call := iam.Call{
		Account: accountOf(d.resource, d.principal), Region: c.Target.Region, ID: c.Target.ID, Base: c.Base,
		Whole: d.action == iam.InvokeModel, Stream: d.action == iam.InvokeModelStream,
	}
	all := iam.Document{iam.Missing(call, c.Known, d.action, cmp.Or(d.resource, "*"))}
	if arn, err := modelid.ParseARN(d.resource); err == nil && (arn.Kind == modelid.InferenceProfile || arn.Kind == modelid.ApplicationInferenceProfile) {
		needs, err := iam.Needs(call, c.Known)
		for _, s := range needs {
			if err == nil && !slices.Contains(s.Resources, d.resource) {
				all = append(all, iam.Missing(call, c.Known, d.action, s.Resources[0]))
				break
			}
		}
	}
	for i := range all {
		all[i].Sid = ""
	}
	return all
}

// marketplace is the statement that allows the subscription, without a name as
// that of missing.
func marketplace() jsonx.Raw {
	s := iam.Marketplace()
	s.Sid = ""
	return s.JSON()
}

// adviseDeny is for an explicit deny, which no allow outweighs.
func (c *Case) adviseDeny(e *llm.Error, d *denial, whose string) {
	var place string
	switch {
	case d.policy != "":
		place = "the " + string(d.layer) + " " + d.policy
	case d.layer == servicePolicy, d.layer == resourceControl:
		place = "the organisation's " + strings.TrimSuffix(string(d.layer), "y") + "ies"
	case d.layer == boundary:
		place = "the permissions boundary of " + whose
	case d.layer == sessionPolicy:
		place = "the session policy with which " + whose + " is assumed"
	case d.layer == endpointPolicy:
		place = "the policy of the VPC endpoint that the gateway calls through"
	case d.layer == resourcePolicy:
		place = "the resource's policy"
	case d.layer == identityPolicy:
		place = "the policies of " + whose + ", its groups' among them"
	default:
		place = "the policies that hold for " + whose
	}
	if e.Cause != "" {
		e.Cause += " "
	}
	e.Cause += "A statement with Effect Deny is the reason; another Allow does not outweigh it."
	resources, regions := c.reach(d)
	e.Fix = "Take " + d.action
	if len(resources) > 0 {
		e.Fix += " on " + strings.Join(resources, ", ")
	}
	e.Fix += " out of the deny in " + place
	if len(regions) > 0 {
		e.Fix += ", or, if it goes by region, add " + strings.Join(regions, ", ") + " to the regions that its condition on aws:RequestedRegion leaves out"
	}
	if slices.Contains(regions, unspecified) {
		e.Fix += otherwise(c.around(nil), "; or forbid global profiles to the gateway by outcrop_settings.bedrock.policy.global: false")
	} else if len(regions) > 0 {
		e.Fix += otherwise(c.around(regions), "")
	}
	e.Fix += "."
}

// unspecified is the region by which IAM judges a call that any region may serve.
const unspecified = "unspecified"

// reach gives what a denied call needs of its action, the resource that was refused
// among them, and if that is in another region than the call, the regions that the
// call leads to: a deny meets each of them in turn.
func (c *Case) reach(d *denial) (resources, regions []string) {
	needs, err := iam.Needs(iam.Call{
		Account: accountOf(d.resource, d.principal), Region: c.Target.Region, ID: c.Target.ID, Base: c.Base,
		Whole: d.action == iam.InvokeModel, Stream: d.action == iam.InvokeModelStream,
	}, c.Known)
	if err == nil {
		for _, s := range needs {
			resources = append(resources, s.Resources...)
		}
	}
	if !slices.Contains(resources, d.resource) {
		resources = nil
		if d.resource != "" && d.resource != "*" {
			resources = []string{d.resource}
		}
	}
	refused, err := modelid.ParseARN(d.resource)
	if err != nil || refused.Kind != modelid.FoundationModel || refused.Region == c.Target.Region {
		return resources, nil
	}
	for _, r := range resources {
		if arn, err := modelid.ParseARN(r); err == nil && arn.Kind == modelid.FoundationModel && arn.Region != c.Target.Region {
			regions = append(regions, cmp.Or(arn.Region, unspecified))
		}
	}
	return resources, regions
}

// otherwise is the second half of a fix: ids that lead around what is denied.
func otherwise(ids []string, more string) string {
	if len(ids) == 0 {
		return more
	}
	return "; or call " + strings.Join(ids, " or ") + " in its place, which does not lead there"
}

// around gives the ids by which the model can be called from the same region
// without any of some regions, and without every region of the world.
func (c *Case) around(regions []string) []string {
	if c.Known == nil || c.Base == "" {
		return nil
	}
	region := c.Target.Region
	var ids []string
	if c.Known.OnDemand(c.Base, region) == catalog.Yes {
		ids = append(ids, c.Base)
	}
	for _, p := range c.Known.ProfilesOf(c.Base) {
		to := p.Destinations(region)
		if p.ID == c.Target.ID || p.Worldwide() || len(to) == 0 || p.From(region) != catalog.Yes ||
			slices.ContainsFunc(to, func(r string) bool { return slices.Contains(regions, r) }) {
			continue
		}
		ids = append(ids, p.ID)
	}
	return ids
}
