package config

import (
	"cmp"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"
)

// CacheSemantic is how answers to similar requests are found.
type CacheSemantic struct {
	// Model is the embedding model, by a name of model_list.
	Model string
	// Threshold is the least similarity of a hit, from 0 to 1.
	Threshold float64
	// Timeout bounds an embedding, and MaxTokens the texts that are compared; 0 for any.
	Timeout   time.Duration
	MaxTokens int
	// EachEndUser is whether the end users of one key do not share answers.
	EachEndUser bool
	// Index is the name of the index in a Valkey or Redis.
	Index string
	// Qdrant is where the collection is.
	Qdrant CacheQdrant
}

// CacheQdrant is a collection of Qdrant in which answers are kept.
type CacheQdrant struct {
	URL                      string
	Key                      Secret
	Collection, Quantization string
	// Size is the length of vectors; 0 for the default.
	Size int
}

// Types of caches that answer similar requests: LiteLLM's, and Outcrop's own.
const (
	CacheRedisSemantic  = "redis-semantic"
	CacheValkeySemantic = "valkey-semantic"
	CacheQdrantSemantic = "qdrant-semantic"
	CachePgvector       = "pgvector"
)

// Defaults of LiteLLM (litellm/caching/caching.py and redis_semantic_cache.py, 1.110.2), but for the time of an embedding, which is 5 seconds there: so long
// would a call wait for nothing. Those of pgvector are Outcrop's own.
const (
	semanticModel   = "text-embedding-ada-002"
	semanticIndex   = "litellm_semantic_cache_index"
	semanticTimeout = time.Second
	pgvectorTTL     = 24 * time.Hour
)

// semantics are what the settings say of similar requests, before it is known which type of cache there is.
type semantics struct {
	CacheSemantic
	models    map[string]string // by type
	indexes   map[string]string
	threshold *node
	timeout   *node
}

// semantic reads a setting of cache_params, and reports whether it is one of similar requests.
func (c *cacheReader) semantic(l *loader, k Key, n *node, path string) bool {
	s := &c.similar
	text := func(to map[string]string, key string) { to[key], _ = l.text(k, n, path) }
	switch k.Name {
	case "redis_semantic_cache_embedding_model":
		text(s.models, CacheRedisSemantic)
	case "valkey_semantic_cache_embedding_model":
		text(s.models, CacheValkeySemantic)
	case "qdrant_semantic_cache_embedding_model":
		text(s.models, CacheQdrantSemantic)
	case "pgvector_embedding_model":
		text(s.models, CachePgvector)
	case "redis_semantic_cache_index_name":
		text(s.indexes, CacheRedisSemantic)
	case "valkey_semantic_cache_index_name":
		text(s.indexes, CacheValkeySemantic)
	case "similarity_threshold":
		s.threshold = n
		s.Threshold, _ = l.number(k, n, path)
	case "semantic_cache_embedding_timeout":
		s.timeout = n
		s.Timeout = l.seconds(k, n, path)
	case "semantic_cache_embedding_max_input_tokens":
		most, _ := l.number(k, n, path)
		s.MaxTokens = int(most)
	case "semantic_cache_scope":
		s.EachEndUser = l.either(k, n, path, "key", "end_user") == "end_user"
	case "qdrant_api_base":
		s.Qdrant.URL, _ = l.text(k, n, path)
		c.qdrantURL(l, s.Qdrant.URL, n, path)
	case "qdrant_api_key":
		key, _ := l.text(k, n, path)
		s.Qdrant.Key = Secret(key)
	case "qdrant_collection_name":
		s.Qdrant.Collection, _ = l.text(k, n, path)
	case "qdrant_quantization_config":
		s.Qdrant.Quantization = l.either(k, n, path, "binary", "scalar", "product")
	case "qdrant_semantic_cache_vector_size":
		size, _ := l.number(k, n, path)
		s.Qdrant.Size = int(size)
	default:
		return false
	}
	return true
}

func (c *cacheReader) qdrantURL(l *loader, text string, n *node, path string) {
	if u, err := url.Parse(text); text != "" && (err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Hostname() == "") {
		l.errorAt(n.file, n.line, n.column, path, "it is not the address of Qdrant", "an http or https URL, such as http://qdrant.corp.example:6333", "")
	}
}

// Semantic reports whether a type of caches answers similar requests.
func (c *Cache) Semantic() bool {
	return slices.Contains([]string{CacheRedisSemantic, CacheValkeySemantic, CacheQdrantSemantic, CachePgvector}, c.Type)
}

// settleSemantic completes the settings of a cache that answers similar requests. at reports an error of its type.
func (c *cacheReader) settleSemantic(l *loader, database Secret, at func(message, accepted, hint string)) {
	s := &c.similar
	c.Similar = s.CacheSemantic
	to := &c.Similar
	to.Model = cmp.Or(s.models[c.Type], semanticModel)
	to.Index = cmp.Or(s.indexes[c.Type], semanticIndex)
	if s.timeout == nil {
		to.Timeout = semanticTimeout
	}
	if s.threshold == nil {
		at("similarity_threshold is missing", "a number from 0 to 1 in cache_params: how similar a request must be, such as 0.9", "")
	}
	switch c.Type {
	case CacheQdrantSemantic:
		q := &to.Qdrant
		for _, name := range []string{"QDRANT_URL", "QDRANT_API_BASE"} {
			if v, ok := l.env(name); ok && q.URL == "" {
				q.URL = v
			}
		}
		if v, ok := l.env("QDRANT_API_KEY"); ok && q.Key == "" {
			q.Key = Secret(v)
		}
		if q.URL == "" {
			at("no Qdrant is configured for the cache", "qdrant_api_base in cache_params, or QDRANT_URL in the environment", "")
		}
		if q.Collection == "" {
			at("no collection is configured for the cache", "qdrant_collection_name in cache_params", "")
		}
	case CachePgvector:
		if database == "" {
			at("the type pgvector needs the gateway's own PostgreSQL", "general_settings.database_url, or DATABASE_URL in the environment", "")
		}
	default:
		switch {
		case len(c.Nodes) > 0 && c.Service == "":
			at("a cluster cannot search: its nodes know only their own answers", "one server, by host or url, or sentinel_nodes with service_name", "")
		case c.Address == "" && len(c.Nodes) == 0:
			at("no Valkey or Redis is configured for the cache", "host or url in cache_params, or router_settings.redis_url, or REDIS_URL or REDIS_HOST in the environment", "")
		}
	}
}

// checkCache warns of a cache whose embedding model is not configured.
func (l *loader) checkCache(cfg *Config, c *cacheReader) {
	model := cfg.Cache.Similar.Model
	if !cfg.Cache.Semantic() || cfg.Accounting.StoreModels || slices.ContainsFunc(cfg.Models, func(m Model) bool { return m.Name == model || strings.Contains(m.Name, "*") }) {
		return
	}
	n := c.typ
	l.warnAt(n.file, n.line, n.column, c.path+".type", fmt.Sprintf("the embedding model %q is not in model_list: only identical requests are answered by the cache", model),
		"add it to model_list, or set "+map[string]string{
			CacheRedisSemantic: "redis_semantic_cache_embedding_model", CacheValkeySemantic: "valkey_semantic_cache_embedding_model", CacheQdrantSemantic: "qdrant_semantic_cache_embedding_model", CachePgvector: "pgvector_embedding_model",
		}[cfg.Cache.Type])
}
