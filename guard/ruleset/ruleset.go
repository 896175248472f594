// Package ruleset decides which guardrails are in force for a call by policies: sets of guardrails that inherit from each other, and
// attachments that say for whom they are. It knows no guardrail but by its name. What is decided is what LiteLLM decides (1.110.2,
// litellm/proxy/policy_engine).
package ruleset

import (
	"maps"
	"regexp"
	"slices"
	"strings"
)

// Policy is a set of guardrails.
type Policy struct {
	Name string
	// Inherit is the policy whose guardrails it has too; empty for none.
	Inherit string
	// Add and Remove are names of guardrails. Remove takes away what it inherits.
	Add, Remove []string
	// Models are for which models Add, Remove and Pipeline count; nil for all.
	Models []Pattern
	// Pipeline are guardrails one after the other; nil for none. It is not inherited.
	Pipeline *Pipeline
}

// Pipeline are guardrails that are asked one after the other, where each verdict says what comes next.
type Pipeline struct {
	// Responses is whether they check responses, and not requests.
	Responses bool
	Steps     []Step
}

// Step is a guardrail of a pipeline.
type Step struct {
	Guardrail string
	// Pass, Fail and Error are what comes after the guardrail has let something pass, has refused it, and has given no verdict.
	Pass, Fail, Error Action
	// Reason is the response that Replace has; empty for what the guardrail says.
	Reason string
}

// Action is what comes after a step.
type Action uint8

// Actions.
const (
	Next    Action = iota // the next step; after the last one as Allow
	Allow                 // no further step
	Block                 // the call is refused
	Replace               // the call has a response that says why it is refused
)

// String is LiteLLM's word for the action.
func (a Action) String() string {
	return [...]string{Next: "next", Allow: "allow", Block: "block", Replace: "modify_response"}[a]
}

// Decision is what is in force for a call.
type Decision struct {
	// Guardrails and Policies are names, each once.
	Guardrails, Policies []string
	// Pipelines are those of policies that have one, in the order of Policies.
	Pipelines []*Policy
}

// Pattern is a name, or a regular expression for a whole name.
type Pattern struct {
	name string
	expr *regexp.Regexp
}

// ParsePattern reads a pattern. The error is that of the regular expression.
func ParsePattern(text string) (Pattern, error) {
	expr, err := regexp.Compile("^(?:" + text + ")$")
	if err != nil {
		return Pattern{}, err
	}
	return Pattern{name: text, expr: expr}, nil
}

// String is the pattern as it was written.
func (p Pattern) String() string { return p.name }

func (p Pattern) matches(name string) bool { return name == p.name || p.expr.MatchString(name) }

// Attachment says for which calls a policy is in force. An empty list is for all calls, and one with names for those that have one of
// them; an asterisk at the end of a name is for any rest.
type Attachment struct {
	Policy string
	// Teams and Keys are aliases, and Models the names that calls have.
	Teams, Keys, Models, Tags []string
	// Default is whether it counts only where no attachment does that is not one by default.
	Default bool
}

// Call is what policies know of a call.
type Call struct {
	// Teams are the aliases of the caller's teams, and Key that of its key; empty for none.
	Teams []string
	Key   string
	// Models are the names that the call has for its model; each of them can be meant.
	Models []string
	Tags   []string
}

// Set is all policies. The zero value has none. It is not modified.
type Set struct {
	policies    map[string]*Policy
	attachments []Attachment
	versions    map[string]*Policy // by id
}

// VersionPrefix is in front of the id of a version of a policy where a call names it in place of a policy, as in LiteLLM.
const VersionPrefix = "policy_"

// New makes a set of policies with names of their own that inherit from each other without a cycle, and of attachments of them.
func New(policies []*Policy, attachments []Attachment) *Set {
	s := &Set{policies: make(map[string]*Policy, len(policies)), attachments: attachments}
	for _, p := range policies {
		s.policies[p.Name] = p
	}
	return s
}

// With is the set with further policies, which replace those with their names, and further attachments; nil if there are none at all.
func (s *Set) With(policies []*Policy, attachments []Attachment) *Set {
	if len(policies)+len(attachments) == 0 {
		return s
	}
	if s == nil {
		s = &Set{}
	}
	next := &Set{policies: maps.Clone(s.policies), attachments: slices.Concat(s.attachments, attachments), versions: s.versions}
	if next.policies == nil {
		next.policies = make(map[string]*Policy, len(policies))
	}
	for _, p := range policies {
		next.policies[p.Name] = p
	}
	return next
}

// WithVersions is the set with versions of policies, by their ids. They are in force only for calls that name them, and inherit from the
// policies of the set.
func (s *Set) WithVersions(versions map[string]*Policy) *Set {
	if len(versions) == 0 {
		return s
	}
	if s == nil {
		s = &Set{}
	}
	return &Set{policies: s.policies, attachments: s.attachments, versions: versions}
}

// Named is the policy, or the version of one, that a call means by a name; nil if there is none.
func (s *Set) Named(name string) *Policy {
	if s == nil {
		return nil
	}
	if p := s.policies[name]; p != nil {
		return p
	}
	if id, ok := strings.CutPrefix(name, VersionPrefix); ok {
		return s.versions[id]
	}
	return nil
}

// Guardrails are those of a policy with what it inherits, whatever the conditions are, in alphabetical order.
func (s *Set) Guardrails(name string) (guardrails []string) {
	for _, p := range s.chain(name) {
		guardrails = p.change(guardrails)
	}
	slices.Sort(guardrails)
	return slices.Compact(guardrails)
}

// Chain names the policies that a policy inherits from, the first one first, and itself.
func (s *Set) Chain(name string) (names []string) {
	for _, p := range s.chain(name) {
		names = append(names, p.Name)
	}
	return names
}

// Policies are all policies, by name.
func (s *Set) Policies() []*Policy {
	if s == nil {
		return nil
	}
	return slices.SortedFunc(maps.Values(s.policies), func(a, b *Policy) int { return strings.Compare(a.Name, b.Name) })
}

// Attachments are all attachments. Nobody may change them.
func (s *Set) Attachments() []Attachment {
	if s == nil {
		return nil
	}
	return s.attachments
}

// Heirs are the policies that inherit from one itself.
func (s *Set) Heirs(name string) (names []string) {
	for _, p := range s.Policies() {
		if p.Inherit == name {
			names = append(names, p.Name)
		}
	}
	return names
}

// Loops reports whether a policy inherits from itself.
func (s *Set) Loops(name string) bool {
	chain := s.chain(name)
	return len(chain) > 0 && s.policies[chain[0].Inherit] != nil
}

// Match is a policy that is in force for a call, and why it is: an attachment of it, in LiteLLM's form, such as team:health.
type Match struct {
	Policy, Via string
	Guardrails  []string
}

// Matches are the policies that are attached to a call.
func (s *Set) Matches(c *Call) (all []Match) {
	if s == nil {
		return nil
	}
	for _, name := range s.attached(c) {
		if slices.ContainsFunc(all, func(m Match) bool { return m.Policy == name }) {
			continue
		}
		all = append(all, Match{name, s.via(name, c), s.resolve(name, c)})
	}
	return all
}

// via is the first attachment of a policy that is for a call.
func (s *Set) via(name string, c *Call) string {
	i := slices.IndexFunc(s.attachments, func(a Attachment) bool { return a.Policy == name && a.Covers(c) })
	a := &s.attachments[i]
	var parts []string
	for _, of := range [...]struct {
		kind            string
		patterns, names []string
	}{{"tag", a.Tags, c.Tags}, {"team", a.Teams, c.Teams}, {"key", a.Keys, c.keys()}, {"model", a.Models, c.Models}} {
		if len(of.patterns) == 0 {
			continue
		}
		if at := slices.IndexFunc(of.names, func(name string) bool { return named(of.patterns, []string{name}) }); at >= 0 {
			parts = append(parts, of.kind+":"+of.names[at])
		}
	}
	via := strings.Join(parts, "+")
	if via == "" {
		via = "scope:*"
	}
	if a.Default {
		via = "default:" + via
	}
	return via
}

// keys is the alias of the key; nil if it has none.
func (c *Call) keys() []string {
	if c.Key == "" {
		return nil
	}
	return []string{c.Key}
}

// Decide finds what is in force for a call by attachments and by policies, or versions of them, that are named for it. unknown is the first
// name that none has; empty if there is none. A version is in force beside the policies that are attached, its own among them, and not in
// their place. What is decided for more names begins with what is decided for the first of them.
func (s *Set) Decide(c *Call, named []string) (d Decision, unknown string) {
	for _, name := range named {
		if s.Named(name) == nil {
			return Decision{}, name
		}
	}
	if s == nil {
		return Decision{}, ""
	}
	var decided []*Policy
	for _, name := range slices.Concat(s.attached(c), named) {
		p := s.Named(name)
		if slices.Contains(decided, p) || !s.applies(name, c) {
			continue
		}
		decided = append(decided, p)
		d.Policies = append(d.Policies, name)
		for _, g := range s.resolve(name, c) {
			if !slices.Contains(d.Guardrails, g) {
				d.Guardrails = append(d.Guardrails, g)
			}
		}
		if p.Pipeline != nil && p.meets(c) {
			d.Pipelines = append(d.Pipelines, p)
		}
	}
	return d, ""
}

// attached are the policies whose attachments are for a call.
func (s *Set) attached(c *Call) (names []string) {
	var byDefault []string
	for i := range s.attachments {
		a := &s.attachments[i]
		switch {
		case !a.Covers(c) || !s.applies(a.Policy, c):
		case a.Default:
			byDefault = append(byDefault, a.Policy)
		default:
			names = append(names, a.Policy)
		}
	}
	if len(names) == 0 {
		return byDefault
	}
	return names
}

// Covers reports whether an attachment is for a call.
func (a *Attachment) Covers(c *Call) bool {
	return named(a.Teams, c.Teams) && named(a.Keys, c.keys()) && named(a.Models, c.Models) && named(a.Tags, c.Tags)
}

// named reports whether a list of patterns has one of some names. An asterisk alone is for those without a name too.
func named(patterns, names []string) bool {
	if len(patterns) == 0 || slices.Contains(patterns, "*") {
		return true
	}
	return slices.ContainsFunc(patterns, func(pattern string) bool {
		prefix, wild := strings.CutSuffix(pattern, "*")
		return slices.ContainsFunc(names, func(name string) bool {
			return name != "" && (name == pattern || wild && strings.HasPrefix(name, prefix))
		})
	})
}

// chain is a policy with those that it inherits from, the first one first.
func (s *Set) chain(name string) (chain []*Policy) {
	for p := s.Named(name); p != nil && !slices.Contains(chain, p); p = s.policies[p.Inherit] {
		chain = append(chain, p)
	}
	slices.Reverse(chain)
	return chain
}

// meets reports whether a call is for one of a policy's models.
func (p *Policy) meets(c *Call) bool {
	return p.Models == nil || slices.ContainsFunc(p.Models, func(one Pattern) bool { return slices.ContainsFunc(c.Models, one.matches) })
}

// applies reports whether a policy, or one that it inherits from, is for the call's model.
func (s *Set) applies(name string, c *Call) bool {
	return slices.ContainsFunc(s.chain(name), func(p *Policy) bool { return p.meets(c) })
}

// resolve are the guardrails of a policy for a call.
func (s *Set) resolve(name string, c *Call) (guardrails []string) {
	for _, p := range s.chain(name) {
		if !p.meets(c) {
			continue
		}
		guardrails = p.change(guardrails)
	}
	return guardrails
}

// change is what becomes of inherited guardrails.
func (p *Policy) change(guardrails []string) []string {
	guardrails = append(guardrails, p.Add...)
	return slices.DeleteFunc(guardrails, func(g string) bool { return slices.Contains(p.Remove, g) })
}
