package app

import (
	"context"

	"outcrop/config"
	"outcrop/httpd"
	"outcrop/httpd/admin"
	"outcrop/internal/jsonx"
	"outcrop/store"
)

// hub returns what tells at any moment which models everybody may see: those of the configuration, else those that the database says.
// As in LiteLLM, what the file sets belongs to the file.
func (a *App) hub(cfg *config.Config) func() httpd.Hub {
	file := httpd.Hub{Groups: cfg.Management.PublicModels, Links: cfg.Management.PublicLinks}
	if !cfg.Accounting.StoreModels {
		return func() httpd.Hub { return file }
	}
	return func() httpd.Hub {
		out := file
		if stored := a.added.hub.Load(); stored != nil {
			if out.Groups == nil {
				out.Groups = stored.Groups
			}
			if out.Links == nil {
				out.Links = stored.Links
			}
		}
		return out
	}
}

// fileSettings are the settings of the configuration that the management API cannot change.
func fileSettings(cfg *config.Config) (names []string) {
	m := &cfg.Management
	if m.PublicModels != nil {
		names = append(names, admin.PublicGroups)
	}
	if m.PublicLinks != nil {
		names = append(names, admin.PublicLinks)
	}
	if cfg.Cache.Type != "" && !cfg.Cache.Stored {
		names = append(names, admin.CacheSetting)
	}
	return names
}

// reloadHub reads which models everybody may see.
func (d *added) reloadHub(ctx context.Context, s *store.Store) error {
	found, _, err := s.Entities(ctx, &store.Filter{Kind: store.KindSetting, IDs: []string{admin.PublicGroups, admin.PublicLinks}})
	if err != nil {
		return err
	}
	hub := &httpd.Hub{}
	for i := range found {
		e := &found[i]
		members, err := jsonx.Members(e.Doc)
		if err != nil {
			continue
		}
		value := jsonx.Find(members, e.ID)
		if e.ID == admin.PublicLinks {
			hub.Links = value.Clone()
			continue
		}
		hub.Groups = []string{} // a list without names is one too
		if err := jsonx.Unmarshal(value, &hub.Groups); err != nil {
			d.warn(e, "the public models of the database cannot be read", err)
		}
	}
	d.hub.Store(hub)
	return nil
}
