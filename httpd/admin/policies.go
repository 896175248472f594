package admin

import (
	"context"
	"errors"
	"slices"
	"strconv"
	"strings"

	"outcrop/gateway"
	"outcrop/internal/jsonx"
	"outcrop/llm"
	"outcrop/store"
)

// Policies has policies of guardrails in force that the store has, beside those of the configuration's file.
type Policies interface {
	PolicyTrials
	// ConfiguredPolicies and ConfiguredAttachments are those of the file, in the form of answers.
	ConfiguredPolicies() []jsonx.Raw
	ConfiguredAttachments() []jsonx.Raw
	// CheckPolicy and CheckAttachment say what keeps one, as the store has it, from being in force.
	CheckPolicy(name string, doc []byte) ([]Fault, error)
	CheckAttachment(doc []byte) ([]Fault, error)
	// Heirs are the policies in force that inherit from one.
	Heirs(name string) []string
	// Resolve says which policies are attached to a call.
	Resolve(q *PolicyQuery) []PolicyMatch
}

// PolicyTrials tell what policies come to, without a change of anything.
type PolicyTrials interface {
	// Guardrails are those of a version of a policy, as the store has it, with what it inherits.
	Guardrails(name string, doc []byte) []string
	// Summaries are the policies in force, by name.
	Summaries() []PolicySummary
	// Validate says what is wrong with policies in the form of the configuration's file.
	Validate(policies jsonx.Raw) ([]PolicyFault, error)
	// TryPipeline has a pipeline check a request that no model gets.
	TryPipeline(ctx context.Context, pipeline jsonx.Raw, req *llm.Request) (*gateway.Trial, []Fault, error)
	// Reach says whom an attachment would be for.
	Reach(doc []byte) (*PolicyReach, []Fault, error)
}

// PolicyQuery is what is said of a call; empty for nothing.
type PolicyQuery struct {
	Team, Key, Model string
	Tags             []string
}

// PolicyMatch is a policy that is attached to a call, and by what.
type PolicyMatch struct {
	Policy, Via string
	Guardrails  []string
}

// States of versions of policies. At most one version of a policy is in force.
const (
	versionDraft      = "draft"
	versionPublished  = "published"
	versionProduction = "production"
)

// policyFields are those of a policy (litellm/types/proxy/policy_engine/resolver_types.py, PolicyCreateRequest).
func policyFields() []field {
	return []field{
		{name: "policy_name", form: text},
		{name: "inherit", form: text},
		{name: "description", form: text},
		{name: "guardrails_add", form: texts, std: "[]"},
		{name: "guardrails_remove", form: texts, std: "[]"},
		{name: "condition", form: object},
		{name: "pipeline", form: object},
	}
}

// contents are the fields in which versions of a policy differ.
func contents() []field { return policyFields()[1:] }

// policyShown is a policy of the store as answers have it.
func policyShown(t *thing) jsonx.Raw {
	d := &document{}
	d.put("policy_id", t.ID)
	d.put("policy_name", t.Alias)
	for _, name := range [...]string{"version_number", "version_status", "parent_version_id", "is_latest", "published_at", "production_at"} {
		d.set(name, orNull(t.doc.get(name)))
	}
	for _, f := range contents() {
		v := t.doc.get(f.name)
		if v == nil {
			v = f.usual()
		}
		d.set(f.name, orNull(v))
	}
	return stored(d, t)
}

// stored ends what is shown of a thing of the store with who has written it and when.
func stored(d *document, t *thing) jsonx.Raw {
	d.set("created_at", moment(t.Created))
	d.set("updated_at", moment(t.Updated))
	d.set("created_by", orNull(t.doc.get("created_by")))
	d.set("updated_by", orNull(t.doc.get("updated_by")))
	d.put("definition_location", "db")
	return d.bytes()
}

// shownList is an answer with a list and how long it is.
func shownList(name string, all []jsonx.Raw, more ...jsonx.Member) []byte {
	return encode(func(w *jsonx.Writer) {
		w.Object()
		w.Members(more)
		w.Key(name)
		w.Raw(jsonx.Array(all))
		w.Key("total_count")
		w.Raw(strconv.AppendInt(nil, int64(len(all)), 10))
		w.EndObject()
	})
}

// listPolicies serves GET /policies/list. One of the file is not there if another in the store has its place.
func (x *exchange) listPolicies() ([]byte, error) {
	status := x.r.URL.Query().Get("version_status")
	found, _, err := x.entities(store.Filter{Kind: store.KindPolicy})
	if err != nil {
		return nil, err
	}
	all, replaced := []jsonx.Raw{}, []string{}
	for _, t := range found {
		if t.doc.text("version_status") == versionProduction {
			replaced = append(replaced, t.Alias)
		}
		if status == "" || status == t.doc.text("version_status") {
			all = append(all, policyShown(t))
		}
	}
	if p := x.h.opt.Policies; p != nil && (status == "" || status == versionProduction) {
		for _, doc := range p.ConfiguredPolicies() {
			if !slices.Contains(replaced, parse(doc).text("policy_name")) {
				all = append(all, doc)
			}
		}
	}
	return shownList("policies", all), nil
}

// versions are those of a policy, the newest first.
func (x *exchange) versions(name string) ([]*thing, error) {
	all, _, err := x.entities(store.Filter{Kind: store.KindPolicy, Alias: name})
	slices.SortStableFunc(all, func(a, b *thing) int { return int(versionOf(b) - versionOf(a)) })
	return all, err
}

func versionOf(t *thing) int64 { return t.doc.whole("version_number") }

// newPolicy serves POST /policies.
func (x *exchange) newPolicy() ([]byte, error) {
	given, err := x.storable(policyFields())
	if err != nil {
		return nil, err
	}
	name := given.text("policy_name")
	if name == "" {
		return nil, invalid("policy_name", "policy_name must be given.")
	}
	others, err := x.versions(name)
	if err != nil {
		return nil, err
	}
	if len(others) > 0 {
		return nil, refused("policy_name", "Policy with name '%s' already exists: make another version of it with POST /policies/name/%s/versions.", clip(name), clip(name))
	}
	t := x.version(name, 1, versionProduction)
	t.doc.set("production_at", moment(x.now))
	fillPolicy(t, given)
	if err := x.checkPolicy(t); err != nil {
		return nil, err
	}
	if err := x.add(refused("policy_name", "The policy exists already."), t); err != nil {
		return nil, err
	}
	return policyShown(t), nil
}

// version makes a version of a policy.
func (x *exchange) version(name string, number int64, status string) *thing {
	t := &thing{Entity: store.Entity{Kind: store.KindPolicy, ID: newID(), Alias: name, Created: x.now, Updated: x.now}, doc: &document{}}
	t.doc.put("policy_name", name)
	t.doc.set("version_number", strconv.AppendInt(nil, number, 10))
	t.doc.put("version_status", status)
	t.doc.set("is_latest", jsonx.Raw("true"))
	t.doc.put("created_by", x.caller.name())
	x.touch(t)
	return t
}

// fillPolicy writes what a request says into a policy.
func fillPolicy(t *thing, given *document) {
	for _, f := range contents() {
		if given.has(f.name) {
			t.doc.set(f.name, given.get(f.name))
		}
	}
}

// checkPolicy refuses a policy that cannot be in force.
func (x *exchange) checkPolicy(t *thing) error {
	faults, err := x.h.opt.Policies.CheckPolicy(t.Alias, t.doc.bytes())
	return faulty(faults, err)
}

// faulty is the refusal of a thing with faults; nil if it has none.
func faulty(faults []Fault, err error) error {
	if err != nil || len(faults) == 0 {
		return err
	}
	messages := make([]string, len(faults))
	for i, f := range faults {
		messages[i] = f.Message
	}
	return refused(faults[0].Field, "%s", strings.Join(messages, "\n"))
}

// policyOfPath is the policy that the path names.
func (x *exchange) policyOfPath() (*thing, error) {
	return x.policy(x.r.PathValue("policy_id"), "policy_id")
}

func (x *exchange) policy(id, param string) (*thing, error) {
	return x.ofStore(store.KindPolicy, id, param, "Policy", "/policies/list")
}

// ofStore is a policy or an attachment of the store. For others, the error names the parameter with the id, what it should be of, and the
// path that lists them.
func (x *exchange) ofStore(kind store.Kind, id, param, what, list string) (*thing, error) {
	t, err := x.entity(kind, id)
	if errors.Is(err, store.ErrNotFound) {
		return nil, absent(param, "%s with ID %s not found: GET %s lists the ids. One of the configuration's file can only be changed there.", what, clip(id), list)
	}
	return t, err
}

// getPolicy serves GET /policies/{policy_id}.
func (x *exchange) getPolicy() ([]byte, error) {
	t, err := x.policyOfPath()
	if err != nil {
		return nil, err
	}
	return policyShown(t), nil
}

// updatePolicy serves PUT /policies/{policy_id}.
func (x *exchange) updatePolicy() ([]byte, error) {
	given, err := x.storable(policyFields())
	if err != nil {
		return nil, err
	}
	t, err := x.policyOfPath()
	if err != nil {
		return nil, err
	}
	if t.doc.text("version_status") != versionDraft {
		return nil, refused("policy_id", "Only drafts can be changed: make another version with POST /policies/name/%s/versions.", clip(t.Alias))
	}
	if name := given.text("policy_name"); name != "" && name != t.Alias {
		return nil, refused("policy_name", "policy_name cannot be changed: the draft is a version of %s. Make another policy with POST /policies.", clip(t.Alias))
	}
	fillPolicy(t, given)
	x.touch(t)
	if err := x.checkPolicy(t); err != nil {
		return nil, err
	}
	if err := x.put(t); err != nil {
		return nil, err
	}
	return policyShown(t), nil
}

// deletePolicy serves DELETE /policies/{policy_id}.
func (x *exchange) deletePolicy() ([]byte, error) {
	if err := x.storing(); err != nil {
		return nil, err
	}
	t, err := x.policyOfPath()
	if err != nil {
		return nil, err
	}
	answer := &document{}
	answer.put("message", "Policy "+t.ID+" deleted successfully")
	if t.doc.text("version_status") == versionProduction {
		if err := x.disinherit(t.Alias); err != nil {
			return nil, err
		}
		warning := "Production version was deleted. No other version is in force until it is promoted."
		if x.inFile(t.Alias) {
			warning = "Production version was deleted. The policy of the configuration's file is in force again."
		}
		answer.put("warning", warning)
	}
	if err := x.change(store.Change{Delete: []store.Ref{{Kind: t.Kind, ID: t.ID}}}); err != nil {
		return nil, err
	}
	return answer.bytes(), nil
}

// inFile reports whether the configuration's file has a policy.
func (x *exchange) inFile(name string) bool {
	return slices.ContainsFunc(x.h.opt.Policies.ConfiguredPolicies(), func(doc jsonx.Raw) bool { return parse(doc).text("policy_name") == name })
}

// disinherit refuses that a policy is no longer in force from which others inherit: they would lose guardrails.
func (x *exchange) disinherit(name string) error {
	if heirs := x.h.opt.Policies.Heirs(name); len(heirs) > 0 && !x.inFile(name) {
		return refused("policy_id", "The policies %s inherit from %s. Change or delete them first.", clip(strings.Join(heirs, ", ")), clip(name))
	}
	return nil
}

// deleteVersions serves DELETE /policies/name/{policy_name}/all-versions.
func (x *exchange) deleteVersions() ([]byte, error) {
	if err := x.storing(); err != nil {
		return nil, err
	}
	name := x.r.PathValue("policy_name")
	all, err := x.versions(name)
	if err != nil {
		return nil, err
	}
	answer := &document{}
	answer.put("message", "All versions of policy '"+name+"' deleted successfully")
	if len(all) == 0 { // as in LiteLLM
		return answer.bytes(), nil
	}
	if err := x.disinherit(name); err != nil {
		return nil, err
	}
	var refs []store.Ref
	for _, t := range all {
		refs = append(refs, store.Ref{Kind: t.Kind, ID: t.ID})
	}
	if err := x.change(store.Change{Delete: refs}); err != nil {
		return nil, err
	}
	if x.inFile(name) {
		answer.put("warning", "The policy of the configuration's file is in force again.")
	}
	return answer.bytes(), nil
}
