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

// adviseRight is for a permission that a policy does not grant.
func (c *Case) adviseRight(e *llm.Error, d *denial) {
	if d.action == "" {
		e.Fix = "Find the call in CloudTrail by its request id, and compare the policies of the gateway's identity with the output of outcrop bedrock policy for the model."
		return
	}
	whose := who(d.principal)
	e.Cause = d.scene(c)
	if !d.explicit {
		e.Cause = strings.TrimSpace(c.spelling(d) + " " + e.Cause + " " + c.stranger())
	}
	if d.explicit {
		c.adviseDeny(e, d, whose)
		return
	}
	statements := c.missing(d)
	if len(statements) == 0 {
		e.Fix = "Allow " + d.action + place(d, whose, " in ") + ", only on the resources that the call needs."
		return
	}
	what, text := "this statement", ""
	if len(statements) > 1 {
		what = "these statements"
	}
	for i := range statements {
		statements[i].Sid = ""
		if d.layer == endpointPolicy {
			statements[i].Principal = "*"
		}
		if i > 0 {
			text += ","
		}
		one := statements[i].JSON()
		text += string(one) //nolint:perfsprint // at most a handful
		e.Statements = append(e.Statements, one)
	}
	e.Statement = e.Statements[0]
	if len(e.Statements) == 1 {
		e.Statements = nil
	}
	if d.layer == unknownLayer {
		e.Fix = "AWS does not say which policy is missing the permission. If none of the policies of " + whose + " allows it, add " + what + " to one: " + text
		return
	}
	e.Fix = "Add " + what + place(d, whose, " to ") + ": " + text
}

// spelling says which actions non-streaming and streaming calls require; policies often allow one
// while both are used.
func (c *Case) spelling(d *denial) string {
	switch d.action {
	case iam.InvokeModelStream:
		return "A streaming call requires the action " + iam.InvokeModelStream + ", in this exact spelling; " + iam.InvokeModel + " does not cover it."
	case iam.InvokeModel:
		return "A non-streaming call requires " + iam.InvokeModel + ", a streaming call also " + iam.InvokeModelStream + "; outcrop bedrock policy --model " + c.Target.ID + " --region " + c.Target.Region + " prints both."
	}
	return ""
}

// stranger says that an id is unknown, and suggests similar ones: AWS checks the permission before
// the existence of the model.
func (c *Case) stranger() string {
	id, err := modelid.Parse(c.Target.ID)
	if err != nil || c.Known == nil || id.ARN != (modelid.ARN{}) {
		return ""
	}
	if _, ok := c.Known.Model(id.Base()); ok {
		return ""
	}
	return "No model " + id.Base() + " is known, so the id may be wrong, not the permission. " + c.Known.Suggest(c.Target.ID, c.Target.Region)
}

// place says where a statement belongs, after a preposition.
func place(d *denial, whose, to string) string {
	switch d.layer {
	case servicePolicy:
		return to + "a service control policy at every level of the organization from the root to account " + cmp.Or(accountOf(d.principal, d.resource), "of the call") + " itself"
	case resourceControl:
		return to + "the organization's resource control policies over account " + cmp.Or(accountOf(d.resource), "of the resource")
	case boundary:
		return to + "the permissions boundary of " + whose
	case sessionPolicy:
		return to + "the session policy of " + whose
	case endpointPolicy:
		return to + "the policy of the VPC endpoint that the gateway calls through"
	case resourcePolicy:
		return to + "the policy of the resource itself in account " + cmp.Or(accountOf(d.resource), "of the resource") + ", with " + whose + " as its Principal"
	case identityPolicy, unknownLayer:
	}
	return to + "a policy of " + whose
}

// missing are the statements that allow what was refused, that for the refused
// resource in front; none if AWS's words do not tell what to allow. AWS asks for a
// profile first, and for the models behind it once that is allowed, so for the
// call's own profile they are there too: the call needs them in any case. Without a
// resource in AWS's words it is all that the call needs. They will have no names:
// the policy that they are pasted into may have one of the same, which IAM does not
// take
// (https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_sid.html).
func (c *Case) missing(d *denial) iam.Document {
	service, _, _ := strings.Cut(d.action, ":")
	named := d.resource != "" && d.resource != "*"
	call := iam.Call{
		Account: cmp.Or(accountOf(d.resource), accountOf(d.principal)), Region: c.Target.Region, ID: c.Target.ID, Base: c.Base,
		Whole: d.action == iam.InvokeModel, Stream: d.action == iam.InvokeModelStream,
	}
	switch {
	case call.Whole || call.Stream:
		needs, err := iam.Needs(call, c.Known)
		if err == nil && (!named || slices.Contains(needs[0].Resources, d.resource)) {
			return needs
		}
		if !named {
			return nil
		}
		return iam.Document{iam.Missing(call, c.Known, d.action, d.resource)}
	case service == "aws-marketplace":
		return iam.Document{iam.Marketplace()}
	case iam.UsesAPIKey(d.action) || strings.HasPrefix(d.action, "bedrock:List"): // they have no resource
		return iam.Document{iam.Missing(call, c.Known, d.action, "*")}
	case !named || !slices.Contains([]string{"bedrock", "bedrock-mantle", "sagemaker", "kms"}, service):
		return nil
	}
	return iam.Document{iam.Missing(call, c.Known, d.action, d.resource)}
}

// marketplace is the statement that allows the subscription, without a name as
// that of missing.
func marketplace() jsonx.Raw {
	s := iam.Marketplace()
	s.Sid = ""
	return s.JSON()
}

// adviseDeny is for an explicit deny, which no allow can override.
func (c *Case) adviseDeny(e *llm.Error, d *denial, whose string) {
	where := "the policies of " + whose
	switch {
	case d.policy != "":
		where = "the " + string(d.layer) + " " + d.policy
	case d.layer == servicePolicy, d.layer == resourceControl:
		where = "the organization's " + strings.TrimSuffix(string(d.layer), "y") + "ies"
	case d.layer == boundary:
		where = "the permissions boundary of " + whose
	case d.layer == sessionPolicy:
		where = "the session policy of " + whose
	case d.layer == endpointPolicy:
		where = "the policy of the VPC endpoint that the gateway calls through"
	case d.layer == resourcePolicy:
		where = "the resource's policy"
	case strings.HasPrefix(whose, "user "):
		where += ", including those of its groups"
	}
	if e.Cause != "" {
		e.Cause += " "
	}
	e.Cause += "A statement with Effect Deny forbids it, which no Allow can override."
	resources, regions := c.reach(d)
	take := "emove " + d.action
	if len(resources) > 0 {
		take += " on " + strings.Join(resources, ", ")
	}
	if len(regions) == 0 {
		e.Fix = "R" + take + " from the deny in " + where + "."
		return
	}
	// AWS does not say how the deny is made; one by region is the usual one.
	e.Fix = "If the deny in " + where + " depends on the region, add " + strings.Join(regions, ", ") + " to the regions that its condition on aws:RequestedRegion exempts, otherwise r" + take + " from it"
	if slices.Contains(regions, unspecified) {
		e.Fix += otherwise(c.around(nil), "; or disallow global profiles with outcrop_settings.bedrock.policy.global: false")
	} else {
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
	return "; or call " + strings.Join(ids, " or ") + " instead, which does not lead there"
}

// around returns the ids by which the model can be called from the same region, and that lead
// neither to the given regions nor anywhere in the world.
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
