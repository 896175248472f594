package config

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// cached loads settings with an environment.
func cached(text string, environ map[string]string) (*Config, []Problem) {
	src := source("c.yaml", "model_list: [{model_name: m, litellm_params: {model: bedrock/amazon.nova-lite-v1:0}}]\n"+text)
	src.LookupEnv = func(name string) (string, bool) {
		v, ok := environ[name]
		return v, ok
	}
	return Load(src)
}

func TestTheCache(t *testing.T) {
	all := []string{"anthropic_messages", "cohere_rerank", "openai_chat", "openai_completions", "openai_embeddings", "openai_responses"}
	usual := Cache{Type: CacheLocal, TTL: 10 * time.Minute, MaxMessages: 4, Doors: all, Memory: 64 << 20, Disk: 1 << 30, MaxAnswer: 1 << 20, Timeout: 250 * time.Millisecond}
	with := func(change func(c *Cache)) Cache {
		c := usual
		change(&c)
		return c
	}
	redis := func(address string) Cache {
		return with(func(c *Cache) { c.Type, c.TTL, c.Address = CacheRedis, 0, Secret(address) })
	}
	for _, tt := range []struct {
		text    string
		environ map[string]string
		want    Cache
	}{
		{"", map[string]string{"REDIS_HOST": "h"}, Cache{}},
		{"litellm_settings: {cache: false, cache_params: {type: redis}}", nil, Cache{}},
		{"litellm_settings: {cache: true}", nil, usual},
		{"router_settings: {cache_responses: true}", nil, usual},
		{"litellm_settings: {cache: true}", map[string]string{"REDIS_HOST": "h", "REDIS_PASSWORD": "p"}, redis("redis://:p@h:6379/0")},
		{"litellm_settings: {cache: true, cache_params: {type: redis}}\nrouter_settings: {redis_url: \"rediss://h/2\"}", nil, redis("rediss://h/2")},
		{"litellm_settings: {cache: true, cache_params: {type: local}}", map[string]string{"REDIS_URL": "redis://h"}, usual},
		{"litellm_settings: {cache: true, cache_params: {host: h, port: 7, db: 2, username: u, password: p, ssl: true}}", nil, redis("rediss://u:p@h:7/2")},
		{"litellm_settings: {cache: true, cache_params: {url: \"redis://h:1\", host: other}}", nil, redis("redis://h:1")},
		{"litellm_settings: {cache: true, cache_params: {redis_startup_nodes: [{host: a, port: 1}, {host: b, port: \"2\"}], password: p}}", nil, with(func(c *Cache) {
			c.Type, c.TTL, c.Address, c.Nodes = CacheRedis, 0, "redis://:p@a:1/0", []string{"a:1", "b:2"}
		})},
		{"litellm_settings: {cache: true, cache_params: {sentinel_nodes: [[a, 1]], service_name: s}}", nil, with(func(c *Cache) {
			c.Type, c.TTL, c.Address, c.Nodes, c.Service = CacheRedis, 0, "redis://a:1/0", []string{"a:1"}, "s"
		})},
		{"litellm_settings: {cache: true, cache_params: {sentinel_nodes: [[a, 1]], service_name: s, sentinel_password: os.environ/P, ssl: true, ssl_ca_certs: /ca, ssl_certfile: /c, ssl_keyfile: /k, ssl_check_hostname: false, ssl_cert_reqs: CERT_NONE}}", map[string]string{"P": "p"}, with(func(c *Cache) {
			c.Type, c.TTL, c.Address, c.Nodes, c.Service, c.SentinelPassword = CacheRedis, 0, "rediss://a:1/0", []string{"a:1"}, "s", "p"
			c.TLS = CacheTLS{CA: "/ca", Cert: "/c", Key: "/k", AnyName: true, AnyCertificate: true}
		})},
		{"litellm_settings: {cache: true, cache_params: {type: redis, host: h, ttl: 5, default_in_redis_ttl: 6, default_in_memory_ttl: 7}}", nil, with(func(c *Cache) {
			c.Type, c.TTL, c.Address = CacheRedis, 5*time.Second, "redis://h:6379/0"
		})},
		{"litellm_settings: {cache: true, cache_params: {default_in_memory_ttl: 7, max_messages: null, mode: default_off, namespace: n, supported_call_types: [acompletion, embedding, atranscription]}}", nil, with(func(c *Cache) {
			c.TTL, c.MaxMessages, c.OptIn, c.Namespace, c.Doors = 7*time.Second, 0, true, "n", []string{"openai_chat", "openai_embeddings"}
		})},
		{"litellm_settings: {cache: true, cache_params: {supported_call_types: []}}", nil, with(func(c *Cache) { c.Doors = nil })},
		{"litellm_settings: {cache: true, cache_params: {type: disk, disk_cache_dir: /d, max_messages: 9}}\noutcrop_settings: {cache: {memory_mb: 1, disk_mb: 2, max_answer_mb: 0.5, timeout: 1}}", nil, with(func(c *Cache) {
			c.Type, c.TTL, c.Dir, c.MaxMessages, c.Memory, c.Disk, c.MaxAnswer, c.Timeout = CacheDisk, 0, "/d", 9, 1<<20, 2<<20, 1<<19, time.Second
		})},
		{"litellm_settings: {cache: true, cache_params: {type: s3, s3_bucket_name: b, s3_region_name: eu-west-1, s3_endpoint_url: \"http://h\", s3_path: p, s3_aws_access_key_id: a, s3_aws_secret_access_key: os.environ/KEY, s3_aws_session_token: t}}\nrouter_settings: {caching_groups: [[a, b], []]}", map[string]string{"KEY": "s"}, with(func(c *Cache) {
			c.Type, c.TTL, c.S3, c.Groups = CacheS3, 0, CacheBucket{"b", "eu-west-1", "http://h", "p", "a", "s", "t"}, [][]string{{"a", "b"}}
		})},
		{"litellm_settings: {cache: true, cache_params: {type: gcs, gcs_bucket_name: b, gcs_path: p, ttl: 60}}", map[string]string{"GCS_BUCKET_NAME": "other", "GCS_PATH_SERVICE_ACCOUNT": "/key.json"}, with(func(c *Cache) {
			c.Type, c.TTL, c.Google = CacheGCS, time.Minute, CacheGoogle{"b", "p", "/key.json"}
		})},
		{"litellm_settings: {cache: true, cache_params: {type: azure-blob, azure_account_url: \"https://a.blob.core.windows.net\", azure_blob_container: answers}}", nil, with(func(c *Cache) {
			c.Type, c.TTL, c.Azure = CacheAzureBlob, 0, CacheAzure{"https://a.blob.core.windows.net", "answers"}
		})},
		{"litellm_settings: {cache: true, cache_params: {type: redis-semantic, similarity_threshold: 0.8, default_in_redis_ttl: 6, ttl: 5}}", map[string]string{"REDIS_URL": "redis://h"}, with(func(c *Cache) {
			c.Type, c.TTL, c.Address, c.Similar = CacheRedisSemantic, 6*time.Second, "redis://h", CacheSemantic{Model: "text-embedding-ada-002", Threshold: 0.8, Timeout: time.Second, Index: "litellm_semantic_cache_index"}
		})},
		{"litellm_settings: {cache: true, cache_params: {type: valkey-semantic, similarity_threshold: 0.1, redis_url: \"rediss://v\", valkey_semantic_cache_embedding_model: m, redis_semantic_cache_embedding_model: n, valkey_semantic_cache_index_name: i, semantic_cache_embedding_timeout: 0.5, semantic_cache_scope: end_user, semantic_cache_embedding_max_input_tokens: 8000}}", nil, with(func(c *Cache) {
			c.Type, c.TTL, c.Address, c.Similar = CacheValkeySemantic, 0, "rediss://v", CacheSemantic{Model: "m", Threshold: 0.1, Timeout: 500 * time.Millisecond, Index: "i", EachEndUser: true, MaxTokens: 8000}
		})},
		{"litellm_settings: {cache: true, cache_params: {type: qdrant-semantic, similarity_threshold: 1, qdrant_collection_name: c, qdrant_quantization_config: scalar, qdrant_semantic_cache_vector_size: 3, qdrant_semantic_cache_embedding_model: m}}", map[string]string{"QDRANT_API_BASE": "http://q:6333", "QDRANT_API_KEY": "k"}, with(func(c *Cache) {
			c.Type, c.TTL, c.Similar = CacheQdrantSemantic, 0, CacheSemantic{Model: "m", Threshold: 1, Timeout: time.Second, Index: "litellm_semantic_cache_index", Qdrant: CacheQdrant{URL: "http://q:6333", Key: "k", Collection: "c", Quantization: "scalar", Size: 3}}
		})},
		{"litellm_settings: {cache: true, cache_params: {type: pgvector, similarity_threshold: 0.9, pgvector_embedding_model: m}}", map[string]string{"DATABASE_URL": "postgresql://u:p@h/d"}, with(func(c *Cache) {
			c.Type, c.TTL, c.Similar = CachePgvector, 24*time.Hour, CacheSemantic{Model: "m", Threshold: 0.9, Timeout: time.Second, Index: "litellm_semantic_cache_index"}
		})},
	} {
		cfg, problems := cached(tt.text, tt.environ)
		if cfg == nil {
			t.Errorf("%s: %v", tt.text, problems)
			continue
		}
		if diff := cmp.Diff(tt.want, cfg.Cache); diff != "" {
			t.Errorf("%s:\n%s", tt.text, diff)
		}
	}
}

func TestWrongSettingsOfTheCache(t *testing.T) {
	for text, says := range map[string]string{
		"type: memcached":  `2:57: error: litellm_settings.cache_params.type: "memcached" is no type of a cache; accepted: local, redis, disk, s3, gcs, azure-blob, redis-semantic`,
		"type: gcs":        `2:57: error: litellm_settings.cache_params.type: no bucket is configured for the cache; accepted: gcs_bucket_name in cache_params, or GCS_BUCKET_NAME`,
		"type: azure-blob": `2:57: error: litellm_settings.cache_params.type: no storage account is configured for the cache; accepted: azure_account_url`,
		"type: azure-blob, azure_account_url: \"https://a.blob.core.windows.net\"":     `2:57: error: litellm_settings.cache_params.type: no container is configured for the cache; accepted: azure_blob_container`,
		"azure_account_url: a.blob.core.windows.net":                                   `2:70: error: litellm_settings.cache_params.azure_account_url: it is not the address of a storage account; accepted: an https URL`,
		"azure_account_url: \"https://a.blob.core.windows.net?sig=s\"":                 `2:70: error: litellm_settings.cache_params.azure_account_url: it is not the address of a storage account`,
		"azure_blob_container: Answers":                                                `2:73: error: litellm_settings.cache_params.azure_blob_container: "Answers" is no name of a container; accepted: 3 to 63`,
		"azure_blob_container: a--b":                                                   `2:73: error: litellm_settings.cache_params.azure_blob_container: "a--b" is no name of a container`,
		"type: redis-semantic, host: h":                                                `2:57: error: litellm_settings.cache_params.type: similarity_threshold is missing; accepted: a number from 0 to 1`,
		"type: valkey-semantic":                                                        `2:57: error: litellm_settings.cache_params.type: no Valkey or Redis is configured for the cache; accepted: host or url`,
		"type: redis-semantic, similarity_threshold: 1, redis_startup_nodes: [[h, 1]]": `2:57: error: litellm_settings.cache_params.type: a cluster cannot search`,
		"type: qdrant-semantic, qdrant_api_base: h":                                    `litellm_settings.cache_params.qdrant_api_base: it is not the address of Qdrant`,
		"type: qdrant-semantic, similarity_threshold: 1":                               `2:57: error: litellm_settings.cache_params.type: no Qdrant is configured for the cache; accepted: qdrant_api_base`,
		"type: qdrant-semantic, qdrant_api_base: http://h":                             `2:57: error: litellm_settings.cache_params.type: no collection is configured for the cache; accepted: qdrant_collection_name`,
		"type: pgvector, similarity_threshold: 1":                                      `2:57: error: litellm_settings.cache_params.type: the type pgvector needs the gateway's own PostgreSQL; accepted: general_settings.database_url`,
		"type: redis-semantic, similarity_threshold: 1, host: h":                       `2:57: warning: litellm_settings.cache_params.type: the embedding model "text-embedding-ada-002" is not in model_list: only identical requests are answered by the cache; hint: add it to model_list, or set redis_semantic_cache_embedding_model`,
		"type: redis":                           `2:57: error: litellm_settings.cache_params.type: no Valkey or Redis is configured for the cache; accepted: host, url`,
		"type: s3":                              `2:57: error: litellm_settings.cache_params.type: no bucket is configured for the cache; accepted: s3_bucket_name`,
		"mode: sometimes":                       `2:57: error: litellm_settings.cache_params.mode: "sometimes" is no mode of the cache; accepted: default_on or default_off`,
		"ttl: soon":                             `2:56: error: litellm_settings.cache_params.ttl: "soon" is not a number; accepted: seconds`,
		"ttl: -1":                               `litellm_settings.cache_params.ttl: "-1" is out of range`,
		"namespace: a/b":                        `litellm_settings.cache_params.namespace: is no namespace; accepted: at most 128 letters`,
		"url: \"http://h\"":                     `litellm_settings.cache_params.url: it is not the address of a Valkey or Redis; accepted: redis://`,
		"s3_endpoint_url: h":                    `litellm_settings.cache_params.s3_endpoint_url: it is not the address of an S3; accepted: an http or https URL`,
		"s3_region_name: a/b":                   `litellm_settings.cache_params.s3_region_name: "a/b" is no region; accepted: the name of a region`,
		"port: 0":                               `litellm_settings.cache_params.port: "0" is out of range; accepted: a whole number from 1 to 65535`,
		"redis_startup_nodes: [h]":              `litellm_settings.cache_params.redis_startup_nodes[0]: it is not the address of a node; accepted: {host: 127.0.0.1, port: 6379}`,
		"supported_call_types: [chat]":          `litellm_settings.cache_params.supported_call_types[0]: "chat" is no type of calls; accepted: aanthropic_messages, acompletion`,
		"sentinel_nodes: [[h, 1]], type: redis": `litellm_settings.cache_params.sentinel_nodes: service_name is missing`,
		"similarity_threshold: 2":               `litellm_settings.cache_params.similarity_threshold: "2" is out of range`,
		"semantic_cache_scope: team":            `litellm_settings.cache_params.semantic_cache_scope: "team" is not one of key, end_user`,
		"ssl_cert_reqs: maybe":                  `litellm_settings.cache_params.ssl_cert_reqs: "maybe" is not one of none, optional, required`,
		"ssl_certfile: /c":                      `litellm_settings.cache_params.ssl_certfile: ssl_keyfile is missing; accepted: both, or neither`,
		"ssl_keyfile: /c":                       `litellm_settings.cache_params.ssl_keyfile: ssl_certfile is missing; accepted: both, or neither`,
		"redis_url: h":                          `litellm_settings.cache_params.redis_url: it is not the address of a Valkey or Redis`,
		"tll: 5":                                `warning: litellm_settings.cache_params.tll: unknown key "tll" has no effect; hint: did you mean "ttl"?`,
	} {
		_, problems := cached("litellm_settings: {cache: true, cache_params: {   "+text+"}}", nil)
		var lines []string
		for _, p := range problems {
			lines = append(lines, p.String())
		}
		if !strings.Contains(strings.Join(lines, "\n"), says) {
			t.Errorf("%s: want %s in\n%s", text, says, strings.Join(lines, "\n"))
		}
	}
	for text, says := range map[string]string{
		"caching_groups: [a]": "router_settings.caching_groups[0]: must be a list of names of models", "caching_groups: a": "router_settings.caching_groups: must be a list",
		"cache_responses: maybe": "router_settings.cache_responses: \"maybe\" is neither true nor false",
	} {
		_, problems := cached("router_settings: {"+text+"}", nil)
		if len(problems) == 0 || !strings.Contains(problems[0].String(), says) {
			t.Errorf("%s: %v", text, problems)
		}
	}
}
