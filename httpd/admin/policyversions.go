package admin

import (
	"slices"
	"strings"

	"outcrop/internal/jsonx"
)

// listVersions serves GET /policies/name/{policy_name}/versions.
func (x *exchange) listVersions() ([]byte, error) {
	name := x.r.PathValue("policy_name")
	found, err := x.versions(name)
	if err != nil {
		return nil, err
	}
	all := []jsonx.Raw{}
	for _, t := range found {
		all = append(all, policyShown(t))
	}
	return shownList("versions", all, jsonx.Member{Name: "policy_name", Value: quote(name)}), nil
}

// newVersion serves POST /policies/name/{policy_name}/versions: a draft with the contents of another version.
func (x *exchange) newVersion() ([]byte, error) {
	given, err := x.storable([]field{{name: "source_policy_id", form: text}})
	if err != nil {
		return nil, err
	}
	name := x.r.PathValue("policy_name")
	all, err := x.versions(name)
	if err != nil {
		return nil, err
	}
	id := given.text("source_policy_id")
	at := slices.IndexFunc(all, func(t *thing) bool {
		return t.ID == id || id == "" && t.doc.text("version_status") == versionProduction
	})
	switch {
	case at < 0 && id == "":
		return nil, absent("policy_name", "No production version found for policy '%s'.", clip(name))
	case at < 0:
		return nil, absent("source_policy_id", "Source policy %s not found among the versions of %s.", clip(id), clip(name))
	}
	t := x.version(name, versionOf(all[0])+1, versionDraft)
	t.doc.put("parent_version_id", all[at].ID)
	fillPolicy(t, all[at].doc)
	changed := []*thing{t}
	for _, other := range all {
		if other.doc.yes("is_latest") {
			other.doc.set("is_latest", jsonx.Raw("false"))
			changed = append(changed, other)
		}
	}
	if err := x.put(changed...); err != nil {
		return nil, err
	}
	return policyShown(t), nil
}

// setVersion serves PUT /policies/{policy_id}/status.
func (x *exchange) setVersion() ([]byte, error) {
	given, err := x.storable([]field{{name: "version_status", form: text}})
	if err != nil {
		return nil, err
	}
	t, err := x.policyOfPath()
	if err != nil {
		return nil, err
	}
	status, now := given.text("version_status"), t.doc.text("version_status")
	changed := []*thing{t}
	switch {
	case status == versionPublished && now == versionDraft:
		t.doc.set("published_at", moment(x.now))
	case status == versionPublished:
		return nil, refused("version_status", "Only draft versions can be published. Current status: '%s'.", now)
	case status == versionProduction && now == versionDraft:
		return nil, refused("version_status", "Cannot promote draft directly to production. Publish the version first.")
	case status == versionProduction && now == versionPublished:
		if err := x.checkPolicy(t); err != nil {
			return nil, err
		}
		others, err := x.versions(t.Alias)
		if err != nil {
			return nil, err
		}
		for _, other := range others {
			if other.ID != t.ID && other.doc.text("version_status") == versionProduction {
				other.doc.put("version_status", versionPublished)
				x.touch(other)
				changed = append(changed, other)
			}
		}
		t.doc.set("production_at", moment(x.now))
	case status == versionProduction:
		return nil, refused("version_status", "Only published versions can be promoted to production. Current: '%s'.", now)
	default:
		return nil, refused("version_status", "Invalid status '%s'. Use 'published' or 'production'.", clip(status))
	}
	t.doc.put("version_status", status)
	x.touch(t)
	if err := x.put(changed...); err != nil {
		return nil, err
	}
	return policyShown(t), nil
}

// compareVersions serves GET /policies/compare.
func (x *exchange) compareVersions() ([]byte, error) {
	var both [2]*document
	answer, diffs := &document{}, &document{}
	for i, name := range [...]string{"version_a", "version_b"} {
		id := x.r.URL.Query().Get(name)
		if id == "" {
			return nil, invalid(name, "%s must be given in the query: the id of a version.", name)
		}
		t, err := x.policy(id, name)
		if err != nil {
			return nil, err
		}
		shown := policyShown(t)
		both[i] = parse(shown)
		answer.set(name, shown)
	}
	for _, f := range contents() {
		a, b := both[0].get(f.name), both[1].get(f.name)
		if string(a) == string(b) {
			continue
		}
		d := &document{}
		d.set("version_a", a)
		d.set("version_b", b)
		diffs.set(f.name, d.bytes())
	}
	answer.set("field_diffs", diffs.bytes())
	return answer.bytes(), nil
}

// resolvePolicies serves POST /policies/resolve.
func (x *exchange) resolvePolicies() ([]byte, error) {
	given, err := x.given(policyQueryFields())
	if err != nil {
		return nil, err
	}
	guardrails, matched := []string{}, []jsonx.Raw{}
	if p := x.h.opt.Policies; p != nil {
		for _, m := range p.Resolve(policyQuery(given)) {
			d := &document{}
			d.put("policy_name", m.Policy)
			d.put("matched_via", m.Via)
			d.set("guardrails_added", quoteAll(m.Guardrails))
			matched = append(matched, d.bytes())
			guardrails = append(guardrails, m.Guardrails...)
		}
	}
	slices.SortFunc(guardrails, strings.Compare)
	answer := &document{}
	answer.set("effective_guardrails", quoteAll(slices.Compact(guardrails)))
	answer.set("matched_policies", jsonx.Array(matched))
	return answer.bytes(), nil
}
