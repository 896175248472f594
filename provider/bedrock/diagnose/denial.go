package diagnose

import (
	"cmp"
	"slices"
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

// readDenial reads IAM's sentence; it is not ok if the message is another. The
// sentence stands at the beginning, behind what SDKs put in front: further on a
// message may repeat anything.
func readDenial(message string) (d denial, ok bool) {
	words := strings.Fields(strings.Map(straight, message))
	bare := make([]string, len(words)) // without the punctuation around them
	for i, w := range words {
		bare[i] = strings.Trim(w, `"'.,;:()[]{}`+"`")
	}
	at := phrase(bare, "is not authorized to perform")
	if at < 2 || at+5 >= len(bare) || !strings.EqualFold(bare[at-2], "user") || !isFront(strings.Join(words[:at-2], " ")) {
		return denial{}, false
	}
	d.principal, d.action = bare[at-1], spelt(bare[at+5])
	if !isAction(d.action) {
		return denial{}, false
	}
	rest := bare[at+6:]
	if on := phrase(rest, "on resource"); on == 0 && len(rest) > 2 {
		if r := rest[2]; r == "*" || strings.HasPrefix(r, "arn:") {
			d.resource, rest = r, rest[3:]
		}
	}
	kind := d.decided(rest)
	for _, l := range []struct {
		words string
		layer layer
	}{
		{"service control", servicePolicy},
		{"resource control", resourceControl},
		{"permissions boundary|permission boundary|permissions boundaries", boundary},
		{"session", sessionPolicy},
		{"vpc endpoint|vpce", endpointPolicy},
		{"resource based", resourcePolicy},
		{"identity based", identityPolicy},
	} {
		if kind.says(l.words) {
			d.layer = l.layer
			break
		}
	}
	return d, true
}

// decided reads the end of IAM's sentence, which says what decided, and gives the
// kind of policy in plain words. Names of policies and resources do not count.
func (d *denial) decided(rest []string) normalized {
	if at := phrase(rest, "because no"); at >= 0 {
		rest = rest[at+2:]
		return plainly(strings.Join(rest[:max(0, phrase(rest, "allows"))], " "))
	}
	at := phrase(rest, "explicit deny")
	if at < 0 {
		return ""
	}
	d.explicit = true
	rest = rest[at+2:]
	end := slices.IndexFunc(rest, func(w string) bool { return strings.HasPrefix(w, "arn:") })
	if end >= 0 {
		d.policy, rest = rest[end], rest[:end]
	}
	return plainly(strings.Join(rest[:min(len(rest), maxKind)], " "))
}

// maxKind is how many words the kind of a policy has at most: in a service control
// policy.
const maxKind = 6

// isFront reports whether a text is nothing but what SDKs and Converse put in front
// of AWS's words.
func isFront(text string) bool {
	return text == "" || strings.TrimSpace(string(unwrapped(plainly(text+" x")))) == "x"
}

// isAction reports whether a word is an action's name: service:Name.
func isAction(s string) bool {
	service, name, ok := strings.Cut(s, ":")
	const letters = "abcdefghijklmnopqrstuvwxyz"
	return ok && service != "" && name != "" && strings.Trim(service, letters+"0123456789-") == "" && strings.Trim(name, letters+strings.ToUpper(letters)+"0123456789") == ""
}

// spelt gives an action as IAM spells it, where it is one of a call's: IAM takes any
// letter case.
func spelt(action string) string {
	for _, known := range []string{iam.InvokeModel, iam.InvokeModelStream, iam.CountTokens, iam.ApplyGuardrail, iam.CallWithBearer, iam.CreateInference, iam.CallMantleWithBearer} {
		if strings.EqualFold(action, known) {
			return known
		}
	}
	return action
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

// code gives the verdict of a denial.
func (d *denial) code() llm.Code {
	if iam.UsesAPIKey(d.action) && !d.explicit && (d.layer == identityPolicy || d.layer == unknownLayer) {
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

// actor is who has to act on a denial, if it is someone else than the code says: who administers
// the organization has the resource control policies too.
func (d *denial) actor() llm.Actor {
	if d.layer == resourceControl {
		return llm.ActorOrganizationAdmin
	}
	return ""
}

// who names a principal for display: the role or user that policies belong to.
func who(principal string) string {
	// arn:aws:sts::ACCOUNT:assumed-role/ROLE/SESSION, arn:aws:iam::ACCOUNT:user/PATH/NAME
	parts := strings.SplitN(principal, ":", 6)
	if len(parts) < 6 {
		return "the gateway's identity"
	}
	kind, name, _ := strings.Cut(parts[5], "/")
	last := name[strings.LastIndexByte(name, '/')+1:]
	if kind == "assumed-role" {
		last, _, _ = strings.Cut(name, "/")
	}
	switch {
	case strings.HasPrefix(last, reservedSSO): // AWSReservedSSO_NAME_HASH, which IAM does not allow to change
		set := strings.TrimPrefix(last, reservedSSO)
		if i := strings.LastIndexByte(set, '_'); i > 0 {
			set = set[:i]
		}
		return "permission set " + set + " in IAM Identity Center"
	case kind == "assumed-role":
		return "role " + last
	case kind == "user" || kind == "role":
		return kind + " " + last
	case kind == "root":
		return "the root user of account " + parts[4]
	default:
		return principal
	}
}

// reservedSSO begins the names of the roles that IAM Identity Center makes of
// permission sets
// (https://docs.aws.amazon.com/singlesignon/latest/userguide/referencingpermissionsets.html).
const reservedSSO = "AWSReservedSSO_"

// accountOf is the account in the first of some ARNs that has one.
func accountOf(arns ...string) string {
	for _, arn := range arns {
		if parts := strings.SplitN(arn, ":", 6); len(parts) == 6 && parts[4] != "" && parts[4] != "aws" {
			return parts[4]
		}
	}
	return ""
}

// scene explains the resource of a denial in a model call: why IAM requires it. It is empty for
// other calls.
func (d *denial) scene(c *Case) string {
	arn, err := modelid.ParseARN(d.resource)
	region := c.Target.Region
	through := cmp.Or(profileOf(c), "the inference profile")
	switch {
	case err != nil || d.action != iam.InvokeModel && d.action != iam.InvokeModelStream:
		return ""
	case arn.Kind == modelid.FoundationModel && arn.Region == "":
		return through + " may be served in any region, so IAM requires the permission on the model's ARN without a region, with aws:RequestedRegion unspecified."
	case arn.Kind == modelid.FoundationModel && arn.Region != region:
		return "The call was made in " + region + ", but " + through + " may also be served in " + arn.Region + ", so IAM requires the permission on the model in every region that the profile leads to."
	case arn.Kind == modelid.FoundationModel && profileOf(c) != "":
		return "The call uses " + through + ", so IAM also requires the permission on its model, in every region that the profile leads to."
	case arn.Kind == modelid.InferenceProfile || arn.Kind == modelid.ApplicationInferenceProfile:
		return "The call uses the inference profile " + arn.Resource + ", so IAM requires the permission on the profile itself and on its models."
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
