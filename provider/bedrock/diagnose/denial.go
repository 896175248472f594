package diagnose

import (
	"cmp"
	"strings"

	"outcrop/llm"
	"outcrop/provider/bedrock/iam"
	"outcrop/provider/bedrock/modelid"
)

// layer is the kind of policy that decided against a call.
type layer string

// Layers, in the words of AWS's messages.
const (
	unknownLayer    layer = ""
	identityPolicy  layer = "identity-based policy"
	servicePolicy   layer = "service control policy"
	resourceControl layer = "resource control policy"
	boundary        layer = "permissions boundary"
	sessionPolicy   layer = "session policy"
	endpointPolicy  layer = "VPC endpoint policy"
	resourcePolicy  layer = "resource-based policy"
)

// denial is what IAM says when it refuses a call:
//
//	User: PRINCIPAL is not authorized to perform: ACTION on resource: RESOURCE
//	    because no LAYER allows the ACTION action
//	    | with an explicit deny in a LAYER[: POLICY]
//
// (https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot_access-denied.html;
// with the ARN of the policy since 2026,
// https://aws.amazon.com/blogs/security/enhanced-access-denied-error-messages-with-policy-arns).
// The resource and what follows it may be missing.
type denial struct {
	principal, action, resource string
	layer                       layer
	explicit                    bool
	policy                      string // ARN of the policy that denies
}

// readDenial reads IAM's sentence; it is not ok if the message is another.
func readDenial(message string) (d denial, ok bool) {
	words := strings.FieldsFunc(strings.Map(straight, message), func(r rune) bool {
		return r == ' ' || r == '\t' || r == '\n' || r == '\u00a0'
	})
	bare := make([]string, len(words)) // without the punctuation around them
	for i, w := range words {
		bare[i] = strings.Trim(w, `"'.,;:()[]{}`+"`")
	}
	at := phrase(bare, "not authorized to perform")
	if at < 0 || at+4 >= len(bare) || !strings.Contains(bare[at+4], ":") {
		return denial{}, false
	}
	d.action = bare[at+4]
	for _, w := range bare[:at] {
		if strings.HasPrefix(w, "arn:") {
			d.principal = w
		}
	}
	rest := bare[at+5:]
	if on := phrase(rest, "on resource"); on >= 0 && on+2 < len(rest) {
		if r := rest[on+2]; r == "*" || strings.HasPrefix(r, "arn:") {
			d.resource = r
		}
	}
	why := said(plainly(strings.Join(rest, " ")))
	for _, l := range []struct {
		words string
		layer layer
	}{
		{"service control", servicePolicy},
		{"resource control", resourceControl},
		{"permissions boundary|permission boundary|permissions boundaries", boundary},
		{"session policy", sessionPolicy},
		{"vpc endpoint|vpce", endpointPolicy},
		{"resource based", resourcePolicy},
		{"identity based", identityPolicy},
	} {
		if why.says(l.words) {
			d.layer = l.layer
			break
		}
	}
	d.explicit = why.says("explicit deny|explicitly denied|explicitly denies")
	if d.explicit {
		for _, w := range rest {
			if strings.HasPrefix(w, "arn:") && w != d.resource {
				d.policy = w
			}
		}
	}
	return d, true
}

// phrase gives the place of consecutive words, in any case; -1 if they are not
// there.
func phrase(words []string, wanted string) int {
	parts := strings.Fields(wanted)
	for i := 0; i+len(parts) <= len(words); i++ {
		same := true
		for j, p := range parts {
			w := strings.ToLower(words[i+j])
			if w != p && (p != "authorized" || w != "authorised") {
				same = false
				break
			}
		}
		if same {
			return i
		}
	}
	return -1
}

// bearerAction is the right that every call with an API key needs beside its own
// (https://docs.aws.amazon.com/bedrock/latest/userguide/api-keys-permissions.html).
const bearerAction = "bedrock:CallWithBearerToken"

// code gives the verdict of a denial.
func (d *denial) code() llm.Code {
	if strings.EqualFold(d.action, bearerAction) && !d.explicit && (d.layer == identityPolicy || d.layer == unknownLayer) {
		return llm.CodeBearerNotAllowed
	}
	missing, denies := llm.CodeDenied, llm.CodeDenied
	switch d.layer {
	case identityPolicy:
		missing, denies = llm.CodeIdentityMissing, llm.CodeIdentityDeny
	case servicePolicy:
		missing, denies = llm.CodeSCPMissing, llm.CodeSCPDeny
	case boundary:
		missing, denies = llm.CodeBoundaryMissing, llm.CodeBoundaryDeny
	case sessionPolicy:
		missing, denies = llm.CodeSessionMissing, llm.CodeSessionDeny
	case endpointPolicy:
		missing, denies = llm.CodeEndpointMissing, llm.CodeEndpointDeny
	case resourcePolicy, resourceControl:
		denies = llm.CodeResourceDeny
	case unknownLayer:
	}
	if d.explicit {
		return denies
	}
	return missing
}

// actor is whose move a denial is where that is another's than the code's: who
// administers the organisation has the resource control policies too.
func (d *denial) actor() llm.Actor {
	if d.layer == resourceControl {
		return llm.ActorOrganisationAdmin
	}
	return ""
}

// who names a principal for people: the role or user that policies belong to.
func who(principal string) string {
	// arn:aws:sts::ACCOUNT:assumed-role/ROLE/SESSION, arn:aws:iam::ACCOUNT:user/PATH/NAME
	parts := strings.SplitN(principal, ":", 6)
	if len(parts) < 6 {
		return "the gateway's identity"
	}
	kind, name, _ := strings.Cut(parts[5], "/")
	switch kind {
	case "assumed-role":
		role, _, _ := strings.Cut(name, "/")
		return "role " + role
	case "user", "role":
		return kind + " " + name[strings.LastIndexByte(name, '/')+1:]
	case "root":
		return "the root user of account " + parts[4]
	default:
		return principal
	}
}

// accountOf is the account in the first of some ARNs that has one.
func accountOf(arns ...string) string {
	for _, arn := range arns {
		if parts := strings.SplitN(arn, ":", 6); len(parts) == 6 && parts[4] != "" && parts[4] != "aws" {
			return parts[4]
		}
	}
	return ""
}

// scene says what the resource of a denial is in a call of a model: why IAM asks
// for it. It is empty for other calls.
func (d *denial) scene(c *Case) string {
	arn, err := modelid.ParseARN(d.resource)
	region := c.Target.Region
	through := cmp.Or(profileOf(c), "the inference profile")
	switch {
	case err != nil || d.action != iam.InvokeModel && d.action != iam.InvokeModelStream:
		return ""
	case arn.Kind == modelid.FoundationModel && arn.Region == "":
		return through + " may be served in any region, and for that IAM asks for the right on the model's ARN that names no region, with aws:RequestedRegion unspecified."
	case arn.Kind == modelid.FoundationModel && arn.Region != region:
		return "The call was made in " + region + ", but " + through + " may be served in " + arn.Region + " as well, and IAM asks for the right on the model in every region that it leads to."
	case arn.Kind == modelid.FoundationModel && profileOf(c) != "":
		return "The call goes through " + through + ", and IAM asks for the right on the model behind it too, in every region that it leads to."
	case arn.Kind == modelid.InferenceProfile || arn.Kind == modelid.ApplicationInferenceProfile:
		return "The call goes through the inference profile " + arn.Resource + ", and IAM asks for the right on the profile itself as well as on the models behind it."
	}
	return ""
}

// profileOf names the inference profile that a call went through; empty if it
// went through none.
func profileOf(c *Case) string {
	id, err := modelid.Parse(c.Target.ID)
	if err != nil {
		return ""
	}
	switch {
	case id.ARN.Kind == modelid.InferenceProfile, id.ARN.Kind == modelid.ApplicationInferenceProfile:
		return id.ARN.Resource
	case id.ARN == modelid.ARN{} && id.Geography != "":
		return c.Target.ID
	}
	return ""
}
