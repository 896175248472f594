package app

import (
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"path/filepath"
	"reflect"

	"outcrop"
	"outcrop/cache"
	"outcrop/cache/azureblob"
	"outcrop/cache/disk"
	"outcrop/cache/gcs"
	"outcrop/cache/s3"
	"outcrop/cache/valkey"
	"outcrop/config"
)

// openCache makes the response cache of a configuration; nil if it has none.
func openCache(opt *Options, cfg *config.Config) (*cache.Cache, error) {
	c := &cfg.Cache
	if c.Type == "" {
		return nil, nil //nolint:nilnil // there is none
	}
	store, err := openCacheStore(opt, cfg)
	if err != nil {
		return nil, fmt.Errorf("the response cache: %w", err)
	}
	return newCache(opt, c, store), nil
}

// newCache is a cache of a configuration in a store.
func newCache(opt *Options, c *config.Cache, store cache.Store) *cache.Cache {
	return cache.New(cache.Options{
		Store: store, Type: c.Type, Remote: c.Type != config.CacheLocal, Timeout: c.Timeout, TTL: c.TTL, OptIn: c.OptIn, Namespace: c.Namespace,
		MaxItem: int(c.MaxAnswer), MaxMessages: c.MaxMessages, Doors: c.Doors, Groups: c.Groups, Logger: opt.Logger, Semantic: semanticCache(c, store),
	})
}

// nextCache is the response cache for another configuration: the one of before if nothing of it has changed, or one with its store, if only what is done
// with it has, or a new one.
func (a *App) nextCache(before, cfg *config.Config) (*cache.Cache, error) {
	was, is := &before.Cache, &cfg.Cache
	if a.cache == nil || is.Type == "" || !reflect.DeepEqual(stored(was), stored(is)) || !maps.Equal(before.Environment, cfg.Environment) ||
		is.Type == config.CachePgvector && before.Accounting.DatabaseURL != cfg.Accounting.DatabaseURL {
		return openCache(&a.opt, cfg)
	}
	if reflect.DeepEqual(was, is) {
		return a.cache, nil
	}
	return newCache(&a.opt, is, a.cache.Store()), nil
}

// stored is the part of a cache's settings that its store has.
func stored(c *config.Cache) config.Cache {
	s := *c
	s.Timeout, s.TTL, s.OptIn, s.Namespace, s.MaxMessages, s.Doors, s.Groups = 0, 0, false, "", 0, nil, nil
	s.Similar.Threshold, s.Similar.Timeout, s.Similar.MaxTokens, s.Similar.EachEndUser = 0, 0, 0, false
	return s
}

// adopt has a configuration in force, with its cache, for the calls that begin from then on. before is the one until then. reloading is held.
func (a *App) adopt(before, cfg *config.Config) (outcrop.Reloaded, error) {
	answers, err := a.nextCache(before, cfg)
	if err != nil {
		return outcrop.Reloaded{}, err
	}
	was := a.cache
	did, over, err := a.client.ReloadWith(cfg, answers)
	if err != nil {
		if answers != was && (was == nil || answers == nil || answers.Store() != was.Store()) {
			err = errors.Join(err, answers.Close())
		}
		return outcrop.Reloaded{}, err
	}
	a.cache = answers
	a.retireCache(was, answers, over)
	return did, nil
}

// retireCache closes a cache that was replaced, when no call uses it any more. What it has begun to write is written.
func (a *App) retireCache(before, after *cache.Cache, over <-chan struct{}) {
	if before == nil || before == after {
		return
	}
	shared := after != nil && before.Store() == after.Store()
	a.own.Go(func() {
		select {
		case <-over:
		case <-a.ended:
		}
		if shared {
			before.Leave()
			return
		}
		if err := before.Close(); err != nil {
			a.opt.Logger.Warn("closing the response cache", slog.String("error", err.Error()))
		}
	})
}

// openCacheStore opens where a cache keeps answers. It calls nobody: a store that is away does not keep a gateway from starting.
func openCacheStore(opt *Options, cfg *config.Config) (cache.Store, error) {
	c := &cfg.Cache
	if c.Semantic() {
		return openCacheIndex(cfg)
	}
	switch c.Type {
	case config.CacheRedis:
		return valkey.Open(valkeyCache(c))
	case config.CacheDisk:
		dir := cacheDir(opt, c)
		if dir == "" {
			return nil, errors.New("a cache on disk needs a folder: set disk_cache_dir in cache_params, or --data-dir")
		}
		return disk.Open(dir, c.Disk, nil)
	case config.CacheS3:
		credentials := map[string]string{}
		for name, value := range map[string]string{
			"aws_access_key_id": c.S3.AccessKeyID.Reveal(), "aws_secret_access_key": c.S3.SecretAccessKey.Reveal(), "aws_session_token": c.S3.Session.Reveal(), "aws_region_name": c.S3.Region,
		} {
			if value != "" {
				credentials[name] = value
			}
		}
		return s3.Open(s3.Options{
			Bucket: c.S3.Bucket, Region: c.S3.Region, Endpoint: c.S3.Endpoint, Path: c.S3.Path, MaxAnswer: c.MaxAnswer,
			Credentials: credentials, Environ: cfg.Getenv(opt.Environ),
		})
	case config.CacheGCS:
		return gcs.Open(gcs.Options{Bucket: c.Google.Bucket, Path: c.Google.Path, Credentials: c.Google.Credentials.Reveal(), MaxAnswer: c.MaxAnswer})
	case config.CacheAzureBlob:
		return azureblob.Open(azureblob.Options{Account: c.Azure.Account, Container: c.Azure.Container, Environ: cfg.Getenv(opt.Environ), MaxAnswer: c.MaxAnswer})
	default:
		return cache.NewMemory(c.Memory, 0, nil), nil
	}
}

// cachePrefix is in front of all keys in a Valkey or Redis, which others may use too.
const cachePrefix = "outcrop:cache:"

// closeCache ends the response cache.
func (a *App) closeCache() {
	if err := a.cache.Close(); err != nil {
		a.opt.Logger.Warn("closing the response cache", slog.String("error", err.Error()))
	}
}

// cacheDir is the folder of a cache on disk; empty if there is none.
func cacheDir(opt *Options, c *config.Cache) string {
	if c.Dir != "" || opt.DataDir == "" {
		return c.Dir
	}
	return filepath.Join(opt.DataDir, "response-cache")
}
