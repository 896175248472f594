package httpd

import (
	"net/http"
	"path"
	"strings"
	"sync"

	"outcrop/httpd/door"
)

// handler makes the tables of all paths.
func (s *server) handler() http.Handler {
	s.posts, s.gets = map[string]endpoint{}, map[string]endpoint{}
	var all []endpoint
	add := func(pattern string, handle http.HandlerFunc) {
		e := endpoint{pattern: pattern, handle: handle}
		all = append(all, e)
		method, path, _ := strings.Cut(pattern, " ")
		if strings.Contains(path, "{") || !s.shared(path) {
			return
		}
		switch method {
		case http.MethodPost:
			s.posts[path] = e
		case http.MethodGet:
			s.gets[path] = e
		}
	}
	for _, r := range s.routes() {
		add(r.pattern, r.handle)
	}
	for _, d := range s.opt.Doors {
		if d.Whole() {
			continue
		}
		for _, r := range d.Routes() {
			add(r.Pattern, r.Handle)
		}
	}
	add("POST "+deployments, s.deployment)
	s.known = sync.OnceValue(func() *http.ServeMux {
		known := http.NewServeMux()
		for _, e := range all {
			known.HandleFunc(e.pattern, s.notFound) // which is not called
		}
		return known
	})
	s.mux = sync.OnceValue(func() *http.ServeMux {
		mux := http.NewServeMux()
		for _, e := range all {
			mux.HandleFunc(e.pattern, e.handle)
		}
		mux.HandleFunc("/", s.locked(s.notFound))
		return mux
	})
	return s.guard(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { s.mux().ServeHTTP(w, r) }))
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
	switch {
	case r.URL.RawPath != "":
	case r.Method == http.MethodPost:
		exact = s.posts
	case r.Method == http.MethodGet:
		exact = s.gets
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
