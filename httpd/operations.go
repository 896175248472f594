package httpd

import (
	"net/http"
	"strings"

	"outcrop/internal/jsonx"
)

// backlog counts the calls that are being served, in LiteLLM's form. None waits for another here, and none is refused because
// many are served.
func (s *server) backlog(w http.ResponseWriter, _ *http.Request) {
	open := s.opt.Gateway.Open()
	var out jsonx.Writer
	out.Object()
	for _, m := range [...]struct {
		key string
		n   int64
	}{{"in_flight_requests", open}, {"admitted_requests", open}, {"queued_requests", 0}, {"rejected_requests", 0}} {
		out.Key(m.key)
		out.Int(m.n)
	}
	out.EndObject()
	writeJSON(w, http.StatusOK, out.Buf)
}

// sharedHealth says that replicas do not share the results of health checks.
func (s *server) sharedHealth(w http.ResponseWriter, _ *http.Request) {
	writeJSON(w, http.StatusOK, []byte(`{"shared_health_check_enabled":false,"message":"Each replica checks models by itself"}`))
}

// ping says which path was asked for, which is an old health check of LiteLLM's.
func (s *server) ping(w http.ResponseWriter, r *http.Request) {
	var out jsonx.Writer
	out.Object()
	out.Key("route")
	out.String(printable(r.URL.Path))
	out.EndObject()
	writeJSON(w, http.StatusOK, out.Buf)
}

// listRoutes lists all paths with their methods, in LiteLLM's form.
func (s *server) listRoutes(w http.ResponseWriter, _ *http.Request) {
	var out jsonx.Writer
	out.Object()
	out.Key("routes")
	out.Array()
	for _, e := range s.endpoints() {
		method, _, _ := strings.Cut(e.pattern, " ")
		out.Object()
		out.Key("path")
		out.String(e.path)
		out.Key("methods")
		out.Array()
		out.String(method)
		out.EndArray()
		out.Key("name")
		out.String(e.about)
		out.Key("endpoint")
		out.Null()
		out.EndObject()
	}
	out.EndArray()
	out.EndObject()
	writeJSON(w, http.StatusOK, out.Buf)
}

// details is the readiness check for those who run the gateway: with the reason, and what the gateway consists of.
func (s *server) details(w http.ResponseWriter, r *http.Request) {
	status, word, reason := s.state(r.Context())
	var out jsonx.Writer
	out.Object()
	out.Key("status")
	out.String(word)
	if reason != nil {
		out.Key("code")
		out.String(string(reason.Code))
		out.Key("reason")
		out.String(reason.Message)
		if reason.Fix != "" {
			out.Key("fix")
			out.String(reason.Fix)
		}
	}
	out.Key("version")
	out.String(s.opt.Version)
	if s.opt.Gateway.Cache() == nil {
		out.Key("cache")
		out.Null()
	}
	s.readyCache(&out)
	out.Key("success_callbacks")
	out.Array()
	for _, c := range s.callbackStates() {
		if c.Success {
			out.String(c.Name)
		}
	}
	out.EndArray()
	s.appendDown(&out)
	out.EndObject()
	writeJSON(w, status, out.Buf)
}
