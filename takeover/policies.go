package takeover

import (
	"context"

	"outcrop/internal/jsonx"
	"outcrop/store"
)

// PolicyCheck says why a policy or an attachment, as the management API stores it, cannot be in force; empty if it can. Guardrails that there
// are not are no reason.
type PolicyCheck func(kind store.Kind, name string, doc []byte) string

func policiesTable() table {
	return table{name: policiesTableName, kind: store.KindPolicy, id: "policy_id", alias: "policy_name", drop: []string{"policy_id"}}
}

func attachmentsTable() table {
	return table{
		name: attachmentsTableName, kind: store.KindAttachment, id: "attachment_id", alias: "policy_name", drop: []string{"attachment_id"},
		kept: []without{{"priority", "guardrails run in the order of the configuration", false}},
	}
}

// AddPolicies adds LiteLLM's policies of guardrails, with all versions, and their attachments to the plan.
func (p *Plan) AddPolicies(ctx context.Context, s *Source, check PolicyCheck) error {
	for _, of := range [...]table{policiesTable(), attachmentsTable()} {
		t := p.table(of.name)
		err := s.each(ctx, of.name, "r.created_at", nil, func(r row) error {
			t.Rows++
			d := p.document(r, &of)
			if of.kind == store.KindAttachment {
				d.set("default", d.get("is_default"))
				d.drop("is_default")
			}
			name := r.text(of.alias)
			if reason := check(of.kind, name, d.bytes()); reason != "" {
				// Calls that LiteLLM checks are not checked, unless it is a version that is not in force.
				p.leave(of.name, name, "it cannot be in force, so it is not taken: "+reason, of.kind == store.KindAttachment || inProduction(d))
				return nil
			}
			if of.kind == store.KindPolicy && inProduction(d) && (!empty(d.get("guardrails_add")) || !empty(d.get("pipeline"))) {
				p.leave(of.name, "guardrails_add", metadataGuardrails, false)
			}
			p.addStored(t, r, of.kind, r.text(of.id), name, d.bytes(), nil)
			return nil
		})
		if err != nil {
			return err
		}
	}
	p.tell()
	return nil
}

// inProduction reports whether a version of a policy is in force.
func inProduction(d *doc) bool { return jsonx.Word(d.get("version_status")) == "production" }

// ownPolicies are the names of policies whose versions have been changed in the store since they were taken over, or were made there. They
// are left as they are, whatever LiteLLM does with its own: else two versions of one policy could be in force.
func (w *writer) ownPolicies() map[string]bool {
	own := map[string]bool{}
	for ref, e := range w.current {
		if ref.Kind != store.KindPolicy {
			continue
		}
		before, known := w.seen[ref]
		status := func(doc []byte) string { return jsonx.Word(parse(doc).get("version_status")) }
		if !known || status(before.Doc) != status(e.Doc) {
			own[e.Alias] = true
		}
	}
	return own
}
