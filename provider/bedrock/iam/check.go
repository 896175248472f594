package iam

import (
	"fmt"
	"slices"
	"strings"

	"outcrop/internal/levenshtein"
)

// statement finds what is wrong with a statement by itself, and mends the rule as
// far as that can be done, so that one fault is told once.
func (l *linter) statement(r *rule) {
	l.effect(r)
	l.principal(r)
	if r.sid.text != "" && strings.ContainsFunc(r.sid.text, func(c rune) bool { return !isLetterOrDigit(c) }) {
		l.fix(r, &r.sid, "sid.invalid", sidOf(":"+r.sid.text), "A Sid may contain only letters and digits.")
	}
	for i := range r.actions {
		l.action(r, &r.actions[i])
	}
	if r.effect.fixed == Allow && l.opt.Kind != SCP {
		if r.not[0] {
			l.find("notaction.allow", r.at, "Allow with NotAction allows every action of every service except those named, including actions that AWS adds later; list the actions to allow.")
		}
		if r.not[1] {
			l.find("notresource.allow", r.at, "Allow with NotResource allows the actions on every resource except those named; list the resources to allow.")
		}
	}
	if slices.ContainsFunc(r.actions, func(w word) bool { return strings.HasPrefix(strings.ToLower(w.fixed), "bedrock:") }) {
		for i := range r.resources {
			l.resource(r, &r.resources[i])
		}
	}
	for i := range r.conditions {
		l.condition(r, &r.conditions[i])
	}
	if r.profileExempt {
		r.splitProfile()
	}
}

func isLetterOrDigit(c rune) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9'
}

func (l *linter) effect(r *rule) {
	switch text := r.effect.text; {
	case text == Allow || text == Deny:
	case text == "":
		l.find("effect.missing", r.effect.at, "The statement has no Effect; IAM rejects it.")
	case nearest(text, []string{Allow, Deny}) != "":
		near := nearest(text, []string{Allow, Deny})
		l.fix(r, &r.effect, "effect.invalid", near, fmt.Sprintf("Effect must be Allow or Deny, in this case; %q is neither.", text))
	default:
		l.find("effect.invalid", r.effect.at, fmt.Sprintf("Effect must be Allow or Deny; %q is neither.", text))
	}
}

func (l *linter) principal(r *rule) {
	switch {
	case l.opt.Kind == Endpoint && !r.hasPrincipal:
		r.principal = "*"
		l.findIn(r, "principal.missing", r.at, "A statement of a VPC endpoint's policy requires a Principal; with \"*\" the callers' own policies decide who may call.")
	case l.opt.Kind != Endpoint && r.hasPrincipal:
		l.findIn(r, "principal.unexpected", r.principalAt, "A policy of this kind must not have a Principal, because it applies to the identities it is attached to; IAM rejects it. If it is the policy of a VPC endpoint, lint it as vpce.")
		r.principal, r.principalDropped = "", true
	}
}

// services are the first labels of Bedrock's hosts, which are taken for the prefix
// of its actions.
func isBedrockHost(service string) bool {
	switch service {
	case "bedrock-runtime", "bedrock-agent", "bedrock-agent-runtime", "bedrock-data-automation", "bedrock-data-automation-runtime",
		"bedrockruntime", "bedrock_runtime", "amazonbedrock", "amazon-bedrock", "aws-bedrock":
		return true
	}
	return false
}

func (l *linter) action(r *rule, w *word) {
	prefix, name, ok := strings.Cut(w.text, ":")
	switch {
	case w.text == "*":
		return
	case !ok:
		if knownAction(w.text) && strings.Trim(w.text, "*") != "" {
			l.fix(r, w, "action.prefix", "bedrock:"+w.text, fmt.Sprintf("An action has the form service:name; %q has no service.", w.text))
		}
		return
	case w.text != strings.TrimSpace(w.text):
		l.fix(r, w, "action.space", strings.TrimSpace(w.text), fmt.Sprintf("%q has a leading or trailing space, so it matches nothing.", w.text))
		return
	}
	lower := strings.ToLower(prefix)
	if isBedrockHost(lower) || lower != "bedrock" && levenshtein.Distance(lower, "bedrock") == 1 {
		fixed := "bedrock:" + name
		if action, ok := judgedBy(name); ok {
			fixed = action
		}
		l.fix(r, w, "action.prefix", fixed, fmt.Sprintf("%q is not a service in IAM: the actions of Bedrock's runtime and agents also begin with bedrock:.", prefix))
		return
	}
	if lower != "bedrock" || knownAction(name) {
		return
	}
	if action, ok := judgedBy(name); ok {
		l.fix(r, w, "action.operation", action, fmt.Sprintf("There is no action %s in IAM; the operation requires %s.", w.text, action))
		return
	}
	if near := nearestAction(strings.Trim(name, "*")); near != "" {
		l.fix(r, w, "action.unknown", "bedrock:"+near, fmt.Sprintf("There is no action %s, so it matches nothing; the nearest is bedrock:%s.", w.text, near))
		return
	}
	if strings.ContainsAny(name, "*?") {
		l.find("action.unknown", w.at, fmt.Sprintf("No Bedrock action matches %s.", w.text))
	}
}

// Keys that conditions on Bedrock can have (Service Authorization Reference, and
// https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html).
func bedrockKeys() []string {
	return []string{
		"bedrock:BearerTokenType", "bedrock:DataRetentionMode", "bedrock:GuardrailIdentifier", profileKey, "bedrock:InlineAgentName",
		"bedrock:ModelArn", "bedrock:ProjectArn", routerKey, "bedrock:ServiceTier", "bedrock:ThirdPartyKnowledgeBaseCredentialsSecretArn",
	}
}

func globalKeys() []string {
	return []string{
		"aws:CalledVia", "aws:CalledViaFirst", viaKey, "aws:CurrentTime", "aws:EpochTime", "aws:FederatedProvider", "aws:MultiFactorAuthAge",
		"aws:MultiFactorAuthPresent", "aws:PrincipalAccount", "aws:PrincipalArn", "aws:PrincipalIsAWSService", "aws:PrincipalOrgID", "aws:PrincipalOrgPaths",
		"aws:PrincipalServiceName", "aws:PrincipalServiceNamesList", "aws:PrincipalType", "aws:referer", regionKey, "aws:ResourceAccount", "aws:ResourceOrgID",
		"aws:ResourceOrgPaths", "aws:SecureTransport", "aws:SourceAccount", "aws:SourceArn", "aws:SourceIdentity", "aws:SourceIp", "aws:SourceOrgID",
		"aws:SourceOrgPaths", "aws:SourceVpc", "aws:SourceVpcArn", "aws:SourceVpce", "aws:TagKeys", "aws:TokenIssueTime", "aws:UserAgent", "aws:userid",
		"aws:username", "aws:ViaAWSService", "aws:VpcSourceIp", "aws:VpceAccount", "aws:VpceOrgID", "aws:VpceOrgPaths",
	}
}

func operators() []string {
	return []string{
		"StringEquals", "StringNotEquals", "StringEqualsIgnoreCase", "StringNotEqualsIgnoreCase", "StringLike", "StringNotLike",
		"NumericEquals", "NumericNotEquals", "NumericLessThan", "NumericLessThanEquals", "NumericGreaterThan", "NumericGreaterThanEquals",
		"DateEquals", "DateNotEquals", "DateLessThan", "DateLessThanEquals", "DateGreaterThan", "DateGreaterThanEquals",
		"Bool", "BinaryEquals", "IpAddress", "NotIpAddress", "ArnEquals", "ArnLike", "ArnNotEquals", "ArnNotLike", "Null",
	}
}

func (l *linter) condition(r *rule, c *clause) {
	l.operator(r, c)
	l.key(r, c)
	if !strings.EqualFold(c.key.fixed, profileKey) {
		return
	}
	operator := strings.ToLower(c.operator.fixed)
	if strings.HasPrefix(operator, "stringequals") || strings.HasPrefix(operator, "stringnotequals") {
		for _, v := range c.values {
			if strings.ContainsAny(v.text, "*?") {
				fixed := strings.NewReplacer("Equals", "Like", "IgnoreCase", "").Replace(c.operator.fixed)
				l.fix(r, &c.operator, "condition.wildcard", fixed, fmt.Sprintf("%s compares %q literally; wildcards require %s or ArnLike.", c.operator.text, v.text, fixed))
				break
			}
		}
	}
	l.onProfile(r, c)
}

// onProfile finds a condition on the profile where there can be none: the key is
// set when the models behind a profile are judged, and not for the profile itself
// (https://docs.aws.amazon.com/bedrock/latest/userguide/global-cross-region-inference.html).
func (l *linter) onProfile(r *rule, c *clause) {
	operator := strings.ToLower(c.operator.fixed)
	if r.effect.fixed != Allow || strings.Contains(operator, "not") || strings.HasSuffix(operator, "ifexists") || operator == "null" || strings.HasPrefix(operator, "forallvalues:") {
		return
	}
	at := slices.IndexFunc(r.resources, func(w word) bool { return strings.Contains(w.fixed, "inference-profile/") })
	if at < 0 || r.not[1] || r.profileExempt {
		return
	}
	const message = "bedrock:InferenceProfileArn is set when IAM evaluates a profile's models and absent for the profile itself, so this statement never allows the profile; allow it in a statement without the condition."
	r.profileExempt = true
	l.findIn(r, "condition.on_profile", c.key.at, message)
}

// splitProfile makes two statements of one whose condition keeps it from allowing the
// profile: one for the profile without the condition, and one for the models with it.
func (r *rule) splitProfile() {
	s, ok := r.fixed()
	if !ok {
		return
	}
	profile, models := s, s
	profile.Resources, models.Resources = nil, nil
	for _, res := range s.Resources {
		if strings.Contains(res, "inference-profile/") {
			profile.Resources = append(profile.Resources, res)
		} else {
			models.Resources = append(models.Resources, res)
		}
	}
	profile.Conditions = slices.DeleteFunc(slices.Clone(s.Conditions), func(c Condition) bool { return strings.EqualFold(c.Key, profileKey) })
	r.split = Document{profile}
	if len(models.Resources) > 0 {
		if s.Sid != "" {
			models.Sid += "Models"
		}
		r.split = append(r.split, models)
	}
}

func (l *linter) operator(r *rule, c *clause) {
	name := c.operator.text
	bare, exists := strings.CutSuffix(name, "IfExists")
	set := ""
	for _, prefix := range []string{"ForAllValues:", "ForAnyValue:"} {
		if rest, ok := strings.CutPrefix(bare, prefix); ok {
			bare, set = rest, prefix
		}
	}
	if slices.ContainsFunc(operators(), func(o string) bool { return strings.EqualFold(o, bare) }) {
		return
	}
	near := nearest(bare, operators())
	if near == "" {
		l.find("condition.operator", c.operator.at, fmt.Sprintf("%q is not a condition operator; IAM rejects it.", name))
		return
	}
	near = set + near
	if exists {
		near += "IfExists"
	}
	l.fix(r, &c.operator, "condition.operator", near, fmt.Sprintf("%q is not a condition operator; the nearest is %s.", name, near))
}

// key finds a condition key that is none, with which a condition never holds.
func (l *linter) key(r *rule, c *clause) {
	prefix, name, _ := strings.Cut(c.key.text, ":")
	known, global := bedrockKeys(), strings.EqualFold(prefix, "aws")
	if global {
		known = globalKeys()
		if strings.Contains(name, "/") || strings.EqualFold(c.key.text, "aws:InferenceProfileArn") {
			known = append(bedrockKeys(), c.key.text)
			if !strings.Contains(name, "/") {
				known = []string{profileKey}
			}
		}
	}
	equal := func(k string) bool { return strings.EqualFold(k, c.key.text) }
	if slices.ContainsFunc(known, equal) {
		return
	}
	near := nearest(name, cutPrefixes(known))
	service := strings.ToLower(prefix)
	switch {
	case global || service == "bedrock":
	case isBedrockHost(service) || levenshtein.Distance(service, "bedrock") == 1:
	default: // another service's
		return
	}
	if near == "" {
		return
	}
	full := known[slices.IndexFunc(known, func(k string) bool { return strings.HasSuffix(k, ":"+near) })]
	l.fix(r, &c.key, "condition.key", full, fmt.Sprintf("There is no condition key %s, so the condition never works as intended; the nearest is %s.", c.key.text, full))
}

func cutPrefixes(keys []string) []string {
	var all []string
	for _, k := range keys {
		_, name, _ := strings.Cut(k, ":")
		all = append(all, name)
	}
	return all
}
