package app

import (
	"context"
	"slices"
	"strconv"
	"strings"

	"outcrop"
	"outcrop/config"
	"outcrop/guard/ruleset"
	"outcrop/httpd/admin"
	"outcrop/internal/jsonx"
	"outcrop/store"
)

// reloadPolicies has the policies and attachments in force that the database has now.
func (d *added) reloadPolicies(ctx context.Context, s *store.Store) error {
	found, _, err := s.Entities(ctx, &store.Filter{Kind: store.KindPolicy, Ascending: true})
	if err != nil {
		return err
	}
	var all []*ruleset.Policy
	versions := map[string]*ruleset.Policy{}
	for i := range found {
		e := &found[i]
		members, err := jsonx.Members(e.Doc)
		var p *ruleset.Policy
		if err == nil {
			var problems []config.Problem
			if p, problems = storedPolicy(d.client.Config(), "the policy with the id "+e.ID, e.Alias, members, true); p == nil {
				err = &outcrop.ConfigError{Problems: problems}
			}
		}
		if err != nil {
			d.warn(e, "a policy of the database cannot be in force", err)
			continue
		}
		versions[e.ID] = p
		if jsonx.Word(jsonx.Find(members, "version_status")) == "production" {
			all = append(all, p)
		}
	}
	if found, _, err = s.Entities(ctx, &store.Filter{Kind: store.KindAttachment, Ascending: true}); err != nil {
		return err
	}
	var attachments []ruleset.Attachment
	for i := range found {
		e := &found[i]
		a, problems, err := storedAttachment(d.client.Config(), "the attachment with the id "+e.ID, e.Doc, []*ruleset.Policy{{Name: e.Alias}}) // which may have been deleted
		if err == nil && a == nil {
			err = &outcrop.ConfigError{Problems: problems}
		}
		if err != nil {
			d.warn(e, "an attachment of the database cannot be in force", err)
			continue
		}
		attachments = append(attachments, *a)
	}
	d.client.SetPolicies(all, attachments, versions)
	return nil
}

// said are the members of a document that say something, without those that are not the configuration's, and by its names.
func said(members []jsonx.Member, names map[string]string) (all []jsonx.Member) {
	for _, m := range members {
		if name, ok := names[m.Name]; ok && m.Value.Kind() != 'n' {
			all = append(all, jsonx.Member{Name: name, Value: m.Value})
		}
	}
	return all
}

// storedPolicy reads a policy, as the store has it, as the configuration's are read.
func storedPolicy(cfg *config.Config, path, name string, members []jsonx.Member, absent bool) (*ruleset.Policy, []config.Problem) {
	entry := said(members, map[string]string{"inherit": "inherit", "condition": "condition"})
	if guardrails := said(members, map[string]string{"guardrails_add": "add", "guardrails_remove": "remove"}); len(guardrails) > 0 {
		entry = append(entry, jsonx.Member{Name: "guardrails", Value: object(guardrails)})
	}
	if pipeline := jsonx.Find(members, "pipeline"); pipeline != nil && pipeline.Kind() != 'n' {
		entry = append(entry, jsonx.Member{Name: "pipeline", Value: withoutNulls(pipeline)})
	}
	for i, m := range entry {
		if m.Name == "condition" {
			entry[i].Value = withoutNulls(m.Value)
		}
	}
	return cfg.AddedPolicy(path, name, object(entry), absent)
}

// withoutNulls leaves out the members that are null, at any depth: clients of LiteLLM send all that they know.
func withoutNulls(v jsonx.Raw) jsonx.Raw {
	switch v.Kind() {
	case '{':
		members, err := jsonx.Members(v)
		if err != nil {
			return v
		}
		members = slices.DeleteFunc(members, func(m jsonx.Member) bool { return m.Value.Kind() == 'n' })
		for i := range members {
			members[i].Value = withoutNulls(members[i].Value)
		}
		return object(members)
	case '[':
		var items []jsonx.Raw
		if jsonx.Unmarshal(v, &items) != nil {
			return v
		}
		for i := range items {
			items[i] = withoutNulls(items[i])
		}
		return jsonx.Array(items)
	default:
		return v
	}
}

// storedAttachment reads an attachment, as the store has it, as the configuration's are read.
func storedAttachment(cfg *config.Config, path string, doc []byte, all []*ruleset.Policy) (*ruleset.Attachment, []config.Problem, error) {
	members, err := jsonx.Members(doc)
	if err != nil {
		return nil, nil, err
	}
	entry := said(members, map[string]string{"policy_name": "policy", "scope": "scope", "teams": "teams", "keys": "keys", "models": "models", "tags": "tags", "default": "default"})
	a, problems := cfg.AddedAttachment(path, object(entry), all)
	return a, problems, nil
}

// PolicyFault says why a policy or an attachment, as the store has it, cannot be in force; empty if it can. Guardrails, and policies for
// attachments, that there are not are no reason.
func PolicyFault(cfg *config.Config, kind store.Kind, name string, doc []byte) string {
	var problems []config.Problem
	var err error
	if kind == store.KindPolicy {
		var members []jsonx.Member
		if members, err = jsonx.Members(doc); err == nil {
			_, problems = storedPolicy(cfg, inBody, name, members, true)
		}
	} else {
		_, problems, err = storedAttachment(cfg, inBody, doc, []*ruleset.Policy{{Name: name}})
	}
	if faults := faultsOf(problems); err == nil && len(faults) > 0 {
		return faults[0].Message
	}
	if err != nil {
		return err.Error()
	}
	return ""
}

// storedPolicies lets the management API change the policies of the store. It implements admin.Policies.
type storedPolicies struct{ *added }

// ConfiguredPolicies are those of the file.
func (s storedPolicies) ConfiguredPolicies() (all []jsonx.Raw) {
	for _, p := range s.client.Config().Policies.Policies() {
		all = append(all, policyOfFile(p))
	}
	return all
}

// policyOfFile is a policy of the file in the form of answers.
func policyOfFile(p *ruleset.Policy) jsonx.Raw {
	var w jsonx.Writer
	text := func(name, value string) {
		w.Key(name)
		w.StringOrNull(value)
	}
	w.Object()
	text("policy_id", p.Name)
	text("policy_name", p.Name)
	w.Key("version_number")
	w.Raw(jsonx.Raw("1"))
	text("version_status", "production")
	text("inherit", p.Inherit)
	textsAs(&w, "guardrails_add", p.Add)
	textsAs(&w, "guardrails_remove", p.Remove)
	w.Key("condition")
	if p.Models == nil {
		w.Null()
	} else {
		patterns := make([]string, len(p.Models))
		for i, one := range p.Models {
			patterns[i] = one.String()
		}
		w.Object()
		textsAs(&w, "model", patterns)
		w.EndObject()
	}
	w.Key("pipeline")
	if p.Pipeline == nil {
		w.Null()
	} else {
		pipelineOfFile(&w, p.Pipeline, text)
	}
	text("definition_location", "config")
	w.EndObject()
	return w.Buf
}

func pipelineOfFile(w *jsonx.Writer, p *ruleset.Pipeline, text func(name, value string)) {
	mode := "pre_call"
	if p.Responses {
		mode = "post_call"
	}
	w.Object()
	text("mode", mode)
	w.Key("steps")
	w.Array()
	for i := range p.Steps {
		step := &p.Steps[i]
		w.Object()
		text("guardrail", step.Guardrail)
		text("on_pass", step.Pass.String())
		text("on_fail", step.Fail.String())
		text("on_error", step.Error.String())
		text("modify_response_message", step.Reason)
		w.EndObject()
	}
	w.EndArray()
	w.EndObject()
}

// textsAs writes a list of texts.
func textsAs(w *jsonx.Writer, name string, all []string) {
	w.Key(name)
	w.Array()
	for _, text := range all {
		w.String(text)
	}
	w.EndArray()
}

// ConfiguredAttachments are those of the file.
func (s storedPolicies) ConfiguredAttachments() (all []jsonx.Raw) {
	for i, a := range s.client.Config().Policies.Attachments() {
		var w jsonx.Writer
		w.Object()
		w.Key("attachment_id")
		w.String("config-" + strconv.Itoa(i))
		w.Key("policy_name")
		w.String(a.Policy)
		w.Key("scope")
		if len(a.Teams)+len(a.Keys)+len(a.Models)+len(a.Tags) == 0 {
			w.String("*")
		} else {
			w.Null()
		}
		textsAs(&w, "teams", a.Teams)
		textsAs(&w, "keys", a.Keys)
		textsAs(&w, "models", a.Models)
		textsAs(&w, "tags", a.Tags)
		w.Key("default")
		w.Raw(strconv.AppendBool(nil, a.Default))
		w.Key("definition_location")
		w.String("config")
		w.EndObject()
		all = append(all, w.Buf)
	}
	return all
}

// CheckPolicy says what keeps a policy from being in force.
func (s storedPolicies) CheckPolicy(name string, doc []byte) ([]admin.Fault, error) {
	members, err := jsonx.Members(doc)
	if err != nil {
		return nil, err
	}
	p, problems := storedPolicy(s.client.Config(), inBody, name, members, false)
	if p == nil {
		return faultsOf(problems), nil
	}
	set := s.client.Pipeline().Policies().With([]*ruleset.Policy{p}, nil)
	known := slices.ContainsFunc(set.Policies(), func(other *ruleset.Policy) bool { return other.Name == p.Inherit })
	switch {
	case p.Inherit != "" && !known:
		return []admin.Fault{{Field: "inherit", Message: "inherit: there is no policy " + strconv.Quote(p.Inherit) + "."}}, nil
	case set.Loops(name):
		return []admin.Fault{{Field: "inherit", Message: "inherit: the policy inherits from itself."}}, nil
	default:
		return nil, nil
	}
}

// faultsOf are the errors among problems of what a request has.
func faultsOf(problems []config.Problem) (faults []admin.Fault) {
	for _, p := range problems {
		if p.Severity == config.Error {
			p.Path = strings.TrimPrefix(strings.TrimPrefix(p.Path, inBody), ".")
			faults = append(faults, admin.Fault{Field: p.Path, Message: strings.TrimPrefix(p.String(), p.Severity.String()+": ")})
		}
	}
	return faults
}

// CheckAttachment says what keeps an attachment from being in force.
func (s storedPolicies) CheckAttachment(doc []byte) ([]admin.Fault, error) {
	_, problems, err := storedAttachment(s.client.Config(), inBody, doc, s.client.Pipeline().Policies().Policies())
	return faultsOf(problems), err
}

// Heirs are the policies in force that inherit from one.
func (s storedPolicies) Heirs(name string) []string {
	return s.client.Pipeline().Policies().Heirs(name)
}

// Resolve says which policies are attached to a call.
func (s storedPolicies) Resolve(q *admin.PolicyQuery) (all []admin.PolicyMatch) {
	for _, m := range s.client.Pipeline().Policies().Matches(callOf(q)) {
		all = append(all, admin.PolicyMatch(m))
	}
	return all
}

// callOf is what policies know of a call that a request describes.
func callOf(q *admin.PolicyQuery) *ruleset.Call {
	c := &ruleset.Call{Key: q.Key, Tags: q.Tags}
	if q.Team != "" {
		c.Teams = []string{q.Team}
	}
	if q.Model != "" {
		c.Models = []string{q.Model}
	}
	return c
}
