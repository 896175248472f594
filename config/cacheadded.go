package config

import (
	"net/url"
	"slices"
	"strings"

	"outcrop/internal/jsonx"
)

// addedCacheTypes are the types of a cache that can be set outside of the file. Others name files, addresses over HTTP, or buckets that the
// gateway's own identity can use.
func addedCacheTypes() []string {
	return []string{CacheLocal, CacheRedis, CacheRedisSemantic, CacheValkeySemantic}
}

// addedCacheParams are the settings of cache_params that can be set outside of the file: no files, and no other addresses than the Valkey's.
func addedCacheParams() []string {
	return []string{
		"type", "ttl", "default_in_memory_ttl", "default_in_redis_ttl", "mode", "namespace", "supported_call_types", "max_messages", "host", "port", "db", "username", "password", "url",
		"redis_url", "ssl", "redis_startup_nodes", "sentinel_nodes", "service_name", "sentinel_password", "ssl_check_hostname", "ssl_cert_reqs", "max_connections", "similarity_threshold",
		"redis_semantic_cache_embedding_model", "valkey_semantic_cache_embedding_model", "redis_semantic_cache_index_name", "valkey_semantic_cache_index_name",
		"semantic_cache_embedding_timeout", "semantic_cache_embedding_max_input_tokens", "semantic_cache_scope",
	}
}

// AddedCache reads settings of the response cache that are not in the file as cache_params, with the same problems, and with the limits of
// the file. It is the zero value if one of them is an error.
func (c *Config) AddedCache(path string, settings jsonx.Raw) (Cache, []Problem) {
	if c.base == nil {
		return Cache{}, []Problem{{Severity: Error, Path: path, Message: "this configuration was not read from a file, so no cache can be added"}}
	}
	l, file := c.additions()
	root := fromJSON(settings, file, 0)
	r := newCacheReader()
	own := &c.base.caching
	r.Memory, r.Disk, r.MaxAnswer, r.Timeout, r.Groups = own.Memory, own.Disk, own.MaxAnswer, own.Timeout, own.Groups
	r.on, r.params, r.path = true, root, path
	for i := range root.members {
		l.addedCacheParam(&root.members[i], path)
	}
	if len(l.sorted()) == 0 {
		_ = r.read(l, Key{Name: "cache_params"}, root, path)
		cache := r.settle(l, c.base.valkey(), "")
		if cache.Type != "" && !slices.Contains(addedCacheTypes(), cache.Type) {
			l.errorAt(file, 0, 0, path+".type", "a cache of the type "+quoted(cache.Type)+" can only be set in the configuration's file", strings.Join(addedCacheTypes(), ", "), "")
		}
		cache.Stored = true
		if problems := l.sorted(); !slices.ContainsFunc(problems, func(p Problem) bool { return p.Severity == Error }) {
			return cache, problems
		}
	}
	return Cache{}, l.sorted()
}

// limits are the settings that do not say where answers are kept.
func (c *cacheReader) limits() Cache {
	return Cache{Memory: c.Memory, Disk: c.Disk, MaxAnswer: c.MaxAnswer, Timeout: c.Timeout, Groups: c.Groups}
}

// addedCacheParam checks what a setting may be outside of the file. What it refers to of the gateway's environment could be sent to any server.
func (l *loader) addedCacheParam(m *member, path string) {
	at := path + "." + m.key
	if !slices.Contains(addedCacheParams(), m.key) {
		l.errorAt(m.file, 0, 0, at, "can only be set in the configuration's file", strings.Join(addedCacheParams(), ", "), "")
		return
	}
	if referring(m.value) {
		l.errorAt(m.file, 0, 0, at, "is a reference to the gateway's environment, its files or its secret manager, which only its configuration can have", "the value itself", "")
	}
	if strings.HasSuffix(m.key, "url") && m.value.text != "" {
		if u, err := url.Parse(m.value.text); err != nil || u.Scheme != "redis" && u.Scheme != "rediss" || u.Hostname() == "" {
			l.errorAt(m.file, 0, 0, at, "it is not the address of a Valkey or Redis", "redis://user:password@host:6379/0", "")
		}
	}
}

// referring reports whether a value, or one within it, is a reference.
func referring(n *node) bool {
	return refers(n.text) ||
		slices.ContainsFunc(n.items, referring) || slices.ContainsFunc(n.members, func(m member) bool { return referring(m.value) })
}
