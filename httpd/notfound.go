package httpd

import (
	"net/http"
	"slices"
	"strconv"
	"strings"

	"outcrop/internal/levenshtein"
	"outcrop/llm"
)

// notFound responds to requests without a route: a path with another method, an API that is not
// available yet, or an unknown path.
func (s *server) notFound(w http.ResponseWriter, r *http.Request) {
	e := &llm.Error{
		Code: llm.CodeNotFound, Status: 404, Message: strconv.Quote(printable(r.Method+" "+r.URL.Path)) + " is not an endpoint of this gateway.",
		Fix: "GET /openapi.json lists the paths and their methods.",
	}
	if methods := s.methods(r); len(methods) > 0 {
		e.Code, e.Status = llm.CodeMethod, 405
		e.Message = strconv.Quote(printable(r.URL.Path)) + " accepts " + strings.Join(methods, " and ") + ", not " + strconv.Quote(printable(r.Method)) + "."
		w.Header().Set("Allow", strings.Join(methods, ", "))
	} else if near := s.nearest(r.URL.Path); near != "" && missing(r.URL.Path) == "" {
		e.Fix = "Did you mean " + near + "? " + e.Fix
	} else if api := missing(r.URL.Path); api != "" {
		e.Message = api + " (" + strconv.Quote(printable(r.URL.Path)) + ") is not available in this gateway yet."
		e.Fix = "Use POST /v1/chat/completions, which serves every model in the format of OpenAI's chat completions; GET /openapi.json lists all paths."
	}
	s.refuse(w, r, e)
}

// nearest returns the method and the path that a request for an unknown path was probably meant for:
// the longest one that the path ends with, as where a client adds /v1 to a base URL that has it, or
// else the one with the fewest differences. It is empty if none is similar.
func (s *server) nearest(path string) string {
	path = "/" + strings.Trim(path, "/")
	if len(path) > longestPath {
		return ""
	}
	suffix, near, fewest := "", "", 1+max(2, len(path)/6)
	for _, e := range s.endpoints() {
		if e.path == "/" || strings.HasPrefix(e.path, "/{") { // every path is like the latter
			continue
		}
		method, _, _ := strings.Cut(e.pattern, " ")
		served, aligned := filled(e.path, path)
		if strings.HasSuffix(path, served) && strings.Count(served, "/") > 1 && len(served) > len(suffix) {
			suffix, near, fewest = served, method+" "+served, 0
		}
		if far := levenshtein.Distance(path, served); aligned && far < fewest {
			near, fewest = method+" "+served, far
		}
	}
	return near
}

// longestPath bounds the paths for which nearest looks, in bytes.
const longestPath = 256

// filled returns a path of openapi.json with the last segments of a requested path in place of its
// parameters. aligned is whether the two have the same number of segments, unless the path has no
// parameters: a name of a model may have several.
func filled(path, requested string) (served string, aligned bool) {
	if !strings.Contains(path, "{") {
		return path, true
	}
	segments, given := strings.Split(path, "/"), strings.Split(requested, "/")
	more := len(given) - len(segments)
	for i := range segments {
		if strings.HasPrefix(segments[i], "{") && i+more >= 0 {
			segments[i] = given[i+more]
		}
	}
	return strings.Join(segments, "/"), more == 0
}

// methods returns the methods of a request's path; none if the path is unknown.
func (s *server) methods(r *http.Request) (methods []string) {
	for _, method := range []string{http.MethodGet, http.MethodHead, http.MethodPost, http.MethodDelete} {
		asked := *r
		asked.Method = method
		_, pattern := s.known().Handler(&asked)
		_, path, _ := strings.Cut(pattern, " ")
		if path == "" || path == deployments && s.owner(r.URL.Path) == nil {
			continue
		}
		methods = append(methods, method)
	}
	if slices.Contains(methods, r.Method) { // served, but disabled, such as metrics
		return nil
	}
	return methods
}

// unserved lists APIs of OpenAI's, Anthropic's and LiteLLM's clients that are not served, by the
// beginnings of their paths after /v1.
var unserved = []struct{ path, api string }{
	{"/messages/batches", "Anthropic's API for batches"},
	{"/responses", "OpenAI's Responses API"},
	{"/realtime", "The API for realtime conversations"},
	{"/fine_tuning", "The API for fine-tuning"},
	{"/vector_stores", "The API for vector stores"},
	{"/assistants", "OpenAI's Assistants API"},
	{"/threads", "OpenAI's Assistants API"},
	{"/credentials", "LiteLLM's API for credentials"},
}

// missing returns the API of a path that is not served yet; empty if there is none.
func missing(path string) string {
	if rest, ok := strings.CutPrefix(path, deployments); ok { // Azure's form: the deployment's name, then the API
		for _, u := range unserved {
			if strings.HasSuffix(rest, u.path) || strings.Contains(rest, u.path+"/") {
				return u.api
			}
		}
		return ""
	}
	for _, prefix := range []string{"/openai", "/anthropic", "/v1", "/v2"} {
		if rest, ok := strings.CutPrefix(path, prefix+"/"); ok {
			path = "/" + rest
		}
	}
	for _, u := range unserved {
		if rest, ok := strings.CutPrefix(path, u.path); ok && (rest == "" || rest[0] == '/') {
			return u.api
		}
	}
	return ""
}
