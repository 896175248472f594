package app

import (
	"outcrop/cache"
	"outcrop/cache/pgvector"
	"outcrop/cache/qdrant"
	"outcrop/cache/valkey"
	"outcrop/config"
	"outcrop/internal/netguard"
	"outcrop/store"
)

// openCacheIndex opens where a cache keeps answers that similar requests get too. It calls nobody.
func openCacheIndex(cfg *config.Config) (cache.Index, error) {
	c := &cfg.Cache
	switch c.Type {
	case config.CachePgvector:
		database, _, err := store.ParseURL(cfg.Accounting.DatabaseURL.Reveal())
		if err != nil {
			return nil, err
		}
		return pgvector.Open(database), nil
	case config.CacheQdrantSemantic:
		q := &c.Similar.Qdrant
		return qdrant.Open(qdrant.Options{URL: q.URL, Key: q.Key.Reveal(), Collection: q.Collection, Size: q.Size, Quantization: q.Quantization, MaxAnswer: c.MaxAnswer})
	default:
		return valkey.OpenIndex(valkeyCache(c), c.Similar.Index)
	}
}

// valkeyCache is where a cache in a Valkey or Redis is.
func valkeyCache(c *config.Cache) valkey.Options {
	opt := valkey.Options{
		Address: c.Address.Reveal(), Nodes: c.Nodes, Service: c.Service, Prefix: cachePrefix, SentinelPassword: c.SentinelPassword.Reveal(),
		TLS: valkey.TLS{CA: c.TLS.CA, Cert: c.TLS.Cert, Key: c.TLS.Key, AnyName: c.TLS.AnyName, AnyCertificate: c.TLS.AnyCertificate},
	}
	if c.Stored {
		opt.Control = netguard.Control
	}
	return opt
}

// semanticCache is how a cache finds answers to similar requests in its store; nil if it does not.
func semanticCache(c *config.Cache, s cache.Store) *cache.Semantic {
	index, ok := s.(cache.Index)
	if !ok {
		return nil
	}
	return &cache.Semantic{
		Index: index, Threshold: c.Similar.Threshold, Model: c.Similar.Model, Timeout: c.Similar.Timeout, MaxTokens: c.Similar.MaxTokens, EachEndUser: c.Similar.EachEndUser,
	}
}
