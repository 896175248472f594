package tenant

import (
	"context"
	"slices"

	"outcrop/store"
)

// groups are the access groups of the store.
type groups struct {
	byID, byName map[string]*document
}

// allGroups stands for all access groups: one that is new may have a name that a list has already.
var allGroups = store.Ref{Kind: store.KindAccessGroup} //nolint:gochecknoglobals // it is never written to

// accessGroups returns all access groups, from memory if they are there.
func (d *Directory) accessGroups(ctx context.Context) (*groups, error) {
	d.mu.RLock()
	g := d.groups
	d.mu.RUnlock()
	if g != nil {
		return g, nil
	}
	r := d.begin(allGroups)
	all, _, err := d.opt.Store.Entities(ctx, &store.Filter{Kind: store.KindAccessGroup})
	if err != nil {
		d.end(r, nil)
		return nil, err
	}
	g = &groups{byID: map[string]*document{}, byName: map[string]*document{}}
	for i := range all {
		doc, err := decode(&all[i])
		if err != nil {
			d.end(r, nil)
			return nil, err
		}
		g.byID[all[i].ID] = doc
		if doc.GroupName != "" {
			g.byName[doc.GroupName] = doc
		}
	}
	d.end(r, func() { d.groups = g })
	return g, nil
}

// grants are the models that a document has by access groups.
type grants struct {
	own models
	// grants are those of groups that are assigned to the key or its team, which the team need not have (litellm,
	// auth_checks.py, key_access_group_grants_model).
	grants models
}

// groups are the models that a document has by its access_group_ids, and by names of groups in its models.
func (b *builder) groups(ctx context.Context, doc *document) (g grants, err error) {
	if len(doc.AccessGroups) == 0 && len(doc.Models) == 0 {
		return g, nil
	}
	b.d.also(b.r, allGroups)
	all, err := b.d.accessGroups(ctx)
	if err != nil {
		return g, err
	}
	for _, id := range doc.AccessGroups {
		of := all.byID[id]
		if of == nil {
			continue
		}
		g.own = append(g.own, of.GroupModels...)
		if slices.Contains(of.AssignedKeys, b.c.Hash) || b.c.TeamID != "" && slices.Contains(of.AssignedTeams, b.c.TeamID) {
			g.grants = append(g.grants, of.GroupModels...)
		}
	}
	for _, name := range doc.Models {
		if of := all.byName[name]; of != nil {
			g.own = append(g.own, of.GroupModels...)
		}
	}
	return g, nil
}
