package door

import (
	"net/http"
	"net/url"
	"strings"
)

// Prefixes of paths with a model: Azure's, and that of OpenAI's first clients.
const (
	azure   = "/openai/deployments/"
	engines = "/engines/"
)

// PathModel is the model in the path of a request for an API such as /embeddings; empty if it has none.
// Models contain slashes, which some clients do not encode.
func PathModel(r *http.Request, api string) string {
	escaped := r.URL.EscapedPath()
	for _, prefix := range [...]string{azure, engines} {
		rest, ok := strings.CutPrefix(escaped, prefix)
		if !ok {
			continue
		}
		if name, err := url.PathUnescape(strings.TrimSuffix(rest, api)); err == nil {
			return name
		}
	}
	return ""
}

// PathRoutes lists the paths of an API such as /embeddings: with and without /v1, under Azure's path, and
// under that of OpenAI's first clients.
func PathRoutes(api, about string, handle http.HandlerFunc) []Route {
	routes := []Route{{Path: "/v1" + api, About: about}, {Path: api, About: "the same without the prefix /v1"}, {Path: azure + "{model}" + api, About: "the same under Azure's path"}}
	if strings.Count(api, "/") == 1 && api != "/moderations" {
		routes = append(routes, Route{Path: engines + "{model}" + api, About: "the same under the path of OpenAI's first clients"})
	}
	for i := range routes {
		routes[i].Pattern, routes[i].Handle = "POST "+routes[i].Path, handle
	}
	return routes
}

// PathOwned reports whether a path is one of PathRoutes, with any model.
func PathOwned(path, api string) bool {
	if path == api || path == "/v1"+api {
		return true
	}
	for _, prefix := range [...]string{azure, engines} {
		if rest, ok := strings.CutPrefix(path, prefix); ok && len(rest) > len(api) && strings.HasSuffix(rest, api) {
			return true
		}
	}
	return false
}
