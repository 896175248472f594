package iam

import (
	"fmt"
	"slices"
	"strings"

	"outcrop/provider/bedrock/catalog"
	"outcrop/provider/bedrock/endpoint"
	"outcrop/provider/bedrock/modelid"
)

// resourceTypes are the kinds of Bedrock's resources, as they stand in ARNs
// (Service Authorization Reference,
// https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonbedrock.html).
func resourceTypes() []string {
	return []string{
		"foundation-model", "inference-profile", "application-inference-profile", "provisioned-model", "imported-model", "custom-model",
		"custom-model-deployment", "prompt-router", "default-prompt-router", "prompt", "guardrail", "guardrail-profile", "async-invoke", "model-invocation-job",
		"model-customization-job", "model-copy-job", "model-import-job", "model-evaluation-job", "evaluation-job", "agent", "agent-alias", "knowledge-base",
		"flow", "session", "project", "marketplace", "automated-reasoning-policy", "blueprint", "data-automation-project", "data-automation-profile",
		"data-automation-invocation-job", "system-tool", "advanced-prompt-optimization-job", "data-automation-library",
	}
}

// arnParts are the parts of an ARN in a policy, each of which may hold wildcards.
type arnParts struct{ partition, service, region, account, kind, name string }

func (a arnParts) String() string {
	return strings.Join([]string{"arn", a.partition, a.service, a.region, a.account, a.kind + "/" + a.name}, ":")
}

func wild(s string) bool { return strings.ContainsAny(s, "*?$") }

// resource finds what is wrong with a resource of a statement on Bedrock's actions.
func (l *linter) resource(r *rule, w *word) {
	text := w.text
	if text != strings.TrimSpace(text) {
		l.fix(r, w, "resource.space", strings.TrimSpace(text), fmt.Sprintf("%q has a leading or trailing space, so it matches nothing.", text))
		return
	}
	if text == "*" || strings.HasPrefix(text, "arn:*") {
		return
	}
	parts := strings.SplitN(text, ":", 6)
	if parts[0] != "arn" {
		l.notARN(r, w)
		return
	}
	if len(parts) < 6 {
		if !wild(parts[len(parts)-1]) {
			l.find("resource.form", w.at, fmt.Sprintf("%q is an ARN of %d parts instead of six: arn:aws:bedrock:REGION:ACCOUNT:KIND/NAME; leave ACCOUNT empty if there is none.", text, len(parts)))
		}
		return
	}
	a := arnParts{partition: parts[1], service: parts[2], region: parts[3], account: parts[4]}
	var slash bool
	a.kind, a.name, slash = strings.Cut(parts[5], "/")
	if !slash {
		if parts[5] != "*" && !wild(a.kind) {
			l.find("resource.form", w.at, fmt.Sprintf("%q names a kind of resource but no resource; add / and a name, or /*.", text))
		}
		return
	}
	if isBedrockHost(a.service) {
		service := a.service
		a.service = "bedrock"
		l.fix(r, w, "resource.service", a.String(), fmt.Sprintf("%q is not a service in ARNs; the ARNs of Bedrock resources have bedrock there.", service))
		return
	}
	if a.service != "bedrock" || wild(a.kind) {
		return
	}
	if !slices.Contains(resourceTypes(), a.kind) {
		kind := a.kind
		if a.kind = nearest(kind, resourceTypes()); a.kind != "" {
			l.fix(r, w, "resource.kind", a.String(), fmt.Sprintf("Bedrock has no resource type %q; the nearest is %s.", kind, a.kind))
		}
		return
	}
	if l.place(r, w, a) || l.account(r, w, a) {
		return
	}
	l.name(r, w, a)
}

// notARN finds fault with a resource that is none.
func (l *linter) notARN(r *rule, w *word) {
	const message = "A resource must be an ARN or *; %q is neither, and IAM rejects it."
	id, err := modelid.Parse(w.text)
	if err != nil || id.ARN.Kind != modelid.NoARN {
		l.find("resource.not_arn", w.at, fmt.Sprintf(message, w.text))
		return
	}
	t, err := newTarget(Call{ID: w.text, Region: l.region(), Account: l.accountOf()}, l.opt.Known)
	if err != nil {
		l.find("resource.not_arn", w.at, fmt.Sprintf(message, w.text))
		return
	}
	l.fix(r, w, "resource.not_arn", t.self(), fmt.Sprintf(message, w.text))
}

// region is that of the first call, or one to be replaced.
func (l *linter) region() string {
	for _, c := range l.opt.Calls {
		if c.Region != "" {
			return c.Region
		}
	}
	return "us-east-1"
}

// accountOf is the account of the calls; empty if none says.
func (l *linter) accountOf() string {
	for _, c := range l.opt.Calls {
		if c.Account != "" {
			return c.Account
		}
	}
	return ""
}

// regions are those in which Bedrock is known to be.
func (l *linter) regions() []string {
	if l.opt.Known == nil {
		return nil
	}
	return l.opt.Known.Regions()
}

// place finds fault with region and partition.
func (l *linter) place(r *rule, w *word, a arnParts) bool {
	switch {
	case a.region == "":
		if a.kind == "foundation-model" {
			return false // that of a global profile
		}
		l.find("resource.region", w.at, fmt.Sprintf("%q has no region, which is valid only for the models of global profiles.", w.text))
		return true
	case wild(a.region):
		if known := l.regions(); !strings.Contains(a.region, "$") && len(known) > 0 && !slices.ContainsFunc(known, func(k string) bool { return match(a.region, k) }) {
			l.find("resource.region", w.at, fmt.Sprintf("No Bedrock region matches %q.", a.region))
			return true
		}
		return false
	case !endpoint.ValidRegion(a.region):
		near := nearest(a.region, l.regions())
		message := fmt.Sprintf("%q is not the name of an AWS region.", a.region)
		if near == "" {
			l.find("resource.region", w.at, message)
			return true
		}
		a.region = near
		l.fix(r, w, "resource.region", a.String(), message)
		return true
	}
	if partition := endpoint.PartitionOf(a.region).ID; !wild(a.partition) && partition != a.partition {
		was := a.partition
		a.partition = partition
		l.fix(r, w, "resource.partition", a.String(), fmt.Sprintf("The ARNs of %s begin with arn:%s, not arn:%s.", a.region, partition, was))
		return true
	}
	return false
}

// account finds fault with the account.
func (l *linter) account(r *rule, w *word, a arnParts) bool {
	account := a.account
	switch {
	case a.kind == "foundation-model":
		if account == "" || account == "*" {
			return false
		}
		a.account = ""
		l.fix(r, w, "resource.account", a.String(), "A foundation model belongs to AWS, so its ARN has no account; leave that part empty.")
	case account == "":
		if a.account = l.accountOf(); a.account == "" {
			a.account = AccountPlaceholder
		}
		l.fix(r, w, "resource.account", a.String(), fmt.Sprintf("The ARN of a resource of the kind %s contains the caller's account, also for profiles that AWS defines.", a.kind))
		anyAccount(w)
	case wild(account) || account == "aws" || len(account) == 12 && strings.Trim(account, "0123456789") == "":
		return false
	default:
		if a.account = l.accountOf(); a.account == "" {
			a.account = "*"
		}
		l.fix(r, w, "resource.account", a.String(), fmt.Sprintf("%q is not an account id of 12 digits.", account))
	}
	return true
}

// anyAccount has the rest of the policy judged as if the account were right.
func anyAccount(w *word) { w.fixed = strings.Replace(w.fixed, AccountPlaceholder, "*", 1) }

// name finds fault with the names of models and profiles.
func (l *linter) name(r *rule, w *word, a arnParts) {
	known := l.opt.Known
	if wild(a.name) || known == nil {
		return
	}
	id, err := modelid.Parse(a.name)
	switch a.kind {
	case "foundation-model":
		switch {
		case err != nil:
			l.find("resource.model", w.at, fmt.Sprintf("%q is not the id of a model.", a.name))
		case id.Geography != "":
			a.kind = "inference-profile"
			if a.account = l.accountOf(); a.account == "" {
				a.account = AccountPlaceholder
			}
			l.fix(r, w, "resource.model_is_profile", a.String(), fmt.Sprintf("%q is a profile, not a foundation model; a profile is a resource of the kind inference-profile in your account.", a.name))
			anyAccount(w)
		default:
			l.model(r, w, a)
		}
	case "inference-profile":
		p, ok := known.Profile(a.name)
		switch {
		case ok:
			l.profileRegion(w, a, p)
		case err == nil && id.Geography == "" && id.Vendor != "":
			a.kind, a.account = "foundation-model", ""
			l.fix(r, w, "resource.profile_is_model", a.String(), fmt.Sprintf("%q is a model, not a profile; the id of a profile begins with its geography, such as us. or global.", a.name))
		case err == nil:
			if full := l.fullID(id.Base()); full != "" {
				a.name = id.Geography + "." + full
				l.fix(r, w, "resource.version", a.String(), fmt.Sprintf("There is no profile %s.%s; the full id is %s.", id.Geography, id.Base(), a.name))
			}
		}
	}
}

// model finds fault with the id of a foundation model.
func (l *linter) model(r *rule, w *word, a arnParts) {
	id, err := modelid.Parse(a.name)
	if err != nil {
		return
	}
	full := l.fullID(id.Base())
	if full == "" {
		return
	}
	was := a.name
	a.name = full
	l.fix(r, w, "resource.version", a.String(), fmt.Sprintf("There is no model %s; the full id is %s.", was, full))
}

// fullID gives the id of the one model whose id goes on where base ends; empty if
// base is a model, and if none or several go on.
func (l *linter) fullID(base string) string {
	if _, ok := l.opt.Known.Model(base); ok {
		return ""
	}
	found := ""
	for _, m := range l.opt.Known.Models() {
		rest, ok := strings.CutPrefix(m.ID, base)
		if !ok || !strings.HasPrefix(rest, ":") && !strings.HasPrefix(rest, "-") {
			continue
		}
		if found != "" {
			return ""
		}
		found = m.ID
	}
	return found
}

// profileRegion finds a profile in a region from which it cannot be called.
func (l *linter) profileRegion(w *word, a arnParts, p *catalog.Profile) {
	if wild(a.region) || p.From(a.region) != catalog.No {
		return
	}
	l.find("resource.profile_region", w.at, fmt.Sprintf("The profile %s cannot be called from %s, only from %s.", a.name, a.region, strings.Join(p.Regions(), ", ")))
}
