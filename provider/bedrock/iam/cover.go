package iam

import (
	"fmt"
	"slices"
	"strings"

	"outcrop/provider/bedrock/catalog"
	"outcrop/provider/bedrock/modelid"
)

// coverage checks the policy, with all fixes applied, against the permissions that
// calls need.
func (l *linter) coverage(rules []*rule) error {
	var given, bases []string
	var needed []Document
	for _, c := range l.opt.Calls {
		if c.Account == "" {
			c.Account = accountIn(rules)
		}
		t, err := newTarget(c, l.opt.Known)
		if err != nil {
			return err
		}
		needs, err := Needs(c, l.opt.Known)
		if err != nil {
			return err
		}
		given, bases = append(given, t.self()), append(bases, t.base)
		needed = append(needed, needs)
		l.denied(rules, t, needs)
		if l.mustAllow(rules) {
			l.cover(rules, t, needs, -1)
		}
	}
	if l.opt.Kind != SCP {
		l.ownProfiles(rules, given)
		l.ownModels(rules, bases)
	}
	if l.opt.Kind == Identity && len(needed) > 0 {
		l.wide(rules, Merge(needed...))
	}
	return nil
}

// mustAllow reports whether calls need an Allow statement of this policy.
func (l *linter) mustAllow(rules []*rule) bool {
	return l.opt.Kind != SCP || slices.ContainsFunc(rules, func(r *rule) bool { return r.effect.fixed == Allow })
}

// accountIn returns the account in the policy's own ARNs; empty if none has one.
func accountIn(rules []*rule) string {
	for _, r := range rules {
		words := slices.Clone(r.resources)
		for _, c := range r.conditions {
			words = append(words, c.values...)
		}
		for _, w := range words {
			if parts := strings.SplitN(w.fixed, ":", 6); len(parts) == 6 && parts[2] == "bedrock" && len(parts[4]) == 12 && strings.Trim(parts[4], "0123456789") == "" {
				return parts[4]
			}
		}
	}
	return ""
}

// lack is a statement of Needs with the parts of it that are not allowed.
type lack struct {
	need    Statement
	actions []string // with a missing resource
	missing int      // missing pairs of action and resource
	all     int
}

// cover reports which of a call's needs are not allowed. A finding is at the offset at;
// if that is negative, at the closest resource.
func (l *linter) cover(rules []*rule, t *target, needs Document, at int) {
	var invoke []lack
	for _, s := range needs {
		k := l.lack(rules, t, s)
		if !isInvoke(s.Sid) {
			if k.missing > 0 {
				l.find(codeOf(s.Actions[0]), l.anchor(rules, s, at), l.intro()+" does not allow "+strings.Join(k.actions, " and ")+", which the call requires.", only(s, k.actions))
			}
			continue
		}
		invoke = append(invoke, k)
	}
	actions := t.call.invokeActions()
	var absent, present []string
	for _, a := range actions {
		if slices.ContainsFunc(invoke, func(k lack) bool { return holds(k.need.Actions, a) && !l.none(rules, t, k.need, a) }) {
			present = append(present, a)
		} else {
			absent = append(absent, a)
		}
	}
	if len(invoke) == 0 {
		return
	}
	first := l.anchor(rules, invoke[0].need, at)
	switch {
	case len(present) == 0:
		l.find("call.missing", first, fmt.Sprintf("%s allows none of the permissions that a call of %s in %s requires.", l.intro(), t.call.ID, t.region), statements(invoke, actions)...)
		return
	case len(absent) > 0:
		code, message := "stream.missing", " allows non-streaming calls but not "+InvokeModelStream+", so AWS refuses ConverseStream."
		if absent[0] == InvokeModel {
			code, message = "invoke.missing", " allows streaming but not "+InvokeModel+", so AWS refuses Converse."
		}
		l.find(code, first, l.intro()+message, statements(invoke, absent)...)
	}
	l.partly(rules, invoke, present, at)
}

// partly reports the resources missing for partly allowed actions.
func (l *linter) partly(rules []*rule, invoke []lack, present []string, at int) {
	var profile, models []lack
	for _, k := range invoke {
		k.actions = slices.DeleteFunc(slices.Clone(k.actions), func(a string) bool { return !slices.Contains(present, a) })
		if k.need.Sid == sidModels || k.need.Sid == sidGlobalHere || k.need.Sid == sidGlobal || k.need.Sid == sidRouted {
			models = append(models, k)
		} else {
			profile = append(profile, k)
		}
	}
	for _, k := range profile {
		if len(k.actions) > 0 {
			l.find("model.without_profile", l.anchor(rules, firstOf(models, k.need), at), fmt.Sprintf("%s allows the model but not %s, which the call names.", l.intro(), strings.Join(k.need.Resources, ", ")), only(k.need, k.actions))
		}
	}
	var lacking Document
	missing, all, anywhere, here := 0, 0, false, false
	for _, k := range models {
		all += k.all
		if len(k.actions) == 0 {
			continue
		}
		missing += k.missing
		anywhere = anywhere || k.need.Sid == sidGlobal
		here = here || k.need.Sid != sidGlobal
		lacking = append(lacking, only(k.need, k.actions))
	}
	if len(lacking) == 0 {
		return
	}
	where := l.anchor(rules, profile[0].need, at)
	switch {
	case anywhere && !here:
		l.find("profile.global_model", where, fmt.Sprintf("%s does not allow the model's ARN without region, %s, which AWS evaluates for a global profile.", l.intro(), strings.Join(lacking[0].Resources, ", ")), lacking...)
	case missing == all:
		l.find("profile.without_model", where, fmt.Sprintf("%s allows %s but not its model, which AWS also evaluates, in every region that may serve the call.", l.intro(), profile[0].need.Resources[0]), lacking...)
	default:
		l.find("profile.destinations", where, fmt.Sprintf("%s does not allow the model in every region that %s leads to; AWS refuses the call at the first missing one.", l.intro(), profile[0].need.Resources[0]), lacking...)
	}
}

// firstOf returns the first of the models, or else the given statement.
func firstOf(models []lack, s Statement) Statement {
	if len(models) > 0 {
		return models[0].need
	}
	return s
}

func (l *linter) intro() string {
	switch l.opt.Kind {
	case Boundary:
		return "The boundary"
	case Session:
		return "The session's policy"
	case Endpoint:
		return "The endpoint's policy"
	case SCP, Identity:
	}
	return "The policy"
}

// isInvoke reports whether a statement of Needs is about calling the model.
func isInvoke(sid string) bool { return strings.HasPrefix(sid, "Invoke") }

// codeOf returns the finding's code for a missing action other than a call of the
// model.
func codeOf(action string) string {
	switch action {
	case CallWithBearer, CallMantleWithBearer:
		return "apikey.missing"
	case CountTokens:
		return "count.missing"
	case ApplyGuardrail:
		return "guardrail.missing"
	default:
		return "batch.missing"
	}
}

func only(s Statement, actions []string) Statement {
	s.Actions = actions
	return s
}

func statements(invoke []lack, actions []string) Document {
	var d Document
	for _, k := range invoke {
		d = append(d, only(k.need, actions))
	}
	return d
}

// lack returns the parts of a statement that are not allowed.
func (l *linter) lack(rules []*rule, t *target, s Statement) lack {
	k := lack{need: s, all: len(s.Actions) * len(s.Resources)}
	for _, a := range s.Actions {
		before := k.missing
		for _, resource := range s.Resources {
			if !l.allows(rules, t, s, a, resource) {
				k.missing++
			}
		}
		if k.missing > before {
			k.actions = append(k.actions, a)
		}
	}
	return k
}

// none reports whether an action is allowed on no resource of a statement.
func (l *linter) none(rules []*rule, t *target, s Statement, action string) bool {
	return !slices.ContainsFunc(s.Resources, func(r string) bool { return l.allows(rules, t, s, action, r) })
}

// allows reports whether the policy allows an action on a resource of a statement of
// Needs. If the resource is a pattern, because regions or models are not known, one
// match is enough.
func (l *linter) allows(rules []*rule, t *target, s Statement, action, resource string) bool {
	candidates := []string{resource}
	if parts := strings.SplitN(resource, ":", 6); len(parts) == 6 && wild(parts[3]) || strings.HasSuffix(resource, "/*") {
		for _, r := range rules {
			for _, w := range r.resources {
				if match(resource, w.fixed) {
					candidates = append(candidates, w.fixed)
				}
			}
		}
	}
	return slices.ContainsFunc(candidates, func(c string) bool {
		ok, _ := allowed(rules, newRequest(action, c, t.region, s.Conditions))
		return ok
	})
}

// anchor returns the offset for a finding about a statement of Needs: that of one of
// its own resources, or else of its model, or else of the first statement.
func (l *linter) anchor(rules []*rule, s Statement, at int) int {
	if at >= 0 {
		return at
	}
	for _, by := range []func(pattern, s string) bool{func(a, b string) bool { return a == b }, matchResource, sameName} {
		for _, r := range rules {
			for _, w := range r.resources {
				if r.effect.fixed == Allow && slices.ContainsFunc(s.Resources, func(res string) bool { return by(w.fixed, res) }) {
					return w.at
				}
			}
		}
	}
	if len(rules) > 0 {
		return rules[0].at
	}
	return 0
}

// sameName reports whether two ARNs have the same name, in any region or account.
func sameName(a, b string) bool {
	one, other := strings.LastIndexByte(a, '/'), strings.LastIndexByte(b, '/')
	return one >= 0 && other >= 0 && a[one:] == b[other:]
}

// denied reports what the policy denies of a call's needs.
func (l *linter) denied(rules []*rule, t *target, needs Document) {
	type hit struct {
		rule    *rule
		action  string
		what    string
		regions []string
	}
	var hits []hit
	for _, s := range needs {
		for _, a := range s.Actions {
			for _, res := range s.Resources {
				q := newRequest(a, res, t.region, s.Conditions)
				_, r := allowed(rules, q)
				if r == nil {
					continue
				}
				i := slices.IndexFunc(hits, func(h hit) bool { return h.rule == r })
				if i < 0 {
					hits = append(hits, hit{rule: r, action: a, what: res})
					i = len(hits) - 1
				}
				if region := q.keys[strings.ToLower(regionKey)]; region != "" && !slices.Contains(hits[i].regions, region) {
					hits[i].regions = append(hits[i].regions, region)
				}
			}
		}
	}
	for _, h := range hits {
		c := regionLimit(h.rule)
		if c == nil {
			l.find("deny.hits", h.rule.effect.at, fmt.Sprintf("This statement denies %s on %s, which a call of %s requires; no Allow can override it.", h.action, h.what, t.call.ID))
			continue
		}
		code := "deny.region"
		if slices.Contains(h.regions, unspecified) {
			code = "deny.unspecified"
		}
		message := fmt.Sprintf("This statement denies requests outside its regions, and AWS also evaluates a call of %s in %s.", t.call.ID, strings.Join(h.regions, ", "))
		s, ok := h.rule.fixed()
		if !ok {
			l.find(code, c.key.at, message+" Add them.")
			continue
		}
		for i := range s.Conditions {
			if strings.EqualFold(s.Conditions[i].Key, regionKey) {
				s.Conditions[i].Values = append(s.Conditions[i].Values, h.regions...)
			}
		}
		h.rule.split = Document{s}
		l.findIn(h.rule, code, c.key.at, message)
		l.whole(h.rule)
	}
}

// regionLimit returns the condition of a statement that denies all regions except some.
func regionLimit(r *rule) *clause {
	for i := range r.conditions {
		c := &r.conditions[i]
		if strings.EqualFold(c.key.fixed, regionKey) && strings.Contains(strings.ToLower(c.operator.fixed), "not") {
			return c
		}
	}
	return nil
}

// ownProfiles checks each profile that the policy allows against the permissions for
// its models.
func (l *linter) ownProfiles(rules []*rule, given []string) {
	for _, r := range rules {
		if r.effect.fixed != Allow || r.not[0] || r.not[1] {
			continue
		}
		for _, w := range r.resources {
			c := Call{Whole: r.matches(r.actions, InvokeModel, matchFold), Stream: r.matches(r.actions, InvokeModelStream, matchFold)}
			if c.ID = l.concrete(rules, w.fixed); c.ID == "" || !c.Whole && !c.Stream || slices.Contains(given, c.ID) {
				continue
			}
			t, err := newTarget(c, l.opt.Known)
			if err != nil || !t.isProfile() || t.profile != nil && t.profile.From(t.region) == catalog.No {
				continue
			}
			if needs, err := Needs(c, l.opt.Known); err == nil {
				l.cover(rules, t, needs, w.at)
			}
		}
	}
}

// concrete replaces the wildcards for region and account in the ARN of a profile; empty
// if it is not a profile, or its name has wildcards.
func (l *linter) concrete(rules []*rule, arn string) string {
	parts := strings.SplitN(arn, ":", 6)
	if len(parts) < 6 || !strings.Contains(parts[5], "inference-profile/") || wild(parts[5]) {
		return ""
	}
	if wild(parts[4]) {
		if parts[4] = accountIn(rules); parts[4] == "" {
			parts[4] = "000000000000"
		}
	}
	if wild(parts[3]) {
		if l.opt.Known == nil {
			return ""
		}
		p, ok := l.opt.Known.Profile(parts[5][strings.IndexByte(parts[5], '/')+1:])
		if !ok || len(p.Regions()) == 0 {
			return ""
		}
		parts[3] = p.Regions()[0]
	}
	return strings.Join(parts, ":")
}

// ownModels reports allowed models that can be called only by a profile, while no such
// profile is allowed. It reports each once, and none whose calls have been checked
// already.
func (l *linter) ownModels(rules []*rule, seen []string) {
	if l.opt.Known == nil {
		return
	}
	for _, r := range rules {
		if r.effect.fixed != Allow || r.not[0] || r.not[1] || !r.matches(r.actions, InvokeModel, matchFold) && !r.matches(r.actions, InvokeModelStream, matchFold) {
			continue
		}
		for _, w := range r.resources {
			arn, err := modelid.ParseARN(w.fixed)
			if err != nil || arn.Kind != modelid.FoundationModel || slices.Contains(seen, arn.Resource) || l.callable(rules, arn) {
				continue
			}
			seen = append(seen, arn.Resource)
			message := fmt.Sprintf("%s can be called only through an inference profile, and the policy allows none that leads to it.", arn.Resource)
			if arn.Region == "" {
				message = "The ARN without region is evaluated only for a global profile, and the policy allows none."
			}
			l.find("model.without_profile", w.at, message)
		}
	}
}

// callable reports whether an allowed model can be called, as far as is known.
func (l *linter) callable(rules []*rule, arn modelid.ARN) bool {
	if arn.Region != "" && l.opt.Known.OnDemand(arn.Resource, arn.Region) != catalog.No {
		return true
	}
	profiles := l.opt.Known.ProfilesOf(arn.Resource)
	if len(profiles) == 0 {
		return true
	}
	for _, r := range rules {
		if r.effect.fixed != Allow {
			continue
		}
		for _, w := range r.resources {
			if w.fixed == "*" || strings.Contains(w.fixed, ":application-inference-profile/") || strings.Contains(w.fixed, "prompt-router/") {
				return true
			}
			for _, p := range profiles {
				_, name, ok := strings.Cut(w.fixed, ":inference-profile/")
				if ok && match(name, p.ID) && reaches(p, arn.Region) {
					return true
				}
			}
		}
	}
	return false
}

// reaches reports whether a profile may route to a region, or, if region is empty, to
// every region.
func reaches(p *catalog.Profile, region string) bool {
	if region == "" || p.Worldwide() {
		return p.Worldwide()
	}
	to := p.Destinations(region)
	return len(to) == 0 || slices.Contains(to, region) || p.From(region) != catalog.No
}

// wide reports statements that allow any model or any action although the known calls
// need less.
func (l *linter) wide(rules []*rule, least Document) {
	const other = "arn:aws:bedrock:us-east-1::foundation-model/outcrop.no-such-model-v1:0"
	for _, r := range rules {
		if r.effect.fixed != Allow || r.not[0] || r.not[1] {
			continue
		}
		invoke := r.matches(r.actions, InvokeModel, matchFold) || r.matches(r.actions, InvokeModelStream, matchFold)
		if !invoke {
			continue
		}
		for _, w := range r.actions {
			if matchFold(w.fixed, "bedrock:DeleteGuardrail") {
				l.find("action.wide", w.at, fmt.Sprintf("%s allows more than calls: it can change and delete the account's Bedrock resources. These statements are sufficient.", w.text), least...)
			}
		}
		for _, w := range r.resources {
			if matchResource(w.fixed, other) && r.applies(newRequest(InvokeModel, other, "us-east-1", nil)) == yes {
				l.find("resource.wide", w.at, fmt.Sprintf("%s allows every model. These statements are sufficient.", w.text), least...)
			}
		}
	}
}
