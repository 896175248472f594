package config

import (
	"net/url"
	"strings"
)

// Types of caches in the storage of Google Cloud and Azure, in LiteLLM's words.
const (
	CacheGCS       = "gcs"
	CacheAzureBlob = "azure-blob"
)

// CacheGoogle is a bucket of Google Cloud Storage in which answers are kept. Credentials are a key as JSON or the name of a file with one; empty
// for those that Google's tools would find.
type CacheGoogle struct {
	Bucket, Path string
	Credentials  Secret
}

// CacheAzure is a container of an Azure storage account in which answers are kept.
type CacheAzure struct {
	Account, Container string
}

// cloud reads a setting of cache_params, and reports whether it is one of the storage of Google Cloud or Azure.
func (c *cacheReader) cloud(l *loader, k Key, n *node, path string) bool {
	switch k.Name {
	case "gcs_bucket_name":
		c.Google.Bucket, _ = l.text(k, n, path)
	case "gcs_path":
		c.Google.Path, _ = l.text(k, n, path)
	case "gcs_path_service_account":
		s, _ := l.text(k, n, path)
		c.Google.Credentials = Secret(s)
	case "azure_blob_container":
		name, ok := l.text(k, n, path)
		if ok && !isContainer(name) {
			l.errorAt(n.file, n.line, n.column, path, shown(k, n)+" is no name of a container", "3 to 63 small letters, digits and single hyphens", "")
		}
		c.Azure.Container = name
	case "azure_account_url":
		address, ok := l.text(k, n, path)
		if u, err := url.Parse(address); ok && (err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Hostname() == "" || u.RawQuery != "" || u.User != nil) {
			l.errorAt(n.file, n.line, n.column, path, "it is not the address of a storage account", "an https URL, such as https://example.blob.core.windows.net", "")
		}
		c.Azure.Account = address
	default:
		return false
	}
	return true
}

// isContainer reports whether a container can have a name
// (https://learn.microsoft.com/rest/api/storageservices/naming-and-referencing-containers--blobs--and-metadata).
func isContainer(name string) bool {
	odd := func(r rune) bool { return r != '-' && (r < 'a' || r > 'z') && (r < '0' || r > '9') }
	return len(name) >= 3 && len(name) <= 63 && !strings.ContainsFunc(name, odd) && !strings.Contains("-"+name+"-", "--")
}

// settleCloud checks that a cache in the storage of Google Cloud or Azure has what it needs.
func (c *cacheReader) settleCloud(l *loader, at func(message, accepted, hint string)) {
	if c.Type == CacheAzureBlob {
		if c.Azure.Account == "" {
			at("no storage account is configured for the cache", "azure_account_url in cache_params", "")
		}
		if c.Azure.Container == "" {
			at("no container is configured for the cache", "azure_blob_container in cache_params", "")
		}
		return
	}
	if v, ok := l.env("GCS_BUCKET_NAME"); ok && c.Google.Bucket == "" {
		c.Google.Bucket = v
	}
	if v, ok := l.env("GCS_PATH_SERVICE_ACCOUNT"); ok && c.Google.Credentials == "" {
		c.Google.Credentials = Secret(v)
	}
	if c.Google.Bucket == "" {
		at("no bucket is configured for the cache", "gcs_bucket_name in cache_params, or GCS_BUCKET_NAME in the environment", "")
	}
}
