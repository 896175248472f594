package httpd

import (
	"net/http"
	"path"
	"slices"
	"strings"
	"sync"

	"outcrop/httpd/door"
)

// paths are the paths of the server's own and of the frontends whose paths it knows, with their handlers.
type paths struct {
	all         []endpoint
	posts, gets map[string]endpoint // of all, those that a path without wildcards names
}

// handler makes the handler of all paths. The first requests of a gateway ask for its health, so that the frontends' paths are
// listed when another one comes: there are hundreds, which take a twentieth of the start.
func (s *server) handler() http.Handler {
	routes := s.routes()
	s.own = make(map[string]endpoint, len(routes))
	for _, r := range routes {
		if path, ok := s.exact(r.pattern, http.MethodGet); ok {
			s.own[path] = r
		}
	}
	s.paths = sync.OnceValue(func() *paths { return s.list(routes) })
	s.known = sync.OnceValue(func() *http.ServeMux {
		known := http.NewServeMux()
		for _, e := range s.paths().all {
			known.HandleFunc(e.pattern, s.notFound) // which is not called
		}
		return known
	})
	s.mux = sync.OnceValue(func() *http.ServeMux {
		mux := http.NewServeMux()
		for _, e := range s.paths().all {
			mux.HandleFunc(e.pattern, e.handle)
		}
		mux.HandleFunc("/", s.locked(s.notFound))
		return mux
	})
	return s.guard(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { s.mux().ServeHTTP(w, r) }))
}

// list lists the paths of the frontends with those of the server's own.
func (s *server) list(own []endpoint) *paths {
	p := &paths{all: slices.Clone(own), posts: map[string]endpoint{}, gets: map[string]endpoint{}}
	for _, d := range s.opt.Doors {
		if d.Whole() {
			continue
		}
		for _, r := range d.Routes() {
			p.all = append(p.all, endpoint{pattern: r.Pattern, handle: r.Handle})
		}
	}
	p.all = append(p.all, endpoint{pattern: "POST " + deployments, handle: s.deployment})
	for _, e := range p.all {
		if path, ok := s.exact(e.pattern, http.MethodPost); ok {
			p.posts[path] = e
		} else if path, ok := s.exact(e.pattern, http.MethodGet); ok {
			p.gets[path] = e
		}
	}
	return p
}

// exact returns the path of a pattern for a method, if it has no wildcards and is no path of a frontend that serves all of its own.
func (s *server) exact(pattern, method string) (path string, ok bool) {
	path, ok = strings.CutPrefix(pattern, method+" ")
	return path, ok && !strings.Contains(path, "{") && s.shared(path)
}

// shared reports whether a path is none of a frontend that serves all of its paths itself. There are few of those, so
// that the others are only asked about a path that one of them has.
func (s *server) shared(path string) bool {
	for _, d := range s.opt.Doors {
		if d.Whole() && d.Owns(path) {
			return !s.owner(path).Whole()
		}
	}
	return true
}

// pass gives a request to the handler of its path; next has all of the server's own.
func (s *server) pass(next http.Handler, w http.ResponseWriter, r *http.Request) {
	var exact map[string]endpoint
	if r.URL.RawPath == "" {
		switch r.Method {
		case http.MethodPost:
			exact = s.paths().posts
		case http.MethodGet:
			if exact = s.own; exact[r.URL.Path].handle == nil {
				exact = s.paths().gets
			}
		}
	}
	if to, ok := exact[r.URL.Path]; ok {
		r.Pattern = to.pattern
		to.handle(w, r)
		return
	}
	if d := s.owner(r.URL.Path); d != nil && d.Whole() && !s.owns(r) {
		d.ServeHTTP(w, r)
		return
	}
	next.ServeHTTP(w, r)
}

// owns reports whether a request is for one of the server's own paths, which precede those of others. A path that is not clean, such as
// /anthropic//v1/messages, is none: the mux would redirect it.
func (s *server) owns(r *http.Request) bool {
	if clean := path.Clean(r.URL.Path); clean != r.URL.Path && clean+"/" != r.URL.Path {
		return false
	}
	_, pattern := s.known().Handler(r)
	return pattern != ""
}

// owner returns the frontend that a path belongs to; nil for the server's own, whose errors are in
// OpenAI's form.
func (s *server) owner(path string) door.Frontend {
	for _, d := range s.opt.Doors {
		if d.Owns(path) {
			return d
		}
	}
	return nil
}
