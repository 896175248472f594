package admin

import "outcrop/internal/jsonx"

// cacheField tells pages of a setting of the cache (litellm/types/management_endpoints/cache_settings_endpoints.py, CacheSettingsField).
type cacheField struct {
	name, form, title, about string
	// std is what it is without a value, as JSON; empty for null.
	std string
	// kind is the kind of server that it is for; empty for all.
	kind    string
	options []string
}

func cacheFields() []cacheField {
	return []cacheField{
		{name: "redis_type", form: "String", title: "Kind of server", about: "One server, a cluster, or a server that sentinels know", std: `"node"`, options: []string{"node", "cluster", "sentinel"}},
		{name: "url", form: "String", title: "Its whole address", about: "The address with user, password and database, in place of those fields: redis://user:password@host:6379/0"},
		{name: "host", form: "String", title: "Host", about: "The host of the Valkey or Redis"},
		{name: "port", form: "String", title: "Port", about: "Its port", std: `"6379"`},
		{name: "db", form: "Integer", title: "Database", about: "The number of its database"},
		{name: "username", form: "String", title: "User", about: "Its user, if it has several"},
		{name: "password", form: "String", title: "Password", about: "Its password"},
		{name: "ssl", form: "Boolean", title: "TLS", about: "Whether it is reached by TLS", std: "false"},
		{name: "ssl_check_hostname", form: "Boolean", title: "Check the name", about: "Whether its certificate must be for its host"},
		{name: "ssl_cert_reqs", form: "String", title: "Certificates", about: "none trusts any certificate"},
		{name: "namespace", form: "String", title: "Namespace", about: "What is in front of all keys"},
		{name: "ttl", form: "Float", title: "Seconds", about: "How long an answer is kept"},
		{name: "redis_startup_nodes", form: "List", title: "Nodes", about: "Nodes of the cluster, each with host and port", kind: "cluster"},
		{name: "sentinel_nodes", form: "List", title: "Sentinels", about: "The sentinels, each with host and port", kind: "sentinel"},
		{name: "service_name", form: "String", title: "Service", about: "The name under which the sentinels know the server", kind: "sentinel"},
		{name: "sentinel_password", form: "String", title: "Password of the sentinels", about: "The password of the sentinels", kind: "sentinel"},
		{name: "similarity_threshold", form: "Float", title: "Similarity", about: "How similar a request must be to one that was answered", kind: "semantic"},
		{name: "redis_semantic_cache_embedding_model", form: "Models_Select", title: "Embedding model", about: "The embedding model, by its name", kind: "semantic"},
		{name: "semantic_cache_scope", form: "String", title: "Scope", about: "Who shares answers to similar requests", std: `"key"`, kind: "semantic", options: []string{"key", "end_user"}},
	}
}

// shown is a field with its value.
func (f *cacheField) shown(values *document) jsonx.Raw {
	d := &document{}
	d.put("field_name", f.name)
	d.put("field_type", f.form)
	d.set("field_value", orNull(values.get(f.name)))
	d.put("field_description", f.about)
	d.set("field_default", jsonx.Raw("null"))
	if f.std != "" {
		d.set("field_default", jsonx.Raw(f.std))
	}
	d.set("options", jsonx.Raw("null"))
	if f.options != nil {
		d.set("options", quoteAll(f.options))
	}
	d.put("ui_field_name", f.title)
	d.set("link", jsonx.Raw("null"))
	d.set("redis_type", jsonx.Raw("null"))
	if f.kind != "" {
		d.put("redis_type", f.kind)
	}
	return d.bytes()
}
