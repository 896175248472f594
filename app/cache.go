package app

import (
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"

	"outcrop/cache"
	"outcrop/cache/disk"
	"outcrop/cache/s3"
	"outcrop/cache/valkey"
	"outcrop/config"
)

// openCache makes the response cache of a configuration; nil if it has none. commands is told what becomes of commands to its
// store.
func openCache(opt *Options, c *config.Cache) (*cache.Cache, error) {
	if c.Type == "" {
		return nil, nil //nolint:nilnil // there is none
	}
	store, err := openCacheStore(opt, c)
	if err != nil {
		return nil, fmt.Errorf("the response cache: %w", err)
	}
	return cache.New(cache.Options{
		Store: store, Type: c.Type, Remote: c.Type != config.CacheLocal, Timeout: c.Timeout, TTL: c.TTL, OptIn: c.OptIn, Namespace: c.Namespace,
		MaxItem: int(c.MaxAnswer), MaxMessages: c.MaxMessages, Doors: c.Doors, Groups: c.Groups, Logger: opt.Logger, Semantic: semanticCache(c, store),
	}), nil
}

// openCacheStore opens where a cache keeps answers. It calls nobody: a store that is away does not keep a gateway from starting.
func openCacheStore(opt *Options, c *config.Cache) (cache.Store, error) {
	if c.Semantic() {
		return openCacheIndex(opt, c)
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
			Credentials: credentials, Environ: opt.Config.Getenv(opt.Environ),
		})
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
