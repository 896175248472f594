package config

import (
	"cmp"
	"fmt"
	"net"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

const (
	sectionCache      = "litellm_settings.cache_params"
	sectionCacheStore = "outcrop_settings.cache"
)

// Cache is the cache of responses: litellm_settings.cache and cache_params, router_settings.cache_responses and caching_groups, and
// outcrop_settings.cache.
type Cache struct {
	// Type is where answers are kept, one of the constants; empty if there is no cache.
	Type string
	// Stored is whether the database has these settings, and not the file.
	Stored bool
	// OptIn is whether only requests that ask for the cache use it.
	OptIn bool
	// TTL is how long answers are kept; 0 for without an end.
	TTL time.Duration
	// Namespace is in front of all keys.
	Namespace string
	// MaxMessages is how many messages a request may have that is looked up; 0 for any number.
	MaxMessages int
	// Doors are the frontends whose calls are kept.
	Doors []string
	// Groups are lists of names of models that share answers.
	Groups [][]string
	// Memory, Disk and MaxAnswer bound what is kept in memory, what is kept on disk, and one answer, in bytes.
	Memory, Disk, MaxAnswer int64
	// Timeout bounds a look-up.
	Timeout time.Duration
	// Address is that of the Valkey or Redis, or of one of Nodes.
	Address Secret
	// Nodes are the nodes of a cluster, or the sentinels of Service, as host:port.
	Nodes   []string
	Service string
	// TLS is how the Valkey or Redis is reached where Address says so.
	TLS CacheTLS
	// SentinelPassword is for the sentinels.
	SentinelPassword Secret
	// Dir is the folder of a disk cache.
	Dir string
	// S3 is the bucket.
	S3 CacheBucket
	// Google and Azure are where a cache in their storage is.
	Google CacheGoogle
	Azure  CacheAzure
	// Similar is how answers to similar requests are found, if Type is of that kind.
	Similar CacheSemantic
}

// CacheBucket is a bucket of S3 in which answers are kept.
type CacheBucket struct {
	Bucket, Region, Endpoint, Path        string
	AccessKeyID, SecretAccessKey, Session Secret
}

// Types of caches, in LiteLLM's words. disk was LiteLLM's until 1.108.
const (
	CacheLocal = "local"
	CacheRedis = "redis"
	CacheDisk  = "disk"
	CacheS3    = "s3"
)

// acceptedCaches are the types that can be configured.
const acceptedCaches = "local, redis, disk, s3, gcs, azure-blob, redis-semantic, valkey-semantic, qdrant-semantic or pgvector"

// Defaults of the cache. The time in memory, the number of messages and the size of an answer are LiteLLM's
// (litellm/caching/in_memory_cache.py and caching.py, 1.110.2).
const (
	localTTL     = 600 * time.Second
	maxMessages  = 4
	cacheMemory  = 64 << 20
	cacheDisk    = 1 << 30
	maxAnswer    = 1 << 20
	cacheTimeout = 250 * time.Millisecond
)

// cacheReader collects what the sections say of the cache.
type cacheReader struct {
	Cache
	on       bool
	params   *node // cache_params
	path     string
	ttls     map[string]time.Duration
	host     string
	port     int64
	db       int64
	user     string
	password string
	url      string
	tls      bool
	typ      *node // type
	cert     *node // ssl_certfile
	key      *node // ssl_keyfile
	similar  semantics
}

func newCacheReader() cacheReader {
	return cacheReader{
		Cache: Cache{MaxMessages: maxMessages, Memory: cacheMemory, Disk: cacheDisk, MaxAnswer: maxAnswer, Timeout: cacheTimeout, Doors: doorsOf(nil)},
		ttls:  map[string]time.Duration{},

		similar: semantics{models: map[string]string{}, indexes: map[string]string{}},
	}
}

// read reads a setting of litellm_settings or router_settings, and reports whether it is one of the cache.
func (c *cacheReader) read(l *loader, k Key, n *node, path string) bool {
	switch k.Name {
	case "cache", "cache_responses":
		on, _ := l.boolean(k, n, path)
		c.on = c.on || on
	case "cache_params":
		c.params, c.path = n, path
		if messages := n.get("max_messages"); messages != nil && messages.kind == null {
			c.MaxMessages = 0
		}
		l.fields(n, sectionCache, path, nil, func(k Key, n *node, path string) { c.param(l, k, n, path) })
	case "caching_groups":
		c.groups(l, n, path)
	default:
		return false
	}
	return true
}

// param reads a setting of cache_params.
func (c *cacheReader) param(l *loader, k Key, n *node, path string) {
	texts := map[string]*string{
		"host": &c.host, "password": &c.password, "username": &c.user, "url": &c.url, "redis_url": &c.url, "service_name": &c.Service, "disk_cache_dir": &c.Dir,
		"s3_bucket_name": &c.S3.Bucket, "s3_region_name": &c.S3.Region, "s3_endpoint_url": &c.S3.Endpoint, "s3_path": &c.S3.Path,
		"s3_aws_access_key_id": (*string)(&c.S3.AccessKeyID), "s3_aws_secret_access_key": (*string)(&c.S3.SecretAccessKey), "s3_aws_session_token": (*string)(&c.S3.Session),
	}
	if to := texts[k.Name]; to != nil {
		*to, _ = l.text(k, n, path)
		c.checkText(l, k, n, path, *to)
		return
	}
	if c.semantic(l, k, n, path) || c.cloud(l, k, n, path) || c.connection(l, k, n, path) {
		return
	}
	switch k.Name {
	case "type":
		c.Type, _ = l.text(k, n, path)
		c.typ = n
	case "mode":
		mode, ok := l.text(k, n, path)
		if ok && mode != "default_on" && mode != "default_off" {
			l.errorAt(n.file, n.line, n.column, path, shown(k, n)+" is no mode of the cache", "default_on or default_off", "")
		}
		c.OptIn = mode == "default_off"
	case "ttl", "default_in_memory_ttl", "default_in_redis_ttl":
		c.ttls[k.Name] = l.seconds(k, n, path)
	case "namespace":
		c.Namespace, _ = l.text(k, n, path)
		if strings.ContainsAny(c.Namespace, " \t\r\n/\\") || len(c.Namespace) > 128 {
			l.errorAt(n.file, n.line, n.column, path, "is no namespace", "at most 128 letters, digits and signs, without white space and slashes", "")
		}
	case "max_messages":
		most, _ := l.number(k, n, path)
		c.MaxMessages = int(most)
	case "supported_call_types":
		c.callTypes(l, n, path)
	case "port":
		f, _ := l.number(k, n, path)
		c.port = int64(f)
	case "db":
		f, _ := l.number(k, n, path)
		c.db = int64(f)
	case "ssl":
		c.tls, _ = l.boolean(k, n, path)
	case "redis_startup_nodes", "sentinel_nodes":
		c.nodes(l, n, path)
	}
}

// checkText checks texts that have a form.
func (c *cacheReader) checkText(l *loader, k Key, n *node, path, value string) {
	switch k.Name {
	case "url", "redis_url":
		if u, err := url.Parse(value); value != "" && (err != nil || !slices.Contains([]string{"redis", "rediss", "unix"}, u.Scheme)) {
			l.errorAt(n.file, n.line, n.column, path, "it is not the address of a Valkey or Redis", "redis://user:password@host:6379/0", "")
		}
	case "s3_endpoint_url":
		if u, err := url.Parse(value); value != "" && (err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Hostname() == "") {
			l.errorAt(n.file, n.line, n.column, path, "it is not the address of an S3", "an http or https URL, such as https://minio.corp.example:9000", "")
		}
	case "s3_region_name":
		if strings.ContainsFunc(value, func(r rune) bool { return r != '-' && (r < 'a' || r > 'z') && (r < '0' || r > '9') }) {
			l.errorAt(n.file, n.line, n.column, path, shown(k, n)+" is no region", "the name of a region, such as eu-west-1", "")
		}
	}
}

// nodes reads the nodes of a cluster or the sentinels: mappings with host and port, or pairs of them.
func (c *cacheReader) nodes(l *loader, n *node, path string) {
	for i, item := range n.items {
		at := fmt.Sprintf("%s[%d]", path, i)
		var host, port *node
		switch {
		case item.kind == mapping:
			host, port = item.get("host"), item.get("port")
		case item.kind == sequence && len(item.items) == 2:
			host, port = item.items[0], item.items[1]
		}
		if host == nil || port == nil {
			l.errorAt(item.file, item.line, item.column, at, "it is not the address of a node", "{host: 127.0.0.1, port: 6379}, or [127.0.0.1, 26379]", "")
			continue
		}
		name, ok := l.text(Key{Type: StringType}, host, at+".host")
		number, also := l.number(Key{Type: IntType, Min: 1, Max: 65535}, port, at+".port")
		if ok && also {
			c.Nodes = append(c.Nodes, net.JoinHostPort(name, strconv.Itoa(int(number))))
		}
	}
}

// callDoors are the frontends of LiteLLM's call types (litellm/types/caching.py, CachingSupportedCallTypes, 1.110.2). Transcriptions
// are not cached.
func callDoors() map[string]string {
	return map[string]string{
		"completion": "openai_chat", "text_completion": "openai_completions", "embedding": "openai_embeddings", "rerank": "cohere_rerank",
		"responses": "openai_responses", "anthropic_messages": "anthropic_messages", "transcription": "",
	}
}

// doorsOf are the frontends of call types; all if types is nil.
func doorsOf(types []string) (doors []string) {
	for name, door := range callDoors() {
		if door != "" && (types == nil || slices.Contains(types, name)) {
			doors = append(doors, door)
		}
	}
	slices.Sort(doors)
	return doors
}

func (c *cacheReader) callTypes(l *loader, n *node, path string) {
	known := callDoors()
	types := []string{}
	for i, item := range n.items {
		at := fmt.Sprintf("%s[%d]", path, i)
		name, ok := l.text(Key{Type: StringType}, item, at)
		if !ok {
			continue
		}
		short := strings.TrimPrefix(name, "a")
		if _, there := known[name]; there {
			short = name
		}
		if _, there := known[short]; !there {
			var names []string
			for name := range known {
				names = append(names, "a"+name)
			}
			slices.Sort(names)
			l.errorAt(item.file, item.line, item.column, at, shown(Key{Type: StringType}, item)+" is no type of calls", strings.Join(names, ", ")+", each also without its first a", "")
			continue
		}
		types = append(types, short)
	}
	c.Doors = doorsOf(types)
}

// groups reads lists of names.
func (c *cacheReader) groups(l *loader, n *node, path string) {
	for i, item := range n.items {
		at := fmt.Sprintf("%s[%d]", path, i)
		if item.kind != sequence {
			l.errorAt(item.file, item.line, item.column, at, "must be a list of names of models, not "+item.kind.String(), "a list of lists, such as [[gpt-4o, gpt-4o-eu]]", "")
			continue
		}
		if names := l.texts(item, at); len(names) > 0 {
			c.Groups = append(c.Groups, names)
		}
	}
}

// store reads outcrop_settings.cache.
func (c *cacheReader) store(l *loader, n *node, path string) {
	l.fields(n, sectionCacheStore, path, nil, func(k Key, n *node, path string) {
		bytes := func(to *int64) {
			if f, ok := l.number(k, n, path); ok {
				*to = int64(f * (1 << 20))
			}
		}
		switch k.Name {
		case "memory_mb":
			bytes(&c.Memory)
		case "disk_mb":
			bytes(&c.Disk)
		case "max_answer_mb":
			bytes(&c.MaxAnswer)
		case "timeout":
			c.Timeout = l.seconds(k, n, path)
		}
	})
}

// settle is the cache; shared is the address of the Valkey or Redis that the router has, or the environment, and database that of the
// gateway's PostgreSQL.
func (c *cacheReader) settle(l *loader, shared, database Secret) Cache {
	if !c.on {
		return Cache{}
	}
	c.address(shared)
	c.settleTLS(l)
	if c.Type == "" {
		if c.Type = CacheLocal; c.Address != "" || len(c.Nodes) > 0 {
			c.Type = CacheRedis
		}
	}
	at := func(message, accepted, hint string) {
		n, path := c.typ, c.path+".type"
		if n == nil {
			n = &node{}
		}
		l.errorAt(n.file, n.line, n.column, path, message, accepted, hint)
	}
	switch c.Type {
	case CacheLocal, CacheDisk:
	case CacheRedis:
		if c.Address == "" && len(c.Nodes) == 0 {
			at("no Valkey or Redis is configured for the cache", "host, url, redis_startup_nodes or sentinel_nodes in cache_params, or router_settings.redis_url, or REDIS_URL or REDIS_HOST in the environment", "")
		}
	case CacheS3:
		if c.S3.Bucket == "" {
			at("no bucket is configured for the cache", "s3_bucket_name in cache_params", "")
		}
	case CacheRedisSemantic, CacheValkeySemantic, CacheQdrantSemantic, CachePgvector:
		c.settleSemantic(l, database, at)
	case CacheGCS, CacheAzureBlob:
		c.settleCloud(l, at)
	default:
		at(fmt.Sprintf("%q is no type of a cache", c.Type), acceptedCaches, "")
	}
	if len(c.Nodes) > 0 && c.Service == "" && c.typ != nil && c.params.get("sentinel_nodes") != nil {
		n := c.params.get("sentinel_nodes")
		l.errorAt(n.file, n.line, n.column, c.path+".sentinel_nodes", "service_name is missing", "the name under which the sentinels know the server", "")
	}
	c.TTL = c.lifetime()
	return c.Cache
}

// address finds the Valkey or Redis: that of cache_params, or else that of the router or the environment.
func (c *cacheReader) address(shared Secret) {
	switch {
	case c.url != "":
		c.Address = Secret(c.url)
	case c.host != "":
		c.Address = Secret(c.assembled(net.JoinHostPort(c.host, strconv.FormatInt(cmp.Or(c.port, 6379), 10))))
	case len(c.Nodes) > 0:
		c.Address = Secret(c.assembled(c.Nodes[0]))
	case c.Type == "" || c.Type == CacheRedis || c.Type == CacheRedisSemantic || c.Type == CacheValkeySemantic:
		c.Address = shared
	}
}

func (c *cacheReader) assembled(host string) string {
	u := url.URL{Scheme: "redis", Host: host, Path: "/" + strconv.FormatInt(c.db, 10)}
	if c.tls {
		u.Scheme = "rediss"
	}
	if c.password != "" || c.user != "" {
		u.User = url.UserPassword(c.user, c.password)
	}
	return u.String()
}

// lifetime is how long answers are kept. ttl precedes, as in LiteLLM.
func (c *cacheReader) lifetime() time.Duration {
	switch c.Type {
	case CacheLocal:
		return cmp.Or(c.ttls["ttl"], c.ttls["default_in_memory_ttl"], localTTL)
	case CacheRedis:
		return cmp.Or(c.ttls["ttl"], c.ttls["default_in_redis_ttl"])
	case CacheRedisSemantic, CacheValkeySemantic: // the other way round, as in LiteLLM
		return cmp.Or(c.ttls["default_in_redis_ttl"], c.ttls["ttl"])
	case CachePgvector:
		return cmp.Or(c.ttls["ttl"], pgvectorTTL)
	default:
		return c.ttls["ttl"]
	}
}
