package admin

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strings"

	"outcrop/internal/jsonx"
	"outcrop/store"
)

// CacheSetting is the setting of the store that says where answers are kept. Its texts are encrypted.
const CacheSetting = "cache_settings"

// Cache has in force what the store says of the response cache.
type Cache interface {
	// Configured are the settings of the configuration's file, in clear; nil if it has none.
	Configured() jsonx.Raw
	// Check says what keeps settings from being in force.
	Check(settings jsonx.Raw) []Fault
	// Try connects to the server of settings. The error has no secrets.
	Try(ctx context.Context, settings jsonx.Raw) error
}

// secretMark is what answers have in place of secrets. A request that has it means the secret that is stored.
const secretMark = "***REDACTED***"

// cacheSecrets are the settings that are never shown. A URL can have a password.
func cacheSecrets() []string { return []string{"password", "sentinel_password", "url", "redis_url"} }

// cacheTarget are the settings that say which server a secret is for, and how safely it gets there.
func cacheTarget() []string {
	return []string{"host", "port", "url", "redis_url", "redis_startup_nodes", "sentinel_nodes", "service_name", "ssl", "ssl_check_hostname", "ssl_cert_reqs"}
}

// storedCache are the settings that are stored, in clear; empty for none.
func (x *exchange) storedCache() (*thing, *document, error) {
	t, err := x.entity(store.KindSetting, CacheSetting)
	if errors.Is(err, store.ErrNotFound) {
		return nil, &document{}, nil
	}
	if err != nil {
		return nil, nil, err
	}
	open := &document{}
	for _, m := range parse(t.doc.get(CacheSetting)).members {
		v, err := x.h.opt.Models.Open(m.Value)
		if err != nil {
			return nil, nil, &Error{Status: http.StatusInternalServerError, Type: typeInternal, Message: "cache_settings." + m.Name + ": " + err.Error() + "."}
		}
		open.set(m.Name, v)
	}
	return t, open, nil
}

// cacheGiven are the settings of a request with the secrets that it leaves as they are stored. Those are for the server that is stored
// alone: else whoever may set another one could have them sent there.
func (x *exchange) cacheGiven(saved *document) (*document, error) {
	given, err := x.given([]field{{name: "cache_settings", form: object}})
	if err != nil {
		return nil, err
	}
	if orNull(given.get("cache_settings")).Kind() == 'n' {
		return nil, invalid("cache_settings", "cache_settings must be given: an object with the settings of litellm_settings.cache_params; an empty one for no cache.")
	}
	asked, settings := parse(given.get("cache_settings")), &document{}
	for _, m := range asked.members {
		empty := m.Value.Kind() == 'n' || jsonx.Word(m.Value) == "" && m.Value.Kind() == '"' || string(m.Value) == "[]" || string(m.Value) == "{}"
		if !empty && m.Name != "redis_type" && jsonx.Word(m.Value) != secretMark {
			settings.set(m.Name, m.Value.Clone())
		}
	}
	if len(asked.members) == 0 {
		return settings, nil
	}
	discrete := settings.has("host") || settings.has("redis_startup_nodes") || settings.has("sentinel_nodes")
	same := sameServer(settings, saved, discrete)
	for _, name := range cacheSecrets() {
		kept := !asked.has(name) || jsonx.Word(asked.get(name)) == secretMark
		if v := saved.get(name); kept && v != nil && same && (!discrete || !strings.HasSuffix(name, "url")) {
			settings.set(name, v)
		}
	}
	if settings.get("type") == nil {
		settings.put("type", "redis")
	}
	if (settings.has("url") || settings.has("redis_url")) && !settings.has("redis_startup_nodes") {
		settings.drop("host", "port", "db", "username", "password") // the URL has them, as in LiteLLM
	}
	return settings, nil
}

// sameServer reports whether settings are for the server that is stored.
func sameServer(settings, saved *document, discrete bool) bool {
	return !slices.ContainsFunc(cacheTarget(), func(name string) bool {
		if strings.HasSuffix(name, "url") && !settings.has(name) {
			return saved.has(name) && discrete
		}
		return said(settings, name) != said(saved, name)
	})
}

// said is the value of a setting, which may be a text or not; empty for false, as for none.
func said(settings *document, name string) string {
	if text := strings.Trim(string(settings.get(name)), `"`); text != "false" || name != "ssl" {
		return text
	}
	return ""
}

// cacheShown are settings without their secrets, with LiteLLM's word for the kind of server.
func cacheShown(settings *document) *document {
	d := &document{}
	for _, m := range settings.members {
		if slices.Contains(cacheSecrets(), m.Name) {
			m.Value = quote(secretMark)
		}
		d.set(m.Name, m.Value)
	}
	return d
}

// getCacheSettings serves GET /cache/settings.
func (x *exchange) getCacheSettings() ([]byte, error) {
	values := &document{}
	if c := x.h.opt.Cache; c != nil {
		if file := c.Configured(); file != nil {
			values = parse(file)
		} else if m := x.h.opt.Models; m != nil && m.Stored() {
			var err error
			if _, values, err = x.storedCache(); err != nil {
				return nil, err
			}
		}
	}
	shown := cacheShown(values)
	if shown.text("type") == "redis" {
		kind := "node"
		switch {
		case shown.has("redis_startup_nodes"):
			kind = "cluster"
		case shown.has("sentinel_nodes"):
			kind = "sentinel"
		}
		shown.put("redis_type", kind)
	}
	var fields []jsonx.Raw
	for _, f := range cacheFields() {
		fields = append(fields, f.shown(shown))
	}
	answer := &document{}
	answer.set("fields", jsonx.Array(fields))
	answer.set("current_values", shown.bytes())
	answer.set("redis_type_descriptions", jsonx.Raw(`{"node":"One server","cluster":"A cluster","sentinel":"A server that sentinels know"}`))
	return answer.bytes(), nil
}

// putCacheSettings serves POST /cache/settings.
func (x *exchange) putCacheSettings() ([]byte, error) {
	if err := x.storing(); err != nil {
		return nil, err
	}
	if slices.Contains(x.h.opt.FileSettings, CacheSetting) {
		return nil, refused("cache_settings", "litellm_settings.cache is set in the configuration's file, which says where answers are kept, and it can only be changed there. Remove it from the file to change it here.")
	}
	t, saved, err := x.storedCache()
	if err != nil {
		return nil, err
	}
	settings, err := x.cacheGiven(saved)
	if err != nil {
		return nil, err
	}
	if len(settings.members) == 0 {
		if t != nil {
			err = x.change(store.Change{Delete: []store.Ref{{Kind: t.Kind, ID: t.ID}}})
		}
	} else {
		err = x.storeCache(t, settings)
	}
	if err != nil {
		return nil, err
	}
	answer := &document{}
	answer.put("message", "Cache settings updated successfully")
	answer.put("status", "success")
	answer.set("settings", cacheShown(settings).bytes())
	return answer.bytes(), nil
}

// storeCache writes settings, with their texts encrypted.
func (x *exchange) storeCache(t *thing, settings *document) error {
	if err := faulty(x.h.opt.Cache.Check(settings.bytes()), nil); err != nil {
		return err
	}
	sealed := &document{}
	for _, m := range settings.members {
		v, err := x.seal(m.Value, "settings of the cache")
		if err != nil {
			return err
		}
		sealed.set(m.Name, v)
	}
	if t == nil {
		t = &thing{Entity: store.Entity{Kind: store.KindSetting, ID: CacheSetting, Created: x.now}, doc: &document{}}
	}
	t.doc.set(CacheSetting, sealed.bytes())
	x.touch(t)
	return x.put(t)
}

// testCacheSettings serves POST /cache/settings/test.
func (x *exchange) testCacheSettings() ([]byte, error) {
	saved := &document{}
	if m := x.h.opt.Models; m != nil && m.Stored() {
		if _, stored, err := x.storedCache(); err == nil { // else the request has all that it needs, or fails
			saved = stored
		}
	}
	settings, err := x.cacheGiven(saved)
	if err != nil {
		return nil, err
	}
	answer := &document{}
	if err := x.h.opt.Cache.Try(x.r.Context(), settings.bytes()); err != nil {
		answer.put("status", "failed")
		answer.put("message", "Cache connection test failed: "+err.Error())
		answer.put("error", err.Error())
		return answer.bytes(), nil
	}
	answer.put("status", "success")
	answer.put("message", "The server answers.")
	answer.set("error", jsonx.Raw("null"))
	return answer.bytes(), nil
}
