package takeover_test

import (
	"strings"
	"testing"

	"outcrop/store"
	"outcrop/takeover"
)

// takePolicies takes over with policies, of which those are refused whose documents have the word broken.
func (l *litellm) takePolicies(to *store.Store) *takeover.Plan {
	l.Helper()
	p := l.plan()
	refuses := func(_ store.Kind, _ string, doc []byte) string {
		if strings.Contains(string(doc), "broken") {
			return "it is broken"
		}
		return ""
	}
	if err := p.AddPolicies(l.Context(), l.source(), refuses); err != nil {
		l.Fatal(err)
	}
	if err := p.Write(l.Context(), to); err != nil {
		l.Fatal(err)
	}
	return p
}

func TestPoliciesAreTakenOverWithVersionsAndAttachments(t *testing.T) {
	eachStore(t, func(l *litellm, s *store.Store) {
		l.insert("LiteLLM_PolicyTable", `{"policy_id": "p1", "policy_name": "health", "version_number": 1, "version_status": "production", "is_latest": false, "production_at": "2026-05-01T08:00:00", "inherit": "base", "description": "Care", "guardrails_add": ["mask"], "guardrails_remove": ["logs"], "condition": {"model": "gpt-.*"}, "created_by": "ann"}`)
		l.insert("LiteLLM_PolicyTable", `{"policy_id": "p2", "policy_name": "health", "version_number": 2, "version_status": "published", "is_latest": true, "parent_version_id": "p1", "pipeline": "{\"mode\": \"pre_call\", \"steps\": [{\"guardrail\": \"mask\"}]}"}`)
		l.insert("LiteLLM_PolicyTable", `{"policy_id": "p3", "policy_name": "odd", "condition": {"model": "broken"}}`)
		l.insert("LiteLLM_PolicyTable", `{"policy_id": "p4", "policy_name": "odd draft", "version_status": "draft", "condition": {"model": "broken"}}`)
		l.insert("LiteLLM_PolicyAttachmentTable", `{"attachment_id": "a1", "policy_name": "health", "teams": ["care-*"], "tags": ["x"], "priority": 3, "is_default": true}`)
		l.insert("LiteLLM_PolicyAttachmentTable", `{"attachment_id": "a2", "policy_name": "health", "scope": "broken"}`)
		l.insert("LiteLLM_GuardrailsTable", `{"guardrail_id": "g", "guardrail_name": "mask", "litellm_params": {}, "updated_at": "2026-05-01T08:00:00"}`)
		p := l.takePolicies(s)
		first := entity(t, s, store.KindPolicy, "p1")
		has(t, first, "policy_name", `"health"`, "version_status", `"production"`, "production_at", `"2026-05-01T08:00:00.000Z"`, "inherit", `"base"`, "guardrails_add", `["mask"]`,
			"guardrails_remove", `["logs"]`, "condition", `{"model":"gpt-.*"}`, "created_by", `"ann"`, "policy_id", "", "created_at", "")
		has(t, entity(t, s, store.KindPolicy, "p2"), "parent_version_id", `"p1"`, "pipeline", `{"mode":"pre_call","steps":[{"guardrail":"mask"}]}`)
		has(t, entity(t, s, store.KindAttachment, "a1"), "policy_name", `"health"`, "scope", "null", "teams", `["care-*"]`, "tags", `["x"]`, "default", "true", "is_default", "")
		if first.Alias != "health" {
			t.Errorf("the alias is %q", first.Alias)
		}
		leaves(t, p, "LiteLLM_PolicyTable", "odd", "it is broken", true)
		leaves(t, p, "LiteLLM_PolicyTable", "odd draft", "it is broken", false)
		leaves(t, p, "LiteLLM_PolicyAttachmentTable", "health", "it is broken", true)
		leaves(t, p, "LiteLLM_PolicyAttachmentTable", "priority", "order of the configuration", false)
		leaves(t, p, "LiteLLM_PolicyTable", "guardrails_add", "until the configuration has", false)
		leaves(t, p, "LiteLLM_GuardrailsTable", "", "config.yaml", false)

		// What LiteLLM changes, promotes and deletes is so here, and nothing is written twice.
		l.exec(`UPDATE "LiteLLM_PolicyTable" SET version_status = 'published' WHERE policy_id = 'p1'`)
		l.exec(`UPDATE "LiteLLM_PolicyTable" SET version_status = 'production' WHERE policy_id = 'p2'`)
		l.exec(`DELETE FROM "LiteLLM_PolicyAttachmentTable" WHERE attachment_id = 'a1'`)
		p = l.takePolicies(s)
		has(t, entity(t, s, store.KindPolicy, "p1"), "version_status", `"published"`)
		has(t, entity(t, s, store.KindPolicy, "p2"), "version_status", `"production"`)
		if left, _, err := s.Entities(t.Context(), &store.Filter{Kind: store.KindAttachment}); err != nil || len(left) > 0 {
			t.Errorf("the attachments are %+v, %v", left, err)
		}
		for _, table := range p.Tables {
			if table.Name == "LiteLLM_PolicyTable" && (table.Changed != 2 || table.Created != 0 || table.Rows != 4 || table.Taken != 2) || table.Name == "LiteLLM_PolicyAttachmentTable" && table.Deleted != 1 {
				t.Errorf("%+v", table)
			}
		}
		revision := entity(t, s, store.KindPolicy, "p2").Revision
		if l.takePolicies(s); entity(t, s, store.KindPolicy, "p2").Revision != revision {
			t.Error("a third time has written a policy again")
		}
	})
}

// TestAPolicyIsNeverInForceTwice has LiteLLM promote a version after Outcrop has put another one in force.
func TestAPolicyIsNeverInForceTwice(t *testing.T) {
	eachStore(t, func(l *litellm, s *store.Store) {
		l.insert("LiteLLM_PolicyTable", `{"policy_id": "p1", "policy_name": "health"}`)
		l.insert("LiteLLM_PolicyTable", `{"policy_id": "p2", "policy_name": "health", "version_number": 2, "version_status": "published"}`)
		l.insert("LiteLLM_PolicyTable", `{"policy_id": "q1", "policy_name": "other"}`)
		l.takePolicies(s)
		var change store.Change
		for id, status := range map[string]string{"p1": "published", "p2": "production"} {
			e := entity(t, s, store.KindPolicy, id)
			e.Doc = []byte(strings.Replace(strings.ReplaceAll(string(e.Doc), " ", ""), `"version_status":"`+map[string]string{"p1": "production", "p2": "published"}[id]+`"`, `"version_status":"`+status+`"`, 1))
			change.Put = append(change.Put, *e)
		}
		if _, err := s.Change(t.Context(), &change); err != nil {
			t.Fatal(err)
		}
		l.insert("LiteLLM_PolicyTable", `{"policy_id": "p3", "policy_name": "health", "version_number": 3}`)
		l.exec(`UPDATE "LiteLLM_PolicyTable" SET version_status = 'published' WHERE policy_id = 'p1'`)
		l.exec(`UPDATE "LiteLLM_PolicyTable" SET description = 'changed' WHERE policy_id = 'q1'`)
		p := l.takePolicies(s)
		leaves(t, p, "LiteLLM_PolicyTable", "", "stay as they are there", false)
		has(t, entity(t, s, store.KindPolicy, "p2"), "version_status", `"production"`)
		has(t, entity(t, s, store.KindPolicy, "q1"), "description", `"changed"`)
		if all, _, err := s.Entities(t.Context(), &store.Filter{Kind: store.KindPolicy, Alias: "health"}); err != nil || len(all) != 2 {
			t.Errorf("the versions are %+v, %v", all, err)
		}
		l.exec(`DELETE FROM "LiteLLM_PolicyTable" WHERE policy_id = 'p2'`)
		l.takePolicies(s)
		has(t, entity(t, s, store.KindPolicy, "p2"), "version_status", `"production"`)
	})
}
