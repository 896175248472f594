package admin

import (
	"slices"
	"strconv"
	"strings"

	"outcrop/internal/jsonx"
)

// PolicySummary is a policy in force.
type PolicySummary struct {
	Name, Inherit string
	// Add and Remove are its own, Guardrails those that come of it, and Chain the policies that it inherits from, with itself at the end.
	Add, Remove, Guardrails, Chain []string
}

// PolicyFault is something that is wrong with a policy. Kind is LiteLLM's word for it.
type PolicyFault struct {
	Policy, Kind, Field, Message string
}

// inForce is what has policies in force.
func (x *exchange) inForce() (Policies, error) {
	if p := x.h.opt.Policies; p != nil {
		return p, nil
	}
	return nil, absent("", "This gateway has no policies of guardrails.")
}

// summary is a policy in the form of LiteLLM's /policy/list. The scope is empty there too: attachments say for whom a policy is.
func (p *PolicySummary) summary(d *document) *document {
	if p.Inherit == "" {
		d.set("inherit", jsonx.Raw("null"))
	} else {
		d.put("inherit", p.Inherit)
	}
	d.set("scope", jsonx.Raw(`{"teams":[],"keys":[],"models":[],"tags":[]}`))
	guardrails := &document{}
	guardrails.set("add", quoteAll(p.Add))
	guardrails.set("remove", quoteAll(p.Remove))
	d.set("guardrails", guardrails.bytes())
	d.set("resolved_guardrails", quoteAll(p.Guardrails))
	d.set("inheritance_chain", quoteAll(p.Chain))
	return d
}

// loadedPolicies serves GET /policy/list.
func (x *exchange) loadedPolicies() ([]byte, error) {
	in, err := x.inForce()
	if err != nil {
		return nil, err
	}
	policies, all := &document{}, in.Summaries()
	for i := range all {
		policies.set(all[i].Name, all[i].summary(&document{}).bytes())
	}
	answer := &document{}
	answer.set("policies", policies.bytes())
	answer.set("total_count", strconv.AppendInt(nil, int64(len(all)), 10))
	return answer.bytes(), nil
}

// loadedPolicy serves GET /policy/info/{policy_name}.
func (x *exchange) loadedPolicy() ([]byte, error) {
	in, err := x.inForce()
	if err != nil {
		return nil, err
	}
	name := x.r.PathValue("policy_name")
	for _, p := range in.Summaries() {
		if p.Name == name {
			d := &document{}
			d.put("policy_name", name)
			return p.summary(d).bytes(), nil
		}
	}
	return nil, absent("policy_name", "Policy '%s' not found among those in force: GET /policy/list lists them.", clip(name))
}

// policyQueryFields are those of what is said of a call.
func policyQueryFields() []field {
	return []field{{name: "team_alias", form: text}, {name: "key_alias", form: text}, {name: "model", form: text}, {name: "tags", form: texts}}
}

// policyQuery is what a request says of a call.
func policyQuery(given *document) *PolicyQuery {
	return &PolicyQuery{Team: given.text("team_alias"), Key: given.text("key_alias"), Model: given.text("model"), Tags: given.texts("tags")}
}

// testPolicies serves POST /policy/test, an earlier form of /policies/resolve.
func (x *exchange) testPolicies() ([]byte, error) {
	given, err := x.given(policyQueryFields())
	if err != nil {
		return nil, err
	}
	in, err := x.inForce()
	if err != nil {
		return nil, err
	}
	names, guardrails := []string{}, []string{}
	for _, m := range in.Resolve(policyQuery(given)) {
		names = append(names, m.Policy)
		guardrails = append(guardrails, m.Guardrails...)
	}
	slices.SortFunc(guardrails, strings.Compare)
	about := &document{}
	for _, f := range policyQueryFields() {
		about.set(f.name, orNull(given.get(f.name)))
	}
	answer := &document{}
	answer.set("context", about.bytes())
	answer.set("matching_policies", quoteAll(names))
	answer.set("resolved_guardrails", quoteAll(slices.Compact(guardrails)))
	answer.set("message", jsonx.Raw("null"))
	return answer.bytes(), nil
}

// validatePolicies serves POST /policy/validate.
func (x *exchange) validatePolicies() ([]byte, error) {
	given, err := x.given([]field{{name: "policies", form: object}})
	if err != nil {
		return nil, err
	}
	if orNull(given.get("policies")).Kind() == 'n' {
		return nil, invalid("policies", "policies must be given: an object with policies by their names.")
	}
	in, err := x.inForce()
	if err != nil {
		return nil, err
	}
	faults, err := in.Validate(given.get("policies"))
	if err != nil {
		return nil, err
	}
	all := make([]jsonx.Raw, len(faults))
	for i, f := range faults {
		d := &document{}
		d.put("policy_name", f.Policy)
		d.put("error_type", f.Kind)
		d.put("message", f.Message)
		d.put("field", f.Field)
		d.set("value", jsonx.Raw("null"))
		all[i] = d.bytes()
	}
	answer := &document{}
	answer.set("valid", strconv.AppendBool(nil, len(faults) == 0))
	answer.set("errors", jsonx.Array(all))
	answer.set("warnings", jsonx.Raw("[]"))
	return answer.bytes(), nil
}
