package config

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"outcrop/guard/ruleset"
)

const (
	sectionGuardPolicy           = "policies.POLICY"
	sectionGuardPolicyGuardrails = sectionGuardPolicy + ".guardrails"
	sectionGuardPolicyCondition  = sectionGuardPolicy + ".condition"
	sectionGuardPolicyPipeline   = sectionGuardPolicy + ".pipeline"
	sectionGuardPolicyStep       = sectionGuardPolicyPipeline + ".steps[]"
	sectionGuardPolicyAttachment = "policy_attachments[]"
)

// policies collects policies and policy_attachments.
type policies struct {
	all, attachments *node
	parents          map[string]*node // where policies say what they inherit from
}

// read makes the set of policies; nil if there are none.
func (p *policies) read(l *loader) *ruleset.Set {
	if p.all == nil && p.attachments == nil {
		return nil
	}
	p.parents = map[string]*node{}
	var all []*ruleset.Policy
	if p.all != nil {
		for i := range p.all.members {
			m := &p.all.members[i]
			path := "policies." + m.key
			p.named(l, m.key, &node{file: m.file, line: m.line, column: m.column}, path)
			all = append(all, p.policy(l, m.key, m.value, path))
		}
	}
	p.inherit(l, all)
	var attachments []ruleset.Attachment
	if p.attachments != nil {
		for i, item := range p.attachments.items {
			attachments = append(attachments, p.attachment(l, item, fmt.Sprintf("policy_attachments[%d]", i), all))
		}
	} else {
		l.warnAt(p.all.file, p.all.line, p.all.column, "policies", "no policy is attached to anything: they are in force only for calls whose request, key, team or project names them", "set policy_attachments")
	}
	return ruleset.New(all, attachments)
}

// named checks the name of a policy.
func (*policies) named(l *loader, name string, n *node, path string) {
	if name == "" || strings.ContainsFunc(name, func(c rune) bool { return c <= ' ' || c > '~' || c == ',' }) {
		l.errorAt(n.file, n.line, n.column, path, "must be a word, because headers of responses have it", "ASCII without spaces and commas", "")
	}
}

// policy reads one policy.
func (p *policies) policy(l *loader, name string, n *node, path string) *ruleset.Policy {
	one := &ruleset.Policy{Name: name}
	l.fields(n, sectionGuardPolicy, path, nil, func(k Key, n *node, path string) {
		switch k.Name {
		case "inherit":
			one.Inherit, _ = l.text(k, n, path)
			p.parents[name] = n
		case "guardrails":
			l.fields(n, sectionGuardPolicyGuardrails, path, nil, func(k Key, n *node, path string) {
				if k.Name == "add" {
					one.Add = l.guardNames(n, path)
				} else {
					one.Remove = l.guardNames(n, path)
				}
			})
		case "condition":
			l.fields(n, sectionGuardPolicyCondition, path, nil, func(_ Key, n *node, path string) { one.Models = l.policyModels(n, path) })
		case "pipeline":
			one.Pipeline = l.pipeline(n, path)
		}
	})
	return one
}

// pipeline reads guardrails that are asked one after the other.
func (l *loader) pipeline(n *node, path string) *ruleset.Pipeline {
	p := &ruleset.Pipeline{}
	l.fields(n, sectionGuardPolicyPipeline, path, nil, func(k Key, n *node, path string) {
		switch k.Name {
		case "mode":
			p.Responses = l.oneOf(k, n, path, "pre_call", "post_call") == "post_call"
		case "steps":
			for i, item := range n.items {
				p.Steps = append(p.Steps, l.pipelineStep(item, path+"["+strconv.Itoa(i)+"]"))
			}
		}
	})
	if n.kind != mapping {
		return nil
	}
	if n.get("mode") == nil {
		l.errorAt(n.file, n.line, n.column, path, "mode is missing", "pre_call, post_call", "")
	}
	if steps := n.get("steps"); steps == nil || steps.kind == sequence && len(steps.items) == 0 {
		l.errorAt(n.file, n.line, n.column, path, "steps are missing", "a list of at least one step, such as {guardrail: NAME, on_fail: block}", "")
	}
	return p
}

// pipelineStep reads one step.
func (l *loader) pipelineStep(n *node, path string) ruleset.Step {
	s, onError := ruleset.Step{Pass: ruleset.Allow, Fail: ruleset.Block}, false
	l.fields(n, sectionGuardPolicyStep, path, nil, func(k Key, n *node, path string) {
		switch k.Name {
		case "guardrail":
			s.Guardrail, _ = l.guardName(n, path)
		case "on_pass":
			s.Pass = l.pipelineAction(k, n, path)
		case "on_fail":
			s.Fail = l.pipelineAction(k, n, path)
		case "on_error":
			s.Error, onError = l.pipelineAction(k, n, path), true
		case "modify_response_message":
			s.Reason, _ = l.text(k, n, path)
		}
	})
	if n.kind == mapping && n.get("guardrail") == nil {
		l.errorAt(n.file, n.line, n.column, path, "guardrail is missing", strings.Join(l.guarded, ", "), "")
	}
	if !onError {
		s.Error = s.Fail
	}
	if at := n.get("modify_response_message"); at != nil && s.Pass != ruleset.Replace && s.Fail != ruleset.Replace && s.Error != ruleset.Replace {
		l.warnAt(at.file, at.line, at.column, path+".modify_response_message", "has no effect: no action of the step is modify_response", "set on_fail: modify_response, or remove the message")
	}
	return s
}

// pipelineAction reads what comes after a step.
func (l *loader) pipelineAction(k Key, n *node, path string) ruleset.Action {
	switch l.oneOf(k, n, path, "allow", "next", "block", "modify_response") {
	case "allow":
		return ruleset.Allow
	case "next":
		return ruleset.Next
	case "modify_response":
		return ruleset.Replace
	}
	return ruleset.Block
}

// guardNames reads names of guardrails that there are.
func (l *loader) guardNames(n *node, path string) (names []string) {
	for i, item := range n.items {
		if name, ok := l.guardName(item, path+"["+strconv.Itoa(i)+"]"); ok {
			names = append(names, name)
		}
	}
	return names
}

func (l *loader) guardName(n *node, path string) (name string, ok bool) {
	if name, ok = l.text(Key{Type: StringType}, n, path); ok && !l.absent && !slices.Contains(l.guarded, name) {
		l.errorAt(n.file, n.line, n.column, path, "there is no guardrail "+strconv.Quote(name), strings.Join(l.guarded, ", "), "add it to guardrails, or remove the name")
		return "", false
	}
	return name, ok
}

// policyModels reads the models of a condition: a name or regular expression, or a list of them.
func (l *loader) policyModels(n *node, path string) []ruleset.Pattern {
	items := []*node{n}
	if n.kind == sequence {
		items = n.items
	}
	patterns := make([]ruleset.Pattern, 0, len(items))
	for _, item := range items {
		text, ok := l.text(Key{Type: StringType}, item, path)
		if !ok {
			continue
		}
		pattern, err := ruleset.ParsePattern(text)
		if err != nil {
			l.errorAt(item.file, item.line, item.column, path, shown(Key{Type: StringType}, item)+" is not a valid regular expression", "the name of a model, or RE2 syntax, without look-around", "for any rest of a name write .* and not *")
			continue
		}
		patterns = append(patterns, pattern)
	}
	return patterns
}

// inherit checks that policies inherit from others that there are, and not from each other.
func (p *policies) inherit(l *loader, all []*ruleset.Policy) {
	parents := map[string]string{}
	for _, one := range all {
		parents[one.Name] = one.Inherit
	}
	for _, one := range all {
		if one.Inherit == "" {
			continue
		}
		n, path := p.parents[one.Name], "policies."+one.Name+".inherit"
		if _, ok := parents[one.Inherit]; !ok {
			l.errorAt(n.file, n.line, n.column, path, "there is no policy "+strconv.Quote(one.Inherit), strings.Join(slices.Sorted(maps.Keys(parents)), ", "), "")
			continue
		}
		parent := one.Inherit
		for range all {
			if parent == one.Name {
				l.errorAt(n.file, n.line, n.column, path, "the policy inherits from itself", "a policy that does not inherit from this one", "")
				break
			}
			parent = parents[parent]
		}
	}
}

// attachment reads one attachment.
func (p *policies) attachment(l *loader, n *node, path string, all []*ruleset.Policy) (a ruleset.Attachment) {
	everywhere := false
	l.fields(n, sectionGuardPolicyAttachment, path, nil, func(k Key, n *node, path string) {
		switch k.Name {
		case "policy":
			a.Policy, _ = l.text(k, n, path)
			if !slices.ContainsFunc(all, func(one *ruleset.Policy) bool { return one.Name == a.Policy }) {
				names := make([]string, 0, len(all))
				for _, one := range all {
					names = append(names, one.Name)
				}
				l.errorAt(n.file, n.line, n.column, path, "there is no policy "+shown(k, n), strings.Join(names, ", "), "add it to policies, or remove the attachment")
			}
		case "scope":
			everywhere = l.oneOf(k, n, path, "*") == "*"
		case "teams":
			a.Teams = l.texts(n, path)
		case "keys":
			a.Keys = l.texts(n, path)
		case "models":
			a.Models = l.texts(n, path)
		case "tags":
			a.Tags = l.texts(n, path)
		case "default":
			a.Default, _ = l.boolean(k, n, path)
		}
	})
	if n.kind == mapping && n.get("policy") == nil {
		l.errorAt(n.file, n.line, n.column, path, "policy is missing", "the name of a policy", "")
	}
	if everywhere {
		if len(a.Teams)+len(a.Keys)+len(a.Models)+len(a.Tags) > 0 {
			l.warnAt(n.file, n.line, n.column, path, `with scope: "*" the policy is for all calls, whatever else the attachment says`, "remove scope, or teams, keys, models and tags")
		}
		a.Teams, a.Keys, a.Models, a.Tags = nil, nil, nil, nil
	}
	return a
}
