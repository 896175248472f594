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
	what := d.action
	if d.resource != "" && d.resource != "*" {
		what += " on " + d.resource
	}
	if d.explicit {
		c.adviseDeny(e, d, whose, what)
		return
	}
	s := c.missing(d)
	if d.layer == endpointPolicy {
		s.Principal = "*"
	}
	e.Statement = s.JSON()
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
		e.Fix = "AWS does not say which policy withholds it; if none of the policies of " + whose + " allows it, add this statement to one: " + string(e.Statement)
		return
	default:
		place = "a policy of " + whose
	}
	e.Fix = "Add this statement to " + place
	if c.whole(d) {
		e.Fix += " (all that the call needs is printed by: outcrop bedrock policy --model " + c.Target.ID + " --region " + c.Target.Region + ")"
	}
	e.Fix += ": " + string(e.Statement)
}

// whole reports whether more than what was refused may be missing: AWS asks for
// the profile first, and for the models behind it once that is allowed.
func (c *Case) whole(d *denial) bool {
	arn, err := modelid.ParseARN(d.resource)
	return err == nil && (arn.Kind == modelid.InferenceProfile || arn.Kind == modelid.ApplicationInferenceProfile)
}

// missing is the statement that allows what was refused. It has no name: the policy
// that it is pasted into may have one of the same, which IAM does not take
// (https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_sid.html).
func (c *Case) missing(d *denial) iam.Statement {
	s := iam.Missing(iam.Call{
		Account: accountOf(d.resource, d.principal), Region: c.Target.Region, ID: c.Target.ID, Base: c.Base,
	}, c.Known, d.action, cmp.Or(d.resource, "*"))
	s.Sid = ""
	return s
}

// marketplace is the statement that allows the subscription, without a name as
// that of missing.
func marketplace() jsonx.Raw {
	s := iam.Marketplace()
	s.Sid = ""
	return s.JSON()
}

// adviseDeny is for an explicit deny, which no allow outweighs.
func (c *Case) adviseDeny(e *llm.Error, d *denial, whose, what string) {
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
	arn, err := modelid.ParseARN(d.resource)
	region := c.Target.Region
	switch {
	case err == nil && arn.Kind == modelid.FoundationModel && arn.Region == "":
		e.Fix = "In " + place + ", except " + what + " from the deny, for a deny by region by adding unspecified to the regions of its condition on aws:RequestedRegion" + otherwise(c.around(nil), "; or forbid global profiles to the gateway by outcrop_settings.bedrock.policy.global: false") + "."
	case err == nil && arn.Kind == modelid.FoundationModel && arn.Region != region && profileOf(c) != "":
		e.Fix = "In " + place + ", except " + what + " from the deny, for a deny by region by adding " + arn.Region + " to the regions of its condition on aws:RequestedRegion" + otherwise(c.around([]string{arn.Region}), "") + "."
	default:
		e.Fix = "Take " + what + " out of the deny in " + place + "."
	}
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
