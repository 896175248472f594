package takeover

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"outcrop/quota"
	"outcrop/store"
)

// ErrOtherDatabase is returned for a database that has none of the keys of the one that was taken over before.
var ErrOtherDatabase = errors.New("LiteLLM's database has none of the keys that were taken over before, so it is another one, or empty; it would delete them all")

// perTransaction is how many entities a transaction of a take-over writes.
const perTransaction = 200

// Write writes a plan to a store, and notes in its tables what it has done. What a plan before has written is changed where
// LiteLLM's rows have changed since, and deleted where they are gone; what has been changed or deleted in the store since
// stays so otherwise. Spend is added as far as it has grown. An error leaves what was written before it, and the next Write
// goes on from there.
func (p *Plan) Write(ctx context.Context, to *store.Store) error {
	seen, err := to.Imports(ctx)
	if err != nil {
		return fmt.Errorf("reading what was taken over before: %w", err)
	}
	if p.another(seen) {
		return ErrOtherDatabase
	}
	w := writer{plan: p, to: to, seen: seen, current: map[store.Ref]*store.Entity{}}
	for _, kind := range kinds() {
		all, _, err := to.Entities(ctx, &store.Filter{Kind: kind})
		if err != nil {
			return fmt.Errorf("reading what the database has: %w", err)
		}
		for i := range all {
			w.current[store.Ref{Kind: kind, ID: all[i].ID}] = &all[i]
		}
	}
	w.own = w.ownPolicies()
	for part := range slices.Chunk(p.entities, perTransaction) {
		if err := w.part(ctx, part); err != nil {
			return err
		}
	}
	return w.gone(ctx)
}

// kinds are those that a take-over writes.
func kinds() []store.Kind {
	return []store.Kind{
		store.KindKey, store.KindUser, store.KindTeam, store.KindMember, store.KindOrganization, store.KindOrgMember, store.KindCustomer, store.KindBudget, store.KindTag,
		store.KindAccessGroup, store.KindOldKey, store.KindModel, store.KindCredential, store.KindProject, store.KindGroupBudget,
		store.KindPolicy, store.KindAttachment,
	}
}

// another reports whether the plan is of another database than what was seen before.
func (p *Plan) another(seen map[store.Ref]store.Imported) bool {
	keys := 0
	for ref := range seen {
		if ref.Kind != store.KindKey {
			continue
		}
		if p.present[ref] {
			return false
		}
		keys++
	}
	return keys > 0
}

type writer struct {
	plan    *Plan
	to      *store.Store
	seen    map[store.Ref]store.Imported
	current map[store.Ref]*store.Entity
	own     map[string]bool // names of policies, see ownPolicies
}

// action is what the audit log has for a take-over.
const action = "outcrop import litellm"

// part writes some entities.
func (w *writer) part(ctx context.Context, entities []*entity) error {
	change := &store.Change{By: action, Action: action}
	i := &store.Import{}
	var done []func()
	for _, e := range entities {
		record := store.Imported{Ref: e.ref(), Doc: e.seen(), Spent: e.spent, Resets: e.resets}
		before, known := w.seen[e.ref()]
		put, counted, note := w.compare(e, &before, known)
		if put != nil {
			change.Put = append(change.Put, *put)
		}
		if units := e.grown(&before, known, w.plan.now); counted && units != 0 {
			i.Add = append(i.Add, store.Addition{Counter: store.SpendCounter(e.Kind, e.ID), Units: units, Window: w.window(e)})
		}
		if !known || string(before.Doc) != string(record.Doc) || before.Spent != record.Spent || !before.Resets.Equal(record.Resets) {
			i.Seen = append(i.Seen, record)
		}
		done = append(done, note)
	}
	if len(change.Put) > 0 {
		i.Change = change
	}
	if i.Change != nil || len(i.Add) > 0 || len(i.Seen) > 0 {
		if err := w.to.Import(ctx, i); err != nil {
			return fmt.Errorf("writing what was taken over: %w", err)
		}
	}
	for _, note := range done {
		note()
	}
	return nil
}

// compare says what becomes of an entity: put is nil if it stays as it is, and counted whether its spend counts. note notes
// it in the plan.
func (w *writer) compare(e *entity, before *store.Imported, known bool) (put *store.Entity, counted bool, note func()) {
	current := w.current[e.ref()]
	unchanged := func() { e.table.Unchanged++ }
	switch {
	case e.counter && known:
		return nil, true, unchanged
	case e.counter:
		return nil, true, func() { e.table.Created++ }
	case e.Kind == store.KindPolicy && w.own[e.Alias]:
		return nil, false, func() {
			w.leave(e, "the policies of their names have versions that were made or put in force in Outcrop, and stay as they are there")
		}
	case current == nil && known:
		return nil, false, func() { w.leave(e, "they have been deleted in Outcrop since, and stay deleted") }
	case current == nil:
		return &e.Entity, true, func() { e.table.Created++ }
	case !known:
		return nil, true, func() {
			w.leave(e, "they exist in Outcrop already and stay as they are there; what they have spent is added")
		}
	case string(before.Doc) == string(e.seen()):
		return nil, true, unchanged
	}
	next := *current
	next.Doc = merged(current.Doc, before.Doc, e.seen(), e.Doc)
	next.Alias, next.UserID, next.TeamID, next.OrganizationID, next.Updated = e.Alias, e.UserID, e.TeamID, e.OrganizationID, w.plan.now
	return &next, true, func() { e.table.Changed++ }
}

// leave notes an entity that is not written.
func (w *writer) leave(e *entity, reason string) {
	e.table.Unchanged++
	for i := range w.plan.Left {
		if l := &w.plan.Left[i]; l.Table == e.table.Name && l.Reason == reason {
			l.Rows++
			return
		}
	}
	w.plan.Left = append(w.plan.Left, Left{Table: e.table.Name, Rows: 1, Reason: reason})
}

// window is when the counter of an entity begins anew, as calls see it.
func (w *writer) window(e *entity) quota.Window {
	created := e.Created
	if current := w.current[e.ref()]; current != nil && created.IsZero() {
		created = current.Created
	}
	if created.IsZero() {
		created = w.plan.now
	}
	window, err := quota.ParseWindowEnding(e.duration, created, e.resets)
	if err != nil {
		return quota.Window{}
	}
	return window
}

// grown is what an entity has spent in its present period since it was seen before.
func (e *entity) grown(before *store.Imported, known bool, now time.Time) int64 {
	if !e.resets.IsZero() && !e.resets.After(now) {
		return 0 // LiteLLM is about to begin anew, which it does some minutes late
	}
	if !known || !before.Resets.IsZero() && !before.Resets.After(now) && e.resets.After(before.Resets) {
		return e.spent
	}
	return e.spent - before.Spent
}

// gone deletes what LiteLLM does not have any more.
func (w *writer) gone(ctx context.Context) error {
	var refs []store.Ref
	for ref := range w.seen {
		if !w.plan.present[ref] {
			refs = append(refs, ref)
		}
	}
	for part := range slices.Chunk(refs, perTransaction) {
		i := &store.Import{Gone: part}
		change := &store.Change{By: action, Action: action}
		for _, ref := range part {
			if e := w.current[ref]; e != nil && (ref.Kind != store.KindPolicy || !w.own[e.Alias]) {
				change.Delete = append(change.Delete, ref)
			}
		}
		if len(change.Delete) > 0 {
			i.Change = change
		}
		if err := w.to.Import(ctx, i); err != nil {
			return fmt.Errorf("deleting what LiteLLM does not have any more: %w", err)
		}
		for _, ref := range change.Delete {
			w.plan.tableOf(ref.Kind).Deleted++
		}
	}
	return nil
}

// tableOf is the table of entities of a kind.
func (p *Plan) tableOf(kind store.Kind) *Table {
	name := map[store.Kind]string{
		store.KindMember: membershipTable, store.KindOrgMember: orgMembershipTable, store.KindOldKey: oldKeysTable,
		store.KindModel: modelsTable, store.KindCredential: credentialsTable,
	}[kind]
	for _, t := range []table{keysTableOf(), teamsTable(), usersTable(), organizationsTable(), customersTable(), budgetsTable(), tagsTable(), groupsTable(), projectsTable(), groupBudgetsTable(), policiesTable(), attachmentsTable()} {
		if t.kind == kind {
			name = t.name
		}
	}
	for _, t := range p.Tables {
		if t.Name == name {
			return t
		}
	}
	return &Table{}
}
