package app

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"reflect"
	"time"

	"outcrop"
	"outcrop/cache/valkey"
	"outcrop/config"
	"outcrop/httpd/admin"
	"outcrop/internal/jsonx"
	"outcrop/store"
)

// readCache reads where the database says that answers are kept.
func (d *added) readCache(ctx context.Context, s *store.Store) error {
	found, _, err := s.Entities(ctx, &store.Filter{Kind: store.KindSetting, IDs: []string{admin.CacheSetting}})
	if err != nil {
		return err
	}
	if len(found) == 0 {
		d.cache.Store(nil)
		return nil
	}
	members, err := jsonx.Members(found[0].Doc)
	var settings jsonx.Raw
	if err == nil {
		settings, err = d.openMembers(jsonx.Find(members, admin.CacheSetting))
	}
	var c config.Cache
	if err == nil {
		var problems []config.Problem
		if c, problems = d.client.Config().AddedCache(admin.CacheSetting, settings); c.Type == "" {
			err = &outcrop.ConfigError{Problems: problems}
		}
	}
	if err != nil {
		d.warn(&found[0], "the settings of the response cache in the database cannot be used, and there is none", err)
		d.cache.Store(nil)
		return nil
	}
	d.cache.Store(&c)
	return nil
}

// withStoredCache is a configuration with the cache of the database, unless its file has one. It is the same one if nothing changes.
func (a *App) withStoredCache(cfg *config.Config) *config.Config {
	if cfg.Cache.Type != "" && !cfg.Cache.Stored {
		return cfg
	}
	next := *cfg
	next.Cache = config.Cache{}
	if c := a.added.cache.Load(); c != nil {
		next.Cache = *c
	}
	if reflect.DeepEqual(next.Cache, cfg.Cache) {
		return cfg
	}
	return &next
}

// followCache has the cache of the database in force, for the calls that begin from then on.
func (a *App) followCache() error {
	a.reloading.Lock()
	defer a.reloading.Unlock()
	select {
	case <-a.stopped:
		return nil
	default:
	}
	before := a.client.Config()
	cfg := a.withStoredCache(before)
	if cfg == before {
		return nil
	}
	if _, err := a.adopt(before, cfg); err != nil {
		return err
	}
	a.opt.Logger.Info("the response cache is the one of the database", slog.String("type", cmp.Or(cfg.Cache.Type, "none")))
	return nil
}

// cacheSettings lets the management API set where answers are kept. It implements admin.Cache.
type cacheSettings struct{ a *App }

// Configured are the settings of the file; nil if it has none.
func (s cacheSettings) Configured() jsonx.Raw {
	c := &s.a.client.Config().Cache
	if c.Type == "" || c.Stored {
		return nil
	}
	var w jsonx.Writer
	w.Object()
	w.Key("type")
	w.String(c.Type)
	if c.Namespace != "" {
		w.Key("namespace")
		w.String(c.Namespace)
	}
	if c.TTL > 0 {
		w.Key("ttl")
		w.Float(c.TTL.Seconds())
	}
	if c.Address != "" {
		w.Key("url")
		w.String(c.Address.Reveal())
	}
	w.EndObject()
	return w.Buf
}

// Check says what keeps settings from being in force.
func (s cacheSettings) Check(settings jsonx.Raw) []admin.Fault {
	_, problems := s.a.client.Config().AddedCache(inBody, settings)
	return faultsOf(problems)
}

// cacheTrial bounds a trial of a connection.
const cacheTrial = 5 * time.Second

// errNoServer is for types of caches without one.
var errNoServer = errors.New("only a Valkey or Redis can be tried")

// Try connects to the Valkey or Redis of settings, and asks whether it answers.
func (s cacheSettings) Try(ctx context.Context, settings jsonx.Raw) (err error) {
	c, problems := s.a.client.Config().AddedCache(inBody, settings)
	if c.Type == "" {
		return errors.New(faultsOf(problems)[0].Message)
	}
	if c.Type == config.CacheLocal {
		return errNoServer
	}
	server, err := valkey.Open(valkeyCache(&c))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, server.Close()) }()
	ctx, cancel := context.WithTimeout(ctx, cacheTrial)
	defer cancel()
	return server.Ping(ctx)
}
