package httpd

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"strconv"

	"outcrop/cache"
	"outcrop/internal/jsonx"
)

// Informed is a store of the response cache that can tell of itself, as a Valkey or Redis can.
type Informed interface {
	Info(ctx context.Context) (names []string, values map[string]string, clients []string, err error)
}

// cached passes on requests to a gateway with a response cache. Answers and errors of these paths have LiteLLM's form (1.110.2, as
// observed).
func (s *server) cached(next func(w http.ResponseWriter, r *http.Request, c *cache.Cache)) http.HandlerFunc {
	return s.operators(func(w http.ResponseWriter, r *http.Request) {
		c := s.opt.Gateway.Cache()
		if c == nil {
			cacheError(w, http.StatusServiceUnavailable, "Service Unhealthy (503: there is no response cache. Set litellm_settings.cache to true.)")
			return
		}
		next(w, r, c)
	})
}

// cacheError writes an error as FastAPI does.
func cacheError(w http.ResponseWriter, status int, detail string) {
	var out jsonx.Writer
	out.Object()
	out.Key("detail")
	out.String(detail)
	out.EndObject()
	writeJSON(w, status, out.Buf)
}

// cacheDone is the answer of what has been done.
func cacheDone(w http.ResponseWriter) { writeJSON(w, http.StatusOK, []byte(`{"status":"success"}`)) }

// cachePing asks the store, and lets calls use it again if it answers.
func (s *server) cachePing(w http.ResponseWriter, r *http.Request, c *cache.Cache) {
	err := c.Ping(r.Context())
	var settings jsonx.Writer
	settings.Object()
	settings.Key("type")
	settings.String(c.Type())
	settings.Key("namespace")
	if c.Namespace() == "" {
		settings.Null()
	} else {
		settings.String(c.Namespace())
	}
	settings.Key("ttl")
	if c.TTL() == 0 {
		settings.Null()
	} else {
		settings.Float(c.TTL().Seconds())
	}
	settings.EndObject()
	var out jsonx.Writer
	if err != nil {
		var told jsonx.Writer
		told.Object()
		told.Key("message")
		told.String("Service Unhealthy (" + err.Error() + ")")
		told.Key("litellm_cache_params")
		told.String(string(settings.Buf))
		told.EndObject()
		out.Object()
		out.Key("error")
		out.Object()
		for _, m := range [...][2]string{{"message", string(told.Buf)}, {"type", "cache_ping_error"}, {"param", "cache_ping"}, {"code", "503"}} {
			out.Key(m[0])
			out.String(m[1])
		}
		out.EndObject()
		out.EndObject()
		writeJSON(w, http.StatusServiceUnavailable, out.Buf)
		return
	}
	out.Object()
	out.Key("status")
	out.String("healthy")
	out.Key("cache_type")
	out.String(c.Type())
	out.Key("ping_response")
	out.Bool(true)
	out.Key("set_cache_response")
	out.Null()
	out.Key("litellm_cache_params")
	out.String(string(settings.Buf))
	out.Key("health_check_cache_params")
	out.Null()
	out.EndObject()
	writeJSON(w, http.StatusOK, out.Buf)
}

// maxCacheRequest bounds the body with keys to delete.
const maxCacheRequest = 1 << 20

// cacheDelete forgets keys, which x-litellm-cache-key tells.
func (s *server) cacheDelete(w http.ResponseWriter, r *http.Request, c *cache.Cache) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxCacheRequest))
	if err != nil {
		cacheError(w, http.StatusBadRequest, "Cache Delete Failed(the body cannot be read, or is larger than 1 MiB)")
		return
	}
	var asked struct {
		Keys []string `json:"keys"`
	}
	if err := jsonx.UnmarshalKnown(body, &asked); err != nil || len(bytes.TrimSpace(body)) == 0 {
		cacheError(w, http.StatusBadRequest, `Cache Delete Failed(the body must be {"keys": ["...", ...]}, with keys from the header x-litellm-cache-key)`)
		return
	}
	if err := c.Delete(r.Context(), asked.Keys); err != nil {
		cacheError(w, http.StatusInternalServerError, "Cache Delete Failed("+err.Error()+")")
		return
	}
	cacheDone(w)
}

// cacheFlush forgets everything that the gateway has kept, and nothing else: LiteLLM's deletes all that is in Redis.
func (s *server) cacheFlush(w http.ResponseWriter, r *http.Request, c *cache.Cache) {
	if err := c.Flush(r.Context()); err != nil {
		cacheError(w, http.StatusServiceUnavailable, "Service Unhealthy ("+err.Error()+")")
		return
	}
	cacheDone(w)
}

// cacheInfo tells what the Valkey or Redis says of itself.
func (s *server) cacheInfo(w http.ResponseWriter, r *http.Request, c *cache.Cache) {
	informed, ok := c.Store().(Informed)
	if !ok {
		cacheError(w, http.StatusServiceUnavailable, "Service Unhealthy (500: Cache type "+c.Type()+" does not support redis info)")
		return
	}
	names, values, clients, err := informed.Info(r.Context())
	if err != nil {
		cacheError(w, http.StatusServiceUnavailable, "Service Unhealthy ("+err.Error()+")")
		return
	}
	var out jsonx.Writer
	out.Object()
	out.Key("num_clients")
	out.Int(int64(len(clients)))
	out.Key("clients")
	out.Array()
	for _, client := range clients {
		out.String(client)
	}
	out.EndArray()
	out.Key("info")
	out.Object()
	for _, name := range names {
		out.AnyKey(name)
		if n, err := strconv.ParseInt(values[name], 10, 64); err == nil { // as the Python client has it
			out.Int(n)
			continue
		}
		out.String(values[name])
	}
	out.EndObject()
	out.EndObject()
	writeJSON(w, http.StatusOK, out.Buf)
}

// readyCache tells of the response cache in the readiness check. A cache that is away does not make the gateway unready: calls go
// on without it.
func (s *server) readyCache(out *jsonx.Writer) {
	c := s.opt.Gateway.Cache()
	if c == nil {
		return
	}
	out.Key("cache")
	out.String(c.Type())
	out.Key("cache_status")
	out.String(cacheStatus(c.Err()))
	if c.Semantic() != nil {
		out.Key("cache_embedding_status")
		out.String(cacheStatus(c.EmbeddingErr()))
	}
}

func cacheStatus(err error) string {
	if err != nil {
		return "away"
	}
	return "healthy"
}
