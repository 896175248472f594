package iam

import (
	"fmt"
	"slices"
	"strings"
)

// word is a string of a policy and its offset. fixed is the corrected value, the same
// as text if nothing is wrong with it.
type word struct {
	text, fixed string
	at          int
}

// rule is a statement of the policy as it was parsed.
type rule struct {
	at           int
	sid, effect  word
	hasPrincipal bool
	principal    string // if it is a string
	principalAt  int
	// principalDropped reports whether the Principal, which is not allowed there, is
	// removed.
	principalDropped bool
	not              [2]bool // it has NotAction, NotResource
	actions          []word
	resources        []word
	conditions       []clause
	profileExempt    bool     // its condition on the profile no longer applies to the profile itself
	number           int      // in the policy, from 1
	split            Document // the statements that replace it, if there are several or it changes otherwise
}

// clause is a condition as it was parsed.
type clause struct {
	operator, key word
	values        []word
}

// fixed returns the rule as a statement with all possible fixes applied; ok is false if
// a statement cannot express it.
func (r *rule) fixed() (s Statement, ok bool) {
	if r.not[0] || r.not[1] || r.hasPrincipal && r.principal == "" && !r.principalDropped ||
		r.effect.fixed == "" || len(r.actions) == 0 || len(r.resources) == 0 {
		return Statement{}, false
	}
	text := func(w *word) string { return w.fixed }
	list := func(words []word) []string {
		var all []string
		for i := range words {
			if t := text(&words[i]); !slices.Contains(all, t) {
				all = append(all, t)
			}
		}
		return all
	}
	s = Statement{Sid: text(&r.sid), Effect: text(&r.effect), Principal: r.principal, Actions: list(r.actions), Resources: list(r.resources)}
	for i := range r.conditions {
		c := &r.conditions[i]
		s.Conditions = append(s.Conditions, Condition{Operator: text(&c.operator), Key: text(&c.key), Values: list(c.values)})
	}
	return s, true
}

// fix records the corrected value of a word and reports a finding.
func (l *linter) fix(r *rule, w *word, code, fixed, message string) {
	w.fixed = fixed
	l.findIn(r, code, w.at, message)
}

// findIn reports a finding about a statement that the fixed statement resolves.
func (l *linter) findIn(r *rule, code string, at int, message string) {
	before := len(l.found)
	l.find(code, at, message)
	if len(l.found) > before {
		l.found[before].Statement = r.number
	}
}

// Members of a document and of a statement
// (https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements.html).
func documentMembers() []string { return []string{"Version", "Id", "Statement"} }

func statementMembers() []string {
	return []string{"Sid", "Effect", "Principal", "NotPrincipal", "Action", "NotAction", "Resource", "NotResource", "Condition"}
}

// object returns an object's members by name, the last of several, and reports
// duplicate and unknown ones. Misspelled members are returned under the correct name.
func (l *linter) object(n *node, known []string) map[string]member {
	all := map[string]member{}
	for _, m := range n.members {
		name := m.name
		if !slices.Contains(known, name) {
			near := nearest(name, known)
			message := fmt.Sprintf("%q is not a policy element", name)
			if near == "" {
				l.find("member.unknown", m.at, message+"; IAM rejects a policy that has one.")
				continue
			}
			l.find("member.unknown", m.at, message+"; it is "+near+".")
			name = near
		}
		if _, twice := all[name]; twice {
			l.find("member.duplicate", m.at, name+" appears a second time; IAM rejects a policy that has an element twice.")
		}
		all[name] = m
	}
	return all
}

// document reads the policy.
func (l *linter) document(root *node) []*rule {
	if root.kind != '{' {
		l.find("policy.form", root.at, "A policy must be an object with Version and Statement.")
		return nil
	}
	top := l.object(root, documentMembers())
	switch v, ok := top["Version"]; {
	case !ok:
		l.find("version.missing", root.at, "The policy has no Version and so uses the language of 2008-10-17, which has no policy variables; write \"Version\": \""+Version+"\".")
	case v.value.text == "2008-10-17":
		l.find("version.old", v.value.at, "Version 2008-10-17 is the older language, without policy variables; write "+Version+".")
	case v.value.text != Version:
		l.find("version.unknown", v.value.at, "Version is the version of the policy language, not the date of the policy; write "+Version+".")
	}
	statements, ok := top["Statement"]
	if !ok || len(statements.value.items) == 0 && statements.value.kind != '{' {
		at := root.at
		if ok {
			at = statements.value.at
		}
		l.find("statement.missing", at, "The policy has no statement, so it allows nothing.")
		return nil
	}
	nodes := statements.value.items
	if statements.value.kind == '{' {
		nodes = []*node{statements.value}
	}
	var rules []*rule
	sids := map[string]bool{}
	for _, n := range nodes {
		if n.kind != '{' {
			l.find("policy.form", n.at, "A statement must be an object.")
			continue
		}
		r := l.rule(n)
		if r.sid.text != "" && sids[r.sid.text] {
			l.find("sid.duplicate", r.sid.at, fmt.Sprintf("Sid %q is already used by an earlier statement; IAM rejects duplicates.", r.sid.text))
		}
		sids[r.sid.text] = true
		rules = append(rules, r)
	}
	return rules
}

// rule reads a statement.
func (l *linter) rule(n *node) *rule {
	m := l.object(n, statementMembers())
	r := &rule{at: n.at}
	if sid, ok := m["Sid"]; ok {
		r.sid = word{text: sid.value.text, fixed: sid.value.text, at: sid.value.at}
	}
	r.effect = word{at: n.at}
	if effect, ok := m["Effect"]; ok {
		r.effect = word{text: effect.value.text, fixed: effect.value.text, at: effect.value.at}
	}
	for _, name := range []string{"Principal", "NotPrincipal"} {
		if p, ok := m[name]; ok {
			r.hasPrincipal, r.principal, r.principalAt = true, p.value.text, p.at
		}
	}
	r.actions, r.not[0] = l.either(n, m, "Action")
	r.resources, r.not[1] = l.either(n, m, "Resource")
	if c, ok := m["Condition"]; ok {
		for _, operator := range c.value.members {
			for _, key := range operator.value.members {
				r.conditions = append(r.conditions, clause{
					operator: word{operator.name, operator.name, operator.at},
					key:      word{key.name, key.name, key.at},
					values:   words(key.value),
				})
			}
		}
	}
	return r
}

// either reads Action or NotAction, and Resource or NotResource.
func (l *linter) either(n *node, m map[string]member, name string) (all []word, not bool) {
	yes, ok := m[name]
	no, other := m["Not"+name]
	switch {
	case ok && other:
		l.find("member.both", no.at, "A statement must have "+name+" or Not"+name+", not both.")
	case !ok && !other:
		l.find(strings.ToLower(name)+".missing", n.at, "The statement has no "+name+"; IAM rejects it.")
	}
	if ok {
		return words(yes.value), false
	}
	if other {
		return words(no.value), true
	}
	return nil, false
}

// words reads a string or a list of them.
func words(n *node) []word {
	if n.kind == '"' {
		return []word{{n.text, n.text, n.at}}
	}
	var all []word
	for _, item := range n.items {
		all = append(all, word{item.text, item.text, item.at})
	}
	return all
}
