package app

import (
	"context"
	"slices"
	"strconv"
	"strings"

	"outcrop/gateway"
	"outcrop/guard/ruleset"
	"outcrop/httpd/admin"
	"outcrop/internal/jsonx"
	"outcrop/llm"
)

// Guardrails are those of a version of a policy with what it inherits; none if it cannot be read.
func (s storedPolicies) Guardrails(name string, doc []byte) []string {
	members, err := jsonx.Members(doc)
	if err != nil {
		return nil
	}
	p, _ := storedPolicy(s.client.Config(), inBody, name, members, true)
	if p == nil {
		return nil
	}
	return s.client.Pipeline().Policies().With([]*ruleset.Policy{p}, nil).Guardrails(name)
}

// Summaries are the policies in force, by name.
func (s storedPolicies) Summaries() (all []admin.PolicySummary) {
	set := s.client.Pipeline().Policies()
	for _, p := range set.Policies() {
		all = append(all, admin.PolicySummary{Name: p.Name, Inherit: p.Inherit, Add: p.Add, Remove: p.Remove, Guardrails: set.Guardrails(p.Name), Chain: set.Chain(p.Name)})
	}
	return all
}

// Validate says what is wrong with policies in the form of the file. They can inherit from each other and from those in force.
func (s storedPolicies) Validate(policies jsonx.Raw) (faults []admin.PolicyFault, err error) {
	given, err := jsonx.Members(policies)
	if err != nil {
		return nil, err
	}
	var all []*ruleset.Policy
	for _, m := range given {
		members, err := jsonx.Members(m.Value)
		if err != nil {
			faults = append(faults, admin.PolicyFault{Policy: m.Name, Kind: "invalid_syntax", Message: "a policy must be an object, not " + jsonx.KindName(m.Value.Kind()) + "."})
			continue
		}
		entry := said(members, map[string]string{"inherit": "inherit", "guardrails": "guardrails", "condition": "condition", "pipeline": "pipeline"})
		p, problems := s.client.Config().AddedPolicy(inBody, m.Name, withoutNulls(object(entry)), false)
		for _, f := range faultsOf(problems) {
			faults = append(faults, admin.PolicyFault{Policy: m.Name, Kind: kindOfFault(f.Field), Field: f.Field, Message: f.Message})
		}
		if p != nil {
			all = append(all, p)
		}
	}
	set := s.client.Pipeline().Policies().With(all, nil)
	for _, p := range all {
		switch {
		case p.Inherit != "" && !slices.ContainsFunc(set.Policies(), func(other *ruleset.Policy) bool { return other.Name == p.Inherit }):
			faults = append(faults, admin.PolicyFault{Policy: p.Name, Kind: "invalid_inheritance", Field: "inherit", Message: "there is no policy " + strconv.Quote(p.Inherit) + "."})
		case set.Loops(p.Name):
			faults = append(faults, admin.PolicyFault{Policy: p.Name, Kind: "circular_inheritance", Field: "inherit", Message: "the policy inherits from itself."})
		}
	}
	return faults, nil
}

// kindOfFault is LiteLLM's word for a fault of a field (litellm/types/proxy/policy_engine/validation_types.py).
func kindOfFault(field string) string {
	if strings.HasPrefix(field, "guardrails.") || strings.HasSuffix(field, ".guardrail") {
		return "invalid_guardrail"
	}
	return "invalid_syntax"
}

// TryPipeline has a pipeline check a request that no model gets.
func (s storedPolicies) TryPipeline(ctx context.Context, pipeline jsonx.Raw, req *llm.Request) (*gateway.Trial, []admin.Fault, error) {
	p, problems := storedPolicy(s.client.Config(), inBody, "trial", []jsonx.Member{{Name: "pipeline", Value: pipeline}}, false)
	if p == nil || p.Pipeline == nil {
		return nil, faultsOf(problems), nil
	}
	trial, unknown, err := s.client.Pipeline().TryPipeline(ctx, p.Pipeline, req)
	if unknown != "" { // it has been taken from the configuration at this moment
		return nil, []admin.Fault{{Field: "pipeline", Message: "pipeline: there is no guardrail " + strconv.Quote(unknown) + "."}}, nil
	}
	return trial, nil, err
}

// Reach says whom an attachment would be for. There need not be its policy yet.
func (s storedPolicies) Reach(doc []byte) (*admin.PolicyReach, []admin.Fault, error) {
	members, err := jsonx.Members(doc)
	if err != nil {
		return nil, nil, err
	}
	a, problems, err := storedAttachment(s.client.Config(), inBody, doc, []*ruleset.Policy{{Name: jsonx.Word(jsonx.Find(members, "policy_name"))}})
	if a == nil {
		return nil, faultsOf(problems), err
	}
	a.Models = nil
	team := *a
	team.Keys = nil
	covers := func(a *ruleset.Attachment) func(q *admin.PolicyQuery) bool {
		return func(q *admin.PolicyQuery) bool { return a.Covers(callOf(q)) }
	}
	return &admin.PolicyReach{
		All: len(a.Teams)+len(a.Keys)+len(a.Tags) == 0, Teams: len(a.Teams)+len(a.Tags) > 0, Keys: len(a.Keys) > 0, Key: covers(a), Team: covers(&team),
	}, nil, nil
}
