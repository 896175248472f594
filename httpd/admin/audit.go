package admin

import (
	"strconv"
	"strings"
	"time"

	"outcrop/internal/jsonx"
	"outcrop/store"
)

// tables are LiteLLM's names of the tables of entities, in its audit log.
func tables() map[store.Kind]string {
	return map[store.Kind]string{
		store.KindKey: "LiteLLM_VerificationToken", store.KindUser: "LiteLLM_UserTable", store.KindTeam: "LiteLLM_TeamTable",
		store.KindMember: "LiteLLM_TeamMembership", store.KindOrganization: "LiteLLM_OrganizationTable", store.KindOrgMember: "LiteLLM_OrganizationMembership",
		store.KindCustomer: "LiteLLM_EndUserTable", store.KindBudget: "LiteLLM_BudgetTable", store.KindTag: "LiteLLM_TagTable", store.KindModel: "LiteLLM_ProxyModelTable",
		store.KindAccessGroup: "LiteLLM_AccessGroupTable", store.KindCredential: "LiteLLM_CredentialsTable", store.KindInvitation: "LiteLLM_InvitationLink",
		store.KindLogin: "Outcrop_LoginTable", store.KindSetting: "Outcrop_SettingTable", store.KindOldKey: "LiteLLM_DeprecatedVerificationToken",
		store.KindProject: "LiteLLM_ProjectTable", store.KindGroupBudget: "LiteLLM_ModelAccessGroupBudgetTable", store.KindPassThrough: "LiteLLM_Config",
		store.KindPolicy: "LiteLLM_PolicyTable", store.KindAttachment: "LiteLLM_PolicyAttachmentTable",
	}
}

// kindOf is the kind of a table's entities; the table's name itself if it is none.
func kindOf(table string) store.Kind {
	for kind, name := range tables() {
		if name == table {
			return kind
		}
	}
	return store.Kind(table)
}

// secret reports whether documents of a kind may have values that nobody may read.
func secret(kind store.Kind) bool {
	return kind == store.KindCredential || kind == store.KindModel || kind == store.KindPassThrough
}

// entryShown is an entry of the audit log as answers have it.
func entryShown(e *store.AuditEntry) jsonx.Raw {
	action := "updated"
	switch {
	case e.Before == nil:
		action = "created"
	case e.After == nil:
		action = "deleted"
	}
	before, after := jsonx.Raw(e.Before), jsonx.Raw(e.After)
	switch {
	case secret(e.Kind):
		before, after = nil, nil
	case e.Kind == store.KindKey || e.Kind == store.KindTeam:
		before, after = withoutSecrets(before), withoutSecrets(after)
	}
	d := &document{}
	d.put("id", entryID(e))
	d.set("updated_at", moment(e.At))
	d.put("changed_by", e.By)
	d.put("changed_by_api_key", e.ByKey)
	d.put("action", action)
	d.put("endpoint", e.Action)
	d.put("table_name", tables()[e.Kind])
	d.put("object_id", e.ID)
	d.set("before_value", before)
	d.set("updated_values", after)
	return d.bytes()
}

// entryID names an entry of the audit log: the change's revision, and the entity.
func entryID(e *store.AuditEntry) string {
	return strconv.FormatInt(e.Revision, 10) + ":" + string(e.Kind) + ":" + e.ID
}

// listAudit serves /audit.
func (x *exchange) listAudit() ([]byte, error) {
	q := x.r.URL.Query()
	p, err := pages(q, "page_size", 10, 100)
	if err != nil {
		return nil, err
	}
	f := store.AuditFilter{Kind: kindOf(q.Get("table_name")), ID: q.Get("object_id"), By: q.Get("changed_by")}
	if f.Start, f.End, err = span(q.Get("start_date"), q.Get("end_date")); err != nil {
		return nil, err
	}
	action, key, search := q.Get("action"), q.Get("changed_by_api_key"), q.Get("search")
	narrowed := action != "" || key != "" || search != ""
	if !narrowed {
		f.Offset, f.Limit = (p.number-1)*p.size, p.size
	}
	found, total, err := x.store.Audit(x.r.Context(), f)
	if err != nil {
		return nil, err
	}
	var all []jsonx.Raw
	for i := range found {
		e := &found[i]
		shown := entryShown(e)
		if key != "" && e.ByKey != keyID(key) || action != "" && parse(shown).text("action") != strings.TrimSuffix(action, "d")+"d" ||
			search != "" && search != e.ID && search != e.By && search != e.ByKey && search != entryID(e) {
			continue
		}
		all = append(all, shown)
	}
	if narrowed {
		total = len(all)
		all = of(p, all)
	}
	return p.list("audit_logs", all, total), nil
}

// getAudit serves /audit/{id}.
func (x *exchange) getAudit() ([]byte, error) {
	id := x.r.PathValue("id")
	_, rest, _ := strings.Cut(id, ":")
	kind, of, ok := strings.Cut(rest, ":")
	if ok {
		found, _, err := x.store.Audit(x.r.Context(), store.AuditFilter{Kind: store.Kind(kind), ID: of})
		if err != nil {
			return nil, err
		}
		for i := range found {
			if entryID(&found[i]) == id {
				return entryShown(&found[i]), nil
			}
		}
	}
	return nil, absent("id", "Audit log with ID %s not found.", clip(id))
}

// span reads the first and the last time of a query; a last time that is a date includes that day.
func span(from, to string) (start, end time.Time, err error) {
	for _, v := range []struct {
		name, text string
		to         *time.Time
	}{{"start_date", from, &start}, {"end_date", to, &end}} {
		if v.text == "" {
			continue
		}
		t, ok := instant(v.text)
		if !ok {
			return start, end, refused(v.name, "%s must be a date, such as 2026-01-31.", v.name)
		}
		if v.name == "end_date" && len(v.text) == len(time.DateOnly) {
			t = t.AddDate(0, 0, 1)
		}
		*v.to = t
	}
	return start, end, nil
}
